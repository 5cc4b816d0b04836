"""The machine index: one record for each model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sources import build_files, find_item

from builder.exporters.models_json import VERSION


def record(tmp_path: Path, text: str) -> dict[str, Any]:
    made = build_files(tmp_path, {"c/a.yml": "description: A model.\n" + text})
    (found,) = find_item(made, "models.json")["models"]
    return dict(found)


def test_a_record_says_what_a_program_chooses_by(tmp_path: Path) -> None:
    text = """\
title: Title
version: '1.10'
license: MIT
deprecated: true
updated: 2024-01-02
keywords: [k]
platform: landsat-8
instruments: [oli]
gsd: 30
bbox: [1, 2, 3, 4]
eo:bands: [{name: B4, common_name: red}, {name: B5}]
dlm:data: {dtype: uint16, process_level: L2A, number_of_bands: 2}
dlm:inputs:
  name: x
  input_tensors: {dim: 2, height: 64}
  scaling_factor: 0.0001
  normalization:mean: [0.1, 0.2]
  normalization:std: [1, 2]
  selected_band: [1, 0]
dlm:architecture: [{type: U-Net, total_nb_parameters: 5}, {type: MLP, total_nb_parameters: 7}]
dlm:runtime: {framework: ONNX, docker: [{image_name: x, tag: '1', gpu: false}]}
dlm:outputs: {task: classification, number_of_classes: 3, class_name_mapping: [a, b, c]}
assets: {w: {href: 'https://example.com/w.onnx', roles: [weights]}}
"""
    assert record(tmp_path, text) == {
        "id": "a",
        "collection": "c",
        "title": "Title",
        "href": "c/a/a.json",
        "card": "c/a/index.html",
        "description": "A model.",
        "license": "MIT",
        "version": "1.10",
        "deprecated": True,
        "updated": "2024-01-02T00:00:00Z",
        "keywords": ["k"],
        "tasks": ["classification"],
        "sensors": ["landsat-8"],
        "instruments": ["oli"],
        "gsd": 30,
        "bands": ["B5", "red"],
        "process_levels": ["L2A"],
        "dtypes": ["uint16"],
        "inputs": [
            {
                "name": "x",
                "shape": [None, 2, 64, None],
                "scaling_factor": 0.0001,
                "mean": [0.1, 0.2],
                "std": [1, 2],
            }
        ],
        "architectures": ["U-Net", "MLP"],
        "parameters": 12,
        "classes": 3,
        "frameworks": ["ONNX"],
        "gpu": False,
        "weights": "https://example.com/w.onnx",
        "bbox": [1, 2, 3, 4],
    }


def test_what_is_not_stated_is_left_out(tmp_path: Path) -> None:
    assert record(tmp_path, "dlm:architecture: {total_nb_parameters: 0}\n") == {
        "id": "a",
        "collection": "c",
        "title": "a",
        "href": "c/a/a.json",
        "card": "c/a/index.html",
        "description": "A model.",
        "deprecated": False,
        "parameters": 0,
        "bbox": [-180, -90, 180, 90],
    }


def test_the_index_lists_every_model_and_its_files_exist(site: Path) -> None:
    index = json.loads((site / "models.json").read_bytes())
    assert index["version"] == VERSION
    assert index["catalog"]["href"] == "catalog.json"
    assert len(index["models"]) == len(list(site.glob("*/*/*.json")))
    for found in index["models"]:
        assert (site / found["card"]).is_file()
        item = json.loads((site / found["href"]).read_bytes())
        assert (item["id"], item["bbox"]) == (found["id"], found["bbox"])


def test_the_weights_of_a_local_file_are_found_from_the_index(tmp_path: Path) -> None:
    made = build_files(
        tmp_path,
        {
            "c/a.yml": "description: A\ndlm:architecture: {}\nassets: {w: {href: w.bin, roles: [weights]}}\n",
            "c/w.bin": "w",
        },
    )
    assert not made.failed
    (found,) = find_item(made, "models.json")["models"]
    assert found["weights"] == "c/a/w.bin"
