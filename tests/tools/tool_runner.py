"""Runs a tool of tools/ inside the test's process: much faster than starting Python and TensorFlow each time."""

import contextlib
import importlib.util
import io
import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from absl import flags

from kerasmooth.command_line import run

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@dataclass(frozen=True)
class Outcome:
    """Exit status and output of a run."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The last line of the error stream: what went wrong."""
        return self.err.rstrip("\n").rpartition("\n")[2]


Tool = Callable[..., Outcome]
"""A tool as a user calls it, by flags."""


def outcome_of(call: Callable[[], object], name: str, words: Sequence[str]) -> Outcome:
    """Runs what reads its flags from sys.argv."""
    out, err = io.StringIO(), io.StringIO()
    for flag in flags.FLAGS:
        flags.FLAGS[flag].unparse()
    code: object = 0
    with (
        mock.patch.object(sys, "argv", [f"{name}.py", *words]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            call()
        except SystemExit as stop:
            code = stop.code or 0
    return Outcome(code if isinstance(code, int) else 1, out.getvalue(), err.getvalue())


def entry_point(module: str) -> Tool:
    """An entry point of the package, run as `python -m` runs it; its flags are gone after each run."""

    def run_module(*words: str) -> Outcome:
        before = set(flags.FLAGS)
        try:
            return outcome_of(lambda: runpy.run_module(module, run_name="__main__", alter_sys=True), module, words)
        finally:
            for flag in set(flags.FLAGS) - before:
                delattr(flags.FLAGS, flag)

    return run_module


@contextlib.contextmanager
def loaded_tool(name: str) -> Iterator[Tool]:
    """Loads tools/<name>.py; its flags are gone afterwards, as other tools have flags of the same names."""
    before = set(flags.FLAGS)
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        yield lambda *words: outcome_of(lambda: run(module.main), name, words)
    finally:
        for flag in set(flags.FLAGS) - before:
            delattr(flags.FLAGS, flag)
        del sys.modules[name]
