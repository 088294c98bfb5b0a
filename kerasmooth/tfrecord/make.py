"""Records from Python: the one call behind the command."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from kerasmooth import storage
from kerasmooth.boxes import Size
from kerasmooth.datasets import DatasetReader, Sample
from kerasmooth.errors import InputError
from kerasmooth.tfrecord import build
from kerasmooth.tfrecord.manifest import Manifest


def make_records(
    reader: DatasetReader | str,
    records_dir: str | Path = "records",
    *,
    workers: int = 1,
    overwrite: bool = False,
    console: Console | None = None,
    say: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Manifest:
    """Makes <records_dir>/<reader.name>/ of raw files, or finds it made: TFRecord windows and a manifest.

    A call that was killed continues where it was; what is there already, made in the same way, is left as it is.

    Args:
      reader: of a dataset, such as `datasets.PennAction("raw/Penn_Action")`, or your own; "sample" generates a person.
      records_dir: holds a folder for each dataset.
      workers: processes that read raw files; more than one needs a main module that can be imported.
      overwrite: replace records that were made in another way.
      console: where progress goes.
      say: gets a line for each bad raw file that is skipped, and where nothing was to be done.
      **options: fields of `tfrecord.build.RecordOptions`, such as `window=5` or `splits="published"`. The grid of
        `size` cells is the reader's own, `PennAction(raw_dir, size=(56, 56))`; here it is for the sample only.

    Raises:
      InputError: a bad raw file, no window at all, a split without any, or a folder that cannot be written.
      ValueError: a size that is not the reader's, or a text that is not "sample".
    """
    with _with_raw_files(reader, options) as source:
        job = _job(source, records_dir, options)
        folder = job.folder
        if not overwrite and (manifest := build.finished(folder, job.flags)):
            say("These records are there already: nothing to do.")
            return manifest
        if isinstance(source, Sample):
            source.generate(source.raw_dir, job.options.seed)
        with _errors_name_files(folder):
            return build.build(job, workers, console or Console(quiet=True), say)


def read_share(
    reader: DatasetReader,
    records_dir: str | Path,
    share: build.Share,
    *,
    workers: int = 1,
    console: Console | None = None,
    say: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> int:
    """Reads a share of the raw files for a later `make_records` of the same options: see `tfrecord.build.read_share`.

    Raises:
      InputError: a bad raw file, or a folder that cannot be written.
    """
    with _with_raw_files(reader, options) as source:
        job = _job(source, records_dir, options)
        with _errors_name_files(job.folder):
            return build.read_share(job, share, workers, console or Console(quiet=True), say)


def _job(reader: DatasetReader, records_dir: str | Path, options: dict[str, Any]) -> build.RecordJob:
    folder = storage.path(records_dir, "records_dir") / reader.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--records_dir={records_dir}: cannot make {folder} ({error.strerror})") from None
    return build.RecordJob(reader, folder, build.RecordOptions(**{"splits": reader.default_split} | options))


@contextlib.contextmanager
def _errors_name_files(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"{error.filename or folder}: {error.strerror or error}"
        raise InputError(f"{what}: mend that and do the same again to continue") from None


@contextlib.contextmanager
def _with_raw_files(reader: DatasetReader | str, options: dict[str, Any]) -> Iterator[DatasetReader]:
    """The reader, and its `size` in the options; that of the sample has a folder which lasts as long as the block."""
    size: Size | None = options.get("size")
    if isinstance(reader, str):
        if reader != Sample.name:
            raise ValueError(f"reader must be a reader or {Sample.name!r}. Received: reader={reader!r}")
        with tempfile.TemporaryDirectory(prefix="kerasmooth-") as folder:
            yield Sample(Path(folder), **({} if size is None else {"size": size}))
        return
    own: Size | None = getattr(reader, "size", None)
    if size is not None and size != own:
        raise ValueError(f"size is the reader's own, give it that one. Received: size={size}, reader.size={own}")
    if own is not None:
        options["size"] = own
    yield reader
