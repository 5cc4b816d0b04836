"""Stage 6, compare: what changed between two libraries, as typed Changes, each breaking, compatible or editorial.

What is compared are *facts*: the content of an Item without what the build adds to it. The schemas say with `x-change`
next to each field what a change of it means to users, and how the elements of a list are told apart:

- `x-change`: what it means that the value changes or goes. A value that is new is compatible (of an editorial field:
  editorial), unless `x-added` says otherwise; `x-removed` goes before `x-change` when the value goes.
- `x-each`: the keys that name an element, the first one stated counts; `a+b` are two keys together. Without it, the
  place counts. `x-ordered`: the order of elements means something. `x-more`: what another element means.
- `x-set`: a list of words without an order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from builder import schema
from builder.diagnostic import Path
from builder.model import WEIGHT_ROLES
from builder.saying import label, say_class, say_list, show
from builder.schema import Node
from builder.source import SourceFile
from builder.words import say

Severity = Literal["breaking", "compatible", "editorial"]
Kind = Literal["added", "removed", "changed", "reordered", "moved", "deprecated", "withdrawn", "restored", "unreadable"]
SEVERITIES: tuple[Severity, ...] = ("breaking", "compatible", "editorial")

_MODEL = Node(schema.load(schema.MODEL_FILE), schema.MODEL_FILE)
_SETTINGS = {
    "": Node(schema.load(schema.CATALOG_FILE), schema.CATALOG_FILE),
    "collection": Node(schema.load(schema.COLLECTION_FILE), schema.COLLECTION_FILE),
}
_MISSING: Any = object()
_CONTAINERS = frozenset({"assets", "card"})


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `id` is the folder in the site of what changed: `collection/model`, a collection, or empty for the
    catalog. `path` leads to the value in the facts, empty where it is the model itself. What is not there is None."""

    kind: Kind
    id: str
    path: Path
    old: Any
    new: Any
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What one side says of a model, a collection or the catalog; `fault` is why it cannot be read, `file` the model
    file it comes from, where it does."""

    id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None
    file: SourceFile | None = None

    @property
    def name(self) -> str:
        """The id of the model itself, without its collection."""
        return self.id.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Side:
    """Everything on one side of a comparison: models, collections and the catalog by their ids."""

    name: str
    models: Mapping[str, Facts]
    collections: Mapping[str, Facts] = field(default_factory=dict)
    catalog: Facts = field(default_factory=lambda: Facts(""))


def compare(old: Side, new: Side) -> tuple[Change, ...]:
    """The changes from one side to the other: the catalog, collections, models by id; of each the gravest first."""
    changes = []
    if old.catalog.data and new.catalog.data:
        changes += _compare_settings(old.catalog, new.catalog, _SETTINGS[""])
    for key in sorted(old.collections.keys() & new.collections.keys()):
        changes += _compare_settings(old.collections[key], new.collections[key], _SETTINGS["collection"])
    for pair in _pair(old, new):
        changes += compare_models(*pair)
    return tuple(sorted(changes, key=lambda c: (c.id, SEVERITIES.index(c.severity))))


def compare_models(old: Facts | None, new: Facts | None) -> list[Change]:
    """The changes of one model; None where it is not there."""
    if new is None:
        assert old is not None  # noqa: S101  one of the two is there
        return [Change("removed", old.id, (), _title(old), None, "breaking", "the model was removed")]
    if old is None:
        return [Change("added", new.id, (), None, _title(new), "compatible", "the model is new")]
    if old.fault is not None or new.fault is not None:
        return _unreadable(old, new)
    changes = []
    if old.id != new.id:
        message = f"the model moved from {old.id} to {new.id}, and so did its address"
        changes.append(Change("moved", new.id, ("collection",), old.id, new.id, "breaking", message))
    return changes + compare_facts(new.id, old.data, new.data)


def compare_facts(folder: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """The changes between two states of a model, or two versions of one, which is published in `folder`."""
    changes = list(_lifecycle(folder, old, new))
    skipped = {"deprecated"}
    before, after = dict(old), dict(new)
    if ("dlm:withdrawn" in before) != ("dlm:withdrawn" in after):
        # That the weights come or go with it needs no saying.
        skipped.add("dlm:withdrawn")
        for data in (before, after):
            data["assets"] = {key: asset for key, asset in data.get("assets", {}).items() if not _is_weights(asset)}
    before, after = ({k: v for k, v in data.items() if k not in skipped} for data in (before, after))
    return changes + list(_Walk(folder, before, after).object(_MODEL, (), before, after, "compatible"))


def _is_weights(*assets: Mapping[str, Any] | None) -> bool:
    return any(not WEIGHT_ROLES.isdisjoint(asset.get("roles", ())) for asset in assets if asset)


def worst(changes: Sequence[Change]) -> Severity | None:
    """The gravest severity among changes; None without any."""
    return min((change.severity for change in changes), key=SEVERITIES.index, default=None)


def _pair(old: Side, new: Side) -> Iterator[tuple[Facts | None, Facts | None]]:
    """The models of both sides: of one id and collection, else of one id, which is unique in a catalog."""
    left = {facts.name: facts for key, facts in old.models.items() if key not in new.models}
    for key, facts in sorted(new.models.items()):
        yield old.models.get(key) or left.pop(facts.name, None), facts
    yield from ((facts, None) for _, facts in sorted(left.items()))


def _title(facts: Facts) -> str:
    return str(facts.data.get("title") or facts.name)


def _unreadable(old: Facts, new: Facts) -> list[Change]:
    if old.fault is not None and new.fault is not None:
        if old.file is not None and new.file is not None and old.file.text == new.file.text:
            return []
        message, severity = "the file cannot be read on either side", "compatible"
    elif new.fault is not None:
        message, severity = say("the file cannot be read any more: {0}", new.fault), "breaking"
    else:
        message, severity = (
            say("the old file cannot be read, so what changed is not known: {0}", old.fault),
            "compatible",
        )
    return [Change("unreadable", new.id, (), old.fault, new.fault, cast(Severity, severity), message)]


def _lifecycle(folder: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    was, now = old.get("dlm:withdrawn"), new.get("dlm:withdrawn")
    if now and not was:
        since = f" since {str(now.get('since'))[:10]}" if now.get("since") else ""
        message = f"the model is withdrawn{since}: {now.get('reason', '')}"
        yield Change("withdrawn", folder, ("dlm:withdrawn",), None, now, "breaking", message)
    elif was and not now:
        yield Change(
            "restored", folder, ("dlm:withdrawn",), was, None, "compatible", "the model is not withdrawn any more"
        )
    if (now or was) and bool(now) != bool(was):
        return
    was, now = bool(old.get("deprecated")), bool(new.get("deprecated"))
    if now and not was:
        yield Change("deprecated", folder, ("deprecated",), False, True, "compatible", "the model is deprecated")
    elif was and not now:
        yield Change(
            "restored", folder, ("deprecated",), True, False, "compatible", "the model is not deprecated any more"
        )


def _compare_settings(old: Facts, new: Facts, node: Node) -> list[Change]:
    if old.fault is not None or new.fault is not None:
        return _unreadable(old, new)
    return list(_Walk(new.id, old.data, new.data).object(node, (), old.data, new.data, "editorial"))


class _Walk:
    """Goes through the facts of one model along the schema and yields what differs."""

    def __init__(self, folder: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self.folder, self.old, self.new = folder, old, new

    def change(self, kind: Kind, path: Path, old: Any, new: Any, severity: Severity, message: str) -> Change:
        old, new = (None if value is _MISSING else value for value in (old, new))
        return Change(kind, self.folder, path, old, new, severity, message)

    def object(
        self, node: Node, path: Path, old: Mapping[str, Any], new: Mapping[str, Any], inherited: Severity
    ) -> Iterator[Change]:
        """What differs between two objects, in the order of the schema."""
        order = list(node.properties)
        keys = sorted({*old, *new}, key=lambda key: (order.index(key) if key in order else len(order), key))
        for key in keys:
            inside = node.at(key)
            own = inside.data.get("x-change", inherited)
            # That there are assets, or a card, says nothing: what is in them does.
            missing = {} if key in _CONTAINERS else _MISSING
            before, after = old.get(key, missing), new.get(key, missing)
            if own != "never" and before != after:
                yield from self.value(inside, (*path, key), before, after, own)

    def value(self, node: Node, path: Path, old: Any, new: Any, severity: Severity) -> Iterator[Change]:
        if old is _MISSING:
            grave = node.data.get("x-added", "editorial" if severity == "editorial" else "compatible")
            yield self.change("added", path, old, new, grave, say("{0} is stated now: {1}", label(path), show(new)))
            return
        if new is _MISSING:
            grave = node.data.get("x-removed") or self.gravest(node, old, severity)
            yield self.change(
                "removed", path, old, new, grave, say("{0} is not stated any more; it was {1}", label(path), show(old))
            )
            return
        shape = node.inner_object
        olds, news = (value if isinstance(value, list) else [value] for value in (old, new))
        if path == ("assets",):
            yield from self.assets(node, old, new)
        elif shape is not None and all(isinstance(one, Mapping) for one in (*olds, *news)):
            if isinstance(old, list) or isinstance(new, list):
                yield from self.each(node, shape, path, olds, news, isinstance(new, list), severity)
            else:
                yield from self.object(shape, path, old, new, severity)
        elif node.data.get("x-set") and isinstance(old, list) and isinstance(new, list):
            gone, come = [v for v in old if v not in new], [v for v in new if v not in old]
            if gone or come:
                parts = [say("without {0}", show(gone))] * bool(gone) + [say("with {0}", show(come))] * bool(come)
                yield self.change(
                    "changed", path, old, new, severity, say("{0}: now {1}", label(path), say(" and ").join(parts))
                )
        elif old != new:
            kind: Kind = "changed"
            if isinstance(old, list) and isinstance(new, list) and _same_members(old, new):
                kind = "reordered"
            message = say_list(path, old, new, self.old, self.new) or say(
                "{0} was {1}, is {2}", label(path), show(old), show(new)
            )
            yield self.change(kind, path, old, new, severity, message)

    def gravest(self, node: Node, value: Any, severity: Severity) -> Severity:
        """What it means that a value goes, with all that is in it."""
        shape = node.inner_object
        if shape is None:
            return severity
        found = []
        for one in value if isinstance(value, list) else [value]:
            for key, inner in one.items() if isinstance(one, Mapping) else ():
                inside = shape.at(key)
                found.append(self.gravest(inside, inner, inside.data.get("x-change", severity)))
        return min(found or [severity], key=SEVERITIES.index)

    def each(
        self, node: Node, shape: Node, path: Path, olds: list[Any], news: list[Any], listed: bool, severity: Severity
    ) -> Iterator[Change]:
        """What differs between two lists of objects, matched by what names them."""
        names = node.data.get("x-each", ())
        ordered = bool(node.data.get("x-ordered")) or not names
        pairs = _match(names, olds, news, by_place=ordered)
        matched = sorted(pairs)
        if ordered and [pairs[i] for i in matched] != sorted(pairs.values()):
            old_names, new_names = ([_name(names, one) for one in side] for side in (olds, news))
            complete = len(pairs) == len(olds) == len(news)
            about = say("the same, in another order") if complete else say("in another order")
            message = say("{0} was {1}, is {2}: {3}", label(path), ", ".join(old_names), ", ".join(new_names), about)
            yield self.change("reordered", path, olds, news, severity, message)
        for i in range(len(olds)):
            at = (*path, pairs.get(i, i)) if listed else path
            if i in pairs:
                yield from self.pair(shape, at, olds[i], news[pairs[i]], severity)
            else:
                grave = self.gravest(shape, olds[i], severity)
                yield self.change("removed", path, olds[i], None, grave, _said(path, names, olds[i], say("is gone")))
        taken = set(pairs.values())
        last = max(taken, default=-1)
        for j in range(len(news)):
            if j in taken:
                continue
            # Indices count the elements before them.
            shifts = bool(node.data.get("x-ordered")) and j < last
            grave = node.data.get("x-more") or (
                "breaking" if shifts else "editorial" if severity == "editorial" else "compatible"
            )
            at = (*path, j) if listed else path
            what = say("is new, and moves the indices of those after it") if shifts else say("is new")
            yield self.change("added", at, None, news[j], grave, _said(path, names, news[j], what))

    def pair(self, shape: Node, path: Path, old: Any, new: Any, severity: Severity) -> Iterator[Change]:
        if old == new:
            return  # nearly all pairs are equal, and to walk through them takes most of the time
        changes = list(self.object(shape, path, old, new, severity))
        if "class_name_mapping" not in path:
            yield from changes  # those of a class inside are said by the pair of the classes
            return
        for change in changes:
            said = say_class(change.path, change.old, change.new, new)
            yield change if said is None else replace(change, message=said)

    # --- assets ---

    def assets(self, node: Node, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        """Only the weights can break anything; of them what counts is whether the file is the same."""
        shape = node.inner_object
        assert shape is not None  # noqa: S101  the schema of an asset
        for key in sorted({*old, *new}):
            before, after = old.get(key), new.get(key)
            path: Path = ("assets", key)
            weights = any(
                "weights" in role or role == "model" for a in (before, after) if a for role in a.get("roles", ())
            )
            if before is None or after is None:
                kind: Kind = "added" if before is None else "removed"
                grave: Severity = "breaking" if weights and after is None else "compatible"
                what = say("the asset {0} with the weights", key) if weights else say("the asset {0}", key)
                message = f"{what} {say('is new') if before is None else say('is gone')}"
                yield self.change(kind, path, before, after, grave, message)
                continue
            for change in self.object(shape, path, before, after, "compatible"):
                grave, message = change.severity, change.message
                if grave == "breaking" and not weights:
                    grave = "compatible"
                elif grave == "breaking":
                    grave, message = self.weights(change, before, after)
                yield replace(change, severity=grave, message=message)

    def weights(self, change: Change, old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Severity, str]:
        """What a change of the file with the weights means, and how it is said."""
        key = change.path[-1]
        sums = [asset.get("file:checksum") for asset in (old, new)]
        if key in ("href", "file:size") and all(sums):
            # The same file in another place; and of another file the checksum speaks.
            return "compatible", change.message
        if key in ("href", "file:size", "file:checksum") and self.old.get("version") != self.new.get("version"):
            return "compatible", change.message
        if key == "href":
            return "breaking", say("{0}, and no checksum says that the file is the same", change.message)
        if key == "file:checksum":
            return "breaking", say("{0}: other weights under the same version", change.message)
        return "breaking", change.message


# --- elements of lists -----------------------------------------------------------------------------------------------


def _key(name: str, element: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """What an element is called by these keys; None where it states none of them."""
    values = tuple(element.get(part) for part in name.split("+"))
    return None if all(value is None for value in values) else values


def _match(names: Sequence[str], olds: list[Any], news: list[Any], *, by_place: bool) -> dict[int, int]:
    """The places of elements that belong together, old to new: by each of the names in turn, at last by place."""
    pairs: dict[int, int] = {}
    for name in names:
        free = {i: _key(name, one) for i, one in enumerate(olds) if i not in pairs}
        places: dict[Any, list[int]] = {}
        for j, one in enumerate(news):
            if j not in pairs.values() and (key := _key(name, one)) is not None:
                places.setdefault(repr(key), []).append(j)
        for i, key in free.items():
            if key is not None and (found := places.get(repr(key))):
                pairs[i] = found.pop(0)
    if by_place and (not names or len(olds) == len(news)):
        for i in range(min(len(olds), len(news))):
            if i not in pairs and i not in pairs.values():
                pairs[i] = i
    return pairs


def _name(names: Sequence[str], element: Mapping[str, Any]) -> str:
    for name in names:
        if (key := _key(name, element)) is not None:
            return " ".join(str(part) for part in key if part is not None)
    return "one without a name"


def _said(path: Path, names: Sequence[str], element: Mapping[str, Any], what: str) -> str:
    if path[-1:] == ("class_name_mapping",):
        return say("class {0} “{1}” {2}", element.get("index"), element.get("class_name"), what)
    called = f" {_name(names, element)}" if names else ""
    return say("{0}: an entry {1}", label(path), what) if not called else f"{label(path)}:{called} {what}"


def _same_members(old: list[Any], new: list[Any]) -> bool:
    return sorted(map(repr, old)) == sorted(map(repr, new))
