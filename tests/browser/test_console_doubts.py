"""What the console says where something is missing, refused, slow or meant for somebody else: the real service, and a
real browser in which an answer is sometimes held back or taken away."""

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.console_page import (
    PASSWORD,
    check_accessible,
    check_nothing_hidden,
    come_in,
    console,
    keep_picture,
    look_at,
    sign_in,
)

from loadlens.serving.api.console import FOLDER

DESK = ("en", "light", "desk")
NOTHING_SEEN = {"en": "which does not mean clean", "zh": "不等于没有杂质"}
# Whatever is entered is brought into sight as a key brings it; what has something else over its middle then is named.
COVERED = """() => [...document.querySelectorAll('.decision input, .decision select')].flatMap((one) => {
  one.focus();
  const { left, right, top, bottom } = one.getBoundingClientRect();
  const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  return [one, ...one.labels].some((part) => part.contains(over)) ? [] : [one.outerHTML];
})"""
# Whether a picture may be shown on a page.
SHOWN = """(address) => new Promise((told) => {
  const picture = new Image();
  picture.onload = () => told(true);
  picture.onerror = () => told(false);
  picture.src = address;
})"""


@pytest.fixture(scope="module")
def yard(make_server, model_file, shared_port, tmp_path_factory, absent: Callable[[str, str], None]) -> Iterator:
    """A server with a lane, which knows the address that a supplier's link leads to."""
    if not (FOLDER / "index.html").is_file():
        absent("console", "`make web` builds it")
    address = {"LOADLENS_PORT": str(shared_port), "LOADLENS_PUBLIC_URL": f"http://127.0.0.1:{shared_port}"}
    running = make_server(tmp_path_factory.mktemp("doubts") / "data", model_file, address)
    assert running.http_as("admin").put("/v1/lanes/1", json={}).status_code == 200
    yield running
    running.stop()


@pytest.fixture(scope="module")
def inspector(yard, browser: Browser) -> dict:
    return come_in(yard, browser, "ada", "inspector")


@pytest.fixture(scope="module")
def manager(yard, browser: Browser) -> dict:
    return come_in(yard, browser, "meg", "manager")


def graded(yard, shots, *, weighed: bool = True, **particulars: object) -> str:
    """A load that was seen, or with no `shots` was not, and waits for a person; its place."""
    place = yard.open_load(standard="example-mill", **particulars)
    for shot in shots:
        yard.put(shot)
    if weighed:
        weigh(yard, place)
    assert yard.close().status_code == 200
    return place


def weigh(yard, place: str) -> None:
    for kind, kg in (("gross", 48960), ("tare", 16420)):
        assert yard.http.put(f"{place}/weights/{kind}", json={"kg": kg, "division": 20}).status_code == 201


def raise_alarm(yard, device: str) -> None:
    said = {"id": str(uuid.uuid4()), "kind": "radiation", "device": device, "text": "alarm", "raw": ""}
    sent = yard.http.post("/v1/lanes/1/readings", json={**said, "at": datetime.now(UTC).isoformat()})
    assert sent.status_code == 201


def take_over_all(yard) -> None:
    for alarm in yard.http.get("/v1/alarms", params={"open": True}).json()["alarms"]:
        yard.http.post(f"/v1/alarms/{alarm['id']}/acknowledgement", json={"by": "the test"})


