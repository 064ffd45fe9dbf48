"""A waste ledger of a million entries over twelve rooms: does it still add up, and does it still answer at once?

    python bench/waste_ledger.py [--entries 1000000] [--folder DIR] [--database URL] [--rounds 200]

Draws the life of containers of 22 wastes (produced, stored, moved, repacked, weighed again, taken back, treated, handed
over), writes it through the records of the service, journal and all, and keeps its own sums beside, by plain addition.
Then a real server is asked: what every room, waste and container holds must be these sums to the gram, and so must the
report of a month; balances, lists and the history of a container must come within 50 ms in the median, the report of a
month within a second, of a year within five. `loadlens verify` must find nothing; then the ledger is changed behind
the service's back in nine ways, and the check must name each place.
Ends with 1 where any of it fails.

With --folder what is written stays, and the next run goes on where this one ended. Without --database SQLite is used.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from server_under_test import LOADLENS, ServerUnderTest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from loadlens.serving.commands.keys import sealed_database
from loadlens.serving.evidence.anchor_check import AnchorCheck
from loadlens.serving.evidence.verify import verify_store
from loadlens.serving.records import waste
from loadlens.serving.store.blobs import FolderBlobs
from loadlens.serving.store.database import read_session, write_session
from loadlens.serving.store.waste_tables import WasteContainer, WasteEntry
from loadlens.waste.codes import code_list
from loadlens.waste.identity import SCHEMES, Identity
from loadlens.waste.ledger import OUTSIDE, Entry, Posting, counter, move, repack

ROOMS, UNIT, BEGAN = 12, "91130200699229617X", datetime(2021, 1, 1, tzinfo=UTC)
LIST = "hazardous-cn"
CODES = (
    *("321-023-48", "321-024-48", "321-025-48", "321-026-48", "321-034-48", "900-214-08", "900-216-08", "900-217-08"),
    *("900-218-08", "900-219-08", "900-220-08", "900-221-08", "900-249-08", "900-006-09", "900-252-12", "900-023-29"),
    *("900-052-31", "900-039-49", "900-041-49", "900-044-49", "900-045-49", "900-047-49"),
)
AT_ONCE, IN_STOCK = 5000, 10_000
WITHIN_MS = 50.0
REPORT_WITHIN_MS = {"the report of a month": 1000.0, "the report of a year": 5000.0}


@dataclass
class Plant:
    """Draws one entry after another, and adds up by itself what is where: `held` by container and place, in grams.

    `march` is what was produced, treated and handed over in March 2021.
    """

    drawn: random.Random
    held: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    codes: dict[str, str] = field(default_factory=dict)
    march: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("produced", "treated", "handed_over"), 0))
    here: list[tuple[str, str]] = field(default_factory=list)
    number: int = 0

    def steps(self, entries: int) -> Iterator[tuple[list[WasteContainer], Entry]]:
        """Entries in turn, each with the containers that are new in it."""
        last = None
        while self.number < entries:
            self.number += 1
            known = len(self.codes)
            if last is not None and self.drawn.random() < 0.01:
                entry = counter(last, new_id=f"c{self.number}", at=self._now(), actor="bench", reason="typed wrong")
                last = None
            else:
                entry = last = self._next()
            new = list(self.codes)[known:] if len(self.codes) > known else []
            self._add_up(entry)
            yield [self._container(identity) for identity in new], entry

    def _next(self) -> Entry:
        identity, place, grams = "", "", 0
        while grams == 0:  # taken back, or repacked in the meantime
            if len(self.here) < 100 or (len(self.here) < IN_STOCK and self.drawn.random() < 0.3):
                return self._produced()
            index = self.drawn.randrange(len(self.here))
            self.here[index], self.here[-1] = self.here[-1], self.here[index]
            identity, place = self.here.pop()
            grams = self.held[identity, place]
        if place == "floor":
            return self._moves("stored", identity, grams, place, self._room())
        if place == "transit":
            to = "treated" if self.drawn.random() < 0.2 else "handed_over"
            return self._moves(to, identity, grams, place, to)
        return self._in_store(identity, grams, place)

    def _in_store(self, identity: str, grams: int, place: str) -> Entry:
        chance = self.drawn.random()
        if chance < 0.2:
            return self._moves("moved", identity, grams, place, self._room())
        if chance < 0.3:
            return self._repacked(identity, grams, place)
        if chance < 0.35:
            return self._weighed(identity, place)
        return self._moves("retrieved", identity, grams, place, "transit")

    def _produced(self) -> Entry:
        identity = self._new(self.drawn.choice(CODES))
        return self._moves("produced", identity, self.drawn.randrange(1_000, 1_500_000), "production", "floor")

    def _moves(self, stage: Any, identity: str, grams: int, leaving: str, arriving: str) -> Entry:
        if arriving not in OUTSIDE:
            self.here.append((identity, arriving))
        return self._entry(stage, move(identity, grams, leaving, arriving))

    def _repacked(self, identity: str, grams: int, place: str) -> Entry:
        into = self._new(self.codes[identity])
        part = self.drawn.randrange(1, grams + 1)
        self.here += [(into, place), (identity, place)]
        return self._entry("repacked", repack(place, {identity: part}, {into: part}))

    def _weighed(self, identity: str, place: str) -> Entry:
        self.here.append((identity, place))
        return self._entry("reweighed", move(identity, self.drawn.randrange(1, 500), "weighing", place), "dust")

    def _entry(self, stage: Any, postings: tuple[Posting, ...], reason: str = "") -> Entry:
        return Entry(f"e{self.number}", stage, self._now(), "bench", postings, reason=reason)

    def _new(self, code: str) -> str:
        day = (BEGAN + timedelta(minutes=2 * self.number)).date()
        identity = SCHEMES["plain"].compose(Identity(UNIT, code, day, self.number))
        self.codes[identity] = code
        return identity

    def _container(self, identity: str) -> WasteContainer:
        code = code_list(LIST).find(self.codes[identity])
        about = {"list_id": LIST, "edition": code.edition, "code": code.code, "name": code.code}
        return WasteContainer(identity=identity, litres="200", actor="bench", **about)

    def _add_up(self, entry: Entry) -> None:
        for posting in entry.postings:
            self.held[posting.container, posting.place] += posting.grams
            ended = "produced" if posting.place == "production" else posting.place
            if ended in self.march and (entry.at.year, entry.at.month) == (2021, 3):
                self.march[ended] += -posting.grams if ended == "produced" else posting.grams
            if entry.takes_back and posting.grams > 0 and posting.place not in OUTSIDE:
                self.here.append((posting.container, posting.place))

    def _now(self) -> datetime:
        return BEGAN + timedelta(minutes=2 * self.number)

    def _room(self) -> str:
        return f"room:{self.drawn.randrange(1, ROOMS + 1)}"


def fill(engine: Engine, plant: Plant, entries: int) -> None:
    """Write what is not written yet, and let the plant add up all of it."""
    with read_session(engine) as session:
        left = session.scalars(select(func.count()).select_from(WasteEntry)).one()
    steps, began, done = plant.steps(entries), time.process_time(), 0
    while batch := list(islice(steps, AT_ONCE)):
        if left >= len(batch):
            left -= len(batch)
            continue
        with write_session(engine) as session:
            waste.register_new(session, [one for containers, _ in batch for one in containers], by="bench")
            answers = waste.post(session, [entry for _, entry in batch])
        if len(answers.accepted) + left != len(batch):
            raise SystemExit(f"{len(answers.waiting)} entries wait: {next(iter(answers.waiting.values()))}")
        left, done = 0, done + len(batch)
        if done % (2 * AT_ONCE) == 0:
            print(
                f"{plant.number} entries, {1e3 * (time.process_time() - began) / done:.2f} ms of CPU each", flush=True
            )


def compare(server: ServerUnderTest, plant: Plant) -> bool:
    """Whether the service says what the plant has added up, of every room and waste; and what differs."""
    by_place: dict[tuple[str, str], int] = defaultdict(int)
    ends: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (identity, place), grams in plant.held.items():
        code = plant.codes[identity]
        if place.startswith("room:") or place in ("floor", "transit"):
            by_place[place, code] += grams
            ends[code]["stock"] += grams
        else:
            ends[code][place] += grams
    said = server.ask("GET", "/v1/waste/stock", 200).json()["stock"]
    right = {key: grams for key, grams in by_place.items() if grams}
    same = {(row["place"], row["code"]): row["grams"] for row in said} == right
    rows = {row["code"]: row for row in server.ask("GET", "/v1/waste/balances", 200).json()["balances"]}
    for code, sums in ends.items():
        told = [-rows[code]["produced"], -rows[code]["weighing"], *(rows[code][name] for name in ("treated", "stock"))]
        same &= [*told, rows[code]["handed_over"], rows[code]["repacked"]] == [
            *(sums[name] for name in ("production", "weighing", "treated", "stock", "handed_over")),
            0,
        ]
    for number in range(1, ROOMS + 1):
        server.ask("PUT", f"/v1/rooms/{number}", 200, json={"name": f"room {number}"})
    rooms = {row["id"]: row["grams"] for row in server.ask("GET", "/v1/rooms", 200).json()["rooms"]}
    for number in range(1, ROOMS + 1):
        same &= rooms[str(number)] == sum(grams for (place, _), grams in right.items() if place == f"room:{number}")
    print(f"{len(right)} balances of a waste in a place and {len(ends)} of a waste: {'equal' if same else 'DIFFERENT'}")
    return same and set(rows) == set(ends)


def ask(server: ServerUnderTest, plant: Plant, rounds: int) -> bool:
    """Whether the questions of every day are answered in time, and those about a container to the gram."""
    drawn = random.Random(2)
    some = drawn.sample(list(plant.codes), rounds)
    holds: dict[str, dict[str, int]] = {identity: {} for identity in some}
    for (identity, place), grams in plant.held.items():
        if identity in holds and grams and (place.startswith("room:") or place in ("floor", "transit")):
            holds[identity][place] = grams
    same = True
    for identity in some:
        same &= server.ask("GET", f"/v1/waste/containers/{identity}", 200).json()["grams"] == holds[identity]
    month = "/v1/waste/report.json?from=2021-03-01T00:00:00Z&to=2021-04-01T00:00:00Z"
    rows = [row for row in server.ask("GET", month, 200).json()["rows"] if row["what"] != "stock"]
    same &= {what: sum(row["grams"] for row in rows if row["what"] == what) for what in plant.march} == plant.march
    print(f"{rounds} containers and the report of a month: {'equal' if same else 'DIFFERENT'}")
    questions = {
        "a container and its history": [f"/v1/waste/containers/{identity}" for identity in some],
        "its history as EPCIS": [f"/v1/waste/containers/{identity}/epcis.json" for identity in some],
        "the balance of a room": [f"/v1/waste/stock?place=room:{number % ROOMS + 1}" for number in range(rounds)],
        "the balance of a waste": [f"/v1/waste/balances?code={CODES[n % len(CODES)]}" for n in range(rounds)],
        "the balance of the plant": ["/v1/waste/balances"] * rounds,
        "the stock of the plant": ["/v1/waste/stock"] * rounds,
        "all rooms with their flags": ["/v1/rooms"] * rounds,
        "a room with every container": [f"/v1/rooms/{number % ROOMS + 1}" for number in range(rounds)],
        "the report of a month": [month] * max(1, rounds // 10),
        "the report of a year": [month.replace("03-01", "01-01").replace("04-01", "12-31")] * max(1, rounds // 50),
        "what is to be reported next": ["/v1/waste/calendar?year=2021&offset=%2B08:00&due_from=2021-03-01"] * rounds,
        "a page of 100 entries": [f"/v1/waste/entries?after={n * plant.number // rounds}" for n in range(rounds)],
    }
    in_time = True
    for what, places in questions.items():
        before = server.cpu_s()
        taken = sorted(_ms(server, place) for place in places)
        cpu = 1e3 * (server.cpu_s() - before) / len(taken)
        median, late = statistics.median(taken), taken[int(0.95 * len(taken))]
        print(f"{what:30} median {median:6.1f} ms, 95th of 100 {late:6.1f} ms, CPU {cpu:6.1f} ms, n {len(taken)}")
        in_time &= median < REPORT_WITHIN_MS.get(what, WITHIN_MS)
    return same and in_time


def _ms(server: ServerUnderTest, place: str) -> float:
    began = time.perf_counter()
    server.ask("GET", place, 200)
    return 1e3 * (time.perf_counter() - began)


def change(session: Session) -> list[str]:
    """Change the ledger in nine ways, as whoever has the database could; returns the places that must be named."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    for table in ("waste_containers", "waste_entries", "waste_postings", "journal"):
        for end in ("_no_update", "_no_delete") if sqlite else ("_append_only",):
            session.execute(text(f"DROP TRIGGER {table}{end}" + ("" if sqlite else f" ON {table}")))
    container, place = session.execute(
        text("SELECT container, place FROM waste_stock WHERE grams > 1000 ORDER BY container LIMIT 1")
    ).one()
    (number,) = session.execute(
        text("SELECT max(number) FROM waste_postings WHERE container = :c AND place = :p"), {"c": container, "p": place}
    ).one()
    (line,) = session.execute(
        text("SELECT max(line) FROM waste_postings WHERE number = :n AND container = :c AND place = :p"),
        {"n": number, "c": container, "p": place},
    ).one()
    (last,) = session.execute(text("SELECT max(seq) FROM journal")).one()
    (record,) = session.execute(text("SELECT min(seq) FROM journal WHERE body LIKE '%\"stored\"%'")).one()
    given = {"c": container, "p": place, "n": number, "l": line, "last": last, "r": record}
    for statement in (
        # A gram out of nowhere, in the posting and in all that follows from it.
        "UPDATE waste_postings SET grams = grams + 1 WHERE number = :n AND line = :l",
        "UPDATE waste_stock SET grams = grams + 1 WHERE container = :c AND place = :p",
        "UPDATE waste_stock SET since = '2026-01-01' WHERE container = :c AND place = :p",
        "UPDATE waste_entries SET made_at = '2020-01-01T00:00:00+00:00' WHERE number = 17",
        "DELETE FROM waste_postings WHERE number = 19 AND line = 0",
        "INSERT INTO waste_postings SELECT number, 99, container, place, grams FROM waste_postings "
        "WHERE number = 23 AND line = 0",
        "UPDATE waste_containers SET name = 'harmless' WHERE identity = :c",
        "UPDATE waste_balances SET grams = grams - 1 WHERE place = 'treated' AND code = '321-024-48'",
        "UPDATE journal SET body = replace(body, 'stored', 'treated') WHERE seq = :r",
        "DELETE FROM journal WHERE seq = :last",
    ):
        session.execute(text(statement), {name: value for name, value in given.items() if f":{name}" in statement})
    return [
        *(f"waste_postings {number} / {line}:", "waste_entries 17:", "waste_postings 19 / 0:"),
        *("waste_postings 23 / 99:", f"waste_containers {container}:", f"waste_balances {UNIT} / treated /"),
        *(f"waste_stock {container} / {place}: is said", f"journal record {record} ", "journal head:"),
    ]


