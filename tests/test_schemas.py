"""Our schemas of STAC extensions against hand-made cases and the official schemas."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
from jsonschema import Draft7Validator
from referencing import Registry
from shared import ROOT, SHARED, needs_shared

Json = dict[str, Any]
Check = Callable[[Any], bool]

VERSIONS = {"scientific": "v1.0.0", "eo": "v1.1.0", "version": "v1.2.0", "file": "v2.1.0"}
MISSING: Any = object()  # as a member of a document: leave it out
GOOD, BAD = True, False


def uri(ext: str) -> str:
    return f"https://stac-extensions.github.io/{ext}/{VERSIONS[ext]}/schema.json"


def our_schema(ext: str) -> Json:
    path = ROOT / "builder" / "schemas" / f"{ext}.json"
    schema: Json = json.loads(path.read_text("utf-8"))
    return schema


def official_schema(ext: str) -> Json:
    path = SHARED / "schemas" / uri(ext).removeprefix("https://")
    schema: Json = json.loads(path.read_text("utf-8"))
    return schema


def engines(schema: Json) -> dict[str, Check]:
    """The two validators; neither may look anything up on the network."""
    python = Draft7Validator(schema, registry=Registry(), format_checker=None)
    rust = jsonschema_rs.Draft7Validator(schema, validate_formats=False)
    return {"jsonschema": python.is_valid, "jsonschema_rs": rust.is_valid}


def verdicts(checks: dict[str, Check], document: Any) -> dict[str, bool]:
    return {engine: check(document) for engine, check in checks.items()}


# Documents. Only what a case needs: the core of STAC is not under test.


def document(ext: str, base: Json, members: Json) -> Json:
    base |= {"stac_version": "1.1.0", "id": "a", "stac_extensions": [uri(ext)], "links": []}
    return {key: value for key, value in (base | members).items() if value is not MISSING}


def item(ext: str, properties: Any = None, **members: Any) -> Json:
    if isinstance(properties, dict | None):
        properties = {"datetime": "2024-01-01T00:00:00Z"} | (properties or {})
    base = {"type": "Feature", "geometry": None, "properties": properties, "assets": {}}
    return document(ext, base, members)


def collection(ext: str, fields: Json | None = None, **members: Any) -> Json:
    base = {"type": "Collection", "description": "d", "license": "other", "extent": {}}
    return document(ext, base | (fields or {}), members)


def catalog(ext: str, fields: Json | None = None, **members: Any) -> Json:
    return document(ext, {"type": "Catalog", "description": "d"} | (fields or {}), members)


def asset(**fields: Any) -> Json:
    """Assets with one member, whose fields are written `eo__bands` for `eo:bands`."""
    return {"data": {"href": "a.tif"} | {k.replace("__", ":"): v for k, v in fields.items()}}


ASSETS: list[tuple[Any, bool]] = [({}, GOOD), ([], BAD), ({"a": "b"}, BAD), (None, BAD)]


class Case(NamedTuple):
    ext: str
    name: str
    document: Any
    good: bool


def common_cases() -> Iterator[Case]:
    """What every extension asks: its id among the extensions, and a known type."""
    fields: dict[str, Json] = {"scientific": {"sci:doi": "10.1234/a"}}
    for ext in VERSIONS:
        inside = fields.get(ext, {})
        for kind, make in {"Item": item, "Collection": collection}.items():
            other = "https://stac-extensions.github.io/other/v1.0.0/schema.json"
            for name, value, good in [
                ("only the id", [uri(ext)], GOOD),
                ("the id among others", [other, uri(ext)], GOOD),
                ("the id twice", [uri(ext), uri(ext)], GOOD),
                ("missing", MISSING, BAD),
                ("empty", [], BAD),
                ("another id", [other], BAD),
                ("another version", [uri(ext).replace("/v", "/v9")], BAD),
                ("the id with a fragment", [uri(ext) + "#"], BAD),
                ("a string", uri(ext), BAD),
                ("null", None, BAD),
            ]:
                made = make(ext, inside, stac_extensions=value)
                yield Case(ext, f"{kind}: stac_extensions {name}", made, good)
            for value in ("Thing", "feature", 1, None, MISSING):
                name = "missing" if value is MISSING else repr(value)
                yield Case(ext, f"{kind}: type {name}", make(ext, inside, type=value), BAD)
        yield Case(ext, "Item: no assets", item(ext, inside, assets=MISSING), BAD)
        yield Case(ext, "Item: assets a list", item(ext, inside, assets=[]), BAD)
        yield Case(ext, "Item: an asset is a string", item(ext, inside, assets={"a": "b"}), BAD)
        yield Case(ext, "Collection: no assets", collection(ext, inside, assets=MISSING), GOOD)
        has_catalog = ext in ("version", "file")
        yield Case(ext, "Catalog", catalog(ext, inside), has_catalog)
        for value in ([], "Feature", None, 1):
            yield Case(ext, f"not an object: {value!r}", value, BAD)


def scientific_cases() -> Iterator[Case]:
    ext = "scientific"
    doi = {"sci:doi": "10.1234/a"}

    field_values: list[tuple[str, Any, bool]] = [
        ("sci:doi", "10.1234/a", GOOD),
        ("sci:doi", "10.5281/zenodo.123/x?y#z", GOOD),
        ("sci:doi", "10.AbC9/a", GOOD),
        ("sci:doi", "10.123/a", BAD),
        ("sci:doi", "10.1234.5/a", BAD),
        ("sci:doi", "11.1234/a", BAD),
        ("sci:doi", "1011234/a", BAD),
        ("sci:doi", "10.1234/", BAD),
        ("sci:doi", "10.1234/a b", BAD),
        ("sci:doi", "https://doi.org/10.1234/a", BAD),
        ("sci:doi", " 10.1234/a", BAD),
        ("sci:doi", "", BAD),
        ("sci:doi", 10.1234, BAD),
        ("sci:doi", None, BAD),
        ("sci:citation", "Somebody (2024)", GOOD),
        ("sci:citation", "", GOOD),
        ("sci:citation", 7, BAD),
        ("sci:citation", ["Somebody"], BAD),
        ("sci:publications", [], GOOD),
        ("sci:publications", [{}], GOOD),
        ("sci:publications", [{"doi": "10.1234/a", "citation": "c"}], GOOD),
        ("sci:publications", [{"citation": "c"}, {"doi": "10.1234/b"}], GOOD),
        ("sci:publications", [{"sci:doi": 1, "other": 1}], GOOD),
        ("sci:publications", [{"doi": "10.123/a"}], BAD),
        ("sci:publications", [{"doi": 1}], BAD),
        ("sci:publications", [{"citation": 1}], BAD),
        ("sci:publications", [{}, "10.1234/a"], BAD),
        ("sci:publications", {"doi": "10.1234/a"}, BAD),
    ]
    for key, value, good in field_values:
        field = {key: value}
        yield Case(ext, f"Item: {field}", item(ext, field), good)
        yield Case(ext, f"Item asset: {field}", item(ext, doi, assets={"a": field}), good)
        yield Case(ext, f"Collection: {field}", collection(ext, field), good)
        # any well-cited place is enough, so bad places beside it do not matter
        for place in ("assets", "item_assets"):
            made = collection(ext, **{place: {"a": field}})
            yield Case(ext, f"Collection {place}: {field}", made, good)
            made = collection(ext, **{place: {"bad": {"sci:doi": 1}, "a": field}})
            yield Case(ext, f"Collection {place}, a bad one beside: {field}", made, good)
            made = collection(ext, doi, **{place: {"a": field}})
            yield Case(ext, f"Collection {place}, cited on top: {field}", made, GOOD)
            made = collection(ext, field, **{place: {"a": doi}})
            yield Case(ext, f"Collection, cited in {place}: {field}", made, GOOD)
        made = collection(ext, summaries={key: value})
        yield Case(ext, f"Collection summaries: {field}", made, GOOD)

    yield Case(ext, "Item: no field", item(ext), BAD)
    yield Case(ext, "Item: no field but in an asset", item(ext, assets={"a": doi}), BAD)
    yield Case(ext, "Item: no properties", item(ext, properties=MISSING), BAD)
    yield Case(ext, "Item: properties a list", item(ext, []), BAD)
    yield Case(ext, "Item: field on top only", item(ext, **doi), BAD)
    yield Case(ext, "Item: unknown field", item(ext, doi | {"sci:other": "x"}), BAD)
    yield Case(ext, "Item: field without a name", item(ext, doi | {"sci:": "x"}), BAD)
    yield Case(ext, "Item: other prefixes", item(ext, doi | {"xsci:a": 1, "sci": 1}), GOOD)
    yield Case(ext, "Item: unknown field on top", item(ext, doi, **{"sci:other": 1}), GOOD)
    yield Case(ext, "Item: unknown field, asset", item(ext, doi, assets=asset(sci__x=1)), BAD)
    yield Case(ext, "Item: asset without fields", item(ext, doi, assets=asset()), GOOD)
    yield Case(ext, "Item: item_assets unchecked", item(ext, doi, item_assets=1), GOOD)
    cite = {"rel": "cite-as", "href": 1}
    yield Case(ext, "Item: cite-as link unchecked", item(ext, doi, links=[cite]), GOOD)
    yield Case(ext, "Collection: no field", collection(ext), BAD)
    yield Case(ext, "Collection: only a link", collection(ext, links=[cite]), BAD)
    yield Case(ext, "Collection: unknown field", collection(ext, doi | {"sci:x": 1}), BAD)
    yield Case(ext, "Collection: only an unknown field", collection(ext, {"sci:x": 1}), BAD)
    made = collection(ext, {"sci:x": 1}, summaries={"sci:doi": ["10.1234/a"]})
    yield Case(ext, "Collection: unknown field, cited in summaries", made, GOOD)
    for place in ("assets", "item_assets"):
        uncited: list[Any] = [{}, {"a": {}}, {"a": {"sci:x": 1} | doi}, {"a": "b"}, [], "a", None]
        for value in uncited:
            made = collection(ext, **{place: value})
            yield Case(ext, f"Collection {place}: {value}", made, BAD)
            made = collection(ext, doi, **{place: value})
            yield Case(ext, f"Collection {place}, cited on top: {value}", made, GOOD)
    yield Case(ext, "Collection: empty summaries", collection(ext, summaries={}), BAD)
    yield Case(ext, "Collection: other summaries", collection(ext, summaries={"a": [1]}), BAD)
    yield Case(ext, "Collection: unknown summary", collection(ext, summaries={"sci:x": 1}), BAD)
    for value in ([], "a", None, 1):
        made = collection(ext, summaries=value)  # the official schema lets this pass
        yield Case(ext, f"Collection summaries: {value!r}", made, GOOD)


def eo_cases() -> Iterator[Case]:
    ext = "eo"
    bands = [{"name": "B1"}]

    cover: list[tuple[Any, bool]] = [
        (0, GOOD),
        (100, GOOD),
        (12.5, GOOD),
        (-0.001, BAD),
        (100.001, BAD),
        ("12", BAD),
        (True, BAD),
        (None, BAD),
        ([12], BAD),
    ]
    names = "coastal blue green red rededge yellow pan nir nir08 nir09 cirrus swir16 swir22"
    band: list[tuple[Json, bool]] = [
        *(({"common_name": name}, GOOD) for name in (names + " lwir lwir11 lwir12").split()),
        ({"common_name": "Red"}, BAD),
        ({"common_name": "rededge071"}, BAD),
        ({"common_name": ""}, BAD),
        ({"common_name": 1}, BAD),
        ({"common_name": None}, BAD),
        ({}, BAD),
        ({"other": 1}, GOOD),
        ({"eo:other": 1}, GOOD),
        ({"name": ""}, GOOD),
        ({"name": 1}, BAD),
        ({"name": None}, BAD),
        ({"description": "d"}, GOOD),
        ({"description": ""}, BAD),
        ({"description": 1}, BAD),
        ({"solar_illumination": 0}, GOOD),
        ({"solar_illumination": 1912.4}, GOOD),
        ({"solar_illumination": -0.1}, BAD),
        ({"solar_illumination": "1"}, BAD),
    ]
    for key in ("center_wavelength", "full_width_half_max"):
        band += [({key: 0.443}, GOOD), ({key: 1}, GOOD), ({key: "0.4"}, BAD), ({key: None}, BAD)]
        # the official schema misspells exclusiveMinimum, so these pass
        band += [({key: 0}, GOOD), ({key: -1}, GOOD)]

    field_values: list[tuple[str, Any, bool]] = [
        *(("eo:cloud_cover", value, good) for value, good in cover),
        *(("eo:snow_cover", value, good) for value, good in cover),
        *(("eo:bands", [one], good) for one, good in band),
        ("eo:bands", [{"name": "a"}, {"name": "b"}], GOOD),
        ("eo:bands", [{"name": "a"}, {"name": "a"}], GOOD),
        ("eo:bands", [{"name": "a"}, {}], BAD),
        ("eo:bands", [], BAD),
        ("eo:bands", ["B1"], BAD),
        ("eo:bands", {"name": "B1"}, BAD),
        ("eo:bands", None, BAD),
        ("eo:other", 1, BAD),
        ("eo:", 1, BAD),
        ("eo:constellation", "x", BAD),
        ("eo", 1, GOOD),
        ("neo:x", 1, GOOD),
        ("bands", "x", GOOD),
    ]
    for key, value, good in field_values:
        field = {key: value}
        beside = item(ext, field, assets={"a": {"eo:bands": bands}})
        yield Case(ext, f"Item: {field}", beside, good)
        yield Case(ext, f"Item asset: {field}", item(ext, assets={"a": {}, "b": field}), good)
        for place in ("assets", "item_assets"):
            made = collection(ext, **{place: {"a": {}, "b": field}})
            yield Case(ext, f"Collection {place}: {field}", made, good)
        yield Case(ext, f"Collection: {field}", collection(ext, field), GOOD)
        yield Case(ext, f"Collection summaries: {field}", collection(ext, summaries=field), GOOD)

    top = {"eo:bands": bands}
    yield Case(ext, "Item: bands, no asset", item(ext, top), BAD)
    yield Case(ext, "Item: bands, asset without", item(ext, top, assets=asset()), BAD)
    made = item(ext, top, assets=asset(eo__cloud_cover=1))
    yield Case(ext, "Item: bands, asset with another field", made, BAD)
    made = item(ext, top, assets=asset(bands=bands))
    yield Case(ext, "Item: bands, asset with plain bands", made, BAD)
    made = item(ext, top, assets=asset() | {"b": {"eo:bands": bands}})
    yield Case(ext, "Item: bands, one asset of two with", made, GOOD)
    made = item(ext, top, assets=asset(eo__bands=[]))
    yield Case(ext, "Item: bands, asset with empty bands", made, BAD)
    made = item(ext, top, assets=MISSING)
    yield Case(ext, "Item: bands, assets missing", made, BAD)
    made = item(ext, {"eo:cloud_cover": 3}, assets=asset())
    yield Case(ext, "Item: clouds need no asset", made, GOOD)
    yield Case(ext, "Item: no field at all", item(ext), GOOD)
    yield Case(ext, "Item: no properties", item(ext, properties=MISSING), BAD)
    yield Case(ext, "Item: properties a list", item(ext, []), BAD)
    yield Case(ext, "Item: field on top unchecked", item(ext, **{"eo:cloud_cover": "x"}), GOOD)
    made = item(ext, item_assets={"a": {"eo:bands": 1}})
    yield Case(ext, "Item: item_assets unchecked", made, GOOD)
    made = item(ext, links=[{"eo:cloud_cover": "x"}])
    yield Case(ext, "Item: links unchecked", made, GOOD)
    for place in ("assets", "item_assets"):
        for value, good in ASSETS:
            made = collection(ext, **{place: value})
            yield Case(ext, f"Collection {place}: {value}", made, good)
    made = collection(ext, properties={"eo:bands": bands})
    yield Case(ext, "Collection: properties unchecked", made, GOOD)


def version_cases() -> Iterator[Case]:
    ext = "version"
    field_values: list[tuple[str, Any, bool]] = [
        ("version", "1", GOOD),
        ("version", "", GOOD),
        ("version", 1, BAD),
        ("version", 1.5, BAD),
        ("version", None, BAD),
        ("version", ["1"], BAD),
        ("deprecated", True, GOOD),
        ("deprecated", False, GOOD),
        ("deprecated", "true", BAD),
        ("deprecated", 0, BAD),
        ("deprecated", None, BAD),
        ("experimental", True, GOOD),
        ("experimental", False, GOOD),
        ("experimental", "false", BAD),
        ("experimental", 1, BAD),
        ("experimental", {}, BAD),
        ("version:other", 1, GOOD),  # its fields have no prefix, so none is reserved
        ("Version", 1, GOOD),
    ]
    for key, value, good in field_values:
        field = {key: value}
        yield Case(ext, f"Item: {field}", item(ext, field), good)
        yield Case(ext, f"Item asset: {field}", item(ext, assets={"a": {}, "b": field}), good)
        yield Case(ext, f"Item top, unchecked: {field}", item(ext, **field), GOOD)
        made = item(ext, item_assets={"a": field})
        yield Case(ext, f"Item item_assets, unchecked: {field}", made, GOOD)
        yield Case(ext, f"Collection: {field}", collection(ext, field), good)
        yield Case(ext, f"Catalog: {field}", catalog(ext, field), good)
        for place in ("assets", "item_assets"):
            made = collection(ext, **{place: {"a": {}, "b": field}})
            yield Case(ext, f"Collection {place}: {field}", made, good)
            made = catalog(ext, **{place: {"a": field}})
            yield Case(ext, f"Catalog {place}, unchecked: {field}", made, GOOD)
        for place in ("summaries", "properties"):
            made = collection(ext, **{place: field})
            yield Case(ext, f"Collection {place}, unchecked: {field}", made, GOOD)

    yield Case(ext, "Item: no field at all", item(ext), GOOD)
    yield Case(ext, "Item: no properties", item(ext, properties=MISSING), BAD)
    yield Case(ext, "Item: properties a list", item(ext, []), BAD)
    yield Case(ext, "Collection: no field at all", collection(ext), GOOD)
    for place in ("assets", "item_assets"):
        for value, good in ASSETS:
            made = collection(ext, **{place: value})
            yield Case(ext, f"Collection {place}: {value}", made, good)
    # the official schema does not look at links
    makes: list[Callable[..., Json]] = [item, collection, catalog]
    for rel in ("latest-version", "predecessor-version", "successor-version"):
        for link in ({"rel": rel, "href": "./b.json"}, {"rel": rel}, {"rel": rel, "version": 1}):
            for make in makes:
                yield Case(ext, f"{make.__name__}: link {link}", make(ext, links=[link]), GOOD)
    for make in makes:
        yield Case(ext, f"{make.__name__}: links a string", make(ext, links="x"), GOOD)
        yield Case(ext, f"{make.__name__}: no links", make(ext, links=MISSING), GOOD)


def file_cases() -> Iterator[Case]:
    ext = "file"
    count: list[tuple[Any, bool]] = [
        (0, GOOD),
        (1, GOOD),
        (2**40, GOOD),
        (1.0, GOOD),
        (-1, BAD),
        (1.5, BAD),
        ("1", BAD),
        (True, BAD),
        (None, BAD),
    ]
    checksum: list[tuple[Any, bool]] = [
        ("1220" + "0a" * 32, GOOD),
        ("0", GOOD),  # neither a length nor a hash function is asked for
        ("abcdef0123456789", GOOD),
        ("AB", BAD),
        ("0x12", BAD),
        ("g", BAD),
        (" ab", BAD),
        ("ab-cd", BAD),
        ("", BAD),
        (12, BAD),
        (None, BAD),
    ]
    local_path: list[tuple[Any, bool]] = [
        ("a.tif", GOOD),
        ("a/b c/d.tif", GOOD),
        ("a/b/", GOOD),
        (".", GOOD),
        ("../a", GOOD),  # though the text forbids it
        ("./a", GOOD),
        ("~/a", GOOD),
        ("/a", BAD),
        ("/", BAD),
        ("a//b", BAD),
        ("a//", BAD),
        ("a\\b", BAD),
        ("c:a", BAD),
        ("a'b", BAD),
        ('a"b', BAD),
        ("a\tb", BAD),
        ("a\nb", BAD),
        ("a\rb", BAD),
        ("a/b:c", BAD),
        ("", BAD),
        (1, BAD),
        (None, BAD),
    ]
    one = {"values": [0], "summary": "s"}
    values: list[tuple[Any, bool]] = [
        ([one], GOOD),
        ([one, one], GOOD),
        ([one | {"values": [None, "a", {}, []]}], GOOD),
        ([one | {"other": 1}], GOOD),
        ([], BAD),
        (one, BAD),
        ([{}], BAD),
        ([one, {}], BAD),
        ([{"values": [0]}], BAD),
        ([{"summary": "s"}], BAD),
        ([one | {"values": []}], BAD),
        ([one | {"values": 0}], BAD),
        ([one | {"values": None}], BAD),
        ([one | {"summary": ""}], BAD),
        ([one | {"summary": 1}], BAD),
        ([[0, "s"]], BAD),
        (None, BAD),
    ]
    order = ["big-endian", "little-endian"]
    field_values: list[tuple[str, Any, bool]] = [
        *(("file:byte_order", value, GOOD) for value in order),
        *(("file:byte_order", value, BAD) for value in ("Big-endian", "big", "", 1, None, order)),
        *(("file:checksum", value, good) for value, good in checksum),
        *(("file:header_size", value, good) for value, good in count),
        *(("file:size", value, good) for value, good in count),
        *(("file:local_path", value, good) for value, good in local_path),
        *(("file:values", value, good) for value, good in values),
        ("file:nodata", [0], BAD),
        ("file:", 1, BAD),
        ("file", 1, GOOD),
        ("xfile:a", 1, GOOD),
        ("File:a", 1, GOOD),
    ]
    for key, value, good in field_values:
        field = {key: value}
        yield Case(ext, f"Item asset: {field}", item(ext, assets={"a": {}, "b": field}), good)
        yield Case(ext, f"Item link: {field}", item(ext, links=[{}, field]), good)
        yield Case(ext, f"Item, unchecked: {field}", item(ext, field), GOOD)
        yield Case(ext, f"Collection link: {field}", collection(ext, links=[field]), good)
        yield Case(ext, f"Collection, unchecked: {field}", collection(ext, field), GOOD)
        made = collection(ext, summaries=field)
        yield Case(ext, f"Collection summaries, unchecked: {field}", made, GOOD)
        yield Case(ext, f"Catalog link: {field}", catalog(ext, links=[field]), good)
        for place in ("assets", "item_assets"):
            made = collection(ext, **{place: {"a": {}, "b": field}})
            yield Case(ext, f"Collection {place}: {field}", made, good)
            made = catalog(ext, **{place: {"a": field}})
            yield Case(ext, f"Catalog {place}, unchecked: {field}", made, GOOD)
        made = item(ext, item_assets={"a": field})
        yield Case(ext, f"Item item_assets, unchecked: {field}", made, GOOD)

    yield Case(ext, "Item: no properties", item(ext, properties=MISSING), GOOD)
    yield Case(ext, "Item: properties a list", item(ext, []), GOOD)
    makes: list[Callable[..., Json]] = [item, collection, catalog]
    for make in makes:
        for links, good in [(MISSING, GOOD), ({}, BAD), (None, BAD), ([1], BAD), (["a"], BAD)]:
            name = "missing" if links is MISSING else repr(links)
            yield Case(ext, f"{make.__name__}: links {name}", make(ext, links=links), good)
    for place in ("assets", "item_assets"):
        for value, good in ASSETS:
            made = collection(ext, **{place: value})
            yield Case(ext, f"Collection {place}: {value}", made, good)


TABLES = {
    "scientific": scientific_cases,
    "eo": eo_cases,
    "version": version_cases,
    "file": file_cases,
}


def cases_of(ext: str) -> list[Case]:
    return [case for case in common_cases() if case.ext == ext] + list(TABLES[ext]())


def wrong(checks: dict[str, Check], cases: list[Case]) -> list[str]:
    """The cases whose verdict differs from the expected one, with the engine."""
    return [
        f"{case.name}: {engine} says {verdict}"
        for case in cases
        for engine, verdict in verdicts(checks, case.document).items()
        if verdict != case.good
    ]


extensions = pytest.mark.parametrize("ext", VERSIONS)


@extensions
def test_ours_is_a_draft_7_schema_under_the_official_id(ext: str) -> None:
    schema = our_schema(ext)
    Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["$id"] == uri(ext)


@extensions
def test_table_has_both_verdicts_and_no_case_twice(ext: str) -> None:
    names = [case.name for case in cases_of(ext)]
    assert len(names) == len(set(names))
    assert sum(case.good for case in cases_of(ext)) >= 15
    assert sum(not case.good for case in cases_of(ext)) >= 15


@extensions
def test_ours_gives_the_expected_verdicts(ext: str) -> None:
    assert wrong(engines(our_schema(ext)), cases_of(ext)) == []


@needs_shared
@extensions
def test_official_gives_the_expected_verdicts(ext: str) -> None:
    assert wrong(engines(official_schema(ext)), cases_of(ext)) == []


# Errors should say where: one error, at the place of the mistake.

PLACES: list[tuple[str, Json, list[str | int]]] = [
    (
        "scientific",
        item("scientific", {"sci:doi": "10.1234/a", "sci:publications": [{"doi": "x"}]}),
        ["properties", "sci:publications", 0, "doi"],
    ),
    ("scientific", item("scientific"), ["properties"]),
    ("scientific", collection("scientific", {"sci:doi": 1}), ["sci:doi"]),
    ("eo", item("eo", {"eo:cloud_cover": 101}), ["properties", "eo:cloud_cover"]),
    ("eo", item("eo", {"eo:bands": [{"name": "a"}]}), ["properties", "eo:bands"]),
    ("eo", item("eo", assets=asset(eo__other=1)), ["assets", "data"]),
    ("eo", collection("eo", item_assets=asset(eo__bands=[])), ["item_assets", "data", "eo:bands"]),
    ("version", item("version", {"version": 1}), ["properties", "version"]),
    ("version", collection("version", {"deprecated": "no"}), ["deprecated"]),
    ("version", catalog("version", {"experimental": 0}), ["experimental"]),
    ("file", item("file", links=[{"file:size": -1}]), ["links", 0, "file:size"]),
    ("file", collection("file", assets=asset(file__size="1")), ["assets", "data", "file:size"]),
    ("file", item("file", type="Thing"), ["type"]),
]


@pytest.mark.parametrize(("ext", "bad", "place"), PLACES)
def test_ours_points_at_the_mistake(ext: str, bad: Json, place: list[str | int]) -> None:
    schema = our_schema(ext)
    assert [list(e.absolute_path) for e in Draft7Validator(schema).iter_errors(bad)] == [place]
    rust = jsonschema_rs.Draft7Validator(schema, validate_formats=False)
    assert [list(e.instance_path) for e in rust.iter_errors(bad)] == [place]


# The sweep: every small change to a rich document gets the same verdict from both.

SCIENTIFIC = {
    "sci:doi": "10.1234/data.1",
    "sci:citation": "Somebody (2024): Something.",
    "sci:publications": [
        {"doi": "10.1234/paper.1", "citation": "Somebody (2023)"},
        {"citation": "Somebody (2022)"},
    ],
}
BANDS = [
    {
        "name": "B1",
        "common_name": "red",
        "description": "Red",
        "center_wavelength": 0.665,
        "full_width_half_max": 0.03,
        "solar_illumination": 1512.06,
    },
    {"name": "B2", "common_name": "nir08"},
]
EO = {"eo:cloud_cover": 12.5, "eo:snow_cover": 0, "eo:bands": BANDS}
RELEASE = {"version": "2", "deprecated": False, "experimental": True}
FILE = {
    "file:byte_order": "little-endian",
    "file:checksum": "12200a1b",
    "file:header_size": 64,
    "file:size": 146484,
    "file:local_path": "a/b.tif",
    "file:values": [
        {"values": [0, "n/a"], "summary": "no data"},
        {"values": [1], "summary": "water"},
    ],
}
RICH: dict[str, Json] = {"scientific": SCIENTIFIC, "eo": EO, "version": RELEASE, "file": FILE}


def rich_documents(ext: str) -> dict[str, Json]:
    fields = RICH[ext]
    assets = {"data": {"href": "a.tif", **fields}, "thumbnail": {"href": "a.png"}}
    links = [{"rel": "self", "href": "a.json", **fields}, {"rel": "root", "href": "b.json"}]
    places = {"assets": assets, "links": links}
    summaries = {"platform": ["a"]}
    made = {
        "Item": item(ext, fields, **places),
        "Collection": collection(ext, fields, **places, item_assets=assets, summaries=summaries),
    }
    if ext == "scientific":  # where nothing but one place can make the collection valid
        for place in ("assets", "item_assets"):
            made[f"Collection, {place} only"] = collection(ext, **{place: assets})
        made["Collection, summaries only"] = collection(ext, summaries={"sci:doi": ["10.1234/a"]})
    if ext in ("version", "file"):
        made["Catalog"] = catalog(ext, fields, **places)
    return copy.deepcopy(made)


POOL: list[Any] = [None, True, 0, -1, 101, 0.5, "", "x", "10.1234/x\n", "ab\n", [], ["x"], {}]


def substitutes(value: Any) -> list[Any]:
    """What to put in a value's place: everything of the pool, and near misses of the value."""
    near: list[Any] = []
    match value:
        case str():
            near = [value + " ", value + "\n", value.upper(), value + "/", [value]]
        case bool():
            near = [str(value), not value]
        case int() | float():
            near = [str(value), -value, value + 0.5, [value]]
        case list():
            near = [[*value, 1], [*value, {}], value + value, {"0": value}]
        case dict():
            near = [[value], {**value, "x": 1}]
            prefixes = {key.split(":")[0] for key in value if ":" in key}
            near += [{**value, f"{prefix}:unknown": 1} for prefix in sorted(prefixes)]
    return POOL + near


