"""What files of weights say about themselves, one module for each format: `read` gives the `Signature` of a file.

A file may come from anyone. Headers and listings are read, within limits; the numbers are left where they are, nothing
is unpickled, and a file that another one names is not opened.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path as FilePath
from typing import BinaryIO

from builder.weights import archive, onnx, safetensors
from builder.weights.signature import (
    Format,
    Member,
    MissingExtraError,
    Signature,
    Tensor,
    UnreadFormatError,
    WeightsError,
    claimed_format,
)

__all__ = [
    "Format", "Member", "MissingExtraError", "Signature", "Tensor", "UnreadFormatError", "WeightsError",
    "claimed_format", "read_signature",
]  # fmt: skip

_LFS = b"version https://git-lfs.github.com/spec/"
_OTHERS = ((b"\x89HDF\r\n\x1a\n", 0, "HDF5"), (b"TFL3", 4, "TensorFlow Lite"), (b"\x1f\x8b", 0, "gzip"))
"""Formats that are known and not read: first bytes, where they stand, and the name."""
_HEAD = 64


def read_signature(location: FilePath, name: str | None = None) -> Signature:
    """What a file of weights says about itself. Its content tells the format; its `name` only where that does not.

    Raises WeightsError for a file that is damaged or no file of weights, UnreadFormatError for one of a format that is
    not read, MissingExtraError where reading it needs a library that is not installed, and OSError.
    """
    with location.open("rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise WeightsError("is not a regular file")
        return _read(stream, status.st_size, name or location.name)


def _read(stream: BinaryIO, size: int, name: str) -> Signature:
    head = stream.read(_HEAD)
    stream.seek(0)
    if head.startswith(_LFS):
        raise WeightsError("is a pointer of Git LFS, not the file itself; `git lfs pull` fetches it")
    if size == 0:
        raise WeightsError("is empty")
    claimed = claimed_format(name)
    if safetensors.is_one(head, size) or claimed == "safetensors":
        return safetensors.read(stream, size)
    if archive.is_zip(head):
        return archive.read(stream, size)
    if archive.is_pickle(head):
        return Signature("pickle", size, pickled=(name,))
    for magic, offset, other in _OTHERS:
        if head[offset:].startswith(magic):
            raise UnreadFormatError(f"its format is {other}, which is not read")
    if claimed == "onnx" or onnx.is_one(head):
        return onnx.read(stream, size)
    raise UnreadFormatError("its format is not one that is read")
