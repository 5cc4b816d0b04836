"""The forms of findings: text for people, JSON, GitHub annotations and SARIF for programs. All say the same."""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from builder.diagnostic import Diagnostic, Span

_FRAME_WIDTH = 100
_NEAR = 1000
"""Characters around a place that are looked at: a line may have millions."""
_TAB = 4
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m", "dim": "\x1b[2m", "bold": "\x1b[1m"}


def paint(text: str, colour: str, on: bool) -> str:
    """The text in a colour of the terminal: that of a severity, `dim` or `bold`."""
    return f"{_COLOURS[colour]}{text}\x1b[0m" if on else text


def printable(text: str) -> str:
    """The text on one line, with control characters and bidirectional overrides escaped.

    Messages quote what authors wrote; a terminal must not obey it.
    """
    text = text.expandtabs(_TAB)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def display_width(text: str) -> int:
    """Columns that the text takes on a terminal: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _frame(span: Span) -> tuple[str, str]:
    """The source line, cropped to fit, and the carets under the span."""
    line = span.source_line.rstrip("\r\n")
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line.rstrip())
    end = max(end, start)
    parts = line[max(start - _NEAR, 0) : start], line[start : min(end, start + _NEAR)], line[end : end + _NEAR]
    before, marked, after = map(printable, parts)
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
        where = paint(f"{printable(span.file)}:{span.line}:{span.column}:", "bold", colour)
        lines = [f"{where} {paint(f'{d.severity}[{d.rule}]', d.severity, colour)} {printable(d.message)}"]
        if span.source_line.strip():
            code, carets = _frame(span)
            lines.append(f"{span.line:>5} | {code}")
            lines.append(f"      | {paint(carets, d.severity, colour)}")
        for other, text in d.related:
            place = "" if other.file == span.file else f"{printable(other.file)}:{other.line}: "
            code = printable(other.source_line.strip()[:_NEAR])
            code = code if len(code) <= 60 else code[:60] + "…"
            lines.append(paint(f"{other.line:>5} | {place}{code}   {printable(text)}", "dim", colour))
        explain = f"build-catalog check --explain {d.rule}"
        lines.append(f"   help: {printable(d.hint)} · {explain}" if d.hint else f"   help: {explain}")
        blocks.append("\n".join(lines))
    return "\n".join(blocks)


def format_diff(file: str, before: str, after: str) -> str:
    """The change of a file as a unified diff, which `git apply` and `patch -p1` take."""
    old, new = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (before, after))
    name = file.lstrip("/")
    lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _span_fields(span: Span) -> dict[str, object]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def format_json(diagnostics: Sequence[Diagnostic], summary: Mapping[str, object], base_url: str | None = None) -> str:
    """One JSON object with all diagnostics and the summary; `messages.json` among the schemas describes it."""
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
                    "fixable": bool(d.edits),
                    "documentation": documentation_url(d.rule, base_url),
                }
                for d in diagnostics
            ],
            "summary": summary,
        },
        ensure_ascii=False,
        indent=2,
    )


def documentation_url(rule: str, base_url: str | None = None) -> str:
    """Where a rule is explained: in the documentation of the site, relative to its root where that has no address."""
    path = f"docs/reference/rules.html#{rule}"
    return f"{base_url.rstrip('/')}/{path}" if base_url else path


def _github_escape(text: str, *, value: bool = False) -> str:
    text = "\n".join(map(printable, text.split("\n"))).replace("%", "%25").replace("\n", "%0A")
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


_SARIF_LEVELS = {"error": "error", "warning": "warning", "note": "note"}


def format_sarif(
    diagnostics: Sequence[Diagnostic], rules: Mapping[str, str], version: str, base_url: str | None = None
) -> str:
    """A SARIF 2.1.0 log with one run. `rules` are the summaries of all rules by id, `version` is that of the tool.

    https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    used = sorted({d.rule for d in diagnostics})
    driver = {
        "name": "build-catalog",
        "semanticVersion": version,
        "rules": [
            {
                "id": rule,
                "shortDescription": {"text": rules.get(rule, rule)},
                "help": {"text": f"build-catalog check --explain {rule}"},
                # SARIF wants an absolute address here.
                **({"helpUri": documentation_url(rule, base_url)} if base_url else {}),
            }
            for rule in used
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(d, used.index(d.rule)) for d in diagnostics],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2)


def _sarif_result(diagnostic: Diagnostic, rule_index: int) -> dict[str, object]:
    hint = f"\n{diagnostic.hint}" if diagnostic.hint else ""
    result: dict[str, object] = {
        "ruleId": diagnostic.rule,
        "ruleIndex": rule_index,
        "level": _SARIF_LEVELS[diagnostic.severity],
        "message": {"text": diagnostic.message + hint},
        "locations": [{"physicalLocation": _sarif_place(diagnostic.span)}],
    }
    if diagnostic.related:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _sarif_place(span), "message": {"text": text}}
            for number, (span, text) in enumerate(diagnostic.related, 1)
        ]
    if diagnostic.edits:
        files = sorted({edit.file for edit in diagnostic.edits})
        result["fixes"] = [
            {
                "description": {"text": diagnostic.hint or diagnostic.message},
                "artifactChanges": [
                    {
                        "artifactLocation": {"uri": _sarif_uri(file)},
                        "replacements": [
                            {
                                "deletedRegion": {"charOffset": edit.start, "charLength": edit.end - edit.start},
                                "insertedContent": {"text": edit.text},
                            }
                            for edit in diagnostic.edits
                            if edit.file == file
                        ],
                    }
                    for file in files
                ],
            }
        ]
    return result


def _sarif_place(span: Span) -> dict[str, object]:
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    return {"artifactLocation": {"uri": _sarif_uri(span.file)}, "region": region}


def _sarif_uri(file: str) -> str:
    path = quote(file.encode("utf-8", "surrogateescape"))  # a name need not be UTF-8
    return f"file://{path}" if file.startswith("/") else path
