"""Stage 5, check across models: what is wrong between them; without errors, all of them as a Library."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from builder import schema
from builder.about import About
from builder.catalog import Compared, Entry, Library, Predecessors, compare_all, gather, to_reference
from builder.check import check_settings_file, read_canonical, regrade, to_diagnostic, unknown_file
from builder.diagnostic import Diagnostic, Path, Problem, Span
from builder.document import parse
from builder.explain import close_names, short
from builder.rules import RULES
from builder.source import MODEL_SUFFIXES, Source, SourceFile, nearest_collection, shown_path
from builder.waiver import Waiver, unused_waivers, waive


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one model file. The entry is missing when there is an error.

    `versions` are the source paths of its predecessors, each with the path of the link; `used` the local files,
    `waived` the waivers of the collection file that counted.
    """

    file: SourceFile
    entry: Entry | None
    diagnostics: tuple[Diagnostic, ...]
    versions: tuple[tuple[str, Path], ...] = ()
    used: frozenset[str] = frozenset()
    waived: frozenset[Waiver] = frozenset()


def gather_outcomes(
    source: Source,
    about: About,
    outcomes: Sequence[Outcome],
    compared: Compared = compare_all,
    *,
    whole: bool = True,
) -> tuple[Library | None, list[Diagnostic]]:
    """The library of all models that passed (None without any, or unless `whole`), and what is wrong between them.

    `compared` may know what a version changes.
    """
    entries = [outcome.entry for outcome in outcomes if outcome.entry is not None]
    diagnostics = [*_duplicate_ids(source, outcomes), *_unknown_files(source, outcomes)]
    diagnostics += _unused_waivers(source, outcomes)
    known = {outcome.file.path: outcome for outcome in outcomes}
    by_id = {
        outcome.entry.recall(to_reference).id: outcome.file.path for outcome in outcomes if outcome.entry is not None
    }
    predecessors: dict[str, tuple[str, ...]] = {}
    for outcome in outcomes:
        older = []
        for target, path in outcome.versions:
            # A published Item that is fed back in names the Item of its predecessor, not its model file.
            found = target if target in known else by_id.get(posixpath.splitext(posixpath.basename(target))[0])
            if found is None or not target.endswith(MODEL_SUFFIXES):
                hint = "the path of a model file, from the folder of this one"
                problem = Problem(path, f"there is no model file {target}", hint)
                diagnostics.append(_locate(source, outcome, "link-broken", problem))
            elif known[found].entry is not None:
                older.append(found)
        if outcome.entry is not None and older:
            predecessors[outcome.file.path] = tuple(older)
    diagnostics += _replacements(source, outcomes)
    if cycle := find_cycle(predecessors):
        outcome = known[cycle[0]]
        link = next(
            (path for target, path in outcome.versions if target == (*cycle, cycle[0])[1]), outcome.versions[0][1]
        )
        message = f"following predecessor-version leads back here: {' → '.join((*cycle, cycle[0]))}"
        hint = "remove one of these links: they lead from newer to older"
        finding = _locate(source, outcome, "version-cycle", Problem(link, message, hint))
        for member in cycle[1:]:
            finding = _relate(finding, source, known[member], ("links",), "one of the links")
        diagnostics.append(finding)
    diagnostics = regrade(diagnostics, about.grades)
    if not whole or not entries or any(d.severity == "error" for d in diagnostics):
        return None, diagnostics
    return gather(about.catalog, about.collections, entries, predecessors, compared), diagnostics


def _duplicate_ids(source: Source, outcomes: Sequence[Outcome]) -> Iterator[Diagnostic]:
    first: dict[str, Outcome] = {}
    for outcome in outcomes:
        if outcome.entry is None:
            continue
        other = first.setdefault(outcome.entry.recall(to_reference).id.casefold(), outcome)
        if other is not outcome:
            message = f"the id {outcome.entry.recall(to_reference).id} is taken by {other.file.path}"
            finding = _locate(
                source, outcome, "id-duplicate", Problem(("id",), message, "give one of the two another id")
            )
            yield _relate(finding, source, other, ("id",), "taken here")
    # The folders of two collections would be one where case does not count. Said once for each spelling.
    by_collection = {o.entry.recall(to_reference).collection: o for o in reversed(outcomes) if o.entry is not None}
    spelled: dict[str, str] = {}
    for collection, outcome in sorted(by_collection.items()):
        known = spelled.setdefault(collection.casefold(), collection)
        if known != collection:
            message = f"the collection {collection} differs from the collection {known} in case only"
            hint = f"write collection: {known}, or choose another name"
            finding = _locate(source, outcome, "id-duplicate", Problem(("collection",), message, hint))
            yield _relate(finding, source, by_collection[known], ("collection",), "written so here")


