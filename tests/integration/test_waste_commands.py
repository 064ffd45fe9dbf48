"""`loadlens waste` as a firm uses it: look a code up, print labels from a table, check what is scanned."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

HEAD = (
    "list,code,name,state,main_components,harmful_components,hazards,precautions,"
    "produced_on,serial,kg,litres,confirmed_by,remark\n"
)
DROSS = "hazardous-cn,321-024-48,铝灰渣,solid,氧化铝,氮化铝,R/T,防潮,2026-11-25,1,412.5,200,zhang,\n"
PRODUCER = ["--unit", "91130200699229617X", "--producer", "示例铝业", "--contact", "张三", "--phone", "0310-0000000"]


@pytest.fixture
def waste(run_command):
    return lambda *arguments: run_command("waste", *arguments)


@pytest.fixture
def label(waste, tmp_path):
    def make(table, *more):
        file = tmp_path / "containers.csv"
        file.write_text(table, encoding="utf-8")
        places = ["--out", tmp_path / "labels", "--key", tmp_path / "label.key", "--host", "yard.example"]
        return waste("label", file, *places, *PRODUCER, *more)

    return make


def test_codes_are_found_with_their_edition(waste):
    done = waste("codes", "lvhuizha")
    assert done.returncode == 0
    assert "321-024-48" in done.stdout
    assert "hazardous-cn 2021, superseded by 2025 on 2025-01-01" in done.stdout
    assert "unverified" in waste("codes", "废钢铁").stdout
    assert waste("codes", "nothing of the kind").returncode == 1
    assert waste("codes", "oil", "--list", "hw").returncode == 2


def test_labels_are_made_and_scan_and_a_forged_one_is_found(waste, label, tmp_path):
    done = label(HEAD + DROSS + DROSS.replace(",1,412.5", ",2,87"), "--format", "png")
    assert done.returncode == 0, done.stderr
    key = done.stdout.split()[-1].rstrip("`")
    assert "edition 2021 of hazardous-cn is not in force on 2026-11-25 (edition 2025 since 2025-01-01)" in done.stderr
    pictures = sorted((tmp_path / "labels").iterdir())
    assert [file.name[-7:] for file in pictures] == ["001.png", "002.png"]
    scanned = waste("scan", *pictures, "--key", key)
    assert scanned.returncode == 0
    assert "412.5 kg (hazardous-cn 2021)" in scanned.stdout
    another = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
    forged = waste("scan", *pictures, "--key", another)
    assert forged.returncode == 1
    assert forged.stdout.count("the signature is not ours") == 2
    assert waste("scan", *pictures, "--key", "a key").returncode == 2
    Image.new("RGB", (300, 300), "white").save(tmp_path / "blank.png")
    blank = waste("scan", pictures[0], tmp_path / "blank.png", "--key", key)
    assert blank.returncode == 1
    assert "0 codes can be read" in blank.stdout


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (HEAD, "holds no container"),
        ("code,name\n1,2\n", "columns list, state"),
        (HEAD + DROSS.replace("321-024-48", "321-999-48"), "line 2: hazardous-cn, edition 2021, has no code"),
        (HEAD + DROSS + DROSS, "line 3: its serial number was given in line 2 already"),
        (HEAD + DROSS.replace("2026-11-25", "25.11.2026"), "no date"),
        (HEAD + DROSS.replace("412.5", "-1"), "weighs more than"),
        (HEAD + DROSS.replace("412.5", "heavy"), "is not a number"),
        (HEAD + DROSS.replace("412.5", "0.0005"), "finer than a gram"),
        (HEAD + DROSS.replace("zhang,", "zhang,wet, keep shut"), "line 2: it has more cells than line 1"),
        (
            HEAD.replace("remark", "remark,kg") + DROSS.replace(",\n", ",,99\n"),
            "line 1: the column kg stands there twice",
        ),
        ((HEAD + DROSS).replace(",", ";"), "separated by ';'"),
        (HEAD + DROSS.replace("412.5", "4_12"), "'4_12' is not a number"),
        (HEAD + DROSS.replace(",1,412.5", ",1_0,412.5"), "serial '1_0'"),
        (HEAD + DROSS.replace("412.5", "1e9"), "1000000000 kg is more than a container holds"),
        (HEAD + DROSS.replace("R/T", "R/T/R"), "names a hazard twice"),
        (HEAD + DROSS.replace("R/T", "X"), "unknown hazard letters"),
        (HEAD + DROSS.replace("solid", "soft"), "state 'soft' is unknown"),
        (HEAD + DROSS.replace("zhang", ""), "confirmed_by is empty"),
    ],
)
def test_a_faulty_table_makes_no_label_and_names_the_line(label, tmp_path, table, says):
    done = label(table)
    assert done.returncode == 3
    assert says in done.stderr
    assert not (tmp_path / "labels").exists()


def test_rows_that_a_spreadsheet_leaves_empty_are_no_containers(label, tmp_path):
    done = label("\ufeff" + (HEAD + DROSS + "," * 13 + "\n" + " , \n").replace("\n", "\r\n"))
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "labels").iterdir())) == 1


def test_every_fault_is_told_at_once(label):
    bad = DROSS.replace("R/T", "X") + DROSS.replace("solid", "soft")
    done = label(HEAD + bad)
    assert "line 2" in done.stderr
    assert "line 3" in done.stderr


def test_a_wrong_unit_code_is_wrong_use(label):
    done = label(HEAD + DROSS, "--unit", "911302006992296170")
    assert done.returncode == 2
    assert "wrong check character" in done.stderr
