"""Verify, bundles, backup and restore as commands, beside a running server, on one box and on a site."""

import hashlib
import json
import os
import shutil
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import cv2
import duckdb
import numpy as np
import pytest
from sqlalchemy import NullPool, Numeric, cast, create_engine, func, select
from sqlalchemy.orm import Session

from loadlens.grading.observation_json import from_json
from loadlens.grading.standard import load_standard
from loadlens.serving.api.app import alone_in
from loadlens.serving.archive.folder import open_archive
from loadlens.serving.archive.regrading import regrade_archive
from loadlens.serving.evidence.retention import Policy, let_go
from loadlens.serving.regrading import loads_of_database, regrade
from loadlens.serving.seal import open_seal
from loadlens.serving.settings import read_settings
from loadlens.serving.store.blobs import open_blobs
from loadlens.serving.store.database import open_database
from loadlens.serving.store.journal import content_part, sealed, subject_part
from loadlens.serving.store.queue_tables import LoadResult
from loadlens.serving.store.tables import Assessment


@pytest.fixture(scope="module")
def graded(server, shots):
    """A load that was weighed, graded and corrected by a region, and another that is open."""
    server.open_load(declared="HRS101")
    load = server.load
    for kind, kg in (("gross", "48960"), ("tare", "16420.125")):
        assert server.http.put(f"/v1/loads/{load}/weights/{kind}", json={"kg": kg}).status_code == 201
    for shot in shots:
        assert server.put(shot).status_code == 201
    assert server.close().status_code == 200
    drawn = {"layer": 0, "regions": [{"class": "soil", "points": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}]}
    soiled = {"decision": "correct", "reason": "soil lies there", "correction": {"layers": [drawn]}}
    assert server.http.post(f"/v1/loads/{load}/reviews", json=soiled).status_code == 201
    server.open_load()
    assert server.put(shots[0]).status_code == 201
    return load


def said(run):
    """The JSON that a command printed."""
    assert run.returncode in (0, 1), run.stderr
    return json.loads(run.stdout)


def test_verify_beside_a_running_server_finds_all_as_it_was_recorded(server, graded):
    run = server.command("verify", "--data", server.data)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "all is as it was recorded" in run.stdout
    verdict = said(server.command("verify", "--data", server.data, "--json"))
    assert verdict["findings"] == []
    assert verdict["counts"]["assessments"] >= 1
    assert verdict["counts"]["pictures"] >= 48
    assert verdict["key"] == server.http.get("/v1/journal").json()["records"][0]["body"]["key"]
    wrong = server.command("verify", "--data", server.data, "--key", "00" * 32)
    assert wrong.returncode == 1
    assert "journal record 1: begins with the key" in wrong.stdout


@pytest.fixture(scope="module")
def archive(server, graded, tmp_path_factory):
    out = tmp_path_factory.mktemp("archive") / "new"
    server.run("archive", str(out))
    return out


def test_loads_of_the_database_are_graded_again_as_those_of_a_bundle(server, graded, bundle_file, tmp_path):
    new = ("--standard", "example-mill")
    from_database = server.command("regrade", "--data", server.data, "--out", tmp_path / "database", *new)
    assert from_database.returncode == 0, from_database.stderr
    assert server.command("regrade", bundle_file.parent, "--out", tmp_path / "bundle", *new).returncode == 0
    (of_bundle,) = (tmp_path / "bundle/loads").iterdir()
    of_database = tmp_path / "database/loads" / of_bundle.name
    assert of_database.read_bytes() == of_bundle.read_bytes()
    assert json.loads(of_database.read_bytes())["load"]["id"] == graded
    both = server.command("regrade", bundle_file.parent, "--data", server.data, "--out", tmp_path / "both")
    assert (both.returncode, "leave out --data" in both.stderr) == (2, True)


def test_an_archive_is_graded_again_as_the_database(server, graded, archive, tmp_path):
    standard = load_standard("example-mill")
    engine = open_database(server.database_url)
    with Session(engine) as session:
        regrade(loads_of_database(session), tmp_path / "database", standard, None)
    engine.dispose()
    regrade_archive(open_archive(archive), tmp_path / "archive", standard, None)
    with duckdb.connect() as theirs:
        reports = theirs.execute(f"SELECT report FROM '{tmp_path}/archive/parts/*.parquet'").fetchall()
    alone = (path.read_text(encoding="utf-8") for path in (tmp_path / "database/loads").iterdir())
    assert sorted(report for (report,) in reports) == sorted(alone)


