"""ONNX files: what goes in and comes out, and the shapes of the tensors, without the numbers in them.

The library reads a whole file into memory, which may be gigabytes. So the file is walked first, and what is wanted is
copied; the library reads the small copy. https://protobuf.dev/programming-guides/encoding says how a file is walked,
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto what its fields are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO

from builder.weights.signature import (
    MissingExtraError,
    Signature,
    Tensor,
    UnreadFormatError,
    WeightsError,
    count_elements,
)

MAX_COPY = 8 * 1024**2
"""Most bytes that are taken from a file. The description of a large network has a tenth of it."""
MAX_FIELDS = 1_000_000
"""Most fields of a file that are looked at."""
_MAX_DEPTH = 24
_WINDOW = 4096
_VARINT, _BYTES, _FIXED = 0, 2, {1: 8, 5: 4}
"""How a number, a text or message, and numbers of fixed length are marked in the file."""

# The fields of a message: True is copied, a name is the message inside, walked in turn; the rest is left out.
_MESSAGES: Mapping[str, Mapping[int, bool | str]] = MappingProxyType({
    # ir_version, producer_name, producer_version, domain, model_version, graph, opset_import, metadata_props
    "ModelProto": {1: True, 2: True, 3: True, 4: True, 5: True, 7: "GraphProto", 8: True, 14: True},
    # node, name, initializer, input, output, sparse_initializer
    "GraphProto": {1: "NodeProto", 2: True, 5: "TensorProto", 11: True, 12: True, 15: "SparseTensorProto"},
    # input, output, op_type, attribute, domain
    "NodeProto": {1: True, 2: True, 4: True, 5: "AttributeProto", 7: True},
    # name, t, g, type
    "AttributeProto": {1: True, 5: "TensorProto", 6: "GraphProto", 20: True},
    # dims, data_type, name, external_data, data_location
    "TensorProto": {1: True, 2: True, 8: True, 13: True, 14: True},
    # values
    "SparseTensorProto": {1: "TensorProto"},
})  # fmt: skip
_NUMPY = {"float": "float32", "double": "float64", "string": "str"}
"""ONNX's names of types where numpy has another."""


def is_one(head: bytes) -> bool:
    """Whether a file with these first bytes may be ONNX, which has no mark of its own: it begins with `ir_version`."""
    return len(head) > 2 and head[0] == 0x08 and 3 <= head[1] <= 32 and head[2] in (0x12, 0x1A, 0x22, 0x3A, 0x42)


def read(stream: BinaryIO, size: int) -> Signature:
    """The signature of a file. Raises as `read_signature` does."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise MissingExtraError("onnx") from None
    try:
        model = onnx.ModelProto.FromString(_Walk(stream).copy("ModelProto", 0, size))
    except DecodeError as error:
        raise WeightsError(f"is not ONNX: {error}") from error
    if not model.HasField("graph") or not model.opset_import:
        raise WeightsError("is not ONNX: it has no graph, or does not say of which operators")
    return _to_signature(model, onnx.TensorProto, size)


class _Walk:
    """Makes the copy, within the limits. Places are bytes from the start of the file."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.window, self.base = b"", 0
        self.copied = self.fields = 0

    def copy(self, message: str, place: int, end: int, depth: int = 0) -> bytes:
        """The wanted fields of a message that stands from a place in the file to another."""
        if depth > _MAX_DEPTH:
            raise UnreadFormatError(f"its graphs are nested more than {_MAX_DEPTH} levels deep")
        wanted, made = _MESSAGES[message], bytearray()
        while place < end:
            self.fields += 1
            if self.fields > MAX_FIELDS:
                raise UnreadFormatError(f"it has more than {MAX_FIELDS:,} fields")
            start = place
            key, place = self._varint(place, end)
            take = wanted.get(key >> 3, False)
            if key & 7 == _BYTES:
                length, place = self._varint(place, end)
            elif key & 7 == _VARINT:
                length, place = 0, self._varint(place, end)[1]
            elif key & 7 in _FIXED:
                length = _FIXED[key & 7]
            else:
                raise WeightsError(f"is not ONNX: there is no field at byte {start:,}")
            if length > end - place:
                raise WeightsError(f"is cut off, or not ONNX: {length:,} bytes should follow byte {place:,}")
            if isinstance(take, str) and key & 7 == _BYTES:
                inside = self.copy(take, place, place + length, depth + 1)
                made += _to_varint(key) + _to_varint(len(inside)) + inside
            elif take:
                made += self._take(start, place + length - start)
            place += length
        return bytes(made)

    def _take(self, place: int, length: int) -> bytes:
        self.copied += length
        if self.copied > MAX_COPY:
            raise UnreadFormatError(f"its description has more than {MAX_COPY:,} bytes")
        if self.base <= place and place + length <= self.base + len(self.window):
            return self.window[place - self.base : place - self.base + length]
        self.stream.seek(place)
        return self.stream.read(length)

    def _varint(self, place: int, end: int) -> tuple[int, int]:
        """A number at a place, and the place after it."""
        value = 0
        for shift in range(0, 70, 7):
            if not self.base <= place < self.base + len(self.window):
                self.stream.seek(place)
                self.window, self.base = self.stream.read(_WINDOW), place
            if place >= end or not self.window:
                raise WeightsError(f"is cut off, or not ONNX, at byte {place:,}")
            byte = self.window[place - self.base]
            place += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, place
        raise WeightsError(f"is not ONNX: there is no number at byte {place:,}")


