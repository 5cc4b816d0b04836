"""Model cards of Hugging Face, on disk: the data at the head of a README.md, and the sections that DLM's card has, too.

https://huggingface.co/docs/hub/model-cards says what the data means. Files of weights beside the card are read as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from builder.importers import weights_file
from builder.importers.draft import Draft, Given, list_of, mapping_of, text_of
from builder.weights import MissingExtraError, UnreadFormatError, WeightsError, claimed_format

KIND = "Hugging Face model card"
_TASKS = {
    "image-classification": "classification", "image-segmentation": "semantic segmentation",
    "object-detection": "object detection", "video-classification": "classification",
    "tabular-regression": "regression", "time-series-forecasting": "regression", "depth-estimation": "regression",
}  # fmt: skip
_FRAMEWORKS = {
    "pytorch": "PyTorch", "torchgeo": "PyTorch", "timm": "PyTorch", "terratorch": "PyTorch", "onnx": "ONNX",
    "segmentation-models-pytorch": "PyTorch", "tensorflow": "TensorFlow", "tf": "TensorFlow", "keras": "Keras",
    "jax": "JAX", "flax": "JAX", "sklearn": "scikit-learn",
}  # fmt: skip
_SECTIONS = (
    ("intended_use", re.compile(r"\b(intended|direct) use|^uses?$|\buse cases?\b", re.IGNORECASE)),
    ("limitations", re.compile(r"\blimitations?\b|\bout-of-scope\b", re.IGNORECASE)),
    ("training_data", re.compile(r"\btraining (data|set)\b", re.IGNORECASE)),
    ("evaluation", re.compile(r"^evaluation\b|\bresults?\b|\bperformance\b", re.IGNORECASE)),
    ("ethical_considerations", re.compile(r"\bethic|^bias", re.IGNORECASE)),
)
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_READ = frozenset({
    "license", "license_name", "license_link", "tags", "pipeline_tag", "library_name", "datasets", "base_model",
    "model-index", "model_name", "metrics",
})  # fmt: skip
_MOST_FILES = 20


def read(given: Given) -> Draft | None:
    """The draft of a model card."""
    if given.front_matter is None:
        return None
    data, text = given.front_matter
    folder = given.location.resolve().parent
    name = folder.name if given.location.stem.lower() == "readme" else given.location.stem
    draft = Draft(KIND, {"id": weights_file.to_id(name)})
    _words(data, text, draft)
    _license(data, draft)
    _tags(data, draft)
    _network(data, draft)
    _card(data, text, draft)
    _weights(given, draft)
    for key in sorted(data.keys() - _READ):
        draft.leave(f"{key}: {_short(data[key])}", "DLM has no place for it")
    return draft


def _texts(value: Any) -> list[str]:
    """The texts of a value that may be one of them, or a list."""
    return [one for one in ([value] if isinstance(value, str) else list_of(value, str)) if one.strip()]


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:80]}…"


def _words(data: Mapping[str, Any], text: str, draft: Draft) -> None:
    heading = _HEADING.search(text)
    title = text_of(data.get("model_name")) or (_plain(heading[2]) if heading and len(heading[1]) == 1 else None)
    if title and "[" not in title:
        draft.fields["title"] = title
    after = text[heading.end() :] if heading else text
    first = next((part for part in re.split(r"\n\s*\n", _HEADING.split(after)[0]) if re.match(r"\s*[A-Z]", part)), "")
    draft.fields["description"] = _plain(first) or "TODO"
    if draft.fields["description"] == "TODO":
        draft.todo(("description",), "description", "what the model does, on which imagery.")
    draft.todo(
        (), "eo:bands, dlm:data, dlm:inputs", "a model card does not say which imagery the model takes, and how."
    )


def _plain(text: str) -> str:
    """Markdown on one line, links as their text and pictures left out."""
    text = re.sub(r"<!--.*?-->|<[^>]{1,200}>", " ", text, flags=re.DOTALL)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", " ", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return " ".join(re.sub(r"[*`]", "", text).split())


def _license(data: Mapping[str, Any], draft: Draft) -> None:
    stated = _texts(data.get("license"))
    if not stated:
        draft.todo((), "license", "the card does not say.")
        return
    draft.fields["license"] = stated[0] if len(stated) == 1 and stated[0] not in ("other", "unknown") else "other"
    link, name = text_of(data.get("license_link")), text_of(data.get("license_name"))
    if link and re.match(r"https?://", link):
        draft.fields["links"] = [{"rel": "license", "href": link, **({"title": name} if name else {})}]
    elif draft.fields["license"] == "other":
        said = ", ".join([*stated, *([name] if name else [])])
        draft.todo(("license",), "license", f"the card says {said}; link to its text with rel: license.")


def _tags(data: Mapping[str, Any], draft: Draft) -> None:
    tags = _texts(data.get("tags"))
    if keywords := list(dict.fromkeys(tag for tag in tags if ":" not in tag)):
        draft.fields["keywords"] = keywords
    links = draft.fields.setdefault("links", [])
    for tag in tags:
        kind, _, value = tag.partition(":")
        if kind == "arxiv" and re.fullmatch(r"[0-9]{4}\.[0-9]{4,5}|[a-z-]+/[0-9]{7}", value):
            links.append({"rel": "about", "href": f"https://arxiv.org/abs/{value}"})
        elif kind == "doi" and re.fullmatch(r"10\.\d{4,9}/\S+", value) and "sci:doi" not in draft.fields:
            draft.fields["sci:doi"] = value
        elif ":" in tag:
            draft.leave(f"tags: {tag}", "it is the hub's own")
    if not links:
        del draft.fields["links"]


def _network(data: Mapping[str, Any], draft: Draft) -> None:
    tag = text_of(data.get("pipeline_tag"))
    if tag and tag in _TASKS:
        draft.fields["dlm:outputs"] = {"task": _TASKS[tag]}
        if tag in ("image-segmentation", "depth-estimation"):
            draft.todo(("dlm:outputs", "task"), "task", f"the card says {tag}; write the task that it is here.")
    elif tag:
        draft.leave(f"pipeline_tag: {tag}", "DLM has no such task")
    library = text_of(data.get("library_name"))
    if library and (framework := _FRAMEWORKS.get(library.lower())):
        draft.fields["dlm:runtime"] = {"framework": framework}
        if framework.lower() != library.lower():
            draft.note(("dlm:runtime", "framework"), f"The card names the library {library}.")
    elif library:
        draft.leave(f"library_name: {library}", "it runs on more than one framework, or is not known")
    if bases := _texts(data.get("base_model")):
        draft.fields["dlm:architecture"] = {"pretrained": ", ".join(bases)}
    if not {"dlm:outputs", "dlm:runtime", "dlm:architecture"} & draft.fields.keys():
        draft.fields["dlm:architecture"] = {"type": "TODO"}
        draft.todo(("dlm:architecture", "type"), "type", "what kind of network it is.")


def _card(data: Mapping[str, Any], text: str, draft: Draft) -> None:
    card: dict[str, Any] = {}
    for title, body in _sections(text):
        key = next((key for key, pattern in _SECTIONS if pattern.search(title)), None)
        plain = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL).strip()
        if key and plain and "[More Information Needed]" not in plain:
            card[key] = f"{card[key]}\n\n{plain}" if key in card else plain
        elif plain and "[More Information Needed]" not in plain:
            draft.leave(
                f"section {_short(title)}", "DLM's card has no section of this kind; any other key is a heading"
            )
    if datasets := _texts(data.get("datasets")):
        listed = ", ".join(f"[{name}](https://huggingface.co/datasets/{name})" for name in datasets)
        card["training_data"] = "\n\n".join(
            part for part in (card.get("training_data"), f"Data sets: {listed}.") if part
        )
    if metrics := [metric for entry in list_of(data.get("model-index"), dict) for metric in _metrics(entry, draft)]:
        card["metrics"] = metrics
    elif names := _texts(data.get("metrics")):
        draft.leave(f"metrics: {', '.join(names)}", "the card gives no values for them")
    if card:
        draft.fields["card"] = card


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """The sections of a text below its first heading, each with its own text only."""
    without_code = _CODE.sub(lambda match: " " * len(match[0]), text)
    headings = list(_HEADING.finditer(without_code))
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    for heading, end in zip(headings, ends, strict=False):
        if len(heading[1]) > 1:
            yield heading[2], text[heading.end() : end]


def _metrics(entry: Mapping[str, Any], draft: Draft) -> Iterator[dict[str, Any]]:
    """The metrics of an entry of `model-index`."""
    for result in list_of(entry.get("results"), dict):
        data, source = mapping_of(result.get("dataset")), mapping_of(result.get("source"))
        for raw in list_of(result.get("metrics"), dict):
            value, name = raw.get("value"), text_of(raw.get("name")) or text_of(raw.get("type"))
            if name is None or isinstance(value, bool) or not isinstance(value, (int, float, str)):
                draft.leave(f"model-index: {_short(raw)}", "it has no name, or no value")
                continue
            made = {
                "name": name, "value": value, "dataset": text_of(data.get("name")), "split": text_of(data.get("split")),
                "source": text_of(source.get("url")),
            }  # fmt: skip
            yield {key: part for key, part in made.items() if part is not None}


def _weights(given: Given, draft: Draft) -> None:
    """The files of weights beside the card, as far as they can be read safely."""
    folder = given.location.resolve().parent
    files = sorted(file for file in folder.iterdir() if claimed_format(file.name) in weights_file.MEDIA_TYPES)
    for file in [file for file in files if file.is_file()][:_MOST_FILES]:
        beside = Given(file)
        try:
            signature = beside.file.signature
        except (WeightsError, UnreadFormatError, MissingExtraError, OSError) as error:
            draft.leave(file.name, f"the file {error}" if isinstance(error, WeightsError) else str(error))
            continue
        if signature.format in weights_file.MEDIA_TYPES:
            weights_file.add_weights(draft, beside, signature)
    if not draft.fields.get("assets"):
        draft.todo((), "assets", "where the weights are.")
