"""What a model says in one of the languages that it has texts in.

Languages are BCP 47 tags (RFC 5646). Two tags go together when they are the same, or else when they begin with the
same language: a site in French shows what is written for Canadian French.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from builder.facts import sentence
from builder.model import Model, Translation
from builder.words import mark, name_of, say

_TITLES = {
    "intended_use": mark("Intended use"), "limitations": mark("Limitations"), "training_data": mark("Training data"),
    "evaluation": mark("Evaluation"), "ethical_considerations": mark("Ethical considerations"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TranslationView:
    """The texts of a model in a language that is not the page's; `name` is what the language is called in itself,
    `sections` are a heading in the language of the page and Markdown."""

    language: str
    name: str
    title: str
    description: str
    sections: tuple[tuple[str, str], ...]


def to_language(model: Model, language: str) -> Model:
    """The model with its texts in a language, as far as it has them; the others stay, and `foreign` tells which.

    The translations are then the texts in all other languages, those of the author first.
    """
    if not model.translations and model.language == language:
        return model
    own = Translation((), model.language, model.title, model.description, model.card.sections)
    every = (own, *model.translations)
    chosen = find_language([text.language for text in every], language)
    first = every[chosen] if chosen is not None else own
    sections = {**own.sections, **first.sections}
    return replace(
        model,
        title=first.title or own.title,
        description=first.description or own.description,
        card=replace(model.card, sections=sections),
        language=language,
        translations=tuple(text for text in every if text is not first),
        foreign=dict(_foreign(own, first, language)),
    )


def to_views(model: Model) -> tuple[TranslationView, ...]:
    """The translations of a model as its card shows them."""
    return tuple(
        TranslationView(
            text.language,
            name_of(text.language),
            text.title or "",
            text.description or "",
            tuple((say(_TITLES[key]) if key in _TITLES else sentence(key.replace("_", " ").strip()), words)
                  for key, words in text.sections.items()),
        )
        for text in model.translations
    )  # fmt: skip


def find_language(tags: Iterable[str], wanted: str) -> int | None:
    """Which of the tags goes with the wanted one: its place, or None."""
    lower = [tag.lower() for tag in tags]
    if wanted.lower() in lower:
        return lower.index(wanted.lower())
    primary = wanted.lower().partition("-")[0]
    return next((place for place, tag in enumerate(lower) if tag.partition("-")[0] == primary), None)


def _foreign(own: Translation, first: Translation, language: str) -> Iterator[tuple[str, str]]:
    for name in ("title", "description"):
        text = first if getattr(first, name) else own
        if getattr(text, name) and text.language.lower() != language.lower():
            yield name, text.language
    for key in {**own.sections, **first.sections}:
        text = first if key in first.sections else own
        if text.language.lower() != language.lower():
            yield f"card.{key}", text.language
