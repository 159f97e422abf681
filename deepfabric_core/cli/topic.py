"""The `deepfabric topic` commands: inspect and prune a topics file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from deepfabric_core.cli.output import note, print_json, print_result, say
from deepfabric_core.printable import printable, printable_path
from deepfabric_core.wording import counted

if TYPE_CHECKING:
    from deepfabric_core.text.topics_report import ReportOptions
    from deepfabric_core.topics.model import Topic, TopicPath, Topics

_EVERY_LEVEL = 1_000_000
_WIDTH = 200
_SHOWN = 20

_debug = click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")


@click.group("topic", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Look at a topics file, tree or graph, and prune it."""


class LoadedTopics(NamedTuple):
    """A topics file with its topics; `metadata` is a graph's information on how it was made."""

    path: Path
    topics: Topics
    metadata: dict[str, Any]


# ---- inspect


class _Inspect(click.Command):
    """Accepts `--expand` without a number in any position, even before FILE."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = [
            f"--expand={_EVERY_LEVEL}" if word in ("-e", "--expand") and not following.isdigit() else word
            for word, following in zip(args, [*args[1:], ""], strict=True)
        ]
        return super().parse_args(ctx, words)


@command.command("inspect", cls=_Inspect, short_help="Show what a topics file covers.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-l", "--level", type=click.IntRange(0), help="Show the topics of a level; the root's is 0.")
@click.option(
    "-e",
    "--expand",
    type=click.IntRange(1),
    is_flag=False,
    flag_value=_EVERY_LEVEL,
    metavar="[N]",
    help="Show what is below that level as well: all of it, or N levels.",
)
@click.option("-a", "--all", "everything", is_flag=True, help="Show all topics.")
@click.option(
    "-f",
    "--format",
    "style",
    type=click.Choice(["tree", "table", "json"]),
    default="tree",
    show_default=True,
    help="How to show them; json is for scripts.",
)
@click.option("-u", "--uuid", "ids", is_flag=True, help="Show each topic's id.")
@_debug
def inspect(file: Path, level: int | None, expand: int | None, everything: bool, style: str, ids: bool) -> None:
    """Show what a topics file covers: a summary, or the topics themselves."""
    from deepfabric_core.text.topics_report import summary, table, tree

    loaded = _load(file)
    view = None if level is expand is None and not everything else _view(loaded, level, expand, everything, ids)
    if style == "json":
        print_json(_as_json(loaded, view))
    elif view is None:
        print_result(summary(loaded.topics, loaded.metadata))
    else:
        lines = table(loaded.topics, view) if style == "table" else tree(loaded.topics, view)
        print_result("\n".join(lines))


def _load(file: Path) -> LoadedTopics:
    from deepfabric_core.store.files import read_text
    from deepfabric_core.topics.formats import parse_topics

    text = read_text(file, what="topics file")
    topics, notices = parse_topics(text, source=str(file))
    for notice in notices:
        note(notice)
    metadata = json.loads(text).get("metadata") if topics.mode == "graph" else None
    return LoadedTopics(file, topics, metadata if isinstance(metadata, dict) else {})


def _view(loaded: LoadedTopics, level: int | None, expand: int | None, everything: bool, ids: bool) -> ReportOptions:
    from deepfabric_core.errors import ConfigError
    from deepfabric_core.text.topics_report import ReportOptions

    deepest = max(len(path) for _, path in loaded.topics.walk()) - 1
    first = 0 if everything or level is None else level
    if first > deepest:
        raise ConfigError(f"{loaded.path} has levels 0 to {deepest}, and no level {first}; choose one of these.")
    return ReportOptions(first, deepest if everything else first + (expand or 0), ids)


def _as_json(loaded: LoadedTopics, view: ReportOptions | None) -> dict[str, Any]:
    from deepfabric_core.text.topics_report import reported
    from deepfabric_core.topics.coverage import near_duplicates, shape

    topics, measured = loaded.topics, shape(loaded.topics)
    root = topics.by_id[topics.root].name
    found: dict[str, Any] = {
        "format": topics.mode,
        "total_paths": measured.leaves,
        "max_depth": measured.depth,
        "metadata": {**loaded.metadata, "total_nodes": len(topics), "has_cycles": False, "root_topic": root},
        "levels": list(measured.widths),
        "balance": round(measured.balance, 3),
        "near_duplicates": [[topics.by_id[own].name for own in group] for group in near_duplicates(topics)],
    }
    if view:
        found["topics"] = [
            {
                **({"id": topic.id} if view.ids else {}),
                "topic": topic.name,
                "level": len(path) - 1,
                "path": list(path),
                "children": len(topic.children),
            }
            for topic, path in reported(topics, view)
        ]
    return found


# ---- prune


@command.command("prune", short_help="Remove topics from a file, by level or by id.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-l", "--level", type=click.IntRange(0), help="Remove all topics below this level; the root's is 0.")
@click.option("-u", "--uuid", "own", metavar="ID", help="Remove the topic with this id and all below it.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File to write; otherwise one beside FILE with _pruned in its name.",
)
@click.option("-f", "--force", is_flag=True, help="Write over FILE.")
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@_debug
def prune(file: Path, **values: Any) -> None:
    """Remove topics from a file, by level or by id; FILE itself stays as it is unless --force is given."""
    level, own, dry_run = values["level"], values["own"], values["dry_run"]
    if (level is None) == (own is None):
        raise click.UsageError("Give either --level or --uuid, to say what is to go.")
    output = _output(file, level, values["output"], force=values["force"])
    loaded = _load(file)
    left = _pruned(loaded, level, own)
    if not dry_run:
        from deepfabric_core.store.topics_file import TopicsFile

        TopicsFile(output, loaded.metadata).save(left)
    if values["as_json"]:
        print_json(_result(loaded.topics, left, None if dry_run else output))
    else:
        say(_told(loaded, left))
        say("Nothing was written." if dry_run else f"{printable(str(output))} has those that stay.")


def _output(file: Path, level: int | None, named: Path | None, *, force: bool) -> Path:
    """Return the path for the pruned topics."""
    if named is None:
        mark = "_pruned" if level is None else f"_pruned_level{level}"
        return file if force else file.with_name(f"{file.stem}{mark}{file.suffix}")
    if not force and named.resolve() == file.resolve():
        raise click.UsageError(f"--output: {named} is the file itself; give --force to write over it.")
    return named


def _pruned(loaded: LoadedTopics, level: int | None, own: str | None) -> Topics:
    from deepfabric_core.topics import edit

    return edit.prune(loaded.topics, [own]) if own is not None else edit.keep_levels(loaded.topics, level or 0)


def _gone(before: Topics, left: Topics) -> list[tuple[Topic, TopicPath]]:
    """Return the topmost of the removed topics, with their paths."""
    walk = ((topic, path) for topic, path in before.walk() if topic.id not in left.by_id)
    return [(topic, path) for topic, path in walk if topic.parents[0] in left.by_id]


def _told(loaded: LoadedTopics, left: Topics) -> str:
    before, gone = loaded.topics, _gone(loaded.topics, left)
    going = f"{len(before) - len(left):,} of {counted(len(before), 'topic')} go"
    lines = [f"{printable(str(loaded.path))}: {going}, {_stay(left)}."]
    lines += [f"- {printable_path(path, _WIDTH)}" for _, path in gone[:_SHOWN]]
    if len(gone) > _SHOWN:
        lines.append(f"... and {len(gone) - _SHOWN:,} more")
    return "\n".join(lines)


def _stay(left: Topics) -> str:
    return f"{len(left):,} stay, of them {counted(len(left.leaves), 'leaf')}"


def _result(before: Topics, left: Topics, output: Path | None) -> dict[str, Any]:
    return {
        "topics": len(before),
        "removed": len(before) - len(left),
        "left": len(left),
        "leaves_left": len(left.leaves),
        "pruned": [{"id": topic.id, "path": list(path)} for topic, path in _gone(before, left)],
        "output": None if output is None else str(output),
    }
