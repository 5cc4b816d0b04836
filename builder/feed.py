"""Stage 6, render: what happened in the catalog, for the Atom feed. The days are those that model files state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from builder.card import to_summary
from builder.catalog import Entry, Library, Neighbours, to_reference
from builder.review import summary
from builder.stac import to_datetime
from builder.words import say

FALLBACK = "1970-01-01T00:00:00Z"
"""The time of a model where none is stated: a constant, so that the same source gives the same bytes."""
_MOST_CHANGES = 3


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a model: it is `new`, was `changed`, `deprecated` or `withdrawn`.

    `words` say what, without the description of the model.
    """

    kind: str
    entry: Entry
    time: str
    title: str
    words: str = ""

    @property
    def name(self) -> str:
        """What tells the event from others of the model; empty for the first one."""
        return "" if self.kind == "new" else f"{self.kind}-{self.time[:10]}"

    @property
    def summary(self) -> str:
        """What happened, as one line of plain text."""
        if self.words and self.kind != "new":
            return self.words
        return f"{self.words} {self.entry.recall(to_news)['summary']}".strip()


def to_events(library: Library, most: int) -> list[Event]:
    """What happened to all models, the newest first, so many at most."""
    events = [
        event
        for entry in sorted(library.entries, key=lambda entry: entry.recall(to_reference).folder)
        for event in _events(entry, library.neighbours.get(entry.source, Neighbours()), library.updated)
    ]
    newest = sorted(events, key=lambda event: event.time, reverse=True)[:most]
    return [replace(event, words=_changes(event.entry, library)) if event.kind == "new" else event for event in newest]


def to_news(entry: Entry) -> dict[str, Any]:
    """What the feed needs of every model: plain values that JSON can hold."""
    model = entry.model
    return {
        "name": f"{model.name} {model.version}" if model.version and model.version not in model.name else model.name,
        "summary": to_summary(model, 300),
        "created": _time(model.fields.get("created")),
        "updated": _time(model.fields.get("updated")),
        "deprecated": model.deprecated,
        "withdrawn": _time(model.withdrawn.since) or FALLBACK if model.withdrawn else None,
        "reason": model.withdrawn.reason if model.withdrawn else None,
        "elsewhere": model.withdrawn.replaced_elsewhere if model.withdrawn else None,
    }


def _events(entry: Entry, neighbours: Neighbours, otherwise: str | None) -> Iterator[Event]:
    news = entry.recall(to_news)
    created, updated, name = news["created"], news["updated"], news["name"]
    changed = bool(created and updated and updated > created)
    title = say("New version: {0}", name) if neighbours.predecessors else say("New: {0}", name)
    first = created or updated or _time(otherwise) or FALLBACK
    yield Event("new", entry, first, title)
    if news["withdrawn"]:
        use = neighbours.replacement.title if neighbours.replacement else news["elsewhere"]
        reason = f"{news['reason']} {say('Use {0} instead.', use)}" if use else news["reason"]
        yield Event("withdrawn", entry, news["withdrawn"], say("Withdrawn: {0}", name), reason)
    elif news["deprecated"]:
        # The day is that of the change which said so, else that of the version to use instead.
        later = _time(neighbours.successors[-1].updated) if neighbours.successors else None
        instead = say(" or ").join(other.title for other in neighbours.successors)
        if time := updated if changed else later or updated or created:
            yield Event(
                "deprecated",
                entry,
                time,
                say("Deprecated: {0}", name),
                say("Use {0} instead.", instead) if instead else "",
            )
    elif changed:
        yield Event("changed", entry, updated, say("Changed: {0}", name))


def _changes(entry: Entry, library: Library) -> str:
    """What a version changes of the one before it, in a few words."""
    history = library.neighbours.get(entry.source, Neighbours()).history
    for step in history.get(entry.recall(to_reference).folder, ()):
        if step.changes:
            shown = "; ".join(change.message for change in step.changes[:_MOST_CHANGES])
            more = "; …" if len(step.changes) > _MOST_CHANGES else "."
            return f"{say('Since {0}:', step.before)} {summary(step.changes, pages=False)} {shown}{more}"
    return ""


def _time(value: object) -> str | None:
    return to_datetime(value) if isinstance(value, str) and value else None
