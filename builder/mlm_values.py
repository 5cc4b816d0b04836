"""Single values of a model in MLM's form: names, versions, types, scalings, kinds of files."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import Any

from builder.model import Asset, Input

UNKNOWN = "unknown"
"""What stands for an architecture or a kind of artifact that nothing tells: MLM requires a text there."""
DATA_TYPES = {
    **{f"{kind}{bits}": f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"float{bits}" for bits in (16, 32, 64)},
    "complex64": "cfloat32", "complex128": "cfloat64", "bool": "other",
}  # fmt: skip
"""MLM's names of data types, which are those of STAC's raster extension, by numpy's."""
# https://semver.org: three numbers without leading zeros, a pre-release, a build.
_NUMBER = r"(?:0|[1-9][0-9]*)"
_PART = rf"(?:{_NUMBER}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
_BUILD = r"[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*"
_VERSION = re.compile(rf"({_NUMBER}(?:\.{_NUMBER}){{0,2}})((?:-{_PART}(?:\.{_PART})*)?(?:\+{_BUILD})?)")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]")
_ARTIFACTS = {
    "pt": "torch.save", "pth": "torch.save", "ckpt": "torch.save", "pytorch": "torch.save", "pt2": "torch.export.save",
    "onnx": "onnx.save", "keras": "tf.keras.Model.save",
}  # fmt: skip
_SAFETENSORS = ("torch", "tensorflow", "flax", "paddle")


def fit_name(*texts: str) -> str:
    """The first text that fits MLM's pattern of names, made to: letters without accents, digits, `_ . -` and spaces."""
    for text in texts:
        plain = unicodedata.normalize("NFKD", text.replace("×", "x")).encode("ascii", "ignore").decode()
        plain = re.sub(r"\s+", " ", re.sub(r"[^a-zA-Z0-9_.\-]+", " ", plain))
        plain = re.sub(r"^[^a-zA-Z0-9]+|[^a-zA-Z0-9]+$", "", plain)
        for name in (plain, f"Model {plain}"):
            if plain and _NAME.fullmatch(name):
                return name
    return "Model"


def to_version(text: str) -> str | None:
    """The version with as many zeros added as semantic versioning wants; None for one that it cannot say."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    numbers = match[1].split(".")
    return ".".join([*numbers, *["0"] * (3 - len(numbers))]) + match[2]


def to_value_scaling(entry: Input) -> list[dict[str, Any]] | None:
    """MLM's `value_scaling` of an input; empty where pixels are not changed, None where no number can say it.

    DLM multiplies by the scaling factor s and normalises then; MLM takes the pixels as they are. So
    (s·x − mean) / std is the z-score (x − mean/s) / (std/s), and s·x alone is x / (1/s).
    """
    scale = entry.scaling_factor
    made: list[dict[str, Any]]
    try:
        if not entry.normalization_mean and not entry.normalization_std:
            made = [] if scale is None else [{"type": "scale", "value": inverse(scale)}]
        else:
            both = zip_longest(entry.normalization_mean, entry.normalization_std)
            pairs = [(0 if m is None else m, 1 if s is None else s) for m, s in both]
            pairs = pairs if scale is None else [(m / scale, s / scale) for m, s in pairs]
            made = [{"type": "z-score", "mean": m, "stddev": s} for m, s in pairs]
        numbers = [value for scaling in made for value in scaling.values() if not isinstance(value, str)]
        divisors = [scaling.get("stddev", scaling.get("value")) for scaling in made]
        return made if all(math.isfinite(number) for number in numbers) and all(divisors) else None
    except (OverflowError, ZeroDivisionError):
        return None


def inverse(number: float) -> float:
    """1 / number, or, where there is one, the short decimal number whose inverse this number is.

    So 1/255, though rounded, becomes 255, and the inverse of 0.003921569 becomes 0.003921569 again.
    """
    exact = 1 / number
    for text in (f"{exact:.{digits}g}" for digits in range(1, 14)):
        if float(text) and 1 / float(text) == number:
            return float(text)
    return exact


def count_classes(nodata: Sequence[bool], shape: Sequence[int]) -> int | None:
    """How many classes there are, of which `nodata` says which do not count, given the shape of the output."""
    everything, counted = len(nodata), nodata.count(False)
    if everything == counted:
        return everything or None
    return shape[1] if len(shape) > 1 and shape[1] in (everything, counted) else None


def to_artifact_type(asset: Asset, frameworks: Iterable[str]) -> str:
    """What the weights were written with, after MLM's names, by media type or file name; else the kind of file."""
    application = re.search(r"application=([\w.+-]+)", asset.type or "")
    suffix = PurePosixPath(re.split(r"\?", asset.href, maxsplit=1)[0]).suffix[1:].lower()
    suffix = suffix if re.fullmatch(r"[a-z][a-z0-9]*", suffix) else ""
    subtype = (asset.type or "").partition(";")[0].rpartition("/")[2]
    for kind in filter(None, (application and application[1], suffix)):
        if kind == "safetensors":
            words = " ".join(frameworks).lower()
            library = next((name for name in _SAFETENSORS if name in words), None)
            return f"safetensors.{library}.save_file" if library else kind
        if kind in _ARTIFACTS:
            return _ARTIFACTS[kind]
    return suffix or (subtype if subtype != "octet-stream" else "") or UNKNOWN


def to_slug(task: str) -> str:
    """A task in MLM's spelling."""
    return task.replace(" ", "-")


def unused(name: str, taken: Iterable[str]) -> str:
    """The name, with a number where it is taken."""
    known = set(taken)
    return next(n for n in (name, *(f"{name}-{i}" for i in range(2, len(known) + 3))) if n not in known)


def to_megabytes(size: int) -> float:
    """Bytes in MB of 1024² bytes, with as few decimals as give the same number of bytes."""
    for digits in range(8):
        megabytes = round(size / 1024**2, digits)
        if round(megabytes * 1024**2) == size:
            return int(megabytes) if megabytes.is_integer() else megabytes
    return size / 1024**2
