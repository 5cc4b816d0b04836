"""Stage 3, check: schema and rules over one model file, as diagnostics at lines of the author's files.

What passes is decided by `jsonschema_rs`, in a hundredth of the time; `jsonschema` is asked only for a file that does
not, because it says which part of the data failed which part of the schema. A test holds their verdicts together.
"""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import jsonschema
import jsonschema_rs
import referencing
from jsonschema.exceptions import ValidationError

from builder import schema
from builder.authoring import Canonical, fill_ids, to_canonical
from builder.diagnostic import Diagnostic, Fix, Path, Problem, Severity, Span
from builder.fix import to_edits
from builder.model import Model, is_relative, to_model
from builder.rules import RULES, check_rules
from builder.source import Document, LocalFile, SourceFile, parse
from builder.waiver import apply_waivers

_KINDS = {
    "string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false",
    "array": "a list", "object": "a mapping", "null": "nothing",
}  # fmt: skip
_VERSION_REL = "predecessor-version"
_MOST_SUGGESTIONS = 5
# A scheme has two letters or more, because one is a drive of Windows; these lead to nothing that others can fetch.
_ADDRESS = re.compile(r"(?!(?:file|javascript|data|vbscript):)[a-z][a-z0-9+.-]+:\S", re.IGNORECASE)


Grades = Mapping[str, Any]
"""Severities by rule id, or `off`, as the catalog file gives them."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking one model file gave. `model` is None when there is an error.

    `files` are the local files by the href that an asset gives, `versions` the source paths of predecessors with the
    path of their link in the data, `declared` the extensions that the author names.
    """

    model: Model | None
    diagnostics: tuple[Diagnostic, ...]
    files: Mapping[str, LocalFile] = field(default_factory=dict)
    versions: tuple[tuple[str, Path], ...] = ()
    declared: tuple[str, ...] = ()


def check_model(
    file: SourceFile,
    collection: SourceFile | None,
    files: Mapping[str, LocalFile],
    grades: Grades = MappingProxyType({}),
) -> Checked:
    """Everything that can be said about one model file by itself.

    `collection` is the collection file of its folder, `files` are the other files of the source folder by path,
    `grades` the severities that the catalog file gives to rules.
    """
    canonical, diagnostics = read_canonical(file, collection)
    if canonical is None:
        return Checked(None, tuple(diagnostics))
    findings = list(canonical.problems)
    findings += _against_schema(canonical)
    findings += _ambiguous(canonical)
    model = to_model(canonical.data)
    findings += [(rule.id, problem) for rule, problem in check_rules(model)]
    folder = posixpath.dirname(file.path)
    assets, asset_findings = _find_assets(model, folder, files)
    versions, link_findings = _find_links(model, folder)
    findings += [*asset_findings, *link_findings]
    diagnostics = _once([*diagnostics, *(to_diagnostic(canonical, rule, problem) for rule, problem in findings)])
    if collection is not None and (inherited := _read_collection(collection)) is not None:
        diagnostics = apply_waivers(inherited, diagnostics, complete=False)
    diagnostics = regrade(apply_waivers(canonical.document, diagnostics), grades)
    failed = any(d.severity == "error" for d in diagnostics)
    declared = canonical.data.get("stac_extensions", ())
    return Checked(None if failed else model, tuple(diagnostics), assets, tuple(versions), tuple(declared))


def regrade(diagnostics: Iterable[Diagnostic], grades: Grades) -> list[Diagnostic]:
    """The diagnostics with the severities that the catalog file gives to their rules, without those it turns off."""
    return [
        d if d.rule not in grades else replace(d, severity=grades[d.rule])
        for d in diagnostics
        if grades.get(d.rule) != "off"
    ]


