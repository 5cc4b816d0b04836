"""DLM said in MLM: the table of docs/reference/mlm.md, and what clients and the official schema make of it."""

from __future__ import annotations

import json
import math
import re
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pystac
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from pystac.extensions.mlm import AssetGeneralMLMExtension, MLMExtension
from referencing import Registry, Resource
from shared import SHARED, needs_shared
from sources import MINIMAL, TITLES, build_files, find_item, item_of, model_of

from builder.mlm import MLM_URI, PROCESSING_URI, Mlm, to_mlm
from builder.mlm_values import count_classes, fit_name, inverse, to_megabytes, to_value_scaling, to_version
from builder.model import Input, to_model
from builder.pipeline import Build
from builder.stac import to_item

WEIGHTS = "assets: {weights: {href: 'https://example.com/net.pth', roles: [weights]}}\n"
PLAIN = {
    "roles": ["weights"],
    "href": "https://example.com/net.pth",
    "type": "application/octet-stream; application=pytorch",
}
RICH = """\
title: "Réseau “5 × 5”: land cover"
eo:bands: [{name: B2, common_name: blue}, {name: B3, common_name: green}, {common_name: red}, {name: B8}]
dlm:data:
  {process_level: L2A, dtype: uint16, nodata_value: 0, number_of_bands: 4, test_file: scene.tif,
   useful_bands: [{index: 3, name: B8}, {index: 2, name: red}]}
dlm:inputs:
  name: x
  input_tensors: {batch: 8, dim: 2, height: 64}
  scaling_factor: 0.5
  normalization:mean: [1, 2]
  normalization:std: [4, 8]
  selected_band: [3, 2]
  pre_processing_function: pkg.mod:prepare
dlm:architecture:
  {type: U-Net, total_nb_parameters: 7, estimated_total_size_mb: 1.5, pretrained: ImageNet, summary: layers}
dlm:runtime:
  framework: PyTorch
  version: "1.5"
  model_handler: pkg.mod:load
  model_src_url: https://example.com/code
  model_commit_hash: abcdef1
  requirement_file: requirements.txt
  docker: {image_name: example/net, tag: "2", gpu: true, run: go, working_dir: /w, docker_file: https://example.com/D}
dlm:outputs:
  task: semantic segmentation
  number_of_classes: 2
  final_layer_size: [8, 2, 64, 64]
  dont_care_index: 0
  class_name_mapping:
    - {index: 0, class_name: nothing}
    - {index: 1, class_name: water, description: Open water., color: "#0000ff"}
    - {index: 2, class_name: land}
  post_processing_function: pkg.mod:finish
dlm:archive: [{name: a.txt, role: notes}]
"""


def mlm_of(text: str) -> Mlm:
    model = model_of(text)
    return to_mlm(model, plain_item(text))


def plain_item(text: str) -> dict[str, Any]:
    """The Item of a model without MLM."""
    return item_of(text, titles=replace(TITLES, mlm=False))


# --- the table -------------------------------------------------------------------------------------------------------


