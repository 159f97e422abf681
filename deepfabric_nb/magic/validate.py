"""The result of `%deepfabric validate`: the plan of a config."""

from __future__ import annotations

from deepfabric_core.cluster.shard_sizes import workers_fact
from deepfabric_core.printable import printable_text
from deepfabric_core.run.budget import check_budget
from deepfabric_core.run.stages.open_gates import open_gates
from deepfabric_core.text.estimate_text import expected_facts
from deepfabric_core.text.plan_summary import exports_fact, largeness, missing_keys, planned
from deepfabric_nb.magic.estimate import kept_job
from deepfabric_nb.runs.run_request import RunRequest


class PlanText:
    """The plan of a config and notes on it, as text."""

    def __init__(self, asked: RunRequest) -> None:
        config = asked.loaded.config
        sentences = [*asked.loaded.notices, *largeness(config), *missing_keys(config)]
        open_gates(asked.job, sentences.append)
        check_budget(asked.job)
        notes = [f"Note: {sentence}" for sentence in sentences]
        plan = planned(config, (*workers_fact(config), *exports_fact(asked.job), *expected_facts(kept_job(asked.job))))
        self._text = printable_text("\n".join((plan, *notes, "The config is valid.")))

    def __repr__(self) -> str:
        return self._text