def _once(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics without those of ambiguous values that are wrong anyway, or called ambiguous before."""
    diagnostics = list(diagnostics)
    known = {d.span for d in diagnostics if d.severity == "error"}
    kept = []
    for diagnostic in diagnostics:
        if diagnostic.rule == "value-ambiguous":
            if diagnostic.span in known:
                continue
            known.add(diagnostic.span)
        kept.append(diagnostic)
    return kept


def read_canonical(file: SourceFile, collection: SourceFile | None) -> tuple[Canonical | None, list[Diagnostic]]:
    """A model file in canonical form, and what is wrong with its YAML; None when there is nothing to check."""
    document, diagnostics = parse(file.shown, file.text)
    if document is None:
        return None, diagnostics
    if not isinstance(document.data, Mapping):
        what = "is empty" if document.data is None else "is not a mapping of keys to values"
        hint = "begin with `description:`; the docs page “Model file” lists every key"
        return None, [*diagnostics, Diagnostic("value-type", "error", f"the file {what}", document.whole(), hint)]
    return to_canonical(document, file.path, _read_collection(collection)), diagnostics


def _read_collection(file: SourceFile | None) -> Document | None:
    return None if file is None else _parse_cached(file.shown, file.text)


@lru_cache(maxsize=64)
def _parse_cached(shown: str, text: str) -> Document | None:
    return parse(shown, text)[0]


def check_settings_file(file: SourceFile, uri: str) -> tuple[dict[str, Any] | None, list[Diagnostic]]:
    """The data of a catalog or collection file, as far as its schema accepts it, and what is wrong with it."""
    document, diagnostics = parse(file.shown, file.text)
    if document is None:
        return None, diagnostics
    if document.data is None:
        return {}, diagnostics
    if not isinstance(document.data, dict):
        message = "the file is not a mapping of keys to values"
        return None, [*diagnostics, Diagnostic("value-type", "error", message, document.whole())]
    canonical = Canonical(document, file.path, document.data, {})
    findings = [*_schema_findings(canonical, uri), *_ambiguous(canonical)]
    diagnostics += [to_diagnostic(canonical, rule, problem) for rule, problem in findings]
    return canonical.data, apply_waivers(document, _once(diagnostics), complete=False)


def to_diagnostic(canonical: Canonical, rule: str, problem: Problem) -> Diagnostic:
    """The problem at its line: the only place where a path in the data becomes a place in a file."""
    severity: Severity = RULES[rule].severity
    span = canonical.locate(problem.path, problem.on) if problem.path else canonical.document.whole()
    related = tuple((canonical.locate(path), text) for path, text in problem.related)
    edits = to_edits(*canonical.written_at(problem.path), problem.fix) if problem.fix else ()
    return Diagnostic(rule, severity, problem.message, span, problem.hint, related, edits)


def _ambiguous(canonical: Canonical) -> Iterator[tuple[str, Problem]]:
    written = {place: path for path, (document, place) in canonical.origin.items() if document is canonical.document}
    for path, reading in canonical.document.ambiguous:
        text = canonical.document.source_text(path)
        # The path is one in the file; the canonical one leads back to it.
        prefix = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in written), ())
        at = (*written[prefix], *path[len(prefix) :]) if prefix else path
        yield "value-ambiguous", Problem(at, f"some YAML readers take {text} for {reading}", f'quote it: "{text}"',
                                         fix=Fix("quote"))  # fmt: skip


# --- schema ----------------------------------------------------------------------------------------------------------


@cache
def _fast(uri: str) -> jsonschema_rs.Draft7Validator:
    resources = list(schema.load_all().items())
    registry = jsonschema_rs.Registry(resources)
    return jsonschema_rs.Draft7Validator(schema.load_all()[uri], registry=registry, validate_formats=False)


@cache
def _slow(uri: str) -> jsonschema.Draft7Validator:
    registry: referencing.Registry[Any] = referencing.Registry().with_resources(
        (key, referencing.Resource.from_contents(value)) for key, value in schema.load_all().items()
    )
    slow: jsonschema.Draft7Validator = _Slow(schema.load_all()[uri], registry=registry)
    return slow


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    # In JSON Schema `$` is the end of the text; Python's also matches before a line break there.
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_extend: Any = jsonschema.validators.extend
_Slow = _extend(jsonschema.Draft7Validator, {"pattern": _pattern})


def is_valid(uri: str, data: Any) -> bool:
    """Whether data passes the schema with this id."""
    return bool(_fast(uri).is_valid(data))


def schema_errors(uri: str, data: Any) -> list[ValidationError]:
    """The errors of data against the schema with this id, those inside `anyOf` branches left where they are."""
    errors = list(_slow(uri).iter_errors(data))
    # Where only the fast validator objects (to a line break in a key, say), its word counts.
    return errors or [
        ValidationError(error.message, path=error.instance_path, schema={}) for error in _fast(uri).iter_errors(data)
    ]


def _against_schema(canonical: Canonical) -> list[tuple[str, Problem]]:
    findings = _schema_findings(canonical, schema.MODEL_FILE)
    fill_ids(canonical)
    return findings


def _schema_findings(canonical: Canonical, uri: str) -> list[tuple[str, Problem]]:
    """What the schema finds; afterwards the data holds only what it accepts."""
    if is_valid(uri, canonical.data):
        return []
    findings = list(_read_as_text(canonical, uri))
    explained = _explain_all(uri, canonical.data)
    findings += [(rule, problem) for rule, problem, _ in explained]
    # What is taken out may be missed where it was: that goes too, and is not reported again.
    while refused := {path for *_, path in explained if path}:
        for path in sorted(refused, key=len, reverse=True):
            _take_out(canonical.data, path)
        explained = _explain_all(uri, canonical.data)
    return findings


def _explain_all(uri: str, data: Any) -> list[tuple[str, Problem, Path]]:
    """What the errors of data against a schema mean, once for each thing that is wrong."""
    explained: dict[tuple[str, Path, str], tuple[str, Problem, Path]] = {}
    for error in schema_errors(uri, data):
        for rule, problem, path in _explain(error):
            # Of the kinds of value that alternatives want, the first has them all.
            what = "" if rule == "value-type" else problem.message
            explained.setdefault((rule, path, what), (rule, problem, path))
    return list(explained.values())


def _read_as_text(canonical: Canonical, uri: str) -> Iterator[tuple[str, Problem]]:
    """Numbers and booleans where text is wanted become the text that was written."""
    for error in schema_errors(uri, canonical.data):
        if error.validator != "type" or "string" not in _as_list(error.validator_value):
            continue
        value, path = error.instance, tuple(error.absolute_path)
        if isinstance(value, (int, float)):
            text = canonical.source_text(path) or str(value)
            _put(canonical.data, path, text)
            kind = "true or false" if isinstance(value, bool) else "a number"
            hint = f'quote it: {path[-1]}: "{text}"' if isinstance(path[-1], str) else f'quote it: "{text}"'
            message = f"{text} is {kind} to YAML; it is read as text here"
            yield "value-ambiguous", Problem(path, message, hint, fix=Fix("quote"))


def _put(data: Any, path: Path, value: Any) -> None:
    for step in path[:-1]:
        data = data[step]
    data[path[-1]] = value


def _take_out(data: Any, path: Path) -> None:
    """Removes the value at a path; in a list, everything is removed, because the indices of the rest would shift."""
    for step in path[:-1]:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(data, dict):
        data.pop(path[-1], None)
    elif isinstance(data, list):
        data.clear()


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _explain(error: ValidationError) -> Iterator[tuple[str, Problem, Path]]:
    """What an error of the schema means to an author: rule, problem, and the path to take out of the data."""
    path: Path = tuple(error.absolute_path)
    wanted: Any = error.validator_value
    value: Any = error.instance
    scope: Any = error.schema
    keyword, own = error.validator, scope.get("x-rule")
    name = next((str(step) for step in reversed(path) if isinstance(step, str)), "the file")
    if keyword == "additionalProperties":
        for key in _unknown_keys(error):
            yield "key-unknown", _unknown_key(path, name, key, scope), (*path, key)
    elif keyword == "required":
        missing = [key for key in wanted if key not in value]
        for key in missing:
            described = scope.get("properties", {}).get(key, {}).get("description", "")
            where = f" of {name}" if path else ""
            yield (
                own or "value-missing",
                Problem(path, f"{key}{where} is missing", described or f"add {key}", on="key"),
                path,
            )
    elif keyword == "anyOf" and all("required" in branch for branch in wanted):
        names = " or ".join(", ".join(branch["required"]) for branch in wanted)
        where = f"{name} needs" if path else "the model needs one of"
        yield own or "value-missing", Problem(path, f"{where} {names}", "add what is known", on="key"), path
    elif keyword == "type":
        # What an object's own rule says is about what is in it.
        rule = "value-type" if "object" in _as_list(wanted) else own or "value-type"
        yield rule, _wrong_type(path, name, value, _as_list(wanted)), path
    elif keyword in ("enum", "const"):
        yield own or "value-choice", _wrong_choice(path, name, value, _as_list(wanted)), path
    elif keyword == "pattern":
        expects = scope.get("x-expects")
        examples = scope.get("examples")
        hint = expects or (f"such as {examples[0]}" if examples else f"it must match {wanted}")
        if own == "doi-syntax" and "10." in value:
            hint = value[value.index("10.") :].strip()
        fix = Fix("value", hint) if own == "doi-syntax" and re.search(wanted, str(hint)) else None
        message = f"“{_short(value)}” is not in the form of {name}"
        yield own or "value-format", Problem(path, message, hint, fix=fix), path
    elif keyword == "oneOf" and name == "bbox":
        if not isinstance(value, list):
            return  # said by the error about its type
        message = f"bbox has {_count(len(value), 'number')}"
        yield own or "value-range", Problem(path, message, "west, south, east, north, in degrees"), path
    else:
        yield own or "value-range", _out_of_range(path, name, value, str(keyword), wanted, error.message), path


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:60] + "…"


def _unknown_keys(error: ValidationError) -> list[str]:
    scope: Any = error.schema
    value: Any = error.instance
    patterns = scope.get("patternProperties", {})
    known = scope.get("properties", {})
    return [
        key
        for key in value
        if key not in known and not any(jsonschema.Draft7Validator({"pattern": p}).is_valid(key) for p in patterns)
    ]


def _unknown_key(path: Path, name: str, key: str, scope: Mapping[str, Any]) -> Problem:
    known = list(scope.get("properties", {}))
    close = _close(key, known)
    if not close and ":" in key:
        close = _close(key, [name for name in known if name.partition(":")[0] == key.partition(":")[0]], cutoff=0.4)
    if close:
        hint = f"did you mean {' or '.join(close)}?"
    elif path:
        listed = ", ".join(known[:_MOST_SUGGESTIONS])
        hint = f"the keys here are {listed}{' …' if len(known) > _MOST_SUGGESTIONS else ''}"
    else:
        hint = f"a field of your own takes a prefix: acme:{key.rpartition(':')[2]}"
    where = name if path else "a model file"
    return Problem((*path, key), f"{_short(key)} is not a key of {where}", hint, on="key")


def _close(word: str, known: Iterable[Any], cutoff: float = 0.6) -> list[str]:
    names = {str(name).lower(): str(name) for name in known}
    matches = difflib.get_close_matches(word.lower(), names, n=2, cutoff=cutoff)
    if matches and matches[0] == word.lower():
        matches = matches[:1]
    return [names[match] for match in matches]


def _wrong_type(path: Path, name: str, value: Any, wanted: list[str]) -> Problem:
    kinds = " or ".join(_KINDS[kind] for kind in wanted)
    found = _kind(value)
    hint = None
    if isinstance(value, str):
        if "boolean" in wanted and value.lower() in ("yes", "no", "on", "off", "true", "false"):
            hint = f"write {'true' if value.lower() in ('yes', 'on', 'true') else 'false'}, without quotes"
        elif {"number", "integer"} & set(wanted) and _is_numeric(value):
            hint = f"write {value} without quotes"
        elif "array" in wanted and "object" not in wanted:
            hint = f"write [{value}]" if len(value) < 40 else "write a list"
    elif "string" in wanted and isinstance(value, list):
        hint = "write one text"
    place = f"an entry of {name}" if path and isinstance(path[-1], int) else name
    return Problem(path, f"{place} is {found}; it must be {kinds}", hint)


def _is_numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int):
        return "a whole number"
    if isinstance(value, float):
        return "a number"
    if isinstance(value, str):
        return f"the text “{_short(value)}”"
    return "a list" if isinstance(value, list) else "nothing" if value is None else "a mapping"


def _wrong_choice(path: Path, name: str, value: Any, choices: list[Any]) -> Problem:
    close = _close(str(value), choices)
    if close:
        hint = f"did you mean {' or '.join(close)}?"
    elif len(choices) <= _MOST_SUGGESTIONS + 1:
        hint = f"one of {', '.join(map(str, choices))}" if len(choices) > 1 else f"write {choices[0]}"
    else:
        hint = f"one of {', '.join(map(str, choices[:_MOST_SUGGESTIONS]))} …"
    return Problem(path, f"“{_short(value)}” is no {name}", hint)


def _out_of_range(path: Path, name: str, value: Any, keyword: str, wanted: Any, message: str) -> Problem:
    text = {
        "minimum": f"{name} is {value}; the least is {wanted}",
        "exclusiveMinimum": f"{name} is {value}; it must be greater than {wanted}",
        "maximum": f"{name} is {value}; the most is {wanted}",
        "minLength": f"{name} is empty",
        "minItems": f"{name} is an empty list",
    }.get(keyword)
    hint = "remove the key if there is nothing to state" if keyword in ("minLength", "minItems") else None
    return Problem(path, text or f"{name}: {_short(message)}", hint)


# --- item ------------------------------------------------------------------------------------------------------------


def check_item(item: Mapping[str, Any]) -> list[tuple[str, Problem]]:
    """What the schemas of STAC core and of the extensions that an Item uses find, at paths of the model file."""
    uris = [schema.STAC_ITEM, schema.DLM]
    uris += [
        uri for uri in item["stac_extensions"] if uri in (schema.EO, schema.SCIENTIFIC, schema.VERSION, schema.FILE)
    ]
    findings = []
    for uri in uris:
        if is_valid(uri, item):
            continue
        # The most telling errors of a union are those of the branch that got furthest.
        for error in schema_errors(uri, item):
            best = jsonschema.exceptions.best_match([error]) or error
            path: Path = tuple(best.absolute_path)
            path = path[1:] if path[:1] == ("properties",) else path[:1] if path[:1] == ("links",) else path
            findings.append(
                ("item-invalid", Problem(path, f"STAC does not accept this: {_short(best.message)}", f"see {uri}"))
            )
    return findings


# --- files and links -------------------------------------------------------------------------------------------------


def _resolve(folder: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(href.split("#", 1)[0].split("?", 1)[0])))


def _find_assets(
    model: Model, folder: str, files: Mapping[str, LocalFile]
) -> tuple[dict[str, LocalFile], list[tuple[str, Problem]]]:
    """The local files of a model by href, and the assets that lead nowhere or contradict their file."""
    found: dict[str, LocalFile] = {}
    findings: list[tuple[str, Problem]] = []
    reserved = ("index.html", "card.md", "deploy", f"{model.id}.json", f"{model.id}.yml", f"{model.id}.source.json")
    taken = {name.lower(): ("the build", "") for name in reserved}
    for asset in model.assets:
        path: Path = (*asset.path, "href")
        if not is_relative(asset.href):
            if not _ADDRESS.match(asset.href):
                findings.append(("link-broken", Problem(path, f"“{_short(asset.href)}” leads nowhere that is published",
                                                        "a URL, or a path beside the model file")))  # fmt: skip
            continue
        target = _resolve(folder, asset.href)
        local = files.get(target)
        if local is None:
            findings.append(("link-broken", Problem(path, f"there is no file {target} in the source folder",
                                                    _similar(target, files))))  # fmt: skip
            continue
        found[asset.href] = local
        name = asset.published_name.lower()
        top, ours = name.split("/", 1)[0], (f"the asset {asset.key}", target)
        owner, owned = taken.get(top) or taken.get(f"{name}/") or taken.setdefault(name, ours)
        if top != name:
            taken.setdefault(f"{top}/", ours)
        if owned != target:
            message = f"the name {asset.published_name} is taken by {owner}"
            findings.append(("asset-name", Problem(path, message, "rename the file")))
        for key, stated, real in (
            ("file:size", asset.fields.get("file:size"), local.size),
            ("file:checksum", asset.fields.get("file:checksum"), f"1220{local.sha256}"),
        ):
            # Only SHA-256 is compared: another function's digest is kept out of the Item, not called wrong.
            comparable = key == "file:size" or str(stated).startswith("1220")
            if stated is not None and comparable and stated != real:
                message = f"{key} is stated as {stated}, but the file has {real}"
                findings.append(
                    ("file-checksum", Problem((*asset.path, key), message, f"remove {key}: it is filled in"))
                )
    return found, findings


def _similar(target: str, files: Iterable[str]) -> str:
    close = difflib.get_close_matches(target, list(files), n=2, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else "check the spelling, and that the file is committed"


def _find_links(model: Model, folder: str) -> tuple[list[tuple[str, Path]], list[tuple[str, Problem]]]:
    """The source paths of predecessors, and the links that lead nowhere; if a predecessor exists is known later."""
    versions: list[tuple[str, Path]] = []
    findings: list[tuple[str, Problem]] = []
    for link in model.links:
        path: Path = (*link.path, "href")
        if not is_relative(link.href):
            if not _ADDRESS.match(link.href):
                hint = "an http or https URL, or another model file"
                findings.append(("link-broken", Problem(path, f"“{_short(link.href)}” leads nowhere", hint)))
        elif link.rel == _VERSION_REL:
            versions.append((_resolve(folder, link.href), path))
        else:
            # Only assets are copied, so a relative link would be broken in the published Item.
            hint = "list the file in assets, or link to a URL"
            findings.append(("link-broken", Problem(path, f"{_short(link.href)} is not published by a link", hint)))
    return versions, findings


def unknown_file(file: LocalFile, shown: str) -> Diagnostic:
    """The diagnostic of a file that no model uses."""
    suffix = posixpath.splitext(file.path)[1]
    hint = "name it as an asset of a model, remove it, or begin its name with _"
    if _close(suffix, (".yml", ".yaml", ".json")) or any(part in file.path for part in (".yml", ".yaml")):
        hint = "model files end in .yml, .yaml or .json; rename it if it is one"
    message = f"{posixpath.basename(file.path)} is neither a model file nor a file of a model"
    return Diagnostic("file-unknown", RULES["file-unknown"].severity, message, Span(shown), hint)