def test_every_field_goes_where_the_table_says() -> None:
    made = mlm_of(RICH + WEIGHTS)
    assert made.properties == {
        "mlm:name": "Reseau 5 x 5 land cover",
        "mlm:architecture": "U-Net",
        "mlm:tasks": ["semantic-segmentation"],
        "mlm:framework": "PyTorch",
        "mlm:framework_version": "1.5.0",
        "mlm:total_parameters": 7,
        "mlm:memory_size": 1572864,
        "mlm:pretrained": True,
        "mlm:pretrained_source": "ImageNet",
        "mlm:batch_size_suggestion": 8,
        "mlm:accelerator": "cuda",
        "mlm:accelerator_constrained": True,
        "mlm:input": [
            {
                "name": "x",
                "bands": ["B8", "red"],
                "input": {
                    "shape": [8, 2, 64, -1],
                    "dim_order": ["batch", "bands", "height", "width"],
                    "data_type": "float32",
                },
                "value_scaling": [
                    {"type": "z-score", "mean": 2, "stddev": 8},
                    {"type": "z-score", "mean": 4, "stddev": 16},
                ],
                "pre_processing_function": {"format": "python", "expression": "pkg.mod:prepare"},
            }
        ],
        "mlm:output": [
            {
                "name": "semantic-segmentation",
                "tasks": ["semantic-segmentation"],
                "result": {
                    "shape": [8, 2, 64, 64],
                    "dim_order": ["batch", "class", "height", "width"],
                    "data_type": "float32",
                },
                "classification:classes": [
                    {"value": 0, "name": "nothing", "description": "nothing", "nodata": True},
                    {"value": 1, "name": "water", "description": "Open water.", "color_hint": "0000ff"},
                    {"value": 2, "name": "land", "description": "land"},
                ],
                "post_processing_function": {"format": "python", "expression": "pkg.mod:finish"},
            }
        ],
        "processing:level": "L2A",
    }
    assert made.assets == {
        "weights": {
            **PLAIN,
            "roles": ["weights", "mlm:model", "mlm:weights"],
            "mlm:artifact_type": "torch.save",
            "eo:bands": [{"name": "B2"}, {"name": "B3"}, {"name": "B8"}],
        },
        "source": {
            "href": "https://example.com/code",
            "type": "text/html",
            "title": "Source code",
            "roles": ["code"],
            "mlm:entrypoint": "pkg.mod:load",
        },
        "container": {
            "href": "docker://example/net:2",
            "type": "application/vnd.oci.image.index.v1+json",
            "title": "Container image",
            "roles": ["runtime"],
        },
    }


def test_what_has_no_place_is_listed() -> None:
    made = mlm_of(RICH + WEIGHTS)
    assert sorted(str(loss).partition(":")[2].partition(":")[0] for loss in made.losses) == [
        "architecture.summary", "archive[0]", "data.dtype", "data.nodata_value", "data.number_of_bands",
        "data.test_file", "runtime.docker.docker_file", "runtime.docker.run", "runtime.docker.working_dir",
        "runtime.model_commit_hash", "runtime.requirement_file",
    ]  # fmt: skip
    assert made.notes == ("mlm:output[0].result.data_type is taken to be float32",)


def test_a_feature_extractor_has_empty_lists_and_no_made_up_task() -> None:
    made = mlm_of(WEIGHTS)
    assert made.properties == {
        "mlm:name": "Model a", "mlm:architecture": "CNN", "mlm:tasks": [], "mlm:input": [], "mlm:output": [],
    }  # fmt: skip
    assert [note.partition(" ")[0] for note in made.notes] == ["mlm:tasks", "mlm:input", "mlm:output"]


def test_several_inputs_outputs_and_runtimes() -> None:
    made = mlm_of(
        """\
dlm:data: [{dtype: uint8}, {dtype: complex64}]
dlm:inputs: [{input_tensors: [{dim: 3, height: 8}, {dim: 3, height: 9}]}, {name: sar}]
dlm:outputs: [{task: classification, final_layer_size: [1, 2]}, {task: classification, final_layer_size: [1, 3]},
              {final_layer_size: [1, 512]}, {task: regression}]
dlm:runtime: [{framework: ONNX, model_src_url: 'https://a.example/1'},
              {framework: PyTorch, model_src_url: 'https://a.example/2', model_handler: load}]
"""
        + WEIGHTS
    )
    first, second = made.properties["mlm:input"]
    assert (first["name"], first["input"]["shape"], first["input"]["data_type"]) == (
        "input-1",
        [-1, 3, -1, -1],
        "uint8",
    )
    assert first["input"]["dim_order"] == ["batch", "channel", "height", "width"]
    assert (second["name"], second["input"]["data_type"]) == ("sar", "cfloat32")
    assert made.properties["mlm:tasks"] == ["classification", "regression"]
    outputs = made.properties["mlm:output"]
    assert [one["name"] for one in outputs] == ["classification", "classification-2", "output"]
    assert [one["result"]["dim_order"] for one in outputs] == [["batch", "class"]] * 2 + [["batch", "channel"]]
    assert made.properties["mlm:framework"] == "ONNX"
    assert made.assets["source-2"]["mlm:entrypoint"] == "load"
    lost = {str(loss).partition(": ")[0] for loss in made.losses}
    assert lost == {"dlm:inputs[0].input_tensors", "dlm:runtime[1].framework"}


