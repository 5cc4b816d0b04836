"""The typed model: every field of canonical data has its attribute, and the bands an input reads are known."""

from __future__ import annotations

from typing import Any

import pytest
from cards import BARE, RICH

from builder.model import Asset, Band, UsefulBand, is_relative, many, to_model, to_providers

BANDS = [{"name": "B2", "common_name": "blue"}, {"name": "B3"}, {"name": "B4"}]


def model(**fields: Any) -> Any:
    return to_model({**BARE, **{key.replace("__", ":"): value for key, value in fields.items()}})


def names(bands: tuple[Band | UsefulBand, ...]) -> list[str | None]:
    return [band.name for band in bands]


def test_everything_that_is_stated_has_its_attribute() -> None:
    rich = to_model(RICH)
    assert rich.name == rich.title == "Optical and radar fusion for land cover"
    assert (rich.deprecated, rich.experimental, rich.gsd) == (True, True, 10)
    assert rich.sensors == ("sentinel-2a", "sentinel-2", "copernicus")
    assert rich.tasks == ("semantic segmentation", "regression")
    assert [band.center_wavelength for band in rich.bands][:2] == [0.49, 0.56]
    assert rich.inputs[0].normalization_mean == (0.131, 0.122, 0.113, 0.244, 0.255)
    assert [tensor.dim for tensor in rich.inputs[1].input_tensors] == [2, 2]
    assert [docker.gpu for docker in rich.runtime[0].docker] == [True, False]
    assert rich.outputs[0].class_name_mapping[1].color == "#0000ff"
    assert [member.role for member in rich.archive] == [("model weight",), ()]
    assert [metric.value for metric in rich.card.metrics] == [0.731, 91.25]
    assert list(rich.card.extra_sections) == ["known_issues"]
    assert "id" not in rich.fields
    assert rich.fields["processing:facility"] == "Example facility"


def test_what_is_not_stated_is_empty() -> None:
    bare = to_model(BARE)
    assert bare.name == "bare"
    assert (bare.title, bare.gsd, bare.geometry, bare.weights) == (None, None, None, None)
    assert (bare.keywords, bare.bands, bare.data, bare.inputs, bare.assets, bare.links) == ((),) * 6
    assert (bare.card.sections, bare.card.metrics) == ({}, ())
    assert bare.architecture[0].pretrained_stated is False


def test_null_that_is_stated_is_told_from_nothing() -> None:
    stated = model(dlm__data={"nodata_value": None}, dlm__architecture={"pretrained": None})
    assert (stated.data[0].nodata_stated, stated.data[0].nodata_value) == (True, None)
    assert (stated.architecture[0].pretrained_stated, stated.architecture[0].pretrained) == (True, None)


def test_one_object_is_a_list_of_one_whose_path_says_so() -> None:
    one, several = model(dlm__data={"dtype": "uint8"}), model(dlm__data=[{"dtype": "uint8"}, {}])
    assert [data.path for data in one.data] == [("dlm:data",)]
    assert [data.path for data in several.data] == [("dlm:data", 0), ("dlm:data", 1)]
    assert many(None, ("a",)) == []


def test_objects_know_their_path() -> None:
    rich = to_model(RICH)
    paths = [
        rich.bands[1].path, rich.data[0].useful_bands[1].path, rich.data[0].item_examples[0].path,
        rich.inputs[0].input_tensors[0].path, rich.inputs[1].input_tensors[1].path, rich.runtime[0].docker[1].path,
        rich.outputs[0].class_name_mapping[2].path, rich.assets[0].path, rich.links[0].path, rich.providers[1].path,
        rich.publications[0].path, rich.archive[1].path, rich.card.metrics[1].path,
    ]  # fmt: skip
    found = []
    for path in paths:
        node: Any = RICH
        for step in path:
            node = node[step]
        found.append(node)
    assert [next(iter(node.values())) for node in found] == [
        "B03", 2, "A scene", 8, 2, "fusion-cpu:2.1", 2, "https://example.com/fusion.pt", "about", "Example Host",
        "10.1234/paper", "config.yml", "accuracy",
    ]  # fmt: skip


def test_whole_number_with_a_decimal_point_is_one() -> None:
    made = model(
        eo__bands=BANDS,
        dlm__data={"number_of_bands": 3.0, "useful_bands": [{"index": 2.0}]},
        dlm__inputs={"selected_band": [1.0], "input_tensors": {"dim": 1.0}, "scaling_factor": 1.0},
        dlm__outputs={"final_layer_size": [1.0, 2.0], "class_name_mapping": [{"index": 1.0, "class_name": "a"}]},
    )
    whole = [
        made.data[0].number_of_bands, made.data[0].useful_bands[0].index, made.inputs[0].input_tensors[0].dim,
        *made.inputs[0].selected_band, *made.outputs[0].final_layer_size, made.outputs[0].class_name_mapping[0].index,
    ]  # fmt: skip
    assert [type(number) for number in whole] == [int] * 7
    assert type(made.inputs[0].scaling_factor) is float


