"""The reference pages of the documentation: the schemas, the rules and the commands as Markdown.

Pure functions of what the package holds, so the pages cannot say anything else than the code does. Every object of a
schema gets a heading with an anchor, a table of its keys and an example put together from the schema's own examples.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import click

from builder import schema
from builder.cli import main
from builder.rules import RULES, example
from builder.schema import Node

PROGRAM = "build-catalog"
_PREFIXES = {
    "": "Keys without a prefix",
    "eo": "Electro-optical extension",
    "sci": "Scientific citation extension",
    "dlm": "Deep learning model extension",
}
_OTHER_PREFIXES = "A field of another STAC extension, or of your own: published unchanged."
_OTHER_KEYS = "Published unchanged."
_PLAIN = re.compile(r"[A-Za-z/](?:[A-Za-z0-9_./;=()>-]|:(?=\S)| (?=[^\s#:]))*|\d{4}-\d\d-\d\d(?:T[\d:]+Z)?")
_NOT_PLAIN = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n"})


def pages() -> dict[str, str]:
    """Every generated page by its path in the documentation."""
    return {
        "reference/model-file.md": model_file_page(),
        "reference/collection-and-catalog-files.md": settings_files_page(),
        "reference/rules.md": rules_page(),
        "reference/commands.md": commands_page(),
        "reference/changes.md": changes_page(),
    }


# --- schemas ---------------------------------------------------------------------------------------------------------


@dataclass
class _Object:
    """An object of a schema: its name for headings and anchors, the keys that lead to it, and where they stand."""

    name: str
    node: Node
    path: tuple[str, ...]
    is_list: bool
    about: str
    used_in: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return to_anchor(self.name)


def to_anchor(key: str) -> str:
    """The anchor of an object or a key on its page."""
    return re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")


def _find_objects(root: Node) -> list[_Object]:
    """Every object below the root, each once, each key's own before those inside it."""
    found: dict[int, _Object] = {}
    waiting: list[tuple[Node, tuple[str, ...]]] = [(root, ())]
    while waiting:
        # Breadth first, so that an object is explained under the shortest path that leads to it.
        node, path = waiting.pop(0)
        for key, data in node.properties.items():
            value = node.child(data)
            for inner, is_list in value.objects():
                known = found.get(id(inner.properties))
                if known is not None:
                    known.used_in.append((*path, key))
                    continue
                about = str(value.data.get("description", ""))
                found[id(inner.properties)] = _Object(key, inner, (*path, key), is_list, about)
                waiting.append((inner, (*path, key)))
    order = list(root.properties)
    return sorted(found.values(), key=lambda entry: order.index(entry.path[0]))


def type_words(node: Node) -> str:
    """The kind of a value in words, as Markdown."""
    words = list(dict.fromkeys(word for shape in node.shapes() for word in _words(shape)))
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:]))) or "anything"


def _words(node: Node) -> list[str]:
    if "const" in node.data:
        return [f"`{node.data['const']}`"]
    if "enum" in node.data:
        return ["one of " + ", ".join(f"`{value}`" for value in node.data["enum"])]
    return [_kind_words(node, kind) for kind in node.types]


def _kind_words(node: Node, kind: str) -> str:
    data = node.data
    if kind == "array":
        items = data.get("items")
        lengths = [str(branch["minItems"]) for branch in data.get("oneOf", ()) if "minItems" in branch]
        inner = node.child(items)
        what = "" if items is None else " objects" if inner.properties else f" {_plural(type_words(inner))}"
        count = f" of {' or '.join(lengths)}" if lengths else " of" if what else ""
        return f"list{count}{what}"
    if kind == "object":
        values = data.get("additionalProperties")
        if isinstance(values, Mapping) and not node.properties:
            inner = node.child(values)
            return ("objects" if inner.properties else _plural(type_words(inner))) + " by key"
        return "object"
    if kind in ("number", "integer"):
        return _number_words(data, "whole number" if kind == "integer" else "number")
    if kind == "string":
        if data.get("format") == "iri":
            return "URL"
        if data.get("format") == "iri-reference":
            return "URL or path"
        expects = data.get("x-expects")
        return re.sub(r" such as \S+", "", expects) if expects else "text"
    return {"boolean": "true or false", "null": "null"}[kind]


