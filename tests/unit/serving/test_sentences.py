"""Every sentence that the service writes about a load is told in both languages, with the same figures in it."""

import ast
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadlens.grading.assessment import assess_load
from loadlens.grading.deduction import Judged, PickedItem
from loadlens.grading.observation import AreaError, LayerObservation, LoadObservation, ModelVersion
from loadlens.grading.quantity import Mass
from loadlens.grading.standard import list_standards
from loadlens.grading.weighing import Weights
from loadlens.serving import sentences
from loadlens.serving.sentences import fault_told, reason_told, refusal_zh, told
from loadlens.vision.model import load_model
from loadlens.vision.summing import weak_alarms
from loadlens.vision.taxonomy import load_taxonomy
from loadlens.waste.codes import code_list
from loadlens.waste.label import edition_doubts
from loadlens.waste.manifest import Line, Manifest, gate_faults
from loadlens.waste.sensor import Limit

PROJECT = Path(__file__).resolve().parents[3]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PLACES = re.compile(r"\{\w+")
MAKES = {"Flag": 2, "RoomFlag": 1, "Doubt": 1, "Reason": 1, "_doubt": 1, "flag": 4}  # which argument says why
# What reads a workbook of waste and takes it over, and the functions in it; none named: all.
READS = {
    "waste/workbook.py": ("read_xlsx", "read_loose_xlsx", "_opened", "_exactly", "_at_least", "_check_size", "_rows"),
    "waste/stage_rows.py": (),
    "waste/batches.py": ("parse_batch",),
    "waste/identity.py": (),
    "waste/codes.py": ("find", "code_list"),
    "waste/container.py": (),
    "waste/ledger.py": ("__post_init__", "_check_ways"),
    "serving/waste_forms.py": (),
    "serving/records/waste_import.py": (),
    "serving/records/waste_stage_import.py": (),
    "serving/records/waste_books.py": ("accept",),
    "serving/records/waste.py": ("_no_correction", "take_over"),
}
# What answers to what a person does in the console, and may refuse it.
REFUSES = {
    "waste": "ledger manifest plain_label",
    "serving": "lifecycle corrections",
    "serving/access": "passwords users keys",
    "serving/api": "once tags queue tickets disputes waste_labels yard_figures problems",
    "serving/records": "claims loads manifests opinions reviews rooms second_opinions tickets",
    "serving/records/": "waste waste_labels waste_scans",
}
FOR_PROGRAMS = ("{route", "{idempotency")
REFUSALS = re.compile(
    "(Conflict|Unacceptable|UnknownLoad|Changed|User|Password|KeyUse|Transition|Ledger|Manifest|Label)Error|HTTPException|problem"
)
FORMS, CONTAMINANTS = ("hms_1", "shredded", "turnings"), ("wood", "soil")


def written():
    """Code and sentence of every flag and doubt whose words stand in the code; what differs is 7."""
    for folder in ("vision", "serving"):
        for file in (PROJECT / folder / "loadlens").rglob("*.py"):
            for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                name = call.func if isinstance(call, ast.Call) else None
                called = name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", None)
                if called not in MAKES:
                    continue
                words = [sample(argument) for argument in call.args]
                code = words[MAKES[called] - (2 if called in ("Flag", "flag") else 1) :][:1]
                why = words[MAKES[called] :][:1]
                if code and code[0]:
                    yield code[0], why[0] if why else None


def sample(argument):
    if isinstance(argument, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "7" for part in argument.values)
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None


def test_every_code_that_the_service_writes_has_a_sentence_in_both_languages():
    found = list(written())
    assert len(found) > 50
    assert {code for code, _ in found if not sentences.forms(code)} == set()
    plain = [(code, why) for code, why in found if why is not None and why[:1] != "7"]
    assert [pair for pair in plain if told(*pair, "zh") == pair[1]] == []


def test_what_is_said_of_waste_is_told_in_chinese_too():
    manifest = Manifest("m", "s", "c", "r", "", "R4", "A1", Decimal(5), (Line("drum", "floor", 1000),))
    limit = Limit("temperature", "C", Decimal(0), Decimal(40), None)
    said = [
        *gate_faults(manifest, [], "B2", 9000),
        *edition_doubts(code_list("hazardous-cn").find("321-024-48"), date(2026, 1, 1)),
        *(limit.broken_by(*reading) for reading in ((41.5, "C"), (-3.0, "C"), (None, None))),
    ]
    assert len(said) == 9
    assert [why for why in said if not CHINESE.search(told("waste", why, "zh"))] == []


