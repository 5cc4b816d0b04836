"""Files of safetensors: the length of a header, the header in JSON, and the numbers, which are not read.

https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import struct
from collections import Counter
from typing import Any, BinaryIO

from builder.weights.signature import Signature, Tensor, UnreadFormatError, WeightsError, count_elements

MAX_HEADER = 16 * 1024**2
"""Longest header that is read, in bytes; 10,000 tensors take about 1 MB."""
_PREFIX = 8
_BITS = {
    "BOOL": ("bool", 8), "U8": ("uint8", 8), "I8": ("int8", 8), "U16": ("uint16", 16), "I16": ("int16", 16),
    "U32": ("uint32", 32), "I32": ("int32", 32), "U64": ("uint64", 64), "I64": ("int64", 64),
    "F16": ("float16", 16), "BF16": ("bfloat16", 16), "F32": ("float32", 32), "F64": ("float64", 64),
    "C64": ("complex64", 64), "F8_E5M2": ("float8_e5m2", 8), "F8_E4M3": ("float8_e4m3fn", 8),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 8), "F8_E4M3FNUZ": ("float8_e4m3fnuz", 8), "F8_E8M0": ("float8_e8m0fnu", 8),
    "F4": ("float4_e2m1fn", 4), "F6_E2M3": ("float6_e2m3fn", 6), "F6_E3M2": ("float6_e3m2fn", 6),
}  # fmt: skip
"""The format's types: numpy's name, or that of ml_dtypes, and the bits of a number."""
_STATISTICS = (".running_mean", ".running_var")
"""The ends of the names that PyTorch gives to running statistics."""


def is_one(head: bytes, size: int) -> bool:
    """Whether a file with these first bytes is one of safetensors."""
    if len(head) <= _PREFIX or head[_PREFIX : _PREFIX + 1] != b"{":
        return False
    return int(struct.unpack("<Q", head[:_PREFIX])[0]) <= size - _PREFIX


def read(stream: BinaryIO, size: int) -> Signature:
    """The signature of a file. Raises as `read_signature` does."""
    prefix = stream.read(_PREFIX)
    if len(prefix) < _PREFIX:
        raise WeightsError("is cut off, or not safetensors: it has no header")
    (length,) = struct.unpack("<Q", prefix)
    if length > size - _PREFIX:
        raise WeightsError(f"is cut off, or not safetensors: its header would have {length:,} bytes of {size:,}")
    if length > MAX_HEADER:
        raise UnreadFormatError(f"its header has {length:,} bytes, and {MAX_HEADER:,} are read at most")
    try:
        header = json.loads(stream.read(length).decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except RecursionError:
        raise WeightsError("has a header that is nested too deeply") from None
    except ValueError as error:
        raise WeightsError(f"has a header that is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise WeightsError("has a header that is not a mapping")
    return _to_signature(header, size, size - _PREFIX - length)


def _to_signature(header: dict[str, Any], size: int, data: int) -> Signature:
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise WeightsError("has a header whose __metadata__ is not texts by name")
    tensors, spans = [], []
    elements: Counter[str] = Counter()
    statistics = 0
    for name, raw in header.items():
        tensor, number, span = _to_tensor(name, raw)
        tensors.append(tensor)
        spans.append(span)
        elements[str(tensor.dtype)] += number
        statistics += number if name.endswith(_STATISTICS) else 0
    end = 0
    for start, stop in sorted(spans):
        if start != end:
            raise WeightsError(f"has a gap or an overlap at byte {end:,} of its numbers")
        end = stop
    if end > data:
        raise WeightsError(f"is cut off: its tensors take {end:,} bytes, and {data:,} are there")
    if end < data:
        raise WeightsError(f"goes on for {data - end:,} bytes after its last tensor")
    return Signature(
        "safetensors", size, elements=dict(elements), statistics=statistics, tensors=tuple(tensors), metadata=metadata
    )


def _to_tensor(name: str, raw: Any) -> tuple[Tensor, int, tuple[int, int]]:
    """A tensor, how many numbers it has, and where they stand."""
    raw = raw if isinstance(raw, dict) else {}
    shape, span, kind = raw.get("shape"), raw.get("data_offsets"), raw.get("dtype")
    if not _are_sizes(shape) or not _are_sizes(span) or len(span) != 2 or not isinstance(kind, str):
        raise WeightsError(f"has a header in which the tensor {name[:80]} is not described")
    if kind not in _BITS:
        raise UnreadFormatError(f"its tensor {name[:80]} has the type {kind[:20]}, which is not known")
    dtype, bits = _BITS[kind]
    number = count_elements(tuple(shape))
    if span[1] - span[0] != (number * bits + 7) // 8:
        raise WeightsError(f"has a header in which the tensor {name[:80]} takes other bytes than its shape")
    return Tensor(name, tuple(shape), dtype), number, (span[0], span[1])


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, int) and not isinstance(one, bool) and 0 <= one < 2**63 for one in value[:65]
    ) and len(value) <= 64  # fmt: skip


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name is given twice")
    return made


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number in JSON")
