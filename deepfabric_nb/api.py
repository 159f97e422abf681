"""Start runs from Python code; load, import, judge, export and upload datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from deepfabric_core.config.schema import Config
from deepfabric_nb.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd

    from deepfabric_core.quality.checks.own_checks import OwnCheck
    from deepfabric_nb.runs.imported import ImportedDataset
    from deepfabric_nb.runs.judged import JudgedDataset
    from deepfabric_nb.runs.upload import Upload
    from deepfabric_nb.samples.exported import Exported, Mixed, One

AnyConfig = Config | Mapping[str, Any] | str | Path


def start(
    config: AnyConfig, *, name: str | None = None, checks: Sequence[OwnCheck] | OwnCheck = (), **flags: Any
) -> Run:
    """Start a run and return its handle at once.

    `config` is a mapping, YAML text or the path of a YAML file; `flags` are the command line's, with underscores:
    `start(config, num_samples=20, provider="simulated")`. Each of `checks` is a function that gets a sample, with its
    `question`, `answer`, `reasoning`, `path` and `record`, and returns what is wrong with it, or False; None or True is
    good.

    >>> tea = "{topics: {prompt: Tea}, generation: {system_prompt: You teach.}, output: {save_as: tea.jsonl}}"
    >>> run = start(tea, num_samples=2, provider="simulated")
    >>> run.wait().df["status"].tolist()
    ['done', 'done']

    Raises:
        ConfigError: the config or a flag can't be used; no run was started.
    """
    return _prepared(config, name, flags, checks).start()


async def run(
    config: AnyConfig,
    *,
    name: str | None = None,
    show: bool = True,
    checks: Sequence[OwnCheck] | OwnCheck = (),
    **flags: Any,
) -> pd.DataFrame:
    """Run to the end, show the progress, and return the samples, a row each. The arguments are those of `start`.

    Cancelling stops the run; finished samples are kept.

    Raises:
        DeepFabricError: the config or a flag can't be used, or the run failed altogether.
    """
    from deepfabric_nb.display.screens import show as show_run
    from deepfabric_nb.kernel.comm_messages import kept_busy
    from deepfabric_nb.kernel.display_mode import current_shell

    prepared = _prepared(config, name, flags, checks)
    with kept_busy(current_shell()):
        if show:
            show_run(prepared, "text" if flags.get("tui") == "simple" else None)
        await prepared.start()
    return prepared.df


def _prepared(
    config: AnyConfig, name: str | None, flags: Mapping[str, Any], checks: Sequence[OwnCheck] | OwnCheck
) -> Run:
    from IPython.core.getipython import get_ipython

    from deepfabric_nb.display.formatters import display_runs
    from deepfabric_nb.runs.run_request import request_from_call
    from deepfabric_nb.runs.session import session_of

    shell = get_ipython()
    display_runs(shell)
    asked = request_from_call(config, flags, shell.user_ns if shell else {})
    functions = (checks,) if callable(checks) else tuple(checks)
    asked = replace(asked, job=replace(asked.job, checks=functions))
    return session_of(shell).prepare(asked, name)


def export(
    samples: One | Mixed,
    *,
    to: str,
    path: str | Path | None = None,
    seed: int = 0,
    keep_duplicates: bool = False,
    **options: Any,
) -> Exported:
    """Export a run, a dataset, a DataFrame or records for a trainer; return what was written, lost and found.

    Several datasets or complete runs are mixed: a list takes all of each, and a mapping says how often each is taken
    (0.5, 2) or how much of the mix it is ("30%"). `seed` decides which samples are taken of a part of a dataset. What
    repeats a sample of a dataset named earlier is left out, unless `keep_duplicates`.

    `to` is a format, as `deepfabric export --list` names them. `path` is a .jsonl, a .parquet or a folder; for a run
    and a file it is beside the dataset by default. The `options` are those of `output.exports`: `reasoning`, `split`
    ("train=0.9,test=0.1", or a mapping), `by`, `hold_out`, `check` (such as "qwen3", a Jinja file or a model's folder),
    `context` and `assistant_only`.

    >>> messages = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    >>> export([{"messages": messages}], to="trl", path="out.jsonl", check="qwen3")
    out.jsonl has 1 row in the format trl.
    1 record checked against qwen3: nothing is lost.

    Raises:
        ConfigError: there is nothing to export, or it can't be exported so.
        OutputError: a file can't be written.
    """
    from deepfabric_core.config.exports import export_from
    from deepfabric_nb.samples.exported import export_mix, export_samples, is_mix

    given = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    asked = export_from(to=to, path=None if path is None else str(path), **given)
    if is_mix(samples):
        return export_mix(samples, asked, seed=seed, keep_duplicates=keep_duplicates)
    return export_samples(cast("One", samples), asked)


def load(path: str | Path) -> pd.DataFrame:
    """Return the samples of any dataset of ours or of DeepFabric's, a row each; see `deepfabric_nb.runs.dataframes`.

    >>> messages = '[{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]'
    >>> _ = Path("old.jsonl").write_text('{"messages": ' + messages + "}")
    >>> df = load("old.jsonl")
    >>> df["question"][0], df["answer"][0]
    ('Why?', 'So.')

    Raises:
        ConfigError: the file can't be read, or a line of it is no record.
    """
    from deepfabric_nb.runs.dataframes import load as frame_of_file

    return frame_of_file(path)


async def judge(
    dataset: str | Path | Run,
    config: str | Path | None = None,
    *,
    output: str | Path | None = None,
    sample: int | None = None,
    only_accepted: bool = False,
    again: bool = False,
    **flags: Any,
) -> JudgedDataset:
    """Have models score the samples of any dataset, and return it with what was found.

    The judge is named by flags, as in `await judge("tea.jsonl", provider="openai", model="gpt-4o-mini")`, or is that of
    `quality.judge` in the config file; a flag wins. The flags are those of `deepfabric judge`, with underscores. If it
    is cancelled, what is judged is kept: nothing is paid for twice.

    Args:
        dataset: a file that import reads, or a run.
        config: a YAML file with the judges, the budget and rate limits.
        output: the dataset to write, a .jsonl; by default beside the dataset, with .judged.jsonl.
        sample: how many samples to judge, drawn at random; all by default.
        only_accepted: whether what isn't accepted goes to the rejected samples beside the output.
        again: whether to judge anew what is judged already.
        flags: who judges, by what, and for how much.

    Raises:
        ConfigError: something can't work: the dataset, the config or a flag; nothing was spent.
        OutputError: a file can't be written.
    """
    from deepfabric_core.run.judge.judge_dataset import JudgeRequest, default_output
    from deepfabric_nb.runs.judged import config_of, judged

    source = dataset.job.dataset if isinstance(dataset, Run) else Path(dataset)
    place = default_output(source) if output is None else Path(output)
    request = JudgeRequest(source, place, config_of(config, flags), sample, suits=config is None)
    return await judged(replace(request, only_accepted=only_accepted, again=again))


def upload(dataset: str | Path | Run, repository: str, **settings: Any) -> Upload:
    """Upload a dataset to the Hugging Face hub, with a card that tells what it is and how it was made.

    `dataset` is a file or a run; the token is read from HF_TOKEN. `settings` are the keys of the config's section
    `huggingface`: `upload("tea.jsonl", "me/tea", configs=["trl"], license="cc-by-4.0")`. With `dry_run=True` nothing is
    uploaded, and the card is shown.

    Raises:
        ConfigError: something isn't as it must be: the dataset, the repository's name, the token, the right to write.
        OutputError: the hub can't be reached, or doesn't take it now; what has arrived isn't sent again.
    """
    from deepfabric_nb.runs.upload import upload as upload_dataset

    if isinstance(dataset, Run):
        return dataset.upload_hf(repository, **settings)
    return upload_dataset(Path(dataset), repository, **settings)


def import_dataset(
    source: str | Path,
    output: str | Path | None = None,
    *,
    from_format: str | None = None,
    topic_column: str | None = None,
    strict: bool = False,
) -> ImportedDataset:
    """Write a dataset of another tool as one of ours, and return it with what became of its records.

    Args:
        source: the file, or a folder that `datasets` wrote; see `deepfabric import --help` for the kinds of files.
        output: the dataset to write, a .jsonl; by default beside the file, with .imported.jsonl.
        from_format: as in `deepfabric import --list`; by default each record is read as what it looks like.
        topic_column: the key that holds the topic, if it isn't `topic`.
        strict: whether nothing is written if any record can't be read.

    >>> _ = Path("tea.json").write_text('[{"instruction": "Why?", "input": "", "output": "So."}]')
    >>> tea = import_dataset("tea.json", "tea.jsonl")
    >>> tea
    tea.jsonl has 1 sample, read as alpaca.
    >>> tea.df["answer"][0]
    'So.'

    Raises:
        ConfigError: it can't be read, there is no such format, or no record of it is a conversation.
        OutputError: it can't be written, or with `strict`, a record can't be read.
    """
    from deepfabric_nb.runs.imported import imported

    place = None if output is None else Path(output)
    return imported(Path(source), place, from_format=from_format, topic_column=topic_column, strict=strict)