def test_weights_are_the_first_asset_with_such_a_role() -> None:
    assets = {
        "notes": {"href": "a.txt"},
        "net": {"href": "a.onnx", "roles": ["data", "weights"]},
        "other": {"href": "b.onnx", "roles": ["mlm:model"]},
    }
    weights = model(assets=assets).weights
    assert weights is not None
    assert weights.key == "net"


def test_providers_of_catalog_files_are_typed() -> None:
    (provider,) = to_providers([{"name": "Lab", "roles": ["host"]}])
    assert (provider.name, provider.roles, provider.path) == ("Lab", ("host",), ("providers", 0))


# --- bands -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"inputs": {"selected_band": [2, 0]}}, ["B4", "B2"]),
        ({"inputs": {"selected_band": [2, 0]}, "data": {"useful_bands": [{"index": 1}]}}, ["B4", "B2"]),
        ({"inputs": {"selected_band": [0, 7]}}, []),
        ({"inputs": {"selected_band": [0, 7]}, "data": {"useful_bands": [{"index": 7, "name": "B8"}]}}, ["B2", "B8"]),
        ({"inputs": {}, "data": {"useful_bands": [{"index": 1}, {"index": 0}]}}, ["B3", "B2"]),
        ({"data": {"useful_bands": [{"index": 1}, {"index": 9, "name": "B9"}]}}, ["B3", "B9"]),
        ({"inputs": {"input_tensors": {"dim": 3}}}, ["B2", "B3", "B4"]),
        ({"inputs": {"input_tensors": [{"dim": 3}, {"dim": 2}]}}, []),
        ({"inputs": {"input_tensors": {"dim": 2}}}, []),
        ({"inputs": {}}, []),
        ({}, []),
    ],
)
def test_bands_that_an_input_reads(fields: dict[str, Any], expected: list[str]) -> None:
    made = model(eo__bands=BANDS, **{f"dlm__{key}": value for key, value in fields.items()})
    assert names(made.selected_bands()) == expected


def test_each_input_reads_the_bands_of_its_own_data() -> None:
    data = [{"useful_bands": [{"index": 0}]}, {"useful_bands": [{"index": 2}]}]
    made = model(eo__bands=BANDS, dlm__data=data, dlm__inputs=[{"name": "a"}, {"name": "b"}])
    assert [names(made.selected_bands(n)) for n in range(3)] == [["B2"], ["B4"], ["B4"]]


def test_facts_of_a_band_come_from_the_imagery() -> None:
    made = model(eo__bands=BANDS, dlm__data={"useful_bands": [{"index": 0, "name": "another"}]})
    assert made.selected_bands() == made.bands[:1]


# --- hrefs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "href", ["net.onnx", "./net.onnx", "../net.onnx", "a/b:c.onnx", "a b.onnx", "net.onnx?v=1", "a/https://x", "..", ""]
)
def test_relative_references_are_told(href: str) -> None:
    assert is_relative(href)


@pytest.mark.parametrize(
    "href",
    ["https://example.com/a", "HTTP://x", "//example.com/a", "/etc/passwd", "\\\\server\\a", "C:\\a", "file:a", "s3://a/b",
     "javascript:alert(1)", "java\tscript:alert(1)", " data:,x", "#part", "?query", "pkg:pypi/a@1"],
)  # fmt: skip
def test_other_references_are_not_relative(href: str) -> None:
    assert not is_relative(href)


@pytest.mark.parametrize(
    ("href", "name"),
    [
        ("net.onnx", "net.onnx"),
        ("./net.onnx", "net.onnx"),
        ("sub/net.onnx", "sub/net.onnx"),
        ("sub/../net.onnx", "net.onnx"),
        ("../shared/net.onnx", "net.onnx"),
        ("sub/../../net.onnx", "net.onnx"),
        ("a%20b.onnx", "a b.onnx"),
        ("%2e%2e/%2e%2e/net.onnx", "net.onnx"),
    ],
)
def test_local_file_is_published_below_the_folder_of_its_model(href: str, name: str) -> None:
    asset = Asset(("assets", "a"), "a", href, {})
    assert asset.is_local
    assert asset.published_name == name
