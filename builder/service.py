"""What `serve-model` answers: the Open Inference Protocol (KServe V2) over HTTP, for one model from its Item.

https://github.com/kserve/open-inference-protocol, with its extension for binary tensors, which Triton's client uses
unless it is told otherwise. The input is the pixels of the model's bands, as in the imagery; the service prepares them
by the recipe and cuts large images into tiles, as `run` does, so both give the same. starlette, uvicorn and numpy, of
the extra `serve`, are imported where they are used.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder import __version__
from builder.inference import InferenceError, Network, check_pixels, interpret, predict_image, prepare

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from builder.inference import Array

MAX_BYTES = 256 * 1024**2
"""Bytes of a request, unless told otherwise."""
MAX_PIXELS = 4096 * 4096
"""Pixels of all images of a request: what the result holds in memory goes by these."""
MAX_JSON = 32 * 1024**2
"""Bytes of the JSON of a request: as objects of Python, numbers need ten times as much and more."""
MAX_VALUES = 4_000_000
"""Values that an answer has as JSON, for the same reason."""
MAX_WAITING = 64
"""Requests that are open at a time; others are told to come again."""
HEADER = "inference-header-content-length"
DATA_TYPES = {
    "BOOL": "bool", "FP16": "float16", "FP32": "float32", "FP64": "float64",
    **{f"{kind}{bits}": f"{kind.lower()}{bits}" for kind in ("UINT", "INT") for bits in (8, 16, 32, 64)},
}  # fmt: skip
"""numpy's names of the protocol's data types."""
_NAMES = {name: word for word, name in DATA_TYPES.items()}
CLASSES = "classes"
"""Name of the output with the class map, where the network has none of this name."""


class RequestError(Exception):
    """The request cannot be answered; the status says why in HTTP's terms."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of a request's body, and pixels of its images."""

    size: int = MAX_BYTES
    pixels: int = MAX_PIXELS


# --- the tensors of a request ----------------------------------------------------------------------------------------


def read_input(network: Network, message: Any, binary: bytes, limits: Limits) -> tuple[Array, bool]:
    """The one input tensor of a request (N × channels × height × width), and whether it is prepared already.

    Raises RequestError, which names the field that is wrong and what the model takes.
    """
    if not isinstance(message, dict) or not isinstance(message.get("inputs"), list):
        raise RequestError("the body is no inference request: it has no list of inputs")
    inputs = message["inputs"]
    if len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise RequestError(f"the model takes one input, {network.input_name}; the request has {len(inputs)}")
    entry = inputs[0]
    if entry.get("name") != network.input_name:
        raise RequestError(f"the model's input is called {network.input_name}, not {entry.get('name')!r}")
    prepared = not _flag(message, "preprocess", default=True)
    kind = entry.get("datatype")
    if not isinstance(kind, str) or kind not in DATA_TYPES:
        raise RequestError(f"the data type {kind!r} of {network.input_name} is none of {', '.join(DATA_TYPES)}")
    dtype = DATA_TYPES[kind]
    if not prepared:
        try:
            check_pixels(network.steps, dtype)
        except InferenceError as error:
            raise RequestError(f"{network.input_name}: {error}") from error
    elif dtype != network.input_type:
        wanted = _NAMES[network.input_type]
        raise RequestError(f"{network.input_name} is a prepared tensor of type {wanted}, not {kind}")
    shape = _shape(network, entry.get("shape"), prepared, limits)
    return _tensor(entry, dtype, shape, binary), prepared


def _flag(holder: Mapping[str, Any], name: str, *, default: bool) -> bool:
    parameters = holder.get("parameters") or {}
    value = parameters.get(name, default) if isinstance(parameters, dict) else None
    if not isinstance(value, bool):
        raise RequestError(f"the parameter {name} is true or false")
    return value


def _shape(network: Network, shape: Any, prepared: bool, limits: Limits) -> tuple[int, ...]:
    name = network.input_name
    if not isinstance(shape, list) or not all(type(size) is int and size > 0 for size in shape):
        raise RequestError(f"the shape of {name} is a list of whole numbers above 0, not {shape!r:.100}")
    exact = network.fixed and (prepared or not network.gives_images)
    wanted = ["N", network.channels, *(network.size if exact else ("H", "W"))]
    fits = len(shape) == 4 and all(isinstance(w, str) or w == size for w, size in zip(wanted, shape, strict=True))
    if not fits:
        words = " × ".join(map(str, wanted))
        raise RequestError(f"{name} has the shape {words}, the request has {' × '.join(map(str, shape))}")
    if shape[0] * shape[2] * shape[3] > limits.pixels:
        raise RequestError(f"the request has more than {limits.pixels} pixels; send parts of the image", 413)
    return tuple(shape)


def _tensor(entry: Mapping[str, Any], dtype: str, shape: tuple[int, ...], binary: bytes) -> Array:
    import numpy as np

    name, number = entry["name"], math.prod(shape)
    parameters = entry.get("parameters") or {}
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    kind = np.dtype(dtype)
    if size is not None:
        if size != number * kind.itemsize or len(binary) != size:
            raise RequestError(
                f"{name} is {number * kind.itemsize} bytes by its shape and type; "
                f"binary_data_size is {size!r:.50} and {len(binary)} bytes follow"
            )
        return np.frombuffer(binary, kind.newbyteorder("<")).reshape(shape)
    if binary:
        raise RequestError("bytes follow the request, and no input has a binary_data_size")
    try:
        data = np.array(entry.get("data"))
    except ValueError as error:
        raise RequestError(f"the data of {name} is a list of numbers, flat or in the shape of the tensor") from error
    if data.size != number or (data.ndim > 1 and data.shape != shape):
        raise RequestError(f"the data of {name} has the shape {data.shape}, the request says {list(shape)}")
    if data.dtype.kind not in {"b": "b", "f": "iuf"}.get(kind.kind, "iu"):
        raise RequestError(f"the data of {name} is not of the type {_NAMES[dtype]}")
    if kind.kind in "iu" and (data.min() < np.iinfo(kind).min or data.max() > np.iinfo(kind).max):
        raise RequestError(f"the data of {name} goes beyond the range of {_NAMES[dtype]}")
    return data.astype(kind).reshape(shape)


# --- the answer ------------------------------------------------------------------------------------------------------


def infer(network: Network, tensor: Array, prepared: bool) -> dict[str, Array]:
    """The outputs by name: the network's, and for a class map also that.

    Images are cut into tiles, as `run` does it; what is prepared already is not. Raises InferenceError where the
    network fails.
    """
    import numpy as np

    masks: list[Array | None] = [None] * len(tensor)
    if prepared:
        output = network.run(tensor)
    elif network.gives_images:
        pairs = [predict_image(network, image, network.overlap) for image in tensor]
        output, masks = np.concatenate([made for made, _ in pairs]), [mask for _, mask in pairs]
    else:
        output = network.run(np.concatenate([prepare(image, network.steps, network.places)[0] for image in tensor]))
    if prepared and network.result.kind == "values":
        return {network.output_name: output}
    parts = zip(np.split(output, len(tensor)), masks, strict=True)
    result = np.concatenate([interpret(part, network.result, mask) for part, mask in parts])
    return (
        {network.output_name: result}
        if network.result.kind == "values"
        else {network.output_name: output, classes_name(network): result}
    )


def classes_name(network: Network) -> str:
    """The name of the output with the class map."""
    return CLASSES if network.output_name != CLASSES else f"{CLASSES}_map"


def to_metadata(network: Network) -> dict[str, Any]:
    """What the protocol says of a model: its tensors, with -1 for what is free."""
    steps, result = network.steps, network.result
    sides = network.size if network.fixed and not network.gives_images else (-1, -1)
    free = tuple(size if isinstance(size, int) and index else -1 for index, size in enumerate(network.output_shape))
    shape = (-1, free[1], *sides) if network.gives_images else free
    outputs = [{"name": network.output_name, "datatype": _NAMES[network.output_type], "shape": list(shape)}]
    if result.kind != "values":
        outputs.append({"name": classes_name(network), "datatype": _NAMES[result.dtype], "shape": [-1, *shape[2:]]})
    else:
        outputs[0]["datatype"] = "FP32"
    datatype = _NAMES.get(steps.pixels or network.input_type, _NAMES[network.input_type])
    bands = [name or common for name, common in steps.bands]
    return {
        "name": network.model.id,
        "versions": [network.model.version] if network.model.version else [],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {
                "name": network.input_name,
                "datatype": datatype,
                "shape": [-1, network.channels, *sides],
                "parameters": {"bands": bands, "preprocess": True},
            }
        ],
        "outputs": outputs,
    }


def format_answer(
    network: Network, message: Mapping[str, Any], outputs: Mapping[str, Array]
) -> tuple[bytes, int | None]:
    """The body of an answer, and how many of its bytes are JSON where binary tensors follow."""
    import numpy as np

    wanted = message.get("outputs") or [{"name": name} for name in outputs]
    if not isinstance(wanted, list) or not all(isinstance(entry, dict) for entry in wanted):
        raise RequestError("outputs is a list of objects with a name")
    every = _flag(message, "binary_data_output", default=False)
    described, tail = [], b""
    for entry in wanted:
        name = entry.get("name")
        if name not in outputs:
            raise RequestError(f"the model has the outputs {', '.join(outputs)}, not {name!r:.100}")
        array = np.ascontiguousarray(outputs[name])
        about: dict[str, Any] = {"name": name, "datatype": _NAMES[array.dtype.name], "shape": list(array.shape)}
        if _flag(entry, "binary_data", default=every):
            content = array.astype(array.dtype.newbyteorder("<")).tobytes()
            about["parameters"] = {"binary_data_size": len(content)}
            tail += content
        elif array.size > MAX_VALUES:
            raise RequestError(f"{name} has more than {MAX_VALUES} values: ask for it as bytes, with binary_data", 413)
        else:
            flat = array.ravel().tolist()
            # JSON has no word for what is no number.
            about["data"] = [None if isinstance(x, float) and not math.isfinite(x) else x for x in flat]
        described.append(about)
    answer: dict[str, Any] = {"model_name": network.model.id, "outputs": described}
    if network.model.version:
        answer["model_version"] = network.model.version
    if isinstance(message.get("id"), str):
        answer["id"] = message["id"]
    head = json.dumps(answer, allow_nan=False).encode()
    return head + tail, len(head) if tail else None


# --- over HTTP -------------------------------------------------------------------------------------------------------


def to_application(network: Network, limits: Limits = Limits()) -> Starlette:
    """The service of a model as an ASGI application."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    name, version = network.model.id, network.model.version
    # One image at a time: the network uses all cores for each.
    turn = asyncio.Semaphore(1)

    def check_name(request: Request) -> None:
        asked, asked_version = request.path_params["model"], request.path_params.get("version")
        if asked != name or asked_version not in (None, version):
            raise RequestError(f"there is the model {name} here, in the version {version or 'that has no name'}", 404)

    async def server(_: Request) -> Response:
        about = {"name": "dlm-catalog", "version": __version__, "extensions": ["binary_tensor_data"]}
        return JSONResponse(about)

    async def live(_: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(_: Request) -> Response:
        return JSONResponse({"ready": True})

    async def model_ready(request: Request) -> Response:
        check_name(request)
        return JSONResponse({"name": name, "ready": True})

    async def metadata(request: Request) -> Response:
        check_name(request)
        return JSONResponse(to_metadata(network))

    async def infer_model(request: Request) -> Response:
        check_name(request)
        head, binary = _split(request.headers.get(HEADER), await _read(request, limits))
        if len(head) > MAX_JSON:
            raise RequestError(f"the request has more than {MAX_JSON} bytes of JSON; send the tensor as bytes", 413)
        try:
            message = json.loads(head)
        except (ValueError, RecursionError) as error:
            raise RequestError("the body is not JSON") from error
        async with turn:
            body, size = await run_in_threadpool(_answer, network, message, binary, limits)
        if size is None:
            return Response(body, media_type="application/json")
        return Response(body, media_type="application/octet-stream", headers={HEADER: str(size)})

    async def refuse(_: Request, error: Exception) -> Response:
        status = error.status if isinstance(error, RequestError) else 500
        return JSONResponse({"error": str(error)}, status)

    async def unknown(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101  what it is registered for
        return JSONResponse({"error": error.detail}, error.status_code)

    routes = [
        Route("/v2", server),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
    ]
    for prefix in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
        routes += [
            Route(prefix, metadata),
            Route(f"{prefix}/ready", model_ready),
            Route(f"{prefix}/infer", infer_model, methods=["POST"]),
        ]
    handlers: Any = {RequestError: refuse, InferenceError: refuse, HTTPException: unknown}
    return Starlette(routes=routes, exception_handlers=handlers)


def _answer(network: Network, message: Any, binary: bytes, limits: Limits) -> tuple[bytes, int | None]:
    tensor, prepared = read_input(network, message, binary, limits)
    return format_answer(network, message, infer(network, tensor, prepared))


async def _read(request: Any, limits: Limits) -> bytes:
    """The body, refused as soon as it is known to be too long."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise RequestError("compressed bodies are not taken", 415)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limits.size:
            raise RequestError(f"the request has more than {limits.size} bytes", 413)
    return bytes(body)


def _split(header: str | None, body: bytes) -> tuple[bytes, bytes]:
    """The JSON of a body, and the binary tensors after it."""
    if header is None:
        return body, b""
    if not header.isascii() or not header.isdigit() or int(header[:20]) > len(body):
        raise RequestError(f"Inference-Header-Content-Length is a number of bytes of the body, not {header[:50]}")
    return body[: int(header)], body[int(header) :]


def serve(network: Network, bound: socket.socket, limits: Limits = Limits()) -> None:
    """Answers on a bound socket until the process is told to stop by SIGINT or SIGTERM."""
    import uvicorn

    config = uvicorn.Config(
        to_application(network, limits),
        log_level="warning",
        server_header=False,
        limit_concurrency=MAX_WAITING,
        timeout_graceful_shutdown=10,
        lifespan="off",
    )
    uvicorn.Server(config).run(sockets=[bound])
