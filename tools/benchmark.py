"""Measures kerasmooth beside the usual way of doing the same, alternating in one run, and prints the tables.

Usage: python tools/benchmark.py [--seconds=3] [--write_readme] [records input decode pck smooth ...]

Each part is a module of tools/benchmarks with TITLE, LIMIT (what the speed is bounded by) and measure(seconds), which
gives the rows of a table, or heading -> rows of several.
"""

import argparse
import importlib
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
README = HERE / "README.md"
ONE_CORE = {"smooth"}
"""Parts that are measured on one core, libraries and all."""


def parts() -> list[str]:
    """Names of everything that can be measured."""
    modules = sorted(path for path in (HERE / "benchmarks").glob("*.py") if not path.name.startswith("_"))
    return [path.stem for path in modules if "\ndef measure(" in path.read_text()]


def as_markdown(rows: Sequence[dict[str, object]]) -> str:
    """A table of rows that share their keys."""
    keys = list(rows[0])
    lines = ["| " + " | ".join(keys) + " |", "|" + "---|" * len(keys)]
    lines += ["| " + " | ".join(_cell(row[key]) for key in keys) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


def measure(name: str, seconds: float) -> str:
    """Runs one part and returns its section in Markdown."""
    module = importlib.import_module(f"benchmarks.{name}")
    found = module.measure(seconds)
    tables = found if isinstance(found, dict) else {"": found}
    shown = "\n\n".join(f"{heading}\n\n{as_markdown(rows)}".strip() for heading, rows in tables.items())
    return f"**{module.TITLE}**\n\n{shown}\n\nLimit: {module.LIMIT}"


def write_section(name: str, section: str) -> None:
    """Replaces the section between this part's markers in tools/README.md."""
    begin, end = f"<!-- benchmark {name} -->", f"<!-- end of benchmark {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    text = README.read_text()
    if not pattern.search(text):
        sys.exit(f"error: {README.name} has no place for {name!r}: add the lines {begin} and {end}")
    README.write_text(pattern.sub(lambda _: f"{begin}\n{section}\n{end}", text))


def main() -> None:
    known = parts()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts to measure: " + ", ".join(known) + " (default: all)")
    parser.add_argument("--seconds", type=float, default=3.0, help="time to spend on each row, at least")
    parser.add_argument("--write_readme", action="store_true", help="put the tables into tools/README.md")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(known):
        parser.error(f"unknown parts {sorted(unknown)}; there are {known}")
    if arguments.seconds <= 0:
        parser.error(f"--seconds must be positive. Received: {arguments.seconds}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if arguments.names and set(arguments.names) <= ONE_CORE:
        for library in ("OMP", "OPENBLAS", "MKL"):
            os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    sys.path.insert(0, str(HERE))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n")
    for name in arguments.names or known:
        section = measure(name, arguments.seconds)
        print(section + "\n", flush=True)
        if arguments.write_readme:
            write_section(name, section)


if __name__ == "__main__":
    main()