def test_of_a_load_that_nobody_saw_every_page_says_that_its_deduction_is_no_estimate(yard, browser, manager):
    place = graded(yard, [], plate="皖A 0", supplier="North Yard")
    page_of_load = f"{yard.address}/console/loads/{yard.load}"
    for language in ("en", "zh"):
        with console(browser, manager, (language, "light", "desk")) as page:
            page.goto(f"{yard.address}/console/queue")
            expect(page.locator(".queue li").filter(has_text="皖A 0")).to_contain_text(NOTHING_SEEN[language])
            page.goto(page_of_load)
            expect(page.locator(".load-head")).to_contain_text(NOTHING_SEEN[language])
            expect(page.locator("tfoot")).to_contain_text(NOTHING_SEEN[language])
    look_at(browser, manager, page_of_load, "nothing-seen", ".load-head")
    with console(browser, manager, ("en", "dark", "phone")) as page:
        page.goto(f"{yard.address}/console/queue")
        # What is said of it leaves room for whose it is.
        who = page.locator(".queue li").filter(has_text="皖A 0").locator(".who")
        expect(who).to_be_visible()
        assert who.bounding_box()["width"] > 100
    with console(browser, manager, DESK) as page:
        page.goto(page_of_load)
        page.get_by_role("button", name="Accept").click()
        expect(page.locator(".committing")).to_contain_text("No layer was seen, so nothing is deducted")
        page.get_by_role("radio").first.check()
        page.get_by_role("button", name="Commit").click()
        expect(page.get_by_text("皖A 0 accepted")).to_be_visible()
        with yard.http_with(None) as stranger:
            link = yard.http.post(f"{place}/supplier-link").json()["url"]
            assert "no layer was seen, so contaminants are not estimated" in stranger.get(f"{link}?lang=en").text
            assert "未见料层，杂质未估算" in stranger.get(f"{link}?lang=zh").text
        page.goto(page_of_load)
        page.get_by_role("button", name="Settle").click()
        expect(page.locator(".settlement")).to_contain_text(NOTHING_SEEN["en"])


def test_an_alarm_that_could_not_be_taken_over_stays_and_so_does_that_none_can_be_read(yard, browser, inspector):
    raise_alarm(yard, "portal-9")
    foreseen = r"AudioContext|\b403\b|\b500\b|status of (403|500)"
    with console(browser, inspector, DESK, foreseen=foreseen) as page:
        page.goto(f"{yard.address}/console/queue")
        danger = page.locator(".bar.danger").filter(has_text="portal-9")
        expect(danger).to_be_visible()
        refusal = {"status": 403, "content_type": "application/problem+json", "body": '{"detail": "you may not"}'}
        page.route(re.compile("/acknowledgement$"), lambda route: route.fulfill(**refusal))
        danger.get_by_role("button", name="take it over").click()
        expect(page.locator(".outbox")).to_contain_text("was refused: you may not")
        expect(danger).to_be_visible()
        page.get_by_role("button", name="Give up").click()
        failure = {"status": 500, "content_type": "application/problem+json", "body": '{"detail": "disk full"}'}
        page.route(re.compile(r"/v1/alarms\?"), lambda route: route.fulfill(**failure))
        page.reload()
        expect(page.get_by_text("The alarms cannot be read: the server failed; try again")).to_contain_text("disk full")
        page.unroute_all()
        expect(danger).to_be_visible()
        expect(page.get_by_text("The alarms cannot be read")).to_have_count(0)
    take_over_all(yard)


def test_what_was_kept_and_then_refused_says_why_in_the_readers_language(yard, shots, browser, inspector):
    place = graded(yard, shots[:6], plate="皖A 7")
    foreseen = r"ERR_INTERNET_DISCONNECTED|\b409\b"
    with console(browser, inspector, ("zh", "light", "phone"), foreseen=foreseen) as page:
        page.goto(f"{yard.address}/console/loads/{yard.load}")
        page.get_by_role("button", name="请他人复核").click()
        page.get_by_label("补充说明").fill("看不清")
        page.context.set_offline(True)
        page.get_by_role("button", name="提交").click()
        expect(page.locator(".outbox")).to_contain_text("等待")
        taken = yard.http_as("manager").post(f"{place}/claim", json={"take_over": True})
        assert taken.status_code in (200, 201)
        page.context.set_offline(False)
        refused = page.locator(".outbox li.refused")
        expect(refused).to_contain_text(
            re.compile(f"被拒绝：车次 {yard.load} 由 .+ 领取至 .+；请处理其他车次，或与其联系")
        )
        assert "T" not in refused.inner_text()  # the time is written as people write it
        assert not re.search("[a-z]{3,} [a-z]{3,}", refused.inner_text())
        refused.get_by_role("button", name="放弃").click()


def test_a_page_that_cannot_be_shown_leaves_the_alarms_where_they_are(yard, browser, inspector):
    raise_alarm(yard, "portal-8")
    with console(browser, inspector, DESK, foreseen=r"AudioContext|TypeError|undefined") as page:
        broken = {"status": 200, "content_type": "application/json", "body": '{"loads": [{}], "total": 1}'}
        page.route(re.compile("/v1/queue"), lambda route: route.fulfill(**broken))
        page.goto(f"{yard.address}/console/queue")
        expect(page.get_by_text("This page cannot be shown")).to_be_visible()
        expect(page.locator(".bar.danger").filter(has_text="portal-8")).to_be_visible()
        page.keyboard.press("l")
        expect(page.get_by_role("heading", name="Live")).to_be_visible()
    take_over_all(yard)


