"""The same broken model files through four checkers: which faults each finds, and where it points.

    pip install '.[test]' check-jsonschema
    python benchmarks/comparison.py                 prints the tables
    python benchmarks/comparison.py --page          also writes them into docs/explanation/comparison.md

`tests/broken/` holds a model file and 18 faults. Each fault alone is put into the file, and all together. The STAC
tools read Items, so each file is also written as the Item that a short script would make of it. Nothing is fetched: the
schemas are those that the package carries.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from builder import __version__, pipeline, schema  # noqa: E402  the checkout's own package
from builder.report import format_text  # noqa: E402

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from stac_check.lint import Linter
    from stac_validator import utilities
    from stac_validator.validate import StacValidate

BROKEN = ROOT / "tests" / "broken"
PAGE = ROOT / "docs" / "explanation" / "comparison.md"
ALL, MOST = "all", "most"
"""Names of the file with every fault, and of the one without those that keep a tool from reading on."""
QUOTED = ("mistyped key", "two means for three bands", "nanometres for micrometres")
STOPPING = ("key given twice", "number as id")


@dataclass(frozen=True)
class Fault:
    """A fault: what is wrong, what is replaced by what, and a text by which a message about it is known."""

    name: str
    word: str
    old: str
    new: str


@dataclass(frozen=True)
class Report:
    """What a tool says about a file: its messages, each with the line where there is one."""

    messages: tuple[tuple[int | None, str], ...]


Tool = Callable[[Path, Path], Report]
"""Given a source folder with one model and the Item of the same model."""


def read_faults() -> list[Fault]:
    """The faults, in the order of their table."""
    return [Fault(**entry) for entry in yaml.safe_load((BROKEN / "faults.yml").read_text("utf-8"))]


def break_text(text: str, faults: list[Fault]) -> str:
    """The model file with these faults."""
    for fault in faults:
        if fault.old not in text:
            raise ValueError(f"the file does not hold what the fault “{fault.name}” replaces")
        text = text.replace(fault.old, fault.new, 1)
    return text


def to_item(text: str) -> dict[str, Any]:
    """The Item that a short script makes of a model file: what has a place gets it, the rest becomes properties."""
    data = yaml.safe_load(text)
    geometry = data.pop("geometry")
    item = {
        "type": "Feature", "stac_version": "1.1.0", "id": data.pop("id"), "geometry": geometry, "bbox": [0, 0, 1, 1],
        "stac_extensions": [schema.DLM, schema.EO, schema.SCIENTIFIC, schema.VERSION],
        "links": [], "assets": data.pop("assets"), "properties": {"datetime": "2023-01-01T00:00:00Z", **data},
    }  # fmt: skip
    item["assets"]["weights"]["eo:bands"] = [{"name": band["name"]} for band in data["eo:bands"]]
    item["links"].append({"rel": "cite-as", "href": "https://doi.org/10.1234/abc"})
    return item


def write_trees(folder: Path) -> list[str]:
    """Source folders and Items, `<name>/models/net.yml` and `<name>/item/net.json`: as it is, each fault, all."""
    text, faults = (BROKEN / "net.yml").read_text("utf-8"), read_faults()
    variants = {"good": text, **{fault.name: break_text(text, [fault]) for fault in faults}}
    variants[ALL] = break_text(text, faults)
    variants[MOST] = break_text(text, [fault for fault in faults if fault.name not in STOPPING])
    for name, variant in variants.items():
        models = folder / name / "models"
        models.mkdir(parents=True)
        (models / "net.yml").write_text(variant, "utf-8")
        (models / "net.onnx").write_bytes((BROKEN / "net.onnx").read_bytes())
        (folder / name / "item").mkdir()
        item = json.dumps(to_item(variant), indent=1, default=str)
        (folder / name / "item" / "net.json").write_text(item, "utf-8")
    return list(variants)


# --- the tools -------------------------------------------------------------------------------------------------------


def build_catalog(source: Path, item: Path) -> Report:  # noqa: ARG001  it reads the model files
    """`build-catalog check` on the source folder: errors and warnings."""
    found = pipeline.check(pipeline.Settings(source)).diagnostics
    return Report(tuple((d.span.line, f"{d.message} {d.span.source_line}") for d in found if d.severity != "note"))


def check_jsonschema(source: Path, item: Path) -> Report:  # noqa: ARG001  it reads YAML
    """check-jsonschema on the model file, with the schema that `build-catalog schema --source` prints."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as stream:
        json.dump(schema.source_schema(), stream)
        stream.flush()
        arguments = ["--schemafile", stream.name, "-o", "json", str(source / "net.yml")]
        done = subprocess.run(  # noqa: S603  the tool that is compared
            [sys.executable, "-m", "check_jsonschema", *arguments], capture_output=True, text=True, check=False
        )
    said = json.loads(done.stdout)
    errors = [f"{error['path']}: {error['message']}" for error in said.get("errors", [])]
    return Report(
        tuple((None, text) for text in [*errors, *(f"not read: {e['message']}" for e in said.get("parse_errors", []))])
    )


