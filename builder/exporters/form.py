"""What an exporter gives, and the small words that several forms share."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from builder.facts import shorten
from builder.model import Model
from builder.output import Artifact


@dataclass(frozen=True, slots=True)
class Export:
    """Files of one form; `notes` say what was filled in or why there is none, `losses` which facts have no place."""

    artifacts: tuple[Artifact, ...] = ()
    notes: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()


class MissingExtraError(Exception):
    """A form needs a library that is not installed. `extra` is the extra that brings it."""

    def __init__(self, extra: str, what: str) -> None:
        super().__init__(f"{what} needs the extra {extra}: pip install 'dlm-catalog[{extra}]'")
        self.extra = extra


def producers(model: Model) -> list[str]:
    """Who made the model, as far as it is stated: the providers with the role producer."""
    return [provider.name for provider in model.providers if "producer" in provider.roles]


@functools.lru_cache(maxsize=64)  # of a description, two forms ask for it
def plain_words(markdown: str | None, length: int) -> str:
    """The beginning of a Markdown text without its commonest marks, on one line: much cheaper than rendering it."""
    text = (markdown or "")[: 4 * length]
    if "](" in text:
        text = re.sub(r"!?\[([^\[\]]*)\]\((?:[^()\s]|\([^()\s]*\))*\)", r"\1", text)
    if "<" in text or "#" in text:
        text = re.sub(r"<[A-Za-z/!][^<>]*>|\*\*|`|^ *#+ ", " ", text, flags=re.MULTILINE)
    return shorten(text.replace("**", " ").replace("`", " "), length)


def plain_license(model: Model) -> str | None:
    """The license where it is one SPDX identifier: no expression, and not `other`."""
    text = model.license or ""
    return text if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]*", text) and text not in ("other", "various") else None


def is_web(address: str | None) -> bool:
    """Whether an address is one that a browser may follow."""
    return re.match(r"https?://[^\s<>\"]+$", address or "") is not None
