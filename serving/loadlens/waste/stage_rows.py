"""The five stage tables of a ledger that was kept elsewhere, row by row, and what is wrong with each.

Their columns are those of `stage_tables`, designed after HJ 1259-2022. Errors: WorkbookError(ValueError).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from loadlens.grading.quantity import QuantityError, decimal_of
from loadlens.waste.batches import PREFIXES, BatchError, parse_batch
from loadlens.waste.ledger import Stage
from loadlens.waste.workbook import SheetRow, read_loose_xlsx

_GRAMS = {"吨": 10**6, "t": 10**6, "千克": 1000, "公斤": 1000, "kg": 1000, "克": 1, "g": 1}
_SUM = "合计"
_UNIT, _NAME, _CODE, _CATEGORY, _ROOM = "计量单位", "名称", "代码", "类别", "贮存设施编码"


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A sheet: its stage, the kinds of batch that it may name, and the titles of what every row must say."""

    stage: Stage
    kinds: tuple[str, ...]
    batch: str
    time: str
    mass: str
    container: str = "容器编码"
    further: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.batch, self.time, self.container, self.mass, _UNIT, *self.further)


SHEETS = {
    "产生": _Sheet(
        "produced", ("produced",), "产生批次编码", "产生时间", "产生量", "容器/包装编码", further=(_NAME, _CODE)
    ),
    "入库": _Sheet("stored", ("stored",), "入库批次编码", "入库时间", "入库量", further=(_ROOM,)),
    "出库": _Sheet("retrieved", ("retrieved",), "出库批次编码", "出库时间", "出库量", further=(_ROOM,)),
    "自行利用处置": _Sheet(
        "treated", ("own_use", "own_disposal"), "自行利用/处置批次编码", "自行利用/处置时间", "自行利用/处置量"
    ),
    "委外利用处置": _Sheet(
        "handed_over",
        ("others_use", "others_disposal", "export_use", "export_disposal"),
        *("委外利用/处置批次编码", "出厂时间", "委外利用/处置量"),
    ),
}


@dataclass(frozen=True, slots=True)
class StageRow:
    """One row: grams of the waste in one container in one stage. `name`, `code`, `room` are empty where not said."""

    sheet: str
    number: int
    stage: Stage
    batch: str
    at: datetime
    container: str
    grams: int
    name: str
    code: str
    room: str
    particulars: Mapping[str, str]

    @property
    def place(self) -> str:
        """Where it stands, for whoever looks it up."""
        return f"{self.sheet} row {self.number}"


class _RowError(ValueError):
    """What is wrong with a row."""


def read_stage_rows(data: bytes, clock: tzinfo) -> tuple[list[StageRow], list[str]]:
    """The rows of a workbook that can be used, and a line for each that cannot. `clock`: of times without an offset.

    Empty rows and sums (合计) are left out. Raises WorkbookError.
    """
    rows: list[StageRow] = []
    faults: list[str] = []
    for name, found in read_loose_xlsx(data, {name: sheet.columns for name, sheet in SHEETS.items()}).items():
        for row in found:
            if _SUM in row.cells.values():
                continue
            if row.faults:
                faults += [f"{name} row {row.number}: {fault}" for fault in row.faults]
                continue
            try:
                rows.append(_read(name, row, clock))
            except _RowError as error:
                faults.append(f"{name} row {row.number}: {error}")
    return rows, faults


def _read(name: str, row: SheetRow, clock: tzinfo) -> StageRow:
    sheet = SHEETS[name]
    said = {title: text.strip() for title, text in row.cells.items()}
    if missing := [title for title in sheet.columns if not said[title]]:
        raise _RowError(f"{', '.join(missing)} is empty")
    taken = {*sheet.columns, _NAME, _CODE, _CATEGORY}
    return StageRow(
        sheet=name,
        number=row.number,
        stage=sheet.stage,
        batch=_batch(said[sheet.batch], sheet.kinds),
        at=_moment(said[sheet.time], clock),
        container=said[sheet.container],
        grams=_grams(said[sheet.mass], said[_UNIT]),
        name=said.get(_NAME, ""),
        code=said.get(_CODE, ""),
        room=said.get(_ROOM, ""),
        particulars=dict(_others(said, taken)),
    )


def _others(said: Mapping[str, str], taken: set[str]) -> Iterator[tuple[str, str]]:
    return ((title, text) for title, text in said.items() if text and title not in taken)


def _batch(text: str, kinds: tuple[str, ...]) -> str:
    try:
        kind = parse_batch(text).kind
    except BatchError as error:
        raise _RowError(str(error)) from None
    if kind not in kinds:
        begin = " or ".join(PREFIXES[kind] for kind in kinds)
        raise _RowError(f"{text} is a batch of another stage; here they begin with {begin}")
    return text


def _moment(text: str, clock: tzinfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise _RowError(f"{text!r} is no time, such as 2021-10-31 08:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=clock)


def _grams(text: str, unit: str) -> int:
    if unit.lower() not in _GRAMS:
        raise _RowError(f"{unit!r} is no unit of mass that is known: {', '.join(_GRAMS)}")
    try:
        grams = decimal_of(text) * _GRAMS[unit.lower()]
    except QuantityError:
        raise _RowError(f"{text!r} is no number") from None
    if grams <= 0:
        raise _RowError(f"{text} {unit} is no mass above zero; leave out what was corrected, and its correction")
    if grams != int(grams):
        raise _RowError(f"{text} {unit} is finer than a gram; round it as the scale does")
    return int(grams)
