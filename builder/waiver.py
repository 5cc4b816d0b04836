"""Waivers: `# catalog: ignore[rule] reason` in a model file, by which an author accepts a finding at a line.

A waiver counts for its own line, or for the next line with content when it stands on a line of its own. It needs a
reason, and one that waives nothing is reported, so that waivers do not outlive their cause.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from builder.diagnostic import Diagnostic, Span
from builder.document import Document
from builder.rules import RULES, suggest_rules

MAX_WAIVERS = 1_000
"""Most waivers of one file that are read."""
_WAIVER = re.compile(r"#[ \t]*catalog:[ \t]*ignore\b(?:\[(?P<rules>[^\]\n]*)\])?(?P<reason>[^\r\n]*)")


@dataclass(frozen=True, slots=True)
class Waiver:
    """A comment that waives a rule at a line; `span` is where the rule's id stands in it."""

    rule: str
    line: int
    span: Span
    reason: str


def waive(document: Document, diagnostics: Iterable[Diagnostic]) -> tuple[list[Diagnostic], set[Waiver]]:
    """The diagnostics without those that the document waives, and the waivers that did it."""
    kept, used = list(diagnostics), set()
    for waiver in find_waivers(document)[0]:
        waived = (waiver.rule, document.path, waiver.line)
        left = [d for d in kept if (d.rule, d.span.file, d.span.line) != waived]
        if len(left) < len(kept):
            kept = left
            used.add(waiver)
    return kept, used


def unused_waivers(document: Document, used: Collection[Waiver]) -> list[Diagnostic]:
    """What is wrong with the waivers of a document that waived nothing."""
    return [
        _finding(
            "waiver-unused", f"nothing on line {waiver.line} is found by {waiver.rule}", waiver.span,
            "remove the waiver, or move it to the line of the finding",
        )
        for waiver in find_waivers(document)[0]
        if waiver not in used
    ]  # fmt: skip


def waiver_faults(document: Document) -> list[Diagnostic]:
    """What is wrong with the waivers of a document that are not in their form."""
    return find_waivers(document)[1]


def find_waivers(document: Document) -> tuple[list[Waiver], list[Diagnostic]]:
    """The waivers in a document's comments, and those that are not in their form."""
    waivers: list[Waiver] = []
    faults: list[Diagnostic] = []
    if "catalog:" not in document.text:
        return waivers, faults
    ranges = document.scalar_ranges()
    for match in _WAIVER.finditer(document.text):
        before = bisect(ranges, (match.start(), len(document.text)))
        if before and match.start() < ranges[before - 1][1]:
            continue  # text that looks like a comment
        span = document.span_at(match.start(), match.end())
        names = [name.strip() for name in (match["rules"] or "").split(",", MAX_WAIVERS) if name.strip()]
        if len(waivers) + len(faults) + len(names) > MAX_WAIVERS:
            message = f"there are more waivers than {MAX_WAIVERS:,}; those from here on are not read"
            faults.append(_finding("waiver-invalid", message, span, "mend what they waive"))
            break
        if not names:
            faults.append(
                _finding("waiver-invalid", "the waiver names no rule", span, "# catalog: ignore[rule-id] reason")
            )
        if not match["reason"].strip():
            faults.append(_finding("waiver-invalid", "the waiver gives no reason", span, "write why after the bracket"))
            continue
        line = document.next_content_line(match.start())
        for name in names:
            if name not in RULES:
                faults.append(_finding("waiver-invalid", f"there is no rule {name}", span, suggest_rules(name)))
            elif RULES[name].binding:
                message = f"{name} cannot be waived"
                faults.append(_finding("waiver-invalid", message, span, "mend what it finds"))
            else:
                waivers.append(Waiver(name, line, span, match["reason"].strip()))
    return waivers, faults


def _finding(rule: str, message: str, span: Span, hint: str) -> Diagnostic:
    return Diagnostic(rule, RULES[rule].severity, message, span, hint)
