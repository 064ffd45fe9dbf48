"""From a photo of waste to its printed label on a phone: how many taps, how many keys, how many seconds?

    python bench/label_walk.py PHOTO [--code 900-041-49] [--rounds 10] [--pictures DIR]

A real server and Debian's Chromium at the size of a phone, with touch. The walk is a store keeper's who labels a waste
again that was labelled before: the photo, the code beside its question (searched for where the photo does not suggest
it), the mass, the confirmation, the print. The label of before gives the rest. Taps and keys are counted by the page's
own events, three taps more for the camera of the phone, which is no page. Seconds of the machine are measured, from
the photo to the file, on one machine that does everything. Those of the hand are a model, no measurement: 1.1 s a tap,
0.28 s a key, 1.35 s to think before each tap (keystroke-level model, Card, Moran and Newell 1980).
"""

import argparse
import json
import shutil
import socket
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from console_speed import come_in
from playwright.sync_api import Page, sync_playwright
from server_under_test import ServerUnderTest

UNIT = "91130200699229617X"
PLANT = {"unit": UNIT, "name": "示例铝业有限公司", "contact": "张三", "phone": "0310-0000000"}
BEFORE = {
    "unit": UNIT,
    "list": "hazardous-cn",
    "name": "废包装物",
    "grams": 20_000,
    "litres": 200,
    "place": "floor",
    "produced_on": "2026-11-20",
    "state": "solid",
    "main_components": "铁皮、塑料",
    "harmful_components": "油漆残留",
    "hazards": ["T"],
    "precautions": "防雨",
}
CAMERA_TAPS = 3  # open, shutter, use the photo
TAP_S, KEY_S, THINK_S = 1.1, 0.28, 1.35
COUNT = """
window.counted = { taps: 0, keys: 0 };
addEventListener("pointerdown", () => window.counted.taps++, true);
addEventListener("input", (event) => { if (event.target.type !== "file") window.counted.keys++; }, true);
"""


def walk(page: Page, photo: Path, code: str, pictures: Path | None) -> tuple[int, int, float]:
    """One label: taps, keys, and seconds of the machine."""
    page.goto("/console/waste/label")
    page.get_by_text("Take a photo of the waste").wait_for()
    began = time.perf_counter()
    page.locator("input[type=file]").set_input_files(photo)
    page.get_by_role("heading", name="It may show").wait_for()
    picture(page, pictures, "photo")
    wanted = page.get_by_role("button", name=code)
    if wanted.count() == 0:
        field = page.get_by_label("Digits, Chinese, pinyin or English")
        if not field.is_visible():
            page.get_by_text("Search for another code").tap()
        field.tap()
        field.press_sequentially(code)
    wanted.first.tap()
    # The field of the mass is the first and has the focus.
    page.get_by_label("Mass, kg").press_sequentially("212.5")
    picture(page, pictures, "form")
    page.get_by_role("button", name=f"I confirm {code}").tap()
    with page.expect_download():
        page.get_by_role("button", name="Print PDF").tap()
    seconds = time.perf_counter() - began
    picture(page, pictures, "label")
    counted = page.evaluate("window.counted")
    return counted["taps"] + CAMERA_TAPS, counted["keys"], seconds


def picture(page: Page, folder: Path | None, name: str) -> None:
    """Keep what the page shows, where pictures are wanted."""
    if folder is not None:
        page.screenshot(path=folder / f"{name}.png", full_page=True)


def main() -> None:
    """Walk, count, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--code", default="900-041-49")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--pictures", type=Path, help="a folder for pictures of the steps; they cost time")
    given = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"producers": json.dumps([PLANT]), "public_url": f"http://127.0.0.1:{port}"}
    with tempfile.TemporaryDirectory() as folder, ServerUnderTest(Path(folder), port=port, **settings) as server:
        before = BEFORE | {"code": given.code, "at": datetime.now(UTC).isoformat()}
        server.ask("POST", "/v1/waste/labels", 201, json=before)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
            phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "locale": "en-GB"}
            cookies = come_in(server, browser)
            with browser.new_context(base_url=server.address, storage_state=cookies, **phone) as context:
                context.set_default_timeout(120_000)
                context.add_init_script(COUNT)
                page = context.new_page()
                first = walk(page, given.photo, given.code, given.pictures)[2]  # the model is read, the page comes
                walks = [walk(page, given.photo, given.code, None) for _ in range(given.rounds)]
            browser.close()
    taps, keys, seconds = walks[0][0], walks[0][1], [one[2] for one in walks]
    if len({one[:2] for one in walks}) > 1:
        raise SystemExit(f"the walks are not alike: {[one[:2] for one in walks]}")
    hand = taps * (TAP_S + THINK_S) + keys * KEY_S
    print(f"taps {taps} (of them {CAMERA_TAPS} in the camera), keys {keys}")
    print(
        f"the machine: median {statistics.median(seconds):.1f} s, worst {max(seconds):.1f} s, n {len(seconds)}; "
        f"the first one after the start {first:.1f} s"
    )
    print(f"the hand, by the model: {hand:.1f} s; together {hand + statistics.median(seconds):.1f} s")


if __name__ == "__main__":
    main()
