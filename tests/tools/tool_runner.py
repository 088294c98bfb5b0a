"""Runs a tool of tools/ inside the test's process: much faster than starting Python and TensorFlow each time."""

import contextlib
import importlib.util
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
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


class Tool:
    """A tool as a user calls it, by flags."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __call__(self, *words: str) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        for name in flags.FLAGS:
            flags.FLAGS[name].unparse()
        code: object = 0
        with (
            mock.patch.object(sys, "argv", [f"{self._module.__name__}.py", *words]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                run(self._module.main)
            except SystemExit as stop:
                code = stop.code or 0
        return Outcome(code if isinstance(code, int) else 1, out.getvalue(), err.getvalue())


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
        yield Tool(module)
    finally:
        for flag in set(flags.FLAGS) - before:
            delattr(flags.FLAGS, flag)
        del sys.modules[name]
