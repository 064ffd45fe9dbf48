"""A manifest proves what a model was trained on: it tells when a picture, a label or a line is not as it was."""

import json
import shutil

import pytest

from loadlens.datasets.errors import DataError
from loadlens.datasets.manifest import read_manifest, save_manifest, without_duplicates
from loadlens.datasets.samples import Box, Sample


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "set"
    (folder / "wood").mkdir(parents=True)
    for name in ("a", "b", "c"):
        (folder / "wood" / f"{name}.jpg").write_bytes(f"picture {name}".encode())
    return folder


def samples(folder):
    outline = (((0.1, 0.1), (0.3, 0.1), (0.3, 0.4)),)
    return [
        Sample(folder / "wood" / "a.jpg", ("wood",), "7", "yard 一", (Box("wood", 0.1, 0.1, 0.2, 0.3, outline),)),
        Sample(folder / "wood" / "b.jpg", ("wood", "brick\u2028")),
        Sample(folder / "wood" / "c.jpg", ()),
    ]


def write_manifest(given, path, folder):
    """As an import does it: what is there twice goes first."""
    kept, duplicates = without_duplicates(given)
    return save_manifest(kept, path, folder), duplicates


def test_what_was_written_is_read_back(folder, tmp_path):
    written, duplicates = write_manifest(samples(folder), tmp_path / "m.jsonl", folder)
    assert read_manifest(tmp_path / "m.jsonl", folder) == written
    assert sorted(written.samples.values(), key=lambda one: one.path) == samples(folder)
    assert duplicates == ()


def test_the_digest_depends_on_what_is_in_the_set_and_not_on_where_it_lies_or_in_which_order(folder, tmp_path):
    written, _ = write_manifest(samples(folder), tmp_path / "m.jsonl", folder)
    moved = shutil.copytree(folder, tmp_path / "moved")
    again, _ = write_manifest(reversed(samples(moved)), tmp_path / "again.jsonl", moved)
    assert again.digest == written.digest
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "m.jsonl").read_bytes()
    assert read_manifest(tmp_path / "m.jsonl", moved).digest == written.digest
    fewer, _ = write_manifest(samples(folder)[1:], tmp_path / "fewer.jsonl", folder)
    assert fewer.digest != written.digest


def test_exact_duplicates_are_kept_once_and_left_out_where_their_labels_differ(folder, tmp_path):
    for name, content in (("d", b"picture a"), ("e", b"picture b")):
        (folder / "wood" / f"{name}.jpg").write_bytes(content)
    doubled = [*samples(folder), Sample(folder / "wood/d.jpg", ("wood",)), Sample(folder / "wood/e.jpg", ("soil",))]
    written, duplicates = write_manifest(doubled, tmp_path / "m.jsonl", folder)
    assert sorted(one.path.name for one in written.samples.values()) == ["a.jpg", "c.jpg"]
    assert {(tuple(path.name for path in one.paths), one.labels_agree) for one in duplicates} == {
        (("a.jpg", "d.jpg"), True),
        (("b.jpg", "e.jpg"), False),
    }


def test_a_changed_or_missing_picture_is_named(folder, tmp_path):
    write_manifest(samples(folder), tmp_path / "m.jsonl", folder)
    (folder / "wood" / "b.jpg").write_bytes(b"another picture")
    with pytest.raises(DataError, match=r"b\.jpg: other bytes than m\.jsonl says"):
        read_manifest(tmp_path / "m.jsonl", folder)
    (folder / "wood" / "b.jpg").unlink()
    with pytest.raises(DataError, match=r"m\.jsonl, line \d: 'wood/b\.jpg' is not below"):
        read_manifest(tmp_path / "m.jsonl", folder)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda text: text.replace('"wood"', '"soil"', 1), "not as it was written"),
        (lambda text: text[: text.rindex('{"')], "not as it was written"),
        (lambda text: text + text.splitlines()[-1] + "\n", "not as it was written"),
        (lambda text: text.replace("manifest/1", "manifest/2"), "its schema is"),
        (lambda _: "", "not JSON"),
        (lambda _: "[]\n", "not a JSON object"),
    ],
)
def test_an_edited_or_cut_manifest_is_refused(folder, tmp_path, edit, why):
    path = tmp_path / "m.jsonl"
    write_manifest(samples(folder), path, folder)
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(DataError, match=rf"m\.jsonl, line 1: {why}"):
        read_manifest(path, folder)


def test_a_failed_writing_leaves_the_old_manifest_and_nothing_beside_it(folder, tmp_path):
    path = tmp_path / "m.jsonl"
    written, _ = write_manifest(samples(folder), path, folder)
    with pytest.raises(DataError, match=r"gone\.jpg: cannot be read"):
        write_manifest([*samples(folder), Sample(folder / "gone.jpg", ("wood",))], path, folder)
    with pytest.raises(DataError, match=r"stray\.jpg: not below"):
        (tmp_path / "stray.jpg").write_bytes(b"stray")
        write_manifest([Sample(tmp_path / "stray.jpg", ("wood",))], path, folder)
    assert read_manifest(path, folder) == written
    assert {entry.name for entry in tmp_path.iterdir()} == {"set", "m.jsonl", "stray.jpg"}


def test_a_set_without_samples_gets_no_manifest(folder, tmp_path):
    with pytest.raises(DataError, match="no sample to write"):
        write_manifest([], tmp_path / "m.jsonl", folder)
    with pytest.raises(DataError, match="write the manifest first"):
        read_manifest(tmp_path / "m.jsonl", folder)


def test_the_first_line_says_what_the_file_is(folder, tmp_path):
    written, _ = write_manifest(samples(folder), tmp_path / "m.jsonl", folder)
    head, *lines = (tmp_path / "m.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert json.loads(head) == {"schema": "loadlens.manifest/1", "samples": 3, "digest": written.digest}
    assert [json.loads(line)["sha256"] for line in lines] == sorted(written.samples)
