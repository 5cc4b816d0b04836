"""Workflows: those of this repository and of a new registry are sound, and what their steps run does what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from shared import ROOT

from builder import __version__
from builder.cli import main

SEARCHED = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
"""Where programs are: first those of this environment."""
BASH = shutil.which("bash") or ""
pytestmark = pytest.mark.skipif(not BASH or shutil.which("git") is None, reason="needs bash and git")
HASH = re.compile(r"[\w.-]+(?:/[\w.-]+)+@[0-9a-f]{40}")
Workflow = dict[Any, Any]


def git(folder: Path, *words: str) -> str:
    person = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    return subprocess.run(["git", *person, *words], cwd=folder, check=True, capture_output=True, text=True).stdout  # noqa: S607


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A new registry, in a repository with one commit."""
    folder = tmp_path / "registry"
    result = CliRunner().invoke(main, ["init", str(folder), "--collection", "land", "--model", "net"])
    assert result.exit_code == 0, result.output
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "A registry")
    return folder


def files(registry: Path) -> list[Path]:
    found = [path for root in (ROOT, registry) for path in (root / ".github/workflows").glob("*.yml")]
    assert len(found) == 5
    return [*found, ROOT / "action.yml"]


def load(path: Path) -> Workflow:
    data = yaml.safe_load(path.read_text("utf-8"))
    assert isinstance(data, dict)
    return data


def jobs_of(workflow: Workflow) -> dict[str, Workflow]:
    """The jobs of a workflow; an action is one job."""
    return workflow["jobs"] if "jobs" in workflow else {"action": workflow["runs"]}


def steps_of(path: Path) -> list[Workflow]:
    return [step for job in jobs_of(load(path)).values() for step in job["steps"]]


def find(program: str) -> str:
    found = shutil.which(program, path=SEARCHED)
    if found is None:
        pytest.skip(f"needs {program}")
    return found


# --- how they are written --------------------------------------------------------------------------------------------


def zizmor(*places: Path) -> tuple[int, str]:
    command = [find("zizmor"), "--offline", "--no-progress", "--format", "plain", *map(str, places)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def test_zizmor_finds_nothing_to_exploit(registry: Path) -> None:
    code, said = zizmor(ROOT / ".github", ROOT / "action.yml", registry)
    assert code == 0, said
    assert "No findings to report" in said
    path = registry / ".github/workflows/check.yml"
    path.write_text(
        path.read_text("utf-8").replace("build-catalog diff", "echo ${{ github.head_ref }}; build-catalog diff")
    )
    code, said = zizmor(registry)
    assert code != 0, "it reads them"
    assert "template-injection" in said


def test_they_are_what_github_takes(registry: Path) -> None:
    pytest.importorskip("check_jsonschema")
    kinds = {"vendor.github-workflows": files(registry)[:-1], "vendor.github-actions": [ROOT / "action.yml"]}
    kinds["vendor.dependabot"] = [registry / ".github/dependabot.yml"]
    for schema, paths in kinds.items():
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, paths)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout


def test_their_shell_is_sound(registry: Path, tmp_path: Path) -> None:
    shellcheck = find("shellcheck")
    script = tmp_path / "step.sh"
    for path in files(registry):
        for step in (step for step in steps_of(path) if "run" in step):
            assert "${{" not in step["run"], "values come in through the environment, where they cannot be code"
            script.write_text(f"#!/bin/bash\nset -eo pipefail\n{step['run']}")
            result = subprocess.run([shellcheck, script], capture_output=True, text=True, check=False)
            assert result.returncode == 0, f"{path.name}, {step['name']}: {result.stdout}"


def test_actions_are_pinned_by_one_commit_each(registry: Path) -> None:
    seen: dict[str, str] = {}
    for path in files(registry):
        for line in path.read_text("utf-8").splitlines():
            if "uses: " in line:
                used, _, comment = line.partition("uses: ")[2].partition(" # ")
                if used == "./":
                    continue
                assert HASH.fullmatch(used), f"{path.name}: {used}"
                assert re.fullmatch(r"v\d+\.\d+\.\d+", comment), f"{path.name}: the version of {used} is not said"
                assert seen.setdefault(used.partition("@")[0], line.strip(" -")) == line.strip(" -")
    assert len(seen) == 7


