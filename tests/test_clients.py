"""Independent readers: what other people's STAC clients make of the real catalog, without a network."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pystac
import pytest
import rustac
from pystac.errors import DeprecatedWarning
from pystac.extensions.eo import EOExtension
from pystac.extensions.file import FileExtension
from pystac.extensions.scientific import ScientificExtension
from pystac.extensions.version import ItemVersionExtension
from pystac.validation import validate_dict
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from shared import ROOT, SHARED, needs_shared

from builder import schema
from builder.dlm import DLMExtension
from builder.document import parse
from builder.output import publish
from builder.pipeline import Settings, build

with warnings.catch_warnings():
    # One distribution of the package says on import that another one has taken its place.
    warnings.simplefilter("ignore", DeprecationWarning)
    from stac_check.lint import Linter
    from stac_validator import utilities
    from stac_validator.validate import StacValidate

T = TypeVar("T")
GOLDEN = ROOT / "tests" / "golden" / "source"


def run_in_thread(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine. In a thread, because the browser tests keep an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="module")
def catalog(site: Path) -> pystac.Catalog:
    return pystac.Catalog.from_file(str(site / "catalog.json"))


@pytest.fixture(scope="module")
def items(catalog: pystac.Catalog) -> dict[str, pystac.Item]:
    return {item.id: item for item in catalog.get_items(recursive=True)}


def stac_files(site: Path) -> list[Path]:
    return [site / "catalog.json", *sorted(site.glob("*/collection.json")), *sorted(site.glob("*/*/*.json"))]


def written() -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and content of each model file, with what its collection's file says for all."""
    for path in sorted((ROOT / "catalog_src").glob("*/*.yml")):
        if path.name == "collection.yml":
            continue
        about, _ = parse("collection.yml", (path.parent / "collection.yml").read_text("utf-8"))
        own, _ = parse(path.name, path.read_text("utf-8"))
        assert about is not None
        assert own is not None
        yield path.stem, {**about.data.get("defaults", {}), **own.data}


# --- pystac ----------------------------------------------------------------------------------------------------------


def test_pystac_walks_the_catalog(catalog: pystac.Catalog, real_build: Any) -> None:
    collections, items = [], []
    for root, _, members in catalog.walk():
        collections.append(root)
        for item in members:
            items.append(item)
            assert item.get_root() is catalog
            assert item.get_parent() is root
            assert item.get_collection() is root
            assert item.collection_id == root.id
    assert len(items) == len({item.id for item in items}) == real_build.models >= 127
    assert all(isinstance(collection, pystac.Collection) for collection in collections[1:])
    assert collections[0] is catalog


def test_pystac_lays_a_catalog_out_in_the_same_way(catalog: pystac.Catalog, site: Path) -> None:
    copy = catalog.full_copy()
    copy.normalize_hrefs(str(site))
    for item in copy.get_items(recursive=True):
        assert Path(item.self_href).is_file()


