"""Call language models: providers' clients, rate limits, retries, structured output, prices.

`model` is the `ChatModel` protocol. `clients/` make real calls, `simulated/` and `demo/` need no provider; `wrappers/`
add retries and the like to any model; `limits/` keeps calls within what a provider accepts. `connect` puts them
together.
`chat_completions` is OpenAI's request and reply format, `api_keys` names the environment variables of keys,
`error_mapping` classifies providers' errors, `prices` computes the cost of a call, `log_redaction` removes secrets from
logs.
"""
