"""Migrations: what an older schema held is there in the newest one."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from loadlens.serving.records import queue
from loadlens.serving.records.queue import Filter
from loadlens.serving.store.database import open_database, writing
from loadlens.serving.store.queue_tables import LoadResult
from loadlens.serving.store.tables import Load, LoadFrame, Picture, StoredFrame, Transition, Weight
from loadlens.serving.store.waste_tables import WasteBalance, WasteStock


@contextmanager
def at_schema(database_url, revision):
    """A connection to a new database as it was in the days of a schema."""
    engine = create_engine(database_url)
    config = Config()
    config.set_main_option("script_location", "loadlens.serving.store:migrations")
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        yield connection
    engine.dispose()


def test_what_the_first_schema_held_is_there_after_migration(bare_database_url):
    with at_schema(bare_database_url, "0001") as connection:
        for load_id, status in (("new", "open"), ("weighed", "open"), ("seen", "open"), ("bad", "failed")):
            connection.execute(text(f"INSERT INTO loads VALUES ('{load_id}', '{status}', NULL, 's', 't', NULL, NULL)"))
        for load_id, decision in (("good", "accept"), ("stopped", "stop")):
            connection.execute(text(f"INSERT INTO loads VALUES ('{load_id}', 'graded', NULL, 's', 't', 't', NULL)"))
            report = json.dumps({"truck": {"decision": decision}}).replace(":", r"\:")
            connection.execute(text(f"INSERT INTO assessments VALUES ('{load_id}', 1, '{{}}', '{report}', 't')"))
        connection.execute(text("INSERT INTO weights VALUES (1, 'weighed', 'gross', '48960', NULL, 't')"))
        connection.execute(text("INSERT INTO frames VALUES ('seen', 'yard', 0, 't', 'digest', 2, 1, 't')"))
        connection.execute(text("INSERT INTO pictures VALUES ('good', 0, 'digest')"))

    engine = open_database(bare_database_url)
    with Session(engine) as session:
        states = {load.id: load.status for load in session.scalars(select(Load))}
        frame = session.get(StoredFrame, ("load:seen", "yard", 0))
        assert frame.sha256 == "digest"
        assert session.get(LoadFrame, ("load:seen", "yard", 0)).load_id == "seen"
        assert session.get(Picture, ("good", 1, 0)).sha256 == "digest"
        assert [(weight.load_id, weight.kg) for weight in session.scalars(select(Weight))] == [("weighed", "48960")]
        assert {step.target for step in session.scalars(select(Transition))} == set(states.values())
        for table in ("weights", "frames", "assessments", "transitions"):
            with pytest.raises(IntegrityError, match="never changed"), writing(engine).begin() as connection:
                connection.execute(text(f"DELETE FROM {table}"))
    with Session(writing(engine)) as session, session.begin():
        session.add(Weight(load_id="weighed", kind="tare", kg="16420", actor="user:ann"))
    engine.dispose()
    assert states == {
        "new": "arrived",
        "weighed": "weighed",
        "seen": "unloading",
        "bad": "failed",
        "good": "graded",
        "stopped": "flagged",
    }


def assessed(kg_low, kg_high, *flags):
    deduction = {"kg": 500.0, "kg_low": kg_low, "kg_high": kg_high, "percent_of_net": 2.5}
    flags = [{"code": code, "level": level, "why": "because"} for code, level in flags]
    seen = {"grade": "g", "grades": {"g": 0.8}, "forms": {"shredded": 1.0}, "unknown": 0.1, "confidence": 0.9}
    return json.dumps({"load": {"coverage": 0.9}, "truck": {**seen, "flags": flags, "deduction": deduction}})


def test_loads_that_waited_before_there_was_a_queue_are_in_it(bare_database_url):
    corrected = json.dumps({"correction": {"residue_kg": "5"}})
    made = {
        "narrow": [("flagged", assessed(400.0, 600.0, ("coverage_low", "review")), "{}")],
        "wide": [("flagged", assessed(100.0, 900.0, ("coverage_low", "review")), "{}")],
        "hazard": [("flagged", assessed(490.0, 510.0, ("hazard", "stop")), "{}")],
        "over": [("settled", assessed(0.0, 9000.0), "{}"), ("settled", assessed(1.0, 2.0), corrected)],
    }
    with at_schema(bare_database_url, "0008") as connection:
        for load, versions in made.items():
            values = {"id": load, "status": versions[-1][0], "standard": "s", "created_at": "t"}
            columns, named = ", ".join(values), ", ".join(f":{name}" for name in values)
            connection.execute(text(f"INSERT INTO loads ({columns}) VALUES ({named})"), values)
            for number, (_, report, inputs) in enumerate(versions, 1):
                values = {"load": load, "number": number, "report": report, "inputs": inputs}
                insert = "INSERT INTO assessments VALUES (:load, :number, '{}', :report, :inputs, 'watched', 't')"
                connection.execute(text(insert), values)
    engine = open_database(bare_database_url)
    with Session(engine) as session:
        page = queue.page(session, Filter(), None, 10, actor="user:ann", at=datetime.now(UTC))
        over = session.get(LoadResult, "over")
        assert (over.version, over.machine_percent, over.kg_high) == (2, "2.5", "2.0")
        assert (over.machine_grade_share, over.unknown, over.forms, over.cameras) == (
            0.8,
            0.1,
            '{"shredded": 1.0}',
            "[]",
        )
    engine.dispose()
    shown = [(entry.load.id, entry.result.stake_in, entry.result.stake) for entry in page.entries]
    assert shown == [("hazard", "kg", "20.000"), ("wide", "kg", "800.000"), ("narrow", "kg", "200.000")]


def test_balances_and_ages_are_what_older_entries_add_up_to(bare_database_url):
    """Two drums of which one has left."""
    unit, code = "91130200699229617X", "321-024-48"
    with at_schema(bare_database_url, "0013") as connection:
        for drum, ends in (("a", "room:1"), ("b", "handed_over")):
            identity = f"{unit}.{code}.20261125.{drum}"
            about = f"'{identity}', 'hazardous-cn', '2021', '{code}', 'n', '200', 'x', 't'"
            connection.execute(text(f"INSERT INTO waste_containers VALUES ({about})"))
            number = ord(drum)
            entry = f"{number}, '{drum}', 'produced', 't', 'x', '', '', NULL, '{{}}', 't'"
            connection.execute(text(f"INSERT INTO waste_entries VALUES ({entry})".replace(":", r"\:")))
            for line, (place, grams) in enumerate((("production", -500), (ends, 500))):
                row = {"number": number, "line": line, "container": identity, "place": place, "grams": grams}
                connection.execute(
                    text("INSERT INTO waste_postings VALUES (:number, :line, :container, :place, :grams)"), row
                )
            if ends == "room:1":
                row = {"container": identity, "place": ends, "grams": 500}
                connection.execute(text("INSERT INTO waste_stock VALUES (:container, :place, :grams)"), row)
    engine = open_database(bare_database_url)
    with Session(engine) as session:
        kept = {row.place: (row.unit, row.grams, row.containers) for row in session.scalars(select(WasteBalance))}
        assert [row.since for row in session.scalars(select(WasteStock))] == ["t"]
    engine.dispose()
    assert kept == {"production": (unit, -1000, 0), "room:1": (unit, 500, 1), "handed_over": (unit, 500, 0)}
