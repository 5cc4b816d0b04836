"""START HERE: the whole build in one function.

    find -> [ read - check - model - item ] -> gather -> check across -> [ card ] + pages, index, STAC -> publish
              per model, pure, picklable        barrier                   per model, pure, picklable

`build` names every stage once, in order. What is done for each model is done by two batch functions, `read_batch` and
`render_batch`, which take and return picklable values.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from builder import __version__, schema
from builder.catalog import (
    CatalogInfo,
    CollectionInfo,
    Entry,
    Library,
    Neighbours,
    find_cycle,
    finish_item,
    gather,
    to_catalog,
)  # fmt: skip
from builder.check import check_item, check_model, check_settings_file, read_canonical, to_diagnostic, unknown_file
from builder.diagnostic import Diagnostic, Path, Problem, Span, sort_diagnostics
from builder.docs import render_docs
from builder.exporters import models_json
from builder.model import to_providers
from builder.output import Artifact, to_json
from builder.rules import RULES
from builder.site import Shell, render_card, render_pages, source_artifact
from builder.source import CATALOG_FILE, LocalFile, Source, SourceFile, find_root, find_source, shown_path
from builder.stac import Titles, to_item
from builder.templates import Templates, read_templates

GENERATOR = f"dlm-catalog {__version__}"
BATCH = 64
"""Models in a batch: enough work to pay for sending it to another process."""
Progress = Callable[[str, int, int], None]
"""Told the stage, how many models are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a build is asked for. `docs` is a MkDocs configuration file whose pages become part of the site."""

    source: FilePath
    base_url: str | None = None
    templates: FilePath | None = None
    docs: FilePath | None = None


@dataclass(frozen=True, slots=True)
class Build:
    """What a build gave: the library and the artifacts of its site (none when there is an error), and the findings."""

    models: int
    diagnostics: tuple[Diagnostic, ...]
    library: Library | None = None
    artifacts: tuple[Artifact, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether anything is an error."""
        return any(d.severity == "error" for d in self.diagnostics)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What reading a model needs besides its own text: titles, and the collection files by folder."""

    titles: Titles
    collections: Mapping[str, SourceFile]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one model file. The entry is missing when there is an error.

    `versions` are the source paths of its predecessors, each with the path of the link; `used` the local files.
    """

    file: SourceFile
    entry: Entry | None
    diagnostics: tuple[Diagnostic, ...]
    versions: tuple[tuple[str, Path], ...] = ()
    used: frozenset[str] = frozenset()


def build(settings: Settings, progress: Progress = lambda *_: None) -> Build:
    """The site of a source folder, as artifacts in memory; nothing is written."""
    source = find_source(settings.source)
    about = to_about(source, settings)
    outcomes = run_read(source, about, progress)
    library, across = gather_outcomes(source, about, outcomes)
    found = sort_diagnostics(
        [*source.diagnostics, *about.diagnostics, *(d for o in outcomes for d in o.diagnostics), *across]
    )
    if library is None or any(d.severity == "error" for d in found):
        return Build(len(source.models), tuple(found), library)
    templates = read_templates(settings.templates)
    counts = tuple((c.info.id, c.info.title, len(c.entries)) for c in library.collections)
    shell = Shell(library.info, counts, settings.docs is not None, GENERATOR)
    artifacts = run_render(library, shell, templates, progress)
    artifacts += render_pages(library, shell, templates)
    artifacts += stac_artifacts(library, about.dlm_uri)
    artifacts += models_json.export(library, GENERATOR)
    artifacts += render_docs(settings.docs) if settings.docs else []
    return Build(len(source.models), tuple(found), library, tuple(artifacts))


def check(settings: Settings, progress: Progress = lambda *_: None) -> Build:
    """The findings of a source folder: the build up to where it renders."""
    source = find_source(settings.source)
    about = to_about(source, settings)
    outcomes = run_read(source, about, progress)
    library, across = gather_outcomes(source, about, outcomes)
    found = [*source.diagnostics, *about.diagnostics, *(d for o in outcomes for d in o.diagnostics), *across]
    return Build(len(source.models), tuple(sort_diagnostics(found)), library)


def check_file(location: FilePath) -> Build:
    """The findings of one model file by itself, as a part of the source folder it belongs to."""
    root = find_root(location)
    source = find_source(root, only=location)
    about = to_about(source, Settings(root))
    outcomes = run_read(source, about, lambda *_: None)
    shown = shown_path(location)
    found = [*source.diagnostics, *(d for o in outcomes for d in o.diagnostics)]
    return Build(1, tuple(sort_diagnostics(d for d in found if d.span.file == shown or d.severity == "error")))


