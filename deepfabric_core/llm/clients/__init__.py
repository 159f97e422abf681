"""Clients that call providers: `openai_model` for OpenAI's protocol, `litellm_model` for every other provider.

`response_checks` has the errors for responses that neither client accepts, `litellm_http` restricts litellm's HTTP
requests.
"""
