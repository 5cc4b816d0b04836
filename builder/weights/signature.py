"""What every format gives, and how a file is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Format = Literal["onnx", "safetensors", "pytorch", "torchscript", "zip", "pickle"]
_SUFFIXES: Mapping[str, Format] = {
    ".onnx": "onnx", ".safetensors": "safetensors", ".pt": "pytorch", ".pth": "pytorch", ".ckpt": "pytorch",
}  # fmt: skip
_INTEGER_WEIGHTS = frozenset({"int8", "uint8", "int4", "uint4", "int2", "uint2"})
"""Integers that quantised weights are stored as; wider ones are shapes, indices and counters."""


class WeightsError(Exception):
    """The file is damaged, or not what its name says. The message goes on from the name of the file."""


class UnreadFormatError(Exception):
    """The file cannot be checked: it is of a format that is not read, or beyond a limit. The message says which."""


class MissingExtraError(Exception):
    """The file cannot be checked because a library is not installed, which the extra `extra` brings."""

    def __init__(self, extra: str) -> None:
        super().__init__(extra)  # alone, so that it can be sent to another process
        self.extra = extra

    def __str__(self) -> str:
        return f"reading it needs the extra {self.extra}: pip install 'dlm-catalog[{self.extra}]'"

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str]]:
        """What it is made of, not its message: it may be found on another machine than it is told on."""
        return type(self), (self.extra,)


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input, an output or a stored tensor. A size that is not fixed is its name in the file, or None.

    `shape` is None where the file does not even state a rank. `dtype` is numpy's name where numpy has the type.
    """

    name: str
    shape: tuple[int | str | None, ...] | None = None
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive, with its size in bytes when unpacked."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Signature:
    """What a file of weights says about itself, as far as its format has a place for it.

    `size` is in bytes. `elements` counts the stored numbers by type, `statistics` those that are running means and
    variances of batch normalisation, which frameworks do not count as parameters. `opsets` are ONNX's by domain, ""
    being its own. `external` names the files beside this one that hold its tensors, `pickled` the parts that Python's
    pickle would read, and `metadata` is what its maker put in.
    """

    format: Format
    size: int
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    elements: Mapping[str, int] = field(default_factory=dict)
    statistics: int = 0
    opsets: Mapping[str, int] = field(default_factory=dict)
    producer: str = ""
    tensors: tuple[Tensor, ...] = ()
    members: tuple[Member, ...] = ()
    external: tuple[str, ...] = ()
    pickled: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> int | None:
        """Numbers that are weights: of floating point, complex, or small integers. None where none are listed."""
        total = sum(number for dtype, number in self.elements.items() if is_weight_type(dtype))
        return total if self.elements else None

    @property
    def learned(self) -> int | None:
        """The parameters without running statistics: what `model.parameters()` of PyTorch counts."""
        return None if self.parameters is None else self.parameters - self.statistics


def is_weight_type(dtype: str) -> bool:
    """Whether numbers of a type are weights rather than shapes, indices or counters."""
    return "float" in dtype or dtype.startswith("complex") or dtype in _INTEGER_WEIGHTS


def claimed_format(name: str) -> Format | None:
    """The format that the suffix of a file's name stands for, where it is one that is read."""
    return next((kind for suffix, kind in _SUFFIXES.items() if name.lower().endswith(suffix)), None)


def count_elements(shape: tuple[int, ...]) -> int:
    """Numbers in a tensor; 1 for a scalar."""
    number = 1
    for size in shape:
        number *= size
    return number