@pytest.mark.parametrize(
    ("stated", "pretrained"),
    [
        ("imagenet", {"mlm:pretrained": True, "mlm:pretrained_source": "imagenet"}),
        ("true", {"mlm:pretrained": True}),
        *(
            (word, {"mlm:pretrained": False, "mlm:pretrained_source": None})
            for word in ("none", "Scratch", "null", "false")
        ),
    ],
)
def test_pretraining(stated: str, pretrained: dict[str, Any]) -> None:
    properties = mlm_of(f"dlm:architecture: {{pretrained: {stated}}}\n{WEIGHTS}".replace("{type: CNN}", "")).properties
    assert {key: value for key, value in properties.items() if "pretrained" in key} == pretrained


@pytest.mark.parametrize(
    ("asset", "kind"),
    [
        ("href: 'https://e.com/a.onnx'", "onnx.save"),
        ("href: 'https://e.com/a.safetensors'", "safetensors.torch.save_file"),
        ("href: 'https://e.com/a.pt2'", "torch.export.save"),
        ("href: 'https://e.com/a?b=1', type: application/zip", "zip"),
        ("href: 'https://e.com/a'", "unknown"),
        ("href: 'https://e.com/a.pt', 'mlm:artifact_type': torch.jit.save", "torch.jit.save"),
    ],
)
def test_kinds_of_weights(asset: str, kind: str) -> None:
    made = mlm_of(f"dlm:runtime: {{framework: PyTorch}}\nassets: {{w: {{{asset}, roles: [model]}}}}\n")
    assert made.assets["w"]["mlm:artifact_type"] == kind
    assert made.assets["w"]["roles"] == ["model", "mlm:model", "mlm:weights"]


def test_assets_of_the_author_stand_for_those_that_would_be_made() -> None:
    made = mlm_of(
        """\
dlm:runtime:
  {model_src_url: 'https://e.com/c', model_handler: load, docker: {image_name: e.com/i, tag: '1'}}
assets:
  w: {href: 'https://e.com/a.onnx', roles: [weights]}
  code: {href: 'https://e.com/c', roles: [notebook]}
  image: {href: 'docker://e.com/i:1', roles: [runtime]}
"""
    )
    assert made.assets.keys() == {"w", "code"}
    assert made.assets["code"] == {"href": "https://e.com/c", "roles": ["notebook", "code"], "mlm:entrypoint": "load"}


@pytest.mark.parametrize(
    "text", ["", "assets: {code: {href: 'https://e.com/a.py', roles: [code]}}\n", "mlm:name: Mine\n" + WEIGHTS]
)
def test_nothing_is_made_without_weights_or_beside_the_author_s_own(text: str) -> None:
    made = mlm_of(text)
    assert (made.properties, made.assets) == ({}, {})
    assert len(made.notes) == 1
    assert not any("/mlm/" in uri for uri in item_of(text)["stac_extensions"])


def test_names_need_bands_that_the_item_describes() -> None:
    text = "dlm:data: {useful_bands: [{index: 0, name: R}]}\ndlm:inputs: {selected_band: [0]}\n"
    made = mlm_of(text + WEIGHTS)
    assert made.properties["mlm:input"][0]["bands"] == []
    assert {str(loss).partition(": ")[0] for loss in made.losses} == {
        "dlm:inputs.selected_band",
        "dlm:data.useful_bands",
    }
    assert mlm_of("eo:bands: [{name: R}]\n" + text + WEIGHTS).properties["mlm:input"][0]["bands"] == ["R"]


# --- values ----------------------------------------------------------------------------------------------------------

NUMBERS = st.floats(-1e6, 1e6)
POSITIVE = st.floats(1e-6, 1e6)


def apply_mlm(scalings: list[dict[str, Any]], band: int, pixel: float) -> float:
    """What MLM's operations say, as its specification gives them; one object counts for all bands."""
    one = scalings[band] if len(scalings) > 1 else (scalings or [{"type": None}])[0]
    if one["type"] == "z-score":
        return float((pixel - one["mean"]) / one["stddev"])
    return float(pixel / one["value"]) if one["type"] == "scale" else pixel


