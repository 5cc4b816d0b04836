"""START HERE: the whole build in one function.

    find -> [ read - check - model - item ] -> gather -> check across -> [ card ] + pages, index, STAC -> publish
              per model, pure, picklable        barrier                   per model, pure, picklable

`build` names every stage once, in order. What is done for each model is done by two batch functions, `read_batch` and
`render_batch`, which take and return picklable values, so they run in this process or in others: see `workers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path as FilePath

from builder import GENERATOR, exporters, schema
from builder.about import About, to_about
from builder.across import Outcome, gather_outcomes
from builder.batches import Reading, Recipe, files_near, read_and_pack, read_batch, render_and_stage, render_batch
from builder.cache import Cache, digest_of
from builder.catalog import (
    CatalogInfo,
    CollectionEntries,
    Entry,
    Library,
    Neighbours,
    Told,
    compare_all,
    to_member,
    to_reference,
)
from builder.check import regrade
from builder.diagnostic import Diagnostic, Span, sort_diagnostics
from builder.docs import DocsError, render_docs
from builder.output import Artifact, Part, Published, Stage, Unchanged, to_json
from builder.recalled import decode_diagnostics, encode_diagnostics
from builder.remembered import remember
from builder.reuse import Past
from builder.search import search_parts
from builder.site import Shell, page_parts
from builder.source import (
    CATALOG_FILE,
    COLLECTION_FILE,
    Source,
    find_root,
    find_source,
    shown_path,
)
from builder.spool import TemporaryFolder
from builder.stac_catalog import to_catalog, to_catalogs, to_collection
from builder.standing import Statistics, entry_numbers, shown_at, to_places, to_statistics
from builder.templates import Templates, read_templates
from builder.words import speaking
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
    will have, where it is known; `made_again` says why a model was read or rendered although there is a cache.
    """

    models: int
    diagnostics: tuple[Diagnostic, ...]
    library: Library | None = None
    artifacts: tuple[Artifact, ...] = ()
    base_url: str | None = None
    published: Published | None = None
    strict: bool = False
    made_again: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether anything is an error, or a warning where those fail."""
        return any(d.severity == "error" or (self.strict and d.severity == "warning") for d in self.diagnostics)


def build(
    settings: Settings,
    progress: Progress = lambda *_: None,
    workers: Workers = SERIAL,
    site: FilePath | None = None,
    cache: Cache | None = None,
) -> Build:
    """The site of a source folder, as artifacts in memory; with `site`, published in that folder while they are made.

    With `cache`, what is in it and in the site is not made again. Raises OutputError, TemplatesError or WorkersError;
    then, and when there is an error, the site stays as it was.
    """
    past = Past(cache, settings.source, site, thorough=settings.templates is not None) if cache and site else None
    templates = read_templates(settings.templates)
    source = find_source(settings.source, known=past.known if past else {})
    if past and (same := _recall(past, source, settings, templates)):
        return same
    checked = check_source(source, settings, progress, workers, past)
    library = checked.library
    if library is None or checked.failed:
        return checked
    templates = templates.speaking(library.info.language)
    shell = to_shell(library, settings, templates)
    try:
        docs = render_docs(settings.docs) if settings.docs else []
    except DocsError as error:
        faults = (_docs_finding(settings, line) for line in str(error).splitlines())
        return replace(checked, diagnostics=(*checked.diagnostics, *faults))
    rendered = partial(run_render, library, shell, templates, progress, workers, past)
    parts = run_parts(library, shell, templates, past)
    with speaking(library.info.language):
        if site is None:
            made = (artifact for artifact in chain(rendered(), parts, docs) if isinstance(artifact, Artifact))
            return replace(checked, artifacts=tuple(made))
        with Stage(site, past.held if past else None) as stage:
            cards = iter(rendered(stage))
            # With the first of them, others are begun elsewhere: meanwhile the rest is made here.
            published = stage.publish(chain(islice(cards, 1), parts, docs, cards))
    built = replace(checked, published=published)
    return _note(past, source, built) if past else built


def to_shell(library: Library, settings: Settings, templates: Templates) -> Shell:
    """What every page of a library knows."""
    counts = tuple((c.info.id, c.info.title, len(c.entries)) for c in library.collections)
    pages = tuple((path, title) for path, (title, _) in sorted(templates.pages.items()))
    return Shell(
        library.info, counts, settings.docs is not None, GENERATOR, to_statistics(library.entries),
        templates.logo, templates.custom_css, pages,
    )  # fmt: skip


def _recall(past: Past, source: Source, settings: Settings, templates: Templates) -> Build | None:
    """The build before, when everything is as it was. Not with documentation, whose plugins may read anything."""
    about = (
        str(settings.source),
        settings.base_url,
        settings.strict,
        settings.mlm,
        templates.digest,
        bool(settings.docs),
    )
    value = past.recall_build(source, about)
    if value is None or settings.docs:
        return None
    found = decode_diagnostics(value["diagnostics"])
    unchanged = Published((), tuple(past.held.paths), (), past.held.states)
    past.save(source, past.held.states)
    return Build(len(source.models), found, base_url=value["base_url"], published=unchanged, strict=settings.strict)


def _note(past: Past, source: Source, made: Build) -> Build:
    assert made.published is not None  # noqa: S101  otherwise there is nothing to note
    again = past.explain()
    about = {"diagnostics": encode_diagnostics(made.diagnostics), "base_url": made.base_url}
    past.note_build(source, made.published, about)
    return replace(made, made_again=again)


def _docs_finding(settings: Settings, message: str) -> Diagnostic:
    hint = "`mkdocs build --strict` shows the same; --no-docs leaves the documentation out"
    return Diagnostic("docs-invalid", "error", message, Span(shown_path(settings.docs or settings.source)), hint)


def check(settings: Settings, progress: Progress = lambda *_: None, workers: Workers = SERIAL) -> Build:
    """The findings of a source folder."""
    return check_source(find_source(settings.source), settings, progress, workers, whole=False)


def load(settings: Settings) -> Build:
    """The findings of a source folder and its library: the build up to where it renders."""
    return check_source(find_source(settings.source), settings, lambda *_: None, SERIAL)


def check_source(
    source: Source,
    settings: Settings,
    progress: Progress,
    workers: Workers,
    past: Past | None = None,
    *,
    whole: bool = True,
) -> Build:
    """The same of the files that were found; unless `whole`, without the library."""
    about = to_about(source, settings.base_url)
    if settings.mlm is not None:
        about = replace(about, catalog=replace(about.catalog, mlm=settings.mlm))
    with speaking(about.catalog.language):
        outcomes = run_read(source, about, progress, workers, past, whole=whole)
        compared = past.recall_changes if past else compare_all
        library, across = gather_outcomes(source, about, outcomes, compared, whole=whole)
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


def run_read(
    source: Source,
    about: About,
    progress: Progress,
    workers: Workers = SERIAL,
    past: Past | None = None,
    *,
    whole: bool = True,
) -> list[Outcome]:
    """The first batch function over all models, in order. The entries of many models are packed: `whole`, or what the
    checks across models ask for."""
    recipe = Recipe(about.titles, source.collections, about.grades, about.catalog.language)
    if workers.remote:
        for local in source.files.values():
            local.look()  # here, where the file is
    near, total = files_near(source), len(source.models)
    done: dict[str, Outcome] = {}
    if past:
        # The texts of collection files are in the keys of their models.
        done = past.recall_outcomes(
            source, (recipe.titles, recipe.grades, recipe.language), lambda file: Reading(file, near, recipe)
        )
    pairs = [(file, near(file)) for file in source.models if file.path not in done]
    if total < FEW and not workers.pays_for(total) and past is None:
        for read in run_batches(workers, read_batch, pairs, recipe):
            done |= {outcome.file.path: outcome for outcome in read}
            progress("check", len(done), total)
    else:
        files = (file for file, _ in pairs)
        folder = TemporaryFolder() if whole and not workers.remote else None
        pack = partial(read_and_pack, whole=whole)
        for batch in run_batches(workers, pack, pairs, recipe, folder.path if folder else None):
            read = []
            for (outcome, packed), file in zip(batch, files, strict=False):
                entry = remember(packed, Reading(file, near, recipe), folder) if packed else None
                read.append(replace(outcome, file=file, entry=entry))
            if past:
                past.note_outcomes(source, read)  # now, while the next ones are read elsewhere
            done |= {outcome.file.path: outcome for outcome in read}
            progress("check", len(done), total)
    return [done[file.path] for file in source.models]


def run_render(
    library: Library,
    shell: Shell,
    templates: Templates,
    progress: Progress,
    workers: Workers = SERIAL,
    past: Past | None = None,
    stage: Stage | None = None,
) -> Iterator[Artifact | Unchanged]:
    """The second batch function over all models, in order; processes of this machine put files on the stage."""
    pairs = [(entry, library.neighbours.get(entry.source, Neighbours())) for entry in library.entries]
    total, done = len(pairs), 0
    if past:
        kept, pairs = past.recall_cards(pairs, _shown_by_cards(shell, templates, thorough=past.thorough))
        done = total - len(pairs)
    if stage and not workers.remote and workers.pays_for(len(pairs)):
        batches = run_batches(workers, render_and_stage, pairs, shell, templates, stage.open(), at_once=True)
    else:
        batches = run_batches(workers, render_batch, pairs, shell, templates)
    for batch in batches:
        if past:
            past.note_cards(pairs[done + len(pairs) - total :][:BATCH], batch)
        yield from batch
        done = min(done + BATCH, total)
        progress("render", done, total)
    if past:
        yield kept


def _shown_by_cards(shell: Shell, templates: Templates, *, thorough: bool) -> Callable[[Entry], Mapping[str, str]]:
    """Tells for an entry what its card shows besides its model and the neighbours; with `thorough`, what it could."""
    titles = {key: title for key, title, _ in shell.collections}
    more = shell.collections if thorough else ()
    frames = {key: digest_of(replace(shell, collections=((key, title, 0), *more), statistics=Statistics()))
              for key, title in titles.items()}  # fmt: skip

    @cache
    def statistics(places: tuple[tuple[str, int, int], ...]) -> str:
        return digest_of(shell.statistics if thorough else shown_at(places, shell.statistics))

    def shown(entry: Entry) -> Mapping[str, str]:
        return {
            "frame": frames[entry.recall(to_reference).collection],
            "templates": templates.digest,
            "statistics": statistics(to_places(entry.recall(entry_numbers), shell.statistics)),
        }

    return shown


def run_parts(library: Library, shell: Shell, templates: Templates, past: Past | None = None) -> Iterator[Artifact]:
    """Everything that is made of many models: pages, index, STAC objects above the Items, further forms."""
    parts = chain(
        page_parts(library, shell, templates),
        search_parts(library),
        stac_parts(library),
        exporters.parts(finish(library), library.info, past.all_models if past else ""),
    )
    for part in parts:
        yield from past.make(part) if past else part.make()


def finish(library: Library) -> list[Entry]:
    """The entries with the links between versions in their Items."""
    return [
        entry.finished(library.neighbours[entry.source]) if entry.source in library.neighbours else entry
        for entry in library.entries
    ]


def stac_parts(library: Library) -> Iterator[Part]:
    """The STAC objects above the Items, and the schemas of the extension and of models.json."""
    info = library.info
    titles = [(c.info.id, c.info.title) for c in library.collections]
    yield Part("catalog", (info, titles), lambda: [Artifact("catalog.json", to_json(to_catalog(library)))])
    yield Part("schemas", (info.base_url,), lambda: _schemas(info.base_url))
    for collection in library.collections:
        told = [Told(collection.entries, function) for function in (to_member, to_reference)]
        yield Part(f"stac {collection.info.id}", (info, collection.info, told), partial(_collection, collection, info))


def _collection(collection: CollectionEntries, info: CatalogInfo) -> list[Artifact]:
    made = to_collection(collection.info, collection.entries, info)
    below = to_catalogs(collection.info, collection.entries, info)
    objects = [(f"{collection.info.id}/collection.json", made), *below]
    return [Artifact(path, to_json(content)) for path, content in objects]


def _schemas(base_url: str | None) -> Iterator[Artifact]:
    yield Artifact(schema.DLM_PATH, to_json(schema.published(base_url)[1]))
    yield Artifact(schema.MODELS_PATH, to_json(schema.published_index(base_url)))
