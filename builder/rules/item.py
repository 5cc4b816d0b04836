"""Rules about the Item as a whole: identity, place, time, references."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

# The list itself is not public, but the only light package that carries it; `test_rules` fails if it moves.
from packaging.licenses._spdx import LICENSES as _SPDX

from builder.diagnostic import Fix, Path, Problem
from builder.model import Asset, Link, Model
from builder.rules.registry import rule

LICENSES: dict[str, str] = {key: entry["id"] for key, entry in _SPDX.items()}
"""The SPDX license identifiers by their lower-case form, deprecated ones included."""
_TIMES = ("created", "updated", "datetime", "start_datetime", "end_datetime")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MAX_ID = 100
# Folders and files that the site has at its root, and in the folder of a collection; `test_pipeline` knows the rest.
_RESERVED_COLLECTIONS = frozenset({
    "404.html", "assets", "catalog.json", "compare", "docs", "feed.xml", "index.html", "items.ndjson",
    "items.parquet", "lists",
    "manifest.json", "match", "models.json", "pages", "robots.txt", "schemas", "search", "sitemap.xml",
})  # fmt: skip
_RESERVED_IDS = frozenset({"collection.json", "index.html", "page", "parts"})
# Names that some file systems refuse: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
RESERVED_NAMES = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}
)


@rule("error")
def id_unsafe(model: Model) -> Iterator[Problem]:
    """Ids are made of letters, digits, `.`, `_` and `-`, and begin with a letter or digit.

    They are parts of addresses and names of folders. At most 100 characters; a few names are taken by the site itself.
    """
    for key, value in (("id", model.id), ("collection", model.collection)):
        stem = value.split(".", 1)[0].lower()
        if not _ID.fullmatch(value) or value.endswith("."):
            hint = re.sub(r"[^a-z0-9._]+", "-", value.lower()).strip("-.") or "a-short-name"
            yield Problem((key,), f"the {key} “{value}” has characters that addresses cannot have", f"{key}: {hint}")
        elif len(value) > MAX_ID:
            yield Problem((key,), f"the {key} has {len(value)} characters", f"at most {MAX_ID}")
        elif stem in RESERVED_NAMES or value.lower() in (_RESERVED_IDS if key == "id" else _RESERVED_COLLECTIONS):
            yield Problem((key,), f"the {key} {value} is taken by the site or the file system", "choose another name")


def _positions(coordinates: object, path: Path) -> Iterator[tuple[Path, list[object]]]:
    if isinstance(coordinates, list):
        if coordinates and not isinstance(coordinates[0], list):
            yield path, coordinates
        else:
            for index, item in enumerate(coordinates):
                yield from _positions(item, (*path, index))


def _is_position(value: object) -> bool:
    return isinstance(value, list) and 2 <= len(value) <= 3 and all(_is_number(number) for number in value)


def _is_number(value: object) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and value == value
        and abs(value) != float("inf")
    )


# How deep the positions of each kind of geometry are nested: RFC 7946, 3.1.
_NESTING = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


def _nested(value: object, depth: int) -> bool:
    if depth == 0:
        return _is_position(value)
    return isinstance(value, list) and bool(value) and all(_nested(item, depth - 1) for item in value)


def _rings(model: Model) -> Iterator[tuple[Path, list[list[float]]]]:
    geometry = model.geometry
    if geometry is None or not _nested(geometry["coordinates"], _NESTING[geometry["type"]]):
        return
    path: Path = ("geometry", "coordinates")
    if geometry["type"] == "Polygon":
        yield from (((*path, i), ring) for i, ring in enumerate(geometry["coordinates"]))
    elif geometry["type"] == "MultiPolygon":
        for p, polygon in enumerate(geometry["coordinates"]):
            yield from (((*path, p, i), ring) for i, ring in enumerate(polygon))


@rule("error")
def geometry_ring(model: Model) -> Iterator[Problem]:
    """A polygon's ring must end where it begins, and have at least four positions.

    RFC 7946, 3.1.6. Repeat the first position at the end.
    """
    for path, ring in _rings(model):
        if ring[0] != ring[-1]:
            first = ", ".join(f"{number:g}" for number in ring[0])
            message = f"the ring does not end where it begins, at [{first}]"
            fix = Fix("close-ring") if len(ring) >= 3 else None
            yield Problem(path, message, f"add [{first}] at the end", fix=fix)
        elif len(ring) < 4:
            yield Problem(path, f"the ring has {len(ring)} positions", "at least four, the last like the first")


@rule("error")
def geometry_range(model: Model) -> Iterator[Problem]:
    """Coordinates are longitude, then latitude, in degrees of WGS 84, nested as the kind of geometry wants.

    Longitude lies between -180 and 180, latitude between -90 and 90. Other numbers are usually metres of a map
    projection, or the two are swapped.
    """
    geometry = model.geometry
    if geometry is not None:
        if not _nested(geometry["coordinates"], _NESTING[geometry["type"]]):
            message = f"the coordinates are not nested as a {geometry['type']} wants them"
            yield Problem(("geometry", "coordinates"), message, "a Polygon is a list of rings of [longitude, latitude]")
            return
        for path, position in _positions(geometry["coordinates"], ("geometry", "coordinates")):
            longitude, latitude = position[0], position[1]
            if abs(float(longitude)) > 180 or abs(float(latitude)) > 90:  # type: ignore[arg-type]
                yield Problem(
                    path, f"[{longitude}, {latitude}] is not on Earth", "longitude, then latitude, in degrees"
                )
    if model.bbox:
        half = len(model.bbox) // 2
        for index in (0, 1, half, half + 1):
            limit = 180 if index % half == 0 else 90
            if not _is_number(model.bbox[index]) or abs(model.bbox[index]) > limit:
                message = f"{model.bbox[index]} is outside of -{limit} to {limit}"
                yield Problem(("bbox", index), message, "west, south, east, north, in degrees")
        if model.bbox[1] > model.bbox[half + 1]:
            yield Problem(("bbox",), "south is north of north", "west, south, east, north")


@rule("warning")
def geometry_bbox(model: Model) -> Iterator[Problem]:
    """`bbox` should be the box around `geometry`.

    One of the two is enough: the other is made from it.
    """
    if model.geometry is None or not model.bbox or any(_bad_positions(model)):
        return
    half = len(model.bbox) // 2
    west, south, east, north = (model.bbox[i] for i in (0, 1, half, half + 1))
    points = [position for _, position in _positions(model.geometry["coordinates"], ())]
    for x, y in ((float(p[0]), float(p[1])) for p in points):  # type: ignore[arg-type]
        inside = west <= x <= east if west <= east else x >= west or x <= east
        if not inside or not south <= y <= north:
            message = f"the geometry reaches [{x:g}, {y:g}], outside of bbox"
            yield Problem(("bbox",), message, "remove bbox: it is made from the geometry",
                          related=((("geometry",), "the geometry"),))  # fmt: skip
            return


def _bad_positions(model: Model) -> Iterator[bool]:
    geometry = model.geometry
    if geometry is not None and not _nested(geometry["coordinates"], _NESTING[geometry["type"]]):
        yield True


@rule("error")
def time_order(model: Model) -> Iterator[Problem]:
    """Times must exist, and a time span must begin before it ends.

    STAC also wants both ends of a span, or neither.
    """
    moments = {}
    places: list[tuple[Path, object]] = [((key,), model.fields.get(key)) for key in _TIMES]
    places += [((*asset.path, key), asset.fields.get(key)) for asset in model.assets for key in _TIMES[:2]]
    for path, value in places:
        if isinstance(value, str):
            try:
                moments[path] = datetime.fromisoformat(value.upper().replace(" ", "T", 1)).astimezone(UTC)
            except (ValueError, OverflowError):
                yield Problem(path, f"there is no {value}", "check the day and the month")
    start, end = moments.get(("start_datetime",)), moments.get(("end_datetime",))
    if start and end and start > end:
        related = ((("start_datetime",), "the start"),)
        yield Problem(("end_datetime",), "the time span ends before it begins", "swap the two", related=related)
    for here, there in (("start_datetime", "end_datetime"), ("end_datetime", "start_datetime")):
        if here in model.fields and there not in model.fields:
            yield Problem((here,), f"{here} needs {there}", f"add {there}", on="key")


_URL_KEYS = frozenset({"href", "url", "source", "test_file", "requirement_file"})
# What a browser leaves out of an address, or before it, it may not hide behind.
_IGNORED_IN_URL = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")
_UNSAFE_URL = re.compile(r"(javascript|vbscript|data|file):", re.IGNORECASE)


def unsafe_urls(data: object, path: Path) -> Iterator[Problem]:
    """The addresses in data that carry code or lead into the reader's own files."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            if isinstance(value, (dict, list, Mapping)):
                yield from unsafe_urls(value, (*path, key))
            elif key in _URL_KEYS and isinstance(value, str) and _UNSAFE_URL.match(_IGNORED_IN_URL.sub("", value)):
                message = f"“{value[:60]}” is no address for others to follow"
                yield Problem((*path, key), message, "an http or https URL")
    elif isinstance(data, list):
        for index, value in enumerate(data):
            if isinstance(value, (dict, list)):
                yield from unsafe_urls(value, (*path, index))


