"""Which names of subtopics are refused, and for what reason."""

import pytest

from deepfabric_core.topics.name_checks import refused_because, tidied

PATH = ("Running Kubernetes in production", "Workloads")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("...", "it has no words"),
        ("10", "it has no words"),
        ("{}", "it has no words"),
        ("{key: value}", "it is code, not a name"),
        ("print(x);", "it is code, not a name"),
        ("Workloads > Jobs", "it is a path, not a name"),
        ("Cooking / Bread", "it is a path, not a name"),
        ("and so on,", "it is only a part of a name"),
        ("Name of a subtopic", "it is a placeholder"),
        ("Topic 3", "it is a placeholder"),
        ("x" * 121, "it is too long for a name"),
        ("one two " * 9, "it is too long for a name"),
        ("Jobs are run until they have completed.", "it is a sentence, not a name"),
        ("workloads", "it is a topic above"),
        ("Running Kubernetes in Production.", "it is a topic above"),
        ("Specifics: Running Kubernetes in production", "it only repeats a topic above or the prompt"),
        ("Running Kubernetes in production_key", "it only repeats a topic above or the prompt"),
        ("2 chapters. What are 2 chapters", "it only repeats a topic above or the prompt"),
        ("jobs", "it is there already"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(name: str, reason: str) -> None:
    assert refused_because(name, PATH, ["Jobs"]) == reason


@pytest.mark.parametrize(
    "name",
    [
        "CronJobs",
        "1984",
        "C++",
        "Keys",
        "How to name keys",
        "Titles and names",
        "Workload identity",
        "Running Kubernetes in production on bare metal",
        "Running Kubernetes in production 2",
        "The A/B test",
        "Why jobs fail",
        "Ярлыки и селекторы",
        "滚动更新",
        "التحديثات المتدرجة",
    ],
)
def test_a_name_that_a_practitioner_could_use_is_taken(name: str) -> None:
    assert refused_because(name, PATH, ["Jobs"]) is None


def test_code_in_a_name_above_may_stand_below_it() -> None:
    assert refused_because("{} in dictionaries", ("Python literals: {}",), ()) is None


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("1. Rolling updates", "Rolling updates"),
        ("- Rolling\n updates", "Rolling updates"),
        ("[3] Rolling updates", "Rolling updates"),
        ("rolling_updates", "rolling updates"),
        ("3D printing", "3D printing"),
        ("snake_Case", "snake_Case"),
    ],
)
def test_numbers_bullets_and_underscores_are_taken_off(given: str, name: str) -> None:
    assert tidied(given) == name
