"""The waste ledger leaves as a workbook whose sums agree, and comes back from it whole or not at all."""

import contextlib
import io
import random
import re
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loadlens.serving.load_errors import ConflictError
from loadlens.serving.records import room_stock, rooms, waste, waste_entries
from loadlens.serving.records.waste_export import tables
from loadlens.serving.records.waste_import import ImportRefusedError, import_ledger
from loadlens.serving.records.waste_report import report
from loadlens.serving.sentences import fault_told
from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.database import open_database, write_session
from loadlens.serving.store.journal import Seal, sealed
from loadlens.serving.store.signing import SigningKeys
from loadlens.serving.store.tables import JournalRecord
from loadlens.serving.store.waste_tables import WasteContainer, WasteEntry, WasteStock
from loadlens.waste.identity import SCHEMES, Identity
from loadlens.waste.ledger import (
    FLOOR,
    HANDED_OVER,
    OUTSIDE,
    PRODUCTION,
    TREATED,
    WEIGHING,
    Entry,
    Posting,
    move,
    repack,
    room,
)
from loadlens.waste.workbook import write_xlsx

BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)
CODES = {"321-024-48": "铝灰渣", "900-214-08": "废机油", "900-052-31": "=废铅蓄电池"}


def opened(url, place):
    return sealed(open_database(url), Seal(SigningKeys(place / "keys" / "signing.key"), Anchor(place / "anchor")))


@pytest.fixture
def new_engine(tmp_path):
    made = []

    def make(url):
        made.append(opened(url, tmp_path / f"seal{len(made)}"))
        return made[-1]

    yield make
    for engine in made:
        engine.dispose()


@pytest.fixture
def empty(new_engine, new_sqlite):
    return new_engine(new_sqlite("empty.sqlite"))


@pytest.fixture(scope="module")
def six_steps(tmp_path_factory):
    """A workbook of a short life."""
    place = tmp_path_factory.mktemp("six")
    engine = opened(f"sqlite:///{place / 'old.sqlite'}", place)
    live(engine, seed=2, length=6)
    yield exported(engine)
    engine.dispose()


def container(number, code):
    identity = SCHEMES["hj1276-37"].compose(Identity("91130200699229617X", code, date(2026, 1, 5), number))
    return WasteContainer(
        identity=identity,
        list_id="hazardous-cn",
        edition="2021",
        code=code,
        name=CODES[code],
        litres="200",
        actor="user:li",
    )


def live(engine, seed=1, length=40):
    """A random life of a plant: produced, stored, repacked, weighed again, taken back, treated, handed over."""
    rng = random.Random(seed)
    with write_session(engine) as session:
        names = []
        for number in range(1, 13):
            names.append(container(number, rng.choice(list(CODES))))
            waste.register(session, names[-1])
        identities = [one.identity for one in names]
        for number in range(length):
            _step(session, rng, number, identities)


def _step(session, rng, number, identities):
    at, name = BEGAN + timedelta(hours=number), f"e{number}"
    stock = [(row.container, row.place, row.grams) for row in session.scalars(select(WasteStock))]
    stock.sort()

    def enter(stage, postings, **more):
        assert waste.post(session, [Entry(name, stage, at, "user:li", postings, **more)]).accepted

    kind = rng.choice(["produced", "stored", "ended", "repacked", "reweighed", "corrected"])
    if kind == "corrected" and number:
        undo = rng.choice(list(session.scalars(select(WasteEntry.id).where(WasteEntry.takes_back.is_(None)))))
        with contextlib.suppress(ConflictError):
            waste.take_back(session, undo, new_id=name, actor="user:wang", reason="-1+1 was meant")
        return
    if kind in ("produced", "corrected") or not stock:
        said = ({"产生设施编码": "MF0001", "去向": "@room"}, {"产生设施编码": f"MF000{number % 4}"}, {})[number % 3]
        grams = rng.randint(1, 10**7)
        enter(
            "produced",
            move(rng.choice(identities), grams, PRODUCTION, FLOOR),
            batch="HWCS20260105001",
            particulars=said,
        )
        return
    box, place, grams = rng.choice(stock)
    part = rng.randint(1, grams)
    other = rng.choice([one for one in identities if one != box])
    if kind == "repacked":
        enter("repacked", repack(place, {box: part}, {other: part}))
    elif kind == "reweighed":
        enter("reweighed", move(box, part, place, WEIGHING), reason="the scale was checked")
    elif kind == "ended":
        stage, end = rng.choice([("treated", TREATED), ("handed_over", HANDED_OVER)])
        said = ({"接收单位名称": "示例公司"}, {"利用/处置方式": "R4", "运输": name}, {})[number % 3]
        # What stands elsewhere goes with it, in one entry that leaves two places.
        elsewhere = [Posting(box, there, -held) for one, there, held in stock if one == box and there != place][:1]
        leaving = (Posting(box, place, -part), *elsewhere)
        enter(stage, (*leaving, Posting(box, end, -sum(one.grams for one in leaving))), particulars=said)
    elif place == FLOOR:
        enter("stored", move(box, part, FLOOR, room(f"{rng.randint(1, 3)}{'/A' if number % 2 else ''}")))
    else:
        enter("moved", move(box, part, place, FLOOR))


