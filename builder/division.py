"""Stage 5, gather: many ids in groups whose bounds stay where they are, and the Catalogs below a large Collection.

Groups are made by how ids begin, so that a model more changes the group it falls into, and no other: groups of equal
size, one after the other, would all shift. A group that becomes too large is divided by its next character.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any

from builder.stac import STAC_VERSION

ITEMS = 1000
"""Item links up to which they stand in the Collection itself, and in each Catalog below a larger one."""
FOLDER = "parts"
"""The folder below that of a collection where its parts are."""
Named = tuple[str, str]
"""A model by id and title."""


@dataclass(frozen=True, slots=True)
class Group:
    """Ids that begin with `prefix`, in lower case: those that are `members`, and those of the groups below."""

    prefix: str
    members: tuple[str, ...]
    groups: tuple[Group, ...] = ()

    @property
    def leaves(self) -> Iterator[Group]:
        """The groups with members, this one first."""
        if self.members:
            yield self
        for group in self.groups:
            yield from group.leaves


def divide(ids: Iterable[str], most: int) -> Group:
    """The ids in groups of at most `most`, in their order; each group has a prefix of its own, which may be empty."""
    members = tuple(ids)
    if len(members) <= most:
        return Group("", members)
    return _divide(members, most)


def _divide(ids: Sequence[str], most: int) -> Group:
    """These ids, which are more than `most`."""
    prefix = commonprefix([min(ids, key=str.lower).lower(), max(ids, key=str.lower).lower()])  # noqa: RUF071  by characters
    by_next: dict[str, list[str]] = defaultdict(list)
    for key in ids:
        by_next[key.lower()[: len(prefix) + 1]].append(key)
    here = tuple(by_next.pop(prefix, ()))
    groups = (
        _divide(found, most) if len(found) > most else Group(start, tuple(found))
        for start, found in sorted(by_next.items())
    )
    return Group(prefix, here, tuple(groups))


# --- STAC ------------------------------------------------------------------------------------------------------------


def to_links(models: Sequence[Named], title: str) -> list[dict[str, Any]]:
    """The links from a Collection to its Items, or to the Catalogs that link them."""
    return _links(divide([key for key, _ in models], ITEMS), dict(models), title, ".", f"./{FOLDER}")


def to_catalogs(
    collection: str, title: str, models: Sequence[Named], root: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The Catalogs below a Collection, each with its path in the site; none where the Collection links its Items.

    `root` is the title of the Catalog at the top. The Items have the Collection for a parent, and keep their addresses.
    """
    titles = dict(models)

    def walk(group: Group, parent: tuple[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
        for below in group.groups:
            name, label = f"items-{below.prefix}.json", _label(title, below)
            links = [
                _link("root", "../../catalog.json", root),
                _link("parent", *parent),
                *_links(below, titles, title, "..", "."),
            ]
            yield (
                f"{collection}/{FOLDER}/{name}",
                {
                    "type": "Catalog",
                    "stac_version": STAC_VERSION,
                    "id": f"{collection}-items-{below.prefix}",
                    "title": label,
                    "description": f"The models of this collection whose ids begin with `{below.prefix}`.",
                    "links": links,
                },
            )
            yield from walk(below, (f"./{name}", label))

    yield from walk(divide(titles, ITEMS), ("../collection.json", title))


def _links(group: Group, titles: dict[str, str], title: str, items: str, catalogs: str) -> list[dict[str, Any]]:
    """What a group links to, with the ways to the folders of Items and of Catalogs."""
    links = [
        _link("item", f"{items}/{key}/{key}.json", titles[key]) | {"type": "application/geo+json"}
        for key in group.members
    ]
    return links + [
        _link("child", f"{catalogs}/items-{below.prefix}.json", _label(title, below)) for below in group.groups
    ]


def _label(title: str, group: Group) -> str:
    return f"{title}: {group.prefix}…"


def _link(rel: str, href: str, title: str) -> dict[str, Any]:
    return {"rel": rel, "href": href, "type": "application/json", "title": title}
