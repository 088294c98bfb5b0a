"""Workers meet before TensorFlow joins them: all are there, and all were started with the same settings.

TensorFlow waits for absent workers without a limit and heeds no signal meanwhile, and it trains workers that were
started with different settings, wrongly, to the end. So the first worker listens for a moment on the port that
TensorFlow will use, the others tell it what they were started with, and each learns from it whether to go on.
"""

import contextlib
import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kerasmooth.errors import InputError
from kerasmooth.interrupt import on_kill

Facts = Mapping[str, str]
"""What must be the same for all workers, by the names that a user knows it by."""

_LONGEST = 2**20
"""Bytes of what a worker may say."""
_RETRY, _SAY = 0.2, 5.0
"""Seconds between two tries to reach the first worker, and between two lines that say who is waited for."""
_ANSWER = 10.0
"""Seconds in which one that connects must say who it is."""


def meet(facts: Facts, workers: Sequence[str], index: int, timeout: float, say: Callable[[str], None]) -> None:
    """Returns once all workers were seen to agree.

    Args:
      facts: of this worker.
      workers: addresses, host:port, of all.
      index: of this worker among them.
      timeout: seconds to wait for the others.
      say: gets lines that say who is waited for.

    Raises:
      InputError: somebody did not come in time, or was started with something else; every worker that came gets it.
        Or SIGTERM came meanwhile.
    """
    end, facts = time.monotonic() + timeout, {"workers in TF_CONFIG": str(len(workers)), **facts}
    try:
        with on_kill(_terminate):
            answer = _receive_all(facts, workers, end, say) if index == 0 else _report(facts, workers, index, end, say)
    except _Terminated:
        raise InputError("SIGTERM came while other workers were waited for: nothing was trained") from None
    if answer:
        raise InputError(answer)


class _Terminated(BaseException):
    """SIGTERM came."""


def _terminate(number: int, frame: object) -> None:
    raise _Terminated


def _receive_all(facts: Facts, workers: Sequence[str], end: float, say: Callable[[str], None]) -> str:
    """The first worker's part: what is wrong, which the others get too; empty where nothing is."""
    came: dict[int, tuple[socket.socket, Facts]] = {}
    said_at = began = time.monotonic()
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listening(workers[0]))
        while len(came) < len(workers) - 1 and time.monotonic() < end:
            if time.monotonic() > said_at + _SAY:
                said_at = time.monotonic()
                say(f"Waiting for {_names(workers, set(range(1, len(workers))) - set(came))}.")
            listener.settimeout(max(min(_RETRY, end - time.monotonic()), 0.01))
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # whoever it was, it was no worker
                connection, _ = listener.accept()
                stack.enter_context(connection)
                connection.settimeout(_ANSWER)
                said = _received(connection)
                came[int(said["worker"])] = (connection, dict(said["facts"]))
        absent = set(range(1, len(workers))) - set(came)
        answer = _differences(facts, workers, {index: theirs for index, (_, theirs) in came.items()})
        if absent and not answer:
            answer = _absent(workers, absent, began)
        for connection, _ in came.values():
            with contextlib.suppress(OSError):
                _send(connection, answer)
    return answer


def _report(facts: Facts, workers: Sequence[str], index: int, end: float, say: Callable[[str], None]) -> str:
    """Another worker's part: says what it was started with, and gives what the first one answers."""
    host, _, port = workers[0].rpartition(":")
    said_at = began = time.monotonic()
    while (left := end - time.monotonic()) > 0:
        address = (host, int(port))
        with contextlib.suppress(OSError, ValueError), socket.create_connection(address, timeout=left) as peer:
            _send(peer, {"worker": index, "facts": dict(facts)})
            peer.settimeout(max(end - time.monotonic(), 0.01) + _ANSWER)
            return str(_received(peer))
        if time.monotonic() > said_at + _SAY:
            said_at = time.monotonic()
            say(f"Waiting for {_names(workers, {0})}.")
        time.sleep(min(_RETRY, max(end - time.monotonic(), 0)))
    return _absent(workers, {0}, began)


def _listening(address: str) -> socket.socket:
    port = int(address.rpartition(":")[2])
    try:
        return socket.create_server(("", port), backlog=64)
    except OSError as error:
        raise InputError(f"cannot listen on port {port} ({error.strerror}): is an earlier worker running?") from None


def _send(connection: socket.socket, value: Any) -> None:
    connection.sendall(json.dumps(value).encode() + b"\n")


def _received(connection: socket.socket) -> Any:
    with connection.makefile("rb") as lines:
        return json.loads(lines.readline(_LONGEST))


def _differences(mine: Facts, workers: Sequence[str], others: Mapping[int, Facts]) -> str:
    lines = []
    for index, theirs in sorted(others.items()):
        names = [name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)]
        if names:
            shown = ", ".join(f"{name} ({theirs.get(name)}, not {mine.get(name)})" for name in names)
            lines.append(f"{_names(workers, {index})} differs from worker 0 in {shown}")
    return "; ".join(lines) + ": start all workers with the same flags, records and packages" if lines else ""


def _absent(workers: Sequence[str], indices: set[int], began: float) -> str:
    waited = f"{time.monotonic() - began:.0f} s"
    return (
        f"{_names(workers, indices)} did not come within {waited}: start all workers, each with its own index in "
        "TF_CONFIG (--worker_timeout waits longer)"
    )


def _names(workers: Sequence[str], indices: set[int]) -> str:
    """By index and address, of those that have one in TF_CONFIG here."""
    return ", ".join(f"worker {i}" + f" ({''.join(workers[i : i + 1])})" * (i < len(workers)) for i in sorted(indices))
