"""Stage 1b, canonical form: whatever form an author chose becomes one tree, and every place in it leads back.

Authors may hoist Item properties or leave them under `properties:`, inherit from a collection file, write classes in
four ways, and use the spellings of the extension's drafts. The schema, the rules and the Item know one form only. What
was rewritten is noted, and `Canonical.locate` finds where a canonical value was written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from builder.diagnostic import Fix, Path, Problem, Span
from builder.dlm.spellings import CLASS_KEY, DTYPE_ALIASES, PROCESS_LEVELS, RENAMED, TASKS
from builder.document import Document

STRUCTURAL_RELS = frozenset({"self", "root", "parent", "collection", "item", "child", "items"})
"""Link relations that say where an Item is: written anew for every build."""
_COMPUTED_RELS = STRUCTURAL_RELS | {"successor-version", "latest-version"}
_NULL_MEANS_SOMETHING = frozenset({"nodata_value", "pretrained", "datetime", "mlm:pretrained_source"})
DEFAULT_COLLECTION = "models"
"""Collection of the model files that lie in no folder."""

_PROVIDER_ROLES = ("producer", "licensor", "processor", "host")
# https://github.com/radiantearth/stac-spec/blob/v1.1.0/commons/common-metadata.md#nodata-and-unit
_SPELLED = {"role": "roles"} | {old: new for names in RENAMED.values() for old, new in names.items()}
_NOT_FINITE = {"nan": "nan", "inf": "inf", "-inf": "-inf"}


@dataclass(frozen=True, slots=True)
class Canonical:
    """A model file in canonical form. `problems` are what was noticed on the way, each with the id of its rule."""

    document: Document
    path: str
    data: dict[str, Any]
    origin: dict[Path, tuple[Document, Path]]
    problems: list[tuple[str, Problem]] = field(default_factory=list)

    def written_at(self, path: Path) -> tuple[Document, Path]:
        """The document and the path in it where the canonical value at a path was written."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origin:
                document, written = self.origin[path[:length]]
                return document, (*written, *path[length:])
        return self.document, path

    def locate(self, path: Path, on: Literal["key", "value"] = "value") -> Span:
        """The span in the author's file of the canonical value (or its key) at a path."""
        document, written = self.written_at(path)
        return document.locate(written, on)

    def source_text(self, path: Path) -> str | None:
        """The text of a scalar as it was written."""
        document, written = self.written_at(path)
        return document.source_text(written)


def to_canonical(document: Document, path: str, collection: Document | None = None) -> Canonical:
    """The canonical form of a model file at `path` below the source folder, with its collection's defaults laid under.

    The document's data must be a mapping.
    """
    canonical = Canonical(document, path, {}, {})
    form = _Form(canonical)
    form.hoist()
    if collection is not None and isinstance(collection.data, Mapping):
        defaults = collection.data.get("defaults")
        if isinstance(defaults, Mapping):
            form.inherit(canonical.data, defaults, (), collection)
    form.rewrite()
    form.tidy(canonical.data, ())
    fill_ids(canonical)
    return canonical


def fill_ids(canonical: Canonical) -> None:
    """Gives a model without an id that of its file, and one without a collection that of its folder."""
    pure = PurePosixPath(canonical.path)
    canonical.data.setdefault("id", pure.stem)
    canonical.data.setdefault("collection", pure.parts[0] if len(pure.parts) > 1 else DEFAULT_COLLECTION)


