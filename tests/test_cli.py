"""The commands: exit codes, what goes to which stream, and how soon help is there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft7Validator
from shared import ROOT, SHARED, needs_shared
from sources import MINIMAL, write

from builder import __version__
from builder.cli import main
from builder.document import parse
from builder.rules import RULES, example

Run = Callable[..., Result]

WARNING = MINIMAL + "license: various\n"
ERROR = MINIMAL + "licence: MIT\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in a folder with three sources: `clean`, `warned` and `broken`; and an `empty` one."""
    monkeypatch.chdir(tmp_path)
    sources = {"clean/c/a.yml": MINIMAL, "warned/c/a.yml": WARNING, "broken/c/a.yml": ERROR, "empty/README.md": "x"}
    write(tmp_path, {"catalog_src/c/a.yml": MINIMAL, **sources})

    def invoke(*args: str) -> Result:
        result = CliRunner().invoke(main, args)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return result

    return invoke


def program(*args: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "builder.cli", *args]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, check=False)


# --- exit codes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ("build clean", 0),
        ("build warned", 0),
        ("build warned --strict", 1),
        ("build broken", 1),
        ("build empty", 3),
        ("build nowhere", 2),
        ("build clean/c/a.yml", 2),
        ("build clean --format xml", 2),
        ("build clean --base-url ftp://example.com", 2),
        ("build clean --base-url https://", 2),
        ("build clean --base-url https://example.com/?x=1", 2),
        ("build clean --templates nowhere", 2),
        ("build clean -o clean/site", 2),
        ("build clean -o clean", 2),
        ("build clean -o broken", 2),
        ("build clean --nonsense", 2),
        ("check clean", 0),
        ("check clean warned", 0),
        ("check clean warned --strict", 1),
        ("check clean broken", 1),
        ("check broken/c/a.yml", 1),
        ("check clean/c/a.yml", 0),
        ("check empty", 3),
        ("check empty/README.md", 3),
        ("check nowhere", 2),
        ("check --explain key-unknown", 0),
        ("check --explain key-unknow", 2),
        ("schema", 0),
        ("schema --source", 0),
        ("--version", 0),
        ("--help", 0),
        ("-h", 0),
        ("build --help", 0),
    ],
)
def test_exit_codes(args: str, code: int, run: Run) -> None:
    result = run(*args.split())
    assert result.exit_code == code, result.output
    if code == 2:
        assert result.stdout == ""
        assert result.stderr


@pytest.mark.parametrize("args", [(), ("catalog_src",), ("-o", "site"), ("--quiet",), ("build",)])
def test_without_a_command_the_catalog_is_built(args: tuple[str, ...], run: Run) -> None:
    assert run(*args).exit_code == 0
    assert Path("site/catalog.json").is_file()


def test_a_failed_build_writes_nothing(run: Run) -> None:
    for args in (["build", "broken"], ["build", "warned", "--strict"], ["build", "empty"]):
        run(*args)
        assert not Path("site").exists()


def test_a_folder_that_is_not_a_site_is_left_alone(run: Run) -> None:
    write(Path("site"), {"thesis.tex": "important"})
    result = run("build", "clean")
    assert result.exit_code == 2
    assert "not made by build-catalog" in result.stderr
    assert [path.name for path in Path("site").iterdir()] == ["thesis.tex"]


def test_a_template_with_a_fault_is_named(run: Run) -> None:
    write(Path("mine"), {"home.html": "{% if %}"})
    result = run("build", "clean", "--templates", "mine")
    assert result.exit_code == 2
    assert "home.html" in result.stderr


def test_an_output_that_cannot_be_written_is_named(run: Run) -> None:
    write(Path(), {"file": "x"})
    result = run("build", "clean", "-o", "file/site")
    assert result.exit_code == 2
    assert "file/site" in result.stderr


# --- streams and formats ---------------------------------------------------------------------------------------------


