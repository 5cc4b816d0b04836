"""Rules about the network, its weights and the software that runs it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.diagnostic import Problem
from builder.mlm import PREFIX, why_not
from builder.model import Model
from builder.rules.registry import rule

# Files that Python's pickle reads, and that can run any code when they are loaded.
PICKLE_SUFFIXES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".bin")
_MB = 1024**2
_TOTAL_PARAMETERS = re.compile(r"total params\s*[:=]\s*([0-9][0-9,_ ]{0,30})(?![0-9])", re.IGNORECASE)
_HASH = re.compile(r"[0-9a-f]{7,40}")
# package.module:function, or with a dot; a signature may follow.
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_FUNCTION = re.compile(rf"{_NAME}(\.{_NAME})*(:{_NAME}(\.{_NAME})*)?(\s*\(.*\)(\s*->\s*\S.*)?)?", re.DOTALL)
_TEMPORARY = re.compile(
    r"https?://([^/]*\.)?(drive\.google\.com|docs\.google\.com|dropbox\.com|wetransfer\.com|we\.tl|1drv\.ms|"
    r"onedrive\.live\.com|mega\.nz|sendspace\.com|transfer\.sh)(/|$)",
    re.IGNORECASE,
)
_MOVING = re.compile(
    r"https?://(huggingface\.co|hf\.co)/.+/(resolve|blob)/main/|"
    r"https?://github\.com/[^/]+/[^/]+/(raw|blob)/(main|master|develop)/|"
    r"https?://raw\.githubusercontent\.com/[^/]+/[^/]+/(main|master|develop)/",
    re.IGNORECASE,
)


@rule("warning")
def size_parameters(model: Model) -> Iterator[Problem]:
    """The size should be 1 to 16 bytes for each parameter.

    A parameter takes 1 byte (8-bit integers) to 8 bytes (double precision), and activations may double that. A figure
    outside usually has another unit, or belongs to another model. Summaries round the size to hundredths of a MB, so
    that much is left open.
    """
    for network in model.architecture:
        size, number = network.estimated_total_size_mb, network.total_nb_parameters
        if size is None or not number:
            continue
        each = size * _MB / number
        if (size + 0.005) * _MB < number or (size - 0.005) * _MB > 16 * number:
            yield Problem(
                (*network.path, "estimated_total_size_mb"),
                f"{size:g} MB for {number:,} parameters is {each:.3g} bytes for each",
                f"in single precision the parameters take {number * 4 / _MB:.4g} MB",
                related=(((*network.path, "total_nb_parameters"), f"{number:,} parameters here"),),
            )


@rule("warning")
def summary_parameters(model: Model) -> Iterator[Problem]:
    """The total in `summary` should be `total_nb_parameters`.

    The summary is printed by the framework, so it is usually the one that is right.
    """
    for network in model.architecture:
        match = _TOTAL_PARAMETERS.search(network.summary or "")
        if match is None or network.total_nb_parameters is None:
            continue
        total = int(re.sub(r"\D", "", match.group(1)))
        if total != network.total_nb_parameters:
            yield Problem(
                (*network.path, "total_nb_parameters"),
                f"total_nb_parameters is {network.total_nb_parameters:,}, but the summary says {total:,}",
                f"total_nb_parameters: {total}",
                related=(((*network.path, "summary"), f"{total:,} parameters in the summary"),),
            )


@rule("warning")
def docker_tag(model: Model) -> Iterator[Problem]:
    """An image should have one fixed tag, in `tag`.

    Without a tag, or with `latest`, the same command runs other software tomorrow. A tag in `image_name` is easily
    overlooked by programs that add the one in `tag`.
    """
    for runtime in model.runtime:
        for docker in runtime.docker:
            if docker.image_name is None:
                continue
            name, _, inside = docker.image_name.rpartition("/")[2].partition(":")
            pinned = "@sha256:" in docker.image_name
            if inside and not pinned:
                both = f", and tag says {docker.tag}" if docker.tag else ""
                moving = "; `latest` changes, name a version" if "latest" in (inside, docker.tag) else ""
                yield Problem(
                    (*docker.path, "image_name"),
                    f"the tag {inside} stands in image_name{both}",
                    f"image_name: {docker.image_name[: -len(inside) - 1]} and tag: {docker.tag or inside}{moving}",
                    related=(((*docker.path, "tag"), "the other tag"),) if docker.tag else (),
                )
            elif docker.tag == "latest":
                message = "the tag latest stands for another image after every release"
                yield Problem((*docker.path, "tag"), message, "name a version")
            elif not docker.tag and not pinned:
                message, hint = f"the image {name} has no tag", f'name the version of {name} that is meant: tag: "1.0"'
                yield Problem((*docker.path, "image_name"), message, hint)


@rule("warning")
def commit_hash(model: Model) -> Iterator[Problem]:
    """`model_commit_hash` should be the hash of a commit: 7 to 40 hexadecimal digits.

    A branch or a tag may move; the hash says which code fits the weights.
    """
    for runtime in model.runtime:
        value = runtime.model_commit_hash
        if value is not None and not _HASH.fullmatch(value.lower()):
            message = f"“{value}” is not the hash of a commit"
            yield Problem((*runtime.path, "model_commit_hash"), message, "7 to 40 digits from 0 to 9 and a to f")


@rule("note", misses=("model_commit_hash",))
def commit_missing(model: Model) -> Iterator[Problem]:
    """Where code is named, its commit should be.

    Code that changes after the weights were published may not load them any more. Add `model_commit_hash`.
    """
    for runtime in model.runtime:
        if runtime.model_src_url and not runtime.model_commit_hash:
            message = "no commit of the code is stated"
            yield Problem((*runtime.path, "model_src_url"), message, "add model_commit_hash")


@rule("error")
def source_url(model: Model) -> Iterator[Problem]:
    """`model_src_url` and `docker_file` must be http or https URLs.

    A path or another scheme leads nowhere for the reader of a card, or somewhere it should not.
    """
    for runtime in model.runtime:
        places = [((*runtime.path, "model_src_url"), runtime.model_src_url)]
        places += [((*docker.path, "docker_file"), docker.docker_file) for docker in runtime.docker]
        for path, value in places:
            if value is not None and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value, re.IGNORECASE):
                yield Problem(path, f"“{value}” is not an http or https URL", "write the whole address of the code")


@rule("warning")
def handler_syntax(model: Model) -> Iterator[Problem]:
    """`model_handler` should name a Python function or class: `package.module:name`.

    Programs import it to load the model.
    """
    for runtime in model.runtime:
        value = runtime.model_handler
        if value is not None and not _FUNCTION.fullmatch(value):
            message = f"“{value}” does not name a Python object"
            yield Problem((*runtime.path, "model_handler"), message, "package.module:name")


@rule("warning")
def function_syntax(model: Model) -> Iterator[Problem]:
    """Pre- and post-processing functions should be named as `package.module:function`.

    A signature may follow: `package.module:function(Type) -> Type`. The name is what a program imports.
    """
    places = [((*entry.path, "pre_processing_function"), entry.pre_processing_function) for entry in model.inputs]
    places += [
        ((*output.path, "post_processing_function"), output.post_processing_function) for output in model.outputs
    ]
    for path, value in places:
        if value is not None and not _FUNCTION.fullmatch(value):
            yield Problem(path, f"“{value}” does not name a Python function", "package.module:function(Type) -> Type")


@rule("note", misses=("assets",))
def weights_missing(model: Model) -> Iterator[Problem]:
    """A model should name its weights: an asset with the role `weights`.

    Without them nobody can run it.
    """
    if model.weights is None and not model.withdrawn:
        if model.assets:
            hint = "give the asset of the weights roles: [weights]"
            yield Problem(("assets",), "no asset has the role weights", hint, on="key")
        else:
            yield Problem((), "no weights are named", "add an asset with roles: [weights]")


@rule("note", misses=("assets",))
def mlm_missing(model: Model) -> Iterator[Problem]:
    """An Item carries the fields of MLM, the successor of DLM, when they can be derived.

    MLM's schema requires an asset with the weights; without one its clients would refuse the Item, so the fields are
    left out. `mlm: false` in catalog.yml leaves them out everywhere.
    """
    reason = why_not(model)
    if reason is not None and not model.withdrawn and not any(key.startswith(PREFIX) for key in model.fields):
        message = f"the Item carries no mlm: fields: {reason}"
        yield Problem(("assets",) if model.assets else (), message, "add an asset with roles: [weights]", on="key")


@rule("note")
def weights_unsafe(model: Model) -> Iterator[Problem]:
    """Weights in a format based on pickle can run any code when they are loaded.

    Publish them as safetensors or ONNX as well. The card says so to its readers.
    """
    for asset in model.offered_assets:
        path = asset.href.split("?", 1)[0].split("#", 1)[0].lower()
        if asset.is_weights and path.endswith(PICKLE_SUFFIXES):
            message = f"{path.rsplit('/', 1)[-1]} is read by pickle, which runs code that is hidden in it"
            yield Problem((*asset.path, "href"), message, "publish safetensors or ONNX as well")


@rule("warning")
def asset_temporary(model: Model) -> Iterator[Problem]:
    """Files should be where they stay.

    Links to shared drives break, need a login or show a page instead of the file; a file on a branch changes. Use a
    release, a repository for data with a DOI, or an address with the commit in it.
    """
    for asset in model.assets:
        if _TEMPORARY.match(asset.href):
            message = "the file is on a shared drive, where programs cannot fetch it and links break"
            yield Problem((*asset.path, "href"), message, "publish it where it stays, with a DOI or in a release")
        elif _MOVING.match(asset.href):
            message = "the address names a branch, so the file behind it may change"
            yield Problem((*asset.path, "href"), message, "use the address with the commit or the release in it")
