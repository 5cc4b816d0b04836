"""Stage 5, gather: all models together, as a Library with its collections, links, extents and summaries."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any, TypeVar

import orjson

from builder import schema
from builder.cache import digest_of_detail, to_detail
from builder.model import Model, Provider
from builder.source import LocalFile
from builder.statement import to_facts
from builder.versions import Changes, Step, compare_versions, to_history
from builder.words import ENGLISH, mark, say

Predecessors = Mapping[str, tuple[str, ...]]
"""The source paths of a model's predecessors, by its own."""
OF_COLLECTION = mark("Models of the collection {0}.")
"""The description of a collection that has none."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that passed its checks: the typed model, its Item as published, and where both come from.

    `source` is the path of the model file below the source folder, `text` what stands in it, `files` are the local
    files by the name they are published under, below the folder of the model.
    """

    model: Model
    item: Mapping[str, Any]
    source: str
    text: str
    files: Mapping[str, LocalFile] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The folder of the model in the site, without a slash at the end."""
        return f"{self.model.collection}/{self.model.id}"

    @property
    def href(self) -> str:
        """The path of the Item in the site."""
        return f"{self.folder}/{self.model.id}.json"

    def recall(self, function: Callable[[Entry], T]) -> T:
        """What a function says of this entry; answers that are asked of all models are kept: see `remembered`."""
        return function(self)

    def digest(self, function: Callable[[Entry], Any]) -> str:
        """A digest of the answer, which may be at hand where the answer itself is not."""
        return digest_of_detail(to_detail(self.recall(function)))

    def forget(self, function: Callable[[Entry], Any]) -> None:
        """Says that the answer will hardly be asked for again."""

    def finished(self, neighbours: Neighbours) -> Entry:
        """The entry with the links between versions in its Item."""
        return replace(self, item=finish_item(self, neighbours))


class Told:
    """What a function says of some entries, where only a difference counts: as text, the digests of the answers."""

    __slots__ = ("_entries", "_function")

    def __init__(self, entries: Iterable[Entry], function: Callable[[Entry], Any]) -> None:
        self._entries, self._function = entries, function

    def __str__(self) -> str:
        """The digests, in order."""
        return " ".join(entry.digest(self._function) for entry in self._entries)


@dataclass(frozen=True, slots=True)
class Reference:
    """What one model's card says of another model: enough for a link."""

    id: str
    collection: str
    title: str
    version: str | None = None
    updated: str | None = None
    deprecated: bool = False
    withdrawn: bool = False

    @property
    def standing(self) -> str:
        """Why not to use it, in a word; empty where nothing speaks against it."""
        return say("withdrawn") if self.withdrawn else say("deprecated") if self.deprecated else ""

    @property
    def folder(self) -> str:
        return f"{self.collection}/{self.id}"


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The other models that a card mentions. `versions` are all of the line, oldest first, the model itself included;
    `latest` is None when the model is the latest itself; `replacement` is what a withdrawn model names. `history`
    has the steps to each version by its folder."""

    predecessors: tuple[Reference, ...] = ()
    successors: tuple[Reference, ...] = ()
    latest: Reference | None = None
    versions: tuple[Reference, ...] = ()
    replacement: Reference | None = None
    history: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What `collection.yml` says, or stands for it."""

    id: str
    title: str
    description: str
    license: str | None = None
    keywords: tuple[str, ...] = ()
    providers: tuple[Provider, ...] = ()
    links: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogInfo:
    """What `catalog.yml` says, or stands for it. `exports` are further forms that it asks for, `fields` the author's
    own that cards show, as (field, label)."""

    id: str
    title: str
    description: str
    base_url: str | None = None
    keywords: tuple[str, ...] = ()
    providers: tuple[Provider, ...] = ()
    links: tuple[Mapping[str, Any], ...] = ()
    source_url: str | None = None
    issues_url: str | None = None
    exports: tuple[str, ...] = ()
    mlm: bool = True
    language: str = ENGLISH
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CollectionEntries:
    """A collection with its models, sorted by title."""

    info: CollectionInfo
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """Everything that is published: the catalog, its collections, its models, and who neighbours whom.

    `updated` is the newest `updated` or `created` of all models, None where none states one.
    """

    info: CatalogInfo
    collections: tuple[CollectionEntries, ...]
    neighbours: Mapping[str, Neighbours]
    updated: str | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(entry for collection in self.collections for entry in collection.entries)


