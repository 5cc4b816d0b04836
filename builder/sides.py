"""What stands on either side of a comparison: a source folder, a built site or a revision of git, read as facts.

Reading is tolerant, because an old revision may say what today's rules refuse: refused values are left out, and a file
that cannot be read at all is told as that.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import unquote, urlsplit

from builder import schema
from builder.about import to_about
from builder.authoring import fill_ids
from builder.check import check_settings_file, find_assets, read_canonical
from builder.diff import Facts, Side
from builder.history import RevisionError, find_commit, is_repository, read_revision
from builder.mlm import PREFIX
from builder.model import Model, to_model
from builder.rules.item import geometry_range, geometry_ring
from builder.source import Source, SourceFile, find_source, nearest_collection
from builder.stac import Titles, to_item
from builder.statement import to_facts
from builder.validate import schema_findings

_BUILT = "catalog.json"


class SideError(Exception):
    """A side of the comparison cannot be read. The message says why."""


@dataclass(frozen=True, slots=True)
class Read:
    """A side as it was read: its facts, and the source it comes from, if it is none but a site.

    `entries` are what cards are made of, by the ids of the facts: the model and its Item.
    """

    side: Side
    source: Source | None = None
    entries: Mapping[str, tuple[Model, Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def is_site(self) -> bool:
        return self.source is None


def read_sides(old: str, new: str | None, folder: FilePath) -> tuple[Read, Read]:
    """Both sides of a comparison, made comparable. A name is a folder (a source, or a built site), else a revision of
    git, of which the source folder `folder` is read. Without `new`, that is the folder as it is now.

    Raises SideError.
    """
    left, right = read_side(old, folder), read_side(new if new is not None else str(folder), folder)
    if left.is_site != right.is_site:
        sides = _restrict(left.side, right.side), _restrict(right.side, left.side)
        left, right = replace(left, side=sides[0]), replace(right, side=sides[1])
    return left, right


def read_side(name: str, folder: FilePath) -> Read:
    """One side of a comparison; see `read_sides`."""
    location = FilePath(name)
    if location.is_dir():
        if (location / _BUILT).is_file():
            return _read_site(name, location)
        return _read_source(name, find_source(location))
    if location.exists():
        raise SideError(f"{name} is a file; name a folder of model files, a built site or a revision of git")
    try:
        if not is_repository(FilePath.cwd()):
            raise SideError(f"{name} is not a folder, and there is no repository of git here")
        return _read_source(name, read_revision(name, folder))
    except RevisionError as error:
        raise SideError(str(error)) from error


def is_revision(name: str) -> bool:
    """Whether git knows a revision of this name."""
    try:
        return find_commit(name, FilePath.cwd()) != ""
    except RevisionError:
        return False


# --- a source --------------------------------------------------------------------------------------------------------


def _read_source(name: str, source: Source) -> Read:
    about = to_about(source)
    # Without MLM, which only says again what `dlm:` says.
    titles = Titles(about.catalog.title, about.titles.collections, about.dlm_uri, mlm=False)
    models: dict[str, Facts] = {}
    entries = {}
    for file in source.models:
        facts, entry = _read_model(file, source, titles)
        models[facts.id] = facts
        if entry is not None:
            entries[facts.id] = entry
    for finding in source.diagnostics:  # what is not even text
        path = finding.span.file.rpartition("/")[2]
        if path.endswith((".yml", ".yaml", ".json")):
            folder = posixpath.basename(posixpath.dirname(finding.span.file))
            key = f"{folder}/{posixpath.splitext(path)[0]}"
            models.setdefault(key, Facts(key, fault=finding.message))
    stated = _settings(source.catalog, schema.CATALOG_FILE) if source.catalog else {}
    collections = {
        folder: Facts(folder, _settings(file, schema.COLLECTION_FILE))
        for folder, file in source.collections.items()
        if "/" not in folder
    }
    return Read(Side(name, models, collections, Facts("", stated)), source, entries)


def _read_model(
    file: SourceFile, source: Source, titles: Titles
) -> tuple[Facts, tuple[Model, Mapping[str, Any]] | None]:
    canonical, diagnostics = read_canonical(file, nearest_collection(file.path, source.collections))
    if canonical is None:
        parts = posixpath.splitext(file.path)[0].split("/")
        key = f"{parts[0] if len(parts) > 1 else 'models'}/{parts[-1]}"
        fault = next((f"line {d.span.line}: {d.message}" for d in diagnostics), "it cannot be read")
        return Facts(key, fault=fault, file=file), None
    schema_findings(canonical, schema.MODEL_FILE)  # takes out what it refuses
    fill_ids(canonical)
    model = to_model(canonical.data)
    if any(rule(model) for rule in (geometry_range, geometry_ring) for _ in rule(model)):
        model = to_model({key: value for key, value in canonical.data.items() if key not in ("geometry", "bbox")})
    files, _ = find_assets(model, posixpath.dirname(file.path), source.files)
    item = to_item(model, titles, files)
    key = f"{model.collection}/{model.id}"
    return Facts(key, to_facts(item), file=file), (model, item)


def _settings(file: SourceFile, uri: str) -> dict[str, Any]:
    """What a catalog or collection file says; defaults are in the facts of the models."""
    data, _ = check_settings_file(file, uri)
    return {key: value for key, value in (data or {}).items() if key != "defaults"}


# --- a built site ----------------------------------------------------------------------------------------------------


def _read_site(name: str, site: FilePath) -> Read:
    catalog = _read_json(site, _BUILT)
    if not isinstance(catalog, Mapping):
        raise SideError(f"{site / _BUILT} cannot be read as JSON")
    models: dict[str, Facts] = {}
    collections: dict[str, Facts] = {}
    entries = {}
    for child in _targets(catalog, "child", _BUILT):
        collection = _read_json(site, child)
        key = posixpath.dirname(child)
        if not isinstance(collection, Mapping):
            collections[key] = Facts(key, fault=f"{child} cannot be read")
            continue
        collections[key] = Facts(key, {k: v for k, v in collection.items() if k in _ABOUT})
        for path in _items(collection, child, site):
            item = _read_json(site, path)
            key = posixpath.dirname(path)
            if not isinstance(item, Mapping) or not isinstance(item.get("properties"), Mapping):
                models[key] = Facts(key, fault=f"{path} is not a STAC Item")
                continue
            models[key] = Facts(key, to_facts(item))
            entries[key] = (to_model({**item["properties"], **{k: item.get(k) or _EMPTY[k] for k in _EMPTY}}), item)
    about = {key: value for key, value in catalog.items() if key in _ABOUT}
    return Read(Side(name, models, collections, Facts("", about)), None, entries)


_ABOUT = frozenset({"id", "title", "description", "keywords", "providers"})
_EMPTY: dict[str, Any] = {"id": "", "collection": "", "bbox": [], "assets": {}, "links": []}


def _items(holder: Mapping[str, Any], path: str, site: FilePath) -> Iterator[str]:
    """The paths of the Items that a Collection links, itself or by the Catalogs below it."""
    waiting, known = [(holder, path)], {path}
    while waiting:
        holder, path = waiting.pop()
        yield from _targets(holder, "item", path)
        for child in _targets(holder, "child", path):
            found = _read_json(site, child)
            if child not in known and isinstance(found, Mapping) and found.get("type") == "Catalog":
                known.add(child)
                waiting.append((found, child))


def _targets(holder: Mapping[str, Any], rel: str, path: str) -> Iterator[str]:
    """The paths in the site that links of a relation lead to."""
    for link in holder.get("links", ()):
        if isinstance(link, Mapping) and link.get("rel") == rel and isinstance(link.get("href"), str):
            target = unquote(urlsplit(link["href"]).path)
            yield posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def _read_json(site: FilePath, path: str) -> Any:
    """The JSON at a path of the site; None where there is none, or the path leaves the site."""
    location = (site / path).resolve()
    if not location.is_relative_to(site.resolve()):
        return None
    try:
        return json.loads(location.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _restrict(one: Side, other: Side) -> Side:
    """A side with what the other one can say, too, where one of the two is a site and cannot say everything."""

    def common(own: Facts, theirs: Facts) -> Facts:
        return replace(own, data={key: value for key, value in own.data.items() if key in theirs.data})

    models = {
        key: replace(facts, data={k: v for k, v in facts.data.items() if not k.startswith(PREFIX)})
        for key, facts in one.models.items()
    }
    both = one.collections.keys() & other.collections.keys()
    collections = {key: common(one.collections[key], other.collections[key]) for key in both}
    return Side(one.name, models, collections, common(one.catalog, other.catalog))