def test_an_area_that_is_not_closed_stays_with_its_layer(yard, shots, browser, inspector):
    graded(yard, shots[::3], plate="皖A 1")
    with console(browser, inspector, DESK) as page:
        page.goto(f"{yard.address}/console/loads/{yard.load}")
        expect(page.locator(".strip li")).not_to_have_count(1)
        first = page.locator(".strip button").first
        # People count from 1.
        expect(first).to_contain_text("Layer 1")
        first.click()
        expect(page.get_by_role("heading", name="Layer 1,")).to_be_visible()
        page.keyboard.press("c")
        page.get_by_label("What it is").select_option(index=1)
        for x, y in ((100, 100), (500, 100), (300, 300)):
            page.locator(".window").click(position={"x": x, "y": y})
        expect(page.locator(".marks polygon")).to_have_count(1)
        page.locator(".strip button").nth(1).click()
        expect(page.get_by_text("Correct layer 2")).to_be_visible()
        expect(page.locator(".marks polygon")).to_have_count(0)
        expect(page.get_by_role("button", name="Close the area")).to_have_count(0)


def test_what_a_correction_comes_to_is_of_what_is_entered_and_of_the_load_as_it_is_now(yard, shots, browser, inspector):
    place = graded(yard, shots[:6], plate="皖A 2", weighed=False)
    with console(browser, inspector, DESK) as page:
        page.goto(f"{yard.address}/console/loads/{yard.load}")
        page.get_by_role("button", name="Correct").click()
        water = page.get_by_label("Water, % of the net")
        water.fill("2")
        then = page.locator("table.effect tbody tr").nth(1).locator("td").nth(1)
        expect(then.locator("b")).to_contain_text("%")
        # What cannot be meant comes to nothing: the effect of what stood there before is no longer shown.
        water.fill("2x")
        expect(page.locator("table.effect")).to_have_count(0)
        water.fill("2")
        expect(then.locator("b")).to_contain_text("%")
        # The truck is weighed meanwhile, so percent become kilograms.
        weigh(yard, place)
        expect(then.locator("b")).to_contain_text("kg")
        # Until the newest is computed, what is shown is told to be of before.
        page.route(re.compile("/preview$"), lambda _held: None)
        water.fill("9")
        expect(page.locator("table.effect")).to_contain_text("Computing")


@pytest.mark.parametrize("size", [(1280, 720), (1280, 800), (1920, 1080)], ids=str)
def test_no_field_of_a_correction_lies_under_what_commits_it(yard, shots, browser, inspector, size):
    graded(yard, shots[:6], plate="皖A 3")
    with console(browser, inspector, DESK) as page:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(f"{yard.address}/console/loads/{yard.load}")
        page.get_by_role("button", name="Correct").click()
        page.get_by_label("Water, % of the net").fill("2")
        expect(page.locator("table.effect b").first).to_be_visible()
        assert page.evaluate(COVERED) == []
        # What commits it is in sight all the time.
        expect(page.get_by_role("button", name="Commit")).to_be_in_viewport(ratio=1)


def test_on_a_phone_a_correction_is_committed_from_wherever_it_is_entered(yard, shots, browser, inspector):
    place = graded(yard, shots[:6], plate="皖A 6")
    with console(browser, inspector, ("en", "light", "phone")) as page:
        page.goto(f"{yard.address}/console/loads/{yard.load}")
        page.get_by_role("button", name="Correct").click()
        commit = page.get_by_role("button", name="Commit")
        # What is marked on the picture opens when it is wanted, and what was hardly seen has no field.
        expect(page.get_by_label("What it is")).to_be_hidden()
        page.get_by_role("button", name="Mark it on the picture").click()
        expect(page.get_by_label("What it is")).to_be_focused()
        fields = page.locator(".correction fieldset").first.get_by_role("textbox")
        seen = yard.http.get(f"{place}/assessment").json()["truck"]["contaminants"]
        expect(fields).to_have_count(sum(part["mass"] >= 0.0001 for part in seen.values()))
        page.get_by_label("Water, % of the net").fill("2")
        page.get_by_label("Measured water or oil").check()
        for part in (".frame", ".correction", ".provenance"):
            page.locator(part).scroll_into_view_if_needed()
            expect(commit).to_be_in_viewport(ratio=1)
            expect(page.locator("table.effect tr.changed").first).to_be_in_viewport(ratio=1)
        check_nothing_hidden(page)
        check_accessible(page)
        keep_picture(page, "correct-phone", ("en", "light", "phone"))
        commit.click()
        expect(page.get_by_text("皖A 6 corrected")).to_be_visible()


