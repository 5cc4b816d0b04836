"""Conversion: what stands in a model file, as a STAC Item."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from shared import SHARED, needs_shared
from sources import TITLES, entry_of, item_of

from builder import schema
from builder.catalog import Neighbours, Reference, finish_item
from builder.source import LocalFile
from builder.stac import OPEN_END, OPEN_START, WORLD_BBOX, Titles, bbox_of, geometry_of, to_datetime
from builder.validate import check_item

WEIGHTS = "assets: {w: {href: 'https://example.com/w.onnx', roles: [weights]}}\n"


# --- times -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "published"),
    [
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("2024-05-01T12:00:00Z", "2024-05-01T12:00:00Z"),
        ("2024-05-01t12:00:00z", "2024-05-01T12:00:00Z"),
        ("2024-05-01 12:00:00Z", "2024-05-01T12:00:00Z"),
        ("2024-05-01T01:30:00+02:00", "2024-04-30T23:30:00Z"),
        ("2024-12-31T23:00:00-05:30", "2025-01-01T04:30:00Z"),
        ("2024-05-01T12:00:00.5Z", "2024-05-01T12:00:00.500000Z"),
        ("2024-05-01T12:00:00.000Z", "2024-05-01T12:00:00Z"),
        ("2024-05-01T12:00:00.1234567Z", "2024-05-01T12:00:00.123456Z"),
    ],
)
def test_a_time_is_published_in_utc(written: str, published: str) -> None:
    assert to_datetime(written) == published


def test_a_plain_date_ends_with_its_last_second() -> None:
    assert to_datetime("2024-02-29", end=True) == "2024-02-29T23:59:59Z"
    assert to_datetime("2024-02-29T10:00:00Z", end=True) == "2024-02-29T10:00:00Z"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-10:00", "2024-02-31T00:00:00Z"])
def test_a_time_that_does_not_exist_raises_nothing(text: str) -> None:
    assert to_datetime(text) == text


def test_without_a_time_the_span_is_open() -> None:
    properties = item_of("")["properties"]
    assert properties["datetime"] is None
    assert (properties["start_datetime"], properties["end_datetime"]) == (OPEN_START, OPEN_END)


def test_a_span_covers_its_last_day() -> None:
    properties = item_of("start_datetime: 2018-01-01\nend_datetime: 2023-12-31\n")["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2018-01-01T00:00:00Z"
    assert properties["end_datetime"] == "2023-12-31T23:59:59Z"


def test_one_time_needs_no_span() -> None:
    properties = item_of("datetime: 2024-05-01\n")["properties"]
    assert properties["datetime"] == "2024-05-01T00:00:00Z"
    assert not {"start_datetime", "end_datetime"} & properties.keys()


def test_created_and_updated_are_times_on_items_and_assets() -> None:
    item = item_of("created: 2024-01-02\nassets: {a: {href: 'https://example.com/a', updated: '2024-01-03'}}\n")
    assert item["properties"]["created"] == "2024-01-02T00:00:00Z"
    assert item["assets"]["a"]["updated"] == "2024-01-03T00:00:00Z"


# --- place -----------------------------------------------------------------------------------------------------------


def test_without_a_place_the_item_covers_the_world() -> None:
    item = item_of("")
    assert item["bbox"] == list(WORLD_BBOX)
    assert item["geometry"] == geometry_of(WORLD_BBOX)


def test_the_geometry_is_made_from_the_box() -> None:
    item = item_of("bbox: [5.9, 45.8, 10.5, 47.8]\n")
    assert item["bbox"] == [5.9, 45.8, 10.5, 47.8]
    ring = [[5.9, 45.8], [10.5, 45.8], [10.5, 47.8], [5.9, 47.8], [5.9, 45.8]]
    assert item["geometry"] == {"type": "Polygon", "coordinates": [ring]}


def test_an_outer_ring_runs_counterclockwise() -> None:
    ring = geometry_of([0, 0, 2, 1])["coordinates"][0]
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))
    assert area > 0  # RFC 7946, 3.1.6


def test_the_box_is_made_from_the_geometry() -> None:
    item = item_of("geometry: {type: Polygon, coordinates: [[[1, 2], [5, 3], [4, 7], [1, 2]]]}\n")
    assert item["bbox"] == [1, 2, 5, 7]
    assert item["geometry"]["coordinates"] == [[[1, 2], [5, 3], [4, 7], [1, 2]]]


def test_both_as_stated_when_both_are() -> None:
    item = item_of("bbox: [0, 0, 10, 10]\ngeometry: {type: Point, coordinates: [5, 5]}\n")
    assert item["bbox"] == [0, 0, 10, 10]
    assert item["geometry"] == {"type": "Point", "coordinates": [5, 5]}


def test_a_box_across_the_antimeridian_is_cut_in_two() -> None:
    # RFC 7946, 3.1.9
    geometry = geometry_of([170, -20, -170, 10])
    assert geometry["type"] == "MultiPolygon"
    east, west = ([x for x, _ in polygon[0]] for polygon in geometry["coordinates"])
    assert (min(east), max(east), min(west), max(west)) == (170, 180, -180, -170)


@pytest.mark.parametrize(
    "bbox", [[5, 45, 10, 47], [170, -20, -170, 10], [-180, -90, 180, 90], [179, 0, 180, 1], [180, 0, -170, 1]]
)
def test_box_to_geometry_and_back(bbox: list[float]) -> None:
    assert bbox_of(geometry_of(bbox)) == bbox


def test_parts_that_only_touch_the_antimeridian_on_one_side_do_not_cross_it() -> None:
    def square(west: float, east: float) -> list[Any]:
        return [[[west, 0], [east, 0], [east, 1], [west, 1], [west, 0]]]

    assert bbox_of({"type": "MultiPolygon", "coordinates": [square(170, 180), square(0, 10)]}) == [0, 0, 180, 1]
    everywhere = [square(170, 180), square(-180, -170), square(0, 10)]
    assert bbox_of({"type": "MultiPolygon", "coordinates": everywhere}) == [-180, 0, 180, 1]
    assert bbox_of({"type": "MultiPolygon", "coordinates": [square(-180, 180), square(170, 180)]}) == [-180, 0, 180, 1]


def test_heights_are_kept_and_do_not_disturb_the_plane() -> None:
    item = item_of("bbox: [5, 45, -100, 10, 47, 4000]\n")
    assert item["bbox"] == [5, 45, -100, 10, 47, 4000]
    assert bbox_of(item["geometry"]) == [5, 45, 10, 47]
    assert bbox_of({"type": "LineString", "coordinates": [[1, 2, 30], [3, 4, 50]]}) == [1, 2, 3, 4]


# --- links -----------------------------------------------------------------------------------------------------------

LINKS = """\
sci:doi: 10.1234/model
sci:publications: [{doi: 10.1234/paper, citation: A}, {doi: 10.1234/model, citation: B}, {citation: C}]
dlm:data: [{item_examples: [{title: One, url: 'https://example.com/1.json'}, {url: 'https://example.com/2.json'}]}]
links:
  - {rel: about, href: 'https://example.com', title: About, acme:x: kept}
  - {rel: cite-as, href: 'https://doi.org/10.1234/paper', title: The paper}
  - {rel: related, href: 'https://example.com/r', type: text/html}
  - {rel: related, href: 'https://example.com/r', type: text/plain}
  - {rel: about, href: 'https://example.com', title: About, acme:x: kept}
