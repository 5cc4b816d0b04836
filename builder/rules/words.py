"""Rules about words that no schema limits, but that are nearly others: misspelt, or said twice."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from builder.diagnostic import Path, Problem
from builder.model import CARD_SECTIONS, Model
from builder.rules.registry import rule

# https://github.com/radiantearth/stac-spec/blob/v1.1.0/commons/common-metadata.md, assets.md, links.md
_COMMON_KEYS = (
    "title", "description", "keywords", "roles", "created", "updated", "datetime", "start_datetime", "end_datetime",
    "license", "providers", "platform", "instruments", "constellation", "mission", "gsd", "data_type", "nodata",
    "statistics", "unit", "bands",
)  # fmt: skip
_FILE_KEYS = ("file:byte_order", "file:checksum", "file:header_size", "file:local_path", "file:size", "file:values")
_ASSET_KEYS = (*_COMMON_KEYS, *_FILE_KEYS, "href", "type", "alternate")
_LINK_KEYS = ("href", "rel", "type", "title", "method", "headers", "body", "hreflang", "merge")
_PROVIDER_KEYS = ("name", "description", "roles", "url", "email")
_ASSET_ROLES = (
    "weights", "model", "data", "metadata", "thumbnail", "overview", "visual", "code", "runtime", "documentation",
    "license", "example", "report",
)  # fmt: skip
# https://www.iana.org/assignments/link-relations and the STAC specification's
_RELATIONS = (
    "about", "alternate", "author", "cite-as", "derived_from", "describedby", "example", "help", "icon",
    "latest-version", "license", "preview", "predecessor-version", "related", "service", "successor-version", "via",
)  # fmt: skip
# https://www.iana.org/assignments/media-types, and what weights are commonly published as
_MEDIA_TYPES = (
    "application/geo+json", "application/gzip", "application/json", "application/octet-stream", "application/pdf",
    "application/x-hdf5", "application/x-tar", "application/yaml", "application/zip", "image/gif", "image/jpeg",
    "image/png", "image/tiff", "text/html", "text/markdown", "text/plain", "text/x-python",
)  # fmt: skip
_FRAMEWORKS = ("Caffe", "JAX", "Keras", "MXNet", "ONNX", "PaddlePaddle", "PyTorch", "scikit-learn", "TensorFlow")


def _meant(word: str, known: Iterable[str], cutoff: float = 0.85) -> str | None:
    """The known word that one is nearly: with the same letters, or with one more, less or other in a long word."""
    by_case = {name.lower(): name for name in known}
    lower = word.lower()
    if lower in by_case:
        return None
    same = next((name for name in by_case if sorted(name) == sorted(lower)), None)
    close = difflib.get_close_matches(lower, by_case, n=1, cutoff=cutoff)
    return by_case[same] if same else by_case[close[0]] if close else None


@rule("warning")
def word_misspelt(model: Model) -> Iterator[Problem]:
    """A word that is nearly a known one is probably that one, misspelt.

    Assets, links, providers and the card take keys of your own, and roles and relations are free; so a slip there is
    published, and not found by who looks for the right word. A key of your own is safe with a prefix: `acme:tilte`.
    """
    keys: list[tuple[Path, Iterable[str], tuple[str, ...]]] = [
        *((asset.path, asset.fields, _ASSET_KEYS) for asset in model.assets),
        *((link.path, link.fields, _LINK_KEYS) for link in model.links),
        (("card",), model.card.sections, (*CARD_SECTIONS, "metrics")),
        *(((*text.path, "card"), text.sections, CARD_SECTIONS) for text in model.translations),
    ]
    providers = model.fields.get("providers", ())
    keys += [(("providers", index), provider, _PROVIDER_KEYS) for index, provider in enumerate(providers)]
    for path, given, known in keys:
        for key in given:
            if meant := _meant(key, known):
                yield Problem((*path, key), f"the key {key} is nearly {meant}", f"write {meant}", on="key")
    words: list[tuple[Path, str, tuple[str, ...]]] = [
        ((*link.path, "rel"), link.rel, _RELATIONS) for link in model.links
    ]
    words += [
        ((*asset.path, "roles", index), role, _ASSET_ROLES)
        for asset in model.assets
        for index, role in enumerate(asset.roles)
    ]
    words += [
        ((*runtime.path, "framework"), runtime.framework, _FRAMEWORKS) for runtime in model.runtime if runtime.framework
    ]
    for path, word, known in words:
        if meant := _meant(word, known):
            yield Problem(path, f"{word} is nearly {meant}", f"write {meant}")
    for asset in model.assets:
        media_type = (asset.type or "").partition(";")[0].strip()
        # Many are alike (`x-gzip`), so only the letters of a known one in another order are taken for a slip.
        if media_type and (meant := _meant(media_type, _MEDIA_TYPES, cutoff=1)):
            yield Problem((*asset.path, "type"), f"{media_type} is nearly {meant}", f"write {meant}")


@rule("warning")
def list_repeated(model: Model) -> Iterator[Problem]:
    """A list should not hold the same thing twice.

    Usually a line was copied and not changed, so that something else is missing. Remove it or correct it.
    """
    lists: list[tuple[Path, object]] = [
        ((key,), model.fields.get(key))
        for key in ("keywords", "providers", "instruments", "sci:publications", "dlm:archive", "eo:bands")
    ]
    lists += [((*provider.path, "roles"), list(provider.roles)) for provider in model.providers]
    lists += [((*asset.path, "roles"), list(asset.roles)) for asset in model.assets]
    lists += [((*member.path, "role"), list(member.role)) for member in model.archive]
    lists.append((("links",), [link.fields for link in model.links]))
    metrics = [(m.name, m.value, m.unit, m.dataset, m.split, m.source) for m in model.card.metrics]
    lists.append((("card", "metrics"), metrics))
    for path, values in lists:
        if not isinstance(values, list):
            continue
        first: dict[str, int] = {}
        for index, value in enumerate(values):
            before = first.setdefault(repr(value), index)
            if before != index:
                what = value if isinstance(value, str) else "this"
                name = next(step for step in reversed(path) if isinstance(step, str))
                related = (((*path, before), "first given here"),)
                yield Problem((*path, index), f"{what} stands in {name} twice", "remove one", related=related)


@rule("warning")
def translation_repeated(model: Model) -> Iterator[Problem]:
    """A translation should be into another language than that of the file itself, and each language given once.

    Otherwise one of the two texts is never shown. The texts at the top of the file are in the language of the catalog,
    unless `language` says another one; tags are the same in capital and small letters.
    """
    own = model.language.lower()
    first: dict[str, Path] = {}
    for text in model.translations:
        if text.language.lower() == own:
            stated = "language" in model.fields
            message = f"{text.language} is the language of {'the file itself' if stated else 'the catalog'}"
            hint = "write title and description in it" if stated else (
                "write title and description in it, or say with language: what they are in"
            )  # fmt: skip
            related = ((("language",), "said here"),) if stated else ()
            yield Problem(text.path, message, hint, on="key", related=related)
        before = first.setdefault(text.language.lower(), text.path)
        if before != text.path:
            yield Problem(text.path, f"{text.language} is given twice", "keep one", on="key",
                          related=((before, "first given here"),))  # fmt: skip


@rule("warning")
def todo_left(model: Model) -> Iterator[Problem]:
    """A text that begins with `TODO` is still to be written.

    `new` and `import` leave one where only a person knows the answer. Write what is known, or remove the key.
    """
    waiting: list[tuple[Path, object]] = [((key,), value) for key, value in model.fields.items()]
    waiting += [(("card", key), text) for key, text in model.card.sections.items()]
    waiting += [(asset.path, asset.fields) for asset in model.assets]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str) and value.startswith("TODO"):
            yield Problem(path, f"{path[-1]} is still to be written", "write what is known, or remove the key")
        elif isinstance(value, (dict, list)):
            inside = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [((*path, step), one) for step, one in inside]
