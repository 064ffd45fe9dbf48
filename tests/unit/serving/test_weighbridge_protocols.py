"""Each protocol by hand: frames from manuals and from the field, and what is refused with which reason."""

from decimal import Decimal

import pytest

from loadlens.serving.ingest.weighbridge.framing import FrameParser
from loadlens.serving.ingest.weighbridge.indication import Indication, Reject, Unit, why_no_weighing
from loadlens.serving.ingest.weighbridge.sics import sics
from loadlens.serving.ingest.weighbridge.stability import Settling
from loadlens.serving.ingest.weighbridge.toledo import toledo
from loadlens.serving.ingest.weighbridge.yaohua import a9, a12e

CAPACITY = Decimal(80000)


def one(take, data):
    """The only result of these bytes."""
    results = FrameParser(take).feed(data)
    assert len(results) == 1, results
    return results[0]


def toledo_frame(a=0x32, b=0x30, c=0x20, weight=b"048960", tare=b"000000"):
    return b"\x02" + bytes((a, b, c)) + weight + tare + b"\r"


# Toledo continuous.


def test_a_toledo_frame_is_read_with_all_that_it_tells():
    shown = one(toledo(checksum=False), toledo_frame())
    assert shown == Indication(Decimal(48960), Unit.KG, toledo_frame(), stable=True, in_range=True, net=False)
    assert why_no_weighing(shown, CAPACITY) is None


@pytest.mark.parametrize(
    ("a", "shown"),
    [(0x31, "489600"), (0x32, "48960"), (0x33, "4896.0"), (0x34, "489.60"), (0x35, "48.960"), (0x30, "4896000")],
)
def test_the_decimal_point_of_a_toledo_frame_is_exact(a, shown):
    value = one(toledo(checksum=False), toledo_frame(a=a)).value
    assert (f"{value:f}", value) == (shown, Decimal(shown))


@pytest.mark.parametrize(
    ("b", "c", "unit", "kg"),
    [(0x30, 0x20, Unit.KG, "48960"), (0x20, 0x20, Unit.LB, "22207.882"), (0x30, 0x22, Unit.T, "48960000")],
)
def test_the_unit_of_a_toledo_frame_is_what_its_words_say(b, c, unit, kg):
    shown = one(toledo(checksum=False), toledo_frame(b=b, c=c))
    assert (shown.unit, shown.kg) == (unit, Decimal(kg))


@pytest.mark.parametrize(
    ("b", "why"),
    [
        (0x34, "out of range"),
        (0x38, "in motion"),
        (0x31, "net of a tare set on the indicator"),
        (0x32, "not above zero"),
    ],
)
def test_a_toledo_frame_that_tells_of_trouble_is_no_weighing(b, why):
    assert why_no_weighing(one(toledo(checksum=False), toledo_frame(b=b)), CAPACITY) == why


@pytest.mark.parametrize("c", [0x21, 0x23, 0x26, 0x27, 0x30])
def test_toledo_grams_short_tons_and_expanded_displays_are_refused(c):
    assert isinstance(one(toledo(checksum=False), toledo_frame(c=c)), Reject)


def test_leading_zeros_of_a_toledo_frame_may_be_spaces_but_nothing_else():
    assert one(toledo(checksum=False), toledo_frame(weight=b"   960", tare=b"     0")).value == 960
    for weight in (b"      ", b"9 60  ", b"-00960", b"09.600"):
        assert one(toledo(checksum=False), toledo_frame(weight=weight)).reason == "not the form of a frame"


def test_a_toledo_checksum_makes_the_sum_a_multiple_of_128():
    # By hand: 02+32+30+20 = 84h; "048960" = 13Bh; "000000" = 120h; CR = 0Dh: 2ECh, 6Ch in seven bits; 80h - 6Ch = 14h.
    frame = toledo_frame() + b"\x14"
    assert one(toledo(checksum=True), frame).value == 48960
    results = FrameParser(toledo(checksum=True)).feed(toledo_frame() + b"\x15" + frame)
    assert [type(result) for result in results] == [Reject, Indication]
    assert results[0].reason == "wrong checksum"


def test_a_frame_is_found_after_noise_and_inside_a_cut_frame():
    results = FrameParser(toledo(checksum=False)).feed(b"\xff\x00" + toledo_frame()[:9] + toledo_frame())
    assert [getattr(result, "reason", "frame") for result in results] == ["noise", "cut short", "frame"]


# Yaohua.


@pytest.mark.parametrize(
    ("captured", "kg"),
    [("022b30303030303030314203", 0), ("022b30303135363030313903", 1560), ("022b30303136353030313903", 1650)],
)
def test_frames_of_an_a9_in_the_field_are_read(captured, kg):
    """Nothing, a car, a car with a person in it; the last two have one check: it does not see digits that swap."""
    frame = bytes.fromhex(captured)
    assert one(a9(Unit.KG), frame) == Indication(Decimal(kg), Unit.KG, frame)