"""


def test_links_have_a_fixed_order_and_none_is_there_twice() -> None:
    assert item_of(LINKS)["links"] == [
        {"rel": "root", "href": "../../catalog.json", "type": "application/json", "title": "The catalog"},
        {"rel": "parent", "href": "../collection.json", "type": "application/json", "title": "The collection"},
        {"rel": "collection", "href": "../collection.json", "type": "application/json", "title": "The collection"},
        {"rel": "alternate", "href": "./index.html", "type": "text/html", "title": "Model card of a"},
        {"rel": "cite-as", "href": "https://doi.org/10.1234/model"},
        {"rel": "example", "href": "https://example.com/1.json", "type": "application/geo+json", "title": "One"},
        {"rel": "example", "href": "https://example.com/2.json", "type": "application/geo+json"},
        {"rel": "about", "href": "https://example.com", "title": "About", "acme:x": "kept"},
        # What the author says of a link that is computed too is kept.
        {"rel": "cite-as", "href": "https://doi.org/10.1234/paper", "title": "The paper"},
        {"rel": "related", "href": "https://example.com/r", "type": "text/html"},
        {"rel": "related", "href": "https://example.com/r", "type": "text/plain"},
    ]


def test_links_between_versions_are_left_to_gathering() -> None:
    links = item_of("links: [{rel: predecessor-version, href: b.yml}]\n")["links"]
    assert not {link["rel"] for link in links} & {"predecessor-version", "successor-version", "latest-version"}


def test_a_collection_without_a_file_is_called_by_its_id() -> None:
    links = item_of("", path="other/a.yml")["links"]
    assert [link["title"] for link in links if link["rel"] in ("parent", "collection")] == ["other", "other"]


# --- assets and extensions -------------------------------------------------------------------------------------------


def test_bands_are_named_on_the_weights() -> None:
    item = item_of("eo:bands: [{name: B2, center_wavelength: 0.49}, {name: B3}]\n" + WEIGHTS)
    assert item["assets"]["w"]["eo:bands"] == [{"name": "B2"}, {"name": "B3"}]
    assert "eo:bands" not in item["assets"]["card"]
    assert item["properties"]["eo:bands"][0] == {"name": "B2", "center_wavelength": 0.49}


def test_without_weights_the_card_carries_the_bands() -> None:
    item = item_of("eo:bands: [{name: B2}]\nassets: {code: {href: 'https://example.com/x', roles: [code]}}\n")
    assert item["assets"]["card"]["eo:bands"] == [{"name": "B2"}]
    assert "eo:bands" not in item["assets"]["code"]


def test_bands_without_names_are_carried_whole() -> None:
    assert item_of("eo:bands: [{center_wavelength: 0.49}]\n")["assets"]["card"]["eo:bands"] == [
        {"center_wavelength": 0.49}
    ]


def test_bands_that_the_author_gives_to_the_weights_stay() -> None:
    item = item_of(
        "eo:bands: [{name: B2}]\n"
        "assets: {w: {href: 'https://example.com/w', roles: [weights], eo:bands: [{name: own}]}}\n"
    )
    assert item["assets"]["w"]["eo:bands"] == [{"name": "own"}]


def test_a_local_file_is_measured(tmp_path: Path) -> None:
    content = b"weights"
    (tmp_path / "m\u00fc o.onnx").write_bytes(content)
    local = LocalFile("c/m\u00fc o.onnx", tmp_path / "m\u00fc o.onnx")
    asset = item_of("assets: {w: {href: ./mü o.onnx, roles: [weights], title: W}}\n", {"./mü o.onnx": local})["assets"]
    assert asset["w"] == {
        "href": "./m%C3%BC%20o.onnx",
        "title": "W",
        "roles": ["weights", "mlm:model", "mlm:weights"],
        "mlm:artifact_type": "onnx.save",
        "type": "application/octet-stream; application=onnx",
        "file:size": len(content),
        # A multihash: 12 for SHA-256, 20 for its 32 bytes.
        "file:checksum": "1220" + hashlib.sha256(content).hexdigest(),
    }


def test_a_file_from_another_folder_lies_beside_the_item(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"")
    item = item_of("assets: {w: {href: ../shared/w.pt}}\n", {"../shared/w.pt": LocalFile("w.pt", tmp_path / "w.pt")})
    assert item["assets"]["w"]["href"] == "./w.pt"
    assert item["assets"]["w"]["file:size"] == 0


def test_a_remote_asset_keeps_what_the_author_states() -> None:
    fields = "href: 'https://example.com/w.pt?x=1', file:size: 3, file:checksum: 1114aa, acme:x: 1, type: x/y"
    item = item_of(f"assets: {{w: {{{fields}}}}}\n")
    assert item["assets"]["w"] == {
        "href": "https://example.com/w.pt?x=1",
        "file:size": 3,
        "file:checksum": "1114aa",
        "acme:x": 1,
        "type": "x/y",
    }


def test_the_card_is_an_asset() -> None:
    card = {"href": "./index.html", "type": "text/html", "title": "Model card", "roles": ["metadata"]}
    assert item_of("")["assets"] == {"card": card}


@pytest.mark.parametrize(
    ("text", "extensions"),
    [
        ("", []),
        ("eo:bands: [{name: B2}]\n", [schema.EO]),
        ("eo:cloud_cover: 3\n", [schema.EO]),
        ("assets: {a: {href: 'https://example.com/a', eo:bands: [{name: B2}]}}\n", [schema.EO]),
        ("sci:citation: A\n", [schema.SCIENTIFIC]),
        ("version: '1'\n", [schema.VERSION]),
        ("deprecated: false\n", [schema.VERSION]),
        ("experimental: true\n", [schema.VERSION]),
        ("assets: {a: {href: 'https://example.com/a', file:size: 1}}\n", [schema.FILE]),
        ("acme:x: 1\n", []),
    ],
)
def test_exactly_the_extensions_that_are_used_are_named(text: str, extensions: list[str]) -> None:
    assert item_of(text)["stac_extensions"] == sorted([schema.DLM, *extensions])


def test_extensions_that_the_builder_does_not_know_are_kept_and_its_own_are_not_kept_twice() -> None:
    foreign = "https://stac-extensions.github.io/mlm/v1.5.0/schema.json"
    declared = (
        foreign,
        foreign,
        "eo",
        schema.EO.replace("v1.1.0", "v2.0.0"),
        "https://x.example/dlm/v1.0.0/schema.json",
    )
    assert item_of("mlm:name: x\n", declared=declared)["stac_extensions"] == sorted([schema.DLM, foreign])
    assert item_of("mlm:name: x\n", declared=declared)["properties"]["mlm:name"] == "x"


def test_a_site_with_an_address_uses_the_schema_it_publishes() -> None:
    uri, published = schema.published("https://example.com/models/")
    assert uri == "https://example.com/models/schemas/dlm/v1.0.0/schema.json" == published["$id"]
    titles = Titles(TITLES.catalog, TITLES.collections, uri)
    assert item_of("", titles=titles)["stac_extensions"] == [uri]


def test_a_link_between_versions_brings_the_version_extension() -> None:
    entry = entry_of()
    finished = finish_item(entry, Neighbours(predecessors=(Reference("b", "d", "B"),)))
    assert finished["stac_extensions"] == sorted([schema.DLM, schema.VERSION])
    assert finished["links"][-1] == {
        "rel": "predecessor-version",
        "href": "../../d/b/b.json",
        "type": "application/geo+json",
        "title": "B",
    }
    assert finish_item(entry, Neighbours()) == entry.item


# --- schemas ---------------------------------------------------------------------------------------------------------

FULL = (
    """\