def stac_validator(source: Path, item: Path) -> Report:  # noqa: ARG001  it reads Items
    """stac-validator on the Item."""
    with _schema_files() as places:
        validator = StacValidate(str(item), schema_map=dict(places))
        validator.run()
    faulty = [message for message in validator.message if not message["valid_stac"]]
    return Report(tuple((None, f"{m['error_message']}") for m in faulty))


def stac_check(source: Path, item: Path) -> Report:  # noqa: ARG001  it reads Items
    """stac-check on the Item: the error, and its advice."""
    with _schema_files() as places:
        fetch = utilities.fetch_and_parse_file
        utilities.fetch_and_parse_file = lambda path, headers=None: fetch(places.get(path, path), headers)
        try:
            linter = Linter(str(item))
            advice = linter.create_best_practices_dict()
        except Exception as error:  # it is compared as it is
            return Report(((None, f"traceback: {type(error).__name__}: {error}"),))
        finally:
            utilities.fetch_and_parse_file = fetch
    said = [] if linter.valid_stac else [str(linter.error_msg)]
    return Report(tuple((None, text) for text in [*said, *(f"advice: {' '.join(text)}" for text in advice.values())]))


@contextlib.contextmanager
def _schema_files() -> Any:
    """Where the schemas lie that the tools would fetch."""
    with tempfile.TemporaryDirectory() as folder:
        places = {}
        for number, (uri, contents) in enumerate(schema.load_all().items()):
            places[uri] = f"{folder}/{number}.json"
            Path(places[uri]).write_text(json.dumps(contents), "utf-8")
        with contextlib.redirect_stdout(io.StringIO()):
            yield places


TOOLS: dict[str, Tool] = {
    "stac-validator": stac_validator,
    "stac-check": stac_check,
    "check-jsonschema": check_jsonschema,
    "build-catalog check": build_catalog,
}
PACKAGES = {"stac-validator": "stac_valid", "stac-check": "stac_check", "check-jsonschema": "check-jsonschema"}


# --- what they find --------------------------------------------------------------------------------------------------


def compare(folder: Path) -> dict[str, dict[str, Report]]:
    """What each tool says about each variant, without what it says about the file as it is."""
    names = write_trees(folder)
    reports: dict[str, dict[str, Report]] = {}
    for tool, ask in TOOLS.items():
        made = {name: ask(folder / name / "models", folder / name / "item" / "net.json") for name in names}
        known = set(made["good"].messages)
        reports[tool] = {name: Report(tuple(m for m in r.messages if m not in known)) for name, r in made.items()}
    return reports


def found_together(report: Report, fault: Fault) -> bool:
    """Whether one of the messages about a file with several faults is about this one."""
    return any(fault.word in text for _, text in report.messages if not text.startswith("traceback"))


def found_alone(report: Report) -> bool:
    """Whether anything is said about the file with one fault; a traceback says nothing."""
    return any(not text.startswith("traceback") for _, text in report.messages)


