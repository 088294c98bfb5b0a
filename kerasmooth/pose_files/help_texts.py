"""What --help says of formats, and of methods and their parameters: from their own descriptions."""

import inspect
import re
from typing import Any

from kerasmooth import formats
from kerasmooth.filters import FILTERS
from kerasmooth.skeletons import SKELETONS

NOT_PARAMETERS = {"positions", "weights", "fps"}
"""What filters take that is no setting."""


def parameters_of(method: str) -> dict[str, Any]:
    """Name -> default of the parameters of a filter."""
    every = inspect.signature(FILTERS[method]).parameters.items()
    return {name: parameter.default for name, parameter in every if name not in NOT_PARAMETERS}


def _describe_method(name: str) -> str:
    text = inspect.getdoc(FILTERS[name]) or ""
    summary, _, other = text.partition("\n")[0].partition(" Arguments: ")
    if found := re.search(r"`(\w+)`", other):
        text = inspect.getdoc(FILTERS[found[1]]) or ""
    meanings = dict(re.findall(r"^  (\w+): (.*(?:\n {4,}.*)*)", text, re.MULTILINE))
    parameters = [
        f"{parameter}={'(chosen)' if default is None else default}, {' '.join(meanings[parameter].split()).rstrip('.')}"
        for parameter, default in parameters_of(name).items()
    ]
    return f"- {name}: {summary} Parameters: {'; '.join(parameters)}."


_FORMATS = [f"- {name} ({each.suffix or 'folder'}): {each.description}" for name, each in formats.FORMATS.items()]
FORMATS_HELP = "\n".join(
    ["Formats:", *_FORMATS, f"Keypoints are known by their names, or in the orders {', '.join(SKELETONS)}."]
)
METHODS_HELP = "\n".join(
    [
        "Methods, with their parameters and defaults for --parameter:",
        "- auto: chooses and tunes a model of motion and noise for each keypoint; it has no parameters.",
        *(_describe_method(name) for name in FILTERS),
    ]
)
