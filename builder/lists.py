"""Stage 6, render: the models sorted by task and by sensor, for the plain lists and the table of coverage."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from builder.catalog import Entry, Library, by_title
from builder.facts import band_words, parameter_words, sentence
from builder.words import say

LIMIT = 1000
"""Lines up to which the start page lists all models, and a list by task or sensor is one page."""
PAGE = 250
"""Models on a page of a longer list, which is about 75 kB; also collections on the start page."""
VALUES = 1000
"""Tasks or sensors on a page that leads to the lists of each."""
TASKS, SENSORS = 16, 60
"""The most columns and rows of the table of coverage: the most common ones."""
NOT_STATED = "not stated"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """A model in a list: its page seen from the top of the site, and what tells it from its neighbours.

    `by_task` and `by_sensor` are the values that it is listed under, `changed` when the author says it was; `language`
    is that of the title where it is not the site's.
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
    language: str = ""


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
    """A list of all models, by `task` or `sensor`: its page and its groups, which have pages of their own when the
    list is `divided`."""

    key: str
    path: str
    title: str
    groups: tuple[Group, ...]
    divided: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many models there are for each sensor and task, with the address of the filtered list.

    Of many tasks and sensors, these are the most common ones; `all_tasks` and `all_sensors` say how many there are.
    """

    tasks: tuple[Group, ...]
    rows: tuple[tuple[Group, tuple[tuple[int, str], ...]], ...]
    all_tasks: int
    all_sensors: int


@dataclass(frozen=True, slots=True)
class Paging:
    """A page of a list that takes several: its number from 1 on, that of the last, and the path of the first.

    `start` and `end` are the numbers of its first and last line, of `total`.
    """

    path: str
    number: int
    last: int
    start: int
    end: int
    total: int

    def to_path(self, number: int) -> str:
        """The path of a page in the site; the first one keeps the address that it has when there are no others."""
        if number == 1:
            return self.path
        return f"{self.path.removesuffix('/index.html').removesuffix('.html')}/page/{number}/index.html"

    @property
    def linked(self) -> tuple[int | None, ...]:
        """The numbers of the pages to link: the first, the last and those around this one, None for a gap."""
        near = sorted({1, self.last, *range(max(self.number - 2, 1), min(self.number + 2, self.last) + 1)})
        linked: list[int | None] = []
        for before, number in zip([0, *near], near, strict=False):
            linked += [None, number] if number > before + 1 else [number]
        return tuple(linked)


def to_pages(lines: Sequence[T], path: str, size: int) -> Iterator[tuple[Paging, Sequence[T]]]:
    """The pages of a list, each with its lines; a list of none has one page."""
    last = max(math.ceil(len(lines) / size), 1)
    for number in range(1, last + 1):
        part = lines[(number - 1) * size : number * size]
        start = (number - 1) * size
        yield Paging(path, number, last, start + 1, start + len(part), len(lines)), part


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
        parameters=say("{0} parameters", parameters) if parameters else "",
        deprecated=model.deprecated,
        experimental=model.experimental,
        withdrawn=model.withdrawn is not None,
        by_task=model.tasks,
        by_sensor=model.sensors,
        changed=next((value for value in changed if isinstance(value, str) and value), ""),
        language=model.foreign.get("title", ""),
    )


def to_listings(library: Library) -> tuple[Listing, Listing]:
    """The models by task and by sensor. A model with several is in each; one that states none is in the last."""
    by_task = _listing(library, "task", say("Models by task"), lambda row: row.by_task)
    return by_task, _listing(library, "sensor", say("Models by sensor"), lambda row: row.by_sensor)


def _listing(library: Library, key: str, title: str, values: Callable[[Row], tuple[str, ...]]) -> Listing:
    found: dict[str, list[Entry]] = {}
    for entry in library.entries:
        for value in values(entry.recall(to_row)) or ("",):
            found.setdefault(value, []).append(entry)
    path = f"search/{key}s.html"
    alone = sum(map(len, found.values())) > LIMIT
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
        groups.append(Group(value, name or say("Not stated"), anchor, own, href, entries))
    return Listing(key, path, title, tuple(groups), alone)


def to_coverage(tasks: Listing, sensors: Listing) -> Coverage:
    """The table of both; its numbers count current models, as the list that they lead to does."""
    columns = _most_common(tasks.groups, TASKS)
    folders = {task.value: [entry.recall(to_row).folder for entry in task.entries] for task in columns}
    rows = []
    for sensor in _most_common(sensors.groups, SENSORS):
        inside = {row.folder for row in (entry.recall(to_row) for entry in sensor.entries) if not row.deprecated}
        cells = []
        for task in columns:
            number = sum(folder in inside for folder in folders[task.value])
            cells.append((number, "index.html?" + urlencode([("task", task.value), ("sensor", sensor.value)])))
        rows.append((sensor, tuple(cells)))
    return Coverage(columns, tuple(rows), len(tasks.groups), len(sensors.groups))


def _most_common(groups: tuple[Group, ...], most: int) -> tuple[Group, ...]:
    """The groups with the most models, in the order that they have."""
    chosen = {group.value for group in sorted(groups, key=lambda group: -len(group.entries))[:most]}
    return tuple(group for group in groups if group.value in chosen)
