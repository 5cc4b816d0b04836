"""What the catalog file, the collection files and the settings say about the catalog as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from builder import schema
from builder.catalog import OF_COLLECTION, CatalogInfo, CollectionInfo
from builder.check import Grades, check_settings_file, regrade
from builder.diagnostic import Diagnostic, Span
from builder.document import parse
from builder.model import to_providers
from builder.rules import RULES, suggest_rules
from builder.source import CATALOG_FILE, Source, SourceFile, shown_path
from builder.stac import Titles
from builder.waiver import unused_waivers, waive
from builder.words import ENGLISH, mark, say, speaking


@dataclass(frozen=True, slots=True)
class About:
    """What the catalog file, the collection files and the settings say."""

    catalog: CatalogInfo
    collections: Mapping[str, CollectionInfo]
    dlm_uri: str
    grades: Grades = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = field(default=())

    @property
    def titles(self) -> Titles:
        collections = {key: info.title for key, info in self.collections.items()}
        return Titles(self.catalog.title, collections, self.dlm_uri, self.catalog.mlm)


def to_about(source: Source, base_url: str | None = None) -> About:
    """The catalog and collection files, checked, with what stands for them where they are missing.

    `base_url` goes before the catalog file's.
    """
    diagnostics: list[Diagnostic] = []

    def read(file: SourceFile | None, uri: str) -> dict[str, Any]:
        if file is None:
            return {}
        data, found = check_settings_file(file, uri)
        diagnostics.extend(found)
        return data or {}

    data = read(source.catalog, schema.CATALOG_FILE)
    base_url = base_url or data.get("base_url")
    language = data.get("language", ENGLISH)
    catalog_id = data.get("id", source.root.name)
    title = data.get("title", catalog_id)
    catalog = CatalogInfo(
        catalog_id, title, data.get("description") or _describe(language, mark("Deep-learning models: {0}."), title),
        base_url.rstrip("/") if base_url else None, tuple(data.get("keywords", ())),
        to_providers(data.get("providers", [])), tuple(data.get("links", ())),
        data.get("source_url"), data.get("issues_url"), tuple(data.get("exports", ())),
        data.get("mlm", True), language, tuple(data.get("fields", {}).items()),
    )  # fmt: skip
    collections = {}
    for folder, file in source.collections.items():
        about = read(file, schema.COLLECTION_FILE)
        key = folder.split("/", 1)[0]
        if "/" in folder:
            continue  # defaults for a folder inside a collection
        name = about.get("title", key)
        collections[key] = CollectionInfo(
            key, name, about.get("description") or _describe(language, OF_COLLECTION, name), about.get("license"),
            tuple(about.get("keywords", ())), to_providers(about.get("providers", [])), tuple(about.get("links", ())),
        )  # fmt: skip
    if not catalog.base_url:
        document = parse(source.catalog.shown, source.catalog.text)[0] if source.catalog else None
        unread = source.catalog.shown if source.catalog else shown_path(source.root / CATALOG_FILE)
        span = document.whole() if document else Span(unread)
        message = f"the extension's id is {schema.DLM}, which leads nowhere, because no base_url is set"
        hint = "set base_url in catalog.yml, or pass --base-url"
        diagnostics.append(_finding("extension-unresolvable", message, span, hint))
    grades = _to_grades(source.catalog, data.get("rules", {}), diagnostics)
    diagnostics = _waive(source, diagnostics)
    if not catalog.mlm:
        grades["mlm-missing"] = "off"
    dlm_uri = schema.published(catalog.base_url)[0]
    return About(catalog, collections, dlm_uri, grades, tuple(regrade(diagnostics, grades)))


def _describe(language: str, text: str, name: str) -> str:
    """What stands for a description that is not given, in the language of the site."""
    with speaking(language):
        return say(text, name)


def _waive(source: Source, diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics without those waived in these files; of the catalog file, waivers that waive nothing are found.

    Those of a collection file may count for its models: see `across`.
    """
    for file in filter(None, (source.catalog, *source.collections.values())):
        if (document := parse(file.shown, file.text)[0]) is not None:
            diagnostics, used = waive(document, diagnostics)
            if file is source.catalog:
                diagnostics += unused_waivers(document, used)
    return diagnostics


def _to_grades(file: SourceFile | None, rules: Mapping[str, str], diagnostics: list[Diagnostic]) -> dict[str, str]:
    """The severities that the catalog file gives to rules, but for rules that do not exist or must stay as they are."""
    grades = {}
    for rule, severity in rules.items():
        if rule in RULES and not RULES[rule].binding:
            grades[rule] = severity
        elif file is not None:
            document, _ = parse(file.shown, file.text)
            span = document.locate(("rules", rule), "key") if document else Span(file.shown)
            if rule in RULES:
                message, hint = f"{rule} keeps its severity", "mend what it finds"
                diagnostics.append(_finding("value-choice", message, span, hint))
            else:
                diagnostics.append(_finding("key-unknown", f"there is no rule {rule}", span, suggest_rules(rule)))
    return grades


def _finding(rule: str, message: str, span: Span, hint: str | None) -> Diagnostic:
    return Diagnostic(rule, RULES[rule].severity, message, span, hint)
