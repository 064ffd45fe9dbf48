"""History changed behind the server's back, in every way we could think of: `verify` finds it and names the place.

A real server grades loads; each test changes a copy of its folder as somebody with the machine in his hands could.
"""

import json
import shutil
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from loadlens.grading.observation_json import from_json
from loadlens.grading.standard import parse_standard
from loadlens.serving.access.caller import Role
from loadlens.serving.access.users import Users
from loadlens.serving.api.reviews import Correction
from loadlens.serving.canonical import canonical_json
from loadlens.serving.corrections import resolved
from loadlens.serving.evidence.anchor_check import AnchorCheck
from loadlens.serving.evidence.bundle import write_bundle
from loadlens.serving.evidence.bundle_check import verify_bundle
from loadlens.serving.evidence.chain import Record
from loadlens.serving.evidence.verify import verify_store
from loadlens.serving.records.inputs import inputs_from
from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.blobs import FolderBlobs
from loadlens.serving.store.database import open_database, writing
from loadlens.serving.store.journal import Seal, append, sealed, signed_message
from loadlens.serving.store.signing import SigningKeys, public_of
from loadlens.serving.store.tables import Assessment

# A change of SQLite and a folder is made with two lines; verify itself is run on both places in test_evidence.
pytestmark = pytest.mark.parametrize("new_place", ["box"], indirect=True, scope="module")


def weigh(server, kind, kg):
    assert server.http.put(f"/v1/loads/{server.load}/weights/{kind}", json={"kg": kg}).status_code == 201


@pytest.fixture(scope="module")
def yards(server, shots):
    """The folder of a server after one load and after two, stopped in order."""
    for number in (1, 2):
        server.open_load(declared="HRS101")
        weigh(server, "gross", "48960")
        for shot in shots:
            assert server.put(shot).status_code == 201
        assert server.close().status_code == 200
        weigh(server, "tare", "16420.125")
        server.stop()
        shutil.copytree(server.data, server.data.parent / f"after-{number}")
        server.start()
    return [server.data.parent / "after-1", server.data.parent / "after-2"]


@pytest.fixture
def yard(yards, tmp_path):
    """A copy of the folder to change."""
    return shutil.copytree(yards[1], tmp_path / "yard")


def check(folder, trusted_key=None, blobs=None):
    """Every finding of `loadlens verify`, as text."""
    anchor = AnchorCheck([folder / "journal.anchor"])
    engine = open_database(f"sqlite:///{folder / 'loadlens.sqlite'}")
    try:
        with Session(engine) as session:
            verdict = verify_store(session, FolderBlobs(blobs or folder / "blobs"), anchor, trusted_key)
    finally:
        engine.dispose()
    assert verdict.counts["records"] > 0
    return [str(finding) for finding in verdict.findings]


@contextmanager
def changing(folder):
    """The database with nothing that refuses a change."""
    with closing(sqlite3.connect(folder / "loadlens.sqlite")) as database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            database.execute(f"DROP TRIGGER {name}")
        yield database
        database.commit()


def seq_of(database, kind, subject="load:load-1"):
    """The number of the first record of this kind."""
    query = "SELECT seq FROM journal WHERE kind = ? AND subject = ? ORDER BY seq"
    return database.execute(query, (kind, subject)).fetchone()[0]


def last(database):
    return database.execute("SELECT max(seq) FROM journal").fetchone()[0]


def records(database):
    columns = ", ".join(Record.__slots__)
    return [Record(*row) for row in database.execute(f"SELECT {columns} FROM journal ORDER BY seq")]


def sign_again(database, private, *, since=1):
    """Chain and sign every record from `since` on, as whoever has the key `private` can; and the head."""
    chain = records(database)
    previous = chain[since - 2].digest if since > 1 else "0" * 64
    for record in chain[since - 1 :]:
        digest = record.digest_now(previous)
        signature = private.sign(signed_message(digest)).hex()
        change = "UPDATE journal SET previous = ?, digest = ?, signature = ? WHERE seq = ?"
        database.execute(change, (previous, digest, signature, record.seq))
        previous = digest
    database.execute("UPDATE journal_head SET digest = ?, key = ?", (previous, public_of(private)))


