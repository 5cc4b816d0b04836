"""Stage 3, check: schema and rules over one model file, as diagnostics at lines of the author's files."""

from __future__ import annotations

import difflib
import posixpath
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from builder import schema
from builder.agreement import Agreement, compare_files
from builder.authoring import STRUCTURAL_RELS, Canonical, fill_ids, to_canonical
from builder.diagnostic import SEVERITIES, Diagnostic, Fix, Path, Problem, Severity, Span
from builder.document import MAX_FINDINGS, Document, parse
from builder.explain import close_names, short
from builder.fix import to_edits
from builder.model import CARD_ASSET, Asset, Model, is_relative, to_model
from builder.rules import RULES, Rule, check_rules
from builder.rules.item import RESERVED_NAMES, unsafe_urls
from builder.source import CATALOG_FILE, LocalFile, SourceFile
from builder.validate import schema_findings
from builder.waiver import Waiver, unused_waivers, waive, waiver_faults
from builder.words import ENGLISH

_LONGEST = 600
"""Most characters of a message or hint: it may quote what an author wrote, and that may be a book."""
_MOST_SIMILAR = 500
"""Most files among which one of a similar name is looked for, and ten times that, for all that a model misses."""
_VERSION_REL = "predecessor-version"
# A scheme has two letters or more, because one is a drive of Windows; these lead to nothing that others can fetch.
_ADDRESS = re.compile(r"(?!(?:file|javascript|data|vbscript):)[a-z][a-z0-9+.-]+:\S", re.IGNORECASE)


Grades = Mapping[str, Any]
"""Severities by rule id, or `off`, as the catalog file gives them."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking one model file gave. `model` is None when there is an error.

    `files` are the local files by the href that an asset gives, `versions` the source paths of predecessors with the
    path of their link in the data, `declared` the extensions that the author names, `waived` the waivers of the
    collection file that count for the model, `agreements` what came of holding it against its files.
    """

    model: Model | None
    diagnostics: tuple[Diagnostic, ...]
    files: Mapping[str, LocalFile] = field(default_factory=dict)
    versions: tuple[tuple[str, Path], ...] = ()
    declared: tuple[str, ...] = ()
    waived: frozenset[Waiver] = frozenset()
    agreements: tuple[Agreement, ...] = ()


def check_model(
    file: SourceFile,
    collection: SourceFile | None,
    files: Mapping[str, LocalFile],
    grades: Grades = MappingProxyType({}),
    copies: Mapping[str, LocalFile] = MappingProxyType({}),
    language: str = ENGLISH,
) -> Checked:
    """Everything that can be said about one model file by itself.

    `collection` is the collection file of its folder, `files` are the other files of the source folder by path,
    `grades` the severities that the catalog file gives to rules, `copies` files for remote assets, by their href, and
    `language` is that of the catalog.
    """
    canonical, diagnostics = read_canonical(file, collection)
    if canonical is None:
        return Checked(None, tuple(diagnostics))
    findings = list(canonical.problems)
    refused = schema_findings(canonical, schema.MODEL_FILE)
    findings += refused
    if len(refused) > MAX_FINDINGS:
        return Checked(None, tuple(_to_diagnostics(canonical, diagnostics, findings)))
    fill_ids(canonical)
    findings += _ambiguous(canonical)
    data = canonical.data
    model = to_model(data, language)
    for rule, problem in islice(check_rules(model), MAX_FINDINGS + 1):
        if not _is_there(rule, problem.path, refused, data):
            findings.append((rule.id, problem))
    folder = posixpath.dirname(file.path)
    assets, asset_findings = find_assets(model, folder, files)
    versions, link_findings = _find_links(model, folder)
    agreements, file_findings = compare_files(model, {**copies, **assets})
    findings += [*asset_findings, *link_findings, *file_findings]
    diagnostics = _to_diagnostics(canonical, diagnostics, findings)
    waived: set[Waiver] = set()
    if collection is not None and (inherited := _read_collection(collection)) is not None:
        diagnostics, waived = waive(inherited, diagnostics)
    diagnostics, used = waive(canonical.document, diagnostics)
    diagnostics += [*waiver_faults(canonical.document), *unused_waivers(canonical.document, used)]
    diagnostics = regrade(diagnostics, grades)
    failed = any(d.severity == "error" for d in diagnostics)
    declared = canonical.data.get("stac_extensions", ())
    return Checked(
        None if failed else model, tuple(diagnostics), assets, tuple(versions), tuple(declared), frozenset(waived),
        tuple(agreements),
    )  # fmt: skip


