"""Hostile source folders through the command line: a message, or a site that is safe, in seconds and bounded memory,
and the previous site stays as it was where there is an error."""

from __future__ import annotations

import ctypes
import html
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from shared import ROOT
from sources import MINIMAL, write
from test_source import DEEP, deep

resource: Any = pytest.importorskip("resource", reason="memory is bounded by a limit that only POSIX has")

MEMORY = 1536 * 1024**2
SECONDS = 20
MODEL = "catalog_src/land/net.yml"


@dataclass(frozen=True)
class Result:
    """What a command said: exit code, findings, and everything it printed."""

    code: int
    findings: list[dict[str, Any]]
    printed: str

    @property
    def rules(self) -> set[str]:
        """The rules of the errors and warnings."""
        return {found["rule"] for found in self.findings if found["severity"] != "note"}


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _as_anyone() -> None:
    """Without root's right to read what is closed: https://man7.org/linux/man-pages/man7/capabilities.7.html."""
    _limit()
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def run(folder: Path, *arguments: str, before: Any = _limit) -> Result:
    """A command in a folder, with bounded memory and time; a traceback fails the test."""
    done = subprocess.run(
        [sys.executable, "-c", "from builder.cli import main; main()", *arguments],
        cwd=folder, capture_output=True, timeout=SECONDS, check=False, preexec_fn=before,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    printed = (done.stdout + done.stderr).decode("utf-8", "backslashreplace")
    assert "Traceback" not in printed, printed[-3000:]
    assert 0 <= done.returncode <= 4, printed[-3000:]
    findings = json.loads(done.stdout)["diagnostics"] if b'"diagnostics"' in done.stdout else []
    return Result(done.returncode, findings, printed)


def check(folder: Path, files: Mapping[str, str | bytes] | None = None, **more: Any) -> Result:
    """What `check` says of these files."""
    return run(write(folder, files or {}), "check", "--format", "json", **more)


def build(folder: Path, files: Mapping[str, str | bytes] | None = None, *arguments: str) -> Result:
    """What `build` says of these files."""
    return run(write(folder, files or {}), "build", "--format", "json", *arguments)


def check_each(folder: Path, texts: Mapping[str, str | bytes], suffix: str = ".yml") -> dict[str, set[str]]:
    """The rules of the errors in each text, as a model file of its own, all checked by one command."""
    paths = {f"catalog_src/land/{number}{suffix}": name for number, name in enumerate(texts)}
    result = check(folder, {path: texts[name] for path, name in paths.items()})
    assert result.code == 1
    rules: dict[str, set[str]] = {name: set() for name in texts}
    for found in result.findings:
        if found["severity"] == "error" and found["file"] in paths:
            rules[paths[found["file"]]].add(found["rule"])
    return rules


def snapshot(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- files that cost -------------------------------------------------------------------------------------------------


def bomb(levels: int) -> str:
    """Aliases of aliases: ten times as many values with each level."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    return "\n".join(lines + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)])


def listed(text: str, number: int) -> str:
    """A list in which the text stands that often."""
    return f"[{', '.join([text] * number)}]"


REFUSED: dict[str, str | bytes] = {
    "alias bomb": bomb(10),
    "long aliases": f"a: &long {'x' * 100_000}\nb: {listed('*long', 100)}\n",
    "alias of itself": "a: &a [*a]\n",
    **{f"100,000 deep: {form}": deep(form, 100_000) for form in DEEP},
    "50 MB": b"description: " + b"x" * 50_000_000,
    "millions of values": f"a: {listed('a', 1_500_000)}",
    "millions of lists": f"a: {listed('[]', 1_200_000)}",
    "millions of lines": "- a\n" * 1_200_000,
    "not UTF-8": b"description: \xff\xfe",
    "UTF-16": "description: x".encode("utf-16"),
    "NUL": "description: a\0b",
    "control character": "description: a\x1bb",
    "Python object": "description: !!python/object/apply:os.system ['touch owned']\n",
    "Python name": "description: !!python/name:os.system\n",
    "tag prefix": "%TAG !! tag:yaml.org,2002:python/\n---\na: !!object/apply:os.system [touch owned]\n",
    "own tag": "description: !evil x\n",
    "binary": "description: !!binary aGk=\n",
    "YAML 2": "%YAML 2.0\n---\ndescription: x\n",
    "several documents": f"{MINIMAL}---\n{MINIMAL}",
    "nothing but a tag": "!!map",
    "key that is a list": "? [a]\n: b\n",
}
JSON_REFUSED: dict[str, str | bytes] = {
    "100,000 deep": '{"dlm:x": ' + "[" * 100_000,
    "millions of values": '{"dlm:x": [' + "1," * 2_400_000 + "1]}",
    "duplicates": '{"dlm:x": 1, "dlm:x": 2}',
    "half of a character": '{"dlm:x": "\\ud83d"}',
    "huge number": '{"description": "x", "dlm:inputs": {"scaling_factor": 1e999}}',
}


def test_hostile_files_are_findings(tmp_path: Path) -> None:
    rules = check_each(tmp_path, REFUSED)
    assert {name: found for name, found in rules.items() if found != {"yaml-syntax"}} == {
        "nothing but a tag": {"value-type"},
    }
    assert [path.name for path in tmp_path.iterdir()] == ["catalog_src"], "nothing was executed"


def test_hostile_json_files_are_findings(tmp_path: Path) -> None:
    assert check_each(tmp_path, JSON_REFUSED, ".json") == {
        "100,000 deep": {"yaml-syntax"}, "millions of values": {"yaml-syntax"}, "half of a character": {"yaml-syntax"},
        "duplicates": {"key-duplicate", "key-unknown", "value-missing"}, "huge number": {"value-type"},
    }  # fmt: skip


@pytest.mark.parametrize("place", ["catalog.yml", "land/collection.yml"])
@pytest.mark.parametrize("name", ["alias bomb", "100,000 deep: flow list", "millions of values", "Python object"])
def test_a_hostile_settings_file_is_a_finding(tmp_path: Path, place: str, name: str) -> None:
    result = check(tmp_path, {f"catalog_src/{place}": REFUSED[name], MODEL: MINIMAL})
    assert result.code == 1
    assert {found["file"] for found in result.findings if found["severity"] == "error"} == {f"catalog_src/{place}"}


MANY: dict[str, str] = {
    "unknown keys": "".join(f"k{n}: 1\n" for n in range(20_000)),
    "unknown keys on one line": "dlm:data: {" + ", ".join(f"k{n}: 1" for n in range(20_000)) + "}\n",
    "ambiguous values": f"keywords: {listed('010', 20_000)}\n",
    "wrong kinds": f"dlm:inputs: {{normalization:mean: {listed('x', 20_000)}}}\n",
    "classes": f"dlm:outputs: {{class_name_mapping: {listed('{index: -1, class_name: a}', 8_000)}}}\n",
    "names of classes": f"dlm:outputs: {{class_name_mapping: {listed('a', 20_000)}}}\n",
    "missing files": "assets:\n" + "".join(f"  a{n}: {{href: b{n}.onnx}}\n" for n in range(8_000)),
    "empty keys": "acme:x:\n" + "".join(f"  k{n}:\n" for n in range(20_000)),
    "equal keys": "acme:x: 1\n" * 20_000,
    "waivers": "# catalog: ignore[mean-range] why\n" * 100_000,
    "waivers of no rule": "# catalog: ignore[" + "nothing," * 500_000 + "] why\n",
}


@pytest.mark.parametrize("name", MANY)
def test_very_many_findings_are_told_within_seconds(tmp_path: Path, name: str) -> None:
    result = check(tmp_path, {MODEL: MINIMAL + MANY[name]})
    assert result.code == 1
    assert len(result.findings) < 2_100
    assert result.rules & {"findings-more", "waiver-invalid"}


NUMBERS = f"""\
dlm:outputs:
  number_of_classes: {2**63 - 1}
  final_layer_size: {listed(str(2**63 - 1), 4)}
  dont_care_index: -{10**18}
dlm:inputs: {{input_tensors: {{dim: {2**63 - 1}, height: {2**62}, width: {2**62}}}, scaling_factor: 1e308}}
dlm:architecture: {{total_nb_parameters: {2**63 - 1}, estimated_total_size_mb: 1e300}}
acme:many: [{"9" * 4_000}, 1e-400, 0x{"f" * 15}, -0.0]
gsd: 1e300
"""
LONG: dict[str, str] = {
    "title": f"title: {'x' * 4_900_000}\n",
    "license": f"license: {'x' * 4_900_000}\n",
    "handler": f"dlm:runtime: {{framework: x, model_handler: '{'a.' * 2_400_000}'}}\n",
    "brackets": f"card: {{limitations: '{'[' * 50_000}'}}\n",
    "links": f"card: {{limitations: '{'[a](' * 50_000}'}}\n",
    "images": f"card: {{limitations: '{'![a](' * 30_000}'}}\n",
    "quotes": f"card: {{limitations: '{'> ' * 20_000}'}}\n",
    "lists": "card:\n  limitations: |\n" + "".join(f"    {'    ' * n}- a\n" for n in range(500)),
    "headings": "card:\n  limitations: |\n" + "    # a\n" * 30_000,
    "lines": f'card: {{limitations: "a{chr(92)}n{(chr(92) + "n") * 400_000}b"}}\n',
    "bands": "eo:bands:\n" + "".join(f"  - {{name: b{n}, center_wavelength: 0.5}}\n" for n in range(4_000)),
    "classes": f"dlm:outputs: {{class_name_mapping: [{', '.join(f'c{n}' for n in range(4_000))}]}}\n",
    "layers": "dlm:architecture:\n  summary: |\n" + "    Conv2d-1   [-1, 64]   9,408\n" * 100_000,
}


@pytest.mark.parametrize("half", [0, 1])
def test_long_texts_are_published_within_seconds(tmp_path: Path, half: int) -> None:
    files = {}
    for name in list(LONG)[half::2]:
        base = "description: x\n" if "dlm:architecture" in LONG[name] else MINIMAL
        files[f"catalog_src/land/{name}.yml"] = base + LONG[name]
    assert build(tmp_path, files).code == 0


def test_huge_numbers_are_published_or_told(tmp_path: Path) -> None:
    assert build(tmp_path, {MODEL: "description: x\n" + NUMBERS}).code in (0, 1)


# --- what leads out --------------------------------------------------------------------------------------------------

UP = "../../../../../../../../../../etc/passwd"
PATHS: dict[str, str] = {
    "id": f"id: {UP}\n",
    "id with an absolute path": "id: /etc/passwd\n",
    "id with a backslash": "id: ..\\x\n",
    "id with dots": "id: ..\n",
    "collection": f"collection: {UP}\n",
    "asset": f"assets: {{a: {{href: {UP}}}}}\n",
    "asset, escaped": f"assets: {{a: {{href: '{UP.replace('/', '%2f').replace('.', '%2e')}'}}}}\n",
    "asset, absolute": "assets: {a: {href: /etc/passwd}}\n",
    "asset, file": "assets: {a: {href: file:///etc/passwd}}\n",
    "asset, NUL": "assets: {a: {href: net.onnx%00.txt}}\n",
    "predecessor": f"links: [{{rel: predecessor-version, href: {UP}}}]\n",
    "link": f"links: [{{rel: about, href: {UP}}}]\n",
    "reference": "$ref: file:///etc/passwd\n",
    "reference inside": "dlm:data: {$ref: /etc/passwd}\n",
    "schema": "$schema: file:///etc/passwd\n",
    "device": "id: nul.net\n",
    "device of a collection": "collection: aux\n",
    "homoglyphs": "id: раyраl\n",
    "full width": "id: ｎｅｔ\n",
    "invisible": 'id: "net\\u200b"\n',
    "bidirectional": 'id: "net\\u202etxt"\n',
    "line break": 'id: "a\\nb"\n',
    "long": f"id: {'a' * 300}\n",
}


def test_paths_that_lead_out_are_findings(tmp_path: Path) -> None:
    rules = check_each(tmp_path, {name: MINIMAL + text for name, text in PATHS.items()})
    assert [name for name, found in rules.items() if not found] == []
    assert set().union(*rules.values()) == {"id-unsafe", "link-broken", "key-unknown"}


def test_a_reference_in_another_extension_is_text(tmp_path: Path) -> None:
    assert build(tmp_path, {MODEL: f"{MINIMAL}acme:x: {{$ref: 'file:///etc/passwd'}}\n"}).code == 0
    assert b"root:" not in b"".join(snapshot(tmp_path / "site").values())


def test_ids_that_differ_in_case_only_are_a_finding(tmp_path: Path) -> None:
    files = {MODEL: MINIMAL, "catalog_src/land/NET.yml": MINIMAL, "catalog_src/Land/one.yml": MINIMAL}
    assert check(tmp_path, files).rules == {"id-duplicate"}


NAMES = ["aux.onnx", "a:b/net.onnx", 'a"b.onnx', "a\nb.onnx", "a\u202eb.onnx", "a\\b.onnx", "net.", "a?b.onnx"]


def test_files_that_some_systems_cannot_store_are_findings(tmp_path: Path) -> None:
    texts = {}
    for name in NAMES:
        href = "".join(f"%{byte:02x}" for byte in name.encode())
        texts[name] = f"{MINIMAL}assets: {{a: {{href: '{href}'}}}}\n"
    write(tmp_path, {f"catalog_src/land/{name}": "x" for name in NAMES})
    assert check_each(tmp_path, texts) == {name: {"asset-name"} for name in NAMES}


def test_files_that_some_systems_take_for_one_are_findings(tmp_path: Path) -> None:
    texts = {}
    for one, two in [("caf\u00e9.bin", "cafe\u0301.bin"), ("ss.bin", "ß.bin"), ("a.bin", "A.bin")]:
        texts[one] = f"{MINIMAL}assets: {{a: {{href: {json.dumps(one)}}}, b: {{href: {json.dumps(two)}}}}}\n"
        write(tmp_path, {f"catalog_src/land/{one}": "1", f"catalog_src/land/{two}": "2"})
    assert check_each(tmp_path, texts) == {name: {"asset-name"} for name in texts}


def test_folders_with_odd_names_are_findings(tmp_path: Path) -> None:
    names = ["<b>x", "a\nb", "a'b\"c", "\u202eabc", "con", "docs", " ", os.fsdecode(b"\xff"), "{{ 7*7 }}"]
    for name in names:
        (tmp_path / "catalog_src" / name).mkdir(parents=True)
        (tmp_path / "catalog_src" / name / "net.yml").write_text(MINIMAL + f"id: net-{names.index(name)}\n")
    result = check(tmp_path)
    assert result.rules == {"id-unsafe"}
    assert len([found for found in result.findings if found["severity"] == "error"]) == len(names)
    assert all(char.isprintable() or char == "\n" for char in run(tmp_path, "check").printed)


# --- what lies in the folder -----------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A source folder with one model, in a folder of its own."""
    write(tmp_path, {MODEL: MINIMAL})
    return tmp_path / "catalog_src"


def test_symbolic_links_that_lead_out_are_told_and_not_followed(folder: Path) -> None:
    write(folder.parent, {"secret.yml": "secret: x", "secrets/a.yml": "secret: x"})
    (folder / "land" / "out.yml").symlink_to(folder.parent / "secret.yml")
    (folder / "land" / "passwd").symlink_to("/etc/passwd")
    (folder / "land" / "zero.yml").symlink_to("/dev/zero")
    (folder / "land" / "up").symlink_to(folder.parent / "secrets")
    (folder / "land" / "again").symlink_to(folder)
    (folder / "land" / "loop.yml").symlink_to("loop.yml")
    (folder / "land" / "nowhere.yml").symlink_to("nothing.yml")
    (folder / "collection.yml").symlink_to("/etc/hostname")
    result = check(folder.parent)
    assert result.rules == {"file-unknown"}
    assert len([found for found in result.findings if found["severity"] == "error"]) == 8
    assert "secret: x" not in result.printed


def test_pipes_and_sockets_are_told_and_not_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pipe.yml", "collection.yml", "pipe.json", "weights.onnx"):
        os.mkfifo(folder / "land" / name)
    os.mkfifo(folder / "catalog.yml")
    monkeypatch.chdir(folder / "land")  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.yml")
        result = check(folder.parent)
    errors = [found for found in result.findings if found["severity"] == "error"]
    assert {found["rule"] for found in errors} == {"file-unknown"}
    assert len(errors) == 6
    assert run(folder.parent, "check", "catalog_src/land/pipe.yml").code == 2


def test_what_cannot_be_read_is_told(folder: Path) -> None:
    write(folder, {"land/closed.yml": MINIMAL, "land/closed.json": "{}", "sea/net.yml": MINIMAL})
    for path, mode in (("land/closed.yml", 0), ("land/closed.json", 0), ("sea", 0)):
        (folder / path).chmod(mode)
    try:
        result = check(folder.parent, before=_as_anyone)
    finally:
        (folder / "sea").chmod(0o755)
    errors = {found["file"]: found["message"] for found in result.findings if found["severity"] == "error"}
    assert set(errors) == {"catalog_src/land/closed.yml", "catalog_src/land/closed.json", "catalog_src/sea"}
    assert all("cannot be read: Permission denied" in message for message in errors.values())


def test_ten_thousand_files_are_told_within_seconds(folder: Path) -> None:
    for number in range(10_000):
        (folder / "land" / f"file {number}.txt").touch()
    assets = "assets:\n" + "".join(f"  a{n}: {{href: fi1e{n}.txt}}\n" for n in range(900))
    write(folder, {"land/net.yml": MINIMAL + assets})
    result = check(folder.parent)
    assert result.rules == {"link-broken"}, "what the model names is not known, so no file is called unknown"
    write(folder, {"land/net.yml": MINIMAL})
    assert len(check(folder.parent).findings) > 10_000


def test_a_thousand_nested_folders_are_walked(folder: Path) -> None:
    folders = [str(folder)]
    for _ in range(1_200):
        folders.append(f"{folders[-1]}/d")
        os.mkdir(folders[-1])  # noqa: PTH102  pathlib recurses
    deepest = Path(folders[-1], "deep.yml")
    deepest.write_text(MINIMAL)
    try:
        assert check(folder.parent).code == 0
        assert run(folder.parent, "check", str(deepest)).code == 0
    finally:  # what pytest has to remove, it removes by recursion
        deepest.unlink()
        for made in reversed(folders[1:]):
            os.rmdir(made)  # noqa: PTH106


def test_a_file_name_may_hold_anything(folder: Path) -> None:
    for name in ("a\nb.yml", "a'b\".yml", "\u202ea.yml", "\x1b[31m.yml", "<b>.yml", "{{ 7*7 }}.yml"):
        write(folder, {f"land/{name}": MINIMAL})
    (folder / "land" / os.fsdecode(b"\xff.yml")).write_text(MINIMAL)
    assert check(folder.parent).rules == {"id-unsafe"}
    for form in ("text", "github", "sarif"):
        printed = run(folder.parent, "check", "--format", form).printed
        assert form == "sarif" or all(char.isprintable() or char == "\n" for char in printed), form


# --- what reaches the pages ------------------------------------------------------------------------------------------

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"' {{ 7*191 }} {% raw %} ]]> \u202e &amp;"
CODE = "javascript:alert(3)"


def quoted(text: str) -> str:
    """The text in the quotes of YAML."""
    return json.dumps(text)


URLS: dict[str, str] = {
    "provider": f"providers: [{{name: a, url: '{CODE}'}}]\n",
    "example": f"dlm:data: {{item_examples: [{{title: a, url: '{CODE}'}}]}}\n",
    "test file": "dlm:data: {test_file: 'data:text/html,x'}\n",
    "requirements": f"dlm:runtime: {{framework: x, requirement_file: '{CODE}'}}\n",
    "code": f"dlm:runtime: {{framework: x, model_src_url: '{CODE}'}}\n",
    "docker file": f"dlm:runtime: {{docker: {{docker_file: '{CODE}'}}}}\n",
    "metric": f"card: {{metrics: [{{name: a, value: 1, source: '{CODE}'}}]}}\n",
    "asset": f"assets: {{a: {{href: '{CODE}'}}}}\n",
    "alternate": f"assets: {{a: {{href: https://x.example/a, alternate: {{b: {{href: '{CODE}'}}}}}}}}\n",
    "link": "links: [{rel: license, href: 'data:text/html,x'}]\n",
    "hidden": 'links: [{rel: license, href: " java\\tscript:alert(1)"}]\n',
    "other extension": f"acme:x: [{{url: '{CODE}'}}]\n",
    "DOI": f"sci:doi: '{CODE}'\n",
}


URL_RULES = {"url-unsafe", "link-broken", "source-url", "value-format", "doi-syntax"}


def test_addresses_that_carry_code_are_findings(tmp_path: Path) -> None:
    rules = check_each(tmp_path, {name: MINIMAL + text for name, text in URLS.items()})
    assert [name for name, found in rules.items() if not found] == []
    assert set().union(*rules.values()) == URL_RULES - {"value-format"}


@pytest.mark.parametrize("name", ["catalog.yml", "land/collection.yml"])
def test_addresses_that_carry_code_are_findings_in_settings(tmp_path: Path, name: str) -> None:
    text = f"providers: [{{name: a, url: '{CODE}'}}]\nlinks: [{{rel: x, href: '{CODE}'}}]\n"
    if name == "catalog.yml":
        text += f"base_url: '{CODE}'\nsource_url: '{CODE}'\nissues_url: '{CODE}'\n"
    result = check(tmp_path, {MODEL: MINIMAL, f"catalog_src/{name}": text})
    places = [(found["rule"], found["line"]) for found in result.findings if found["severity"] == "error"]
    wanted = [("url-unsafe", 1), ("link-broken", 2)] + [("value-format", line) for line in (3, 4, 5)]
    assert places == wanted[: len(text.splitlines())]


def evil_model() -> dict[str, Any]:
    """A model with markup in every text that may be any text."""
    return {
        "title": EVIL, "description": EVIL + f" [click]({CODE}) <a href='{CODE}'>x</a>", "keywords": [EVIL],
        "version": EVIL, "platform": EVIL, "constellation": EVIL, "mission": EVIL, "instruments": [EVIL],
        "providers": [{"name": EVIL, "description": EVIL, "url": "https://x.example/" + EVIL}],
        "eo:bands": [{"name": EVIL, "description": EVIL, "center_wavelength": 0.5}],
        "sci:citation": EVIL, "sci:publications": [{"citation": EVIL}],
        "dlm:data": {"test_file": EVIL, "item_examples": [{"title": EVIL, "url": "https://x.example/" + EVIL}],
                     "useful_bands": [{"index": 0, "name": EVIL, "description": EVIL}]},
        "dlm:inputs": {"name": EVIL, "selected_band": [0], "pre_processing_function": EVIL,
                       "normalization:mean": [1], "normalization:std": [1]},
        "dlm:architecture": {"type": EVIL, "summary": EVIL, "pretrained": EVIL},
        "dlm:runtime": {"framework": EVIL, "version": EVIL, "model_handler": EVIL, "requirement_file": EVIL,
                        "docker": {"image_name": EVIL, "run": EVIL, "working_dir": EVIL, "tag": EVIL}},
        "dlm:outputs": {"task": "classification", "post_processing_function": EVIL,
                        "class_name_mapping": [{"index": 0, "class_name": EVIL, "description": EVIL}]},
        "dlm:archive": [{"name": EVIL, "role": [EVIL]}],
        "acme:x": {EVIL: [EVIL, {"deep": EVIL}]},
        "assets": {EVIL: {"href": "https://x.example/a.onnx", "title": EVIL, "description": EVIL, "type": EVIL,
                          "roles": ["weights", EVIL]}},
        "links": [{"rel": "about", "href": "https://x.example/" + quote_spaces(EVIL), "title": EVIL}],
        "card": {"intended_use": EVIL, EVIL: EVIL,
                 "metrics": [dict.fromkeys(("name", "value", "unit", "dataset", "split", "source"), EVIL)]},
    }  # fmt: skip


def quote_spaces(text: str) -> str:
    """The text without what an address cannot have at all."""
    return re.sub(r"\s", "", text)


class _Tags(HTMLParser):
    """The tags of a page that run something, or would with another policy."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.texts: list[str] = []
        self.data: list[str] = []
        self.in_data = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            plain = re.sub(r"[\x00-\x20]", "", value or "").lower()
            if name.startswith("on") or name == "style" or plain.startswith(("javascript:", "vbscript:", "data:text")):
                self.faults.append(f"{tag} {name}={value}")
            if tag == "script" and name == "src" and "://" in plain:
                self.faults.append(f"script from {value}")
        # A script of this type is data, which no browser runs.
        self.in_data = tag == "script" and dict(attrs).get("type") == "application/ld+json"
        runs = tag == "script" and not dict(attrs).get("src") and not self.in_data
        if tag in ("iframe", "object", "embed", "base", "form") or runs:
            self.faults.append(tag)

    def handle_data(self, data: str) -> None:
        (self.data if self.in_data else self.texts).append(data)
        self.in_data = False


@pytest.fixture(scope="module")
def evil_site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The site of a model, a collection and a catalog with markup in every text."""
    folder = tmp_path_factory.mktemp("evil")
    about = {"title": EVIL, "description": EVIL, "keywords": [EVIL], "providers": [{"name": EVIL, "description": EVIL}]}
    result = build(
        folder,
        {
            MODEL: json.dumps(evil_model()), "catalog_src/land/other.yml": json.dumps(evil_model()),
            "catalog_src/catalog.yml": json.dumps({**about, "base_url": "https://x.example/models"}),
            "catalog_src/land/collection.yml": json.dumps(about),
        },
    )  # fmt: skip
    assert result.code == 0, [found for found in result.findings if found["severity"] == "error"]
    return snapshot(folder / "site")


def test_markup_in_any_text_is_shown_and_not_obeyed(evil_site: dict[str, bytes]) -> None:
    pages = {path: content.decode() for path, content in evil_site.items() if path.endswith(".html")}
    assert {"index.html", "land/index.html", "land/net/index.html"} <= set(pages)
    for path, text in pages.items():
        page = _Tags(text)
        assert page.faults == [], path
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path
        assert "1337" not in text, f"{path}: a template evaluated what a model says"
        for data in page.data:
            assert "<" not in data, f"{path}: data could end the element that it stands in"
            assert json.loads(data)["@context"]
    assert any(_Tags(text).data for text in pages.values())
    assert "<script>alert(1)</script>" in "".join(_Tags(pages["land/net/index.html"]).texts)


def test_templates_in_any_text_are_text(evil_site: dict[str, bytes]) -> None:
    for path, content in evil_site.items():
        assert b"1337" not in content or path.startswith(("assets/", "schemas/")), path
    assert b"{{ 7*191 }}" in evil_site["land/net/index.html"]


def test_feed_and_site_map_are_well_formed_in_spite_of_markup(evil_site: dict[str, bytes]) -> None:
    from xml.etree import ElementTree

    for path, content in evil_site.items():
        if path.endswith(".xml"):
            ElementTree.fromstring(content)  # noqa: S314  our own
            assert b"<script" not in content


def test_scripts_of_the_site_hold_data_that_cannot_end_them(evil_site: dict[str, bytes]) -> None:
    for path, content in evil_site.items():
        if path.endswith(".js"):
            assert b"</script" not in content, path


def test_the_policy_is_on_every_page(evil_site: dict[str, bytes]) -> None:
    policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"
    for path, content in evil_site.items():
        if path.endswith(".html"):
            assert policy in html.unescape(content.decode()), path


# --- templates, and the previous site --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../../../../etc/passwd", "/etc/passwd", "..\\secret.html", "default/../../x", "card.html/.."]
)
def test_a_template_cannot_include_what_is_not_a_template(folder: Path, name: str) -> None:
    write(folder.parent, {"own/card.html": f"{{% include {name!r} %}}", "secret.html": "secret: x"})
    result = build(folder.parent, {}, "--templates", "own")
    assert result.code == 2
    assert "TemplateNotFound" in result.printed
    assert not (folder.parent / "site").exists()


def test_templates_that_lead_out_are_refused(folder: Path) -> None:
    write(folder.parent, {"own/static/site.css": ""})
    (folder.parent / "own" / "static" / "passwd.css").symlink_to("/etc/passwd")
    result = build(folder.parent, {}, "--templates", "own")
    assert result.code == 2
    assert "leads out of the folder of templates" in result.printed


def test_templates_with_pipes_do_not_hang(folder: Path) -> None:
    (folder.parent / "own").mkdir()
    os.mkfifo(folder.parent / "own" / "card.html")
    assert build(folder.parent, {}, "--templates", "own").code == 0


HARMFUL = {
    "bomb": bomb(10), "tag": "a: !!python/object:x {}", "path": MINIMAL + PATHS["asset"],
    "code": MINIMAL + URLS["link"],
    "many": MINIMAL + MANY["unknown keys"],
}  # fmt: skip


def test_the_previous_site_stays_as_it_was(folder: Path) -> None:
    assert build(folder.parent).code == 0
    before = snapshot(folder.parent / "site")
    for text in HARMFUL.values():
        result = build(folder.parent, {"catalog_src/land/second.yml": text})
        assert result.code == 1
        assert snapshot(folder.parent / "site") == before


def test_a_folder_that_holds_nothing_is_no_catalog(tmp_path: Path) -> None:
    (tmp_path / "catalog_src").mkdir()
    assert check(tmp_path).code == 3


@pytest.fixture(autouse=True)
def soon() -> Iterator[None]:
    """Every test is over within seconds, whatever it starts."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 2 * SECONDS