def test_findings_go_to_standard_output_and_the_summary_to_standard_error(run: Run) -> None:
    result = run("build", "warned")
    assert result.stdout.startswith("warned/c/a.yml:3:10: warning[license-spdx] ")
    assert result.stdout.endswith("build-catalog check --explain license-spdx\n")
    assert "0 errors, 1 warning" in result.stderr
    assert "in 1 of 1 model" in result.stderr
    assert "Open site/index.html in a browser." in result.stderr


def test_a_clean_build_is_silent_on_standard_output(run: Run) -> None:
    result = run("build", "clean")
    assert result.stdout == ""
    assert "files written, 0 unchanged." in result.stderr
    assert "0 files written" in run("build", "clean").stderr


def test_quiet_prints_findings_only(run: Run) -> None:
    result = run("build", "clean", "--quiet")
    assert (result.stdout, result.stderr) == ("", "")
    result = run("check", "broken", "-q")
    assert result.stderr == ""
    assert "error[key-unknown]" in result.stdout


def test_check_shows_notes_and_build_counts_them(run: Run) -> None:
    assert ": note[" in run("check", "clean").stdout
    result = run("build", "clean")
    assert ": note[" not in result.stdout
    assert "notes (build-catalog check shows them)" in result.stderr


@pytest.mark.parametrize("command", ["build", "check"])
def test_json_is_one_object_on_standard_output(command: str, run: Run) -> None:
    result = run(command, "broken", "--format", "json")
    assert result.exit_code == 1
    assert result.stderr == ""
    found: dict[str, Any] = json.loads(result.stdout)
    assert set(found) == {"diagnostics", "summary"}
    (error,) = (d for d in found["diagnostics"] if d["severity"] == "error")
    seconds = found["summary"].pop("seconds")
    assert seconds >= 0
    assert found["summary"] == {
        "errors": 1,
        "warnings": 0,
        "notes": sum(d["severity"] == "note" for d in found["diagnostics"]),
        "models": 1,
    }
    assert {key: error[key] for key in ("rule", "file", "line", "column", "end_line", "end_column")} == {
        "rule": "key-unknown",
        "file": "broken/c/a.yml",
        "line": 3,
        "column": 1,
        "end_line": 3,
        "end_column": 8,
    }
    assert error["hint"] == "did you mean license?"
    assert set(error) >= {"message", "related"}


@pytest.mark.parametrize("command", ["check", "build"])
@pytest.mark.parametrize("source", ["clean", "broken"])
def test_json_leads_to_the_documentation_of_the_site(command: str, source: str, run: Run) -> None:
    def documentation(*args: str) -> set[str]:
        found = json.loads(run(command, source, "--format", "json", *args).stdout)
        return {d["documentation"].partition("#")[0] for d in found["diagnostics"] if d["rule"] == "license-missing"}

    page = "docs/reference/rules.html"
    write(Path(source), {"c/b.yml": MINIMAL})
    assert documentation() == {page}
    assert documentation("--base-url", "https://example.org/m/") == {f"https://example.org/m/{page}"}
    write(Path(source), {"catalog.yml": "base_url: https://example.com\n"})
    assert documentation() == {f"https://example.com/{page}"}


def test_sarif_is_printed_with_all_rules_described(run: Run) -> None:
    log = json.loads(run("check", "broken", "--format", "sarif").stdout)
    (made,) = log["runs"]
    assert made["tool"]["driver"]["semanticVersion"] == __version__
    assert {r["ruleId"] for r in made["results"]} == {r["id"] for r in made["tool"]["driver"]["rules"]}
    assert all(RULES[r["id"]].summary == r["shortDescription"]["text"] for r in made["tool"]["driver"]["rules"])


def test_several_files_are_checked_in_one_run(run: Run) -> None:
    write(Path("broken"), {"c/b.yml": ERROR, "c/collection.yml": "titel: x\n"})
    result = run("check", "broken/c/b.yml", "broken/c/a.yml", "--format", "github", "--quiet")
    errors = [line.split(",")[0] for line in result.stdout.splitlines() if line.startswith("::error")]
    assert errors == [f"::error file=broken/c/{name}.yml" for name in ("a", "b", "collection")]


