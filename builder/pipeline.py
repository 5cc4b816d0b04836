"""START HERE: the whole build in one function.

    find -> [ read - check - model - item ] -> gather -> check across -> [ card ] + pages, index, STAC -> publish
              per model, pure, picklable        barrier                   per model, pure, picklable

`build` names every stage once, in order. What is done for each model is done by two batch functions, `read_batch` and
`render_batch`, which take and return picklable values, so they run in this process or in others: see `workers`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from urllib.parse import unquote

from builder import GENERATOR, deploy, exporters, schema
from builder.about import About, to_about
from builder.across import Outcome, gather_outcomes
from builder.catalog import Entry, Library, Neighbours, to_catalog
from builder.check import Grades, check_model, read_canonical, regrade, to_diagnostic
from builder.diagnostic import Diagnostic, Span, sort_diagnostics
from builder.docs import DocsError, render_docs
from builder.output import Artifact, Published, publish, to_json
from builder.remembered import Packed, load_entry, pack, remember
from builder.search import render_search
from builder.site import Shell, render_card, render_pages, source_artifact
from builder.source import (
    CATALOG_FILE,
    COLLECTION_FILE,
    LocalFile,
    Source,
    SourceFile,
    find_root,
    find_source,
    nearest_collection,
    shown_path,
)
from builder.stac import Titles, to_item
from builder.standing import to_statistics
from builder.templates import Templates, read_templates
from builder.validate import check_item
from builder.workers import BATCH, SERIAL, Workers, run_batches

FEW = 256
"""Models up to which all of them stand in memory as they are."""
Progress = Callable[[str, int, int], None]
"""Told the stage, how many models are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a build is asked for. `docs` is a MkDocs configuration file whose pages become part of the site.

    With `strict`, warnings fail. `mlm` says whether Items carry MLM, whatever the catalog file says.
    """

    source: FilePath
    base_url: str | None = None
    templates: FilePath | None = None
    docs: FilePath | None = None
    strict: bool = False
    mlm: bool | None = None


@dataclass(frozen=True, slots=True)
class Build:
    """What a build gave: the library (none when there is an error) and the findings.

    The site is either `artifacts`, in memory, or `published`, in its folder. `base_url` is the address that the site
    will have, where it is known.
    """

    models: int
    diagnostics: tuple[Diagnostic, ...]
    library: Library | None = None
    artifacts: tuple[Artifact, ...] = ()
    base_url: str | None = None
    published: Published | None = None
    strict: bool = False

    @property
    def failed(self) -> bool:
        """Whether anything is an error, or a warning where those fail."""
        return any(d.severity == "error" or (self.strict and d.severity == "warning") for d in self.diagnostics)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What reading a model needs besides its own text: titles, the collection files by folder, severities of rules."""

    titles: Titles
    collections: Mapping[str, SourceFile]
    grades: Grades = field(default_factory=dict)


def build(
    settings: Settings,
    progress: Progress = lambda *_: None,
    workers: Workers = SERIAL,
    site: FilePath | None = None,
) -> Build:
    """The site of a source folder, as artifacts in memory; with `site`, published in that folder while they are made.

    Raises OutputError, TemplatesError or WorkersError; then, and when there is an error, the site stays as it was.
    """
    checked = check(settings, progress, workers)
    library = checked.library
    if library is None or checked.failed:
        return checked
    templates = read_templates(settings.templates)
    counts = tuple((c.info.id, c.info.title, len(c.entries)) for c in library.collections)
    pages = tuple((path, title) for path, (title, _) in sorted(templates.pages.items()))
    shell = Shell(
        library.info, counts, settings.docs is not None, GENERATOR, to_statistics(library.entries),
        templates.logo, templates.custom_css, pages,
    )  # fmt: skip
    try:
        docs = render_docs(settings.docs) if settings.docs else []
    except DocsError as error:
        faults = (_docs_finding(settings, line) for line in str(error).splitlines())
        return replace(checked, diagnostics=(*checked.diagnostics, *faults))

    def render() -> Iterator[Artifact]:
        yield from run_render(library, shell, templates, progress, workers)
        yield from render_pages(library, shell, templates)
        yield from render_search(library)
        yield from stac_artifacts(library)
        yield from exporters.publish(finish(library), library.info, each=False)
        yield from docs

    if site is None:
        return replace(checked, artifacts=tuple(render()))
    return replace(checked, published=publish(render(), site))


