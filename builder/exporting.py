"""What the command `export` gives: models of a source in another form, with what is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path as FilePath

from builder import exporters, pipeline
from builder.about import to_about
from builder.catalog import CatalogInfo, Entry
from builder.exporters import Export
from builder.source import find_root, find_source


class ExportError(Exception):
    """There is nothing to export. The message says why; `at_fault` is true where it is for what the model says."""

    def __init__(self, message: str, *, at_fault: bool = False) -> None:
        super().__init__(message)
        self.at_fault = at_fault


def export(model: str, kind: str, source: FilePath, base_url: str | None = None) -> Export:
    """The form `kind` of the model in a file, of the one of `source` with this id, or of all models of a folder.

    Raises ExportError where there is no such model, or none that has this form, and MissingExtraError.
    """
    entries, catalog = find_entries(model, source, base_url, mlm=True if kind == "mlm" else None)
    made = exporters.export(kind, entries, catalog)
    if not made.artifacts:
        where = f"{entries[0].source}: " if len(entries) == 1 else ""
        raise ExportError(where + "; ".join(made.notes), at_fault=True)
    return made


def find_entries(
    model: str, source: FilePath, base_url: str | None = None, *, mlm: bool | None = None
) -> tuple[Sequence[Entry], CatalogInfo]:
    """The model in a file, the one with this id in a source folder, or all of a folder; with the catalog they are in.

    `mlm` says whether Items carry MLM, whatever the catalog file says.
    """
    location = FilePath(model)
    if location.is_dir():
        checked = pipeline.load(pipeline.Settings(location, base_url, mlm=mlm))
        if checked.library is None or checked.failed:
            raise ExportError(f"{location} has no models, or has errors; build-catalog check {location} shows them")
        return pipeline.finish(checked.library), checked.library.info
    if not location.is_file():
        library = pipeline.load(pipeline.Settings(source, base_url, mlm=mlm)).library if source.is_dir() else None
        found = [entry for entry in pipeline.finish(library) if entry.model.id == model] if library else []
        if library is None or not found:
            where = f"{source} has no model with this id" if library else f"{source} cannot be built"
            raise ExportError(f"{model} is no file, and {where}")
        return found, library.info
    folder = find_source(find_root(location), only=location)
    about = to_about(folder, base_url)
    if mlm is not None:
        about = replace(about, catalog=replace(about.catalog, mlm=mlm))
    outcomes = pipeline.run_read(folder, about, lambda *_: None)
    entry = outcomes[0].entry if outcomes else None
    if entry is None:
        message = f"{location} is no model file without errors; build-catalog check {location} shows them"
        raise ExportError(message, at_fault=True)
    return [entry], about.catalog
