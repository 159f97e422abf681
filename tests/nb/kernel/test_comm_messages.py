"""What a kernel tells the page of while a cell waits for a run."""

from __future__ import annotations

from typing import Any

from deepfabric_nb.kernel.comm_messages import kept_busy

CELL = {"msg_type": "execute_request"}


class Kernel:
    """Records the statuses that it publishes, each with what it answers."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def get_parent(self, _: str) -> dict[str, str]:
        return CELL

    def answer(self, message: str) -> None:
        """Answer a message, as ipykernel does."""
        self._publish_status("busy", "control", message)
        self._publish_status("idle", "control", message)

    def _publish_status(self, status: str, _: str, parent: Any = None) -> None:
        self.told.append((status, parent))


class Shell:
    def __init__(self) -> None:
        self.kernel = Kernel()


def test_after_a_message_that_was_answered_beside_the_cell_the_kernel_is_busy_with_the_cell_again() -> None:
    shell = Shell()
    with kept_busy(shell):
        shell.kernel.answer("during it")
    shell.kernel.answer("after it")
    during = [("busy", "during it"), ("idle", "during it"), ("busy", CELL)]
    assert shell.kernel.told == [*during, ("busy", "after it"), ("idle", "after it")]


def test_of_several_runs_that_are_awaited_the_last_one_ends_it() -> None:
    shell = Shell()
    first, second = kept_busy(shell), kept_busy(shell)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    shell.kernel.answer("during the second")
    second.__exit__(None, None, None)
    shell.kernel.answer("after both")
    assert [parent for status, parent in shell.kernel.told if status == "busy"] == [
        "during the second",
        CELL,
        "after both",
    ]


def test_a_shell_without_a_kernel_has_nothing_to_tell() -> None:
    with kept_busy(object()):
        pass
