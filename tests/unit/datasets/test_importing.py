"""Other people's labelled pictures become a data set, or are refused with a reason and nothing is left behind."""

import json
import stat
import zipfile

import cv2
import numpy as np
import pytest

from loadlens.datasets.errors import DataError
from loadlens.datasets.importing import ImportOptions, import_pictures, read_data_set
from loadlens.serving.cli import main


def picture(path, *, seed=0, size=(200, 100)):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    cv2.imwrite(str(path), noise)
    return path


def bring(form, source, out, **options):
    said = {"source": "", "site": "", "day": "", "part": ""} | options.pop("said", {})
    return import_pictures(form, source, out, ImportOptions(said=said, **options))


def labels(out):
    return {one.name: one.labels for one in read_data_set(out).samples.values()}


@pytest.fixture
def yard(tmp_path):
    """Two folders by the yard's own names, and what they mean."""
    for number, name in enumerate(("Holz/a.jpg", "Holz/b.jpg", "Flasche/c.png")):
        picture(tmp_path / "yard" / name, seed=number)
    (tmp_path / "classes.toml").write_text('[classes]\n"Holz" = "wood"\n"Flasche" = "gas_cylinder"\n')
    return tmp_path / "yard"


def test_folders_become_a_data_set_that_stands_alone(yard, tmp_path):
    bring("folders", yard, tmp_path / "set", classes=tmp_path / "classes.toml", said={"site": "north"})
    for path in yard.rglob("*.*"):
        path.unlink()
    samples = read_data_set(tmp_path / "set").samples.values()
    assert labels(tmp_path / "set") == {
        "Holz/a.jpg": ("wood",),
        "Holz/b.jpg": ("wood",),
        "Flasche/c.png": ("gas_cylinder",),
    }
    assert {one.site for one in samples} == {"north"}
    assert {one.size for one in samples} == {(200, 100)}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, r"no class of ours for 'Flasche' \(1 pictures\), 'Holz' \(2 pictures\); write a TOML file"),
        ('[classes]\nHolz = "wood"\n', "no class of ours for 'Flasche'"),
        ('[classes]\nHolz = "woood"\nFlasche = ""\n', "'Holz' = 'woood' is no class of ours; perhaps wood"),
        ('Holz = "wood"\n', r"write one table \[classes\]"),
        ("[classes\n", "not TOML"),
    ],
)
def test_a_label_without_a_class_is_refused_by_name_and_nothing_is_written(yard, tmp_path, content, why):
    (tmp_path / "map.toml").write_text(content or "")
    with pytest.raises(DataError, match=why):
        bring("folders", yard, tmp_path / "set", classes=tmp_path / "map.toml" if content else None)
    assert not (tmp_path / "set").exists()


def test_a_picture_of_which_every_label_is_left_out_is_left_out_itself(yard, tmp_path):
    (tmp_path / "map.toml").write_text('[classes]\nHolz = "wood"\nFlasche = ""\n')
    done = bring("folders", yard, tmp_path / "set", classes=tmp_path / "map.toml")
    assert (done.new, done.left_out_by_class) == (2, 1)
    assert set(labels(tmp_path / "set").values()) == {("wood",)}


def test_an_unreadable_picture_refuses_all_unless_it_may_be_left_out(yard, tmp_path):
    whole = (yard / "Holz" / "a.jpg").read_bytes()
    (yard / "Holz" / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"Holz/a\.jpg: .*cut off.*give --leave-out-unreadable"):
        bring("folders", yard, tmp_path / "set", classes=tmp_path / "classes.toml")
    assert not (tmp_path / "set").exists()
    done = bring("folders", yard, tmp_path / "set", classes=tmp_path / "classes.toml", leave_out_unreadable=True)
    assert done.new == 2 and "Holz/a.jpg" in done.unreadable[0]


def test_pictures_are_added_once_and_a_changed_mind_is_refused(yard, tmp_path):
    out = tmp_path / "set"
    bring("folders", yard, out, classes=tmp_path / "classes.toml")
    with pytest.raises(DataError, match="give --add"):
        bring("folders", yard, out, classes=tmp_path / "classes.toml")
    picture(yard / "Holz" / "d.jpg", seed=9)
    done = bring("folders", yard, out, classes=tmp_path / "classes.toml", add=True)
    assert (done.new, len(done.manifest.samples)) == (1, 4)
    before = (out / "manifest.jsonl").read_bytes()
    (yard / "Holz" / "a.jpg").rename(yard / "Flasche" / "a.jpg")
    with pytest.raises(DataError, match=r"in the data set already as wood \(Holz/a\.jpg\), and here as gas_cylinder"):
        bring("folders", yard, out, classes=tmp_path / "classes.toml", add=True)
    assert (out / "manifest.jsonl").read_bytes() == before


def test_an_empty_class_is_named(yard, tmp_path):
    (yard / "Beton").mkdir()
    with pytest.raises(DataError, match="Beton: the folder of a label without a picture"):
        bring("folders", yard, tmp_path / "set", classes=tmp_path / "classes.toml")


