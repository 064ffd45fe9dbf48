"""The weighbridge reader as a process: real serial lines (pseudo-terminals), real TCP, real Modbus, a real broker."""

import base64
import itertools
import json
import threading
from decimal import Decimal

import pytest

from loadlens.serving.ingest.weighbridge.simulated_line import simulated_dialogue, simulated_serial, simulated_tcp
from loadlens.serving.ingest.weighbridge.simulator import FRAMES, Sample, cut, damaged, drive_over, negative, noise

TRUCK = Decimal(48960)
QUICK_S = 0.01


def passes(protocol, *trucks):
    """What an indicator sends while trucks are weighed one after the other."""
    samples = itertools.chain.from_iterable(drive_over(truck) for truck in trucks)
    return map(FRAMES[protocol], samples)


def weighed(office):
    return [reading["kg"] for reading in office.readings]


SERIAL = {
    "toledo": ("toledo", ()),
    "toledo-checksum": ("toledo-checksum", ()),
    "a9": ("xk3190-a9", ("--unit", "kg")),
    "a9-nibbles": ("xk3190-a9", ("--unit", "kg")),
    "a12e": ("xk3190-a12e", ()),
    "sics": ("mt-sics-sir", ()),
}


@pytest.mark.parametrize("frames", SERIAL)
def test_trucks_on_a_serial_line_are_weighed_exactly_once(read, office, wait_until, frames):
    protocol, more = SERIAL[frames]
    with simulated_serial(passes(frames, TRUCK, Decimal(16420), TRUCK), every_s=QUICK_S) as port:
        read(port, "--protocol", protocol, *more)
        wait_until(lambda: len(office.readings) == 3, "three trucks")
        wait_until(lambda: office.spooled(0), "all is sent")
    # An A9 or A12E that tells no motion may settle on the way only where the value stands still, which it does not.
    assert weighed(office) == ["48960", "16420", "48960"]
    first = office.readings[0]
    assert (first["kind"], first["device"], first["stable"]) == ("weight", "weighbridge", True)
    assert base64.b64decode(first["raw"]).strip() == FRAMES[frames](Sample(TRUCK)).strip()
    assert office.keys == {"Bearer test-key"}


def test_a_division_and_pounds_are_told_exactly(read, office, wait_until):
    frames = (FRAMES["toledo"](Sample(Decimal("97940.5"), unit="lb")) for _ in range(20))
    with simulated_tcp(frames, every_s=QUICK_S) as port:
        read(port, "--protocol", "toledo", "--division", "20")
        wait_until(lambda: office.readings, "a weighing")
    assert office.readings[0]["kg"] == "44425.064"  # 97940.5 x 0.45359237 = 44425.0635…
    assert office.readings[0]["division"] == "20"
    assert office.readings[0]["text"] == "97940.5 lb"


def test_a_scale_that_is_asked_is_read(read, office, wait_until):
    script = {b"S": itertools.chain([b"S I\r\n"] * 3, itertools.repeat(FRAMES["sics"](Sample(TRUCK))))}
    with simulated_dialogue(lambda asked: next(script[asked], None) if asked in script else b"ES\r\n") as port:
        read(port, "--protocol", "mt-sics-s")
        wait_until(lambda: office.readings, "a weighing")
    assert weighed(office) == ["48960"]


