"""The words of the site in the language of the registry: messages in English, and what stands for them.

`say` and `say_count` take the English text, in which `{0}`, `{1}` and so on are places for values. The language is
fixed for a build, so it is not passed from function to function: `speaking` sets it for what runs inside. Outside, and
for everything the command line says, it is English.
"""

from __future__ import annotations

import contextlib
import functools
import gettext
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

ENGLISH = "en"
FOLDER = Path(__file__).resolve().parent / "languages"
"""Holds `<language>.po`, which people edit, and `<language>.mo`, which is made of it and read here."""
_RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})
_SCRIPTS_TO_LEFT = frozenset({"adlm", "arab", "hebr", "nkoo", "syrc", "thaa"})
_MARKS = {"en": (".", ",", ", "), "fr": (",", "\u202f", "; ")}
"""The mark before decimals, and those between thousands and between the numbers of a list. Other languages have those
of English."""
NAMES = {
    "ar": "العربية", "ca": "Català", "cs": "Čeština", "da": "Dansk", "de": "Deutsch", "el": "Ελληνικά", "en": "English",
    "es": "Español", "eu": "Euskara", "fa": "فارسی", "fi": "Suomi", "fr": "Français", "he": "עברית", "hi": "हिन्दी",
    "hu": "Magyar", "id": "Bahasa Indonesia", "it": "Italiano", "ja": "日本語", "ko": "한국어", "nb": "Norsk bokmål",
    "nl": "Nederlands", "pl": "Polski", "pt": "Português", "ro": "Română", "ru": "Русский", "sv": "Svenska",
    "sw": "Kiswahili", "tr": "Türkçe", "uk": "Українська", "vi": "Tiếng Việt", "zh": "中文",
}  # fmt: skip
"""What languages are called in themselves, by the first part of their tag."""
LANGUAGES = {
    "arabic": "ar", "catalan": "ca", "chinese": "zh", "deutsch": "de", "english": "en", "eng": "en", "español": "es",
    "fra": "fr", "fre": "fr", "français": "fr", "french": "fr", "german": "de", "italian": "it", "japanese": "ja",
    "portuguese": "pt", "spanish": "es",
}  # fmt: skip
"""Tags by what is written in place of them."""
_PLURAL = re.compile(r"plural=([-n0-9\s%!=<>&|?:()+*/]+?);?\s*$")


@dataclass(frozen=True)
class Words:
    """A language: its code, and the messages that it has."""

    language: str = ENGLISH
    translations: gettext.NullTranslations | None = field(default=None, compare=False)

    @property
    def direction(self) -> str:
        """In which direction the language is written: `ltr` or `rtl`. A script in its tag decides."""
        primary, *others = self.language.lower().split("-")
        script = next((part for part in others if len(part) == 4 and part.isalpha()), None)
        to_left = script in _SCRIPTS_TO_LEFT if script else primary in _RIGHT_TO_LEFT
        return "rtl" if to_left else "ltr"

    @property
    def marks(self) -> tuple[str, str, str]:
        """The mark before decimals, and those between thousands and between the numbers of a list."""
        return _MARKS.get(self.language, _MARKS[ENGLISH])

    @property
    def _about_forms(self) -> str:
        """What the catalog of messages says of plural forms; empty where there is none."""
        about: str = self.translations.info().get("plural-forms", "") if self.translations else ""
        return about

    @property
    def plural_rule(self) -> str:
        """The number of the form that goes with `n`, as an expression of C and of JavaScript alike."""
        rule = _PLURAL.search(self._about_forms)
        return rule[1].strip() if rule else "n != 1"

    @property
    def forms(self) -> range:
        """The numbers of the forms that a message about a number has."""
        count = re.search(r"nplurals=(\d)", self._about_forms)
        return range(int(count[1]) if count else 2)

    def plural_form(self, number: int) -> int:
        """The number of the form that goes with a number."""
        return _to_function(self.plural_rule)(number) if self.translations else int(number != 1)

    def find(self, text: str) -> str:
        """What stands for a message; the message itself where nothing does."""
        return self.translations.gettext(text) if self.translations else text

    def find_form(self, one: str, many: str, form: int) -> str:
        """What stands for a message in one of its forms."""
        if self.translations is None:
            return many if form else one
        wanted = next((n for n in range(201) if self.plural_form(n) == form), 2)
        return self.translations.ngettext(one, many, wanted)


_current: ContextVar[Words] = ContextVar("words", default=Words())  # noqa: B039  frozen


@functools.cache
def _to_function(rule: str) -> Callable[[int], int]:
    function: Callable[[int], int] = gettext.c2py(rule)  # it refuses what is no such expression
    return function


@functools.cache
def load(language: str) -> Words:
    """The words of a language; those of English where there are none."""
    location = FOLDER / f"{language}.mo"
    if language == ENGLISH or not location.is_file():
        return Words()
    with location.open("rb") as file:
        return Words(language, gettext.GNUTranslations(file))


def current() -> Words:
    """The words that `say` takes."""
    return _current.get()


def name_of(tag: str) -> str:
    """What a language is called in itself, with the rest of its tag; the tag alone where the name is not known."""
    primary, _, rest = tag.partition("-")
    name = NAMES.get(primary.lower(), primary)
    return f"{name} ({rest})" if rest else name


@contextlib.contextmanager
def speaking(language: str) -> Iterator[Words]:
    """Has what runs inside speak a language."""
    words = load(language)
    token = _current.set(words)
    try:
        yield words
    finally:
        _current.reset(token)


def to_script(words: Words) -> str:
    """The words of a language as a script that sets `DLM_SAID`, for the scripts of the site: messages, the rule of
    plurals, the code for numbers."""
    if not isinstance(words.translations, gettext.GNUTranslations):
        raise ValueError(f"there are no words of {words.language}")
    wanted = (FOLDER / "scripts.txt").read_text("utf-8").splitlines()
    texts = {}
    for line in wanted:
        one, _, many = line.partition("\t")
        texts[one] = [words.find_form(one, many, form) for form in words.forms] if many else words.find(one)
    text = json.dumps(texts, ensure_ascii=False, separators=(",", ":"), sort_keys=True).replace("<", "\\u003c")
    rule = words.plural_rule
    code, (mark, _, apart) = json.dumps(words.language), map(json.dumps, words.marks)
    return f"globalThis.DLM_SAID={{language:{code},decimal:{mark},apart:{apart},form:n=>+({rule}),texts:{text}}};\n"


def say(text: str, *values: object) -> str:
    """A message in the current language, with the values in their places."""
    words = _current.get()
    if words.translations is not None:
        text = words.translations.gettext(text)
    return text.format(*values) if values else text


def mark(text: str) -> str:
    """The text as it is: a message that stands in a table, and is said later."""
    return text


def say_count(one: str, many: str, number: int, *values: object) -> str:
    """A message about a number of things, in the form that goes with it; the number is `{0}`."""
    words = _current.get()
    if words.translations is None:
        text = one if number == 1 else many
    else:
        text = words.translations.ngettext(one, many, number)
    return text.format(format_whole(number), *values)


def format_whole(value: int) -> str:
    """A whole number with its thousands apart: 1,234,567."""
    text = f"{value:,}"
    words = _current.get()
    return text if words.translations is None else text.replace(",", words.marks[1])


def localize(text: str) -> str:
    """A number in figures with the decimal mark of the current language."""
    words = _current.get()
    return text if words.translations is None else text.replace(".", words.marks[0])


def list_figures(figures: Iterable[str]) -> str:
    """A list of numbers in figures, with the marks of the current language in and between them."""
    return _current.get().marks[2].join(map(localize, figures))
