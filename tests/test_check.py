"""Checking: what an author is told, that it is all there is to tell, and that no model file makes it fail."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cards import EVIL, HOSTILE, RICH, TITLES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shared import ROOT
from test_source import assert_inside, paths

from builder import schema, validate
from builder.check import Checked, check_model, check_settings_file
from builder.diagnostic import Diagnostic, sort_diagnostics
from builder.diagnostic import Path as DataPath
from builder.model import to_model
from builder.report import format_text
from builder.source import LocalFile, SourceFile
from builder.stac import to_item
from builder.validate import check_item, is_valid

MESSAGES = ROOT / "tests" / "messages"
BASE = "description: An invented model.\ndlm:architecture: {type: U-Net}\n"


def checked(text: str, files: dict[str, LocalFile] | None = None, shown: str = "net.yml") -> Checked:
    return check_model(SourceFile(f"land/{shown}", shown, text), None, files or {})


def faults(diagnostics: tuple[Diagnostic, ...]) -> list[Diagnostic]:
    """Errors and warnings, in the order they are printed."""
    return sort_diagnostics(d for d in diagnostics if d.severity != "note")


def found(text: str, files: dict[str, LocalFile] | None = None) -> list[tuple[str, int, str]]:
    """Rule, line and message of what is wrong with a model of which `text` is a part."""
    return [(d.rule, d.span.line - 2, d.message) for d in faults(checked(BASE + text, files).diagnostics)]


# --- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.stem for path in MESSAGES.glob("*.yml")))
def test_message_is_what_an_author_needs(name: str) -> None:
    text = (MESSAGES / f"{name}.yml").read_text("utf-8")
    printed = format_text(faults(checked(text, shown=f"{name}.yml").diagnostics))
    assert printed + "\n" == (MESSAGES / f"{name}.txt").read_text("utf-8")


def test_all_faults_are_found_in_one_run() -> None:
    parts = [
        ("tilte: Net", "key-unknown"),
        ("gsd: ten", "value-type"),
        ("created: 2023-02-30", "time-order"),
        ("sci:doi: https://doi.org/10.1234/a", "doi-syntax"),
        ("bbox: [1, 2]", "value-range"),
        ("version: 1.10", "value-ambiguous"),
        ("dlm:outputs: {task: segmenting, number_of_classes: none}", "value-choice"),
        ("assets: {a: {href: missing.onnx}, b: {href: [1]}}", "link-broken"),
        ("dlm:runtime: {docker: {image_name: example/net}, version: 2, gpu: true}", "docker-tag"),
    ]
    rules = {(rule, line) for rule, line, _ in found("".join(f"{text}\n" for text, _ in parts))}
    assert {(rule, number) for number, (_, rule) in enumerate(parts, 1)} <= rules
    assert {("value-type", 7), ("value-type", 8), ("value-ambiguous", 9), ("key-unknown", 9)} <= rules


def test_fault_is_said_once() -> None:
    text = "dlm:data: text\nbbox: 5\nproviders: [{name: [1]}]\nversion: 010\nlinks: [{rel: [1], href: x}]\n"
    places = [line for _, line, _ in found(text)]
    assert places == sorted(set(places))


def test_alternatives_are_never_listed_as_such() -> None:
    values = ["text", "5", "[]", "[5]", "{}", "null", "true", "[[]]", "{a: 1}"]
    keys = [*schema.load(schema.MODEL_FILE)["properties"], "dlm:inputs: &x"]
    for key in keys:
        for value in values:
            for _, _, message in found(f"{key.partition(':')[0] if '&' in key else key}: {value}\n"):
                assert "given schema" not in message, message
                assert "is not valid under" not in message, message


@pytest.mark.parametrize(
    ("written", "text"),
    [("1.10", "1.10"), ("1.0", "1.0"), ("010", "010"), ("1e3", "1e3"), ("true", "true"), ("0x10", "0x10"), ("2", "2")],
)
def test_number_is_read_as_the_text_that_was_written(written: str, text: str) -> None:
    result = checked(f"{BASE}version: {written}\nkeywords: [{written}]\n")
    assert result.model is not None
    assert (result.model.version, result.model.keywords) == (text, (text,))
    assert [(d.rule, d.span.line) for d in faults(result.diagnostics)] == [
        ("value-ambiguous", 3),
        ("value-ambiguous", 4),
    ]


def test_what_is_refused_is_missed_by_no_rule() -> None:
    text = """\
