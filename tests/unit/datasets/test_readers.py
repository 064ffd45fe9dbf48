"""What each format gives, and that a broken file is refused by name and line."""

import json

import cv2
import numpy as np
import pytest

from loadlens.datasets.errors import DataError
from loadlens.datasets.readers import read_coco, read_csv, read_folder, read_voc, read_yolo


def picture(path, width=200, height=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))
    return path


def box(mark):
    return pytest.approx((mark.x, mark.y, mark.w, mark.h))


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


class TestFolder:
    def test_the_first_folder_is_the_label(self, tmp_path):
        picture(tmp_path / "wood" / "a.jpg")
        picture(tmp_path / "brick" / "yard 2" / "b.PNG")
        text(tmp_path / "wood" / "readme.txt", "no picture")
        picture(tmp_path / ".trash" / "c.jpg")
        samples = read_folder(tmp_path, source="yard")
        assert [(one.path.name, one.labels, one.source) for one in samples] == [
            ("b.PNG", ("brick",), "yard"),
            ("a.jpg", ("wood",), "yard"),
        ]

    def test_a_picture_without_a_label_is_refused(self, tmp_path):
        picture(tmp_path / "a.jpg")
        with pytest.raises(DataError, match=r"a\.jpg: lies in no label's folder"):
            read_folder(tmp_path)

    @pytest.mark.parametrize("name", ["", "missing"])
    def test_nothing_to_read_is_refused(self, tmp_path, name):
        with pytest.raises(DataError, match=r"no picture|no such folder"):
            read_folder(tmp_path / name)


class TestCsv:
    def test_columns_are_taken_by_name_and_others_passed_over(self, tmp_path):
        picture(tmp_path / "废钢" / "a.jpg")
        picture(tmp_path / "b,1.jpg")
        table = text(
            tmp_path / "labels.csv",
            '\ufeffsource,file,label,group,width\ncam 1,废钢/a.jpg,木材,7,200\n,"b,1.jpg",wood,,200\n',
        )
        first, second = read_csv(table, source="yard")
        assert (first.labels, first.group, first.source) == (("木材",), "7", "cam 1")
        assert (second.labels, second.group, second.source) == (("wood",), "", "yard")

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ("", "line 1: no column file, label"),
            ("file,grade\na.jpg,wood\n", "line 1: no column label"),
            ("file,label\n", "no rows"),
            ("file,label\na.jpg,wood\na.jpg,brick\n", r"line 3: 'a\.jpg' is there twice"),
            ("file,label\na.jpg,\n", "line 2: no label"),
            ("file,label\na.jpg\n", "line 2: no label"),
            ("file,label\ngone.jpg,wood\n", r"line 2: 'gone\.jpg' is not below"),
            ("file,label\n../a.jpg,wood\n", "line 2: .* is not a name below"),
            ("file,label\n/etc/passwd,wood\n", "line 2: .* is not a name below"),
            ("file,label\nC:\\a.jpg,wood\n", "line 2: .* is not a name below"),
            (f"file,label\n{'x' * 200_000},wood\n", "no table .field larger"),
        ],
    )
    def test_a_faulty_row_is_refused_by_its_line(self, tmp_path, content, why):
        picture(tmp_path / "a.jpg")
        with pytest.raises(DataError, match=rf"labels\.csv.*{why}"):
            read_csv(text(tmp_path / "labels.csv", content))

    def test_a_blank_beside_a_name_makes_no_other_site(self, tmp_path):
        picture(tmp_path / "a.jpg")
        picture(tmp_path / "b.jpg")
        rows = "file,label,site,group,part\na.jpg,wood,north,7,test\nb.jpg,wood, north , 7,test \n"
        first, second = read_csv(text(tmp_path / "labels.csv", rows))
        assert (
            (first.site, first.group, first.part) == (second.site, second.group, second.part) == ("north", "7", "test")
        )

    def test_another_encoding_is_told(self, tmp_path):
        (tmp_path / "labels.csv").write_bytes("file,label\na.jpg,木材\n".encode("gbk"))
        with pytest.raises(DataError, match="not UTF-8; save it as UTF-8"):
            read_csv(tmp_path / "labels.csv")

    @pytest.mark.photos
    def test_the_trades_photos_are_read(self, photos):
        samples = read_csv(photos / "scrap_grades" / "labels.csv", label_column="grade")
        assert len(samples) == 369
        assert len({one.labels for one in samples}) == 24


