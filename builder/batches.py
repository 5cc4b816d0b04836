"""Stages 1 to 4 and 6 for a batch of models: read, check, convert, render. The two functions that may run in other
processes, with what they need for it; they take and return values that can be pickled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from builder import deploy, exporters
from builder.across import Outcome
from builder.catalog import Entry, Neighbours
from builder.check import Grades, check_model, read_canonical, to_diagnostic
from builder.output import Artifact, stage_artifacts, to_json
from builder.remembered import Packed, load_entry, pack, pack_reference
from builder.site import Shell, render_card, source_artifact
from builder.source import LocalFile, Source, SourceFile, nearest_collection
from builder.spool import Spool
from builder.stac import Titles, to_item
from builder.templates import Templates
from builder.translation import to_language
from builder.validate import check_item
from builder.words import ENGLISH, speaking


@dataclass(frozen=True, slots=True)
class Recipe:
    """What reading a model needs besides its own text: titles, the collection files by folder, severities of rules,
    and the language of the site."""

    titles: Titles
    collections: Mapping[str, SourceFile]
    grades: Grades = field(default_factory=dict)
    language: str = ENGLISH


def read_batch(batch: Sequence[tuple[SourceFile, Mapping[str, LocalFile]]], recipe: Recipe) -> list[Outcome]:
    """Model files read, checked and converted; each comes with the other files that it may name."""
    return [_read_one(file, files, recipe) for file, files in batch]


def read_and_pack(
    batch: Sequence[tuple[SourceFile, Mapping[str, LocalFile]]], recipe: Recipe, folder: str | None, *, whole: bool
) -> list[tuple[Outcome, Packed | None]]:
    """The same for many models: the outcomes without text and entry, which is packed beside them, what is long of it
    in a file in `folder`; unless `whole`, only what checks across models ask for."""
    with speaking(recipe.language), Spool(folder) as spool:
        return [
            (
                replace(outcome, file=SourceFile(outcome.file.path, outcome.file.shown, ""), entry=None),
                (pack(outcome.entry, spool) if whole else pack_reference(outcome.entry)) if outcome.entry else None,
            )
            for outcome in read_batch(batch, recipe)
        ]


def _read_one(file: SourceFile, files: Mapping[str, LocalFile], recipe: Recipe) -> Outcome:
    file = SourceFile(file.path, file.shown, file.text)  # its text is read once
    collection = nearest_collection(file.path, recipe.collections)
    checked = check_model(file, collection, files, recipe.grades, language=recipe.language)
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
    entry = Entry(to_language(checked.model, recipe.language), item, file.path, file.text, local)
    return Outcome(file, entry, checked.diagnostics, checked.versions, used, checked.waived)


def render_batch(batch: Sequence[tuple[Entry, Neighbours]], shell: Shell, templates: Templates) -> list[Artifact]:
    """Everything in the folders of some models: card, deploy files, Item, source and local files."""
    artifacts, entries = [], []
    for entry, neighbours in batch:
        finished = load_entry(entry).finished(neighbours)
        entries.append(finished)
        with speaking(templates.language):
            bundle = deploy.to_bundle(finished, shell.catalog.base_url)
            artifacts += render_card(finished, neighbours, shell, templates, bundle)
        artifacts += deploy.to_artifacts(finished, bundle)
        artifacts.append(Artifact(finished.href, to_json(finished.item)))
        artifacts.append(source_artifact(finished))
        artifacts += [Artifact(f"{finished.folder}/{name}", local.location) for name, local in finished.files.items()]
    artifacts += exporters.publish(entries, shell.catalog)
    return artifacts


def render_and_stage(
    batch: Sequence[tuple[Entry, Neighbours]], shell: Shell, templates: Templates, stage: str
) -> list[Artifact]:
    """The same in another process of this machine, with the content of each file on the stage."""
    return stage_artifacts(render_batch(batch, shell, templates), stage)


@dataclass(frozen=True, slots=True)
class Reading:
    """A model file that is read when its entry is asked for: called, it gives the entry."""

    file: SourceFile
    near: Callable[[SourceFile], Mapping[str, LocalFile]]
    recipe: Recipe

    def __call__(self) -> Entry:
        entry = _read_one(self.file, self.near(self.file), self.recipe).entry
        assert entry is not None  # noqa: S101  it passed before, and nothing has changed
        return entry

    def __reduce__(self) -> tuple[Any, ...]:
        """Elsewhere only the files near it are there."""
        return Reading, (self.file, _Near(self.near(self.file)), self.recipe)


@dataclass(frozen=True, slots=True)
class _Near:
    files: Mapping[str, LocalFile]

    def __call__(self, _: SourceFile) -> Mapping[str, LocalFile]:
        return self.files


def files_near(source: Source) -> Callable[[SourceFile], Mapping[str, LocalFile]]:
    """Tells the other files that a model file can name: those of its collection, unless its paths lead further."""
    inside: dict[str, dict[str, LocalFile]] = defaultdict(dict)
    for path, file in source.files.items():
        inside[path.partition("/")[0]][path] = file

    def near(model: SourceFile) -> Mapping[str, LocalFile]:
        folder, _, rest = model.path.partition("/")
        if len(inside[folder]) == len(source.files):
            return source.files  # the same, without a look into the text, which may have to be read for it
        return inside[folder] if rest and ".." not in unquote(model.text) else source.files

    return near
