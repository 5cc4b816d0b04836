"""Validation against JSON Schemas, fast when data is good and telling when it is not.

What passes is decided by `jsonschema_rs`, in a hundredth of the time; `jsonschema` is asked only about data that does
not, because it says which part of the data failed which part of the schema. A test holds their verdicts together. It is
imported only then: its import is a sixth of what a build needs before it begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from builder import schema
from builder.authoring import Canonical
from builder.diagnostic import Fix, Path, Problem
from builder.document import MAX_FINDINGS
from builder.explain import as_list, explain, short

if TYPE_CHECKING:
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import ValidationError


@cache
def _fast(uri: str) -> jsonschema_rs.Draft7Validator:
    resources = list(schema.load_all().items())
    registry = jsonschema_rs.Registry(resources)
    return jsonschema_rs.Draft7Validator(schema.load_all()[uri], registry=registry, validate_formats=False)


@cache
def _slow(uri: str) -> Draft7Validator:
    import jsonschema
    import referencing

    extend: Any = jsonschema.validators.extend
    registry: referencing.Registry[Any] = referencing.Registry().with_resources(
        (key, referencing.Resource.from_contents(value)) for key, value in schema.load_all().items()
    )
    patterned = extend(jsonschema.Draft7Validator, {"pattern": _pattern})
    slow: Draft7Validator = patterned(schema.load_all()[uri], registry=registry)
    return slow


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    from jsonschema.exceptions import ValidationError

    # In JSON Schema `$` is the end of the text; Python's also matches before a line break there.
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def is_valid(uri: str, data: Any) -> bool:
    """Whether data passes the schema with this id."""
    return bool(_fast(uri).is_valid(data))


def schema_errors(uri: str, data: Any) -> list[ValidationError]:
    """The errors of data against the schema with this id, those inside `anyOf` branches left where they are.

    Of very many, the first are enough.
    """
    from jsonschema.exceptions import ValidationError

    errors = list(islice(_slow(uri).iter_errors(data), MAX_FINDINGS + 1))
    # Where only the fast validator objects (to a line break in a key, say), its word counts.
    return errors or [
        ValidationError(error.message, path=error.instance_path, schema={}) for error in _fast(uri).iter_errors(data)
    ]


def schema_findings(canonical: Canonical, uri: str) -> list[tuple[str, Problem]]:
    """What the schema finds; afterwards the data holds only what it accepts.

    Not so when there are more findings than are told: then the rest of the data is not known.
    """
    if is_valid(uri, canonical.data):
        return []
    findings = list(_read_as_text(canonical, uri))
    explained = _explain_all(uri, canonical.data)
    findings += [(rule, problem) for rule, problem, _ in explained]
    # What is taken out may be missed where it was: that goes too, and is not reported again.
    while len(findings) <= MAX_FINDINGS and (refused := {path for *_, path in explained if path}):
        for path in sorted(refused, key=len, reverse=True):
            _take_out(canonical.data, path)
        explained = _explain_all(uri, canonical.data)
    return findings


def _explain_all(uri: str, data: Any) -> list[tuple[str, Problem, Path]]:
    """What the errors of data against a schema mean, once for each thing that is wrong."""
    explained: dict[tuple[str, Path, str], tuple[str, Problem, Path]] = {}
    for error in schema_errors(uri, data):
        for rule, problem, path in explain(error):
            # Of the kinds of value that alternatives want, the first has them all.
            what = "" if rule == "value-type" else problem.message
            explained.setdefault((rule, path, what), (rule, problem, path))
            if len(explained) > MAX_FINDINGS:
                return list(explained.values())
    return list(explained.values())


def _read_as_text(canonical: Canonical, uri: str) -> Iterator[tuple[str, Problem]]:
    """Numbers and booleans where text is wanted become the text that was written."""
    for error in schema_errors(uri, canonical.data):
        if error.validator != "type" or "string" not in as_list(error.validator_value):
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
            from jsonschema.exceptions import best_match

            best = best_match([error]) or error
            path: Path = tuple(best.absolute_path)
            path = path[1:] if path[:1] == ("properties",) else path[:1] if path[:1] == ("links",) else path
            findings.append(
                ("item-invalid", Problem(path, f"STAC does not accept this: {short(best.message)}", f"see {uri}"))
            )
    return findings
