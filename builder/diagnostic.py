"""Findings: where in a file something is wrong, what, and how to mend it.

A rule yields a `Problem`, which names a place in the *data* (a path of keys and indices). The check turns it into a
`Diagnostic`, which names a place in a *file*. `report` has the forms in which diagnostics are printed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Path = tuple[str | int, ...]
Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


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
class Fix:
    """A change that mends a problem, named symbolically: what to do with the value (or the key) at a path.

    `key` and `value` write `text` in its place, `quote` puts quotes around it, `close-ring` repeats the first position
    of a ring at its end, `unlist` makes a mapping of a list of mappings with one key each.
    """

    kind: Literal["key", "value", "quote", "close-ring", "unlist"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement in the text of a file, from character `start` up to `end`."""

    file: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule found, at a path in the data.

    `on` says whether the key or the value at the path is meant; `related` are further paths with what stands there;
    `fix` is the change that mends it, where the rule is sure of one.
    """

    path: Path
    message: str
    hint: str | None = None
    on: Literal["key", "value"] = "value"
    related: tuple[tuple[Path, str], ...] = ()
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What was found, at a place in a file; `edits` mend it."""

    rule: str
    severity: Severity
    message: str
    span: Span
    hint: str | None = None
    related: tuple[tuple[Span, str], ...] = ()
    edits: tuple[Edit, ...] = ()


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
