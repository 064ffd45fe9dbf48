"""A ledger that was kept elsewhere, from the five stage tables of HJ 1259: taken over whole, or not at all.

Its containers get identities of ours where they have none, and keep their old codes in the particulars of the entries.
What is imported twice is in the ledger once: an entry is named by its batch and its container.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

from pydantic import ValidationError
from sqlalchemy.orm import Session

from loadlens.serving.load_errors import ConflictError, UnacceptableError
from loadlens.serving.records import waste, waste_entries
from loadlens.serving.records.waste_events import tell
from loadlens.serving.records.waste_import import Imported, ImportRefusedError, marked, reasons
from loadlens.serving.records.waste_labels import next_identity
from loadlens.serving.store import journal
from loadlens.serving.store.waste_tables import WasteContainer
from loadlens.serving.waste_forms import NewContainer, NewEntry
from loadlens.waste.codes import CodeError, WasteCode, code_list
from loadlens.waste.identity import IdentityError, check_unit, parse_identity
from loadlens.waste.ledger import FLOOR, HANDED_OVER, PRODUCTION, TRANSIT, TREATED, Entry
from loadlens.waste.ledger import room as place_of
from loadlens.waste.stage_rows import StageRow, read_stage_rows
from loadlens.waste.workbook import WorkbookError

_LISTS = ("hazardous-cn", "general-cn")
_ID = re.compile(r"\w[\w.\-]{0,63}")
_OLD_CODE = "原容器编码"


@dataclass(frozen=True, slots=True)
class Origin:
    """What the tables do not say: whose waste it is, how large a container is, and which clock was read."""

    unit: str
    litres: Decimal
    clock: tzinfo


def import_stages(session: Session, data: bytes, origin: Origin, *, actor: str) -> Imported:
    """Take over stage tables, in a transaction that the caller undoes where this raises ImportRefusedError."""
    try:
        check_unit(origin.unit)
        rows, faults = read_stage_rows(data, origin.clock)
    except (WorkbookError, IdentityError) as error:
        raise ImportRefusedError([str(error)]) from None
    rows = _once(rows, faults)
    ids = _ids(session, rows, origin.unit)
    containers = _containers(session, rows, ids, origin, faults, actor=actor)
    entries = _entries(rows, ids, containers, faults)
    refused = waste.take_over(session, [entry for _, entry in entries], by=actor)
    faults += [f"{row.place}: {refused[entry.id]}" for row, entry in entries if entry.id in refused]
    if faults:
        raise ImportRefusedError(faults)
    done = Imported(len(containers), len(entries), hashlib.sha256(data).hexdigest())
    body = {"containers": done.containers, "entries": done.entries, "sha256": done.sha256}
    journal.append(session, "waste.imported", "waste", body, actor)
    tell(session, "waste.imported", body)
    return done


def _once(rows: Sequence[StageRow], faults: list[str]) -> list[StageRow]:
    """The rows without those that name a batch and a container of an earlier one."""
    first: dict[str, StageRow] = {}
    faults += [
        f"{row.place}: batch {row.batch} of {row.container} stands in row {other.number} already"
        for row in rows
        if (other := first.setdefault(_entry_id(row), row)) is not row
    ]
    return list(first.values())


def _ids(session: Session, rows: Sequence[StageRow], unit: str) -> dict[str, str]:
    """By place of a row, the id of its entry. Two plants may have a batch and a container of the same names: the second
    one's entry then says of which plant it is."""
    plain = {row.place: _entry_id(row) for row in rows}
    known = waste_entries.accepted(session, plain.values())
    of_others = {
        id_
        for id_, entry in known.items()
        if _OLD_CODE in entry.particulars and not entry.postings[0].container.startswith(unit)
    }
    return {row.place: _entry_id(row, unit if plain[row.place] in of_others else "") for row in rows}


