"""The forms of findings: what a terminal shows of them, and what other programs read."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.diagnostic import Diagnostic, Severity, Span
from builder.report import display_width, format_github, format_json, format_text, printable

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
        "::error file=a%2Cb%3A100%25.yml,line=4,endLine=4,col=7,endColumn=10,title=mean-length::50%25%0D%0A::error::x"
    ] * 2  # fmt: skip
