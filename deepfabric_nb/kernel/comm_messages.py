"""Answer a page's widget messages while a cell keeps the kernel busy.

A kernel handles messages one by one, so while a cell runs, a click on its widget waits, and so does a reloaded page
that asks for the widget's state. Here the cell itself receives the messages that have arrived: those of widgets, and
the two requests with which a page begins, are answered at once; all others, such as the next cell, are put back in
their order when the cell ends.

This uses undocumented parts of ipykernel (tested with 6.31 to 7.4). Where they differ, no message is received, and the
user has to interrupt the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from inspect import isawaitable
from typing import Any

_log = logging.getLogger(__name__)

_ANSWERED = {"comm_open", "comm_msg", "comm_close", "comm_info_request", "kernel_info_request"}


@contextlib.contextmanager
def listening(shell: Any) -> Iterator[Listener | None]:
    """Yield a listener for the shell's kernel while this context is open, or None if there is no such kernel."""
    listener = None
    with contextlib.suppress(AttributeError, ImportError):
        listener = Listener(shell.kernel)
    with kept_busy(shell):
        try:
            yield listener
        finally:
            if listener is not None:
                listener.put_back()


@contextlib.contextmanager
def kept_busy(shell: Any) -> Iterator[None]:
    """Let the kernel be seen to be busy with the cell that is running, while this context is open.

    Each message ends with "idle", for which the page waits, also one that a subshell or the control thread answers
    beside the cell. A page shows the last status, so "busy" for the cell follows at once.
    """
    kernel: Any = getattr(shell, "kernel", None)
    if not hasattr(kernel, "_publish_status"):
        yield
        return
    known = kernel._publish_status  # noqa: SLF001 - there is no public way
    staying = known if isinstance(known, _StayBusy) else _StayBusy(known, kernel.get_parent("shell"))
    kernel._publish_status = staying  # noqa: SLF001 - as above
    staying.users += 1
    try:
        yield
    finally:
        staying.users -= 1
        if not staying.users:
            kernel._publish_status = staying.publish  # noqa: SLF001 - as it was


class _StayBusy:
    """Publishes a status, and after "idle" that the kernel is busy with the cell; the last of its users removes it."""

    def __init__(self, publish: Callable[..., None], cell: Any) -> None:
        self.publish = publish
        self.users = 0
        self._cell = cell

    def __call__(self, status: str, *channel: Any, **more: Any) -> None:
        self.publish(status, *channel, **more)
        if status == "idle":
            self.publish("busy", "shell", self._cell)


class Listener:
    """Receives messages that wait for the kernel's main thread; it must be used in that thread."""

    def __init__(self, kernel: Any) -> None:
        import zmq

        self._kernel = kernel
        self._socket, self._stream, self._replies = _channel(kernel)
        self._waiting = zmq.NOBLOCK
        self._nothing = zmq.Again
        self._put_aside: list[Any] = []
        self._receive = self._stream._recv_callback  # noqa: SLF001 - to put messages back as if they had just arrived
        self._disabled = False

    def hear(self) -> None:
        """Answer the messages that have arrived and can be answered now."""
        while not self._disabled:
            try:
                message = self._socket.recv_multipart(self._waiting, copy=False)
            except self._nothing:
                return
            try:
                self._take(message)
            except Exception:  # noqa: BLE001 - a kernel of another kind must not cost the run
                _log.debug("a message could not be answered while a cell runs", exc_info=True)
                self._disabled = True

    def _take(self, message: list[Any]) -> None:
        identities, frames = self._kernel.session.feed_identities(message, copy=False)
        kind = json.loads(bytes(frames[1].buffer))["msg_type"]
        if kind in _ANSWERED:
            self._answer(kind, identities, frames)
        else:
            self._put_aside.append(message)

    def _answer(self, kind: str, identities: Any, frames: Any) -> None:
        kernel = self._kernel
        parsed = kernel.session.deserialize(frames, content=True, copy=False)
        before = kernel._parent_ident["shell"], kernel.get_parent("shell")  # noqa: SLF001
        try:
            kernel.set_parent(identities, parsed, channel="shell")
            kernel._publish_status("busy", "shell")  # noqa: SLF001
            result = kernel.shell_handlers[kind](self._replies, identities, parsed)
            if isawaitable(result):
                _finish(result)
            kernel._publish_status("idle", "shell")  # noqa: SLF001
        finally:
            kernel.set_parent(*before, channel="shell")

    def put_back(self) -> None:
        """Pass the messages that were put aside to the kernel, in the order of arrival."""
        while self._put_aside:
            received = self._receive(self._put_aside.pop(0))
            if isawaitable(received):
                asyncio.ensure_future(received)  # noqa: RUF006 - as the stream itself does


def _channel(kernel: Any) -> tuple[Any, Any, Any]:
    """Return the socket where the main thread's messages arrive, the stream that reads it, and the replies' socket."""
    thread = getattr(kernel, "shell_channel_thread", None)
    if thread is None:
        return kernel.shell_stream.socket, kernel.shell_stream, kernel.shell_stream
    pair = thread.manager.get_shell_channel_to_subshell_pair(None)
    return pair.to_socket, pair.to_stream, thread.manager.get_subshell_to_shell_channel_socket(None)


def _finish(result: Any) -> None:
    """Run a coroutine that doesn't wait for anything."""
    coroutine = result.__await__()
    with contextlib.suppress(StopIteration):
        while True:
            next(coroutine)


def hear_while_busy(comm: Any) -> None:
    """Let a widget's messages arrive while a cell runs.

    ipykernel 7.4 sends a widget's messages to the shell from which the widget was last used, which is busy with the
    cell; without this setting they go where the browser sends them, to a shell of their own.
    """
    if getattr(comm, "_reply_subshell_for", None) is not None:
        comm._reply_subshell_for = None  # noqa: SLF001 - there is no public way