def _docs_finding(settings: Settings, message: str) -> Diagnostic:
    hint = "`mkdocs build --strict` shows the same; --no-docs leaves the documentation out"
    return Diagnostic("docs-invalid", "error", message, Span(shown_path(settings.docs or settings.source)), hint)


def check(settings: Settings, progress: Progress = lambda *_: None, workers: Workers = SERIAL) -> Build:
    """The findings of a source folder and its library: the build up to where it renders."""
    source = find_source(settings.source)
    about = to_about(source, settings.base_url)
    if settings.mlm is not None:
        about = replace(about, catalog=replace(about.catalog, mlm=settings.mlm))
    outcomes = run_read(source, about, progress, workers)
    library, across = gather_outcomes(source, about, outcomes)
    found = [*regrade(source.diagnostics, about.grades), *about.diagnostics]
    found += [*(d for o in outcomes for d in o.diagnostics), *across]
    base_url = about.catalog.base_url
    return Build(len(source.models), tuple(sort_diagnostics(found)), library, base_url=base_url, strict=settings.strict)


def check_file(location: FilePath) -> Build:
    """The findings of one file by itself, as a part of the source folder it belongs to: a model, or a settings file."""
    root = find_root(location)
    source = find_source(root, only=location)
    about = to_about(source)
    outcomes = run_read(source, about, lambda *_: None)
    shown = shown_path(location)
    found = [*regrade(source.diagnostics, about.grades), *about.diagnostics]
    found += [d for o in outcomes for d in o.diagnostics]
    read = len(source.models) + (location.name in (CATALOG_FILE, COLLECTION_FILE))
    kept = sort_diagnostics(d for d in found if d.span.file == shown or d.severity == "error")
    return Build(read, tuple(kept), base_url=about.catalog.base_url)


# --- per model -------------------------------------------------------------------------------------------------------


def read_batch(batch: Sequence[tuple[SourceFile, Mapping[str, LocalFile]]], recipe: Recipe) -> list[Outcome]:
    """Model files read, checked and converted; each comes with the other files that it may name."""
    return [_read_one(file, files, recipe) for file, files in batch]


def read_and_pack(
    batch: Sequence[tuple[SourceFile, Mapping[str, LocalFile]]], recipe: Recipe
) -> list[tuple[Outcome, Packed | None]]:
    """The same for many models: the outcomes without text and entry, which is packed beside them."""
    return [
        (
            replace(outcome, file=replace(outcome.file, text=""), entry=None),
            pack(outcome.entry) if outcome.entry else None,
        )
        for outcome in read_batch(batch, recipe)
    ]


def _read_one(file: SourceFile, files: Mapping[str, LocalFile], recipe: Recipe) -> Outcome:
    collection = nearest_collection(file.path, recipe.collections)
    checked = check_model(file, collection, files, recipe.grades)
    used = frozenset(local.path for local in checked.files.values())
    if checked.model is None:
        return Outcome(file, None, checked.diagnostics, checked.versions, used, checked.waived)
    item = to_item(checked.model, recipe.titles, checked.files, checked.declared)
    if problems := check_item(item):
        canonical, _ = read_canonical(file, collection)
        assert canonical is not None  # noqa: S101  it was read a moment ago
        found = (to_diagnostic(canonical, rule, problem) for rule, problem in problems)
        return Outcome(file, None, (*checked.diagnostics, *found), checked.versions, used, checked.waived)
    local = {
        asset.published_name: checked.files[asset.href]
        for asset in checked.model.offered_assets
        if asset.href in checked.files
    }
    entry = Entry(checked.model, item, file.path, file.text, local)
    return Outcome(file, entry, checked.diagnostics, checked.versions, used, checked.waived)


