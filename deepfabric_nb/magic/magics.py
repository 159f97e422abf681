"""`DeepFabricMagics`: parse a magic's line, run its command and show the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from deepfabric_core.errors import ConfigError, DeepFabricError
from deepfabric_core.printable import printable_text
from deepfabric_nb.errors import CellError, ErrorWithTraceback
from deepfabric_nb.kernel.comm_messages import kept_busy
from deepfabric_nb.magic.commands import COMMANDS, MagicLine, overview, read
from deepfabric_nb.runs.session import find_kept

if TYPE_CHECKING:
    from deepfabric_nb.runs.run import Run
    from deepfabric_nb.runs.run_request import RunRequest
    from deepfabric_nb.runs.session import Session


@magics_class
class DeepFabricMagics(Magics):
    """The magics of one shell. Errors are shown as a sentence; `--debug` shows the whole traceback."""

    def __init__(self, shell: Any, session: Session) -> None:
        super().__init__(shell)
        self.session = session
        self._names: dict[str, Any] = shell.user_ns

    @no_var_expand
    @line_cell_magic
    def deepfabric(self, line: str, cell: str | None = None) -> Any:
        """Make a dataset from the config in the cell; see `%deepfabric help`."""
        debug = "--debug" in line.split()
        try:
            with kept_busy(self.shell):
                return self._done(read(line, cell=cell is not None), cell)
        except click.exceptions.Exit:  # help was requested and shown
            return None
        except click.ClickException as problem:
            if debug:
                raise
            raise CellError(problem.format_message()) from None
        except DeepFabricError as problem:
            if debug:
                raise ErrorWithTraceback(problem, self.session.redactor()) from None
            raise

    def _done(self, line: MagicLine, cell: str | None) -> Any:
        out = line.values.get("out")
        if out and not out.isidentifier():
            raise ConfigError(f"--out {out}: that can't be a variable's name.")
        return getattr(self, f"_{line.command.replace('-', '_')}")(line.values, cell)

    # ---- runs

    def _generate(self, values: Mapping[str, Any], cell: str | None) -> Any:
        run = self.session.prepare(self._asked(values, cell), values["name"])
        return self._shown(run, values)

    def _resume(self, values: Mapping[str, Any], _: str | None) -> Any:
        from deepfabric_core.flags.options import overrides

        kept = find_kept(values["run"])
        if kept is None:
            raise ConfigError(
                f"There is no run {values['run']} to resume; %deepfabric status lists them."
                if values["run"]
                else "No run of this folder is incomplete; %deepfabric status lists all, to be resumed by name."
            )
        budget = {key.partition(".")[2]: value for key, value in overrides(values).items() if key.startswith("budget.")}
        return self._shown(self.session.prepare_again(kept, values["name"], budget), values)

    def _watch(self, values: Mapping[str, Any], _: str | None) -> Any:
        from deepfabric_core.run.job import Job
        from deepfabric_nb.runs.run_request import request_from_call

        path = Path(values["config_file"])
        asked = request_from_call(path, {"output_save_as": values["output_save_as"]}, {})
        folder = Path(values["checkpoint_path"]) if values["checkpoint_path"] else None
        job = Job(asked.loaded.config, config_file=path, checkpoint_path=folder)
        return self._shown(self.session.prepare_following(job, values["name"] or asked.name), values)

    def _shown(self, run: Run, values: Mapping[str, Any]) -> Any:
        """Start a run and show it. The cell's result is what it made, or its handle if it runs in the background."""
        if values["background"]:
            return self._begun(run, values)
        self._work_to_end(run, values)
        return self._result(run.df, values)

    def _begun(self, run: Run, values: Mapping[str, Any]) -> Any:
        """Start a run in the background. Its handle displays it; if that goes to a variable, show the run here."""
        from deepfabric_nb.display.screens import show
        from deepfabric_nb.kernel.display_mode import default_display_mode

        if values["out"] and default_display_mode() == "widget":
            show(run)
        return self._result(run.start(), values)

    def _work_to_end(self, run: Run, values: Mapping[str, Any]) -> None:
        from deepfabric_nb.display.screens import show

        show(run, "text" if values.get("tui") == "simple" else None)
        run.start().wait()

    def _result(self, result: Any, values: Mapping[str, Any]) -> Any:
        if not values["out"]:
            return result
        self._names[values["out"]] = result
        return None

    def _stop(self, values: Mapping[str, Any], _: str | None) -> None:
        from deepfabric_core.text.headline import headline

        run = self.session.run(values["run"])
        if run is None:
            what = f"named {values['run']} " if values["run"] else ""
            raise ConfigError(f"There is no run {what}in this notebook; %deepfabric status lists all.")
        if run.over:
            click.echo(printable_text(f"The run {run.name} has ended already: {headline(run.state)}."))
        else:
            run.stop(now=values["now"])

    # ---- configs

    def _asked(self, values: Mapping[str, Any], cell: str | None) -> RunRequest:
        from deepfabric_nb.runs.run_request import request_from_cell, request_from_file

        known = COMMANDS["generate"]
        options = {parameter.name: values.get(parameter.name or "") for parameter in known.params}
        if cell is not None:
            return request_from_cell(cell, options, self._names)
        if not values.get("config_file"):
            raise ConfigError("There is nothing to work on: give a config file, or write %%deepfabric above its YAML.")
        return request_from_file(Path(values["config_file"]), options)

    def _validate(self, values: Mapping[str, Any], cell: str | None) -> Any:
        from deepfabric_nb.magic.validate import PlanText

        return PlanText(self._asked(values, cell))

    def _estimate(self, values: Mapping[str, Any], cell: str | None) -> Any:
        from deepfabric_core.run.estimate.preview import preview_of
        from deepfabric_nb.magic.estimate import RunEstimate, kept_job

        asked = self._asked(values, cell)
        kept = kept_job(asked.job)
        making = preview_of(kept, values["preview"]) if values["preview"] else None
        if making is not None:
            self._work_to_end(self.session.prepare(replace(asked, job=making), None), values)
        return self._result(RunEstimate(kept), values)

    def _topics(self, values: Mapping[str, Any], cell: str | None) -> Any:
        what = values["what"]
        run = self.session.run(what) if cell is None else None
        if run is None and what and cell is None and (kept := find_kept(what)):
            run = self.session.known(kept)
        if run is not None:
            return self._result(self._graph(run), values)
        if what and cell is None and Path(what).suffix in (".json", ".jsonl"):
            return self._result(self._graph(what, values["samples"]), values)
        asked = self._asked({**values, "config_file": what}, cell)
        only = replace(asked, job=replace(asked.job, topic_only=True))
        run = self.session.prepare(only, values["name"])
        if values["background"]:
            return self._shown(run, values)
        self._work_to_end(run, values)
        return self._result(self._graph(run), values) if run.topics else None

    def _graph(self, what: Run | str, samples: str | None = None) -> Any:
        from deepfabric_nb.graph.topic_graph import TopicGraph

        return TopicGraph(what, samples=samples)

    def _samples(self, values: Mapping[str, Any], _: str | None) -> Any:
        from deepfabric_nb.magic.samples import samples

        return self._result(samples(self.session, self._names, values["what"]), values)

    def _export(self, values: Mapping[str, Any], _: str | None) -> Any:
        from deepfabric_nb.magic.export import export, export_accepted, export_for_trainer

        if values["to"]:
            return self._result(export_for_trainer(self.session, self._names, values), values)
        if flag := next((name for name in ("split", "target", "reasoning", "output", "report") if values[name]), None):
            named = {"target": "check"}.get(flag, flag)
            raise ConfigError(f"--{named} is for a trainer's format: give one by --to, such as --to trl.")
        *names, path = values["words"] or ("",)
        if not path or len(names) > 1 or (not names and self.session.run(path) and not Path(path).suffix):
            raise ConfigError("Say where to: %deepfabric export [RUN] CONFIG_FILE, or samples.jsonl.")
        if path.endswith(".jsonl"):
            return export_accepted(self.session, names[0] if names else None, Path(path))
        return export(self.session, names[0] if names else None, Path(path))

    def _upload_hf(self, values: Mapping[str, Any], _: str | None) -> Any:
        from deepfabric_nb.magic.upload import upload_hf

        return upload_hf(self.session, values)

    def _import(self, values: Mapping[str, Any], _: str | None) -> Any:
        from deepfabric_nb.runs.imported import imported

        name = values["name"]
        place = None if name is None else Path(name if name.endswith(".jsonl") else f"{name}.jsonl")
        options = {key: values[key] for key in ("from_format", "topic_column", "strict")}
        return self._result(imported(Path(values["file"]), place, **options), values)

    # ---- about

    def _status(self, _: Mapping[str, Any], __: str | None) -> Any:
        from deepfabric_nb.magic.status import status

        return status(self.session)

    def _trace(self, values: Mapping[str, Any], _: str | None) -> Any:
        from deepfabric_nb.magic.trace import trace_table

        table, said = trace_table(Path(values["file"]), failed=values["failed"])
        click.echo(printable_text(said))
        return table

    def _report(self, values: Mapping[str, Any], _: str | None) -> Any:
        from deepfabric_nb.magic.report import report

        found = report(self.session, self._names, values)
        if values["output"]:
            found.save(values["output"])
            click.echo(f"{values['output']} has the report.")
        return self._result(found, values)

    def _limits(self, values: Mapping[str, Any], _: str | None) -> None:
        from deepfabric_core.text.limits_table import kept_limits, limits_table

        click.echo(limits_table(kept_limits(values["what"])))

    def _costs(self, values: Mapping[str, Any], _: str | None) -> Any:
        from deepfabric_nb.magic.costs import costs

        return costs(values)

    def _help(self, _: Mapping[str, Any], __: str | None) -> None:
        click.echo(overview())
