"""Whatever bytes come, in whatever pieces: no crash, no byte unaccounted for, no reading that no valid frame held."""

import itertools
import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadlens.serving.ingest.weighbridge.framing import FrameParser
from loadlens.serving.ingest.weighbridge.indication import Indication, Unit
from loadlens.serving.ingest.weighbridge.sics import sics
from loadlens.serving.ingest.weighbridge.simulator import FRAMES, Sample
from loadlens.serving.ingest.weighbridge.toledo import toledo
from loadlens.serving.ingest.weighbridge.yaohua import a9, a12e

PROTOCOLS = {
    "toledo": toledo(checksum=False),
    "toledo-checksum": toledo(checksum=True),
    "a9": a9(Unit.KG),
    "a9-nibbles": a9(Unit.KG),
    "a12e": a12e,
    "sics": sics,
}
# The most that any protocol may hold back: the longest answer of a SICS scale.
MOST_WAITING = 64

samples = st.builds(
    Sample,
    value=st.builds(lambda n, places: Decimal(n).scaleb(-places), st.integers(-99999, 99999), st.integers(0, 3)),
    moving=st.booleans(),
    overload=st.booleans(),
)
# Bytes that look like frames from near: their marks, digits and units, and anything.
noise = st.lists(
    st.one_of(st.binary(max_size=8), st.sampled_from([b"\x02", b"\x03", b"\r", b"\n", b"w", b"S S ", b"kg", b"0489"]))
).map(b"".join)


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


def results_of(take, pieces):
    parser = FrameParser(take)
    results = []
    for piece in pieces:
        results += parser.feed(piece)
        assert len(parser.waiting) <= MOST_WAITING
    rest = parser.waiting
    return results, rest


def merged(results):
    """The readings with the bytes refused between them; noise may be refused in one piece or in several."""
    told, refused = [], b""
    for result in results:
        if isinstance(result, Indication):
            told.append((refused, result))
            refused = b""
        else:
            refused += result.raw
    return told, refused


@st.composite
def streams(draw, protocol):
    """Frames and noise, with some bytes of it damaged."""
    pieces = draw(st.lists(st.one_of(noise, samples.map(FRAMES[protocol])), max_size=12))
    data = bytearray(b"".join(pieces))
    for place in draw(st.lists(st.integers(0, 10_000), max_size=4)) if data else ():
        data[place % len(data)] = draw(st.integers(0, 255))
    return bytes(data)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=80)
@given(data=st.data(), places=st.lists(st.integers(0, 10_000), max_size=12))
def test_every_byte_ends_in_one_result_and_cuts_change_nothing(protocol, data, places):
    stream = data.draw(streams(protocol))
    whole, rest = results_of(PROTOCOLS[protocol], [stream])
    assert b"".join(result.raw for result in whole) + rest == stream
    pieces, rest_of_pieces = results_of(PROTOCOLS[protocol], cut(stream, places))
    assert rest_of_pieces == rest
    assert merged(pieces) == merged(whole)


# What a valid frame looks like, said once more and in another way than the parsers say it.


def xor(body):
    check = 0
    for byte in body:
        check ^= byte
    return check


def holds_toledo(raw, value, *, checksum):
    frame = raw[:17] if checksum else raw
    power = [2, 1, 0, -1, -2, -3, -4, -5][frame[1] % 8]
    sign = -1 if frame[2] & 2 else 1
    return (
        len(frame) == 17
        and frame.startswith(b"\x02")
        and frame.endswith(b"\r")
        and Decimal(frame[4:10].decode()) * sign * Decimal(10) ** power == value
        and (not checksum or (len(raw) == 18 and sum(raw) % 128 == 0))
    )


def holds_a9(raw, value):
    shown = int(raw[9:11].translate(bytes.maketrans(b":;<=>?", b"ABCDEF")), 16)
    return (
        len(raw) == 12
        and raw[0] == 2
        and raw[11] == 3
        and shown == xor(raw[1:9])
        and Decimal(raw[1:8].decode()) / 10 ** int(raw[8:9]) == value
    )


HOLDS = {
    "toledo": lambda raw, value: holds_toledo(raw, value, checksum=False),
    "toledo-checksum": lambda raw, value: holds_toledo(raw, value, checksum=True),
    "a9": holds_a9,
    "a9-nibbles": holds_a9,
    "a12e": lambda raw, value: Decimal(re.fullmatch(rb"\s*w[wn](.{7})(?:kg|lb)", raw)[1].decode()) == value,
    "sics": lambda raw, value: Decimal(re.fullmatch(rb"S [SD]\s+(\S+) (?:kg|t|lb)\s+", raw)[1].decode()) == value,
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=80)
@given(data=st.data())
def test_no_reading_that_no_valid_frame_held(protocol, data):
    results, _ = results_of(PROTOCOLS[protocol], [data.draw(streams(protocol))])
    for result in results:
        if isinstance(result, Indication):
            assert HOLDS[protocol](result.raw, result.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=60)
@given(shown=samples, before=noise)
def test_what_a_simulator_shows_is_read_exactly_whatever_came_before(protocol, shown, before):
    frame = FRAMES[protocol](shown)
    # A text line has no start mark: what was glued to its front is refused with it.
    lead_in = before + b"\n" if protocol == "sics" else before
    results, rest = results_of(PROTOCOLS[protocol], [lead_in + frame + frame])
    if shown.overload and protocol == "sics":
        assert results[-1].reason == "overload"
        return
    assert rest == b""
    read = results[-1]
    assert isinstance(read, Indication)
    assert read.value == shown.value
    assert (read.stable, read.in_range) in {(None, None), (not shown.moving, not shown.overload)}


@pytest.mark.parametrize("protocol", ["toledo-checksum", "a9", "a9-nibbles"])
@settings(max_examples=80)
@given(shown=samples, place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_one_damaged_byte_never_changes_a_checked_weight(protocol, shown, place, flip):
    frame = bytearray(FRAMES[protocol](shown))
    frame[place % len(frame)] ^= flip
    results, _ = results_of(PROTOCOLS[protocol], [bytes(frame)])
    assert all(result.value == shown.value for result in results if isinstance(result, Indication))
