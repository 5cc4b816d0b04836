"""Stage 6, render: the pages of the site, as Artifacts. Pure functions of their arguments: no files, no clock.

Every page works from disk, from the root of a host and from any folder of one, so links are relative; `root` is the
way from a page to the top of the site, empty or `../` as often as needed.
"""

from __future__ import annotations

import html
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from builder.card import to_card, to_summary
from builder.catalog import CatalogInfo, CollectionEntries, Entry, Library, Neighbours, Told, to_reference
from builder.deploy import Bundle
from builder.exporters import jsonld
from builder.facts import shorten
from builder.feed import FALLBACK, to_events
from builder.lists import LIMIT, PAGE, VALUES, Listing, Paging, Row, to_coverage, to_listings, to_pages, to_row
from builder.output import Artifact, Part
from builder.prose import markdown
from builder.schema import DLM_PATH
from builder.standing import Statistics
from builder.templates import Templates
from builder.words import ENGLISH, load, say, to_script

FEED_LENGTH = 100
MAP_ADDRESSES, MAP_BYTES = 50_000, 50_000_000
"""What a file of the site map may hold at most."""
_FEED_NAMESPACE = uuid.UUID("5bb5dc3b-5ee3-5cdc-9f4e-3f0ffab2d1f8")
_PLAIN_FILES = {".nojekyll": b""}
"""`.nojekyll` has GitHub Pages serve the files as they are."""


@dataclass(frozen=True, slots=True)
class Shell:
    """What every page knows: the catalog, its collections as (id, title, number of models), whether there are docs.

    From a folder of templates come `logo` and `custom_css`, file names in `assets/` or empty, and `pages`, what it
    adds, as (path, title).
    """

    catalog: CatalogInfo
    collections: tuple[tuple[str, str, int], ...]
    has_docs: bool
    generator: str
    statistics: Statistics = field(default_factory=Statistics)
    logo: str = ""
    custom_css: str = ""
    pages: tuple[tuple[str, str], ...] = ()

    @property
    def direction(self) -> str:
        """In which direction the language of the site is written: `ltr` or `rtl`."""
        return load(self.catalog.language).direction

    @property
    def has_words(self) -> bool:
        """Whether scripts read their words from `assets/words.js`: in every language but English, which they have."""
        return self.catalog.language != ENGLISH


@dataclass(frozen=True, slots=True)
class Page:
    """One page's own facts: its path in the site, the way to the top, and what search engines are told; `data` is
    JSON-LD."""

    path: str
    root: str
    title: str
    description: str
    canonical: str = ""
    data: str = ""


def render_card(
    entry: Entry, neighbours: Neighbours, shell: Shell, templates: Templates, bundle: Bundle | None = None
) -> list[Artifact]:
    """The model card, `<collection>/<id>/index.html`; it links the files of `bundle`, to deploy the model from.
    Beside it the way to the latest version of its line."""
    model = entry.model
    collection = next((title for key, title, _ in shell.collections if key == model.collection), model.collection)
    page = _page(shell, f"{entry.folder}/index.html", model.name, to_summary(model))
    page = replace(page, data=jsonld.to_script(jsonld.to_dataset(entry, shell.catalog)))
    text = templates.render(
        "card.html",
        shell=shell,
        page=page,
        model=model,
        card=to_card(entry, shell.catalog, shell.statistics, bundle),
        item=entry.item,
        neighbours=neighbours,
        collection_title=collection,
        source_name=source_artifact(entry).path.rsplit("/", 1)[-1],
        schema_path=DLM_PATH,
    )
    pages = [_artifact(page.path, text)]
    if len(neighbours.versions) > 1:
        pages.append(_latest(entry, neighbours, shell, templates))
    return pages


def _latest(entry: Entry, neighbours: Neighbours, shell: Shell, templates: Templates) -> Artifact:
    """The page that leads to the version to use of a line, under the name of each of its versions."""
    model, target = entry.model, neighbours.latest or to_reference(entry)
    words = say("Leads to {0}, the latest version of {1}.", target.title, model.name)
    page = _page(shell, f"{entry.folder}/latest/index.html", say("Latest version of {0}", model.name), words)
    base_url = _base_url(shell)
    page = replace(page, canonical=_canonical(base_url, f"{target.folder}/index.html") if base_url else "")
    inside = target.collection == model.collection
    href = f"../../{target.id}/index.html" if inside else f"../../../{target.folder}/index.html"
    return _artifact(page.path, templates.render("latest.html", shell=shell, page=page, target=target, href=href))


