"""Tables of text read and written with pandas: columns of keypoints as numbers, all others as the text they are."""

import csv
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasmooth.formats.safe_files import MAX_CELLS, bad, check_file, decode, head, head_text, reason, replacing

TABLES = (".csv", ".tsv", ".txt")
MISSING = ["", "nan", "NaN", "NAN", "-nan", "-NaN", "NA", "N/A", "n/a", "#N/A", "None", "none", "null", "NULL", "<NA>"]
_BOM = b"\xef\xbb\xbf"
_EXACT: dict[str, Any] = {} if pd.__version__ >= "3.1" else {"float_precision": "round_trip"}
"""Numbers as Python reads them, which newer versions of pandas do by themselves."""
_LINES_AT_ONCE = 4096
_LONGEST_LINE = 4 << 20
_MAX_COLUMNS = 50_000


@dataclass(frozen=True)
class Dialect:
    """What stands between cells, in numbers, at the ends of lines, for missing numbers, and at the beginning."""

    separator: str = ","
    decimal: str = "."
    newline: str = "\n"
    missing: str = ""
    mark: bool = False

    def split(self, line: str) -> list[str]:
        """The cells of a line, quoted ones without their quotes."""
        try:
            return next(csv.reader([line], delimiter=self.separator), [])
        except csv.Error:
            return line.split(self.separator)

    def join(self, cells: list[str]) -> str:
        """A line of cells, those with a separator in quotes."""
        return self.separator.join(f'"{cell}"' if self.separator in cell else cell for cell in cells)


@dataclass(frozen=True, eq=False)
class TextTable:
    """A table of text without its numbers.

    Attributes:
      header: the lines before the first one with numbers.
      dialect: of the text.
      positions: int64 [N], the column of each number of a line, -1 for one that the table has not.
      whole: bool [N], which of them are whole numbers in the file.
      others: the other columns, named by their position, one row a line.
    """

    header: list[str]
    dialect: Dialect
    positions: np.ndarray
    whole: np.ndarray
    others: pd.DataFrame

    def with_lines(self, count: int) -> "TextTable":
        """A copy with further lines, whose texts are empty."""
        return replace(self, others=self.others.reindex(range(len(self.others) + count), fill_value=""))

    def put(self, position: int, lines: Iterable[int], texts: Iterable[Any]) -> None:
        """Writes texts into lines of the column at a position, if there is one."""
        if position in self.others.columns:
            column = self.others[position].to_numpy(object, copy=True)
            column[list(lines)] = list(texts)
            self.others[position] = column

    def write(self, path: Path, values: np.ndarray, order: np.ndarray) -> None:
        """Writes the table with the numbers [L, N], its lines in this order, whole or not at all."""
        kept, dialect = self.positions >= 0, self.dialect
        columns = self.positions[kept]
        whole = [
            i
            for i in np.flatnonzero(kept & self.whole)
            if np.array_equal(values[:, i], np.rint(values[:, i]), equal_nan=True)
        ]
        encoding = "utf-8-sig" if dialect.mark else "utf-8"
        with replacing(path) as temporary, temporary.open("w", encoding=encoding, newline="") as stream:
            stream.writelines(line + dialect.newline for line in self.header)
            writer = csv.writer(stream, delimiter=dialect.separator, lineterminator=dialect.newline)
            for lines in np.split(order, range(_LINES_AT_ONCE, len(order), _LINES_AT_ONCE)):
                block = values[lines]
                cells = np.empty((len(lines), len(columns) + self.others.shape[1]), object)
                numbers = block.astype(object)
                numbers[:, whole] = np.nan_to_num(block[:, whole]).astype(np.int64).astype(object)
                if dialect.decimal != ".":
                    numbers = np.char.replace(numbers.astype(str), ".", dialect.decimal).astype(object)
                numbers[np.isnan(block)] = dialect.missing
                cells[:, columns] = numbers[:, kept]
                cells[:, self.others.columns.to_numpy(np.int64)] = self.others.iloc[lines].to_numpy(object)
                writer.writerows(cells.tolist())


def fresh_table(header: list[list[str]], index: int, dialect: Dialect | None = None) -> TextTable:
    """An empty table with these lines of headings, whose first `index` columns are texts and the others numbers."""
    dialect = dialect or Dialect()
    positions = np.arange(index, len(header[-1]))
    whole, others = np.zeros(len(positions), bool), pd.DataFrame({column: [] for column in range(index)}, dtype=str)
    return TextTable([dialect.join(line) for line in header], dialect, positions, whole, others)


def first_lines(path: Path, count: int) -> list[str]:
    """The first lines of a text file, without their ends; [] where there is no readable text."""
    text = head_text(path, _LONGEST_LINE)
    return [line.rstrip("\r") for line in text.split("\n")[:count]] if text else []


def dialect_of(path: Path, header: str) -> Dialect:
    """How a file is written whose line of headings is `header`: the separator is the most frequent of tab ; and ,."""
    separator = max("\t;,", key=lambda mark: (header.count(mark), mark == ","))
    sample = head(path)
    text = sample.decode("utf-8", errors="replace")
    cells = re.split(rf"[{separator}\r\n]", text)
    with_comma = separator != "," and any(re.fullmatch(r"-?\d+,\d+", cell.strip()) for cell in cells)
    missing = next((cell for cell in cells if cell and cell in MISSING), "")
    newline = "\r\n" if b"\r\n" in sample else "\n"
    return Dialect(separator, "," if with_comma else ".", newline, missing, sample.startswith(_BOM))


