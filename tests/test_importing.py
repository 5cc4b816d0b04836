"""`import`: what each kind of description becomes, that the result passes the check, and that TODO marks the rest."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import (
    CSMASK_MODELS,
    archive_bytes,
    csmask_file,
    external_bytes,
    needs_csmask,
    onnx_bytes,
    safetensors_bytes,
)
from shared import ROOT, SHARED, needs_shared
from sources import write

from builder import pipeline
from builder.cli import main
from builder.document import parse
from builder.importers import Draft, ImportFileError
from builder.importing import import_model
from builder.report import format_text
from builder.weights import MissingExtraError

Import = Callable[..., tuple[dict[str, Any], str, Draft]]


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    """The fields, the text and the draft of a file with this name and content."""

    def from_content(name: str, content: str | bytes | dict[str, Any]) -> tuple[dict[str, Any], str, Draft]:
        data = json.dumps(content) if isinstance(content, dict) else content
        write(tmp_path, {name: data})
        draft, text = import_model(tmp_path / name)
        document, found = parse("model.yml", text)
        assert document is not None, found
        assert document.data == draft.fields
        return document.data, text, draft

    return from_content


def check(folder: Path, text: str, name: str = "model") -> list[str]:
    """The errors and warnings of a model file with this text whose line is under no comment with TODO."""
    file = write(folder, {f"src/models/{name}.yml": text}) / f"src/models/{name}.yml"
    lines = text.splitlines()
    untold = []
    for found in pipeline.check_file(file).diagnostics:
        above = [line for line in lines[: found.span.line] if not line.lstrip().startswith("#") or "TODO" in line]
        if found.severity != "note" and not any("TODO" in line for line in above[-2:]):
            untold.append(format_text([found]))
    return untold


# --- drafts of DLM ---------------------------------------------------------------------------------------------------

DRAFT = """\
stac_version: 1.0.0-beta.2
stac_extensions: [dl-model, eo]
id: 7
type: Feature
collection: our models
geometry: {type: Polygon, coordinates: [[[5, 45], [10, 45], [10, 47], [5, 47]]]}
bbox: [5, 45, 10, 47]
links: [{rel: self, href: "https://example.com/models/7.json"}, {rel: root, href: catalog.json}]
assets:
  - archive: {href: net.zip, role: [model artefact]}
properties:
  title: A draft
  description: "Of the extension. "
  license: mit
  providers: [{name: Lab, roles: [data maker]}]
  eo:bands: [{name: B4, common_name: red, center_wavelength: 665}]
  dlm:runtime: {framework: PyTorch, framework_version: 1.10, model_commit_hash: }
  dlm:data: {process_ level: raw, data_type: ushort, nodata: 0, number_of_bands: 1}
  dlm:inputs: {name: x, input_tensors: {batch: 1, channels: 1}, selected_bands: [0], scale: 3}
  dlm:outputs: {task: Object-Segmentation, class_name_mapping: [{I_0: none}, {I_1: ship}]}