def test_what_nobody_changed_is_found_as_it_was(yard):
    assert check(yard) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE weights SET kg = '38960' WHERE id = 1", "weights 1: kg is '38960', journal record"),
        ("UPDATE loads SET declared = 'HRS102' WHERE id = 'load-1'", "loads load-1: declared is 'HRS102', journal"),
        ("UPDATE assessments SET report = '{}' WHERE version = 1", "assessments load-1 / 1: report is '{}', journal"),
        (
            "UPDATE assessments SET observation = replace(observation, 'by-colour', 'by-color')",
            "assessments load-1 / 1: observation is text of SHA-256",
        ),
        ("UPDATE frames SET captured_at = '2026-03-01' WHERE seq = 6", "frames load:load-1 / yard / 6: captured_at is"),
        ("UPDATE transitions SET reason = 'he said so' WHERE id = 3", "transitions 3: reason is 'he said so', journal"),
    ],
)
def test_an_edited_row_is_named_with_its_column(yard, statement, found):
    with changing(yard) as database:
        database.execute(statement)
    assert any(line.startswith(found) for line in check(yard)), check(yard)


def test_a_deleted_row_is_missed(yard):
    with changing(yard) as database:
        seq = seq_of(database, "weight.recorded")
        database.execute("DELETE FROM weights WHERE id = 1")
    assert check(yard) == [f"weights 1: is missing; journal record {seq} stands for it"]


def test_a_row_that_was_put_in_is_named(yard):
    with changing(yard) as database:
        columns, values = "id, load_id, kind, kg, actor, created_at", "99, 'load-1', 'tare', '1', 'x', 'x'"
        database.execute(f"INSERT INTO weights ({columns}) VALUES ({values})")
    assert check(yard) == ["weights 99: no journal record stands for it: it was put in"]


def test_a_status_that_no_transition_leads_to_is_named(yard):
    with changing(yard) as database:
        database.execute("UPDATE loads SET status = 'settled' WHERE id = 'load-2'")
    (found,) = check(yard)
    assert found.startswith("loads load-2: status is 'settled', but its last transition led to")


def test_a_role_that_nobody_gave_is_named_and_so_is_a_person_whom_nobody_invited(yard):
    engine = sealed(
        open_database(f"sqlite:///{yard / 'loadlens.sqlite'}"),
        Seal(SigningKeys(yard / "signing.key"), Anchor(yard / "journal.anchor")),
    )
    users = Users(engine)
    for name, role in (("ada", Role.ADMIN), ("bo", Role.INSPECTOR), ("cy", Role.INSPECTOR)):
        users.accept(users.invite(name, role, "cli"), None, "a horse, a staple")
    users.change("bo", "user:ada", role=Role.AUDITOR)
    users.change("bo", "user:ada", is_active=False)
    engine.dispose()
    assert check(yard) == []
    with changing(yard) as database:
        database.execute("UPDATE users SET role = 'manager', is_active = 1 WHERE name = 'bo'")
        database.execute("DELETE FROM users WHERE name = 'cy'")
        database.execute("INSERT INTO users (name, role, is_active, created_at) VALUES ('di', 'admin', 1, '')")
    assert check(yard) == [
        "users bo: is_active is True, the journal says False",
        "users bo: role is 'manager', the journal says 'auditor'",
        "users di: no journal record stands for it: it was put in",
        "users cy: is missing; the journal says that it was made",
    ]


def test_an_edited_record_is_named(yard):
    with changing(yard) as database:
        seq = seq_of(database, "weight.recorded")
        database.execute("UPDATE journal SET body = replace(body, '48960', '38960') WHERE seq = ?", (seq,))
        database.execute("UPDATE weights SET kg = '38960' WHERE id = 1")
    place = f"journal record {seq} (weight.recorded, load:load-1)"
    assert check(yard) == [f"{place}: is not what its digest says: it was changed"]