def test_a_pull_request_gets_no_secret_and_may_do_little(registry: Path) -> None:
    for path in files(registry)[:-1]:
        workflow, text = load(path), path.read_text("utf-8")
        triggers = workflow[True]  # `on`, to YAML 1.1
        assert "secrets" not in text
        assert "pull_request_target" not in triggers
        assert "workflow_run" not in triggers
        assert workflow["permissions"] == {}
        assert "concurrency" in workflow
        rights = {f"{key}: {value}" for job in workflow["jobs"].values() for key, value in job["permissions"].items()}
        if "pull_request" in triggers:
            assert rights <= {"contents: read", "security-events: write"}
        else:
            assert rights == {"contents: read", "pages: read", "pages: write", "id-token: write"}
            assert workflow["jobs"]["deploy"].get("steps", [])[0]["uses"].startswith("actions/deploy-pages@")
        for step in steps_of(path):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_a_new_registry_pins_the_tool(registry: Path) -> None:
    assert (registry / "requirements.txt").read_text() == f"dlm-catalog=={__version__}\n"
    for name in ("check.yml", "pages.yml"):
        install = [
            step["run"] for step in steps_of(registry / ".github/workflows" / name) if step.get("name") == "Install"
        ]
        assert install == ["python -m pip install --quiet --requirement requirements.txt"]


def test_what_action_and_registry_run_for_a_preview_is_the_same(registry: Path) -> None:
    def preview(path: Path) -> list[str]:
        (step,) = (step for step in steps_of(path) if step.get("id") == "preview")
        return [line for line in step["run"].splitlines() if "build-catalog" not in line]

    assert preview(ROOT / "action.yml") == preview(registry / ".github/workflows/check.yml")


def test_the_matrix_tests_what_the_package_says() -> None:
    matrix = load(ROOT / ".github/workflows/test.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in matrix["system"]} == {"ubuntu", "macos", "windows"}
    oldest, newest = matrix["python"]
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert f'requires-python = ">={oldest}"' in text
    assert max(re.findall(r"Python :: (3\.\d+)", text), key=lambda v: int(v[2:])) == newest


# --- what their steps do ---------------------------------------------------------------------------------------------


@dataclass
class Run:
    """A job run here as GitHub would run it: its steps' shell, one after the other."""

    folder: Path
    work: Path
    contexts: Mapping[str, str]
    outputs: dict[str, str] = field(default_factory=dict)
    said: str = ""
    failed: str = ""
    used: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        path = self.work / "summary.md"
        return path.read_text("utf-8") if path.exists() else ""

    def value(self, expression: str) -> str:
        """An expression of GitHub's: contexts and texts with `||`, `&&`, `==`, `!=`, `!cancelled()` and brackets."""
        words = re.findall(r"'[^']*'|\|\||&&|==|!=|!(?=cancelled)|[()]|[\w.-]+(?:\(\))?", expression)
        python = []
        for word in words:
            if word.startswith("'") or word in "()" or word in ("==", "!="):
                python.append(repr(word[1:-1]) if word.startswith("'") else word)
            else:
                known = {"||": "or", "&&": "and", "!": "not", "cancelled()": "''"}
                python.append(known.get(word) or repr(self._context(word)))
        value = eval(" ".join(python), {"__builtins__": {}})  # noqa: S307  our own workflows
        return value if isinstance(value, str) else "true" if value else ""

    def _context(self, name: str) -> str:
        if name.startswith("steps."):
            return self.outputs.get(name, "")
        return self.contexts[name]

    def expand(self, text: object) -> str:
        return re.sub(r"\$\{\{(.*?)\}\}", lambda found: self.value(found[1]), str(text), flags=re.DOTALL)

    def step(self, step: Workflow) -> None:
        condition = step.get("if", "")
        if self.failed and "cancelled()" not in condition:
            return
        if condition and not self.expand(condition):
            return
        if "uses" in step:
            self.used.append(step["uses"].partition("@")[0])
            return
        if step["name"] == "Install":
            return  # tests/test_package.py installs the package
        output = self.work / "output"
        output.write_text("")
        environment = {
            **os.environ,
            "PATH": SEARCHED,
            "RUNNER_TEMP": str(self.work),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.work / "summary.md"),
            **{name: self.expand(value) for name, value in step.get("env", {}).items()},
        }
        command = [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        result = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, encoding="utf-8", check=False
        )
        self.said += result.stdout + result.stderr
        for line in output.read_text("utf-8").splitlines():
            name, _, value = line.partition("=")
            self.outputs[f"steps.{step['id']}.outputs.{name}"] = value
        if result.returncode:
            self.failed = self.failed or step["name"]


FORKS = {"own": "someone/models", "fork": "other/models"}


