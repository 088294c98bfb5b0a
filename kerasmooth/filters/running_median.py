"""Running medians by a sorting network: all windows at once, a minimum and a maximum at a time.

A network (Batcher, Sorting networks and their applications, 1968) compares the same places whatever the numbers are, so
each comparison is one pass of NumPy over a block that stays in the processor's cache.
"""

import functools

import numpy as np

_BLOCK = 6144
"""Numbers of a wire: of all wires of a usual window together, what fits the second level cache."""


@functools.lru_cache(maxsize=64)
def comparators(size: int) -> tuple[tuple[int, int], ...]:
    """(low, high) places to compare and exchange, in order, to sort `size` numbers: merge exchange."""
    pairs = []
    top = 1 << max(0, (size - 1).bit_length() - 1)
    part = top
    while part:
        leap, remainder, distance = top, 0, part
        while True:
            pairs += [(i, i + distance) for i in range(size - distance) if i & part == remainder]
            if leap == part:
                break
            distance, leap, remainder = leap - part, leap // 2, part
        part //= 2
    return tuple(pairs)


@functools.lru_cache(maxsize=64)
def median_steps(size: int) -> tuple[tuple[int, int, bool, bool], ...]:
    """(low, high, minimum needed, maximum needed): what of the network leads to the middle of an odd `size`."""
    needed, steps = {size // 2}, []
    for low, high in reversed(comparators(size)):
        if low in needed or high in needed:
            steps.append((low, high, low in needed, high in needed))
            needed |= {low, high}
    return tuple(reversed(steps))


def full_medians(values: np.ndarray, half: int) -> np.ndarray:
    """Medians of the full windows over [T, ...]: [T - 2 half, ...]."""
    size = 2 * half + 1
    count = len(values) - 2 * half
    result = np.empty((count, *values.shape[1:]))
    rows = max(1, _BLOCK // max(1, result[0].size))
    steps = median_steps(size)
    for start in range(0, count, rows):
        end = min(start + rows, count)
        wires = [values[start + offset : end + offset] for offset in range(size)]
        for low, high, minimum, maximum in steps:
            a, b = wires[low], wires[high]
            if minimum:
                wires[low] = np.minimum(a, b)
            if maximum:
                wires[high] = np.maximum(a, b)
        result[start:end] = wires[half]
    return result


def full_weighted_medians(values: np.ndarray, weights: np.ndarray, half: int) -> np.ndarray:
    """Weighted medians of the full windows over [T, K, D] with weights [T, K]: [T - 2 half, K, D].

    The mean of the first value that reaches half of the weight and the first that exceeds it. Where a window holds no
    weight, its middle value.
    """
    count, width = len(values) - 2 * half, values[0].size
    flat = np.ascontiguousarray(values, np.float64).reshape(len(values), width)
    spread = np.repeat(weights, width // weights.shape[1], axis=1)
    result = np.empty((count, width))
    rows = max(1, _BLOCK // width)
    for start in range(0, count, rows):
        end = min(start + rows, count)
        result[start:end] = _block(flat[start : end + 2 * half], spread[start : end + 2 * half], half)
    return result.reshape(count, *values.shape[1:])


def _block(values: np.ndarray, weights: np.ndarray, half: int) -> np.ndarray:
    """Weighted medians of the full windows over [T, C] with weights [T, C]."""
    size, width = 2 * half + 1, values.shape[1]
    rows = len(values) - 2 * half
    # The place in the window takes the last bits of each number: it travels along, and finds the weight again. Numbers
    # that differ in these bits only may change places, which moves the median by as little.
    mask = (1 << (size - 1).bit_length()) - 1
    keys = values.view(np.int64) & ~mask
    ranked = [(keys[place : place + rows] | place).view(np.float64) for place in range(size)]
    for low, high in comparators(size):
        a, b = ranked[low], ranked[high]
        ranked[low], ranked[high] = np.minimum(a, b), np.maximum(a, b)
    own = np.arange(rows * width).reshape(rows, width)
    sources = np.empty((size, rows, width), np.int64)
    sums = np.empty((size, rows, width))
    for rank, key in enumerate(ranked):
        np.add((key.view(np.int64) & mask) * width, own, out=sources[rank])
        np.take(weights.reshape(-1), sources[rank], out=sums[rank], mode="clip")
        if rank:
            sums[rank] += sums[rank - 1]
    total = sums[-1]

    def ranked_at(below: np.ndarray) -> np.ndarray:
        """Values of the ranks that follow those that are below."""
        ranks = np.add.reduce(below.view(np.uint8), axis=0, dtype=np.min_scalar_type(size))
        place = ranks * np.intp(rows * width)
        place += own
        return values.reshape(-1).take(sources.reshape(-1).take(place, mode="clip"), mode="clip")

    below, reaching = sums[:-1] < total * (0.5 - 1e-12), sums[:-1] <= total * (0.5 + 1e-12)
    middle = ranked_at(below)
    if np.count_nonzero(below) != np.count_nonzero(reaching):
        # Exactly half of the weight: the next value counts as much.
        middle = (middle + ranked_at(reaching)) / 2
    return middle if total.min() > 0 else np.where(total > 0, middle, values[half : half + rows])


def medians_and_spreads(positions: np.ndarray, known: np.ndarray, half: int) -> tuple[np.ndarray, np.ndarray]:
    """Medians [T, K, D] of what is known in each window, and the median distances [T, K] from them; NaN of nothing.

    Args:
      positions: [T, K, D], finite where known.
      known: bool [T, K].
      half: frames to either side; at the ends the window holds what there is.
    """
    frames = len(positions)
    # What is unknown sorts last.
    around = ((half, half), (0, 0), (0, 0))
    padded = np.pad(np.where(known[..., None], positions, np.inf), around, constant_values=np.inf)
    sums = np.cumsum(np.pad(known, ((half + 1, half), (0, 0))), axis=0)
    counts = sums[2 * half + 1 :] - sums[:frames]
    middle, spread = np.empty(positions.shape), np.empty(known.shape)
    rows = max(1, _BLOCK // max(1, positions[0].size))
    for start in range(0, frames, rows):
        end = min(start + rows, frames)
        wires = [padded[start + offset : end + offset] for offset in range(2 * half + 1)]
        count = counts[start:end]
        middle[start:end] = found = _middle_of_known(wires, count[..., None])
        distances = []
        for wire in wires:
            square = (wire[..., 0] - found[..., 0]) ** 2
            for axis in range(1, positions.shape[2]):
                square += (wire[..., axis] - found[..., axis]) ** 2
            distances.append(np.sqrt(square))
        spread[start:end] = _middle_of_known(distances, count)
    middle[counts == 0], spread[counts == 0] = np.nan, np.nan
    return middle, spread


def _middle_of_known(wires: list[np.ndarray], counts: np.ndarray) -> np.ndarray:
    """Medians over the wires of the `counts` smallest numbers; 0 where there are none."""
    ranked = list(wires)
    for low, high in comparators(len(wires)):
        a, b = ranked[low], ranked[high]
        ranked[low], ranked[high] = np.minimum(a, b), np.maximum(a, b)
    below, above = (counts - 1) // 2, counts // 2
    if counts.min() == counts.max() and counts.min() > 0:
        # The usual block: nothing is missing.
        return (ranked[below.flat[0]] + ranked[above.flat[0]]) / 2
    table = np.stack(ranked)
    low, high = (
        np.take_along_axis(table, np.broadcast_to(np.clip(rank, 0, len(wires) - 1), table.shape[1:])[None], 0)[0]
        for rank in (below, above)
    )
    return np.where(counts > 0, low, 0.0) / 2 + np.where(counts > 0, high, 0.0) / 2
