"""Numbers of cards and accounts, and addresses and telephone numbers, that may be somebody's."""

from __future__ import annotations

import re
from itertools import islice

from deepfabric_core.quality.checks.check import Problem, excerpt
from deepfabric_core.quality.checks.passages import Passages

_ADVICE = "it had what looks like a real {}: write an obvious stand-in"
_CARD = re.compile(
    r"(?<![\d.,/-])(?:[3-6]\d{3}([ -])\d{4}\1\d{4}\1\d{4}|3[47]\d{2}([ -])\d{6}\2\d{5}|[3-6]\d{14,15})(?![\d.,/-]?\d)"
)
# How the numbers begin that the makers of cards and payment services publish for tests, and signs of made-up ones.
_TEST_CARD = re.compile(
    "4111|4242|5555|4012888|4000|3782|3714|6011(?:1|0009)|3056|3852|2223|5105|5200|4444|4917|4988|4166|5019|3530|3566"
    "|4532|5425|4929|.*(?:1234|0000|1111)"
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
# The accounts of documentation and of banks' own examples.
_EXAMPLE_IBANS = frozenset(
    (
        "DE89370400440532013000 GB29NWBK60161331926819 GB82WEST12345698765432 FR1420041010050500013M02606 "
        "ES9121000418450200051332 IT60X0542811101000000123456 NL91ABNA0417164300 CH9300762011623852957 "
        "AT611904300234573201 BE68539007547034 PL61109010140000071219812874"
    ).split()
)
_EMAIL = re.compile(r"\b[A-Za-z0-9][\w.+-]{0,63}@([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4})\b")
_EXAMPLE_HOST = re.compile(
    r"(?i)(?:^|\.)(?:example|test|invalid|localhost|local|internal)(?:\.\w+)*$|example|your|domain|company|acme|contoso"
    r"|fabrikam|mail\.com$|email\.com$"
)
_PHONE = re.compile(r"(?<![\w.,/-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)|\d{2,4})[ .-]\d{3,4}[ .-]\d{3,4}(?![\d.,/-]?\d)")
_STAND_IN_PHONE = re.compile(r"555|1234|2345|3456|0000|1111|0123|7700 ?900|900 ?[0-9]{3}")
_LONG_NUMBER = re.compile(r"[0-9][0-9 -]{11}")
_MOST_ADDRESSES = 200
_CHECK_DIGITS = 97


def payment_data(passages: Passages) -> Problem | None:
    """Return what is wrong if a text has the number of a card or an account that is valid and not known as a test's."""
    for passage in passages.all:
        if not _LONG_NUMBER.search(passage.text):
            continue
        for what, found in (("card number", _card_in(passage.text)), ("account number", _iban_in(passage.text))):
            if found:
                return Problem(
                    f"the {passage.name} has what looks like a {what}", _ADVICE.format(what), f"{found[:4]}…"
                )
    return None


def contact_data(passages: Passages) -> Problem | None:
    """Return what is wrong if a text has an e-mail address or a telephone number that isn't meant as an example."""
    for passage in passages.all:
        if "@" in passage.text and (email := _email_in(passage.text)):
            what, found = "e-mail address", email
        elif phone := next(
            (one[0] for one in _PHONE.finditer(passage.text) if not _STAND_IN_PHONE.search(one[0])), None
        ):
            what, found = "telephone number", phone
        else:
            continue
        return Problem(
            f"the {passage.name} has what looks like a real {what}", _ADVICE.format(what), excerpt(f"{found[:4]}…")
        )
    return None


def _card_in(text: str) -> str | None:
    for found in _CARD.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if _fits_luhn(digits) and not _TEST_CARD.match(digits) and len(set(digits)) > len("1234"):
            return digits
    return None


def _fits_luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _iban_in(text: str) -> str | None:
    for found in _IBAN.finditer(text):
        iban = found[0].replace(" ", "")
        number = "".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])
        if (
            int(number) % _CHECK_DIGITS == 1
            and iban not in _EXAMPLE_IBANS
            and "123456" not in iban
            and "000000" not in iban
        ):
            return iban
    return None


def _email_in(text: str) -> str | None:
    places = (at for at, sign in enumerate(text) if sign == "@")
    around = (text[max(0, at - 65) : at + 320] for at in islice(places, _MOST_ADDRESSES))
    emails = (one for part in around for one in _EMAIL.finditer(part) if not _EXAMPLE_HOST.search(one[1]))
    return next((one[0] for one in emails if any(map(str.isalpha, one[1].rpartition(".")[2]))), None)
