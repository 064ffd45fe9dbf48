"""The journal: appended to in the caller's transaction, chained, signed, anchored, by many writers at once."""

import itertools
import json
import os
import threading

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.evidence.anchor_check import AnchorCheck
from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.database import open_database, writing
from loadlens.serving.store.journal import (
    Seal,
    append,
    content_part,
    newest_head,
    record_digest,
    rotate_key,
    sealed,
    signed_message,
    subject_part,
)
from loadlens.serving.store.signing import SigningKeyError, SigningKeys, is_signed
from loadlens.serving.store.tables import JournalHead, JournalRecord, Load, Weight


@pytest.fixture
def seal(tmp_path):
    return Seal(SigningKeys(tmp_path / "keys" / "signing.key"), Anchor(tmp_path / "journal.anchor"))


@pytest.fixture
def engine(database_url, seal):
    engine = sealed(open_database(database_url), seal)
    yield engine
    engine.dispose()


def write(engine, kind, subject="load:a", **body):
    with Session(writing(engine)) as session, session.begin():
        return append(session, kind, subject, body, "user:ann")


def records(engine):
    with Session(engine) as session:
        return session.scalars(select(JournalRecord).order_by(JournalRecord.seq)).all()


def test_each_record_is_chained_to_the_one_before_it_and_signed(engine):
    assert write(engine, "load.opened", declared="HRS101", plate="京A·12345") == 2
    assert write(engine, "weight.recorded", kg="1000.5") == 3
    key, previous = None, "0" * 64
    for record in records(engine):
        body = json.loads(record.body)
        key = body["key"] if record.kind == "journal.began" else key
        parts = (
            subject_part(record.subject),
            content_part(record.seq, record.at, record.kind, record.actor, record.body),
        )
        assert record.digest == record_digest(previous, *parts)
        assert is_signed(key, signed_message(record.digest), record.signature)
        previous = record.digest
    assert [record.kind for record in records(engine)] == ["journal.began", "load.opened", "weight.recorded"]


def test_what_is_rolled_back_is_neither_in_the_journal_nor_in_the_anchor(engine, seal):
    before = seal.anchor.path.read_text()
    with Session(writing(engine)) as session:
        append(session, "load.opened", "load:a", {}, "user:ann")
        session.rollback()
        session.commit()
    assert seal.anchor.path.read_text() == before
    assert write(engine, "load.opened") == 2


def test_the_anchor_holds_the_head_of_every_commit(engine, seal):
    write(engine, "load.opened")
    with Session(writing(engine)) as session, session.begin():
        append(session, "load.opened", "load:b", {}, "user:ann")
        append(session, "load.opened", "load:c", {}, "user:ann")
    heads = [json.loads(line) for line in seal.anchor.path.read_text().splitlines()]
    assert [head["seq"] for head in heads] == [1, 2, 4]
    with Session(engine) as session:
        newest = newest_head(session)
    assert heads[-1]["digest"] == newest.digest == records(engine)[-1].digest
    assert is_signed(heads[-1]["key"], signed_message(heads[-1]["digest"]), heads[-1]["signature"])


def test_a_record_stands_for_the_rows_that_it_names(engine):
    with Session(writing(engine), expire_on_commit=False) as session, session.begin():
        session.add(Load(id="a", standard="x", declared="d" * 300))
        session.flush()
        weight = Weight(load_id="a", kind="gross", kg="1000.5", actor="user:a")
        session.add(weight)
        append(session, "weight.recorded", "load:a", {"why": "truck on the bridge"}, "user:ann", rows=[weight])
    (rows,) = json.loads(records(engine)[-1].body)["rows"]
    assert rows["table"] == "weights"
    assert dict(zip(rows["columns"], rows["values"][0], strict=True)) == {
        "id": 1,
        "load_id": "a",
        "kind": "gross",
        "kg": "1000.5",
        "division": None,
        "reading": None,
        "actor": "user:a",
        "created_at": weight.created_at,
    }