@rule("error")
def url_unsafe(model: Model) -> Iterator[Problem]:
    """An address must not be one of the schemes `javascript:`, `data:`, `vbscript:` and `file:`.

    Programs that read the catalog make links of it: one that carries code would run there, and one into the reader's
    own files leads nowhere. It holds wherever a key is `href`, `url` or `source`, in fields of other extensions, too.
    """
    yield from unsafe_urls(model.fields, ())
    for metric in model.card.metrics:
        yield from unsafe_urls({"source": metric.source}, metric.path)
    parts: tuple[Asset | Link, ...] = (*model.assets, *model.links)
    for part in parts:
        # Of the part's own address, the rule link-broken says more.
        yield from unsafe_urls({key: value for key, value in part.fields.items() if key != "href"}, part.path)


@rule("note", misses=("sci:citation", "sci:doi", "sci:publications"))
def citation_missing(model: Model) -> Iterator[Problem]:
    """A model should say how it is cited: `sci:citation`, `sci:doi` or `sci:publications`.

    Authors are credited by it, and readers find the method behind the model.
    """
    if not (model.citation or model.doi or model.publications):
        yield Problem((), "nothing says how to cite the model", "add sci:publications, sci:doi or sci:citation")


@rule("note", misses=("license",))
def license_missing(model: Model) -> Iterator[Problem]:
    """A model should state its license.

    Without one nobody may use it.
    """
    if not model.license:
        yield Problem((), "no license is stated", "add license with an SPDX identifier")