def render_batch(batch: Sequence[tuple[Entry, Neighbours]], shell: Shell, templates: Templates) -> list[Artifact]:
    """Everything in the folders of some models: card, deploy files, Item, source and local files."""
    artifacts, entries = [], []
    for entry, neighbours in batch:
        finished = load_entry(entry).finished(neighbours)
        entries.append(finished)
        bundle = deploy.to_bundle(finished, shell.catalog.base_url)
        artifacts += render_card(finished, neighbours, shell, templates, bundle)
        artifacts += deploy.to_artifacts(finished, bundle)
        artifacts.append(Artifact(finished.href, to_json(finished.item)))
        artifacts.append(source_artifact(finished))
        artifacts += [Artifact(f"{finished.folder}/{name}", local.location) for name, local in finished.files.items()]
    artifacts += exporters.publish(entries, shell.catalog, each=True)
    return artifacts


def run_read(source: Source, about: About, progress: Progress, workers: Workers = SERIAL) -> list[Outcome]:
    """The first batch function over all models, in order. The entries of many models are packed."""
    outcomes: list[Outcome] = []
    recipe = Recipe(about.titles, source.collections, about.grades)
    if workers.remote:
        for local in source.files.values():
            _ = local.size, local.sha256  # known from here on, where the file is
    pairs, total = list(_with_files(source)), len(source.models)
    if total < FEW and not workers.pays_for(total):
        for read in run_batches(workers, read_batch, pairs, recipe):
            outcomes += read
            progress("check", len(outcomes), total)
        return outcomes
    for batch in run_batches(workers, read_and_pack, pairs, recipe):
        for outcome, packed in batch:
            file = source.models[len(outcomes)]
            outcomes.append(replace(outcome, file=file, entry=remember(packed) if packed else None))
        progress("check", len(outcomes), total)
    return outcomes


def _with_files(source: Source) -> Iterator[tuple[SourceFile, Mapping[str, LocalFile]]]:
    """Each model file with the other files that it can name: those of its collection, unless its paths lead further."""
    inside: dict[str, dict[str, LocalFile]] = defaultdict(dict)
    for path, file in source.files.items():
        inside[path.partition("/")[0]][path] = file
    for model in source.models:
        folder, _, rest = model.path.partition("/")
        yield model, inside[folder] if rest and ".." not in unquote(model.text) else source.files


def run_render(
    library: Library, shell: Shell, templates: Templates, progress: Progress, workers: Workers = SERIAL
) -> Iterator[Artifact]:
    """The second batch function over all models, in order."""
    entries = library.entries
    pairs = [(entry, library.neighbours.get(entry.source, Neighbours())) for entry in entries]
    for number, batch in enumerate(run_batches(workers, render_batch, pairs, shell, templates), start=1):
        yield from batch
        progress("render", min(number * BATCH, len(entries)), len(entries))


def finish(library: Library) -> list[Entry]:
    """The entries with the links between versions in their Items."""
    return [
        entry.finished(library.neighbours[entry.source]) if entry.source in library.neighbours else entry
        for entry in library.entries
    ]


def stac_artifacts(library: Library) -> list[Artifact]:
    """The STAC objects above the Items, and the schemas of the extension and of models.json."""
    artifacts = [
        Artifact("catalog.json", to_json(to_catalog(library))),
        Artifact(schema.DLM_PATH, to_json(schema.published(library.info.base_url)[1])),
        Artifact(schema.MODELS_PATH, to_json(schema.published_index(library.info.base_url))),
    ]
    collections = (Artifact(f"{c.info.id}/collection.json", to_json(c.stac)) for c in library.collections)
    return [*artifacts, *collections]
