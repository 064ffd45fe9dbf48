"""Other prices in a standard's file: they and the version change, and not a sign else."""

from decimal import Decimal

import pytest

from loadlens.grading.price_table import PriceTableError, with_prices
from loadlens.grading.standard import parse_standard, read_standard

MILL = read_standard("example-mill").decode()


def test_prices_and_version_change_and_nothing_else():
    changed = with_prices(MILL, {"重废1": Decimal("2915.50"), "超标": Decimal(0)}, "2026-12.1")
    standard = parse_standard(changed.encode(), name="changed")
    assert standard.version == "2026-12.1"
    assert standard.grade("重废1").price_per_tonne == Decimal("2915.5")
    assert standard.grade("超标").price_per_tonne == 0
    lines = zip(MILL.splitlines(), changed.splitlines(), strict=True)
    assert [old.split("=")[0].strip() for old, new in lines if old != new] == [
        "version",
        "price_per_tonne",
        "price_per_tonne",
    ]


def test_a_grade_without_a_price_gets_one():
    without = MILL.replace("price_per_tonne = 2720\n", "")
    changed = with_prices(without, {"重废2": Decimal(2720)}, "1")
    assert parse_standard(changed.encode(), name="changed").grade("重废2").price_per_tonne == 2720


def test_what_cannot_be_put_in_is_refused():
    with pytest.raises(PriceTableError, match="no grade 重废9"):
        with_prices(MILL, {"重废9": Decimal(1)}, "2")
    inline = MILL[: MILL.index("[[downgrade]]")] + (
        'grade = [{ code = "a", name = { en = "A", zh = "A" }, verified = "choice", source = "site" }]\n'
    )
    inline = inline.replace("[sources]", "", 1).replace("[rules]", "", 1).replace("[gates]", "", 1)
    with pytest.raises(PriceTableError, match=r"\[\[grade\]\]"):
        with_prices(inline, {"a": Decimal(1)}, "2")
