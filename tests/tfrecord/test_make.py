"""Records from Python; what they hold is tested with the command, which is its first user."""

from pathlib import Path

import pytest

from kerasmooth.datasets import PennAction, write_raw
from kerasmooth.errors import InputError
from kerasmooth.tfrecord.make import make_records


def test_a_reader_becomes_records_of_its_own_grid(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", dataset="penn_action", num_videos=5, frames_per_video=9, seed=1)
    reader, said = PennAction(tmp_path / "raw", actions="all", size=(10, 12)), list[str]()
    manifest = make_records(reader, tmp_path, window=3, say=said.append)
    assert (manifest.dataset, manifest.size, manifest.window) == ("penn_action", (10, 12), 3)
    assert (tmp_path / "penn_action" / "manifest.json").is_file()
    assert make_records(reader, tmp_path, window=3, say=said.append).shards == manifest.shards
    assert said == ["These records are there already: nothing to do."]
    with pytest.raises(InputError, match=r"window=3 \(now 5\)"):
        make_records(reader, tmp_path)
    assert make_records(reader, tmp_path, overwrite=True).window == 5
    with pytest.raises(ValueError, match=r"size=\(56, 56\), reader.size=\(10, 12\)"):
        make_records(reader, tmp_path, size=(56, 56))


def test_the_sample_is_called_by_its_name(tmp_path: Path) -> None:
    manifest = make_records("sample", tmp_path, size=(12, 10), stride=9)
    assert (manifest.size, manifest.stride) == ((12, 10), 9)
    with pytest.raises(ValueError, match="reader='brace'"):
        make_records("brace", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make"):
        make_records("sample", tmp_path / "file")
