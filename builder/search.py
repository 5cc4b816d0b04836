"""Stage 6, render: the client-side index, as classic scripts that work from `file://`.

`search/index.js` holds what the browse page needs of every model, column by column: the values of a facet once, the
sets of values that occur once, and for each model the number of its set; of a very large catalog it has the first rows,
and `search/index-<n>.js` the others, which the page fetches when it is shown. `search/words.js` has the words of the
descriptions and is fetched when somebody searches; `search/details-<n>.js` the records for comparing and matching.
"""

from __future__ import annotations

import math
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from operator import sub
from typing import Any

from builder.catalog import Entry, Library, Told, by_title
from builder.details import to_record
from builder.match import RULES
from builder.model import Model
from builder.output import Artifact, Part, to_json_line
from builder.prose import plain_text
from builder.words import current, mark, say

VERSION = 1
SHARD = 500
"""Records in a file of details."""
WHOLE, FIRST, PART = 20_000, 2_000, 20_000
"""Rows up to which `search/index.js` holds all; past them it holds so many, and each further file so many."""
NUMBERS = {
    "gsd": (mark("GSD"), mark("m"), 1), "parameters": (mark("Parameters"), mark("M"), 1_000_000),
    "size": (mark("Size"), mark("MB"), 1),
    "bands": (mark("Number of bands"), "", 1), "classes": (mark("Number of classes"), "", 1),
}  # fmt: skip
"""Columns of numbers: label, unit that ranges are asked in, and how many make one of these units."""
_INDEXED = frozenset({"id", "title", "language", "deprecated", "withdrawn", "number_of_classes", *NUMBERS})
"""Keys of a record that the index needs besides its inputs."""
FACETS = {
    "task": mark("Task"), "sensor": mark("Sensor"), "band": mark("Bands"), "level": mark("Process level"),
    "dtype": mark("Data type"), "framework": mark("Framework"), "architecture": mark("Architecture"),
    "license": mark("License"), "gpu": mark("GPU"), "instrument": mark("Instrument"), "collection": mark("Collection"),
}  # fmt: skip
DEPRECATED, EXPERIMENTAL, WITHDRAWN = 1, 2, 4
"""Bits of `flags`. A withdrawn model has the first one, too."""
RADAR = ("VV", "VH", "HH", "HV")
# Micrometres, where only a common name is stated: the middle of the EO extension's range.
_NOMINAL = {
    "coastal": 0.425, "blue": 0.475, "green": 0.55, "green05": 0.53, "yellow": 0.6, "red": 0.65, "pan": 0.6,
    "rededge": 0.745, "rededge071": 0.705, "rededge075": 0.745, "rededge078": 0.785, "nir": 0.875, "nir08": 0.825,
    "nir09": 0.95, "cirrus": 1.375, "swir16": 1.65, "swir22": 2.2, "lwir": 11.5, "lwir11": 11.0, "lwir12": 12.0,
}  # fmt: skip
# Upper ends in micrometres of what the style sheet has colours for.
_COLOURS = (
    (0.45, "violet"), (0.51, "blue"), (0.585, "green"), (0.62, "yellow"), (0.69, "red"), (0.78, "edge"), (1.1, "nir"),
    (3.0, "swir"), (math.inf, "thermal"),
)  # fmt: skip
_SHORTEST, _LONGEST, _REFLECTIVE = 0.38, 2.5, 860
_THERMAL_FROM, _THERMAL_TO = 8.0, 14.0
_NARROWEST = 14


@dataclass(frozen=True, slots=True)
class Row:
    """A model in the index: what it needs of the record, or all of it; facet values; and what is searched besides them:
    keywords, and the words of its description and of its texts in other languages, each once and sorted."""

    record: Mapping[str, Any]
    facets: Mapping[str, tuple[str, ...]]
    keywords: tuple[str, ...]
    words: tuple[str, ...]
    updated: str
    experimental: bool


def render_search(library: Library) -> list[Artifact]:
    """The scripts under `search/`."""
    return [artifact for part in search_parts(library) for artifact in part.make()]