# --- per model -------------------------------------------------------------------------------------------------------


def read_batch(batch: Sequence[tuple[SourceFile, Mapping[str, LocalFile]]], recipe: Recipe) -> list[Outcome]:
    """Model files read, checked and converted; each comes with the other files that it may name."""
    return [_read_one(file, files, recipe) for file, files in batch]


def _read_one(file: SourceFile, files: Mapping[str, LocalFile], recipe: Recipe) -> Outcome:
    collection = recipe.collections.get(posixpath.dirname(file.path))
    checked = check_model(file, collection, files)
    used = frozenset(local.path for local in checked.files.values())
    if checked.model is None:
        return Outcome(file, None, checked.diagnostics, checked.versions, used)
    item = to_item(checked.model, recipe.titles, checked.files, checked.declared)
    if problems := check_item(item):
        canonical, _ = read_canonical(file, collection)
        assert canonical is not None  # noqa: S101  it was read a moment ago
        found = (to_diagnostic(canonical, rule, problem) for rule, problem in problems)
        return Outcome(file, None, (*checked.diagnostics, *found), checked.versions, used)
    local = {
        asset.published_name: checked.files[asset.href] for asset in checked.model.assets if asset.href in checked.files
    }
    entry = Entry(checked.model, item, file.path, file.text, local)
    return Outcome(file, entry, checked.diagnostics, checked.versions, used)


def render_batch(batch: Sequence[tuple[Entry, Neighbours]], shell: Shell, templates: Templates) -> list[Artifact]:
    """Everything in the folders of some models: card, Item, source and local files."""
    artifacts = []
    for entry, neighbours in batch:
        finished = Entry(entry.model, finish_item(entry, neighbours), entry.source, entry.text, entry.files)
        artifacts += render_card(finished, neighbours, shell, templates)
        artifacts.append(Artifact(finished.href, to_json(finished.item)))
        artifacts.append(source_artifact(finished))
        artifacts += [Artifact(f"{entry.folder}/{name}", local.location) for name, local in entry.files.items()]
    return artifacts


def run_read(source: Source, about: About, progress: Progress) -> list[Outcome]:
    """The first batch function over all models, in order."""
    outcomes: list[Outcome] = []
    for start in range(0, len(source.models), BATCH):
        batch = [(file, source.files) for file in source.models[start : start + BATCH]]
        outcomes += read_batch(batch, Recipe(about.titles, source.collections))
        progress("check", len(outcomes), len(source.models))
    return outcomes


def run_render(library: Library, shell: Shell, templates: Templates, progress: Progress) -> list[Artifact]:
    """The second batch function over all models, in order."""
    entries, artifacts = library.entries, []
    for start in range(0, len(entries), BATCH):
        batch = entries[start : start + BATCH]
        pairs = [(entry, library.neighbours.get(entry.source, Neighbours())) for entry in batch]
        artifacts += render_batch(pairs, shell, templates)
        progress("render", start + len(batch), len(entries))
    return artifacts


# --- the catalog as a whole ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class About:
    """What the catalog file, the collection files and the settings say."""

    catalog: CatalogInfo
    collections: Mapping[str, CollectionInfo]
    dlm_uri: str
    diagnostics: tuple[Diagnostic, ...] = field(default=())

    @property
    def titles(self) -> Titles:
        return Titles(self.catalog.title, {key: info.title for key, info in self.collections.items()}, self.dlm_uri)