def by_fault(reports: Mapping[str, Mapping[str, Report]]) -> str:
    """The table of the faults, each alone in a file."""
    rows = [f"| Fault | {' | '.join(TOOLS)} |", f"| --- |{' --- |' * len(TOOLS)}"]
    for fault in read_faults():
        cells = [_place(reports[tool][fault.name]) for tool in TOOLS]
        rows.append(f"| {fault.name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _place(report: Report) -> str:
    if not report.messages:
        return "–"
    line, text = report.messages[0]
    if line is not None:
        return f"line {line}"
    if text.startswith("traceback"):
        return "traceback"
    if text.startswith("not read"):
        return "file"
    if text.startswith("advice"):
        return "advice"
    return "key" if re.match(r"\$[.\[]", text) or "Error is in" in text else "file"


def by_tool(reports: Mapping[str, Mapping[str, Report]]) -> str:
    """The table of the tools."""
    faults = read_faults()
    rows = [
        "| Tool | Version | One fault in each file | All in one file | Without the two that stop a reader |",
        "| --- | --- | --- | --- | --- |",
    ]
    for tool in TOOLS:
        alone = sum(found_alone(reports[tool][fault.name]) for fault in faults)
        together = sum(found_together(reports[tool][ALL], fault) for fault in faults)
        most = sum(found_together(reports[tool][MOST], fault) for fault in faults if fault.name not in STOPPING)
        shares = (
            f"{alone} of {len(faults)}",
            f"{together} of {len(faults)}",
            f"{most} of {len(faults) - len(STOPPING)}",
        )
        rows.append(f"| {tool} | {_version(tool)} | {' | '.join(shares)} |")
    return "\n".join(rows)


def in_words(reports: Mapping[str, Mapping[str, Report]], folder: Path) -> str:
    """What each tool says about some of the faults, each alone in a file."""
    parts = []
    for fault in QUOTED:
        rows = [f"**{fault[0].upper()}{fault[1:]}**", "", "| Tool | Says |", "| --- | --- |"]
        for tool in TOOLS:
            said = [" ".join(text.split()) for _, text in reports[tool][fault].messages]
            rows.append(f"| {tool} | {'<br>'.join(_code(text) for text in said) or 'nothing'} |")
        found = pipeline.check(pipeline.Settings(folder / fault / "models")).diagnostics
        printed = format_text([d for d in found if d.severity != "note"]).replace(f"{folder}/{fault}/", "")
        rows[-1] = f"| {tuple(TOOLS)[-1]} | what follows |"
        parts.append("\n".join([*rows, "", "```text", printed, "```"]))
    return "\n\n".join(parts)


def _code(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|').replace('`', chr(39))}`"


def _version(tool: str) -> str:
    if tool not in PACKAGES:
        return __version__
    for package in (PACKAGES[tool], tool):
        with contextlib.suppress(PackageNotFoundError):
            return version(package)
    return "unknown"


def main() -> int:
    """Runs, prints the tables, and writes them into the page where that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--page", action="store_true", help="write the tables into the page of the documentation")
    parser.add_argument("--messages", action="store_true", help="print what each tool says")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        reports = compare(Path(folder))
        words = in_words(reports, Path(folder))
    tables = {"tools": by_tool(reports), "faults": by_fault(reports), "words": words}
    sys.stdout.write("\n\n".join(tables.values()) + "\n")
    if arguments.messages:
        for tool, said in reports.items():
            for name, report in said.items():
                sys.stdout.write(
                    f"\n{tool}: {name}\n" + "".join(f"  {line}: {text}\n" for line, text in report.messages)
                )
    if arguments.page:
        page = PAGE.read_text("utf-8")
        for name, table in tables.items():
            before, begin, rest = page.partition(f"<!-- {name} -->\n")
            _, end, after = rest.partition(f"<!-- /{name} -->")
            page = f"{before}{begin}\n{table}\n\n{end}{after}"
        PAGE.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
