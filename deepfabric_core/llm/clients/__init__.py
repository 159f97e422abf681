"""Those who make the calls: `openai_model` speaks OpenAI's protocol itself, `litellm_model` reaches every provider.

`wire` is the format that both send and read, `prices` what a call costs.
"""
