"""The result of `%deepfabric validate`: the plan of a config."""

from __future__ import annotations

from deepfabric_core.cluster.shard_sizes import workers_fact
from deepfabric_core.cluster.validate import validate
from deepfabric_core.hub.after_run import check_publishing
from deepfabric_core.printable import printable_text
from deepfabric_core.text.estimate_text import expected_facts
from deepfabric_core.text.plan_summary import exports_fact, largeness, missing_keys, planned
from deepfabric_nb.magic.estimate import kept_job
from deepfabric_nb.runs.run_request import RunRequest


class PlanText:
    """The plan of a config and notes on it, as text."""

    def __init__(self, asked: RunRequest) -> None:
        config = asked.loaded.config
        sentences = [*asked.loaded.notices, *largeness(config), *missing_keys(config)]
        validate(asked.job, sentences.append)
        sentences += check_publishing(config)
        notes = [f"Note: {sentence}" for sentence in sentences]
        plan = planned(config, (*workers_fact(config), *exports_fact(asked.job), *expected_facts(kept_job(asked.job))))
        self._text = printable_text("\n".join((plan, *notes, "The config is valid.")))

    def __repr__(self) -> str:
        return self._text