class _Form:
    """The steps from an author's form to the canonical one; each changes `data` and records origins and problems."""

    def __init__(self, canonical: Canonical) -> None:
        self.canonical = canonical
        self.data = canonical.data
        self.origin = canonical.origin

    def note(self, rule: str, path: Path, message: str, hint: str | None = None, **more: Any) -> None:
        self.canonical.problems.append((rule, Problem(path, message, hint, **more)))

    def moved(self, path: Path, source: Path) -> None:
        """Records that the value at a canonical path was written where `source`, a canonical path too, leads."""
        self.origin[path] = self.canonical.written_at(source)

    def hoist(self) -> None:
        """Item properties under `properties:` to the top level."""
        top = dict(self.canonical.document.data)
        properties = top.get("properties")
        if isinstance(properties, Mapping):
            del top["properties"]
            for key, value in properties.items():
                if key in top:
                    related = ((("properties", key), "and under properties here"),)
                    hint = "keep one of the two"
                    self.note(
                        "key-duplicate", (key,), f"{key} is given at the top level and under properties", hint,
                        on="key", related=related,
                    )  # fmt: skip
                    continue
                self.data[key] = value
                self.origin[(key,)] = (self.canonical.document, ("properties", key))
        elif properties is None:
            top.pop("properties", None)
        self.data.update(top)

    def inherit(self, own: dict[str, Any], defaults: Mapping[str, Any], path: Path, collection: Document) -> None:
        """Defaults under the author's values: mappings merge, anything else of the author's wins.

        A draft spelling and today's are one key here.
        """
        spelled = {_SPELLED.get(key, key) for key in own}
        for key, value in defaults.items():
            at = (*path, key)
            if key not in own:
                if _SPELLED.get(key, key) in spelled:
                    continue
                own[key] = _copy(value)
                self.origin[at] = (collection, ("defaults", *at))
            elif isinstance(own[key], Mapping) and isinstance(value, Mapping):
                merged = dict(own[key])
                own[key] = merged
                self.inherit(merged, value, at, collection)

    def rewrite(self) -> None:
        """Draft spellings and shorthand forms to the profile's."""
        self._withdrawal()
        self._language()
        self._each("dlm:data", self._data)
        self._each("dlm:inputs", self._input)
        self._each("dlm:runtime", lambda raw, at: self._rename(raw, at, RENAMED["runtime"]))
        self._each("dlm:outputs", self._output)
        self._assets()
        self._links()
        self._providers()

    def _withdrawal(self) -> None:
        """The word of model files for the field that is published."""
        if "withdrawn" not in self.data:
            return
        value = self.data.pop("withdrawn")
        if "dlm:withdrawn" in self.data:
            related = ((("dlm:withdrawn",), "dlm:withdrawn is given here"),)
            self.note("key-duplicate", ("withdrawn",), "withdrawn is dlm:withdrawn, which is given too",
                      "keep one of the two", on="key", related=related)  # fmt: skip
            return
        self.data["dlm:withdrawn"] = value
        self.moved(("dlm:withdrawn",), ("withdrawn",))

    def _language(self) -> None:
        """The tag of a language alone, as model files have it, to the object that is published."""
        value = self.data.get("language")
        if value is not None and not isinstance(value, Mapping):
            self.data["language"] = {"code": value}
            self.moved(("language", "code"), ("language",))

    def _each(self, key: str, change: Any) -> None:
        """Applies a change to the object, or each object of the list, at a top-level key."""
        value = self.data.get(key)
        if isinstance(value, Mapping):
            self.data[key] = change(dict(value), (key,))
        elif isinstance(value, list):
            self.data[key] = [
                change(dict(item), (key, index)) if isinstance(item, Mapping) else item
                for index, item in enumerate(value)
            ]

    def _inside(self, raw: dict[str, Any], at: Path, key: str, change: Any) -> dict[str, Any]:
        value = raw.get(key)
        if isinstance(value, Mapping):
            raw[key] = change(dict(value), (*at, key))
        elif isinstance(value, list):
            raw[key] = [
                change(dict(item), (*at, key, index)) if isinstance(item, Mapping) else item
                for index, item in enumerate(value)
            ]
        return raw

    def _rename(self, raw: dict[str, Any], at: Path, renamed: Mapping[str, str]) -> dict[str, Any]:
        if not any(old in raw for old in renamed):
            return raw
        result: dict[str, Any] = {}
        for key, value in raw.items():
            new = renamed.get(key)
            if new is None:
                result.setdefault(key, value)
                continue
            if new in raw:
                related = (((*at, new), f"{new} is given here"),)
                self.note(
                    "key-duplicate", (*at, key), f"{key} is the draft spelling of {new}, which is given too",
                    f"remove {key}", on="key", related=related,
                )  # fmt: skip
                continue
            self.moved((*at, new), (*at, key))
            self.note("key-draft", (*at, new), f"{key} is the draft spelling of {new}", f"write {new}", on="key",
                      fix=Fix("key", new))  # fmt: skip
            result[new] = value
        return result

    def _tensor(self, raw: dict[str, Any], at: Path) -> dict[str, Any]:
        return self._rename(raw, at, RENAMED["tensor"])

    def _input(self, raw: dict[str, Any], at: Path) -> dict[str, Any]:
        return self._inside(self._rename(raw, at, RENAMED["input"]), at, "input_tensors", self._tensor)

    def _data(self, raw: dict[str, Any], at: Path) -> dict[str, Any]:
        raw = self._rename(raw, at, RENAMED["data"])
        self._respell(raw, at, "process_level", lambda text: PROCESS_LEVELS.get(text.lower(), _level(text)))
        self._respell(raw, at, "dtype", lambda text: DTYPE_ALIASES.get(text.lower(), text.lower()))
        return raw

    def _output(self, raw: dict[str, Any], at: Path) -> dict[str, Any]:
        task = raw.get("task")
        if isinstance(task, str):
            # Hyphens and case are a matter of taste here, not a draft's spelling: no note.
            raw["task"] = re.sub(r"[-_\s]+", " ", task).strip().lower()
            self._respell(raw, at, "task", lambda text: TASKS.get(text, text))
        if isinstance(raw.get("class_name_mapping"), (Mapping, list)):
            raw["class_name_mapping"] = self._classes(raw["class_name_mapping"], (*at, "class_name_mapping"))
        return raw

    def _respell(self, raw: dict[str, Any], at: Path, key: str, spell: Any) -> None:
        value = raw.get(key)
        if isinstance(value, str) and (new := spell(value)) != value:
            hint = f"write {key}: {new}"
            self.note("key-draft", (*at, key), f"{value} is read as {new}", hint, fix=Fix("value", new))
            raw[key] = new

    def _classes(self, value: Any, at: Path) -> list[Any]:
        """Classes as a list of index and name, from any of the forms that are read."""
        items: list[tuple[Path, Any]]
        if isinstance(value, Mapping):
            items = [((*at, key), {key: name}) for key, name in value.items()]
        else:
            items = [((*at, index), item) for index, item in enumerate(value)]
        classes: list[Any] = []
        if isinstance(value, list) and {isinstance(item, str) for item in value} == {True, False}:
            place = next(index for index, item in enumerate(value) if isinstance(item, str))
            message = f"the class {value[place]} has no index, but others have one"
            hint = f"write {place}: {value[place]}, if that is its index"
            other = next(index for index, item in enumerate(value) if not isinstance(item, str))
            self.note("class-mixed", (*at, place), message, hint, related=(((*at, other), "with an index"),))
        for written, item in items:
            position = len(classes)
            if isinstance(item, str):
                classes.append({"index": position, "class_name": item})
                self.moved((*at, position, "class_name"), written)
                self.moved((*at, position, "index"), written)
            elif isinstance(item, Mapping) and len(item) == 1 and CLASS_KEY.fullmatch(next(iter(item))):
                ((key, name),) = item.items()
                spot = written if isinstance(value, Mapping) else (*written, key)
                classes.append({"index": int(CLASS_KEY.fullmatch(key).group(1)), "class_name": name})  # type: ignore[union-attr]
                for part in ("class_name", "index"):
                    self.moved((*at, position, part), spot)
                if key.startswith("I_"):
                    new = key.removeprefix("I_")
                    self.note(
                        "key-draft", (*at, position, "index"), f"{key} is the draft spelling of {new}", f"write {new}",
                        fix=Fix("key", new),
                    )  # fmt: skip
            else:
                classes.append(item)
                if isinstance(value, Mapping):
                    self.moved((*at, position), at)
        return classes

    def _assets(self) -> None:
        assets = self.data.get("assets")
        if isinstance(assets, list) and assets and all(isinstance(a, Mapping) and len(a) == 1 for a in assets):
            once = len({key for asset in assets for key in asset}) == len(assets)
            self.note(
                "key-draft", ("assets",), "assets is a list, as in the drafts", "write assets as a mapping", on="key",
                fix=Fix("unlist") if once else None,
            )  # fmt: skip
            mapping: dict[str, Any] = {}
            for index, asset in enumerate(assets):
                ((key, value),) = asset.items()
                if key in mapping:
                    self.note("key-duplicate", ("assets", index, key), f"the asset {key} is given twice", on="key")
                    continue
                mapping[key] = value
                self.moved(("assets", key), ("assets", index, key))
            self.data["assets"] = assets = mapping
        if not isinstance(assets, Mapping):
            return
        result = {}
        for key, asset in assets.items():
            if isinstance(asset, Mapping):
                asset = self._rename(dict(asset), ("assets", key), {"role": "roles"})
                if isinstance(asset.get("roles"), str):
                    asset["roles"] = [asset["roles"]]
                if key == "card" and _local(asset.get("href")) == "index.html":
                    continue  # a published Item that is fed back in; the card is made anew
            result[key] = asset
        self.data["assets"] = result

    def _links(self) -> None:
        links = self.data.get("links")
        if not isinstance(links, list):
            return
        kept: list[Any] = []
        for index, link in enumerate(links):
            if isinstance(link, Mapping):
                rel, href = str(link.get("rel")), _local(link.get("href"))
                if rel in _COMPUTED_RELS or (rel == "alternate" and href == "index.html"):
                    continue
                if rel == "related" and self._is_replacement(link.get("href")):
                    continue
            if len(kept) != index:
                self.moved(("links", len(kept)), ("links", index))
            kept.append(link)
        self.data["links"] = kept

    def _is_replacement(self, href: Any) -> bool:
        """Whether a link of a published Item leads to what replaces the model: it is written anew."""
        withdrawal = self.data.get("dlm:withdrawn")
        target = withdrawal.get("replaced_by") if isinstance(withdrawal, Mapping) else None
        return target is not None and (href == target or PurePosixPath(str(href)).stem == target)

    def _providers(self) -> None:
        providers = self.data.get("providers")
        if not isinstance(providers, list):
            return
        result: list[Any] = []
        for index, provider in enumerate(providers):
            if isinstance(provider, Mapping):
                provider = dict(provider)
                roles = provider.get("roles")
                if isinstance(roles, (list, str)):
                    provider["roles"] = self._roles(roles, ("providers", index, "roles"))
            result.append(provider)
        self.data["providers"] = result

    def _roles(self, roles: list[Any] | str, at: Path) -> list[Any]:
        result: list[Any] = []
        for index, role in enumerate([roles] if isinstance(roles, str) else roles):
            spot = at if isinstance(roles, str) else (*at, index)
            if isinstance(role, str) and role not in _PROVIDER_ROLES:
                known = next((word for word in _PROVIDER_ROLES if word in role.lower()), None)
                read = f"is read as {known}" if known else "is left out"
                hint = f"STAC's provider roles are {', '.join(_PROVIDER_ROLES)}"
                self.moved((*at, index, "written"), spot)
                twice = known in result or (isinstance(roles, list) and known in roles)
                self.note("key-draft", (*at, index, "written"), f"the provider role “{role}” {read}", hint,
                          fix=Fix("value", known) if known and not twice else None)  # fmt: skip
                if known is None or twice:
                    continue
                role = known
            self.moved((*at, len(result)), spot)
            result.append(role)
        return result

    def tidy(self, node: Any, at: Path) -> None:
        """Removes keys without a value, which say nothing, where null has no meaning of its own.

        Not-a-number and infinity, which JSON cannot write, become the text that STAC has for them.
        """
        if isinstance(node, dict):
            for key, value in list(node.items()):
                if type(value) is str or type(value) is int:
                    continue
                if value is None and key not in _NULL_MEANS_SOMETHING:
                    del node[key]
                    self.note("value-empty", (*at, key), f"{key} has no value and counts as not stated", on="key",
                              hint="give it a value, or remove the key")  # fmt: skip
                elif isinstance(value, float) and not math.isfinite(value):
                    node[key] = _NOT_FINITE[str(value)]
                elif isinstance(value, (dict, list)):
                    self.tidy(value, (*at, key))
        elif isinstance(node, list):
            for index, value in enumerate(node):
                if isinstance(value, float) and not math.isfinite(value):
                    node[index] = _NOT_FINITE[str(value)]
                elif isinstance(value, (dict, list)):
                    self.tidy(value, (*at, index))


def _copy(value: Any) -> Any:
    """A copy of defaults, which many models share and each may rewrite."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _level(text: str) -> str:
    return (
        text.upper()
        if re.fullmatch(r"l[0-4][a-c]?", text.lower())
        else text.lower()
        if text.lower() == "ortho"
        else text
    )


def _local(href: Any) -> str | None:
    return href.removeprefix("./") if isinstance(href, str) else None