"""


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_draft_of_dlm_becomes_today_s(form: str, imported: Import, tmp_path: Path) -> None:
    document, _ = parse("draft.yml", DRAFT)
    assert document is not None
    content = DRAFT if form == "yaml" else json.dumps(document.data).replace("1.1,", "1.10,")
    data, text, draft = imported(f"draft.{'yml' if form == 'yaml' else 'json'}", content)
    assert (data["id"], data["collection"]) == ("7", "our-models")
    assert data["license"] == "MIT"
    assert data["eo:bands"] == [{"name": "B4", "common_name": "red", "center_wavelength": 0.665}]
    assert data["dlm:data"] == {"process_level": "L0", "dtype": "uint16", "nodata_value": 0, "number_of_bands": 1}
    assert data["dlm:inputs"] == {"name": "x", "input_tensors": {"batch": 1, "dim": 1}, "selected_band": [0]}
    assert data["dlm:runtime"] == {"framework": "PyTorch", "version": "1.10"}
    assert data["dlm:outputs"]["task"] == "instance segmentation"
    assert [entry["index"] for entry in data["dlm:outputs"]["class_name_mapping"]] == [0, 1]
    assert data["assets"]["archive"]["href"] == "https://example.com/models/net.zip"
    assert "stac_extensions" not in data
    assert "providers.0.roles.0" in dict(draft.unknown)
    assert any(place.startswith("dlm:inputs.scale: 3") for place, _ in draft.unknown)
    assert check(tmp_path, text) == []


@needs_shared
@pytest.mark.parametrize("name", ["thelper-unet.yml", "thelper-unet.json"])
def test_the_extension_s_own_example_builds(name: str, tmp_path: Path) -> None:
    location = SHARED / "examples" / "dlm" / name
    draft, text = import_model(location)
    assert check(tmp_path, text) == []
    assert "# TODO selected_band: selected_band is [0, 1, 3], but useful_bands names [2, 1, 3]" in text
    assert draft.fields["dlm:architecture"]["total_nb_parameters"] == 42813873
    made = pipeline.build(pipeline.Settings(tmp_path / "src"))
    assert not made.failed
    assert made.library is not None
    item = made.library.entries[0].item["properties"]
    assert item["dlm:inputs"]["input_tensors"] == {"batch": 1, "dim": 3, "height": 224, "width": 224}
    assert [band["center_wavelength"] for band in item["eo:bands"]] == [0.4, 0.49, 0.5, 0.66, 0.85]


# --- STAC Items ------------------------------------------------------------------------------------------------------


@needs_shared
@pytest.mark.parametrize("location", sorted((SHARED / "examples" / "mlm").glob("item_*.json")), ids=lambda p: p.stem)
def test_the_official_examples_of_mlm_build(location: Path, tmp_path: Path) -> None:
    _, text = import_model(location)
    assert check(tmp_path, text) == []
    made = pipeline.build(pipeline.Settings(tmp_path / "src"))
    assert [d.message for d in made.diagnostics if d.severity == "error" and d.rule != "link-broken"] == []


ML_MODEL = {
    "type": "Feature", "stac_version": "1.0.0", "id": "ships", "bbox": [34, 0, 35, 1],
    "stac_extensions": ["https://stac-extensions.github.io/ml-model/v1.0.0/schema.json"],
    "geometry": {"type": "Polygon", "coordinates": [[[34, 0], [35, 0], [35, 1], [34, 1], [34, 0]]]},
    "properties": {
        "datetime": None, "start_datetime": "2020-01-01T00:00:00Z", "end_datetime": "2021-01-01T00:00:00Z",
        "title": "Ships", "description": "Finds ships.", "license": "MIT",
        "ml-model:type": "ml-model", "ml-model:learning_approach": "supervised",
        "ml-model:prediction_type": "segmentation", "ml-model:architecture": "U-Net",
        "ml-model:training-processor-type": "gpu", "ml-model:training-os": "linux",
    },
    "assets": {
        "weights": {"href": "https://example.com/ships.pt", "roles": ["ml-model:checkpoint"]},
        "run": {"href": "https://example.com/run.yml", "type": "text/x-yaml; application=compose",
                "roles": ["ml-model:inference-runtime"]},
    },
    "links": [
        {"rel": "ml-model:inferencing-image", "href": "registry.example.com/lab/ships:1.2", "type": "docker-image"},
        {"rel": "ml-model:train-data", "href": "https://example.com/data/collection.json"},
        {"rel": "collection", "href": "./collection.json"},
    ],
}  # fmt: skip


def test_an_item_with_ml_model_is_read(imported: Import, tmp_path: Path) -> None:
    data, text, draft = imported("item.json", ML_MODEL)
    assert data["dlm:architecture"] == {"type": "U-Net"}
    assert data["dlm:outputs"] == {"task": "semantic segmentation"}
    assert data["dlm:runtime"] == {"docker": {"image_name": "registry.example.com/lab/ships", "tag": "1.2"}}
    assert data["assets"]["weights"]["roles"] == ["weights"]
    assert [link["rel"] for link in data["links"]] == ["ml-model:train-data"]
    assert data["bbox"] == [34, 0, 35, 1]
    assert "# TODO task: the Item says segmentation" in text
    left = {place.partition(":")[2].partition(":")[0] for place, _ in draft.unknown}
    assert left == {"learning_approach", "training-os", "training-processor-type"}
    assert check(tmp_path, text) == []


@needs_shared
def test_the_invented_item_is_one_of_ml_model() -> None:
    from jsonschema import Draft7Validator

    path = SHARED / "schemas/stac-extensions.github.io/ml-model/v1.0.0/schema.json"
    Draft7Validator(json.loads(path.read_text("utf-8"))).validate(ML_MODEL)


# --- weights ---------------------------------------------------------------------------------------------------------


def test_an_onnx_file_becomes_a_model_file(imported: Import, tmp_path: Path) -> None:
    content = onnx_bytes(metadata={"bands": "red,green,blue"})
    data, text, draft = imported("models/Net (1).onnx", content)
    assert data["id"] == "Net--1"
    assert data["dlm:inputs"] == {"name": "image", "input_tensors": {"dim": 3, "height": 64, "width": 64}}
    assert data["dlm:outputs"] == {"final_layer_size": [1, 5, 64, 64]}
    assert data["dlm:architecture"] == {"total_nb_parameters": 26}
    assert data["dlm:runtime"] == {"framework": "ONNX"}
    asset = data["assets"]["weights"]
    assert (asset["file:size"], asset["roles"]) == (len(content), ["weights"])
    assert asset["description"] == "ONNX model, operator set 17, written by test 1."
    assert (
        "metadata bands: red,green,blue",
        "it is the file's own, and DLM has no certain place for it",
    ) in draft.unknown
    for names in (
        "description",
        "href",
        "task, number_of_classes, class_name_mapping",
        "selected_band, scaling_factor",
    ):
        assert f"# TODO {names}" in text
    assert check(tmp_path, text) == []


def test_what_an_onnx_file_says_that_dlm_has_no_place_for_is_listed(imported: Import) -> None:
    _, _, draft = imported("net.onnx", onnx_bytes(["n", 3, 8], ["n", "c"]))
    assert [place for place, _ in draft.unknown] == ['input image: ["n", 3, 8]', 'output classes: ["n", "c"]']
    assert imported("ext.onnx", external_bytes("ext.data"))[2].unknown[-1][0] == "external data ext.data"


def round_trip(location: Path, folder: Path) -> dict[str, Any]:
    """The Item that a build makes of what was imported, with the file of weights put beside it."""
    draft, text = import_model(location)
    write(folder, {f"src/models/{draft.id}.yml": text})
    shutil.copy(location, folder / "src" / "models" / location.name)
    made = pipeline.build(pipeline.Settings(folder / "src"))
    assert {d.rule for d in made.diagnostics if d.severity != "note"} <= {"todo-left"}
    assert made.library is not None
    return dict(made.library.entries[0].item)


@needs_csmask
@pytest.mark.parametrize("model", CSMASK_MODELS)
def test_the_real_networks_are_imported_and_build(model: str, tmp_path: Path) -> None:
    item = round_trip(csmask_file(model), tmp_path)
    properties = item["properties"]
    catalog, _ = parse(
        "x.yml", (ROOT / f"catalog_src/cloud-masks/csmask-unet-{model.replace('_', '-')}.yml").read_text()
    )
    assert catalog is not None
    stated = catalog.data
    assert properties["dlm:inputs"]["input_tensors"] == stated["dlm:inputs"]["input_tensors"]
    assert properties["dlm:inputs"]["name"] == stated["dlm:inputs"]["name"]
    number = properties["dlm:architecture"]["total_nb_parameters"]
    assert number == stated["dlm:architecture"]["total_nb_parameters"]
    for key in ("file:size", "file:checksum"):
        assert item["assets"]["weights"][key] == stated["assets"]["model"][key]


def test_files_that_the_libraries_write_are_imported_and_build(tmp_path: Path) -> None:
    content = safetensors_bytes({"format": "pt"}, a=np.zeros((3, 4), np.float16), b=np.zeros(2, np.int64))
    location = write(tmp_path, {"net.safetensors": content}) / "net.safetensors"
    item = round_trip(location, tmp_path / "one")
    assert item["properties"]["dlm:architecture"]["total_nb_parameters"] == 12
    item = round_trip(write(tmp_path, {"net.onnx": onnx_bytes()}) / "net.onnx", tmp_path / "two")
    assert item["properties"]["mlm:input"][0]["input"]["shape"] == [-1, 3, 64, 64]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("net.pt", archive_bytes(), "net/data.pkl, a pickle"),
        ("net.pth", b"\x80\x02}q\x00.", "net.pth, a pickle"),
        ("net.zip", archive_bytes("a.txt"), "it is a zip file"),
        ("net.onnx", onnx_bytes()[:-9], "is cut off"),
        ("net.safetensors", b"{}", "is cut off"),
        ("net.txt", b"some text", "none of what can be imported"),
        ("net.json", b"{", "is not JSON"),
        ("net.json", b"[" * 99 + b"]" * 99, "nested more than 50 levels"),
        ("net.yml", b"a: [", ":1: "),
        ("net.yml", b"\xff\xfe\x00", "is not UTF-8 text"),
        ("README.md", b"---\na: [\n---\n", ":2: "),
        ("README.md", b"# No data at the head\n", "none of what can be imported"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_its_reason(
    name: str, content: bytes, message: str, imported: Import
) -> None:
    with pytest.raises(ImportFileError) as raised:
        imported(name, content)
    assert message in str(raised.value)
    assert name in str(raised.value)


def test_without_the_library_the_command_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: Any) -> Any:
        raise MissingExtraError("onnx")

    monkeypatch.setattr("builder.source.read_signature", missing)
    file = write(tmp_path, {"net.onnx": onnx_bytes()}) / "net.onnx"
    done = CliRunner().invoke(main, ["import", str(file)])
    assert done.exit_code == 4
    assert "pip install 'dlm-catalog[onnx]'" in done.stderr


# --- Hugging Face ----------------------------------------------------------------------------------------------------

CARD = """\
---
license: apache-2.0
library_name: torchgeo
pipeline_tag: image-segmentation
tags: [sentinel-2, clouds, "arxiv:2003.01234", "region:us"]
datasets: [lab/clouds]
base_model: lab/encoder
language: en
metrics: [accuracy]
model-index:
  - name: Clouds
    results:
      - task: {type: image-segmentation}
        dataset: {name: CloudSet, type: lab/clouds, split: test}
        metrics:
          - {type: mean_iou, value: 0.81, name: mIoU}
          - {type: accuracy, value: 0.93}
        source: {name: Paper, url: "https://example.com/paper"}
