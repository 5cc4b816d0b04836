"""The MkDocs plugin `dlm-catalog`: the models of a source folder as pages of any MkDocs site, beside their STAC files.

Without a source it adds the generated reference pages, for the documentation of dlm-catalog itself.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from mkdocs.config import config_options
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.livereload import LiveReloadServer
from mkdocs.plugins import BasePlugin, get_plugin_logger
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import get_toc
from mkdocs.utils import is_markdown_file

from builder import exporters, pipeline, reference
from builder.catalog import CollectionEntries, Entry, Library
from builder.exporters.card_md import plain, prose
from builder.facts import sentence
from builder.output import Artifact
from builder.prose import markdown, plain_text
from builder.report import format_text
from builder.source import shown_path

log = get_plugin_logger("dlm-catalog")
_HEADING_OR_TABLE = re.compile(r"<h[1-6][^>]*>(?P<heading>.*?)</h[1-6]>|<table>.*?</table>", re.DOTALL)
_HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>", re.DOTALL)
_PERMALINK = re.compile(r'<a class="headerlink".*?</a>')
_TAG = re.compile(r"<[^>]+>")


class Settings(Config):  # type: ignore[no-untyped-call]
    """What the site's configuration says under `dlm-catalog`."""

    source = config_options.Optional(config_options.Dir(exists=True))
    folder = config_options.Type(str, default="models")
    nav = config_options.Type(str, default="Models")
    models_in_nav = config_options.Type(bool, default=True)


@dataclass(frozen=True, slots=True)
class CatalogPage:
    """A page of the catalog: its place in the catalog, its title as text, and its Markdown."""

    path: str
    title: str
    text: str


class DLMCatalogPlugin(BasePlugin[Settings]):  # type: ignore[no-untyped-call]
    """Use it with `plugins: [dlm-catalog: {source: catalog_src}]`.

    Models never pass through the Markdown of the site, whose extensions may run code, read files or set any attribute:
    a page of the catalog holds nothing but its title until MkDocs has rendered it, and is then given its content.
    """

    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        """The files of the site with those of the catalog, or the generated reference pages, among them."""
        self.pages: dict[str, CatalogPage] = {}
        if self.config.source is None:
            for path, text in reference.pages().items():
                files.append(File.generated(config, path, content=text))
            return files
        folder = self.config.folder.strip("/")
        if ".." in folder.split("/") or "\\" in folder:
            raise PluginError(f"dlm-catalog: folder: {self.config.folder} does not name a folder of the site")
        prefix = f"{folder}/" if folder else ""
        base_url = f"{config.site_url.rstrip('/')}/{folder}".rstrip("/") if config.site_url else None
        library, artifacts = _build(FilePath(self.config.source), base_url)
        self.pages = {prefix + page.path: page for page in to_pages(library)}
        for path, page in self.pages.items():
            if files.get_file_from_path(path) is None:  # else the site has a page of its own there
                shown = self.config.models_in_nav or page.path.count("/") < 2
                level = InclusionLevel.INCLUDED if shown else InclusionLevel.NOT_IN_NAV
                title = f"---\ntitle: {json.dumps(_title(page.title))}\n---\n"
                files.append(File.generated(config, path, content=title, inclusion=level))
        for artifact in artifacts:
            files.append(_to_file(artifact, prefix, config))
        if config.nav is not None:
            config.nav = self._with_catalog(config.nav, library, prefix)
        return files

    def on_page_content(self, html: str, *, page: Page, **_: Any) -> str:
        """The content of a page of the catalog, with its headings in the table of contents; other pages as they are."""
        if self.config.source is None:
            return with_regions(html)
        own = self.pages.get(page.file.src_uri)
        if own is None or page.file.generated_by != "dlm-catalog":
            return html
        content, tokens = with_ids(str(markdown(own.text, "table", 1)))
        page.toc = get_toc(tokens)
        return content

    def on_serve(self, server: LiveReloadServer, **_: Any) -> LiveReloadServer:
        """The server, which builds again when a model file changes."""
        if self.config.source is not None:
            server.watch(self.config.source)
        return server

    def _with_catalog(self, nav: list[Any], library: Library, prefix: str) -> list[Any]:
        """The navigation with the catalog at the place that names its folder, else at the end."""
        inside: list[Any] = [f"{prefix}index.md"]
        for collection in library.collections:
            pages = [f"{prefix}{collection.info.id}/index.md"]
            if self.config.models_in_nav:
                pages += [f"{prefix}{entry.folder}/index.md" for entry in collection.entries]
            inside.append({_title(collection.info.title): pages})
        places = [n for n, item in enumerate(nav) if prefix and (item == prefix or _only_value(item) == prefix)]
        if places:
            title = next(iter(nav[places[0]])) if isinstance(nav[places[0]], dict) else self.config.nav
            return [*nav[: places[0]], {title or _title(library.info.title): inside}, *nav[places[0] + 1 :]]
        return [*nav, {self.config.nav: inside}] if self.config.nav else nav


def _title(text: str) -> str:
    """A title as MkDocs keeps it: themes print titles as HTML."""
    return html.escape(plain_text(" ".join(text.split())), quote=False)


def _only_value(item: object) -> object:
    return next(iter(item.values())) if isinstance(item, dict) and len(item) == 1 else None


