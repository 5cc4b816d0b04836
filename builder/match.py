"""Which models fit some imagery, and why: pure functions of small records, and the one table of numbers they use.

`assets/match.js` holds the same rules for the match page and reads its numbers from `RULES`; `tests/match_cases.json`
is run through both. What is worked out here must therefore come out the same in JavaScript: whole numbers for scores,
`_number` for numbers in sentences.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]
Band = Sequence[Any]
"""Name, common name, centre and width in micrometres; None where not stated."""

RULES: dict[str, Any] = {
    "points": {"fits": 100, "near": 60, "unknown": 40, "differs": 0},
    "weights": {"bands": 40, "sensor": 20, "gsd": 15, "level": 12, "dtype": 5, "place": 5, "time": 3, "task": 10},
    "required": ["bands", "task"],  # a model that differs in one of these does not fit
    "cautions": ["sensor", "gsd", "level", "place"],  # one that differs in one of these is possible at most
    "verdicts": ["fits", "possible", "unclear", "no"],
    "same_wavelength": 0.04,  # of the model's wavelength; Sentinel-2's B5 and B6 are 0.05 apart, B8 and B8A 0.04
    "far_wavelength": 0.1,  # with the same common name: still the same band, but shifted
    "same_gsd": 1.25,  # larger over smaller
    "near_gsd": 4,
    "named": 6,  # bands that a reason names before it counts the rest
    "common_names": [
        "pan", "coastal", "blue", "green", "green05", "yellow", "red", "rededge", "rededge071", "rededge075",
        "rededge078", "nir", "nir08", "nir09", "cirrus", "swir16", "swir22", "lwir", "lwir11", "lwir12",
    ],
    "related_names": {
        "nir": ["nir08"], "nir08": ["nir"], "lwir": ["lwir11", "lwir12"], "lwir11": ["lwir"], "lwir12": ["lwir"],
        "rededge": ["rededge071", "rededge075", "rededge078"], "rededge071": ["rededge"], "rededge075": ["rededge"],
        "rededge078": ["rededge"], "green": ["green05"], "green05": ["green"],
    },
    "levels": {
        "S2MSI1C": "L1C", "S2MSI2A": "L2A", "L1TP": "L1", "L1GT": "L1", "L1GS": "L1", "L2SP": "L2", "L2SR": "L2",
        "GRD": "L1", "SLC": "L1", "RTC": "L2",
    },
    "skipped_roles": ["visual", "thumbnail", "overview", "metadata", "data-mask", "cloud", "snow-ice", "saturation"],
}  # fmt: skip
"""Every threshold, weight and table of the rules. Published in `search/rules.js`."""


def match(records: Sequence[Record], imagery: Record) -> list[dict[str, Any]]:
    """What each model makes of the imagery, the best first: `id`, `verdict`, `score` of 100, and `reasons`, each with
    `criterion`, `status` and `text`."""
    results = [(match_one(record, imagery), record) for record in records]

    def place(pair: tuple[dict[str, Any], Record]) -> tuple[Any, ...]:
        made, record = pair
        rank = RULES["verdicts"].index(made["verdict"])
        return rank, bool(record.get("deprecated")), -made["score"], record["id"]

    return [made for made, _ in sorted(results, key=place)]


def match_one(record: Record, imagery: Record) -> dict[str, Any]:
    """What one model makes of the imagery."""
    if "withdrawn" in record:
        since = f" since {_day(record['withdrawn'])}" if record["withdrawn"] else ""
        reason = {"criterion": "status", "status": "differs", "text": f"the model is withdrawn{since}"}
        return {"id": record["id"], "verdict": "no", "score": 0, "reasons": [reason]}
    criteria = [
        ("bands", *_match_bands(record, imagery)),
        ("sensor", *_match_sensor(record, imagery)),
        ("gsd", *_match_gsd(record, imagery)),
        ("level", *_match_level(record, imagery)),
        ("dtype", *_match_dtype(record, imagery)),
        ("place", *_match_place(record, imagery)),
        ("time", *_match_time(record, imagery)),
    ]
    if imagery.get("task"):
        criteria.append(("task", *_match_task(record, imagery["task"])))
    status = {name: value for name, value, _ in criteria}
    total = sum(RULES["weights"][name] for name in status)
    points = sum(RULES["weights"][name] * RULES["points"][value] for name, value in status.items())
    if any(status.get(name) == "differs" for name in RULES["required"]):
        verdict = "no"
    elif status["bands"] == "unknown":
        verdict = "unclear"
    else:
        verdict = "possible" if any(status[name] == "differs" for name in RULES["cautions"]) else "fits"
    reasons = [{"criterion": name, "status": value, "text": text} for name, value, text in criteria]
    return {"id": record["id"], "verdict": verdict, "score": (2 * points + total) // (2 * total), "reasons": reasons}


def _match_bands(record: Record, imagery: Record) -> tuple[str, str]:
    wanted: list[Band] = [band for entry in record.get("inputs", []) for band in entry.get("bands", [])]
    given: Sequence[Band] = imagery.get("bands", [])
    channels = sum((entry.get("shape") or [None, None])[1] or 0 for entry in record.get("inputs", []))
    if not given:
        return "unknown", "the bands of the image are not stated"
    if not wanted:
        if channels > len(given):
            return "differs", f"reads {channels} channels; the image has {_count(len(given), 'band')}"
        return "unknown", "the bands of the model are not stated"
    used: set[int] = set()
    shifted: list[str] = []
    missing: list[str] = []
    for band in wanted:
        best = None
        for index, candidate in enumerate(given):
            if index not in used and (found := _compare_bands(band, candidate)) is not None:
                rank = (*found, index)
                best = rank if best is None or rank < best else best
        if best is None:
            missing.append(_called(band))
            continue
        used.add(best[2])
        if best[0]:
            shifted.append(_shift(band, given[best[2]]))
    count = _count(len(wanted), "band")
    if missing:
        return "differs", f"reads {count}; the image has no {_listed(missing)}"
    if shifted:
        return "near", f"reads {count}, all in the image, {_listed(shifted)}"
    return "fits", f"reads {count}, all in the image"


def _compare_bands(band: Band, candidate: Band) -> tuple[int, float] | None:
    """0 where the bands are the same, 1 where they are nearly, with their distance; None where they are not."""
    key, other = _key(band), _key(candidate)
    distance = abs(band[2] - candidate[2]) / band[2] if band[2] and candidate[2] else None
    limit = RULES["same_wavelength"]
    if key and key == other:
        if distance is None:
            return 0, 0.0
        return (0, distance) if distance <= limit else (1, distance) if distance <= RULES["far_wavelength"] else None
    if key and other in RULES["related_names"].get(key, []):
        return (1, distance or 0.0) if distance is None or distance <= RULES["far_wavelength"] else None
    if distance is not None:
        return (1, distance) if distance <= limit else None
    same = bool(band[0]) and str(band[0]).lower() == str(candidate[0] or "").lower()
    return (0, 0.0) if same and not (key and other) else None


def _key(band: Band) -> str | None:
    if band[1]:
        return str(band[1])
    name = str(band[0] or "").lower()
    return name if name in RULES["common_names"] else None


def _called(band: Band) -> str:
    return str(band[1] or band[0] or "unnamed band") + (f" ({_nanometres(band[2])})" if band[2] else "")


def _shift(band: Band, candidate: Band) -> str:
    return f"{_called(band)} as {_called(candidate)}"


def _match_sensor(record: Record, imagery: Record) -> tuple[str, str]:
    own, theirs = _words(record.get("sensors")), _words(imagery.get("sensors"))
    tools, their_tools = _words(record.get("instruments")), _words(imagery.get("instruments"))
    if not own and not tools:
        return "unknown", "the model names no sensor"
    if not theirs and not their_tools:
        return "unknown", "the sensor of the image is not stated"
    shared = [word for word in tools if word in their_tools]
    apart = bool(tools and their_tools and not shared)
    made = f"made for {', '.join(own or tools)}"
    if own and theirs:
        if any(_same_sensor(a, b) for a in own for b in theirs):
            if apart:
                return "near", f"{made} with {', '.join(tools)}; the image is from {', '.join(their_tools)}"
            return "fits", made
        return ("near" if shared else "differs"), f"{made}; the image is from {theirs[0]}"
    if tools and their_tools:
        return ("fits", made) if shared else ("differs", f"{made}; the image is from {', '.join(their_tools)}")
    return "unknown", "the model and the image name their sensors in different ways"


def _same_sensor(one: str, other: str) -> bool:
    """Whether they are one sensor, or one is of the family that the other names: sentinel-2 and sentinel-2a."""
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and re.fullmatch(r"|[a-z]|-.*", long[len(short) :]) is not None


def _match_gsd(record: Record, imagery: Record) -> tuple[str, str]:
    own, theirs = record.get("gsd"), imagery.get("gsd")
    if not own:
        return "unknown", "the model states no ground sample distance"
    if not theirs:
        return "unknown", "the ground sample distance of the image is not stated"
    ratio = max(own, theirs) / min(own, theirs)
    if ratio <= RULES["same_gsd"]:
        return "fits", f"for {_number(own)} m; the image has {_number(theirs)} m"
    status = "near" if ratio <= RULES["near_gsd"] else "differs"
    return status, f"for {_number(own)} m; the image has {_number(theirs)} m: resample by {_number(ratio)}"


def _match_level(record: Record, imagery: Record) -> tuple[str, str]:
    levels, given = record.get("levels", []), imagery.get("level")
    if not levels:
        return "unknown", "the model states no processing level"
    if not given:
        return "unknown", "the processing level of the image is not stated"
    status = max((_compare_levels(level, given) for level in levels), key=lambda s: int(RULES["points"][s]))
    return status, f"for {', '.join(levels)}; the image is {given}"


def _compare_levels(level: str, given: str) -> str:
    own, theirs = _level(level), _level(given)
    if level.lower() == given.lower():
        return "fits"
    if own is None or theirs is None:
        return "unknown"
    if own[0] != theirs[0]:
        return "differs"
    return "near" if own[1] and theirs[1] and own[1] != theirs[1] else "fits"


def _level(text: str) -> tuple[str, str] | None:
    found = re.match(r"(?:L|LEVEL)[-_ ]?([0-9])([A-Z]?)(?![A-Z])", text.upper())
    return (found[1], found[2]) if found else None


def _match_dtype(record: Record, imagery: Record) -> tuple[str, str]:
    dtypes, given = record.get("dtypes", []), imagery.get("dtype")
    if not dtypes:
        return "unknown", "the model states no data type"
    if not given:
        return "unknown", "the data type of the image is not stated"
    status = max((_compare_dtypes(dtype, given) for dtype in dtypes), key=lambda s: int(RULES["points"][s]))
    advice = {"fits": "", "near": ": convert", "differs": ": rescale"}[status]
    return status, f"for {', '.join(dtypes)}; the image is {given}{advice}"


def _compare_dtypes(dtype: str, given: str) -> str:
    if dtype == given:
        return "fits"
    kind, other = (re.sub(r"[0-9]", "", name) for name in (dtype, given))
    if kind == "float":
        return "near"
    bits, other_bits = (int(re.sub(r"[^0-9]", "", name) or 0) for name in (dtype, given))
    return "near" if kind == other and bits > other_bits else "differs"


def _match_place(record: Record, imagery: Record) -> tuple[str, str]:
    own, theirs = record.get("bbox"), imagery.get("bbox")
    if not own:
        return "fits", "not bound to a place"
    if not theirs:
        return "unknown", "the footprint of the image is not stated"
    if own[1] <= theirs[3] and theirs[1] <= own[3] and _parallels_meet(own, theirs):
        return "fits", "the image lies in the footprint of the model"
    return "differs", "the image lies outside the footprint of the model"


def _parallels_meet(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether boxes share a longitude; one whose west is greater than its east crosses the antimeridian."""

    def parts(box: Sequence[float]) -> list[tuple[float, float]]:
        return [(box[0], box[2])] if box[0] <= box[2] else [(box[0], 180), (-180, box[2])]

    return any(a[0] <= b[1] and b[0] <= a[1] for a in parts(one) for b in parts(other))