COCO = {
    "categories": [{"id": 3, "name": "wood"}, {"id": 5, "name": "drum"}],
    "images": [
        {"id": 1, "file_name": "a.jpg", "width": 200, "height": 100},
        {"id": 2, "file_name": "b.jpg", "width": 200, "height": 100},
    ],
    "annotations": [
        {"image_id": 1, "category_id": 5, "bbox": [20, 10, 40, 50], "segmentation": {"counts": "x"}},
        {"image_id": 1, "category_id": 3, "bbox": [150, 0, 60, 50], "segmentation": [[150, 0, 200, 0, 200, 50]]},
    ],
}


class TestCoco:
    def read(self, tmp_path, content):
        picture(tmp_path / "images" / "a.jpg")
        picture(tmp_path / "images" / "b.jpg")
        return read_coco(text(tmp_path / "coco.json", content), tmp_path / "images")

    def test_boxes_and_outlines_are_shares_of_the_picture(self, tmp_path):
        first, second = self.read(tmp_path, json.dumps(COCO))
        assert first.labels == ("drum", "wood")
        drum, wood = first.boxes
        assert box(drum) == (0.1, 0.1, 0.2, 0.5)
        assert drum.polygons == ()
        assert box(wood) == (0.75, 0, 0.25, 0.5)  # cut off at the picture's edge
        assert wood.polygons == (((0.75, 0.0), (1.0, 0.0), (1.0, 0.5)),)
        assert second.labels == () and second.boxes == ()

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"bbox": [1, 2, 3]}, "annotation .*1, 2, 3"),
            ({"bbox": [20, 10, 0, 50]}, "the box is empty"),
            ({"bbox": [float("nan"), 10, 4, 50]}, "the box is empty"),
            ({"image_id": 9}, "KeyError"),
            ({"category_id": 9}, "KeyError"),
            ({"segmentation": [[0, 0, 1, 1, 2]]}, "at least three points"),
        ],
    )
    def test_a_faulty_annotation_is_shown(self, tmp_path, change, why):
        entry = {**COCO["annotations"][0], **change}
        with pytest.raises(DataError, match=rf"coco\.json: .*{why}"):
            self.read(tmp_path, json.dumps({**COCO, "annotations": [entry]}))

    @pytest.mark.parametrize("twice", ["images", "categories"])
    def test_two_exports_put_together_whose_ids_meet_are_refused(self, tmp_path, twice):
        entries = COCO[twice]
        with pytest.raises(DataError, match="have one id; import one export after the other"):
            self.read(tmp_path, json.dumps({**COCO, twice: [*entries, {**entries[1], "id": entries[0]["id"]}]}))

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ('{"images": [],\n oops', "line 2: not JSON"),
            ("[]", "not COCO instances"),
            ('{"images": []}', "not COCO instances"),
            ("[" * 100_000, "not COCO instances"),
        ],
    )
    def test_another_file_is_refused(self, tmp_path, content, why):
        with pytest.raises(DataError, match=rf"coco\.json.*{why}"):
            self.read(tmp_path, content)

    def test_a_picture_outside_the_folder_is_refused(self, tmp_path):
        image = {**COCO["images"][0], "file_name": "../coco.json"}
        with pytest.raises(DataError, match="is not a name below"):
            self.read(tmp_path, json.dumps({**COCO, "images": [image]}))


