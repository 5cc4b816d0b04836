"""Items with MLM as model files: every version, the official examples, and there and back again."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from shared import SHARED, needs_shared
from sources import TITLES, build_files, find_item

from builder.authoring import to_canonical
from builder.cli import main
from builder.document import parse
from builder.importers import Draft, ImportFileError, import_file, to_yaml
from builder.importers.mlm import from_mlm
from builder.model import to_model
from builder.pipeline import Build
from builder.stac import to_item

EXAMPLES = sorted((SHARED / "examples" / "mlm").glob("item_*.json"))


def item(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An Item with what MLM requires, and these properties."""
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": ["https://stac-extensions.github.io/mlm/v1.5.2/schema.json"],
        "id": "m",
        "geometry": None,
        "properties": {
            "datetime": "2024-01-01T00:00:00Z",
            "description": "A model.",
            "mlm:name": "A model",
            "mlm:architecture": "U-Net",
            "mlm:tasks": ["classification"],
            "mlm:input": [],
            "mlm:output": [],
            **properties,
        },
        "assets": {"w": {"href": "https://e.com/w.pt", "roles": ["mlm:model"], "mlm:artifact_type": "torch.save"}},
        "links": [],
        **more,
    }


def with_input(**fields: Any) -> dict[str, Any]:
    order = ["batch", "bands", "height", "width"]
    about = {
        "name": "x",
        "bands": ["a", "b"],
        "input": {"shape": [-1, 2, 8, 8], "dim_order": order, "data_type": "float32"},
    }
    return item({"mlm:input": [{**about, **fields}], "eo:bands": [{"name": "b"}, {"name": "a"}]})


def with_output(**fields: Any) -> dict[str, Any]:
    result = {"shape": [-1, 2], "dim_order": ["batch", "class"], "data_type": "float32"}
    return item({"mlm:output": [{"name": "classification", "tasks": ["classification"], "result": result, **fields}]})


def rebuilt(draft: Draft) -> dict[str, Any]:
    """The Item of the model file that a draft becomes."""
    document, found = parse("c/a.yml", to_yaml(draft, "x.json"))
    assert document is not None, found
    assert document.data == draft.fields
    assert document.ambiguous == ()
    return to_item(to_model(to_canonical(document, "c/a.yml").data), TITLES, {})


def without_dlm(published: dict[str, Any]) -> dict[str, Any]:
    fields = published["properties"].items()
    return {**published, "properties": {key: value for key, value in fields if not key.startswith("dlm:")}}


def facts(draft: Draft) -> dict[str, Any]:
    return {key: value for key, value in draft.fields.items() if key.startswith(("dlm:", "eo:"))}


# --- the parts -------------------------------------------------------------------------------------------------------


def test_bands_are_indices_into_those_that_are_described() -> None:
    draft = from_mlm(with_input())
    assert draft.fields["dlm:inputs"] == {
        "name": "x",
        "input_tensors": {"dim": 2, "height": 8, "width": 8},
        "selected_band": [1, 0],
    }
    assert draft.fields["dlm:data"] == {
        "dtype": "float32",
        "number_of_bands": 2,
        "useful_bands": [{"index": 1, "name": "a"}, {"index": 0, "name": "b"}],
    }