def header_lines(path: Path, count: int) -> list[str]:
    """As `first_lines`. Raises InputError where there is no text."""
    check_file(path)
    if not (lines := first_lines(path, count)):
        raise bad(path, "content", "be text", "binary data", "check that it is a pose file")
    decode(path, head(path))
    return lines


def headings_of(path: Path) -> tuple[list[str], Dialect]:
    """The headings in the first line of a table, and its dialect; none where there is no text, or more than any has."""
    line = next(iter(first_lines(path, 1)), "")
    dialect = dialect_of(path, line)
    return ([] if line.count(dialect.separator) >= _MAX_COLUMNS else dialect.split(line)), dialect


def read_table(
    path: Path, header: int, positions: np.ndarray, names: Sequence[str], dialect: Dialect, trimmed: int = 0
) -> tuple[TextTable, np.ndarray]:
    """A table and the numbers [L, N] in its columns `positions`; missing ones are NaN.

    Args:
      path: of the file.
      header: how many lines the header has.
      positions: int64 [N], the columns of numbers; -1 for what there is not.
      names: headings of all columns, for messages; as many as there are columns.
      dialect: of the text.
      trimmed: so many empty cells, or twice as many and so on, may be left out at the end of a line; 0: none.

    Raises:
      InputError: no text, too large, cells that are no numbers, a line with more cells than headings.
    """
    _check_lines(path, header, len(names), dialect, trimmed)
    kept = np.flatnonzero(positions >= 0)
    numbers: list[Any] = positions[kept].tolist()
    texts: list[Any] = sorted(set(range(len(names))) - set(numbers))
    frame = _read(path, header, numbers, texts, dialect)
    values, whole = np.full((len(frame), len(positions)), np.nan), np.zeros(len(positions), bool)
    for i, column in zip(kept.tolist(), numbers, strict=True):
        cells = frame[column]
        if cells.dtype.kind not in "iuf":
            cells = _as_numbers(path, cells, names[column], header)
        values[:, i], whole[i] = cells, cells.dtype.kind in "iu"
    rest = frame[texts].fillna("")
    # Lines of nothing but separators.
    there = ~(np.isnan(values).all(axis=1) & (rest == "").all(axis=1).to_numpy())
    if texts and not there.all():
        values, rest = values[there], rest[there].reset_index(drop=True)
    return TextTable(first_lines(path, header), dialect, positions, whole, rest), values


def _check_lines(path: Path, header: int, width: int, dialect: Dialect, trimmed: int) -> None:
    """Raises InputError for a line of another width, or for more cells than can be held."""
    check_file(path)
    mark, cells = dialect.separator.encode(), 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            count = line.count(mark) + 1
            cells += max(count, width)
            if count != width and number > header and line.strip():
                # Separators in quotes are none.
                count = len(dialect.split(line.decode("utf-8", "replace").rstrip("\r\n")))
                if count > width or (width - count) % (trimmed or width):
                    expected = f"have {width} cells as the header"
                    raise bad(path, f"line {number}", expected, count, "write the file again")
    if cells > MAX_CELLS:
        raise bad(path, "content", f"have at most {MAX_CELLS:,} cells", f"{cells:,}", "split the file")


def _read(path: Path, header: int, numbers: list[Any], texts: list[Any], dialect: Dialect) -> pd.DataFrame:
    """The table behind its header, texts as they are. Raises InputError where it is none."""
    width = len(numbers) + len(texts)
    with warnings.catch_warnings():
        # A column of numbers and texts; the texts are found by the caller.
        warnings.simplefilter("ignore", pd.errors.DtypeWarning)
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(
                path,
                sep=dialect.separator,
                decimal=dialect.decimal,
                header=None,
                names=range(width),
                index_col=False,
                skiprows=header,
                dtype=dict.fromkeys(texts, str),
                na_values=dict.fromkeys(numbers, MISSING),
                keep_default_na=False,
                **_EXACT,
                encoding="utf-8-sig",
            )
        except pd.errors.EmptyDataError:
            return pd.DataFrame(columns=range(width), dtype=str)
        except UnicodeDecodeError:
            decode(path, path.read_bytes())
            raise
        except (ValueError, OverflowError, pd.errors.ParserError, pd.errors.ParserWarning, csv.Error) as error:
            expected = f"be a table of {width} columns"
            raise bad(path, "content", expected, reason(error), "write the file again") from None


def _as_numbers(path: Path, column: pd.Series, name: str, header: int) -> pd.Series:
    """A column of numbers among which are texts, bools or numbers that are too large for whole ones."""
    texts = column.astype(str).str.strip()
    numbers = pd.to_numeric(texts, errors="coerce").astype(np.float64)
    faulty = np.flatnonzero(numbers.isna() & ~column.isna() & ~texts.isin(MISSING))
    if len(faulty):
        where = f"{name} in line {faulty[0] + header + 1}"
        raise bad(path, where, "be a number", str(texts.iloc[faulty[0]])[:60], "correct the cell")
    return numbers
