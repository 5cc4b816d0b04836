"""Findings as values: their order, and how many there are of each severity."""

from __future__ import annotations

from builder.diagnostic import Diagnostic, Severity, Span, count_severities, sort_diagnostics


def finding(file: str, line: int, severity: Severity = "error", rule: str = "key-unknown") -> Diagnostic:
    return Diagnostic(rule, severity, "A message", Span(file, line, 1, line, 2, "source"))


def test_findings_are_sorted_by_place_then_severity_and_each_is_kept_once() -> None:
    expected = [
        finding("a.yml", 2),
        finding("a.yml", 10, "error", "value-type"),
        finding("a.yml", 10, "warning", "a-rule"),
        finding("a.yml", 10, "note", "a-rule"),
        finding("b.yml", 1),
    ]
    assert sort_diagnostics([*reversed(expected), *expected]) == expected


def test_source_line_is_no_part_of_a_place() -> None:
    assert Span("a.yml", 1, 1, 1, 2, "one") == Span("a.yml", 1, 1, 1, 2, "two")


def test_every_severity_is_counted() -> None:
    found = [finding("a.yml", 1), finding("a.yml", 2), finding("a.yml", 3, "note")]
    assert count_severities(found) == {"error": 2, "warning": 0, "note": 1}
    assert count_severities([]) == {"error": 0, "warning": 0, "note": 0}