def z(mean: float, std: float) -> dict[str, Any]:
    return {"type": "z-score", "mean": mean, "stddev": std}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"value_scaling": None}, {}),
        ({"value_scaling": [{"type": "scale", "value": 255}]}, {"scaling_factor": 1 / 255}),
        ({"value_scaling": [{"type": "min-max", "minimum": 0, "maximum": 10000}]}, {"scaling_factor": 0.0001}),
        ({"value_scaling": [z(1, 2), z(3, 4)]}, {"normalization:mean": [1, 3], "normalization:std": [2, 4]}),
        ({"value_scaling": [z(0, 3000)]}, {"normalization:mean": [0, 0], "normalization:std": [3000, 3000]}),
        (
            {"value_scaling": [{"type": "min-max", "minimum": -1, "maximum": 3}, {"type": "offset", "value": 5}]},
            {"normalization:mean": [-1, 5], "normalization:std": [4, 1]},
        ),
        (
            {"value_scaling": [{"type": "scale", "value": 2}, None]},
            {"normalization:mean": [0, 0], "normalization:std": [2, 1]},
        ),
        # Until MLM 1.3:
        (
            {
                "norm_type": "z-score",
                "norm_by_channel": True,
                "statistics": [{"mean": 1, "stddev": 2}, {"mean": 3, "stddev": 4}],
            },
            {"normalization:mean": [1, 3], "normalization:std": [2, 4]},
        ),
        ({"norm_type": "min-max", "statistics": [{"minimum": 0, "maximum": 255}]}, {"scaling_factor": 1 / 255}),
    ],
)
def test_scaling(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    draft = from_mlm(with_input(**fields))
    made = draft.fields["dlm:inputs"]
    assert {key: made[key] for key in made if key.startswith(("scaling", "normalization"))} == expected
    assert not [place for place, _ in draft.unknown if "mlm:input" in place]


@pytest.mark.parametrize(
    "fields",
    [
        {"value_scaling": [{"type": "clip", "minimum": 0, "maximum": 1}, z(1, 2)]},
        {"value_scaling": [{"type": "processing", "format": "gdal-calc", "expression": "A"}]},
        {"value_scaling": [z(1, -2)]},
        {"value_scaling": [z(1, 2), z(1, 2), z(1, 2)]},
        {"norm_type": "l2"},
        {"norm_type": "z-score", "statistics": [{"mean": 1, "stddev": 2}], "norm_clip": [0, 1]},
        {"statistics": [{"mean": 1, "stddev": 2}]},
    ],
)
def test_scaling_that_dlm_cannot_say_is_listed(fields: dict[str, Any]) -> None:
    draft = from_mlm(with_input(**fields))
    assert not [key for key in draft.fields["dlm:inputs"] if key.startswith(("scaling", "normalization"))]
    assert [place for place, _ in draft.unknown if place.startswith("mlm:input[0]")]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"bands": ["a", {"name": "NDVI", "format": "rio-calc", "expression": "a - b"}]}, "mlm:input[0].bands: NDVI"),
        ({"bands": ["a"]}, "mlm:input[0].bands"),
        ({"resize_type": "crop"}, "mlm:input[0].resize_type"),
        ({"variables": ["t"]}, "mlm:input[0].variables"),
        ({"pre_processing_function": {"format": "uri", "expression": "x"}}, "mlm:input[0].pre_processing_function: x"),
        (
            {"input": {"shape": [1, 2], "dim_order": ["time", "bands"], "data_type": "uint8"}},
            "mlm:input[0].input.shape: [1, 2]",
        ),
    ],
)
def test_what_an_input_has_beyond_dlm_is_listed(fields: dict[str, Any], place: str) -> None:
    draft = from_mlm(with_input(**fields))
    assert place in [where for where, _ in draft.unknown]
    read = to_model({"collection": "c", **draft.fields})
    if "bands" in fields:
        assert read.selected_bands() == (), "no bands are claimed that are not those of the Item"


def test_outputs_and_classes_in_every_spelling() -> None:
    classes = [
        {"value": 0, "name": "no", "description": "no", "nodata": True},
        {"value": 1, "description": "Water bodies", "color_hint": [0, 0, 255]},
        {"value": 2, "name": "land", "title": "Dry land", "color_hint": "00FF00"},
    ]
    for key in ("classification:classes", "classification_classes"):
        draft = from_mlm(with_output(**{key: classes}))
        assert draft.fields["dlm:outputs"] == {
            "task": "classification",
            "final_layer_size": [1, 2],
            "number_of_classes": 2,
            "class_name_mapping": [
                {"index": 0, "class_name": "no"},
                {"index": 1, "class_name": "Water bodies", "color": "#0000ff"},
                {"index": 2, "class_name": "land", "color": "#00FF00"},
            ],
            "dont_care_index": 0,
        }
        assert [place for place, _ in draft.unknown] == ["mlm:output[0].classes: title Dry land"]
        assert "# The batch size is free; 1 stands for it." in to_yaml(draft, "x")


