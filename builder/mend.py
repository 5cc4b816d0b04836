"""What the safe fixes make of model files, for `check --fix`. Nothing is written here.

Fixes are taken only while a file has no more errors with them than without; fixing twice is fixing once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from builder import schema
from builder.about import About, to_about
from builder.check import check_model, check_settings_file
from builder.diagnostic import Diagnostic, Edit
from builder.document import parse
from builder.fix import apply_edits
from builder.source import Source, SourceFile, find_root, find_source, nearest_collection
from builder.waiver import waive

_MOST_ROUNDS = 8
"""A fix may uncover another one: a renamed key is checked for the first time."""
_MOST_TRIALS = 64
"""Checks of one file in search of the fixes that do harm, when all of them together do."""
_MARK = b"\xef\xbb\xbf"

Check = Callable[[SourceFile], Sequence[Diagnostic]]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A file that fixes change: its path, and its text before and after, with its byte order mark if it has one."""

    shown: str
    before: str
    after: str


def fix(locations: Iterable[FilePath]) -> list[Fixed]:
    """What the safe fixes change in source folders, and in single files with what they inherit."""
    wanted: dict[FilePath, set[FilePath] | None] = {}
    for location in (location.resolve() for location in locations):
        if location.is_dir():
            wanted[location] = None
        elif (files := wanted.setdefault(find_root(location), set())) is not None:
            files.add(location)
    fixed = [one for root, files in wanted.items() for one in _fix_source(find_source(root), files)]
    return list({one.shown: one for one in fixed}.values())


def _fix_source(source: Source, files: set[FilePath] | None) -> list[Fixed]:
    """The changes in a source folder; with `files`, those in these files and in the collection files above them."""
    about = to_about(source)
    by_collection: dict[SourceFile | None, list[SourceFile]] = defaultdict(list)
    by_collection.update({file: [] for file in source.collections.values()})
    for model in source.models:
        by_collection[nearest_collection(model.path, source.collections)].append(model)
    changes: list[tuple[SourceFile, SourceFile]] = []
    if source.catalog is not None and _is_wanted(source, source.catalog, files):
        changes.append((source.catalog, _mend(source.catalog, _settings_check(schema.CATALOG_FILE))))
    for collection, models in by_collection.items():
        chosen = [model for model in models if _is_wanted(source, model, files)]
        defaults = collection
        if collection is not None and (chosen or _is_wanted(source, collection, files)):
            # All models of the collection are asked, so that a fix for one of them does no harm to another.
            mended = _mend_collection(collection, models, source, about)
            changes.append((collection, mended))
            defaults = mended
        changes += [(model, _mend_model(model, defaults, source, about)) for model in chosen]
    return [_to_fixed(source, old, new.text) for old, new in changes if old.text != new.text]


def _is_wanted(source: Source, file: SourceFile, files: set[FilePath] | None) -> bool:
    return files is None or (source.root / file.path).resolve() in files


def _to_fixed(source: Source, old: SourceFile, text: str) -> Fixed:
    with (source.root / old.path).open("rb") as stream:
        mark = "\ufeff" if stream.read(len(_MARK)) == _MARK else ""
    return Fixed(old.shown, mark + old.text, mark + text)


def _findings(file: SourceFile, collection: SourceFile | None, source: Source, about: About) -> tuple[Diagnostic, ...]:
    language = about.catalog.language
    return check_model(file, collection, source.files, about.grades, language=language).diagnostics


def _mend_model(model: SourceFile, collection: SourceFile | None, source: Source, about: About) -> SourceFile:
    return _mend(model, lambda file: _findings(file, collection, source, about))


def _mend_collection(collection: SourceFile, models: list[SourceFile], source: Source, about: About) -> SourceFile:
    """The collection file with the fixes that its models ask for in what they inherit, and its own."""
    check_settings = _settings_check(schema.COLLECTION_FILE)

    def check(file: SourceFile) -> list[Diagnostic]:
        inherited = [d for model in models for d in _findings(model, file, source, about)]
        return [*inherited, *check_settings(file)]

    return _mend(collection, check)


def _settings_check(uri: str) -> Check:
    def check(file: SourceFile) -> list[Diagnostic]:
        found, (document, _) = check_settings_file(file, uri)[1], parse(file.shown, file.text)
        return found if document is None else waive(document, found)[0]

    return check


def _mend(file: SourceFile, check: Check) -> SourceFile:
    found = check(file)
    for _ in range(_MOST_ROUNDS):
        fixes = {d.edits: None for d in found if d.edits and all(edit.file == file.shown for edit in d.edits)}
        new, after = _take(file, found, list(fixes), check)
        if new.text == file.text:
            break
        file, found = new, after
    return file


def _take(
    file: SourceFile, found: Sequence[Diagnostic], fixes: list[tuple[Edit, ...]], check: Check
) -> tuple[SourceFile, Sequence[Diagnostic]]:
    """The file with as many of the fixes as do no harm, and what is found in it then."""
    taken: list[tuple[Edit, ...]] = []
    best = (file, found)
    waiting = [fixes] if fixes else []
    for _ in range(_MOST_TRIALS):
        if not waiting:
            break
        part = waiting.pop()
        edits = [edit for each in (*taken, *part) for edit in each]
        new = replace(file, text=apply_edits(file.text, edits))
        after = check(new)
        if _errors(after) <= _errors(best[1]):
            taken, best = [*taken, *part], (new, after)
        elif len(part) > 1:
            half = len(part) // 2
            waiting += [part[half:], part[:half]]
    return best


def _errors(found: Iterable[Diagnostic]) -> int:
    return sum(diagnostic.severity == "error" for diagnostic in found)