def test_another_program_reads_an_archive_and_counts_what_the_database_has(server, graded, archive):
    with create_engine(server.database_url, poolclass=NullPool).connect() as database:
        recorded = select(func.sum(cast(LoadResult.kg, Numeric(15, 3))), func.count()).select_from(LoadResult)
        kg, loads = database.execute(recorded).one()
        newest = select(Assessment.observation).where(Assessment.load_id == graded).order_by(Assessment.version.desc())
        layers = from_json(database.execute(newest.limit(1)).scalar_one()).layers
    with duckdb.connect() as theirs:
        counted = theirs.execute(f"SELECT sum(deduction_kg), count(*) FROM '{archive}/loads/*.parquet'").fetchone()
        mine = f"FROM '{archive}/layers/*.parquet' WHERE load = '{graded}'"
        shares = theirs.execute(f"SELECT sum(coalesce(forms['turnings'], 0)), count(*) {mine}").fetchone()
        (named,) = theirs.execute(f"SELECT frames FROM '{archive}/loads/*.parquet' WHERE load = '{graded}'").fetchone()
    assert counted == (kg, loads)
    assert shares == (pytest.approx(sum(layer.forms.get("turnings", 0) for layer in layers)), len(layers))
    assert {layer.key_frame_sha256 for layer in layers} <= set(named)
    pictures = {path.name: path.read_bytes() for path in archive.glob("pictures/*/*")}
    assert set(named) <= set(pictures)
    assert all(sha256(data).hexdigest() == name for name, data in pictures.items())


def test_the_journal_is_read_page_by_page(server, graded):
    first = server.http.get("/v1/journal", params={"limit": 3}).json()
    assert [record["seq"] for record in first["records"]] == [1, 2, 3]
    second = server.http.get("/v1/journal", params={"limit": 1000, "after": first["next_after"]}).json()
    assert second["records"][0]["seq"] == 4
    assert second["next_after"] is None
    head = server.http.get("/v1/journal/head").json()
    assert head["digest"] == second["records"][-1]["digest"]
    kinds = {record["kind"] for record in [*first["records"], *second["records"]]}
    assert kinds >= {"journal.began", "settings.in_force", "standard.in_force", "model.in_force", "load.opened"}
    of_load = {"subject": f"load:{graded}", "kind": "assessment.recorded"}
    recorded = server.http.get("/v1/journal", params=of_load).json()["records"]
    assert [record["body"]["decision"] for record in recorded] == ["stop", "stop"]
    assert server.http.get("/v1/journal", params={"limit": 0}).status_code == 422


def test_a_head_kept_elsewhere_is_checked_too(server, graded, tmp_path):
    kept = tmp_path / "kept"
    kept.write_text(server.http.get("/v1/journal/head").text + "\n")
    assert server.command("verify", "--data", server.data, "--anchor", kept).returncode == 0
    kept.write_text(kept.read_text().replace('"seq":', '"seq":9'))
    run = server.command("verify", "--data", server.data, "--anchor", kept)
    assert run.returncode == 1
    assert f"anchor {kept}, line 1: names record 9" in run.stdout


@pytest.fixture(scope="module")
def bundle_file(server, graded, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundle") / "load.zip"
    server.run("bundle", graded, "--out", out)
    return out


def nowhere(tmp_path):
    """The environment of somebody who has nothing of the site."""
    return {"LOADLENS_DATA": str(tmp_path / "none"), "without": ("LOADLENS_DATABASE", "LOADLENS_STORE")}


def test_a_supplier_checks_a_bundle_with_no_access_to_us(server, graded, bundle_file, tmp_path):
    key = server.http.get("/v1/journal").json()["records"][0]["body"]["key"]
    verdict = said(server.command("verify", bundle_file, "--key", key, "--json", **nowhere(tmp_path)))
    assert verdict["findings"] == []
    assert verdict["counts"]["assessments"] == 2
    assert verdict["counts"]["pictures"] >= 2
    with zipfile.ZipFile(bundle_file) as bundle:
        report = json.loads(bundle.read("assessments/2/report.json"))
        assert report == server.http.get(f"/v1/loads/{graded}/assessment").json()
        named = {layer["key_frame_sha256"] for layer in report["layers"]}
        assert {f"pictures/{sha256}.jpg" for sha256 in named} <= set(bundle.namelist())
        lines = [json.loads(line) for line in bundle.read("journal.jsonl").splitlines()]
    assert {line["subject"] for line in lines if "subject" in line} == {f"load:{graded}"}
    assert any("subject" not in line for line in lines)


def changed(bundle_file, out, change):
    """A copy of a bundle whose files went through `change`, which takes and returns {name: bytes}."""
    with zipfile.ZipFile(bundle_file) as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}
    with zipfile.ZipFile(out, "w") as bundle:
        for name, data in change(files).items():
            bundle.writestr(name, data)
    return out


