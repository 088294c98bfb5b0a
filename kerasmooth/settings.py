"""Frozen, strictly typed descriptions that live in JSON files and flags; what is wrong with one is said in one line."""

from typing import Any, Self

import pydantic

from kerasmooth.errors import InputError


class Settings(pydantic.BaseModel):
    """Base of a frozen description: no unknown fields, no silent conversion, no numbers that are not finite."""

    model_config = pydantic.ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes, source: str, remedy: str = "") -> Self:
        """Parses what `to_json` gave. Raises InputError that names `source`, the field and the `remedy`."""
        try:
            return cls.model_validate_json(text)
        except pydantic.ValidationError as error:
            raise InputError(f"{source}: {first_mistake(error)}{remedy and ': ' + remedy}") from None

    def to_json(self, indent: int = 2) -> str:
        """Text; equal descriptions are equal bytes."""
        return self.model_dump_json(indent=indent) + "\n"

    def replace(self, **changes: Any) -> Self:
        """A copy with other values, checked as the first ones were."""
        return type(self)(**{name: getattr(self, name) for name in type(self).model_fields} | changes)


class FlagSettings(Settings):
    """Settings that a user gives as flags, one for each field. Raises InputError that names the flag of a bad one."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except pydantic.ValidationError as error:
            raise InputError(first_mistake(error, flag="--")) from None


def first_mistake(error: pydantic.ValidationError, flag: str = "") -> str:
    """One line: the field (with `flag` before it), what it must be, and what was received."""
    mistake = error.errors(include_url=False)[0]
    name = f"{flag}{'.'.join(map(str, mistake['loc']))}"
    words = mistake["msg"].removeprefix("Value error, ")
    if mistake["type"] == "extra_forbidden":
        return f"there is no setting {name}; was it written by another version of kerasmooth?"
    if mistake["type"] == "missing":
        return f"the setting {name} is missing"
    if words.startswith("Input should"):
        return f"{name} must{words.removeprefix('Input should')}, got {mistake['input']!r}"
    return f"{name}: {words}" if name else words