def exported(engine):
    out = io.BytesIO()
    with Session(engine) as session:
        write_xlsx(tables(session), out)
    return out.getvalue()


def imported(engine, data):
    with write_session(engine) as session:
        return import_ledger(session, data, actor="user:manager")


def balances(engine):
    with Session(engine) as session:
        query = select(WasteStock).order_by(WasteStock.container, WasteStock.place)
        return [(row.container, row.place, row.grams) for row in session.scalars(query)]


def changed(data, sheet, cell, value):
    book, out = load_workbook(io.BytesIO(data)), io.BytesIO()
    book[sheet][cell] = value
    book.save(out)
    return out.getvalue()


def with_rows(data, **more):
    book, out = load_workbook(io.BytesIO(data)), io.BytesIO()
    for sheet, rows in more.items():
        for row in rows:
            book[sheet].append(row)
    book.save(out)
    return out.getvalue()


def not_in_chinese(faults):
    told = [fault_told(fault, "zh").partition(" 行：")[2] for fault in faults]
    return [why for why in told if not re.search(r"[\u4e00-\u9fff]", why)]


def held(engine):
    with Session(engine) as session:
        return [session.scalar(select(func.count()).select_from(kind)) for kind in (WasteContainer, WasteEntry)]


@pytest.mark.parametrize("seed", range(2))
def test_a_ledger_that_was_exported_and_imported_has_every_balance_to_the_gram(
    new_engine, new_sqlite, database_url, seed
):
    old = new_engine(new_sqlite("old.sqlite"))
    live(old, seed)
    data = exported(old)
    fresh = new_engine(database_url)
    done = imported(fresh, data)
    assert [done.containers, done.entries] == held(old) == held(fresh)
    assert balances(fresh) == balances(old) != []
    first, second = (load_workbook(io.BytesIO(one)) for one in (data, exported(fresh)))
    for name in ("balance", "stock", "postings", "particulars"):
        assert list(first[name].values) == list(second[name].values), name
    assert imported(fresh, data).entries == done.entries
    assert balances(fresh) == balances(old)
    with Session(fresh) as session:
        assert set(session.scalars(select(WasteEntry.actor))) <= {"imported: user:li", "imported: user:wang"}
        records = session.scalars(select(JournalRecord).where(JournalRecord.kind == "waste.entered")).all()
        assert {record.actor for record in records} == {"user:manager"}


def test_the_sums_of_the_tables_agree(new_engine, database_url):
    engine = new_engine(database_url)
    live(engine, seed=5, length=60)
    book = load_workbook(io.BytesIO(exported(engine)))
    sheet = [list(row) for row in book["balance"].values]
    head, *codes, total = sheet
    figures = {name: Decimal(str(value)) for name, value in zip(head, total, strict=True) if name not in head[:3]}
    for name, figure in figures.items():
        column = head.index(name)
        assert sum(Decimal(str(row[column])) for row in codes) == figure
    assert {row[head.index("difference")] for row in sheet[1:]} == {0}
    assert figures["repacked"] == 0
    assert figures["produced"] + figures["weighing"] == sum(figures[one] for one in ("treated", "handed_over", "stock"))
    for stage, name in (("产生", "produced"), ("自行利用处置", "treated"), ("委外利用处置", "handed_over")):
        first, *rows, last = [list(row) for row in book[stage].values]
        column = next(number for number, title in enumerate(first) if title.endswith("量") and "数" not in title)
        assert Decimal(str(last[column])) == sum(Decimal(str(row[column])) for row in rows) == figures[name]
        assert len(rows) > 1
    stock = sum(grams for *_, grams in balances(engine))
    assert figures["stock"] * 10**6 == stock
    named = [cell for row in book["产生"].iter_rows() for cell in row if cell.value == "=废铅蓄电池"]
    assert named
    assert {cell.data_type for cell in named} == {"s"}


