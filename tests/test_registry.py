"""The catalog as programs read it: search by what models state, from a folder and over HTTP."""

from __future__ import annotations

import functools
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sources import write

import builder
from builder import schema
from builder.exporters.models_json import VERSION
from builder.model import Model
from builder.pipeline import Build
from builder.registry import MAJOR, Record, Registry, RegistryError


@pytest.fixture(scope="module")
def registry(site: Path) -> Registry:
    return builder.open(site)


def test_the_index_passes_its_schema(site: Path) -> None:
    published = json.loads((site / schema.MODELS_PATH).read_bytes())
    jsonschema.Draft7Validator.check_schema(published)
    index = json.loads((site / "models.json").read_bytes())
    jsonschema.validate(index, published)
    assert index["schema"] == schema.MODELS_PATH == f"schemas/models/v{VERSION}/schema.json"
    assert published["$id"].endswith(schema.MODELS_PATH)
    assert VERSION.partition(".")[0] == MAJOR


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("gsd", "10"),
        ("tasks", ["mapping"]),
        ("bbox", [0, 0]),
        ("bands", []),
        ("href", None),
        ("inputs", [{"shape": [1]}]),
    ],
)
def test_the_schema_notices_a_fault(site: Path, key: str, wrong: Any) -> None:
    index = json.loads((site / "models.json").read_bytes())
    index["models"][0][key] = wrong
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(index, json.loads((site / schema.MODELS_PATH).read_bytes()))


def test_the_schema_knows_every_key_of_every_record(site: Path) -> None:
    records = json.loads((site / "models.json").read_bytes())["models"]
    definitions = schema.load(schema.MODELS)["definitions"]
    assert {key for record in records for key in record} <= definitions["model"]["properties"].keys()
    assert {key for r in records for i in r.get("inputs", []) for key in i} <= definitions["input"]["properties"].keys()


def test_all_models_are_there_with_their_files(registry: Registry, real_build: Build, site: Path) -> None:
    assert len(registry) == real_build.models
    mask = registry["csmask-unet-4b-l2a"]
    assert Path(mask.href) == site / "cloud-masks/csmask-unet-4b-l2a/csmask-unet-4b-l2a.json"
    assert Path(mask.card).is_file()
    assert mask.weights is not None
    assert mask.weights.startswith("pkg:")
    assert mask.item()["properties"]["title"] == mask.title == mask["title"]
    assert {record.id for record in registry} == {record.item()["id"] for record in registry}
    with pytest.raises(KeyError):
        registry["nothing"]


@pytest.mark.parametrize(
    "asked",
    [
        {"task": "semantic segmentation"}, {"task": ["Classification", "semantic segmentation"]}, {"bands": "nir"},
        {"available_bands": ["red", "green", "blue", "nir"]}, {"gsd": 30}, {"gsd": (None, 10)}, {"gsd": (15, 60)},
        {"sensor": "sentinel-1"}, {"framework": "onnx"}, {"license": ["mit", "Apache-2.0"]}, {"architecture": "resnet"},
        {"collection": "cloud-masks"}, {"process_level": "L2A"}, {"dtype": "float32"}, {"parameters": (None, 12e6)},
        {"text": "cloud shadow"}, {"bbox": (10, 50, 11, 51)},
    ],
    ids=str,
)  # fmt: skip
def test_a_search_gives_exactly_the_models_that_state_it(registry: Registry, real_build: Build, asked: Any) -> None:
    """Against the typed models, by a rule of its own for each key."""
    assert real_build.library is not None
    ((key, value),) = asked.items()
    words = {value.lower()} if isinstance(value, str) else {str(word).lower() for word in ensure_list(value)}
    rules: dict[str, Callable[[Model], Any]] = {
        "task": lambda m: words & {task.lower() for task in m.tasks},
        "bands": lambda m: words <= bands_of(m),
        "available_bands": lambda m: bands_of(m) and bands_of(m) <= words,
        "sensor": lambda m: any(name.startswith(value) for name in (*m.sensors, *m.instruments)),
        "framework": lambda m: words & {(runtime.framework or "").lower() for runtime in m.runtime},
        "license": lambda m: (m.license or "").lower() in words,
        "architecture": lambda m: any(value in (network.type or "").lower() for network in m.architecture),
        "collection": lambda m: m.collection in words,
        "process_level": lambda m: words & {(data.process_level or "").lower() for data in m.data},
        "dtype": lambda m: words & {data.dtype for data in m.data},
        "gsd": lambda m: m.gsd is not None and inside(m.gsd, value),
        "parameters": lambda m: any(numbers := parameters_of(m)) and inside(sum(numbers), value),
        "text": lambda m: all(w in f"{m.id} {m.name} {m.description} {m.keywords}".lower() for w in value.split()),
        "bbox": lambda m: not m.bbox,  # no real model is bound to a place elsewhere
    }
    models = [entry.model for entry in real_build.library.entries]
    expected = {model.id for model in models if not model.deprecated and rules[key](model)}
    assert {record.id for record in registry.search(**asked)} == expected
    assert expected


