"""Canonical form: every way of writing a model gives one tree, whose places lead back to where they were written."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from cards import RICH, TITLES
from hypothesis import given, settings
from hypothesis import strategies as st
from test_source import place, read

from builder.authoring import Canonical, to_canonical
from builder.diagnostic import Path
from builder.model import to_model
from builder.stac import to_item

BASE = "description: An invented model.\n"


def canonical(text: str, defaults: str | None = None, path: str = "land/net.yml") -> Canonical:
    collection = None if defaults is None else read(defaults, "land/collection.yml")
    return to_canonical(read(text), path, collection)


def from_data(data: Any, path: str = "land/net.yml") -> Canonical:
    """The canonical form of data as a JSON model file has it."""
    return to_canonical(read(json.dumps(data), "net.json"), path)


def written(form: Canonical, *path: str | int, key: bool = False) -> tuple[str, int, str]:
    """File, line and text of what stands at a canonical path."""
    span = form.locate(path, "key" if key else "value")
    return span.file, span.line, span.source_line[span.column - 1 : span.end_column - 1]


def rules(form: Canonical) -> list[str]:
    return [rule for rule, _ in form.problems]


# --- hoisting and ids ------------------------------------------------------------------------------------------------


def test_properties_may_stand_at_the_top_level_or_below() -> None:
    top = canonical("title: Net\ngsd: 10\ndlm:data: {dtype: uint8}\n")
    below = canonical("properties:\n  title: Net\n  gsd: 10\n  dlm:data: {dtype: uint8}\n")
    mixed = canonical("title: Net\nproperties:\n  gsd: 10\n  dlm:data: {dtype: uint8}\n")
    assert top.data == below.data == mixed.data
    assert written(below, "gsd") == ("model.yml", 3, "10")
    assert written(below, "dlm:data", "dtype", key=True) == ("model.yml", 4, "dtype")
    assert written(mixed, "title") == ("model.yml", 1, "Net")


def test_key_in_both_places_is_a_duplicate() -> None:
    form = canonical("gsd: 10\nproperties:\n  gsd: 20\n")
    ((rule, problem),) = form.problems
    assert (rule, problem.path, problem.on) == ("key-duplicate", ("gsd",), "key")
    assert place(form.locate(problem.path)) == (1, 6)
    assert [place(form.locate(path)) for path, _ in problem.related] == [(3, 8)]
    assert form.data["gsd"] == 10


@pytest.mark.parametrize("text", ["properties:", "properties: {}", "properties: ~"])
def test_empty_properties_say_nothing(text: str) -> None:
    assert canonical(text).data == {"id": "net", "collection": "land"}
    assert rules(canonical(text)) == []


def test_properties_that_are_no_mapping_are_left_for_the_schema() -> None:
    assert canonical("properties: [1]").data["properties"] == [1]


@pytest.mark.parametrize(
    ("path", "id_", "collection"),
    [
        ("net.yml", "net", "models"),
        ("land/net.v1.yml", "net.v1", "land"),
        ("land/cover/net.json", "net", "land"),
    ],
)
def test_id_and_collection_are_those_of_the_file(path: str, id_: str, collection: str) -> None:
    assert canonical(BASE, path=path).data == {
        "id": id_, "collection": collection, "description": "An invented model."
    }  # fmt: skip
    own = canonical("id: own\ncollection: other", path=path).data
    assert own == {"id": "own", "collection": "other"}
    assert canonical("id:\ncollection: ~", path=path).data == {"id": id_, "collection": collection}


# --- classes ---------------------------------------------------------------------------------------------------------

CLASSES = [{"index": 0, "class_name": "land"}, {"index": 1, "class_name": "water"}]
CLASS_FORMS = {
    "objects": "    - {index: 0, class_name: land}\n    - {index: 1, class_name: water}\n",
    "pairs": "    - 0: land\n    - 1: water\n",
    "mapping": "    0: land\n    1: water\n",
    "names": "    - land\n    - water\n",
    "draft": "    - I_0: land\n    - I_1: water\n",
}


@pytest.mark.parametrize("form", CLASS_FORMS)
def test_every_form_of_classes_is_one(form: str) -> None:
    made = canonical("dlm:outputs:\n  class_name_mapping:\n" + CLASS_FORMS[form])
    assert made.data["dlm:outputs"]["class_name_mapping"] == CLASSES
    at: Path = ("dlm:outputs", "class_name_mapping", 1)
    assert written(made, *at, "class_name") == ("model.yml", 4, "water")
    assert made.locate((*at, "index")).line == 4
    assert rules(made) == (["key-draft", "key-draft"] if form == "draft" else [])


def test_classes_may_be_written_in_a_list_of_outputs() -> None:
    made = canonical(
        "dlm:outputs:\n  - class_name_mapping: {0: land, 1: water}\n  - class_name_mapping: [land, water]\n"
    )
    assert [output["class_name_mapping"] for output in made.data["dlm:outputs"]] == [CLASSES, CLASSES]


def test_class_key_that_is_no_index_is_left_and_located_at_its_key() -> None:
    made = canonical("dlm:outputs:\n  class_name_mapping:\n    1: land\n    sea: water\n    2: ice\n")
    at: Path = ("dlm:outputs", "class_name_mapping", 1)
    assert made.data["dlm:outputs"]["class_name_mapping"][1] == {"sea": "water"}
    assert written(made, *at, "sea", key=True) == ("model.yml", 4, "sea")
    assert made.locate(at, "key").line == 2


@pytest.mark.parametrize("key", ["9" * 30, "9" * 5000, "I_" + "1" * 900])
def test_class_key_that_is_no_number_a_computer_has_is_left(key: str) -> None:
    made = from_data({"dlm:outputs": {"class_name_mapping": [{key: "water"}]}})
    assert made.data["dlm:outputs"]["class_name_mapping"] == [{key: "water"}]


# --- drafts ----------------------------------------------------------------------------------------------------------

DRAFT = """\
dlm:data:
  data_type: UBYTE
  nodata: 0
  process_ level: raw
