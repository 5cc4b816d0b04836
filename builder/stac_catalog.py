"""Stage 5, gather: the STAC objects above the Items: the Catalog, and Collections with extents and summaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from builder import division, schema
from builder.catalog import CatalogInfo, CollectionInfo, Entry, Library, to_member, to_reference
from builder.model import Provider
from builder.stac import OPEN_END, OPEN_START

if TYPE_CHECKING:
    import pystac

Members = Sequence[Mapping[str, Any]]


def to_collection(info: CollectionInfo, entries: Sequence[Entry], catalog: CatalogInfo) -> dict[str, Any]:
    """The STAC Collection of some models, with extents, summaries and asset definitions made from them."""
    import pystac

    members = [entry.recall(to_member) for entry in entries]
    providers = info.providers or _shared_providers(members)
    collection = pystac.Collection(
        id=info.id,
        title=info.title,
        description=info.description,
        license=info.license or _shared_license(members),
        keywords=list(info.keywords) or _shared_keywords(members) or None,
        providers=[to_provider(provider) for provider in providers] or None,
        extent=_extent(members),
        summaries=pystac.Summaries(_summaries(members), maxcount=1_000_000),
    )
    collection.clear_links()
    dlm_uri = next(filter(None, (member["dlm_uri"] for member in members)), schema.DLM)
    collection.stac_extensions = [dlm_uri]
    collection.extra_fields["item_assets"] = _item_assets(members)
    root = {"href": "../catalog.json", "type": "application/json", "title": catalog.title}
    links = division.to_links(_named(entries), info.title)
    page = {"rel": "alternate", "href": "./index.html", "type": "text/html", "title": info.title}
    made: dict[str, Any] = collection.to_dict(include_self_link=False, transform_hrefs=False)
    return {**made, "links": [{"rel": "root", **root}, {"rel": "parent", **root}, page, *info.links, *links]}


def to_catalogs(info: CollectionInfo, entries: Sequence[Entry], catalog: CatalogInfo) -> Iterator[tuple[str, Any]]:
    """The Catalogs below a large Collection, which link its Items, each with its path in the site."""
    return division.to_catalogs(info.id, info.title, _named(entries), catalog.title)


def _named(entries: Sequence[Entry]) -> list[division.Named]:
    return [(reference.id, reference.title) for reference in (entry.recall(to_reference) for entry in entries)]


def to_catalog(library: Library) -> dict[str, Any]:
    """The STAC Catalog at the root."""
    import pystac

    info = library.info
    catalog = pystac.Catalog(id=info.id, title=info.title, description=info.description)
    catalog.clear_links()
    made: dict[str, Any] = catalog.to_dict(include_self_link=False, transform_hrefs=False)
    if info.keywords:
        made["keywords"] = list(info.keywords)
    if info.providers:
        made["providers"] = [to_provider(provider).to_dict() for provider in info.providers]
    children = [
        {"rel": "child", "href": f"./{c.info.id}/collection.json", "type": "application/json", "title": c.info.title}
        for c in library.collections
    ]
    root = {"rel": "root", "href": "./catalog.json", "type": "application/json", "title": info.title}
    page = {"rel": "alternate", "href": "./index.html", "type": "text/html", "title": info.title}
    return {**made, "links": [root, page, *info.links, *children]}


def to_provider(provider: Provider) -> pystac.Provider:
    """The provider in pystac's form."""
    import pystac

    roles = [pystac.ProviderRole(role) for role in provider.roles]
    return pystac.Provider(provider.name, provider.description, roles or None, provider.url)


def _extent(members: Members) -> pystac.Extent:
    import pystac

    boxes = [member["bbox"] for member in members]
    corners = [(box[0], box[1], box[len(box) // 2], box[len(box) // 2 + 1]) for box in boxes]
    west, east = min(c[0] for c in corners), max(c[2] for c in corners)
    if any(c[0] > c[2] for c in corners):
        # One box crosses the antimeridian: a box around it and others elsewhere is the whole parallel.
        same = len({(c[0], c[2]) for c in corners}) == 1
        west, east = (corners[0][0], corners[0][2]) if same else (-180, 180)
    starts, ends = [member["start"] for member in members], [member["end"] for member in members]
    start = None if OPEN_START in starts else min(map(datetime.fromisoformat, starts))
    end = None if OPEN_END in ends else max(map(datetime.fromisoformat, ends))
    return pystac.Extent(
        pystac.SpatialExtent([[west, min(c[1] for c in corners), east, max(c[3] for c in corners)]]),
        pystac.TemporalExtent([[start, end]]),
    )


def _shared_license(members: Members) -> str:
    licenses = {member["license"] for member in members}
    only = licenses.pop() if len(licenses) == 1 else None
    # STAC 1.1: `other` stands for several licenses, and for none that has an identifier.
    return only or "other"


def _shared_providers(members: Members) -> tuple[Provider, ...]:
    providers: dict[str, Provider] = {}
    for member in members:
        for name, description, roles, url in member["providers"]:
            if name not in providers:
                providers[name] = Provider((), name, description, tuple(roles), url)
    return tuple(providers.values())


def _shared_keywords(members: Members) -> list[str]:
    """The words that all models of the collection have."""
    words = dict.fromkeys(members[0]["keywords"])
    return [word for word in words if all(word in member["keywords"] for member in members)]


def _summaries(members: Members) -> dict[str, Any]:
    """What people search by: the values that occur, sorted, and ranges of numbers."""
    summaries: dict[str, Any] = {}
    for key in members[0]["values"]:
        if found := {value for member in members for value in member["values"][key]}:
            summaries[key] = sorted(found)
    for key in members[0]["numbers"]:
        if series := [value for member in members for value in member["numbers"][key]]:
            summaries[key] = {"minimum": min(series), "maximum": max(series)}
    return summaries


def _item_assets(members: Members) -> dict[str, Any]:
    """The assets that Items of the collection have, with what all that have them say alike."""
    definitions: dict[str, dict[str, Any]] = {}
    for member in members:
        for key, about in member["assets"].items():
            known = definitions.setdefault(key, about)
            definitions[key] = {name: value for name, value in known.items() if about.get(name) == value}
    # STAC wants a definition to say something.
    return {key: about for key, about in sorted(definitions.items()) if about}
