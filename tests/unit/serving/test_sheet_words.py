"""A time is told to a supplier as a clock in the yard shows it, with its offset from UTC."""

import time
from zoneinfo import ZoneInfo

import pytest

from loadlens.serving.sheet.words import moment

SUMMER, WINTER = "2026-07-01T18:46:59.123+00:00", "2026-12-31T18:46:59.123+00:00"


@pytest.mark.parametrize(
    ("at", "zone", "en", "zh"),
    [
        (WINTER, "Asia/Shanghai", "01 Jan 2027 02:46 UTC+08:00", "2027年01月01日 02:46 UTC+08:00"),
        (WINTER, "Asia/Kathmandu", "01 Jan 2027 00:31 UTC+05:45", "2027年01月01日 00:31 UTC+05:45"),
        (WINTER, "America/St_Johns", "31 Dec 2026 15:16 UTC-03:30", "2026年12月31日 15:16 UTC-03:30"),
        (WINTER, "Europe/Berlin", "31 Dec 2026 19:46 UTC+01:00", "2026年12月31日 19:46 UTC+01:00"),
        (SUMMER, "Europe/Berlin", "01 Jul 2026 20:46 UTC+02:00", "2026年07月01日 20:46 UTC+02:00"),
        (WINTER, "UTC", "31 Dec 2026 18:46 UTC", "2026年12月31日 18:46 UTC"),
    ],
)
def test_a_time_is_told_by_the_clock_of_the_yard(at, zone, en, zh):
    assert moment(at, "en", ZoneInfo(zone)) == en
    assert moment(at, "zh", ZoneInfo(zone)) == zh


def test_without_a_zone_the_clock_of_the_machine_counts(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert moment(WINTER, "en", None) == "01 Jan 2027 02:46 UTC+08:00"
    finally:
        monkeypatch.undo()
        time.tzset()
