"""A real browser: Debian's Chromium, driven by Playwright. What goes wrong on a page fails the test that opened it."""

import shutil
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

# How long a page takes on a machine that others use too says nothing of the page.
expect.set_options(timeout=60_000)


# Chromium gets two pages of its own address bar ready in every new window: nobody sees them, and they cost more than
# most pages that a test looks at. Of two such lists it obeys the last, so Playwright's stands here too.
GOES_WITHOUT = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    # Playwright's.
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)


# For a module only: while Playwright runs, nothing else in the process can run an event loop.
@pytest.fixture(scope="module")
def browser(absent: Callable[[str, str], NoReturn]) -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        absent("chromium", "install Debian's package chromium")
    with sync_playwright() as playwright:
        without = f"--disable-features={','.join(GOES_WITHOUT)}"
        running = playwright.chromium.launch(executable_path=program, args=[without])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that has no cookies yet and believes any certificate."""
    faults: list[str] = []

    def listen(said: ConsoleMessage) -> None:
        # Chromium logs every answer of 4xx as an error; what the page makes of it is for the test to see.
        if said.type == "error" and "the server responded with a status of 4" not in said.text:
            faults.append(said.text)

    with browser.new_context(ignore_https_errors=True) as context:
        shown = context.new_page()
        shown.on("console", listen)
        shown.on("pageerror", lambda error: faults.append(str(error)))
        yield shown
    assert not faults


@pytest.fixture(scope="module")
def new_place() -> Callable[[], dict[str, str]]:
    """A browser does not see where the records are: one box is enough."""
    return dict
