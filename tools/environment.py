"""The project's own virtual environment, made on first use. Standard library only: nothing is installed yet."""

import hashlib
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUPPORTED = ((3, 11), (3, 13))


def announce(title: str) -> None:
    """Prints a heading for the next stage."""
    print(f"\n== {title}", flush=True)


def prepare(extras: str) -> str:
    """Makes .venv if it is not there, installs kerasmooth with `extras` into it, and returns its python.

    An environment that already holds this version of setup.cfg with these extras is used as it is.
    """
    if not SUPPORTED[0] <= sys.version_info[:2] <= SUPPORTED[1]:
        version = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"error: kerasmooth needs Python 3.11 to 3.13, this is {version}: run this with another python3.x")
    folder = Path(os.environ.get("KERASMOOTH_VENV", ROOT / ".venv"))
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    installed = folder / f"kerasmooth-{_fingerprint(extras)}"
    if installed.is_file() and python.is_file():
        return str(python)
    announce(f"Environment: {folder} (about a minute, about 2 GiB)")
    start = time.monotonic()
    if not python.is_file():
        venv.create(folder, with_pip=True, clear=folder.exists())
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", f"{ROOT}[{extras}]"]
    if subprocess.run(install, check=False).returncode:
        sys.exit("error: installing failed: the lines above are pip's; mend the cause and run this again")
    installed.touch()
    print(f"installed kerasmooth[{extras}] in {time.monotonic() - start:.0f} s", flush=True)
    return str(python)


def _fingerprint(extras: str) -> str:
    described = (ROOT / "setup.cfg").read_bytes() + extras.encode() + str(ROOT).encode()
    return hashlib.sha256(described).hexdigest()[:12]
