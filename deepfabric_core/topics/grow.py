"""Grow topics: which topics to expand next, and how the children that a model names are added.

Nothing here calls a model: requests are yielded and replies are sent in. The expansion of a topic depends only on its
ancestors and their siblings, never on the order in which replies arrive. So every expansion may begin as soon as its
topic is known, and the same replies always grow the same topics. Only where rewordings are refused is there an
exception: a name is also compared with those of its cousins, as far as they are known by then.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace

from deepfabric_core.chat.json_replies import drawn_after, repair, usable_text
from deepfabric_core.chat.messages import Reply, Request
from deepfabric_core.config.schema import TopicsConfig
from deepfabric_core.errors import FailureKind, ModelError, ReplyError
from deepfabric_core.topics.model import Topic, TopicPath, Topics, fold, topic_id
from deepfabric_core.topics.name_checks import refused_because, tidied
from deepfabric_core.topics.prompts import (
    Candidate,
    Surroundings,
    parse_linked_subtopics,
    parse_subtopics,
    shown_candidates,
    subtopics_request,
)
from deepfabric_core.topics.rewordings import GrownNames

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Expansion:
    """A topic that is to get children: its id, its path, and the names of its siblings (`beside`).

    `candidates` may become further parents of the children: they are no deeper than this topic, so that every link
    leads downwards and no cycle can arise.
    """

    id: str
    path: TopicPath
    beside: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Child:
    """A new subtopic, and the ids of the other topics that it also belongs under."""

    name: str
    also_under: tuple[str, ...] = ()


def expand(
    expansion: Expansion, settings: TopicsConfig, besides: tuple[str, ...] = (), *, grown: GrownNames | None = None
) -> Generator[Request, Reply, tuple[Child, ...]]:
    """Ask for the children of a topic, other than `besides`; ask again for missing, duplicate or unreadable ones.

    With `grown`, names that only reword a topic above, beside or in there are refused as well.

    Returns at most `degree` children, fewer if the model names no more.

    Raises:
        ModelError: the model named no child at all.
    """
    # In a graph one topic may stand under several.
    beside = expansion.beside if settings.mode == "tree" else ()
    found = _Found(settings.degree, expansion.path, (*besides, *beside), grown)
    problem: ReplyError | None = None
    request = fresh = _request(expansion, settings, found, besides, again=False)
    for _ in range(1 + settings.expansion_retries):
        reply = None
        try:
            reply = yield request
            found.add(_children_in(reply, expansion))
            problem = None
        except ReplyError as refused:
            problem = refused
        except ModelError:
            if not found.children:
                raise
            break
        if not found.missing:
            break
        if problem and reply:
            request = repair(drawn_after(request, fresh), reply, problem)
        else:
            again = _request(expansion, settings, found, besides, again=True)
            redraw = request.redraw + again.redraw
            request = fresh = replace(again, redraw=redraw, penalized=request.penalized)
    if not found.children:
        raise problem or ReplyError(found.complaint, kind=FailureKind.INVALID_REPLY)
    return tuple(found.children)


class _Found:
    """The distinct children found so far, at most `wanted`; `refused` are the names of the last reply that aren't."""

    def __init__(self, wanted: int, path: TopicPath, besides: tuple[str, ...], grown: GrownNames | None) -> None:
        self.children: list[Child] = []
        self.refused: dict[str, str] = {}
        self.in_vain = False  # whether the last reply named none that can be used
        self._wanted = wanted
        self._path = path
        self._besides = besides
        self._grown = grown

    @property
    def missing(self) -> int:
        return self._wanted - len(self.children)

    def add(self, children: Iterable[Child]) -> None:
        self.refused, before = {}, len(self.children)
        self._take(children)
        self.in_vain = len(self.children) == before

    def _take(self, children: Iterable[Child]) -> None:
        for child in children:
            if not self.missing:
                return
            taken = [*self._besides, *(known.name for known in self.children)]
            if reason := self._refused_because(child.name, taken):
                self.refused[child.name] = reason
                continue
            self.children.append(child)
            if self._grown is not None:
                self._grown.add(child.name, self._path)

    def _refused_because(self, name: str, taken: list[str]) -> str | None:
        reason = refused_because(name, self._path, taken)
        if reason is None and self._grown is not None:
            return self._grown.refused_because(name, self._path, taken)
        return reason

    @property
    def complaint(self) -> str:
        if not self.refused:
            return "the model named no subtopic"
        name, reason = next(iter(self.refused.items()))
        return f"the model named no usable subtopic; of “{name[:_SHOWN_CHARACTERS]}”: {reason}"


def _request(
    expansion: Expansion, settings: TopicsConfig, found: _Found, besides: tuple[str, ...], *, again: bool
) -> Request:
    around = Surroundings(
        (*besides, *(child.name for child in found.children)),
        expansion.beside,
        expansion.candidates,
        found.refused if again else None,
        again and found.in_vain,
    )
    request = subtopics_request(settings, expansion.path, found.missing, around)
    if again and found.in_vain:
        return replace(request, because=FailureKind.INVALID_REPLY, reason=found.complaint, redraw=1)
    return request


def _children_in(reply: Reply, expansion: Expansion) -> Iterator[Child]:
    text = usable_text(reply)
    if not expansion.candidates:
        return (Child(tidied(name)) for name in parse_subtopics(text).subtopics)
    known = {number: topic.id for number, topic in enumerate(expansion.candidates, 1)}
    return (
        Child(tidied(linked.topic), tuple(dict.fromkeys(known[n] for n in linked.also_under if n in known)))
        for linked in parse_linked_subtopics(text).subtopics
    )


