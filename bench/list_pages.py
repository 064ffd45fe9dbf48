"""How the time of a page of the list of loads grows with the number of loads.

    python bench/list_pages.py [--few 1000] [--many 100000] [--rounds 200] [--database postgresql://…]

Fills a database (a SQLite file, unless another empty one is named) up to the one number and then to the other, and each
time asks for pages by every filter, from the newest load and from the middle. Prints the median time of a page in
milliseconds for both numbers, and their ratio.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, insert, text
from sqlalchemy.orm import Session

from loadlens.serving.records.lists import Filter, page
from loadlens.serving.store.database import open_database, writing
from loadlens.serving.store.tables import Lane, Load, LoadWord

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
FILTERS = {
    "all": Filter(),
    "status": Filter(status="settled"),
    "few of a status": Filter(status="flagged"),
    "lane": Filter(lane="lane-3"),
    "supplier": Filter(supplier="supplier 7"),
    "plate": Filter(plate="京A·00042"),
    "word": Filter(word="supplier"),
    "unknown word": Filter(word="nowhere"),
}


def rows(start: int, end: int) -> Iterator[dict[str, str | None]]:
    """Loads as a yard has them: ten lanes, fifty suppliers, five hundred trucks, almost all of them settled."""
    for number in range(start, end):
        yield {
            "id": f"load-{number:07d}",
            "status": "flagged" if number % 500 == 0 else "settled",
            "lane": f"lane-{number % 10}",
            "supplier": f"supplier {number % 50}",
            "plate": f"京A·{number % 500:05d}",
            "note": None,
            "declared": None,
            "standard": "gbt-39733-2024",
            "created_at": (BEGAN + timedelta(minutes=5 * number)).isoformat(timespec="milliseconds"),
        }


def fill(engine: Engine, start: int, end: int) -> None:
    """Add the loads with these numbers, and the words they are found by."""
    loads = list(rows(start, end))
    words = [
        {"word": word, "created_at": load["created_at"], "load_id": load["id"]}
        for load in loads
        for word in ("supplier", str(load["id"]), str(load["plate"]).casefold())
    ]
    with Session(writing(engine)) as session, session.begin():
        if start == 0:
            session.add_all(Lane(id=f"lane-{number}") for number in range(10))
            session.flush()
        session.execute(insert(Load), loads)
        session.execute(insert(LoadWord), words)
        session.execute(text("ANALYZE"))  # as PostgreSQL does by itself after a while


def cost_ms(engine: Engine, which: Filter, cursor: str | None, rounds: int) -> float:
    """The median time of one page in milliseconds."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        with Session(engine) as session:
            page(session, which, cursor, 50)
        taken.append(time.perf_counter() - began)
    return 1000 * statistics.median(taken)


def middle(engine: Engine, which: Filter) -> str | None:
    """The cursor of the fourth page; None where there are not so many."""
    cursor = None
    for _ in range(3):
        with Session(engine) as session:
            cursor = page(session, which, cursor, 50).next_cursor
        if cursor is None:
            break
    return cursor


def measure(engine: Engine, rounds: int) -> dict[str, float]:
    """Every page's time by its name."""
    costs = {}
    for name, which in FILTERS.items():
        costs[name] = cost_ms(engine, which, None, rounds)
        if (cursor := middle(engine, which)) is not None:
            costs[f"{name}, 4th page"] = cost_ms(engine, which, cursor, rounds)
    return costs


def main() -> None:
    """Run the comparison and print it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--few", type=int, default=1000)
    arguments.add_argument("--many", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=200)
    arguments.add_argument("--database", help="an empty database; default: a SQLite file")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(asked.database or f"sqlite:///{Path(folder, 'loads.sqlite')}")
        fill(engine, 0, asked.few)
        few = measure(engine, asked.rounds)
        for start in range(asked.few, asked.many, 10_000):
            fill(engine, start, min(start + 10_000, asked.many))
        many = measure(engine, asked.rounds)
        engine.dispose()
    print(f"{engine.dialect.name}: ms a page of 50 at {asked.few} and at {asked.many} loads, and their ratio")
    for name in few:
        print(f"{name:28} {few[name]:8.2f} {many[name]:8.2f} {many[name] / few[name]:6.2f}")
    print(f"{'largest ratio':28} {'':17} {max(many[name] / few[name] for name in few):6.2f}")


if __name__ == "__main__":
    main()
