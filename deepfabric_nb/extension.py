"""Load and unload the IPython extension: `%load_ext deepfabric_nb`, `%unload_ext deepfabric_nb`."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from deepfabric_nb.display.formatters import display_runs, forget, show_control_codes
from deepfabric_nb.errors import CellError
from deepfabric_nb.runs.session import forget_session, names_of, run_names, session_of

_matchers: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def load_ipython_extension(shell: Any) -> None:
    """Register the magic and its completion.

    Raises:
        CellError: it can't be loaded; the shell is unchanged.
    """
    try:
        _load(shell)
    except Exception as problem:
        unload_ipython_extension(shell)
        raise CellError(f"deepfabric_nb can't be loaded: {type(problem).__name__}: {problem}") from problem


def _load(shell: Any) -> None:
    from deepfabric_nb.magic.commands import COMMANDS, flags_of
    from deepfabric_nb.magic.completion import make_matcher
    from deepfabric_nb.magic.magics import DeepFabricMagics

    session = session_of(shell)
    shell.register_magics(DeepFabricMagics(shell, session))
    unload_matcher(shell)
    flags = {name: flags_of(command) for name, command in COMMANDS.items()}
    _matchers[shell] = make_matcher(lambda: names_of(shell.user_ns), lambda: run_names(session), flags)
    shell.Completer.custom_matchers.append(_matchers[shell])
    if with_a_body not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(with_a_body)
    display_runs(shell)
    show_control_codes(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Remove the magic and its completion.

    Background runs continue, and are known again if the extension is loaded again.
    """
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("deepfabric", None)
    shell.magics_manager.registry.pop("DeepFabricMagics", None)
    unload_matcher(shell)
    if with_a_body in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(with_a_body)
    forget(shell)
    forget_session(shell)


def unload_matcher(shell: Any) -> None:
    """Remove the completion."""
    matcher = _matchers.pop(shell, None)
    if matcher in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(matcher)


def with_a_body(lines: list[str]) -> list[str]:
    """Return the lines of a cell; IPython refuses a cell magic with nothing below it, even one that asks for help."""
    is_alone = lines and lines[0].startswith("%%deepfabric") and len(lines) == 1
    return [*lines, "\n"] if is_alone else lines
