"""A ledger that was kept in the stage tables of HJ 1259 is taken over whole, or every row that is wrong is told."""

import io
import re
from datetime import timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from loadlens.serving.records import waste
from loadlens.serving.records.waste_import import ImportRefusedError
from loadlens.serving.records.waste_stage_import import Origin, import_stages
from loadlens.serving.sentences import fault_told
from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.database import open_database, write_session
from loadlens.serving.store.journal import Seal, sealed
from loadlens.serving.store.signing import SigningKeys
from loadlens.waste.workbook import Table, write_xlsx

UNIT = "91130200699229617X"
ORIGIN = Origin(UNIT, Decimal(200), timezone(timedelta(hours=8)))
PRODUCED = ("产生批次编码", "产生时间", "名称", "类别", "代码", "产生量", "计量单位", "容器/包装编码", "产生设施编码*")
STORED = ("入库批次编码", "入库时间", "容器编码", "入库量", "计量单位", "贮存设施编码")
TAKEN_OUT = ("出库批次编码", "出库时间", "容器编码", "出库量", "计量单位", "贮存设施编码")
HANDED_OVER = ("委外利用/处置批次编码", "出厂时间", "容器编码", "委外利用/处置量", "计量单位", "接收单位名称")
DROSS, OIL = ("铝灰渣", "HW48", "321-024-48"), ("废机油", "HW08", "900-214-08")
LEDGER = {
    "产生": (
        PRODUCED,
        ("HWCS20211031001", "2021-10-31 08:00", *DROSS, "0.4125", "吨", "袋 1", "MF0001"),
        ("HWCS20211031002", "2021/10/31", *DROSS, "412.5", "千克", "B-2", ""),
        ("HWCS20211101001", "2021-11-01T09:30:00Z", *OIL, "180000", "克", "T-1", ""),
        ("合计", None, None, None, None, "1.005", None, None, None),
    ),
    "入库": (STORED, *(("HWRK20211101001", "2021-11-01 10:00", one, "0.4125", "t", "1") for one in ("袋 1", "B-2"))),
    "出库": (TAKEN_OUT, ("HWCK20211201001", "2021-12-01 10:00", "B-2", "0.4125", "吨", "1")),
    "委外利用处置": (HANDED_OVER, ("HWWWLY20211201001", "2021-12-01", "B-2", "0.4125", "吨", "示例公司")),
}


def workbook(changes=None):
    out = io.BytesIO()
    tables = LEDGER | (changes or {})
    write_xlsx([Table(name, head, rows) for name, (head, *rows) in tables.items()], out)
    return out.getvalue()


@pytest.fixture
def engine(database_url, tmp_path):
    made = sealed(open_database(database_url), Seal(SigningKeys(tmp_path / "signing.key"), Anchor(tmp_path / "anchor")))
    yield made
    made.dispose()


def test_stage_tables_become_a_ledger_once_however_often_they_are_imported(engine):
    for _ in range(2):
        with write_session(engine) as session:
            done = import_stages(session, workbook(), ORIGIN, actor="user:li")
        assert (done.containers, done.entries) == (3, 7)
    with Session(engine) as session:
        held = {(row["place"], row["code"]): row["grams"] for row in waste.stock(session, place=None, code=None)}
        (oil, dross) = sorted(waste.balances(session, unit=UNIT, code=None), key=lambda row: row["code"], reverse=True)
    assert held == {("room:1", "321-024-48"): 412_500, ("floor", "900-214-08"): 180_000}
    assert (dross["produced"], dross["handed_over"], dross["stock"]) == (825_000, 412_500, 412_500)
    assert oil["produced"] == oil["stock"] == 180_000


def test_a_plant_that_names_its_batches_and_containers_as_another_does_keeps_a_ledger_of_its_own(engine):
    other = "911302006992296181"
    for unit in (UNIT, other, other, UNIT):
        with write_session(engine) as session:
            import_stages(session, workbook(), Origin(unit, ORIGIN.litres, ORIGIN.clock), actor="user:li")
    with Session(engine) as session:
        rows = waste.balances(session, unit=None, code="321-024-48")
    assert [(row["unit"], row["produced"], row["handed_over"]) for row in rows] == [
        (UNIT, 825_000, 412_500),
        (other, 825_000, 412_500),
    ]


def test_every_row_that_cannot_be_taken_over_is_told_and_nothing_is_kept(engine):
    def stored(batch, container, mass, unit="吨", time="2021-11-01 10:00"):
        return batch, time, container, mass, unit, "1"

    wrong = {
        "入库": (
            STORED,
            stored("HWRK20211101001", "袋 1", "0.5"),
            stored("HWRK20211101002", "nobody's", "0.1"),
            stored("HWCS20211101003", "B-2", "0.1"),
            stored("HWRK20211101004", "B-2", "-0.1"),
            stored("HWRK20211101005", "B-2", "0.1", unit="车"),
            stored("HWRK20211101006", "B-2", "0.0000001"),
            stored("HWRK20211101007", "B-2", "0.1", time="last week"),
            stored("HWRK20211101008", "B-2", None),
            stored("HWRK20211101009", "B-2", "0.4125"),
            stored("HWRK20211101009", "B-2", "0.4125"),
        ),
        "产生": (*LEDGER["产生"], ("HWCS20211102001", "2021-11-02", "渣", "", "999-999-99", "1", "吨", "C", "")),
    }
    with pytest.raises(ImportRefusedError) as refused, write_session(engine) as session:
        import_stages(session, workbook(wrong), ORIGIN, actor="user:li")
    chinese = [fault_told(fault, "zh").partition(" 行：")[2] for fault in refused.value.faults]
    assert [why for why in chinese if not re.search(r"[\u4e00-\u9fff]", why)] == []
    told = dict(fault.split(": ", 1) for fault in refused.value.faults)
    for row, why in {
        "入库 row 2": "and 500000 g would leave it",
        "入库 row 3": "add where it began",
        "入库 row 4": "begin with HWRK",
        "入库 row 5": "no mass above zero",
        "入库 row 6": "no unit of mass",
        "入库 row 7": "finer than a gram",
        "入库 row 8": "no time",
        "入库 row 9": "入库量 is empty",
        "入库 row 11": "stands in row 10 already",
        "产生 row 6": "has no code 999-999-99",
    }.items():
        assert why in told.pop(row)
    assert told == {}
    with Session(engine) as session:
        assert waste.stock(session, place=None, code=None) == []


def test_a_workbook_without_what_is_needed_is_refused_with_what_is_missing(engine):
    def why(data, origin=ORIGIN):
        with pytest.raises(ImportRefusedError) as refused, write_session(engine) as session:
            import_stages(session, data, origin, actor="user:li")
        return str(refused.value)

    assert "has no column 入库量" in why(workbook({"入库": (STORED[:3] + STORED[4:],)}))
    assert "wrong check character" in why(workbook(), Origin("911302006992296171", *(Decimal(1), ORIGIN.clock)))
    assert "no workbook" in why(b"a letter")