def edit(name_part, old, new):
    def change(files):
        (name,) = [name for name in files if name_part in name][:1]
        assert old in files[name]
        return {**files, name: files[name].replace(old, new, 1)}

    return change


def drop(name_part):
    return lambda files: {name: data for name, data in files.items() if name_part not in name}


def put_in(folder, ending):
    name = f"{folder}/{hashlib.sha256(b'another').hexdigest()}.{ending}"
    return lambda files: {**files, name: b"another"}


def hide_a_record(files):
    """Show a record of the load as one of others."""
    lines = [json.loads(line) for line in files["journal.jsonl"].splitlines()]
    own = [line for line in lines if "subject" in line]
    hidden = own[-1]
    content = content_part(hidden["seq"], hidden["at"], hidden["kind"], hidden["actor"], hidden["body"])
    parts = {"seq": hidden["seq"], "subject_part": subject_part(hidden["subject"]), "content_part": content}
    lines[lines.index(hidden)] = parts
    return {**files, "journal.jsonl": b"\n".join(json.dumps(line).encode() for line in lines)}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (edit("journal.jsonl", b"48960", b"38960"), "(weight.recorded, load:"),
        (edit("report.json", b'"net_kg":32539.875', b'"net_kg":22539.875'), "assessments/1/report.json: is not what"),
        (edit("observation.json", b"by-colour", b"by-color"), "assessments/1/observation.json: is not what"),
        (edit("standards/", b"value = ", b"value = 1"), "its bytes are not those of its digest"),
        (edit("pictures/", b"\xff\xd8", b"\xff\xd9"), "its bytes are not those of its digest"),
        (edit("bundle.json", b'"seq":', b'"seq":9'), "journal head"),
        (drop("assessments/1/report"), "assessment 1 of load"),
        (drop("standards/"), "is missing; assessment 1 of load"),
        (drop("pictures/"), "is missing; assessment 1 of load"),
        (drop("maps/"), "is missing; assessment 2 of load"),
        (edit("maps/", b"PK", b"KP"), "its bytes are not those of its digest"),
        (put_in("maps", "npz"), "no record of the load names it"),
        (hide_a_record, "is of this load and was left out"),
        (put_in("pictures", "jpg"), "no record of the load names it"),
    ],
)
def test_a_changed_bundle_is_found_out(server, bundle_file, tmp_path, change, found):
    run = server.command("verify", changed(bundle_file, tmp_path / "changed.zip", change), **nowhere(tmp_path))
    assert run.returncode == 1, run.stderr
    assert found in run.stdout


def test_what_is_no_bundle_is_refused_in_one_line(server, bundle_file, tmp_path):
    (tmp_path / "text").write_text("no zip")
    for file in (tmp_path / "text", tmp_path / "none", changed(bundle_file, tmp_path / "empty.zip", lambda _: {})):
        run = server.command("verify", file)
        assert run.returncode == 3, run.stdout + run.stderr
        assert "is no bundle of a load" in run.stderr
    there = server.command("bundle", "nowhere", "--data", server.data, "--out", tmp_path / "new.zip")
    assert (there.returncode, "knows no load 'nowhere'" in there.stderr) == (3, True)
    assert not (tmp_path / "new.zip").exists()


@pytest.fixture
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_nobody_else_may_look_into_the_data_folder_or_a_backup(serve, tmp_path):
    """They hold hashes of passwords, names of suppliers, and the key that signs."""
    server = serve()
    backup, new, fresh, keyed = (tmp_path / name for name in ("backup", "new", "fresh", "keyed"))
    key = server.data / "signing.key"
    server.command("keys", "add", "--role", "admin", "--data", keyed)
    assert server.command("backup", backup, "--data", server.data).returncode == 0
    server.command("restore", backup, "--data", new, "--signing-key", key)
    with alone_in(fresh):
        assert [folder.stat().st_mode & 0o777 for folder in (keyed, backup, new, fresh)] == 4 * [0o700]
    assert [file.stat().st_mode & 0o777 for file in (key, new / "signing.key")] == 2 * [0o600]