@given(
    st.none() | POSITIVE,
    st.lists(st.tuples(NUMBERS, POSITIVE), max_size=4),
    st.sampled_from(["both", "mean", "std"]),
    NUMBERS,
)
def test_value_scaling_is_scaling_and_normalisation_in_one_step(
    scale: float | None, statistics: list[tuple[float, float]], stated: str, pixel: float
) -> None:
    mean = tuple(m for m, _ in statistics) if stated != "std" else ()
    std = tuple(s for _, s in statistics) if stated != "mean" else ()
    scalings = to_value_scaling(Input((), scaling_factor=scale, normalization_mean=mean, normalization_std=std))
    assert scalings is not None
    for band in range(len(statistics) or 1):
        scaled = pixel * (1 if scale is None else scale)
        m, s = mean[band] if mean else 0, std[band] if std else 1
        # Rounding is relative to the numbers that are subtracted, not to their difference, and coarse next to zero.
        tolerance = 8 * 2**-52 * (abs(scaled) + abs(m)) / s + 1e-300
        assert math.isclose(apply_mlm(scalings, band, pixel), (scaled - m) / s, rel_tol=1e-15, abs_tol=tolerance)


@pytest.mark.parametrize(
    ("scale", "mean", "std"), [(5e-324, (), ()), (1e-300, (1e300,), (1.0,)), (1e300, (), (1e-300,))]
)
def test_what_no_finite_number_says_is_left_out(scale: float, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    assert to_value_scaling(Input((), scaling_factor=scale, normalization_mean=mean, normalization_std=std)) is None


@given(st.integers(1, 100_000))
def test_inverses_of_whole_numbers_are_whole(number: int) -> None:
    assert inverse(1 / number) == number
    assert math.isclose(inverse(inverse(1 / number)), 1 / number, rel_tol=2**-52)


@given(st.integers(1, 10**9), st.integers(0, 12))
def test_short_decimals_come_back(digits: int, places: int) -> None:
    number = float(f"{digits}e-{places}")
    assert inverse(inverse(number)) == number


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_name_fits_the_pattern(title: str, name: str) -> None:
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]", fit_name(title, name))


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("U-Net", "U-Net"),
        ("Aurora, 0.4°", "Aurora 0.4"),
        ("2023 model", "Model 2023 model"),
        ("雲", "the-id"),
        ("é", "Model e"),
    ],
)
def test_names(title: str, name: str) -> None:
    assert fit_name(title, "the-id") == name


@pytest.mark.parametrize(
    ("stated", "published"),
    [
        ("1.5", "1.5.0"), ("2", "2.0.0"), ("2.1.2+cu121", "2.1.2+cu121"), ("1.10-rc.1", "1.10.0-rc.1"), ("01.2", None),
        ("1.5.0a1", None), ("v1.5", None), ("1.2.3.4", None), ("1.0.0-01", None), ("", None),
    ],
)  # fmt: skip
def test_versions_are_padded(stated: str, published: str | None) -> None:
    assert to_version(stated) == published


@given(st.integers(1, 10**13))
def test_megabytes_come_back_as_the_same_bytes(size: int) -> None:
    assert round(to_megabytes(size) * 1024**2) == size


def test_sizes_have_few_decimals() -> None:
    assert to_megabytes(round(183.72 * 1024**2)) == 183.72
    assert to_megabytes(5 * 1024**2) == 5


@pytest.mark.parametrize(
    ("nodata", "shape", "number"),
    [
        ([], [1, 5], None),
        ([False] * 3, [], 3),
        ([True, False], [1, 2], 2),
        ([True, False], [1, 1], 1),
        ([True], [], None),
    ],
)
def test_numbers_of_classes(nodata: list[bool], shape: list[int], number: int | None) -> None:
    assert count_classes(nodata, shape) == number


# --- settings --------------------------------------------------------------------------------------------------------


def test_mlm_can_be_turned_off(tmp_path: Path) -> None:
    files = {"c/a.yml": MINIMAL + WEIGHTS, "c/b.yml": MINIMAL}
    on = build_files(tmp_path / "on", files)
    off = build_files(tmp_path / "off", {**files, "catalog.yml": "mlm: false\n"})
    assert "mlm:name" in find_item(on, "c/a/a.json")["properties"]
    assert "mlm" not in json.dumps(find_item(off, "c/a/a.json"))
    assert [d.span.file.rpartition("/")[2] for d in on.diagnostics if d.rule == "mlm-missing"] == ["b.yml"]
    assert [d for d in off.diagnostics if d.rule == "mlm-missing"] == []