def _to_varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def _to_signature(model: Any, types: Any, size: int) -> Signature:
    """`types` is the library's TensorProto, which names the types of numbers."""

    def dtype(number: int) -> str:
        try:
            name = str(types.DataType.Name(number)).lower()
        except ValueError:
            return f"type {number}"
        return _NUMPY.get(name, name)

    def tensor(value: Any) -> Tensor:
        kind = value.type.WhichOneof("value")
        if kind != "tensor_type":
            return Tensor(_text(value.name), None, (kind or "nothing").removesuffix("_type"))
        described = value.type.tensor_type
        shape = tuple(map(_size, described.shape.dim)) if described.HasField("shape") else None
        return Tensor(_text(value.name), shape, dtype(described.elem_type) if described.elem_type else None)

    graph = model.graph
    stored = [*_stored(graph), *(sparse.values for sparse in graph.sparse_initializer)]
    # Some exporters keep their weights in Constant nodes; in the others' files these are shapes and thresholds.
    counted = stored if any("float" in dtype(one.data_type) for one in stored) else [*stored, *_constants(graph)]
    running = {name for node in _nodes(graph) if node.op_type == "BatchNormalization" for name in node.input[3:5]}
    elements: Counter[str] = Counter()
    statistics = 0
    for one in counted:
        if any(length < 0 for length in one.dims):
            raise WeightsError(f"has a tensor {_text(one.name)[:80]} with a negative size")
        number = count_elements(tuple(one.dims))
        elements[dtype(one.data_type)] += number
        statistics += number if one.name in running else 0
    initial = {one.name for one in stored}
    return Signature(
        "onnx",
        size,
        # Until ONNX 1.4 the initializers were listed among the inputs.
        tuple(tensor(value) for value in graph.input if value.name not in initial),
        tuple(tensor(value) for value in graph.output),
        dict(elements),
        statistics,
        {"" if entry.domain == "ai.onnx" else _text(entry.domain): entry.version for entry in model.opset_import},
        " ".join(_text(part) for part in (model.producer_name, model.producer_version) if part),
        tuple(Tensor(_text(one.name), tuple(one.dims), dtype(one.data_type)) for one in counted),
        external=tuple(dict.fromkeys(_text(entry.value) for one in counted for entry in one.external_data
                                     if entry.key == "location")),
        metadata={_text(entry.key): _text(entry.value) for entry in model.metadata_props},
    )  # fmt: skip


def _size(dimension: Any) -> int | str | None:
    """A size that is fixed, else its name, else None. Exporters write -1 and 0 for one that is not fixed, too."""
    if dimension.WhichOneof("value") == "dim_value" and dimension.dim_value > 0:
        return int(dimension.dim_value)
    return _text(dimension.dim_param) or None


def _text(value: str | bytes) -> str:
    """A text, which the library gives as bytes where it is not UTF-8."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _nodes(graph: Any) -> Iterable[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)


def _stored(graph: Any) -> Iterable[Any]:
    """The initializers of a graph and of those inside its nodes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _stored(attribute.g)


def _constants(graph: Any) -> Iterable[Any]:
    """The tensors of Constant nodes, by the names of what the nodes give."""
    for node in _nodes(graph):
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.HasField("t"):
                attribute.t.name = node.output[0] if node.output else ""
                yield attribute.t