def test_a_backup_made_while_the_server_works_is_whole_and_can_be_restored(server, shots, new_place, tmp_path):
    out, place = tmp_path / "backup", new_place()
    server.open_load()
    assert server.put(shots[0]).status_code == 201
    run = server.command("backup", out, "--data", server.data)
    assert run.returncode == 0, run.stdout + run.stderr
    files = {path.name for path in out.iterdir()}
    assert files == {"loadlens.sqlite", "blobs", "journal.anchor"}

    # Into the same folder again, after more was recorded.
    assert server.put(shots[1]).status_code == 201
    assert server.close().status_code == 200
    assert server.command("backup", out, "--data", server.data).returncode == 0
    report = server.http.get(f"/v1/loads/{server.load}/assessment").content

    new, key = tmp_path / "new", server.data / "signing.key"
    run = server.command("restore", out, "--data", new, "--signing-key", key, **place)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "all is as it was recorded" in run.stdout
    again = server.command("restore", out, "--data", new, "--signing-key", key, **place)
    assert (again.returncode, "is not empty" in again.stderr) == (2, True)

    restored = type(server)(new, server.model, place)
    try:
        assert restored.http.get(f"/v1/loads/{server.load}/assessment").content == report
        restored.load = "after"
        assert restored.http.post("/v1/loads", json={"id": "after"}).status_code == 201
        assert restored.put(shots[0]).status_code == 201
        kinds = {record["kind"] for record in restored.http.get("/v1/journal?limit=1000").json()["records"]}
        assert "store.restored" in kinds
    finally:
        restored.stop()
    assert server.command("verify", "--data", new, **place).returncode == 0


def test_no_backup_or_bundle_holds_the_private_key(server, graded, bundle_file, tmp_path):
    assert server.command("backup", tmp_path / "backup", "--data", server.data).returncode == 0
    key = "".join((server.data / "signing.key").read_text().splitlines()[1:-1]).encode()
    assert len(key) > 40
    with zipfile.ZipFile(bundle_file) as bundle:
        assert not any(key in bundle.read(name) for name in bundle.namelist())
    for path in (tmp_path / "backup").rglob("*"):
        assert path.is_dir() or key not in path.read_bytes()
    assert key not in server.log.read_bytes()


def test_a_damaged_backup_is_restored_only_where_that_is_asked_for(server, graded, new_place, tmp_path):
    out, key = tmp_path / "backup", server.data / "signing.key"
    assert server.command("backup", out, "--data", server.data).returncode == 0
    shutil.rmtree(next((out / "blobs").iterdir()))
    place = new_place()
    run = server.command("restore", out, "--data", tmp_path / "new", "--signing-key", key, **place)
    assert run.returncode == 3
    assert "its bytes are gone" in run.stderr
    assert not (tmp_path / "new").exists()
    run = server.command("restore", out, "--data", tmp_path / "new", "--signing-key", key, "--damaged", **place)
    assert run.returncode == 1
    assert "its bytes are gone" in run.stdout


def test_a_restore_keeps_the_anchor_that_names_what_the_backup_lacks(server, graded, new_place, tmp_path):
    out, place = tmp_path / "backup", new_place()
    assert server.command("backup", out, "--data", server.data).returncode == 0
    server.open_load()
    anchor = tmp_path / "another-disk" / "journal.anchor"
    anchor.parent.mkdir()
    heads = (server.data / "journal.anchor").read_bytes()
    anchor.write_bytes(heads)
    new, site = ("--data", tmp_path / "new"), {"LOADLENS_ANCHOR": str(anchor), **place}
    run = server.command("restore", out, *new, "--signing-key", server.data / "signing.key", **site)
    assert run.returncode == 0, run.stdout + run.stderr
    (kept,) = (path for path in anchor.parent.iterdir() if path != anchor)
    assert kept.read_bytes() == heads
    assert f"is kept as {kept}" in run.stdout
    run = server.command("verify", *new, "--anchor", kept, **site)
    assert (run.returncode, f"anchor {kept}, line " in run.stdout) == (1, True)


def test_an_anchor_that_is_gone_is_named_and_all_else_is_checked(server, graded, tmp_path):
    run = server.command("verify", "--data", server.data, "--json", LOADLENS_ANCHOR=str(tmp_path / "gone"))
    verdict = said(run)
    assert [found["place"] for found in verdict["findings"]] == [f"anchor {tmp_path / 'gone'}"]
    assert verdict["counts"]["assessments"] >= 1


