"""The comparison of filters: one kind of motion through all of it."""

import csv
import os
import subprocess
import sys
from pathlib import Path


def test_a_kick_through_every_smoother(repository: Path, tmp_path: Path) -> None:
    words = ["--kind=kick", "--rates=60", "--levels=0,1", "--workers=1", "--seeds=2", f"--csv={tmp_path / 'kick.csv'}"]
    command = [sys.executable, str(repository / "tools" / "compare_filters.py"), "--dataset=motion", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    with (tmp_path / "kick.csv").open() as file:
        rows = {(row["noise"], row["fault"], row["smoother"]): row for row in csv.DictReader(file)}
    assert float(rows["0 %", "", "auto"]["error"]) < 1
    raw, auto = (float(rows["1 % white", "", name]["error"]) for name in ("raw", "auto"))
    # Deviation 1 % along either axis: 10 * sqrt(pi / 2) thousandths.
    assert abs(raw - 12.5) < 0.5
    assert auto < 0.6 * raw
    assert float(rows["1 % white", "5 % single", "auto"]["recall"]) > 0.9
    assert "| 1 % white |" in done.stdout
