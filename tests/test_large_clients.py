"""Clients that are large, or no Python packages: what they make of the real catalog. `docs/explanation/clients.md`.

They are in the extra `clients` and in npm; `.ci/run` installs both. Without them, the tests say what they skip.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shared import ROOT, needs_shared
from test_clients import local_schemas, stac_files

from builder import exporters
from builder.pipeline import Build, finish

__all__ = ["local_schemas"]
NODE_VALIDATOR = os.environ.get("STAC_NODE_VALIDATOR") or shutil.which("stac-node-validator")
SEARCH = os.environ.get("RUSTAC_SEARCH")
REASON = "needs the extra clients"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """These libraries warn of each other's old names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def need(module: str) -> Any:
    """The client, or a skip that says what brings it."""
    return pytest.importorskip(module, reason=REASON, exc_type=ImportError)


@pytest.fixture(scope="module")
def parquet(real_build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert real_build.library is not None
    (artifact,) = exporters.export("parquet", finish(real_build.library), real_build.library.info).artifacts
    assert isinstance(artifact.content, bytes)
    location = tmp_path_factory.mktemp("parquet") / "items.parquet"
    location.write_bytes(artifact.content)
    return location


# --- the catalog -----------------------------------------------------------------------------------------------------


def run_node_validator(folder: Path, files: list[Path], schemas: dict[str, str]) -> str:
    """What stac-node-validator prints; the schemas that it would fetch are given as files."""
    mapped = ";".join(f"{uri}={place}" for uri, place in schemas.items())
    config = folder / "config.json"
    config.write_text(json.dumps({"files": [str(path) for path in files], "schemaMap": mapped}))
    assert NODE_VALIDATOR is not None
    command = [NODE_VALIDATOR, "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300).stdout


needs_node_validator = pytest.mark.skipif(
    NODE_VALIDATOR is None, reason="needs stac-node-validator from npm; STAC_NODE_VALIDATOR names the program"
)


@needs_shared
@needs_node_validator
def test_stac_node_validator_accepts_the_whole_catalog(
    site: Path,
    local_schemas: dict[str, str],
    tmp_path: Path,
) -> None:
    files = stac_files(site)
    printed = run_node_validator(tmp_path, files, local_schemas)
    assert f"Files: {len(files)}\nValid: {len(files)}\nInvalid: 0" in printed, printed[-3000:]


@needs_shared
@needs_node_validator
def test_stac_node_validator_notices_a_fault(
    site: Path,
    local_schemas: dict[str, str],
    tmp_path: Path,
) -> None:
    for key, wrong in (("dlm:data", {"dtype": 8}), ("mlm:name", 5), ("eo:bands", [{"common_name": "rot"}])):
        item = json.loads((site / "cloud-masks/csmask-unet-4b-l1c/csmask-unet-4b-l1c.json").read_bytes())
        item["properties"][key] = wrong
        (tmp_path / "item.json").write_text(json.dumps(item))
        assert "Invalid: 1" in run_node_validator(tmp_path, [tmp_path / "item.json"], local_schemas), key


def test_stac_pydantic_reads_every_object(site: Path) -> None:
    stac_pydantic = need("stac_pydantic")
    kinds = {"Feature": stac_pydantic.Item, "Collection": stac_pydantic.Collection, "Catalog": stac_pydantic.Catalog}
    for path in stac_files(site):
        data = json.loads(path.read_bytes())
        read = kinds[data["type"]].model_validate(data)
        assert read.id == data["id"]
        assert {link.href for link in read.links.root} == {link["href"] for link in data["links"]}
    with pytest.raises(ValueError, match="datetime"):
        stac_pydantic.Item.model_validate({**data, "type": "Feature", "properties": {}})


def test_mlstac_reads_every_item(site: Path, tmp_path: Path) -> None:
    mlstac = need("mlstac")
    for number, path in enumerate(site.glob("*/*/*.json")):
        data = json.loads(path.read_bytes())
        folder = tmp_path / str(number)
        folder.mkdir()
        # It looks for this name beside the weights.
        shutil.copy(path, folder / "mlm.json")
        read = mlstac.ModelLoader(str(folder)).item
        assert read.id == data["id"]
        assert read.properties["mlm:input"] == data["properties"]["mlm:input"]
        assert any("mlm:model" in (asset.roles or ()) for asset in read.assets.values())


# --- the table of Items ----------------------------------------------------------------------------------------------


def test_duckdb_finds_models_in_the_table(parquet: Path, real_build: Build) -> None:
    duckdb = need("duckdb")
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    found = connection.execute(
        """
        SELECT id FROM read_parquet(?)
        WHERE list_contains(list_transform("dlm:outputs", lambda o: o.task), 'semantic segmentation')
          AND list_contains(list_transform("eo:bands", lambda b: b.common_name), 'nir')
          AND gsd BETWEEN 10 AND 30
        """,
        [str(parquet)],
    ).fetchall()
    assert real_build.library is not None
    expected = {
        entry.model.id
        for entry in real_build.library.entries
        if "semantic segmentation" in entry.model.tasks
        and "nir" in {band.common_name for band in entry.model.bands}
        and 10 <= (entry.model.gsd or 0) <= 30
    }
    assert {row[0] for row in found} == expected
    assert len(expected) >= 4
    whole = 'SELECT count(*), sum("dlm:architecture"[1].total_nb_parameters) FROM read_parquet(?)'
    count, parameters = connection.execute(whole, [str(parquet)]).fetchone()
    assert count == len(real_build.library.entries)
    assert parameters == sum(e.model.architecture[0].total_nb_parameters or 0 for e in real_build.library.entries)


def test_stac_geoparquet_turns_the_table_into_items_again(parquet: Path, real_build: Build) -> None:
    arrow, table = need("stac_geoparquet.arrow"), need("pyarrow.parquet")
    stac_pydantic = need("stac_pydantic")
    items = {item["id"]: item for item in arrow.stac_table_to_items(table.read_table(parquet))}
    assert real_build.library is not None
    for entry in real_build.library.entries:
        read = items.pop(entry.model.id)
        stac_pydantic.Item.model_validate(read)
        assert read["properties"]["title"] == entry.item["properties"]["title"]
        assert read["properties"]["mlm:name"] == entry.item["properties"]["mlm:name"]
        assert read["bbox"] == entry.item["bbox"]
        # The oldest and the newest time that stand for an open end come back, too.
        for key in ("start_datetime", "end_datetime"):
            stated = entry.item["properties"].get(key)
            assert (read["properties"].get(key) or "").replace(".000Z", "Z") == (stated or "")
    assert items == {}


@pytest.mark.skipif(SEARCH is None, reason="needs rustac with DuckDB's extensions; RUSTAC_SEARCH names its Python")
def test_rustac_searches_the_table(parquet: Path, real_build: Build, tmp_path: Path) -> None:
    assert real_build.library is not None
    entries = real_build.library.entries
    masks = {entry.model.id for entry in entries if entry.model.collection == "cloud-masks"}
    by_gsd = {"op": "=", "args": [{"property": "gsd"}, 30]}
    searches = {
        json.dumps({"ids": ["csmask-unet-4b-l2a"]}): {"csmask-unet-4b-l2a"},
        json.dumps({"collections": ["cloud-masks"]}): masks,
        json.dumps({"filter": by_gsd}): {e.model.id for e in entries if e.model.gsd == 30},
        json.dumps({"bbox": [10, 50, 11, 51]}): {e.model.id for e in entries if not e.model.bbox},
    }
    assert SEARCH is not None
    asked = json.dumps([json.loads(search) for search in searches])
    script = ROOT / "tests" / "rustac_search.py"
    command = [SEARCH, str(script), str(parquet), str(tmp_path / "extensions"), asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for found, (search, expected) in zip(json.loads(done.stdout), searches.items(), strict=True):
        assert set(found) == expected, search
        assert expected