@pytest.mark.parametrize("check", [b"1B", b"1b", b"1\x3b"])
def test_both_encodings_of_the_check_of_an_a9_are_read(check):
    assert one(a9(Unit.KG), b"\x02+0000000" + check + b"\x03").value == 0


def test_an_a9_tells_sign_and_decimals_and_the_site_tells_its_unit():
    shown = one(
        a9(Unit.T), b"\x02-048963" + b"3" + b"%02X" % (0x2D ^ 0x38 ^ 0x34 ^ 0x39 ^ 0x36 ^ 0x33 ^ 0x33 ^ 0x30) + b"\x03"
    )
    assert (f"{shown.value:f}", shown.kg) == ("-48.963", Decimal(-48963))
    assert (shown.stable, shown.in_range, shown.net) == (None, None, None)
    assert why_no_weighing(shown, CAPACITY) == "not above zero"


@pytest.mark.parametrize(
    ("text", "shown", "unit", "net"),
    [
        (b"wn0003.17kg", "3.17", Unit.KG, True),
        (b"ww0003.17kg", "3.17", Unit.KG, False),
        (b"ww000.000lb", "0.000", Unit.LB, False),
        (b"wn-0000.1kg", "-0.1", Unit.KG, True),
    ],
)
def test_the_text_of_an_a12e_is_read(text, shown, unit, net):
    for data in (text, b"\r\n" + text):
        read = one(a12e, data)
        assert (f"{read.value:f}", read.unit, read.net, read.raw) == (shown, unit, net, data)


def test_text_of_an_a12e_comes_with_or_without_line_ends():
    for ends in (b"", b"\n", b"\r\n"):
        results = FrameParser(a12e).feed((b"ww0048960kg" + ends) * 3)
        assert [result.value for result in results] == [48960] * 3


@pytest.mark.parametrize("text", [b"wt0016.42kg", b"ww0003.17oz", b"ww00x3.17kg", b"wx0003.17kg", b"ww0.03.17kg"])
def test_tare_unknown_units_and_garbled_text_of_an_a12e_are_refused(text):
    assert isinstance(one(a12e, text), Reject)


# MT-SICS.


def test_answers_of_a_sics_scale_are_read():
    assert one(sics, b"S S      48960 kg\r\n") == Indication(
        Decimal(48960), Unit.KG, b"S S      48960 kg\r\n", stable=True, in_range=True
    )
    moving = one(sics, b"S D     48.96 t\r\n")
    assert (f"{moving.value:f}", moving.kg, moving.stable) == ("48.96", Decimal("48960.00"), False)
    assert one(sics, b"S S       -20 kg\r\n").value == -20


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"S +\r\n", "overload"),
        (b"S -\r\n", "underload"),
        (b"S I\r\n", "the scale cannot answer now"),
        (b"ES\r\n", "the scale does not know the command"),
        (b"S S     100.00 g\r\n", "unit other than kg, t or lb"),
        (b"S S     100.00\r\n", "not the form of an answer"),
        (b"S S     1e5 kg\r\n", "not the form of an answer"),
        (b"\r\n", "not the form of an answer"),
    ],
)
def test_answers_without_a_usable_weight_are_refused_by_name(line, reason):
    assert one(sics, line) == Reject(reason, line)


# When a scale has settled.


def indications(*values, stable=True):
    return [Indication(Decimal(value), Unit.KG, b"", stable=stable, in_range=True) for value in values]


def weighings(settling, results):
    return [str(told.value) for told in map(settling.feed, results) if isinstance(told, Indication)]


def test_a_weighing_is_told_once_when_the_value_has_stood_still():
    settling = Settling(repeats=3, capacity_kg=CAPACITY)
    truck = [*indications(0, 0, 0), *indications(20000, 40000, stable=False), *indications(*[48960] * 9)]
    assert weighings(settling, truck) == ["48960"]


def test_a_truck_that_rocks_is_one_weighing_and_the_next_truck_of_the_same_mass_another():
    settling = Settling(repeats=2, capacity_kg=CAPACITY)
    rocking = [*indications(48960, 48960), *indications(48980, stable=False), *indications(48960, 48960)]
    assert weighings(settling, rocking) == ["48960"]
    assert weighings(settling, [*indications(0), *indications(48960, 48960)]) == ["48960"]


def test_a_damaged_frame_between_equal_ones_starts_the_count_again():
    settling = Settling(repeats=3, capacity_kg=CAPACITY)
    results = [*indications(500, 500), Reject("wrong checksum", b"x"), *indications(500, 500)]
    assert weighings(settling, results) == []
    assert weighings(settling, indications(500)) == ["500"]


def test_nothing_above_the_capacity_is_a_weighing():
    settling = Settling(repeats=1, capacity_kg=CAPACITY)
    assert settling.feed(indications(80001)[0]) == "out of range"
    assert weighings(settling, indications(80000)) == ["80000"]
