"""Whether the files of a model are what its model file says: size, checksum, and what weights say about themselves.

What could not be compared is a result of its own. It is never taken for a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from builder.diagnostic import Problem
from builder.model import Asset, Model
from builder.rules import check_weights
from builder.rules.weights import compared_facts, file_name
from builder.source import LocalFile
from builder.weights import MissingExtraError, UnreadFormatError, WeightsError

Status = Literal["agrees", "differs", "unchecked"]
_SHA256 = "1220"
"""What a multihash of SHA-256 begins with: https://github.com/multiformats/multicodec/blob/master/table.csv"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether an asset's file agrees with the model file.

    `compared` names the facts that both state. `reason` says why something was not compared, `extra` which optional
    dependency would have been needed for it.
    """

    asset: str
    status: Status
    compared: tuple[str, ...] = ()
    reason: str = ""
    extra: str | None = None


def compare_file(model: Model, asset: Asset, file: LocalFile) -> tuple[Agreement, list[tuple[str, Problem]]]:
    """Whether a file is the one that an asset describes, and where it is not, each with the id of a rule."""
    findings, compared = _compare_bytes(asset, file)
    reason, extra = "", None
    if asset.is_weights:
        try:
            signature = file.signature
        except WeightsError as error:
            message = f"{file_name(asset)} {error}"
            hint = "put the whole file there, or correct its name"
            findings.append(("weights-unreadable", Problem((*asset.path, "href"), message, hint)))
        except (UnreadFormatError, MissingExtraError, OSError) as error:
            reason = str(error)
            extra = error.extra if isinstance(error, MissingExtraError) else None
            message = f"{file_name(asset)} was not compared with what is said about it: {reason}"
            hint = (
                f"pip install 'dlm-catalog[{extra}]'" if extra else "publish ONNX or safetensors, which can be compared"
            )
            findings.append(("weights-unchecked", Problem((*asset.path, "href"), message, hint)))
        else:
            findings += check_weights(model, asset, signature)
            compared += compared_facts(model, asset, signature)
    faults = [rule for rule, _ in findings if rule not in ("weights-unchecked", "weights-pickled")]
    status: Status = "differs" if faults else "unchecked" if reason or not compared else "agrees"
    return Agreement(asset.key, status, tuple(compared), reason, extra), findings


def _compare_bytes(asset: Asset, file: LocalFile) -> tuple[list[tuple[str, Problem]], list[str]]:
    """What the size and the checksum of a file contradict, and which of the two were compared."""
    findings: list[tuple[str, Problem]] = []
    compared = []
    size, checksum = asset.fields.get("file:size"), asset.fields.get("file:checksum")
    stated: list[tuple[str, object, object]] = []
    if size is not None:
        stated.append(("file:size", size, file.size))
    # Only SHA-256 is compared: another function's digest is kept out of the Item, not called wrong.
    if checksum is not None and str(checksum).startswith(_SHA256):
        stated.append(("file:checksum", str(checksum).lower(), f"{_SHA256}{file.sha256}"))
    for key, value, real in stated:
        compared.append(key.partition(":")[2])
        if value != real:
            message = f"{key} is stated as {value}, but the file has {real}"
            hint = f"remove {key}: it is filled in" if asset.is_local else f"{key}: {real}, if this is the file"
            findings.append(("file-checksum", Problem((*asset.path, key), message, hint)))
    return findings, compared


def compare_files(
    model: Model, files: Mapping[str, LocalFile]
) -> tuple[list[Agreement], list[tuple[str, Problem]]]:  # fmt: skip
    """The agreements of all assets of which a file is at hand, by the href that the asset gives."""
    agreements: list[Agreement] = []
    findings: list[tuple[str, Problem]] = []
    for asset in model.assets:
        if asset.href in files:
            agreement, found = compare_file(model, asset, files[asset.href])
            agreements.append(agreement)
            findings += found
    return agreements, findings
