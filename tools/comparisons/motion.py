"""Smoothers on generated motion, whose truth is known: what a detector's noise costs, and what a smoother makes of it.

Seventeen kinds of motion, from a person who stands still to a sprint, three seconds each, at five frame rates. The
noise is given in per cent of the torso, as its deviation along an axis, white or correlated (AR(1), memory 0.08 s).
"""

import csv
import functools
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track
from scipy.ndimage import gaussian_filter1d

from comparisons.known_truth import smoothed_by_the_truth
from comparisons.smoothers import as_they_come, loaded, trained
from kerasmooth.pose_table import REPLACED
from kerasmooth.sample.motion import sequence
from kerasmooth.sample.randomness import correlated, generator
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.smoothing.keypoints import smooth_keypoints

KINDS = (
    "standing", "walking", "sprint", "kick", "punch", "throw", "jump", "jumping_jacks", "cartwheel",
    "climbing", "toprock", "footwork", "powermove", "pitching", "bench_press", "situp", "squat",
)  # fmt: skip
RATES = (25, 30, 60, 120, 240)
LEVELS = (0.0, 0.3, 0.5, 1.0, 2.0, 5.0, 12.0, 14.0)
"""Per cent of the torso; 14 is what the published study simulates at s = 1."""
MEMORY = 0.08
"""Seconds."""
SHAKE_SECONDS = 0.05
"""Deviation of the Gaussian over which a camera's way, shaken by hand, is smooth: most of it is slower than 4 Hz."""
SECONDS = 3.0
ROUNDING = 1e-9
"""Of what was left as it was."""
FASTEST = 0.95
"""Quantile of the speed from which on a keypoint counts as fast."""
GESTURES = {
    "kick": ("left_ankle", "right_ankle"),
    "punch": ("left_wrist", "right_wrist"),
    "throw": ("left_wrist", "right_wrist"),
    "jump": ("left_ankle", "right_ankle"),
    "jumping_jacks": ("left_wrist", "right_wrist"),
    "cartwheel": ("left_ankle", "right_ankle"),
    "sprint": ("left_ankle", "right_ankle"),
    "pitching": ("left_wrist", "right_wrist"),
}
"""Kind -> keypoints whose turning points are watched."""
FAULTS = (
    *("2 % single", "5 % single", "2 % runs", "5 % runs", "10 % dropped", "5 % swapped"),
    *("3 % shaken", "10 % shaken"),
)
FAULT_RATES, FAULT_LEVEL = (30, 60), 1.0
KNOWING = "auto, knowing the truth"
"""The row of `known_truth`."""


@dataclass(frozen=True)
class Recording:
    """What is smoothed: a kind of motion at a frame rate with noise and, perhaps, a fault of FAULTS."""

    kind: str
    rate: int
    level: float
    lasting: bool
    seed: int
    fault: str = ""


@dataclass
class Score:
    """Of one recording by one smoother; lengths in thousandths of a torso.

    Attributes:
      error, fast: mean distance to the truth, of all and of the fastest 5 % of the keypoints.
      worst: 99.9th percentile of the distances.
      acceleration: mean distance between the accelerations of the result and of the truth, per frame squared.
      peaks: shares of the turning points that are kept, and of those that are left of the input.
      within: shares of the errors along an axis within one and two deviations, of a smoother that knows them.
      planted, found, right: outliers that were planted, that were replaced, and both.
    """

    kind: str
    seed: int
    error: float
    fast: float
    worst: float
    acceleration: float
    peaks: list[float] = field(default_factory=list)
    within: tuple[float, float] = (float("nan"), float("nan"))
    planted: int = 0
    found: int = 0
    right: int = 0


@functools.lru_cache(maxsize=2)
def _truth(kind: str, rate: int, seed: int) -> np.ndarray:
    return sequence(kind, int(SECONDS * rate), rate, seed)


def _torso(points: np.ndarray) -> float:
    sides = np.stack([points[:, 3] - points[:, 15], points[:, 4] - points[:, 16]])
    return float(np.median(np.linalg.norm(sides, axis=-1)))