@pytest.mark.parametrize("seed", [7, 11, 12])
def test_rooms_and_reports_say_what_the_entries_come_to_one_by_one(new_engine, database_url, seed):
    engine = new_engine(database_url)
    live(engine, seed=seed, length=90)
    begin, end = BEGAN + timedelta(hours=20), BEGAN + timedelta(hours=70)
    about = {"name": "x", "capacity_kg": None, "zones": {}, "limits": [], "expected_every_s": None, "longest_days": 1}
    with write_session(engine) as session:
        own = [rooms.put(session, str(number), None, about, actor="user:meg") for number in (1, 2, 3)]
        entries = [entry for _, entry in waste_entries.entries(session, after=0, limit=500)]
        wastes = {one.identity: (one.code, one.name) for one in session.scalars(select(WasteContainer))}
        said = {
            (one.container, one.place): (one.grams, one.since) for here in own for one in room_stock.held(session, here)
        }
        inside = room_stock.inside(session)
        assert {one.id: room_stock.inside(session, one).get(one.id) for one in own} == {
            one.id: inside.get(one.id) for one in own
        }
        sums = {id_: sum(each.grams for each in here.amounts) for id_, here in inside.items()}
        counts = {id_: here.containers for id_, here in inside.items()}
        flags = {one.id: list(room_stock.flags(session, one, inside[one.id], end)) for one in own}
        told = [row[:9] for row in report(session, begin, end).rows]
    where = defaultdict(int)
    for posting in (posting for entry in entries for posting in entry.postings):
        where[posting.container, posting.place] += posting.grams
    right = {
        (box, place): (grams, _since(entries, box))
        for (box, place), grams in where.items()
        if place.startswith("room:") and grams
    }
    assert said == right
    assert len(right) > 3
    for one in own:
        here = {key: found for key, found in right.items() if key[1].partition("/")[0] == f"room:{one.id}"}
        assert sums[one.id] == sum(grams for grams, _ in here.values())
        assert counts[one.id] == len({box for box, _ in here})
        before = (end - timedelta(days=1)).isoformat()
        old = {(since, box) for (box, _), (_, since) in here.items() if since < before}
        assert [flag.why for flag in flags[one.id] if flag.code == "stored_too_long"] == _told_of(old)
    assert told == sorted((*key, grams) for key, grams in _reported(entries, wastes, begin, end).items() if grams)
    assert {row[1] for row in told} == {"produced", "treated", "handed_over", "stock"}


def _told_of(old):
    """What the flag of a room says where this waste, since when and in which container, has been there too long."""
    if not old:
        return []
    since, box = min(old)
    others = f"; so do {len(old) - 1} more containers" if len(old) > 1 else ""
    return [f"{box} holds waste since {since[:10]}, longer than 1 days{others}"]


def _reported(entries, wastes, begin, end):
    """The rows of a report and their grams, added up entry by entry; `wastes` are code and name by container."""
    by_id, rows, stock, facilities = {one.id: one for one in entries}, defaultdict(int), defaultdict(int), {}
    undone = {entry.takes_back for entry in entries}
    for entry in entries:
        if entry.stage == "produced" and entry.id not in undone:
            facilities.setdefault(entry.postings[0].container, entry.particulars.get("产生设施编码", ""))
    for entry in entries:
        did = by_id[entry.takes_back or entry.id]
        for box, place, grams in ((one.container, one.place, one.grams) for one in entry.postings):
            if place in OUTSIDE:
                continue
            stock[box, place] += grams
            waste_of = (box[:18], did.stage, "hazardous-cn", *wastes[box])
            particulars = did.particulars
            how, to = particulars.get("利用/处置方式", ""), particulars.get("接收单位名称")
            if not begin <= entry.at < end:
                continue
            if did.stage == "produced":
                came, went = particulars.get("产生设施编码", ""), particulars.get("去向", place)
                rows[*waste_of, came, went, how] += grams
            elif did.stage in ("treated", "handed_over"):
                rows[*waste_of, facilities.get(box) or place, to or did.stage, how] -= grams
    for (box, place), grams in stock.items():
        rows[box[:18], "stock", "hazardous-cn", *wastes[box], facilities.get(box, ""), place, ""] += grams
    return rows