@pytest.mark.parametrize("hook", ["build-catalog-check", "build-catalog-fix"])
def test_hooks_of_pre_commit_take_files(hook: str, run: Run) -> None:
    document, _ = parse(".pre-commit-hooks.yaml", (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert document is not None
    (about,) = (entry for entry in document.data if entry["id"] == hook)
    write(Path(), {"catalog_src/c/collection.yml": "title: C\n", "catalog_src/catalog.yml": "title: X\n"})
    write(Path(), {"catalog_src/c/b.yml": MINIMAL + "license: mit\n", "catalog_src/c/c.json": "{}"})
    program_name, *arguments = about["entry"].split()
    assert program_name == "build-catalog"
    files = sorted(str(path) for path in Path("catalog_src").rglob("*.*"))
    assert all(re.search(about["files"], file) for file in files)
    result = run(*arguments, *files)
    assert result.exit_code == 0, result.output
    assert ("license-spdx" in result.stdout) == (hook == "build-catalog-check")
    assert run(*arguments, "catalog_src/c/b.yml").exit_code == 0
    write(Path(), {"catalog_src/c/d.yml": ERROR})
    assert run(*arguments, "catalog_src/c/d.yml", *files).exit_code == 1


def test_github_annotates_lines(run: Run) -> None:
    result = run("check", "broken", "--format", "github")
    lines = [line for line in result.stdout.splitlines() if line.startswith("::error ")]
    assert len(lines) == 1
    assert lines[0].startswith("::error file=broken/c/a.yml,line=3,endLine=3,col=1,endColumn=8,title=key-unknown::")


def test_a_settings_file_can_be_checked_alone(run: Run) -> None:
    write(Path("clean"), {"catalog.yml": "titel: x\n", "c/collection.yml": "license: [MIT]\n"})
    for path, message in (("catalog.yml", "titel"), ("c/collection.yml", "license is a list")):
        result = run("check", f"clean/{path}")
        assert result.exit_code == 1
        assert message in result.stdout
    write(Path("clean"), {"catalog.yml": "title: x\n", "c/collection.yml": "license: MIT\n"})
    assert run("check", "clean/catalog.yml").exit_code == 0
    assert run("check", "clean/c/collection.yml").exit_code == 0


def test_a_rule_is_explained(run: Run) -> None:
    for name, rule in RULES.items():
        result = run("check", "--explain", name)
        assert result.stdout.startswith(f"{name} ({rule.severity})\n\n{rule.documentation}\n")
        wrong, right = (textwrap.indent(example(name, kind) or "", "    ") for kind in ("bad", "good"))
        examples = f"\nWrong:\n\n{wrong}\nRight:\n\n{right}" if wrong and right else ""
        assert result.stdout.endswith(f"{rule.documentation}\n{examples}") or not right
    assert "did you mean mean-length" in run("check", "--explain", "mean-lenght").stderr


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": ""}, True)],
)
def test_colour_is_for_terminals_and_can_be_refused(
    environment: dict[str, str], coloured: bool, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from builder.commands.shared import use_colour

    for key in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(key, raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    assert "\x1b[" not in run("check", "broken").stdout
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    assert use_colour() is (coloured and sys.stdout.isatty())
    assert ("\x1b[" in run("check", "broken").stdout) is coloured


def test_any_encoding_of_the_terminal_will_do(tmp_path: Path) -> None:
    write(tmp_path, {"src/c/a.yml": ERROR, "src/c/ä.yml": MINIMAL + "title: [ä, 雲]\n"})
    for encoding in ("ascii", "cp1252", "utf-8"):
        done = program("check", "src", cwd=tmp_path, PYTHONIOENCODING=encoding)
        assert done.returncode == 1
        assert b"Traceback" not in done.stderr
        assert done.stdout.count(b"error[") == 3, done.stdout


# --- schema ----------------------------------------------------------------------------------------------------------


def printed_schema(run: Run, *args: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("schema", *args).stdout)
    return found


@pytest.mark.parametrize("args", [(), ("--source",)])
def test_a_printed_schema_is_one(args: tuple[str, ...], run: Run) -> None:
    found = printed_schema(run, *args)
    Draft7Validator.check_schema(found)
    assert found["$schema"].startswith("http://json-schema.org/draft-07/schema")
    assert '"x-' not in json.dumps(found), "our own annotations are not published"


def test_the_editor_s_schema_needs_no_other_file(run: Run) -> None:
    text = json.dumps(printed_schema(run, "--source"))
    references = {line.split('"')[0] for line in text.split('"$ref": "')[1:]}
    assert references
    assert all(reference.startswith("#/") for reference in references)


def both_forms(data: dict[str, Any]) -> list[dict[str, Any]]:
    """A model file as written, and with its item properties under `properties:`."""
    item_keys = {"id", "collection", "bbox", "geometry", "assets", "links", "card"}
    item_keys |= {"type", "stac_version", "stac_extensions", "properties"}
    inside = {key: value for key, value in data.items() if key not in item_keys}
    outside = {key: value for key, value in data.items() if key in item_keys}
    return [data, {**outside, "properties": {**inside, **data.get("properties", {})}}]


def test_the_editor_s_schema_accepts_every_real_model_in_both_forms(run: Run) -> None:
    validator = Draft7Validator(printed_schema(run, "--source"))
    files = [path for path in (ROOT / "catalog_src").glob("*/*.yml") if path.name != "collection.yml"]
    assert len(files) >= 127
    for path in files:
        document, found = parse(path.name, path.read_text("utf-8"))
        assert document is not None, found
        for form in both_forms(document.data):
            errors = [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(form)]
            assert errors == [], path


@pytest.mark.parametrize(
    "text", ["licence: MIT\n", "gsd: -1\n", "dlm:data: {number_of_band: 3}\n", "dlm:outputs: {task: 5}\n"]
)
def test_the_editor_s_schema_refuses_what_check_refuses(text: str, run: Run) -> None:
    validator = Draft7Validator(printed_schema(run, "--source"))
    document, _ = parse("a.yml", MINIMAL + text)
    assert document is not None
    assert all(not validator.is_valid(form) for form in both_forms(document.data))


@needs_shared
def test_the_draft_s_example_is_explained_without_a_traceback(run: Run) -> None:
    result = run("check", str(SHARED / "examples" / "dlm" / "thelper-unet.yml"))
    assert result.exit_code == 1
    assert result.stdout.count(": error[") >= 3


# --- help ------------------------------------------------------------------------------------------------------------


def test_help_lists_every_command_and_option(run: Run) -> None:
    text = run("--help").stdout
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert f"\n  {name} " in text
        own = run(name, "--help").stdout
        assert (command.help or "").splitlines()[0].split(".")[0] in " ".join(own.split())
        for parameter in command.params:
            for option in parameter.opts:
                assert option in own or option == (parameter.name or "").lower()


def test_the_version_is_the_package_s(run: Run) -> None:
    told = run("--version").stdout
    assert told == f"build-catalog, version {__version__}\n"
    assert starting("--version")[0] == told


def starting(option: str) -> tuple[str, set[str]]:
    """What the program prints, and the libraries that it imports."""
    command = [sys.executable, "-X", "importtime", "-m", "builder", option]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    return done.stdout, {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}


def test_help_and_version_are_there_at_once() -> None:
    heavy = {"pystac", "mkdocs", "jinja2", "jsonschema", "jsonschema_rs", "yaml", "markdown", "nh3", "orjson"}
    text, imported = starting("--help")
    assert "Commands:" in text
    assert "click" in imported
    assert imported & heavy == set()
    _, imported = starting("--version")
    assert imported & {*heavy, "click", "multiprocessing", "re"} == set()