class _CoreOnly(JsonSchemaSTACValidator):
    """pystac's validator without its look-ups of extension schemas, which it has no copies of."""

    def validate_extension(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: stac-validator does."""


def test_pystac_validates_every_object_by_its_own_schemas(site: Path) -> None:
    validator = _CoreOnly()
    for path in stac_files(site):
        validate_dict(json.loads(path.read_bytes()), validator=validator)


def test_pystac_finds_every_local_schema_it_needs(site: Path) -> None:
    broken = json.loads((site / "catalog.json").read_bytes())
    del broken["description"]
    with pytest.raises(pystac.STACValidationError):
        validate_dict(broken, validator=_CoreOnly())


def test_the_scientific_extension_reads_what_the_author_wrote(items: dict[str, pystac.Item]) -> None:
    cited = 0
    for name, data in written():
        if publications := data.get("sci:publications"):
            read = ScientificExtension.ext(items[name]).publications
            assert read is not None
            assert [publication.to_dict() for publication in read] == publications
            dois = {f"https://doi.org/{p['doi']}" for p in publications if "doi" in p}
            assert {link.href for link in items[name].get_links("cite-as")} >= dois
            cited += 1
    assert cited > 100


def test_the_eo_extension_reads_what_the_author_wrote(items: dict[str, pystac.Item]) -> None:
    banded = 0
    for name, data in written():
        if bands := data.get("eo:bands"):
            read = EOExtension.ext(items[name]).bands
            assert read is not None
            assert [band.to_dict() for band in read] == bands
            carriers = [a for a in items[name].assets.values() if "eo:bands" in a.extra_fields]
            assert [band.name for band in EOExtension.ext(carriers[0]).bands or []] == [b["name"] for b in bands]
            banded += 1
    assert banded > 100


def test_the_version_extension_reads_what_the_author_wrote(items: dict[str, pystac.Item]) -> None:
    versions = {name: data["version"] for name, data in written() if "version" in data}
    assert versions
    for name, version in versions.items():
        assert ItemVersionExtension.ext(items[name]).version == version


def test_the_version_extension_follows_links_between_versions(tmp_path: Path) -> None:
    publish(build(Settings(GOLDEN)).artifacts, tmp_path / "site")
    catalog = pystac.Catalog.from_file(str(tmp_path / "site" / "catalog.json"))
    with (
        pytest.warns(DeprecatedWarning, match="'unet-1' is deprecated"),
        pytest.warns(DeprecatedWarning, match="'unet-3' is deprecated"),  # it is withdrawn
    ):
        items = {item.id: item for item in catalog.get_items(recursive=True)}
    old, new = (ItemVersionExtension.ext(items[name]) for name in ("unet-1", "unet-2"))
    assert (old.version, old.deprecated, new.version) == ("1.0", True, "1.10")
    assert old.successor is items["unet-2"]
    assert old.latest is items["unet-2"]
    assert new.predecessor is items["unet-1"]
    assert new.latest is None
    weights = FileExtension.ext(items["unet-1"].assets["weights"])
    local = Path(str(items["unet-1"].assets["weights"].get_absolute_href()))
    assert local.stat().st_size == weights.size == (GOLDEN / "land-cover/unet.onnx").stat().st_size


def test_the_file_extension_reads_what_the_author_wrote(items: dict[str, pystac.Item]) -> None:
    measured = 0
    for name, data in written():
        for key, asset in data.get("assets", {}).items():
            if "file:checksum" in asset:
                read = FileExtension.ext(items[name].assets[key])
                assert (read.checksum, read.size) == (asset["file:checksum"], asset.get("file:size"))
                measured += 1
    assert measured


def test_our_extension_reads_what_the_author_wrote(items: dict[str, pystac.Item]) -> None:
    found: Counter[str] = Counter()
    for name, data in written():
        read = DLMExtension.ext(items[name])
        for key in ("data", "inputs", "architecture", "runtime", "outputs", "archive"):
            stated = data.get(f"dlm:{key}")
            stated = [] if stated is None else stated if isinstance(stated, list) else [stated]
            assert [entry.to_dict() for entry in getattr(read, key)] == stated, name
            found[key] += bool(stated)
    assert min(found.values()) >= 1
    assert found["architecture"] >= 127


def test_our_extension_reads_the_summaries_of_collections(catalog: pystac.Catalog) -> None:
    for collection in catalog.get_children():
        assert isinstance(collection, pystac.Collection)
        assert DLMExtension.has_extension(collection)
        summaries = collection.summaries.to_dict()
        assert "dlm:framework" in summaries


# --- stac-validator and stac-check -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def local_schemas(site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where the schemas lie that the clients would fetch: official ones, and ours in the site itself."""
    folder = tmp_path_factory.mktemp("schemas")
    mirror = SHARED / "schemas"
    places = {f"https://{path.relative_to(mirror).as_posix()}": str(path) for path in mirror.rglob("schema.json")}
    places[schema.DLM] = str(site / schema.DLM_PATH)
    for number, (uri, contents) in enumerate(schema.load_all().items()):
        mirrored = SHARED / "schemas" / uri.removeprefix("https://")
        if mirrored.is_file():
            places[uri] = str(mirrored)
        elif uri.startswith(("https://schemas.stacspec.org/", "https://geojson.org/")):
            (folder / f"{number}.json").write_text(json.dumps(contents))
            places[uri] = str(folder / f"{number}.json")
    return places


@needs_shared
def test_stac_validator_accepts_the_whole_catalog(site: Path, local_schemas: dict[str, str]) -> None:
    validator = StacValidate(str(site / "catalog.json"), recursive=True, schema_map=dict(local_schemas))
    validator.run()
    assert [message for message in validator.message if not message["valid_stac"]] == []
    assert len(validator.message) == len(stac_files(site))
    used = {Path(used).as_posix() for message in validator.message for used in message["schema"]}
    for part in (
        "scientific/v1.0.0",
        "eo/v1.1.0",
        "version/v1.2.0",
        "file/v2.1.0",
        "mlm/v1.5.2",
        "processing/v1.1.0",
        "dlm/v1.0.0",
    ):
        assert any(part in place for place in used), part


@needs_shared
def test_stac_validator_notices_a_fault(site: Path, local_schemas: dict[str, str], tmp_path: Path) -> None:
    item = json.loads((site / "cloud-masks" / "csmask-unet-4b-l1c" / "csmask-unet-4b-l1c.json").read_bytes())
    item["properties"]["dlm:data"]["number_of_band"] = 4
    (tmp_path / "item.json").write_text(json.dumps(item))
    validator = StacValidate(str(tmp_path / "item.json"), schema_map=dict(local_schemas))
    validator.run()
    assert not validator.valid


# Advice of stac-check that is not followed, and why.
ACCEPTED = {
    "check_links_self": "a self-contained catalog has no self links, or it could not be copied",
    "datetime_null": "a model holds for a span of time, not for one moment; STAC wants null beside a span",
    "bloated_links": "a collection links each of its items; STAC's best practices ask for nothing else",
    "bloated_metadata": "an Item that says its facts in DLM and in MLM has more than twenty properties",
    "check_bbox_antimeridian": "taken for a box across the antimeridian is one around the whole world",
}


@needs_shared
def test_stac_check_finds_no_error_and_gives_only_advice_that_we_know(
    site: Path, local_schemas: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = utilities.fetch_and_parse_file
    monkeypatch.setattr(
        utilities, "fetch_and_parse_file", lambda path, headers=None: fetch(local_schemas.get(path, path), headers)
    )
    given: set[str] = set()
    for path in stac_files(site):
        linter = Linter(str(path))
        assert linter.valid_stac, (path, linter.error_msg)
        data = json.loads(path.read_bytes())
        advice = set(linter.create_best_practices_dict())
        if data["type"] == "Feature":
            assert "check_links_self" not in advice
            span = data["properties"]
            assert "datetime_null" not in advice or {"start_datetime", "end_datetime"} <= span.keys()
            assert "check_bbox_antimeridian" not in advice or data["bbox"] == [-180, -90, 180, 90]
        given |= advice
    assert given - ACCEPTED.keys() == set()
    assert ACCEPTED.keys() - given == set(), "advice that is not given any more need not be excused"


# --- rustac ----------------------------------------------------------------------------------------------------------


def test_rustac_walks_the_catalog(site: Path) -> None:
    async def walk() -> tuple[list[str], list[str]]:
        containers, items = [], []
        async for container, _, members in rustac.walk(rustac.read_sync(str(site / "catalog.json"))):
            containers.append(container["id"])
            items += [item["id"] for item in members]
        return containers, items

    containers, items = run_in_thread(walk())
    assert len(containers) == len(list(site.glob("*/collection.json"))) + 1
    assert sorted(items) == sorted(path.stem for path in site.glob("*/*/*.json"))


def test_rustac_reads_what_is_written(site: Path) -> None:
    for path in stac_files(site):
        read, data = rustac.read_sync(str(path)), json.loads(path.read_bytes())
        assert read["properties" if data["type"] == "Feature" else "description"]
        for key in data.keys() - {"links", "assets", "geometry", "bbox", "properties", "extent", "summaries"}:
            assert read[key] == data[key], (path, key)
        if data["type"] == "Feature":
            mine = {key: value for key, value in data["properties"].items() if key.partition(":")[1]}
            assert {key: read["properties"].get(key) for key in mine} == mine, path


def test_rustac_validates_the_core_of_every_object(site: Path, tmp_path: Path) -> None:
    """Its schemas of STAC core are built in; those of extensions it would fetch, so their names are taken out."""
    program = shutil.which("rustac", path=str(Path(sys.executable).parent)) or shutil.which("rustac")
    assert program is not None, "rustac comes with its Python package"
    found: dict[str, list[Any]] = {"Catalog": [], "Collection": [], "Feature": []}
    for path in stac_files(site):
        data = json.loads(path.read_bytes()) | {"stac_extensions": []}
        found[data["type"]].append(data)
    documents = [*found["Catalog"], *found["Collection"], {"type": "FeatureCollection", "features": found["Feature"]}]
    for document in documents:
        (tmp_path / "document.json").write_text(json.dumps(document))
        done = subprocess.run(
            [program, "validate", str(tmp_path / "document.json")], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
