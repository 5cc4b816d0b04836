"""What the command `export` gives: one model in another form, with what is lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from builder import pipeline
from builder.about import to_about
from builder.catalog import Entry
from builder.mlm import to_mlm, without_derived
from builder.output import to_json
from builder.source import find_root, find_source


class ExportError(Exception):
    """The model cannot be exported. The message says why; `at_fault` is true where it is for what the model says."""

    def __init__(self, message: str, *, at_fault: bool = False) -> None:
        super().__init__(message)
        self.at_fault = at_fault


@dataclass(frozen=True, slots=True)
class Exported:
    """A model in another form: its text, what was filled in, and what is lost."""

    text: str
    notes: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()


def export(model: str, kind: str, source: FilePath) -> Exported:
    """The model in a file, or the one of `source` with this id, in the form `kind`."""
    return KINDS[kind](find_entry(model, source))


def find_entry(model: str, source: FilePath) -> Entry:
    """The model in a file, or the one with this id in a source folder; its Item carries MLM, if that can be."""
    location = FilePath(model)
    if not location.is_file():
        library = pipeline.check(pipeline.Settings(source)).library if source.is_dir() else None
        found = [entry.source for entry in library.entries if entry.model.id == model] if library else []
        if not found:
            where = f"{source} has no model with this id" if library else f"{source} cannot be built"
            raise ExportError(f"{model} is no file, and {where}")
        location = source / found[0]
    folder = find_source(find_root(location), only=location)
    outcomes = pipeline.run_read(folder, replace(to_about(folder), mlm=True), lambda *_: None)
    entry = outcomes[0].entry if outcomes else None
    if entry is None:
        message = f"{location} is no model file without errors; build-catalog check {location} shows them"
        raise ExportError(message, at_fault=True)
    return entry


def to_mlm_item(entry: Entry) -> Exported:
    """The Item of a model, with MLM."""
    plain = {**entry.item, "properties": without_derived(entry.item["properties"], entry.model)}
    mlm = to_mlm(entry.model, plain)
    if not any(key.startswith("mlm:") for key in entry.item["properties"]):
        raise ExportError(f"{entry.source}: {'; '.join(mlm.notes)}", at_fault=True)
    return Exported(to_json(entry.item).decode(), mlm.notes, tuple(map(str, mlm.losses)))


KINDS: Mapping[str, Callable[[Entry], Exported]] = {"mlm": to_mlm_item}
"""The forms, by the name that the command gives them."""