def _containers(
    session: Session, rows: Sequence[StageRow], ids: Mapping[str, str], origin: Origin, faults: list[str], *, actor: str
) -> dict[str, WasteContainer]:
    """By the old code: what a container is now, registered where it was first produced."""
    made = [row for row in rows if row.stage == "produced"]
    before = waste_entries.accepted(session, (ids[row.place] for row in made))
    found: dict[str, WasteContainer] = {}
    for row in made:
        if row.container in found:
            if row.code != found[row.container].code:
                faults.append(f"{row.place}: {row.container} holds {found[row.container].code} already")
            continue
        try:
            code = code_list(_list(row.code)).find(row.code)
            entry = before.get(ids[row.place])
            identity = entry.postings[0].container if entry else _identity(session, row, origin.unit, code)
            about = {"identity": identity, "list": code.list_id, "code": code.code, "name": row.name}
            container = NewContainer.model_validate({**about, "litres": origin.litres}).container(marked(""))
            waste.register(session, container, by=actor)
            found[row.container] = container
        except (ValidationError, UnacceptableError, ConflictError, CodeError) as error:
            faults += [f"{row.place}: {why}" for why in reasons(error)]
    return found


def _identity(session: Session, row: StageRow, unit: str, code: WasteCode) -> str:
    """The code of a container that is an identity of ours already; else a new one, numbered within its day."""
    try:
        parse_identity(row.container)
    except IdentityError:
        return next_identity(session, unit, code, row.at.date())
    return row.container


def _list(code: str) -> str:
    for one in _LISTS:
        if code_list(one).pattern.fullmatch(code):
            return one
    raise UnacceptableError(f"{code!r} is written as no list writes codes; write 321-024-48 or 900-001-S17")


def _entries(
    rows: Sequence[StageRow], ids: Mapping[str, str], containers: dict[str, WasteContainer], faults: list[str]
) -> list[tuple[StageRow, Entry]]:
    taken_out = {row.container for row in rows if row.stage == "retrieved"}
    sources: defaultdict[str, str] = defaultdict(lambda: FLOOR, dict.fromkeys(taken_out, TRANSIT))
    entries = []
    for row in rows:
        container = containers.get(row.container)
        if container is None:
            if row.stage != "produced":
                faults.append(f"{row.place}: no row of 产生 that can be used names {row.container}; add where it began")
            continue
        if row.code and row.code != container.code:
            faults.append(f"{row.place}: {row.container} holds {container.code}, not {row.code}")
            continue
        try:
            entries.append((row, _entry(row, ids[row.place], container.identity, sources[row.container])))
        except (ValidationError, UnacceptableError) as error:
            faults += [f"{row.place}: {why}" for why in reasons(error)]
    return entries


def _entry(row: StageRow, id_: str, identity: str, source: str) -> Entry:
    """`source` is where what leaves the site stands before: in transit once it was taken out of a store."""
    ways = {
        "produced": (PRODUCTION, FLOOR),
        "stored": (FLOOR, place_of(row.room)),
        "retrieved": (place_of(row.room), TRANSIT),
        "treated": (source, TREATED),
        "handed_over": (source, HANDED_OVER),
    }
    leaving, arriving = ways[row.stage]
    old = {} if row.container == identity else {_OLD_CODE: row.container}
    return NewEntry.model_validate(
        {
            "id": id_,
            "stage": row.stage,
            "at": row.at,
            "batch": row.batch,
            "particulars": {**row.particulars, **old},
            "postings": [
                {"container": identity, "place": leaving, "grams": -row.grams},
                {"container": identity, "place": arriving, "grams": row.grams},
            ],
        }
    ).entry(marked(""))


def _entry_id(row: StageRow, unit: str = "") -> str:
    plain = f"{row.batch}.{row.container}"
    if not unit and _ID.fullmatch(plain):
        return plain
    return f"{row.batch}.{hashlib.sha256(f'{unit}{row.container}'.encode()).hexdigest()[:32]}"