def test_many_writers_at_once_make_one_chain(engine, database_url, seal):
    second = sealed(open_database(database_url), seal)
    threads = [
        threading.Thread(target=lambda by: [write(by, "load.opened", f"load:{n}") for n in range(10)], args=(by,))
        for by in (engine, second, engine, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    second.dispose()
    chain = records(engine)
    assert [record.seq for record in chain] == list(range(1, 42))
    assert all(later.previous == earlier.digest for earlier, later in itertools.pairwise(chain))


def test_the_key_is_made_once_and_nobody_else_may_read_it(engine, database_url, seal):
    assert seal.keys.path.stat().st_mode & 0o777 == 0o600
    held = seal.keys.path.read_bytes()
    sealed(open_database(database_url), seal).dispose()
    assert seal.keys.path.read_bytes() == held
    seal.keys.path.chmod(0o644)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        Seal(SigningKeys(seal.keys.path), seal.anchor).keys.create()


def test_a_journal_is_never_signed_on_with_another_key(engine, database_url, tmp_path, seal):
    for unusable, said in (("absent", "cannot be read"), ("other", "does not hold the key")):
        keys = SigningKeys(tmp_path / unusable)
        if unusable == "other":
            keys.create()
        database = open_database(database_url)
        with pytest.raises(SigningKeyError, match=said):
            sealed(database, Seal(keys, seal.anchor))
        database.dispose()
    assert not (tmp_path / "absent").exists()


def test_a_new_key_is_introduced_by_the_old_one_and_other_servers_follow(engine, database_url, seal):
    other_server = sealed(open_database(database_url), Seal(SigningKeys(seal.keys.path), seal.anchor))
    write(other_server, "load.opened")
    new = rotate_key(engine, "user:ann")
    write(other_server, "weight.recorded")
    other_server.dispose()
    old = json.loads(records(engine)[0].body)["key"]
    *_, rotated, after = records(engine)
    assert json.loads(rotated.body)["key"] == new != old
    assert is_signed(old, signed_message(rotated.digest), rotated.signature)
    assert is_signed(new, signed_message(after.digest), after.signature)
    with pytest.raises(SigningKeyError):
        SigningKeys(seal.keys.path).check(old)


def test_keys_that_are_rotated_by_several_at_once_leave_the_one_in_force(engine, database_url, seal):
    def rotate():
        own = sealed(open_database(database_url), Seal(SigningKeys(seal.keys.path), seal.anchor))
        for _ in range(5):
            rotate_key(own, "user:ann")
        own.dispose()

    threads = [threading.Thread(target=rotate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Session(engine) as session:
        SigningKeys(seal.keys.path).check(newest_head(session).key)
        in_force = session.scalars(select(JournalHead.key)).one()
    SigningKeys(seal.keys.path).check(in_force)
    assert seal.keys.path.read_bytes().count(b"BEGIN PRIVATE KEY") == 1
    assert write(engine, "load.opened") == 22


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to somebody else")
def test_a_key_stays_its_owners_where_root_rotates_it(engine, seal):
    os.chown(seal.keys.path, 4711, 4712)
    rotate_key(engine, "admin at the machine")
    now = seal.keys.path.stat()
    assert (now.st_uid, now.st_gid, now.st_mode & 0o777) == (4711, 4712, 0o600)


@pytest.mark.parametrize("half", ['{"at":"2026-03-01T08:0', "", "\0\0\0"], ids=["half a line", "no line", "zeros"])
def test_what_a_full_disk_or_a_power_cut_left_of_a_head_spoils_no_other(engine, seal, half):
    before = seal.anchor.path.read_text()
    seal.anchor.path.write_text(before + half)
    assert AnchorCheck([seal.anchor.path]).unreadable == []
    write(engine, "load.opened")
    after = seal.anchor.path.read_text()
    assert after.startswith(before)
    assert [json.loads(line)["seq"] for line in after.splitlines()] == [1, 2]
    seal.anchor.path.write_text(after.removesuffix("\n"))  # the last head is whole, but for the end of its line
    write(engine, "weight.recorded")
    assert [json.loads(line)["seq"] for line in seal.anchor.path.read_text().splitlines()] == [1, 2, 3]
