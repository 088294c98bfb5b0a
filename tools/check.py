"""Everything a change must pass: lint, types and tests, in an environment of its own.

Usage: python3 tools/check.py [--slow] [words for pytest ...]

Needs only Python 3.11-3.13 and a package index; makes .venv beside the code the first time.
"""

import subprocess
import sys

from environment import ROOT, announce, prepare


def main() -> int:
    words = sys.argv[1:]
    python = prepare(extras="dev,tensorboard")
    tests = [python, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal"]
    if "--slow" in words:
        words.remove("--slow")
        tests += ["-m", "slow or not slow"]
    checks = {
        "Lint (ruff check)": [python, "-m", "ruff", "check", "."],
        "Format (ruff format)": [python, "-m", "ruff", "format", "--check", "."],
        "Types (mypy)": [python, "-m", "mypy"],
        "Tests (pytest)": tests + words,
    }
    failed = []
    for title, command in checks.items():
        announce(title)
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(title)
    print("\nFailed: " + ", ".join(failed) if failed else "\nAll checks passed.", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
