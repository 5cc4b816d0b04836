"""The command `verify`: what is compared, what is told, and with which exit code it ends."""

from __future__ import annotations

import hashlib
import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from nets import CSMASK, needs_csmask, onnx_bytes, safetensors_bytes
from shared import ROOT
from sources import MINIMAL, build_files, write

from builder.cli import main
from builder.output import publish
from builder.weights import MissingExtraError

REMOTE = "assets: {w: {href: https://example.com/a/net.onnx?download=1, roles: [weights], file:size: 1}}\n"
WRONG = "dlm:inputs:\n  input_tensors: {dim: 4}\n"


def verify(*args: object) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, args)])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A local file that agrees, one that does not, and one that is elsewhere."""
    local = "assets: {w: {href: net.onnx, roles: [weights]}}\n"
    return write(tmp_path / "src", {
        "good/good.yml": MINIMAL + "dlm:inputs: {name: image}\n" + local, "good/net.onnx": onnx_bytes(),
        "bad/bad.yml": MINIMAL + WRONG + local, "bad/net.onnx": onnx_bytes(),
        "far/far.yml": MINIMAL + WRONG + REMOTE,
    })  # fmt: skip


def test_each_file_is_told_and_mismatches_at_their_lines(source: Path) -> None:
    done = verify(source)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert "good, w: agrees (format onnx, input names)" in lines
    assert "bad, w: DIFFERS (format onnx, input shapes)" in lines
    assert "not checked (far, w): not here; --weights names a copy, --download fetches it" in lines
    (line,) = [line for line in lines if "error[weights-shape]" in line]
    assert (
        "bad/bad.yml:4:24: error[weights-shape] dim is 4, but the input “image” of net.onnx is n × 3 × 64 × 64" in line
    )
    assert done.stderr.endswith("3 files: 1 agree, 1 differ, 1 not checked.\n")


def test_a_build_refuses_what_verify_refuses_and_needs_no_option(source: Path) -> None:
    done = CliRunner().invoke(main, ["build", str(source), "-o", str(source.parent / "site"), "--no-docs"])
    assert done.exit_code == 1
    assert "error[weights-shape]" in done.stdout


def test_what_is_not_here_is_no_fault(source: Path) -> None:
    done = verify(source / "far" / "far.yml")
    assert done.exit_code == 0
    assert "0 errors" in done.stderr


def test_a_copy_of_a_remote_file_is_found_by_its_name(source: Path, tmp_path: Path) -> None:
    write(tmp_path, {"copies/net.onnx": onnx_bytes(), "copies/other.txt": "x", "any.bin": onnx_bytes()})
    far = source / "far" / "far.yml"
    for copy in (tmp_path / "copies/net.onnx", tmp_path / "copies", tmp_path / "any.bin"):
        done = verify(far, "--weights", copy)
        assert done.exit_code == 1
        assert "file:size is stated as 1" in done.stdout
        assert "error[weights-shape]" in done.stdout


def test_a_copy_that_belongs_nowhere_or_to_many_is_wrong_usage(source: Path, tmp_path: Path) -> None:
    write(tmp_path, {"other.onnx": onnx_bytes(), "net.onnx": onnx_bytes()})
    done = verify(source, "--weights", tmp_path / "other.onnx")
    assert (done.exit_code, "no asset has that name" in done.stderr) == (2, True)
    done = verify(source, "--weights", tmp_path / "net.onnx")
    assert (done.exit_code, "3 assets have that name" in done.stderr) == (2, True)


def test_a_built_site_is_verified_as_its_source(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "c/a.yml": MINIMAL + "dlm:inputs: {name: image}\nassets: {w: {href: net.onnx, roles: [weights]}}\n",
        "c/net.onnx": onnx_bytes(),
        "c/b.yml": MINIMAL + REMOTE,
    }
    made = build_files(tmp_path / "src", files)
    publish(made.artifacts, tmp_path / "site")
    done = verify(tmp_path / "site")
    assert done.exit_code == 0, done.output
    assert "a, w: agrees (size, checksum, format onnx, input names)" in done.stdout
    assert "not checked (b, w)" in done.stdout
    (tmp_path / "site/c/a/net.onnx").write_bytes(onnx_bytes(["n", 4, 8, 8]))
    done = verify(tmp_path / "site")
    assert done.exit_code == 1
    assert done.stdout.count("error[file-checksum]") == 2


def test_a_collection_folder_is_verified_with_what_it_inherits(source: Path) -> None:
    (source / "bad/collection.yml").write_text("title: Bad\ndefaults: {license: MIT}\n")
    done = verify(source / "bad")
    assert done.stdout.count("error[") == 1
    assert "1 file: 0 agree, 1 differ" in done.stderr


def test_findings_come_in_every_form(source: Path) -> None:
    found = json.loads(verify(source, "--format", "json").stdout)
    assert [finding["rule"] for finding in found["diagnostics"]] == ["weights-shape"]
    assert found["summary"]["models"] == 3
    assert "weights-shape" in verify(source, "--format", "sarif").stdout
    assert verify(source, "--format", "github").stdout.startswith("::error file=")


def test_a_missing_extra_is_an_exit_code_of_its_own(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: Any) -> Any:
        raise MissingExtraError("onnx")

    monkeypatch.setattr("builder.source.read_signature", missing)
    done = verify(source)
    assert done.exit_code == 4
    assert "pip install 'dlm-catalog[onnx]'" in done.stderr
    checked = CliRunner().invoke(main, ["check", str(source)])
    assert checked.exit_code == 0
    assert checked.stdout.count("note[weights-unchecked]") == 2


def test_strict_fails_on_warnings(tmp_path: Path) -> None:
    text = MINIMAL + "dlm:inputs: {name: x}\nassets: {w: {href: net.onnx, roles: [weights]}}\n"
    file = write(tmp_path, {"c/a.yml": text, "c/net.onnx": onnx_bytes()}) / "c/a.yml"
    assert [verify(file).exit_code, verify(file, "--strict").exit_code] == [0, 1]


def test_a_waived_difference_is_told_and_does_not_fail(tmp_path: Path) -> None:
    text = MINIMAL + (
        "dlm:architecture:\n  # catalog: ignore[weights-parameters] the file was optimised\n"
        "  total_nb_parameters: 99\nassets: {w: {href: net.safetensors, roles: [weights]}}\n"
    )
    text = text.replace("dlm:architecture: {type: CNN}\n", "")
    file = write(tmp_path, {"c/a.yml": text, "c/net.safetensors": safetensors_bytes()}) / "c/a.yml"
    done = verify(file)
    assert done.exit_code == 0, done.output
    assert "a, w: DIFFERS (format safetensors, parameters)" in done.stdout


def test_a_site_whose_index_leads_out_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"catalog.json": "{}", "models.json": '{"models": [{"href": "../../etc/passwd"}]}'})
    assert verify(tmp_path).exit_code == 2
    (tmp_path / "models.json").write_text("[]")
    assert verify(tmp_path).exit_code == 2


@needs_csmask
def test_the_real_networks_agree_with_the_catalog() -> None:
    done = verify(ROOT / "catalog_src", "--weights", CSMASK)
    assert done.exit_code == 0, done.output
    assert sum(": agrees (size, checksum, format onnx," in line for line in done.stdout.splitlines()) == 4
    assert "8 agree, 0 differ, 123 not checked." in done.stderr


def test_what_is_downloaded_is_compared(source: Path, tmp_path: Path) -> None:
    """The server is a real one on this machine; what it sends is kept under its checksum."""
    content = onnx_bytes()
    digest = hashlib.sha256(content).hexdigest()
    write(tmp_path, {"served/net.onnx": content})
    handler = partial(QuietHandler, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/net.onnx"
        asset = f"{{href: '{url}', roles: [weights], file:checksum: '1220{digest}'}}"
        write(source, {"far/far.yml": MINIMAL + f"dlm:inputs: {{name: image}}\nassets: {{w: {asset}}}\n"})
        done = verify(source / "far", "--download", "--cache", tmp_path / "cache")
        server.shutdown()
        thread.join()
    assert done.exit_code == 0, done.output
    assert "far, w: agrees (checksum, format onnx, input names)" in done.stdout
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [digest]
    again = verify(source / "far", "--download", "--cache", tmp_path / "cache")
    assert "far, w: agrees" in again.stdout


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...
