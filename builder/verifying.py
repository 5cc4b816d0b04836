"""What the command `verify` finds out: whether files of weights are what the model files say of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from builder.about import to_about
from builder.agreement import Agreement
from builder.check import Checked, check_model, read_canonical
from builder.diagnostic import Diagnostic, sort_diagnostics
from builder.download import FetchError
from builder.exporters.models_json import read_records
from builder.model import WEIGHT_ROLES, Asset, is_relative
from builder.rules.weights import file_name
from builder.source import COLLECTION_FILE, LocalFile, Source, SourceFile, find_root, find_source, nearest_collection

__all__ = ["Fetch", "Target", "Verified", "VerifyError", "find_targets", "format_text", "verify"]

REMOTE = "not here; --weights names a copy, --download fetches it"


_SHOWN = 3


class VerifyError(Exception):
    """What was asked for cannot be verified. The message says what, and why."""


Fetch = Callable[[str, Mapping[str, Any]], LocalFile]
"""Gives the file behind the address and the fields of an asset. Raises FetchError."""


@dataclass(frozen=True, slots=True)
class Target:
    """A model file to verify, with what it needs to be read."""

    source: Source
    file: SourceFile

    @property
    def assets(self) -> dict[str, dict[str, Any]]:
        """The assets as they are written, by key; those that make no sense left out."""
        canonical, _ = read_canonical(self.file, nearest_collection(self.file.path, self.source.collections))
        assets = canonical.data.get("assets") if canonical is not None else None
        pairs = assets.items() if isinstance(assets, Mapping) else ()
        return {key: raw for key, raw in pairs if isinstance(raw, dict) and isinstance(raw.get("href"), str)}


@dataclass(frozen=True, slots=True)
class Verified:
    """What verifying a model file gave: its id (the path where it has none), the findings, and what was compared."""

    model: str
    diagnostics: tuple[Diagnostic, ...]
    agreements: tuple[Agreement, ...]


def find_targets(location: FilePath) -> list[Target]:
    """The model files of a source or collection folder, the Items of a built site, or the one model file or Item."""
    if location.is_file():
        source = find_source(find_root(location), only=location)
        return [Target(source, file) for file in source.models]
    if (location / "models.json").is_file() and (location / "catalog.json").is_file():
        return [target for item in _find_items(location) for target in find_targets(item)]
    root = find_root(location / COLLECTION_FILE) if (location / COLLECTION_FILE).is_file() else location.resolve()
    source = find_source(root)
    inside = location.resolve()
    return [Target(source, file) for file in source.models if (root / file.path).is_relative_to(inside)]


def _find_items(site: FilePath) -> Iterator[FilePath]:
    """The Items that the index of a site lists."""
    try:
        records = read_records(lambda path: json.loads((site / path).read_text(encoding="utf-8")))
        items = [(site / record["href"]).resolve() for record in records]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise VerifyError(f"{site / 'models.json'} is not the index of a site: {error}") from error
    for item in items:
        if not item.is_relative_to(site.resolve()) or not item.is_file():
            raise VerifyError(f"{site / 'models.json'} lists {item.name}, which is not in the site")
        yield item


def verify(
    targets: Sequence[Target], weights: Sequence[FilePath] = (), fetch: Fetch | None = None,
    spare: Collection[FilePath] = (),
) -> list[Verified]:  # fmt: skip
    """Holds each model file against its files: local ones, `weights` (copies of remote ones), and what `fetch` gives.

    Raises VerifyError where a copy belongs to no asset, or to more than one; those of `spare` may belong to none.
    """
    copies = _place(targets, weights, spare)
    return [_verify(target, copies.get(index, {}), fetch) for index, target in enumerate(targets)]


def _place(
    targets: Sequence[Target], weights: Sequence[FilePath], spare: Collection[FilePath]
) -> dict[int, dict[str, LocalFile]]:  # fmt: skip
    """The copies by the number of their target and the href of their asset."""
    placed: dict[int, dict[str, LocalFile]] = {}
    known = [(index, raw) for index, target in enumerate(targets) for raw in target.assets.values()] if weights else []
    for copy in weights:
        file = LocalFile(copy.name, copy)
        named = [(index, raw) for index, raw in known if file_name(_asset("", raw)) == copy.name]
        # Many models have a file of one name; size and checksum tell them apart.
        exact = [(i, raw) for i, raw in named if _is_stated(raw, file)] if len(named) > 1 else named
        only = [(index, raw) for index, raw in known if _is_weights(raw)]
        found = exact or named or (only if len(only) == 1 and copy not in spare else [])
        if not found and copy in spare:
            continue
        if len(found) != 1:
            many = f"{len(found)} assets have that name; name one model file" if found else "no asset has that name"
            raise VerifyError(f"{copy}: {many}")
        placed.setdefault(found[0][0], {})[found[0][1]["href"]] = file
    return placed


def _is_stated(raw: Mapping[str, Any], file: LocalFile) -> bool:
    size, checksum = raw.get("file:size"), raw.get("file:checksum")
    return size in (None, file.size) and (checksum == f"1220{file.sha256}" or (checksum is None and size is not None))


def _is_weights(raw: Mapping[str, Any]) -> bool:
    roles = raw.get("roles")
    return isinstance(roles, list) and any(role in WEIGHT_ROLES for role in roles if isinstance(role, str))


def _asset(key: str, raw: Mapping[str, Any]) -> Asset:
    return Asset(("assets", key), key, raw["href"], raw)


def _verify(target: Target, copies: dict[str, LocalFile], fetch: Fetch | None) -> Verified:
    reasons: dict[str, str] = {}
    for key, raw in target.assets.items():
        href = raw["href"]
        if is_relative(href) or href in copies or not _is_weights(raw):
            continue
        reasons[key] = REMOTE
        if fetch is not None:
            try:
                copies[href] = fetch(href, raw)
            except FetchError as error:
                reasons[key] = str(error)
    about = to_about(target.source)
    collection = nearest_collection(target.file.path, target.source.collections)
    checked = check_model(target.file, collection, target.source.files, about.grades, copies, about.catalog.language)
    compared = {agreement.asset for agreement in checked.agreements}
    absent = [Agreement(key, "unchecked", reason=why) for key, why in reasons.items() if key not in compared]
    return Verified(_name(checked, target), _relevant(checked), (*checked.agreements, *absent))


def _name(checked: Checked, target: Target) -> str:
    return checked.model.id if checked.model is not None else target.file.path.rpartition("/")[2].rpartition(".")[0]


def _relevant(checked: Checked) -> tuple[Diagnostic, ...]:
    """The findings about files, and whatever is an error: a fact that is wrong in itself was not compared."""
    about_files = [d for d in checked.diagnostics if d.rule.startswith("weights-") or d.rule == "file-checksum"]
    left_out = ("weights-missing", "weights-unsafe")
    kept = [d for d in about_files if d.rule not in left_out]
    return tuple(sort_diagnostics([*kept, *(d for d in checked.diagnostics if d.severity == "error")]))


def format_text(results: Sequence[Verified]) -> str:
    """A line for each file that was compared; the others by the reason why not."""
    lines, absent = [], dict[str, list[str]]()
    for result in results:
        for agreement in result.agreements:
            name = f"{result.model}, {agreement.asset}"
            if agreement.status == "unchecked" and not agreement.compared:
                absent.setdefault(agreement.reason, []).append(name)
                continue
            but = f"; not compared further: {agreement.reason}" if agreement.reason else ""
            words = {"agrees": "agrees", "differs": "DIFFERS", "unchecked": "not checked"}[agreement.status]
            lines.append(f"{name}: {words} ({', '.join(agreement.compared)}){but}")
    for reason, names in sorted(absent.items()):
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        lines.append(f"not checked ({', '.join(names[:_SHOWN])}{more}): {reason}")
    return "\n".join(lines)
