"""The shape of the package: what may import what, and how long a file may be."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from shared import ROOT

PACKAGE = ROOT / "builder"
FAMILIES = {"commands", "deploy", "dlm", "rules", "exporters", "importers", "weights"}
"""Folders that count as one module; `schemas` holds no code."""

# A module imports from rows above its own only, and members of one row never import each other.
ROWS = (
    {"plain_yaml", "simple_markdown", "words"},
    {"prose"},
    {"quick_code"},
    {"compiling"},
    {"templates"},
    {"held"},
    {"diagnostic", "dlm", "layers", "match", "output", "program", "registry", "schema", "spool", "weights"},
    {"__init__"},
    {"cache", "docs", "document", "explain", "footprint", "model", "report", "workers"},
    {"saying"},
    {"mlm_values"},
    {"mlm"},
    {"authoring", "facts", "fix", "recipe", "rules", "source"},
    {"importers"},
    {"history"},
    {"agreement", "download"},
    {"figures", "stac", "validate", "waiver"},
    {"diff", "division", "statement"},
    {"versions"},
    {"catalog", "check", "cite", "details", "inputs", "translation"},
    {"about", "deploy", "fields", "imagery", "inference", "lists", "search", "stac_catalog", "standing"},
    {"review", "sides"},
    {"across", "card", "mend"},
    {"exporters"},
    {"feed"},
    {"remembered"},
    {"recalled"},
    {"against", "reuse"},
    {"site"},
    {"batches"},
    {"pipeline"},
    {"review_page"},
    {"importing", "verifying"},
    {"exporting", "matching", "raster", "scaffold", "service"},
    {"serve"},
    {"commands"},
    {"cli"},
    {"__main__"},
    {"reference"},
    {"mkdocs_plugin"},
)

# The modules through which a library comes in, so that another one could take its place.
DOORS = {
    "click": {"cli", "commands", "reference"},
    "jinja2": {"compiling", "quick_code", "templates"},
    "jsonschema": {"explain", "validate"},
    "jsonschema_rs": {"validate"},
    "markdown": {"prose"},
    "mkdocs": {"docs", "mkdocs_plugin"},
    "nh3": {"prose"},
    "orjson": {"cache", "catalog", "fields", "held", "output"},
    "packaging": {"against", "rules"},
    "pystac": {"dlm", "stac_catalog"},
    "referencing": {"validate"},
    "watchdog": {"serve"},
    "yaml": {"document", "fix", "plain_yaml"},
}
# Imported, but a part of another dependency that is pinned to it.
COMES_WITH = {"google": "onnx", "markupsafe": "jinja2"}
# Libraries of an extra, by the modules that import them, each inside the function that needs it.
OPTIONAL = {
    "distributed": {"workers"},
    "numpy": {"inference", "raster", "service"},
    "onnx": {"weights"},
    "onnxruntime": {"inference"},
    "rasterio": {"raster"},
    "rustac": {"exporters"},
    "starlette": {"service"},
    "uvicorn": {"service"},
}

MAX_LINES = 450
# Files that are longer. The list may only become shorter.
TOO_LONG = {"document.py", "model.py"}


def module_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first if first in FAMILIES else path.stem


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imported(path: Path) -> Iterator[str]:
    """The dotted names of all imports of a file, also those inside functions."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom | ast.Import):
            yield from _names(node)


def _names(node: ast.ImportFrom | ast.Import) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    assert node.level == 0, f"line {node.lineno} imports relatively"
    assert node.module is not None
    if node.module == "builder":
        yield from (f"builder.{alias.name}" for alias in node.names)
    else:
        yield node.module


def test_every_module_has_a_row() -> None:
    listed = [module for row in ROWS for module in row]
    assert sorted(listed) == sorted({module_of(path) for path in files()})


def test_imports_only_go_down() -> None:
    row_of = {module: number for number, row in enumerate(ROWS) for module in row}
    wrong = []
    for path in files():
        own = module_of(path)
        for name in imported(path):
            top, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if top != "builder" or not rest or other in (own, "__version__"):
                continue
            if row_of.get(other, 0) >= row_of.get(own, len(ROWS)):  # what has no row fails another test
                wrong.append(f"{own} imports {other}")
    assert wrong == []


def test_the_extension_stands_on_its_own() -> None:
    names = {name for path in (PACKAGE / "dlm").glob("*.py") for name in imported(path)}
    inside = {name for name in names if name.startswith("builder.")}
    assert all(name.startswith("builder.dlm") for name in inside)
    outside = {name.partition(".")[0] for name in names - inside} - sys.stdlib_module_names
    assert outside == {"pystac"}


def third_party() -> dict[str, set[str]]:
    """The modules that import a library, by its name."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in files():
        for name in imported(path):
            top = name.partition(".")[0]
            if top != "builder" and top not in sys.stdlib_module_names:
                found[top].add(module_of(path))
    return found


def test_one_dependency_has_one_door() -> None:
    used = third_party()
    assert used.keys() - COMES_WITH.keys() == DOORS.keys() | OPTIONAL.keys()
    for library, doors in {**DOORS, **OPTIONAL}.items():
        assert used[library] <= doors, library


def test_a_library_of_an_extra_is_imported_where_it_is_used() -> None:
    for path in files():
        for node in tree(path).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert not OPTIONAL.keys() & {name.partition(".")[0] for name in _names(node)}, path.name


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = _projects(project["dependencies"])
    extra = _projects(line for lines in project["optional-dependencies"].values() for line in lines)
    distributions = importlib.metadata.packages_distributions()
    names = {COMES_WITH.get(library, library) for library in third_party()} - OPTIONAL.keys()
    used = {min(distributions[name]).lower().replace("_", "-") for name in names}
    assert used == declared
    assert {min(distributions.get(name, [name])).lower().replace("_", "-") for name in OPTIONAL} <= extra - declared


def _projects(lines: Iterable[str]) -> set[str]:
    return {re.split(r"[^\w.-]", line)[0].lower().replace("_", "-") for line in lines}


def test_only_the_commands_print() -> None:
    for path in files():
        if module_of(path) in ("commands", "__main__"):
            continue
        calls = [node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
        names = {call.id for call in calls if isinstance(call, ast.Name)}
        names |= {ast.unparse(call) for call in calls if isinstance(call, ast.Attribute)}
        assert not names & {"print", "sys.exit", "click.echo", "sys.stdout.write", "sys.stderr.write"}, path.name


def test_no_file_is_too_long() -> None:
    lines = {path.relative_to(PACKAGE).as_posix(): len(path.read_text("utf-8").splitlines()) for path in files()}
    assert {path for path, number in lines.items() if number > MAX_LINES} == TOO_LONG


def test_the_whole_build_is_on_one_screen() -> None:
    (build,) = (n for n in tree(PACKAGE / "pipeline.py").body if isinstance(n, ast.FunctionDef) and n.name == "build")
    assert build.end_lineno is not None
    assert build.end_lineno - build.lineno < 40


def test_every_module_says_what_it_is() -> None:
    for path in files():
        assert ast.get_docstring(tree(path)), path