def test_a_chosen_load_stays_chosen_and_in_sight_whatever_becomes_of_those_above_it(yard, browser, inspector):
    for number in range(12):
        graded(yard, [], plate=f"粤A {number}")
    with console(browser, inspector, DESK) as page:
        page.set_viewport_size({"width": 1280, "height": 500})
        page.goto(f"{yard.address}/console/")
        page.get_by_role("link", name="To review").click()
        expect(page.locator(".queue li").nth(11)).to_be_visible()
        for _ in range(11):
            page.keyboard.press("ArrowDown")
        chosen = page.locator(".queue .chosen")
        expect(chosen).to_be_in_viewport(ratio=1)
        plate = chosen.locator("b").inner_text()
        there = page.locator(".queue li").count()
        # One that stands above it is decided by somebody else.
        assert plate != "粤A 0"
        [load] = yard.http.get("/v1/loads", params={"q": "粤A 0"}).json()["loads"]
        accepted = yard.http.post(f"/v1/loads/{load['id']}/reviews", json={"decision": "accept", "reason": "seen"})
        assert accepted.status_code == 201
        expect(page.locator(".queue li")).to_have_count(there - 1)
        expect(chosen.locator("b")).to_have_text(plate)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=plate)).to_be_visible()


def test_a_correction_that_was_cancelled_by_a_slip_is_taken_up_again(yard, shots, browser, inspector):
    graded(yard, shots[:6], plate="皖A 8")
    with console(browser, inspector, DESK) as page:
        page.goto(f"{yard.address}/console/loads/{yard.load}")
        page.get_by_role("button", name="Correct").click()
        page.get_by_label("Water, % of the net").fill("2.5")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Take up again").click()
        expect(page.get_by_label("Water, % of the net")).to_have_value("2.5")


def test_what_is_chosen_from_a_list_by_keys_is_chosen_and_not_committed(yard, shots, browser, inspector):
    place = graded(yard, shots[:6], plate="皖A 9")
    with console(browser, inspector, DESK) as page:
        page.goto(f"{yard.address}/console/loads/{yard.load}")
        page.get_by_role("button", name="Correct").click()
        page.get_by_label("Seen differently in the yard").check()
        page.get_by_label("Grade of all its scrap").focus()
        for key in ("Space", "ArrowDown", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        expect(page.get_by_label("Grade of all its scrap")).not_to_have_value("")
        page.wait_for_timeout(1000)
        assert yard.http.get(f"{place}/reviews").json()["reviews"] == []
        expect(page.get_by_role("button", name="Commit")).to_be_visible()


def test_settings_that_were_saved_say_so(yard, browser, manager):
    with console(browser, manager, DESK) as page:
        page.goto(f"{yard.address}/console/settings/lanes")
        gross = page.get_by_role("form", name="Lane 1").get_by_label("Gross from, kg")
        gross.fill("20,000")  # twenty kilograms, or twenty tonnes?
        page.get_by_role("form", name="Lane 1").get_by_role("button", name="Save").click()
        assert gross.evaluate("(field) => field.validity.patternMismatch")
        gross.fill("20000")
        page.get_by_role("form", name="Lane 1").get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        [lane] = [one for one in yard.http.get("/v1/lanes").json()["lanes"] if one["id"] == "1"]
        assert float(lane["gross_above_kg"]) == 20_000


def test_whoever_signs_out_without_a_network_is_told_that_they_did_not(yard, browser, inspector):
    with console(browser, inspector, DESK, foreseen="ERR_INTERNET_DISCONNECTED") as page:
        page.goto(f"{yard.address}/console/queue")
        expect(page.get_by_role("heading", name="Loads to review")).to_be_visible()
        page.context.set_offline(True)
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("ada is still signed in here")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.context.set_offline(False)


def test_a_draft_is_not_gone_on_with_by_who_signs_in_next(yard, shots, browser):
    ben = come_in(yard, browser, "ben", "inspector")
    graded(yard, shots[:6], plate="皖A 4")
    address = f"{yard.address}/console/loads/{yard.load}"
    come_in(yard, browser, "cem", "inspector")
    with console(browser, ben, DESK, foreseen=r"\b401\b|\b409\b") as page:

        def change_to(name: str) -> None:
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_role("dialog")).to_be_visible()
            sign_in(page, name)
            expect(page.get_by_role("dialog")).to_have_count(0)

        page.goto(address)
        page.get_by_role("button", name="Correct").click()
        page.get_by_label("In your own words").fill("ben saw wood")
        with page.expect_response(lambda said: said.url.endswith("/claim") and said.request.method == "POST") as claim:
            change_to("cem")
        assert claim.value.status == 201  # nor is the load ben's any longer
        expect(page.get_by_role("button", name="Correct")).to_be_visible()
        expect(page.get_by_label("In your own words")).to_have_count(0)
        change_to("ben")
        expect(page.get_by_label("In your own words")).to_have_value("ben saw wood")


