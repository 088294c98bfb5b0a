"""What the tests of make_records share."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from tool_runner import TOOLS, Outcome

from kerasmooth.tfrecord.manifest import load_manifest
from kerasmooth.tfrecord.reader import parse_batch, shard_paths


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def refused(outcome: Outcome, expected: str) -> None:
    assert outcome.code == 2, outcome.err
    assert outcome.error.startswith("error: ")
    assert expected in outcome.error
    assert outcome.err.count("error: ") == 1


def read_all(folder: Path, split: str) -> dict[str, np.ndarray]:
    manifest = load_manifest(folder)
    dataset = tf.data.TFRecordDataset(shard_paths(folder, split), manifest.compression_type)
    batch = parse_batch(tf.stack(list(dataset)), manifest)
    return {name: value.numpy() for name, value in batch.items()}


def start(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(TOOLS / "make_records.py"), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> Outcome:
    out, err = process.communicate(timeout=300)
    return Outcome(process.returncode, out, err)
