"""The documentation says what is true: its blocks are run, its site is built, its tables are held against the code."""

from __future__ import annotations

import contextlib
import io
import json
import os
import posixpath
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

import pytest
import yaml
from click.testing import CliRunner
from nets import silent_bytes
from shared import ROOT
from sources import find_item

from builder import document, pipeline, plain_yaml, reference, source
from builder.cli import main
from builder.docs import DocsError, render_docs
from builder.exporters import models_json
from builder.rules import RULES
from builder.rules.item import MAX_ID
from builder.site import FEED_LENGTH
from builder.templates import read_templates

BLOCK = re.compile(r"^```(?P<kind>[a-z]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(
    r"(?:# file: (?P<yaml>\S+?)|\{# file: (?P<jinja>\S+) #\}|/\* file: (?P<css>\S+) \*/)(?P<mistake>, with a mistake)?"
)
PAGES = [ROOT / "README.md", ROOT / ".github/CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
CHANGING = [
    (re.compile(r"\(\d+\.\d s\)"), "(0.1 s)"),
    (re.compile(r'"seconds": \d+\.\d'), '"seconds": 0.1'),
    (re.compile(r"\d+ files written, (0|\d+) unchanged"), "N files written"),
]
"""What differs from run to run, or when the site gets another file."""


# --- blocks ----------------------------------------------------------------------------------------------------------


def _write(place: str, text: str) -> None:
    location = Path(place)
    location.parent.mkdir(parents=True, exist_ok=True)
    location.write_text(text, encoding="utf-8")
    data = yaml.safe_load(text) if location.suffix == ".yml" else {}
    for asset in data.get("assets", {}).values():
        if "://" not in asset["href"] and not (location.parent / asset["href"]).exists():
            (location.parent / asset["href"]).write_bytes(silent_bytes())


def _errors(folder: str) -> list[str]:
    result = pipeline.check(pipeline.Settings(Path(folder)))
    return [d.message for d in result.diagnostics if d.severity == "error"]


def _run_yaml(text: str) -> bool:
    """Writes or checks a block; whether it is one with a mistake."""
    first = text.partition("\n")[0]
    if match := FILE.fullmatch(first):
        _write(match["yaml"], text)
        if match["yaml"] == "mkdocs.yml":
            _write("docs/index.md", "# Home\n")
            subprocess.run([sys.executable, "-m", "mkdocs", "build", "--strict"], check=True, capture_output=True)
            return False
        folder = match["yaml"].partition("/")[0]
        if match["yaml"].endswith("collection.yml"):
            return False  # its models come in the next blocks
        errors = _errors(folder)
        assert bool(errors) == bool(match["mistake"]), errors
        return bool(match["mistake"])
    if first == "# part of a model file":
        _write("part/models/part.yml", f"description: A part.\n{text}")
        assert _errors("part") == []
    elif first == "# pre-commit":
        hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
        used = {hook["id"] for repo in yaml.safe_load(text)["repos"] for hook in repo["hooks"]}
        assert used <= {hook["id"] for hook in hooks}
    elif first == "# template API":
        _write("templates/templates.yml", text)
        read_templates(Path("templates"))
    elif first in ("# workflow", "# gitlab"):
        _write("ci.yml", text)
        schema = "vendor.github-workflows" if first == "# workflow" else "vendor.gitlab-ci"
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, "ci.yml"]
        subprocess.run(command, check=True, capture_output=True)
    else:
        assert all(line.startswith("#") for line in text.splitlines()), f"says nothing about itself: {first}"
    return False


def _run_console(text: str, failing: bool) -> None:
    steps = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    assert steps, "a console block begins with $"
    for step in steps:
        line, _, expected = step.partition("\n")
        program, *arguments = shlex.split(line)
        if program == "cd":
            os.chdir(*arguments)
            continue
        if program == "git":
            person = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
            subprocess.run(["git", *person, *arguments], check=True)  # noqa: S607
            continue
        assert program == "build-catalog"
        result = CliRunner().invoke(main, arguments)
        explains = "--explain" in arguments
        fails = failing or ": error[" in expected
        assert result.exit_code == (1 if fails and not explains else 0), result.output
        _compare(result.output, expected)


def _compare(output: str, expected: str) -> None:
    for pattern, word in CHANGING:
        output, expected = pattern.sub(word, output), pattern.sub(word, expected)
    parts = [re.escape(part) for part in re.split(r"^…\n", expected, flags=re.MULTILINE)]
    assert re.fullmatch("(?:.*\n)*?".join(parts), output), f"\n{output}\nis not\n{expected}"


