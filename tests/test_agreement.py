"""A file is held against what its model file says: each fact that both state, and nothing that only one does."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from nets import CSMASK_MODELS, csmask_file, needs_csmask, onnx_bytes, safetensors_bytes
from onnx import TensorProto
from shared import ROOT
from sources import model_of

from builder.agreement import Agreement, compare_file
from builder.authoring import to_canonical
from builder.diagnostic import Problem
from builder.document import parse
from builder.model import Model, to_model
from builder.source import LocalFile
from builder.weights import MissingExtraError

ASSET = "assets: {w: {href: net.onnx, roles: [weights]}}\n"
INPUT = "dlm:inputs: {name: image, input_tensors: {dim: 3, height: 64, width: 64}}\n"
OUTPUT = "dlm:outputs: {task: semantic segmentation, number_of_classes: 5, final_layer_size: [1, 5, 64, 64]}\n"


def compare(
    tmp_path: Path, text: str, content: bytes, asset: str = ASSET
) -> tuple[Agreement, list[tuple[str, Problem]]]:
    model = model_of(text + asset)
    location = tmp_path / model.assets[0].published_name
    location.write_bytes(content)
    return compare_file(model, model.assets[0], LocalFile(location.name, location))


def rules(tmp_path: Path, text: str, content: bytes, asset: str = ASSET) -> list[str]:
    return [rule for rule, _ in compare(tmp_path, text, content, asset)[1]]


def test_what_agrees_is_named(tmp_path: Path) -> None:
    content = onnx_bytes()
    digest = hashlib.sha256(content).hexdigest()
    asset = (
        f"assets: {{w: {{href: net.onnx, roles: [weights], file:size: {len(content)}, file:checksum: '1220{digest}',"
        " description: opset 17}}\n"
    )
    agreement, findings = compare(tmp_path, INPUT + OUTPUT, content, asset)
    assert findings == []
    assert agreement == Agreement(
        "w", "agrees",
        ("size", "checksum", "format onnx", "input names", "input shapes", "output shapes", "classes", "operator set"),
    )  # fmt: skip


WRONG: dict[str, tuple[str, bytes, str]] = {
    "another height": (INPUT.replace("height: 64", "height: 32"), onnx_bytes(), "weights-shape"),
    "another number of channels": (INPUT.replace("dim: 3", "dim: 4"), onnx_bytes(), "weights-shape"),
    "a mean that is too long": ("dlm:inputs: {normalization:mean: [1, 2, 3, 4]}\n", onnx_bytes(), "weights-shape"),
    "too few bands": ("dlm:inputs: {selected_band: [1, 0]}\n", onnx_bytes(), "weights-shape"),
    "another batch": ("dlm:inputs: {input_tensors: {batch: 2}}\n", onnx_bytes([1, 3, 8, 8]), "weights-shape"),
    "an image for a table": (INPUT, onnx_bytes(["n", 3]), "weights-shape"),
    "another output": (OUTPUT.replace("5, 64, 64]", "5, 64, 32]"), onnx_bytes(), "weights-shape"),
    "another rank": (OUTPUT.replace("5, 64, 64]", "5]"), onnx_bytes(), "weights-shape"),
    "too few classes": (OUTPUT.replace("classes: 5", "classes: 4"), onnx_bytes(), "weights-classes"),
    "another name": (INPUT.replace("image", "x"), onnx_bytes(), "weights-name"),
    "whole numbers of another type": (
        "dlm:inputs: {name: image}\ndlm:data: {dtype: uint16}\n", onnx_bytes(dtype=TensorProto.UINT8), "weights-dtype",
    ),
    "more parameters": ("dlm:architecture: {total_nb_parameters: 31}\n", onnx_bytes(), "weights-parameters"),
    "another format": ("", safetensors_bytes(), "weights-format"),
    "half a file": ("", onnx_bytes()[:-20], "weights-unreadable"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_contradicts_the_file_is_found(case: str, tmp_path: Path) -> None:
    text, content, rule = WRONG[case]
    agreement, findings = compare(tmp_path, text, content)
    assert [found for found, _ in findings] == [rule]
    assert agreement.status == "differs"
    assert all(problem.hint and len(problem.message) > 20 for _, problem in findings)


FITS: dict[str, tuple[str, bytes]] = {
    "sizes that the file leaves free": (INPUT.replace("64", "512"), onnx_bytes(["n", 3, "h", None])),
    "a batch of one for a free one": (INPUT + OUTPUT, onnx_bytes()),
    "one channel for two classes": (
        "dlm:outputs: {task: semantic segmentation, number_of_classes: 2}\n", onnx_bytes(out=["n", 1, 64, 64]),
    ),
    "a class that is not predicted": (
        "dlm:outputs: {task: semantic segmentation, number_of_classes: 5, dont_care_index: 5, class_name_mapping: "
        "[a, b, c, d, e, none]}\n", onnx_bytes(),
    ),
    "all parameters": ("dlm:architecture: {total_nb_parameters: 32}\n", onnx_bytes()),
    "learned parameters": ("dlm:architecture: {total_nb_parameters: 26}\n", onnx_bytes()),
    "a time axis, which DLM cannot describe": (INPUT, onnx_bytes(["n", 3, 4, 64, 64])),
    "scaling for a network of fractions": ("dlm:inputs: {scaling_factor: 0.1}\n", onnx_bytes()),
    "a task without classes": ("dlm:outputs: {task: regression}\n", onnx_bytes()),
    "bands in other words": (
        "eo:bands: [{name: a}, {name: b}, {name: c}]\ndlm:inputs: {selected_band: [2, 1, 0]}\n",
        onnx_bytes(metadata={"bands": "red,green,blue"}),
    ),
    "bands as a list in JSON": (
        "eo:bands: [{name: a}, {name: b}, {name: c}]\ndlm:inputs: {selected_band: [2, 1, 0]}\n",
        onnx_bytes(metadata={"band_names": '["C", "B", "A"]'}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FITS)
def test_what_fits_the_file_is_no_finding(case: str, tmp_path: Path) -> None:
    assert rules(tmp_path, *FITS[case]) == []


def test_swapped_bands_are_found_where_the_file_names_them(tmp_path: Path) -> None:
    text = "eo:bands: [{name: B2, common_name: blue}, {name: B3, common_name: green}, {name: B4, common_name: red}]\n"
    content = onnx_bytes(metadata={"bands": "red,green,blue"})
    assert rules(tmp_path, text + "dlm:inputs: {selected_band: [2, 1, 0]}\n", content) == []
    assert rules(tmp_path, text + "dlm:inputs: {selected_band: [0, 1, 2]}\n", content) == ["weights-bands"]
    assert rules(tmp_path, text + INPUT, content) == ["weights-bands"]


def test_without_the_extra_the_rest_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: Any) -> Any:
        raise MissingExtraError("onnx")

    monkeypatch.setattr("builder.source.read_signature", missing)
    asset = ASSET.replace("[weights]", "[weights], file:size: {}")
    content = onnx_bytes()
    agreement, findings = compare(tmp_path, INPUT, content, asset.replace("{}", str(len(content))))
    assert [rule for rule, _ in findings] == ["weights-unchecked"]
    assert (agreement.status, agreement.compared, agreement.extra) == ("unchecked", ("size",), "onnx")
    assert "dlm-catalog[onnx]" in agreement.reason
    assert rules(tmp_path, INPUT, content, asset.replace("{}", "1")) == ["file-checksum", "weights-unchecked"]


def test_a_format_that_is_not_read_is_no_fault(tmp_path: Path) -> None:
    agreement, findings = compare(tmp_path, INPUT, b"\x89HDF\r\n\x1a\n" + bytes(9), ASSET.replace("onnx", "h5"))
    assert [rule for rule, _ in findings] == ["weights-unchecked"]
    assert agreement.status == "unchecked"


def real_model_of(name: str, old: str = "", new: str = "") -> Model:
    """The model of the catalog for one of the real networks, with a text in its file changed."""
    path = ROOT / "catalog_src" / "cloud-masks" / f"csmask-unet-{name.replace('_', '-')}.yml"
    text = path.read_text("utf-8")
    assert old in text
    document, found = parse(path.name, text.replace(old, new, 1))
    assert document is not None, found
    return to_model(to_canonical(document, f"cloud-masks/{path.name}").data)


@needs_csmask
@pytest.mark.parametrize("name", CSMASK_MODELS)
def test_the_real_networks_are_what_the_catalog_says(name: str) -> None:
    model = real_model_of(name)
    file = LocalFile("x", csmask_file(name))
    agreement, findings = compare_file(model, model.assets[0], file)
    assert findings == []
    assert (agreement.status, len(agreement.compared)) == ("agrees", 9)


CHANGES = {
    "weights-shape": ("height: 256", "height: 128"),
    "weights-classes": ("number_of_classes: 3", "number_of_classes: 2"),
    "weights-name": ("name: input", "name: image"),
    "weights-parameters": ("total_nb_parameters: 194", "total_nb_parameters: 195"),
    "weights-opset": ("operator set 17", "operator set 16"),
    "file-checksum": ("file:size: 39601686", "file:size: 39601687"),
}


@needs_csmask
@pytest.mark.parametrize("rule", CHANGES)
def test_a_change_of_the_catalog_s_facts_is_found(rule: str) -> None:
    model = real_model_of("4b_l1c", *CHANGES[rule])
    findings = compare_file(model, model.assets[0], LocalFile("x", csmask_file("4b_l1c")))[1]
    assert [found for found, _ in findings] == [rule]


@needs_csmask
def test_the_file_of_another_processing_level_is_found() -> None:
    """The two networks have the same shapes; only the checksum tells them apart."""
    model = real_model_of("4b_l1c")
    findings = compare_file(model, model.assets[0], LocalFile("x", csmask_file("4b_l2a")))[1]
    assert [found for found, _ in findings] == ["file-checksum"]