def run(path: Path, folder: Path, work: Path, event: str = "push", repository: str = "own", **inputs: str) -> Run:
    work.mkdir()
    workflow = load(path)
    stated = {f"inputs.{key}": given.get("default", "") for key, given in workflow.get("inputs", {}).items()}
    contexts = {
        **stated,
        **{f"inputs.{key.replace('_', '-')}": value for key, value in inputs.items()},
        "github.event_name": event,
        "github.repository": "someone/models",
        "github.event.pull_request.head.repo.full_name": FORKS[repository],
        "github.ref": "refs/heads/main",
    }
    (job,) = jobs_of(workflow).values()
    made = Run(folder, work, contexts)
    for step in job["steps"]:
        made.step(step)
    return made


@pytest.fixture(params=["action", "registry"])
def check(request: pytest.FixtureRequest, registry: Path) -> Path:
    """The action of this repository, and the workflow of a new registry, which do the same."""
    return ROOT / "action.yml" if request.param == "action" else registry / ".github/workflows/check.yml"


MODEL = "catalog_src/land/net.yml"


def change(registry: Path, old: str, new: str) -> None:
    text = (registry / MODEL).read_text("utf-8")
    assert text.count(old) == 1, old
    (registry / MODEL).write_text(text.replace(old, new), encoding="utf-8")
    git(registry, "commit", "-qam", "A change")


def sarif_of(made: Run) -> list[str]:
    log = json.loads((made.work / "findings.sarif").read_text("utf-8"))
    return [result["ruleId"] for result in log["runs"][0]["results"] if result["level"] == "error"]


def test_a_clean_push_passes(check: Path, registry: Path, tmp_path: Path) -> None:
    made = run(check, registry, tmp_path / "work")
    assert made.failed == "", made.said
    assert "0 errors, 0 warnings" in made.summary
    assert sarif_of(made) == []
    assert not (tmp_path / "work/preview").exists()
    assert git(registry, "status", "--porcelain") == ""


def test_an_error_is_annotated_and_fails(check: Path, registry: Path, tmp_path: Path) -> None:
    change(registry, "license: ", "licence: ")
    made = run(check, registry, tmp_path / "work", "pull_request")
    assert made.failed == "Check"
    assert f"::error file={MODEL},line=" in made.said
    assert "title=key-unknown::" in made.said
    assert "2 errors," in made.summary, "and a license that is gone is a breaking change"
    assert "key-unknown" in sarif_of(made)
    assert "Changes of the catalog" in made.summary, "what changed is said all the same"
    assert any(name.endswith(".outputs.sarif") for name in made.outputs)


def test_a_pull_request_says_what_changed_and_shows_the_card(check: Path, registry: Path, tmp_path: Path) -> None:
    (registry / MODEL).with_name("other.yml").write_text((registry / MODEL).read_text("utf-8"), encoding="utf-8")
    git(registry, "add", "-A")
    git(registry, "commit", "-qm", "Another model")
    change(registry, "\ntitle: ", "\ntitle: A better ")
    made = run(check, registry, tmp_path / "work", "pull_request")
    assert made.failed == "", made.said
    assert "editorial" in made.summary
    assert made.summary.count("#### ") == 1, "only what this change brings"
    preview = tmp_path / "work/preview"
    assert sorted(path.name for path in (preview / "land").iterdir()) == ["net"]
    assert (preview / "land/net/index.html").is_file()
    style = re.findall(r'href="([^"]+\.css)"', (preview / "land/net/index.html").read_text("utf-8"))
    assert all((preview / "land/net" / href).is_file() for href in style)
    assert style


def test_a_breaking_change_without_a_new_version_fails(check: Path, registry: Path, tmp_path: Path) -> None:
    license_ = re.search(r"^license: .*$", (registry / MODEL).read_text("utf-8"), re.MULTILINE)
    assert license_ is not None
    change(registry, license_[0], "license: GPL-3.0-only")
    made = run(check, registry, tmp_path / "work", "pull_request")
    assert made.failed == "Check"
    assert "breaking" in made.summary
    assert f"::error file={MODEL}" in made.said


def test_where_nothing_of_the_models_changes_there_is_no_preview(check: Path, registry: Path, tmp_path: Path) -> None:
    (registry / "README.md").write_text("# Other words\n")
    git(registry, "commit", "-qam", "Words")
    made = run(check, registry, tmp_path / "work", "pull_request")
    assert made.failed == "", made.said
    assert "No changes." in made.summary
    assert not (tmp_path / "work/preview").exists()
    assert "actions/upload-artifact" not in made.used


