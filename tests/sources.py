"""Source folders and models for the tests of what comes after checking."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared import ROOT

from builder import schema
from builder.authoring import to_canonical
from builder.catalog import Entry
from builder.document import parse
from builder.model import Model, to_model
from builder.pipeline import Build, Settings, build
from builder.source import LocalFile
from builder.stac import Titles, to_item

MINIMAL = "description: A model.\ndlm:architecture: {type: CNN}\n"
WORDS = ["forest", "water", "crops", "cloud", "shadow", "snow", "ice", "bare", "soil", "wetland", "road", "roof"]
CLOUDS = """
title: Cloud mask
description: |
  Marks clouds.

  And their shadows.
language: en
gsd: 0.5
dlm:inputs: {scaling_factor: 0.25}
dlm:outputs: {task: semantic segmentation}
sci:citation: "Doe (2024): Cloud mask."
card:
  limitations: Bright sand is taken for cloud.
  intended_use: To mask clouds.
  how_to_cite: As you like.
translations:
  fr:
    title: Masque de nuages
    description: Repère les nuages.
    card: {intended_use: Pour masquer les nuages.}
  ar: {title: قناع السحب, description: يحدد السحب.}
"""
"""A model in English, with French and Arabic."""
SNOW = "title: Neige\ndescription: Repère la neige.\ndlm:outputs: {task: semantic segmentation}\n"
"""A model in the language of its catalog."""
TITLES = Titles("The catalog", {"c": "The collection"}, schema.DLM)


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """The files in the folder, by path."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def french_kinds(folder: Path, language: str = "fr") -> Path:
    """`tests/kinds` in a folder as the source of a site in French: models that speak English, one of them with French
    and Arabic beside it, and one that speaks French."""
    shutil.copytree(ROOT / "tests/kinds", folder, dirs_exist_ok=True)
    with (folder / "catalog.yml").open("a") as catalog:
        catalog.write(f"\nlanguage: {language}\n")
    (folder / "other/collection.yml").write_text("defaults:\n")
    for file in folder.glob("*/collection.yml"):
        file.write_text(file.read_text("utf-8").replace("defaults:", "defaults:\n  language: en"), "utf-8")
    return write(folder, {"neige/nuages.yml": CLOUDS, "neige/neige.yml": SNOW})


def build_files(folder: Path, files: Mapping[str, str | bytes], **settings: Any) -> Build:
    """The build of a source folder with these files."""
    return build(Settings(write(folder, files), **settings))


def find_item(made: Build, path: str) -> dict[str, Any]:
    """The JSON object that a build has at a path."""
    content = next(artifact.content for artifact in made.artifacts if artifact.path == path)
    assert isinstance(content, bytes)
    found: dict[str, Any] = json.loads(content)
    return found


def model_of(text: str, path: str = "c/a.yml") -> Model:
    """The model in a text, to which what every model needs is added."""
    document, found = parse(path, MINIMAL + text)
    assert document is not None, found
    return to_model(to_canonical(document, path).data)


def item_of(
    text: str,
    files: Mapping[str, LocalFile] | None = None,
    *,
    declared: tuple[str, ...] = (),
    titles: Titles = TITLES,
    path: str = "c/a.yml",
) -> dict[str, Any]:
    """The Item of the model in a text, to which what every model needs is added."""
    return to_item(model_of(text, path), titles, files or {}, declared)


def entry_of(text: str = "", path: str = "c/a.yml") -> Entry:
    """The entry of the model in a text, to which what every model needs is added."""
    model = model_of(text, path)
    return Entry(model, to_item(model, TITLES, {}), path, MINIMAL + text)


def many(folder: Path, number: int) -> Path:
    """A source folder with this many different models in three collections; every tenth has a predecessor."""
    chosen = random.Random(6)  # noqa: S311  the same models each time
    files: dict[str, str | bytes] = {}
    for index in range(number):
        words = " ".join(chosen.choices(WORDS, k=40))
        text = f"title: Model {index}\ndescription: {words}.\nlicense: MIT\ngsd: {chosen.choice((10, 20, 30))}\n"
        text += f"dlm:architecture: {{type: CNN, total_nb_parameters: {chosen.randrange(10_000, 10_000_000)}}}\n"
        if index % 10 == 9:
            text += f"links: [{{rel: predecessor-version, href: m{index - 3}.yml}}]\n"
        files[f"c{index % 3}/m{index}.yml"] = text
    return write(folder, files)
