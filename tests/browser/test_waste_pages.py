"""The waste half of the console: a label from a photo, moves by scanning, rooms, ledger, transfers, reports."""

import io
import json
import re
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from openpyxl import load_workbook
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect
from tests.browser.console_page import (
    check_accessible,
    check_fits,
    check_zoomed,
    come_in,
    console,
    keep_picture,
    look_at,
    look_zoomed,
    sign_in,
)

from loadlens.serving.api.console import FOLDER

UNIT = "91130200699229617X"
PLANT = {"unit": UNIT, "name": "示例铝业有限公司", "contact": "张三", "phone": "0310-0000000"}
DROSS = {
    "unit": UNIT,
    "list": "hazardous-cn",
    "code": "321-024-48",
    "name": "铝灰渣",
    "litres": 200,
    "produced_on": "2026-11-20",
    "state": "solid",
    "main_components": "氧化铝、金属铝",
    "harmful_components": "氮化铝、氟化物",
    "hazards": ["R", "T"],
    "precautions": "防潮、防水",
}
OIL = DROSS | {
    "code": "900-249-08",
    "name": "废矿物油",
    "state": "liquid",
    "main_components": "矿物油",
    "harmful_components": "多环芳烃",
    "hazards": ["T", "I"],
}
CARDBOARD = {
    "unit": UNIT,
    "list": "eu-low",
    "code": "15 01 01",
    "name": "Cardboard",
    "litres": 1000,
    "produced_on": "2026-11-20",
}
# No factor of anybody's: what is tested is that it is told as the site's own.
FACTOR = {"kind": "aluminium", "list": "hazardous-cn", "codes": ["321-024-48"], "source": "our own", "edition": "2026"}
FACTOR |= {"low": 500, "kg_per_t": 1000, "high": 1500}
ROOMS = (
    *("铝灰库", "废油库", "废包装库", "大修渣库", "废酸库", "废电池库"),
    *("污泥库", "滤袋库", "废漆库", "试剂库", "一般固废库", "周转库"),
)
DESK, PHONE = ("en", "light", "desk"), ("en", "light", "phone")