assets: {a: {href: [x]}}
links: [{rel: about, href: {}}, {rel: [], href: x}]
providers: [{name: {}}]
geometry: {type: Circle, coordinates: [1, 2]}
dlm:archive: [{name: [x]}]
dlm:outputs: {class_name_mapping: [{index: 0, class_name: []}]}
card: {metrics: [{name: [x], value: 1}]}
"""
    assert {rule for rule, _, _ in found(text)} == {"value-type", "value-choice"}


def test_line_break_at_the_end_of_a_value_is_refused() -> None:
    # In Python's expressions, `$` would let it pass.
    assert [rule for rule, _, _ in found("sci:doi: |\n  10.1234/a\ncreated: |\n  2024-05-01\n")] == [
        "doi-syntax", "value-format"
    ]  # fmt: skip


def test_what_only_one_validator_refuses_is_refused() -> None:
    ((rule, _, message),) = found('"acme:batch\\n": 1\n')
    assert rule == "value-range"
    assert "acme:batch" in message


def test_unknown_keys_by_the_thousand_are_told_within_seconds() -> None:
    keys = "".join(f"key{n}: 1\n" for n in range(3_000))
    rules = [rule for rule, _, _ in found(keys)]
    assert rules == ["findings-more", *["key-unknown"] * 1_000]


def test_very_many_findings_keep_a_model_from_being_published() -> None:
    # Notes alone would not: what was not looked at any more may be wrong.
    result = checked(BASE + "acme:x:\n" + "".join(f"  key{n}:\n" for n in range(2_000)))
    assert result.model is None
    assert [d.rule for d in faults(result.diagnostics)] == ["findings-more"]


def test_index_of_a_class_may_be_huge() -> None:
    text = f"dlm:outputs:\n  class_name_mapping: {{0: land, {10**17}: sea}}\n"
    assert [(rule, message) for rule, _, message in found(text)] == [
        ("class-gap", "no class has the index 1, 2, 3, 4, 5")
    ]  # fmt: skip


def test_summary_with_a_huge_number_is_left_alone() -> None:
    summary = f"Total params: {'1' * 5000}"
    assert found(f"dlm:architecture: {{total_nb_parameters: 5, summary: '{summary}'}}\n")[0][0] == "key-duplicate"
    text = f"description: A net.\ndlm:architecture: {{total_nb_parameters: 5, summary: '{summary}'}}\n"
    assert faults(checked(text).diagnostics) == []


# --- settings files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "data", "rules"),
    [
        ("", {}, []),
        ("title: Land", {"title": "Land"}, []),
        ("title: 1.10", {"title": "1.10"}, ["value-ambiguous"]),
        ("titel: Land\nkeywords: [a]", {"keywords": ["a"]}, ["key-unknown"]),
        ("providers: [{name: [x]}]\ntitle: Land", {"title": "Land"}, ["value-type"]),
        ("- Land", None, ["value-type"]),
        ("title: [", None, ["yaml-syntax"]),
        ("defaults: {anything: goes, dlm:data: 5}", {"defaults": {"anything": "goes", "dlm:data": 5}}, []),
    ],
)
def test_settings_keep_what_is_right(text: str, data: Any, rules: list[str]) -> None:
    kept, diagnostics = check_settings_file(SourceFile("land/collection.yml", "c.yml", text), schema.COLLECTION_FILE)
    assert kept == data
    assert [d.rule for d in diagnostics] == rules


def test_fault_in_a_default_is_located_in_the_collection_file() -> None:
    collection = SourceFile("land/collection.yml", "collection.yml", "defaults:\n  gsd: ten\n  version: 1.10\n")
    result = check_model(SourceFile("land/net.yml", "net.yml", BASE), collection, {})
    assert [(d.span.file, d.span.line, d.rule) for d in faults(result.diagnostics)] == [
        ("collection.yml", 2, "value-type"),
        ("collection.yml", 3, "value-ambiguous"),
    ]


# --- local files and addresses ---------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> dict[str, LocalFile]:
    """Files of a source folder by path; the content of each is its number."""
    found = {}
    for number, path in enumerate(["land/net.onnx", "land/sub/net.onnx", "land/a b.onnx", "land/index.html", "net.onnx",
                                   "land/sub/x", "sub"]):  # fmt: skip
        (tmp_path / f"{number}").write_text(f"file {number}")
        found[path] = LocalFile(path, tmp_path / f"{number}")
    return found


@pytest.mark.parametrize(
    ("href", "target"),
    [
        ("net.onnx", "land/net.onnx"),
        ("./sub/../net.onnx", "land/net.onnx"),
        ("../net.onnx", "net.onnx"),
        ("a%20b.onnx", "land/a b.onnx"),
        ("net.onnx?v=1#x", "land/net.onnx"),
    ],
)
def test_asset_leads_to_the_file_beside_the_model(files: dict[str, LocalFile], href: str, target: str) -> None:
    result = checked(f"{BASE}assets: {{weights: {{href: '{href}'}}}}\n", files)
    assert faults(result.diagnostics) == []
    assert result.files == {href: files[target]}


@pytest.mark.parametrize(
    "href",
    ["../../etc/passwd", "../../../../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc/passwd",
     "sub/../../../etc/passwd", "/etc/passwd", "//etc/passwd", "\\\\server\\net.onnx", "C:\\net.onnx", "C:/net.onnx",
     "file:///etc/passwd", "FILE:/etc/passwd", "file:net.onnx", "javascript:alert(1)", " javascript:alert(1)",
     "java\tscript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", ":", "#net", "?net", ".", "sub/",
     "missing.onnx", "\x01", "https:", "https: //example.com"],
)  # fmt: skip
def test_address_that_leads_nowhere_is_an_error(files: dict[str, LocalFile], href: str) -> None:
    del files["sub"]
    text = f"assets: {{weights: {{href: {json.dumps(href)}}}}}\n"
    assert [rule for rule, _, _ in found(text, files)] == ["link-broken"]
    assert checked(BASE + text, files).files == {}


@pytest.mark.parametrize("href", ["https://example.com/a", "s3://bucket/a", "pkg:pypi/a@1", "doi:10.1234/a"])
def test_address_elsewhere_is_left_alone(href: str) -> None:
    assert found(f"assets: {{weights: {{href: '{href}'}}}}\nlinks: [{{rel: about, href: '{href}'}}]\n") == []


def test_misspelled_file_is_suggested(files: dict[str, LocalFile]) -> None:
    (fault,) = faults(checked(f"{BASE}assets: {{weights: {{href: net.onx}}}}\n", files).diagnostics)
    assert str(fault.hint).startswith("did you mean land/net.onnx")


def test_stated_checksum_is_that_of_the_file(files: dict[str, LocalFile]) -> None:
    digest = hashlib.sha256(b"file 0").hexdigest()
    text = "assets: {{weights: {{href: net.onnx, file:size: {}, file:checksum: '{}'}}}}\n"
    assert found(text.format(6, f"1220{digest}"), files) == []
    assert found(text.format(6, "1114" + "00" * 20), files) == [], "another function's digest is not compared"
    assert [rule for rule, _, _ in found(text.format(7, f"1220{'0' * 64}"), files)] == ["file-checksum"] * 2


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("net.onnx", "sub/net.onnx", False),
        ("net.onnx", "net.onnx", False),
        ("net.onnx", "../net.onnx", True),
        ("net.onnx", "./sub/../net.onnx", False),
        ("sub/net.onnx", "sub/x", False),
        ("sub/net.onnx", "../sub", True),
        ("../sub", "sub/net.onnx", True),
        ("net.onnx", "index.html", True),
    ],
)
def test_files_must_not_be_published_under_one_name(
    files: dict[str, LocalFile], first: str, second: str, clash: bool
) -> None:
    rules = [rule for rule, _, _ in found(f"assets: {{a: {{href: {first}}}, b: {{href: {second}}}}}\n", files)]
    assert rules == (["asset-name"] if clash else [])


def test_predecessors_are_source_paths_and_other_relative_links_errors() -> None:
    result = checked(f"{BASE}links:\n  - {{rel: predecessor-version, href: ../sea/a%20b.yml}}\n")
    assert result.versions == (("sea/a b.yml", ("links", 0, "href")),)
    assert [rule for rule, _, _ in found("links: [{rel: about, href: about.html}]\n")] == ["link-broken"]


# --- the Item --------------------------------------------------------------------------------------------------------


def test_rich_model_passes() -> None:
    result = checked(json.dumps(RICH, indent=1))
    assert [d.message for d in result.diagnostics if d.severity == "error"] == []
    assert result.model is not None
    assert check_item(to_item(result.model, TITLES, {})) == []


def test_fault_of_the_item_has_the_path_of_the_model_file() -> None:
    item = to_item(to_model(RICH), TITLES, {})
    item["properties"]["gsd"] = -1
    item["links"][3]["href"] = 5
    item["assets"]["weights"]["gsd"] = "ten"
    places = {problem.path for _, problem in check_item(item)}
    assert places == {("gsd",), ("links",), ("assets", "weights", "gsd")}


# --- any model -------------------------------------------------------------------------------------------------------

ODD: list[Any] = [
    None, True, False, 0, -1, 1, 255, 1.0, -0.5, 1e308, 5e-324, 2**63 - 1, 2**63, 10**30, "", " ", "x", "10.1234/a\n",
    "2024-05-01\n", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:60Z", "nan", "a\u2028b", "\x1c", "\ufeff", "😀",
    "\u202e", "../..", "javascript:x", "l" * 300, [], [[]], [None], [0, 0], ["x"], {}, {"": ""}, {"a": {"b": []}}, [{}],
    {"x:y": 1}, {"index": 0, "class_name": "x"}, {"0": "a", "I_1": "b"}, [[0, 0], [1, 1], [0, 1]], EVIL,
]  # fmt: skip
KEYS = [
    "",
    "x",
    "acme:x",
    "dlm:x",
    "role",
    "channels",
    "data_type",
    "index",
    "<<",
    "properties",
    "id",
    "card",
]


def leaves(data: Any) -> Iterator[DataPath]:
    return (path for path in paths(data) if path)


@st.composite
def mutated(draw: st.DrawFn, original: dict[str, Any]) -> dict[str, Any]:
    """The data with up to three of its places deleted, renamed, negated, doubled or given another value."""
    data = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, 3))):
        places = list(leaves(data))
        if not places:
            break
        *folder, last = draw(st.sampled_from(places))
        node: Any = data
        for step in folder:
            node = node[step]
        value = node[last]
        change = draw(st.sampled_from(["delete", "rename", "negate", "wrap", "replace", "replace", "replace"]))
        if change == "delete":
            del node[last]
        elif change == "rename" and isinstance(node, dict):
            node[draw(st.sampled_from(KEYS))] = node.pop(last)
        elif change == "negate" and isinstance(value, (int, float)):
            node[last] = -value
        elif change == "wrap":
            node[last] = [value, copy.deepcopy(value)]
        else:
            node[last] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return data


MANY = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def outcome(data: Any, name: str = "net.yml") -> tuple[Checked, list[str], str]:
    """What checking data as a model file gives, what STAC says of its Item, and the text of the file."""
    text = json.dumps(data, indent=1, ensure_ascii=name.endswith(".json"))
    result = checked(text, shown=name)
    if result.model is None:
        return result, [], text
    item = to_item(result.model, TITLES, result.files, result.declared)
    return result, [problem.message for _, problem in check_item(item)], text


@given(data=mutated(RICH), name=st.sampled_from(["net.yml", "net.json"]))
@MANY
def test_any_change_of_a_model_is_told_at_a_place_in_the_file(data: dict[str, Any], name: str) -> None:
    result, _, text = outcome(data, name)
    for diagnostic in result.diagnostics:
        assert diagnostic.span.file == name
        assert_inside(diagnostic.span, text)
        for span, _ in diagnostic.related:
            assert_inside(span, text)
    format_text(result.diagnostics)
    assert (result.model is None) == any(d.severity == "error" for d in result.diagnostics)


def test_hostile_model_is_told_without_failing() -> None:
    result, _, _ = outcome(HOSTILE)
    assert result.model is None
    assert all(char.isprintable() or char == "\n" for char in format_text(result.diagnostics))


@given(text=st.text(max_size=40), path=st.sampled_from(sorted(leaves(RICH), key=str)))
@MANY
def test_any_text_may_stand_anywhere(text: str, path: DataPath) -> None:
    data = copy.deepcopy(RICH)
    node: Any = data
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = text
    outcome(data, "net.json")


@given(data=mutated(RICH))
@MANY
def test_validators_agree_on_model_files(data: dict[str, Any]) -> None:
    assert is_valid(schema.MODEL_FILE, data) == validate._slow(schema.MODEL_FILE).is_valid(data)


ITEM = to_item(to_model(RICH), TITLES, {})


@given(data=mutated(ITEM))
@MANY
@pytest.mark.parametrize(
    "uri", [schema.DLM, schema.STAC_ITEM, schema.EO, schema.SCIENTIFIC, schema.VERSION, schema.FILE]
)
def test_validators_agree_on_items(uri: str, data: dict[str, Any]) -> None:
    assert is_valid(uri, data) == validate._slow(uri).is_valid(data)
