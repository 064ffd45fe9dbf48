"""Some days of a plant's waste: rooms with sensors over a real broker that fails, a ledger that leaves and comes back.

What is written is read back into an empty system, whose tables must be the same to the last byte.
"""

import json
import random
import shutil
import subprocess
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from loadlens.serving.demo_plant import ROOMS, Plant
from loadlens.serving.demo_sensors import UNITS, Broker, Sensors, readers
from loadlens.serving.demo_server import LOADLENS, ask, client, get, new_key, server
from loadlens.serving.errors import CommandError, WrongUseError
from loadlens.serving.ingest.server import LaneServer

# What is compared byte by byte. Who did what is marked as imported on the other side, so it is not among them.
SAME = ("balance", "stock", "postings", "particulars")
_DEAD, _HOT = "carbon", "dross-1"
_LIMIT_C = 40
_ARRIVED_WITHIN_S = 600


def run_waste_demo(out: Path, days: int, every_h: int) -> dict[str, Any]:
    """Live through the last `days` with a reading of each sensor every `every_h` hours; fill `out`, tell what happened.

    Raises WrongUseError where `out` exists, CommandError where a part does not do what it must.
    """
    if out.exists():
        raise WrongUseError(f"{out} exists; give another --out")
    data = out / "server"
    data.mkdir(parents=True)
    began = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=days)
    key = new_key(data)
    with server(data, key) as address, client(address, key) as http:
        _make_rooms(http, every_h)
        broker = Broker(data)
        try:
            with readers({room: LaneServer(address, room, key) for room in ROOMS}, broker.port, data):
                told = _live(http, broker, began, days, every_h)
        finally:
            broker.stop()
        told |= _seen(http, days)
        _write_files(http, out)
    told["verified"] = _run("verify", "--data", str(data)).splitlines()[-1]
    told["the same in an empty system"] = _read_back(out)
    (out / "summary.json").write_text(json.dumps(told, indent=2, ensure_ascii=False), encoding="utf-8")
    shutil.rmtree(data)
    return told


def _make_rooms(http: httpx2.Client, every_h: int) -> None:
    limits = [
        {"quantity": "temperature", "unit": "C", "high": _LIMIT_C},
        {"quantity": "humidity", "unit": "%", "high": 85},
    ]
    for room, name in ROOMS.items():
        ask(http, "PUT", f"/v1/lanes/{room}", 200, json={})
        about = {"name": name, "lane": room, "limits": limits, "expected_every_s": 3600 * every_h}
        ask(http, "PUT", f"/v1/rooms/{room}", 200, json={**about, "capacity_kg": 50_000})


def _live(http: httpx2.Client, broker: Broker, began: datetime, days: int, every_h: int) -> dict[str, Any]:
    """The broker is away for an eighth of the time, one room's sensors are dead for a quarter, one is too hot."""
    plant, drawn = Plant(began, random.Random(1)), random.Random(2)
    ticks = 24 * days // every_h
    away, dead, hot = (range(ticks * one // 8, ticks * other // 8) for one, other in ((2, 3), (4, 6), (6, 7)))
    published = 0
    with closing(Sensors(broker.port)) as sensors:
        for tick in range(ticks):
            at = began + timedelta(hours=every_h * tick)
            if tick == away.start:
                broker.stop()
            if tick == away.stop:
                broker.start()
            if tick * every_h % 24 == 0:
                _enter(http, *plant.day(tick * every_h // 24))
            for room in ROOMS:
                if room == _DEAD and tick in dead:
                    continue
                warm = _LIMIT_C + 2 if room == _HOT and tick in hot else 22
                sensors.publish(room, "temperature", at, round(warm + drawn.uniform(-1, 1), 1))
                sensors.publish(room, "humidity", at, round(50 + drawn.uniform(-5, 5), 1))
                published += len(UNITS)
    _wait_for(http, published, days)
    return {"containers": plant.made, "entries": plant.number, "readings": published}


def _enter(http: httpx2.Client, containers: list[dict[str, Any]], entries: list[dict[str, Any]]) -> None:
    for container in containers:
        ask(http, "POST", "/v1/waste/containers", 201, json=container)
    done = ask(http, "POST", "/v1/waste/entries", 200, json={"entries": entries}).json()
    if done["waiting"]:
        raise CommandError(f"an entry cannot be accepted: {done['waiting'][0]}")


def _rooms(http: httpx2.Client, days: int) -> list[dict[str, Any]]:
    return [get(http, f"/v1/rooms/{room}?hours={24 * days + 1}").json() for room in ROOMS]


def _wait_for(http: httpx2.Client, published: int, days: int) -> None:
    """Until the server has every reading that was published."""
    end = time.monotonic() + _ARRIVED_WITHIN_S
    while (there := _said(_rooms(http, days))) < published:
        if time.monotonic() > end:
            raise CommandError(f"of {published} readings {there} have arrived within {_ARRIVED_WITHIN_S} s")
        time.sleep(1)


def _said(rooms: list[dict[str, Any]]) -> int:
    return sum(step["n"] for room in rooms for sensor in room["sensors"] for step in sensor["steps"])


def _seen(http: httpx2.Client, days: int) -> dict[str, Any]:
    rooms = _rooms(http, days)
    gaps = {
        f"{room['id']}/{sensor['quantity']}": [[gap["from"], gap["to"]] for gap in sensor["gaps"]]
        for room in rooms
        for sensor in room["sensors"]
        if sensor["gaps"]
    }
    alarms = [f"{alarm['kind']} {alarm['subject']}" for room in rooms for alarm in room["alarms"]]
    return {"rooms": len(rooms), "gaps": gaps, "alarms": alarms}


def _write_files(http: httpx2.Client, out: Path) -> None:
    (out / "ledger.xlsx").write_bytes(get(http, "/v1/waste/ledger.xlsx").content)
    for table in SAME:
        (out / f"{table}.csv").write_bytes(get(http, f"/v1/waste/ledger.csv?table={table}").content)


def _read_back(out: Path) -> list[str]:
    """The tables that are the same to the last byte after an import into an empty system. Raises CommandError."""
    empty, again = out / "server" / "empty", out / "server" / "again"
    _run("waste", "import", str(out / "ledger.xlsx"), "--data", str(empty))
    _run("waste", "export", "--format", "csv", "--out", str(again), "--data", str(empty))
    for table in SAME:
        if (again / f"{table}.csv").read_bytes() != (out / f"{table}.csv").read_bytes():
            raise CommandError(f"the table {table} is another one after it was read back; see {out}")
    return list(SAME)


def _run(*arguments: str) -> str:
    done = subprocess.run([*LOADLENS, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandError(f"loadlens {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()
