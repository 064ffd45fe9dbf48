"""What the tests of the console share: a page on which nothing may go wrong, in any look, with its picture.

With SCREENSHOTS set to a folder, every page is kept there as a picture in every language, theme and size.
"""

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

# How long a page takes says how busy the machine is.
expect.set_options(timeout=30_000)

PASSWORD = "four wet lorries at dawn"
AXE = Path(__file__).resolve().parents[2] / "serving/web/node_modules/axe-core/axe.min.js"
SIZES = {
    "desk": {"width": 1920, "height": 1080},
    "phone": {"width": 390, "height": 844},
    # A screen of 1280x800 at 200 %, as a browser's zoom shows it.
    "zoomed": {"width": 640, "height": 400},
}
LANGUAGES = ("en", "zh")
SHOWN = os.environ.get("SCREENSHOTS")
# Each language, theme and size once; all of them together where pictures are wanted.
LOOKS = (
    list(itertools.product(LANGUAGES, ("light", "dark"), ("desk", "phone")))
    if SHOWN
    else [("en", "light", "desk"), ("zh", "dark", "phone")]
)


def come_in(yard, browser: Browser, name: str, role: str) -> dict:
    """The cookies of a person of this role who has come in by the page itself."""
    token = yard.run("users", "invite", name, "--role", role).split("#")[-1]
    assert yard.http_with(None).post("/v1/welcome", json={"token": token, "password": PASSWORD}).status_code == 200
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{yard.address}/")
        sign_in(page, name)
        expect(page.get_by_role("heading", name="Live")).to_be_visible()
        return context.storage_state()


def sign_in(page: Page, name: str = "ada") -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")


@contextmanager
def console(browser: Browser, signed_in: dict, look: tuple[str, str, str], foreseen: str = "") -> Iterator[Page]:
    """A page on which any error in the console and any failed request is a fault, but for those that match."""
    language, theme, size = look
    faults: list[str] = []
    with browser.new_context(
        storage_state=signed_in,
        locale={"en": "en-GB", "zh": "zh-CN"}[language],
        color_scheme=theme,
        viewport=SIZES[size],
        device_scale_factor=2 if size == "zoomed" else 1,
        has_touch=size == "phone",
        timezone_id="Asia/Shanghai",
    ) as context:
        page = context.new_page()
        page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "response", lambda answer: faults.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
        )
        yield page
    unforeseen = [fault for fault in faults if not (foreseen and re.search(foreseen, fault))]
    assert not unforeseen, "\n".join(unforeseen)


def keep_picture(page: Page, name: str, look: tuple[str, str, str]) -> None:
    if SHOWN:
        page.wait_for_load_state("networkidle", timeout=3000) if "live" not in name else page.wait_for_timeout(1000)
        page.screenshot(path=Path(SHOWN) / f"{name}-{'-'.join(look)}.png", full_page=True)


def check_accessible(page: Page) -> None:
    """axe-core finds nothing serious."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in serious] == []


def check_fits(page: Page) -> None:
    """Nothing has to be moved sideways to be read."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# Whatever can be pressed is brought into sight as a key brings it, from above and from below; where something else lies
# over the middle of what is on the screen then, both are named. Of what is higher than half of the screen the middle of
# the lower half counts: the other half may be under what stays in sight.
HIDDEN = """async () => {
  const pressed = 'a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, summary';
  const hidden = [];
  const whole = document.querySelector('dialog[open]') ?? document.body;
  for (const one of whole.querySelectorAll(pressed)) {
    if (!one.checkVisibility({ visibilityProperty: true })) continue;
    for (const from of [0, document.documentElement.scrollHeight]) {
      one.blur();
      scrollTo(0, from);
      one.focus();
      const { left, right, top, bottom } = one.getBoundingClientRect();
      const begin = Math.max(top, 0);
      const height = Math.min(bottom, innerHeight) - begin;
      const middle = begin + height * (height > innerHeight / 2 ? 0.75 : 0.5);
      const over = document.elementFromPoint((left + right) / 2, middle);
      if (![one, ...(one.labels ?? [])].some((part) => part.contains(over)))
        hidden.push(`${one.outerHTML.slice(0, 80)} from ${from} is under ${over?.outerHTML.slice(0, 80)}`);
    }
  }
  document.activeElement?.blur();
  scrollTo(0, 0);
  return hidden;
}"""


def look_zoomed(page: Page, address: str, name: str, shows: str) -> None:
    """Open a page on a screen at 200 %: it fits, and all of it can be read and pressed."""
    page.goto(address)
    expect(page.locator(shows).first).to_be_visible()
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")
    check_zoomed(page, name)


def check_nothing_hidden(page: Page) -> None:
    """Nothing that can be pressed lies under what stays in sight."""
    hidden = page.evaluate(HIDDEN)
    assert not hidden, "\n".join(hidden)


def check_zoomed(page: Page, name: str) -> None:
    """Nothing has to be moved sideways, nothing that can be pressed lies under what stays in sight, and what stays in
    sight leaves half of the screen."""
    check_fits(page)
    check_nothing_hidden(page)
    assert all(bars.bounding_box()["height"] <= SIZES["zoomed"]["height"] / 2 for bars in page.locator(".bars").all())
    check_accessible(page)
    if SHOWN:
        page.screenshot(path=Path(SHOWN) / f"{name}-zoomed.png")
        page.screenshot(path=Path(SHOWN) / f"{name}-zoomed-whole.png", full_page=True)


def look_at(browser: Browser, who: dict, address: str, name: str, shows: str) -> None:
    """Open a page on a dark phone, and in every look where pictures are wanted; it shows itself without a fault."""
    for look in LOOKS if SHOWN else LOOKS[-1:]:
        with console(browser, who, look) as page:
            page.goto(address)
            expect(page.locator(shows).first).to_be_visible()
            check_accessible(page)
            check_fits(page)
            keep_picture(page, name, look)
