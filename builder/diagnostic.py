"""Findings: where in a file something is wrong, what, and how to mend it; and the forms they are printed in.

A rule yields a `Problem`, which names a place in the *data* (a path of keys and indices). The check turns it into a
`Diagnostic`, which names a place in a *file*. Every output form is a function from diagnostics to text.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Path = tuple[str | int, ...]
Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

_FRAME_WIDTH = 100
_TAB = 4


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a file. Lines and columns count from 1, columns in characters; the end column is exclusive."""

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1
    source_line: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule found, at a path in the data.

    `on` says whether the key or the value at the path is meant; `related` are further paths with what stands there.
    """

    path: Path
    message: str
    hint: str | None = None
    on: Literal["key", "value"] = "value"
    related: tuple[tuple[Path, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What was found, at a place in a file."""

    rule: str
    severity: Severity
    message: str
    span: Span
    hint: str | None = None
    related: tuple[tuple[Span, str], ...] = ()


def sort_diagnostics(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics by file, place, severity and rule, each once."""
    unique = dict.fromkeys(diagnostics)
    return sorted(unique, key=lambda d: (d.span, SEVERITIES.index(d.severity), d.rule, d.message))


def count_severities(diagnostics: Iterable[Diagnostic]) -> dict[Severity, int]:
    """How many diagnostics there are of each severity; every severity is present."""
    counts: dict[Severity, int] = dict.fromkeys(SEVERITIES, 0)
    for diagnostic in diagnostics:
        counts[diagnostic.severity] += 1
    return counts


# --- text ------------------------------------------------------------------------------------------------------------

_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m", "dim": "\x1b[2m", "bold": "\x1b[1m"}


def _paint(text: str, colour: str, on: bool) -> str:
    return f"{_COLOURS[colour]}{text}\x1b[0m" if on else text


def printable(text: str) -> str:
    """The text on one line, with control characters and bidirectional overrides escaped.

    Messages quote what authors wrote; a terminal must not obey it.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text.expandtabs(_TAB)
    )


def display_width(text: str) -> int:
    """Columns that the text takes on a terminal: two for wide characters, none for combining ones."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _frame(span: Span) -> tuple[str, str]:
    """The source line, cropped to fit, and the carets under the span."""
    line = span.source_line.rstrip("\r\n")
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line.rstrip())
    end = max(end, start)
    before, marked, after = (printable(part) for part in (line[:start], line[start:end], line[end:]))
    if display_width(before) > _FRAME_WIDTH // 2:
        before = "…" + before[-(_FRAME_WIDTH // 2) :]
    if len(marked) > _FRAME_WIDTH:
        marked = marked[:_FRAME_WIDTH] + "…"
        after = ""
    room = max(_FRAME_WIDTH - len(before) - len(marked), 0)
    if len(after) > room:
        after = after[:room] + "…"
    carets = " " * display_width(before) + "^" * max(display_width(marked), 1)
    return (before + marked + after).rstrip(), carets


def format_text(diagnostics: Sequence[Diagnostic], *, colour: bool = False) -> str:
    """The diagnostics for people: place, message, code frame with carets, related places, help."""
    blocks = []
    for d in diagnostics:
        span = d.span
        where = _paint(f"{printable(span.file)}:{span.line}:{span.column}:", "bold", colour)
        lines = [f"{where} {_paint(f'{d.severity}[{d.rule}]', d.severity, colour)} {printable(d.message)}"]
        if span.source_line.strip():
            code, carets = _frame(span)
            lines.append(f"{span.line:>5} | {code}")
            lines.append(f"      | {_paint(carets, d.severity, colour)}")
        for other, text in d.related:
            place = "" if other.file == span.file else f"{printable(other.file)}:{other.line}: "
            code = printable(other.source_line.strip())
            code = code if len(code) <= 60 else code[:60] + "…"
            lines.append(_paint(f"{other.line:>5} | {place}{code}   {printable(text)}", "dim", colour))
        explain = f"build-catalog check --explain {d.rule}"
        lines.append(f"   help: {printable(d.hint)} · {explain}" if d.hint else f"   help: {explain}")
        blocks.append("\n".join(lines))
    return "\n".join(blocks)


# --- machines --------------------------------------------------------------------------------------------------------


def _span_fields(span: Span) -> dict[str, object]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def format_json(diagnostics: Sequence[Diagnostic], summary: dict[str, object]) -> str:
    """One JSON object with all diagnostics and the summary; docs/reference/messages.md describes it."""
    return json.dumps(
        {
            "diagnostics": [
                {
                    "rule": d.rule,
                    "severity": d.severity,
                    "message": d.message,
                    "hint": d.hint,
                    **_span_fields(d.span),
                    "related": [{"message": text, **_span_fields(span)} for span, text in d.related],
                }
                for d in diagnostics
            ],
            "summary": summary,
        },
        ensure_ascii=False,
        indent=2,
    )


def _github_escape(text: str, *, value: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if value else text


def format_github(diagnostics: Sequence[Diagnostic]) -> str:
    """GitHub workflow commands, which become annotations on the lines of a pull request."""
    lines = []
    for d in diagnostics:
        level = "notice" if d.severity == "note" else d.severity
        place = ",".join(
            f"{key}={_github_escape(str(value), value=True)}"
            for key, value in {
                "file": d.span.file,
                "line": d.span.line,
                "endLine": d.span.end_line,
                "col": d.span.column,
                "endColumn": d.span.end_column,
                "title": d.rule,
            }.items()
        )
        message = d.message if d.hint is None else f"{d.message}\n{d.hint}"
        lines.append(f"::{level} {place}::{_github_escape(message)}")
    return "\n".join(lines)
