"""Bad and hostile files of every format: name of the case -> (format, part of the message, maker of the file)."""

import malformed_arrays
import malformed_json
import malformed_tables
from malformed_parts import (
    BINARY_FORMATS,
    CASES,
    CSV_FORMATS,
    JSON_FORMATS,
    JUNK,
    OBJECT_FORMATS,
    a_folder,
    bytes_file,
    case,
)

__all__ = ["CASES", "malformed_arrays", "malformed_json", "malformed_tables"]

for each in (*JSON_FORMATS, *OBJECT_FORMATS, *CSV_FORMATS, *BINARY_FORMATS):
    case("empty", each, "not be empty", bytes_file(each, b""))
    case("junk", each, "must", bytes_file(each, JUNK))
    case("folder", each, "must be a file", a_folder)
    case("absent", each, "must be a readable file", lambda folder: folder / "nothing")
