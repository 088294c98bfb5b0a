"""Where a served model is: grpc://host:8500/name, http://host:8501/name, each with /labels/LABEL or /versions/N."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from kerasmooth.errors import InputError

_PATH = re.compile(r"/(?P<name>[^/]+)(/labels/(?P<label>[^/]+)|/versions/(?P<version>[0-9]+))?/?")
SCHEMES = ("grpc", "http", "https")


@dataclass(frozen=True)
class Address:
    """A model on a server.

    Attributes:
      scheme: one of SCHEMES.
      host: with its port.
      name: what the model is served as.
      label: such as stable; "" is none.
      version: None is the one of the label, or the highest.
    """

    scheme: str
    host: str
    name: str
    label: str = ""
    version: int | None = None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}/{self.name}{self.suffix}"

    @property
    def suffix(self) -> str:
        """The label or version, as the REST API writes it."""
        if self.version is not None:
            return f"/versions/{self.version}"
        return f"/labels/{self.label}" if self.label else ""


def is_address(text: str) -> bool:
    """Whether the text names a server, not a folder."""
    return "://" in text


def parse(text: str) -> Address:
    """Raises InputError unless the text is an address."""
    parts = urlsplit(text)
    found = _PATH.fullmatch(parts.path)
    if parts.scheme not in SCHEMES or not parts.netloc or not found:
        raise InputError(
            f"{text!r} is no address of a model: write grpc://HOST:8500/NAME or http://HOST:8501/NAME, "
            "and /labels/LABEL or /versions/N behind it"
        )
    version = found["version"]
    return Address(parts.scheme, parts.netloc, found["name"], found["label"] or "", int(version) if version else None)