def search_parts(library: Library) -> Iterator[Part]:
    """The same, in parts that are made of different things."""
    titles = {collection.info.id: collection.info.title for collection in library.collections}
    entries, about = sorted(library.entries, key=by_title), (VERSION, current().language)

    @cache
    def rows() -> list[Row]:
        # Only when they are wanted: they take more memory than anything else that is made of all models.
        return [_shared(entry.recall(to_lean_row)) for entry in entries]

    def words() -> list[Artifact]:
        return [_words([map(sys.intern, entry.recall(entry_words)) for entry in entries])]

    yield Part("search index", (*about, Told(entries, to_lean_row), titles), lambda: _index(rows(), titles))
    yield Part("search words", (*about, Told(entries, entry_words)), words)
    yield Part("search rules", (*about, RULES), lambda: [_rules()])

    def details(number: int, some: Sequence[Entry]) -> list[Artifact]:
        return [_details(number, [entry.recall(entry_record) for entry in some])]

    for number, start in enumerate(range(0, len(entries), SHARD)):
        some = entries[start : start + SHARD]
        yield Part(f"search details-{number}", (*about, Told(some, entry_record)), partial(details, number, some))


def _shared(row: Row) -> Row:
    """The row with one string in memory for a word or a key, in however many rows it is."""
    record, facets = ({sys.intern(key): value for key, value in part.items()} for part in (row.record, row.facets))
    return replace(row, record=record, facets=facets)


def render_index(rows: Iterable[Row], collections: Mapping[str, str]) -> list[Artifact]:
    """The scripts for these rows; `collections` are titles by id."""
    ordered = sorted(rows, key=lambda row: (row.record["title"].casefold(), row.record["id"]))
    shards = (ordered[start : start + SHARD] for start in range(0, len(ordered), SHARD))
    details = [_details(number, [row.record for row in shard]) for number, shard in enumerate(shards)]
    return [*_index(ordered, collections), _words([row.words for row in ordered]), _rules(), *details]


def _index(rows: Sequence[Row], collections: Mapping[str, str]) -> list[Artifact]:
    first, rest = split_index(to_index(rows, collections))
    parts = [_script(f"index-{number}", f"DLM_INDEX_{number}", _plain(part)) for number, part in enumerate(rest, 1)]
    return [_script("index", "DLM_INDEX", _plain(first)), *parts]


def _words(words: Iterable[Iterable[str]]) -> Artifact:
    return _script("words", "DLM_WORDS", to_words(words))


def _rules() -> Artifact:
    return _script("rules", "DLM_RULES", _plain(RULES))


def _details(number: int, records: Iterable[Mapping[str, Any]]) -> Artifact:
    return _script(f"details-{number}", f"DLM_DETAILS_{number}", _plain(records))


def to_row(entry: Entry) -> Row:
    """A model in the index, with its whole record and all words."""
    return replace(to_lean_row(entry), record=entry_record(entry), words=tuple(entry_words(entry)))


def entry_words(entry: Entry) -> list[str]:
    """The words of a row: a model is also found by what it says in other languages than the site's."""
    model = entry.model
    texts = [model.description, *(text for other in model.translations for text in (other.title, other.description))]
    return sorted(set(words_of(" ".join(filter(None, texts)))))


_local = threading.local()  # an executor may run batches in threads


def entry_record(entry: Entry) -> dict[str, Any]:
    """The record of a model; what is asked for it next is mostly the same."""
    last: tuple[Model, dict[str, Any]] | None = getattr(_local, "last", None)
    if last is None or last[0] is not entry.model:
        last = _local.last = entry.model, to_record(entry.model)
    return last[1]


