"""The forms of a comparison: text for people, Markdown for a pull request, JSON for programs. All say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from builder.diff import SEVERITIES, Change, Severity
from builder.report import paint, printable
from builder.saying import label
from builder.words import say, say_count

SIGNS: dict[Severity, str] = {"breaking": "✗", "compatible": "+", "editorial": "·"}
_COLOURS: dict[Severity, str] = {"breaking": "error", "compatible": "note", "editorial": "dim"}
_MARKS: dict[Severity, str] = {"breaking": "🔴", "compatible": "🟢", "editorial": "⚪"}
VERSION = "1.0.0"
"""Version of the JSON form. A new field raises the second number, a changed or removed one the first."""
_MARKDOWN = re.compile(r"[!-/:-@\[-`{-~]")
_JOINER = "\u2060"
"""Has no width; keeps a host from making a mention, a reference or a link of what an author wrote."""
_LONGEST = 60_000
"""Characters of a comment that GitHub takes at most, with room for what a workflow adds: it refuses 65,536."""


def count(changes: Iterable[Change]) -> dict[Severity, int]:
    """How many changes there are of each severity; every severity is present."""
    numbers: dict[Severity, int] = dict.fromkeys(SEVERITIES, 0)
    for change in changes:
        numbers[change.severity] += 1
    return numbers


def summary(changes: Sequence[Change], *, pages: bool = True) -> str:
    """The comparison in one line, with the number of pages that it is about, if wanted."""
    if not changes:
        return say("No changes.")
    number = len({change.id for change in changes})
    words = {"breaking": say("breaking"), "compatible": say("compatible"), "editorial": say("editorial")}
    parts = ", ".join(f"{times} {words[severity]}" for severity, times in count(changes).items() if times)
    if not pages:
        return say_count("{1} change.", "{1} changes.", len(changes), parts)
    about = f"{number} {'page' if number == 1 else 'pages'}"
    return f"{parts} {'change' if len(changes) == 1 else 'changes'} of {about}."


def to_groups(changes: Sequence[Change]) -> list[tuple[str, list[Change]]]:
    """The changes by what changed, in their order."""
    return [(key, list(group)) for key, group in groupby(changes, lambda change: change.id)]


def format_text(changes: Sequence[Change], old: str, new: str, *, colour: bool = False) -> str:
    """For people: each model with its changes, the gravest first."""
    lines = []
    for key, group in to_groups(changes):
        lines.append(paint(printable(key or "catalog"), "bold", colour))
        for change in group:
            sign = paint(f"{SIGNS[change.severity]} {change.severity:<10}", _COLOURS[change.severity], colour)
            lines.append(f"  {sign} {printable(change.message)}")
    lines.append(f"{printable(old)} → {printable(new)}: {summary(changes)}")
    return "\n".join(lines)


def format_markdown(changes: Sequence[Change], old: str, new: str) -> str:
    """For a comment on a pull request or a job summary. What authors wrote is shown as text, whatever is in it."""
    lines = [f"### Changes of the catalog, {to_plain(old)} → {to_plain(new)}", "", f"**{summary(changes)}**"]
    length, left = sum(map(len, lines)), 0
    for key, group in to_groups(changes):
        block = ["", f"#### {to_plain(key or 'catalog')}", ""]
        block += [f"- {_MARKS[c.severity]} **{c.severity}** {to_plain(c.message)}" for c in group]
        length += sum(map(len, block)) + len(block)
        if length > _LONGEST:
            left += len(group)
        else:
            lines += block
    if left:
        lines += ["", f"… and {left} more changes, which are too many for a comment."]
    return "\n".join(lines) + "\n"


def to_plain(text: str) -> str:
    """The text so that Markdown shows it as it is: no markup, no HTML, no link, no mention, no reference."""
    escaped = _MARKDOWN.sub(lambda found: f"&#{ord(found[0])};", printable(text))
    # `@` and `#` begin mentions and references, `://` and `www.` links; 40 hexadecimal digits name a commit.
    for entity in ("&#64;", "&#35;"):
        escaped = escaped.replace(entity, entity + _JOINER)
    escaped = escaped.replace("&#58;&#47;", f"&#58;{_JOINER}&#47;")
    escaped = re.sub(r"(?i)\bwww(?=&#46;)", f"www{_JOINER}", escaped)
    return re.sub(r"[0-9a-fA-F]{6}(?=[0-9a-fA-F])", lambda found: found[0] + _JOINER, escaped)


def format_json(changes: Sequence[Change], old: str, new: str) -> str:
    """One object; docs/reference/diff.md describes it."""
    return json.dumps(
        {
            "version": VERSION,
            "old": old,
            "new": new,
            "summary": count(changes),
            "changes": [
                {
                    "kind": change.kind,
                    "id": change.id,
                    "path": list(change.path),
                    "field": label(change.path),
                    "old": change.old,
                    "new": change.new,
                    "severity": change.severity,
                    "message": change.message,
                }
                for change in changes
            ],
        },
        ensure_ascii=False,
        indent=2,
    )
