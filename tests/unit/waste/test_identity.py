"""Identification codes and batch codes: composed, read back, and refused where they cannot be right."""

from datetime import date

import pytest

from loadlens.waste.batches import BatchError, batch, parse_batch
from loadlens.waste.identity import SCHEMES, Identity, IdentityError, check_unit, parse_identity

UNIT = "91130200699229617X"  # the example of HJ 608-2017
DAY = date(2026, 11, 25)


def test_the_code_of_37_characters():
    text = SCHEMES["hj1276-37"].compose(Identity(UNIT, "321-024-48", DAY, 7))
    assert text == "91130200699229617X3210244820261125007"
    assert len(text) == 37
    scheme, parts = parse_identity(text)
    assert (scheme.name, scheme.verified) == ("hj1276-37", False)
    assert parts == Identity(UNIT, "321-024-48", DAY, 7)


@pytest.mark.parametrize("code", ["321-024-48", "17 04 05", "10 03 09*", "900-001-S17", "K088"])
def test_the_plain_code_holds_codes_of_any_list(code):
    text = SCHEMES["plain"].compose(Identity(UNIT, code, DAY, 12345))
    assert parse_identity(text)[1] == Identity(UNIT, code, DAY, 12345)


@pytest.mark.parametrize("place", range(17))
def test_a_typing_error_in_a_unit_code_is_found(place):
    other = "1" if UNIT[place] != "1" else "2"
    with pytest.raises(IdentityError, match="wrong check character"):
        check_unit(UNIT[:place] + other + UNIT[place + 1 :])


def test_two_neighbours_swapped_in_a_unit_code_are_found():
    for place in range(16):
        first, second = UNIT[place : place + 2]
        if first != second:
            with pytest.raises(IdentityError):
                check_unit(UNIT[:place] + second + first + UNIT[place + 2 :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "91130200699229617X321024482026112500",
        "91130200699229617X32102448202611250070",
        "91130200699229617X3210244820261325007",
        "91130200699229617X3210244820260230007",
        "91130200699229618X3210244820261125007",
        "91130200699229617X.321-024-48.20261125.0",
        "91130200699229617x3210244820261125007",
    ],
)
def test_what_is_no_identity_is_refused(text):
    with pytest.raises(IdentityError):
        parse_identity(text)


@pytest.mark.parametrize(("code", "serial"), [("17 04 05", 1), ("K088", 1), ("321-024-48", 0), ("321-024-48", 1000)])
def test_what_37_characters_cannot_hold_is_refused(code, serial):
    with pytest.raises(IdentityError):
        SCHEMES["hj1276-37"].compose(Identity(UNIT, code, DAY, serial))


def test_a_batch_code_is_read_longest_first():
    assert str(batch("produced", date(2021, 10, 31), 1)) == "HWCS20211031001"  # the example of HJ 1259-2022
    assert parse_batch("HWCK20211031001").kind == "retrieved"
    assert parse_batch("HWCKLY20211031001").kind == "export_use"
    assert parse_batch("HWZXCZ20211031012").number == 12


@pytest.mark.parametrize(
    "text", ["HWCS2021103101", "HWXX20211031001", "HWCS20211331001", "hwcs20211031001", "HWCS20211031000"]
)
def test_what_is_no_batch_code_is_refused(text):
    with pytest.raises(BatchError):
        parse_batch(text)