def verify(folder: Path, engine: Engine) -> bool:
    """Whether `loadlens verify` finds nothing, and every change once there are some. Nothing stays changed."""
    began = time.perf_counter()
    command = [*LOADLENS, "verify", "--data", str(folder / "data")]
    clean = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (clean.stdout if clean.returncode == 0 else clean.stdout + clean.stderr).strip()
    print(f"verify: {said.splitlines()[-1]}, after {time.perf_counter() - began:.0f} s")
    anchor = AnchorCheck([folder / "data" / "journal.anchor"])
    with Session(engine.execution_options(loadlens_writes=True)) as session:
        places = change(session)
        verdict = verify_store(session, FolderBlobs(folder / "data" / "blobs"), anchor)
        session.rollback()
    found = [str(finding) for finding in verdict.findings]
    missed = [place for place in places if not any(finding.startswith(place) for finding in found)]
    print(f"of {len(places)} changes {len(places) - len(missed)} are found, in {len(found)} findings; missed: {missed}")
    return clean.returncode == 0 and not missed


def main() -> int:
    """Fill, compare, measure, verify."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="kept; default: a temporary folder")
    parser.add_argument("--database", help="postgresql+psycopg://…; default: SQLite in the folder")
    given = parser.parse_args()
    if given.database is not None:
        os.environ["LOADLENS_DATABASE"] = given.database
    plant = Plant(random.Random(1))
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        with sealed_database(None, folder / "data") as (_, engine):
            fill(engine, plant, given.entries)
            with ServerUnderTest(folder) as server:
                done = [compare(server, plant), ask(server, plant, given.rounds)]
            done.append(verify(folder, engine))
    return int(not all(done))


if __name__ == "__main__":
    sys.exit(main())
