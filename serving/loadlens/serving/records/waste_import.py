"""A ledger from a workbook: taken over whole, or not at all, with every row that is wrong and why.

What it says of who did what is what the file says, and marked so ("imported: …"); the journal says who imported it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError
from sqlalchemy.orm import Session

from loadlens.serving.load_errors import ConflictError, UnacceptableError
from loadlens.serving.records import waste
from loadlens.serving.records.waste_events import tell
from loadlens.serving.records.waste_export import COLUMNS, CONTAINERS, ENTRIES, PARTICULARS, POSTINGS
from loadlens.serving.store import journal
from loadlens.serving.store.waste_tables import WasteContainer
from loadlens.serving.waste_forms import Id, NewContainer, NewEntry, Stage
from loadlens.waste.codes import code_list
from loadlens.waste.ledger import Entry
from loadlens.waste.workbook import SheetRow, WorkbookError, read_xlsx

_MARK = "imported: "
_LONGEST_NAME = 200


class ImportRefusedError(Exception):
    """A workbook that was not taken over; `faults` has one line for each thing that is wrong."""

    def __init__(self, faults: list[str]) -> None:
        shown = f"; and {len(faults) - 1} more" if len(faults) > 1 else ""
        super().__init__(f"nothing was imported: {faults[0]}{shown}")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Imported:
    """How many containers and entries the workbook holds; all of them are in the ledger now."""

    containers: int
    entries: int
    sha256: str


class _Entry(NewEntry):
    """An entry as an older ledger holds it: a correction stands beside what it takes back."""

    stage: Stage | Literal["corrected"]  # type: ignore[assignment]
    takes_back: Id | None = None


def import_ledger(session: Session, data: bytes, *, actor: str) -> Imported:
    """Take over the sheets that `waste_export` writes, in a transaction that the caller undoes where this raises.

    Raises ImportRefusedError.
    """
    try:
        sheets = read_xlsx(data, COLUMNS)
    except WorkbookError as error:
        raise ImportRefusedError([str(error)]) from None
    faults = [
        f"{name} row {row.number}: {fault}" for name, rows in sheets.items() for row in rows for fault in row.faults
    ]
    containers = dict(_containers(sheets[CONTAINERS], faults))
    for number, container in containers.items():
        try:
            waste.register(session, container, by=actor)
        except ConflictError as error:
            faults.append(f"{CONTAINERS} row {number}: {error}")
    rows, entries = _entries(sheets, faults)
    refused = waste.take_over(session, entries, by=actor)
    faults += [f"{ENTRIES} row {rows[entry_id]}: {why}" for entry_id, why in refused.items()]
    if faults:
        raise ImportRefusedError(faults)
    done = Imported(len(containers), len(entries), hashlib.sha256(data).hexdigest())
    body = {"containers": done.containers, "entries": done.entries, "sha256": done.sha256}
    journal.append(session, "waste.imported", "waste", body, actor)
    tell(session, "waste.imported", body)
    return done


def _containers(rows: list[SheetRow], faults: list[str]) -> Iterator[tuple[int, WasteContainer]]:
    seen: dict[str, int] = {}
    for row in rows:
        identity = row.cells["identity"]
        if identity in seen:
            faults.append(f"{CONTAINERS} row {row.number}: {identity} stands in row {seen[identity]} already")
            continue
        seen[identity] = row.number
        said = {name: row.cells[name] for name in ("identity", "list", "code", "name", "litres")}
        try:
            container = NewContainer.model_validate(said).container(marked(row.cells["confirmed_by"]))
        except (ValidationError, UnacceptableError) as error:
            faults += [f"{CONTAINERS} row {row.number}: {why}" for why in reasons(error)]
            continue
        # A label that was printed under an older edition keeps it.
        container.edition = row.cells["edition"] or code_list(container.list_id).edition
        yield row.number, container


def _entries(sheets: dict[str, list[SheetRow]], faults: list[str]) -> tuple[dict[str, int], list[Entry]]:
    """The entries, and the row of each; what cannot be one goes to the faults."""
    postings: defaultdict[str, list[SheetRow]] = defaultdict(list)
    particulars: defaultdict[str, list[SheetRow]] = defaultdict(list)
    numbers: dict[str, int] = {}
    for name, by_entry in ((POSTINGS, postings), (PARTICULARS, particulars)):
        for row in sheets[name]:
            by_entry[row.cells["entry"]].append(row)
    entries: list[Entry] = []
    for row in sheets[ENTRIES]:
        name = row.cells["id"]
        if name in numbers:
            faults.append(f"{ENTRIES} row {row.number}: {name} stands in row {numbers[name]} already")
            continue
        numbers[name] = row.number
        try:
            entries.append(_entry(row, postings[name], particulars[name]))
        except (ValidationError, UnacceptableError) as error:
            faults += [f"{ENTRIES} row {row.number}: {why}" for why in reasons(error)]
    for sheet, by_entry in ((POSTINGS, postings), (PARTICULARS, particulars)):
        stray = [row for name in by_entry.keys() - numbers.keys() for row in by_entry[name]]
        faults += [f"{sheet} row {row.number}: there is no entry {row.cells['entry']!r}" for row in stray]
    return numbers, entries


def _entry(row: SheetRow, postings: list[SheetRow], particulars: list[SheetRow]) -> Entry:
    said = {name: row.cells[name] for name in ("id", "stage", "at", "batch", "reason")}
    lines = [{name: one.cells[name] for name in ("container", "place", "grams")} for one in postings]
    more = {one.cells["field"]: one.cells["value"] for one in particulars}
    takes_back = row.cells["takes_back"] or None
    made = _Entry.model_validate({**said, "takes_back": takes_back, "postings": lines, "particulars": more})
    if (made.stage == "corrected") != (takes_back is not None):
        raise UnacceptableError("a correction, and nothing else, names in takes_back the entry that it takes back")
    return made.entry(marked(row.cells["actor"]), takes_back)


def marked(actor: str) -> str:
    """Who did something, as a ledger from elsewhere says it. Raises UnacceptableError."""
    if len(actor) > _LONGEST_NAME:
        raise UnacceptableError(f"a name of {len(actor)} characters is none; {_LONGEST_NAME} at the most")
    return actor if actor.startswith(_MARK) else f"{_MARK}{actor or 'unnamed'}"


def reasons(error: Exception) -> list[str]:
    """What is wrong, one line for each thing."""
    if not isinstance(error, ValidationError):
        return [str(error)]
    return [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