def test_labels_drawn_on_a_picture_of_another_size_are_refused(tmp_path):
    picture(tmp_path / "in" / "images" / "a.jpg", size=(400, 200))
    coco = {
        "categories": [{"id": 1, "name": "wood"}],
        "images": [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 50, 50]}],
    }
    (tmp_path / "in" / "coco.json").write_text(json.dumps(coco))
    with pytest.raises(DataError, match=r"has 400 x 200 pixels, but its labels or masks were drawn on 200 x 100"):
        bring("coco", tmp_path / "in", tmp_path / "set")
    coco["annotations"][0]["segmentation"] = {"size": [50, 100], "counts": "x"}
    (tmp_path / "in" / "coco.json").write_text(json.dumps(coco))
    with pytest.raises(DataError, match=r"the mask has height, width \[50, 100\]"):
        bring("coco", tmp_path / "in", tmp_path / "set")


def zipped(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def linked(name):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


class TestArchives:
    def test_an_archive_is_read_like_its_folder(self, yard, tmp_path):
        entries = {f"export/{p.relative_to(yard)}": p.read_bytes() for p in yard.rglob("*.*")}
        bring("folders", zipped(tmp_path / "a.zip", entries), tmp_path / "set", classes=tmp_path / "classes.toml")
        assert len(labels(tmp_path / "set")) == 3

    @pytest.mark.parametrize(
        ("entries", "why"),
        [
            ({"../a.jpg": b"x"}, r"'\.\./a\.jpg' leads out"),
            ({"wood/..\\..\\a.jpg": b"x"}, "leads out"),
            ({"/etc/a.jpg": b"x"}, "leads out"),
            ({"C:/a.jpg": b"x"}, "leads out"),
            ({linked("wood/a.jpg"): b"/etc/passwd"}, "is a link"),
            ({"wood/a.jpg": b"\0" * 40_000_000}, "unpacks to 38 MB from 0 MB"),
        ],
    )
    def test_a_hostile_archive_is_refused_before_anything_is_read(self, tmp_path, entries, why):
        with pytest.raises(DataError, match=rf"a\.zip: .*{why}"):
            bring("folders", zipped(tmp_path / "a.zip", entries), tmp_path / "set")
        assert {path.name for path in tmp_path.iterdir()} == {"a.zip"}

    def test_an_archive_that_lies_about_its_size_is_refused(self, tmp_path):
        path = zipped(tmp_path / "a.zip", {"wood/a.jpg": b"\0" * 40_000_000})
        data = path.read_bytes()
        path.write_bytes(data.replace((40_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
        with pytest.raises(DataError, match=r"a\.zip"):
            bring("folders", path, tmp_path / "set")
        assert not (tmp_path / "set").exists()

    def test_another_file_is_no_archive(self, tmp_path):
        (tmp_path / "a.zip").write_bytes(b"PK nonsense")
        with pytest.raises(DataError, match="no zip archive that can be read"):
            bring("folders", tmp_path / "a.zip", tmp_path / "set")

    def test_a_message_names_the_archive_and_not_where_it_was_unpacked(self, tmp_path):
        entries = {"x/images/a.jpg": b"x", "x/coco.json": b'{"images": ['}
        with pytest.raises(DataError, match=r"a\.zip: x/coco\.json, line 1: not JSON"):
            bring("coco", zipped(tmp_path / "a.zip", entries), tmp_path / "set")


STUDIO = [
    {
        "id": 7,
        "data": {"image": "/data/upload/3/0a1b2c3d-a%20b.jpg"},
        "annotations": [
            {"was_cancelled": True, "result": []},
            {
                "result": [
                    {"type": "choices", "value": {"choices": ["hms_1"]}},
                    {
                        "type": "rectanglelabels",
                        "original_width": 200,
                        "original_height": 100,
                        "value": {
                            "x": 10,
                            "y": 20,
                            "width": 30,
                            "height": 40,
                            "rotation": 0,
                            "rectanglelabels": ["wood"],
                        },
                    },
                    {
                        "type": "rectanglelabels",
                        "original_width": 200,
                        "original_height": 100,
                        "value": {
                            "x": 50,
                            "y": 20,
                            "width": 20,
                            "height": 20,
                            "rotation": 90,
                            "rectanglelabels": ["drum"],
                        },
                    },
                ]
            },
        ],
    },
    {"id": 8, "data": {"image": "s3://bucket/unseen.jpg"}, "annotations": []},
]


def box(mark):
    return pytest.approx((mark.x, mark.y, mark.w, mark.h))


class TestLabelStudio:
    def bring(self, tmp_path, tasks):
        picture(tmp_path / "media" / "3" / "a b.jpg")
        (tmp_path / "export.json").write_text(json.dumps(tasks))
        return bring("label-studio", tmp_path / "export.json", tmp_path / "set", pictures=tmp_path / "media")

    def test_choices_and_areas_are_read_and_tasks_without_annotation_passed_over(self, tmp_path):
        self.bring(tmp_path, STUDIO)
        (only,) = read_data_set(tmp_path / "set").samples.values()
        assert only.labels == ("hms_1", "wood", "drum")
        wood, drum = only.boxes
        assert box(wood) == (0.1, 0.2, 0.3, 0.4)
        # 40 x 20 pixels turned by a quarter about the corner at 100, 20: from 80 to 100 and from 20 to 60.
        assert box(drum) == (0.4, 0.2, 0.1, 0.4)

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"annotations": [{"result": []}, STUDIO[0]["annotations"][1]]}, "task 7: its annotators say different"),
            ({"annotations": [{"result": [{"type": "brushlabels", "value": {}}]}]}, "export as COCO"),
            ({"annotations": [{"result": [{"type": "choices"}]}]}, "task 7: 'value'"),
            ({"data": {"image": "other.jpg"}}, "'other.jpg' is not below"),
            ({"data": {"image": "/data/local-files/?d=../../etc/passwd"}}, "is not a name below"),
            ({"data": {"text": "a"}}, "task 7: no picture under data.image"),
            ({"annotations": []}, "no task of it is annotated"),
        ],
    )
    def test_what_is_not_clear_is_refused(self, tmp_path, change, why):
        with pytest.raises(DataError, match=rf"export\.json: .*{why}"):
            self.bring(tmp_path, [STUDIO[0] | change])


