"""The models of a published catalog, read from its models.json: search without a server.

For programs that use a catalog, so it imports nothing but the standard library. `builder.open` leads here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import urlopen

INDEX = "models.json"
MAJOR = "1"
"""First number of the versions of models.json that are read; a later second number only adds keys."""
MAX_BYTES = 200_000_000
TIMEOUT = 30
"""Seconds that a server may take to answer."""
WORLD = (-180.0, -90.0, 180.0, 90.0)

Words = str | Iterable[str]
Range = float | tuple[float | None, float | None]


class RegistryError(Exception):
    """The catalog cannot be read. The message says where and why."""


@dataclass(frozen=True, slots=True)
class Record(Mapping[str, Any]):
    """A model of the catalog: the keys of its record in models.json, as docs/reference/models-json.md has them.

    A key is there only when the model states it: `record.get("gsd")`. `base` is the address of models.json.
    """

    fields: Mapping[str, Any]
    base: str

    def __getitem__(self, key: str) -> Any:
        return self.fields[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __repr__(self) -> str:
        return f"<{self.id}: {self.title}>"

    @property
    def id(self) -> str:
        return str(self.fields["id"])

    @property
    def title(self) -> str:
        return str(self.fields["title"])

    @property
    def withdrawn(self) -> bool:
        return "withdrawn" in self.fields

    @property
    def href(self) -> str:
        """Where the STAC Item is: a path, or an address when the catalog was opened by one."""
        return _resolve(self.base, self.fields["href"])

    @property
    def card(self) -> str:
        """Where the model card is."""
        return _resolve(self.base, self.fields["card"])

    @property
    def weights(self) -> str | None:
        """Where the weights are, if the model states them."""
        return _resolve(self.base, self.fields["weights"]) if "weights" in self.fields else None

    def item(self) -> dict[str, Any]:
        """The STAC Item, read from where it is. Raises RegistryError."""
        item = _read_json(self.href)
        if not isinstance(item, dict):
            raise RegistryError(f"{self.href} is not a STAC Item")
        return item


@dataclass(frozen=True, slots=True)
class Registry:
    """The models of a catalog, in its order: by collection and title."""

    title: str
    version: str
    models: tuple[Record, ...]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)

    def __getitem__(self, model_id: str) -> Record:
        """The model with this id, which is unique in a catalog. Raises KeyError."""
        for record in self.models:
            if record.id == model_id:
                return record
        raise KeyError(model_id)

    def search(
        self,
        text: str | None = None,
        *,
        task: Words | None = None,
        bands: Words | None = None,
        available_bands: Words | None = None,
        gsd: Range | None = None,
        sensor: Words | None = None,
        framework: Words | None = None,
        license: Words | None = None,  # noqa: A002  the key has this name
        collection: Words | None = None,
        architecture: Words | None = None,
        process_level: Words | None = None,
        dtype: Words | None = None,
        parameters: Range | None = None,
        gpu: bool | None = None,
        bbox: tuple[float, float, float, float] | None = None,
        deprecated: bool = False,
    ) -> list[Record]:
        """The models for which everything that is asked for is stated and true, in the order of the catalog.

        - `text`: every word occurs in the id, title, description, keywords, architectures or bands.
        - `task`, `framework`, `license`, `collection`, `process_level`, `dtype`: one of the given words; the case does
          not count. `architecture`: one of them occurs in it. `sensor`: one of them begins a sensor or an instrument,
          so sentinel-2 finds sentinel-2a.
        - `bands`: the model reads all of these. `available_bands`: it reads no others than these. By common name.
        - `gsd` in metres, `parameters`: a number, or least and greatest, both included, None for no end.
        - `gpu`: whether the container needs one. `bbox`: the area for which the model holds meets this one; a model
          that states none holds everywhere.
        - Deprecated and withdrawn models are left out, unless `deprecated`.
        """
        words = [word.casefold() for word in (text or "").split()]

        def fits(record: Record) -> bool:
            if not deprecated and (record.get("deprecated") or record.withdrawn):
                return False
            if words and not all(word in _text(record) for word in words):
                return False
            own = set(map(str.casefold, record.get("bands", ())))
            return (
                _has(record.get("tasks"), task)
                and _has(record.get("frameworks"), framework)
                and _has(record.get("license"), license)
                and _has(record.get("collection"), collection)
                and _has(record.get("process_levels"), process_level)
                and _has(record.get("dtypes"), dtype)
                and _contains(record.get("architectures"), architecture)
                and _begins([*record.get("sensors", ()), *record.get("instruments", ())], sensor)
                and (bands is None or set(_words(bands)) <= own)
                and (available_bands is None or (bool(own) and own <= set(_words(available_bands))))
                and _within(record.get("gsd"), gsd)
                and _within(record.get("parameters"), parameters)
                and (gpu is None or record.get("gpu") is gpu)
                and (bbox is None or _meet(record.get("bbox", WORLD), bbox))
            )

        return [record for record in self.models if fits(record)]


def read_registry(location: str | os.PathLike[str]) -> Registry:
    """The catalog in a folder or a models.json, or at the address of either. Raises RegistryError."""
    place = os.fspath(location)
    if not urlsplit(place).path.endswith(".json"):
        place = f"{place.rstrip('/')}/{INDEX}" if _is_url(place) else str(Path(place) / INDEX)
    index = _read_json(place)
    if not isinstance(index, dict) or not isinstance(index.get("parts" if "parts" in index else "models"), list):
        raise RegistryError(f"{place} is not the models.json of a catalog")
    version = str(index.get("version", ""))
    if version.partition(".")[0] != MAJOR:
        raise RegistryError(f"{place} has the version {version or 'none'} of models.json; {MAJOR}.x can be read")
    records = [
        *index.get("models", ()),
        *(fields for part in index.get("parts", ()) for fields in _read_part(part, place)),
    ]
    for number, fields in enumerate(records):
        if not isinstance(fields, dict) or not {"id", "title", "href", "card"} <= fields.keys():
            raise RegistryError(f"{place}: the record {number} lacks an id, a title, href or card")
    title = str((index.get("catalog") or {}).get("title", place))
    return Registry(title, version, tuple(Record(fields, place) for fields in records))


def _read_part(part: Any, place: str) -> list[Any]:
    """The records of a part of a models.json, which lies below it."""
    href = part.get("href") if isinstance(part, dict) else None
    if not isinstance(href, str) or urlsplit(href).scheme or href.startswith(("/", "\\")) or ".." in href:
        raise RegistryError(f"{place} names a part that is not below it")
    found = _read_json(_resolve(place, href))
    if not isinstance(found, dict) or not isinstance(found.get("models"), list):
        raise RegistryError(f"{_resolve(place, href)} is not a part of a models.json")
    models: list[Any] = found["models"]
    return models


def _is_url(place: str) -> bool:
    return place.lower().startswith(("http://", "https://"))


def _resolve(base: str, href: str) -> str:
    if _is_url(base) or urlsplit(href).scheme:
        return urljoin(base, href)
    return str(Path(base).parent / href)


def _read_json(place: str) -> Any:
    try:
        if _is_url(place):
            with urlopen(place, timeout=TIMEOUT) as answer:  # noqa: S310  http and https only
                data = answer.read(MAX_BYTES + 1)
        else:
            with Path(place).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except URLError as error:
        raise RegistryError(f"{place}: {error.reason}") from error
    except OSError as error:
        raise RegistryError(f"{place}: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise RegistryError(f"{place} has more than {MAX_BYTES:,} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RegistryError(f"{place} is not JSON: {error}") from error


def _words(given: Words) -> list[str]:
    return [word.casefold() for word in ([given] if isinstance(given, str) else given)]


def _own(stated: Any) -> list[str]:
    return [str(word).casefold() for word in (stated if isinstance(stated, list) else [stated]) if word]


def _has(stated: Any, asked: Words | None) -> bool:
    return asked is None or not set(_own(stated)).isdisjoint(_words(asked))


def _contains(stated: Any, asked: Words | None) -> bool:
    return asked is None or any(word in own for own in _own(stated) for word in _words(asked))


def _begins(stated: Any, asked: Words | None) -> bool:
    return asked is None or any(own.startswith(word) for own in _own(stated) for word in _words(asked))


def _within(stated: Any, asked: Range | None) -> bool:
    if asked is None:
        return True
    least, greatest = asked if isinstance(asked, tuple) else (asked, asked)
    return stated is not None and (least is None or stated >= least) and (greatest is None or stated <= greatest)


def _meet(own: Iterable[float], asked: tuple[float, float, float, float]) -> bool:
    """Whether two areas meet; one whose west is greater than its east crosses the antimeridian."""
    box = list(own)
    west, south, east, north = [*box[:2], *box[3:5]] if len(box) == 6 else box

    def parts(left: float, right: float) -> list[tuple[float, float]]:
        return [(left, right)] if left <= right else [(left, 180.0), (-180.0, right)]

    pairs = ((a, b) for a in parts(west, east) for b in parts(asked[0], asked[2]))
    return south <= asked[3] and asked[1] <= north and any(a[0] <= b[1] and b[0] <= a[1] for a, b in pairs)


def _text(record: Record) -> str:
    keys = ("id", "title", "description", "keywords", "architectures", "bands")
    return " ".join(word for key in keys for word in _own(record.get(key)))