def _match_time(record: Record, imagery: Record) -> tuple[str, str]:
    start, end = _day(record.get("start")), _day(record.get("end"))
    first, last = _day(imagery.get("start")), _day(imagery.get("end"))
    if not start and not end:
        return "fits", "not bound to a time"
    if not first and not last:
        return "unknown", "the time of the image is not stated"
    span = f"{start or 'open'} to {end or 'open'}"
    if (not end or not first or first <= end) and (not start or not last or start <= last):
        return "fits", f"the image is from the time of the model, {span}"
    return "near", f"for {span}; the image is from {first or last}"


def _day(text: Any) -> str:
    return str(text or "")[:10]


def _match_task(record: Record, task: str) -> tuple[str, str]:
    tasks = record.get("tasks", [])
    if not tasks:
        return "unknown", "the model states no task"
    status = "fits" if task.lower() in [name.lower() for name in tasks] else "differs"
    return status, f"for {', '.join(tasks)}"


# --- words -----------------------------------------------------------------------------------------------------------


def _words(value: Any) -> list[str]:
    return [str(word).lower() for word in (value if isinstance(value, list) else [value]) if word]


def _listed(words: Sequence[str]) -> str:
    most = RULES["named"]
    rest = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + rest


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _nanometres(micrometres: float) -> str:
    return f"{_number(micrometres * 1000, 1)} nm"


def _number(value: float, digits: int = 2) -> str:
    """A positive number rounded half up, which Python and JavaScript write alike."""
    scale = 10**digits
    rounded = math.floor(value * scale + 0.5) / scale
    return str(int(rounded)) if rounded == int(rounded) else repr(rounded)
