"""Fields of a frozen dataclass that know their help text and their bounds."""

import dataclasses
import math
import types
import typing
from collections.abc import Callable
from typing import Any

from kerasmooth.errors import InputError


def about(
    text: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: tuple[Any, ...] = (),
    may_change: bool = False,
    is_flag: bool = True,
) -> dict[str, Any]:
    """Metadata of a field.

    Args:
      text: help.
      at_least, at_most, above, below: bounds of a number.
      choices: the only values.
      may_change: a run may be continued with another value of it.
      is_flag: the user gives it by a flag; otherwise it follows from other things.
    """
    bounds = {"at_least": at_least, "at_most": at_most, "above": above, "below": below}
    return {"text": text, "bounds": bounds, "choices": choices, "may_change": may_change, "is_flag": is_flag}


def setting(default: Any, text: str, **rules: Any) -> Any:
    """A field with a default and what `about` takes."""
    return dataclasses.field(default=default, metadata=about(text, **rules))


_COMPARISONS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "at_least": ("at least", lambda value, bound: value >= bound),
    "at_most": ("at most", lambda value, bound: value <= bound),
    "above": ("above", lambda value, bound: value > bound),
    "below": ("below", lambda value, bound: value < bound),
}


def check(field: "dataclasses.Field[Any]", value: Any) -> None:
    """Raises InputError, naming the flag, where a value has the wrong type or is outside the bounds of its field."""
    name, rules = f"--{field.name}", field.metadata
    if not _has_type(value, field.type):
        raise InputError(f"{name} must be {_type_name(field.type)}, got {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{name} must be a finite number, got {value}")
    if rules["choices"] and value not in rules["choices"]:
        raise InputError(f"{name} must be one of {', '.join(map(str, rules['choices']))}, got {value!r}")
    for key, bound in rules["bounds"].items():
        words, holds = _COMPARISONS[key]
        if bound is not None and not holds(value, bound):
            raise InputError(f"{name} must be {words} {bound:g}, got {value}")


def _has_type(value: Any, kind: Any) -> bool:
    if not isinstance(kind, types.GenericAlias):
        return _has_plain_type(value, kind)
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is dict:
        return isinstance(value, dict) and all(isinstance(key, str) for key in value)
    if not isinstance(value, tuple) or not all(_has_type(item, parts[0]) for item in value):
        return False
    return parts[-1] is Ellipsis or len(value) == len(parts)


def _has_plain_type(value: Any, kind: Any) -> bool:
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _type_name(kind: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    return names.get(kind, "a list" if typing.get_origin(kind) is tuple else "name=value pairs")