def _build(source: FilePath, base_url: str | None) -> tuple[Library, list[Artifact]]:
    """The library of a source folder, and its files that are no pages; findings are logged where MkDocs counts them.

    Raises PluginError when there is an error, or no model.
    """
    made = pipeline.build(pipeline.Settings(source, base_url))
    for found in made.diagnostics:
        if found.severity != "note":
            (log.error if found.severity == "error" else log.warning)(format_text([found]))
    if made.failed or made.library is None:
        shown = shown_path(source)
        what = "has errors" if made.failed else "has no models"
        raise PluginError(f"dlm-catalog: {shown} {what}; build-catalog check {shown} says more")
    folders = {entry.folder for entry in made.library.entries}

    def is_wanted(path: str) -> bool:
        inside = "/".join(path.split("/")[:2]) in folders
        whole = path in ("catalog.json", "models.json") or path.endswith("/collection.json")
        return not path.endswith(".html") and (inside or whole or path.startswith("schemas/"))

    return made.library, [artifact for artifact in made.artifacts if is_wanted(artifact.path)]


def _to_file(artifact: Artifact, prefix: str, config: MkDocsConfig) -> File:
    """A file that MkDocs copies, also where it would take it for the text of a page."""
    path = prefix + artifact.path
    name = f"{path}.txt" if is_markdown_file(path) else path
    level = InclusionLevel.INCLUDED
    if isinstance(artifact.content, bytes):
        file = File.generated(config, name, content=artifact.content, inclusion=level)
    else:
        file = File.generated(config, name, abs_src_path=str(artifact.content), inclusion=level)
    file.dest_uri = path
    return file


# --- pages -----------------------------------------------------------------------------------------------------------


def to_pages(library: Library) -> Iterator[CatalogPage]:
    """The pages of a catalog: itself, its collections and its models, each as `index.md` in its folder."""
    info = library.info
    rows = [f"| [{plain(c.info.title)}]({c.info.id}/index.html) | {len(c.entries)} |" for c in library.collections]
    table = "\n".join(["| Collection | Models |", "| --- | --- |", *rows])
    links = "[STAC catalog](catalog.json) · [models.json](models.json)"
    yield CatalogPage("index.md", info.title, _page(info.title, prose(info.description, 2), table, links))
    for collection in library.collections:
        yield _collection_page(collection)
    entries = pipeline.finish(library)
    cards = exporters.export("card", entries, info).artifacts
    for entry, card in zip(entries, cards, strict=True):
        assert isinstance(card.content, bytes)  # noqa: S101  it was written a moment ago
        name = entry.href.rpartition("/")[2]
        links = f"[STAC Item]({name}) · [All of this collection](../index.html)"
        text = f"{card.content.decode()}\n{links}\n"
        yield CatalogPage(f"{entry.folder}/index.md", entry.model.name, text)


def _collection_page(collection: CollectionEntries) -> CatalogPage:
    rows = [f"| {' | '.join(_row(entry))} |" for entry in collection.entries]
    table = "\n".join(["| Model | Task | Version | License | |", "| --- | --- | --- | --- | --- |", *rows])
    info = collection.info
    text = _page(info.title, prose(info.description, 2), table, "[STAC Collection](collection.json)")
    return CatalogPage(f"{info.id}/index.md", info.title, text)


def _row(entry: Entry) -> Iterator[str]:
    model = entry.model
    yield f"[{plain(model.name)}]({entry.folder.rpartition('/')[2]}/index.html)"
    yield plain(sentence(", ".join(model.tasks)))
    yield plain(model.version or "")
    yield plain(model.license or "")
    yield "withdrawn" if model.withdrawn else "deprecated" if model.deprecated else ""


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {plain(title)}", *filter(None, parts))) + "\n"


def with_ids(page: str) -> tuple[str, list[Any]]:
    """HTML whose headings have ids, and those headings as MkDocs wants them for a table of contents."""
    used: set[str] = set()
    top: list[Any] = []
    last: list[dict[str, Any]] = []

    def name(match: re.Match[str]) -> str:
        level, words = int(match[1]), html.unescape(_TAG.sub("", match[2])).strip()
        slug = base = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "section"
        number = 1
        while slug in used:
            number += 1
            slug = f"{base}-{number}"
        used.add(slug)
        while last and last[-1]["level"] >= level:
            last.pop()
        token = {"level": level, "id": slug, "name": html.escape(words), "children": []}
        (last[-1]["children"] if last else top).append(token)
        last.append(token)
        return f'<h{level} id="{slug}">{match[2]}</h{level}>'

    return _HEADING.sub(name, page), top


def with_regions(page: str) -> str:
    """HTML whose tables are regions named after the heading above them, and whose code takes the focus."""
    heading, number = "", 0

    def wrap(match: re.Match[str]) -> str:
        nonlocal heading, number
        if match["heading"] is not None:
            heading = html.unescape(_TAG.sub("", _PERMALINK.sub("", match["heading"]))).strip()
            return match[0]
        number += 1
        label = html.escape(f"Table {number}: {heading}" if heading else f"Table {number}")
        return f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">{match[0]}</div>'

    return _HEADING_OR_TABLE.sub(wrap, page).replace("<pre>", '<pre tabindex="0">').replace("<th>", '<th scope="col">')
