"""Matching imagery: what fits, how it is said, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from shared import ROOT, SHARED, needs_shared
from sources import model_of

from builder.cli import main
from builder.details import item_to_model, to_record
from builder.imagery import to_imagery
from builder.match import RULES, match, match_one
from builder.pipeline import Build

CASES: list[dict[str, Any]] = json.loads((ROOT / "tests/match_cases.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    imagery = to_imagery(case["item"]) if "item" in case else case["imagery"]
    if "read" in case:
        assert imagery == case["read"]
    result = match_one(case["record"], imagery)
    assert result["verdict"] == case["verdict"]
    assert result["score"] == case.get("score", result["score"])
    statuses = {reason["criterion"]: reason["status"] for reason in result["reasons"]}
    assert {key: statuses[key] for key in case["statuses"]} == case["statuses"]
    if "reason" in case:
        assert result["reasons"][0]["text"] == case["reason"]


def test_the_table_of_rules_is_whole() -> None:
    criteria = set(RULES["weights"])
    assert set(RULES["required"]) | set(RULES["cautions"]) <= criteria
    assert sorted(RULES["points"].values(), reverse=True) == list(RULES["points"].values())
    for name, related in RULES["related_names"].items():
        assert name in RULES["common_names"]
        assert all(name in RULES["related_names"][other] for other in related)


def test_a_record_is_the_same_from_the_model_and_from_its_item(real_build: Build, site: Path) -> None:
    assert real_build.library is not None
    for entry in real_build.library.entries:
        item = json.loads((site / entry.href).read_bytes())
        assert to_record(item_to_model(item)) == to_record(entry.model)


def test_a_record_leaves_out_what_is_not_stated() -> None:
    record = to_record(model_of("bbox: [-180, -90, 180, 90]\ndlm:inputs: {input_tensors: {height: 4}}\n"))
    assert record == {
        "id": "a",
        "folder": "c/a",
        "title": "a",
        "architectures": ["CNN"],
        "inputs": [{"shape": [None, None, 4, None]}],
    }


@needs_shared
@pytest.mark.parametrize(
    ("item", "sensor", "least"),
    [("sentinel-2-l1c", "sentinel-2", 20), ("sentinel-2-l2a", "sentinel-2", 4), ("sentinel-1-grd", "sentinel-1", 15),
     ("sentinel-1-rtc", "sentinel-1", 10), ("landsat-9-c2-l2", "landsat", 6), ("landsat-5-c2-l2", "landsat", 0)],
)  # fmt: skip
def test_models_of_the_image_s_sensor_come_first(real_build: Build, item: str, sensor: str, least: int) -> None:
    assert real_build.library is not None
    records = {entry.model.id: to_record(entry.model) for entry in real_build.library.entries}
    imagery = to_imagery(json.loads((SHARED / f"examples/imagery/{item}.json").read_text("utf-8")))
    results = match(list(records.values()), imagery)
    status = [{r["criterion"]: r["status"] for r in result["reasons"]} for result in results]
    assert all(found["sensor"] in ("fits", "near") for found in status[: max(least, 1)])
    own = [result for result in results if sensor in records[result["id"]].get("sensors", [])]
    assert own
    assert all(result["verdict"] == "no" for result in results[-20:])
    other = "sentinel-1" if sensor != "sentinel-1" else "sentinel-2"
    for result in results:
        if other in records[result["id"]].get("sensors", []):
            assert result["verdict"] == "no"


@needs_shared
def test_stac_1_1_bands_say_the_same() -> None:
    for location in sorted((SHARED / "examples/imagery").glob("*.json")):
        item = json.loads(location.read_text("utf-8"))
        assert to_imagery(_to_1_1(item)) == to_imagery(item), location.name


def _to_1_1(item: dict[str, Any]) -> dict[str, Any]:
    """The Item with the `bands` of STAC 1.1 in place of `eo:bands` and `raster:bands`."""
    assets = {}
    for key, asset in item["assets"].items():
        new = {name: value for name, value in asset.items() if name not in ("eo:bands", "raster:bands")}
        optical, raster = asset.get("eo:bands", []), asset.get("raster:bands", [])
        bands: list[dict[str, Any]] = [{} for _ in range(max(len(optical), len(raster)))]
        for band, source in zip(bands, optical, strict=False):
            band.update({name if name == "name" else f"eo:{name}": value for name, value in source.items()})
        for band, source in zip(bands, raster, strict=False):
            known = {"data_type": "data_type", "nodata": "nodata", "spatial_resolution": "raster:spatial_resolution"}
            band.update({known[name]: value for name, value in source.items() if name in known})
        assets[key] = {**new, **({"bands": bands} if bands else {})}
    return {**item, "stac_version": "1.1.0", "assets": assets}


@needs_shared
def test_sentinel_2_models_come_first_and_a_model_of_more_bands_says_which_are_missing(real_build: Build) -> None:
    assert real_build.library is not None
    records = {entry.model.id: to_record(entry.model) for entry in real_build.library.entries}
    item = json.loads((SHARED / "examples/imagery/sentinel-2-l2a.json").read_text("utf-8"))
    # The four bands of 10 m, and what has no bands.
    kept = {"blue", "green", "red", "nir"}
    banded = {key: asset for key, asset in item["assets"].items() if len(asset.get("eo:bands", ())) == 1}
    four = {key: asset for key, asset in banded.items() if asset["eo:bands"][0].get("common_name") in kept}
    assert len(four) >= 4
    for image in (item, _to_1_1(item), {**item, "assets": four}, _to_collection({**item, "assets": four})):
        imagery = to_imagery(image)
        results = match(list(records.values()), imagery)
        assert results == match(list(reversed(records.values())), imagery), "the order of the catalog does not count"
        fitting = [result for result in results if result["verdict"] == "fits"]
        assert {"csmask-unet-4b-l2a"} <= {result["id"] for result in fitting[:4]}
        sensors = [r["status"] for result in fitting for r in result["reasons"] if r["criterion"] == "sensor"]
        # Those made for Sentinel-2, then those that name no sensor; none made for another.
        assert sensors == sorted(sensors, key=["fits", "near", "unknown"].index)
        assert sensors[0] == "fits"
    # What reads eleven or more bands is in none of the places for an image of four, and says what it lacks.
    wide = [record for record in records.values() if "sentinel-2" in record.get("sensors", []) and _reads(record) >= 11]
    assert wide
    for record in wide:
        result = match_one(record, to_imagery({**item, "assets": four}))
        assert result["verdict"] == "no"
        assert result["reasons"][0]["text"].startswith(f"reads {_reads(record)} bands; the image has no ")


def _reads(record: dict[str, Any]) -> int:
    return sum(len(entry.get("bands", [])) for entry in record.get("inputs", []))


def _to_collection(item: dict[str, Any]) -> dict[str, Any]:
    """A Collection of such Items: what they share as summaries and definitions of assets."""
    properties = item["properties"]
    keys = ("platform", "constellation", "instruments", "processing:level", "s2:product_type", "gsd")
    found = {key: properties[key] for key in keys if key in properties}
    return {
        "type": "Collection",
        "id": "images",
        "extent": {"spatial": {"bbox": [item["bbox"]]}, "temporal": {"interval": [["2015-06-27T00:00:00Z", None]]}},
        "summaries": {key: value if isinstance(value, list) else [value] for key, value in found.items()},
        "item_assets": {
            key: {name: value for name, value in asset.items() if name != "href"}
            for key, asset in item["assets"].items()
        },
    }


# --- the command -----------------------------------------------------------------------------------------------------


def run(*arguments: object) -> Any:
    return CliRunner().invoke(main, ["match", *map(str, arguments)])


def write_item(tmp_path: Path, case: str) -> Path:
    item = next(case_["item"] for case_ in CASES if case_["name"] == case)
    location = tmp_path / "item.json"
    location.write_text(json.dumps(item), encoding="utf-8")
    return location


def test_command_ranks_with_reasons(site: Path, tmp_path: Path) -> None:
    location = write_item(tmp_path, "radar polarisations go by name, in any case")
    result = run(location, "--site", site)
    assert result.exit_code == 0, result.output
    assert "✓ bands   reads 2 bands, all in the image" in result.output
    assert "✓ sensor  made for sentinel-1" in result.output
    assert "does not fit" not in result.output
    assert "s1: " in result.output.splitlines()[-1]
    assert "does not fit" in run(location, "--site", site, "--all").output
    from_source = run(location, ROOT / "catalog_src")
    assert from_source.output == result.output


def test_command_in_json_and_by_task(site: Path, tmp_path: Path) -> None:
    location = write_item(tmp_path, "STAC 1.1 bands with the prefix eo")
    result = run(location, "--site", site, "--format", "json", "--task", "object detection", "--all")
    found = json.loads(result.output)
    assert found["imagery"]["task"] == "object detection"
    assert len(found["models"]) == 127
    assert set(found["models"][0]) == {"id", "verdict", "score", "reasons"}


def test_command_fails_where_nothing_fits_or_nothing_can_be_read(site: Path, tmp_path: Path) -> None:
    location = write_item(tmp_path, "STAC 1.1 bands with the prefix eo")
    item = json.loads(location.read_text("utf-8"))
    item["assets"] = {"x": {"href": "x", "bands": [{"name": "q", "eo:center_wavelength": 30.0}]}}
    location.write_text(json.dumps(item), encoding="utf-8")
    assert run(location, "--site", site).exit_code == 1
    location.write_text("[]", encoding="utf-8")
    for faulty in (run(location, "--site", site), run(tmp_path / "none.json"), run(location, tmp_path / "none")):
        assert faulty.exit_code == 2
        assert "Traceback" not in faulty.output
    location.write_text("{", encoding="utf-8")
    assert "is not JSON" in run(location, "--site", site).output
