"""Weighbridge tickets of a site, and what was seen of their loads: read, matched, and whatever does not fit explained.

A ticket says of a whole truck what an inspector took off it. The table has one row for each ticket: `load` (the id that
the load was graded by), `net_kg`, one of `deduction_kg`, `deduction_t`, `deduction_percent`, and perhaps `grade`,
`price_per_tonne` and `inspector`. Several inspectors of one load are averaged, as mills do. Units stand in the names of
the columns; none is ever guessed from a number.
"""

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadlens.datasets.observations import stored_loads
from loadlens.grading.observation import LoadObservation
from loadlens.grading.observation_json import SCHEMA

_DEDUCTIONS = {"deduction_kg": 1.0, "deduction_t": 1000.0, "deduction_percent": None}
_COLUMNS = ("load", "net_kg", *_DEDUCTIONS, "grade", "price_per_tonne", "inspector")
# A load under a tenth of a tonne or over two hundred is a wrong unit, not a truck or a railcar.
_NET_KG = (100.0, 200_000.0)
# Nobody takes less off a truck: kilograms under this are tonnes.
_LEAST_DEDUCTION_KG = 1.0
_BEYOND = "cells in no column"


class TicketsError(ValueError):
    """Tickets or observations that cannot be used at all; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What people settled of one load; `deduction` is a share of the net, 0..1, the mean of `inspectors` opinions."""

    load: str
    net_kg: float
    deduction: float
    inspectors: int
    grade: str | None
    price_per_tonne: float | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row, or a file of an observation, that was not used, and why."""

    where: str
    load: str
    why: str


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    ticket: Ticket
    inspector: str


def read_tickets(path: Path) -> tuple[list[Ticket], list[LeftOut]]:
    """The tickets of a table, one for each load, and the rows that could not be used. Raises TicketsError."""
    rows: dict[str, list[_Row]] = defaultdict(list)
    left_out = []
    for line, cells, beyond in _lines(path):
        try:
            if any(beyond):
                raise ValueError("it has more cells than there are columns; write 1,234 as 1234, or in quotation marks")
            read = _row(line, cells)
        except ValueError as fault:
            left_out.append(LeftOut(f"{path.name} line {line}", cells["load"], str(fault)))
        else:
            rows[read.ticket.load].append(read)
    tickets = []
    for of_load in rows.values():
        ticket, repeated = _one_ticket(path, of_load)
        tickets += [ticket] if ticket else []
        left_out += repeated
    return tickets, left_out


def _lines(path: Path) -> list[tuple[int, dict[str, str], list[str]]]:
    """Of every row the number of its line, its cells by column, and the cells that are in no column."""
    # Strict, or a quotation mark that nobody closes makes one cell of all rows behind it.
    table = csv.DictReader(io.StringIO(_text(path), newline=""), restkey=_BEYOND, restval="", strict=True)
    lines = []
    line = 0
    try:
        _check_columns(path, table.fieldnames)
        line = table.line_num
        for row in table:
            line = table.line_num
            beyond = [cell.strip() for cell in row.pop(_BEYOND, ())]
            lines.append((line, {name: cell.strip() for name, cell in row.items()}, beyond))
    except csv.Error as fault:
        raise TicketsError(
            f"{path} is no table from line {line + 1} on ({fault}); close the quotation mark there, or save it again"
        ) from None
    return lines


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise TicketsError(f"cannot read the tickets {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TicketsError(f"{path} is not UTF-8 text; save it as CSV UTF-8") from None


def _check_columns(path: Path, columns: Sequence[str] | None) -> None:
    found = list(columns or ())
    if strange := [name for name in found if name not in _COLUMNS]:
        raise TicketsError(f"{path}: column {', '.join(strange)} is not known; rename or remove it ({_known()})")
    if double := [name for name, count in Counter(found).items() if count > 1]:
        raise TicketsError(f"{path}: column {', '.join(double)} is there twice; remove one")
    if missing := [name for name in ("load", "net_kg") if name not in found]:
        raise TicketsError(f"{path}: column {', '.join(missing)} is missing ({_known()})")
    if len([name for name in found if name in _DEDUCTIONS]) != 1:
        raise TicketsError(f"{path}: give the deduction in exactly one column: {', '.join(_DEDUCTIONS)}")


def _known() -> str:
    return f"columns are {', '.join(_COLUMNS)}"


def _row(line: int, row: dict[str, str]) -> _Row:
    """One row. Raises ValueError with the reason why it cannot be used."""
    if not row["load"]:
        raise ValueError("no load is named; write the id that the load was graded by")
    net = _number(row, "net_kg")
    if not _NET_KG[0] <= net <= _NET_KG[1]:
        raise ValueError(f"net_kg is {net:g}, which no truck or railcar weighs; is it in kilograms?")
    column = next(name for name in _DEDUCTIONS if name in row)
    per_unit = _DEDUCTIONS[column]
    given = _number(row, column)
    share = given / 100 if per_unit is None else given * per_unit / net
    if not 0 <= share < 1:
        raise ValueError(f"{column} is {given:g}, {100 * share:.4g} % of the net of {net:g} kg; is the unit right?")
    kilograms = share * net if per_unit is None else given * per_unit
    if 0 < kilograms < _LEAST_DEDUCTION_KG:
        raise ValueError(f"{column} is {given:g}, {kilograms:.2g} kg off {net:g} kg; is the unit right?")
    price = _number(row, "price_per_tonne") if row.get("price_per_tonne") else None
    if price is not None and price <= 0:
        raise ValueError(f"price_per_tonne is {price:g}; it must be above zero, or empty")
    return _Row(line, Ticket(row["load"], net, share, 1, row.get("grade") or None, price), row.get("inspector", ""))


def _number(row: dict[str, str], column: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        raise ValueError(f"{column} is {row[column]!r}, which is no number; write digits, with a point") from None
    if not abs(value) < float("inf"):
        raise ValueError(f"{column} is {row[column]}; write a finite number")
    return value


def _one_ticket(path: Path, rows: Sequence[_Row]) -> tuple[Ticket | None, list[LeftOut]]:
    """The mean of the inspectors of one load; a repeated row counts once, and rows that contradict each other not."""
    left_out = []
    by_inspector: dict[str, _Row] = {}
    for row in rows:
        first = by_inspector.setdefault(row.inspector, row)
        if first is not row:
            where, load = f"{path.name} line {row.line}", row.ticket.load
            if first.ticket != row.ticket:
                why = f"line {first.line} says otherwise of this load by the same inspector; neither is used"
                both = [LeftOut(f"{path.name} line {one.line}", load, why) for one in rows if one is not row]
                return None, [*both, LeftOut(where, load, why)]
            left_out.append(LeftOut(where, load, f"the same as line {first.line}; counted once"))
    kept = [row.ticket for row in by_inspector.values()]
    if len({ticket.grade for ticket in kept}) > 1:
        why = "its inspectors name different grades; the deduction is used, the grade is not compared"
        left_out.append(LeftOut(f"{path.name} line {rows[0].line}", rows[0].ticket.load, why))
    if len({ticket.net_kg for ticket in kept}) > 1:
        why = "its inspectors give different net weights; correct the table"
        return None, [LeftOut(f"{path.name} line {row.line}", row.ticket.load, why) for row in rows]
    grades = {ticket.grade for ticket in kept}
    prices = [ticket.price_per_tonne for ticket in kept if ticket.price_per_tonne is not None]
    mean = Ticket(
        load=kept[0].load,
        net_kg=kept[0].net_kg,
        deduction=sum(ticket.deduction for ticket in kept) / len(kept),
        inspectors=len(kept),
        grade=grades.pop() if len(grades) == 1 else None,
        price_per_tonne=sum(prices) / len(prices) if prices else None,
    )
    return mean, left_out


def read_observations(folder: Path) -> tuple[dict[str, LoadObservation], list[LeftOut]]:
    """What was seen of every load below a folder, by the load's id; of one model alone, the one that saw most loads.

    Read are files observation.json, as `loadlens grade --out` writes them, and the newest assessment of bundles (.zip)
    of the service. Raises TicketsError where there is no folder or nothing in it.
    """
    if not folder.is_dir():
        raise TicketsError(f"{folder} is no folder; give the one that holds the graded loads")
    read: list[tuple[str, LoadObservation]] = []
    left_out = []
    for where, stored in stored_loads(folder):
        if isinstance(stored, str):
            left_out.append(LeftOut(where, "", stored))
        else:
            read.append((where, stored.observation))
    if not read:
        if left_out:
            raise TicketsError(f"{folder}: no observation can be read; {left_out[0].where}: {left_out[0].why}")
        raise TicketsError(f"{folder} holds no observation.json ({SCHEMA}) and no bundle; grade the loads with --out")
    # A load that two models saw counts for both. The dict keeps the order, so the first of two equal ones is taken.
    looks = dict.fromkeys((seen.model.sha256, seen.load_id) for _, seen in read)
    model, _ = Counter(sha256 for sha256, _ in looks).most_common(1)[0]
    found: dict[str, LoadObservation] = {}
    for where, seen in read:
        if seen.model.sha256 != model:
            remedy = "" if (model, seen.load_id) in looks else "; grade it again"
            why = f"was seen by another model ({seen.model.sha256[:12]}…) than most ({model[:12]}…){remedy}"
        elif not seen.layers:
            why = "no layer of it was seen"
        elif found.setdefault(seen.load_id, seen) != seen:
            why = "another file says otherwise of this load; the first is used"
        else:
            continue
        left_out.append(LeftOut(where, seen.load_id, why))
    return found, left_out


def match(
    tickets: Sequence[Ticket], seen: dict[str, LoadObservation]
) -> tuple[list[tuple[Ticket, LoadObservation]], list[LeftOut]]:
    """Tickets with what was seen of their loads; tickets and loads that have no partner are explained."""
    pairs = [(ticket, seen[ticket.load]) for ticket in tickets if ticket.load in seen]
    known = {ticket.load for ticket in tickets}
    left_out = [LeftOut("ticket", one.load, "no such load was observed") for one in tickets if one.load not in seen]
    left_out += [LeftOut("observation", load, "no usable ticket names it") for load in sorted(seen.keys() - known)]
    return pairs, left_out


def write_left_out(left_out: Sequence[LeftOut], path: Path) -> None:
    """A table of everything that was not used, with the reason."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["where", "load", "why"])
    rows.writerows([one.where, one.load, one.why] for one in left_out)
    path.write_text(text.getvalue(), encoding="utf-8")


def ticket_table_digest(tickets: Sequence[Ticket]) -> str:
    """What the used tickets said, as canonical JSON, for a digest: the order of the rows does not matter."""
    rows = sorted((one.load, one.net_kg, one.deduction, one.grade, one.price_per_tonne) for one in tickets)
    return json.dumps(rows, separators=(",", ":"))
