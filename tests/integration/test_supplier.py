"""The ticket on paper, the supplier's page behind its link, what he says there and what the yard answers."""

import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import cv2
import httpx2
import numpy as np
import pytest
import zxingcpp
from sqlalchemy.orm import Session

from loadlens.serving.access.links import Named, make_link
from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.seal import open_seal
from loadlens.serving.settings import read_settings
from loadlens.serving.store.database import open_database
from loadlens.serving.store.journal import sealed

YARD = "https://yard.example"
ACCEPT = {"decision": "accept", "reason": "seen"}


@pytest.fixture(scope="module")
def new_place() -> Callable[[], dict[str, str]]:
    """What is shown does not depend on where the records are: one box is enough."""
    return lambda: {"LOADLENS_PUBLIC_URL": YARD, "LOADLENS_TIME_ZONE": "Asia/Shanghai"}


@pytest.fixture(scope="module")
def woody(shots):
    """Two seconds of an unloading, with a lot of what this model takes for wood."""
    painted = []
    for shot in shots[:6]:
        picture = cv2.imdecode(np.frombuffer(shot.jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
        height, width = picture.shape[:2]
        cv2.rectangle(picture, (width // 3, height // 3), (width // 2, 2 * height // 3), (0, 250, 0), -1)
        painted.append(replace(shot, jpeg=encode_jpeg(picture, 90)))
    return painted


def weighed(server, woody, supplier="张记 & Sons"):
    """A load with wood in it that was seen, weighed and accepted."""
    place = server.open_load(standard="example-mill", supplier=supplier, plate="京A·12345", declared="重废1")
    for shot in woody:
        server.put(shot)
    assert server.close().status_code == 200
    for kind, kg in (("gross", 48960), ("tare", 16420)):
        assert server.http.put(f"{place}/weights/{kind}", json={"kg": kg, "division": 20}).status_code == 201
    post(server, f"{place}/reviews", ACCEPT)
    return place


@pytest.fixture
def load(server, woody):
    return weighed(server, woody)


@pytest.fixture(scope="module")
def settled(server, woody):
    """A load that is settled and stays so; nobody says anything of it."""
    place = weighed(server, woody)
    post(server, f"{place}/settle", {})
    return place


def post(server, place, body, status=201):
    answer = server.http.post(place, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def linked(server, load):
    """The path of the supplier's page of the newest version."""
    answer = server.http.post(f"{load}/supplier-link")
    assert answer.status_code == 201, answer.text
    assert answer.json()["url"].startswith(f"{YARD}/s/")
    return answer.json()["url"].removeprefix(YARD)


@contextmanager
def stranger(server, **headers):
    """Somebody with a browser and neither key nor session."""
    with httpx2.Client(base_url=server.address, timeout=60, trust_env=False, headers=headers) as http:
        yield http


def answers(page: str, **fields: str) -> dict[str, str]:
    """The form as a browser sends it, with what stood hidden in it."""
    return {"shown": re.search(r'name="shown" value="(\w+)"', page)[1], **fields}


def poppler(program: str, pdf: bytes, *arguments: str) -> bytes:
    return subprocess.run([program, *arguments], input=pdf, capture_output=True, check=True).stdout


def test_times_are_those_of_the_yard_on_the_page_and_on_paper(server, settled, absent):
    if shutil.which("pdftotext") is None:
        absent("poppler", "install Debian's package poppler-utils")
    ticket = server.http.get(f"{settled}/ticket.json").json()
    (review,) = ticket["reviews"]
    path = linked(server, settled)
    for lang, form in (("en", "%d %b %Y %H:%M"), ("zh", "%Y年%m月%d日 %H:%M")):
        pdf = server.http.get(f"{settled}/ticket.pdf", params={"lang": lang}).content
        with stranger(server) as supplier:
            page = supplier.get(path, params={"lang": lang}).text
        # Eight hours before UTC all year round.
        issued, reviewed = (
            f"{datetime.fromisoformat(at).astimezone(timezone(timedelta(hours=8))):{form}} UTC+08:00"
            for at in (ticket["issued_at"], review["at"])
        )
        for shown in (page, poppler("pdftotext", pdf, "-raw", "-", "-").decode()):
            flat = re.sub(r"\s", "", shown)
            assert issued.replace(" ", "") in flat
            assert reviewed.replace(" ", "") in flat
            assert re.findall(r"UTC(?!\+08:00)", flat) == []
        assert len(re.findall(r"UTC\+08:00", page)) == 3  # until when he may answer, too


@pytest.mark.parametrize("paper", ["a4", "80mm"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_printed_ticket_says_what_the_api_says_in_real_text(server, settled, absent, paper, lang):
    if shutil.which("pdftotext") is None:
        absent("poppler", "install Debian's package poppler-utils")
    place, page = settled, {"paper": paper, "lang": lang}
    pdf = server.http.get(f"{place}/ticket.pdf", params=page)
    assert (pdf.status_code, pdf.headers["content-type"]) == (200, "application/pdf")
    if (paper, lang) == ("80mm", "zh"):
        assert server.http.get(f"{place}/ticket.pdf", params=page).content == pdf.content
    ticket = server.http.get(f"{place}/ticket.json").json()

    text = re.sub(r"\s+", " ", poppler("pdftotext", pdf.content, "-raw", "-", "-").decode())
    named = {
        "en": ("Gross", "Tare", "Net", "Settlement weight", "legal metrology", "Contaminants seen in the layers"),
        "zh": ("毛重", "皮重", "净重", "结算重量", "法定计量", "各层可见杂质"),
    }[lang]
    flat = text.replace(" ", "")
    assert all(word.replace(" ", "") in flat for word in named)
    assert "张记&Sons" in flat
    for kg in (
        *(ticket[name] for name in ("gross_kg", "tare_kg", "net_kg", "settlement_kg")),
        ticket["deduction"]["kg"],
    ):
        assert f"{Decimal(kg):,f} kg" in text
    for cause in ticket["deduction"]["by_cause"]:
        assert f"{Decimal(cause['kg']):,.3f}".replace("-", "\u2212") in text
    low, high = (f"{Decimal(ticket['deduction'][end]):,f}" for end in ("kg_low", "kg_high"))
    assert f"{low} to {high} kg" in text or f"{low} 至 {high} kg" in text
    for version in ticket["versions"].values():
        digest = version["sha256"] if isinstance(version, dict) else version
        assert digest in re.sub(r"[\s\u200b]", "", text)
    fonts = poppler("pdffonts", pdf.content, "-").decode()
    assert {line.split()[-5] for line in fonts.splitlines()[2:]} == {"yes"}, fonts
    assert "NotoSansCJK" in fonts

    drawn = poppler("pdftoppm", pdf.content, "-r", "150", "-png", "-singlefile", "-")
    picture = cv2.imdecode(np.frombuffer(drawn, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert abs(picture.shape[1] - {"a4": 210, "80mm": 80}[paper] / 25.4 * 150) <= 2
    (code,) = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)
    assert code.text.startswith(f"{YARD}/s/")
    with stranger(server) as http:
        assert http.get(code.text.removeprefix(YARD)).status_code == 200


def test_the_page_shows_the_same_evidence_without_a_login(server, settled):
    path = linked(server, settled)
    ticket = server.http.get(f"{settled}/ticket.json").json()
    with stranger(server) as http:
        english, chinese = http.get(path), http.get(path, headers={"Accept-Language": "zh-CN,zh;q=0.9"})
        assert (english.status_code, chinese.status_code) == (200, 200)
        for page, word in ((english, "Settlement weight"), (chinese, "结算重量")):
            assert word in page.text
            for kg in (ticket["gross_kg"], ticket["net_kg"], ticket["deduction"]["kg"], ticket["settlement_kg"]):
                assert f"{Decimal(kg):,f} kg" in page.text
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src" not in policy
            assert "unsafe" not in policy
        assert "张记 &amp; Sons" in english.text
        pictures = re.findall(r'src="([^"]+)"', english.text)
        layers = server.http.get(f"{settled}/assessment").json()["layers"]
        assert [http.get(picture).content for picture in pictures] == [
            server.http.get(layer["overlay"]).content for layer in layers
        ]
        assert http.get(f"{path}/layers/999.jpg").status_code == 404
    assert path.removeprefix("/s/")[:20] not in server.log.read_text(encoding="utf-8")


def test_a_link_that_is_forged_altered_or_over_opens_nothing(server, settled, load):
    path, other = linked(server, settled), linked(server, load)
    payload, signature = path.removeprefix("/s/").split(".")
    named = Named(settled.rpartition("/")[2], 1, datetime.now(UTC) - timedelta(seconds=5))
    site = read_settings(data=server.data)
    engine = sealed(open_database(site.database_url), open_seal(site))
    with engine.begin() as connection, Session(connection) as session:
        over = make_link(session, named)
        nowhere = make_link(session, replace(named, load_id="nowhere"))
    engine.dispose()
    with stranger(server) as http:
        refused = http.get(f"/s/{payload}.{'A' * 86}")
        assert refused.status_code == 403
        forged = (
            f"{other.removeprefix('/s/').split('.')[0]}.{signature}",
            f"{payload}.{signature[:-1]}",
            f"{payload}.{signature}A",
            f"{payload}={'.'}{signature}",
            "x",
            "x" * 5000,
        )
        for token in forged:
            for answer in (http.get(f"/s/{token}"), http.post(f"/s/{token}", data={"said": "confirm"})):
                assert (answer.status_code, answer.content) == (403, refused.content)
        for token in (over, nowhere):
            answer = http.get(f"/s/{token}")
            assert answer.status_code == 410
            assert "链接已过期" in answer.text
            assert http.get(f"/s/{token}/layers/0.jpg").status_code == 410


def test_the_supplier_confirms_that_very_version_once(server, load):
    path = linked(server, load)
    before = server.http.get(f"{load}/disputes").json()
    version = int(server.http.get(f"{load}/assessment").headers["Assessment-Version"])
    assert (before["statements"], before["open_version"]) == ([], version)
    assert [(sent["version"], sent["until"] > sent["at"]) for sent in before["links"]] == [(version, True)]
    with stranger(server, **{"User-Agent": "a phone"}) as http:
        page = http.get(path).text
        form = answers(page, said="confirm", name="Zhang San")
        assert http.post(path, data={**form, "name": " "}).status_code == 422
        post(server, f"{load}/settle", {})
        stale = http.post(path, data=form)  # he has not seen the ticket
        assert stale.status_code == 409
        assert "was not taken" in stale.text
        form = answers(http.get(path).text, said="confirm", name="Zhang San")
        foreign = http.post(path, data=form, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        assert http.post(path, data=form, headers={"Origin": YARD}).status_code == 303
        assert http.post(path, data=form).status_code == 409
        assert http.post(path, data={**form, "said": "dispute", "reason": "weight", "text": "x"}).status_code == 409
        after = http.get(path).text
        assert "Zhang San confirmed this version" in after
        assert "<form" not in after
    after = server.http.get(f"{load}/disputes").json()
    assert after["open_version"] is None
    (said,) = after["statements"]
    assert (said["said"], said["via"], said["device"], said["ticket"]) == ("confirm", "link", "a phone", 1)
    assert said["address"] == "127.0.0.1"
    records = server.http.get("/v1/journal", params={"subject": f"load:{load.rpartition('/')[2]}", "limit": 1000})
    (recorded,) = (one for one in records.json()["records"] if one["kind"] == "supplier.confirmed")
    assert recorded["body"]["sha256"] == form["shown"] == said["sha256"]
    assert server.http.get(load).json()["status"] == "settled"


def test_a_dispute_that_is_explained_needs_no_review_besides(server, load):
    said = {"name": "Wang", "reason": "deduction", "text": "it was dry"}
    (dispute,) = post(server, f"{load}/disputes", said)["statements"]
    assert server.http.get(load).json()["status"] == "flagged"
    reviews = server.http.get(f"{load}/reviews").json()
    explained = {"outcome": "explained", "text": "see layer 2: it is wet"}
    post(server, f"{load}/disputes/{dispute['number']}/answer", explained)
    assert server.http.get(load).json()["status"] == "emptied"
    # Weighed anew, it stays answered; the supplier confirms what stands now, and it is settled.
    server.http.put(f"{load}/weights/tare", json={"kg": 16400, "division": 20})
    assert server.http.get(load).json()["status"] == "emptied"
    assert server.http.get(f"{load}/reviews").json() == reviews
    post(server, f"{load}/settle", {})
    server.run("verify")


@pytest.mark.parametrize("paper", ["a4", "80mm"])
def test_what_the_fonts_cannot_show_stands_on_the_ticket_by_its_number(server, absent, paper):
    if shutil.which("pdftotext") is None:
        absent("poppler", "install Debian's package poppler-utils")
    place = weighed(server, [], supplier="张记 ไทย 😀")
    post(server, f"{place}/settle", {"priced": False})
    pdf = server.http.get(f"{place}/ticket.pdf", params={"paper": paper})
    assert pdf.status_code == 200
    flat = re.sub(r"\s", "", poppler("pdftotext", pdf.content, "-raw", "-", "-").decode())
    assert "张记[U+0E44][U+0E17][U+0E22][U+1F600]" in flat


def test_a_ticket_is_written_by_the_command_line_as_the_service_gives_it(server, settled, tmp_path):
    pdf, data = tmp_path / "ticket.pdf", tmp_path / "ticket.json"
    load = settled.removeprefix("/v1/loads/")
    server.run("ticket", load, "--out", str(pdf), "--lang", "zh", "--paper", "80mm")
    server.run("ticket", load, "--out", str(data))
    assert pdf.read_bytes() == server.http.get(f"{settled}/ticket.pdf", params={"lang": "zh", "paper": "80mm"}).content
    assert data.read_bytes() == server.http.get(f"{settled}/ticket.json").content


def test_the_same_link_is_given_to_who_asks_again(server, load):
    asked = [server.http.post(f"{load}/supplier-link", headers={"Idempotency-Key": key}).json() for key in "aab"]
    assert asked[0] == asked[1] != asked[2]
    assert len(server.http.get(f"{load}/disputes").json()["links"]) == 2


def test_a_dispute_of_a_settled_load_puts_it_back_before_a_person_and_must_be_answered(server, load):
    post(server, f"{load}/settle", {})
    path = linked(server, load)
    why = "那车料是干的 <b>!"
    with stranger(server) as http:
        form = answers(http.get(path).text, said="dispute", name="李四", reason="deduction", text=why)
        for missing in ({"reason": ""}, {"text": "  "}, {"reason": "because"}):
            assert http.post(path, data={**form, **missing}).status_code == 422
        assert http.post(path, data=form).status_code == 303
        assert "The yard looks at the load again" in http.get(path).text
        assert "那车料是干的 &lt;b&gt;!" in http.get(path).text
    assert server.http.get(load).json()["status"] == "flagged"
    assert "disputed" in {flag["code"] for flag in server.http.get(load).json()["flags"]}
    (said,) = server.http.get(f"{load}/disputes").json()["statements"]
    assert (said["reason"], said["text"], said["answers"], said["overdue"]) == ("deduction", why, [], False)

    # No link to what a person has to look at first; and no money before the answer.
    assert server.http.post(f"{load}/supplier-link").status_code == 409
    post(server, f"{load}/reviews", ACCEPT)
    assert "is not answered" in post(server, f"{load}/settle", {}, 409)["detail"]
    answer = f"{load}/disputes/{said['number']}/answer"
    changed = {"outcome": "changed", "text": "weighed again"}
    assert "says what version" in post(server, answer, changed, 409)["detail"]
    correction = {"contaminants_kg": {"wood": 60}}
    post(server, f"{load}/reviews", {"decision": "correct", "reason": "picked out", "correction": correction})
    (said,) = post(server, answer, changed)["statements"]
    assert said["answers"][0]["outcome"] == "changed"
    assert said["answers"][0]["version"] > said["version"]
    post(server, f"{load}/settle", {})
    assert server.http.get(f"{load}/ticket.json").json()["number"] == 2
    with stranger(server) as http:
        old = http.get(path, params={"lang": "zh"}).text
        assert "评定已更改" in old
        assert "结算单 编号 1" in old  # what he disputed stands there as it was
        assert "<form" not in old
        assert "<form" in http.get(linked(server, load)).text
    server.run("verify")


def test_what_he_signs_on_paper_counts_as_what_he_says_on_his_page(server, load):
    path = linked(server, load)
    with stranger(server) as http:
        form = answers(http.get(path).text, said="dispute", name="Li Si", reason="weight", text="two tonnes more")
        signed = post(server, f"{load}/confirmations", {"name": "Zhang San"})
        assert signed["statements"][0]["via"] == "yard"
        assert http.post(path, data=form).status_code == 409
        assert "Zhang San confirmed this version" in http.get(path).text
    assert "was confirmed by Zhang San" in post(server, f"{load}/confirmations", {"name": "Li Si"}, 409)["detail"]
    body = {"name": "Li Si", "reason": "weight", "text": "two tonnes more"}
    assert server.http.post(f"{load}/disputes", json=body).status_code == 409
    assert (
        server.http.post(f"{load}/disputes/999/answer", json={"outcome": "explained", "text": "x"}).status_code == 404
    )


def test_a_version_without_weights_is_shown_to_no_supplier(server, woody):
    place = server.open_load(standard="example-mill")
    for shot in woody:
        server.put(shot)
    assert server.http.post(f"{place}/supplier-link").status_code == 409
    server.close()
    post(server, f"{place}/reviews", ACCEPT)
    assert "without weights" in server.http.post(f"{place}/supplier-link").json()["detail"]


def test_of_a_load_that_nobody_saw_page_and_paper_say_that_its_deduction_is_no_estimate(server, absent):
    if shutil.which("pdftotext") is None:
        absent("poppler", "install Debian's package poppler-utils")
    place = weighed(server, [])
    path = linked(server, place)
    post(server, f"{place}/settle", {"priced": False})
    said = {
        "en": ("no layer was seen, so contaminants are not estimated", "does not mean that there are none"),
        "zh": ("未见料层，杂质未估算", "不表示没有杂质"),
    }
    for lang, sentences in said.items():
        papers = [
            server.http.get(f"{place}/ticket.pdf", params={"lang": lang, "paper": paper}) for paper in ("a4", "80mm")
        ]
        shown = [poppler("pdftotext", pdf.content, "-raw", "-", "-").decode() for pdf in papers]
        with stranger(server) as supplier:
            shown.append(supplier.get(path, params={"lang": lang}).text)
        for text in shown:
            flat = re.sub(r"\s", "", text)
            assert all(sentence.replace(" ", "") in flat for sentence in sentences)
            # Nor is there an interval, or a reason for its absence that is not the one.
            assert "measured errors" not in text
            assert "实测误差" not in flat