FAULTS = {
    "noise": (noise, "refused: noise"),
    "cut": (cut, "refused: cut short"),
    "damaged": (damaged, "refused: wrong checksum"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_on_the_line_are_counted_and_weigh_nothing(read, office, wait_until, fault):
    spoil, reason = FAULTS[fault]
    good = FRAMES["toledo-checksum"](Sample(TRUCK))
    # Never five good frames in a row, then the line is well.
    script = [*itertools.chain.from_iterable([[good] * 4, [spoil(good)]] * 20), *[good] * 10]
    frames = (frame for entry in script for frame in ([entry] if isinstance(entry, bytes) else entry))
    with simulated_tcp(frames, every_s=QUICK_S) as port:
        read(port, "--protocol", "toledo-checksum")
        wait_until(lambda: office.readings, "a weighing once the line is well")
        wait_until(lambda: office.counted("weighbridge", reason) >= 20, f"{reason} is counted")
    assert weighed(office) == ["48960"]
    counts = office.health["weighbridge"]["counts"]
    assert counts["indications"] >= 80, "the good frames between were read"


REFUSED = {
    "in motion": Sample(TRUCK, moving=True),
    "out of range": Sample(TRUCK, overload=True),
    "not above zero": negative(Sample(TRUCK)),
    "unit other than kg, t or lb": None,
}


@pytest.mark.parametrize("reason", REFUSED)
def test_nothing_doubtful_is_a_weighing(read, office, wait_until, reason):
    shown = REFUSED[reason]
    frame = FRAMES["toledo"](Sample(TRUCK)).replace(b" ", b"!", 1) if shown is None else FRAMES["toledo"](shown)
    with simulated_tcp([frame], every_s=QUICK_S) as port:
        read(port, "--protocol", "toledo")
        wait_until(lambda: office.counted("weighbridge", f"refused: {reason}") > 50, reason)
    assert office.readings == []


def test_a_server_that_is_away_loses_nothing(read, office, wait_until):
    office.answer = 503
    with simulated_tcp(passes("toledo", *[TRUCK, Decimal(20000)] * 3), every_s=QUICK_S) as port:
        read(port, "--protocol", "toledo")
        wait_until(lambda: office.refusals > 1, "the server refuses")
        office.close()
        wait_until(lambda: office.spooled(6), "six trucks wait in the spool")
        office.answer = 201
        office.open()
        wait_until(lambda: len(office.readings) == 6, "all six arrive")
    assert weighed(office) == ["48960", "20000"] * 3


def test_a_reader_that_is_killed_sends_what_it_had_once(read, office, wait_until):
    office.answer = 503
    with simulated_tcp(passes("toledo", TRUCK, Decimal(20000)), every_s=QUICK_S) as port:
        process = read(port, "--protocol", "toledo")
        wait_until(lambda: office.refusals, "the first truck was weighed")
        wait_until(lambda: office.spooled(2), "two trucks wait in the spool")
        process.kill()
        process.wait()
    office.answer = 201
    with simulated_tcp([FRAMES["toledo"](Sample(Decimal(0)))], every_s=QUICK_S) as port:
        read(port, "--protocol", "toledo")
        wait_until(lambda: len(office.readings) == 2, "both arrive")
    assert weighed(office) == ["48960", "20000"]


def test_an_answer_that_was_lost_makes_no_second_reading(read, office, wait_until):
    office.lose_answers = 3
    with simulated_tcp(passes("toledo", TRUCK), every_s=QUICK_S) as port:
        read(port, "--protocol", "toledo")
        wait_until(lambda: office.lose_answers == 0 and office.posts > 3, "sent again until it was answered")
        wait_until(lambda: office.spooled(0), "the spool is empty")
    assert len({reading["id"] for reading in office.readings}) == 1


def test_what_the_server_refuses_for_good_is_kept_aside_and_holds_up_nothing(read, office, wait_until):
    office.refuse_kg = "48960"
    with simulated_tcp(passes("toledo", TRUCK, Decimal(20000)), every_s=QUICK_S) as port:
        read(port, "--protocol", "toledo")
        wait_until(lambda: office.readings, "the next one arrives")
    assert weighed(office) == ["20000"]
    assert [json.loads(row[0])["kg"] for row in office.query_spool("SELECT reading FROM refused")] == ["48960"]


def test_a_reading_at_which_the_server_fails_holds_up_no_other_and_is_sent_again(read, office, wait_until):
    office.fail_kg = "48960"
    with simulated_tcp(passes("toledo", TRUCK, Decimal(20000)), every_s=QUICK_S) as port:
        read(port, "--protocol", "toledo")
        wait_until(lambda: office.readings, "the next one arrives")
        assert weighed(office) == ["20000"]
        office.fail_kg = ""
        wait_until(lambda: office.spooled(0), "the spool is empty")
    assert weighed(office) == ["20000", "48960"]


def test_a_line_that_is_unplugged_is_shown_and_read_again_once_it_is_back(read, office, wait_until, tmp_path):
    link = tmp_path / "ttyScale"

    with simulated_serial([FRAMES["toledo"](Sample(Decimal(0)))], every_s=QUICK_S) as port:
        link.symlink_to(port)
        read(str(link), "--protocol", "toledo")
        wait_until(lambda: office.state_of("weighbridge") == "ok", "the line is well")
    wait_until(lambda: office.state_of("weighbridge") == "lost", "the plug was pulled")
    assert office.health["weighbridge"]["why"]
    link.unlink()
    with simulated_serial(passes("toledo", TRUCK), every_s=QUICK_S) as port:
        link.symlink_to(port)
        wait_until(lambda: office.state_of("weighbridge") == "ok", "the plug is back")
        wait_until(lambda: office.readings, "a truck is weighed")
    assert weighed(office) == ["48960"]


def test_a_line_that_is_silent_or_speaks_another_language_is_shown(read, office, wait_until):
    speak = threading.Event()

    def frames():
        while True:
            yield FRAMES["a9"](Sample(TRUCK)) if speak.is_set() else b""

    with simulated_tcp(frames(), every_s=QUICK_S) as port:
        read(port, "--protocol", "toledo")
        wait_until(lambda: office.state_of("weighbridge") == "silent", "nothing comes")
        speak.set()
        wait_until(lambda: office.state_of("weighbridge") == "garbled", "another protocol comes")
    assert office.readings == []


MAP = """
[weight]
address = 10
type = "int32"
word_order = "little"
decimals = 1
unit = "kg"
[stable]
address = 13
bit = 3
when = 0
[in_range]
address = 13
bit = 0
when = 1
"""


def test_a_scale_on_modbus_is_read_by_its_map(read, office, wait_until, tmp_path, modbus):
    map_file = tmp_path / "scale.toml"
    map_file.write_text(MAP)
    moving, overload, well = 0b1001, 0b0000, 0b0001
    modbus.set(10, 489600 & 0xFFFF, 489600 >> 16, 0, moving)
    read(f"modbus://127.0.0.1:{modbus.port}", "--map", str(map_file))

    wait_until(lambda: office.counted("weighbridge", "refused: in motion") > 3, "it moves")
    modbus.set(13, overload)
    wait_until(lambda: office.counted("weighbridge", "refused: out of range") > 3, "it is overloaded")
    assert office.readings == []
    modbus.set(13, well)
    wait_until(lambda: office.readings, "it has settled")
    assert office.readings[0]["kg"] == "48960.0"


@pytest.mark.parametrize(
    ("fault", "what_it_says"),
    [
        (MAP.replace('"kg"', '"st"'), "weight.unit"),
        (MAP.replace("decimals = 1", ""), "weight.decimals: Field required"),
        (MAP.replace("address = 13", "address = 900", 1), "lie more than 125 apart"),
        (MAP + "[net]\naddress = 1\n", "net.bit"),
        ("][", "cannot be read as a register map"),
    ],
)
def test_a_register_map_with_a_fault_is_refused(run_command, tmp_path, fault, what_it_says):
    (tmp_path / "map.toml").write_text(fault)
    command = ["weighbridge", "modbus://127.0.0.1:9", "--lane", "3", "--to", "http://127.0.0.1:9"]
    done = run_command(*command, "--capacity", "80000", "--map", tmp_path / "map.toml", "--spool", tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)
    assert what_it_says in done.stderr


@pytest.mark.parametrize(
    ("options", "what_it_says"),
    [
        (("x://y",), "is no address of a device"),
        (("tcp://h:1",), "say with --protocol how the indicator speaks: toledo ("),
        (("tcp://h:1", "--protocol", "xk3190-a9"), "xk3190-a9 does not tell its unit; give --unit"),
        (("tcp://h:1", "--protocol", "toledo", "--unit", "t"), "toledo tells its unit; leave --unit out"),
        (("tcp://h", "--protocol", "toledo"), "the address names no port"),
        (("modbus://h",), "a Modbus device needs --map"),
        (("mqtt://h/a+b",), "holds no wildcard"),
        (("mqtt://u:$NO_SUCH@h",), "$NO_SUCH is not set"),
        (("tcp://h:1", "--protocol", "toledo", "--unit", "st"), "--unit st: give one of kg, t, lb"),
        (("tcp://h:1", "--protocol", "toledo", "--capacity", "many"), "'many' is not a number; give kilograms"),
        (("tcp://h:1", "--protocol", "toledo", "--capacity", "-5"), "--capacity -5: must be above zero"),
    ],
)
def test_options_that_do_not_go_together_are_refused_in_one_line(run_command, tmp_path, options, what_it_says):
    command = ["weighbridge", *options, "--lane", "3", "--to", "http://127.0.0.1:9", "--spool", tmp_path]
    done = run_command(*command, *([] if "--capacity" in options else ["--capacity", "80000"]))
    assert done.returncode == 2
    assert what_it_says in done.stderr
    assert len(done.stderr.splitlines()) == 1