class Plant:
    """A plant of twelve rooms, with stock, sensors and an alarm."""

    def __init__(self, server) -> None:
        self.server, self.http, self.address = server, server.http, server.address

    def label(self, about: dict, kg: int, place: str) -> str:
        body = about | {"grams": kg * 1000, "place": place, "at": datetime.now(UTC).isoformat()}
        answer = self.http.post("/v1/waste/labels", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["identity"]

    def code(self, identity: str) -> str:
        """What the QR code of a label says."""
        import zxingcpp  # a native module, and only here

        png = self.http.get(f"/v1/waste/containers/{identity}/label.png").content
        # Of that kind alone: among the words of a label another kind is now and then believed to be seen.
        formats = zxingcpp.BarcodeFormat.QRCode
        (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("RGB"), formats=formats)
        return found.text

    def grams(self, identity: str) -> dict[str, int]:
        return self.http.get(f"/v1/waste/containers/{identity}").json()["grams"]

    def stages(self, identity: str) -> list[str]:
        return [entry["stage"] for entry in self.http.get(f"/v1/waste/containers/{identity}").json()["history"]]

    def hands_over(self, identity: str, kg: int, how: str) -> None:
        lines = [{"container": identity, "place": "floor", "grams": -kg * 1000}]
        lines += [{"container": identity, "place": "handed_over", "grams": kg * 1000}]
        entry = {"id": uuid.uuid4().hex, "stage": "handed_over", "at": datetime.now(UTC).isoformat(), "postings": lines}
        entry["particulars"] = {"接收单位名称": "处置公司", "利用/处置方式": how}
        assert self.http.post("/v1/waste/entries", json={"entries": [entry]}).json()["accepted"]

    def furnish(self) -> None:
        for number, name in enumerate(ROOMS, 1):
            room = {"name": name, "capacity_kg": 2000}
            if number == 1:
                assert self.http.put("/v1/lanes/store-1", json={}).status_code == 200
                limits = [
                    {"quantity": "temperature", "unit": "C", "high": 35},
                    {"quantity": "ammonia", "unit": "ppm", "high": 25},
                ]
                zones = {"A": {"capacity_kg": 800}, "B": {}}
                room |= {"lane": "store-1", "expected_every_s": 1800, "limits": limits, "zones": zones}
            assert self.http.put(f"/v1/rooms/room-{number}", json=room).status_code == 200
        now = datetime.now(UTC)
        for minutes in range(0, 1440, 30):
            # From six to nine hours ago it says nothing; at the end it is too warm.
            if not 360 <= minutes < 540:
                hour = minutes / 60
                value = 38.0 if minutes == 0 else 24 + 6 * np.sin(hour / 4)
                self.says(now - timedelta(minutes=minutes), "temperature", "C", round(float(value), 1))
        self.label(DROSS, 900, "room:room-1/A")
        self.label(DROSS, 400, "room:room-1/B")
        self.label(OIL, 180, "room:room-2")
        self.label(CARDBOARD, 120, "floor")

    def says(self, at: datetime, quantity: str, unit: str, value: float) -> None:
        reading = {"id": str(uuid.uuid4()), "device": "t1", "kind": "room", "text": quantity, "unit": unit, "raw": ""}
        sent = self.http.post("/v1/lanes/store-1/readings", json=reading | {"at": at.isoformat(), "value": value})
        assert sent.status_code == 201, sent.text


@pytest.fixture(scope="module")
def plant(make_server, model_file, shared_port, tmp_path_factory, absent) -> Iterator[Plant]:
    if not (FOLDER / "index.html").is_file():
        absent("console", "`make web` builds it")
    settings = {
        "LOADLENS_PORT": str(shared_port),
        "LOADLENS_PUBLIC_URL": f"http://127.0.0.1:{shared_port}",
        "LOADLENS_PRODUCERS": json.dumps([PLANT | {"holds_permit": True}]),
        "LOADLENS_AVOIDED_CO2E": json.dumps([FACTOR]),
    }
    running = make_server(tmp_path_factory.mktemp("plant") / "data", model_file, settings)
    here = Plant(running)
    here.furnish()
    yield here
    running.stop()


@pytest.fixture(scope="module")
def keeper(plant, browser: Browser) -> dict:
    """The cookies of an inspector, who keeps the store."""
    return come_in(plant.server, browser, "kim", "inspector")


@pytest.fixture(scope="module")
def manager(plant, browser: Browser) -> dict:
    return come_in(plant.server, browser, "meg", "manager")


def photo() -> bytes:
    """A drawn can on a grey board, taken for metal among others: what it shows is for the tests of the model."""
    picture = np.full((480, 640, 3), 120, np.uint8)
    across = np.linspace(-1, 1, 180)
    picture[70:410, 230:410] = (60 + 170 * np.clip(np.cos((across + 0.35) * 1.7), 0, 1) ** 2)[None, :, None]
    can = Image.fromarray(picture)
    pen = ImageDraw.Draw(can)
    for box, grey in (((230, 48, 410, 92), 190), ((242, 55, 398, 85), 120), ((230, 388, 410, 432), 90)):
        pen.ellipse(box, fill=(grey, grey, grey + 5))
    out = io.BytesIO()
    can.resize((2400, 1800)).save(out, "JPEG")
    return out.getvalue()


def scan(page: Page, code: str) -> None:
    page.get_by_label("Code (hand scanner or typed)").fill(code)
    page.keyboard.press("Enter")


def test_from_a_photo_to_a_printed_label_on_a_phone(plant, browser, keeper):
    with console(browser, keeper, PHONE) as page:
        page.goto(f"{plant.address}/console/waste/label")
        shown = {"name": "waste.jpg", "mimeType": "image/jpeg", "buffer": photo()}
        page.locator("input[type=file]").set_input_files(shown)
        # The model is read when the first photo comes.
        expect(page.get_by_role("heading", name="It may show")).to_be_visible(timeout=60_000)
        # What metal may be is said before it is named.
        warned = page.get_by_role("alert").filter(has_text="does not rule out")
        expect(warned).to_have_text(
            "The photo does not rule out: Gas cylinder, Drum. Look before it is moved, pressed or heated."
        )
        check_accessible(page)
        check_fits(page)
        keep_picture(page, "waste-photo", PHONE)
        if not page.get_by_label("Digits, Chinese, pinyin or English").is_visible():
            page.get_by_text("Search for another code").click()
        page.get_by_label("Digits, Chinese, pinyin or English").fill("321-024-48")
        page.get_by_role("button", name=re.compile("^321-024-48")).click()
        # What the last label under this code said stands there; the mass is all that is missing.
        expect(page.get_by_label("Main components")).to_have_value("氧化铝、金属铝")
        page.get_by_label("Where it stands").select_option(label="铝灰库, zone B")
        page.get_by_label("Mass, kg").fill("0")
        confirm = page.get_by_role("button", name="I confirm 321-024-48")
        confirm.click()
        expect(page.get_by_text("Give kilograms above zero")).to_be_visible()
        page.get_by_label("Mass, kg").fill("212,5")
        check_accessible(page)
        check_fits(page)
        keep_picture(page, "waste-label-form", PHONE)
        confirm.click()
        expect(page.get_by_role("heading", name="The label is made")).to_be_visible()
        expect(page.get_by_role("img", name="The label: 铝灰渣")).to_have_js_property("complete", value=True)
        check_accessible(page)
        keep_picture(page, "waste-label", PHONE)
        identity = page.locator(".identity").inner_text()
        assert plant.grams(identity) == {"room:room-1/B": 212_500}
        with page.expect_download() as printed:
            page.get_by_role("button", name="Print PDF").click()
        assert printed.value.path().read_bytes().startswith(b"%PDF")
        expect(page.get_by_role("button", name="Print PDF")).to_be_disabled()
        page.get_by_label("Why is it printed again?").fill("torn")
        expect(page.get_by_role("button", name="Print ZPL")).to_be_enabled()
        assert plant.http.get(f"/v1/waste/containers/{identity}").json()["identification"] is not None


def test_a_container_is_moved_by_its_label_and_a_forged_one_is_refused(plant, browser, keeper):
    identity = plant.label(DROSS, 50, "floor")
    code = plant.code(identity)
    with console(browser, keeper, PHONE, foreseen=r"ERR_INTERNET_DISCONNECTED|ERR_FAILED|\b422\b") as page:
        page.goto(f"{plant.address}/console/waste/scan")
        scan(page, code.replace("m=50000", "m=5000"))
        expect(page.locator("main").get_by_role("alert")).to_contain_text("forged or was altered")
        keep_picture(page, "waste-forged", PHONE)
        scan(page, code)
        expect(page.get_by_text("The label is ours and unaltered")).to_be_visible()
        check_accessible(page)
        check_fits(page)
        keep_picture(page, "waste-scan", PHONE)
        page.get_by_label("Where does it go?").select_option(label="周转库")
        page.get_by_role("button", name="Move").click()
        expect(page.get_by_text(f"{identity} is entered at 周转库")).to_be_visible()
        assert plant.grams(identity) == {"room:room-12": 50_000}

        # The network goes in the store room, and the page is opened anew without it: what is scanned waits, says so,
        # and is entered once; a forgery is not.
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.reload()
        expect(page.get_by_role("heading", name="Scan a label")).to_be_visible()
        page.context.set_offline(True)
        page.reload()
        scan(page, code)
        expect(page.get_by_text("this label was not checked")).to_be_visible()
        check_accessible(page)
        keep_picture(page, "waste-offline", PHONE)
        page.get_by_label("Where does it go?").select_option(label="试剂库")
        page.get_by_role("button", name="Move").click()
        scan(page, code)
        expect(page.get_by_text("Its move is on its way")).to_be_visible()
        expect(page.locator(".outbox")).to_contain_text("waits for the connection")
        forged = plant.label(DROSS, 60, "floor")
        scan(page, plant.code(forged)[:-4] + "AAAA")
        page.get_by_label("Where does it go?").select_option(label="试剂库")
        page.get_by_role("button", name="Move").click()
        keep_picture(page, "waste-waiting", PHONE)
        page.context.set_offline(False)
        refused = page.locator(".outbox li.refused")
        expect(refused).to_contain_text("forged or was altered", timeout=20_000)
        refused.get_by_role("button", name="Give up").click()
        assert plant.grams(identity) == {"room:room-10": 50_000}
        assert plant.stages(identity) == ["produced", "stored", "moved"]
        assert plant.grams(forged) == {"floor": 60_000}


def seen_at_an_angle(label: bytes) -> bytes:
    """A video of one frame, in which a label is held askew before a grey wall, a little out of focus."""
    paper = np.asarray(Image.open(io.BytesIO(label)).convert("RGB"))
    height, width = paper.shape[:2]
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    askew = np.float32([[330, 70], [900, 130], [860, 690], [290, 620]])
    frame = np.full((720, 1280, 3), 120, np.uint8)
    bent = cv2.getPerspectiveTransform(corners, askew)
    cv2.warpPerspective(paper, bent, (1280, 720), frame, borderMode=cv2.BORDER_TRANSPARENT)
    out = io.BytesIO()
    Image.fromarray(cv2.GaussianBlur(frame, (0, 0), 0.8)).save(out, "JPEG", quality=80)
    return out.getvalue()


def test_a_label_before_the_camera_is_read(plant, browser, keeper, tmp_path):
    identity = plant.label(DROSS, 50, "room:room-3")
    film = tmp_path / "label.mjpeg"
    film.write_bytes(seen_at_an_angle(plant.http.get(f"/v1/waste/containers/{identity}/label.png").content))
    camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    program = shutil.which("chromium")
    filming = browser.browser_type.launch(
        executable_path=program, args=[*camera, f"--use-file-for-fake-video-capture={film}"]
    )
    with console(filming, keeper, PHONE) as page:
        page.goto(f"{plant.address}/console/waste/scan")
        page.get_by_role("button", name="Scan by camera").click()
        expect(page.get_by_text("The label is ours and unaltered")).to_be_visible()
        expect(page.get_by_role("link", name=identity)).to_be_visible()
        expect(page.locator("video")).to_have_count(0)
    filming.close()


def test_the_plan_shows_twelve_rooms_and_a_room_its_stock_its_gaps_and_its_alarm(plant, browser, keeper):
    look_at(browser, keeper, f"{plant.address}/console/waste", "waste-plan", ".rooms .alarmed")
    look_at(browser, keeper, f"{plant.address}/console/waste/rooms/room-1", "waste-room", ".sensor .gap")
    with console(browser, keeper, DESK) as page:
        page.goto(f"{plant.address}/console/")
        page.get_by_role("link", name="Waste").click()
        expect(page.locator(".rooms li")).to_have_count(12)
        page.get_by_role("link", name="铝灰库").click()
        expect(page.get_by_role("row", name="铝灰渣").first).to_be_visible()
        expect(page.locator(".sensor").filter(has_text="Temperature")).to_contain_text("Gaps: 1")
        expect(page.locator(".sensor").filter(has_text="Ammonia")).to_contain_text("said nothing in this time")
        alarm = page.locator("section.card").filter(has=page.get_by_role("heading", name="Alarms"))
        alarm.get_by_role("button", name="I, kim, take it over").first.click()
        expect(alarm).to_contain_text("Taken over by kim")


def test_the_ledger_shows_balances_and_an_entry_is_taken_back_with_its_reason(plant, browser, manager):
    identity = plant.label(OIL, 77, "floor")
    look_at(browser, manager, f"{plant.address}/console/waste/ledger", "waste-ledger", ".entries li")
    look_at(browser, manager, f"{plant.address}/console/waste/containers/{identity}", "waste-container", ".paper img")
    with console(browser, manager, DESK) as page:
        page.goto(f"{plant.address}/console/waste")
        expect(page.get_by_role("link", name="Ledger")).to_be_visible()
        page.keyboard.press("4")
        stock = plant.http.get("/v1/waste/stock").json()
        expect(page.locator(".total")).to_contain_text(f"{stock['grams'] / 1000:,.10g} kg")
        page.get_by_role("link", name="By container").click()
        expect(page.get_by_role("row", name=identity)).to_contain_text("77 kg")
        entry = page.locator(".entries > li").filter(has_text=identity).first
        entry.get_by_role("button", name="Take back").click()
        page.get_by_label("Why is it taken back?").fill("weighed twice")
        page.get_by_role("button", name="Take back").first.click()
        expect(page.locator(".entries > li").first).to_contain_text("weighed twice")
        expect(page.get_by_role("row", name=identity)).to_have_count(0)
        assert plant.grams(identity) == {}


def test_a_part_gets_a_label_of_its_own_and_another_container_is_emptied_into_one(plant, browser, keeper):
    drum, other = (plant.label(DROSS, kg, "room:room-6") for kg in (100, 20))
    with console(browser, keeper, PHONE) as page:
        page.goto(f"{plant.address}/console/waste/containers/{drum}")
        page.get_by_text("Split, merge or repack").click()
        page.get_by_label("Mass, kg").fill("100,001")  # a hundred and a gram, or a hundred thousand?
        page.get_by_label("Into").select_option(label="a new container with a label")
        page.get_by_role("button", name="Take out").click()
        expect(page.get_by_text("no comma between thousands")).to_be_visible()
        page.get_by_label("Mass, kg").fill("100.001")
        page.get_by_role("button", name="Take out").click()
        expect(page.get_by_text("no more than the 100 kg that are in it")).to_be_visible()
        page.get_by_label("Mass, kg").fill("30,5")
        check_accessible(page)
        check_fits(page)
        keep_picture(page, "waste-repack", PHONE)
        page.get_by_role("button", name="Take out").click()
        expect(page.locator(".entries > li").first).to_contain_text("−30.5 kg")
        page.get_by_text("Split, merge or repack").click()
        page.locator("label.tick").filter(has_text=other).locator("input").check()
        page.get_by_role("button", name="Empty 20 kg into this one").click()
        expect(page.locator(".entries > li").first).to_contain_text("+20 kg")
    standing = plant.http.get("/v1/waste/standing", params={"place": "room:room-6"}).json()["standing"]
    (bag,) = [one for one in standing if one["container"] != drum]
    assert {one["container"]: one["grams"] for one in standing} == {drum: 89_500, bag["container"]: 30_500}
    assert plant.http.get(f"/v1/waste/containers/{bag['container']}/label").json()["text"]["grams"] == 30_500


def test_a_transfer_goes_through_its_hand_overs_and_the_gate_holds_the_wrong_truck(plant, browser, keeper):
    identity = plant.label(DROSS, 300, "floor")
    with console(browser, keeper, DESK, foreseen=r"\b401\b|\b500\b|status of (401|500)") as page:
        page.goto(f"{plant.address}/console/waste/transfers")
        page.get_by_role("button", name="New transfer").click()
        filled = {
            "Manifest": "LD-2026-1",
            "Sender": "示例铝业有限公司",
            "Carrier": "运输公司",
            "Receiver": "处置公司",
            "Permit of the receiver": "P-1",
            "Method of recovery or disposal": "R4",
            "Plate": "冀B12345",
            "Allowed difference of weighings, kg": "5",
        }
        for label, text in filled.items():
            page.get_by_label(label, exact=True).fill(text)
        page.locator("label.tick").filter(has_text=identity).locator("input").check()
        check_accessible(page)
        keep_picture(page, "waste-new-transfer", DESK)
        page.get_by_role("button", name="Make the manifest").click()
        page.get_by_role("link", name="LD-2026-1").click()
        state = page.locator("h1 small")
        step(page, "Declare")
        expect(state).to_have_text("declared")
        step(page, "Take effect")
        expect(state).to_have_text("in force")
        step(page, "Gate check", **{"Plate": "冀B99999", "Waste on the truck as weighed, kg": "300"})
        held = page.locator(".history .waits")
        expect(held).to_contain_text("The truck stays")
        expect(held).to_contain_text("the carrier has not signed")

        # The session ends, and what is read after it fails: what was entered stays.
        page.locator("details.step summary", has_text="Gate check").click()
        page.get_by_label("Waste on the truck as weighed, kg").fill("298.5")
        failure = {"status": 500, "content_type": "application/problem+json", "body": '{"detail": "disk full"}'}
        page.route(re.compile("/v1/waste/manifests/LD-2026-1$"), lambda route: route.fulfill(**failure))
        page.context.clear_cookies()
        expect(page.get_by_role("dialog")).to_contain_text("Your session is over")
        sign_in(page, "kim")
        expect(page.get_by_text("This could not be read")).to_be_visible()
        expect(page.get_by_label("Waste on the truck as weighed, kg")).to_have_value("298.5")
        page.unroute_all()
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("This could not be read")).to_have_count(0)
        for party in ("Sender", "Carrier"):
            step(page, "Sign")
            expect(page.locator(".history")).to_contain_text(f"Sign: {party}")
        keep_picture(page, "waste-transfer", DESK)
        step(page, "Gate check", **{"Plate": "冀B12345", "Waste on the truck as weighed, kg": "301"})
        expect(state).to_have_text("on its way")
        step(page, "Receive", **{identity: "299,5"})
        expect(state).to_have_text("closed")
        assert plant.stages(identity) == ["produced", "moved", "handed_over"]
    look_at(browser, keeper, f"{plant.address}/console/waste/transfers", "waste-transfers", ".things tbody tr")


