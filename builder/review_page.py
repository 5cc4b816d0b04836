"""A comparison as one HTML page that stands alone: every change, and the sections of the cards before and after."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from builder import __version__
from builder.card import to_card
from builder.catalog import CatalogInfo, Entry
from builder.diff import Change
from builder.model import Model
from builder.review import count, summary, to_groups
from builder.sides import Read
from builder.site import Page
from builder.templates import Templates

MOST_CARDS = 40
"""Models whose sections are shown; of the others the changes are listed only."""
_SECTIONS = {
    "overview": ("title", "description", "keywords", "card", "language", "translations"),
    "data": (
        "eo:", "dlm:data", "bbox", "geometry", "gsd", "platform", "constellation", "mission", "instruments", "datetime",
        "start_datetime", "end_datetime",
    ),
    "pipeline": ("dlm:inputs",),
    "architecture": ("dlm:architecture",),
    "outputs": ("dlm:outputs",),
    "run": ("dlm:runtime", "dlm:archive"),
    "evaluation": ("card.metrics", "card.evaluation"),
    "files": ("assets",),
    "cite": ("sci:",),
}  # fmt: skip
"""The parts of a card, and the fields that they show: by the start of their names."""
_TAG = re.compile(r"<[a-zA-Z](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")
_IDS = re.compile(r'(?<=\s)(id|for|aria-labelledby|aria-describedby|aria-controls)="([^"]*)"')
_HREF = re.compile(r'(?<=\s)href="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Pair:
    """A section of a card on both sides; empty where the model is on one side only."""

    before: Markup
    after: Markup


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What changed on one page of the catalog, and the sections that show it."""

    name: str
    anchor: str
    told: str
    changes: Sequence[Change]
    sections: tuple[Pair, ...]


def render_review(changes: Sequence[Change], old: Read, new: Read, templates: Templates) -> str:
    """The page, with the site's own style inside and without scripts."""
    style = "\n".join(templates.static[name].decode() for name in ("site.css", "review.css"))
    digest = base64.b64encode(hashlib.sha256(f"\n{style}\n".encode()).digest()).decode()
    reviewed = []
    left = {key.rpartition("/")[2]: entry for key, entry in old.entries.items()}
    right = {key.rpartition("/")[2]: entry for key, entry in new.entries.items()}
    for number, (key, group) in enumerate(to_groups(changes)):
        name = key.rpartition("/")[2]
        pair = (left.get(name), right.get(name)) if "/" in key and number < MOST_CARDS else (None, None)
        sections = tuple(_sections(group, pair[0], pair[1], number, templates)) if None not in pair else ()
        reviewed.append(Reviewed(key or "catalog", f"change-{number}", summary(group, pages=False), group, sections))
    return templates.render(
        "review.html",
        style=Markup(f"\n{style}\n"),  # noqa: S704  the program's own style sheet
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:",
        old=old.side.name,
        new=new.side.name,
        summary=summary(changes),
        numbers=count(changes),
        reviewed=reviewed,
        generator=f"dlm-catalog {__version__}",
    )


def _sections(
    changes: Sequence[Change],
    old: tuple[Model, Mapping[str, Any]] | None,
    new: tuple[Model, Mapping[str, Any]] | None,
    number: int,
    templates: Templates,
) -> Iterator[Pair]:
    if old is None or new is None:
        return
    fields = [".".join(str(step) for step in change.path if isinstance(step, str)) for change in changes]
    for part, starts in _SECTIONS.items():
        if any(field.startswith(starts) for field in fields):
            before, after = (_section(part, entry, templates) for entry in (old, new))
            if before != after:
                prefixes = (f"{side}{number}-{part}-" for side in "on")
                yield Pair(
                    *(_alone(text, prefix, templates) for text, prefix in zip((before, after), prefixes, strict=True))
                )


def _section(part: str, entry: tuple[Model, Mapping[str, Any]], templates: Templates) -> str:
    model, item = entry
    catalog = CatalogInfo("", "", "")
    whole = Entry(
        model, {"bbox": [], "assets": {}, "links": [], "stac_extensions": [], "geometry": None, **item}, "", ""
    )
    page, card = Page("", "", "", ""), to_card(whole, catalog)
    return templates.render("reviewed.html", part=part, page=page, model=model, card=card)


def _alone(text: str, prefix: str, templates: Templates) -> Markup:
    """A section as part of this page: its anchors begin with a prefix, and nothing is fetched from a site."""
    land = base64.b64encode(templates.static["land.svg"]).decode()
    made = _TAG.sub(lambda tag: _alone_tag(tag[0], prefix, land), text)
    return Markup(made)  # noqa: S704  what a template made, with other anchors


def _alone_tag(tag: str, prefix: str, land: str) -> str:
    """A tag of a section, with other anchors and without links to files of the site."""

    def name(found: re.Match[str]) -> str:
        return f'{found[1]}="{" ".join(prefix + word for word in found[2].split())}"'

    def href(found: re.Match[str]) -> str:
        if found[1].startswith("#"):
            return f'href="#{prefix}{found[1][1:]}"'
        if found[1] == "assets/land.svg":
            return f'href="data:image/svg+xml;base64,{land}"'
        return found[0] if re.match(r"https?:|mailto:", found[1]) else ""

    return _HREF.sub(href, _IDS.sub(name, tag)).replace("url(#", f"url(#{prefix}")