---
# Clouds <b>U-Net</b>

Finds **clouds** in [Sentinel-2](https://example.com) images.

## Intended uses & limitations
Masking before analysis.

```python
# not a heading
```

## Training data
Tiles of 2020.

## How to get started
Run it.

## Bias, risks
[More Information Needed]
"""


def test_a_model_card_becomes_a_model_file(imported: Import, tmp_path: Path) -> None:
    content = safetensors_bytes()
    write(tmp_path, {"clouds/model.safetensors": content, "clouds/model.pt": archive_bytes()})
    data, text, draft = imported("clouds/README.md", CARD)
    assert data["id"] == "clouds"
    assert data["title"] == "Clouds U-Net"
    assert data["description"] == "Finds clouds in Sentinel-2 images."
    assert data["license"] == "Apache-2.0"
    assert data["keywords"] == ["sentinel-2", "clouds"]
    assert data["links"] == [{"rel": "about", "href": "https://arxiv.org/abs/2003.01234"}]
    assert data["dlm:outputs"] == {"task": "semantic segmentation"}
    assert data["dlm:runtime"] == {"framework": "PyTorch"}
    assert data["dlm:architecture"] == {"pretrained": "lab/encoder", "total_nb_parameters": 26}
    assert list(data["assets"]) == ["weights"]
    assert data["assets"]["weights"]["file:size"] == len(content)
    assert data["card"]["training_data"].startswith("Tiles of 2020.\n\nData sets: [lab/clouds](https://huggingface.co/")
    assert data["card"]["intended_use"].startswith("Masking before analysis.")
    assert data["card"]["metrics"] == [
        {"name": "mIoU", "value": 0.81, "dataset": "CloudSet", "split": "test", "source": "https://example.com/paper"},
        {
            "name": "accuracy",
            "value": 0.93,
            "dataset": "CloudSet",
            "split": "test",
            "source": "https://example.com/paper",
        },
    ]
    assert [place for place, _ in draft.unknown] == ["tags: region:us", "section How to get started", "language: en"]
    assert "# TODO task: the card says image-segmentation" in text
    assert "TODO eo:bands, dlm:data, dlm:inputs" in text
    assert check(tmp_path, text) == []


@pytest.mark.parametrize(
    ("head", "field", "value"),
    [
        ("license: other\nlicense_name: ours\nlicense_link: https://example.com/l", "license", "other"),
        ("license: [mit, apache-2.0]", "license", "other"),
        ("pipeline_tag: text-generation", "dlm:architecture", {"type": "TODO"}),
        ("library_name: transformers\npipeline_tag: image-classification", "dlm:outputs", {"task": "classification"}),
        ("tags: one", "keywords", ["one"]),
        ("model-index: 3\ndatasets: {a: 1}\ntags: [1, null]\nbase_model: 5", "description", "TODO"),
    ],
)
def test_cards_with_little_or_odd_data_are_read(
    head: str, field: str, value: Any, imported: Import, tmp_path: Path
) -> None:
    data, text, _ = imported("net/README.md", f"---\n{head}\n---\n")
    assert data[field] == value
    assert check(tmp_path, text) == []


# --- all -------------------------------------------------------------------------------------------------------------


def test_the_command_says_how_much_is_left_to_do(tmp_path: Path) -> None:
    file = write(tmp_path, {"net.onnx": onnx_bytes()}) / "net.onnx"
    done = CliRunner().invoke(main, ["import", str(file), "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    text = (tmp_path / "out" / "net.yml").read_text("utf-8")
    assert f": {text.count('# TODO ')} TODOs, 0 facts not carried over." in done.stderr
    assert CliRunner().invoke(main, ["import", str(file), "-o", str(tmp_path / "out")]).exit_code == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**40) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_an_item_with_anything_in_it_is_imported_or_refused(data: st.DataObject, tmp_path_factory: Any) -> None:
    """Values of the wrong kind anywhere in a draft, an Item or a card."""
    document, _ = parse("draft.yml", DRAFT.replace("7.json", "7"))
    assert document is not None
    kind = data.draw(st.sampled_from(["draft", "ml-model", "card"]))
    base = {"draft": document.data, "ml-model": ML_MODEL, "card": _front(CARD)}[kind]
    content = json.loads(json.dumps(base))
    for _ in range(data.draw(st.integers(1, 3))):
        holder, steps = content, data.draw(st.integers(1, 4))
        for _ in range(steps):
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(holder[key], (dict, list)) and holder[key] and data.draw(st.booleans()):
                holder = holder[key]
                continue
            holder[key] = data.draw(json_values)
            break
    folder = tmp_path_factory.mktemp("any")
    text = f"---\n{json.dumps(content)}\n---\n# Title\n" if kind == "card" else json.dumps(content)
    location = folder / ("README.md" if kind == "card" else "item.json")
    location.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        draft, made = import_model(location)
    except ImportFileError:
        return
    read, found = parse("a.yml", made)
    assert read is not None, found
    assert read.data == draft.fields


def _front(card: str) -> dict[str, Any]:
    document, found = parse("card.yml", card.split("---\n")[1])
    assert document is not None, found
    data: dict[str, Any] = document.data
    return data


def test_importing_loads_no_library_that_it_does_not_need(tmp_path: Path) -> None:
    file = write(tmp_path, {"item.json": json.dumps(ML_MODEL)}) / "item.json"
    code = (
        "import sys; from builder.cli import main; main(['import', sys.argv[1]], standalone_mode=False);"
        "assert not {'onnx', 'numpy', 'pystac', 'jinja2', 'mkdocs'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code, str(file)], cwd=ROOT, check=True, capture_output=True)
