"""What an error of a JSON Schema means to an author: which rule, what is wrong, how to mend it. Never a dump."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from builder.diagnostic import Fix, Path, Problem
from builder.words import LANGUAGES

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_KINDS = {
    "string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false",
    "array": "a list", "object": "a mapping", "null": "nothing",
}  # fmt: skip
_MOST_SUGGESTIONS = 5
# Text that YAML takes for text without quotes.
_PLAIN = re.compile(r"[A-Za-z][\w ./-]*")
_TAG_RULE = "language-tag"
# The tags that people mean: a language and, where it matters, a region.
_TAG = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
# What may stand before a DOI; after any other address, `10.` may be part of the name of a file.
_DOI_ADDRESS = re.compile(r"\s*(?:https?://)?(?:(?:dx\.|www\.)?doi\.org/|doi[:\s])\s*10\.", re.IGNORECASE)


def explain(error: ValidationError) -> Iterator[tuple[str, Problem, Path]]:
    """What an error of the schema means to an author: rule, problem, and the path to take out of the data."""
    path: Path = tuple(error.absolute_path)
    wanted: Any = error.validator_value
    value: Any = error.instance
    scope: Any = error.schema
    keyword, own = error.validator, scope.get("x-rule")
    name = next((str(step) for step in reversed(path) if isinstance(step, str)), "the file")
    if keyword == "additionalProperties":
        for key in _unknown_keys(error):
            if own == _TAG_RULE:
                yield own, _no_language((*path, key), key, on="key"), (*path, key)
                continue
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
        rule = "value-type" if "object" in as_list(wanted) else own or "value-type"
        yield rule, _wrong_type(path, name, value, as_list(wanted), scope), path
    elif keyword in ("enum", "const"):
        yield own or "value-choice", _wrong_choice(path, name, value, as_list(wanted)), path
    elif keyword == "pattern" and own == _TAG_RULE:
        yield own, _no_language(path, value), path
    elif keyword == "pattern":
        expects = scope.get("x-expects")
        examples = scope.get("examples")
        hint = expects or (f"such as {examples[0]}" if examples else f"it must match {wanted}")
        fix = None
        if own == "doi-syntax" and "10." in value:
            hint = unquote(value[value.index("10.") :]).strip()
            fix = Fix("value", hint) if _DOI_ADDRESS.match(value) and re.search(wanted, hint) else None
        message = f"“{short(value)}” is not in the form of {name}"
        yield own or "value-format", Problem(path, message, hint, fix=fix), path
    elif keyword == "oneOf" and name == "bbox":
        if not isinstance(value, list):
            return  # said by the error about its type
        message = f"bbox has {count(len(value), 'number')}"
        yield own or "value-range", Problem(path, message, "west, south, east, north, in degrees"), path
    elif keyword == "minProperties":
        yield "value-range", _out_of_range(path, name, value, keyword, wanted, error), path
    else:
        yield own or "value-range", _out_of_range(path, name, value, str(keyword), wanted, error), path


def count(number: int, noun: str) -> str:
    """The number with its noun, which has an s at the end for more than one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def short(value: Any, length: int = 60) -> str:
    """The value as text, cut to a length that a message bears."""
    text = str(value)
    return text if len(text) <= length else text[:length] + "…"


def _unknown_keys(error: ValidationError) -> list[str]:
    scope: Any = error.schema
    value: Any = error.instance
    patterns = scope.get("patternProperties", {})
    known = scope.get("properties", {})
    return [key for key in value if key not in known and not any(re.search(pattern, key) for pattern in patterns)]


def _unknown_key(path: Path, name: str, key: str, scope: Mapping[str, Any]) -> Problem:
    known = list(scope.get("properties", {}))
    close = close_names(key, known)
    if not close and ":" in key:
        close = close_names(
            key, [name for name in known if name.partition(":")[0] == key.partition(":")[0]], cutoff=0.4
        )
    if close:
        hint = f"did you mean {' or '.join(close)}?"
    elif path:
        listed = ", ".join(known[:_MOST_SUGGESTIONS])
        hint = f"the keys here are {listed}{' …' if len(known) > _MOST_SUGGESTIONS else ''}"
    else:
        hint = f"a field of your own takes a prefix: acme:{key.rpartition(':')[2]}"
    where = name if path else "a model file"
    return Problem((*path, key), f"{short(key)} is not a key of {where}", hint, on="key")