def source_artifact(entry: Entry) -> Artifact:
    """The model file itself, published beside the card: `<id>.yml`, or `<id>.source.json` where it is JSON."""
    suffix = ".source.json" if entry.source.lower().endswith(".json") else ".yml"
    return Artifact(f"{entry.folder}/{entry.model.id}{suffix}", entry.text.encode("utf-8", "replace"))


def render_pages(library: Library, shell: Shell, templates: Templates) -> list[Artifact]:
    """Every page that is not a card, the feed, and the files that hosts and crawlers read."""
    return [artifact for part in page_parts(library, shell, templates) for artifact in part.make()]


def page_parts(library: Library, shell: Shell, templates: Templates) -> Iterator[Part]:
    """The same, in parts that are made of different things."""
    frame, listings = _frame(shell, templates), to_listings(library)
    yield from _lists(library, listings, shell, templates)
    yield Part("tools", frame, lambda: [*_tools(shell, templates), _missing(shell, templates)])
    yield Part("added", frame, lambda: _added(shell, templates))
    items = _feed_items(library, shell)
    yield Part("feed", (frame, items), lambda: [_feed(items, shell, templates)])
    paths = _addresses(library, listings, shell)
    yield Part("crawling", (frame, paths), lambda: _crawling(paths, shell, templates))
    yield Part("assets", (templates.digest,), lambda: [*_assets(templates), *_words(shell)])


def _frame(shell: Shell, templates: Templates) -> tuple[Any, ...]:
    """What all pages show, but for figures that cards alone have; the counts of collections are on the start page."""
    return replace(shell, statistics=Statistics(), collections=()), templates.digest


def _lists(library: Library, listings: tuple[Listing, Listing], shell: Shell, templates: Templates) -> Iterator[Part]:
    """The start page, a page for each collection, and the lists by task and by sensor."""
    groups = [
        (collection, [entry.recall(to_row) for entry in collection.entries]) for collection in library.collections
    ]
    told = [(collection.info, Told(collection.entries, to_row)) for collection in library.collections]
    yield Part(
        "home", (_frame(shell, templates), library.updated, told),
        lambda: [_home(library, groups, listings, shell, templates)],
    )  # fmt: skip
    if len(groups) > PAGE:
        yield from _collections(groups, shell, templates)
    for collection, rows in groups:
        yield from _collection(collection, rows, shell, templates)
    for listing in listings:
        yield from _listing(listing, shell, templates)


def _home(
    library: Library,
    groups: Sequence[tuple[CollectionEntries, Sequence[Row]]],
    listings: tuple[Listing, Listing],
    shell: Shell,
    templates: Templates,
) -> Artifact:
    """The start page."""
    info = library.info
    page = _page(shell, "index.html", info.title, _one_line(info.description))
    shown = replace(library, collections=library.collections[:PAGE])
    page = replace(page, data=jsonld.to_script(jsonld.to_data_catalog(shown)))
    text = templates.render(
        "home.html",
        shell=shell,
        page=page,
        library=library,
        groups=groups[:PAGE],
        total=len(library.entries),
        every=len(library.entries) <= LIMIT and len(groups) <= PAGE,
        coverage=to_coverage(*listings),
    )
    return _artifact(page.path, text)


def _collection(
    collection: CollectionEntries, rows: Sequence[Row], shell: Shell, templates: Templates
) -> Iterator[Part]:
    """The pages of a collection."""
    frame = _frame(shell, templates)

    def render(paging: Paging, part: Sequence[Row]) -> Iterator[Artifact]:
        page = _numbered(shell, paging, collection.info.title, _one_line(collection.info.description))
        names = {"collection": collection, "rows": part, "paging": paging}
        yield _artifact(page.path, templates.render("collection.html", shell=shell, page=page, **names))

    for paging, part in to_pages(rows, f"{collection.info.id}/index.html", PAGE):
        yield Part(paging.to_path(paging.number), (frame, collection.info, paging, part), partial(render, paging, part))


def _collections(
    groups: Sequence[tuple[CollectionEntries, Sequence[Row]]], shell: Shell, templates: Templates
) -> Iterator[Part]:
    """The list of all collections, where the start page has only the first ones."""
    lines = [
        {"title": collection.info.title, "href": f"{collection.info.id}/index.html", "number": len(rows), "rows": []}
        for collection, rows in groups
    ]
    yield from _list("search/collections.html", say("Collections"), None, lines, shell, templates)


