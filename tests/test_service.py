"""The service of a model: the protocol through Triton's own client, bad requests, and the same result as `run`."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from networks import MODEL, convolve, kernel, write_item
from shared import ROOT
from test_inference import open_item
from test_raster import NAMES, expected_classes, pixels, read, write_image

from builder.cli import main
from builder.service import RequestError, format_answer

tritonclient = pytest.importorskip("tritonclient.http", reason="needs tritonclient[http]")


@contextmanager
def served(item: Path, *options: str, stop: signal.Signals = signal.SIGTERM) -> Iterator[int]:
    """The port of a service in a process of its own, which must stop cleanly when it is told to."""
    command = [sys.executable, "-m", "builder.cli", "serve-model", str(item), "--port", "0", "--threads", "1", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            match = re.match(r"http://127\.0\.0\.1:(\d+)/v2/models/\S+ · Ctrl\+C stops it\.", line)
            assert match, line + process.stderr.read()
            yield int(match[1])
        finally:
            process.send_signal(stop)
            rest = process.communicate(timeout=20)[1]
        assert "Traceback" not in rest
        assert "Abort" not in rest
        assert process.returncode == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def item(folder: Path) -> Path:
    return write_item(folder)


@pytest.fixture(scope="module")
def port(item: Path) -> Iterator[int]:
    with served(item, "--max-megabytes", "1") as number:
        yield number


@pytest.fixture(scope="module")
def client(port: int) -> Iterator[Any]:
    made = tritonclient.InferenceServerClient(f"127.0.0.1:{port}")
    yield made
    made.close()


def image_input(data: Any, kind: str = "UINT16", *, binary: bool = True) -> Any:
    tensor = tritonclient.InferInput("image", list(data.shape), kind)
    tensor.set_data_from_numpy(data, binary_data=binary)
    return tensor


def ask(port: int, body: Any, path: str = "/v2/models/net/infer", **headers: str) -> tuple[int, Any]:
    """Status and JSON of the answer to a body that no client would send."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request("POST", path, content, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def request(**changes: Any) -> dict[str, Any]:
    tensor = {"name": "image", "datatype": "UINT16", "shape": [1, 2, 2, 2], "data": [1, 2, 3, 4, 5, 6, 7, 8], **changes}
    return {"inputs": [{key: value for key, value in tensor.items() if value is not None}]}


# --- the protocol ----------------------------------------------------------------------------------------------------


def test_the_client_finds_server_and_model(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("net")
    assert client.is_model_ready("net", "1.2")
    assert not client.is_model_ready("other")
    assert not client.is_model_ready("net", "7")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]


def test_the_metadata_are_those_of_the_item(client: Any) -> None:
    metadata = client.get_model_metadata("net")
    assert metadata["versions"] == ["1.2"]
    (taken,) = metadata["inputs"]
    assert (taken["name"], taken["datatype"], taken["shape"]) == ("image", "UINT16", [-1, 2, -1, -1])
    assert taken["parameters"]["bands"] == ["B04", "B02"]
    assert [(o["name"], o["datatype"], o["shape"]) for o in metadata["outputs"]] == [
        ("scores", "FP32", [-1, 3, -1, -1]),
        ("classes", "UINT8", [-1, -1, -1]),
    ]


@pytest.mark.parametrize("binary", [True, False])
def test_pixels_are_prepared_and_classified_as_run_does_it(
    client: Any, item: Path, tmp_path: Path, binary: bool
) -> None:
    data = pixels(40, 70)
    data[:, :3] = 0
    image = write_image(tmp_path / "image.tif", data, NAMES)
    done = CliRunner().invoke(main, ["run", str(item), str(image), "-o", str(tmp_path / "out.tif"), "--threads", "1"])
    assert done.exit_code == 0, done.output
    outputs = [tritonclient.InferRequestedOutput(name, binary_data=binary) for name in ("classes", "scores")]
    tensor = image_input(data[[2, 0]][np.newaxis], binary=binary)
    answer = client.infer("net", [tensor], outputs=outputs, request_id="7")
    np.testing.assert_array_equal(answer.as_numpy("classes")[0], read(image)[0])
    scaled = data[[2, 0]] * 0.001
    tensor64 = (scaled - np.reshape([0.5, 0.4], (2, 1, 1))) / np.reshape([0.3, 0.2], (2, 1, 1))
    np.testing.assert_allclose(answer.as_numpy("scores")[0], convolve(tensor64, kernel()), atol=1e-4)
    assert answer.get_response()["id"] == "7"
    assert (answer.as_numpy("classes")[0, :3] == 255).all()


