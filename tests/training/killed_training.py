"""Trains in child processes that are killed: python killed_training.py RECORDS_DIR FOLDER KILLS SEED name=value ...

Writes FOLDER/whole, a run that nobody disturbed, and FOLDER/killed, one that SIGKILL ended KILLS times at random
moments before it was left to finish. Children are forked after TensorFlow's import and before its first use, which
spares most of their start.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from rich.console import Console

from kerasmooth.training.config import TrainingConfig
from kerasmooth.training.loop import train


def start(config: TrainingConfig, run_dir: Path) -> int:
    """Forks a child that trains; returns its process id."""
    if child := os.fork():
        return child
    status = 1
    try:
        train(config.replace(runs_dir=str(run_dir.parent), run_name=run_dir.name), console=Console(quiet=True))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def wait_for_change(path: Path, child: int) -> bool:
    """Waits for a new checkpoint; False where the child ended before."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    while not (path.exists() and path.stat().st_mtime_ns != before):
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return False
        time.sleep(0.002)
    return True


def main() -> None:
    records_dir, folder, kills, seed, *words = sys.argv[1:]
    values: dict[str, Any] = {name: json.loads(text) for name, text in (word.split("=", 1) for word in words)}
    config = TrainingConfig(records_dir=records_dir, datasets=("sample",), **values)
    whole, killed = Path(folder, "whole"), Path(folder, "killed")
    child = start(config, whole)
    wait_for_change(whole / "checkpoint.npz", child)
    began = time.monotonic()
    if wait(child):
        sys.exit("the undisturbed run failed")
    working = time.monotonic() - began
    chance, done = random.Random(int(seed)), 0
    while done < int(kills):
        child = start(config, killed)
        # Every fourth life ends anywhere in its start, the others after some time of work.
        if done % 4 == 3:
            time.sleep(chance.uniform(0, 2))
        elif wait_for_change(killed / "checkpoint.npz", child):
            time.sleep(chance.uniform(0, 0.8 * working / int(kills)))
        os.kill(child, signal.SIGKILL)
        if wait(child) != -signal.SIGKILL:
            break
        done += 1
    if wait(start(config, killed)):
        sys.exit("the continued run failed")
    print(f"killed {done} times")


if __name__ == "__main__":
    main()