Compare = Callable[[Entry, Entry], Changes]
Compared = Callable[[Sequence[tuple[Entry, Entry]], Compare], Iterable[Changes]]
"""Gives what the second of each pair of entries changes of the first, with a function that compares two."""


def compare_all(pairs: Sequence[tuple[Entry, Entry]], compare: Compare) -> Iterator[Changes]:
    """What is changed, with nothing known."""
    return (compare(old, new) for old, new in pairs)


def gather(
    info: CatalogInfo,
    collections: Mapping[str, CollectionInfo],
    entries: Iterable[Entry],
    predecessors: Predecessors,
    compared: Compared = compare_all,
) -> Library:
    """All entries as a library: collections by id, models by title, and each model's neighbours.

    `predecessors` gives the sources of a model's predecessors by its own source; they exist and form no cycle.
    `compared` may know what a version changes without a comparison.
    """
    by_collection: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_collection[entry.recall(to_reference).collection].append(entry)
    gathered = []
    for key, members in sorted(by_collection.items()):
        members.sort(key=by_title)
        own = collections.get(key) or CollectionInfo(key, key, say(OF_COLLECTION, key))
        gathered.append(CollectionEntries(own, tuple(members)))
    everything = [entry for collection in gathered for entry in collection.entries]
    dates = [date for entry in everything for date in entry.recall(to_ties)["dates"]]
    return Library(info, tuple(gathered), find_neighbours(everything, predecessors, compared), max(dates, default=None))


def by_title(entry: Entry) -> tuple[str, str]:
    """The key by which models are sorted in lists."""
    reference = entry.recall(to_reference)
    return reference.title.casefold(), reference.id


def to_reference(entry: Entry) -> Reference:
    """What other cards say of a model."""
    properties = entry.item["properties"]
    return Reference(
        entry.model.id, entry.model.collection, entry.model.name, entry.model.version,
        properties.get("updated") or properties.get("created"), entry.model.deprecated,
        entry.model.withdrawn is not None,
    )  # fmt: skip


def find_neighbours(
    entries: Iterable[Entry], predecessors: Predecessors, compared: Compared = compare_all
) -> dict[str, Neighbours]:
    """Each model's neighbours by its source; models without any are left out."""
    by_source = {entry.source: entry for entry in entries}
    references = {source: entry.recall(to_reference) for source, entry in by_source.items()}
    by_id = {reference.id: reference for reference in references.values()}
    replacements = {
        source: by_id[replaced_by]
        for source, entry in by_source.items()
        if (replaced_by := entry.recall(to_ties)["replaced_by"]) in by_id
    }
    predecessors = {source: tuple(dict.fromkeys(older)) for source, older in predecessors.items()}
    successors: dict[str, list[str]] = defaultdict(list)
    for source, steps in predecessors.items():
        for step in steps:
            successors[step].append(source)

    def closure(start: str, step: Mapping[str, Iterable[str]]) -> list[str]:
        found: dict[str, None] = {}
        waiting = [start]
        while waiting:
            for source in sorted(step.get(waiting.pop(), ())):
                if source not in found:
                    found[source] = None
                    waiting.append(source)
        return list(found)

    size = cache(lambda source: len(closure(source, predecessors)))
    # A line goes from version to version: those at hand are few at a time.
    facts = lru_cache(maxsize=16)(lambda source: orjson.loads(by_source[source].recall(to_published)))
    pairs = [(by_source[older], by_source[source]) for source, before in predecessors.items() for older in before]
    changes = compared(pairs, lambda old, new: compare_versions(new.folder, facts(old.source), facts(new.source)))
    by_pair = {(old.source, new.source): found for (old, new), found in zip(pairs, changes, strict=True)}
    history = to_history(references, predecessors, by_pair)
    for entry in by_source.values():
        entry.forget(to_published)  # a third of what stands in memory of a model
    result = {}
    for source in sorted({*predecessors, *successors, *replacements}):
        older, newer = closure(source, predecessors), closure(source, successors)
        line = sorted({source, *older, *newer}, key=lambda s: (size(s), s))
        versions = tuple(references[s] for s in line)
        # The newest that is not withdrawn, unless all are.
        latest = next((version for version in reversed(versions) if not version.withdrawn), versions[-1])
        result[source] = Neighbours(
            tuple(references[s] for s in sorted(predecessors.get(source, ()))),
            tuple(references[s] for s in sorted(successors.get(source, ()))),
            latest if latest is not references[source] else None,
            versions,
            replacements.get(source),
            {references[s].folder: history[s] for s in line if s in history},
        )
    return result