def told_of_a_workbook():
    """Every fault whose words stand in the code that reads a workbook of waste and takes it over; what differs is 7."""
    errors = "WorkbookError _RowError BatchError IdentityError CodeError ContainerError LedgerError UnacceptableError"
    for name, functions in READS.items():
        for function in ast.walk(ast.parse((PROJECT / "serving/loadlens" / name).read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef) or (functions and function.name not in functions):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.JoinedStr) and (row := re.fullmatch(r"7(?: row 7)?: (.*)", sample(node))):
                    yield row[1]
                elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in errors.split():
                    yield sample(node.args[0])
                elif isinstance(node, ast.Return) and isinstance(node.value, ast.JoinedStr):
                    yield sample(node.value)


def test_every_fault_of_a_workbook_of_waste_is_told_in_chinese():
    # What arrives or leaves where it may not has two forms, told where such workbooks are read.
    found = {why for why in told_of_a_workbook() if why and re.search("[a-z]{2}", why) and "7 7 7" not in why}
    found.remove("7 row 7")
    assert len(found) > 45
    assert [why for why in found if not CHINESE.search(told("waste", why, "zh"))] == []


def test_every_reason_why_nobody_is_let_in_by_another_service_is_told_in_chinese():
    found = {"the name 7 is taken by another user; ask an admin", "7 is shut out; ask an admin"}
    for name in ("access/oidc.py", "api/session.py"):
        for node in ast.walk(ast.parse((PROJECT / "serving/loadlens/serving" / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "OidcError":
                found.add(sample(node.args[0]))
    assert len(found) == 15
    assert [why for why in found if not CHINESE.search(told("login", why, "zh"))] == []


def test_a_fault_of_a_workbook_says_in_chinese_where_it_is():
    assert fault_told("containers row 2: litres holds an error", "zh") == "containers 第 2 行：litres 为错误值"
    assert fault_told("the file is no workbook (.xlsx)", "zh") == "该文件不是工作簿（.xlsx）"
    assert fault_told("入库 row 3: of another age", "zh") == "入库 第 3 行：of another age"


def refusals():
    """Every refusal whose words stand in the code that answers to what a person does; what differs is 7."""
    root = PROJECT / "serving/loadlens"
    for file in (root / folder / f"{name}.py" for folder, names in REFUSES.items() for name in names.split()):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and REFUSALS.fullmatch(getattr(node.func, "id", "")):
                yield from (words for argument in node.args if (words := sample(argument)))


def test_whatever_a_person_is_refused_is_told_in_chinese():
    # What happened to it stands in between, and they have a form for each.
    open_ones = {
        "entry 7: 7",
        "version 7 of load 7 was 7 by 7 at 7",
        "entry 7: nothing that is 7 7 7",
        "7; name what is left of it, or end the other manifest first",
        "load 7 has no ticket7",
    }
    found = {why for why in refusals() if re.search("[a-z]{2}", why)} - open_ones
    assert len(found) > 70
    assert [why for why in found if not CHINESE.search(refusal_zh(why) or "")] == []


def test_states_roles_and_what_lies_behind_a_refusal_are_told_in_chinese_with_it():
    assert refusal_zh("user:ada has the role inspector; this needs admin or manager") == (
        "user:ada 的角色为检验员；此操作需要管理员、主管"
    )
    assert refusal_zh("load L: it is settled, where review is not possible (possible: dispute, reopen)") == (
        "车次 L：状态为“已结算”，不能复核（可以：提出异议、重新打开）"
    )
    assert refusal_zh("load L cannot be settled: there are no weights; give gross and tare") == (
        "车次 L 不能结算：没有重量；请登记毛重和皮重"
    )
    assert (
        refusal_zh(
            "container c holds 9 g at transit, of them 5 g on manifest a, 3 g on manifest b already; "
            "name what is left of it, or end the other manifest first"
        )
        == "容器 c 在 transit 存有 9 g，其中已有 联单 a 的 5 g、联单 b 的 3 g；请填写余下的质量，或先办结该联单"
    )
    assert refusal_zh("of another age") is None
    assert refusal_zh(f"there is no load {'L' * 1000}") is None


def test_both_languages_have_the_same_places():
    for code in sentences._table():
        for form in sentences.forms(code):
            # A refusal may name the route that a program would call, which helps no reader of the console.
            places = sorted(place for place in PLACES.findall(form.en) if place not in FOR_PROGRAMS)
            assert places == sorted(PLACES.findall(form.zh)), form.en
            assert CHINESE.search(form.zh)


@st.composite
def assessments(draw):
    taxonomy = load_taxonomy()
    parts = {name: draw(st.sampled_from((0.0, 0.001, 0.1, 0.6))) for name in (*FORMS, *CONTAMINANTS, "unknown")}
    total = sum(parts.values()) or 1.0
    shares = {name: part / total for name, part in parts.items()} if any(parts.values()) else {**parts, "hms_1": 1.0}
    layer = LayerObservation(
        **{"index": 0, "start_s": 0.0, "end_s": 8.0, "key_frame_s": 4.0, "key_frame_sha256": "a" * 64, "new_area": 1.0},
        visible=1.0,
        forms={name: shares[name] for name in FORMS},
        contaminants={name: shares[name] for name in CONTAMINANTS},
        unknown=shares["unknown"],
        confidence=draw(st.sampled_from((0.2, 0.9))),
        mass_kg=draw(st.none() | st.just(Mass(30000).kg)),
    )
    observation = LoadObservation(
        **{
            "load_id": "L",
            "source": "s",
            "started_at": "2021-03-01T08:00:00+00:00",
            "frames_seen": 9,
            "frames_used": 3,
        },
        layers=(layer,) if draw(st.integers(0, 9)) else (),
        hazards=(),
        classes={name: taxonomy[name].surface_class for name in (*FORMS, *CONTAMINANTS)},
        coverage=draw(st.sampled_from((0.3, 0.97))),
        duplicate_area=draw(st.sampled_from((0.0, 0.3))),
        mm_per_px=None,
        model=ModelVersion("m", "1", "0" * 64),
        software="1",
        area_error=draw(st.none() | st.just(AreaError({}, 0.01, 0.9, -1.5, 2.0, 60))),
        forms_known=FORMS,
    )
    standard = draw(st.sampled_from(list_standards()))
    weights = draw(
        st.none() | st.sampled_from((Weights(Mass(48960), Mass(16420), Mass(20)), Weights(Mass(48960), Mass(16420))))
    )
    judged = Judged(
        contaminants=draw(st.sampled_from(({}, {"wood": Mass(12)}))),
        residue=Mass(draw(st.sampled_from((0, 250)))),
        items=draw(st.sampled_from(((), (PickedItem("a motor", Mass(30)),)))),
        water_percent=draw(st.sampled_from((Mass(0).kg, Mass(2).kg))),
    )
    declared = draw(st.none() | st.sampled_from([grade.code for grade in standard.grades]) | st.just("nonsense"))
    return assess_load(observation, standard, weights=weights, declared=declared, judged=judged).to_report()


@settings(max_examples=60)
@given(report=assessments())
def test_whatever_a_load_shows_every_sentence_of_its_report_is_told_in_chinese(report):
    truck = report["truck"]
    said = [(flag["code"], flag["why"]) for flag in truck["flags"]]
    causes = truck["deduction"]["by_cause"].items()
    said += [(f"cause.{name}", cause["why"]) for name, cause in causes if name not in ("picked_items", "other")]
    said += [("trace", line) for line in report["explain"]]
    for code, why in said:
        chinese = told(code, why, "zh")
        assert chinese != why, (code, why)
        assert CHINESE.search(chinese)
        # Nothing that was a figure is lost on the way.
        assert set(re.findall(r"\d+\.\d+", why)) <= set(re.findall(r"\d+\.\d+", chinese)), (code, why, chinese)


@pytest.mark.parametrize(
    ("code", "why", "chinese"),
    [
        ("hazard", "gas cylinder seen once, first at 7.2 s (score 0.91): stop unloading and look", "气瓶"),
        (
            "frame_dark",
            "camera north: too dark to see the scrap well; switch the yard light on (3 of 9 frames)",
            "相机 north：光线太暗",
        ),
        (
            "frames_missing",
            "camera a: 2 of 9 numbered frames never arrived; camera b: 1 of 9 numbered frames never arrived",
            "相机 b：9 张",
        ),
    ],
)
def test_classes_and_cameras_are_named_in_the_readers_language(code, why, chinese):
    assert chinese in told(code, why, "zh")


def test_an_alarm_that_misses_much_is_told_with_the_names_of_what_it_misses():
    about = load_model().metadata
    hazards = load_taxonomy().ids("hazard")
    thresholds, recall = dict.fromkeys(hazards, 0.5), dict(zip(hazards, (0.04, 0.5, 0.625), strict=False))
    (doubt,) = weak_alarms(replace(about, hazard_thresholds=thresholds, hazard_recall=recall))
    chinese = told(doubt.code, doubt.why, "zh")
    assert not re.search("[A-Za-z]", chinese), chinese
    assert re.findall(r"[\d.]+%", chinese) == re.findall(r"[\d.]+%", doubt.why)
    assert "气瓶 " in chinese


def test_a_reason_that_is_offered_is_told_in_the_readers_language_whoever_gave_it():
    assert reason_told("人工拣出: two motors", "en") == "Picked out by hand: two motors"
    assert reason_told("Picked out by hand", "zh") == "人工拣出"
    assert reason_told("it was wet", "zh") == "it was wet"


def test_a_sentence_that_the_table_does_not_know_stays_as_it_is():
    assert told("hazard", "something else", "zh") == "something else"
    assert told("of_long_ago", "it was so", "zh") == "it was so"
