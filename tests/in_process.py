"""Runs an entry point as `python -m` does, but in this process: TensorFlow is loaded once."""

import runpy
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from absl import flags

Run = Callable[..., "Finished"]


@dataclass(frozen=True)
class Finished:
    """Exit status and what was printed."""

    code: int
    out: str
    err: str

    @property
    def is_bad_input(self) -> bool:
        """Status 2 and one line that says so, as every entry point promises."""
        lines = self.err.splitlines()
        return self.code == 2 and len(lines) == 1 and lines[0].startswith("error: ") and len(lines[0]) > 20


def runner(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """A function (module, *arguments) -> Finished."""

    def run(module: str, *arguments: str) -> Finished:
        sys.modules.pop(module, None)
        monkeypatch.setattr(sys, "argv", [module, *arguments])
        before, code = set(flags.FLAGS), 0
        capfd.readouterr()
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        finally:
            # Another entry point may define a flag of the same name, which absl takes for a mistake.
            for name in set(flags.FLAGS) - before:
                delattr(flags.FLAGS, name)
            flags.FLAGS.unparse_flags()
        return Finished(code, *capfd.readouterr())

    return run