def grown_names(settings: TopicsConfig, language: str | None = None) -> GrownNames:
    """Return what refuses rewordings while topics grow; `language` is a code such as "de", guessed unless given.

    In a graph one topic may stand under several, so cousins aren't compared there.
    """
    return GrownNames(language, cousins=settings.mode == "tree")


@dataclass
class Growth:
    """The state of topics while they grow. `start` and `add` return the expansions that may begin now.

    `grown` is given to `expand` for each of them, and is None unless rewordings are refused.
    """

    settings: TopicsConfig
    grown: GrownNames | None = None
    missing: int = 0
    _nodes: dict[str, _Node] = field(default_factory=dict)

    def start(self) -> list[Expansion]:
        """Add the root."""
        path = (self.settings.prompt.strip(),)
        root = topic_id(self.settings.mode, path)
        self._nodes[root] = _Node(root, path, parents=[])
        return [Expansion(root, path)]

    @property
    def total(self) -> int:
        """The number of topics of a complete tree, without the root."""
        return sum(pow(self.settings.degree, level) for level in range(1, self.settings.depth + 1))

    def add(self, expansion: Expansion, children: tuple[Child, ...]) -> list[Expansion]:
        """Add the children of a topic."""
        depth = len(expansion.path)
        self.missing += self._lost(depth, self.settings.degree - len(children))
        parent = self._nodes[expansion.id]
        for child in children:
            path = (*expansion.path, child.name)
            node = _Node(topic_id(self.settings.mode, path), path, parents=[expansion.id, *child.also_under])
            self._nodes[node.id] = node
            parent.children.append(node.id)
            if self.grown is not None:
                self.grown.add(child.name, expansion.path)
        return [self._expansion(expansion, children, child) for child in children if depth < self.settings.depth]

    def fail(self, expansion: Expansion) -> int:
        """Leave a topic without children, as a leaf; return how many topics below it are lost."""
        lost = self._lost(len(expansion.path), self.settings.degree)
        self.missing += lost
        return lost

    def topics(self) -> Topics:
        """Return the topics so far; they don't depend on the order in which the replies came."""
        nodes = _merged(self._nodes) if self.settings.mode == "graph" else self._nodes
        return _as_topics(self.settings, nodes)

    def _lost(self, depth: int, children: int) -> int:
        below: int = sum(pow(self.settings.degree, level) for level in range(self.settings.depth - depth + 1))
        return children * below

    def _expansion(self, above: Expansion, children: tuple[Child, ...], child: Child) -> Expansion:
        others = tuple(other.name for other in children if other is not child)
        path = (*above.path, child.name)
        mode = self.settings.mode
        candidates: tuple[Candidate, ...] = ()
        if mode == "graph" and self.settings.prompt_style == "default":
            beside = (Candidate(topic_id(mode, (*above.path, name)), name) for name in others)
            candidates = shown_candidates((*beside, *above.candidates))
        return Expansion(topic_id(mode, path), path, others, candidates)


@dataclass
class _Node:
    id: str
    path: TopicPath
    parents: list[str]
    children: list[str] = field(default_factory=list)


def _as_topics(settings: TopicsConfig, nodes: dict[str, _Node]) -> Topics:
    """Return the topics in a fixed order; the links of a node come after its own children, in depth-first order."""
    root = next(iter(nodes))
    own = {node.id: [child for child in node.children if child in nodes] for node in nodes.values()}
    order: list[str] = []
    stack = [root]
    while stack:
        node_id = stack.pop()
        order.append(node_id)
        stack.extend(reversed(own[node_id]))
    linked: dict[str, list[str]] = {node_id: list(own[node_id]) for node_id in order}
    for node_id in order:
        for parent in nodes[node_id].parents[1:]:
            if node_id not in linked[parent]:
                linked[parent].append(node_id)
    by_id = {i: Topic(i, nodes[i].path[-1], tuple(dict.fromkeys(nodes[i].parents)), tuple(linked[i])) for i in order}
    return Topics(settings.mode, root, by_id)


def _merged(nodes: dict[str, _Node]) -> dict[str, _Node]:
    """Merge the nodes of one level that have the same name into the first of them, in the level's fixed order.

    Links still lead from a shallower level to a deeper one, so the graph stays acyclic.
    """
    root = next(iter(nodes.values()))
    kept = {root.id: replace(root, children=[])}
    stands_for = {root.id: root.id}
    level = [root]
    while level:
        by_name: dict[str, _Node] = {}
        below: list[_Node] = []
        for parent in level:
            for child in (nodes[i] for i in parent.children):
                below.append(child)
                _merge(child, stands_for[parent.id], kept, by_name, stands_for)
        level = below
    return kept


def _merge(
    child: _Node, parent: str, kept: dict[str, _Node], by_name: dict[str, _Node], stands_for: dict[str, str]
) -> None:
    links = [stands_for[i] for i in child.parents[1:]]
    first = by_name.get(fold(child.path[-1]))
    if first is None:
        merged = _Node(child.id, child.path, parents=[parent, *links])
        by_name[fold(child.path[-1])] = kept[child.id] = merged
        kept[parent].children.append(child.id)
    else:
        first.parents.extend([parent, *links])
    stands_for[child.id] = (first or child).id
