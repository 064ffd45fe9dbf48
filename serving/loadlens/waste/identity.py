"""The digital identification code of one container of waste (数字识别码), by named schemes that can be replaced.

`hj1276-37` follows what pages about HJ 1276-2022 say of it: 37 characters in four parts, the unit's code, the waste
code, the day, and a serial number. The standard's own text was not read: the scheme is unverified and says so.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

# GB 32100-2015: the characters of a unified social credit code in the order of their values; weights are 3^i mod 31.
_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))


class IdentityError(ValueError):
    """An identification code, or a part of one, that cannot be right."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The four parts: the unit's 18 characters, the waste code as its list prints it, the day, a serial from 1."""

    unit: str
    code: str
    day: date
    serial: int


@dataclass(frozen=True, slots=True)
class Scheme:
    """How the four parts become one text and back. `verified` False: the scheme's source was not read."""

    name: str
    title: str
    verified: bool
    compose: Callable[[Identity], str]
    parse: Callable[[str], Identity]


def check_unit(unit: str) -> str:
    """A unified social credit code whose check character is right. Raises IdentityError."""
    if len(unit) != 18 or any(letter not in _CHARACTERS for letter in unit):
        raise IdentityError(f"{unit!r} is no unified social credit code: 18 digits and capitals without I, O, S, V, Z")
    if check_character(unit[:17]) != unit[17]:
        raise IdentityError(f"{unit!r} has a wrong check character at its end; look for a typing error")
    return unit


def check_character(first_17: str) -> str:
    """The 18th character of a unified social credit code (GB 32100-2015)."""
    total = sum(_CHARACTERS.index(letter) * weight for letter, weight in zip(first_17, _WEIGHTS, strict=True))
    return _CHARACTERS[-total % 31]


def _compose_37(identity: Identity) -> str:
    digits = re.sub(r"\D", "", identity.code)
    if len(digits) != 8:
        raise IdentityError(
            f"hj1276-37 holds codes of 8 digits, {identity.code!r} has {len(digits)}; use a plain label"
        )
    if not 1 <= identity.serial <= 999:
        raise IdentityError(f"hj1276-37 counts from 1 to 999 a day and code, not to {identity.serial}")
    return f"{check_unit(identity.unit)}{digits}{identity.day:%Y%m%d}{identity.serial:03}"


def _parse_37(text: str) -> Identity:
    matched = re.fullmatch(r"([0-9A-Z]{18})(\d{3})(\d{3})(\d{2})(\d{8})(\d{3})", text)
    if matched is None:
        raise IdentityError(f"{text!r} is no code of 37 characters: unit 18, waste 8, day 8, serial 3")
    unit, first, second, third, day, serial = matched.groups()
    return Identity(check_unit(unit), f"{first}-{second}-{third}", _day(day, text), int(serial))


def _compose_plain(identity: Identity) -> str:
    if identity.serial < 1:
        raise IdentityError(f"serial numbers begin at 1, not {identity.serial}")
    code = identity.code.replace(" ", "").replace("*", "!")
    return f"{check_unit(identity.unit)}.{code}.{identity.day:%Y%m%d}.{identity.serial}"


def _parse_plain(text: str) -> Identity:
    matched = re.fullmatch(r"([0-9A-Z]{18})\.([0-9A-Z\-]+!?)\.(\d{8})\.([1-9]\d*)", text)
    if matched is None:
        raise IdentityError(f"{text!r} is no plain code: unit.code.YYYYMMDD.serial")
    unit, code, day, serial = matched.groups()
    if re.fullmatch(r"\d{6}!?", code):
        code = f"{code[:2]} {code[2:4]} {code[4:6]}" + ("*" if code.endswith("!") else "")
    return Identity(check_unit(unit), code, _day(day, text), int(serial))


def _day(digits: str, text: str) -> date:
    try:
        return datetime.strptime(digits, "%Y%m%d").date()
    except ValueError:
        raise IdentityError(f"{text!r} names a day that is not in the calendar: {digits}") from None


SCHEMES: Mapping[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme("hj1276-37", "37 characters, designed after HJ 1276-2022 (unverified)", False, _compose_37, _parse_37),
        Scheme("plain", "unit.code.day.serial, our own, for codes of any list", True, _compose_plain, _parse_plain),
    )
}


def parse_identity(text: str) -> tuple[Scheme, Identity]:
    """The scheme that a text is written in, and its parts. Raises IdentityError."""
    scheme = SCHEMES["plain" if "." in text else "hj1276-37"]
    return scheme, scheme.parse(text)


def scheme_for(list_id: str) -> Scheme:
    """The scheme that identities of a list's codes are made in: 37 characters hold the codes of China's list alone."""
    return SCHEMES["hj1276-37" if list_id == "hazardous-cn" else "plain"]