def _since(entries, box):
    """When the oldest waste that may be in a container came, by walking back through all that it was filled from."""
    void = {one for entry in entries if entry.takes_back for one in (entry.takes_back, entry.id)}
    asked, left, found = set(), [box], []
    while left:
        name = left.pop()
        asked.add(name)
        for entry in entries:
            came = any(one.container == name and one.grams > 0 and one.place not in OUTSIDE for one in entry.postings)
            if entry.id in void or not came:
                continue
            if entry.stage == "repacked":
                left += {one.container for one in entry.postings if one.grams < 0} - asked
            elif entry.stage in ("produced", "reweighed"):
                found.append(entry.at.isoformat())
    return min(found)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("containers", "D2"), "999-999-99", "containers row 2: hazardous-cn, edition 2021, has no code"),
        (("containers", "F2"), "=200", "containers row 2: litres holds a formula"),
        (("containers", "A3"), None, "containers row 3: identity"),
        (("entries", "B2"), "thrown away", "entries row 2: stage"),
        (("entries", "C2"), datetime(2026, 1, 5, 8), "entries row 2: at"),
        (("entries", "E2"), "HWXX1", "entries row 2: 'HWXX1' is no batch code"),
        (("entries", "A3"), "e0", "entries row 3: e0 stands in row 2 already"),
        (("entries", "G2"), "e1", "entries row 2: a correction, and nothing else"),
        (("postings", "D2"), -1, "would come from nowhere"),
        (("postings", "C2"), "shelf", "leaves 'shelf'"),
        (("postings", "C3"), "shelf", "arrives at 'shelf'"),
        (("entries", "A2"), "no id", "entries row 2: id: String should match"),
        (("entries", "C2"), "soon", "entries row 2: at: Input should be a valid datetime"),
        (("containers", "F2"), "many", "containers row 2: litres: Input should be a valid decimal"),
        (("containers", "F2"), -1, "containers row 2: litres: Input should be greater than 0"),
        (("containers", "E2"), "x" * 201, "containers row 2: name: String should have at most 200"),
        (("postings", "D2"), 0.5, "entries row 2: postings.0.grams"),
        (("postings", "A2"), "nobody", "postings row 2: there is no entry 'nobody'"),
        (("particulars", "A2"), "nobody", "particulars row 2: there is no entry 'nobody'"),
    ],
)
def test_a_workbook_with_a_fault_is_not_imported_at_all(empty, six_steps, place, value, says):
    with pytest.raises(ImportRefusedError, match="nothing was imported") as refused:
        imported(empty, changed(six_steps, *place, value))
    assert [fault for fault in refused.value.faults if says in fault], refused.value.faults
    assert not_in_chinese(refused.value.faults) == []
    assert held(empty) == [0, 0]


def test_every_row_that_is_wrong_is_told_with_what_it_drags_along(new_engine, new_sqlite):
    old = new_engine(new_sqlite("old.sqlite"))
    with write_session(old) as session:
        drum = container(1, "321-024-48")
        waste.register(session, drum)
        waste.post(
            session,
            [
                Entry("a", "produced", BEGAN, "user:li", move(drum.identity, 500, PRODUCTION, FLOOR)),
                Entry("b", "stored", BEGAN, "user:li", move(drum.identity, 500, FLOOR, room("1"))),
            ],
        )
        waste.take_back(session, "b", new_id="c", actor="user:wang", reason="the wrong room")
    fresh = new_engine(new_sqlite("new.sqlite"))
    data = exported(old)
    with pytest.raises(ImportRefusedError) as refused:
        imported(fresh, changed(changed(data, "postings", "D4", -600), "postings", "D5", 600))
    assert refused.value.faults == [
        f"entries row 3: container {drum.identity} holds 500 g at floor, and 600 g would leave it",
        "entries row 4: there is no accepted entry 'b' to take back",
    ]
    forged = changed(changed(data, "postings", "D6", 400), "postings", "D7", -400)
    with pytest.raises(ImportRefusedError, match="does not take back what entry b did"):
        imported(fresh, forged)
    taken_back = [*load_workbook(io.BytesIO(data))["postings"].values][-2:]
    again = with_rows(
        data,
        entries=[("d", "corrected", BEGAN.isoformat(), "user:wang", "", "it was right", "c")],
        postings=[("d", box, place, -grams) for _, box, place, grams in taken_back],
    )
    with pytest.raises(ImportRefusedError, match="entry c is itself a correction") as refused:
        imported(fresh, again)
    assert not_in_chinese(refused.value.faults) == []
    assert imported(fresh, data).entries == 3
    with pytest.raises(ImportRefusedError, match="known with other particulars"):
        imported(fresh, changed(data, "containers", "E2", "another name"))