def cvat(inner):
    return f'<annotations><image id="0" name="a.jpg" width="200" height="100">{inner}</image></annotations>'


class TestCvat:
    def bring(self, tmp_path, text):
        picture(tmp_path / "in" / "images" / "a.jpg")
        (tmp_path / "in" / "annotations.xml").write_text(text)
        return bring("cvat", tmp_path / "in", tmp_path / "set")

    def test_every_kind_of_area_is_read(self, tmp_path):
        shapes = (
            '<tag label="hms_1"/><box label="wood" xtl="20" ytl="10" xbr="60" ybr="60"/>'
            '<polygon label="brick" points="0,0;100,0;100,50"/>'
            '<ellipse label="drum" cx="100" cy="50" rx="20" ry="10" rotation="90"/>'
            '<mask label="soil" rle="3, 5, 2" left="100" top="40" width="5" height="2"/>'
        )
        self.bring(tmp_path, cvat(shapes))
        (only,) = read_data_set(tmp_path / "set").samples.values()
        assert only.labels == ("hms_1", "wood", "brick", "drum", "soil")
        wood, brick, drum, soil = only.boxes
        assert box(wood) == (0.1, 0.1, 0.2, 0.5)
        assert brick.polygons == (((0, 0), (0.5, 0), (0.5, 0.5)),)
        assert box(drum) == (0.45, 0.3, 0.1, 0.4)
        assert box(soil) == (0.5, 0.4, 0.025, 0.02)

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            (cvat('<mask label="soil" rle="3,5" left="0" top="0" width="5" height="2"/>'), "covers 8 pixels"),
            (
                cvat('<mask label="soil" rle="10" left="198" top="0" width="5" height="2"/>'),
                "of a picture of 200 x 100",
            ),
            (cvat('<points label="soil" points="1,1"/>'), "<points> is no tag"),
            (cvat('<box label="soil" xtl="20"/>'), "lacks 'ytl'"),
            (cvat("").replace("a.jpg", "../../a.jpg"), "is not a name below"),
            ('<annotations><track id="0"/></annotations>', "not CVAT for images"),
            ('<!DOCTYPE a SYSTEM "file:///etc/passwd">' + cvat(""), "document type"),
            ("<annotations>", "not XML"),
        ],
    )
    def test_what_cannot_be_held_is_refused(self, tmp_path, text, why):
        with pytest.raises(DataError, match=rf"annotations\.xml.*{why}"):
            self.bring(tmp_path, text)


def test_a_table_says_where_and_when_and_a_wrong_day_is_refused(tmp_path):
    picture(tmp_path / "in" / "a.jpg")
    table = tmp_path / "in" / "labels.csv"
    table.write_text("file,label,site,day,part\na.jpg,wood,north,2026-11-02,test\n")
    bring("csv", tmp_path / "in", tmp_path / "set", said={"site": "south", "source": "crane 3"})
    (only,) = read_data_set(tmp_path / "set").samples.values()
    assert (only.site, only.day, only.part, only.source) == ("north", "2026-11-02", "test", "crane 3")
    table.write_text("file,label,day\na.jpg,wood,2.11.26\n")
    with pytest.raises(DataError, match=r"line 2: day '2\.11\.26'; write it YYYY-MM-DD"):
        bring("csv", tmp_path / "in", tmp_path / "other")


def test_the_command_line_says_what_came_in_and_refuses_in_one_line(yard, tmp_path, capsys):
    words = ["data", "import", "folders", str(yard), "--out", str(tmp_path / "set")]
    assert main(words) == 3
    assert capsys.readouterr().err.count("\n") == 1
    assert main([*words, "--classes", str(tmp_path / "classes.toml")]) == 0
    said = capsys.readouterr().out
    assert "3 new pictures" in said and "2 wood" in said and "1 gas_cylinder  alone" in said
