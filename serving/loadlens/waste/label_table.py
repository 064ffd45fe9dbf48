"""Labels in bulk: a CSV file of containers becomes labels, or every fault of every row is told and none is made."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from loadlens.grading.quantity import Mass, QuantityError, decimal_of
from loadlens.waste.codes import CodeError, code_list
from loadlens.waste.identity import SCHEMES, Identity, IdentityError
from loadlens.waste.label import STATES_ZH, Label, LabelError, Producer
from loadlens.waste.ledger import LedgerError, grams_of

COLUMNS = (
    *("list", "code", "name", "state", "main_components", "harmful_components", "hazards", "precautions"),
    *("produced_on", "serial", "kg", "litres", "confirmed_by", "remark"),
)
_TOO_MANY = "more"


class TableError(ValueError):
    """A table of containers with faults; `faults` holds one line for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class _Maker:
    producer: Producer
    scheme: str

    def label(self, row: Mapping[str, str]) -> Label:
        entry = code_list(row["list"]).find(row["code"])
        produced_on = date.fromisoformat(row["produced_on"])
        if row["state"] not in STATES_ZH:
            raise LabelError(f"state {row['state']!r} is unknown; there are {', '.join(STATES_ZH)}")
        if not re.fullmatch(r"\d+", row["serial"]):
            raise ValueError(row["serial"])
        identity = Identity(self.producer.unit, entry.code, produced_on, int(row["serial"]))
        return Label(
            identity=SCHEMES[self.scheme].compose(identity),
            name=row["name"],
            code=entry,
            state=row["state"],  # type: ignore[arg-type]  # checked above
            main_components=row["main_components"],
            harmful_components=row["harmful_components"],
            hazards=tuple(row["hazards"].split("/")) if row["hazards"] else (),
            precautions=row["precautions"],
            producer=self.producer,
            produced_on=produced_on,
            mass=Mass(row["kg"]),
            litres=float(decimal_of(row["litres"])),
            confirmed_by=row["confirmed_by"],
            remark=row["remark"],
        )


def read_labels(text: str, producer: Producer, scheme: str = "hj1276-37") -> list[Label]:
    """The labels of a CSV text with the columns COLUMNS; hazards are letters with "/" between them.

    Raises TableError with every fault, each with its line.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey=_TOO_MANY)
    _check_head(reader.fieldnames or ())
    maker, labels, faults = _Maker(producer, scheme), [], []
    lines: dict[str, int] = {}
    for row in reader:
        line = reader.line_num
        if any(row.get(_TOO_MANY, ())):
            faults.append(f"line {line}: it has more cells than line 1; put a text with a comma in it between quotes")
            continue
        if not any((row[column] or "").strip() for column in COLUMNS):
            continue  # a spreadsheet program writes commas alone for a row that was emptied
        try:
            label = maker.label({column: (row[column] or "").strip() for column in COLUMNS})
            grams_of(label.mass)  # as its QR code says it
        except (CodeError, IdentityError, LabelError, LedgerError, QuantityError) as error:
            faults.append(f"line {line}: {error}")
        except ValueError:
            wrong = f"produced_on {row['produced_on']!r}, serial {row['serial']!r}, litres {row['litres']!r}"
            faults.append(f"line {line}: one of these is no date (YYYY-MM-DD) or number: {wrong}")
        else:
            if label.identity in lines:
                faults.append(f"line {line}: its serial number was given in line {lines[label.identity]} already")
            lines[label.identity] = line
            labels.append(label)
    if not labels and not faults:
        faults.append("line 2: the table holds no container")
    if faults:
        raise TableError(faults)
    return labels


def _check_head(names: Sequence[str]) -> None:
    """Raise TableError where line 1 does not name every column once."""
    if len(names) == 1 and ";" in names[0]:
        raise TableError(["line 1: its cells are separated by ';'; save the table with commas between them"])
    if missing := [column for column in COLUMNS if column not in names]:
        raise TableError([f"line 1: the columns {', '.join(missing)} are missing"])
    if twice := [column for column in COLUMNS if names.count(column) > 1]:
        raise TableError([f"line 1: the column {twice[0]} stands there twice"])
