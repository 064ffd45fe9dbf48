"""How fast the console is among very many loads, and whether its page forgets.

    python bench/console_speed.py [--loads 50000] [--views 15] [--rounds 4] [--minutes 5]

Grades one rendered load by the real service, copies its records until there are as many as asked (the newest 300 wait
for a person and have whole assessments; the others have what lists, queue and figures read), lets five lanes unload
with a camera each, and drives Debian's Chromium. Prints, each with its n:

- first view: from the address to the first paint, to the largest one, and to the five lanes with their loads (what
  these come to so far follows as soon as the server is between two frames); every view in a browser that has kept
  nothing. Bytes as they went over the line, pictures apart.
- interaction to next paint, as the browser's Event Timing says it, over a scripted session of a manager. What took
  less than 16 ms is not said by the browser and counts as 16.
- memory of the page after a collection, every ten seconds of live updates: heap and nodes, and the slope of the heap.

Times are of the wall and of a whole machine, which is why the load average is printed beside them; the processor time
of the page's main thread is not stretched by what else runs, and is the least that such a time can be.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright
from server_under_test import ServerUnderTest
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip
from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.store.database import open_database, writing
from loadlens.serving.store.queue_tables import LoadResult
from loadlens.serving.store.tables import Assessment, Base, Load, Picture, Transition

LANES = [str(number) for number in range(1, 6)]
WAITING, SUPPLIERS, BATCH = 300, 40, 2000
FRAME_EVERY_S, MEMORY_EVERY_S = 2.0, 10.0
PASSWORD = "four wet lorries at dawn"
UNSEEN_MS = 16.0
PATIENCE_MS = 180_000
WATCH = """
window.paints = {}; window.interactions = new Map();
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.paints[entry.name || entry.entryType] = entry.startTime;
}).observe({ type: "paint", buffered: true });
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.paints.largest = entry.startTime;
}).observe({ type: "largest-contentful-paint", buffered: true });
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { interactionId: id, duration } = entry;
    if (id) window.interactions.set(id, Math.max(duration, window.interactions.get(id) ?? 0));
  }
}).observe({ type: "event", durationThreshold: 16, buffered: true });
"""


def lanes_shown(page: Page) -> None:
    """Wait until every lane stands with its figures."""
    page.locator(".lane .load-now").nth(len(LANES) - 1).wait_for()


def render(frames: int) -> list[bytes]:
    """The JPEGs of one unloading."""
    clip = render_clip(ClipSpec(seed=7, size=(720, 1280), fps=1, seconds=frames), ProceduralTextures())
    return [encode_jpeg(rgb, 80) for _, rgb in clip.frames()]


def grade_one(server: ServerUnderTest, jpegs: list[bytes]) -> None:
    """The load that all others are copies of."""
    server.open_load("model")
    for seq, jpeg in enumerate(jpegs):
        server.send(server.http, "model", seq, jpeg, seq)
    for kind, kg in (("gross", 48960), ("tare", 16420)):
        server.http.put(f"/v1/loads/model/weights/{kind}", json={"kg": kg, "division": 20})
    server.ask("POST", "/v1/loads/model/close?wait=true", 200)


def copy_load(engine: Engine, count: int) -> None:
    """Add so many loads as copies of the first, a minute apart, the last one an hour ago."""
    began = datetime.now(UTC) - timedelta(minutes=count + 60)
    with Session(engine) as session:
        model = {table: _rows(session, table) for table in (Load, LoadResult, Assessment, Transition, Picture)}
    for first in range(0, count, BATCH):
        with Session(writing(engine)) as session:
            for table, rows in model.items():
                copies = [
                    _copied(table, row, number, waits=number >= count - WAITING, at=began + timedelta(minutes=number))
                    for number in range(first, min(first + BATCH, count))
                    for row in rows
                    if table in (Load, LoadResult) or number >= count - WAITING
                ]
                if copies:
                    session.execute(insert(table), copies)
            session.commit()


def _rows(session: Session, table: type[Base]) -> list[dict[str, Any]]:
    found = session.scalars(select(table)).all()
    return [{column.name: getattr(row, column.name) for column in table.__table__.columns} for row in found]


def _copied(table: type[Base], row: dict[str, Any], number: int, *, waits: bool, at: datetime) -> dict[str, Any]:
    name = f"load-{number:06}"
    moment = at.isoformat(timespec="milliseconds")
    copy = {**row, ("id" if table is Load else "load_id"): name}
    if table is Load:
        particulars = {"lane": LANES[number % 5], "supplier": f"supplier {number % SUPPLIERS}", "plate": f"B {number}"}
        copy |= particulars | {"status": "flagged" if waits else "settled", "created_at": moment, "closed_at": moment}
    if table is LoadResult:
        copy |= {"waiting": waits, "rank": f"{row['rank']}{number:06}"}
    if table is Transition:
        del copy["id"]
    return copy


class Yard(threading.Thread):
    """Five lanes that unload: a frame of each every two seconds, another truck after the last frame of one."""

    def __init__(self, server: ServerUnderTest, jpegs: list[bytes]) -> None:
        super().__init__(daemon=True)
        self._http, self._jpegs = server.client(), jpegs
        self.ended = threading.Event()
        self.frames = 0
        for lane in LANES:
            self._http.put(f"/v1/lanes/{lane}", json={}).raise_for_status()
            self._say(lane)

    def run(self) -> None:
        """Send until it is ended."""
        seq = 0
        while not self.ended.is_set():
            began = time.monotonic()
            for number, lane in enumerate(LANES):
                truck, frame = divmod(seq + 3 * number, len(self._jpegs))
                if frame == 0 or seq == 0:
                    self._next_truck(lane, truck)
                self._send(lane, seq, self._jpegs[frame])
            seq += 1
            self.ended.wait(max(0.0, FRAME_EVERY_S - (time.monotonic() - began)))

    def _next_truck(self, lane: str, truck: int) -> None:
        self._http.post(f"/v1/loads/live-{lane}-{truck - 1}/close")
        opened = {"id": f"live-{lane}-{truck}", "lane": lane, "plate": f"L {lane} {truck}"}
        self._http.post("/v1/loads", json=opened).raise_for_status()
        self._say(lane)

    def _send(self, lane: str, seq: int, jpeg: bytes) -> None:
        headers = {"Captured-At": datetime.now(UTC).isoformat()}
        place = f"/v1/lanes/{lane}/frames/mast/{seq}"
        while self._http.put(place, content=jpeg, headers=headers).status_code == 503:
            self.ended.wait(FRAME_EVERY_S)  # as a camera does that is told to wait
        self.frames += 1

    def _say(self, lane: str) -> None:
        health = {"state": "ok", "since": datetime.now(UTC).isoformat()}
        self._http.put(f"/v1/lanes/{lane}/cameras/mast/health", json=health).raise_for_status()


def come_in(server: ServerUnderTest, browser: Browser) -> Any:
    """The cookies of a manager."""
    token = server.run("users", "invite", "meg", "--role", "manager").split("#")[-1].strip()
    with browser.new_context(base_url=server.address) as context:
        context.request.post("/v1/welcome", data={"token": token, "password": PASSWORD})
        return context.storage_state()


@contextmanager
def opened(browser: Browser, server: ServerUnderTest, cookies: Any) -> Iterator[tuple[BrowserContext, Page]]:
    """A page of a browser that has kept nothing but its session."""
    size = {"width": 1920, "height": 1080}
    with browser.new_context(base_url=server.address, storage_state=cookies, viewport=size) as context:
        context.add_init_script(WATCH)
        context.set_default_timeout(PATIENCE_MS)
        yield context, context.new_page()


def thread_ms(line: CDPSession) -> float:
    """Processor time of the page's main thread since `line` was told to count it, in ms."""
    metrics = {one["name"]: one["value"] for one in line.send("Performance.getMetrics")["metrics"]}
    return 1000 * float(metrics["TaskDuration"])