def test_a_published_item_keeps_its_mlm_when_it_is_fed_back(tmp_path: Path) -> None:
    first = find_item(build_files(tmp_path / "one", {"c/a.yml": "description: A.\n" + RICH + WEIGHTS}), "c/a/a.json")
    text = json.dumps({**first, "links": []})
    again = find_item(build_files(tmp_path / "two", {"c/a.json": text}), "c/a/a.json")
    for key in ("properties", "assets", "stac_extensions"):
        assert again[key] == first[key], key


# --- the official schema ---------------------------------------------------------------------------------------------


@cache
def validator(uri: str) -> Draft7Validator:
    mirror = SHARED / "schemas"
    schemas = {
        f"https://{path.relative_to(mirror).as_posix()}": json.loads(path.read_text("utf-8"))
        for path in mirror.rglob("schema.json")
    }
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(contents)) for name, contents in schemas.items()
    )
    return Draft7Validator(schemas[uri], registry=registry)


def faults(item: dict[str, Any]) -> list[str]:
    uris = [uri for uri in item["stac_extensions"] if uri in (MLM_URI, PROCESSING_URI)]
    return [f"{item['id']}: {error.message[:200]}" for uri in uris for error in validator(uri).iter_errors(item)]


@needs_shared
def test_every_real_item_with_weights_passes_the_official_schema(real_build: Build) -> None:
    assert real_build.library is not None
    items = [dict(entry.item) for entry in real_build.library.entries if entry.model.weights]
    assert len(items) == 127
    assert [item["id"] for item in items if MLM_URI not in item["stac_extensions"]] == []
    assert [fault for item in items for fault in faults(item)] == []
    assert any(PROCESSING_URI in item["stac_extensions"] for item in items)


@needs_shared
@pytest.mark.parametrize("text", [RICH, "", "dlm:inputs: {name: x}\ndlm:outputs: {final_layer_size: [1, 9]}\n"])
def test_items_pass_the_official_schema(text: str) -> None:
    assert faults(item_of(text + WEIGHTS)) == []


@needs_shared
def test_the_official_schema_notices_faults() -> None:
    for change in ("mlm:name", "mlm:tasks", "mlm:input", "mlm:output"):
        item = item_of(RICH + WEIGHTS)
        del item["properties"][change]
        assert faults(item), change
    item = item_of(RICH + WEIGHTS)
    del item["assets"]["weights"]["mlm:artifact_type"]
    assert faults(item)


