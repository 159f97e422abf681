"""The words in which we talk to a language model: plain values, and how to ask for JSON.

`messages` holds the values; `structured` turns a JSON Schema into a request and a reply into an object.
"""
