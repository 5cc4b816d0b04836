"""A KServe InferenceService that has Triton serve the weights from where they are published.

https://kserve.github.io/website/docs/model-serving/storage/multiple-storage-uris: each address is put at a place of its
own, so that the files make up the model repository that Triton expects.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from builder.deploy import triton
from builder.deploy.quoting import yaml_text
from builder.deploy.sheet import DeployFile, Sheet, Site, Withheld, file_name, to_comments
from builder.model import Asset
from builder.words import mark, say

NAME = "inference-service.yaml"
TITLE = mark("InferenceService for KServe")
FORMATS = {"onnx": "onnx", "torchscript": "pytorch"}
REPOSITORY = "/mnt/models"
"""Where KServe's runtime has Triton look for models."""
LONGEST_NAME = 40
"""Kubernetes allows 63 characters, of which KServe needs some for what it adds to the name."""
_ADDRESS = re.compile(r"(?:https?|s3|gs)://[^\s/]+/\S+")


def render(site: Site) -> DeployFile | Withheld:
    """The service, for the weights and the Triton configuration of the model."""
    sheet, model = Sheet(NAME, TITLE), site.model
    kind = triton.to_format(sheet, model)
    if kind is None or model.weights is None:
        return sheet.withheld()
    address = _find_address(sheet, site, model.weights)
    configuration = triton.render(site)
    plain = kind == "onnx" and file_name(model.weights) == triton.USUAL_NAMES[kind]
    uris = [(address, f"{REPOSITORY}/{model.id}/1")]
    if isinstance(configuration, Withheld) and not plain:
        sheet.missing += configuration.missing
    elif isinstance(configuration, DeployFile) and site.address:
        uris.insert(0, (f"{site.address}/deploy/{triton.NAME}", f"{REPOSITORY}/{model.id}"))
        sheet.inferred.append("the address of the Triton configuration, which is published beside this file")
    elif not plain:
        sheet.lack(
            ("base_url",), say("in catalog.yml, the address of the site, from which KServe gets the configuration")
        )
    if not file_name(model.weights):
        sheet.lack(
            (*model.weights.path, "href"), say("an address that ends in a file name of letters, digits and . _ -")
        )
    if sheet.missing:
        return sheet.withheld()
    name = to_label(model.id)
    if name != model.id:
        sheet.inferred.append(f"the name {name}: the id is none that Kubernetes accepts")
    sheet.inferred += [
        "runtime kserve-tritonserver, the name that KServe's own installation gives its Triton",
        "storageUris, which KServe has from version 0.16 on; the addresses are read without credentials",
    ]
    gpus = [docker for runtime in model.runtime for docker in runtime.docker if docker.gpu is not None]
    if gpus and gpus[0].gpu:
        sheet.state((*gpus[0].path, "gpu"), "yes")
        sheet.inferred.append("one GPU, of the kind nvidia.com/gpu: their number is not stated")
    body = [
        "apiVersion: serving.kserve.io/v1beta1",
        "kind: InferenceService",
        "metadata:",
        f"  name: {yaml_text(name)}",
        "spec:",
        "  predictor:",
        "    model:",
        f"      modelFormat: {{name: {FORMATS[kind]}}}",
        "      runtime: kserve-tritonserver",
        "      protocolVersion: v2",
        *(['      resources: {limits: {nvidia.com/gpu: "1"}}'] if gpus and gpus[0].gpu else []),
        "    storageUris:",
        *(f"      - {{uri: {yaml_text(uri)}, mountPath: {yaml_text(place)}}}" for uri, place in uris),
    ]
    return sheet.finish("\n".join([*to_comments(sheet.head(model)), *body]) + "\n")


def _find_address(sheet: Sheet, site: Site, weights: Asset) -> str:
    if name := site.local_weights:
        if site.address:
            sheet.inferred.append("the address of the weights, which are published in the site")
            return f"{site.address}/{quote(name)}"
        sheet.lack(("base_url",), say("in catalog.yml, the address of the site, from which KServe gets the weights"))
    elif _ADDRESS.fullmatch(weights.href):
        sheet.state((*weights.path, "href"), weights.href)
        return weights.href
    else:
        sheet.lack((*weights.path, "href"), say("an address of the weights that KServe reads: http, https, s3 or gs"))
    return ""


def to_label(text: str) -> str:
    """A name of Kubernetes, RFC 1035: lower-case letters, digits and hyphens, beginning with a letter."""
    label = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    label = label if label[:1].isalpha() else f"model-{label}"
    return label[:LONGEST_NAME].rstrip("-")