def to_about(source: Source, settings: Settings) -> About:
    """The catalog and collection files, checked, with what stands for them where they are missing."""
    diagnostics: list[Diagnostic] = []

    def read(file: SourceFile | None, uri: str) -> dict[str, Any]:
        if file is None:
            return {}
        data, found = check_settings_file(file, uri)
        diagnostics.extend(found)
        return data or {}

    data = read(source.catalog, schema.CATALOG_FILE)
    base_url = settings.base_url or data.get("base_url")
    catalog_id = data.get("id", source.root.name)
    title = data.get("title", catalog_id)
    catalog = CatalogInfo(
        catalog_id, title, data.get("description", f"Deep-learning models: {title}."),
        base_url.rstrip("/") if base_url else None, tuple(data.get("keywords", ())),
        to_providers(data.get("providers", [])), tuple(data.get("links", ())),
        data.get("source_url"), data.get("issues_url"),
    )  # fmt: skip
    collections = {}
    for folder, file in source.collections.items():
        about = read(file, schema.COLLECTION_FILE)
        key = folder.split("/", 1)[0]
        if "/" in folder:
            continue  # defaults for a folder inside a collection
        name = about.get("title", key)
        collections[key] = CollectionInfo(
            key, name, about.get("description", f"Models of the collection {name}."), about.get("license"),
            tuple(about.get("keywords", ())), to_providers(about.get("providers", [])), tuple(about.get("links", ())),
        )  # fmt: skip
    if not catalog.base_url:
        shown = source.catalog.shown if source.catalog else shown_path(source.root / CATALOG_FILE)
        message = f"the extension's id is {schema.DLM}, which leads nowhere, because no base_url is set"
        hint = "set base_url in catalog.yml, or pass --base-url"
        diagnostics.append(_finding("extension-unresolvable", message, Span(shown), hint))
    return About(catalog, collections, schema.published(catalog.base_url)[0], tuple(diagnostics))


def gather_outcomes(
    source: Source, about: About, outcomes: Sequence[Outcome]
) -> tuple[Library | None, list[Diagnostic]]:
    """The library of all models that passed (None without any), and what is wrong between them."""
    entries = [outcome.entry for outcome in outcomes if outcome.entry is not None]
    diagnostics = [*_duplicate_ids(source, outcomes), *_unknown_files(source, outcomes)]
    known = {outcome.file.path: outcome for outcome in outcomes}
    predecessors: dict[str, tuple[str, ...]] = {}
    for outcome in outcomes:
        missing = [(target, path) for target, path in outcome.versions if target not in known]
        for target, path in missing:
            message = f"there is no model file {target}"
            diagnostics.append(
                _locate(source, outcome, "link-broken", Problem(path, message, "the path of a model file"))
            )
        older = tuple(t for t, _ in outcome.versions if t in known and known[t].entry is not None)
        if outcome.entry is not None and older:
            predecessors[outcome.file.path] = older
    if cycle := find_cycle(predecessors):
        outcome = known[cycle[0]]
        message = f"following predecessor-version leads back here: {' → '.join((*cycle, cycle[0]))}"
        diagnostics.append(_locate(source, outcome, "version-cycle", Problem(outcome.versions[0][1], message)))
    if not entries or any(d.severity == "error" for d in diagnostics):
        return None, diagnostics
    return gather(about.catalog, about.collections, entries, predecessors), diagnostics


def _duplicate_ids(source: Source, outcomes: Sequence[Outcome]) -> Iterator[Diagnostic]:
    first: dict[str, Outcome] = {}
    for outcome in outcomes:
        if outcome.entry is None:
            continue
        other = first.setdefault(outcome.entry.model.id.casefold(), outcome)
        if other is not outcome:
            message = f"the id {outcome.entry.model.id} is taken by {other.file.path}"
            yield _locate(source, outcome, "id-duplicate", Problem(("id",), message, "give one of the two another id"))


def _unknown_files(source: Source, outcomes: Sequence[Outcome]) -> Iterator[Diagnostic]:
    used = {path for outcome in outcomes for path in outcome.used}
    # The files of a model that could not be read are not known.
    unread = {posixpath.dirname(outcome.file.path) for outcome in outcomes if outcome.entry is None}
    for path, local in source.files.items():
        if path not in used and posixpath.dirname(path) not in unread:
            yield unknown_file(local, shown_path(local.location))


def _locate(source: Source, outcome: Outcome, rule: str, problem: Problem) -> Diagnostic:
    canonical, _ = read_canonical(outcome.file, source.collections.get(posixpath.dirname(outcome.file.path)))
    if canonical is None:
        return _finding(rule, problem.message, Span(outcome.file.shown), problem.hint)
    return to_diagnostic(canonical, rule, problem)


def _finding(rule: str, message: str, span: Span, hint: str | None) -> Diagnostic:
    return Diagnostic(rule, RULES[rule].severity, message, span, hint)


def stac_artifacts(library: Library, dlm_uri: str) -> list[Artifact]:
    """The STAC objects above the Items, and the schema of the extension."""
    base_url = library.info.base_url
    artifacts = [
        Artifact("catalog.json", to_json(to_catalog(library))),
        Artifact(schema.DLM_PATH, to_json({**schema.published(base_url)[1], "$id": dlm_uri})),
    ]
    for collection in library.collections:
        artifacts.append(Artifact(f"{collection.info.id}/collection.json", to_json(collection.stac)))
    return artifacts