def _replacements(source: Source, outcomes: Sequence[Outcome]) -> Iterator[Diagnostic]:
    """The withdrawn models whose replacement is none; a model that could not be read is not held against them."""
    by_id = {o.entry.recall(to_reference).id: o for o in outcomes if o.entry is not None}
    unread = any(outcome.entry is None for outcome in outcomes)
    for outcome in outcomes:
        if outcome.entry is None or not outcome.entry.recall(to_reference).withdrawn:
            continue
        withdrawn = outcome.entry.model.withdrawn
        if withdrawn is None or withdrawn.replaced_by is None or withdrawn.replaced_elsewhere:
            continue
        target, hint = withdrawn.replaced_by, "the id of a model, or an http(s) URL"
        other = by_id.get(target)
        found = other.entry if other is not None else None
        # Only a withdrawn one is loaded.
        further = found.model.withdrawn if found is not None and found.recall(to_reference).withdrawn else None
        if other is outcome:
            message = "the model cannot replace itself"
        elif further is not None:
            message = f"{target} is withdrawn itself"
            hint = f"did you mean {further.replaced_by}?" if further.replaced_by else hint
        elif found is not None or unread:
            continue
        else:
            message, close = f"there is no model {short(target)}", close_names(target, by_id)
            hint = f"did you mean {' or '.join(close)}?" if close else hint
        problem = Problem((*withdrawn.path, "replaced_by"), message, hint)
        finding = _locate(source, outcome, "withdrawal-target", problem)
        if other is not None and other is not outcome and further is not None:
            finding = _relate(finding, source, other, further.path, "withdrawn here")
        yield finding


def _unknown_files(source: Source, outcomes: Sequence[Outcome]) -> Iterator[Diagnostic]:
    used = {path for outcome in outcomes for path in outcome.used}
    # The files of a model that could not be read are not known.
    unread = {posixpath.dirname(outcome.file.path) for outcome in outcomes if outcome.entry is None}
    for path, local in source.files.items():
        if path not in used and posixpath.dirname(path) not in unread:
            yield unknown_file(local, shown_path(local.location))


def _unused_waivers(source: Source, outcomes: Sequence[Outcome]) -> Iterator[Diagnostic]:
    """Waivers in collection files that counted neither for a model nor for the file itself."""
    waived = {waiver for outcome in outcomes for waiver in outcome.waived}
    unread = any(d.rule == "yaml-syntax" for outcome in outcomes for d in outcome.diagnostics)
    for file in source.collections.values():
        document = None if unread or "catalog:" not in file.text else parse(file.shown, file.text)[0]
        if document is not None:
            own = waive(document, check_settings_file(file, schema.COLLECTION_FILE)[1])[1]
            yield from unused_waivers(document, waived | own)


def _relate(finding: Diagnostic, source: Source, other: Outcome, path: Path, words: str) -> Diagnostic:
    """The finding with one more related place, in the file of another model."""
    span = _locate(source, other, finding.rule, Problem(path, words)).span
    return replace(finding, related=(*finding.related, (span, words)))


def _locate(source: Source, outcome: Outcome, rule: str, problem: Problem) -> Diagnostic:
    canonical, _ = read_canonical(outcome.file, nearest_collection(outcome.file.path, source.collections))
    if canonical is None:
        return Diagnostic(rule, RULES[rule].severity, problem.message, Span(outcome.file.shown), problem.hint)
    return to_diagnostic(canonical, rule, problem)


def find_cycle(predecessors: Predecessors) -> tuple[str, ...]:
    """The sources of models that are their own predecessors, in order; empty when there is no cycle."""
    done: set[str] = set()
    for start in sorted(predecessors):
        trail: list[str] = []
        stack = [(start, iter(predecessors[start]))]
        trail.append(start)
        while stack:
            source, rest = stack[-1]
            step = next(rest, None)
            if step is None:
                done.add(source)
                stack.pop()
                trail.pop()
            elif step in trail:
                return tuple(trail[trail.index(step) :])
            elif step not in done:
                trail.append(step)
                stack.append((step, iter(predecessors.get(step, ()))))
    return ()