def test_runtime_from_assets_of_any_version() -> None:
    assets = {
        "w": {"href": "https://e.com/w.pt", "roles": ["mlm:model"]},
        "train": {"href": "https://e.com/train.py", "roles": ["code", "mlm:training"]},
        "code": {"href": "https://e.com/run.py", "roles": ["code"], "mlm:entrypoint": "run:main"},
        "image": {"href": "ghcr.io/e/run:1.2", "type": "application/vnd.oci.image.index.v1+json", "roles": ["runtime"]},
    }
    properties = {
        "mlm:framework": "PyTorch", "mlm:framework_version": "2.1.0", "mlm:accelerator": "cuda",
        "mlm:accelerator_constrained": True,
    }  # fmt: skip
    draft = from_mlm(item(properties, assets=assets))
    assert draft.fields["dlm:runtime"] == {
        "framework": "PyTorch",
        "version": "2.1.0",
        "model_handler": "run:main",
        "model_src_url": "https://e.com/run.py",
        "docker": {"image_name": "ghcr.io/e/run", "tag": "1.2", "gpu": True},
    }
    assert "image" not in draft.fields["assets"]
    old = item({"mlm:accelerator": "amd64", "mlm:entrypoint": "old:main"})
    assert from_mlm(old).fields["dlm:runtime"] == {"model_handler": "old:main"}
    assert "mlm:accelerator" in [place for place, _ in from_mlm(old).unknown]


def test_what_is_not_read_is_listed() -> None:
    draft = from_mlm(
        item(
            {"mlm:hyperparameters": {"lr": 1}, "mlm:tasks": ["super-resolution"], "unknown": 1, "file:size": 3},
            bbox=[200, 0, 300, 10],
            extra=1,
            links=[{"rel": "about", "href": "./about.html"}, {"rel": "self", "href": "./m.json"}],
        )
    )
    assert {place for place, _ in draft.unknown} == {
        "mlm:hyperparameters", "mlm:tasks: super-resolution", "unknown", "file:size", "bbox", "extra", "links: about",
    }  # fmt: skip


def test_relative_references_are_made_whole_where_the_item_says_where_it_is() -> None:
    assets = {"w": {"href": "../w.pt", "roles": ["mlm:model"]}}
    here = {"rel": "self", "href": "https://e.com/c/m/m.json"}
    draft = from_mlm(item({}, assets=assets, links=[here, {"rel": "about", "href": "a.html"}]))
    assert draft.fields["assets"]["w"]["href"] == "https://e.com/c/w.pt"
    assert draft.fields["links"] == [{"rel": "about", "href": "https://e.com/c/m/a.html"}]
    assert "TODO" in to_yaml(from_mlm(item({}, assets=assets)), "x")


# --- there and back --------------------------------------------------------------------------------------------------


def test_every_real_model_comes_back_with_the_same_mlm(real_build: Build) -> None:
    assert real_build.library is not None
    for entry in real_build.library.entries:
        draft = from_mlm(without_dlm(dict(entry.item)))
        again = rebuilt(draft)
        for key in ("properties", "assets"):
            first, second = (
                {name: value for name, value in one[key].items() if key == "assets" or name.startswith("mlm:")}
                for one in (entry.item, again)
            )
            assert first == second, entry.model.id
        assert facts(from_mlm(without_dlm(again))) == facts(draft), entry.model.id