TEXT = st.text(min_size=1, max_size=12)
ASSET_NAMES = st.sampled_from(["a.onnx", "b.pth", "c", "d.zip"])


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One object, or a list of them."""
    return strategy | st.lists(strategy, min_size=1, max_size=3)


SIZE = st.integers(1, 9)
MODELS = optional(
    **{
        "title": TEXT,
        "eo:bands": st.lists(optional(name=TEXT, common_name=st.just("red")), min_size=1, max_size=4),
        "dlm:data": some(optional(
            process_level=st.sampled_from(["L0", "L2A", "ortho"]),
            dtype=st.sampled_from(["uint8", "bool", "complex64"]),
            useful_bands=st.lists(st.fixed_dictionaries({"index": SIZE}, optional={"name": TEXT}), min_size=1),
        )),
        "dlm:inputs": some(optional(
            name=TEXT, input_tensors=some(optional(batch=SIZE, dim=SIZE, height=SIZE, width=SIZE)),
            scaling_factor=st.floats(0, exclude_min=True, allow_infinity=False),
            selected_band=st.lists(st.integers(0, 4), min_size=1, max_size=4),
            pre_processing_function=TEXT,
            **{"normalization:mean": st.lists(NUMBERS, min_size=1, max_size=4)},
            **{"normalization:std": st.lists(POSITIVE, min_size=1, max_size=4)},
        )),
        "dlm:architecture": some(optional(
            type=TEXT, total_nb_parameters=st.integers(0),
            estimated_total_size_mb=st.floats(0, exclude_min=True, allow_infinity=False),
            pretrained=st.none() | st.booleans() | TEXT,
        )),
        "dlm:runtime": some(optional(
            framework=TEXT, version=st.sampled_from(["1", "1.2.3", "x"]), model_handler=TEXT,
            model_src_url=st.sampled_from(["https://e.com/c", "nowhere"]),
            docker=some(st.fixed_dictionaries({"image_name": TEXT}, optional={"tag": TEXT, "gpu": st.booleans()})),
        )),
        "dlm:outputs": some(optional(
            task=st.sampled_from(["regression", "semantic segmentation"]), number_of_classes=SIZE,
            final_layer_size=st.lists(SIZE, min_size=1, max_size=5), dont_care_index=st.integers(-1, 3),
            class_name_mapping=st.lists(
                st.fixed_dictionaries({"index": SIZE, "class_name": TEXT}, optional={"color": st.just("#00ff00")}),
                min_size=1, max_size=3, unique_by=lambda one: one["index"],
            ),
        )),
    }
)  # fmt: skip


@needs_shared
@settings(deadline=None)
@given(MODELS, st.lists(ASSET_NAMES, min_size=1, max_size=2, unique=True))
def test_any_model_with_weights_passes_the_official_schema(data: dict[str, Any], names: list[str]) -> None:
    assets = {name: {"href": f"https://e.com/{name}", "roles": ["weights"]} for name in names}
    model = to_model({"id": "a", "collection": "c", "description": "A.", **data, "assets": assets})
    item = to_item(model, TITLES, {})
    assert MLM_URI in item["stac_extensions"]
    assert faults(item) == []
    json.dumps(item, allow_nan=False)


# --- clients ---------------------------------------------------------------------------------------------------------


def test_pystac_s_mlm_extension_reads_the_values(real_build: Build) -> None:
    assert real_build.library is not None
    read = 0
    for entry in real_build.library.entries:
        item = pystac.Item.from_dict(dict(entry.item))
        # pystac's list of versions ends before 1.5; the fields it knows are the same.
        item.stac_extensions = [
            uri if "/mlm/" not in uri else MLMExtension.get_schema_uri() for uri in item.stac_extensions
        ]
        mlm = MLMExtension.ext(item)
        model = entry.model
        assert mlm.mlm_name == fit_name(model.name, model.id)
        assert mlm.architecture == model.architecture[0].type
        assert [task.replace("-", " ") for task in mlm.tasks] == list(model.tasks)
        assert mlm.total_parameters == model.architecture[0].total_nb_parameters
        assert len(mlm.input) == len(model.inputs)
        for made, stated, index in zip(mlm.input, model.inputs, range(9), strict=False):
            assert list(made.bands) == [band.name for band in model.selected_bands(index)]
            assert made.input.shape[1] == ((stated.input_tensors[0].dim if stated.input_tensors else None) or -1)
            # pystac takes the list of scalings for one; what it holds is the list.
            kinds = {scaling["type"] for scaling in made.properties.get("value_scaling", ())}
            assert kinds == (
                {"z-score"} if stated.normalization_mean else {"scale"} if stated.scaling_factor else set()
            )
        for output in mlm.output:
            assert [one.name for one in output.classes or ()] == [
                c.class_name for c in model.outputs[0].class_name_mapping
            ]
        assert model.weights is not None
        assert AssetGeneralMLMExtension.ext(item.assets[model.weights.key]).artifact_type
        read += 1
    assert read == 127


def test_the_pydantic_classes_of_stac_model_accept_every_item(real_build: Build) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stac_model = pytest.importorskip("stac_model.schema", reason="needs stac-model, which is large and optional")
    assert real_build.library is not None
    for entry in real_build.library.entries:
        properties = json.loads(json.dumps(entry.item["properties"]))
        for output in properties["mlm:output"]:
            for one in output.get("classification:classes", ()):
                # Its class of classes knows four fields; it refuses most of MLM's own examples for others.
                one.pop("nodata", None)
        read = stac_model.MLModelProperties(**properties)
        assert {str(getattr(task, "value", task)) for task in read.tasks} == set(properties["mlm:tasks"])
        assert [one.name for one in read.input] == [one["name"] for one in properties["mlm:input"]]