def step(page: Page, name: str, **fields: str) -> None:
    """Take the next step of a transfer."""
    form = page.locator("details.step").filter(has=page.locator("summary", has_text=name))
    if form.get_attribute("open") is None:
        form.locator("summary").click()
    for label, text in fields.items():
        form.get_by_label(label).fill(text)
    form.get_by_role("button", name=name).click()


def test_reports_are_shown_and_go_out_as_files(plant, browser, manager):
    for about, kg, how in ((DROSS, 250, "R4"), (OIL, 40, "R9"), (OIL, 10, "D10")):
        identity = plant.label(about, kg, "floor")
        plant.hands_over(identity, kg, how)
    look_at(browser, manager, f"{plant.address}/console/waste/reports", "waste-reports", ".things tbody tr")
    with console(browser, manager, DESK, foreseen=r"\b422\b") as page:
        page.goto(f"{plant.address}/console/waste/reports")
        expect(page.get_by_role("row", name="铝灰渣").first).to_be_visible()
        estimate = page.locator("section.card").filter(has_text="Recovered as material")
        dross, oil = (estimate.get_by_role("row").filter(has_text=one) for one in ("321-024-48", "900-249-08"))
        expect(dross).to_contain_text("aluminium: 1,000 kg (500 … 1,500)")
        expect(oil).to_contain_text("40 kg")
        expect(oil).to_contain_text("no factor")
        with page.expect_download() as report:
            page.get_by_role("button", name="Save as CSV").first.click()
        assert "321-024-48" in report.value.path().read_text(encoding="utf-8-sig")
        with page.expect_download() as ledger:
            page.get_by_role("link", name="Whole ledger").click()
        # The same ledger again is another's work under the same numbers: every row is told, and nothing is taken over.
        before = plant.http.get("/v1/waste/stock").json()
        page.locator("input[type=file]").set_input_files(ledger.value.path())
        expect(page.get_by_text("Nothing was taken over.")).to_be_visible()
        expect(page.locator(".faults li").first).to_contain_text("entries row 2")
        keep_picture(page, "waste-import", DESK)
        page.get_by_role("button", name="中文").click()
        expect(page.locator(".faults li").first).to_contain_text("entries 第 2 行：记录")
        keep_picture(page, "waste-import", ("zh", "light", "desk"))
        page.get_by_role("button", name="English").click()
        book, only_heads = load_workbook(io.BytesIO(ledger.value.path().read_bytes())), io.BytesIO()
        for sheet in book:
            sheet.delete_rows(2, sheet.max_row)
        book.save(only_heads)
        empty = {"name": "empty.xlsx", "mimeType": "application/octet-stream", "buffer": only_heads.getvalue()}
        page.locator("input[type=file]").set_input_files(empty)
        expect(page.get_by_text("Taken over: 0 containers, 0 entries.")).to_be_visible()
        assert plant.http.get("/v1/waste/stock").json() == before


