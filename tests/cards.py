"""Three models for the tests of the pages: one that says everything, one that says nothing, one that means harm."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from builder.catalog import CatalogInfo, CollectionEntries, CollectionInfo, Entry, Library, Neighbours, Reference
from builder.model import to_model
from builder.site import Shell
from builder.stac import Titles, to_item

RICH: dict[str, Any] = {
    "id": "fusion-2.1",
    "collection": "land-cover",
    "title": "Optical and radar fusion for land cover",
    "description": (
        "Maps land cover from **Sentinel-2** and Sentinel-1 together, one class per pixel.\n\n"
        "## How it works\n\nTwo encoders share a decoder:\n- optical\n- radar\n\n"
        "| step | what |\n|---|--:|\n| 1 | resample |\n\nSee the note[^a].\n\n[^a]: Trained in two stages."
    ),
    "keywords": ["land cover", "fusion"],
    "license": "CC-BY-4.0",
    "version": "2.1.0",
    "experimental": True,
    "deprecated": True,
    "created": "2024-02-03T00:00:00Z",
    "updated": "2025-06-07T08:09:10Z",
    "start_datetime": "2018-01-01",
    "end_datetime": "2023-12-31",
    "platform": "sentinel-2a",
    "constellation": "sentinel-2",
    "mission": "copernicus",
    "instruments": ["msi", "c-sar"],
    "gsd": 10,
    "bbox": [-10.5, 35, 30.25, 60],
    "providers": [
        {"name": "Example Lab", "roles": ["producer"], "url": "https://lab.example.com", "description": "Made *it*."},
        {"name": "Example Host", "roles": ["host"]},
    ],
    "eo:bands": [
        {"name": "B02", "common_name": "blue", "center_wavelength": 0.49, "full_width_half_max": 0.098},
        {"name": "B03", "common_name": "green", "center_wavelength": 0.56, "full_width_half_max": 0.045},
        {"name": "B04", "common_name": "red", "center_wavelength": 0.665, "full_width_half_max": 0.038},
        {"name": "B05", "common_name": "rededge", "center_wavelength": 0.704, "full_width_half_max": 0.019},
        {
            "name": "B08",
            "common_name": "nir",
            "center_wavelength": 0.842,
            "full_width_half_max": 0.145,
            "description": "Wide near infrared",
            "solar_illumination": 1036.39,
        },
        {"name": "B11", "common_name": "swir16", "center_wavelength": 1.61, "full_width_half_max": 0.143},
        {"name": "B99", "common_name": "lwir", "center_wavelength": 10.9},
    ],
    "sci:doi": "10.1234/model_one",
    "sci:citation": "Example Lab (2024): Fusion & more, 50% better.",
    "sci:publications": [
        {"doi": "10.1234/paper", "citation": "A. Author (2023). On fusion."},
        {"citation": "B. Writer (2022). Only text."},
    ],
    "dlm:data": [
        {
            "process_level": "L2A",
            "dtype": "uint16",
            "nodata_value": 0,
            "number_of_bands": 7,
            "useful_bands": [{"index": 0, "name": "B02"}, {"index": 2, "name": "B04"}],
            "test_file": "test.tif",
            "item_examples": [{"title": "A scene", "url": "https://example.com/scene.json"}],
        },
        {"process_level": "L1B", "dtype": "float32", "nodata_value": "nan", "number_of_bands": 2},
    ],
    "dlm:inputs": [
        {
            "name": "optical",
            "input_tensors": {"batch": 8, "dim": 5, "height": 256, "width": 256},
            "scaling_factor": 0.0001,
            "normalization:mean": [0.131, 0.122, 0.113, 0.244, 0.255],
            "normalization:std": [0.011, 0.012, 0.013, 0.024, 0.025],
            "selected_band": [4, 2, 1, 0, 6],
            "pre_processing_function": "fusion.data:optical(ndarray) -> Tensor",
        },
        {"name": "radar", "input_tensors": [{"dim": 2}, {"dim": 2, "height": 512, "width": 512}]},
    ],
    "dlm:architecture": {
        "type": "two-stream U-Net",
        "total_nb_parameters": 19543210,
        "estimated_total_size_mb": 74.55,
        "pretrained": "ImageNet",
        "summary": "Conv2d-1   [-1, 64]   9,408\n  BatchNorm2d-2   <none>\nTotal params: 19,543,210",
    },
    "dlm:runtime": [
        {
            "framework": "PyTorch",
            "version": "2.4",
            "model_handler": "fusion.serve:handler",
            "model_src_url": "https://github.com/example/fusion",
            "model_commit_hash": "0123456789abcdef0123456789abcdef01234567",
            "requirement_file": "https://example.com/requirements.txt",
            "docker": [
                {
                    "docker_file": "https://example.com/Dockerfile",
                    "image_name": "registry.example.com:5000/fusion",
                    "tag": "2.1",
                    "working_dir": "/work dir",
                    "run": "python -m fusion --out '/tmp/a b'",
                    "gpu": True,
                },
                {"image_name": "fusion-cpu:2.1", "run": "cd /x && ./run.sh", "gpu": False},
            ],
        },
        {"framework": "ONNX", "version": "1.17"},
    ],
    "dlm:outputs": [
        {
            "task": "semantic segmentation",
            "number_of_classes": 3,
            "final_layer_size": [8, 3, 256, 256],
            "dont_care_index": 0,
            "class_name_mapping": [
                {"index": 0, "class_name": "unknown", "color": "#808080"},
                {"index": 1, "class_name": "water", "color": "#0000ff", "description": "Open water"},
                {"index": 2, "class_name": "forest", "color": "#00aa00"},
            ],
            "post_processing_function": "fusion.post:argmax",
        },
        {"task": "regression", "final_layer_size": [8, 1]},
    ],
    "dlm:archive": [{"name": "weights.pt", "role": ["model weight"]}, {"name": "config.yml"}],
    "processing:facility": "Example facility",
    "assets": {
        "weights": {
            "href": "https://example.com/fusion.pt",
            "title": "Weights",
            "description": "Saved with *torch*.",
            "type": "application/octet-stream; application=pytorch",
            "roles": ["weights"],
            "file:size": 78234567,
            "file:checksum": "1220" + "ab" * 32,
        },
        "bucket": {"href": "s3://bucket/fusion.onnx", "roles": ["data"]},
    },
    "links": [{"rel": "about", "href": "https://example.com/about", "title": "Project page", "type": "text/html"}],
    "card": {
        "intended_use": "Maps at 1:100 000.\n\n# Not for\n\n### Law",
        "limitations": "Fails over snow.",
        "training_data": "120 scenes.",
        "evaluation": "On held-out tiles.\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "ethical_considerations": "None known.",
        "known_issues": "Seams at tile borders.",
        "metrics": [
            {
                "name": "mIoU",
                "value": 0.731,
                "dataset": "Tiles 2023",
                "split": "test",
                "source": "https://example.com/r",
            },
            {"name": "accuracy", "value": 91.25, "unit": "%"},
        ],
    },
}

BARE: dict[str, Any] = {
    "id": "bare",
    "collection": "land-cover",
    "description": "A model.",
    "dlm:architecture": {"type": "CNN"},
}

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7*7 }} {% raw %} ]]> \u202e & \x07"
EVIL_URL = "javascript:alert(3)"
HOSTILE: dict[str, Any] = {
    "id": "hostile",
    "collection": "odd",
    "title": EVIL,
    "description": f"{EVIL} [click]({EVIL_URL}) <style>*{{}}</style><p style='x' onclick=y id=main>hi</p> ![t](https://e.example/x.png)",
    "keywords": [EVIL],
    "license": EVIL,
    "version": EVIL,
    "platform": EVIL,
    "providers": [{"name": EVIL, "url": EVIL_URL, "description": EVIL}],
    "eo:bands": [{"name": EVIL, "description": EVIL, "center_wavelength": 0.5}],
    "sci:citation": EVIL + " } @misc{x, \\input{y}",
    "sci:publications": [{"citation": EVIL}],
    "dlm:data": {"test_file": EVIL, "item_examples": [{"title": EVIL, "url": EVIL_URL}], "number_of_bands": 1},
    "dlm:inputs": {"name": EVIL, "selected_band": [0], "pre_processing_function": EVIL, "normalization:mean": [1]},
    "dlm:architecture": {"type": EVIL, "summary": EVIL, "pretrained": EVIL},
    "dlm:runtime": {
        "framework": EVIL,
        "version": EVIL,
        "model_handler": EVIL,
        "model_src_url": EVIL_URL,
        "requirement_file": "data:text/html,x",
        "docker": {"image_name": EVIL, "docker_file": EVIL_URL, "run": EVIL, "working_dir": EVIL, "tag": EVIL},
    },
    "dlm:outputs": {
        "task": "classification",
        "class_name_mapping": [{"index": 0, "class_name": EVIL, "description": EVIL}],
        "post_processing_function": EVIL,
    },
    "dlm:archive": [{"name": EVIL, "role": [EVIL]}],
    "x:evil": {EVIL: [EVIL, {"deep": EVIL}]},
    "assets": {EVIL: {"href": EVIL_URL, "title": EVIL, "description": EVIL, "type": EVIL, "roles": [EVIL]}},
    "links": [{"rel": EVIL, "href": "//evil.example/x", "title": EVIL}, {"rel": "x", "href": "java\tscript:alert(1)"}],
    "card": {"intended_use": EVIL, EVIL: EVIL, "metrics": [{"name": EVIL, "value": EVIL, "source": EVIL_URL}]},
}

TITLES = Titles("A & B <models>", {}, "https://dlm-catalog.example/schemas/dlm/v1.0.0/schema.json")


def to_entry(data: dict[str, Any], source: str = "", *, mlm: bool = True) -> Entry:
    model = to_model(data)
    item = to_item(model, replace(TITLES, mlm=mlm), {})
    return Entry(model, item, source or f"{model.collection}/{model.id}.yml", json.dumps(data, indent=1))


def to_library(*models: dict[str, Any], base_url: str | None = None) -> Library:
    """The models, gathered by collection; each is a later version of the one before."""
    info = CatalogInfo(
        "test",
        TITLES.catalog,
        "All *models* of the tests.",
        base_url,
        source_url="https://github.com/example/models/blob/main/catalog_src",
        issues_url="https://github.com/example/models/issues",
    )
    entries = [to_entry(model) for model in models]
    collections = tuple(
        CollectionEntries(
            CollectionInfo(name, f"Collection {name}", f"About `{name}`.", "MIT", ("key",)),
            tuple(entry for entry in entries if entry.model.collection == name),
        )
        for name in dict.fromkeys(entry.model.collection for entry in entries)
    )
    line = tuple(Reference(e.model.id, e.model.collection, e.model.name, e.model.version) for e in entries)
    neighbours = {
        entry.folder: Neighbours(line[:i], line[i + 1 : i + 2], line[-1] if i + 1 < len(line) else None, line)
        for i, entry in enumerate(entries)
    }
    return Library(info, collections, neighbours)


def to_shell(library: Library) -> Shell:
    counts = tuple((c.info.id, c.info.title, len(c.entries)) for c in library.collections)
    return Shell(library.info, counts, has_docs=True, generator="dlm-catalog 0.0.0")