def test_a_fork_uploads_no_findings_and_its_preview_all_the_same(registry: Path, tmp_path: Path) -> None:
    change(registry, "\ntitle: ", "\ntitle: A better ")
    path = registry / ".github/workflows/check.yml"
    own = run(path, registry, tmp_path / "own", "pull_request", "own").used[2:]
    fork = run(path, registry, tmp_path / "fork", "pull_request", "fork").used[2:]
    assert own == ["github/codeql-action/upload-sarif", "actions/upload-artifact"]
    assert fork == ["actions/upload-artifact"]


def test_the_action_builds_for_an_address(registry: Path, tmp_path: Path) -> None:
    made = run(
        ROOT / "action.yml",
        registry,
        tmp_path / "work",
        command="build",
        base_url="https://example.org/m",
        strict="true",
    )
    assert made.failed == "", made.said
    assert "https://example.org/m/land/net/" in (registry / "site/sitemap.xml").read_text("utf-8")


def test_the_action_takes_hostile_inputs_as_text(registry: Path, tmp_path: Path) -> None:
    source = "catalog_src; touch owned $(touch owned)"
    made = run(ROOT / "action.yml", registry, tmp_path / "work", source=source, base="--output=owned")
    assert made.failed == "Check"
    assert not (registry / "owned").exists()


def pages_steps(path: Path) -> Iterator[str]:
    for job in jobs_of(load(path)).values():
        yield from (step.get("uses", step.get("name", "")).partition("@")[0] for step in job["steps"])


def test_pages_builds_with_the_address_that_pages_gives(registry: Path, tmp_path: Path) -> None:
    path = registry / ".github/workflows/pages.yml"
    used = [step for step in pages_steps(path) if step.startswith("actions/")]
    assert used[-3:] == [*used[-3:-2], "actions/upload-pages-artifact", "actions/deploy-pages"]
    (build,) = (step for step in steps_of(path) if step.get("name") == "Build")
    (tmp_path / "work").mkdir()
    made = Run(registry, tmp_path / "work", {}, {"steps.pages.outputs.base_url": "https://someone.github.io/models"})
    made.step(build)
    assert made.failed == "", made.said
    assert "https://someone.github.io/models/" in (registry / "site/sitemap.xml").read_text("utf-8")


# --- recipes of the documentation ------------------------------------------------------------------------------------


def recipes(kind: str, first: str) -> list[str]:
    text = (ROOT / "docs/guide/publish.md").read_text("utf-8")
    return re.findall(rf"^```{kind}\n# {first}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_the_recipe_for_gitlab_runs(registry: Path) -> None:
    (text,) = recipes("yaml", "gitlab")
    change(registry, "\ntitle: ", "\ntitle: A better ")
    pipeline = yaml.safe_load(text)
    scripts = {name: job["script"] for name, job in pipeline.items() if isinstance(job, dict) and "script" in job}
    assert scripts.keys() == {"check", "pages"}
    given = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "HEAD^1", "CI_PAGES_URL": "https://example.org/models"}
    for line in [line for lines in scripts.values() for line in lines]:
        environment = {**os.environ, "PATH": SEARCHED, **given}
        subprocess.run([BASH, "-euc", line], cwd=registry, env=environment, check=True, capture_output=True)
    assert "editorial" in (registry / "changes.md").read_text("utf-8")
    assert "https://example.org/models/" in (registry / "public/sitemap.xml").read_text("utf-8")
    for job in ("check", "pages"):
        assert all((registry / path).exists() for path in pipeline[job]["artifacts"]["paths"])


def test_the_recipes_for_hosts_are_sound_shell(tmp_path: Path) -> None:
    found = recipes("sh", "recipe")
    assert len(found) == 2
    for text in found:
        (tmp_path / "recipe.sh").write_text(f"#!/bin/sh\n{text}")
        subprocess.run([find("shellcheck"), tmp_path / "recipe.sh"], check=True)


def test_the_recipe_for_rsync_publishes(registry: Path, tmp_path: Path) -> None:
    if shutil.which("rsync") is None:
        pytest.skip("needs rsync")
    CliRunner().invoke(main, ["build", str(registry / "catalog_src"), "--output", str(tmp_path / "site"), "--quiet"])
    host = tmp_path / "host"
    (host / "old").mkdir(parents=True)
    text = recipes("sh", "recipe")[0].replace("example.org:/srv/models/", f"{host}/")
    subprocess.run([BASH, "-euc", text], cwd=tmp_path, check=True)
    ours, theirs = (sorted(p.relative_to(root) for p in root.rglob("*")) for root in (tmp_path / "site", host))
    assert ours == theirs