def test_all_outputs_come_binary_where_none_is_named(client: Any) -> None:
    answer = client.infer("net", [image_input(pixels(32, 32)[[2, 0]][np.newaxis])])
    assert answer.as_numpy("scores").dtype == np.float32
    np.testing.assert_array_equal(answer.as_numpy("classes")[0], expected_classes(pixels(32, 32)))


def test_the_client_of_the_documentation_classifies(port: int) -> None:
    page = (ROOT / "docs" / "guide" / "serve.md").read_text("utf-8")
    names: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], names)  # noqa: S102  our own documentation
    made = names["classify"](pixels(50, 33)[[2, 0]], "net", f"127.0.0.1:{port}")
    np.testing.assert_array_equal(made, expected_classes(pixels(50, 33)))


def test_several_images_are_answered_in_order(client: Any) -> None:
    first, second = pixels(32, 32), pixels(32, 64)[:, :, 32:]
    both = np.stack([first[[2, 0]], second[[2, 0]]])
    made = client.infer("net", [image_input(both)]).as_numpy("classes")
    np.testing.assert_array_equal(made, np.stack([expected_classes(first), expected_classes(second)]))


def test_a_prepared_tensor_is_taken_as_it_is(client: Any) -> None:
    tensor = np.random.default_rng(4).normal(size=(1, 2, 32, 32)).astype("float32")
    answer = client.infer("net", [image_input(tensor, "FP32")], parameters={"preprocess": False})
    np.testing.assert_allclose(answer.as_numpy("scores")[0], convolve(tensor[0], kernel()), atol=1e-4)


def test_a_classification_answers_one_class_for_an_image(tmp_path: Path) -> None:
    output = {**MODEL["dlm:outputs"], "task": "classification"}
    data = pixels(32, 32)
    with served(write_item(tmp_path, {**MODEL, "dlm:outputs": output}, pooled=True)) as port:
        client = tritonclient.InferenceServerClient(f"127.0.0.1:{port}")
        assert [o["shape"] for o in client.get_model_metadata("net")["outputs"]] == [[-1, 3], [-1]]
        answer = client.infer("net", [image_input(data[[2, 0]][np.newaxis])])
        with pytest.raises(tritonclient.InferenceServerException, match="N × 2 × 32 × 32"):
            client.infer("net", [image_input(pixels(40, 40)[[2, 0]][np.newaxis])])
        client.close()
    scaled = data[[2, 0]] * 0.001
    tensor = (scaled - np.reshape([0.5, 0.4], (2, 1, 1))) / np.reshape([0.3, 0.2], (2, 1, 1))
    scores = convolve(tensor, kernel()).mean(axis=(1, 2))
    np.testing.assert_allclose(answer.as_numpy("scores")[0], scores, atol=1e-4)
    assert answer.as_numpy("classes").tolist() == [scores.argmax()]


