"""How long a page of the list of loads takes among a thousand loads and among very many.

    python bench/pages_of_loads.py [--loads 100000] [--rounds 30] [--database URL]

Fills a database (SQLite in a temporary folder unless one is given) and asks, for every filter of `GET /v1/loads`, for
the first page and for one far behind. Prints the times and, for each filter, the ratio of the slowest page among
many loads to the slowest among a thousand; ends with 1 where a ratio is above 2 and the page takes above a millisecond.
"""

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.orm import Session

from loadlens.serving.lifecycle import STATES
from loadlens.serving.records import lists
from loadlens.serving.records.lists import Filter
from loadlens.serving.store.database import open_database, writing
from loadlens.serving.store.tables import Lane, Load, LoadWord

FEW, PAGE = 1000, 20  # few, but enough for a full page of every filter
BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
CLOSED_STATES = [state for state in STATES if state not in ("arrived", "weighed", "unloading")]
FILTERS = {
    "all": Filter(),
    "status": Filter(status="settled"),
    "lane": Filter(lane="3"),
    "supplier": Filter(supplier="supplier 7"),
    "plate": Filter(plate="plate-7"),
    "word": Filter(word="wet"),
    "nothing found": Filter(word="nowhere"),
}


def fill(session: Session, first: int, last: int) -> None:
    """Add loads numbered from `first` to before `last`."""
    rows = [
        {
            "id": f"load-{number:07}",
            "status": CLOSED_STATES[number % len(CLOSED_STATES)],
            "lane": str(number % 8),
            "supplier": f"supplier {number % 20}",
            "plate": f"plate-{number % 30}",
            "note": "wet" if number % 3 else "dry",
            "standard": "gbt-39733-2024",
            "created_at": (BEGAN + timedelta(minutes=number)).isoformat(timespec="milliseconds"),
        }
        for number in range(first, last)
    ]
    session.execute(insert(Load), rows)
    words = [
        {"word": row[name], "created_at": row["created_at"], "load_id": row["id"]}
        for row in rows
        for name in ("id", "plate", "note")
    ]
    session.execute(insert(LoadWord), words)


def slowest_page_ms(session: Session, which: Filter, rounds: int) -> float:
    """The slower of the first page and one twenty pages on, in ms; the best of `rounds`, as other work only adds."""
    cursor = None
    for _ in range(20):
        cursor = lists.page(session, which, cursor, PAGE).next_cursor or cursor
    best = []
    for start in (None, cursor):
        taken = []
        for _ in range(rounds):
            began = time.perf_counter()
            lists.page(session, which, start, PAGE)
            session.expunge_all()
            taken.append(time.perf_counter() - began)
        best.append(1000 * min(taken))
    return max(best)


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--database", help="an empty database; default: SQLite in a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(given.database or f"sqlite:///{Path(folder, 'loads.sqlite')}")
        with Session(writing(engine)) as session, session.begin():
            session.add_all(Lane(id=str(number)) for number in range(8))
            session.flush()
            fill(session, 0, FEW)
        with Session(engine) as session:
            few = {name: slowest_page_ms(session, which, given.rounds) for name, which in FILTERS.items()}
        for first in range(FEW, given.loads, 10_000):
            with Session(writing(engine)) as session, session.begin():
                fill(session, first, min(first + 10_000, given.loads))
        with Session(engine) as session:
            many = {name: slowest_page_ms(session, which, given.rounds) for name, which in FILTERS.items()}
        engine.dispose()
    print(f"{'filter':15} {FEW:>10} loads {given.loads:>10} loads  ratio")
    for name in FILTERS:
        print(f"{name:15} {few[name]:>13.2f} ms {many[name]:>13.2f} ms  {many[name] / few[name]:.2f}")
    return int(any(many[name] > max(1.0, 2 * few[name]) for name in FILTERS))


if __name__ == "__main__":
    sys.exit(main())
