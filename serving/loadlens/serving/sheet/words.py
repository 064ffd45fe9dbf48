"""The words of what a supplier is shown, in his language, and figures as he writes them."""

import tomllib
from collections.abc import Mapping
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib import resources
from typing import Literal

Lang = Literal["en", "zh"]


@cache
def words(lang: Lang) -> Mapping[str, str]:
    """Every word by its name in `words.toml`."""
    text = resources.files(__package__).joinpath("words.toml").read_text(encoding="utf-8")
    return {name: entry[lang] for name, entry in tomllib.loads(text).items()}


def number(value: Decimal, decimals: int) -> str:
    """A figure with commas between thousands and a true minus sign; both languages write it so."""
    rounded = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"{rounded:,f}".replace("-", "\u2212")


def decimals_of(values: list[Decimal]) -> int:
    """How many decimals, 0 to 3, the longest of these figures needs."""
    return max((min(3, max(0, -int(value.normalize().as_tuple().exponent))) for value in values), default=0)


def kilograms(value: Decimal) -> str:
    """A mass with its unit, and no more decimals than it has."""
    return f"{number(value, decimals_of([value]))} kg"


def percent(share: float, decimals: int = 1) -> str:
    """A share as percent."""
    return f"{100 * share:.{decimals}f} %"


def moment(at: str, lang: Lang, clock: tzinfo | None) -> str:
    """A time as the tables keep it, to the minute, as a clock in the yard shows it, with its offset from UTC.

    `clock`: the yard's time zone; None: that of this machine."""
    when = datetime.fromisoformat(at).astimezone(clock)
    offset = f"UTC{when.isoformat()[-6:]}" if when.utcoffset() else "UTC"
    return f"{when:%Y年%m月%d日 %H:%M} {offset}" if lang == "zh" else f"{when:%d %b %Y %H:%M} {offset}"
