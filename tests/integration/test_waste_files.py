"""The waste ledger as files over HTTP and on the command line, into an empty system and back."""

import csv
import io
from datetime import date

from openpyxl import load_workbook

from loadlens.waste.identity import SCHEMES, Identity

XLSX = "/v1/waste/ledger.xlsx"


def a_drum(server):
    number = next(server.numbers)
    identity = SCHEMES["hj1276-37"].compose(Identity("91130200699229617X", "321-024-48", date(2026, 11, 25), number))
    about = {"identity": identity, "list": "hazardous-cn", "code": "321-024-48", "name": "=铝灰渣", "litres": 200}
    assert server.http.post("/v1/waste/containers", json=about).status_code == 201
    postings = [
        {"container": identity, "place": "production", "grams": -412_500},
        {"container": identity, "place": "floor", "grams": 412_500},
    ]
    made = {"id": f"f{number}", "stage": "produced", "at": "2026-11-25T08:00:00+08:00", "postings": postings}
    assert server.http.post("/v1/waste/entries", json={"entries": [made]}).json()["accepted"] == [made["id"]]
    return identity


def test_the_ledger_goes_out_as_files_and_into_an_empty_system(server, run_command, tmp_path):
    drum = a_drum(server)
    answer = server.http.get(XLSX)
    assert answer.headers["content-type"].startswith("application/vnd.openxmlformats")
    book = load_workbook(io.BytesIO(answer.content))
    assert drum in [row[7] for row in book["产生"].values]
    held = server.http.get("/v1/waste/ledger.csv", params={"table": "stock"})
    (head, *rows) = list(csv.reader(io.StringIO(held.content.decode("utf-8-sig"), newline="")))
    stock = {row[head.index("container")]: dict(zip(head, row, strict=True)) for row in rows}
    assert (stock[drum]["grams"], stock[drum]["t"], stock[drum]["name"]) == ("412500", "0.412500", "'=铝灰渣")
    for wrong in ("nothing", ""):
        assert server.http.get("/v1/waste/ledger.csv", params={"table": wrong}).status_code == 422

    file, empty = tmp_path / "ledger.xlsx", tmp_path / "empty"
    file.write_bytes(answer.content)
    taken = run_command("waste", "import", file, "--data", empty)
    assert taken.returncode == 0, taken.stderr
    done = run_command("waste", "export", "--out", tmp_path / "tables", "--format", "csv", "--data", empty)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tables" / "stock.csv").read_bytes() == held.content
    assert run_command("waste", "export", "--out", tmp_path / "tables", "--data", empty).returncode == 2
    file.write_bytes(b"a letter")
    refused = run_command("waste", "import", file, "--data", empty)
    assert (refused.returncode, "no workbook" in refused.stderr) == (3, True)


def test_an_import_over_http_is_for_managers_and_tells_every_row(server):
    a_drum(server)
    book = load_workbook(io.BytesIO(server.http.get(XLSX).content))
    rows = [row for row in book["containers"].iter_rows(min_row=2) if row[0].value]
    for row in rows:
        row[3].value = "000"
    out = io.BytesIO()
    book.save(out)
    refused = server.http.post(XLSX, content=out.getvalue())
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert len([fault for fault in refused.json()["faults"] if "is not written as hazardous-cn" in fault]) == len(rows)
    assert sum("不符合 hazardous-cn 的代码格式" in fault for fault in refused.json()["faults_zh"]) == len(rows)
    assert server.http.post(XLSX, content=b"PK").status_code == 422
    with server.http_as("inspector") as inspector:
        assert inspector.post(XLSX, content=b"").status_code == 403


def test_a_plant_is_told_what_it_reports_and_when(server, tmp_path):
    a_drum(server)
    asked = {"year": 2026, "offset": "+08:00"}
    (plant,) = server.http.get("/v1/waste/calendar", params=asked).json()["plants"]
    assert (plant["unit"], plant["class"], plant["holds_permit"]) == ("91130200699229617X", "registered", False)
    assert plant["produced_grams"]["2026"] >= 412_500
    assert plant["produced_grams"]["2025"] == 0
    (plan, report) = plant["due"]
    assert (plan["by"], report["by"]) == ("2026-03-31", "2027-03-31")
    assert (report["from"], report["to"]) == ("2026-01-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00")
    period = {"from": report["from"], "to": report["to"]}
    book = load_workbook(io.BytesIO(server.http.get("/v1/waste/report.xlsx", params=period).content))
    produced = [row for row in book["report"].values if row[1] == "produced"]
    assert sum(row[8] for row in produced) == plant["produced_grams"]["2026"]
    # Nobody has set a factor: what was recovered is told, and nothing is estimated.
    told = server.http.get("/v1/waste/report.json", params=period).json()["recovered"]
    estimated = [row[4] for row in list(book["recovered (estimate)"].values)[1:]]
    assert len(told) == len(estimated)
    assert {row["factor"] for row in told} <= {None}
    assert set(estimated) <= {"no factor"}
    server.run("waste", "report", "--from", report["from"], "--to", report["to"], "--out", tmp_path / "new/report.xlsx")
    assert load_workbook(tmp_path / "new/report.xlsx").sheetnames == book.sheetnames
    assert server.http.get("/v1/waste/calendar", params=asked | {"offset": "8"}).status_code == 422
