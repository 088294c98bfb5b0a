"""Makes the study's report: python -m kerasmooth.report.

Reads the results that kerasmooth.study kept and writes tables (Markdown, CSV), pictures (PNG) and report.html, one page
that opens from disk.
"""

from pathlib import Path

from absl import flags

from kerasmooth.command_line import run
from kerasmooth.reporting.page import write_report

_RESULTS_DIR = flags.DEFINE_string("results_dir", "flags/results", "folder of results, as kerasmooth.study wrote them")
_OUTPUT = flags.DEFINE_string("output", "", "folder for the report; default: results_dir")


def main() -> None:
    """Reports as the flags say."""
    results = Path(_RESULTS_DIR.value)
    for path in write_report(results, Path(_OUTPUT.value or results)):
        print(f"wrote {path}")  # noqa: T201


def cli() -> None:
    """The command `kerasmooth-report`."""
    run(main)


if __name__ == "__main__":
    cli()