def _is_there(rule: Rule, path: Path, refused: Iterable[tuple[str, Problem]], data: Mapping[str, Any]) -> bool:
    """Whether what a rule misses at a path is there but was refused, or is there under a misspelt key."""
    for refusing, problem in refused:
        for base in {path, path[:-1]} if rule.misses else ():
            if problem.path[: len(base)] != base or len(problem.path) == len(base):
                continue
            key = str(problem.path[len(base)])
            if refusing == "key-unknown" and len(problem.path) == len(base) + 1:
                if close_names(key, rule.misses):
                    return True
            elif key in rule.misses and not value_at(data, (*base, key)):
                return True
    return False


def regrade(diagnostics: Iterable[Diagnostic], grades: Grades) -> list[Diagnostic]:
    """The diagnostics with the severities that the catalog file gives to their rules, without those it turns off."""
    return [
        d if d.rule not in grades else replace(d, severity=grades[d.rule])
        for d in diagnostics
        if grades.get(d.rule) != "off"
    ]


def _to_diagnostics(
    canonical: Canonical, known: Iterable[Diagnostic], findings: list[tuple[str, Problem]]
) -> list[Diagnostic]:
    """The diagnostics known, and those of the findings; of very many findings the gravest, and one that says so."""
    known = list(known)
    if len(known) + len(findings) > MAX_FINDINGS:
        findings = sorted(findings, key=lambda finding: SEVERITIES.index(RULES[finding[0]].severity))
        message = f"there are more findings than {MAX_FINDINGS:,}; what follows is not told"
        more = Problem((), message, "mend the first ones, which may be the cause of the others")
        findings = [*findings[: MAX_FINDINGS - len(known)], ("findings-more", more)]
    return _once([*known, *(to_diagnostic(canonical, rule, problem) for rule, problem in findings)])


