"""The ledger as tables: what an inspector reads (the five stages, balances, stock), and all of it to be read back."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session, aliased

from loadlens.serving.store.tables import now
from loadlens.serving.store.waste_tables import WaitingEntry, WasteContainer, WasteEntry, WastePosting, WasteStock
from loadlens.waste.ledger import HANDED_OVER, PRODUCTION, TREATED, WEIGHING
from loadlens.waste.stage_tables import STAGES, Movement, full_name, tonnes
from loadlens.waste.workbook import Cell, Table

SCHEMA = "loadlens.ledger/1"
CONTAINERS, ENTRIES, POSTINGS, PARTICULARS = "containers", "entries", "postings", "particulars"
# The sheets that an import reads, and their columns.
COLUMNS = {
    CONTAINERS: ("identity", "list", "edition", "code", "name", "litres", "confirmed_by"),
    ENTRIES: ("id", "stage", "at", "actor", "batch", "reason", "takes_back"),
    POSTINGS: ("entry", "container", "place", "grams"),
    PARTICULARS: ("entry", "field", "value"),
}
TABLES = ("about", *(stage.name for stage in STAGES), "internal", "balance", "stock", *COLUMNS)
_AT_ONCE = 1000
# What an entry did, or what the one did that it takes back.
_origin = aliased(WasteEntry)
_did = func.coalesce(_origin.stage, WasteEntry.stage)


def tables(session: Session) -> list[Table]:
    """Every table of the ledger, by the names of TABLES; rows are read while they are written, in this session."""
    stages = [stage.table(movements(session, stage.of)) for stage in STAGES]
    return [_about(session), *stages, _internal(session), _balance(session), _stock(session), *_to_read_back(session)]


def movements(session: Session, stages: tuple[str, ...]) -> Iterator[Movement]:
    """What was done in these stages, container by container; a correction as what it takes back, below zero."""
    for (_, identity), found in groupby(session.execute(_lines(stages)), lambda row: (row.number, row.container)):
        lines = list(found)
        yield _movement(identity, lines)


def _lines(stages: tuple[str, ...]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            WasteEntry.number,
            WasteEntry.id,
            WasteEntry.made_at,
            WasteEntry.actor,
            WasteEntry.reason,
            WasteEntry.takes_back,
            _did.label("stage"),
            func.coalesce(_origin.batch, WasteEntry.batch).label("batch"),
            func.coalesce(_origin.particulars, WasteEntry.particulars).label("particulars"),
            WastePosting.container,
            WastePosting.place,
            WastePosting.grams,
            WasteContainer.list_id,
            WasteContainer.code,
            WasteContainer.name,
        )
        .join(WastePosting, WastePosting.number == WasteEntry.number)
        .join(WasteContainer, WasteContainer.identity == WastePosting.container)
        .outerjoin(_origin, _origin.id == WasteEntry.takes_back)
        .where(_did.in_(stages))
        .order_by(WasteEntry.number, WastePosting.container, WastePosting.line)
        .execution_options(yield_per=_AT_ONCE)
    )


def _movement(identity: str, lines: list[Any]) -> Movement:
    first = lines[0]
    taken_back = first.takes_back is not None
    # A correction brings the mass back to where it came from.
    leaving = [line.place for line in lines if (line.grams < 0) != taken_back]
    arriving = [line.place for line in lines if (line.grams > 0) != taken_back]
    grams = sum(line.grams for line in lines if line.grams > 0)
    return Movement(
        entry=first.id,
        at=first.made_at,
        actor=first.actor,
        batch=first.batch,
        grams=-grams if taken_back else grams,
        note=f"更正 {first.takes_back}: {first.reason}" if taken_back else first.reason,
        particulars=json.loads(first.particulars),
        identity=identity,
        list_id=first.list_id,
        code=first.code,
        name=first.name,
        leaving=", ".join(leaving),
        arriving=", ".join(arriving),
    )


def _about(session: Session) -> Table:
    entries = session.scalar(select(func.count()).select_from(WasteEntry))
    waiting = session.scalar(select(func.count()).select_from(WaitingEntry))
    rows: list[tuple[Cell, ...]] = [
        ("schema", SCHEMA),
        ("exported_at", now()),
        ("entries", entries),
        ("waiting", f"{waiting} entries wait for what they need and are in no table" if waiting else "none"),
        ("times", "UTC"),
        ("masses", "tonnes in the tables of stages, balance and stock; grams in postings"),
        ("tables", f"{', '.join(stage.name for stage in STAGES)}: designed after HJ 1259-2022, 6.3.1 to 6.3.5"),
        ("*", "a column whose place in the table was concluded, not read in the standard: unverified"),
        (
            "general waste",
            "stands in the same tables; those of the guide of 2021 (No. 82) were not read and are absent",
        ),
        ("read back", f"{', '.join(COLUMNS)}: what `loadlens waste import` reads"),
    ]
    return Table("about", ("what", "value"), rows)


def _internal(session: Session) -> Table:
    """What moved inside: no table of the standard, but the balance would not be understood without it."""
    head = ("entry", "at", "stage", "container", "name", "code", "place", "t", "actor", "note")
    rows = (
        (
            row.id,
            row.made_at,
            row.stage,
            row.container,
            row.name,
            row.code,
            row.place,
            tonnes(row.grams),
            row.actor,
            f"更正 {row.takes_back}: {row.reason}" if row.takes_back else row.reason,
        )
        for row in session.execute(_lines(("moved", "repacked", "reweighed")))
    )
    return Table("internal", head, rows)


def _balance(session: Session) -> Table:
    """By code: produced + found by weighing + repacked from other codes = treated + handed over + stock."""
    head = ("list", "code", "name", "produced", "weighing", "repacked", "treated", "handed_over", "stock", "difference")
    place, grams = WastePosting.place, WastePosting.grams

    def at(*places: str) -> Any:
        return func.coalesce(func.sum(case((place.in_(places), grams), else_=0)), 0)

    query = (
        select(
            WasteContainer.list_id,
            WasteContainer.code,
            at(PRODUCTION).label("production"),
            at(WEIGHING).label("weighing"),
            at(TREATED).label("treated"),
            at(HANDED_OVER).label("handed_over"),
            func.sum(grams).label("repacked"),
        )
        .join(WasteContainer, WasteContainer.identity == WastePosting.container)
        .group_by(WasteContainer.list_id, WasteContainer.code)
        .order_by(WasteContainer.list_id, WasteContainer.code)
    )
    kept = _kept(session)
    sums = [0] * 7
    rows: list[list[Cell]] = []
    for row in session.execute(query):
        came = [-int(row.production), -int(row.weighing), int(row.repacked)]
        went = [int(row.treated), int(row.handed_over), kept.get((row.list_id, row.code), 0)]
        figures = [*came, *went, sum(came) - sum(went)]
        sums = [total + figure for total, figure in zip(sums, figures, strict=True)]
        rows.append([row.list_id, row.code, full_name(row.list_id, row.code), *map(tonnes, figures)])
    rows.append(["合计", None, None, *map(tonnes, sums)])
    return Table("balance", head, rows)


def _kept(session: Session) -> dict[tuple[str, str], int]:
    """Grams in stock by list and code, from the stock itself: the balance compares it with the entries."""
    query = (
        select(WasteContainer.list_id, WasteContainer.code, func.sum(WasteStock.grams).label("grams"))
        .join(WasteContainer, WasteContainer.identity == WasteStock.container)
        .group_by(WasteContainer.list_id, WasteContainer.code)
    )
    return {(row.list_id, row.code): int(row.grams) for row in session.execute(query)}


def _stock(session: Session) -> Table:
    query = (
        select(WasteStock.container, WasteStock.place, WasteStock.grams, WasteContainer.code, WasteContainer.name)
        .join(WasteContainer, WasteContainer.identity == WasteStock.container)
        .order_by(WasteStock.place, WasteStock.container)
        .execution_options(yield_per=_AT_ONCE)
    )
    rows = (
        (row.place, row.container, row.code, row.name, tonnes(row.grams), row.grams) for row in session.execute(query)
    )
    return Table("stock", ("place", "container", "code", "name", "t", "grams"), rows)


def _to_read_back(session: Session) -> list[Table]:
    box, entry, posting = WasteContainer, WasteEntry, WastePosting
    containers = select(box.identity, box.list_id, box.edition, box.code, box.name, box.litres, box.actor).order_by(
        box.at, box.identity
    )
    entries = select(
        entry.id, entry.stage, entry.made_at, entry.actor, entry.batch, entry.reason, entry.takes_back
    ).order_by(entry.number)
    postings = (
        select(entry.id, posting.container, posting.place, posting.grams)
        .join(entry, entry.number == posting.number)
        .order_by(posting.number, posting.line)
    )
    said = select(entry.id, entry.particulars).where(entry.particulars != "{}").order_by(entry.number)
    particulars = (
        (row.id, field, value)
        for row in session.execute(said.execution_options(yield_per=_AT_ONCE))
        for field, value in json.loads(row.particulars).items()
    )
    queries = {CONTAINERS: containers, ENTRIES: entries, POSTINGS: postings}
    plain = [
        Table(name, COLUMNS[name], map(tuple, session.execute(query.execution_options(yield_per=_AT_ONCE))))
        for name, query in queries.items()
    ]
    return [*plain, Table(PARTICULARS, COLUMNS[PARTICULARS], particulars)]
