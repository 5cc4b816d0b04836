"""What `check --against` finds: changes since an earlier state that break users without a new version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as FilePath

from packaging.version import InvalidVersion, Version

from builder.check import read_canonical, to_diagnostic
from builder.diagnostic import Diagnostic, Path, Problem, Span
from builder.diff import Change, Facts, compare
from builder.document import parse
from builder.rules import RULES
from builder.sides import read_side
from builder.source import Source, SourceFile, nearest_collection

_ANNOUNCED = frozenset({"withdrawn", "unreadable"})
"""Kinds of changes that need no version: a withdrawal says itself, and what cannot be read is an error anyway."""


def find_breaks(earlier: str, folder: FilePath) -> list[Diagnostic]:
    """The changes of a source folder since `earlier`, a folder or a revision, that break users and do not say so.

    Raises SideError when `earlier` cannot be read.
    """
    old, new = read_side(earlier, folder), read_side(str(folder), folder)
    found: list[Diagnostic] = []
    before = {facts.name: facts for facts in old.side.models.values()}
    for change in compare(old.side, new.side):
        if change.severity != "breaking" or change.kind in _ANNOUNCED or "/" not in change.id:
            continue
        name = change.id.rpartition("/")[2]
        if change.kind == "removed" and not change.path:
            found.append(_removed(old.side.models[change.id]))
        else:
            found += _broken(change, before[name], new.side.models[change.id], old.source, new.source)
    return found


def _removed(facts: Facts) -> Diagnostic:
    span = Span(facts.file.shown if facts.file else facts.id)
    if facts.file is not None and (document := parse(facts.file.shown, facts.file.text)[0]) is not None:
        span = document.whole()
    message = f"the model {facts.name} was removed, and links to it lead nowhere"
    hint = "keep the file, with withdrawn: {reason: …, since: …}; its page then says why"
    return Diagnostic("model-removed", RULES["model-removed"].severity, message, span, hint)


def _broken(
    change: Change, old: Facts, new: Facts, old_source: Source | None, new_source: Source | None
) -> Iterator[Diagnostic]:
    was, now = (facts.data.get("version") for facts in (old, new))
    rule = "change-breaking"
    if change.kind == "moved":
        rule, hint = "model-removed", f"set collection: {old.id.partition('/')[0]}, or leave a withdrawn model there"
        message = f"{change.message}: links to it lead nowhere"
    elif now is not None and (was is None or is_later(str(was), str(now))):
        return
    elif now is None:
        message, hint = f"{change.message}; no version says so", "state a version, and raise it with such a change"
    elif was == now:
        message, hint = (
            f"{change.message}, but the version is {now} still",
            "raise the version, or take the change back",
        )
    else:
        message = f"{change.message}, but the version went from {was} to {now}"
        hint = "raise the version above the old one"
    path = change.path if change.new is not None else _parent(change)
    related: tuple[tuple[Span, str], ...] = ()
    if old.file is not None and old_source is not None:
        place = _locate(old.file, old_source, change.path if change.old is not None else _parent(change))
        related = ((place, "was stated here"),) if place else ()
    assert new.file is not None  # noqa: S101  the new side is a source folder
    assert new_source is not None  # noqa: S101
    canonical, _ = read_canonical(new.file, nearest_collection(new.file.path, new_source.collections))
    if canonical is not None:
        yield replace(to_diagnostic(canonical, rule, Problem(path, message, hint)), related=related)


def _parent(change: Change) -> Path:
    return change.path[:-1] if change.kind in ("added", "removed") else change.path


def _locate(file: SourceFile, source: Source, path: Path) -> Span | None:
    canonical, _ = read_canonical(file, nearest_collection(file.path, source.collections))
    return canonical.locate(path) if canonical is not None else None


def is_later(old: str, new: str) -> bool:
    """Whether a version comes after another one: as Python orders versions, where both are such; else it differs."""
    try:
        return Version(new) > Version(old)
    except InvalidVersion:
        return new != old