def _once(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics without those of ambiguous values that are wrong anyway, or called ambiguous before."""
    diagnostics = list(diagnostics)
    known = {d.span for d in diagnostics if d.severity == "error"}
    kept = []
    for diagnostic in diagnostics:
        if diagnostic.rule == "value-ambiguous":
            if diagnostic.span in known:
                continue
            known.add(diagnostic.span)
        kept.append(diagnostic)
    return kept


def read_canonical(file: SourceFile, collection: SourceFile | None) -> tuple[Canonical | None, list[Diagnostic]]:
    """A model file in canonical form, and what is wrong with its YAML; None when there is nothing to check."""
    document, diagnostics = parse(file.shown, file.text)
    if document is None:
        return None, diagnostics
    if not isinstance(document.data, Mapping):
        what = "is empty" if document.data is None else "is not a mapping of keys to values"
        hint = "begin with `description:`; the docs page “Model file” lists every key"
        return None, [*diagnostics, Diagnostic("value-type", "error", f"the file {what}", document.whole(), hint)]
    return to_canonical(document, file.path, _read_collection(collection)), diagnostics


def _read_collection(file: SourceFile | None) -> Document | None:
    return None if file is None else _parse_cached(file.shown, file.text)


@lru_cache(maxsize=64)
def _parse_cached(shown: str, text: str) -> Document | None:
    return parse(shown, text)[0]


def check_settings_file(file: SourceFile, uri: str) -> tuple[dict[str, Any] | None, list[Diagnostic]]:
    """The data of a catalog or collection file, as far as its schema accepts it, and what is wrong with it.

    Its waivers are left to the caller, who knows what else is found in it.
    """
    document, diagnostics = parse(file.shown, file.text)
    if document is None:
        return None, diagnostics
    if document.data is None:
        return {}, diagnostics
    if not isinstance(document.data, dict):
        message = "the file is not a mapping of keys to values"
        return None, [*diagnostics, Diagnostic("value-type", "error", message, document.whole())]
    canonical = Canonical(document, file.path, document.data, {})
    findings = schema_findings(canonical, uri)
    if len(findings) > MAX_FINDINGS:
        return None, _to_diagnostics(canonical, diagnostics, findings)
    findings += _ambiguous(canonical)
    for index, link in enumerate(canonical.data.get("links", ())):
        findings += _check_link(link["rel"], link["href"], ("links", index, "href"))
    findings += [("url-unsafe", problem) for problem in unsafe_urls(canonical.data.get("providers"), ("providers",))]
    return canonical.data, [*_to_diagnostics(canonical, diagnostics, findings), *waiver_faults(document)]


def to_diagnostic(canonical: Canonical, rule: str, problem: Problem) -> Diagnostic:
    """The problem at its line: the only place where a path in the data becomes a place in a file."""
    severity: Severity = RULES[rule].severity
    span = canonical.locate(problem.path, problem.on) if problem.path else canonical.document.whole()
    related = tuple((canonical.locate(path), text) for path, text in problem.related)
    edits = to_edits(*canonical.written_at(problem.path), problem.fix) if problem.fix else ()
    hint = short(problem.hint, _LONGEST) if problem.hint else problem.hint
    return Diagnostic(rule, severity, short(problem.message, _LONGEST), span, hint, related, edits)


def _ambiguous(canonical: Canonical) -> Iterator[tuple[str, Problem]]:
    written = {place: path for path, (document, place) in canonical.origin.items() if document is canonical.document}
    for path, reading in canonical.document.ambiguous:
        text = canonical.document.source_text(path)
        # The path is one in the file; the canonical one leads back to it.
        prefix = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in written), ())
        at = (*written[prefix], *path[len(prefix) :]) if prefix else path
        if at[:1] == ("rules",) and canonical.document.path.endswith(CATALOG_FILE):
            continue  # `off` is a severity there
        value, message = value_at(canonical.data, at), f"some YAML readers take {text} for {reading}"
        if isinstance(value, int):
            yield "value-ambiguous", Problem(at, message, f'write {value}, or quote it if it is text: "{text}"')
        else:
            yield "value-ambiguous", Problem(at, message, f'quote it: "{text}"', fix=Fix("quote"))


def value_at(data: Any, path: Path) -> Any:
    """What stands at a path of plain data; None where nothing does."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


# --- files and links -------------------------------------------------------------------------------------------------


def _resolve(folder: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(href.split("#", 1)[0].split("?", 1)[0])))