class TestYolo:
    def test_labels_lie_in_a_tree_of_their_own_or_beside_the_picture(self, tmp_path):
        text(tmp_path / "classes.txt", "wood\ngas cylinder\n")
        picture(tmp_path / "images" / "train" / "a.jpg")
        text(tmp_path / "labels" / "train" / "a.txt", "1 0.5 0.5 0.2 0.4\n0 0 0 0.5 0 0.5 1\n\n")
        picture(tmp_path / "more" / "b.jpg")
        text(tmp_path / "more" / "b.txt", "0 0.95 0.5 0.2 0.4\n")
        picture(tmp_path / "more" / "empty.jpg")
        text(tmp_path / "README.txt", "not a label")
        first, second, empty = read_yolo(tmp_path)
        assert first.labels == ("gas cylinder", "wood")
        assert box(first.boxes[0]) == (0.4, 0.3, 0.2, 0.4)
        assert box(first.boxes[1]) == (0, 0, 0.5, 1)
        assert first.boxes[1].polygons == (((0, 0), (0.5, 0), (0.5, 1)),)
        assert box(second.boxes[0]) == (0.85, 0.3, 0.15, 0.4)
        assert empty.labels == ()

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ("2 0.5 0.5 0.2 0.4", "class 2, but classes.txt has 2 names"),
            ("-1 0.5 0.5 0.2 0.4", "class -1"),
            ("wood 0.5 0.5 0.2 0.4", "invalid literal"),
            ("0 0.5 0.5 0.2", "at least three points"),
            ("0 0.5 0.5 0.2 0.4 0.9", "at least three points"),
            ("0 50 50 20 40", "outside 0..1"),
            ("0 nan 0.5 0.2 0.4", "outside 0..1"),
            ("0 0.5 0.5 0 0.4", "the box is empty"),
        ],
    )
    def test_a_faulty_line_is_refused_by_its_number(self, tmp_path, line, why):
        text(tmp_path / "classes.txt", "wood\nbrick")
        picture(tmp_path / "a.jpg")
        text(tmp_path / "a.txt", f"0 0.5 0.5 0.2 0.4\n{line}\n")
        with pytest.raises(DataError, match=rf"a\.txt, line 2: .*{why}"):
            read_yolo(tmp_path)

    def test_a_yaml_file_is_not_read_and_the_remedy_told(self, tmp_path):
        text(tmp_path / "data.yaml", "names: [wood]")
        with pytest.raises(DataError, match=r"classes\.txt: not there; write the `names:` of the yaml file into it"):
            read_yolo(tmp_path)

    def test_a_label_without_its_picture_is_refused(self, tmp_path):
        text(tmp_path / "classes.txt", "wood")
        picture(tmp_path / "images" / "a.jpg")
        text(tmp_path / "labels" / "a.txt", "0 0.5 0.5 0.2 0.4")
        text(tmp_path / "labels" / "b.txt", "0 0.5 0.5 0.2 0.4")
        with pytest.raises(DataError, match=r"b\.txt: a label file without its picture"):
            read_yolo(tmp_path)

    def test_pictures_whose_labels_lie_elsewhere_are_refused(self, tmp_path):
        text(tmp_path / "classes.txt", "wood")
        picture(tmp_path / "a.jpg")
        with pytest.raises(DataError, match="no picture here has a label"):
            read_yolo(tmp_path)


def voc(*, name="a.jpg", corners=(20, 10, 60, 60), head="", size=(200, 100)):
    bounds = "".join(
        f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    return (
        f"{head}<annotation><filename>{name}</filename>"
        f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>\n"
        f"<object><name>drum</name><bndbox>{bounds}</bndbox></object></annotation>"
    )


BOMB = (
    '<!DOCTYPE a [<!ENTITY x "ha">'
    + "".join(
        f'<!ENTITY x{n} "{"&x" + str(n - 1) + ";" if n else "&x;"}' + (f'&x{n - 1};" >' if n else '&x;">')
        for n in range(30)
    )
    + "]>"
)


class TestVoc:
    def test_boxes_are_shares_of_the_picture(self, tmp_path):
        picture(tmp_path / "JPEGImages" / "a.jpg")
        text(tmp_path / "Annotations" / "a.xml", voc())
        (only,) = read_voc(tmp_path)
        assert only.path == tmp_path / "JPEGImages" / "a.jpg"
        assert only.labels == ("drum",)
        assert box(only.boxes[0]) == (0.1, 0.1, 0.2, 0.5)

    def test_annotations_may_lie_beside_their_pictures(self, tmp_path):
        picture(tmp_path / "a.jpg")
        text(tmp_path / "a.xml", voc())
        assert read_voc(tmp_path)[0].path == tmp_path / "a.jpg"

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (voc(head=BOMB, name="&x29;"), "declares a document type; remove the DOCTYPE"),
            (voc(head='<!DOCTYPE a SYSTEM "file:///etc/passwd">'), "declares a document type"),
            (voc()[:-20], "line 2: not XML"),
            (voc(size=(0, 0)), "division"),
            (voc(corners=(60, 10, 20, 60)), "the box of 'drum' is empty"),
            (voc(corners=("", 10, 20, 60)), "<object> lacks bndbox/xmin"),
            (voc(corners=("left", 10, 20, 60)), "could not convert"),
            (voc(name=""), "<annotation> lacks filename"),
            (voc(name="../a.xml"), "is not a name below"),
            (voc(name="b.jpg"), r"'b\.jpg' is not below"),
            ("", "line 1: not XML"),
        ],
    )
    def test_a_faulty_annotation_is_refused(self, tmp_path, content, why):
        picture(tmp_path / "a.jpg")
        text(tmp_path / "a.xml", content)
        with pytest.raises(DataError, match=rf"a\.xml.*{why}"):
            read_voc(tmp_path)

    def test_a_folder_without_annotations_is_refused(self, tmp_path):
        with pytest.raises(DataError, match=r"no \.xml in it"):
            read_voc(tmp_path)
