"""Whether code is Python, as it is shown in explanations: sessions, notebooks and excerpts count as well."""

from __future__ import annotations

import ast
import re
import textwrap
from itertools import pairwise

_PROMPT = re.compile(r"(?m)^[ \t]*(?:>{3} ?|In \[\d*\]: ?)")
_GOES_ON = re.compile(r"^[ \t]*(?:\.\.\.(?: |$)|\s+\.\.\.: ?)")
# Lines of notebooks, and of shells beside them.
_COMMAND = re.compile(
    r"(?m)^([ \t]*)(?:[%!?]\S?.*|[$#] .*|(?:\w+ = )?[%!]\w.*"
    r"|(?:pip3?|conda|python3?|poetry|uv|npm|git|cd|export|source|sudo|docker|curl|mkdir|brew|apt|apt-get)"
    r" [\w'\"./~-].*)$"
)
_VALID_ESCAPES = frozenset("\n\r\\'\"abfnrtv0123xNuU")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PYTHON_2 = re.compile(r"(?m)^[ \t]*(?:print (?![=(])|print$|exec |raise \w+, |except [\w., ()]+, \w+:)")
# Branches without what they belong to, and bodies that are left out.
_BRANCH = re.compile(r"(?:elif\b.*|else\s*|except\b.*|finally\s*|case\b.*):\s*(?:#.*)?$")
_HEAD = re.compile(
    r"(?:(?:async )?(?:def|for|with)|class|if|elif|else|while|try|except|finally|match|case)\b.*:\s*(?:#.*)?$"
)


def is_python(code: str) -> bool:
    """Return whether code can be parsed as Python, or is an excerpt or a session of it."""
    return "\0" in code or any(_parses(version) for version in _readings(code))


def _readings(code: str) -> list[str]:
    """Return the code as it stands, and as what it may be, each once."""
    plain = textwrap.dedent(code.expandtabs())
    ways = [code, plain]
    if _PROMPT.search(plain):
        ways.append(_session(plain))
    ways.append(_COMMAND.sub(r"\1pass", plain))
    ways += [f"{ways[-1]}\n{_indentation(plain)}pass", _completed(ways[-1])]
    return list(dict.fromkeys(ways))


def _parses(code: str) -> bool:
    try:
        # Escapes that aren't valid are only warned of, which would be shown to the user.
        ast.parse(_ESCAPE.sub(_escape, code))
    except SyntaxError as problem:
        return bool(_PYTHON_2.search(code)) and "print" in str(problem)
    except (ValueError, RecursionError, MemoryError):
        return True  # it can't be told
    return True


def _escape(found: re.Match[str]) -> str:
    return found[0] if found[1] in _VALID_ESCAPES else f"\\\\{found[1]}"


def _session(code: str) -> str:
    """Return what is typed in an interactive session, without what is answered."""
    typed: list[str] = []
    in_prompt = False
    for line in code.splitlines():
        if found := _PROMPT.match(line):
            typed.append(line[found.end() :])
            in_prompt = True
        elif in_prompt and (goes_on := _GOES_ON.match(line)):
            typed.append(line[goes_on.end() :])
        else:
            in_prompt = False
    return "\n".join(typed)


def _indentation(code: str) -> str:
    """Return the indentation of a body that is left out at the end of code."""
    last = next(
        (line for line in reversed(code.splitlines()) if line.strip() and not line.lstrip().startswith("#")), ""
    )
    width = len(last) - len(last.lstrip())
    return " " * (width + 4 * bool(_HEAD.match(last.strip())))


def _completed(code: str) -> str:
    """Return code with `pass` for each body that holds nothing or comments alone, and `if` before a lone branch."""
    lines = [line for line in code.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    completed: list[str] = []
    if lines and _BRANCH.match(lines[0].strip()):
        lone = lines[0].strip().startswith(("except", "finally"))
        completed += ["try:" if lone else "match 0:" if lines[0].lstrip().startswith("case") else "if 0:", "    pass"]
    for line, following in pairwise([*lines, ""]):
        completed.append(line)
        width = len(line) - len(line.lstrip())
        if _HEAD.match(line.strip()) and len(following) - len(following.lstrip()) <= width:
            completed.append(" " * (width + 4) + "pass")
    return "\n".join(completed)
