"""Some of the ways of test_tampering on a site: a change is made on PostgreSQL, verified there and rolled back."""

import obstore
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from loadlens.serving.evidence.anchor_check import AnchorCheck
from loadlens.serving.evidence.verify import verify_store
from loadlens.serving.store.blobs import open_blobs
from loadlens.serving.store.database import open_database, writing

pytestmark = pytest.mark.parametrize("new_place", ["site"], indirect=True, scope="module")


class Yard:
    """The records of a site after one load, in the hands of the owner of the database and of the store."""

    def __init__(self, server):
        self.anchor = server.data / "journal.anchor"
        self.engine = open_database(server.database_url)
        self.blobs = open_blobs(server.environment["LOADLENS_STORE"], server.data / "blobs")

    def found(self, *changes):
        """Every finding of `loadlens verify` after some statements, as text; nothing of them stays."""
        anchor = AnchorCheck([self.anchor])
        with Session(writing(self.engine)) as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))  # no trigger refuses anything
            for change in changes:
                assert session.execute(text(change)).rowcount > 0
            return [str(finding) for finding in verify_store(session, self.blobs, anchor).findings]

    def seq(self, kind):
        with Session(self.engine) as session:
            query = text("SELECT seq FROM journal WHERE kind = :kind ORDER BY seq")
            return session.scalars(query, {"kind": kind}).all()


@pytest.fixture(scope="module")
def yard(server, shots):
    server.open_load(declared="HRS101")
    for shot in shots[:20]:
        assert server.put(shot).status_code == 201
    assert server.close().status_code == 200
    for kind, kg in (("gross", "48960"), ("tare", "16420.125")):
        assert server.http.put(f"/v1/loads/{server.load}/weights/{kind}", json={"kg": kg}).status_code == 201
    server.stop()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in server.environment.items():
            environment.setenv(name, value)
        yard = Yard(server)
        yield yard
    yard.engine.dispose()
    server.start()


def test_what_nobody_changed_is_found_as_it_was(yard):
    assert yard.found() == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE weights SET kg = '38960' WHERE id = 1", "weights 1: kg is '38960', journal record"),
        ("DELETE FROM weights WHERE id = 1", "weights 1: is missing; journal record"),
        (
            "INSERT INTO weights (id, load_id, kind, kg, actor, created_at) "
            "SELECT 99, load_id, kind, kg, actor, created_at FROM weights WHERE id = 1",
            "weights 99: no journal record stands for it: it was put in",
        ),
        ("UPDATE loads SET status = 'settled'", "loads load-1: status is 'settled', but its last transition led to"),
        (
            "UPDATE assessments SET observation = replace(observation, 'by-colour', 'by-color')",
            "assessments load-1 / 1: observation is text of SHA-256",
        ),
    ],
)
def test_a_row_that_was_changed_taken_out_or_put_in_is_named(yard, change, found):
    assert any(line.startswith(found) for line in yard.found(change)), yard.found(change)


def test_a_record_that_was_changed_taken_out_or_put_in_anothers_place_is_named(yard):
    first, second = yard.seq("weight.recorded")
    place = f"journal record {first} (weight.recorded, load:load-1)"
    edited = yard.found(f"UPDATE journal SET body = replace(body, '48960', '38960') WHERE seq = {first}")
    assert f"{place}: is not what its digest says: it was changed" in edited
    deleted = yard.found(f"DELETE FROM journal WHERE seq = {first}")
    assert any(line.startswith(f"journal record {first + 1} ") and f"record {first} is" in line for line in deleted)
    moves = ((first, -1), (second, first), (-1, second))
    swapped = yard.found(*(f"UPDATE journal SET seq = {new} WHERE seq = {old}" for old, new in moves))
    for seq in (first, second):
        assert any(line.startswith(f"journal record {seq} ") and "in the other's place" in line for line in swapped)
    signature = f"(SELECT signature FROM journal WHERE seq = {first})"
    replayed = yard.found(f"UPDATE journal SET signature = {signature} WHERE seq = {second}")
    assert any(line.startswith(f"journal record {second} ") and "it was forged" in line for line in replayed)


def test_a_journal_cut_short_is_found_by_its_anchor(yard):
    end = yard.seq("weight.recorded")[-1]
    found = yard.found(
        f"DELETE FROM journal WHERE seq >= {end}",
        f"UPDATE journal_head SET seq = {end - 1}, digest = (SELECT digest FROM journal WHERE seq = {end - 1})",
    )
    assert any(f"but the journal ends at record {end - 1}" in line for line in found), found


def test_a_replaced_picture_in_the_store_is_named(yard):
    with Session(yard.engine) as session:
        sha256 = session.scalars(text("SELECT sha256 FROM frames WHERE seq = 6")).one()
    true = yard.blobs.get(sha256)
    place = f"{sha256[:2]}/{sha256}"
    obstore.put(yard.blobs._store, place, b"another picture", use_multipart=False)
    (found,) = yard.found()
    obstore.put(yard.blobs._store, place, true, use_multipart=False)
    assert found.startswith("frames load:load-1 / yard / 6: its bytes are not those")
