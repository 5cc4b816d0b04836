"""How changes are said: values and places in a few words, and what lists of bands and classes mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from builder.diagnostic import Path
from builder.words import say

_LONGEST = 80


def label(path: Path) -> str:
    """A path as people write it: `dlm:inputs.selected_band`, `dlm:outputs[1].task`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def show(value: Any) -> str:
    """A value on one line, shortened; texts in typographic quotes, objects without the marks of JSON."""
    if isinstance(value, str):
        return f"“{_short(' '.join(value.split()))}”"
    return _short(_plain(value))


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        apart = "; " if any(isinstance(inner, (Mapping, list)) for inner in value) else ", "
        return apart.join(map(_plain, value)) or say("an empty list")
    return json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def say_class(path: Path, old: Any, new: Any, now: Mapping[str, Any]) -> str | None:
    """What a change inside a class, which is `now`, means; None where the path leads into no class."""
    if path[-2:-1] != ("class_name_mapping",) and path[-3:-2] != ("class_name_mapping",):
        return None
    if path[-1] == "class_name":
        return say("class {0} was {1}, is {2}", now.get("index"), show(old), show(new))
    if path[-1] == "index":
        return say("class {0} had the index {1}, has {2}", show(now.get("class_name")), old, new)
    was, is_ = (say("not stated") if value is None else show(value) for value in (old, new))
    return say("class {0} {1}: {2} was {3}, is {4}", now.get("index"), show(now.get("class_name")), path[-1], was, is_)


def say_list(path: Path, old: Any, new: Any, old_facts: Mapping[str, Any], new_facts: Mapping[str, Any]) -> str | None:
    """What a change of a list of bands, or of one number for each band, means; None for any other value."""
    if not (isinstance(old, list) and isinstance(new, list)):
        return None
    if path[-1] == "selected_band":
        before, after = _bands(old, old_facts), _bands(new, new_facts)
        same = sorted(before) == sorted(after)
        about = say(": the same bands, in another order") if same and before != after else ""
        places = "" if before == list(map(str, old)) else say(" (indices {0}, now {1})", show(old), show(new))
        return (
            say("{0}: the model read {1}, reads {2}", label(path), ", ".join(before), ", ".join(after)) + about + places
        )
    if str(path[-1]).startswith("normalization:") and len(old) == len(new):
        bands = _input_bands(path, new_facts, len(new))
        parts = [f"{band} {a} → {b}" for band, a, b in zip(bands, old, new, strict=True) if a != b]
        return f"{label(path)}: {', '.join(parts)}" if len(parts) <= 4 else None
    return None


def _bands(indices: Sequence[Any], facts: Mapping[str, Any]) -> list[str]:
    """The names of bands by their indices, else the indices."""
    listed = facts.get("eo:bands") or []
    names = {
        i: band.get("name") or band.get("common_name") for i, band in enumerate(listed) if isinstance(band, Mapping)
    }
    if not names:
        data = facts.get("dlm:data")
        for one in data if isinstance(data, list) else [data or {}]:
            names |= {band.get("index"): band.get("name") for band in one.get("useful_bands") or []}
    return [str(names.get(index) or index) for index in indices]


def _input_bands(path: Path, facts: Mapping[str, Any], number: int) -> list[str]:
    entry: Any = facts.get("dlm:inputs")
    if isinstance(entry, list):
        entry = next((entry[step] for step in path if isinstance(step, int) and step < len(entry)), {})
    selected = (entry or {}).get("selected_band") or []
    return _bands(selected, facts) if len(selected) == number else [say("channel {0}", n) for n in range(number)]