def test_a_wrong_password_is_told_in_the_readers_language(yard, browser):
    with console(browser, {}, ("zh", "light", "desk"), foreseen=r"\b401\b") as page:
        page.goto(f"{yard.address}/console/")
        page.get_by_label("姓名").fill("ada")
        page.get_by_label("密码").fill(PASSWORD[::-1])
        page.keyboard.press("Enter")
        expect(page.get_by_text("用户名或密码错误")).to_be_visible()


def test_a_decision_goes_again_where_its_answer_broke_off(yard, shots, browser, inspector):
    place = graded(yard, shots[:6], plate="皖A 5")
    with console(browser, inspector, DESK) as page:
        page.goto(f"{yard.address}/console/loads/{yard.load}")
        page.get_by_role("button", name="Accept").click()
        page.get_by_role("radio").first.check()
        page.wait_for_load_state("networkidle")

        def cut(route) -> None:
            route.fulfill(response=route.fetch(), body='{"statu')

        page.route(re.compile("/reviews$"), cut, times=1)
        page.get_by_role("button", name="Commit").click()
        expect(page.get_by_text("皖A 5 accepted")).to_be_visible()
        assert [one["decision"] for one in yard.http.get(f"{place}/reviews").json()["reviews"]] == ["accept"]


def test_the_pages_of_strangers_have_an_icon(yard, shots, browser):
    """Without one a browser asks for it at an address where a stranger is refused."""
    place = graded(yard, shots[:6], plate="皖A 6")
    accepted = yard.http.post(f"{place}/reviews", json={"decision": "accept", "reason": "seen"})
    assert accepted.status_code == 201
    link = yard.http.post(f"{place}/supplier-link").json()["url"]
    for address in (link, f"{link[:-4]}none", f"{yard.address}/login"):
        with console(browser, {}, DESK, foreseen=r"\b40[13]\b") as page:
            page.goto(address)
            icon = page.request.get(f"{yard.address}{page.locator('link[rel=icon]').get_attribute('href')}")
            assert (icon.status, icon.headers["content-type"]) == (200, "image/svg+xml")
            # The policy of the page lets it be shown.
            assert page.evaluate(SHOWN, "/console/icon.svg")


def settled_picture(page: Page) -> None:
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")


def test_a_picture_that_did_not_come_is_asked_for_again(yard, shots, browser, inspector):
    graded(yard, shots[:6], plate="皖A 7")
    with console(browser, inspector, DESK, foreseen="ERR_FAILED|ERR_ABORTED") as page:
        page.route(re.compile(r"/frame\?version=\d+$"), lambda route: route.abort())
        page.goto(f"{yard.address}/console/loads/{yard.load}")
        expect(page.get_by_text("or the server does not answer")).to_be_visible()
        page.unroute_all()
        page.locator(".frame").get_by_role("button", name="Try again").click()
        expect(page.locator(".window")).to_be_visible()
        settled_picture(page)
        expect(page.get_by_text("or the server does not answer")).to_have_count(0)