dlm:inputs:
  selected_bands: [0]
  input_tensors:
    - channels: 1
dlm:runtime:
  - framework_version: "1.5"
dlm:outputs:
  task: Semantic_Segmentation
providers:
  - name: Lab
    roles: [image provider, image licensor, producer]
  - name: Host
    roles: cloud host
assets:
  - weights:
      href: net.onnx
      role: weights
"""
TODAY = """\
dlm:data: {dtype: uint8, nodata_value: 0, process_level: L0}
dlm:inputs: {selected_band: [0], input_tensors: [{dim: 1}]}
dlm:runtime: [{version: "1.5"}]
dlm:outputs: {task: semantic segmentation}
providers:
  - {name: Lab, roles: [licensor, producer]}
  - {name: Host, roles: [host]}
assets:
  weights: {href: net.onnx, roles: [weights]}
"""


def test_draft_spellings_give_the_same_as_todays() -> None:
    draft, today = canonical(DRAFT), canonical(TODAY)
    assert draft.data == today.data
    assert rules(today) == []
    assert set(rules(draft)) == {"key-draft"}
    assert all(problem.hint for _, problem in draft.problems)


def test_draft_spellings_are_noted_where_they_are_written() -> None:
    form = canonical(DRAFT)
    lines = DRAFT.splitlines()
    found = [lines[form.locate(problem.path, problem.on).line - 1].strip() for _, problem in form.problems]
    assert found == [
        "data_type: UBYTE", "nodata: 0", "process_ level: raw", "process_ level: raw", "data_type: UBYTE",
        "selected_bands: [0]", "- channels: 1", '- framework_version: "1.5"', "assets:", "role: weights",
        "roles: [image provider, image licensor, producer]", "roles: [image provider, image licensor, producer]",
        "roles: cloud host",
    ]  # fmt: skip


def test_draft_values_are_located_where_they_are_written() -> None:
    form = canonical(DRAFT)
    assert written(form, "dlm:data", "dtype") == ("model.yml", 2, "UBYTE")
    assert written(form, "dlm:data", "dtype", key=True) == ("model.yml", 2, "data_type")
    assert written(form, "dlm:inputs", "input_tensors", 0, "dim") == ("model.yml", 8, "1")
    assert written(form, "assets", "weights", "href") == ("model.yml", 20, "net.onnx")
    assert written(form, "assets", "weights", "roles") == ("model.yml", 21, "weights")
    assert written(form, "providers", 0, "roles", 0) == ("model.yml", 15, "image licensor")
    assert written(form, "providers", 0, "roles", 1) == ("model.yml", 15, "producer")
    assert written(form, "providers", 1, "roles", 0) == ("model.yml", 17, "cloud host")


def test_draft_spelling_beside_todays_is_a_duplicate() -> None:
    form = canonical("dlm:data:\n  dtype: uint8\n  data_type: uint16\n")
    assert rules(form) == ["key-duplicate"]
    assert form.data["dlm:data"] == {"dtype": "uint8"}


def test_asset_given_twice_in_a_list_is_a_duplicate() -> None:
    form = canonical("assets:\n  - a: {href: one}\n  - a: {href: two}\n")
    assert rules(form) == ["key-draft", "key-duplicate"]
    assert place(form.locate(form.problems[1][1].path, "key")) == (3, 5)


@pytest.mark.parametrize("assets", ["[]", "[{a: 1, b: 2}]", "text", "[text]", "{a: text}", "{a: {roles: [1]}}"])
def test_assets_of_another_shape_are_left_for_the_schema(assets: str) -> None:
    assert canonical(f"assets: {assets}").data["assets"] == read(assets).data


def test_provider_roles_of_another_kind_keep_their_place() -> None:
    form = canonical("providers:\n  - roles:\n      - nobody\n      - 5\n")
    assert form.data["providers"] == [{"roles": [5]}]
    assert form.locate(("providers", 0, "roles", 0)).line == 4


# --- links and what is computed --------------------------------------------------------------------------------------


def test_computed_links_are_left_out_and_the_others_keep_their_place() -> None:
    form = canonical(
        "links:\n"
        "  - {rel: self, href: net.json}\n"
        "  - {rel: about, href: https://example.com}\n"
        "  - {rel: alternate, href: ./index.html}\n"
        "  - {rel: successor-version, href: ../x/x.json}\n"
        "  - {rel: alternate, href: https://example.com/other}\n"
        "  - {rel: [odd], href: 5}\n"
    )
    assert [link["rel"] for link in form.data["links"]] == ["about", "alternate", ["odd"]]
    assert [form.locate(("links", n)).line for n in range(3)] == [3, 6, 7]


def test_card_of_a_published_item_is_left_out() -> None:
    form = canonical("assets:\n  card: {href: ./index.html}\n  weights: {href: net.onnx}\n")
    assert list(form.data["assets"]) == ["weights"]
    own = canonical("assets:\n  card: {href: https://example.com/card.pdf}\n")
    assert list(own.data["assets"]) == ["card"]


# --- defaults --------------------------------------------------------------------------------------------------------

DEFAULTS = """\
title: Land
defaults:
  license: MIT
  keywords: [a, b]
  gsd: 10
  dlm:data:
    data_type: uint16
    number_of_bands: 3
    useful_bands: [{index: 0}]
  dlm:runtime:
    docker: {image_name: example/net, gpu: true}