def test_a_deleted_record_is_missed(yard):
    with changing(yard) as database:
        seq = seq_of(database, "assessment.recorded")
        database.execute("DELETE FROM journal WHERE seq = ?", (seq,))
    found = check(yard)
    assert any(line.startswith(f"journal record {seq + 1} ") and f"record {seq} is missing" in line for line in found)
    assert "assessments load-1 / 1: no journal record stands for it: it was put in" in found


def test_a_record_that_was_put_in_between_is_named(yard):
    with changing(yard) as database:
        seq = seq_of(database, "weight.recorded")
        database.execute("UPDATE journal SET seq = -seq WHERE seq > ?", (seq,))
        database.execute("UPDATE journal SET seq = 1 - seq WHERE seq < 0")
        columns = "at, kind, subject, actor, body, previous, digest, signature"
        database.execute(f"INSERT INTO journal SELECT seq + 1, {columns} FROM journal WHERE seq = ?", (seq,))
    assert any(line.startswith(f"journal record {seq + 1} ") and "does not follow" in line for line in check(yard))


def test_records_in_each_others_place_are_named(yard):
    with changing(yard) as database:
        first, second = seq_of(database, "weight.recorded"), seq_of(database, "weight.recorded", "load:load-2")
        for old, new in ((first, -1), (second, first), (-1, second)):
            database.execute("UPDATE journal SET seq = ? WHERE seq = ?", (new, old))
    found = check(yard)
    for seq in (first, second):
        assert any(line.startswith(f"journal record {seq} ") and "in the other's place" in line for line in found)


def test_a_journal_cut_short_is_found_by_its_anchor(yard):
    with changing(yard) as database:
        end = last(database)
        database.execute("DELETE FROM journal WHERE seq > ?", (end - 2,))
        database.execute(
            "UPDATE journal_head SET seq = ?, digest = (SELECT digest FROM journal WHERE seq = ?)", (end - 2, end - 2)
        )
    found = check(yard)
    assert any(f"names record {end}, but the journal ends at record {end - 2}" in line for line in found), found
    assert all(line.startswith("anchor ") for line in found if "cut short" in line)


def test_a_head_that_was_left_behind_is_named(yard):
    with changing(yard) as database:
        end = last(database)
        database.execute("DELETE FROM journal WHERE seq = ?", (end,))
    what = f"names record {end}, but the journal ends at record {end - 1}: it was cut short"
    assert f"journal head: {what}" in check(yard)


def test_a_database_that_was_rolled_back_is_found_by_its_anchor(yards, yard):
    for name in ("loadlens.sqlite", "blobs"):
        path = yard / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copy(yards[0] / "loadlens.sqlite", yard / "loadlens.sqlite")
    shutil.copytree(yards[0] / "blobs", yard / "blobs")
    found = check(yard)
    assert found
    assert all(line.startswith("anchor ") and "rolled back" in line for line in found)


def test_a_rollback_of_database_and_anchor_is_found_by_a_head_kept_elsewhere(yards, tmp_path):
    kept = tmp_path / "kept.anchor"
    kept.write_text((yards[1] / "journal.anchor").read_text().splitlines()[-1] + "\n")
    engine = open_database(f"sqlite:///{yards[0] / 'loadlens.sqlite'}")
    with Session(engine) as session:
        anchor = AnchorCheck([yards[0] / "journal.anchor", kept])
        verdict = verify_store(session, FolderBlobs(yards[0] / "blobs"), anchor)
    engine.dispose()
    assert [finding.place for finding in verdict.findings] == [f"anchor {kept}, line 1"]


