"""Items as newline-delimited JSON: one on each line, for programs that read them as a stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from builder.catalog import CatalogInfo, Entry
from builder.exporters.form import Export
from builder.model import is_relative
from builder.output import Artifact, to_json_line


def export(entries: Sequence[Entry], catalog: CatalogInfo) -> Export:  # noqa: ARG001  the signature of the family
    """`items.ndjson` at the top of the site."""
    return Export((Artifact("items.ndjson", b"".join(to_json_line(to_root(entry)) for entry in entries)),))


def to_root(entry: Entry) -> dict[str, Any]:
    """The Item with its relative hrefs as seen from the top of the site, where these files lie.

    A link or asset of a folder deeper inside would lead elsewhere from there.
    """
    links = [{**link, "href": _from_root(entry, link["href"])} for link in entry.item["links"]]
    assets = {key: {**asset, "href": _from_root(entry, asset["href"])} for key, asset in entry.item["assets"].items()}
    return {**entry.item, "links": links, "assets": assets}


def _from_root(entry: Entry, href: str) -> str:
    if not is_relative(href):
        return href
    steps = entry.folder.split("/")
    for step in href.split("/"):
        if step == "..":
            steps = steps[:-1]
        elif step not in (".", ""):
            steps.append(step)
    return "./" + "/".join(steps)