def to_lean_row(entry: Entry) -> Row:
    """What the index says of a model, which is less, and changes less often, than what is said of it elsewhere."""
    model, record = entry.model, entry_record(entry)
    gpus = [docker.gpu for runtime in model.runtime for docker in runtime.docker]
    names = [row[1] or row[0] for entered in record.get("inputs", []) for row in entered.get("bands", [])]
    frameworks = [runtime.framework for runtime in model.runtime]
    properties = entry.item["properties"]
    facets = {
        "task": record.get("tasks", []),
        "sensor": record.get("sensors", []),
        "band": names,
        "level": record.get("levels", []),
        "dtype": record.get("dtypes", []),
        "framework": frameworks,
        "architecture": record.get("architectures", []),
        "license": [model.license],
        "gpu": ["yes"] if True in gpus else ["no"] if False in gpus else [],
        "instrument": record.get("instruments", []),
        "collection": [model.collection],
    }
    indexed = {key: value for key, value in record.items() if key in _INDEXED}
    if inputs := record.get("inputs"):
        indexed["inputs"] = [{key: one[key] for key in ("bands", "shape") if key in one} for one in inputs]
    return Row(
        indexed,
        {key: tuple(dict.fromkeys(str(value) for value in values if value)) for key, values in facets.items()},
        model.keywords,
        (),
        str(properties.get("updated") or properties.get("created") or "")[:10],
        model.experimental,
    )


# --- the index -------------------------------------------------------------------------------------------------------


def to_index(rows: Sequence[Row], collections: Mapping[str, str]) -> dict[str, Any]:
    """The index of rows in this order."""
    facets = []
    for key, label in FACETS.items():
        facet = _sets([row.facets.get(key, ()) for row in rows], _spectral if key == "band" else None)
        facets.append({"key": key, "label": say(label), **facet})
    numbers = [
        {
            "key": key,
            "label": say(label),
            "unit": say(unit) if unit else "",
            "scale": scale,
            "column": [_figure(row, key) for row in rows],
        }
        for key, (label, unit, scale) in NUMBERS.items()
    ]
    return {
        "version": VERSION,
        "shard": SHARD,
        "ids": [row.record["id"] for row in rows],
        "titles": [row.record["title"] for row in rows],
        "languages": {row.record["id"]: row.record["language"] for row in rows if "language" in row.record},
        "collections": dict(collections),
        "facets": facets,
        "numbers": numbers,
        "keywords": _sets([row.keywords for row in rows]),
        "strips": _strips(rows),
        "updated": _sets([(row.updated,) if row.updated else () for row in rows]),
        "flags": [
            (DEPRECATED if row.record.get("deprecated") else 0)
            | (EXPERIMENTAL if row.experimental else 0)
            | (WITHDRAWN if "withdrawn" in row.record else 0)
            for row in rows
        ],
    }


def split_index(index: dict[str, Any]) -> tuple[dict[str, Any], list[list[list[Any]]]]:
    """A large index with its first rows only, and the further rows in parts, column by column.

    All tables stay in the index, so that the parts can be joined to it: see `columns` in search.js for their order.
    """
    total = len(index["ids"])
    if total <= WHOLE:
        return index, []
    first = {
        **index,
        **{key: index[key][:FIRST] for key in ("ids", "titles", "flags")},
        **{key: _first_rows(index[key]) for key in ("keywords", "strips", "updated")},
        **{key: [_first_rows(table) for table in index[key]] for key in ("facets", "numbers")},
    }
    tables = [index["keywords"], index["strips"], index["updated"], *index["facets"], *index["numbers"]]
    columns = [index["ids"], index["titles"], index["flags"], *(table["column"] for table in tables)]
    parts = [[column[start : start + PART] for column in columns] for start in range(FIRST, total, PART)]
    return {**first, "total": total, "parts": len(parts)}, parts


def _first_rows(table: dict[str, Any]) -> dict[str, Any]:
    return {**table, "column": table["column"][:FIRST]}


def _sets(columns: Sequence[tuple[str, ...]], key: Any = None) -> dict[str, Any]:
    """The values, the sets of them that occur (as numbers of values), and for each row the number of its set."""
    values = sorted({value for column in columns for value in column}, key=key)
    numbers = {value: number for number, value in enumerate(values)}
    sets: dict[tuple[int, ...], int] = {}
    column = [sets.setdefault(tuple(numbers[value] for value in row), len(sets)) for row in columns]
    return {"values": values, "sets": [list(members) for members in sets], "column": column}


def _spectral(name: str) -> tuple[float, str]:
    """Bands as the spectrum has them; other names after them."""
    return _NOMINAL.get(name, math.inf), name