def test_a_replaced_picture_is_named(yard):
    with changing(yard) as database:
        sha256 = database.execute("SELECT sha256 FROM frames WHERE seq = 6 AND stream = 'load:load-1'").fetchone()[0]
    (yard / "blobs" / sha256[:2] / sha256).write_bytes(b"another picture")
    (found,) = check(yard)  # both loads show it, and it is kept once
    assert found.startswith("frames load:load-")
    assert "/ yard / 6: its bytes are not those" in found


def test_a_replaced_picture_with_its_digest_is_named(yard):
    with changing(yard) as database:
        sha256 = FolderBlobs(yard / "blobs").put(b"another picture")
        database.execute("UPDATE frames SET sha256 = ? WHERE seq = 6 AND stream = 'load:load-1'", (sha256,))
    (found,) = check(yard)
    assert found.startswith(f"frames load:load-1 / yard / 6: sha256 is '{sha256}', journal record")


def test_a_lost_picture_is_named(yard):
    with changing(yard) as database:
        sha256 = database.execute("SELECT sha256 FROM pictures LIMIT 1").fetchone()[0]
    (yard / "blobs" / sha256[:2] / sha256).unlink()
    (found,) = check(yard)
    assert found.startswith("pictures load-")
    assert f"its bytes are gone, SHA-256 {sha256}" in found


def test_an_edited_standard_in_force_is_named(yard):
    with changing(yard) as database:
        query = "SELECT body FROM journal WHERE kind = 'standard.in_force' AND subject = 'standard:gbt-39733-2024'"
        sha256 = json.loads(database.execute(query).fetchone()[0])["sha256"]
    path = yard / "blobs" / sha256[:2] / sha256
    path.write_bytes(path.read_bytes().replace(b"value = ", b"value = 1", 1))
    assert any(line.startswith("standard gbt-39733-2024") and "were changed" in line for line in check(yard))


def test_a_signature_used_for_another_record_is_named(yard):
    with changing(yard) as database:
        first, second = seq_of(database, "weight.recorded"), seq_of(database, "weight.recorded", "load:load-2")
        take = "UPDATE journal SET signature = (SELECT signature FROM journal WHERE seq = ?) WHERE seq = ?"
        database.execute(take, (first, second))
    assert any(line.startswith(f"journal record {second} ") and "it was forged" in line for line in check(yard))


def test_a_record_signed_by_another_key_is_named(yard):
    with changing(yard) as database:
        end = last(database)
        database.execute("UPDATE journal SET actor = 'user:nobody' WHERE seq = ?", (end,))
        sign_again(database, Ed25519PrivateKey.generate(), since=end)
    assert any(line.startswith(f"journal record {end} ") and "it was forged" in line for line in check(yard))


def forge(folder):
    """Write the whole history anew, with another weight, under another key. Everything fits but the key."""
    private = Ed25519PrivateKey.generate()
    with changing(folder) as database:
        database.execute("UPDATE weights SET kg = '38960' WHERE kg = '48960'")
        database.execute("UPDATE journal SET body = replace(body, '48960', '38960') WHERE kind = 'weight.recorded'")
        body = canonical_json({"key": public_of(private), "schema": "loadlens.journal/1"})
        database.execute("UPDATE journal SET body = ? WHERE seq = 1", (body,))
        sign_again(database, private)
    return public_of(private)


def test_a_history_written_anew_with_another_key_is_found_by_the_anchor(yard):
    key = forge(yard)
    assert any(f"journal record 1: begins with the key {key}" in line for line in check(yard))


def test_a_history_and_an_anchor_written_anew_are_found_by_the_key_that_the_reader_knows(yard, yards):
    true_key = json.loads((yards[1] / "journal.anchor").read_text().splitlines()[0])["key"]
    key = forge(yard)
    (yard / "journal.anchor").write_text("")
    assert [line for line in check(yard, true_key) if "key" in line] == [
        f"journal record 1: begins with the key {key}, not {true_key}: it was forged"
    ]