def test_every_shared_fact_of_real_models_comes_back(real_build: Build) -> None:
    assert real_build.library is not None
    for entry in real_build.library.entries:
        model = entry.model
        back = to_model({"collection": "c", **from_mlm(without_dlm(dict(entry.item))).fields})
        for stated, read in zip(model.architecture, back.architecture, strict=True):
            assert (stated.type, stated.total_nb_parameters, stated.estimated_total_size_mb) == (
                read.type, read.total_nb_parameters, read.estimated_total_size_mb,
            )  # fmt: skip
            assert (stated.pretrained or None) == (read.pretrained or None)
        for runtime, returned in zip(model.runtime, back.runtime, strict=True):
            for key in ("framework", "model_handler", "model_src_url"):
                assert getattr(runtime, key) == getattr(returned, key), model.id
            images = [(docker.image_name, docker.tag, docker.gpu) for docker in runtime.docker]
            assert images == [(docker.image_name, docker.tag, docker.gpu) for docker in returned.docker]
        assert len(model.inputs) == len(back.inputs)
        for index, (fed, again) in enumerate(zip(model.inputs, back.inputs, strict=True)):
            assert fed.name in (None, again.name)
            assert fed.pre_processing_function == again.pre_processing_function
            names = [band.name for band in model.selected_bands(index)]
            assert names == [band.name for band in back.selected_bands(index)], model.id
            assert [(t.batch, t.height, t.width) for t in fed.input_tensors] == [
                (t.batch, t.height, t.width) for t in again.input_tensors
            ]
            if not (fed.normalization_mean and fed.scaling_factor):
                assert (fed.scaling_factor, fed.normalization_mean, fed.normalization_std) == (
                    again.scaling_factor, again.normalization_mean, again.normalization_std,
                )  # fmt: skip
        for stated_out, read_out in zip(model.outputs, back.outputs, strict=True):
            assert stated_out.task == read_out.task
            if stated_out.final_layer_size:
                for key in ("final_layer_size", "number_of_classes", "dont_care_index", "post_processing_function"):
                    assert getattr(stated_out, key) == getattr(read_out, key), (model.id, key)
                assert [(c.index, c.class_name, c.color) for c in stated_out.class_name_mapping] == [
                    (c.index, c.class_name, c.color) for c in read_out.class_name_mapping
                ]


@needs_shared
def test_there_are_nine_examples() -> None:
    assert len(EXAMPLES) == 9


@needs_shared
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_official_examples_are_imported_built_and_survive(path: Path, tmp_path: Path) -> None:
    draft = import_file(path)
    text = to_yaml(draft, path.name)
    made = build_files(tmp_path, {f"c/{draft.id}.yml": text})
    assert [d.message for d in made.diagnostics if d.severity == "error"] == []
    collection = draft.fields["collection"]
    published = find_item(made, f"{collection}/{draft.id}/{draft.id}.json")
    assert "https://stac-extensions.github.io/mlm/v1.5.2/schema.json" in published["stac_extensions"]
    assert published["properties"]["mlm:name"] == draft.fields["title"]
    survived = facts(from_mlm(without_dlm(published)))
    assert {key: survived[key] for key in facts(draft)} == facts(draft)
    again = rebuilt(from_mlm(without_dlm(published)))
    shared = {key: value for key, value in published["properties"].items() if key.startswith("mlm:")}
    assert {key: again["properties"].get(key) for key in shared} == shared


@needs_shared
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_mlm_fact_of_the_examples_is_carried_or_listed(path: Path) -> None:
    given_item = json.loads(path.read_text("utf-8"))
    draft = import_file(path)
    listed = " ".join(place for place, _ in draft.unknown)
    carried = {
        "mlm:name": "title", "mlm:architecture": "dlm:architecture", "mlm:total_parameters": "dlm:architecture",
        "mlm:memory_size": "dlm:architecture", "mlm:pretrained": "dlm:architecture", "mlm:framework": "dlm:runtime",
        "mlm:pretrained_source": "dlm:architecture", "mlm:framework_version": "dlm:runtime", "mlm:input": "dlm:inputs",
        "mlm:output": "dlm:outputs", "mlm:tasks": "dlm:outputs",
    }  # fmt: skip
    for key in given_item["properties"]:
        if key.startswith("mlm:") and key != "mlm:accelerator_constrained":
            assert carried.get(key) in draft.fields or key in listed, key


# --- text ------------------------------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | st.text()
KEYS = st.text(min_size=1, max_size=20)
NODES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=12)


@given(st.dictionaries(KEYS | st.sampled_from(["description", "bbox", "dlm:data", "assets"]), NODES))
def test_text_reads_as_the_fields_it_was_written_from(fields: dict[str, Any]) -> None:
    fields = {"id": "a", **fields}
    notes = {("id",): "A remark. " * 20, ("dlm:data", 0): "With\nlines \x00"}
    text = to_yaml(Draft("test", fields, [("here", "no\nplace")], notes), "x")
    document, found = parse("a.yml", text)
    assert document is not None, (found, text)
    assert document.data == fields
    assert document.ambiguous == ()