def _run_python(text: str, names: dict[str, Any]) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(text, "<documentation>", "exec"), names)  # noqa: S102  our own documentation


@pytest.mark.parametrize("location", PAGES, ids=NAMES)
def test_the_blocks_of_a_page_do_what_it_says(location: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "documentation"}
    failing = False
    known = dict(RULES)
    try:
        for match in BLOCK.finditer(location.read_text(encoding="utf-8")):
            kind, text = match["kind"], match["text"]
            if kind == "yaml":
                failing = _run_yaml(text)
            elif kind == "console":
                _run_console(text, failing)
            elif kind == "python":
                _run_python(text, names)
            elif kind in ("jinja", "css"):
                _write(FILE.match(text)[kind], text)  # type: ignore[index]
            elif kind == "json":
                json.loads(text)
            else:
                assert kind in ("sh", "text"), f"a block of the kind {kind!r} is not run"
    finally:
        RULES.clear()  # a rule that was added as an example goes again
        RULES.update(known)


def _commands() -> Iterator[str]:
    for page in PAGES:
        for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
            if match["kind"] in ("sh", "yaml"):
                for line in match["text"].splitlines():
                    plain = line.partition("  #")[0].partition(" > ")[0]
                    if found := re.search(r"(?:^|- run: |bin/|&& )build-catalog\b([^&]*)$", plain):
                        yield found[1].strip()