def _number_words(data: Mapping[str, Any], words: str) -> str:
    low, above, high = data.get("minimum"), data.get("exclusiveMinimum"), data.get("maximum")
    if low is not None and high is not None:
        return f"{words} from {low} to {high}"
    if low is not None:
        return f"{words}, {low} or more"
    return f"{words} above {above}" if above is not None else words


def _plural(words: str) -> str:
    for one, many in (("whole number", "whole numbers"), ("number", "numbers"), ("object", "objects")):
        if words.startswith(one):
            return many + words.removeprefix(one)
    return words if words.startswith(("text", "one of")) else f"{words}s"


def _requirements(node: Node) -> tuple[frozenset[str], list[list[str]]]:
    """The keys that must be there, and sets of keys of which one must be."""
    required = set(node.data.get("required", ()))
    choices = []
    if branches := [b["required"] for b in node.data.get("anyOf", ()) if "required" in b]:
        choices.append([", ".join(branch) for branch in branches])
    for part in node.data.get("allOf", ()):
        more, more_choices = _requirements(node.child(part))
        required |= more
        choices += more_choices
    return frozenset(required), choices


def _table(node: Node, keys: Mapping[str, Any], required: frozenset[str], links: Callable[[Node, str], str]) -> str:
    lines = ["| Key | Value | Meaning |", "| --- | --- | --- |"]
    for key, data in keys.items():
        value = node.child(data)
        name = f"`{key}`" + (" (required)" if key in required else "")
        lines.append(f"| {name} | {_cell(type_words(value))} | {_cell(_meaning(value, key, links))} |")
    return "\n".join(lines)


def _meaning(node: Node, key: str, links: Callable[[Node, str], str]) -> str:
    data = node.data
    parts = [str(data.get("description", ""))]
    if "default" in data:
        parts.append(f"Default: {_code(data['default'])}.")
    if examples := data.get("examples"):
        parts.append(f"Example: {_code(examples[0])}.")
    rules = [inner["x-rule"] for inner in (data, data.get("items", {})) if "x-rule" in inner]
    parts += [f"Rule: [{rule}](rules.md#{rule})." for rule in rules]
    parts.append(links(node, key))
    return " ".join(part for part in parts if part)


def _other_rows(node: Node) -> Iterator[str]:
    """Rows for keys that the schema takes without naming them."""
    for pattern, data in node.data.get("patternProperties", {}).items():
        if ":" in pattern:
            meaning = data.get("description") or _OTHER_PREFIXES
            yield f"| any other key with a prefix (`acme:batch`) | anything | {_cell(meaning)} |"
    other = node.data.get("additionalProperties", True)
    if isinstance(other, Mapping):
        yield f"| any other key | {_cell(type_words(node.child(other)))} | A section of its own with that heading. |"
    elif other:
        yield f"| any other key | anything | {_OTHER_KEYS} |"


def _example(entry: _Object) -> str:
    """An example of an object as YAML, under the keys that lead to it; empty where the schema has none."""
    values = {
        key: examples[0]
        for key, data in entry.node.properties.items()
        if (examples := entry.node.child(data).data.get("examples"))
    }
    if not values or not _requirements(entry.node)[0] <= values.keys():
        return ""
    # The key of an asset is the author's choice, that of a translation its language.
    keys = {"assets": ("model",), "translations": ("fr",)}
    steps = (*entry.path, *keys.get(str(entry.path[-1]), ()))
    lines = [f"{'  ' * depth}{key}:" for depth, key in enumerate(steps)]
    indent = "  " * len(steps)
    for number, (key, value) in enumerate(values.items()):
        dash = "" if not entry.is_list else "  " if number else "- "
        lines.append(f"{indent}{dash}{key}: {to_yaml(value)}")
    return "\n".join(["```yaml", *lines, "```"])


def to_yaml(value: Any) -> str:
    """A value on one line of YAML, quoted where a reader may take it for something else."""
    if isinstance(value, list):
        return f"[{', '.join(map(to_yaml, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {to_yaml(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_PLAIN:
        return value
    return json.dumps(value, ensure_ascii=False)


