"""Stage 6, render: the models sorted by task and by sensor, for the plain lists and the table of coverage."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from builder.catalog import Entry, Library, by_title
from builder.facts import band_words, parameter_words, sentence

LIMIT = 1000
"""Models up to which the start page lists them all, and the lists by task and sensor are one page each."""
NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class Row:
    """A model in a list: its page seen from the top of the site, and what tells it from its neighbours.

    `by_task` and `by_sensor` are the values that it is listed under, `changed` when the author says it was.
    """

    folder: str
    title: str
    tasks: str
    sensors: str
    bands: str
    license: str
    parameters: str
    deprecated: bool
    experimental: bool
    withdrawn: bool
    by_task: tuple[str, ...] = ()
    by_sensor: tuple[str, ...] = ()
    changed: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The models with one task or sensor; `value` is empty for those that state none. `href` is where they are listed,
    as seen from the top of the site, and `path` that page."""

    value: str
    title: str
    anchor: str
    path: str
    href: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of all models, by `task` or `sensor`: its page and its groups."""

    key: str
    path: str
    title: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many models there are for each sensor and task, with the address of the filtered list."""

    tasks: tuple[Group, ...]
    rows: tuple[tuple[Group, tuple[tuple[int, str], ...]], ...]


def to_row(entry: Entry) -> Row:
    """The row of a model."""
    model, parameters = entry.model, parameter_words(entry.model)
    changed = (model.fields.get(key) for key in ("updated", "created"))
    return Row(
        folder=entry.folder,
        title=model.name,
        tasks=sentence(", ".join(model.tasks)),
        sensors=", ".join(model.sensors or model.instruments),
        bands=band_words(model),
        license=model.license or "",
        parameters=f"{parameters} parameters" if parameters else "",
        deprecated=model.deprecated,
        experimental=model.experimental,
        withdrawn=model.withdrawn is not None,
        by_task=model.tasks,
        by_sensor=model.sensors,
        changed=next((value for value in changed if isinstance(value, str) and value), ""),
    )


def to_listings(library: Library) -> tuple[Listing, Listing]:
    """The models by task and by sensor. A model with several is in each; one that states none is in the last."""
    by_task = _listing(library, "task", "Models by task", lambda row: row.by_task)
    return by_task, _listing(library, "sensor", "Models by sensor", lambda row: row.by_sensor)


def _listing(library: Library, key: str, title: str, values: Callable[[Row], tuple[str, ...]]) -> Listing:
    found: dict[str, list[Entry]] = {}
    for entry in library.entries:
        for value in values(entry.recall(to_row)) or ("",):
            found.setdefault(value, []).append(entry)
    path = f"search/{key}s.html"
    alone = len(library.entries) > LIMIT
    anchors: set[str] = set()
    groups = []
    for value in sorted(found, key=lambda value: (not value, value.casefold(), value)):
        base = re.sub(r"[^a-z0-9]+", "-", (value or NOT_STATED).lower()).strip("-") or "other"
        anchor, number = base, 2
        while anchor in anchors:
            anchor, number = f"{base}-{number}", number + 1
        anchors.add(anchor)
        own = f"search/{key}-{anchor}.html" if alone else path
        href = own if alone else f"{path}#{anchor}"
        entries = tuple(sorted(found[value], key=by_title))
        name = value if key == "sensor" else sentence(value)
        groups.append(Group(value, name or sentence(NOT_STATED), anchor, own, href, entries))
    return Listing(key, path, title, tuple(groups))


def to_coverage(tasks: Listing, sensors: Listing) -> Coverage:
    """The table of both; its numbers count current models, as the list that they lead to does."""
    folders = {task.value: [entry.recall(to_row).folder for entry in task.entries] for task in tasks.groups}
    rows = []
    for sensor in sensors.groups:
        inside = {row.folder for row in (entry.recall(to_row) for entry in sensor.entries) if not row.deprecated}
        cells = []
        for task in tasks.groups:
            number = sum(folder in inside for folder in folders[task.value])
            cells.append((number, "index.html?" + urlencode([("task", task.value), ("sensor", sensor.value)])))
        rows.append((sensor, tuple(cells)))
    return Coverage(tasks.groups, tuple(rows))
