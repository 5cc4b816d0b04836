"""schema.org JSON-LD, by which search engines and data-set searches find a model: in each card, and on the start page.

schema.org has no type for a trained network. A model here is a `Dataset`, the type that has what such searches ask for:
what it covers, what it measures, where its files are. See docs/decisions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from builder.catalog import CatalogInfo, Entry, Library
from builder.exporters.form import Export, is_web, plain_license, plain_words, producers
from builder.model import Model, is_relative
from builder.output import Artifact, to_json, to_json_line
from builder.stac import OPEN_END, OPEN_START, doi_url

CONTEXT = "https://schema.org"
# What ends a script element, or begins a comment in one, must not occur in it: the HTML Standard, section 4.12.1.3.
# Nor what changes the direction of writing, as on the rest of the page.
_ESCAPED = re.compile(r"[<>&\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def export(entries: Sequence[Entry], catalog: CatalogInfo) -> Export:
    """`<id>.jsonld` beside each card: what the card itself has in it."""
    made = [
        Artifact(f"{e.folder}/{e.model.id}.jsonld", to_json({"@context": CONTEXT, **to_dataset(e, catalog)}))
        for e in entries
    ]
    return Export(tuple(made))


def to_script(node: Mapping[str, Any]) -> Markup:
    """A node as the content of a `script` element of the type `application/ld+json`."""
    text = to_json_line({"@context": CONTEXT, **node}).decode().rstrip()
    # S704: nothing in it can end the element.
    return Markup(_ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text))  # noqa: S704


def to_dataset(entry: Entry, catalog: CatalogInfo) -> dict[str, Any]:
    """The model as a schema.org `Dataset`, from what is stated alone. Relative addresses are seen from its folder."""
    model = entry.model
    address = f"{catalog.base_url}/{quote(entry.folder)}/" if catalog.base_url else None
    spdx = plain_license(model)
    terms = next((link.href for link in model.links if link.rel == "license" and is_web(link.href)), None)
    fields = {
        "@type": "Dataset",
        "@id": address,
        "name": model.name,
        "description": plain_words(model.description, 1000),
        "url": address,
        "identifier": doi_url(model.doi) if model.doi else f"{model.collection}/{model.id}",
        "version": model.version,
        "license": f"https://spdx.org/licenses/{spdx}" if spdx else terms,
        "keywords": list(dict.fromkeys((*model.keywords, *model.tasks))),
        "creator": [{"@type": "Organization", "name": name} for name in producers(model)],
        "creativeWorkStatus": "withdrawn" if model.withdrawn else "deprecated" if model.deprecated else None,
        "dateCreated": model.fields.get("created"),
        "dateModified": model.fields.get("updated"),
        "measurementTechnique": list(dict.fromkeys(network.type for network in model.architecture if network.type)),
        "variableMeasured": list(_variables(model)),
        "spatialCoverage": _place(entry),
        "temporalCoverage": _time(entry),
        "citation": list(_citations(model)),
        "distribution": list(_files(entry, address or "")),
        "includedInDataCatalog": _stated({"@type": "DataCatalog", "name": catalog.title, "url": catalog.base_url}),
    }
    return _stated(fields)


def to_data_catalog(library: Library) -> dict[str, Any]:
    """The catalog as a schema.org `DataCatalog`, with its collections as parts."""
    info = library.info
    base = f"{info.base_url}/" if info.base_url else ""
    parts = [
        _stated({
            "@type": "DataCatalog",
            "name": collection.info.title,
            "url": f"{base}{quote(collection.info.id)}/" if base else f"{quote(collection.info.id)}/index.html",
            "description": collection.info.description,
        })
        for collection in library.collections
    ]  # fmt: skip
    providers = [
        _stated({"@type": "Organization", "name": provider.name, "url": provider.url if is_web(provider.url) else None})
        for provider in info.providers
    ]
    return _stated({
        "@type": "DataCatalog",
        "@id": base,
        "name": info.title,
        "description": info.description,
        "url": base,
        "keywords": list(info.keywords),
        "dateModified": library.updated,
        "provider": providers,
        "hasPart": parts,
    })  # fmt: skip


def _stated(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value not in (None, "", [], {})}


def _variables(model: Model) -> Iterator[dict[str, Any]]:
    """What comes out of each head, with its classes."""
    for output in model.outputs:
        classes = [entry.class_name for entry in output.class_name_mapping]
        if output.task:
            words = ", ".join(classes)
            yield _stated({"@type": "PropertyValue", "name": output.task, "description": words})


def _place(entry: Entry) -> dict[str, Any] | None:
    if not (entry.model.bbox or entry.model.geometry):
        return None
    box = entry.item["bbox"]
    west, south, east, north = [*box[:2], *box[3:5]] if len(box) == 6 else box
    return {"@type": "Place", "geo": {"@type": "GeoShape", "box": f"{south} {west} {north} {east}"}}


def _time(entry: Entry) -> str | None:
    properties = entry.item["properties"]
    if properties.get("datetime"):
        return str(properties["datetime"])
    start, end = properties.get("start_datetime", OPEN_START), properties.get("end_datetime", OPEN_END)
    if start == OPEN_START and end == OPEN_END:
        return None
    # An open end is two dots: https://schema.org/temporalCoverage.
    return f"{'..' if start == OPEN_START else start}/{'..' if end == OPEN_END else end}"


def _citations(model: Model) -> Iterator[dict[str, Any]]:
    for publication in model.publications:
        address = doi_url(publication.doi) if publication.doi else None
        yield _stated({"@type": "CreativeWork", "@id": address, "description": publication.citation})


def _files(entry: Entry, base: str) -> Iterator[dict[str, Any]]:
    for asset in entry.model.offered_assets:
        fields = entry.item["assets"][asset.key]
        href = fields["href"]
        if not (is_web(href) or is_relative(href)):
            continue
        checksum, size = str(fields.get("file:checksum", "")), fields.get("file:size")
        yield _stated({
            "@type": "DataDownload",
            "name": asset.title or asset.key,
            "contentUrl": base + href.removeprefix("./") if is_relative(href) else href,
            "encodingFormat": fields.get("type"),
            "contentSize": f"{size} B" if size is not None else None,
            "sha256": checksum[4:] if checksum.startswith("1220") else None,  # multihash code and length of SHA-256
        })  # fmt: skip
