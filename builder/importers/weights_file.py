"""Files of weights: ONNX, which says what goes in and comes out, and safetensors, which says what is stored.

Pickles are refused: what they hold is known only to who runs them.
"""

from __future__ import annotations

import json
from typing import Any

from builder.importers.draft import Draft, Given, ImportFileError
from builder.weights import (
    Signature,
    Tensor,
    UnreadFormatError,
    WeightsError,
    claimed_format,
)

KIND = "ONNX or safetensors file"
MEDIA_TYPES = {
    "onnx": "application/octet-stream; application=onnx",
    "safetensors": "application/octet-stream; application=safetensors",
}
_MOST_METADATA = 200
"""Longest value of a file's own metadata that is quoted."""


def read(given: Given) -> Draft | None:
    """The draft of a file of weights. Raises MissingExtraError for ONNX without the library."""
    if given.location.suffix.lower() in (".json", ".geojson", ".yml", ".yaml", ".md", ".markdown"):
        return None
    try:
        signature = given.file.signature
    except UnreadFormatError as error:
        if claimed_format(given.location.name) is None:
            return None
        raise ImportFileError(f"{given.location}: {error}") from error
    except WeightsError as error:
        raise ImportFileError(f"{given.location} {error}") from error
    except OSError as error:
        raise ImportFileError(f"{given.location}: {error.strerror}") from error
    if signature.format not in MEDIA_TYPES:
        why = f"it holds {signature.pickled[0]}, a pickle" if signature.pickled else "it is a zip file"
        raise ImportFileError(f"{given.location} says nothing about itself that can be read safely: {why}")
    draft = Draft("ONNX file" if signature.format == "onnx" else "safetensors file", {"id": to_id(given.location.stem)})
    draft.fields["description"] = "TODO"
    draft.todo(("description",), "description", "what the model does, on which imagery.")
    draft.todo((), "license, eo:bands, dlm:data", "the file does not say whose it is, and for which imagery.")
    if signature.format == "onnx":
        _inputs(signature, draft)
        _outputs(signature, draft)
    add_weights(draft, given, signature)
    for key, value in signature.metadata.items():
        shown = value if len(value) <= _MOST_METADATA else f"{value[:_MOST_METADATA]}…"
        draft.leave(f"metadata {key}: {shown}", "it is the file's own, and DLM has no certain place for it")
    return draft


def to_id(name: str) -> str:
    """A name as an id of a model: letters, digits, and `._-`."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "-" for char in name)
    return plain.strip("-._")[:100] or "model"


def add_weights(draft: Draft, given: Given, signature: Signature) -> None:
    """Gives the draft what a file says of the network, and the file as an asset, with size and checksum."""
    if signature.learned is not None:
        network = draft.fields.setdefault("dlm:architecture", {})
        network["total_nb_parameters"] = signature.learned
        counts = ", ".join(f"{number:,} of {dtype}" for dtype, number in sorted(signature.elements.items()))
        running = f" {signature.statistics:,} are running statistics." if signature.statistics else ""
        draft.note(("dlm:architecture", "total_nb_parameters"), f"Learned parameters. Stored are {counts}.{running}")
    if signature.format == "onnx":
        draft.fields.setdefault("dlm:runtime", {})["framework"] = "ONNX"
    asset: dict[str, Any] = {"href": given.location.name, "title": given.location.name}
    if opset := signature.opsets.get(""):
        by = f", written by {signature.producer}" if signature.producer else ""
        asset["description"] = f"ONNX model, operator set {opset}{by}."
    asset |= {
        "type": MEDIA_TYPES[signature.format], "roles": ["weights"],
        "file:size": given.file.size, "file:checksum": f"1220{given.file.sha256}",
    }  # fmt: skip
    key = "weights" if "weights" not in draft.fields.setdefault("assets", {}) else to_id(given.location.stem)
    draft.fields["assets"][key] = asset
    draft.todo(("assets", key, "href"), "href", "put the file beside this one, or give its URL.")
    for domain in sorted(signature.opsets.keys() - {""}):
        draft.leave(
            f"opset {domain} {signature.opsets[domain]}", "operators of a runtime's own; DLM has no place for them"
        )
    for location in signature.external:
        draft.leave(f"external data {location}", "the tensors in it; add it as an asset beside the file")


def _inputs(signature: Signature, draft: Draft) -> None:
    made: list[dict[str, Any]] = []
    for tensor in signature.inputs:
        entry: dict[str, Any] = {"name": tensor.name} if tensor.name else {}
        if tensor.shape is not None and len(tensor.shape) == 4:
            sizes = zip(("batch", "dim", "height", "width"), tensor.shape, strict=True)
            if fixed := {key: size for key, size in sizes if isinstance(size, int)}:
                entry["input_tensors"] = fixed
        else:
            draft.leave(f"input {_words(tensor)}", "DLM wants batch, dim, height, width")
        if tensor.dtype not in (None, "float32"):
            draft.leave(f"type {tensor.dtype} of input {tensor.name}", "DLM has the type of the imagery")
        made.append(entry)
    if made := [entry for entry in made if entry]:
        draft.fields["dlm:inputs"] = made[0] if len(made) == 1 else made
        draft.todo(
            ("dlm:inputs",), "selected_band, scaling_factor, normalization:mean, normalization:std",
            "the file does not say which bands it wants, and how they are scaled. Channels were taken to come first.",
        )  # fmt: skip


def _outputs(signature: Signature, draft: Draft) -> None:
    made: list[dict[str, Any]] = []
    for tensor in signature.outputs:
        shape = tensor.shape
        # The batch is left free by most exporters, and stands as one.
        sizes = [1 if index == 0 and not isinstance(size, int) else size for index, size in enumerate(shape or ())]
        if sizes and all(isinstance(size, int) for size in sizes):
            made.append({"final_layer_size": sizes})
        else:
            draft.leave(f"output {_words(tensor)}", "DLM wants sizes that are all known")
    if made:
        draft.fields["dlm:outputs"] = made[0] if len(made) == 1 else made
    what = "the file does not say what the numbers mean that come out."
    draft.todo(("dlm:outputs",) if made else (), "task, number_of_classes, class_name_mapping", what)


def _words(tensor: Tensor) -> str:
    sizes = "unknown" if tensor.shape is None else json.dumps(["?" if size is None else size for size in tensor.shape])
    return f"{tensor.name}: {sizes}"
