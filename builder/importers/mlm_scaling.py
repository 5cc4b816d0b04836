"""How MLM changes pixels before they are fed, as DLM's scaling factor and normalisation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from builder.importers.draft import Draft, list_of
from builder.mlm_values import inverse

_IDENTITY = (0, 1)
# How each kind of scaling is (x - mean) / std: https://github.com/stac-extensions/mlm, "Value Scaling Object".
_FIELDS = {
    "min-max": ("minimum", "maximum"), "z-score": ("mean", "stddev"), "offset": ("value",), "scale": ("value",),
}  # fmt: skip


def read_scaling(raw: Mapping[str, Any], channels: int | None, place: str, draft: Draft) -> dict[str, Any]:
    """`scaling_factor`, or `normalization:mean` and `normalization:std`, of an input with so many channels.

    Whatever moves and stretches values is a mean and a standard deviation; what cuts them off has no place in DLM.
    """
    scalings = _objects(raw, place, draft)
    pairs = [_to_pair(scaling) for scaling in scalings]
    for scaling, pair in zip(scalings, pairs, strict=True):
        if pair is None:
            kind = scaling.get("type") if isinstance(scaling, dict) else scaling
            draft.leave(f"{place}.value_scaling: {kind}", "DLM scales and normalises only")
    known = [pair for pair in pairs if pair is not None]
    if len(known) < len(pairs) or all(pair == _IDENTITY for pair in known):
        return {}
    if len(set(known)) == 1 and all(map(_is_scale, scalings)):
        mean, std = known[0]
        if mean == 0:
            return {"scaling_factor": inverse(std)}
    if len(known) == 1 and channels:
        known = known * channels
    elif channels and len(known) != channels:
        draft.leave(f"{place}.value_scaling", f"{len(known)} scalings for {channels} channels")
        return {}
    return {"normalization:mean": [mean for mean, _ in known], "normalization:std": [std for _, std in known]}


def _objects(raw: Mapping[str, Any], place: str, draft: Draft) -> list[Any]:
    """The value scaling objects of an input, also from the statistics that versions before 1.4 have instead."""
    if scalings := list_of(raw.get("value_scaling"), object):
        return scalings
    kind, statistics = raw.get("norm_type"), list_of(raw.get("statistics"), dict)
    if raw.get("norm_clip"):
        draft.leave(f"{place}.norm_clip", "DLM scales and normalises only")
        return []
    if kind in ("z-score", "min-max") and statistics:
        return [{**one, "type": kind} for one in statistics]
    if kind is not None:
        draft.leave(f"{place}.norm_type: {kind}", "it has no statistics" if not statistics else "DLM has no such norm")
    elif statistics:
        draft.leave(f"{place}.statistics", "nothing says that pixels are normalised with them")
    return []


def _is_scale(scaling: Any) -> bool:
    return isinstance(scaling, dict) and scaling.get("type") in ("scale", "min-max")


def _to_pair(scaling: Any) -> tuple[float, float] | None:
    """The mean and the standard deviation that do the same; None where none do."""
    if scaling is None or (isinstance(scaling, dict) and scaling.get("type") is None):
        return _IDENTITY
    if not isinstance(scaling, dict) or str(scaling["type"]) not in _FIELDS:
        return None
    stated = [scaling.get(key) for key in _FIELDS[str(scaling["type"])]]
    numbers: list[float] = [one for one in stated if isinstance(one, (int, float)) and math.isfinite(one)]
    if len(numbers) < len(stated):
        return None
    first, last = numbers[0], numbers[-1]
    pair: tuple[float, float] = {
        "min-max": (first, last - first), "z-score": (first, last), "offset": (first, 1), "scale": (0, last),
    }[scaling["type"]]  # fmt: skip
    return pair if pair[1] > 0 else None