def _code(value: Any) -> str:
    return f"`{to_yaml(value)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _section(entry: _Object, links: Callable[[Node, str], str]) -> str:
    required, choices = _requirements(entry.node)
    places = [" → ".join(f"`{key}`" for key in path) for path in (entry.path, *entry.used_in)]
    places = [place for place in dict.fromkeys(places) if place != f"`{entry.name}`"]
    also = "Also stands" if len(entry.path) == 1 else "Stands"
    where = f" {also} in {' and in '.join(places)}." if places else ""
    rows = [_table(entry.node, entry.node.properties, required, links), *_other_rows(entry.node)]
    parts = [f"## `{entry.name}` {{#{entry.anchor}}}", entry.about + where, "\n".join(rows)]
    parts += [f"At least one of {_or(names)} is required." for names in choices]
    if example := _example(entry):
        parts.append(example)
    return "\n\n".join(parts)


def _or(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:-1]) + f" and `{names[-1]}`"


def _links_to(objects: list[_Object], page: str = "") -> Callable[[Node, str], str]:
    """Where the keys of the objects inside a value are explained."""
    anchors = {id(entry.node.properties): entry.anchor for entry in objects}

    def link(node: Node, key: str) -> str:
        known = dict.fromkeys(
            anchors[id(inner.properties)] for inner, _ in node.objects() if id(inner.properties) in anchors
        )
        return " ".join(f"Keys: [{key}]({page}#{anchor})." for anchor in known)

    return link


def _root(uri: str) -> Node:
    return Node(schema.load(uri), uri)


def model_file_page() -> str:
    """The model file field by field."""
    root = _root(schema.MODEL_FILE)
    required, choices = _requirements(root)
    objects = _find_objects(root)
    links = _links_to(objects)
    groups: dict[str, dict[str, Any]] = {}
    for key, data in root.properties.items():
        groups.setdefault(key.partition(":")[0] if ":" in key else "", {})[key] = data
    parts = [
        "# Model file",
        f"{root.data['description']} This page is made from the schema that files are checked against; "
        f"`{PROGRAM} schema --source` prints it for editors.",
        "Keys that are Item properties may also stand under `properties:`, as in a STAC Item.",
        f"Required: {', '.join(f'`{key}`' for key in sorted(required))}. "
        + " ".join(f"At least one of {_or(names)}." for names in choices)
        + " Everything else may be left out.",
    ]
    for prefix, keys in groups.items():
        heading = _PREFIXES.get(prefix, prefix) + (f": `{prefix}:`" if prefix else "")
        parts += [f"## {heading} {{#{'keys-' + prefix if prefix else 'keys'}}}", _table(root, keys, required, links)]
    other = "\n".join(["| Key | Value | Meaning |", "| --- | --- | --- |", *_other_rows(root)])
    parts += ["## Other prefixes {#keys-other}", other]
    parts += [_section(entry, links) for entry in objects]
    return "\n\n".join(parts) + "\n"


def settings_files_page() -> str:
    """The collection file and the catalog file, field by field."""
    known = _links_to(_find_objects(_root(schema.MODEL_FILE)), "model-file.md")
    parts = [
        "# Collection and catalog files",
        "Two files describe what lies above the models. Both are optional, and so is every key in them.",
    ]
    for uri, where in (
        (schema.CATALOG_FILE, "It lies at the top of the source folder."),
        (schema.COLLECTION_FILE, "It lies in the folder of its models, whose name is the id of the collection."),
    ):
        root = _root(uri)
        name = root.data["description"].partition(":")[0]
        text = root.data["description"].partition(": ")[2]
        parts += [f"## `{name}` {{#{to_anchor(name)}}}", f"{text[:1].upper()}{text[1:]} {where}"]
        parts.append(_table(root, root.properties, frozenset(), known))
        examples = {
            key: data["examples"][0] for key, data in root.properties.items() if isinstance(data.get("examples"), list)
        }
        if examples:
            lines = [f"{key}: {to_yaml(value)}" for key, value in examples.items()]
            parts.append("\n".join(["```yaml", *lines, "```"]))
    return "\n\n".join(parts) + "\n"


_CHANGES = {
    "breaking": "Who runs the model must act when one of these changes or goes.",
    "compatible": "Nobody has to act.",
    "editorial": "Words for people.",
}