def recorded(recording: Recording) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(truth [T, K, 2], what the detector says [T, K, 2] with NaN for what it drops, planted outliers bool [T, K])."""
    points = _truth(recording.kind, recording.rate, recording.seed)
    size = _torso(points)
    rng = generator(recording.seed, recording.kind, recording.rate, str(recording.level), str(recording.lasting))
    rho = float(np.exp(-1 / (MEMORY * recording.rate))) if recording.lasting else 0.0
    measured = points + correlated(rng, points.shape, recording.level / 100 * size, rho)
    planted = np.zeros(points.shape[:2], bool)
    if recording.fault:
        rng = generator(recording.seed, recording.kind, recording.rate, recording.fault)
        share = float(recording.fault.split(" ")[0]) / 100
        if recording.fault.endswith("shaken"):
            way = gaussian_filter1d(rng.standard_normal((len(points), 1, 2)), SHAKE_SECONDS * recording.rate, axis=0)
            way *= share * size / way.std(axis=0)
            return points + way, measured + way, planted
        if recording.fault.endswith("swapped"):
            for left, right in BOULDERING_25.pairs:
                away = _runs(rng, len(points), share, (1, 8))
                sides = np.array([left, right])
                measured[np.ix_(away, sides)] = measured[np.ix_(away, sides[::-1])]
            return points, measured, planted
        longest = {"single": (1, 1), "runs": (2, 8), "dropped": (1, 15)}[recording.fault.split(" ")[-1]]
        for keypoint in range(points.shape[1]):
            planted[:, keypoint] = _runs(rng, len(points), share, longest)
            ends = np.flatnonzero(np.diff(np.pad(planted[:, keypoint].astype(np.int8), 1)))
            for first, end in zip(ends[::2], ends[1::2], strict=True):
                angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.5) * size
                measured[first:end, keypoint] += far * np.array([np.cos(angle), np.sin(angle)])
        if recording.fault.endswith("dropped"):
            measured[planted] = np.nan
    return points, measured, planted


def _runs(rng: np.random.Generator, frames: int, share: float, lengths: tuple[int, int]) -> np.ndarray:
    """bool [T]: runs apart from each other that make up a share of the frames."""
    chosen = np.zeros(frames, bool)
    for _ in range(10 * frames):
        if chosen.mean() >= share:
            break
        length = int(rng.integers(lengths[0], lengths[1] + 1))
        first = int(rng.integers(1, frames - length - 1))
        if not chosen[max(first - 3, 0) : first + length + 3].any():
            chosen[first : first + length] = True
    return chosen


def score(recording: Recording, model: str | None = None) -> dict[str, Score]:
    """Row -> its score; the row "raw" is the input. After the first seed only `auto`, KNOWING and, if one is named, the
    trained model stand beside it, by whose keypoints all rows are judged then.
    """
    points, measured, planted = recorded(recording)
    size = _torso(points)
    fast = np.linalg.norm(np.gradient(points, axis=0), axis=-1)
    fast = fast >= np.quantile(fast, FASTEST)
    done = smooth_keypoints(measured, fps=recording.rate, skeleton=BOULDERING_25)
    results = {"raw": measured, "auto": done.keypoints}
    for name, smooth in as_they_come().items() if recording.seed == 0 else ():
        if name != "auto" and not (recording.fault and name.startswith("stream")):
            results[name] = smooth(measured, None, recording.rate, BOULDERING_25.name)
    judged = np.ones(points.shape[1], bool)
    if model:
        results["model"] = trained(model)(measured, None, recording.rate, BOULDERING_25.name)
        judged = loaded(model).supervised
    if not recording.fault:
        noise = (recording.level / 100 * size, MEMORY if recording.lasting else 0.0)
        results[KNOWING] = smoothed_by_the_truth(points, measured, recording.rate, *noise)
    known = {name: np.where(judged[:, None], result, np.nan) for name, result in results.items()}
    rows = {name: _score(result, points, size, fast, recording) for name, result in known.items()}
    off = (np.abs(done.keypoints - points) / done.deviation[..., None])[:, judged]
    rows["auto"].within = (float(np.mean(off < 1)), float(np.mean(off < 2)))
    if recording.fault.endswith(("single", "runs")):
        replaced = done.provenance == REPLACED
        rows["auto"].planted, rows["auto"].found = int(planted.sum()), int(replaced.sum())
        rows["auto"].right = int((planted & replaced).sum())
    return rows


def _score(result: np.ndarray, points: np.ndarray, size: float, fast: np.ndarray, recording: Recording) -> Score:
    errors = 1000 / size * np.linalg.norm(result - points, axis=-1)
    bent = 1000 / size * np.linalg.norm(np.diff(result - points, n=2, axis=0), axis=-1)
    peaks = []
    for name in GESTURES.get(recording.kind, ()):
        keypoint = BOULDERING_25.index(name)
        rest = np.median(points[:, keypoint], axis=0)
        away = points[:, keypoint] - rest
        far = np.linalg.norm(away, axis=-1)
        tops = 1 + np.flatnonzero((far[1:-1] >= far[:-2]) & (far[1:-1] > far[2:]) & (far[1:-1] > 0.6 * far.max()))
        if far.max() > 0.3 * size:
            peaks += [float((result[top, keypoint] - rest) @ away[top] / far[top] ** 2) for top in tops]
    return Score(
        recording.kind,
        recording.seed,
        float(np.nanmean(errors)),
        _mean_of(errors[fast].tolist()),
        float(np.nanquantile(errors, 0.999)),
        float(np.nanmean(bent)),
        [peak for peak in peaks if np.isfinite(peak)],
    )


def recordings(kinds: Sequence[str], rates: Sequence[int], levels: Sequence[float], seeds: int) -> Iterator[Recording]:
    for rate in rates:
        for level in levels:
            for lasting in (False, True) if level else (False,):
                for seed in range(seeds):
                    yield from (Recording(kind, rate, level, lasting, seed) for kind in kinds)
    for rate in set(FAULT_RATES) & set(rates):
        for fault in FAULTS:
            yield from (Recording(kind, rate, FAULT_LEVEL, False, 0, fault) for kind in kinds)


def compare(
    kinds: Sequence[str],
    rates: Sequence[int],
    levels: Sequence[float],
    seeds: int,
    workers: int,
    path: Path | None,
    model: str | None = None,
) -> None:
    """Prints the tables; writes one line for each condition and smoother to a CSV file at `path`."""
    every = list(recordings(kinds, rates, levels, seeds))
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        scores = pool.map(functools.partial(score, model=model), every, chunksize=4)
        done = list(track(scores, total=len(every), description="recordings"))
    groups: dict[tuple[int, str, str], list[dict[str, Score]]] = {}
    for recording, rows in zip(every, done, strict=True):
        noise = f"{recording.level:g} %" + (" lasting" if recording.lasting else " white" if recording.level else "")
        groups.setdefault((recording.rate, noise, recording.fault), []).append(rows)
    lines = [_line(*key, name, scores) for key, scores in groups.items() for name in scores[0]]
    if path:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, lines[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows({key: _rounded(value) for key, value in line.items()} for line in lines)
    _print_errors(lines)
    _print_bars(lines)
    _print_faults(lines)


def _line(rate: int, noise: str, fault: str, name: str, scores: list[dict[str, Score]]) -> dict[str, Any]:
    scores = [rows for rows in scores if name in rows]
    own, raw = [rows[name] for rows in scores], [rows["raw"] for rows in scores]
    shared = [score for score in own if score.seed == 0]  # What every smoother was given.
    ratios = [a.error / b.error for a, b in zip(own, raw, strict=True) if b.error > 0]
    peaks = {kept(kind): _mean_of([p for s in own if s.kind == kind for p in s.peaks]) for kind in GESTURES}
    found, planted = sum(s.found for s in own), sum(s.planted for s in own)
    return {
        "rate": rate, "noise": noise, "fault": fault, "smoother": name,
        "error": _mean_of([s.error for s in shared]), "fast": _mean_of([s.fast for s in shared]),
        "worst": max(s.worst for s in own), "acceleration": _mean_of([s.acceleration for s in shared]),
        "worse": float(np.mean(np.array(ratios) > 1 + ROUNDING)) if ratios else 0.0,
        "worst ratio": max(ratios, default=0.0),
        "within 1": _mean_of([s.within[0] for s in own]), "within 2": _mean_of([s.within[1] for s in own]),
        "recall": sum(s.right for s in own) / planted if planted else float("nan"),
        "precision": sum(s.right for s in own) / found if found else float("nan"),
    } | peaks  # fmt: skip


def kept(kind: str) -> str:
    """The column of the share of the turning points of a gesture that is left."""
    return f"{kind} kept"


def _mean_of(values: list[float]) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")


def _rounded(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else value


def _print_table(heads: list[str], rows: list[list[str]]) -> None:
    print(f"\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def _print_errors(lines: list[dict[str, Any]]) -> None:
    """Error of all and of the fastest 5 %, the mean of the frame rates."""
    clean = [line for line in lines if not line["fault"]]
    noises = list(dict.fromkeys(line["noise"] for line in clean))
    names = list(dict.fromkeys(line["smoother"] for line in clean))
    rows = []
    for noise in noises:
        cells = []
        for name in names:
            own = [line for line in clean if (line["noise"], line["smoother"]) == (noise, name)]
            cells.append(" / ".join(f"{np.mean([line[key] for line in own]):.1f}" for key in ("error", "fast")))
        rows.append([str(noise), *cells])
    print("Mean distance to the truth in thousandths of a torso, all | fastest 5 %, mean of 25 to 240 frames/s")
    _print_table(["noise", *[str(name) for name in names]], rows)


def _print_bars(lines: list[dict[str, Any]]) -> None:
    """What `auto` promises, at its worst over the frame rates."""
    clean = [line for line in lines if not line["fault"]]
    rows = []
    for noise in dict.fromkeys(line["noise"] for line in clean):
        of_noise = [line for line in clean if line["noise"] == noise]
        own, knowing = ([line for line in of_noise if line["smoother"] == name] for name in ("auto", KNOWING))
        behind = []
        for line in own:
            named = [
                other
                for other in of_noise
                if other["rate"] == line["rate"]
                and other["smoother"] not in ("raw", "auto", KNOWING)
                and not str(other["smoother"]).startswith("stream")
            ]
            for key in ("error", "fast"):
                behind.append(line[key] / min(other[key] for other in named) - 1)
        rows.append(
            [
                str(noise),
                f"{100 * np.mean([line['worse'] for line in own]):.1f} %",
                f"{max(line['worst ratio'] for line in own):.3f}",
                f"{100 * max(behind):+.1f} %" if noise != "0 %" else "",
                *_least_kept(own, knowing),
                f"{max(line['worst'] for line in own):.1f}",
                " to ".join(f"{f([line['within 1'] for line in own]):.2f}" for f in (min, max)),
                " to ".join(f"{f([line['within 2'] for line in own]):.2f}" for f in (min, max)),
            ]
        )
    print("\n`auto`, at its worst over the frame rates")
    heads = ["noise", "recordings made worse", "largest ratio to raw", "against the best filter as it comes"]
    heads += ["gesture that loses most keeps", "knowing the truth it keeps"]
    heads += ["99.9 %", "errors within 1 deviation", "within 2"]
    _print_table(heads, rows)


def _least_kept(lines: list[dict[str, Any]], knowing: list[dict[str, Any]]) -> tuple[str, str]:
    """The gesture that loses most, over the frame rates: at any one of them a few turning points would be chance; and
    what is left of it by KNOWING.
    """
    means = {kind: _mean_of([line[kept(kind)] for line in lines]) for kind in GESTURES}
    share, kind = min(((share, kind) for kind, share in means.items() if np.isfinite(share)), default=(np.nan, ""))
    if not kind:
        return "", ""
    return f"{share:.2f} ({kind})", f"{_mean_of([line[kept(kind)] for line in knowing]):.2f}"


def _print_faults(lines: list[dict[str, Any]]) -> None:
    faulty = [line for line in lines if line["fault"]]
    names = list(dict.fromkeys(line["smoother"] for line in faulty))
    rows = []
    for rate, fault in dict.fromkeys((line["rate"], line["fault"]) for line in faulty):
        own = {line["smoother"]: line for line in faulty if (line["rate"], line["fault"]) == (rate, fault)}
        auto = own["auto"]
        cells = [f"{own[name]['error']:.1f}" for name in names]
        rows.append([f"{rate}", str(fault), *cells, f"{auto['recall']:.2f}", f"{auto['precision']:.3f}"])
    print(f"\nWith {FAULT_LEVEL:g} % white noise and faults: mean distance to the truth, all frames")
    _print_table(["frames/s", "fault", *[str(name) for name in names], "recall", "precision"], rows)
