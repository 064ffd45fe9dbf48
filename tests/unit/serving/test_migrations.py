"""Migrations: what an older schema held is there in the newest one."""

import json

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from loadlens.serving.store.database import open_database, writing
from loadlens.serving.store.tables import Load, LoadFrame, Picture, StoredFrame, Transition, Weight


def test_what_the_first_schema_held_is_there_after_migration(database_url):
    engine = create_engine(database_url)
    config = Config()
    config.set_main_option("script_location", "loadlens.serving.store:migrations")
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for load_id, status in (("new", "open"), ("weighed", "open"), ("seen", "open"), ("bad", "failed")):
            connection.execute(text(f"INSERT INTO loads VALUES ('{load_id}', '{status}', NULL, 's', 't', NULL, NULL)"))
        for load_id, decision in (("good", "accept"), ("stopped", "stop")):
            connection.execute(text(f"INSERT INTO loads VALUES ('{load_id}', 'graded', NULL, 's', 't', 't', NULL)"))
            report = json.dumps({"truck": {"decision": decision}}).replace(":", r"\:")
            connection.execute(text(f"INSERT INTO assessments VALUES ('{load_id}', 1, '{{}}', '{report}', 't')"))
        connection.execute(text("INSERT INTO weights VALUES (1, 'weighed', 'gross', '48960', NULL, 't')"))
        connection.execute(text("INSERT INTO frames VALUES ('seen', 'yard', 0, 't', 'digest', 2, 1, 't')"))
        connection.execute(text("INSERT INTO pictures VALUES ('good', 0, 'digest')"))
    engine.dispose()

    engine = open_database(database_url)
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