def changes_page() -> str:
    """What a change of each field means, from the schema of a model file."""
    root = Node(schema.load(schema.MODEL_FILE), schema.MODEL_FILE)
    found: dict[str, list[str]] = {severity: [] for severity in _CHANGES}
    for path, severity in _change_classes(root, (), "compatible"):
        if severity in found:
            found[severity].append(path)
    lines = ["# What a change means", "", _ABOUT_CHANGES, ""]
    for severity, about in _CHANGES.items():
        lines += [f"## {severity.capitalize()}", "", about, "", ", ".join(f"`{path}`" for path in found[severity]), ""]
    return "\n".join(lines)


_ABOUT_CHANGES = """How [`build-catalog diff`](../guide/review.md) judges fields. What is stated for the first time is
compatible, or editorial, whatever the field; but a tensor's `batch`, `height` and `width` are free where they are left
out, so stating one is breaking, and leaving it out is not. A further input, or a further useful band, is breaking. Of
assets only those with the role `weights` can break anything."""


def _change_classes(node: Node, path: tuple[str, ...], inherited: str) -> Iterator[tuple[str, str]]:
    for key in node.properties:
        inside = node.at(key)
        own = inside.data.get("x-change", inherited)
        objects = [inner for inner, _ in inside.objects()]
        for inner in objects:
            yield from _change_classes(inner, (*path, key), own)
        if not objects:
            yield ".".join((*path, key)), own


# --- rules -----------------------------------------------------------------------------------------------------------


def rules_page() -> str:
    """Every rule: what it says, how severe it is, why, and how to mend what it finds."""
    rules = sorted(RULES.values(), key=lambda rule: rule.id)
    parts = [
        "# Rules",
        "What the check can report. An **error** stops the build. A **warning** stops it with `--strict`. A **note** "
        f"never does. `{PROGRAM} check --explain RULE` prints the same text.",
        "\n".join(
            [
                "| Rule | Severity | Says |",
                "| --- | --- | --- |",
                *(f"| [{rule.id}](#{rule.id}) | {rule.severity} | {_cell(rule.summary)} |" for rule in rules),
            ]
        ),
    ]
    for rule in rules:
        parts += [f"## {rule.id} {{#{rule.id}}}", f"Severity: {rule.severity}", rule.documentation]
        for title, text in (("Wrong:", example(rule.id, "bad")), ("Right:", example(rule.id, "good"))):
            parts += [title, f"```yaml\n{text}```"] if text else []
    return "\n\n".join(parts) + "\n"


# --- commands --------------------------------------------------------------------------------------------------------


def commands_page() -> str:
    """Every command with its arguments and options."""
    context = click.Context(main, info_name=PROGRAM, **main.context_settings)
    parts = [
        "# Commands",
        _help(main),
        "What is found is printed on standard output; progress and the summary go to standard error. "
        "[Exit codes](../guide/check.md#exit-codes) are the same for all commands.",
        _options(main, context),
    ]
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None  # noqa: S101  it is in the list
        own = click.Context(command, info_name=name, parent=context)
        usage = " ".join([own.command_path, *command.collect_usage_pieces(own)])
        parts += [f"## {PROGRAM} {name} {{#{name}}}", f"```text\n{usage}\n```", _help(command), _options(command, own)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _help(command: click.Command) -> str:
    return re.sub(r"[ \n]*\n[ \n]*", lambda m: "\n\n" if m[0].count("\n") > 1 else " ", (command.help or "").strip())


def _options(command: click.Command, context: click.Context) -> str:
    lines = ["| Option | Value | Meaning |", "| --- | --- | --- |"]
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if not isinstance(param, click.Option) or record is None:
            continue
        names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
        value = "" if param.is_flag or param.count else param.make_metavar(context)
        choices = param.type.choices if isinstance(param.type, click.Choice) else None
        words = ", ".join(f"`{choice}`" for choice in choices) if choices else f"`{value}`" if value else ""
        given = param.default is not None and isinstance(param.default, str)
        default = f" Default: `{param.default}`." if given and value else ""
        lines.append(f"| {names} | {_cell(words)} | {_cell((param.help or '') + default)} |")
    return "\n".join(lines) if len(lines) > 2 else ""