title: A
version: '1.10'
deprecated: true
license: MIT
created: 2024-01-01
updated: 2024-01-02
gsd: 10
providers: [{name: A, roles: [producer], url: 'https://example.com'}]
bbox: [170, -20, -170, 10]
eo:bands: [{name: B2, common_name: blue, center_wavelength: 0.49}]
sci:citation: Someone.
card: {intended_use: For tests., metrics: [{name: F1, value: 0.5}]}
"""
    + WEIGHTS.replace("roles:", "file:size: 1, file:checksum: 1114aa, roles:")
    + LINKS
)


@pytest.mark.parametrize(
    "text", ["", "eo:bands: [{name: B2}]\n", "eo:bands: [{description: x}]\n", "version: '1'\n", FULL]
)
def test_an_item_passes_our_schemas_of_stac_and_its_extensions(text: str) -> None:
    assert check_item(item_of(text)) == []


def official_problems(stac_object: dict[str, Any]) -> list[str]:
    """What the official schemas of the extensions that it names, as far as they are mirrored, say of an object."""
    core = [(uri, Resource.from_contents(contents)) for uri, contents in schema.load_all().items()]
    for path in (SHARED / "schemas").rglob("schema.json"):
        uri = f"https://{path.relative_to(SHARED / 'schemas').as_posix()}"
        core.append((uri, Resource.from_contents(json.loads(path.read_text("utf-8")))))
    problems = []
    for uri in stac_object["stac_extensions"]:
        mirrored = SHARED / "schemas" / uri.removeprefix("https://")
        if mirrored.is_file():
            validator = Draft7Validator(
                json.loads(mirrored.read_text("utf-8")), registry=Registry().with_resources(core)
            )
            problems += [f"{uri}: {error.message[:300]}" for error in validator.iter_errors(stac_object)]
    return problems


@needs_shared
@pytest.mark.parametrize(
    "text", ["eo:bands: [{name: B2}]\n", "eo:bands: [{description: x}]\n", "eo:cloud_cover: 3\n", FULL]
)
def test_an_item_passes_the_official_schemas(text: str) -> None:
    assert official_problems(item_of(text)) == []


@needs_shared
def test_every_real_item_passes_the_official_schemas(site: Path) -> None:
    items = [json.loads(path.read_bytes()) for path in site.glob("*/*/*.json")]
    used = {uri for item in items for uri in item["stac_extensions"]}
    assert {schema.EO, schema.SCIENTIFIC, schema.VERSION, schema.FILE} <= used
    assert [problem for item in items for problem in official_problems(item)] == []
