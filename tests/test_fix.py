"""Fixes: what they make of a text, character by character, and that nothing else in it changes.

A case is `fixes/<name>/before.yml` and `after.yml` (or `.json`). Each is also tried with other line breaks, with a byte
order mark and without a line break at its end.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import ROOT, SHARED, needs_shared
from sources import MINIMAL

from builder import schema
from builder.check import check_model, read_canonical
from builder.diagnostic import Diagnostic, Edit, Fix
from builder.document import parse
from builder.fix import apply_edits, to_edits
from builder.mend import Fixed, fix
from builder.source import SourceFile
from builder.validate import schema_findings

CASES = sorted((ROOT / "tests" / "fixes").glob("*/before.*"))
NAMES = [path.parent.name for path in CASES]
Form = Callable[[str], str]
FORMS: dict[str, Form] = {
    "as it is": lambda text: text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR": lambda text: text.replace("\n", "\r"),
    "byte order mark": lambda text: "\ufeff" + text,
    "no line break at the end": lambda text: text.rstrip("\n"),
}


def place(folder: Path, text: str, suffix: str = ".yml") -> Path:
    """A model file with this text in a folder of its own."""
    location = folder / "land" / f"net{suffix}"
    location.parent.mkdir(exist_ok=True)
    location.write_bytes(text.encode())
    return location


def mended(folder: Path, text: str, suffix: str = ".yml") -> str:
    """What the fixes make of a text."""
    fixed = fix([place(folder, text, suffix)])
    return fixed[0].after if fixed else text


def findings(text: str, suffix: str = ".yml") -> tuple[Diagnostic, ...]:
    name = f"net{suffix}"
    return check_model(SourceFile(f"land/{name}", name, text.removeprefix("\ufeff")), None, {}).diagnostics


def errors(text: str, suffix: str = ".yml") -> int:
    return sum(d.severity == "error" for d in findings(text, suffix))


# --- cases -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("location", CASES, ids=NAMES)
def test_case_is_mended(location: Path, form: str, tmp_path: Path) -> None:
    before = FORMS[form](location.read_text("utf-8"))
    after = FORMS[form](location.with_stem("after").read_text("utf-8"))
    assert mended(tmp_path, before, location.suffix) == after


@pytest.mark.parametrize("location", CASES, ids=NAMES)
def test_mending_twice_is_mending_once(location: Path, tmp_path: Path) -> None:
    once = mended(tmp_path, location.read_text("utf-8"), location.suffix)
    assert fix([place(tmp_path, once, location.suffix)]) == []
    assert not any(d.edits for d in findings(once, location.suffix))


@pytest.mark.parametrize("location", CASES, ids=NAMES)
def test_lines_without_a_finding_stay(location: Path) -> None:
    before = location.read_text("utf-8").splitlines()
    after = location.with_stem("after").read_text("utf-8").splitlines()
    numbers = {line for d in findings(location.read_text("utf-8"), location.suffix) for line in _lines(d, location)}
    for tag, start, end, _, _ in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag in ("replace", "delete"):
            assert set(range(start + 1, end + 1)) <= numbers


def _lines(diagnostic: Diagnostic, location: Path) -> list[int]:
    text = location.read_text("utf-8")
    ends = [(edit.start, edit.end) for edit in diagnostic.edits]
    return [n for start, end in ends for n in range(text.count("\n", 0, start) + 1, text.count("\n", 0, end) + 2)]


@pytest.mark.parametrize("location", CASES, ids=NAMES)
def test_comments_stay(location: Path) -> None:
    if location.suffix == ".yml":
        before, after = (
            re.findall(r"#.*", path.read_text("utf-8")) for path in (location, location.with_stem("after"))
        )
        assert before == after


def test_every_rule_with_a_fix_has_a_case() -> None:
    mends = {d.rule for path in CASES for d in findings(path.read_text("utf-8"), path.suffix) if d.edits}
    assert mends == {"doi-syntax", "geometry-ring", "key-draft", "license-spdx", "value-ambiguous", "wavelength-unit"}


@needs_shared
def test_draft_of_the_extension_s_authors_is_mended(tmp_path: Path) -> None:
    before = (SHARED / "examples" / "dlm" / "thelper-unet.yml").read_text("utf-8")
    after = mended(tmp_path, before)
    left = [d for d in findings(after) if d.edits or d.severity == "error"]
    assert [d.rule for d in left] == ["id-unsafe"], "an id is for its author to choose"
    assert re.findall(r"#.*", after) == re.findall(r"#.*", before)


# --- all that may come -----------------------------------------------------------------------------------------------

# What one part of a model file may look like, each with and without a fault that a fix mends.
PARTS: tuple[tuple[str, ...], ...] = (
    ("", "# about the model\n", "\n\n"),
    ("", "license: MIT\n", "license: mit  # the usual one\n", "license: 'Apache-2.0'\n", 'license: "apache-2.0"\n'),
    ("", "version: 1.10\n", "version: &v 1.10\nacme:v: *v\n", "version: '2'\n", "version: 010\n"),
    ("", "keywords: [NO, a, 12:30]\n", "keywords:\n- 2024\n# a year\n- on\n", "keywords: &k [1.0]\nacme:k: *k\n"),
    ("", "gsd: 010\n", "gsd: -1\n", "gsd: ten\n"),
    ("", "sci:doi: https://doi.org/10.1234/abc\n", "sci:doi: >-\n  doi:10.1234/abc\n\n", "sci:doi: 10.1234/abc\n"),
    (
        "",
        "geometry: {type: Polygon, coordinates: [[[0, 0], [1, 0], [1, 1]]]}\n",
        "geometry:\n  type: Polygon\n  coordinates:\n  - - - 0\n      - 0\n    - [1, 0]\n    - [1, 1] # end\n",
        "geometry:\n  type: Polygon\n  coordinates: [[\n    [0, 0],  # one\n    [1, 0],\n    [1, 1],  # three\n  ]]\n",
        "geometry: {type: Polygon, coordinates: [[[0, 0], [1, 0]]]}\n",
        "geometry: {type: Polygon, coordinates: [[&p [0, 0], [1, 0], [1, 1]]]}\nacme:p: *p\n",
    ),
    (
        "",
        "assets:\n  - a:\n      href: https://example.com/a\n      role: [data]\n  -   b: {href: https://example.com/b}\n",
        "assets:\n- a: {href: https://example.com/a}\n- a: {href: https://example.com/b}\n",
        "assets: [{a: {href: https://example.com/a, role: data}}, {b: {href: nowhere.onnx}}]\n",
        "assets: {a: {href: https://example.com/a, roles: [weights], role: [data]}}\n",
    ),
    (
        "",
        "providers: [{name: A, roles: [image producer, host]}]\n",
        "providers:\n  - roles: data host\n    name: B\n",
        "providers: [{name: A, roles: [image host, host, a funder]}]\n",
    ),
    (
        "",
        "eo:bands: [{name: a, center_wavelength: 560, full_width_half_max: 35}]\n",
        "eo:bands:\n  - name: a\n    center_wavelength: 5600000\n  - {name: b, center_wavelength: '665'}\n",
    ),
    (
        "",
        "dlm:data: {data_type: ubyte, nodata: 0, process_ level: raw}\n",
        "dlm:data:\n  - data_type: uint8  # bytes\n    dtype: uint16\n  - &d {process_level: ard}\n  - *d\n",
        "dlm:data:\n  ? data_type\n  : |-\n    half\n\n  nodata: -1\n",
    ),
    (
        "",
        "dlm:inputs: {selected_bands: [0], input_tensors: [{channels: 1}, {channels: 2, dim: 2}]}\n",
        "dlm:inputs:\n  selected_bands:\n  - 0\n  - 1\n  normalization:mean: [0.1]\n",
    ),
    (
        "",
        "dlm:outputs: {task: object segmentation, class_name_mapping: {I_0: a, I_1: b}}\n",
        "dlm:outputs:\n  class_name_mapping:\n  - I_0: a\n  - 0: b\n  - \"I_2\": c\n",
    ),
    ("", "dlm:runtime: {framework_version: 2, framework: x}\n", "dlm:runtime: {framework_version: 2, version: 1}\n"),
)  # fmt: skip
# Fixes of these change values, those of the others spellings only.
VALUES = re.compile("wavelength|Polygon|doi|license")


def models(parts: Iterable[tuple[str, ...]]) -> st.SearchStrategy[str]:
    chosen = st.tuples(*(st.sampled_from(part) for part in parts)).flatmap(st.permutations)
    return chosen.map(lambda texts: MINIMAL + "".join(texts))


ROUNDS = settings(max_examples=150, deadline=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@given(text=models(PARTS), form=st.sampled_from(sorted(FORMS)))
@ROUNDS
def test_file_is_never_worse_than_before(folder: Path, text: str, form: str) -> None:
    before = FORMS[form](text)
    after = mended(folder, before)
    assert errors(after) <= errors(before)
    assert mended(folder, after) == after


@given(text=models(part for part in PARTS if not VALUES.search("".join(part))))
@ROUNDS
def test_meaning_stays_where_only_the_spelling_was_wrong(folder: Path, text: str) -> None:
    old, new = (_meaning(each) for each in (text, mended(folder, text)))
    assert new == old


def _meaning(text: str) -> object:
    canonical, _ = read_canonical(SourceFile("land/net.yml", "net.yml", text), None)
    assert canonical is not None
    schema_findings(canonical, schema.MODEL_FILE)
    return canonical.data


# --- edits -----------------------------------------------------------------------------------------------------------


def test_of_edits_that_overlap_the_first_is_made() -> None:
    edits = [Edit("a", 4, 6, "y"), Edit("a", 0, 5, "x"), Edit("a", 0, 5, "x"), Edit("a", 6, 6, "!")]
    assert apply_edits("0123456789", edits) == "x5!6789"


@pytest.mark.parametrize(
    ("text", "path", "wanted"),
    [
        ("a: b", ("c",), Fix("value", "x")),
        ("- b", (0,), Fix("key", "x")),
        ("a: [b]", ("a",), Fix("value", "x")),
        ("a: [b]", ("a",), Fix("quote")),
        ("a: b", ("a",), Fix("close-ring")),
        ("a: b", ("a",), Fix("unlist")),
        ("a: &x\n  b", ("a",), Fix("value", "x")),
        ("a: &x b\nc: *x", ("a",), Fix("value", "y")),
        ("a: &x b\nc: *x", ("c",), Fix("quote")),
        ("a: !!str\n  b", ("a",), Fix("quote")),
        ("a: |  # why\n  b\n", ("a",), Fix("value", "x")),
        ("a: [[x: 1, 0], [1, 0], [1, 1]]", ("a",), Fix("close-ring")),
        ("a: [{b: c # d\n  }]", ("a",), Fix("unlist")),
        ("a: [b: c]", ("a",), Fix("unlist")),
        ("a:\n  - {b: c}", ("a",), Fix("unlist")),
        ("a:\n  - b: c\n  -  d: e", ("a",), Fix("unlist")),
        ("a:\n  -  # why\n    b: c", ("a",), Fix("unlist")),
    ],
)
def test_what_has_no_safe_way_is_left_alone(text: str, path: tuple[str | int, ...], wanted: Fix) -> None:
    document, _ = parse("a.yml", text)
    assert document is not None
    assert to_edits(document, path, wanted) == ()


@pytest.mark.parametrize(
    ("text", "new", "result"),
    [
        ("a: b", "1.0 MIT", "a: 1.0 MIT"),
        ("a: b", "x: y", 'a: "x: y"'),
        ("a: b", "-1", 'a: "-1"'),
        ('a: "b"', 'x"\\', 'a: "x\\"\\\\"'),
        ("a: 'b'", "it's", "a: 'it''s'"),
        ("a: !!str 'b' # d", "c", "a: !!str 'c' # d"),
        ("a: >-\n  b\n  c\n\n# d\ne: f\n", "g", "a: g\n\n# d\ne: f\n"),
        ("a: b\n  c\ne: f\n", "g", "a: g\ne: f\n"),
    ],
)
def test_value_is_written_in_the_quotes_it_had(text: str, new: str, result: str) -> None:
    document, _ = parse("a.yml", text)
    assert document is not None
    assert apply_edits(text, to_edits(document, ("a",), Fix("value", new))) == result
    assert parse("a.yml", result)[0] is not None


def test_fixed_file_is_named_as_in_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place(tmp_path, MINIMAL + "license: mit\n")
    assert fix([Path("land/net.yml")]) == [
        Fixed("land/net.yml", MINIMAL + "license: mit\n", MINIMAL + "license: MIT\n")
    ]  # fmt: skip
