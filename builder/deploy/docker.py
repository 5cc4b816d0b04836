"""`docker run` of the container that the model file names."""

from __future__ import annotations

import functools
import re
import shlex
from dataclasses import dataclass

from builder.deploy.sheet import DeployFile, Sheet, Site, Withheld, to_comments
from builder.model import Docker, Model
from builder.words import mark, say

NAME = "docker-run.sh"
TITLE = mark("The container as a command")
_SHELL_SYNTAX = re.compile(r"[|&;<>()$`\n\r*?~\[\]]|(^|\s)#|^\s*\w+=")
# https://pkg.go.dev/github.com/distribution/reference: a host, lower-case path, a tag, a digest.
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_PART}(?:/{_PART})*)(?::(?P<tag>[\w][\w.-]{{0,127}}))?(?:@(?P<digest>{_DIGEST}))?",
    re.ASCII,
)
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class Container:
    """A container as programs want it: the reference of the image, the words of the command, the other options.

    `weights` is the path of a local file, below the folder of the model, and the place it has in the container.
    """

    image: str
    command: tuple[str, ...]
    working_dir: str | None
    gpu: bool
    weights: tuple[str, str] | None = None


def render(site: Site) -> DeployFile | Withheld:
    """A script that runs the container; arguments are given on to it."""
    sheet = Sheet(NAME, TITLE)
    container = find_container(sheet, site)
    if container is None:
        return sheet.withheld()
    words, mount = to_words(container), ""
    if container.weights:
        name, place = container.weights
        if ":" in name + place:
            sheet.inferred.append("the weights are not mounted: docker cannot be given a path with a colon in it")
        else:
            mount = f' --volume "$PWD"/{shlex.quote(f"{name}:{place}:ro")}'
    lines = ["#!/bin/sh", *to_comments(sheet.head(site.model)), "set -eu"]
    if mount:
        lines.append('cd -- "$(dirname -- "$0")/.."')
    options = 3 + 2 * container.gpu + 2 * bool(container.working_dir)
    lines.append(f'exec {shlex.join(words[:options])}{mount} {shlex.join(words[options:])} "$@"')
    return sheet.finish("\n".join(lines) + "\n")


def to_words(container: Container) -> list[str]:
    """The words of `docker run`, without the weights."""
    words = ["docker", "run", "--rm"]
    if container.gpu:
        words += ["--gpus", "all"]
    if container.working_dir:
        words += ["--workdir", container.working_dir]
    return [*words, container.image, *container.command]


@functools.lru_cache(maxsize=64)  # of a model, the card, the card in Markdown and others ask for it
def docker_command(docker: Docker) -> str:
    """The line for a shell that runs a container; empty where the facts do not add up to one."""
    sheet = Sheet(NAME, TITLE)
    container = _to_container(sheet, docker)
    return shlex.join(to_words(container)) if container else ""


def find_container(sheet: Sheet, site: Site) -> Container | None:
    """The first container of the model with a name; None where there is none, which is noted on the sheet."""
    every = [docker for runtime in site.model.runtime for docker in runtime.docker]
    named = [docker for docker in every if docker.image_name]
    if not named:
        built = say("the name of a container image (a Dockerfile is stated: name what is built from it)")
        words = built if any(d.docker_file for d in every) else say("the name of a container image")
        sheet.lack(_place(site.model), words)
        return None
    container = _to_container(sheet, named[0])
    if len(named) > 1:
        sheet.inferred.append(f"the first of {len(named)} containers is meant")
    if container and site.local_weights and container.working_dir:
        place = f"{container.working_dir.rstrip('/')}/{site.local_weights}"
        sheet.inferred.append(f"the weights belong at {place}: nothing states where the container looks for them")
        container = Container(
            container.image, container.command, container.working_dir, container.gpu, (site.local_weights, place)
        )
    return container


def _place(model: Model) -> tuple[str | int, ...]:
    """The field that would name an image: of the first container, runtime, or at all."""
    first = model.runtime[0] if model.runtime else None
    path = first.docker[0].path if first and first.docker else (*(first.path if first else ("dlm:runtime",)), "docker")
    return (*path, "image_name")


def _to_container(sheet: Sheet, docker: Docker) -> Container | None:
    image, command = _to_image(sheet, docker), _to_command(sheet, docker)
    if docker.working_dir:
        sheet.state((*docker.path, "working_dir"), docker.working_dir)
    if docker.gpu is None:
        sheet.inferred.append("no GPU is asked for, because gpu is not stated")
    else:
        sheet.state((*docker.path, "gpu"), "yes, all of them" if docker.gpu else "no")
    for key in ("run", "working_dir"):
        if "\0" in (getattr(docker, key) or ""):
            sheet.lack((*docker.path, key), say("a text without the character NUL, which no program can be given"))
    return None if sheet.missing else Container(image, command, docker.working_dir or None, bool(docker.gpu))


def _to_image(sheet: Sheet, docker: Docker) -> str:
    name, tag = docker.image_name or "", docker.tag or ""
    found = _read_reference(name)
    if found is None:
        sheet.lack(
            (*docker.path, "image_name"), say("the name of a container image in the form that container tools read")
        )
        return ""
    sheet.state((*docker.path, "image_name"), name)
    if any(found):
        if found == ("latest", ""):
            sheet.inferred.append("nothing pins the tag latest, it may be another image tomorrow")
        return name
    separator = "@" if re.fullmatch(_DIGEST, tag) else ":"
    if tag and not _REFERENCE.fullmatch(f"{name}{separator}{tag}"):
        sheet.lack((*docker.path, "tag"), say("a tag in the form that container tools read"))
    if not tag or tag == "latest":
        why = "as stated" if tag else "which container tools take where none is stated"
        sheet.inferred.append(f"the tag latest, {why}; nothing pins it, it may be another image tomorrow")
        return f"{name}:latest"
    sheet.state((*docker.path, "tag"), tag)
    return f"{name}{separator}{tag}"


@functools.lru_cache(maxsize=256)
def _read_reference(name: str) -> tuple[str, str] | None:
    """The tag and the digest in the reference of an image, empty where there is none; None for what is none."""
    match = _REFERENCE.fullmatch(name) if len(name) <= _LONGEST else None
    return None if match is None else (match["tag"] or "", match["digest"] or "")


def _to_command(sheet: Sheet, docker: Docker) -> tuple[str, ...]:
    if not docker.run:
        sheet.inferred.append("the command is the one of the image, because none is stated")
        return ()
    sheet.state((*docker.path, "run"), docker.run)
    if words := _split_command(docker.run):
        return words
    # The container is given words, not a line for a shell: what needs a shell is handed to one.
    sheet.inferred.append("the command needs a shell, which the image is taken to have as sh")
    return ("sh", "-c", docker.run)


@functools.lru_cache(maxsize=256)  # for each model several files ask, and shlex reads letter by letter
def _split_command(run: str) -> tuple[str, ...]:
    """The words of a command; none where it takes a shell to read it."""
    if _SHELL_SYNTAX.search(run):
        return ()
    try:
        return tuple(shlex.split(run))
    except ValueError:
        return ()
