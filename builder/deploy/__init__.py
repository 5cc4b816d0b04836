"""Files to deploy a model from: each module has functions `render(model, site)`, which give a file or what it lacks.

Every file says in its head what was stated and what was inferred. What the model file does not state, and what cannot
be inferred, keeps a file from being written; the card lists it as missing to deploy. Text of authors is written in the
quoting of the format alone: for a shell by `shlex`, for YAML, protobuf text and comments by `builder.deploy.quoting`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from builder.catalog import Entry
from builder.deploy import compose, docker, kserve, preprocess, protocol, triton
from builder.deploy.sheet import DeployFile, Gap, Site, Withheld
from builder.output import Artifact
from builder.recipe import Recipe, to_recipe

FOLDER = "deploy"
"""Where the files are, below the folder of the model."""

KINDS: Mapping[str, Callable[[Site], DeployFile | Withheld]] = {
    "docker": docker.render,
    "compose": compose.render,
    "triton": triton.render,
    "kserve": kserve.render,
    "request-schema": protocol.render_request,
    "response-schema": protocol.render_response,
    "preprocess": preprocess.render,
}
"""The files, by the name that `build-catalog export --to` gives them."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact that is missing to deploy the model, and the files that are not written for want of it."""

    gap: Gap
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files to deploy a model from, and the facts that are missing for the others; the recipe is in one of them."""

    recipe: Recipe
    files: tuple[DeployFile, ...] = ()
    missing: tuple[Missing, ...] = ()


def to_bundle(entry: Entry, base_url: str | None = None) -> Bundle:
    """The deploy files of a model, in a site with this address, if it has one; none where the model is withdrawn."""
    site = to_site(entry, base_url)
    if entry.model.withdrawn:
        return Bundle(site.recipe)
    made = [render(site) for render in KINDS.values()]
    gaps: dict[Gap, list[str]] = {}
    for one in made:
        for gap in one.missing if isinstance(one, Withheld) else ():
            gaps.setdefault(gap, []).append(one.name)
    missing = tuple(Missing(gap, tuple(names)) for gap, names in gaps.items())
    return Bundle(site.recipe, tuple(one for one in made if isinstance(one, DeployFile)), missing)


def to_site(entry: Entry, base_url: str | None = None) -> Site:
    """What a deploy file is made from: the model, its files in the site, and the address of its folder there."""
    address = f"{base_url.rstrip('/')}/{entry.folder}" if base_url else None
    return Site(entry.model, to_recipe(entry.model), frozenset(entry.files), address)


def to_artifacts(entry: Entry, bundle: Bundle) -> list[Artifact]:
    """The files of a bundle at their places in the site."""
    return [Artifact(f"{entry.folder}/{FOLDER}/{file.name}", file.text.encode()) for file in bundle.files]
