"""Tickets that do not fit are each explained, and none is dropped in silence."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from loadlens.grading.observation import LayerObservation, LoadObservation, ModelVersion, SurfaceClass
from loadlens.grading.observation_json import to_json
from loadlens.training.tickets import TicketsError, match, read_observations, read_tickets

SEEN = LoadObservation(
    "L1", "clip", "", 9, 3,
    (LayerObservation(0, 0, 3, 1, "a" * 64, 1.0, 1.0, {"hms_1": 0.95}, {"soil": 0.05}, 0.0, 0.9),),
    (), {"hms_1": SurfaceClass("hms_1", "form"), "soil": SurfaceClass("soil", "contaminant", "", "", 0.3, 0.5, 0.8)},
    1.0, 0.0, None, ModelVersion("t", "1", "0" * 64), "0.1.0",
)  # fmt: skip


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "tickets.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


@pytest.mark.parametrize(
    ("column", "value", "share"),
    [("deduction_kg", "300", 0.015), ("deduction_t", "0.3", 0.015), ("deduction_percent", "1.5", 0.015)],
)
def test_the_unit_stands_in_the_name_of_the_column(tmp_path, column, value, share) -> None:
    (ticket,), left_out = read_tickets(table(tmp_path, f"load,net_kg,{column}\nL1,20000,{value}\n"))
    assert ticket.deduction == pytest.approx(share)
    assert left_out == []


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("L1,20,300,", "is it in kilograms"),
        ("L1,20000,-5,", "is the unit right"),
        ("L1,20000,20000,", "is the unit right"),
        ("L1,20000,,", "which is no number"),
        ("L1,twenty,300,", "'twenty', which is no number"),
        ("L1,20000,nan,", "finite"),
        ("L1,20000,300,0", "price_per_tonne is 0"),
        (",20000,300,", "no load is named"),
        # A comma between thousands without quotation marks: 1 kg would be taken for the 1,234 that were meant.
        ("L1,20000,1,234,2500", "more cells than there are columns; write 1,234 as 1234"),
        ('L1,20000,"1,234",2500', "'1,234', which is no number"),
        ("L1,20000,0.3,", "0.3 kg off 20000 kg; is the unit right"),
    ],
)
def test_a_value_that_cannot_be_is_explained_by_its_line(tmp_path, row, why) -> None:
    text = f"load,net_kg,deduction_kg,price_per_tonne\nL0,20000,100,2500\n{row}\n"
    tickets, (left_out,) = read_tickets(table(tmp_path, text))
    assert [ticket.load for ticket in tickets] == ["L0"]
    assert left_out.where == "tickets.csv line 3"
    assert why in left_out.why


def test_inspectors_of_one_load_are_averaged_and_copies_count_once(tmp_path) -> None:
    rows = "L1,20000,200,A\nL1,20000,400,B\nL1,20000,200,A\nL2,20000,100,A\nL2,20000,900,A\n"
    rows += "L3,20000,1,A\nL3,30000,1,B\n"
    (ticket,), left_out = read_tickets(table(tmp_path, "load,net_kg,deduction_kg,inspector\n" + rows))
    assert (ticket.load, ticket.inspectors) == ("L1", 2)
    assert ticket.deduction == pytest.approx(0.015)
    assert [(one.load, one.where) for one in left_out] == [
        ("L1", "tickets.csv line 4"),
        ("L2", "tickets.csv line 5"),
        ("L2", "tickets.csv line 6"),
        ("L3", "tickets.csv line 7"),
        ("L3", "tickets.csv line 8"),
    ]
    assert "counted once" in left_out[0].why
    assert "otherwise" in left_out[1].why
    assert "net weights" in left_out[3].why


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("load,net_kg", "exactly one column"),
        ("load,net_kg,deduction_kg,deduction_t", "exactly one column"),
        ("load,deduction_kg", "net_kg is missing"),
        ("load,net_kg,deduction_kg,main_grde", "main_grde is not known"),
        ("load,load,net_kg,deduction_kg", "twice"),
    ],
)
def test_a_table_with_the_wrong_columns_is_refused(tmp_path, header, why) -> None:
    with pytest.raises(TicketsError, match=why):
        read_tickets(table(tmp_path, header + "\n"))


def test_empty_cells_beyond_the_columns_and_other_ends_of_lines_are_no_fault(tmp_path) -> None:
    (tmp_path / "t.csv").write_bytes(b"load,net_kg,deduction_kg\rL1,20000,300,,\rL2,20000,0\r")
    tickets, left_out = read_tickets(tmp_path / "t.csv")
    assert [ticket.deduction for ticket in tickets] == [0.015, 0]
    assert left_out == []


def test_a_quotation_mark_that_is_not_closed_swallows_no_rows(tmp_path) -> None:
    text = 'load,net_kg,deduction_kg\nL1,20000,300\nL2,20000,"300\nL3,20000,300\nL4,20000,300\n'
    with pytest.raises(TicketsError, match=r"no table from line 3 on .*close the quotation mark"):
        read_tickets(table(tmp_path, text))


def test_a_table_in_another_encoding_is_refused_with_the_remedy(tmp_path) -> None:
    (tmp_path / "t.csv").write_bytes("load,net_kg,deduction_kg,grade\nL1,20000,1,重废1\n".encode("gb18030"))
    with pytest.raises(TicketsError, match="CSV UTF-8"):
        read_tickets(tmp_path / "t.csv")


def test_observations_come_from_folders_and_bundles_and_the_rest_is_explained(tmp_path) -> None:
    for name, text in {
        "a": to_json(SEEN),
        "b": to_json(replace(SEEN, coverage=0.5)),
        "c": to_json(replace(SEEN, load_id="L3", model=ModelVersion("t", "2", "f" * 64))),
        "d": to_json(replace(SEEN, load_id="L4", layers=())),
        "e": "{}",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "observation.json").write_text(text, encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "five.zip", "w") as bundle:
        bundle.writestr("bundle.json", json.dumps({}))
        for version in (2, 10):
            seen = to_json(replace(SEEN, load_id="L5", coverage=version / 10))
            bundle.writestr(f"assessments/{version}/observation.json", seen)
    (tmp_path / "six.zip").write_bytes(b"no zip")
    with zipfile.ZipFile(tmp_path / "seven.zip", "w") as bundle:
        bundle.writestr("holiday.jpg", b"")
    found, left_out = read_observations(tmp_path)
    assert sorted(found) == ["L1", "L5"]
    assert found["L5"].coverage == 1.0
    why = {one.load: one.why for one in left_out}
    assert "another file" in why["L1"]
    assert "another model" in why["L3"]
    assert "no layer" in why["L4"]
    unread = {one.where: one.why for one in left_out if not one.load}
    assert "not a stored observation" in unread["e/observation.json"]
    assert "not a zip" in unread["six.zip"]
    assert "no bundle of a load" in unread["seven.zip"]


def test_the_model_that_saw_most_loads_counts_whichever_file_comes_first(tmp_path) -> None:
    newer = replace(SEEN, model=ModelVersion("t", "2", "f" * 64))
    for name, seen in {"a": SEEN, "b": newer, "c": replace(newer, load_id="L2")}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "observation.json").write_text(to_json(seen), encoding="utf-8")
    found, (left_out,) = read_observations(tmp_path)
    assert {load: seen.model.version for load, seen in found.items()} == {"L1": "2", "L2": "2"}
    assert (left_out.where, left_out.load) == ("a/observation.json", "L1")
    assert "another model" in left_out.why and "grade it again" not in left_out.why


def test_tickets_and_loads_without_a_partner_are_explained(tmp_path) -> None:
    tickets, _ = read_tickets(table(tmp_path, "load,net_kg,deduction_kg\nL1,20000,1\nL9,20000,1\n"))
    pairs, left_out = match(tickets, {"L1": SEEN, "L2": replace(SEEN, load_id="L2")})
    assert [ticket.load for ticket, _ in pairs] == ["L1"]
    assert [(one.load, one.why) for one in left_out] == [
        ("L9", "no such load was observed"),
        ("L2", "no usable ticket names it"),
    ]


def test_a_folder_without_observations_is_refused(tmp_path) -> None:
    with pytest.raises(TicketsError, match="--out"):
        read_observations(tmp_path)
    (tmp_path / "observation.json").write_text("[]", encoding="utf-8")
    with pytest.raises(TicketsError, match=r"no observation can be read; observation\.json"):
        read_observations(tmp_path)
    with pytest.raises(TicketsError, match="no folder"):
        read_observations(tmp_path / "nowhere")
