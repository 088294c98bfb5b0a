"""What a pose file may hold at most, and the one way to say that it is bad. Sizes are checked before anything grows."""

from pathlib import Path

from kerasmooth.errors import InputError

MAX_TEXT_BYTES = 1 << 30
"""Largest JSON, CSV or other text file."""
MAX_CELLS = 120_000_000
"""Most cells of a table of text: three hours of whole-body poses at 30 fps, in some 5 GiB of memory."""
MAX_ARRAY_BYTES = 2 << 30
"""Largest sum of the arrays of one binary file, unpacked."""
MAX_KEYPOINTS = 2_000
"""Most keypoints of a person; whole bodies with face and hands have 133 to 543."""
MAX_PEOPLE = 1_000
"""Most people in one frame."""
MAX_FRAMES = 20_000_000
"""Most frames in one file: four days at 60 fps."""
MAX_VALUES = 40_000_000
"""Most keypoints in one file over all rows; each takes about 120 bytes of memory while it is smoothed."""
MAX_COORDINATE = 1e9
"""Largest believable coordinate in any unit."""
AS_NPZ = "write npz instead (--to=npz)"
"""What to do with a table that another format cannot hold."""
REMEDY = "check what wrote the file"
"""What to do with a file that holds what no tool of its format writes."""


def bad(path: Path | str, field: str, expected: str, received: object, remedy: str = REMEDY) -> InputError:
    """The error for `field` of the file `path`; `received` is shown shortened unless it is a str."""
    text = received if isinstance(received, str) else shown(received)
    return InputError(f"{path}: {field} must {expected}, received {text}: {remedy}")


def shown(value: object) -> str:
    """A short printable form of any value, quick for huge ones too."""
    if isinstance(value, str | bytes | list | tuple):
        value = value[:60]
    elif isinstance(value, dict):
        return f"an object with {len(value)} fields"
    elif isinstance(value, int) and abs(value) >= 1 << 64:
        return "an integer beyond 64 bits"
    try:
        text = ascii(value)
    except (RecursionError, ValueError):
        return f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."