@pytest.mark.parametrize("arguments", sorted(set(_commands())))
def test_commands_outside_of_consoles_are_understood(
    arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _write("catalog_src/land-cover/unet.yml", "description: An example.\ndlm:outputs: {task: regression}\n")
    if shutil.which("git") is None:
        pytest.skip("needs git")
    for words in ("init -q -b main", "add -A", "-c user.name=a -c user.email=a@example.org commit -qm a", "tag v1.0"):
        subprocess.run(["git", *words.split()], check=True)  # noqa: S607
    Path("copies").mkdir()  # of weights
    Path("templates").mkdir()
    given = shlex.split(arguments)
    if given[:1] == ["serve"]:
        _serve_and_stop(given)
        return
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0, result.output


def _serve_and_stop(words: list[str]) -> None:
    """Starts a preview on a free port, opens it, and stops it as Ctrl-C does."""
    command = [sys.executable, "-m", "builder", *words, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as preview:
        try:
            assert preview.stderr is not None
            address = next(found[0] for line in preview.stderr if (found := re.search(r"http://127\S+/", line)))
            page = _wait_for_page(address)
        finally:
            preview.send_signal(signal.SIGINT)
            said = preview.communicate(timeout=60)[1]
    assert preview.returncode == 0, said
    assert "<title>" in page


def _wait_for_page(address: str) -> str:
    """The start page, once the first build is done."""
    for _ in range(600):
        with contextlib.suppress(HTTPError), urlopen(address, timeout=30) as answer:  # noqa: S310  this machine's own
            return str(answer.read().decode())
        time.sleep(0.1)
    raise AssertionError("no page for a minute")


def test_blocks_are_found_and_run() -> None:
    kinds = [match["kind"] for page in PAGES for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    assert kinds.count("console") >= 10
    assert kinds.count("python") >= 8
    assert sum(page.read_text(encoding="utf-8").count("\n```") for page in PAGES) == 2 * len(kinds)


@pytest.mark.parametrize("location", PAGES, ids=NAMES)
def test_a_page_names_no_registry_and_no_machine(location: Path) -> None:
    text = location.read_text(encoding="utf-8")
    assert re.findall(r"pypi\.org|npmjs|/work/|/tmp/|/root/|/home/", text) == []


@pytest.mark.parametrize("name", ["README.md", ".github/CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_between_the_files_of_the_repository_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not urlsplit(target).scheme:
            assert (page.parent / target).exists(), target


# --- the site --------------------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.faults: list[str] = []
        self.within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        if tag in ("a", "area"):
            self.links.append(given.get("href", ""))
        elif "href" in given and given.get("rel") != "canonical":
            self.loads.append(given["href"])
        if "src" in given:
            self.loads.append(given["src"])
        self.faults += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.faults.append(f"inline {tag}")
        if tag == "a" and "href" not in given:
            self.faults.append("a without href")


@pytest.fixture(scope="module")
def site() -> dict[str, bytes]:
    return {a.path: a.content for a in render_docs(ROOT / "mkdocs.yml") if isinstance(a.content, bytes)}


@pytest.fixture(scope="module")
def pages(site: dict[str, bytes]) -> dict[str, _Page]:
    return {path: _Page(content.decode()) for path, content in site.items() if path.endswith(".html")}


def test_every_page_is_built(pages: dict[str, _Page]) -> None:
    written = {path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in PAGES[2:]}
    generated = {path.replace(".md", ".html") for path in reference.pages()}
    assert set(pages) == {f"docs/{path}" for path in written | generated}


def test_nothing_inline_and_nothing_from_another_host(pages: dict[str, _Page]) -> None:
    for path, page in pages.items():
        assert page.faults == [], path
        assert [href for href in page.loads if urlsplit(href).scheme or href.startswith("/")] == [], path
        assert [href for href in page.links if urlsplit(href).scheme not in ("", "https")] == [], path


def test_every_link_leads_to_a_page_and_an_anchor(site: dict[str, bytes], pages: dict[str, _Page]) -> None:
    outside = {"index.html", "catalog.json", "assets/site.css", "assets/site.js", "assets/icon.svg"}
    for path, page in pages.items():
        for href in [*page.links, *page.loads]:
            parts = urlsplit(href)
            if parts.scheme:
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path)))
            target = path if not parts.path else target
            assert target in site or target in outside, f"{path}: {href}"
            if parts.fragment and target in pages:
                assert parts.fragment in pages[target].ids, f"{path}: {href}"


def test_pages_say_that_they_are_in_english(site: dict[str, bytes], pages: dict[str, _Page]) -> None:
    for path in pages:
        assert site[path].count(b"<html") == site[path].count(b'<html lang="en">') == 1, path
        assert b'assets/words.js"' not in site[path], path


def test_ids_are_unique_on_a_page(pages: dict[str, _Page]) -> None:
    for path, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), path


def test_the_generated_pages_reach_the_site(site: dict[str, bytes]) -> None:
    rules = site["docs/reference/rules.html"].decode()
    assert all(f'id="{rule}"' in rules for rule in RULES)
    fields = site["docs/reference/model-file.html"].decode()
    assert "<code>normalization:mean</code>" in fields
    assert '<div class="scroll" role="region" tabindex="0" aria-label="Table 1: Keys without a prefix">' in fields


def test_the_same_pages_give_the_same_bytes(site: dict[str, bytes]) -> None:
    assert {a.path: a.content for a in render_docs(ROOT / "mkdocs.yml")} == site


def test_a_broken_link_is_reported(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("# Title\n\n[there](nowhere.md)\n", encoding="utf-8")
    (tmp_path / "theme").mkdir()
    (tmp_path / "theme/main.html").write_text("{{ page.content }}", encoding="utf-8")
    config = "site_name: x\ntheme: {name: null, custom_dir: theme}\nplugins: []\n"
    (tmp_path / "mkdocs.yml").write_text(config, encoding="utf-8")
    with pytest.raises(DocsError, match=r"nowhere\.md"):
        render_docs(tmp_path / "mkdocs.yml")


# --- tables ----------------------------------------------------------------------------------------------------------


def _first_cells(name: str, heading: str = "") -> list[str]:
    """What stands in backticks in the first cells of the table under a heading."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0] if heading else text
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def _library() -> pipeline.Build:
    return pipeline.build(pipeline.Settings(ROOT / "catalog_src", base_url="https://example.org/models"))


def test_the_output_tree_names_every_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    text = "description: An example.\ndlm:outputs: {task: regression}\nassets: {w: {href: w.onnx, roles: [weights]}}\n"
    text += "providers: [{name: Lab, roles: [producer]}]\nsci:citation: Lab (2024).\n"
    text += "dlm:runtime: {framework: ONNX, docker: {image_name: lab/one, tag: '1', working_dir: /w, run: go}}\n"
    text += "links: [{rel: predecessor-version, href: two.json}]\n"
    text += "dlm:inputs: {name: x, input_tensors: {dim: 1, height: 8, width: 8}, selected_band: [0]}\n"
    (tmp_path / "catalog.yml").write_text("exports: [jsonld, ndjson, parquet]\n", encoding="utf-8")
    (tmp_path / "a/one.yml").write_text(text, encoding="utf-8")
    (tmp_path / "a/w.onnx").write_bytes(silent_bytes())
    item = {"stac_version": "1.1.0", "description": "An example.", "dlm:outputs": {"task": "regression"}}
    (tmp_path / "a/two.json").write_text(json.dumps(item), encoding="utf-8")
    settings = pipeline.Settings(tmp_path, base_url="https://example.org", docs=ROOT / "mkdocs.yml")
    result = pipeline.build(settings)
    assert not result.failed
    paths = {artifact.path for artifact in result.artifacts} | {"manifest.json"}
    patterns = []
    everywhere = _first_cells("reference/output.md")
    for cell in everywhere[: -len(_first_cells("reference/output.md", "Large catalogs"))]:
        plain = re.escape(cell).replace(r"\*", ".+")
        plain = plain.replace("<collection>", "a")
        patterns.append(plain.replace("<id>", "(?P<name>one|two)", 1).replace("<id>", "(?P=name)"))
    catch_all = patterns.index("a/(?P<name>one|two)/.+")
    for path in sorted(paths):
        fitting = [p for p in patterns if re.fullmatch(p, path)]
        assert fitting, f"{path} is not documented"
        if fitting == [patterns[catch_all]]:
            assert path == "a/one/w.onnx", f"{path} is not documented"
    assert [p for p in patterns if not any(re.fullmatch(p, path) for path in paths)] == []


def test_the_output_tree_names_every_file_of_a_large_catalog(large: Path) -> None:
    paths = {path.relative_to(large).as_posix() for path in large.rglob("*") if path.is_file()}
    cells = _first_cells("reference/output.md")
    patterns = [
        cell.replace("<n>", r"\d+").replace("<collection>", r"c\d").replace("<id>", r"\w+")
        for cell in (re.escape(cell).replace(r"\*", ".+") for cell in cells)
    ]
    assert [path for path in paths if not any(re.fullmatch(pattern, path) for pattern in patterns)] == []
    added = patterns[-len(_first_cells("reference/output.md", "Large catalogs")) :]
    assert [p for p in added if not any(re.fullmatch(p, path) for path in paths)] == [r"search/collections\.html"]


def test_models_json_is_documented_key_by_key() -> None:
    library = _library().library
    assert library is not None
    (artifact,) = models_json.export(library.entries, library.info).artifacts
    assert isinstance(artifact.content, bytes)
    index = json.loads(artifact.content)
    invented = pipeline.build(pipeline.Settings(ROOT / "tests" / "golden" / "source"))
    index["models"] += find_item(invented, "models.json")["models"]  # a withdrawn one among them
    page = "reference/models-json.md"
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert set(index) | {"parts"} == set(re.findall(r"^\| `(\w+)` \|", text.partition("## A record")[0], re.MULTILINE))
    assert f"`{index['version']}`" in text
    records = set(_first_cells(page, "A record"))
    inputs = set(_first_cells(page, "An input"))
    assert {key for model in index["models"] for key in model} == records
    assert {key for model in index["models"] for entry in model.get("inputs", []) for key in entry} == inputs
    always = set.intersection(*(set(model) for model in index["models"]))
    stated = re.search(r"only (.*?) are\s+always", text.replace("\n", " "))
    assert stated is not None
    assert set(re.findall(r"`(\w+)`", stated[1])) <= always


def test_messages_are_documented_key_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _write("catalog_src/a/b.yml", "description: An example.\n")
    printed = json.loads(CliRunner().invoke(main, ["check", "--format", "json"]).output)
    text = (ROOT / "docs/reference/messages.md").read_text(encoding="utf-8")
    for part, keys in (("diagnostics", set(printed["diagnostics"][0])), ("summary", set(printed["summary"]))):
        section = text.partition(f"## `{part}`\n")[2].partition("\n## ")[0]
        cells = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
        assert {key for cell in cells for key in re.findall(r"`(\w+)`", cell)} == keys


def test_the_stated_limits_are_those_of_the_code() -> None:
    text = (ROOT / "docs/reference/limits.md").read_text(encoding="utf-8")
    stated = (
        f"{document.MAX_BYTES:,} bytes",
        f"{document.MAX_BYTES:,} characters",
        f"{document.MAX_DEPTH} levels",
        f"{document.MAX_NODES:,}",
        f"{MAX_ID} characters",
    )
    for words in stated:
        assert f"| {words} |" in text
    assert plain_yaml.MAX_INT == 2**63 - 1
    assert f"up to {FEED_LENGTH}," in (ROOT / "docs/reference/output.md").read_text(encoding="utf-8")


def test_the_readme_says_how_many_models_there_are() -> None:
    number = len(source.find_source(ROOT / "catalog_src").models)
    assert f"describes {number} real models" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"- {number} models:" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs/decisions/index.md").read_text(encoding="utf-8")
    records = sorted((ROOT / "docs/decisions").glob("0*.md"))
    assert re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", index) == [record.name for record in records]
    for number, record in enumerate(records, 1):
        text = record.read_text(encoding="utf-8")
        assert record.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
