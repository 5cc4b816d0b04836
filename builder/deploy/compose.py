"""The container that the model file names, for `docker compose`, https://github.com/compose-spec/compose-spec."""

from __future__ import annotations

from builder.deploy.docker import find_container
from builder.deploy.quoting import yaml_list, yaml_text
from builder.deploy.sheet import DeployFile, Sheet, Site, Withheld, to_comments
from builder.words import mark

NAME = "compose.yaml"
TITLE = mark("The container for Docker Compose")
_GPU = """\
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              count: all
              capabilities: [gpu]
"""


def render(site: Site) -> DeployFile | Withheld:
    """A Compose file with one service, `model`."""
    sheet = Sheet(NAME, TITLE)
    container = find_container(sheet, site)
    if container is None:
        return sheet.withheld()
    if container.gpu:
        sheet.inferred.append("driver nvidia: no other is asked for by docker's own option for GPUs")
    lines = [*to_comments(sheet.head(site.model)), "services:", "  model:", f"    image: {_text(container.image)}"]
    if container.working_dir:
        lines.append(f"    working_dir: {_text(container.working_dir)}")
    if container.command:
        lines.append(f"    command: {yaml_list([_plain(word) for word in container.command])}")
    if container.weights:
        name, place = container.weights
        lines += [
            "    volumes:",
            f"      - {{type: bind, source: {_text(f'../{name}')}, target: {_text(place)}, read_only: true}}",
        ]
    return sheet.finish("\n".join(lines) + "\n" + (_GPU if container.gpu else ""))


def _text(text: str) -> str:
    return yaml_text(_plain(text))


def _plain(text: str) -> str:
    """The text so that Compose puts no variable into it."""
    return text.replace("$", "$$")
