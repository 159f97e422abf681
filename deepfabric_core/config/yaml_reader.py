"""Read untrusted YAML safely and in linear time, with some rules of YAML 1.2 (on, off, 1:30, octal numbers)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from deepfabric_core.errors import ConfigError

# Returns the value of a name, or raises a KeyError whose arguments are the missing name and the most similar ones.
Variables = Callable[[str], Any]

# The deepest nesting of lists and mappings; later steps use recursion.
DEEPEST = 100
# How many values aliases may add to those that are written; a long text counts as several.
_MOST_REPEATED = 100_000
_CHARACTERS_A_VALUE = 1000

_INT, _FLOAT, _TEXT = (f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "str"))
_PLAIN = (_INT, _FLOAT, *(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "null", "timestamp")))
_OCTAL = re.compile(r"[-+]?0[0-7_]+")


class Loader(yaml.SafeLoader):
    """Reads safe YAML with one more tag: `!var name` is the value that `variables` returns for that name."""

    def __init__(self, text: str, source: str, variables: Variables | None = None) -> None:
        super().__init__(text)
        self.source = source
        self.variables = variables
        self._level = 0

    def root(self) -> yaml.Node | None:
        """Return the node of the only document, or None for an empty text, and check its aliases.

        Raises:
            ConfigError: an alias refers to itself, or aliases repeat too many values.
            RecursionError: it is nested too deeply.
        """
        root = self.get_single_node()
        if root is not None:
            _Repeats(self.source).check(root)
        return root

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node; raise RecursionError if it is nested too deeply."""
        self._level += 1
        if self._level > DEEPEST:
            raise RecursionError
        node = super().compose_node(parent, index)
        self._level -= 1
        return node

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:
        """Return the tag of a node; 1:30 is a text, as in YAML 1.2, and not ninety."""
        tag = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
        return _TEXT if tag in (_INT, _FLOAT) and kind is yaml.ScalarNode and ":" in value else tag

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Construct a mapping whose keys are strings as they are written, as in JSON: even `on` and `1`."""
        if isinstance(node, yaml.MappingNode):
            for key, _ in node.value:
                if key.tag in _PLAIN:
                    key.tag = _TEXT
        return super().construct_mapping(node, deep=deep)

    def whole(self, node: yaml.ScalarNode) -> int:
        """Construct an integer that all versions of YAML read alike.

        Raises:
            ConfigError: it begins with a 0, which means octal in YAML 1.1 only.
        """
        number: int = self.construct_yaml_int(node)
        if _OCTAL.fullmatch(node.value) and number != (decimal := int(node.value.replace("_", ""))):
            raise ConfigError(
                f"{self.at(node)}: {node.value} is {number} in YAML 1.1 and {decimal} in YAML 1.2; "
                "write one of these, or put it in quotes if it is a text."
            )
        return number

    def variable(self, node: yaml.Node) -> Any:
        """Return the value of `!var name`.

        Raises:
            ConfigError: there is no such variable, or its value can't be used.
        """
        if not isinstance(node, yaml.ScalarNode) or not (name := node.value.strip()):
            raise ConfigError(f"{self.at(node)}: !var takes the name of a variable, as in !var topic.")
        if self.variables is None:
            raise ConfigError(
                f"{self.at(node)}: !var {name}: a variable goes in a notebook's cell only; "
                "write the value there or export the cell's config."
            )
        try:
            return self.variables(name)
        except KeyError as problem:
            raise ConfigError(f"{self.at(node)}: !var {name}: {_missing(*problem.args)}") from problem
        except ConfigError as problem:
            raise ConfigError(f"{self.at(node)}: !var {name}: {problem}") from problem

    def at(self, node: yaml.Node) -> str:
        """Return `file, line N` of a node."""
        return f"{self.source}, line {node.start_mark.line + 1}"


Loader.add_constructor("!var", Loader.variable)
Loader.add_constructor(_INT, Loader.whole)


def read_yaml(text: str, *, source: str) -> Any:
    """Return the content of a YAML text.

    Raises:
        ConfigError: it holds an alias or a number that can't be used; the message names the line.
        yaml.YAMLError, ValueError, RecursionError: it is malformed.
    """
    loader = Loader(text, source)
    try:
        root = loader.root()
        return None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


class _Repeats:
    """Counts the values of each node with all aliases expanded; each node is visited once, so this is fast."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._open: set[int] = set()
        self._counted: dict[int, tuple[int, int]] = {}
        self._sizes: list[tuple[int, yaml.Node]] = []
        self._written = 0

    def check(self, root: yaml.Node) -> None:
        """Check that everything below a node could be written without aliases.

        Raises:
            ConfigError: it is infinite, or would be far longer than what is written.
            RecursionError: it is nested too deeply.
        """
        self._count(root, 0)
        most = self._written + _MOST_REPEATED
        for size, node in self._sizes:
            if size > most:
                raise self._refusal(
                    node, f"its aliases (*name) repeat so much that it holds more than {most:,} values; repeat less"
                )

    def _count(self, node: yaml.Node, level: int) -> tuple[int, int]:
        """Return how many values a node has with aliases expanded, and how many levels."""
        if id(node) in self._open:
            raise self._refusal(node, "an alias (*name) in it stands for itself; write out what is meant")
        if id(node) not in self._counted:
            own = 1 + (len(node.value) // _CHARACTERS_A_VALUE if isinstance(node, yaml.ScalarNode) else 0)
            self._written += own
            self._open.add(id(node))
            below = [self._count(each, level + 1) for each in _below(node)]
            self._open.remove(id(node))
            size = own + sum(values for values, _ in below)
            self._sizes.append((size, node))
            self._counted[id(node)] = size, 1 + max((levels for _, levels in below), default=0)
        size, levels = self._counted[id(node)]
        if level + levels > DEEPEST:
            raise RecursionError
        return size, levels

    def _refusal(self, node: yaml.Node, problem: str) -> ConfigError:
        return ConfigError(f"{self._source}, line {node.start_mark.line + 1}: {problem}.")


def _below(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _missing(name: object = "it", *nearest: object) -> str:
    advice = f"did you mean {' or '.join(map(str, nearest))}?" if nearest else "run what defines it first."
    return f"{name} is not defined; {advice}"
