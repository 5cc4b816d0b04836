"""A catalog of 1,200 models, built with limits so low that everything is divided that is in a far larger one."""

from __future__ import annotations

from pathlib import Path

import pytest
from sources import many, write

from builder.output import Artifact
from builder.pipeline import Settings, build

MODELS = 1200
BASE = "https://host.example/some/models/"
LIMITS = {
    "builder.lists.LIMIT": 100,
    "builder.site.LIMIT": 100,
    "builder.site.PAGE": 25,
    "builder.site.MAP_ADDRESSES": 500,
    "builder.division.ITEMS": 50,
    "builder.exporters.models_json.WHOLE": 300,
    "builder.search.WHOLE": 500,
    "builder.search.FIRST": 100,
    "builder.search.PART": 400,
}


def set_limits(patch: pytest.MonkeyPatch) -> None:
    """The low limits."""
    for name, value in LIMITS.items():
        patch.setattr(name, value)


def write_source(folder: Path) -> Path:
    """The source folder: 400 models in each of three collections, and one that states a task."""
    task = "description: A model.\ndlm:outputs: {task: classification}\n"
    return write(many(folder, MODELS), {"catalog.yml": f"base_url: {BASE}\n", "c0/task.yml": task})


def build_divided(source: Path) -> tuple[Artifact, ...]:
    """The site of a source folder under the low limits."""
    with pytest.MonkeyPatch.context() as patch:
        set_limits(patch)
        made = build(Settings(source))
    assert not made.failed
    return made.artifacts