def test_a_folder_that_no_server_has_written_is_refused_and_nothing_is_put_into_it(server, graded, tmp_path):
    (tmp_path / "wrong").mkdir()
    for command in (("verify",), ("backup", tmp_path / "out"), ("bundle", graded, "--out", tmp_path / "load.zip")):
        run = server.command(*command, "--data", tmp_path / "wrong", **nowhere(tmp_path))
        assert (run.returncode, "holds no records" in run.stderr) == (3, True), run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["wrong"]
    assert not list((tmp_path / "wrong").iterdir())


def test_a_folder_of_something_else_is_no_place_for_a_backup(server, graded, tmp_path):
    (tmp_path / "letters").write_text("of ours")
    run = server.command("backup", tmp_path, "--data", server.data)
    assert (run.returncode, "holds letters" in run.stderr) == (2, True)


def test_the_key_is_rotated_while_the_server_runs(server, graded, shots):
    old = (server.data / "signing.key").read_bytes()
    run = server.command("rotate-key", "--data", server.data)
    assert run.returncode == 0, run.stderr
    server.open_load()
    assert server.http.get("/v1/journal/head").json()["key"] == run.stdout.strip()
    assert (server.data / "signing.key").read_bytes() != old
    assert server.command("verify", "--data", server.data).returncode == 0


def test_a_drawing_that_was_let_go_is_drawn_again_until_its_frame_is_gone_too(server, shots, monkeypatch, tmp_path):
    place = server.open_load()
    for shot in shots[:20]:  # before anything dangerous shows; mirrored, for what another load shows too is kept
        picture = cv2.flip(cv2.imdecode(np.frombuffer(shot.jpeg, np.uint8), cv2.IMREAD_COLOR), 1)
        assert server.put(replace(shot, jpeg=cv2.imencode(".jpg", picture)[1].tobytes())).status_code == 201
    assert server.close().status_code == 200
    assert server.http.post(f"{place}/cancel", json={"reason": "the truck left with its load"}).status_code == 200
    layer = server.http.get(f"{place}/assessment").json()["layers"][0]
    drawn = server.http.get(layer["overlay"])
    assert drawn.status_code == 200
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    site = read_settings(data=server.data)
    engine, blobs = (
        sealed(open_database(site.database_url), open_seal(site)),
        open_blobs(site.store, site.data / "blobs"),
    )
    later = datetime.now(UTC) + timedelta(days=2)

    assert let_go(engine, blobs, Policy(None, 1), later)["drawings"] >= 1
    again = server.http.get(layer["overlay"])
    assert (again.status_code, again.content == drawn.content) == (200, False)
    look = f"/v1/models/{sha256(server.model.read_bytes()).hexdigest()}/loads/{server.load}"
    assert server.http.put(look).status_code == 200  # what a model looks at again is still there
    shown = cv2.imdecode(np.frombuffer(again.content, np.uint8), cv2.IMREAD_COLOR)
    frame = cv2.imdecode(np.frombuffer(blobs.get(layer["key_frame_sha256"]), np.uint8), cv2.IMREAD_COLOR)
    frame = cv2.resize(frame, (shown.shape[1], round(frame.shape[0] * shown.shape[1] / frame.shape[1])))
    assert np.abs(shown[: frame.shape[0]].astype(int) - frame).mean() < 6  # nothing is painted on it
    assert shown.shape[0] > frame.shape[0] + 40  # and the legend stands below
    with_drawing = len(server.http.get(f"{place}/report.html").text)

    assert let_go(engine, blobs, Policy(1, 1), later)["frames"] >= 1
    engine.dispose()
    reopened = server.http.post(f"{place}/reopen", json={"reason": "it came back"})
    assert (reopened.status_code, "its frames were let go" in reopened.json()["detail"]) == (409, True)
    assert server.http.get(place).json()["status"] == "cancelled"
    assert server.http.put(look).status_code == 410
    gone = server.http.get(layer["overlay"])
    assert (gone.status_code, "its frame were let go" in gone.json()["detail"]) == (410, True)
    assert len(server.http.get(f"{place}/report.html").text) < with_drawing / 2
    server.run("archive", str(tmp_path / "archive"))
    again = server.command("regrade", tmp_path / "archive", "--model", server.model, "--out", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    told = (tmp_path / "again/refused.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in told] == [f"load {server.load}"]
    assert "let go of its frames by its policy" in told[0]
    assert server.command("verify", "--data", server.data).returncode == 0