def test_a_history_written_anew_with_the_stolen_key_is_found_by_the_anchor(yard):
    keys = SigningKeys(yard / "signing.key")
    private = keys._read()[0]
    with changing(yard) as database:
        seq = seq_of(database, "weight.recorded")
        database.execute("UPDATE weights SET kg = '38960' WHERE id = 1")
        database.execute("UPDATE journal SET body = replace(body, '48960', '38960') WHERE seq = ?", (seq,))
        sign_again(database, private, since=seq)
    found = check(yard)
    assert len(found) >= 3
    assert all(line.startswith("anchor ") and "the journal was replaced" in line for line in found)


def test_an_edited_anchor_is_named_with_its_line(yard):
    file = yard / "journal.anchor"
    lines = file.read_text().splitlines()
    head = json.loads(lines[2])
    lines[2] = canonical_json({**head, "digest": "0" * 64})
    lines[4] = lines[4][:-9]
    file.write_text("\n".join(lines) + "\n")
    assert check(yard) == [
        f"anchor {file}, line 5: is no head of a journal: it was changed",
        f"anchor {file}, line 3: does not fit record {head['seq']} of the journal: this line was changed",
    ]


@contextmanager
def false_version(folder):
    """A session of a manipulated server, which would sign whatever it writes; the true version of load-1; and a
    function that records the report and the inputs of a false one, version 9."""
    database = open_database(f"sqlite:///{folder / 'loadlens.sqlite'}")
    engine = sealed(database, Seal(SigningKeys(folder / "signing.key"), Anchor(folder / "journal.anchor")))
    with Session(writing(engine)) as session, session.begin():
        true = session.get(Assessment, ("load-1", 1))

        def record(report, inputs):
            texts = {"observation": true.observation, "inputs": inputs, "reason": "", "report": canonical_json(report)}
            false = Assessment(load_id="load-1", version=9, **texts)
            session.add(false)
            append(session, "assessment.recorded", "load:load-1", {}, "server", rows=[false])

        yield session, true, record
    engine.dispose()


def test_a_report_that_its_observation_does_not_give_is_named_though_all_is_signed(yard):
    with false_version(yard) as (_, true, record):
        report = json.loads(true.report)
        report["truck"]["deduction"]["percent_of_net"] = 99.0
        record(report, true.inputs)
    (found,) = check(yard)
    assert found.startswith("assessment 9 of load load-1: its report is not what its observation gives: truck.ded")
    assert "percent_of_net is 99.0" in found


def test_a_region_that_takes_more_than_lies_in_it_is_named_though_all_is_signed_also_to_the_supplier(yard, tmp_path):
    region = {"class": "soil", "points": [(0, 0), (0.5, 0), (0.5, 1)], "radius": None}
    blobs = FolderBlobs(yard / "blobs")
    with false_version(yard) as (session, true, record):
        observation, inputs = from_json(true.observation), inputs_from(true.inputs)
        drawn = Correction.model_validate({"layers": [{"layer": 0, "regions": [region]}]})
        said = resolved(session, blobs, true, drawn.model_dump(mode="json", by_alias=True))
        said["layers"][0]["regions"][0]["taken"]["unknown"] = 1.0
        sha256 = json.loads(true.inputs)["standard"]["sha256"]
        standard = parse_standard(blobs.get(sha256), name="gbt-39733-2024")
        false = replace(inputs, correction=canonical_json(said))
        record(false.assess(observation, standard).to_report(), false.to_json(standard))
    engine = open_database(f"sqlite:///{yard / 'loadlens.sqlite'}")
    with Session(engine) as session:
        write_bundle(session, blobs, "load-1", tmp_path / "load-1.zip")
    engine.dispose()
    of_bundle = [str(finding) for finding in verify_bundle(tmp_path / "load-1.zip").findings]
    what = "assessment 9 of load load-1: a corrected region of layer 1 is not what its map gives"
    assert (check(yard), of_bundle) == ([what], [what])
