"""`deepfabric topic`: look at a topics file, and prune it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from deepfabric_core.text.printable import printable, printable_path

if TYPE_CHECKING:
    from deepfabric_core.topics.model import Topic, TopicPath, Topics

_EVERY_LEVEL = -1
_WIDTH = 200
_SHOWN = 20
_SHOWN_GROUPS = 5

_debug = click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")


@click.group("topic", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Look at a topics file, tree or graph, and prune it."""


class Loaded(NamedTuple):
    """A topics file; a graph's says in its metadata how it was made."""

    path: Path
    topics: Topics
    metadata: dict[str, Any]


class View(NamedTuple):
    """Which levels to show, and whether with ids."""

    first: int
    last: int
    ids: bool


# ---- inspect


@command.command("inspect")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-l", "--level", type=click.IntRange(0), help="Show the topics of a level; the root's is 0.")
@click.option(
    "-e",
    "--expand",
    type=click.IntRange(1),
    is_flag=False,
    flag_value=_EVERY_LEVEL,
    help="Show what is below that level as well: all of it, or so many levels. Give it after FILE.",
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
    loaded = _load(file)
    view = None if level is expand is None and not everything else _view(loaded, level, expand, everything, ids)
    if style == "json":
        click.echo(json.dumps(_as_json(loaded, view), ensure_ascii=False, indent=2))
    elif view is None:
        click.echo(_summary(loaded))
    else:
        lines = _table(loaded.topics, view) if style == "table" else _tree(loaded.topics, view)
        click.echo("\n".join(lines))


def _load(file: Path) -> Loaded:
    from deepfabric_core.store.files import read_text
    from deepfabric_core.topics.files import parse_topics

    text = read_text(file, what="topics file")
    topics, notices = parse_topics(text, source=str(file))
    for notice in notices:
        click.echo(f"Note: {notice}", err=True)
    metadata = json.loads(text).get("metadata") if topics.mode == "graph" else None
    return Loaded(file, topics, metadata if isinstance(metadata, dict) else {})


def _view(loaded: Loaded, level: int | None, expand: int | None, everything: bool, ids: bool) -> View:
    from deepfabric_core.errors import ConfigError

    deepest = max(len(path) for _, path in loaded.topics.walk()) - 1
    if everything:
        return View(0, deepest, ids)
    first = level or 0
    if first > deepest:
        raise ConfigError(f"{loaded.path} has levels 0 to {deepest}, and no level {first}; choose one of these.")
    if expand is None:
        return View(first, first, ids)
    return View(first, deepest if expand == _EVERY_LEVEL else first + expand, ids)


def _viewed(topics: Topics, view: View) -> Iterator[tuple[Topic, TopicPath]]:
    return ((topic, path) for topic, path in topics.walk() if view.first < len(path) <= view.last + 1)


def _summary(loaded: Loaded) -> str:
    from deepfabric_core.topics.coverage import near_duplicates, shape

    topics, measured, alike = loaded.topics, shape(loaded.topics), near_duplicates(loaded.topics)
    made_with = [str(loaded.metadata[key]) for key in ("provider", "model") if loaded.metadata.get(key)]
    rows = [
        ("Format", topics.mode),
        ("Root", topics.by_id[topics.root].name),
        ("Paths", f"{measured.leaves:,}"),
        ("Depth", f"{measured.depth:,}"),
        *(("Shape" if number == 0 else "", sentence) for number, sentence in enumerate(measured.sentences)),
        *((("Made with", "/".join(made_with)),) if made_with else ()),
        ("Much alike", f"{len(alike):,} groups of topics" if alike else "no topics"),
        *(("", _names(topics, group)) for group in alike[:_SHOWN_GROUPS]),
    ]
    return "\n".join(f"{label:<11} {printable(text, _WIDTH)}" for label, text in rows)


def _names(topics: Topics, ids: tuple[str, ...]) -> str:
    return " | ".join(dict.fromkeys(topics.by_id[own].name for own in ids))


def _tree(topics: Topics, view: View) -> Iterator[str]:
    if view.first == view.last:
        yield from (f"- {_label(topics, topic, view)}" for topic, _ in _viewed(topics, view))
        return
    last = {below[-1] for topic in topics.by_id.values() if (below := topics.own_children(topic))}
    bars: list[str] = []
    for topic, path in _viewed(topics, view):
        depth = len(path) - 1 - view.first
        branch = ("└── " if topic.id in last else "├── ") if depth else ""
        yield "".join(bars[: max(0, depth - 1)]) + branch + _label(topics, topic, view)
        if depth:
            bars[depth - 1 :] = ["    " if topic.id in last else "│   "]


def _label(topics: Topics, topic: Topic, view: View) -> str:
    own = f" [{printable(topic.id, _WIDTH)}]" if view.ids else ""
    further = ", ".join(printable(topics.by_id[parent].name, _WIDTH) for parent in topic.parents[1:])
    return f"{printable(topic.name, _WIDTH)}{own}{f' (also under {further})' if further else ''}"


def _table(topics: Topics, view: View) -> Iterator[str]:
    width = max((len(printable(own)) for own in topics.by_id), default=0)
    yield _row("Level", "ID", "Path", width, view)
    for topic, path in _viewed(topics, view):
        yield _row(str(len(path) - 1), printable(topic.id), printable_path(path), width, view)


def _row(level: str, own: str, path: str, width: int, view: View) -> str:
    return f"{level:>5}  {own:<{width}}  {path}" if view.ids else f"{level:>5}  {path}"


def _as_json(loaded: Loaded, view: View | None) -> dict[str, Any]:
    from deepfabric_core.topics.coverage import near_duplicates, shape

    topics, measured = loaded.topics, shape(loaded.topics)
    root = topics.by_id[topics.root].name
    found = {
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
            for topic, path in _viewed(topics, view)
        ]
    return found


# ---- prune


@command.command("prune")
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
        click.echo(json.dumps(_result(loaded.topics, left, None if dry_run else output), ensure_ascii=False, indent=2))
    else:
        click.echo(_told(loaded, left))
        click.echo("Nothing was written." if dry_run else f"{printable(str(output))} has those that stay.")


def _output(file: Path, level: int | None, named: Path | None, *, force: bool) -> Path:
    """Where the pruned topics go."""
    if named is None:
        mark = "_pruned" if level is None else f"_pruned_level{level}"
        return file if force else file.with_name(f"{file.stem}{mark}{file.suffix}")
    if not force and named.resolve() == file.resolve():
        raise click.UsageError(f"--output: {named} is the file itself; give --force to write over it.")
    return named


def _pruned(loaded: Loaded, level: int | None, own: str | None) -> Topics:
    from deepfabric_core.topics import edit

    return edit.prune(loaded.topics, [own]) if own is not None else edit.keep_levels(loaded.topics, level or 0)


def _gone(before: Topics, left: Topics) -> list[tuple[Topic, TopicPath]]:
    """The topmost of the topics that go."""
    walk = ((topic, path) for topic, path in before.walk() if topic.id not in left.by_id)
    return [(topic, path) for topic, path in walk if topic.parents[0] in left.by_id]


def _told(loaded: Loaded, left: Topics) -> str:
    before, gone = loaded.topics, _gone(loaded.topics, left)
    lines = [
        f"{printable(str(loaded.path))}: {len(before) - len(left):,} of {len(before):,} topics go, "
        f"{len(left):,} stay, of them {len(left.leaves):,} leaves."
    ]
    lines += [f"- {printable_path(path, _WIDTH)}" for _, path in gone[:_SHOWN]]
    if len(gone) > _SHOWN:
        lines.append(f"... and {len(gone) - _SHOWN:,} more")
    return "\n".join(lines)


def _result(before: Topics, left: Topics, output: Path | None) -> dict[str, Any]:
    return {
        "topics": len(before),
        "removed": len(before) - len(left),
        "left": len(left),
        "leaves_left": len(left.leaves),
        "pruned": [{"id": topic.id, "path": list(path)} for topic, path in _gone(before, left)],
        "output": None if output is None else str(output),
    }
