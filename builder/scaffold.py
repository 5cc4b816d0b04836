"""Beginnings: the text of a new model file, and the files of a new registry.

Both are made of what lies in `starter/`. `model.yml` there is a whole model file; a new one keeps what its author has
stated, and the rest stays behind `#` as an example of what can be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from string import Template

from builder import __version__, schema
from builder.importers.yaml_text import to_flow
from builder.model import Model
from builder.rules import RULES

SCHEMA_FILE = "_model-file.schema.json"
"""The schema for editors in the source folder; files whose names begin so are not read by the build."""
FACTS = (
    "title", "description", "license", "platform", "gsd", "dlm:outputs.task", "dlm:runtime.framework", "assets",
)  # fmt: skip
"""What a new model file can be given: keys of a model file, with a dot before one inside of an object."""
TODO = "TODO: what the model does, and on which imagery."
_EXAMPLE = """\
# An invented model: put a real one in its place.
"""


class ScaffoldError(Exception):
    """Nothing can be made of what was given. The message says why."""


def check_id(key: str, value: str) -> str:
    """The id itself. Raises ScaffoldError with what the rule for ids says of it, where it says anything."""
    check = RULES["id-unsafe"].check
    assert check is not None  # noqa: S101  it is a rule with a generator
    for problem in check(Model(value, "models", {}) if key == "id" else Model("model", value, {})):
        raise ScaffoldError(f"{problem.message}; {problem.hint}")
    return value


def to_model_text(facts: Mapping[str, object]) -> str:
    """A model file that states these facts, with everything else that can be stated as a comment.

    `facts` are values by the names in `FACTS`. Without a description there is a TODO, and without a task or framework
    one for the architecture, because a model file needs one of the `dlm:` objects.
    """
    stated = {"description": TODO, **{key: value for key, value in facts.items() if value not in (None, "")}}
    if not any(key.startswith("dlm:") for key in stated):
        stated["dlm:architecture.type"] = "TODO"
    lines = _starter("model.yml").read_text("utf-8").splitlines()
    return "\n".join(_state(_to_blocks(lines, ""), stated, "", "")) + "\n"


def to_registry(title: str, collection: str, model: str) -> dict[str, str]:
    """The files of a new registry with one collection and one invented model, by their paths.

    The ids are safe ones, see `check_id`; the collection's title is made of its id.
    """
    words = {"title": " ".join(title.split()), "yaml_title": to_flow(title), "collection": collection, "model": model}
    words["id"] = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "models"
    words["version"] = __version__
    words["yaml_collection_title"] = to_flow(collection.replace("-", " ").capitalize())
    made = {}
    for path, file in _walk(_starter("registry"), ""):
        parts = (part.replace("dot-", ".", 1) if part.startswith("dot-") else part for part in path.split("/"))
        place = "/".join(parts).replace("/collection/", f"/{collection}/")
        made[place] = Template(file.read_text("utf-8")).safe_substitute(words)
    made[f"catalog_src/{collection}/{model}.yml"] = _EXAMPLE + _starter("model.yml").read_text("utf-8")
    made[f"catalog_src/{SCHEMA_FILE}"] = to_schema_text()
    return dict(sorted(made.items()))


def to_schema_text() -> str:
    """The schema of a model file for editors, as the text of a file."""
    return json.dumps(schema.source_schema(), indent=1, ensure_ascii=False) + "\n"


# --- the example, piece by piece -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Block:
    """A key of the example with the lines above it that are about it, its own line, and the lines inside of it."""

    above: tuple[str, ...]
    key: str
    line: str
    inside: tuple[str, ...]


def _to_blocks(lines: Sequence[str], indent: str) -> list[_Block]:
    starts = [n for n, line in enumerate(lines) if re.match(rf"{indent}[A-Za-z]", line)]
    blocks, above = [], 0
    for start, following in zip(starts, [*starts[1:], len(lines)], strict=True):
        end = start + 1
        while end < following and lines[end].startswith(f"{indent} "):
            end += 1
        # A comment at the end of an object is about what comes next in it, so there is none after its last key.
        key = re.split(r":(?: |$)", lines[start].strip(), maxsplit=1)[0]
        blocks.append(_Block(tuple(lines[above:start]), key, lines[start], tuple(lines[start + 1 : end])))
        above = end
    return blocks


def _state(blocks: Sequence[_Block], facts: Mapping[str, object], prefix: str, indent: str) -> Iterator[str]:
    """The lines of the blocks: with the facts where there are any, else commented out."""
    for block in blocks:
        name = prefix + block.key
        yield from block.above
        if name in facts:
            yield f"{indent}{block.key}: {to_flow(facts[name])}"
        elif any(fact.startswith(f"{name}.") for fact in facts):
            yield f"{indent}{block.key}:"
            deeper = f"{indent}  "
            yield from _state(_to_blocks(block.inside, deeper), facts, f"{name}.", deeper)
        else:
            yield from (f"{indent}#{line.removeprefix(indent)}" for line in (block.line, *block.inside))


def _starter(name: str) -> Traversable:
    return resources.files("builder") / "starter" / name


def _walk(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for found in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if found.is_dir():
            yield from _walk(found, f"{path}{found.name}/")
        else:
            yield path + found.name, found
