"""The simulated model's text: English about any topic, from enough alternatives that texts hardly ever repeat."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from random import Random
from typing import TypeVar

from deepfabric_core.topics.model import fold

T = TypeVar("T")

_GERUNDS = """Adapting Adjusting Aligning Analysing Arranging Assessing Auditing Balancing Benchmarking Budgeting
Building Calibrating Checking Choosing Classifying Cleaning Collecting Combining Comparing Configuring Controlling
Coordinating Correcting Debugging Defining Delegating Describing Designing Detecting Diagnosing Documenting Drafting
Estimating Evaluating Explaining Exploring Forecasting Framing Grouping Handling Identifying Improving Inspecting
Integrating Interpreting Isolating Judging Labelling Maintaining Managing Mapping Measuring Mixing Modelling Monitoring
Negotiating Observing Optimising Ordering Organising Planning Predicting Preparing Presenting Preventing Prioritising
Recording Recovering Reducing Refining Repairing Replacing Reviewing Scaling Scheduling Selecting Sharing Simplifying
Sourcing Storing Structuring Teaching Testing Timing Tracing Tracking Training Tuning Validating Verifying""".split()

_ADJECTIVES = """accurate alternative ambitious annual basic careful central cheap clear closed common compact complete
complex consistent critical daily deep delicate detailed dense direct distant early efficient elaborate external
fast final fine firm flexible formal fragile frequent gentle global hidden honest incomplete independent informal
initial internal joint large late light limited local logical long manual mature mild minor mixed modern narrow
natural neutral new open optional ordinary partial patient plain portable practical precise private public quiet rapid
rare raw recent regional regular reliable remote robust rough routine seasonal secure sensible separate shared short
simple slow small stable standard steady strict subtle technical temporary thin traditional unusual urgent visible
weak wide written""".split()

_NOUNS = """agreement approach assumption balance barrier baseline batch benchmark boundary budget change channel check
checklist choice claim comparison component concept condition conflict connection constraint contract cost cycle
deadline decision defect delay demand dependency detail device difference document effect element error estimate
example exception experiment factor failure feature forecast framework gap goal guideline habit handover idea
indicator ingredient inspection instrument interval interview issue layer lesson limit link location loss margin
material measure measurement method mistake model movement note objective observation option outcome pattern plan
policy practice prediction principle priority procedure process project prototype question reading record region
relation report request requirement resource response result review risk role routine rule sample schedule season
sequence service shift signal site sketch source stage standard step strategy structure supplier survey system target
task team technique template test threshold tool tradition transition trend trial update variation version view
warning workshop""".split()

_UNITS = """attempts cases checks comparisons cycles days decisions examples experiments hours inspections interviews
iterations measurements meetings minutes notes observations people projects readings records reports reviews rounds
runs samples sessions surveys teams tests trials visits weeks""".split()

_QUESTIONS = """How does {a} affect {topic} when {n} are all that is available?
What should somebody new to {topic} know about {a} before the first {n}?
Why does {a} matter more than {b} in {topic} once there have been {n}?
Which signs show that {topic} needs {a} rather than {b} after {n}?
How would you plan {topic} around {a} with room for only {n}?
What goes wrong in {topic} if {a} is mistaken for {b} over {n}?
How can {a} be checked in {topic} without more than {n}?
Can {topic} rely on {a} alone, or do {n} call for {b} as well?
How do experts in {topic} choose between {a} and {b} after {n}?
What is the smallest step towards {topic} if {n} have shown {a} and {b}?
Is it better to begin {topic} with {a} or with {b}, considering {n}?"""

_STATEMENTS = """In {leaf}, {a} usually matters more than {b}, as {n} would show.
{leaf} becomes easier once {a} is in place and {n} have confirmed {b}.
A good start for {leaf} is {a}, followed by {b} after about {n}.
Most trouble with {leaf} comes from {a} that went unnoticed for {n}, and seldom from {b}.
For {leaf}, set aside {n} to compare {a} with {b}.
Anyone who works on {leaf} learns to tell {a} from {b} within {n}.
Without {a}, {leaf} tends to drift towards {b} after {n}.
The limits of {leaf} show when {a} meets {b}, often after {n}.
Beginners in {leaf} often expect {a}, yet {n} will rather bring {b}.
Once {n} point the same way, {leaf} can move on from {a} to {b}.
A sound rule for {leaf} is to keep {a} for at least {n} before trying {b}.
Two things decide how well {leaf} goes: {a} during the first {n}, and {b} later on.
If {leaf} stalls, look for {a} among the last {n} and then for {b}."""

_STEPS = """we settle what {leaf} has to achieve: {a} that holds for {n} despite {b}.
{leaf} can be split into {a} and {b}, which {n} let us look at one by one.
the evidence from {n} suggests that {leaf} depends on {a} and less on {b}.
comparing {a} with {b} over {n} shows which of them {leaf} really needs.
we check {leaf} against {a}, and count how many of {n} lead to {b}.
since {leaf} leaves room for {n}, {a} can be tried before {b}.
what {leaf} costs is mostly {a}, so that {n} set the bounds of {b}.
it follows that {leaf} should begin with {a} and turn to {b} after {n}."""

_STEP_WORDS = ("First", "Next", "Then", "After that", "Finally")

# Words that begin a prompt without saying what it is about, or that can't end a phrase.
_HOLLOW = frozenset(
    """a about an and are as at by create dataset datasets for from generate how i in into is me my of on or our please
    that the this to topic topics training want we what with write your""".split()
)
_QUESTION_WORDS = frozenset("question questions query instruction problem prompt user".split())
_REASONING_WORDS = frozenset("reasoning thought thoughts thinking rationale chain steps trace".split())
_ANSWER_WORDS = frozenset("answer response solution output content text body explanation completion".split())
_TITLE_WORDS = frozenset("title name topic subject keyword keywords tag tags label category heading".split())
_KEYWORD_WORDS = 5
_KEYWORD_CHARACTERS = 40


def _parts(templates: str) -> list[list[str]]:
    """Split each template into its texts and slots, so that filling it never parses what was filled in."""
    return [re.split(r"(\{\w+\})", line) for line in templates.splitlines()]


_QUESTION_PARTS, _STATEMENT_PARTS, _STEP_PARTS = _parts(_QUESTIONS), _parts(_STATEMENTS), _parts(_STEPS)


def keyword(prompt: str) -> str:
    """Return the few words of a prompt that say what it is about."""
    words = re.split(r"[.,;:!?\n。、，：；！？]", prompt.strip(" .,;:!?\n"), maxsplit=1)[0].split()
    while words and words[0].casefold() in _HOLLOW:
        words = words[1:]
    words = words[:_KEYWORD_WORDS]
    while words and words[-1].casefold() in _HOLLOW:
        words = words[:-1]
    return " ".join(words)[:_KEYWORD_CHARACTERS].rstrip()


class Writer:
    """Writes about the last topic of `path`; every choice comes from `random`."""

    def __init__(self, random: Random, path: Sequence[str]) -> None:
        topics = [" ".join(topic.split()) for topic in path if topic.strip()] or ["this topic"]
        self.leaf = f"“{topics[-1]}”"
        self._topic = f"{self.leaf} as a part of “{topics[-2]}”" if len(topics) > 1 else self.leaf
        self._keyword = keyword(topics[0]) if len(topics) == 1 else ""
        self._random = random.random

    def subtopics(self, wanted: int, taken: Collection[str]) -> list[str]:
        """Return exactly `wanted` new names, none of them spelt like a taken one."""
        seen = set(map(fold, taken))
        names: list[str] = []
        while len(names) < wanted:
            name = self.title()
            if (folded := fold(name)) not in seen:
                seen.add(folded)
                names.append(name)
        return names

    def title(self) -> str:
        """Return a short topic name; right below the root it includes the keyword of the prompt."""
        name = f"{self._pick(_GERUNDS)} {self._pick(_ADJECTIVES)} {_plural(self._pick(_NOUNS))}"
        return f"{name} in {self._keyword}" if self._keyword else name

    def phrase(self) -> str:
        """Return an adjective and a noun."""
        return f"{self._pick(_ADJECTIVES)} {self._pick(_NOUNS)}"

    def text(self, name: str, *, listed: bool) -> str:
        """Return a text for a property of this name, or for one item of a list of this name."""
        words = set(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))
        if words & _QUESTION_WORDS:
            return self.question()
        if words & _TITLE_WORDS:
            return self.phrase() if listed else self.title()
        if listed:
            return self.sentence()
        if words & _REASONING_WORDS:
            return self.reasoning()
        return self.answer() if words & _ANSWER_WORDS else self.sentence()

    def question(self) -> str:
        """Return a question about the topic within its parent."""
        return self._fill(_QUESTION_PARTS)

    def sentence(self) -> str:
        """Return a statement about the topic."""
        return self._fill(_STATEMENT_PARTS)

    def answer(self) -> str:
        """Return a paragraph of three to five statements."""
        return " ".join(self.sentence() for _ in range(self.number(3, 5)))

    def reasoning(self) -> str:
        """Return a paragraph of three to five reasoning steps."""
        between = _STEP_WORDS[1 : self.number(2, 4)]
        return " ".join(f"{word}, {self._fill(_STEP_PARTS)}" for word in (_STEP_WORDS[0], *between, _STEP_WORDS[-1]))

    def number(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """Return True with the probability `share`."""
        return self._random() < share

    def _fill(self, templates: list[list[str]]) -> str:
        values = {
            "{leaf}": self.leaf,
            "{topic}": self._topic,
            "{a}": _with_article(self.phrase()),
            "{b}": _with_article(self.phrase()),
            "{n}": f"{self.number(3, 999)} {self._pick(_UNITS)}",
        }
        return "".join([values.get(part, part) for part in self._pick(templates)])

    def _pick(self, choices: Sequence[T]) -> T:
        return choices[int(self._random() * len(choices))]


def _with_article(phrase: str) -> str:
    return f"an {phrase}" if phrase[0] in "aeio" or phrase.startswith(("un", "ur")) else f"a {phrase}"


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
