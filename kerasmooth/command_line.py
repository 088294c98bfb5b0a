"""What every entry point shares: flag parsing, exit codes and one-line errors."""

import functools
import os
import sys
import typing
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from absl import app, flags

from kerasmooth.errors import InputError
from kerasmooth.files import check_local, installed

flags.disclaim_key_flags()  # those of `define_flag` belong to the command that calls it, whose --help lists them
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_NOBODY_READS = 141
"""As of a program that its pipe ended (128 + SIGPIPE)."""
_TAKES_ADDRESSES = {"model"}
"""Flags that may name a server."""


def _fail(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)  # noqa: T201
    raise SystemExit(EXIT_BAD_INPUT)


def _parse_flags(argv: Sequence[str], takes_words: bool = False) -> list[str]:
    """Parses flags strictly: unknown flags, bad values and leftover words are bad input, not a page of help."""
    flags.FLAGS.set_gnu_getopt(takes_words)  # whether flags may follow words
    try:
        argv = with_flagfiles(argv)
        rest: list[str] = app.parse_flags_with_usage(list(argv)) if _asks_help(argv) else flags.FLAGS(list(argv))
    except flags.Error as error:
        _fail(f"{' '.join(str(error).split())} (--help lists the flags)")
    except BrokenPipeError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        _fail(f"cannot read a flagfile: {error}: name one from the folder the command runs in, or by its whole path")
    if len(rest) > 1 and not takes_words:
        _fail(f"unexpected words {rest[1:]}: every setting is a flag, --name=value (in a flagfile too)")
    return rest


def _refuse_remote_folders(remote: Collection[str]) -> None:
    """Raises InputError for a flag that names something of a remote file system, but for those that may."""
    for name, value in flags.FLAGS.flag_values_dict().items():
        if name not in _TAKES_ADDRESSES and name not in remote:
            for text in value if isinstance(value, list) else [value]:
                check_local(**{name: str(text)})


def with_flagfiles(words: Sequence[str], within: tuple[Path, ...] = ()) -> list[str]:
    """The words of a command with each `--flagfile` replaced by the flags in it, so that a later one still wins.

    A flagfile is found from the folder the command runs in, or where kerasmooth is installed; one that a flagfile names
    is first looked for in that file's folder. Lines that begin with # are comments. `within` are the files being read.

    Raises OSError where there is no such file, UnicodeDecodeError where it is no text.
    """
    found: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if name not in ("--flagfile", "-flagfile"):
            found.append(word)
        elif not equals or not value:
            raise OSError("--flagfile needs a file: --flagfile=flags/exp1.cfg")
        else:
            path = _flagfile(value, within)
            if path in within:
                raise OSError(f"{path} names itself")
            lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
            found += with_flagfiles([line for line in lines if line and not line.startswith("#")], (*within, path))
    return found


def _flagfile(name: str, within: tuple[Path, ...]) -> Path:
    beside = [path.parent / name for path in within[-1:]]
    return next((path for path in beside if path.is_file()), installed(name))


def _asks_help(argv: Sequence[str]) -> bool:
    return any(word.lstrip("-").split("=")[0] in {"help", "helpfull", "helpshort", "helpxml"} for word in argv[1:])


def define_flag(name: str, field: Any) -> "flags.FlagHolder[Any]":
    """The flag of a field of `settings.Settings`, by its type. Values are checked there: one message everywhere."""
    kind, text, default = field.annotation, field.description, field.default
    if typing.get_origin(kind) is typing.Literal:
        kind, text = str, f"{text} ({', '.join(typing.get_args(kind))})"
    if typing.get_origin(kind) is not None:
        return flags.DEFINE_list(name, list(default), text)
    define: dict[Any, Any] = {
        bool: flags.DEFINE_bool,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str: flags.DEFINE_string,
    }
    holder: flags.FlagHolder[Any] = define[kind](name, default, text)
    return holder


def run(main: Callable[..., None], takes_words: bool = False, remote: Collection[str] = ()) -> None:
    """Runs `main` after parsing absl flags; turns `InputError` into one line on stderr and exit status 2.

    With `takes_words`, words that are no flags may stand before, between and behind flags, and `main` gets their list.
    What the flags `remote` name may lie on a file system that TensorFlow knows (see `storage`).
    An interruption (Ctrl-C) exits with 130 and says nothing but that; any other exception is a defect of ours
    and keeps its traceback.
    """

    def guarded(argv: Sequence[str]) -> None:
        try:
            _refuse_remote_folders(remote)
            if takes_words:
                main(list(argv[1:]))
            else:
                main()
        except InputError as error:
            _fail(str(error))
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)  # noqa: T201
            raise SystemExit(EXIT_INTERRUPTED) from None

    with _quiet_when_nobody_reads():
        app.run(guarded, flags_parser=functools.partial(_parse_flags, takes_words=takes_words))


@contextmanager
def _quiet_when_nobody_reads() -> Iterator[None]:
    """Ends the program without a word when what it prints into ends first, as in `--help | head`."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # What is still in the buffer would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(EXIT_NOBODY_READS) from None
