"""What the command `match` reads and says; the rules are in `match`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from builder import pipeline
from builder.details import item_to_model, to_record
from builder.exporters.models_json import read_records
from builder.imagery import to_imagery
from builder.match import match

__all__ = ["MatchError", "format_text", "match", "read_imagery", "read_site", "read_source"]

VERDICTS = {"fits": "fits", "possible": "possible", "unclear": "unclear", "no": "does not fit"}
SIGNS = {"fits": "✓", "near": "≈", "unknown": "?", "differs": "✗"}


class MatchError(Exception):
    """What was given cannot be read. The message says which file and why."""


def read_imagery(location: FilePath, task: str | None) -> dict[str, Any]:
    """The imagery of a STAC Item or Collection, and the task that is wanted."""
    item = _read_json(location)
    if not isinstance(item, dict) or not (isinstance(item.get("properties"), dict) or item.get("type") == "Collection"):
        raise MatchError(f"{location} is not a STAC Item or Collection")
    try:
        imagery = to_imagery(item)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise MatchError(f"{location} is not a sound STAC Item or Collection: {error}") from error
    return {**imagery, "task": task} if task else imagery


def read_site(site: FilePath) -> list[dict[str, Any]]:
    """The records of the models of a built site."""
    models = read_records(lambda path: _read_json(site / path))
    return [to_record(item_to_model(_read_json(site / model["href"]))) for model in models]


def read_source(source: FilePath) -> list[dict[str, Any]]:
    """The records of the models of a source folder, those with errors left out."""
    if not source.is_dir():
        raise MatchError(f"{source} is not a folder of model files; name one, or a built site with --site")
    library = pipeline.load(pipeline.Settings(source)).library
    if library is None:
        raise MatchError(f"{source} has no models, or has errors; build-catalog check {source} shows them")
    return [to_record(entry.model) for entry in library.entries]


def format_text(imagery: Mapping[str, Any], results: Sequence[Mapping[str, Any]], total: int) -> str:
    """The ranking for reading, each model with a line for each criterion."""
    lines = []
    for result in results:
        lines.append(f"{result['id']}: {VERDICTS[result['verdict']]}, {result['score']} of 100")
        lines += [f"  {SIGNS[r['status']]} {r['criterion']:<7} {r['text']}" for r in result["reasons"]]
    counts = {verdict: sum(result["verdict"] == verdict for result in results) for verdict in ("fits", "possible")}
    about = f"{imagery['name']}: " if imagery.get("name") else ""
    lines.append(f"{about}{counts['fits']} of {total} models fit, {counts['possible']} possibly.")
    return "\n".join(lines)


def _read_json(location: FilePath) -> Any:
    try:
        return json.loads(location.read_text(encoding="utf-8"))
    except OSError as error:
        raise MatchError(f"{location}: {error.strerror}") from error
    except ValueError as error:
        raise MatchError(f"{location} is not JSON: {error}") from error