def finish_item(entry: Entry, neighbours: Neighbours) -> dict[str, Any]:
    """The Item with the links between versions, which need the other models."""
    links = list(entry.item["links"])
    latest = (neighbours.latest,) if neighbours.latest else ()
    for rel, references in (
        ("predecessor-version", neighbours.predecessors),
        ("successor-version", neighbours.successors),
        ("latest-version", latest),
    ):
        for other in references:
            href = posixpath.relpath(f"{other.folder}/{other.id}.json", entry.folder)
            links.append({"rel": rel, "href": href, "type": "application/geo+json", "title": other.title})
    extensions = list(entry.item["stac_extensions"])
    versioned = len(links) > len(entry.item["links"])
    withdrawn, replacement = entry.model.withdrawn, neighbours.replacement
    if replacement:
        href = posixpath.relpath(f"{replacement.folder}/{replacement.id}.json", entry.folder)
        title = f"Replacement: {replacement.title}"
        links.append({"rel": "related", "href": href, "type": "application/geo+json", "title": title})
    elif withdrawn and withdrawn.replaced_elsewhere:
        links.append({"rel": "related", "href": withdrawn.replaced_elsewhere, "title": "Replacement"})
    if versioned and schema.VERSION not in extensions:
        extensions = sorted([*extensions, schema.VERSION])
    return {**entry.item, "links": links, "stac_extensions": extensions}


def to_published(entry: Entry) -> str:
    """What the Item says, as it is compared with that of another version: as JSON, a fifth of the size in memory."""
    return orjson.dumps(to_facts(entry.item)).decode()


def to_ties(entry: Entry) -> dict[str, Any]:
    """What of a model counts for the whole catalog: when it changed, and what replaces it."""
    properties, withdrawn = entry.item["properties"], entry.model.withdrawn
    return {
        "dates": [properties[key] for key in ("updated", "created") if key in properties],
        "replaced_by": withdrawn.replaced_by if withdrawn else None,
    }


def to_member(entry: Entry) -> dict[str, Any]:
    """What a model adds to its collection: plain values that JSON can hold."""
    model, item, properties = entry.model, entry.item, entry.item["properties"]
    values: dict[str, list[Any]] = {
        "dlm:task": [*model.tasks],
        "dlm:framework": [runtime.framework for runtime in model.runtime],
        "dlm:architecture_type": [network.type for network in model.architecture],
        "dlm:process_level": [data.process_level for data in model.data],
        "dlm:dtype": [data.dtype for data in model.data],
        "dlm:gpu": [docker.gpu for runtime in model.runtime for docker in runtime.docker],
        "dlm:band": [
            band.common_name or band.name
            for index in range(max(len(model.inputs), 1))
            for band in model.selected_bands(index)
        ],
        **{key: [properties.get(key)] for key in ("platform", "constellation", "license")},
        "instruments": [*model.instruments],
        "gsd": [model.gsd],
    }
    numbers = {
        "dlm:number_of_bands": [data.number_of_bands for data in model.data],
        "dlm:total_nb_parameters": [network.total_nb_parameters for network in model.architecture],
    }
    return {
        "bbox": item["bbox"],
        "start": properties.get("start_datetime") or properties["datetime"],
        "end": properties.get("end_datetime") or properties["datetime"],
        "license": model.license,
        "providers": [[p.name, p.description, [*p.roles], p.url] for p in model.providers],
        "keywords": [*model.keywords],
        "dlm_uri": next((uri for uri in item["stac_extensions"] if "/dlm/" in uri), None),
        "values": {key: _stated(found) for key, found in values.items()},
        "numbers": {key: _stated(found) for key, found in numbers.items()},
        "assets": {
            key: {name: asset[name] for name in ("title", "description", "type", "roles") if name in asset}
            for key, asset in item["assets"].items()
        },
    }


def _stated(values: Iterable[Any]) -> list[Any]:
    return [value for value in dict.fromkeys(values) if value is not None]
