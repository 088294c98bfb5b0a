"""Tables of text whose lines and cells keep their text unless they are set."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from kerasmooth.formats.bounded_files import decode, read_bytes
from kerasmooth.formats.limits import MAX_FRAMES, MAX_VALUES, bad

_BOM = "\ufeff"
_MISSING = {"", "nan", "na", "n/a", "none", "null", "<na>"}


@dataclass(frozen=True, eq=False)
class TextLines:
    """A text file.

    Attributes:
      path: of the file.
      lines: without their ends.
      start: a byte order mark or nothing.
      newline: what ends a line.
      final: what follows the last line.
      header: how many lines the header has, where `skipped` lines of the file behind it are not held.
      skipped: see `header`.
    """

    path: Path
    lines: list[str]
    start: str = ""
    newline: str = "\n"
    final: str = "\n"
    header: int = 0
    skipped: int = 0

    def number(self, row: int) -> int:
        """The number in the file, from 1, of the line `lines[row]`."""
        return row + 1 + (self.skipped if row >= self.header else 0)

    def with_lines(self, lines: list[str]) -> bytes:
        """The bytes of the file with other lines."""
        return (self.start + self.newline.join(lines) + self.final).encode("utf-8")


def read_lines(path: Path) -> TextLines:
    """The lines of a UTF-8 text. Raises InputError for other bytes or too many lines."""
    data = read_bytes(path)
    if b"\0" in data[:4096]:
        raise bad(path, "content", "be text", "binary data", "check that it is a pose file")
    count = data.count(b"\n")
    if count > 5 * MAX_FRAMES:
        raise bad(path, "lines", f"be at most {5 * MAX_FRAMES:,}", f"{count:,}", "split the file")
    text = decode(path, data)
    start = _BOM if text.startswith(_BOM) else ""
    newline = "\r\n" if "\r\n" in text[:1_000_000] else "\n"
    lines = text.removeprefix(_BOM).split(newline)
    final: list[str] = []
    while len(lines) > 1 and not lines[-1].strip():
        final.insert(0, lines.pop())
    return TextLines(path, lines, start, newline, newline.join(["", *final]) if final else "")


def split(line: str, delimiter: str = ",") -> list[str]:
    """The cells of a line; quoted ones without their quotes."""
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)


def join(cells: Sequence[str], delimiter: str = ",") -> str:
    """One line of cells, quoted where they need it."""
    if not any(delimiter in cell or '"' in cell for cell in cells):
        return delimiter.join(cells)
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="").writerow(cells)
    return text.getvalue()


def parse_columns(
    text: TextLines,
    rows: Sequence[int],
    columns: Sequence[int],
    width: int,
    delimiter: str = ",",
    names: Sequence[str] = (),
) -> np.ndarray:
    """Numbers of some columns of some lines, float64 [rows, columns]; empty and nan are NaN.

    Args:
      text: the file.
      rows: indices of lines.
      columns: indices of cells.
      width: cells that each line must have.
      delimiter: between cells.
      names: of all columns, for messages.

    Raises:
      InputError: a line with another number of cells, or a cell that is no number.
    """
    if len(rows) * max(1, len(columns)) > 4 * MAX_VALUES:
        received = f"{len(rows):,} lines of {len(columns):,}"
        raise bad(text.path, "content", f"have at most {4 * MAX_VALUES:,} numbers", received, "split the file")
    result = np.empty((len(rows), len(columns)))
    # itemgetter gives a tuple only for two indices or more.
    pick = itemgetter(*columns, columns[0])
    for i, row in enumerate(rows):
        line = text.lines[row]
        cells = split(line, delimiter)
        if len(cells) != width:
            where = f"line {text.number(row)}"
            raise bad(text.path, where, f"have {width} cells as the header", f"{len(cells)}", "write the file again")
        chosen = pick(cells)[:-1]
        convert = plain_float if "_" in line else float
        try:
            result[i] = [convert(cell) for cell in chosen]
        except ValueError:
            result[i] = [_number(text, row, c, cell, names) for c, cell in zip(columns, chosen, strict=True)]
    return result


def _number(text: TextLines, row: int, column: int, cell: str, names: Sequence[str]) -> float:
    plain = cell.strip()
    if plain.lower() in _MISSING:
        return np.nan
    try:
        return plain_float(plain)
    except ValueError:
        name = names[column] if column < len(names) else f"column {column + 1}"
        raise bad(
            text.path, f"{name} in line {text.number(row)}", "be a number", cell[:60], "correct the cell"
        ) from None


def plain_float(cell: str) -> float:
    """The number in a text, as other programs read it: to `float`, 1_0 is ten. Raises ValueError where it is none."""
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)


def frame_column(text: TextLines, rows: Sequence[int], values: np.ndarray, name: str) -> np.ndarray:
    """A column of whole numbers as int64. Raises InputError for others, and for one number twice."""
    whole = np.isfinite(values) & (np.abs(values) < 1 << 53)
    whole[whole] &= values[whole] == np.rint(values[whole])
    if not whole.all():
        at = int(np.flatnonzero(~whole)[0])
        raise bad(
            text.path,
            f"{name} in line {text.number(rows[at])}",
            "be a whole number",
            f"{values[at]:g}",
            "correct the cell",
        )
    return values.astype(np.int64)


def number_text(value: float) -> str:
    """The shortest text that reads as the same number."""
    return repr(float(value))
