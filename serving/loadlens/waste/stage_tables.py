"""The tables of the five stages, designed after HJ 1259-2022, 6.3.1 to 6.3.5. Masses are in tonnes, as it has them.

A column that is marked with * stands where our notes of the standard are shortened ("容器…"): that it belongs there was
concluded from the stage before, not read. Columns behind the standard's own are ours.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from loadlens.waste.codes import CodeError, code_list
from loadlens.waste.workbook import Cell, Table


@dataclass(frozen=True, slots=True)
class Movement:
    """What one entry did with one container. `grams` below zero: a correction took it back.

    `note` says which entry a correction takes back and why; `particulars` are then those of that entry.
    """

    entry: str
    at: str
    actor: str
    batch: str
    grams: int
    note: str
    particulars: Mapping[str, str]
    identity: str
    list_id: str
    code: str
    name: str
    leaving: str
    arriving: str


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    value: Callable[[Movement], Cell]
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Stage:
    """A table of the standard: the stages of the ledger that it shows, and its columns."""

    name: str
    of: tuple[str, ...]
    columns: tuple[_Column, ...]
    mass: str

    def table(self, movements: Iterable[Movement]) -> Table:
        """The table of these movements, with their sum in its last row."""
        titles = tuple(column.title + ("" if column.verified else "*") for column in self.columns)
        return Table(self.name, (*titles, "其他", "记录编号", "备注"), self._rows(movements))

    def _rows(self, movements: Iterable[Movement]) -> Iterator[list[Cell]]:
        titles, grams = {column.title for column in self.columns}, 0
        for one in movements:
            grams += one.grams
            other = "; ".join(f"{key}: {value}" for key, value in one.particulars.items() if key not in titles)
            yield [*(column.value(one) for column in self.columns), other, one.entry, one.note]
        sums: list[Cell] = [tonnes(grams) if column.title == self.mass else None for column in self.columns]
        yield ["合计", *sums[1:], None, None, None]


def tonnes(grams: int) -> Decimal:
    """Grams in tonnes, to the gram."""
    return Decimal(grams).scaleb(-6)


def category(list_id: str, code: str) -> str:
    """The category that a code names, as HW48 or S17; empty where its list has none."""
    if list_id == "hazardous-cn":
        return f"HW{code[-2:]}"
    return code.rpartition("-")[2] if list_id == "general-cn" else ""


def full_name(list_id: str, code: str) -> str:
    """The name that a list gives a code; empty where this program no longer has it."""
    try:
        entry = code_list(list_id).codes.get(code)
    except CodeError:
        return ""
    return "" if entry is None else entry.name_zh or entry.name_en


def _said(title: str, *, verified: bool = True, default: Callable[[Movement], Cell] = lambda _: None) -> _Column:
    """A column that the entry's particulars fill, under the same name."""
    return _Column(title, lambda one: one.particulars.get(title) or default(one), verified)


def _actor(one: Movement) -> Cell:
    return one.actor


def _room(place: str) -> str:
    return place.removeprefix("room:") if place.startswith("room:") else ""


def _container(*, verified: bool = True, prefix: str = "容器") -> tuple[_Column, ...]:
    return (
        _Column(f"{prefix}编码", lambda one: one.identity, verified),
        _said(f"{prefix}类型", verified=verified),
        _Column(f"{prefix}数量", lambda _: 1, verified),
    )


def _waste(*, verified: bool = True) -> tuple[_Column, ...]:
    return (
        _Column("名称", lambda one: one.name, verified),
        _Column("类别", lambda one: category(one.list_id, one.code), verified),
        _Column("代码", lambda one: one.code, verified),
    )


def _mass(title: str) -> tuple[_Column, _Column]:
    return _Column(title, lambda one: tonnes(one.grams)), _Column("计量单位", lambda _: "吨")


def _batch_and_time(batch: str, time: str) -> tuple[_Column, _Column]:
    return _Column(batch, lambda one: one.batch), _Column(time, lambda one: one.at)


STAGES = (
    Stage(
        "产生",
        ("produced",),
        (
            *_batch_and_time("产生批次编码", "产生时间"),
            *_waste(),
            *_mass("产生量"),
            *_container(prefix="容器/包装"),
            _said("产生设施编码"),
            _said("产生部门经办人", default=_actor),
            _said("去向", default=lambda one: one.arriving),
        ),
        "产生量",
    ),
    Stage(
        "入库",
        ("stored",),
        (
            *_batch_and_time("入库批次编码", "入库时间"),
            *_container(),
            *_waste(),
            *_mass("入库量"),
            _said("贮存设施编码", default=lambda one: _room(one.arriving)),
            _said("贮存设施类型"),
            _said("运送经办人"),
            _said("贮存经办人", default=_actor),
            _said("产生批次编码"),
        ),
        "入库量",
    ),
    Stage(
        "出库",
        ("retrieved",),
        (
            *_batch_and_time("出库批次编码", "出库时间"),
            *_container(verified=False),
            *_waste(verified=False),
            *_mass("出库量"),
            _said("贮存设施编码", default=lambda one: _room(one.leaving)),
            _said("贮存设施类型"),
            _said("出库经办人", default=_actor),
            _said("运送经办人"),
            _said("入库批次编码"),
            _said("去向"),
        ),
        "出库量",
    ),
    Stage(
        "自行利用处置",
        ("treated",),
        (
            *_batch_and_time("自行利用/处置批次编码", "自行利用/处置时间"),
            *_container(verified=False),
            *_waste(verified=False),
            *_mass("自行利用/处置量"),
            _said("自行利用/处置设施编码"),
            _said("自行利用/处置方式"),
            _said("自行利用/处置完毕时间"),
            _said("自行利用/处置经办人", default=_actor),
            _said("产生/出库批次编码"),
        ),
        "自行利用/处置量",
    ),
    Stage(
        "委外利用处置",
        ("handed_over",),
        (
            *_batch_and_time("委外利用/处置批次编码", "出厂时间"),
            *_container(verified=False),
            *_waste(verified=False),
            *_mass("委外利用/处置量"),
            _said("利用/处置方式"),
            _said("接收单位类型"),
            _said("接收单位名称"),
            _said("许可证编码/出口核准通知单编号"),
            _said("产生/出库批次编码"),
        ),
        "委外利用/处置量",
    ),
)
