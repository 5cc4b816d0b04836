"""Comparing two libraries: prepared pairs, every field's class, sites, revisions, forms, the command."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import markdown
import pytest
from click.testing import CliRunner
from shared import ROOT
from sources import MINIMAL, write

from builder import schema
from builder.cli import main
from builder.diff import Change, compare, worst
from builder.history import RevisionError, read_revision
from builder.output import publish
from builder.pipeline import Settings, build
from builder.review import format_markdown, format_text, summary
from builder.schema import Node
from builder.sides import SideError, read_sides

PAIRS = ROOT / "tests" / "diff"
CLASSES = {"breaking", "compatible", "editorial", "never"}


def changes(old: str | Path, new: str | Path | None, folder: Path | None = None) -> tuple[Change, ...]:
    before, after = read_sides(str(old), None if new is None else str(new), folder or ROOT / "catalog_src")
    return compare(before.side, after.side)


def plain(change: Change) -> dict[str, Any]:
    names = ("kind", "id", "path", "old", "new", "severity", "message")
    made: dict[str, Any] = json.loads(json.dumps({name: getattr(change, name) for name in names}))
    return made


# --- pairs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", sorted(path.name for path in PAIRS.iterdir()))
def test_a_pair_gives_exactly_its_changes(pair: str) -> None:
    expected = json.loads((PAIRS / pair / "expected.json").read_text("utf-8"))
    assert [plain(change) for change in changes(PAIRS / pair / "old", PAIRS / pair / "new")] == expected


def test_the_pairs_have_every_kind_and_severity() -> None:
    found = [json.loads(path.read_text("utf-8")) for path in PAIRS.glob("*/expected.json")]
    kinds = {change["kind"] for pair in found for change in pair}
    assert kinds == {
        "added", "removed", "changed", "reordered", "moved", "deprecated", "withdrawn", "restored", "unreadable",
    }  # fmt: skip
    assert {change["severity"] for pair in found for change in pair} == {"breaking", "compatible", "editorial"}


@pytest.mark.parametrize("pair", sorted(path.name for path in PAIRS.iterdir()))
def test_a_side_beside_itself_has_no_changes(pair: str) -> None:
    for side in ("old", "new"):
        assert changes(PAIRS / pair / side, PAIRS / pair / side) == ()


# --- the classes of fields -------------------------------------------------------------------------------------------


def fields(
    node: Node, path: tuple[str, ...] = (), inherited: str | None = None
) -> Iterator[tuple[str, str | None, bool]]:
    """Every field that the schema names: its path, its class, and whether it has it of its own."""
    for key in node.properties:
        inside = node.at(key)
        own = inside.data.get("x-change")
        yield ".".join((*path, key)), own or inherited, own is not None
        for inner, _ in inside.objects():
            if len(path) < 6:
                yield from fields(inner, (*path, key), own or inherited)


@pytest.mark.parametrize("uri", [schema.MODEL_FILE, schema.COLLECTION_FILE, schema.CATALOG_FILE])
def test_every_field_has_a_class(uri: str) -> None:
    found = list(fields(Node(schema.load(uri), uri)))
    assert [path for path, kind, _ in found if kind not in CLASSES] == []
    dlm = [(path, own) for path, _, own in found if path.startswith(("dlm:", "withdrawn"))]
    assert [path for path, own in dlm if not own and path != "withdrawn"] == []


def test_a_field_of_the_schema_without_a_class_is_noticed() -> None:
    data = json.loads(json.dumps(schema.load(schema.MODEL_FILE)))
    data["properties"]["new_field"] = {"type": "string"}
    assert ("new_field", None, False) in list(fields(Node(data, schema.MODEL_FILE)))


def test_the_classes_are_not_published() -> None:
    assert "x-" not in re.sub(r'"[^"]*":\s*"[^"]*"', "", json.dumps(schema.published(None)[1]))
    assert "x-change" not in json.dumps(schema.published(None)[1])
    assert "x-change" not in json.dumps(schema.source_schema())


# --- sites and sources -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [ROOT / "catalog_src", ROOT / "tests" / "golden" / "source"])
def test_a_site_says_what_its_source_says(source: Path, tmp_path: Path) -> None:
    made = build(Settings(source))
    publish(made.artifacts, tmp_path / "site")
    assert changes(tmp_path / "site", source) == ()
    assert changes(source, tmp_path / "site") == ()
    assert changes(tmp_path / "site", tmp_path / "site") == ()


def test_a_change_between_sites_is_the_one_between_their_sources(tmp_path: Path) -> None:
    for side in ("old", "new"):
        publish(build(Settings(PAIRS / "class-renamed" / side)).artifacts, tmp_path / side)
    between = [change for change in changes(tmp_path / "old", tmp_path / "new") if change.id]
    assert between == list(changes(PAIRS / "class-renamed" / "old", PAIRS / "class-renamed" / "new"))


def test_a_site_whose_items_are_broken_is_told_about(tmp_path: Path, site: Path) -> None:
    index = json.loads((site / "catalog.json").read_bytes())
    index["links"] = [{"rel": "child", "href": "./c/collection.json"}, {"rel": "child", "href": "../../etc/passwd"}]
    links = [{"rel": "item", "href": f"./{name}/{name}.json"} for name in "ab"]
    files = {"catalog.json": json.dumps(index), "c/collection.json": json.dumps({"links": links}), "c/a/a.json": "{"}
    broken = write(tmp_path / "broken", files)
    assert {c.id for c in changes(broken, site) if c.kind == "removed"} == {"c/a", "c/b"}
    write(tmp_path / "source", {"c/a.yml": MINIMAL})
    (found,) = [c for c in changes(broken, tmp_path / "source") if c.id == "c/a"]
    assert (found.kind, found.old) == ("unreadable", "c/a/a.json is not a STAC Item")


# --- revisions -------------------------------------------------------------------------------------------------------


def git(folder: Path, *words: str) -> str:
    names = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *names, *words], capture_output=True, text=True, check=True)  # noqa: S607
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two commits, the first tagged `one`, and a change that is not committed."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    git(tmp_path, "init", "-q", "-b", "main")
    model = MINIMAL + "assets: {w: {href: w.bin, roles: [weights]}}\n"
    write(tmp_path, {"catalog_src/c/a.yml": model + "license: MIT\n", "catalog_src/c/w.bin": b"\0\1"})
    write(tmp_path, {"catalog_src/README.md": "x", "catalog_src/_x.yml": "{"})
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "tag", "one")
    (tmp_path / "catalog_src/c/w.bin").write_bytes(b"\0\2")
    git(tmp_path, "commit", "-qam", "two")
    write(tmp_path, {"catalog_src/c/a.yml": model + "license: GPL-3.0-only\n"})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_revisions_and_the_work_tree_are_compared(repository: Path) -> None:
    source = repository / "catalog_src"
    assert [c.path for c in changes("one", "main", source)] == [("assets", "w", "file:checksum")]
    assert [c.path for c in changes("main", None, source)] == [("license",)]
    both = [("assets", "w", "file:checksum"), ("license",)]
    assert sorted(c.path for c in changes("one", None, source)) == both
    assert sorted(c.path for c in changes("main~1", str(source), source)) == both


def test_reading_a_revision_leaves_the_repository_as_it_is(repository: Path) -> None:
    def state() -> dict[str, tuple[int, bytes]]:
        files = (path for path in repository.rglob("*") if path.is_file())
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = state()
    changes("one", "main", repository / "catalog_src")
    assert state() == before


def test_filters_and_hooks_of_the_repository_do_not_run(repository: Path) -> None:
    write(repository, {".gitattributes": "*.yml filter=evil export-ignore ident\n"})
    git(repository, "config", "filter.evil.smudge", f"touch {repository}/ran")
    git(repository, "config", "core.fsmonitor", f"touch {repository}/ran")
    assert [c.path for c in changes("one", "main", repository / "catalog_src")] == [("assets", "w", "file:checksum")]
    assert not (repository / "ran").exists()


def test_a_pointer_of_git_lfs_counts_as_its_file(repository: Path) -> None:
    digest = "dbc1b4c900ffe48d575b5da5c638040125f65db0fe3e24494b76ea986457d986"  # of the byte 2
    content = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 1\n"
    (repository / "catalog_src/c/w.bin").write_text(content)
    git(repository, "commit", "-qam", "pointer")
    (repository / "catalog_src/c/w.bin").write_bytes(b"\2")
    assert changes("HEAD", None, repository / "catalog_src") == ()


@pytest.mark.parametrize("name", ["--output=x", "-q", "nothing", "HEAD:catalog_src/c/a.yml", "", "HEAD^{tree}", "a b"])
def test_what_names_no_revision_is_refused(name: str, repository: Path) -> None:
    with pytest.raises(RevisionError):
        read_revision(name, repository / "catalog_src")
    assert not (repository / "x").exists()


def test_outside_of_a_repository_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(SideError, match="no repository of git here"):
        changes("main", None, tmp_path)


def test_a_folder_that_is_not_in_the_revision_is_empty_there(repository: Path) -> None:
    write(repository, {"other/c/b.yml": MINIMAL})
    (found,) = changes("one", None, repository / "other")
    assert (found.kind, found.id) == ("added", "c/b")


def test_this_history_can_be_compared_between_any_two_commits() -> None:
    def log(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S607

    if shutil.which("git") is None or log("rev-parse", "--is-shallow-repository") != "false":
        pytest.skip("needs the history, and this is a shallow clone or none")
    commits = log("log", "--format=%H").splitlines()
    sample = [*commits[:: max(1, len(commits) // 8)], commits[-1]]
    for new, old in pairwise(sample):
        assert isinstance(changes(old, new), tuple)
    backwards = changes(sample[0], sample[-1])
    assert {c.severity for c in backwards} <= {"breaking", "compatible", "editorial"}


# --- forms -----------------------------------------------------------------------------------------------------------

HOSTILE = (
    "</p><script>alert(1)</script> **bold** [x](https://evil.example) @octocat #12 http://evil.example `a` <!-- \u202e "
    "www.evil.example ![i](x) &copy; 0123456789abcdef0123456789abcdef01234567"
)


def test_markdown_shows_what_authors_wrote_as_text(tmp_path: Path) -> None:
    new = MINIMAL + f"title: {json.dumps(HOSTILE)}\n"
    write(tmp_path, {"old/c/a.yml": MINIMAL, "new/c/a.yml": new})
    text = format_markdown(changes(tmp_path / "old", tmp_path / "new"), HOSTILE, "new")
    html = markdown.markdown(text, extensions=["extra", "nl2br"])
    assert not re.search(r"<(script|a|img|code|em|table)\b|<!--", html)
    shown = re.sub(r"<[^>]*>", "", html)
    assert re.findall(r"@\w|#\d|://|www\.|[0-9a-f]{7,}", re.sub(r"&#?\w+;", " ", shown)) == []
    lines = [line for line in text.splitlines() if line.startswith("- ")]
    assert len(lines) == 1


def test_a_comment_never_becomes_too_long() -> None:
    models = {f"new/c/m{n}.yml": MINIMAL for n in range(3000)}
    many = tuple(Change("added", path, (), None, "x", "compatible", "the model is new") for path in models)
    text = format_markdown(many, "a", "b")
    assert len(text) < 65_000
    assert re.search(r"… and \d+ more changes", text)


def test_text_obeys_no_terminal_sequence(tmp_path: Path) -> None:
    write(tmp_path, {"old/c/a.yml": MINIMAL, "new/c/a.yml": MINIMAL + 'title: "\\e[31m\\u202e"\n'})
    text = format_text(changes(tmp_path / "old", tmp_path / "new"), "a", "b")
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_summary_counts() -> None:
    found = changes(PAIRS / "runtime" / "old", PAIRS / "runtime" / "new")
    assert summary(found) == "2 breaking, 1 compatible changes of 1 page."
    assert worst(found) == "breaking"
    assert summary(()) == "No changes."
    assert worst(()) is None


# --- the command -----------------------------------------------------------------------------------------------------


def run(*words: str) -> Any:
    return CliRunner().invoke(main, ["diff", *words], catch_exceptions=False)


def test_the_command_says_the_same_in_every_form() -> None:
    old, new = str(PAIRS / "class-renamed" / "old"), str(PAIRS / "class-renamed" / "new")
    done = run(old, new)
    assert done.exit_code == 0
    assert "land/cover" in done.output
    assert "✗ breaking   class 1 was “water”, is “town”" in done.output
    made = json.loads(run(old, new, "--format", "json").stdout)
    assert made["summary"] == {"breaking": 1, "compatible": 0, "editorial": 0}
    (change,) = made["changes"]
    assert change["field"] == "dlm:outputs.class_name_mapping[1].class_name"
    assert (change["old"], change["new"]) == ("water", "town")
    assert "**breaking** class 1 was" in run(old, new, "--format", "markdown").stdout


def test_the_exit_code_tells_of_breaking_changes_when_asked() -> None:
    breaking, prose = PAIRS / "class-renamed", PAIRS / "prose"
    assert run(str(breaking / "old"), str(breaking / "new"), "--exit-code").exit_code == 1
    assert run(str(prose / "old"), str(prose / "new"), "--exit-code").exit_code == 0
    assert run(str(breaking / "old"), str(PAIRS / "nowhere")).exit_code == 2
    assert run("--", "-q").exit_code == 2
    assert run(str(breaking / "expected.json")).exit_code == 2


def test_a_folder_goes_before_a_revision_of_its_name(repository: Path) -> None:
    write(repository, {"one/c/z.yml": MINIMAL})
    done = run("one")
    assert "one is a folder and a revision of git; the folder was taken" in done.stderr
    assert "c/z" in done.stdout