def _listing(listing: Listing, shell: Shell, templates: Templates) -> Iterator[Part]:
    """The list by task or sensor: one page, or for a large catalog one that leads to pages for each."""

    def rows(entries: tuple[Entry, ...]) -> list[Row]:
        return [entry.recall(to_row) for entry in entries]

    lines = [
        {
            "title": group.title,
            "anchor": group.anchor,
            "href": group.href,
            "number": len(group.entries),
            "rows": [] if listing.divided else rows(group.entries),
        }
        for group in listing.groups
    ]
    yield from _list(listing.path, listing.title, None, lines, shell, templates)
    for group in listing.groups if listing.divided else ():
        for paging, part in to_pages(group.entries, group.path, PAGE):
            line = {"title": group.title, "anchor": group.anchor, "href": group.href, "number": len(group.entries)}
            heading = f"{listing.title}: {group.title}"
            yield _list_page(paging, heading, listing, [{**line, "rows": rows(tuple(part))}], shell, templates)


def _list(
    path: str,
    heading: str,
    parent: Listing | None,
    lines: Sequence[Mapping[str, object]],
    shell: Shell,
    templates: Templates,
) -> Iterator[Part]:
    for paging, part in to_pages(lines, path, VALUES):
        yield _list_page(paging, heading, parent, part, shell, templates)


def _list_page(
    paging: Paging,
    heading: str,
    parent: Listing | None,
    groups: Sequence[Mapping[str, object]],
    shell: Shell,
    templates: Templates,
) -> Part:
    def render() -> Iterator[Artifact]:
        page = _numbered(shell, paging, heading, say("{0} in {1}", heading, shell.catalog.title))
        names = {"heading": heading, "parent": parent, "groups": groups, "paging": paging}
        yield _artifact(page.path, templates.render("list.html", shell=shell, page=page, **names))

    above = parent and (parent.path, parent.title)
    return Part(paging.to_path(paging.number), (_frame(shell, templates), heading, above, groups, paging), render)


def _tools(shell: Shell, templates: Templates) -> Iterator[Artifact]:
    """The pages that work on the index alone, compare and match."""
    words = say("Models side by side: what they read, how they prepare it, what comes out.")
    page = _page(shell, "compare/index.html", say("Compare models"), words)
    yield _artifact(page.path, templates.render("compare.html", shell=shell, page=page))
    words = say("Which models fit your imagery, ranked, with reasons.")
    page = _page(shell, "match/index.html", say("Match imagery"), words)
    yield _artifact(page.path, templates.render("match.html", shell=shell, page=page))


def _words(shell: Shell) -> Iterator[Artifact]:
    """The words of the scripts, where they are not those that the scripts have."""
    if shell.has_words:
        yield Artifact("assets/words.js", to_script(load(shell.catalog.language)).encode())


def _added(shell: Shell, templates: Templates) -> Iterator[Artifact]:
    """The pages that a folder of templates adds."""
    for path, (title, text) in sorted(templates.pages.items()):
        page = _page(shell, path, title, f"{title}: {shell.catalog.title}" if text is None else _one_line(text))
        if text is None:
            yield _artifact(path, templates.render(path, shell=shell, page=page, title=title))
        else:
            yield _artifact(path, templates.render("added.html", shell=shell, page=page, title=title, text=text))


def _missing(shell: Shell, templates: Templates) -> Artifact:
    """The page that hosts show for an address that leads nowhere, at any depth."""
    page = _page(shell, "404.html", say("Page not found"), say("There is no page at this address"))
    # It is shown under the address that was asked for, so only links from the top of the host lead anywhere.
    root = urlsplit(shell.catalog.base_url).path.rstrip("/") + "/" if shell.catalog.base_url else ""
    page = Page(page.path, root, page.title, page.description)
    return _artifact(page.path, templates.render("404.html", shell=shell, page=page))


def _feed_items(library: Library, shell: Shell) -> list[dict[str, str]]:
    """What the feed says of what happened to the models, the newest first."""
    base_url = _base_url(shell)
    return [
        {
            "id": _feed_id(shell, folder, event.name),
            "title": event.title,
            "updated": event.time,
            "summary": event.summary,
            "href": f"{base_url}{_quoted(folder)}/index.html" if base_url else "",
            "collection": folder.partition("/")[0],
            "kind": event.kind,
        }
        for event in to_events(library, FEED_LENGTH)
        for folder in [event.entry.recall(to_row).folder]
    ]


