"""Which writing system a text is in, and what it says of its language."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The letters of each writing system, as ranges of a regular expression.
_LETTERS = {
    "Latin": "A-Za-z\u00c0-\u024f\u1e00-\u1eff",
    "Cyrillic": "\u0400-\u052f",
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Arabic": "\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f",
    "Hebrew": "\u05d0-\u05ea",
    "Han": "\u3400-\u9fff\uf900-\ufaff",
    "kana": "\u3041-\u30ff",
    "Hangul": "\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f",
    "Thai": "\u0e01-\u0e3a\u0e40-\u0e4e",
    "Devanagari": "\u0900-\u0963\u0970-\u097f",
    "Bengali": "\u0980-\u09ff",
    "Gurmukhi": "\u0a00-\u0a7f",
    "Gujarati": "\u0a80-\u0aff",
    "Odia": "\u0b00-\u0b7f",
    "Tamil": "\u0b80-\u0bff",
    "Telugu": "\u0c00-\u0c7f",
    "Kannada": "\u0c80-\u0cff",
    "Malayalam": "\u0d00-\u0d7f",
    "Sinhala": "\u0d80-\u0dff",
    "Lao": "\u0e80-\u0eff",
    "Tibetan": "\u0f00-\u0fff",
    "Burmese": "\u1000-\u109f",
    "Georgian": "\u10a0-\u10ff",
    "Armenian": "\u0531-\u0587",
    "Ethiopic": "\u1200-\u137f",
    "Khmer": "\u1780-\u17ff",
}
_ALL_LETTERS = re.compile("|".join(f"([{letters}]+)" for letters in _LETTERS.values()))
_NAMES = tuple(_LETTERS)

# Languages that are written in other letters than Latin ones, the only language of a system first where there is one.
_LANGUAGES = {
    "Cyrillic": "ru uk be bg sr mk kk ky mn tg tt ba cv ce os av ab kv cu uz az bs",
    "Greek": "el",
    "Arabic": "ar fa ur ps ku ug sd ks az pa ms ha",
    "Hebrew": "he yi",
    "Japanese": "ja",
    "Han": "zh",
    "Hangul": "ko",
    "Thai": "th",
    "Devanagari": "hi mr ne sa ks sd",
    "Bengali": "bn as",
    "Gurmukhi": "pa",
    "Gujarati": "gu",
    "Odia": "or",
    "Tamil": "ta",
    "Telugu": "te",
    "Kannada": "kn",
    "Malayalam": "ml",
    "Sinhala": "si pi",
    "Lao": "lo",
    "Tibetan": "bo dz",
    "Burmese": "my",
    "Georgian": "ka",
    "Armenian": "hy",
    "Ethiopic": "am ti",
    "Khmer": "km",
}
_WRITTEN_IN_THEM = {system: tuple(codes.split()) for system, codes in _LANGUAGES.items()}
_NOT_IN_LATIN = frozenset(codes[0] for codes in _WRITTEN_IN_THEM.values()) | frozenset(
    {"fa", "ur", "ps", "uk", "be", "bg", "mk", "mr", "ne", "yi", "as", "ti", "dz"}
)
# Other systems that decide the language alone, since what else is written in them is rare.
DECIDED = {system: codes[0] for system, codes in _WRITTEN_IN_THEM.items() if system not in {"Cyrillic", "Arabic"}}
del DECIDED["Devanagari"]

# The letters that tell languages of one system: which a text has, and which it hasn't.
_TELLING = {
    "Cyrillic": (
        ("be", "і", "[иїєқғңөүұһә]"),
        ("uk", "[іїєґ]", "[ыэъёў]"),
        ("ru", "[ыэё]", "[іїєґўқғңөүұһәӣҷҳјђћӕ]"),
        ("bg", "ъ", "[ыэёіјқғңөүұһәӣҷҳӕ]"),
    ),
    "Arabic": (
        ("ur", "[ٹڈںے]", "[يەۆ]"),
        ("fa", "[پچگژ]", "[ٹڈںےةەۆێڕڵۇېۈ]"),
        ("ar", "[ةأإى]", "[پچگژٹڈںیکەۆێڕڵۇېۈ]"),
    ),
}

_MOST_FOREIGN = 0.3
# Chinese has no kana at all, and Japanese hardly a sentence without.
_LEAST_KANA = 0.08


def system_of(text: str, *, least: int) -> str | None:
    """Return the writing system of nearly all letters; None if there are fewer than `least`, or several systems."""
    if text.isascii():
        return "Latin" if sum(map(str.isalpha, text)) >= least else None
    counts = _counted(text)
    total = sum(counts.values())
    if total < least:
        return None
    system = max(counts, key=lambda name: counts[name])
    return system if total - counts[system] <= _MOST_FOREIGN * total else None


def _counted(text: str) -> Mapping[str, int]:
    """Return how many letters of each system there are; a character of Han or Hangul counts as two, as it says more."""
    counts = dict.fromkeys(_NAMES, 0)
    for run in _ALL_LETTERS.finditer(text):
        counts[_NAMES[(run.lastindex or 1) - 1]] += run.end() - run.start()
    kana, han = counts.pop("kana"), counts.pop("Han")
    japanese = kana > _LEAST_KANA * (kana + han)
    doubled = {"Japanese": 2 * (kana + han) * japanese, "Han": 2 * (kana + han) * (not japanese)}
    return {**counts, **doubled, "Hangul": 2 * counts["Hangul"]}


def may_be_written_in(code: str, system: str) -> bool:
    """Return whether texts in a language may be written in a system."""
    if system == "Latin":
        return code not in _NOT_IN_LATIN
    return code in _WRITTEN_IN_THEM.get(system, ())


def told_by_letters(text: str, system: str) -> str | None:
    """Return the language that letters of its own tell from others in its writing system, or None."""
    folded = text.lower()
    for code, has, lacks in _TELLING.get(system, ()):
        if len(re.findall(has, folded)) > 1 and not re.search(lacks, folded):
            return code
    return None
