"""Raw files -> a folder of records: read, cut, split, write; the manifest comes last.

What is finished is kept in a hidden work folder until then, so that a run that was killed continues where it was.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

import kerasmooth
from kerasmooth import files, storage
from kerasmooth.boxes import Size
from kerasmooth.datasets import DatasetReader
from kerasmooth.errors import InputError
from kerasmooth.processes import in_processes
from kerasmooth.progress import Meter
from kerasmooth.quiet import import_tensorflow
from kerasmooth.tfrecord.assembly import Assembly, PlannedShard, assemble
from kerasmooth.tfrecord.manifest import (
    MANIFEST_NAME,
    Compression,
    Encoding,
    HeatmapSource,
    Manifest,
    Shard,
    load_manifest,
    sha256_of,
)
from kerasmooth.tfrecord.parts import PartMaker, load_part

WORK_PREFIX = ".work-"
MAX_BAD_SHARE = 0.01
"""With skip_bad: more bad raw files than this are no accident."""


@dataclass(frozen=True)
class RecordOptions:
    """How raw files become records.

    Attributes:
      window, frame_step, stride: see `kerasmooth.windows`.
      encoding: "keypoints" or "dense".
      splits: "video", "published" or "official", see `kerasmooth.splits`.
      num_shards: files a split, at most as many as windows; more where one would exceed 200 MB.
      seed: of the split, of the order of training windows, and of simulated noise with encoding dense.
      size: (height, width) of the grid, where no detector gives another.
      compression: of the shards, "none" or "GZIP".
      shifting_scalar, random_sigma: of simulated noise with encoding dense, see `kerasmooth.noise`.
      skip_bad: pass over bad raw files, up to one in a hundred.
    """

    window: int = 5
    frame_step: int = 1
    stride: int = 1
    encoding: Encoding = "keypoints"
    splits: str = "video"
    num_shards: int = 4
    seed: int = 0
    size: Size = (56, 56)
    compression: Compression = "none"
    shifting_scalar: float = 1.0
    random_sigma: bool = True
    skip_bad: bool = False


@dataclass(frozen=True)
class RecordJob:
    """Records to be made.

    Attributes:
      reader: of the dataset, with the folder of its raw files.
      folder: where they land.
      options: how they are made.
    """

    reader: DatasetReader
    folder: Path
    options: RecordOptions

    @property
    def flags(self) -> dict[str, object]:
        """All that the bytes depend on, for the manifest and to recognise a run that goes on."""
        values = dataclasses.asdict(self.options) | {name: getattr(self.reader, name) for name in self.reader.options()}
        if self.options.encoding != "dense" or self.reader.has_detector:
            del values["shifting_scalar"], values["random_sigma"]
        if self.reader.has_detector:
            del values["size"]
        raw_dir = None if self.reader.purpose == "sample" else str(self.reader.raw_dir)
        return values | {"dataset": self.reader.name, "raw_dir": raw_dir}


@dataclass(frozen=True)
class Share:
    """Raw files `index`, `index` + `count`, ...: what one of `count` machines reads."""

    index: int
    count: int


def finished(folder: Path, flags: Mapping[str, object]) -> Manifest | None:
    """The manifest of records that these flags made, whole and unchanged; None where there are none, or damaged ones.

    Raises:
      InputError: other flags made the records that are there.
    """
    if not (folder / MANIFEST_NAME).exists():
        return None
    manifest = load_manifest(folder)
    # As JSON has it: a tuple comes back as a list.
    wanted = json.loads(json.dumps(dict(flags)))
    if manifest.flags != wanted:
        names = sorted({k for k in {*wanted, *manifest.flags} if wanted.get(k) != manifest.flags.get(k)})
        changes = ", ".join(f"{k}={manifest.flags.get(k)!r} (now {wanted.get(k)!r})" for k in names)
        raise InputError(f"{folder}: holds records made with other flags: {changes}: pass --overwrite to replace them")
    whole = manifest.tool_version == kerasmooth.__version__ and all(_intact(folder, s) for s in manifest.shards)
    return manifest if whole else None


def _intact(folder: Path, shard: Shard) -> bool:
    path = folder / shard.name
    return path.is_file() and path.stat().st_size == shard.bytes and sha256_of(path) == shard.sha256


def build(job: RecordJob, workers: int, console: Console, announce: Callable[[str], None] = print) -> Manifest:
    """Makes the records of a job, continuing what a former run of the same job began. Old records are replaced.

    Args:
      job: what to make.
      workers: processes that read raw files; the bytes do not depend on it.
      console: for progress bars.
      announce: gets a line for each bad raw file that is skipped.

    Raises:
      InputError: a bad raw file, too many of them, no window at all, or a split without any.
    """
    work = _work_folder(job)
    paths, skipped = _read(job, work, job.reader.list_sources(), workers, console, announce)
    options = job.options
    assembly = assemble(
        [load_part(path) for path in paths],
        window=options.window,
        frame_step=options.frame_step,
        stride=options.stride,
        rule=options.splits,
        seed=options.seed,
        published=type(job.reader).published_split,
    )
    (job.folder / MANIFEST_NAME).unlink(missing_ok=True)
    shards = _write(job, work, _digest(*(path.name for path in paths)), assembly, console)
    manifest = _manifest(job, assembly, shards, skipped)
    files.write_text(job.folder / MANIFEST_NAME, manifest.to_json())
    _tidy(job.folder, {shard.name for shard in shards})
    return manifest


def read_share(
    job: RecordJob, share: Share, workers: int, console: Console, announce: Callable[[str], None] = print
) -> int:
    """Reads a share of the raw files into the work folder, where `build` finds what was read. Returns their number.

    Several machines that see the same folders read a share each, at once; `build` then gives the bytes that it gives
    alone.

    Raises:
      InputError: a bad raw file, or too many of them.
    """
    sources = job.reader.list_sources()[share.index :: share.count]
    _read(job, _work_folder(job), sources, workers, console, announce)
    return len(sources)


def _work_folder(job: RecordJob) -> Path:
    # A run that a bad file stopped may go on with skip_bad.
    kept = {name: value for name, value in job.flags.items() if name != "skip_bad"}
    work = job.folder / (WORK_PREFIX + _digest(json.dumps(kept, sort_keys=True), kerasmooth.__version__))
    work.mkdir(parents=True, exist_ok=True)
    return work


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _read(
    job: RecordJob, work: Path, sources: list[str], workers: int, console: Console, announce: Callable[[str], None]
) -> tuple[list[Path], list[str]]:
    """(paths of the parts, raw files that were skipped)."""
    maker = PartMaker(job.reader, work, job.options.size)
    remedy = "run the same command again to continue, or with --workers=1"
    parts = in_processes(maker.try_make, sources, workers, remedy)
    paths, bad = list[Path](), list[str]()
    with Meter(console, "reading", len(sources), unit="files") as meter:
        for source, made in zip(sources, parts, strict=True):
            meter.advance()
            if not isinstance(made, InputError):
                paths.append(made)
                continue
            if not job.options.skip_bad:
                raise InputError(f"{made} (or pass over bad files with --skip_bad)")
            bad.append(source)
            announce(f"skipped: {made}")
    if len(bad) > MAX_BAD_SHARE * len(sources):
        raise InputError(
            f"{len(bad)} of {len(sources)} raw files are bad, more than {MAX_BAD_SHARE:.0%}, which --skip_bad does "
            f"not pass over: {', '.join(bad[:3])}{' ...' if len(bad) > 3 else ''}: get the raw files anew"
        )
    return paths, bad


def _write(job: RecordJob, work: Path, state: str, assembly: Assembly, console: Console) -> list[Shard]:
    """Writes the shards that are not there yet; `state` stands for the raw files they are made from."""
    # TensorFlow takes seconds to import, and worker processes import this module.
    import_tensorflow()
    from kerasmooth.noise import DetectorNoise
    from kerasmooth.tfrecord.writer import RecordMaker, write_shard

    options = job.options
    noise = DetectorNoise(options.seed, options.shifting_scalar, random_sigma=options.random_sigma, fresh=False)
    make_record = RecordMaker(options.encoding, assembly.size, noise)
    offsets = np.arange(options.window) * options.frame_step
    shards = []
    with Meter(console, "writing", assembly.num_windows) as meter:

        def records(planned: PlannedShard) -> Iterator[bytes]:
            for clip, start in planned.windows:
                yield make_record(assembly.clips[clip], start + offsets)
                meter.advance()

        clip, start = next(iter(assembly.windows.values()))[0]
        record_bytes = len(make_record(assembly.clips[clip], start + offsets))
        for planned in assembly.shards(options.num_shards, record_bytes):
            note = work / f"{state}-{planned.name}.json"
            shard = _noted(job.folder, note)
            if shard is None:
                path = job.folder / planned.name
                shard = write_shard(path, planned.split, records(planned), options.compression)
                files.write_text(note, shard.to_json())
            else:
                meter.advance(steps=shard.windows)
            shards.append(shard)
    return shards


def _noted(folder: Path, note: Path) -> Shard | None:
    """The shard that a former run finished, if its note and the file itself are whole."""
    try:
        shard = Shard.from_json(note.read_bytes(), str(note))
    except (OSError, InputError):
        return None
    return shard if _intact(folder, shard) else None


def _manifest(job: RecordJob, assembly: Assembly, shards: list[Shard], skipped: list[str]) -> Manifest:
    options = job.options
    simulated: HeatmapSource = "simulated" if options.encoding == "dense" else "none"
    return Manifest(
        dataset=job.reader.name,
        window=options.window,
        frame_step=options.frame_step,
        stride=options.stride,
        size=assembly.size,
        encoding=options.encoding,
        compression=options.compression,
        heatmaps="detector" if assembly.has_detector else simulated,
        clips=assembly.num_clips,
        frames=assembly.num_frames,
        windows={split: len(windows) for split, windows in assembly.windows.items()},
        dropped=assembly.dropped,
        dropped_windows=assembly.dropped_windows,
        annotated=job.reader.annotated(),
        shards=tuple(shards),
        flags=job.flags,
        licence=job.reader.licence,
        citation=job.reader.citation,
        tool_version=kerasmooth.__version__,
        skipped_files=tuple(skipped),
    )


def _tidy(folder: Path, keep: set[str]) -> None:
    """Removes what earlier records and interrupted runs left."""
    for path in folder.iterdir():
        if path.name.startswith(WORK_PREFIX):
            storage.remove_tree(path)
        elif path.name.endswith(".tfrecord") and path.name not in keep:
            path.unlink(missing_ok=True)
    files.clear_partial(folder)
