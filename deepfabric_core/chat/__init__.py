"""Requests to a chat model and its replies, independent of the provider, and how to ask for JSON.

`messages` has the data classes, `json_replies` asks for JSON and checks the reply, `json_schema` validates values,
`tools` defines tools and checks their arguments, `strict_json` and `safe_regex` parse JSON and search regular
expressions safely.
"""
