"""Workers see that all are there and agree, before TensorFlow joins them."""

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from small_records import write_records

from kerasmooth.errors import InputError
from kerasmooth.training.rendezvous import meet

SAME = {"--seed": "0", "records": "abc"}


def addresses(count: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return found


def met(facts: list[dict[str, str] | None], timeout: float = 10) -> tuple[list[str], list[str]]:
    """What each of the workers gets (None: one that never comes; "" is no error), and what they say meanwhile."""
    workers, said = addresses(len(facts)), []

    def one(index: int) -> str:
        try:
            meet(facts[index] or {}, workers, index, timeout, said.append)
        except InputError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(len(facts)) as pool:
        running = [pool.submit(one, index) for index, given in enumerate(facts) if given is not None]
        return [answer.result() for answer in running], said


def test_workers_that_agree_go_on() -> None:
    assert met([SAME, SAME, SAME]) == (["", "", ""], [])


def test_the_one_that_differs_is_named_to_all() -> None:
    answers, _ = met([SAME, SAME | {"--seed": "1"}, {**SAME, "--ema": "0.9"}])
    assert len(set(answers)) == 1
    assert "worker 1 (127.0.0.1:" in answers[0]
    assert "differs from worker 0 in --seed (1, not 0)" in answers[0]
    assert "differs from worker 0 in --ema (0.9, not None)" in answers[0]


def test_a_worker_with_another_list_of_workers_is_named() -> None:
    workers = addresses(3)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(meet, SAME, workers[:2], 0, 10, str)
        last = pool.submit(meet, SAME, workers, 2, 10, str)
        for answer in (first, last):
            with pytest.raises(InputError, match=r"worker 2 differs .* in workers in TF_CONFIG \(3, not 2\)"):
                answer.result()


@pytest.mark.parametrize("absent", [0, 1])
def test_the_one_that_does_not_come_is_named_to_all(absent: int) -> None:
    facts: list[dict[str, str] | None] = [SAME, SAME, SAME]
    facts[absent] = None
    started = time.monotonic()
    answers, _ = met(facts, timeout=1)
    assert len(answers) == 2
    for answer in answers:
        assert f"worker {absent} (127.0.0.1:" in answer
        assert "did not come within 1 s" in answer
    assert time.monotonic() - started < 8


def test_it_is_said_who_is_waited_for_and_strangers_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasmooth.training.rendezvous._SAY", 0.1)
    workers, said = addresses(2), []
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(meet, SAME, workers, 0, 10, said.append)
        time.sleep(0.5)
        host, port = workers[0].split(":")
        for words in (b"GET / HTTP/1.0\r\n\r\n", b"[]\n", b'{"worker": "x"}\n', b""):
            with socket.create_connection((host, int(port))) as stranger:
                stranger.sendall(words)
        meet(SAME, workers, 1, 10, said.append)
        first.result()
    assert said[0] == f"Waiting for worker 1 ({workers[1]})."


def started(folder: Path, index: int, workers: list[str], *flags: str) -> subprocess.Popen[str]:
    task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
    words = [sys.executable, "-m", "kerasmooth.train", "--strategy=multi_worker", "--run_name=one", "--datasets=sample"]
    words += [f"--records_dir={folder / 'records'}", f"--runs_dir={folder / 'runs'}", *flags]
    environment = os.environ | {"TF_CONFIG": json.dumps(task), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_the_command_ends_with_one_line(tmp_path: Path) -> None:
    write_records(tmp_path / "records")
    workers = addresses(2)
    both = [started(tmp_path, index, workers, f"--seed={index}") for index in range(2)]
    for process in both:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 2, err
        assert err.splitlines()[-1].startswith("error: worker 1 (127.0.0.1:")
        assert "--seed (1, not 0)" in err
        assert "Traceback" not in err


@pytest.mark.parametrize("index", [0, 1])
def test_sigterm_ends_the_wait_at_once(index: int) -> None:
    waiting = f"meet({{}}, {addresses(2)}, {index}, 60, lambda line: print(line, flush=True))"
    code = (
        "from kerasmooth.command_line import run; from kerasmooth.training import rendezvous; rendezvous._SAY = 0.1; "
    )
    code += f"run(lambda: rendezvous.{waiting})"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(f"Waiting for worker {1 - index}")
    process.terminate()
    started_at = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - started_at < 5
    assert (process.returncode, err.count("\n")) == (2, 1), err
    assert err.startswith("error: SIGTERM came while other workers were waited for")


@pytest.mark.slow
def test_a_worker_that_dies_ends_the_others_with_one_line_and_both_continue(tmp_path: Path) -> None:
    write_records(tmp_path / "records")
    small = ["--model=deciwatch", "--model_options=num_layers=1,hidden_dim=8", "--batch_size=4"]
    small += ["--max_epochs=8", "--steps_per_epoch=4", "--validation_windows=4"]

    def both(name: str) -> list[subprocess.Popen[str]]:
        workers = addresses(2)
        return [started(tmp_path, index, workers, *small, f"--run_name={name}") for index in range(2)]

    def end_well(name: str) -> None:
        for process in both(name):
            _, err = process.communicate(timeout=480)
            assert process.returncode == 0, err[-2000:]

    end_well("whole")
    run_dir, running = tmp_path / "runs" / "killed", both("killed")
    end = time.monotonic() + 180
    while not (run_dir / "history.csv").is_file() and time.monotonic() < end:
        time.sleep(0.05)
    running[1].kill()
    running[1].communicate()
    out, err = running[0].communicate(timeout=120)
    assert running[0].returncode == 2, (running[0].returncode, out[-2000:], err[-2000:])
    assert "a worker went away (" in err.splitlines()[-1]
    assert "Graph execution error" not in err
    assert "Traceback" not in err
    end_well("killed")
    for name in ("best.keras", "best.json"):
        assert (run_dir / name).read_bytes() == (tmp_path / "runs" / "whole" / name).read_bytes()