def close_names(word: str, known: Iterable[Any], cutoff: float = 0.6) -> list[str]:
    """The known names, two at most, that a mistyped one may have meant; the second only where it is about as close."""
    names = {str(name).lower(): str(name) for name in known}
    matches = difflib.get_close_matches(word.lower(), names, n=2, cutoff=cutoff)
    closeness = [difflib.SequenceMatcher(None, match, word.lower()).ratio() for match in matches]
    return [names[match] for match, ratio in zip(matches, closeness, strict=True) if ratio > closeness[0] - 0.1]


def _no_language(path: Path, text: str, on: Literal["key", "value"] = "value") -> Problem:
    """What a text that is no language tag was meant for, where that can be told."""
    words = [word.strip().lower() for word in re.split(r"[_\s-]+", text.strip())]
    code = LANGUAGES.get(words[0], words[0])
    tag = "-".join([code, *(word.upper() if len(word) == 2 else word for word in words[1:])])
    hint = f"write {tag}" if tag != text and _TAG.fullmatch(tag) else "such as fr or fr-CA"
    return Problem(path, f"“{short(text)}” is no language tag", hint, on=on)


def _example(scope: Mapping[str, Any], path: Path) -> str | None:
    """A value that the schema gives as an example of a field, or of an entry of a list, as it is written in a file."""
    examples = scope.get("examples")
    if not examples:
        return None
    text = json.dumps(examples[0], ensure_ascii=False)
    text = text.strip('"') if isinstance(examples[0], str) and _PLAIN.fullmatch(examples[0]) else text
    return f"such as {text}" if not path or isinstance(path[-1], int) else f"such as {path[-1]}: {text}"


def _wrong_type(path: Path, name: str, value: Any, wanted: list[str], scope: Mapping[str, Any]) -> Problem:
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
    return Problem(path, f"{place} is {found}; it must be {kinds}", hint or _example(scope, path) or f"write {kinds}")


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
        return f"the text “{short(value)}”"
    return "a list" if isinstance(value, list) else "nothing" if value is None else "a mapping"


def _wrong_choice(path: Path, name: str, value: Any, choices: list[Any]) -> Problem:
    close = close_names(str(value), choices)
    if close:
        hint = f"did you mean {' or '.join(close)}?"
    elif len(choices) <= _MOST_SUGGESTIONS:
        hint = f"one of {', '.join(map(str, choices))}" if len(choices) > 1 else f"write {choices[0]}"
    else:
        hint = f"one of {', '.join(map(str, choices[:_MOST_SUGGESTIONS]))} …"
    return Problem(path, f"“{short(value)}” is no {name}", hint)


def _out_of_range(
    path: Path, name: str, value: Any, keyword: str, wanted: Any, error: ValidationError
) -> Problem:  # fmt: skip
    text = {
        "minimum": f"{name} is {value}; the least is {wanted}",
        "exclusiveMinimum": f"{name} is {value}; it must be greater than {wanted}",
        "maximum": f"{name} is {value}; the most is {wanted}",
        "minLength": f"{name} is empty",
        "minItems": f"{name} is an empty list",
        "minProperties": f"{name} is empty",
    }.get(keyword)
    scope: Any = error.schema
    if keyword in ("minLength", "minItems", "minProperties"):
        hint = "remove the key if there is nothing to state"
    else:
        limit = {
            "minimum": f"{wanted} or more",
            "exclusiveMinimum": f"more than {wanted}",
            "maximum": f"{wanted} or less",
        }
        hint = _example(scope, path) or limit.get(keyword, "remove it if the value is not known")
    return Problem(path, text or f"{name}: {short(error.message)}", hint)


def as_list(value: Any) -> list[Any]:
    """The value itself where it is a list, else a list of it."""
    return value if isinstance(value, list) else [value]