def test_what_a_plant_has_to_report_next_stands_beside_its_reports(plant, browser, manager):
    with console(browser, manager, DESK) as page:
        page.goto(f"{plant.address}/console/waste/reports")
        due = page.locator("section.card").filter(has_text="Plans and reports due next")
        expect(due.get_by_role("heading", name=PLANT["name"])).to_be_visible()
        # That a plant holds a permit makes it a key producer, which reports every month; all of it by the keyboard.
        expect(due).to_contain_text("Key producer")
        expect(due).to_contain_text("Holds a permit")
        month = due.get_by_role("link", name=re.compile(r"^\d{4}-\d\d$")).first
        asked = month.inner_text()
        keep_picture(page, "waste-calendar", DESK)
        month.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_label("First day")).to_have_value(f"{asked}-01")
        assert page.get_by_label("Last day").input_value().startswith(asked)
    with console(browser, manager, ("zh", "dark", "phone")) as page:
        page.goto(f"{plant.address}/console/waste/reports")
        expect(page.get_by_text("危险废物环境重点监管单位")).to_be_visible()
        keep_picture(page, "waste-calendar", ("zh", "dark", "phone"))
        check_accessible(page)
        check_fits(page)


def test_every_page_of_waste_works_at_200_percent(plant, browser, manager):
    identity = plant.label(OIL, 30, "floor")
    pages = {
        "": ".rooms li",
        "rooms/room-1": ".sensor .gap",
        "label": "input[type=file]",
        "scan": ".code-field",
        "ledger": ".entries li",
        f"containers/{identity}": ".paper img",
        "transfers": "h1",
        "reports": ".things tbody tr",
    }
    with console(browser, manager, ("en", "light", "zoomed"), foreseen="AudioContext") as page:
        for path, shows in pages.items():
            name = f"waste-{path.partition('/')[0] or 'plan'}"
            look_zoomed(page, f"{plant.address}/console/waste/{path}", name, shows)
        page.goto(f"{plant.address}/console/waste/transfers")
        page.get_by_role("button", name="New transfer").click()
        check_zoomed(page, "waste-new-transfer")
        page.goto(f"{plant.address}/console/waste/label")
        page.get_by_label("Digits, Chinese, pinyin or English").fill("321-024-48")
        page.get_by_role("button", name=re.compile("^321-024-48")).click()
        expect(page.get_by_label("Main components")).to_be_visible()
        check_zoomed(page, "waste-label-form")