"""
OWN = """\
license: BSD
keywords: [c]
gsd:
dlm:data:
  useful_bands: [{index: 1}]
properties:
  dlm:runtime:
    docker: {gpu: false}
"""


def test_defaults_are_laid_under_what_the_model_says() -> None:
    data = canonical(OWN, DEFAULTS).data
    assert data == {
        "license": "BSD",
        "keywords": ["c"],
        "dlm:data": {"useful_bands": [{"index": 1}], "number_of_bands": 3, "dtype": "uint16"},
        "dlm:runtime": {"docker": {"gpu": False, "image_name": "example/net"}},
        "id": "net",
        "collection": "land",
    }


def test_what_is_inherited_is_located_in_the_collection_file() -> None:
    form = canonical(OWN, DEFAULTS)
    assert written(form, "dlm:data", "number_of_bands") == ("land/collection.yml", 8, "3")
    assert written(form, "dlm:data", "dtype", key=True) == ("land/collection.yml", 7, "data_type")
    assert written(form, "dlm:runtime", "docker", "image_name") == ("land/collection.yml", 11, "example/net")
    assert written(form, "dlm:runtime", "docker", "gpu") == ("model.yml", 8, "false")
    assert written(form, "dlm:data", "useful_bands", 0, "index") == ("model.yml", 5, "1")
    assert form.source_text(("dlm:data", "dtype")) == "uint16"


def test_null_removes_a_default_with_a_note_at_its_key() -> None:
    form = canonical(OWN, DEFAULTS)
    ((path, on),) = [(p.path, p.on) for rule, p in form.problems if rule == "value-empty"]
    assert place(form.locate(path, on)) == (3, 1)


def test_models_do_not_share_what_they_inherit() -> None:
    collection = read(DEFAULTS, "land/collection.yml")
    before = copy.deepcopy(collection.data)
    first = to_canonical(read(BASE), "land/a.yml", collection)
    first.data["dlm:data"]["useful_bands"][0]["index"] = 7
    first.data["keywords"].append("d")
    second = to_canonical(read(BASE), "land/b.yml", collection)
    assert second.data["dlm:data"]["useful_bands"] == [{"index": 0}]
    assert collection.data == before


@pytest.mark.parametrize("defaults", ["title: Land", "defaults:", "defaults: [1]", "", "- 1"])
def test_collection_without_defaults_changes_nothing(defaults: str) -> None:
    assert canonical(OWN, defaults).data == canonical(OWN).data


# --- what has no value -----------------------------------------------------------------------------------------------


def test_keys_without_a_value_are_left_out_where_null_says_nothing() -> None:
    form = canonical(
        "title:\ndatetime: null\ndlm:data: {nodata_value: null, dtype: ~}\n"
        "dlm:architecture: {pretrained: }\nx:y: [{a: }]\n"
    )
    assert form.data["datetime"] is None
    assert form.data["dlm:data"] == {"nodata_value": None}
    assert form.data["dlm:architecture"] == {"pretrained": None}
    assert form.data["x:y"] == [{}]
    assert [problem.path for _, problem in form.problems] == [("title",), ("dlm:data", "dtype"), ("x:y", 0, "a")]


def test_numbers_that_json_cannot_write_become_text() -> None:
    form = canonical("dlm:data: {nodata_value: .nan}\nx:y: [.inf, -.inf, {z: .NaN}]\n")
    assert form.data["dlm:data"]["nodata_value"] == "nan"
    assert form.data["x:y"] == ["inf", "-inf", {"z": "nan"}]


# --- idempotence -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [DRAFT, TODAY, OWN, json.dumps(RICH)], ids=["draft", "today", "own", "rich"])
def test_canonical_data_is_its_own_canonical_form(text: str) -> None:
    once = canonical(text).data
    again = from_data(once)
    assert again.data == once
    assert rules(again) == []


def test_published_item_gives_the_same_model() -> None:
    model = to_model(from_data(RICH).data)
    titles = replace(TITLES, mlm=False)  # MLM adds assets; test_mlm feeds such Items back
    item = to_item(model, titles, {})
    again = to_model(from_data(item).data)
    assert to_item(again, titles, {}) == item
    # What the Item adds because STAC wants it: the time in full, the box's geometry, types of files, links to DOIs.
    same = [name for name in model.__dataclass_fields__ if name not in ("fields", "geometry", "assets", "links")]
    assert {name: getattr(again, name) for name in same} == {name: getattr(model, name) for name in same}
    assert [asset.key for asset in again.assets] == [asset.key for asset in model.assets]


DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["properties", "assets", "links", "providers", "roles", "role", "rel", "href", "dlm:data", "dtype",
             "data_type", "dlm:inputs", "input_tensors", "channels", "dlm:outputs", "task", "class_name_mapping", "0",
             "I_1", "class_name", "card", "id", "defaults", "process_level"]
        ),
        inner, max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip
OBJECTS = st.dictionaries(
    st.sampled_from(["properties", "assets", "links", "providers", "dlm:data", "dlm:inputs", "dlm:outputs", "id"]), DATA
)


@given(data=OBJECTS, defaults=OBJECTS)
@settings(max_examples=300, deadline=None)
def test_any_data_has_a_canonical_form_whose_places_exist(data: Any, defaults: Any) -> None:
    collection = read(json.dumps({"defaults": defaults}), "collection.json")
    form = to_canonical(read(json.dumps(data), "net.json"), "land/net.json", collection)
    for _, problem in form.problems:
        span = form.locate(problem.path, problem.on)
        assert span.file in ("net.json", "collection.json")
        assert all(form.locate(path).line == 1 for path, _ in problem.related)