# --- bad requests ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"not JSON", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        ([], "it has no list of inputs"),
        ({"inputs": []}, "the model takes one input, image; the request has 0"),
        (request(name="picture"), "the model's input is called image, not 'picture'"),
        (request(datatype="BYTES"), "the data type 'BYTES' of image is none of BOOL, FP16"),
        (request(datatype="FP32"), "pixels of type float32, the model reads uint16"),
        (request(shape=[1, 3, 2, 2]), "image has the shape N × 2 × H × W, the request has 1 × 3 × 2 × 2"),
        (request(shape=[2, 2, 2]), "N × 2 × H × W, the request has 2 × 2 × 2"),
        (request(shape=[1, 2, -1, 2]), "the shape of image is a list of whole numbers above 0"),
        (request(shape=[1, 2, 2.0, 2]), "the shape of image is a list of whole numbers above 0"),
        (request(data=[1, 2]), "the data of image has the shape (2,), the request says [1, 2, 2, 2]"),
        (request(data=[[1], [2, 3]]), "the data of image is a list of numbers"),
        (request(data=["1"] * 8), "the data of image is not of the type UINT16"),
        (request(data=[1.5] * 8), "the data of image is not of the type UINT16"),
        (request(data=[-1] * 8), "the data of image goes beyond the range of UINT16"),
        (request(data=[65536] * 8), "the data of image goes beyond the range of UINT16"),
        (request(data=[10**30] * 8), "the data of image is not of the type UINT16"),
        (request(data=None), "the request says [1, 2, 2, 2]"),
        (request(parameters={"binary_data_size": 16}), "binary_data_size is 16 and 0 bytes follow"),
        ({**request(), "parameters": {"preprocess": "no"}}, "the parameter preprocess is true or false"),
        ({**request(), "parameters": {"preprocess": False}}, "a prepared tensor of type FP32, not UINT16"),
        ({**request(), "outputs": [{"name": "masks"}]}, "the model has the outputs scores, classes, not 'masks'"),
        ({**request(), "outputs": "scores"}, "outputs is a list of objects with a name"),
        ({**request(), "outputs": ["scores"]}, "outputs is a list of objects with a name"),
    ],
)
def test_a_request_that_does_not_fit_is_refused_with_the_reason(port: int, body: Any, words: str) -> None:
    status, answer = ask(port, body)
    assert (status, list(answer)) == (400, ["error"])
    assert words in answer["error"]


@pytest.mark.parametrize("length", ["-1", "1e3", "999999", "٣"])
def test_a_wrong_length_of_the_head_is_refused(port: int, length: str) -> None:
    header = length.encode("utf-8").decode("latin-1")
    status, answer = ask(port, request(), Inference_Header_Content_Length=header)
    assert (status, "Inference-Header-Content-Length is a number" in answer["error"]) == (400, True)


def test_what_is_too_large_is_refused(port: int) -> None:
    status, answer = ask(port, b" " * (1024**2 + 1))
    assert (status, answer["error"]) == (413, "the request has more than 1048576 bytes")
    status, answer = ask(port, request(shape=[1, 2, 100_000, 100_000]))
    assert (status, "send parts of the image" in answer["error"]) == (413, True)
    assert ask(port, b"", Content_Encoding="gzip")[0] == 415


def test_numbers_in_json_have_a_limit_of_their_own(item: Path) -> None:
    network = open_item(item)
    outputs = {"scores": np.zeros((1, 3, 1200, 1200), "float32")}
    with pytest.raises(RequestError, match="more than 4000000 values: ask for it as bytes"):
        format_answer(network, {}, outputs)
    body, size = format_answer(network, {"parameters": {"binary_data_output": True}}, outputs)
    assert size is not None
    assert len(body) - size == 4 * 3 * 1200**2
    with served(item) as port:
        status, answer = ask(port, b" " * (32 * 1024**2 + 1))
    assert (status, "bytes of JSON; send the tensor as bytes" in answer["error"]) == (413, True)


def test_other_addresses_and_methods_are_refused_in_json(port: int) -> None:
    status, answer = ask(port, request(), "/v2/models/other/infer")
    assert (status, answer["error"]) == (404, "there is the model net here, in the version 1.2")
    assert ask(port, {}, "/v2/nothing")[0] == 404
    assert ask(port, {}, "/v2/models/net")[0] == 405


def test_the_service_still_answers_after_bad_requests(port: int) -> None:
    assert ask(port, request())[0] == 200


def test_it_stops_while_a_client_holds_a_connection(tmp_path: Path) -> None:
    with served(write_item(tmp_path), stop=signal.SIGINT) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/v2/health/live")
        assert connection.getresponse().read()
        started = time.monotonic()
    assert time.monotonic() - started < 12
    connection.close()


def test_a_port_in_use_is_a_matter_of_usage(item: Path, port: int) -> None:
    done = CliRunner().invoke(main, ["serve-model", str(item), "--port", str(port)])
    assert done.exit_code == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in done.output