def mutants(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All documents with one node deleted, replaced or (of an object) renamed."""
    for new in substitutes(value):
        yield f"{path or '/'} = {new!r}", new
    keys: list[Any] = []
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    for key in keys:
        here = f"{path}/{key}"
        less = copy.copy(value)
        del less[key]
        yield f"{here} deleted", less
        if isinstance(value, dict):
            yield f"{here} renamed", {**less, f"{key}x": value[key]}
        for name, new in mutants(value[key], here):
            changed = copy.copy(value)
            changed[key] = new
            yield name, changed


@needs_shared
@extensions
def test_ours_and_official_agree_on_every_mutant(ext: str) -> None:
    ours, official = engines(our_schema(ext)), engines(official_schema(ext))
    for kind, rich in rich_documents(ext).items():
        assert set(verdicts(ours, rich).values()) == {True}, kind
        seen: list[bool] = []
        disagreed: list[str] = []
        for name, mutant in mutants(rich):
            mine, theirs = verdicts(ours, mutant), verdicts(official, mutant)
            seen.append(mine["jsonschema_rs"])
            if mine != theirs:
                disagreed.append(f"{kind} {name}: ours {mine}, official {theirs}")
        assert disagreed == []
        assert min(seen.count(True), seen.count(False)) >= 15, kind
