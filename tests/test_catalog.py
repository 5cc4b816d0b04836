"""Gathering: many models as a catalog with collections, links between versions, extents and summaries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from pystac.stac_object import STACObjectType
from pystac.validation import validate_dict
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from sources import entry_of

from builder import schema
from builder.across import find_cycle
from builder.catalog import (
    CatalogInfo,
    CollectionInfo,
    Entry,
    Library,
    Neighbours,
    find_neighbours,
    finish_item,
    gather,
)  # fmt: skip
from builder.model import Provider
from builder.stac_catalog import to_catalog, to_collection

INFO = CatalogInfo("cat", "The catalog", "About it.")
COLLECTION = CollectionInfo("c", "The collection", "About the collection.")


def entries(*texts: str) -> list[Entry]:
    return [entry_of(text, f"c/m{number}.yml") for number, text in enumerate(texts)]


def collection_of(*texts: str, info: CollectionInfo = COLLECTION) -> dict[str, Any]:
    return to_collection(info, entries(*texts), INFO)


def bbox_of_collection(*boxes: Sequence[float]) -> list[float]:
    box: list[float] = collection_of(*(f"bbox: {box}\n" for box in boxes))["extent"]["spatial"]["bbox"][0]
    return box


def interval(*texts: str) -> list[str | None]:
    found: list[str | None] = collection_of(*texts)["extent"]["temporal"]["interval"][0]
    return found


# --- gather ----------------------------------------------------------------------------------------------------------


def test_collections_are_sorted_by_id_and_models_by_title() -> None:
    made = [
        entry_of("title: Zebra\n", "b/m1.yml"),
        entry_of("title: apple\n", "b/m2.yml"),
        entry_of("", "b/mango.yml"),
        entry_of("", "a/m3.yml"),
        entry_of("title: Same\n", "a/y.yml"),
        entry_of("title: Same\n", "a/x.yml"),
    ]
    for order in (made, made[::-1]):
        library = gather(INFO, {"b": CollectionInfo("b", "Bees", "About bees.")}, order, {})
        assert [c.info.id for c in library.collections] == ["a", "b"]
        assert [e.model.id for e in library.entries] == ["m3", "x", "y", "m2", "mango", "m1"]
        assert [c.info.title for c in library.collections] == ["a", "Bees"]


def test_a_library_is_as_new_as_its_newest_model() -> None:
    made = entries("created: 2024-05-01\n", "created: 2020-01-01\nupdated: '2024-04-30'\n", "")
    assert gather(INFO, {}, made, {}).updated == "2024-05-01T00:00:00Z"
    assert gather(INFO, {}, made[2:], {}).updated is None


# --- versions --------------------------------------------------------------------------------------------------------


def family(**predecessors: str) -> dict[str, Neighbours]:
    """Neighbours of models called by letters; each keyword names the predecessors of one, as letters."""
    names = sorted(set(predecessors) | set("".join(predecessors.values())) | {"z"})
    made = [entry_of(f"version: '{name}'\n", f"{name}/{name}.yml") for name in names]
    steps = {f"{name}/{name}.yml": tuple(f"{p}/{p}.yml" for p in older) for name, older in predecessors.items()}
    return {source[0]: found for source, found in find_neighbours(made, steps).items()}


def ids(references: Any) -> str:
    return "".join(reference.id for reference in references)


def test_a_chain_knows_both_ways_and_its_end() -> None:
    found = family(c="b", b="a")
    assert sorted(found) == ["a", "b", "c"]  # z is nobody's neighbour
    assert [ids(found[name].predecessors) for name in "abc"] == ["", "a", "b"]
    assert [ids(found[name].successors) for name in "abc"] == ["b", "c", ""]
    assert [found[name].latest.id if found[name].latest else None for name in "abc"] == ["c", "c", None]  # type: ignore[union-attr]
    assert {ids(found[name].versions) for name in "abc"} == {"abc"}


def test_a_fork_has_two_successors_and_one_latest() -> None:
    found = family(b="a", c="a")
    assert ids(found["a"].successors) == "bc"
    assert found["a"].latest is not None
    assert found["a"].latest.id == "c"
    assert (found["b"].latest, found["c"].latest) == (None, None)
    assert ids(found["b"].versions) == "ab"


def test_a_diamond_names_everyone_once() -> None:
    found = family(b="a", c="a", d="bc")
    assert ids(found["d"].predecessors) == "bc"
    assert ids(found["a"].versions) == ids(found["d"].versions) == "abcd"
    assert found["a"].latest is not None
    assert found["a"].latest.id == "d"


def test_a_predecessor_that_is_named_twice_is_one() -> None:
    found = family(b="aa")
    assert ids(found["b"].predecessors) == "a"
    assert ids(found["a"].successors) == "b"


def test_a_reference_says_enough_for_a_link() -> None:
    made = [
        entry_of("title: Old\nversion: '1.10'\ndeprecated: true\ncreated: 2020-01-01\n", "c/a.yml"),
        entry_of("", "c/b.yml"),
    ]
    (old,) = find_neighbours(made, {"c/b.yml": ("c/a.yml",)})["c/b.yml"].predecessors
    assert (old.title, old.version, old.updated, old.deprecated, old.folder) == (
        "Old", "1.10", "2020-01-01T00:00:00Z", True, "c/a",
    )  # fmt: skip


def test_version_links_are_relative_and_point_both_ways() -> None:
    made = [entry_of("version: '1'\n", "c/a.yml"), entry_of("version: '2'\n", "d/b.yml")]
    neighbours = find_neighbours(made, {"d/b.yml": ("c/a.yml",)})

    def versions(entry: Entry) -> list[tuple[str, str]]:
        links = finish_item(entry, neighbours[entry.source])["links"]
        return [(link["rel"], link["href"]) for link in links if link["rel"].endswith("-version")]

    assert versions(made[0]) == [("successor-version", "../../d/b/b.json"), ("latest-version", "../../d/b/b.json")]
    assert versions(made[1]) == [("predecessor-version", "../../c/a/a.json")]
    assert "links" in made[0].item
    assert len(made[0].item["links"]) == 4, "finishing does not change the entry"


@pytest.mark.parametrize(
    ("steps", "cycle"),
    [
        ({}, ()),
        ({"b": ("a",), "c": ("b",)}, ()),
        ({"b": ("a",), "c": ("a",), "d": ("b", "c")}, ()),
        ({"a": ("a",)}, ("a",)),
        ({"a": ("b",), "b": ("a",)}, ("a", "b")),
        ({"a": ("x", "b"), "b": ("c",), "c": ("y", "b")}, ("b", "c")),
        ({"a": ("missing",)}, ()),
    ],
)
def test_a_cycle_is_found(steps: dict[str, tuple[str, ...]], cycle: tuple[str, ...]) -> None:
    assert find_cycle(steps) == cycle


def test_a_long_line_of_versions_is_no_cycle() -> None:
    assert find_cycle({f"{n:05}": (f"{n + 1:05}",) for n in range(5000)}) == ()


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=4).map(tuple)))
def test_a_cycle_is_one_and_is_found_when_there_is_one(steps: dict[str, tuple[str, ...]]) -> None:
    cycle = find_cycle(steps)
    for here, there in zip(cycle, (*cycle[1:], *cycle[:1]), strict=True):
        assert there in steps[here]
    reachable = {name: set(older) for name, older in steps.items()}
    for middle in "abcdef":
        for name in reachable:
            if middle in reachable[name]:
                reachable[name] |= reachable.get(middle, set())
    assert bool(cycle) == any(name in beyond for name, beyond in reachable.items())


# --- extents ---------------------------------------------------------------------------------------------------------


def test_the_extent_is_the_box_around_all() -> None:
    assert bbox_of_collection([5, 45, 10, 47], [-3, 50, 2, 51]) == [-3, 45, 10, 51]
    assert bbox_of_collection([5, 45, -100, 10, 47, 4000], [0, 46, 1, 50]) == [0, 45, 10, 50]


def test_an_extent_across_the_antimeridian() -> None:
    crossing = [170, -20, -170, 10]
    assert bbox_of_collection(crossing, crossing) == crossing
    assert bbox_of_collection(crossing, [0, 0, 1, 1]) == [-180, -20, 180, 10]


def test_the_time_is_the_span_around_all() -> None:
    assert interval("datetime: 2020-01-01\n", "start_datetime: 2018-01-01\nend_datetime: 2018-12-31\n") == [
        "2018-01-01T00:00:00Z",
        "2020-01-01T00:00:00Z",
    ]
    # As text, the half second would come first.
    assert interval("datetime: 2020-01-01\n", "datetime: 2020-01-01T00:00:00.5Z\n") == [
        "2020-01-01T00:00:00Z",
        "2020-01-01T00:00:00.500000Z",
    ]


def test_a_model_without_a_time_opens_the_span() -> None:
    assert interval("datetime: 2020-01-01\n", "") == [None, None]


# --- what a collection says ------------------------------------------------------------------------------------------


def test_a_license_that_all_share_is_the_collection_s() -> None:
    assert collection_of("license: MIT\n", "license: MIT\n")["license"] == "MIT"
    assert collection_of("license: MIT\n", "license: Apache-2.0\n")["license"] == "other"
    assert collection_of("license: MIT\n", "")["license"] == "other"
    assert collection_of("")["license"] == "other"
    assert collection_of("license: MIT\n", info=CollectionInfo("c", "C", "D", "CC0-1.0"))["license"] == "CC0-1.0"


def test_keywords_that_all_share_are_the_collection_s() -> None:
    assert collection_of("keywords: [x, b, a]\n", "keywords: [a, b, y]\n")["keywords"] == ["b", "a"]
    assert "keywords" not in collection_of("keywords: [x]\n", "")
    own = CollectionInfo("c", "C", "D", keywords=("own",))
    assert collection_of("keywords: [x]\n", info=own)["keywords"] == ["own"]


def test_providers_are_those_of_all_models_each_once() -> None:
    a, b = "{name: A, roles: [producer]}", "{name: B, url: 'https://example.com', description: Who}"
    assert collection_of(f"providers: [{a}]\n", f"providers: [{b}, {a}]\n")["providers"] == [
        {"name": "A", "roles": ["producer"]},
        {"name": "B", "url": "https://example.com", "description": "Who"},
    ]
    own = CollectionInfo("c", "C", "D", providers=(Provider((), "Own"),))
    assert collection_of(f"providers: [{a}]\n", info=own)["providers"] == [{"name": "Own"}]
    assert "providers" not in collection_of("")


SUMMED = """\
platform: sentinel-2a
constellation: sentinel-2
instruments: [msi]
gsd: 10
license: MIT
eo:bands: [{name: B4, common_name: red}, {name: B5}]
dlm:data: {dtype: uint16, process_level: L2A, number_of_bands: 2}
dlm:inputs: {selected_band: [1, 0]}
dlm:runtime: {framework: PyTorch, docker: [{image_name: a, gpu: true}, {image_name: b, gpu: false}]}
dlm:outputs: [{task: classification}, {task: regression}]
"""


def test_summaries_are_what_people_search_by() -> None:
    assert collection_of(SUMMED, "gsd: 30\nplatform: landsat-8\n")["summaries"] == {
        "dlm:task": ["classification", "regression"],
        "dlm:framework": ["PyTorch"],
        "dlm:architecture_type": ["CNN"],
        "dlm:process_level": ["L2A"],
        "dlm:dtype": ["uint16"],
        "dlm:gpu": [False, True],
        "dlm:band": ["B5", "red"],
        "dlm:number_of_bands": {"minimum": 2, "maximum": 2},
        "constellation": ["sentinel-2"],
        "platform": ["landsat-8", "sentinel-2a"],
        "instruments": ["msi"],
        "gsd": [10, 30],
        "license": ["MIT"],
    }


def test_a_summary_of_many_values_is_complete() -> None:
    # pystac drops summaries of more than 25 values unless it is told otherwise.
    made = collection_of(*(f"platform: p{number:02}\n" for number in range(60)))
    assert made["summaries"]["platform"] == [f"p{number:02}" for number in range(60)]


def test_item_assets_say_what_all_assets_of_a_key_have_in_common() -> None:
    def asset(more: str) -> str:
        return f"assets: {{w: {{href: 'https://example.com/w.pt', roles: [weights], {more}}}}}\n"

    made = collection_of(asset("title: Same, description: One"), asset("title: Same, description: Two"), "")
    assert made["item_assets"] == {
        "card": {"roles": ["metadata"], "title": "Model card", "type": "text/html"},
        "w": {
            "roles": ["weights", "mlm:model", "mlm:weights"],
            "title": "Same",
            "type": "application/octet-stream; application=pytorch",
        },
    }


# --- STAC objects ----------------------------------------------------------------------------------------------------


def library() -> Library:
    info = CatalogInfo(
        "cat", "The catalog", "About it.", keywords=("k",), providers=(Provider((), "P", None, ("host",)),),
        links=({"rel": "about", "href": "https://example.com"},),
    )  # fmt: skip
    made = [entry_of(SUMMED, "c/a.yml"), entry_of("bbox: [170, -20, -170, 10]\n", "d/b.yml")]
    own = CollectionInfo("c", "C", "D", links=({"rel": "license", "href": "https://example.com/license"},))
    return gather(info, {"c": own}, made, {})


def test_the_catalog_leads_to_its_collections() -> None:
    made = to_catalog(library())
    assert [(link["rel"], link["href"]) for link in made["links"]] == [
        ("root", "./catalog.json"),
        ("alternate", "./index.html"),
        ("about", "https://example.com"),
        ("child", "./c/collection.json"),
        ("child", "./d/collection.json"),
    ]
    assert made["keywords"] == ["k"]
    assert made["providers"] == [{"name": "P", "roles": ["host"]}]


def test_a_collection_leads_to_its_items() -> None:
    whole = library()
    made = to_collection(whole.collections[0].info, whole.collections[0].entries, whole.info)
    assert [(link["rel"], link["href"]) for link in made["links"]] == [
        ("root", "../catalog.json"),
        ("parent", "../catalog.json"),
        ("alternate", "./index.html"),
        ("license", "https://example.com/license"),
        ("item", "./a/a.json"),
    ]
    assert all("title" in link for link in made["links"] if link["rel"] != "license")
    assert made["stac_extensions"] == [schema.DLM]


class CoreOnly(JsonSchemaSTACValidator):
    """pystac's validator without its look-ups of extension schemas."""

    def validate_extension(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: other tests do."""


def test_catalog_and_collections_pass_pystac_s_schemas() -> None:
    made = library()
    for data, kind in (
        (to_catalog(made), "Catalog"),
        *((to_collection(c.info, c.entries, made.info), "Collection") for c in made.collections),
    ):
        plain = json.loads(json.dumps(data))
        validate_dict(plain, STACObjectType(kind), validator=CoreOnly())


def test_published_collections_pass_our_schema_of_the_extension(site: Path) -> None:
    validator = Draft7Validator(schema.load(schema.DLM))
    for file in site.glob("*/collection.json"):
        assert [error.message for error in validator.iter_errors(json.loads(file.read_bytes()))] == []
