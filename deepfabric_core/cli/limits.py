"""The `deepfabric limits` command."""

from __future__ import annotations

import click

from deepfabric_core.cli.output import print_json, print_result, terminal_width


@click.command("limits")
@click.argument("what", required=False, metavar="[ENDPOINT or MODEL]")
@click.option("--clear", is_flag=True, help="Forget them, so that the next run learns anew.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def command(what: str | None, *, clear: bool, as_json: bool) -> None:
    """Show the limits that were learned of providers: of one endpoint or model, or of all.

    The next run begins with them; older ones are trusted less, and after three days they are forgotten. The key is
    shown by the last digits of a hash. DEEPFABRIC_LEARNED_LIMITS=off in the environment turns this off.
    """
    if clear:
        _clear(what, as_json=as_json)
    else:
        _show(what, as_json=as_json)


def _clear(what: str | None, *, as_json: bool) -> None:
    from deepfabric_core.llm.limits.learned_file import remove
    from deepfabric_core.wording import counted

    removed = remove(what)
    if as_json:
        print_json({"removed": removed})
    else:
        print_result(f"Removed {counted(removed, 'entry')}{f' of {what}' if what else ''}.")


def _show(what: str | None, *, as_json: bool) -> None:
    from deepfabric_core.text.limits_table import kept_limits, limits_as_json, limits_table

    entries = kept_limits(what)
    if as_json:
        print_json(limits_as_json(entries))
    elif what and not entries:
        print_result(f"No limits of {what} are kept; `deepfabric limits` shows all.")
    else:
        print_result(limits_table(entries, terminal_width()))