def ensure_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def parameters_of(model: Model) -> list[int]:
    return [a.total_nb_parameters for a in model.architecture if a.total_nb_parameters is not None]


def bands_of(model: Model) -> set[str | None]:
    return {b.common_name or b.name for i in range(len(model.inputs)) for b in model.selected_bands(i)}


def inside(number: float, asked: Any) -> bool:
    least, greatest = asked if isinstance(asked, tuple) else (asked, asked)
    return (number if least is None else least) <= number <= (number if greatest is None else greatest)


def test_criteria_add_up_and_what_is_not_stated_does_not_fit() -> None:
    one = {"id": "one", "title": "One", "href": "h", "card": "c", "tasks": ["regression"], "gpu": False, "gsd": 10}
    west = {"id": "two", "title": "Two", "href": "h", "card": "c", "bbox": [170, -10, -170, 10], "deprecated": True}
    gone = {"id": "gone", "title": "Gone", "href": "h", "card": "c", "withdrawn": {"reason": "r", "since": "s"}}
    registry = Registry("t", "1.2.0", tuple(Record(fields, "models.json") for fields in (one, west, gone)))

    def found(**asked: Any) -> list[str]:
        return [record.id for record in registry.search(**asked)]

    assert found() == ["one"]
    assert found(deprecated=True) == ["one", "two", "gone"]
    assert found(task="regression", gsd=10, gpu=False) == ["one"]
    assert found(task="regression", gsd=20) == []
    assert found(gpu=True) == []
    assert found(framework="onnx") == []
    assert found(available_bands=["red"]) == []
    assert found(deprecated=True, bbox=(175, 0, 176, 1)) == ["one", "two", "gone"]
    assert found(deprecated=True, bbox=(0, 0, 1, 1)) == ["one", "gone"]
    assert found(deprecated=True, bbox=(-179, 20, -178, 30)) == ["one", "gone"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing: the requests of a test are no news."""


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_catalog_is_read_from_its_address(address: str, registry: Registry) -> None:
    for place in (address, f"{address}/", f"{address}/models.json"):
        remote = builder.open(place)
        assert [record.id for record in remote] == [record.id for record in registry]
    record = remote.search(collection="cloud-masks")[0]
    assert record.href.startswith(f"{address}/cloud-masks/")
    assert record.item()["id"] == record.id
    with pytest.raises(RegistryError, match="File not found"):
        builder.open(f"{address}/nothing")


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), ("{", "not JSON"), ("[]", "not the models.json"), ('{"models": []}', "version none"),
     ('{"models": [], "version": "2.0.0"}', "1.x can be read"), ("[" * 100_000, "not JSON"),
     ('{"models": [{"id": "a"}], "version": "1.2.0"}', "record 0 lacks")],
)  # fmt: skip
def test_what_cannot_be_read_is_said(tmp_path: Path, content: str | None, words: str) -> None:
    folder = write(tmp_path, {} if content is None else {"models.json": content})
    with pytest.raises(RegistryError, match=words):
        builder.open(folder)


def test_reading_needs_the_standard_library_alone(site: Path) -> None:
    program = (
        "import sys; before = set(sys.modules); import builder; builder.open(sys.argv[1]).search(task='regression');"
        "names = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(names - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(site)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['builder']"