@rule("warning")
def license_spdx(model: Model) -> Iterator[Problem]:
    """A license should be an SPDX identifier, or `other` with a link of relation `license`.

    STAC 1.1 has given up `various` and `proprietary`. Its specification takes SPDX expressions (`MIT OR Apache-2.0`)
    as well, its schema does not: state `other` and link to the licenses.
    """
    value = model.license
    if value is None:
        return
    if value.lower() in ("various", "proprietary"):
        yield Problem(("license",), f"{value} is no license any more in STAC 1.1", "an SPDX identifier, or other")
    elif re.search(r" (OR|AND|WITH) ", value):
        yield Problem(("license",), "STAC's schema takes no SPDX expression", "other, with links of relation license")
    elif value != "other" and (known := LICENSES.get(value.lower())) != value and not value.startswith("LicenseRef-"):
        if known is not None:
            fix = Fix("value", known)
            yield Problem(("license",), f"the SPDX identifier of {value} is {known}", f"license: {known}", fix=fix)
        else:
            close = " or ".join(_close_licenses(value.lower()))
            hint = f"did you mean {close}?" if close else "such as Apache-2.0 or CC-BY-4.0, or other with a link"
            yield Problem(("license",), f"“{value}” is not an SPDX identifier", hint)


def _close_licenses(name: str) -> list[str]:
    """The identifiers, three at most, that a name may have meant: the newest of that name first."""
    longer = [known for known in LICENSES if known.startswith(name)] if len(name) > 2 else []
    shortest = [known for known in longer if len(known) == min(map(len, longer))]
    close = dict.fromkeys([*sorted(shortest)[-1:], *difflib.get_close_matches(name, LICENSES, n=3, cutoff=0.6)])
    return [LICENSES[known] for known in list(close)[:3]]


@rule("note", misses=("task",))
def task_missing(model: Model) -> Iterator[Problem]:
    """A model that has outputs should state its task.

    The task is what most readers search by. Feature extractors have none: leave `dlm:outputs` out.
    """
    for output in model.outputs:
        if output.task is None:
            yield Problem(output.path, "no task is stated", "add task", on="key")


@rule("note", misses=("dlm:data", "dlm:inputs", "dlm:runtime"))
def section_missing(model: Model) -> Iterator[Problem]:
    """A model file should have the sections that deployment needs: data, inputs, runtime.

    They are what the extension exists for: enough information to run the model.
    """
    missing = [
        name
        for name, value in (("dlm:data", model.data), ("dlm:inputs", model.inputs), ("dlm:runtime", model.runtime))
        if not value
    ]
    if missing:
        message = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not stated"
        yield Problem((), message, "add what is known; it is needed to run the model")


@rule("note", misses=("bbox", "geometry"))
def extent_missing(model: Model) -> Iterator[Problem]:
    """Without `bbox` or `geometry` a model is taken to be meant for the whole world.

    State the area the training data covers, if it is known.
    """
    if not model.bbox and model.geometry is None:
        yield Problem((), "no area is stated; the Item covers the whole world", "add bbox, if it is known")


@rule("note", misses=("datetime", "start_datetime", "end_datetime"))
def time_missing(model: Model) -> Iterator[Problem]:
    """Without `datetime` or a time span a model is taken to be meant for any time.

    STAC wants a time, so the Item gets an open span; the card says "not stated". State `datetime`, or
    `start_datetime` and `end_datetime`, if they are known.
    """
    if model.fields.get("datetime") is None and "start_datetime" not in model.fields:
        yield Problem((), "no time is stated; the Item covers any time", "add datetime or a time span, if it is known")