@pytest.mark.parametrize(
    "value", ["no", "Yes", "1.10", "010", "12:30", "1e3", "0x1f", "~", "null", "- a", "a: b", "a #b", ""]
)
def test_what_can_be_mistaken_is_quoted(value: str) -> None:
    assert f'value: "{value}"' in to_yaml(Draft("test", {"id": "a", "value": value}), "x")


def test_keys_have_the_order_of_model_files() -> None:
    draft = from_mlm(with_input())
    keys = [line.partition(": ")[0].rstrip(":") for line in to_yaml(draft, "x").splitlines() if line[:1].isalpha()]
    assert keys == [
        "id", "title", "description", "datetime", "eo:bands", "dlm:data", "dlm:inputs", "dlm:architecture",
        "dlm:outputs", "assets",
    ]  # fmt: skip


# --- files and the command -------------------------------------------------------------------------------------------


def nodes(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in JSON, as its container and its key."""
    for key, inner in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(inner, (dict, list)):
            yield from nodes(inner)


@pytest.mark.parametrize("seed", range(40))
def test_no_damaged_item_raises_anything(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  damage, not secrets
    for _ in range(10):
        damaged = with_input(value_scaling=[z(1, 2)], pre_processing_function={"format": "python", "expression": "f"})
        damaged["properties"]["mlm:output"] = with_output(
            **{"classification:classes": [{"value": 1, "name": "a", "color_hint": "ffffff"}]}
        )["properties"]["mlm:output"]
        damaged |= {"bbox": [0, 0, 1, 1], "links": [{"rel": "self", "href": "https://e.com/m.json"}]}
        damaged["geometry"] = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
        for _ in range(3):
            container, key = chance.choice(list(nodes(damaged)))
            container[key] = chance.choice([None, 0, -1.5, True, "", "x", [], {}, [1, "a"], {"a": [1]}, [[]], [{}]])
        draft = from_mlm(damaged)
        document, found = parse("a.yml", to_yaml(draft, "x"))
        assert document is not None, found


def test_an_import_writes_files_and_overwrites_none(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(json.dumps(item({}, collection="c")), "utf-8")
    arguments = ["import", str(tmp_path / "in.json"), "-o", str(tmp_path / "src")]
    first = CliRunner().invoke(main, arguments)
    assert first.exit_code == 0, first.output
    assert "0 facts not carried over" in first.output
    assert "title: A model" in (tmp_path / "src" / "c" / "m.yml").read_text("utf-8")
    second = CliRunner().invoke(main, arguments)
    assert second.exit_code == 2
    assert "exists already" in second.output
    checked = CliRunner().invoke(main, ["check", str(tmp_path / "src")])
    assert checked.exit_code == 0, checked.output


def test_an_import_prints_several_files_one_after_another(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(json.dumps(item({})), "utf-8")
    result = CliRunner().invoke(main, ["import", str(tmp_path / "in.json"), str(tmp_path / "in.json")])
    assert result.exit_code == 0
    assert result.output.count("# Imported from in.json (STAC Item with MLM).") == 2
    assert "\n---\n" in result.output


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.json", "{}", "none of what can be imported"),
        ("a.json", "{", "is not JSON"),
        ("a.json", "[" * 60 + "]" * 60, "nested"),
        ("a.json", "[" * 100_000, "not JSON"),
        ("a.txt", "", "is empty"),
        ("a.txt", "text", "none of what can be imported"),
        ("a.json", '{"type": "Feature", "properties": {"gsd": 10}}', "none of what can be imported"),
    ],
)
def test_other_files_are_refused(name: str, content: str, word: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(ImportFileError, match=word):
        import_file(tmp_path / name)
    assert CliRunner().invoke(main, ["import", str(tmp_path / name)]).exit_code == 2


def test_an_item_with_both_vocabularies_keeps_what_dlm_says() -> None:
    draft = from_mlm(item({"dlm:architecture": {"type": "Mine", "summary": "layers"}}))
    assert draft.fields["dlm:architecture"] == {"type": "Mine", "summary": "layers"}