def _figure(row: Row, key: str) -> float | None:
    record = row.record
    if key == "classes":
        number: float | None = record.get("number_of_classes")
        return number
    if key == "bands":
        inputs = record.get("inputs", [])
        total = sum(len(entry.get("bands", ())) or (entry.get("shape") or [None, None])[1] or 0 for entry in inputs)
        return total or None
    value: float | None = record.get(key)
    return value


def _strips(rows: Sequence[Row]) -> dict[str, Any]:
    """The bands as bars of the small spectrum: name, left edge and width in thousandths, colour."""
    bars: dict[tuple[Any, ...], int] = {}
    sets: dict[tuple[int, ...], int] = {}
    column = []
    for row in rows:
        bands = [band for entry in row.record.get("inputs", []) for band in entry.get("bands", [])]
        made = dict.fromkeys(bars.setdefault(bar, len(bars)) for band in bands if (bar := to_bar(band)))
        column.append(sets.setdefault(tuple(made), len(sets)))
    return {"bars": [list(bar) for bar in bars], "sets": [list(members) for members in sets], "column": column}


def to_bar(band: Sequence[Any]) -> tuple[Any, ...] | None:
    """A band on a strip a thousand wide: reflective wavelengths by their logarithm, then the thermal ones, radar
    polarisations side by side. None where neither a wavelength nor a known name says where."""
    name, common, centre, width = band
    shown = str(common or name or "")
    if shown.upper() in RADAR:
        return shown.upper(), RADAR.index(shown.upper()) * 250, 236, "radar"
    centre = centre or _NOMINAL.get(shown.lower())
    if centre is None or centre < _SHORTEST:
        return None
    left, right = _place(centre - (width or 0) / 2), _place(centre + (width or 0) / 2)
    if right - left < _NARROWEST:
        left = (left + right - _NARROWEST) // 2
        right = left + _NARROWEST
    left = min(max(left, 0), 1000 - _NARROWEST)
    colour = next(colour for end, colour in _COLOURS if centre < end)
    return shown, left, min(right, 1000) - left, colour


def _place(wavelength: float) -> int:
    if wavelength <= _LONGEST:
        share = math.log(max(wavelength, _SHORTEST) / _SHORTEST) / math.log(_LONGEST / _SHORTEST)
        return round(share * _REFLECTIVE)
    share = (wavelength - _THERMAL_FROM) / (_THERMAL_TO - _THERMAL_FROM)
    return round(900 + min(max(share, 0), 1) * 100)


def to_words(words: Iterable[Iterable[str]]) -> dict[str, Any]:
    """The words of all rows, sorted, each with the rows it is in: the first, then the steps to the next."""
    found: dict[str, list[int]] = {}
    for number, row in enumerate(words):
        for word in row:
            found.setdefault(word, []).append(number)
    ordered = sorted(found)
    steps = [[found[word][0], *map(sub, found[word][1:], found[word])] for word in ordered]
    return {"words": plain_text(" ".join(ordered)), "rows": steps}


_EDGES = re.compile(r"^\W+|\W+$")


def words_of(text: str) -> list[str]:
    """The words of a text as the search knows them: in lower case, without the punctuation around them."""
    return [word for part in text.lower().split() if len(word := part if part.isalnum() else _EDGES.sub("", part)) > 1]


def _script(name: str, variable: str, data: object) -> Artifact:
    """Data that is plain as a classic script: text in single quotes, which keeps JSON's own quotes short."""
    text = to_json_line(data).decode().removesuffix("\n")
    text = text.replace("\\", "\\\\").replace("'", "\\'").replace("<", "\\u003c")
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return Artifact(f"search/{name}.js", f"globalThis.{variable}=JSON.parse('{text}');\n".encode())


def _plain(data: object) -> object:
    """The data with what a page must not show taken out of its texts."""
    if isinstance(data, str):
        return plain_text(data)
    if data is None or isinstance(data, (int, float)):
        return data
    if isinstance(data, Mapping):
        return {plain_text(str(key)): _plain(value) for key, value in data.items()}
    return [_plain(value) for value in data] if isinstance(data, (list, tuple)) else data
