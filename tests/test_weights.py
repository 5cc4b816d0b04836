"""What files of weights say about themselves, and that a damaged, hostile or huge one costs nothing but a message."""

from __future__ import annotations

import builtins
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import (
    CSMASK_MODELS,
    archive_bytes,
    csmask_file,
    external_bytes,
    needs_csmask,
    onnx_bytes,
    safetensors_bytes,
)
from onnx import TensorProto, helper, numpy_helper
from shared import ROOT

from builder.weights import (
    MissingExtraError,
    Signature,
    Tensor,
    UnreadFormatError,
    WeightsError,
    read_signature,
)
from builder.weights import archive as archives
from builder.weights import onnx as onnx_files
from builder.weights import safetensors as safetensors_files

Read = Callable[..., Signature]
REFUSED = (WeightsError, UnreadFormatError)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The signature of a file with this content and name."""

    def read_bytes(content: bytes, name: str = "net.bin") -> Signature:
        (tmp_path / name).write_bytes(content)
        return read_signature(tmp_path / name)

    return read_bytes


# --- ONNX ------------------------------------------------------------------------------------------------------------


def test_an_onnx_file_says_what_goes_in_and_out(read: Read) -> None:
    content = onnx_bytes(metadata={"bands": "red,green,blue"})
    signature = read(content, "net.onnx")
    assert signature.format == "onnx"
    assert signature.size == len(content)
    assert signature.inputs == (Tensor("image", ("n", 3, 64, 64), "float32"),)
    assert signature.outputs == (Tensor("classes", ("n", 5, 64, 64), "float32"),)
    assert signature.opsets == {"": 17}
    assert signature.producer == "test 1"
    assert signature.metadata == {"bands": "red,green,blue"}
    assert signature.pickled == ()


def test_parameters_are_counted_as_pytorch_does(read: Read) -> None:
    signature = read(onnx_bytes())
    assert signature.elements == {"float32": 32, "int64": 2}
    assert signature.parameters == 32
    assert signature.learned == 26, "without the running mean and variance of three channels"


def test_sizes_that_are_not_fixed_are_kept_as_they_are_named(read: Read) -> None:
    (tensor,) = read(onnx_bytes(["n", 3, None, -1])).inputs
    assert tensor.shape == ("n", 3, None, None)


def test_initializers_among_the_inputs_are_no_inputs(read: Read) -> None:
    model = onnx.ModelProto.FromString(onnx_bytes(ir_version=3))
    model.graph.input.append(helper.make_tensor_value_info("kernel", TensorProto.FLOAT, [5, 3, 1, 1]))
    assert [tensor.name for tensor in read(model.SerializeToString()).inputs] == ["image"]


def test_weights_in_constant_nodes_are_counted_where_there_are_no_others(read: Read) -> None:
    model = onnx.ModelProto.FromString(onnx_bytes())
    stored = list(model.graph.initializer)
    del model.graph.initializer[:]
    nodes = [helper.make_node("Constant", [], [one.name], value=one) for one in stored]
    model.graph.node.extend(nodes)
    assert read(model.SerializeToString()).parameters == 32
    assert read(model.SerializeToString()).learned == 26


def test_the_library_agrees_about_what_the_copy_keeps(read: Read) -> None:
    """The oracle is the library on the whole file."""
    content = onnx_bytes(["n", 4, 32, 32], ["n", 2, 32, 32])
    whole, signature = onnx.ModelProto.FromString(content), read(content)
    assert [tensor.name for tensor in signature.tensors] == [one.name for one in whole.graph.initializer]
    assert [tensor.shape for tensor in signature.tensors] == [tuple(one.dims) for one in whole.graph.initializer]
    assert sum(signature.elements.values()) == sum(numpy_helper.to_array(a).size for a in whole.graph.initializer)


def test_text_that_is_not_utf8_is_shown_as_far_as_it_is(read: Read) -> None:
    assert read(onnx_bytes().replace(b"test", b"t\xffst"), "net.onnx").producer == "t\ufffdst 1"


def test_external_files_are_named_and_not_opened(read: Read, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    for location in ("net.onnx.data", "../secret", "/etc/passwd"):
        assert read(external_bytes(location), "net.onnx").external == (location,)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="asks Linux for the memory that was used")
def test_large_numbers_are_left_in_the_file(tmp_path: Path) -> None:
    """A file of 3 GB, more than a protocol buffer may have, is read in 200 MB of memory."""
    content = onnx_bytes()
    model = onnx.ModelProto.FromString(content)
    kernel = next(one for one in model.graph.initializer if one.name == "kernel")
    size = 3 * 1024**3
    payload = kernel.SerializeToString()[: -len(kernel.raw_data) - 2]
    assert kernel.SerializeToString() == payload + b"\x4a" + bytes([len(kernel.raw_data)]) + kernel.raw_data
    tensor = payload + b"\x4a" + varint(size)
    graph = b"\x2a" + varint(len(tensor) + size) + tensor
    location = tmp_path / "net.onnx"
    with location.open("wb") as stream:
        stream.write(content + b"\x3a" + varint(len(graph) + size) + graph)
        stream.truncate(stream.tell() + size)
    assert peak_memory(location, "onnx") < 200 * 1024**2


def varint(value: int) -> bytes:
    return bytes(onnx_files._to_varint(value))


def peak_memory(location: Path, kind: str) -> int:
    """Bytes of memory that a process needs to read a file, which must be of this format."""
    code = (
        "import re, sys; from pathlib import Path; from builder.weights import read_signature;"
        "signature = read_signature(Path(sys.argv[1])); assert signature.format == sys.argv[2], signature.format;"
        "print(re.search(r'VmHWM:\\s*([0-9]+) kB', Path('/proc/self/status').read_text())[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(location), kind], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return int(done.stdout) * 1024


def test_too_much_description_is_not_read(read: Read) -> None:
    many = b"".join(b"\x3a\x02\x0a\x00" for _ in range(onnx_files.MAX_FIELDS // 2 + 1))
    with pytest.raises(UnreadFormatError, match="1,000,000 fields"):
        read(b"\x08\x08" + many, "net.onnx")
    with pytest.raises(UnreadFormatError, match="8,388,608 bytes"):
        read(onnx_bytes(metadata={"a": "b" * onnx_files.MAX_COPY}), "net.onnx")
    nested = b""
    for _ in range(20):
        nested = b"\x32" + varint(len(nested)) + nested  # AttributeProto.g
        nested = b"\x2a" + varint(len(nested)) + nested  # NodeProto.attribute
        nested = b"\x0a" + varint(len(nested)) + nested  # GraphProto.node
    with pytest.raises(UnreadFormatError, match="24 levels"):
        read(b"\x08\x08\x3a" + varint(len(nested)) + nested, "net.onnx")


def test_without_the_library_the_extra_is_named(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name == "onnx":
            raise ImportError(name)
        return load(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="dlm-catalog\\[onnx\\]") as raised:
        read(onnx_bytes(), "net.onnx")
    assert raised.value.extra == "onnx"
    sent = pickle.loads(pickle.dumps(raised.value))  # noqa: S301  our own
    assert (sent.extra, str(sent)) == ("onnx", str(raised.value))
    assert read(safetensors_bytes()).format == "safetensors"


@needs_csmask
@pytest.mark.parametrize("model", CSMASK_MODELS)
def test_the_real_networks_are_read(model: str) -> None:
    bands = int(model[0])
    signature = read_signature(csmask_file(model))
    assert signature.inputs == (Tensor("input", ("batch_size", bands, 256, 256), "float32"),)
    assert [(one.name, one.shape and one.shape[1]) for one in signature.outputs] == [("output", 3)]
    assert (signature.opsets, signature.producer) == ({"": 17}, "pytorch 2.4.1")
    assert signature.elements == {"float16": 19543611 + (bands - 4) * 432}
    assert signature.learned == 19420011 + (bands - 4) * 432


# --- safetensors -----------------------------------------------------------------------------------------------------


def test_a_header_of_safetensors_says_what_is_stored(read: Read) -> None:
    content = safetensors_bytes({"format": "pt"})
    signature = read(content, "net.safetensors")
    assert (signature.format, signature.size) == ("safetensors", len(content))
    assert signature.elements == {"float32": 32, "int64": 1}
    assert (signature.parameters, signature.learned) == (32, 26)
    assert Tensor("conv.weight", (5, 3, 1, 1), "float32") in signature.tensors
    assert signature.metadata == {"format": "pt"}


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int32", "uint64", "float16", "float64"])
def test_types_have_numpy_s_names(dtype: str, read: Read) -> None:
    assert read(safetensors_bytes(a=np.zeros((2, 3), dtype))).elements == {dtype: 6}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"{}", "it has no header"),
        (struct.pack("<Q", 2**63) + b"{}", "is cut off"),
        (struct.pack("<Q", 2) + b"[]", "not a mapping"),
        (struct.pack("<Q", 2) + b"{]", "not JSON"),
        (struct.pack("<Q", 2) + b"\xff\xff", "not JSON"),
        (struct.pack("<Q", 100_000) + b"[" * 100_000, "nested too deeply"),
        (struct.pack("<Q", 8) + b'{"a": 1}', "tensor a is not described"),
        (struct.pack("<Q", 16) + b'{"a": 1, "a": 2}', "given twice"),
        (struct.pack("<Q", 10) + b'{"a": NaN}', "no number"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "pointer of Git LFS"),
    ],
)
def test_broken_headers_are_refused(content: bytes, message: str, read: Read) -> None:
    with pytest.raises(WeightsError, match=message):
        read(content, "net.safetensors")


def header(**tensors: Any) -> bytes:
    text = json.dumps(tensors).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}, "other bytes than its shape"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}, "gap or an overlap"),
        ({"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, "take 16 bytes, and 8 are there"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "goes on for 4 bytes"),
        ({"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}, "not described"),
        ({"dtype": "F32", "shape": [2] * 1000, "data_offsets": [0, 8]}, "not described"),
        ({"dtype": "F32", "shape": [True, 2], "data_offsets": [0, 8]}, "not described"),
    ],
)
def test_headers_that_contradict_the_file_are_refused(tensor: dict[str, Any], message: str, read: Read) -> None:
    with pytest.raises(WeightsError, match=message):
        read(header(a=tensor) + bytes(8), "net.safetensors")


def test_types_and_headers_beyond_what_is_known_are_not_called_wrong(read: Read, tmp_path: Path) -> None:
    with pytest.raises(UnreadFormatError, match="type F3"):
        read(header(a={"dtype": "F3", "shape": [2], "data_offsets": [0, 1]}) + b"1")
    location = tmp_path / "long.safetensors"
    with location.open("wb") as stream:
        stream.write(struct.pack("<Q", 2**34) + b"{")
        stream.truncate(2**34 + 8)
    with pytest.raises(UnreadFormatError, match="16,777,216 are read at most"):
        read_signature(location)
    assert safetensors_files.MAX_HEADER == 16_777_216


# --- PyTorch, and others ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "kind", "pickled"),
    [
        ((), "pytorch", ("net/data.pkl",)),
        (("m/data.pkl", "m/constants.pkl", "m/code/a.py"), "torchscript", ("m/data.pkl", "m/constants.pkl")),
        (("config.json", "weights.h5"), "zip", ()),
        (("a/model.PKL", "config.json"), "zip", ("a/model.PKL",)),
    ],
)
def test_archives_are_listed_and_their_pickles_told(
    names: tuple[str, ...], kind: str, pickled: tuple[str, ...], read: Read
) -> None:
    signature = read(archive_bytes(*names), "net.pt")
    assert (signature.format, signature.pickled) == (kind, pickled)
    assert all(member.size == 4 for member in signature.members)


class _Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("was-run",)


def test_a_pickle_is_told_and_never_loaded(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = pickle.dumps(_Payload())
    assert read(hostile, "net.pth") == Signature("pickle", len(hostile), pickled=("net.pth",))
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr("net/data.pkl", hostile)
    assert read(made.getvalue(), "net.pt").format == "pytorch"
    assert not (tmp_path / "was-run").exists()
    pickle.loads(hostile)  # noqa: S301  so that the test can fail
    assert (tmp_path / "was-run").exists()


def test_a_directory_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    location = tmp_path / "net.pt"
    size = archives.MAX_DIRECTORY + 1
    with location.open("wb") as stream:
        stream.write(b"PK\x03\x04")
        stream.truncate(4 + size)
        stream.seek(4 + size)
        stream.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, size, 4, 0))
    with pytest.raises(UnreadFormatError, match="8,388,608 are read at most"):
        read_signature(location)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "net.h5", "its format is HDF5"),
        (bytes(4) + b"TFL3" + bytes(100), "net.tflite", "TensorFlow Lite"),
        (b"some text about weights", "net.bin", "not one that is read"),
    ],
)
def test_other_formats_are_not_read_and_not_called_wrong(content: bytes, name: str, message: str, read: Read) -> None:
    with pytest.raises(UnreadFormatError, match=message):
        read(content, name)


def test_the_content_tells_the_format_not_the_name(read: Read) -> None:
    assert read(onnx_bytes(), "weights").format == "onnx"
    assert read(safetensors_bytes(), "net.onnx").format == "safetensors"
    assert read(archive_bytes(), "net.onnx").format == "pytorch"
    for name in ("net.onnx", "net.safetensors"):
        with pytest.raises(WeightsError):
            read(b"not really a network.\n", name)
    with pytest.raises(UnreadFormatError):  # it may be a pickle of protocol 0, which has no mark
        read(b"not really a network.\n", "net.pt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises((WeightsError, OSError)):
        read_signature(Path("/dev/zero"))
    with pytest.raises(OSError, match=r"[Dd]irectory"):
        read_signature(tmp_path)


# --- whatever a file holds -------------------------------------------------------------------------------------------

WHOLE = {
    "net.onnx": onnx_bytes(metadata={"bands": "red,green,blue"}),
    "out.onnx": external_bytes("../secret"),
    "net.safetensors": safetensors_bytes({"format": "pt"}),
    "net.pt": archive_bytes(),
}
changes = st.lists(
    st.one_of(
        st.tuples(st.just("cut"), st.integers(0, 3000), st.just(b"")),
        st.tuples(st.just("put"), st.integers(0, 3000), st.binary(min_size=1, max_size=9)),
        st.tuples(st.just("add"), st.integers(0, 3000), st.binary(min_size=1, max_size=40)),
        st.tuples(st.just("drop"), st.integers(0, 3000), st.binary(min_size=1, max_size=40)),
    ),
    max_size=5,
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def read_or_refuse(location: Path, content: bytes) -> None:
    location.write_bytes(content)
    try:
        signature = read_signature(location)
    except REFUSED:
        return
    assert signature.size == len(content)


@settings(deadline=None, max_examples=400)
@given(name=st.sampled_from(sorted(WHOLE)), changes=changes)
def test_a_damaged_file_gives_a_signature_or_a_message(
    name: str, changes: list[tuple[str, int, bytes]], place: Path
) -> None:  # fmt: skip
    content = WHOLE[name]
    for kind, at, data in changes:
        at %= max(len(content), 1)
        skipped = {"cut": len(content) - at, "put": len(data), "add": 0, "drop": len(data)}[kind]
        content = content[:at] + (data if kind in ("put", "add") else b"") + content[at + skipped :]
    read_or_refuse(place / name, content)


@settings(deadline=None, max_examples=300)
@given(
    name=st.sampled_from(sorted(WHOLE)),
    head=st.sampled_from([b"", b"\x08\x08\x12", b"\x08\x08\x3a", b"PK\x03\x04", b"\x80\x04", b"\x02\0\0\0\0\0\0\0{"]),
    content=st.binary(max_size=300),
)
def test_any_bytes_give_a_signature_or_a_message(name: str, head: bytes, content: bytes, place: Path) -> None:
    read_or_refuse(place / name, head + content)


@needs_csmask
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_a_damaged_real_network_gives_a_signature_or_a_message(data: st.DataObject, place: Path) -> None:
    """The first 200 kB hold most of the description; changing them is what a broken download or an attacker does."""
    content = bytearray(csmask_file("4b_l1c").read_bytes()[:200_000])
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=20)):
        content[at] = data.draw(st.integers(0, 255))
    read_or_refuse(place / "net.onnx", bytes(content))
