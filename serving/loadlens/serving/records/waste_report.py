"""What a regulator asks of a period: the name of each waste, how much, where it arose, where it went, and how."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ScalarSelect, Select, case, func, select
from sqlalchemy.orm import Session, aliased

from loadlens.serving.avoided import FactorSettings
from loadlens.serving.records.waste_books import UNIT_LENGTH
from loadlens.serving.store.waste_tables import WasteContainer, WasteEntry, WastePosting, WasteStock
from loadlens.waste.carbon import Recovered, recovered
from loadlens.waste.ledger import OUTSIDE
from loadlens.waste.stage_tables import tonnes
from loadlens.waste.workbook import Cell, Table

HEAD = ("unit", "what", "list", "code", "name", "from", "to", "how", "grams", "t")
_WHERE_TO = ("接收单位名称", "接收单位", "去向", "自行利用/处置设施编码")
_HOW = ("利用/处置方式", "自行利用/处置方式")
_FACILITY = "产生设施编码"
_STAGES = ("produced", "treated", "handed_over")
_Key = tuple[str, ...]


def report(session: Session, begin: datetime, end: datetime) -> Table:
    """What was produced, treated and handed over from `begin` until before `end`, and what is in stock now.

    By the unit in the containers' identities, so over all plants of a group. A correction counts, below zero, in the
    period in which it was made. Where a waste arose is known of containers that were filled where it arose; of repacked
    ones it is where they stood.
    """
    sums: defaultdict[_Key, int] = defaultdict(int)
    for key, grams in (*_moved(session, begin, end), *_stock(session)):
        sums[key] += grams
    rows: list[tuple[Cell, ...]] = [(*key, grams, tonnes(grams)) for key, grams in sorted(sums.items()) if grams]
    return Table("report", HEAD, rows)


def recovered_of(table: Table, factors: Sequence[FactorSettings]) -> list[Recovered]:
    """What a report tells of recoveries, by waste, with the CO2e that they are estimated to have avoided."""
    moved = []
    for row in table.rows:
        one = dict(zip(HEAD, row, strict=True))
        if one["what"] in ("treated", "handed_over"):
            moved.append(
                (str(one["list"]), str(one["code"]), str(one["name"]), str(one["how"]), int(str(one["grams"])))
            )
    return recovered(moved, [one.factor() for one in factors])


def recovered_table(found: Sequence[Recovered]) -> Table:
    """The same as a table that says it is an estimate."""
    head = ("list", "code", "name", "recovered t", "kind", "factor, kg CO2e per t", "factor low", "factor high")
    more = ("estimate: avoided kg CO2e", "estimate low", "estimate high", "source", "edition")
    rows: list[tuple[Cell, ...]] = []
    for one in found:
        mass = (one.list_id, one.code, one.name, tonnes(one.grams))
        if one.factor is None or one.avoided_kg is None:
            rows.append((*mass, "no factor", *[None] * 8))
            continue
        low, likely, high = one.avoided_kg
        factor = (one.factor.kind, one.factor.kg_per_t, one.factor.low, one.factor.high)
        rows.append((*mass, *factor, likely, low, high, one.factor.source, one.factor.edition))
    return Table("recovered (estimate)", (*head, *more), rows)


def _moved(session: Session, begin: datetime, end: datetime) -> Iterator[tuple[_Key, int]]:
    """What the entries of a period come to, by what they say in common; what they say is read where they are few."""
    first, last = (moment.astimezone(UTC).isoformat() for moment in (begin, end))
    undone = aliased(WasteEntry)
    stage = func.coalesce(undone.stage, WasteEntry.stage)
    # On site an entry has what arrived when waste was produced, and what left when it went; outside, the same again.
    grams = case((stage == "produced", WastePosting.grams), else_=-WastePosting.grams)
    lines = (
        select(
            *_waste(),
            stage.label("stage"),
            func.coalesce(undone.particulars, WasteEntry.particulars).label("particulars"),
            case((stage != "produced", _first_entry())).label("first"),
            WastePosting.place,
            grams.label("grams"),
        )
        .select_from(WasteEntry)
        .join(WastePosting, WastePosting.number == WasteEntry.number)
        .join(WasteContainer, WasteContainer.identity == WastePosting.container)
        .outerjoin(undone, undone.id == WasteEntry.takes_back)
        .where(WasteEntry.made_at >= first, WasteEntry.made_at < last)
        .where(stage.in_(_STAGES), WastePosting.place.not_in(OUTSIDE))
    )
    for row in session.execute(_summed(lines)):
        said = json.loads(row.particulars)
        if row.stage == "produced":
            came, went = said.get(_FACILITY, ""), row.place
        else:
            came, went = _facility(row.first) or row.place, row.stage
        key = (row.unit, row.stage, row.list_id, row.code, row.name, came, _said(said, _WHERE_TO) or went)
        yield (*key, _said(said, _HOW)), int(row.grams)


def _stock(session: Session) -> Iterator[tuple[_Key, int]]:
    lines = select(*_waste(), WasteStock.place, _first_entry().label("first"), WasteStock.grams).join(
        WasteStock, WasteStock.container == WasteContainer.identity
    )
    for row in session.execute(_summed(lines)):
        key = (row.unit, "stock", row.list_id, row.code, row.name, _facility(row.first), row.place, "")
        yield key, int(row.grams)


def _waste() -> tuple[Any, ...]:
    """Whose waste a container holds, and which."""
    unit = func.substr(WasteContainer.identity, 1, UNIT_LENGTH).label("unit")
    return unit, WasteContainer.list_id, WasteContainer.code, WasteContainer.name


def _first_entry() -> ScalarSelect[str]:
    """What the entry says by which a container was filled where its waste arose; null of a repacked one.

    An entry that was taken back says nothing any more.
    """
    entry, posting, back = aliased(WasteEntry), aliased(WastePosting), aliased(WasteEntry)
    return (
        select(entry.particulars)
        .join(posting, posting.number == entry.number)
        .outerjoin(back, back.takes_back == entry.id)
        .where(posting.container == WasteContainer.identity, entry.stage == "produced", back.id.is_(None))
        .order_by(posting.number)
        .limit(1)
        .scalar_subquery()
        .correlate(WasteContainer)
    )


def _summed(lines: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The grams of lines that agree in everything else."""
    alike = lines.subquery()
    keys = [column for column in alike.c if column.name != "grams"]
    return select(*keys, func.sum(alike.c.grams).label("grams")).group_by(*keys)


def _facility(particulars: str | None) -> str:
    return "" if particulars is None else str(json.loads(particulars).get(_FACILITY, ""))


def _said(particulars: Mapping[str, str], titles: tuple[str, ...]) -> str:
    """The first of these particulars that is not empty."""
    return next((particulars[title] for title in titles if particulars.get(title)), "")