def _feed(items: Sequence[Mapping[str, str]], shell: Shell, templates: Templates) -> Artifact:
    """What happened to the models as an Atom feed."""
    # The feed is as new as the newest thing in it.
    updated = max((item["updated"] for item in items), default=FALLBACK)
    text = templates.render(
        "feed.xml", shell=shell, info=shell.catalog, items=items, updated=updated, id=_feed_id(shell, ""),
        base_url=_base_url(shell),
    )  # fmt: skip
    return _artifact("feed.xml", text)


def _feed_id(shell: Shell, folder: str, event: str = "") -> str:
    """An id that stays when other things change: the address, or without one a UUID made of the ids."""
    if base_url := _base_url(shell):
        return (f"{base_url}{_quoted(folder)}/" if folder else base_url) + (f"#{event}" if event else "")
    return uuid.uuid5(_FEED_NAMESPACE, json.dumps([shell.catalog.id, folder, *([event] if event else [])])).urn


def _crawling(paths: Sequence[str], shell: Shell, templates: Templates) -> Iterator[Artifact]:
    """`robots.txt`, and the site map, which needs absolute addresses: one file, or one that names several."""
    base_url = _base_url(shell)
    yield _artifact("robots.txt", templates.render("robots.txt", base_url=base_url))
    if base_url:
        maps = list(_divide([_canonical(base_url, path) for path in paths]))
        if len(maps) == 1:
            yield _artifact("sitemap.xml", templates.render("sitemap.xml", addresses=maps[0], maps=[]))
            return
        names = [f"sitemap-{number}.xml" for number in range(1, len(maps) + 1)]
        links = [base_url + name for name in names]
        yield _artifact("sitemap.xml", templates.render("sitemap.xml", addresses=[], maps=links))
        for name, addresses in zip(names, maps, strict=True):
            yield _artifact(name, templates.render("sitemap.xml", addresses=addresses, maps=[]))


def _addresses(library: Library, listings: Iterable[Listing], shell: Shell) -> list[str]:
    """The paths of the pages that search engines are told of."""
    lists = [("index.html", 0), *((f"{c.info.id}/index.html", len(c.entries)) for c in library.collections)]
    lists.append(("match/index.html", 0))
    for listing in listings:
        lists.append((listing.path, 0))
        lists += [(group.path, len(group.entries)) for group in listing.groups if listing.divided]
    paths = [path for path, _ in shell.pages]
    for path, number in lists:
        paths += [paging.to_path(paging.number) for paging, _ in to_pages(range(number), path, PAGE)]
    return paths + [f"{entry.recall(to_row).folder}/index.html" for entry in library.entries]


def _divide(addresses: Sequence[str]) -> Iterator[list[str]]:
    """The addresses for each file of the site map, within https://www.sitemaps.org/protocol.html."""
    part: list[str] = []
    size = 0
    for address in addresses:
        line = len(html.escape(address).encode()) + 40
        if part and (len(part) == MAP_ADDRESSES or size + line > MAP_BYTES):
            yield part
            part, size = [], 0
        part.append(address)
        size += line
    yield part


def _numbered(shell: Shell, paging: Paging, title: str, description: str) -> Page:
    """A page of a list; what it is called says which one it is."""
    if paging.number == 1:
        return _page(shell, paging.path, title, description)
    words = say("Page {0} of {1}", paging.number, paging.last)
    return _page(
        shell, paging.to_path(paging.number), title + say(", page {0}", paging.number), f"{words}. {description}"
    )


def _assets(templates: Templates) -> Iterator[Artifact]:
    """The files that are served as they are."""
    yield from (Artifact(path, content) for path, content in _PLAIN_FILES.items())
    yield from (Artifact(f"assets/{name}", content) for name, content in sorted(templates.static.items()))


def _page(shell: Shell, path: str, title: str, description: str) -> Page:
    base_url = _base_url(shell)
    full = title if title == shell.catalog.title else f"{title} · {shell.catalog.title}"
    return Page(path, "../" * path.count("/"), full, description, _canonical(base_url, path) if base_url else "")


def _canonical(base_url: str, path: str) -> str:
    return base_url + _quoted(path.removesuffix("index.html"))


def _base_url(shell: Shell) -> str:
    """The address of the site with a slash at the end; empty where it has none."""
    return shell.catalog.base_url.rstrip("/") + "/" if shell.catalog.base_url else ""


def _quoted(path: str) -> str:
    return quote(path, safe="/-._~")


def _one_line(text: str) -> str:
    """Markdown as a line of plain text for search engines."""
    return shorten(str(markdown(text).striptags()), 200)


def _artifact(path: str, text: str) -> Artifact:
    return Artifact(path, text.encode())
