"""What the safe fixes make of model files, for `check --fix`. Nothing is written here.

Fixes are taken only while a file has no more errors with them than without; fixing twice is fixing once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from builder import schema
from builder.about import to_about
from builder.check import Grades, check_model, check_settings_file
from builder.diagnostic import Diagnostic
from builder.fix import apply_edits
from builder.source import Source, SourceFile, find_root, find_source, nearest_collection

_MOST_ROUNDS = 8
"""A fix may uncover another one: a renamed key is checked for the first time."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A file that fixes change: where it is, and its text before and after."""

    shown: str
    location: FilePath
    before: str
    after: str


def fix(location: FilePath) -> list[Fixed]:
    """What the safe fixes change in a source folder, or in one model file and the collection file of its folder."""
    whole = location.is_dir()
    root = location if whole else find_root(location)
    source = find_source(root, only=None if whole else location)
    grades = to_about(source).grades
    by_collection: dict[SourceFile | None, list[SourceFile]] = defaultdict(list)
    for model in source.models:
        by_collection[nearest_collection(model.path, source.collections)].append(model)
    changes: list[tuple[SourceFile, SourceFile]] = []
    for collection, models in by_collection.items():
        if collection is not None:
            mended = _mend_collection(collection, models, source, grades)
            changes.append((collection, mended))
            collection = mended
        changes += [(model, _mend_model(model, collection, source, grades)) for model in models]
    return [
        Fixed(old.shown, source.root / old.path, old.text, new.text) for old, new in changes if old.text != new.text
    ]


def _mend_model(model: SourceFile, collection: SourceFile | None, source: Source, grades: Grades) -> SourceFile:
    return _mend(model, lambda file: check_model(file, collection, source.files, grades).diagnostics)


def _mend_collection(collection: SourceFile, models: list[SourceFile], source: Source, grades: Grades) -> SourceFile:
    """The collection file with the fixes that its models ask for in what they inherit, and its own."""

    def check(file: SourceFile) -> list[Diagnostic]:
        inherited = [d for model in models for d in check_model(model, file, source.files, grades).diagnostics]
        return [*inherited, *check_settings_file(file, schema.COLLECTION_FILE)[1]]

    return _mend(collection, check)


def _mend(file: SourceFile, check: Callable[[SourceFile], Sequence[Diagnostic]]) -> SourceFile:
    found = check(file)
    for _ in range(_MOST_ROUNDS):
        edits = [edit for diagnostic in found for edit in diagnostic.edits if edit.file == file.shown]
        new = replace(file, text=apply_edits(file.text, edits))
        if new.text == file.text:
            break
        after = check(new)
        if _errors(after) > _errors(found):
            break
        file, found = new, after
    return file


def _errors(found: Iterable[Diagnostic]) -> int:
    return sum(diagnostic.severity == "error" for diagnostic in found)
