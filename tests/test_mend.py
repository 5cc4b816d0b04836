"""`check --fix` and `check --diff`: which files are touched, how they are written, and what is said."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from shared import ROOT
from sources import MINIMAL, write

from builder import mend, pipeline
from builder.cli import main
from builder.diagnostic import Diagnostic, Edit, Span
from builder.source import SourceFile

DRAFT = MINIMAL + "license: mit\ndlm:data: {data_type: uint8}\n"
TODAY = MINIMAL + "license: MIT\ndlm:data: {dtype: uint8}\n"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `check` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def invoke(*args: str) -> Result:
        result = CliRunner().invoke(main, ["check", *args])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return invoke


def texts(folder: str | Path) -> dict[str, str]:
    root = Path(folder)
    return {p.relative_to(root).as_posix(): p.read_bytes().decode() for p in sorted(root.rglob("*")) if p.is_file()}


def apply_patch(files: dict[str, str], patch: str) -> dict[str, str]:
    """The files with a unified diff applied: what `patch -p1` does, for diffs that fit exactly."""
    result = dict(files)
    for part in re.split(r"^(?=--- a/)", patch, flags=re.MULTILINE)[1:]:
        old_name, new_name, body = part.split("\n", 2)
        name = old_name.removeprefix("--- a/")
        assert new_name == f"+++ b/{name}"
        lines, made, position = re.findall(r"[^\n]*\n|[^\n]+", result[name]), [], 0
        for hunk in re.split(r"^(?=@@ )", body, flags=re.MULTILINE)[1:]:
            head, rest = hunk.split("\n", 1)
            start = int(re.fullmatch(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@", head)[1]) - 1  # type: ignore[index]
            made += lines[position:start]
            position = start
            for line in re.findall(r"^[ +-][^\n]*(?:\n(?!\\)|(?=\n\\))", rest, re.MULTILINE):
                if line[0] in " -":
                    assert lines[position] == line[1:]
                    position += 1
                if line[0] in " +":
                    made.append(line[1:])
        result[name] = "".join([*made, *lines[position:]])
    return result


# --- what is mended --------------------------------------------------------------------------------------------------


def test_files_of_a_folder_are_mended_and_checked(run: Run) -> None:
    write(Path("catalog_src"), {"a/one.yml": DRAFT, "a/two.yml": TODAY, "b/three.yaml": DRAFT})
    result = run("--fix")
    assert result.exit_code == 0
    assert result.stderr.startswith("2 files mended.\n")
    assert "license-spdx" not in result.stdout
    assert texts("catalog_src") == {"a/one.yml": TODAY, "a/two.yml": TODAY, "b/three.yaml": TODAY}
    assert run("--fix").stderr.startswith("0 files mended.\n")


def test_only_the_files_that_are_named_are_mended(run: Run) -> None:
    write(Path("catalog_src"), {"catalog.yml": "title: 2024\n", "a/one.yml": DRAFT, "a/two.yml": DRAFT})
    assert run("--fix", "catalog_src/a/one.yml").exit_code == 0
    assert texts("catalog_src") == {"catalog.yml": "title: 2024\n", "a/one.yml": TODAY, "a/two.yml": DRAFT}
    assert run("--fix", "catalog_src/catalog.yml", "catalog_src/a/two.yml").exit_code == 0
    assert texts("catalog_src") == {"catalog.yml": 'title: "2024"\n', "a/one.yml": TODAY, "a/two.yml": TODAY}


def test_quiet_says_nothing(run: Run) -> None:
    write(Path("catalog_src"), {"a/one.yml": DRAFT + "bbox: [0, 0, 1, 1]\n"})
    assert run("--fix", "--quiet").stderr == ""


def test_inherited_value_is_mended_where_it_is_written(run: Run) -> None:
    collection = "title: Land  # cover\ndefaults:\n  license: mit\n  dlm:data: {data_type: uint8}\n"
    write(Path("catalog_src"), {"a/collection.yml": collection, "a/one.yml": MINIMAL, "a/two.yml": MINIMAL})
    assert run("--fix", "catalog_src/a/one.yml").exit_code == 0
    after = "title: Land  # cover\ndefaults:\n  license: MIT\n  dlm:data: {dtype: uint8}\n"
    assert texts("catalog_src") == {"a/collection.yml": after, "a/one.yml": MINIMAL, "a/two.yml": MINIMAL}


@pytest.mark.parametrize("named", ["catalog_src", "catalog_src/a/collection.yml"])
def test_collection_file_is_mended_by_itself(named: str, run: Run) -> None:
    write(Path("catalog_src"), {"a/collection.yml": "title: 1.10\ndefaults: {version: 2}\n", "a/one.yml": MINIMAL})
    run("--fix", named)
    assert texts("catalog_src")["a/collection.yml"] == 'title: "1.10"\ndefaults: {version: "2"}\n'


def test_draft_spelling_in_both_places_is_mended_in_both(run: Run) -> None:
    defaults = "defaults: {dlm:data: {data_type: uint8, nodata: 0}}\n"
    write(
        Path("catalog_src"), {"a/collection.yml": defaults, "a/one.yml": DRAFT, "a/two.yml": TODAY, "a/x.yml": MINIMAL}
    )
    assert run("--strict").exit_code == 1
    assert run("--fix", "--strict").exit_code == 0
    assert texts("catalog_src") == {
        "a/collection.yml": "defaults: {dlm:data: {dtype: uint8, nodata_value: 0}}\n", "a/one.yml": TODAY,
        "a/two.yml": TODAY, "a/x.yml": MINIMAL,
    }  # fmt: skip


def test_fixes_that_do_harm_are_found_and_left_out() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"

    def check(file: SourceFile) -> list[Diagnostic]:
        """Offers to write each letter large, and counts `E` and `R` as errors, `X` and `Y` only together."""
        wrong = [c for c in file.text if c in "ER"] + ["XY"] * ("X" in file.text and "Y" in file.text)
        found = [Diagnostic("mean-length", "error", "", Span("a")) for _ in wrong]
        edits = [Edit("a", n, n + 1, c.upper()) for n, c in enumerate(file.text) if c.islower()]
        return [*found, *(Diagnostic("key-draft", "note", "", Span("a"), edits=(edit,)) for edit in edits)]

    made = mend._mend(SourceFile("a", "a", letters), check).text
    assert made.lower() == letters
    assert [c for c in made if c.islower()] in (list("erx"), list("ery"))


def test_what_the_catalog_turns_off_is_not_mended(run: Run) -> None:
    write(Path("catalog_src"), {"catalog.yml": "rules: {license-spdx: off}\n", "a/one.yml": DRAFT})
    run("--fix")
    assert texts("catalog_src")["a/one.yml"] == DRAFT.replace("data_type", "dtype")


@pytest.mark.parametrize("text", ["", "a: [", "- a\n", "\x00", "description: 5\n"])
def test_file_that_cannot_be_read_stays(text: str, run: Run) -> None:
    write(Path("catalog_src"), {"a/one.yml": text, "a/two.yml": b"\xff\xfe"})
    assert run("--fix").exit_code == 1
    assert Path("catalog_src/a/one.yml").read_bytes() == text.replace("5", '"5"').encode()
    assert Path("catalog_src/a/two.yml").read_bytes() == b"\xff\xfe"


def test_no_model_of_the_catalog_needs_mending(tmp_path: Path) -> None:
    source = tmp_path / "catalog_src"
    shutil.copytree(ROOT / "catalog_src", source)
    assert mend.fix([source]) == []


def test_all_fixes_together_make_a_clean_file(run: Run) -> None:
    for case in sorted((ROOT / "tests" / "fixes").glob("*/before.yml")):
        text = re.sub(r"^id:.*\n", "", case.read_text("utf-8"), flags=re.MULTILINE)
        write(Path("catalog_src"), {f"c/{case.parent.name}.yml": text})
    before = pipeline.check(pipeline.Settings(Path("catalog_src")))
    assert sum(bool(d.edits) for d in before.diagnostics) > 50
    run("--fix")
    after = pipeline.check(pipeline.Settings(Path("catalog_src")))
    assert [d for d in after.diagnostics if d.edits] == []


# --- how it is written -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o755])
def test_permissions_stay(mode: int, run: Run) -> None:
    file = write(Path("catalog_src"), {"a/one.yml": DRAFT}) / "a/one.yml"
    file.chmod(mode)
    run("--fix")
    assert file.read_text() == TODAY
    assert file.stat().st_mode & 0o777 == mode


def test_write_protected_file_is_named_and_nothing_is_written(run: Run) -> None:
    folder = write(Path("catalog_src"), {"a/one.yml": DRAFT, "a/two.yml": DRAFT})
    (folder / "a/two.yml").chmod(0o444)
    result = run("--fix")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == "build-catalog: catalog_src/a/two.yml is write-protected; nothing was changed\n"
    assert texts("catalog_src") == {"a/one.yml": DRAFT, "a/two.yml": DRAFT}


@pytest.mark.parametrize("failing", ["NamedTemporaryFile", "copymode"])
def test_file_is_written_whole_or_not_at_all(failing: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    write(Path("catalog_src"), {"a/one.yml": DRAFT})
    monkeypatch.setattr(tempfile if failing == "NamedTemporaryFile" else shutil, failing, fail)
    result = run("--fix")
    assert result.exit_code == 2
    assert "catalog_src/a/one.yml cannot be written: No space left on device" in result.stderr
    assert texts("catalog_src") == {"a/one.yml": DRAFT}


def test_symbolic_link_stays_one(run: Run) -> None:
    folder = write(Path("catalog_src"), {"a/_shared.yml": DRAFT})
    (folder / "a/one.yml").symlink_to("_shared.yml")
    run("--fix")
    assert (folder / "a/one.yml").is_symlink()
    assert (folder / "a/_shared.yml").read_text() == TODAY


# --- what is shown ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", "--fix"])
def test_diff_shows_what_a_fix_changes_and_writes_nothing(suffix: str, run: Run) -> None:
    files = {
        "catalog_src/a/one.yml": DRAFT,
        "catalog_src/a/crlf.yml": DRAFT.replace("\n", "\r\n"),
        "catalog_src/a/mark.yml": "\ufeff" + "license: mit\n" + MINIMAL,
        "catalog_src/a/end.yml": MINIMAL + "license: mit",
        "catalog_src/a/far.yml": DRAFT + "# \u2028\x85\n" * 30 + "id: 7\n",
        "catalog_src/a/fine.yml": TODAY,
    }
    write(Path(), files)
    shown = run("--diff", *suffix.split())
    assert shown.exit_code == 1
    assert texts(".") == files
    run("--fix")
    assert apply_patch(files, shown.stdout_bytes.decode()) == texts(".")
    assert len(re.findall(r"^@@", shown.stdout, re.MULTILINE)) == 6
    assert run("--diff").exit_code == 0
    assert run("--diff").stdout == ""


def test_diff_is_short(run: Run) -> None:
    write(Path("catalog_src"), {"a/one.yml": DRAFT})
    assert run("--diff").stdout == (
        "--- a/catalog_src/a/one.yml\n"
        "+++ b/catalog_src/a/one.yml\n"
        "@@ -1,4 +1,4 @@\n"
        " description: A model.\n"
        " dlm:architecture: {type: CNN}\n"
        "-license: mit\n"
        "-dlm:data: {data_type: uint8}\n"
        "+license: MIT\n"
        "+dlm:data: {dtype: uint8}\n"
    )


def test_source_that_does_not_exist_is_named(run: Run) -> None:
    for option in ("--fix", "--diff"):
        assert run(option, "nowhere").exit_code == 2
