"""What a regulator asks of a period: the name of each waste, how much, where it arose, where it went, and how."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.avoided import FactorSettings
from loadlens.serving.records.waste_entries import among
from loadlens.serving.records.waste_export import movements
from loadlens.serving.store.waste_tables import WasteContainer, WasteEntry, WastePosting, WasteStock
from loadlens.waste.carbon import Recovered, recovered
from loadlens.waste.identity import parse_identity
from loadlens.waste.stage_tables import Movement, tonnes
from loadlens.waste.workbook import Cell, Table

HEAD = ("unit", "what", "list", "code", "name", "from", "to", "how", "grams", "t")
_WHERE_TO = ("接收单位名称", "接收单位", "去向", "自行利用/处置设施编码")
_HOW = ("利用/处置方式", "自行利用/处置方式")
_FACILITY = "产生设施编码"
_AT_ONCE = 1000
_Key = tuple[str, ...]


def report(session: Session, begin: datetime, end: datetime) -> Table:
    """What was produced, treated and handed over from `begin` until before `end`, and what is in stock now.

    By the unit in the containers' identities, so over all plants of a group. A correction counts, below zero, in the
    period in which it was made. Where a waste arose is known of containers that were filled where it arose; of repacked
    ones it is where they stood.
    """
    sums: defaultdict[_Key, int] = defaultdict(int)
    for one in movements(session, ("produced",), (begin, end)):
        sums[_key("produced", one, one.particulars.get(_FACILITY, ""))] += one.grams
    for stage in ("treated", "handed_over"):
        moved = movements(session, (stage,), (begin, end))
        while some := list(islice(moved, _AT_ONCE)):
            arose = _where_it_arose(session, (one.identity for one in some))
            for one in some:
                sums[_key(stage, one, arose.get(one.identity) or one.leaving)] += one.grams
    for key, grams in _stock(session):
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


def _stock(session: Session) -> Iterator[tuple[_Key, int]]:
    query = select(WasteContainer, WasteStock.place, WasteStock.grams).join(
        WasteStock, WasteStock.container == WasteContainer.identity
    )
    found = session.execute(query).all()
    arose = _where_it_arose(session, (row.WasteContainer.identity for row in found))
    for box, place, grams in found:
        unit, came = _unit(box.identity), arose.get(box.identity, "")
        yield (unit, "stock", box.list_id, box.code, box.name, came, place, ""), grams


def _where_it_arose(session: Session, identities: Iterable[str]) -> dict[str, str]:
    """The facility that each of these containers was first filled at, as far as its entry says."""
    arose: dict[str, str] = {}
    for condition in among(WastePosting.container, identities):
        query = (
            select(WastePosting.container, WasteEntry.particulars)
            .join(WasteEntry, WasteEntry.number == WastePosting.number)
            .where(condition, WasteEntry.stage == "produced")
            .order_by(WasteEntry.number)
        )
        for row in session.execute(query):
            arose.setdefault(row.container, json.loads(row.particulars).get(_FACILITY, ""))
    return arose


def _key(what: str, one: Movement, came: str) -> _Key:
    went = _first(one, _WHERE_TO) or one.arriving
    return _unit(one.identity), what, one.list_id, one.code, one.name, came, went, _first(one, _HOW)


def _first(one: Movement, titles: tuple[str, ...]) -> str:
    return next((one.particulars[title] for title in titles if one.particulars.get(title)), "")


def _unit(identity: str) -> str:
    return parse_identity(identity)[1].unit
