"""The languages of ISO 639-1: their codes, and their names in English and, for many, in the language itself."""

from __future__ import annotations

import difflib

_ENGLISH = """
aa Afar|ab Abkhazian|ae Avestan|af Afrikaans|ak Akan|am Amharic|an Aragonese|ar Arabic|as Assamese|av Avaric
ay Aymara|az Azerbaijani|ba Bashkir|be Belarusian|bg Bulgarian|bi Bislama|bm Bambara|bn Bengali|bo Tibetan
br Breton|bs Bosnian|ca Catalan|ce Chechen|ch Chamorro|co Corsican|cr Cree|cs Czech|cu Church Slavic|cv Chuvash
cy Welsh|da Danish|de German|dv Divehi|dz Dzongkha|ee Ewe|el Greek|en English|eo Esperanto|es Spanish
et Estonian|eu Basque|fa Persian|ff Fulah|fi Finnish|fj Fijian|fo Faroese|fr French|fy Western Frisian|ga Irish
gd Scottish Gaelic|gl Galician|gn Guarani|gu Gujarati|gv Manx|ha Hausa|he Hebrew|hi Hindi|ho Hiri Motu
hr Croatian|ht Haitian Creole|hu Hungarian|hy Armenian|hz Herero|ia Interlingua|id Indonesian|ie Interlingue
ig Igbo|ii Sichuan Yi|ik Inupiaq|io Ido|is Icelandic|it Italian|iu Inuktitut|ja Japanese|jv Javanese|ka Georgian
kg Kongo|ki Kikuyu|kj Kuanyama|kk Kazakh|kl Kalaallisut|km Khmer|kn Kannada|ko Korean|kr Kanuri|ks Kashmiri
ku Kurdish|kv Komi|kw Cornish|ky Kyrgyz|la Latin|lb Luxembourgish|lg Ganda|li Limburgish|ln Lingala|lo Lao
lt Lithuanian|lu Luba-Katanga|lv Latvian|mg Malagasy|mh Marshallese|mi Maori|mk Macedonian|ml Malayalam
mn Mongolian|mr Marathi|ms Malay|mt Maltese|my Burmese|na Nauru|nb Norwegian Bokmål|nd North Ndebele|ne Nepali
ng Ndonga|nl Dutch|nn Norwegian Nynorsk|no Norwegian|nr South Ndebele|nv Navajo|ny Chichewa|oc Occitan|oj Ojibwa
om Oromo|or Odia|os Ossetian|pa Punjabi|pi Pali|pl Polish|ps Pashto|pt Portuguese|qu Quechua|rm Romansh|rn Rundi
ro Romanian|ru Russian|rw Kinyarwanda|sa Sanskrit|sc Sardinian|sd Sindhi|se Northern Sami|sg Sango|si Sinhala
sk Slovak|sl Slovenian|sm Samoan|sn Shona|so Somali|sq Albanian|sr Serbian|ss Swati|st Southern Sotho
su Sundanese|sv Swedish|sw Swahili|ta Tamil|te Telugu|tg Tajik|th Thai|ti Tigrinya|tk Turkmen|tl Tagalog
tn Tswana|to Tongan|tr Turkish|ts Tsonga|tt Tatar|tw Twi|ty Tahitian|ug Uyghur|uk Ukrainian|ur Urdu|uz Uzbek
ve Venda|vi Vietnamese|vo Volapük|wa Walloon|wo Wolof|xh Xhosa|yi Yiddish|yo Yoruba|za Zhuang|zh Chinese|zu Zulu"""

_OTHER_NAMES = """
ar العربية|bg български|bn বাংলা|ca català|cs čeština|da dansk|de Deutsch|el ελληνικά|es español|es Castilian
et eesti|eu euskara|fa فارسی|fa Farsi|fi suomi|fr français|gl galego|he עברית|hi हिन्दी|hr hrvatski|hu magyar
id bahasa Indonesia|it italiano|ja 日本語|ko 한국어|lt lietuvių|lv latviešu|ms bahasa Melayu|nl Nederlands
nl Flemish|no norsk|pl polski|pt português|ro română|ru русский|sk slovenčina|sl slovenščina|sr српски
sv svenska|ta தமிழ்|te తెలుగు|th ไทย|tl Filipino|tr Türkçe|uk українська|ur اردو|vi tiếng Việt|zh 中文
zh Mandarin"""


def _pairs(table: str) -> list[tuple[str, str]]:
    return [
        (code, name)
        for code, _, name in (entry.partition(" ") for entry in table.strip().replace("\n", "|").split("|"))
    ]


_NAMES = dict(_pairs(_ENGLISH))
_CODES = {name.casefold(): code for code, name in _pairs(_ENGLISH) + _pairs(_OTHER_NAMES)}


def code_of(language: str) -> str:
    """Return the ISO 639-1 code of a language that is given by its code or its name.

    Raises:
        ValueError: it is neither; the message completes a sentence.
    """
    wanted = " ".join(language.split()).casefold()
    if wanted in _NAMES:
        return wanted
    if wanted in _CODES:
        return _CODES[wanted]
    near = difflib.get_close_matches(wanted[:50], _CODES, n=1)
    hint = f"; did you mean {_NAMES[_CODES[near[0]]]}?" if near else ""
    raise ValueError(f"{language[:50]!r} is no language: write a code like de or an English name like German{hint}")


def name_of(code: str) -> str:
    """Return the English name of a language.

    Raises:
        ValueError: there is no language of this code; the message completes a sentence.
    """
    return _NAMES[code_of(code)]


def names_of(code: str) -> tuple[str, ...]:
    """Return the names of a language in English and in the language itself, in lower case."""
    return tuple(name for name, known in _CODES.items() if known == code)


def writing_instruction(language: str) -> str:
    """Return the sentence that tells a model in which language to write.

    >>> writing_instruction("de")
    'Write in German.'

    Raises:
        ValueError: there is no such language; the message completes a sentence.
    """
    return f"Write in {name_of(language)}."
