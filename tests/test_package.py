"""The package as people install it: from a wheel, editable, and as a checkout. Nothing is fetched."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
from shared import ROOT
from sources import MINIMAL, write

from builder import __version__

SITE_PACKAGES = sysconfig.get_path("purelib")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What a command prints, started without this checkout on its path."""
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=kept | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def new_environment(folder: Path) -> Path:
    """A virtual environment that has the dependencies of this one, but not the package. Gives its `bin`."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    code = "import sysconfig; print(sysconfig.get_path('purelib'), end='')"
    library = Path(run(folder / "bin" / "python", "-c", code, cwd=folder))
    # The folder's own .pth files, such as that of an editable install, are not followed.
    (library / "dependencies.pth").write_text(f"{SITE_PACKAGES}\n")
    return folder / "bin"


def install(bin_folder: Path, *what: str | Path) -> None:
    offline = ("--no-deps", "--no-index", "--no-build-isolation", "--quiet", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", bin_folder / "python", "install", *offline, *what, cwd=bin_folder)


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution, and the wheel made from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def builds(bin_folder: Path, folder: Path) -> Path:
    """Builds a small catalog with the command of an environment, far from the checkout. Gives the package's folder."""
    write(folder, {"catalog_src/c/a.yml": MINIMAL})
    program = bin_folder / "build-catalog"
    assert run(program, "--version", cwd=folder) == f"build-catalog, version {__version__}\n"
    run(program, cwd=folder)
    for path in ("catalog.json", "c/a/a.json", "c/a/index.html", "assets/site.css", "schemas/dlm/v1.0.0/schema.json"):
        assert (folder / "site" / path).is_file(), path
    return Path(run(bin_folder / "python", "-c", "import builder; print(builder.__path__[0])", cwd=folder).strip())


def test_the_wheel_holds_what_the_package_needs_and_nothing_else(distributions: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(distributions[1]) as wheel:
        names = set(wheel.namelist())
        about = f"dlm_catalog-{__version__}.dist-info"
        assert {name.partition("/")[0] for name in names} == {"builder", about}
        templates = [path.relative_to(ROOT / "site_templates") for path in (ROOT / "site_templates").rglob("*.*")]
        expected = {f"builder/_site_templates/{path.as_posix()}" for path in templates}
        expected |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "builder").rglob("*.py")}
        expected |= {f"builder/schemas/{path.name}" for path in (ROOT / "builder" / "schemas").glob("*.json")}
        expected |= {"builder/dlm/schema.json", "builder/py.typed", f"{about}/licenses/LICENSE"}
        assert expected - names == set()
        assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
        points = wheel.read(f"{about}/entry_points.txt").decode()
        assert "build-catalog = builder.__main__:main" in points
        assert "[pystac.extensions]" in points
        metadata = email.message_from_bytes(wheel.read(f"{about}/METADATA"))
        assert metadata["License-Expression"] == "Apache-2.0"
        assert metadata["Requires-Python"] == ">=3.11"


def test_the_source_distribution_can_be_tested(distributions: tuple[Path, Path]) -> None:
    with tarfile.open(distributions[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for path in ("README.md", "CHANGELOG.md", "LICENSE", "CITATION.cff", "pyproject.toml", "mkdocs.yml"):
        assert path in names
    for path in ("tests/conftest.py", "catalog_src/catalog.yml", "site_templates/home.html", "docs/index.md"):
        assert path in names
    assert not [name for name in names if name.startswith((".venv", "site/", ".git/"))]


def test_an_installed_wheel_builds_without_the_checkout(distributions: tuple[Path, Path], tmp_path: Path) -> None:
    bin_folder = new_environment(tmp_path / "venv")
    install(bin_folder, distributions[1])
    package = builds(bin_folder, tmp_path / "work")
    assert package.is_relative_to(tmp_path / "venv")
    code = "import pystac; from builder.dlm import DLMExtension; print(DLMExtension.get_schema_uri() != '', end='')"
    assert run(bin_folder / "python", "-c", code, cwd=tmp_path) == "True"


def test_an_editable_install_builds_with_the_checkout_s_templates(tmp_path: Path) -> None:
    bin_folder = new_environment(tmp_path / "venv")
    install(bin_folder, "-e", ROOT)
    assert builds(bin_folder, tmp_path / "work") == ROOT / "builder"
    # Whatever an install leaves behind, the templates are those beside the package.
    code = "from builder.templates import find_templates; print(find_templates(), end='')"
    assert run(bin_folder / "python", "-c", code, cwd=tmp_path) == str(ROOT / "site_templates")


def test_a_checkout_builds_without_being_installed(tmp_path: Path) -> None:
    write(tmp_path, {"catalog_src/c/a.yml": MINIMAL})
    run(sys.executable, "-m", "builder.cli", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert (tmp_path / "site" / "index.html").is_file()


def test_continuous_integration_runs_the_readme_s_commands() -> None:
    """`.ci/run` takes the commands from the README, so that the two cannot say different things."""
    readme, script = (ROOT / "README.md").read_text("utf-8"), (ROOT / ".ci" / "run").read_text("utf-8")
    for ending in (".venv/bin/build-catalog", ".venv/bin/python -m pytest"):
        lines = [line for line in readme.splitlines() if line.endswith(ending)]
        assert len(lines) == 1, f"one line of README.md ends in {ending}"
        assert lines[0].startswith("python3 -m venv .venv && .venv/bin/pip install ")
        assert f"readme_line '{ending}'" in script
    # What it installs into the same environment by itself are extras, which the README's tests do without.
    own = [line for line in script.splitlines() if ".venv/bin/pip install" in line]
    assert own
    assert all(re.search(r"-e '\.\[[a-z,-]+\]'$", line) for line in own)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