def counting(context: BrowserContext, page: Page) -> CDPSession:
    """A line to the browser on which the processor time of the main thread is counted."""
    line = context.new_cdp_session(page)
    line.send("Performance.enable", {"timeDomain": "threadTicks"})
    return line


def first_views(open_page: Callable[[], Any], views: int) -> None:
    """Print how long a first view takes and what goes over the line."""
    times: dict[str, list[float]] = defaultdict(list)
    sent: dict[str, int] = {}
    for _ in range(views):
        with open_page() as (context, page):
            line = counting(context, page)
            sizes, pictures = [0], [0]
            kinds: dict[str, str] = {}
            line.on(
                "Network.responseReceived",
                lambda said, kinds=kinds: kinds.update({said["requestId"]: said["response"]["mimeType"]}),
            )
            line.on(
                "Network.loadingFinished",
                lambda said, kinds=kinds, sizes=sizes, pictures=pictures: (
                    pictures if kinds.get(said["requestId"], "").startswith("image/") else sizes
                ).append(int(said["encodedDataLength"])),
            )
            line.send("Network.enable")
            page.goto("/console/", wait_until="commit")
            lanes_shown(page)
            times["five lanes"].append(page.evaluate("performance.now()"))
            times["five lanes, main thread alone"].append(thread_ms(line))
            page.wait_for_timeout(500)  # the largest paint is known after it
            paints = page.evaluate("window.paints")
            times["first paint"].append(paints["first-contentful-paint"])
            times["largest paint"].append(paints["largest"])
            sent = {"page and figures": sum(sizes), "pictures": sum(pictures)}
    for name, found in times.items():
        tell(f"first view, to the {name}", found, "ms")
    print("over the line: " + ", ".join(f"{name} {size / 1000:.0f} kB" for name, size in sent.items()))


