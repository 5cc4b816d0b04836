"""Stage 6, render: every value of an Item by its path, for the table at the end of a card."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from builder import mlm
from builder.catalog import Entry
from builder.words import say

LONG_SUMMARY = 1000
"""Characters of a layer summary beyond which the list of all fields refers to it, rather than repeat it."""
SHORT_ROW = 90
"""Characters that the values of an object in a list may have to share a line of the list of all fields."""


def to_fields(entry: Entry) -> Iterator[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Every value of the Item by its path, in groups, so that nothing the author wrote is missing from the card.

    A long layer summary is on the card already, and is referred to."""
    item = entry.item
    yield (
        "item",
        say("Item"),
        (("id", item["id"]), ("collection", item["collection"]), *to_leaves("bbox", item["bbox"])),
    )
    summaries = {a.summary for a in entry.model.architecture if a.summary and len(a.summary) > LONG_SUMMARY}
    yield (
        "properties",
        say("Properties"),
        tuple(
            [
                (path, say("see the layer summary under Architecture"))
                if len(value) > LONG_SUMMARY and value in summaries
                else (path, value)
                for path, value in _each_leaf(mlm.without_derived(item["properties"], entry.model))
            ]
        ),
    )
    yield "assets", say("Assets"), tuple(_each_leaf(item["assets"]))
    yield (
        "links",
        say("Links"),
        tuple(leaf for i, link in enumerate(item["links"]) for leaf in to_leaves(f"[{i}]", link)),
    )
    yield "geometry", say("Geometry"), tuple(_each_leaf(item["geometry"] or {}))
    yield "extensions", say("Extensions"), tuple(to_leaves("stac_extensions", item["stac_extensions"]))


def _each_leaf(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [leaf for key in sorted(fields) for leaf in to_leaves(key, fields[key])]


def to_leaves(path: str, value: Any) -> list[tuple[str, str]]:
    """The values below a path, each with its own path: some 200 of a model, so lists rather than generators."""
    found: list[tuple[str, str]] = []
    _add_leaves(path, value, found)
    return found


def _add_leaves(path: str, value: Any, found: list[tuple[str, str]]) -> None:
    kind = type(value)
    if kind is str:
        found.append((path, value))
    elif kind is dict and value:
        for key, inner in value.items():
            if type(inner) is str:
                found.append((f"{path}.{key}", inner))
            else:
                _add_leaves(f"{path}.{key}", inner, found)
    elif kind is not list or not value:
        found.append((path, _plain(value)))
    else:
        kinds = set(map(type, value))
        if dict in kinds:
            for index, inner in enumerate(value):
                _add_element(f"{path}[{index}]", inner, found)
        elif list in kinds:
            found.append((path, _plain(value)))
        elif kinds == {str}:
            found.append((path, ", ".join(value)))
        else:
            found.append((path, ", ".join([inner if type(inner) is str else _plain(inner) for inner in value])))


def _add_element(path: str, value: Any, found: list[tuple[str, str]]) -> None:
    """An element of a list with objects in it."""
    leaves: list[tuple[str, str]] = []
    _add_leaves("", value, leaves)
    if len(leaves) > 1 and sum([len(text) for _, text in leaves]) <= SHORT_ROW:
        # A band, a class: one line of its own rather than one for each of its numbers.
        found.append((path, " · ".join([f"{key.removeprefix('.')} {text}" for key, text in leaves])))
    else:
        found += [(f"{path}{key}", text) for key, text in leaves]


def _plain(value: Any) -> str:
    kind = type(value)
    if (kind is float or kind is int) and value:  # 0.0 and -0.0 would be one key
        return _number(value)
    return orjson.dumps(value).decode()


@functools.lru_cache(maxsize=4096, typed=True)  # wavelengths, indices, sizes: most come again in the next model
def _number(value: float) -> str:
    return orjson.dumps(value).decode()