def find_assets(
    model: Model, folder: str, files: Mapping[str, LocalFile]
) -> tuple[dict[str, LocalFile], list[tuple[str, Problem]]]:
    """The local files of a model by href, and the assets that lead nowhere or contradict their file."""
    found: dict[str, LocalFile] = {}
    findings: list[tuple[str, Problem]] = []
    own = ("json", "yml", "source.json", "bib", "jsonld")
    reserved = (
        "index.html",
        "card.md",
        "CITATION.cff",
        "deploy",
        "latest",
        *(f"{model.id}.{suffix}" for suffix in own),
    )
    taken: dict[str, tuple[Asset | None, str]] = {name.lower(): (None, "") for name in reserved}
    for asset in model.assets:
        path: Path = (*asset.path, "href")
        if asset.key == CARD_ASSET:
            message = f"the key {CARD_ASSET} is taken by the model card"
            findings.append(("asset-name", Problem(asset.path, message, "give the asset another key", on="key")))
        if not is_relative(asset.href):
            if not _ADDRESS.match(asset.href):
                findings.append(("link-broken", Problem(path, f"“{short(asset.href)}” leads nowhere that is published",
                                                        "a URL, or a path beside the model file")))  # fmt: skip
            continue
        target = _resolve(folder, asset.href)
        local = files.get(target)
        if local is None:
            findings.append(("link-broken", Problem(path, f"there is no file {target} in the source folder",
                                                    _similar(target, files, len(findings)))))  # fmt: skip
            continue
        found[asset.href] = local
        name = unicodedata.normalize("NFC", asset.published_name).casefold()
        top, ours = name.split("/", 1)[0], (asset, target)
        owner, owned = taken.get(top) or taken.get(f"{name}/") or taken.setdefault(name, ours)
        if top != name:
            taken.setdefault(f"{top}/", ours)
        if (fault := _name_fault(asset.published_name)) is not None:
            findings.append(
                ("asset-name", Problem(path, f"the name {asset.published_name} {fault}", "rename the file"))
            )
        elif owned != target:
            by = f"the asset {owner.key}" if owner else "the build"
            message = f"the name {asset.published_name} is taken by {by}"
            related = (((*owner.path, "href"), "taken here"),) if owner else ()
            findings.append(("asset-name", Problem(path, message, "rename the file", related=related)))
    return found, findings


def _name_fault(path: str) -> str | None:
    """Why a path is not one that every file system takes."""
    for name in path.split("/"):
        if any(char in '<>:"|?*\\' or not char.isprintable() for char in name):
            return "has characters that some file systems refuse, or that cannot be seen"
        if name.split(".", 1)[0].lower() in RESERVED_NAMES or name.endswith((".", " ")):
            return "is one that some file systems refuse"
    return None


def _similar(target: str, files: Collection[str], already: int) -> str:
    near: list[str] = []
    if already * min(len(files), _MOST_SIMILAR) <= 10 * _MOST_SIMILAR:
        folder = posixpath.dirname(target)
        near = sorted(files, key=lambda path: posixpath.dirname(path) != folder)[:_MOST_SIMILAR]
    close = difflib.get_close_matches(target, near, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else "check the spelling, and that the file is committed"


def _find_links(model: Model, folder: str) -> tuple[list[tuple[str, Path]], list[tuple[str, Problem]]]:
    """The source paths of predecessors, and the links that lead nowhere; if a predecessor exists is known later."""
    versions: list[tuple[str, Path]] = []
    findings: list[tuple[str, Problem]] = []
    for link in model.links:
        path: Path = (*link.path, "href")
        if link.rel == _VERSION_REL and is_relative(link.href):
            versions.append((_resolve(folder, link.href), path))
        else:
            findings += _check_link(link.rel, link.href, path)
    return versions, findings


def _check_link(rel: str, href: str, path: Path) -> Iterator[tuple[str, Problem]]:
    if rel in STRUCTURAL_RELS:
        message = f"the build writes the links of relation {rel} itself"
        yield "link-broken", Problem(path, message, "remove the link, or give it another relation")
    elif is_relative(href):
        # Only assets are copied, so a relative link would be broken where it is published.
        hint = "list the file in assets, or link to a URL"
        yield "link-broken", Problem(path, f"{short(href)} is not published by a link", hint)
    elif not _ADDRESS.match(href):
        yield "link-broken", Problem(path, f"“{short(href)}” leads nowhere", "an http or https URL")


def unknown_file(file: LocalFile, shown: str) -> Diagnostic:
    """The diagnostic of a file that no model uses."""
    suffix = posixpath.splitext(file.path)[1]
    hint = "name it as an asset of a model, remove it, or begin its name with _"
    if close_names(suffix, (".yml", ".yaml", ".json")) or any(part in file.path for part in (".yml", ".yaml")):
        hint = "model files end in .yml, .yaml or .json; rename it if it is one"
    message = f"{posixpath.basename(file.path)} is neither a model file nor a file of a model"
    return Diagnostic("file-unknown", RULES["file-unknown"].severity, message, Span(shown), hint)