class Manager:
    """Works at a page by key and pointer; `worked` is what its main thread did for each, until the next paint (ms)."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self._page, self._line = page, counting(context, page)
        self.worked: list[float] = []

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self._counted(lambda key=key: self._page.keyboard.press(key))

    def click(self, selector: str, at: int = 0) -> None:
        """Click on one of the things that a selector finds."""
        thing = self._page.locator(selector).nth(at)
        thing.wait_for()
        self._counted(thing.click)

    def see(self, selector: str) -> None:
        """Wait until a thing is there."""
        self._page.locator(selector).first.wait_for()

    def work(self) -> None:
        """What a manager does in a few minutes."""
        self._page.goto("/console/")
        lanes_shown(self._page)
        self.press("q")
        self.see(".queue li")
        self.press("j", "j", "j", "ArrowUp", "Enter")
        self.see(".decision button")
        self.press("ArrowRight", "ArrowRight", "o", "o", "+", "+", "0", "ArrowLeft", "c")
        self.click(".correction input")
        self.press("1", "2", "5", "Control+z", "Escape", "?", "Escape", "f")
        self.see(".chart")
        self.press("l")
        lanes_shown(self._page)
        self.press("q")
        self.click(".queue a", at=5)
        self.see(".decision button")
        self.press("a", "Escape", "l")
        lanes_shown(self._page)

    def _counted(self, act: Callable[[], object]) -> None:
        began = thread_ms(self._line)
        act()
        self._page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        self.worked.append(thread_ms(self._line) - began)


def interactions(context: BrowserContext, page: Page, rounds: int) -> None:
    """Print interaction to next paint, and what the main thread alone worked for each."""
    manager, found = Manager(context, page), []
    for _ in range(rounds):
        before = len(manager.worked)
        manager.work()
        page.wait_for_timeout(300)
        said = page.evaluate("[...window.interactions.values()]")
        found += said + [UNSEEN_MS] * max(0, len(manager.worked) - before - len(said))
    tell("interaction to next paint", found, "ms")
    tell("interaction to next paint, main thread alone", manager.worked, "ms")


def resident_mb(browser: Browser) -> float:
    """Memory of the browser's page processes, pictures included, in MB."""
    line = browser.new_browser_cdp_session()
    processes = line.send("SystemInfo.getProcessInfo")["processInfo"]
    line.detach()
    pages = [Path(f"/proc/{one['id']}/statm") for one in processes if one["type"] == "renderer"]
    return sum(int(file.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") for file in pages if file.exists()) / 1e6


def memory(browser: Browser, context: BrowserContext, page: Page, yard: Yard, minutes: float) -> None:
    """Print what the page holds while the lanes go on."""
    page.goto("/console/")
    lanes_shown(page)
    line = context.new_cdp_session(page)
    line.send("Performance.enable")
    began, frames = time.monotonic(), yard.frames
    at, heap, nodes, resident = [], [], [], []
    while time.monotonic() - began < 60 * minutes:
        page.wait_for_timeout(1000 * MEMORY_EVERY_S)
        line.send("HeapProfiler.collectGarbage")
        metrics = {one["name"]: one["value"] for one in line.send("Performance.getMetrics")["metrics"]}
        at.append((time.monotonic() - began) / 3600)
        heap.append(metrics["JSHeapUsedSize"] / 1e6)
        nodes.append(metrics["Nodes"])
        resident.append(resident_mb(browser))
    # What the browser compiles in the first minutes is no growth that goes on.
    half = len(at) // 2
    slope, covariance = np.polyfit(at[half:], heap[half:], 1, cov=True)
    margin = 1.96 * float(covariance[0, 0]) ** 0.5
    print(
        f"memory over {60 * at[-1]:.1f} min of {yard.frames - frames} frames, n = {len(at)}: "
        f"heap {heap[0]:.2f} MB first, {heap[-1]:.2f} MB last, {max(heap):.2f} MB most; "
        f"nodes {nodes[0]:.0f} first, {nodes[-1]:.0f} last; "
        f"resident {resident[0]:.0f} MB first, {resident[-1]:.0f} MB last; "
        "slope of the heap in the second half "
        f"{slope[0]:+.2f} ({slope[0] - margin:+.2f} to {slope[0] + margin:+.2f}) MB an hour"
    )


def tell(what: str, found: list[float], unit: str) -> None:
    """One line: median, upper quartile, largest, n."""
    quartile = statistics.quantiles(found, n=4)[2]
    print(
        f"{what}: median {statistics.median(found):.0f} {unit}, p75 {quartile:.0f} {unit}, "
        f"largest {max(found):.0f} {unit}, n = {len(found)}; load average {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def main() -> None:
    """Fill, drive, print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--loads", type=int, default=50_000)
    arguments.add_argument("--views", type=int, default=15)
    arguments.add_argument("--rounds", type=int, default=4)
    arguments.add_argument("--minutes", type=float, default=5)
    asked = arguments.parse_args()
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("install Debian's package chromium")
    jpegs = render(24)
    with tempfile.TemporaryDirectory() as folder:
        with ServerUnderTest(Path(folder)) as server:
            for lane in LANES:
                server.ask("PUT", f"/v1/lanes/{lane}", 200, json={})
            grade_one(server, jpegs)
        copy_load(open_database(f"sqlite:///{Path(folder) / 'data' / 'loadlens.sqlite'}"), asked.loads)
        with ServerUnderTest(Path(folder)) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program)
            cookies = come_in(server, browser)
            yard = Yard(server, jpegs)
            yard.start()
            print(
                f"{server.http.get('/v1/queue', params={'limit': 1}).json()['total']} loads wait, {asked.loads} in all"
            )
            try:
                first_views(lambda: opened(browser, server, cookies), asked.views)
                with opened(browser, server, cookies) as (context, page):
                    interactions(context, page, asked.rounds)
                    memory(browser, context, page, yard, asked.minutes)
            finally:
                yard.ended.set()
                yard.join()
            browser.close()


if __name__ == "__main__":
    main()
