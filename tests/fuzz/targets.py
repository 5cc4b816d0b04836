"""What must hold whatever bytes come in: no exception, every place inside its file, an answer in bounded time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from test_source import assert_inside, paths

from builder import schema
from builder.about import to_about
from builder.check import check_model
from builder.diagnostic import Diagnostic
from builder.document import parse
from builder.report import format_github, format_json, format_sarif, format_text
from builder.rules import RULES
from builder.source import LocalFile, Source, SourceFile
from builder.stac import Titles, to_item
from builder.validate import check_item

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).resolve().parent / "corpus"
MOST_SECONDS = 5.0
"""Seconds of the processor that an answer may take, on a slow machine too: the inputs are small."""
SEPARATOR = "\x1e"
"""Between the model file, the collection file and the catalog file of an input for the checker."""
_TITLES = Titles("The catalog", {"land": "Land"}, schema.DLM)
_FILES = {path: LocalFile(path, Path(__file__)) for path in ("land/net.onnx", "land/index.html", "net.onnx")}


def read_anything(data: bytes) -> None:
    """Reads the bytes as YAML and as JSON, and locates everything that was read."""
    text = data.decode("utf-8-sig", "surrogateescape")
    for name in ("net.yml", "net.json"):
        started = time.process_time()
        document, diagnostics = parse(name, text)
        assert document is not None or diagnostics
        _check_places(diagnostics, {name: text})
        if document is not None:
            json.dumps(document.data)
            found = set()
            for number, path in enumerate(paths(document.data)):
                found.add(path)
                if number < 300:  # each is composed once and found by its path
                    assert_inside(document.locate(path), text)
                    assert_inside(document.locate(path, "key"), text)
                    assert_inside(document.locate((*path, "missing", 3)), text)
                    document.source_text(path)
            assert {path for path, _ in document.ambiguous} <= found
            for start, end in document.scalar_ranges():
                assert 0 <= start <= end <= len(text)
        _check_time(started)


def check_anything(data: bytes) -> None:
    """Checks the bytes as a model file with its collection file and the catalog file, and makes the Item."""
    started = time.process_time()
    texts = data.decode("utf-8-sig", "replace").split(SEPARATOR)
    texts += [""] * (3 - len(texts))
    for name in ("net.yml", "net.json"):
        files = dict(zip((f"land/{name}", "land/collection.yml", "catalog.yml"), texts, strict=False))
        model, collection, catalog = (SourceFile(path, path, text) for path, text in files.items())
        source = Source(ROOT, catalog, {"land": collection}, (model,), _FILES)
        about = to_about(source)
        checked = check_model(model, collection, _FILES, about.grades)
        found: tuple[Diagnostic, ...] = (*about.diagnostics, *checked.diagnostics)
        if checked.model is not None:
            check_item(to_item(checked.model, _TITLES, checked.files, checked.declared))
        failed = any(d.severity == "error" for d in checked.diagnostics)
        assert failed == (checked.model is None)
        _check_places(found, files)
        _check_reports(found)
    _check_time(started)


def _check_places(diagnostics: Iterable[Diagnostic], files: dict[str, str]) -> None:
    for diagnostic in diagnostics:
        assert diagnostic.rule in RULES
        assert diagnostic.message
        for span in (diagnostic.span, *(span for span, _ in diagnostic.related)):
            assert_inside(span, files[span.file])
        for edit in diagnostic.edits:
            assert 0 <= edit.start <= edit.end <= len(files[edit.file])


def _check_reports(diagnostics: tuple[Diagnostic, ...]) -> None:
    format_text(diagnostics, colour=True)
    format_github(diagnostics)
    json.loads(format_json(diagnostics, {}, None))
    json.loads(format_sarif(diagnostics, {rule.id: rule.summary for rule in RULES.values()}, "1", None))


def _check_time(started: float) -> None:
    took = time.process_time() - started
    assert took < MOST_SECONDS, f"it took {took:.1f} s"


# --- where to begin --------------------------------------------------------------------------------------------------


def seeds() -> Iterator[bytes]:
    """Texts to begin with: the cases of the rules and messages, and some of the real models."""
    tests = ROOT / "tests"
    for folder in (tests / "rules", tests / "messages"):
        for path in sorted(folder.rglob("*.yml")):
            yield path.read_bytes()
    for collection in sorted((ROOT / "catalog_src").iterdir()):
        models = [path for path in sorted(collection.glob("*.yml")) if path.name != "collection.yml"]
        for path in models[:1]:
            defaults = collection / "collection.yml"
            yield SEPARATOR.join(p.read_text("utf-8") for p in (path, defaults) if p.is_file()).encode()


def words() -> list[str]:
    """The keys and values that the schemas know, and what is special to YAML and JSON."""
    found: dict[str, None] = dict.fromkeys(
        ["&a ", "*a", "<<: ", "? ", "- ", ": ", "!!str ", "!!python/object:x ", "%YAML 1.1\n", "---\n", "...\n", "|\n",
         ">-\n", "\\ud83d", "\\u0000", "\u2028", "\x85", "\ufeff", "\x1e", "010", "1_000", "12:30", "1e999", ".nan",
         "-.inf", "9" * 25, "yes", "~", "# catalog: ignore[", "] reason\n", "properties:", "I_0: ", "defaults:\n  ",
         "rules:\n  "]
    )  # fmt: skip
    waiting: list[Any] = [schema.source_schema(), *map(schema.load, (schema.COLLECTION_FILE, schema.CATALOG_FILE))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            found |= dict.fromkeys(f"{key}: " for key in node.get("properties", {}))
            found |= dict.fromkeys(value for value in as_texts(node.get("enum")) if len(value) < 40)
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return list(found)


def as_texts(values: Any) -> list[str]:
    """The texts in a list; nothing where there is no list."""
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
