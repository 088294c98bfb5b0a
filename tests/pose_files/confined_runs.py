"""The smoothing command in children of one small process: python confined_runs.py ROOM_IN_MEGABYTES

For each line of JSON on stdin, {"words", "folder", "output"}, a child runs the command in `folder`, with what it prints
in the files OUTPUT.out and OUTPUT.err, and may take ROOM more address space than it has when it starts. Each answer is
a line of JSON: exit code, seconds of
the processor, and by how many megabytes its memory grew at most.
"""

import json
import os
import resource
import signal
import sys

import kerasmooth.pose_files.command  # noqa: F401 - loaded before the children are, so that they start at once
from kerasmooth import smooth

MAX_SECONDS = 60
"""A child that takes longer is killed."""


def run(words: list[str], folder: str, output: str, room: int) -> None:
    """Becomes the command; does not return."""
    status = 70
    try:
        os.chdir(folder)
        for number, ending in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{output}.{ending}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        with open("/proc/self/statm", encoding="ascii") as file:
            limit = int(file.read().split()[0]) * resource.getpagesize() + room
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        signal.alarm(MAX_SECONDS)
        sys.argv = ["kerasmooth-smooth", *words]
        smooth.cli()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    """Serves until stdin ends."""
    room = int(sys.argv[1]) << 20
    for line in sys.stdin:
        asked = json.loads(line)
        before = resident()
        child = os.fork()
        if not child:
            run(asked["words"], asked["folder"], asked["output"], room)
        _, status, used = os.wait4(child, 0)
        answer = {
            "code": os.waitstatus_to_exitcode(status),
            "seconds": used.ru_utime + used.ru_stime,
            "megabytes": max(0.0, used.ru_maxrss / 1024 - before),
        }
        print(json.dumps(answer), flush=True)


def resident() -> float:
    """Megabytes of this process in memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / (1 << 20)


if __name__ == "__main__":
    main()
