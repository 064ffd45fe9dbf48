"""Writes docs/capacity.md: what one yard, twenty, two hundred and ten thousand need, and what breaks first.

    python bench/capacity.py [--constants bench/capacity_constants.json] [--write docs/capacity.md]
                             [--lanes 4] [--trucks 30] [--minutes 12] [--days 300] [--keep 90]

Every number comes from what `capacity_constants.py` measured, from the simulation beside it, or from the assumptions
that the options change; the page says which.
"""

import argparse
import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from site_simulation import Costs, Site, most_cameras

HERE = Path(__file__).parent
YARDS = (1, 20, 200, 10_000)
CORES = (1, 2, 4)
FPS, CAMERAS, STREAMED_S = 5, 8, 20
MB, GB, TB = 1e6, 1e9, 1e12
DAY_S = 86400
# Of a load whatever its frames; all other tables were seen to grow with the frames.
PER_FRAME = {"frames", "load_frames", "journal"}
# One camera's stream as a yard would have it sent whole; the bit rate of perf.md's clips.
WHOLE_STREAM_BITS = 6e6


@dataclass(frozen=True, slots=True)
class Yard:
    """What is assumed of a yard: nobody measured one."""

    lanes: int
    trucks: int
    minutes: float
    days: int
    keep: int


@dataclass(frozen=True, slots=True)
class Truck:
    """What one truck leaves behind and costs."""

    frames: float
    disk_bytes: float
    rows: float
    database_bytes: float
    cpu_s: float


def costs(constants: dict[str, Any]) -> Costs:
    """The costs of a frame, as the simulation wants them."""
    served, watching = constants["served"], constants["watching_cpu_s"]
    accept_s = served["server_cpu_s_per_frame"] - statistics.mean(watching)
    if accept_s <= 0:
        raise SystemExit(
            "the server cost no more than the bare loop: measure again on a machine that does nothing else"
        )
    commit_s = max(0.0, served["accepted_alone_s"] - accept_s - served["sender_cpu_s_per_frame"])
    return Costs(accept_s, served["sender_cpu_s_per_frame"], commit_s, watching)


def truck(constants: dict[str, Any], yard: Yard) -> Truck:
    """One truck, by what the measured unloading left a minute."""
    clip, served = constants["unloading"], constants["served"]
    frames = clip["frames_kept"] / clip["seconds"] * 60 * yard.minutes
    times = frames / clip["frames_kept"]
    rows = served["rows"]
    grown = sum(n for name, n in rows.items() if name in PER_FRAME)
    per_load = sum(rows.get(name, 0) for name in ("loads", "load_words", "transitions", "assessments", "load_results"))
    pictures = rows.get("pictures", 0) + rows.get("hazards", 0) + rows.get("alarms", 0)
    return Truck(
        frames,
        served["blob_bytes"] * times,
        grown * times + per_load + pictures * times,
        served["database_bytes"] * times,
        served["server_cpu_s_per_frame"] * frames,
    )


def believed(constants: dict[str, Any]) -> list[list[str]]:
    """The simulation beside what was measured at the same rates."""
    rows = []
    for seen in constants["streamed"]:
        told = Site(costs(constants), constants["cores"]).run(seen["rate"], STREAMED_S, CAMERAS)
        times = [f"{1000 * value:.0f} ms" for value in (seen["median_s"], told.median_s, seen["p99_s"], told.p99_s)]
        rows.append([f"{seen['rate']} (n {seen['n']})", *times, f"{seen['behind']:.0f}", str(told.behind)])
    return rows


def hopeful(constants: dict[str, Any]) -> float:
    """How many times longer the slowest hundredth of frames really waited, at the rate at which this differs most."""
    site = [(seen, Site(costs(constants), constants["cores"])) for seen in constants["streamed"]]
    return max(seen["p99_s"] / one.run(seen["rate"], STREAMED_S, CAMERAS).p99_s for seen, one in site)


def sizes(yard: Yard, one: Truck, fps: float, frame_bytes: float) -> list[list[str]]:
    """What so many yards need together."""
    trucks = yard.lanes * yard.trucks
    each = {
        "trucks a year": trucks * yard.days,
        "server cores busy, on average over 24 h": trucks * one.cpu_s / DAY_S,
        "frames recorded a second while every lane unloads": yard.lanes * fps,
        "Mbit/s to the server while every lane unloads": yard.lanes * fps * frame_bytes * 8 / MB,
        "Mbit/s if cameras sent their streams whole (6 Mbit/s each)": yard.lanes * WHOLE_STREAM_BITS / MB,
        f"TB of pictures in {yard.keep} days": trucks * yard.keep * one.disk_bytes / TB,
        "million rows a year": trucks * yard.days * one.rows / MB,
        "GB of database a year": trucks * yard.days * one.database_bytes / GB,
    }
    return [[what, *(three_figures(n * value) for n in YARDS)] for what, value in each.items()]


def three_figures(value: float) -> str:
    """A number to read, of which no more than three figures are to be believed."""
    return f"{float(f'{value:.3g}'):,.10g}"


def breaks(yard: Yard, one: Truck, node_cameras: int, recorded: float, line_bits: float) -> list[list[str]]:
    """How many yards one of each thing carries, the scarcest first; `line_bits` are those a yard sends a second."""
    carried = {
        f"machine with {CORES[-1]} cores, every lane unloading": (
            node_cameras / yard.lanes,
            "more nodes over one PostgreSQL, or a box in each yard",
        ),
        "line of 1 Gbit/s": (GB / line_bits, "keep the pictures in the yard; send observations and tickets"),
        f"disk of 10 TB with {yard.keep} days of pictures": (
            10 * TB / (yard.keep * yard.lanes * yard.trucks * one.disk_bytes),
            "an S3 store, or fewer days for loads that nobody disputes",
        ),
        "database that records frames (one server, SQLite)": (
            recorded / yard.lanes,
            "a database for each yard: a site's journal is one chain, extended by one writer at a time",
        ),
    }
    return [[what, f"{n:.2g}", then] for what, (n, then) in sorted(carried.items(), key=lambda item: item[1][0])]


def page(constants: dict[str, Any], yard: Yard) -> str:
    """The whole page."""
    one, clip, served = truck(constants, yard), constants["unloading"], constants["served"]
    fps = clip["frames_kept"] / clip["seconds"]
    cameras = {cores: most_cameras(costs(constants), cores, fps) for cores in CORES}
    line_bits = yard.lanes * fps * clip["frame_bytes"] * 8
    folder = Environment(loader=FileSystemLoader(HERE), undefined=StrictUndefined, keep_trailing_newline=True)
    return folder.get_template("capacity.md.j2").render(
        cores=constants["cores"],
        vnni=constants["vnni"],
        load=constants["load_before"],
        seconds=round(clip["seconds"]),
        kept=clip["frames_kept"],
        seen=clip["frames_seen"],
        fps=fps,
        frame_kb=round(clip["frame_bytes"] / 1000),
        frame_ms=1000 * served["server_cpu_s_per_frame"],
        watch_ms=1000 * statistics.mean(constants["watching_cpu_s"]),
        memory_mb=round(served["server_memory_mb"]),
        recorded=round(constants["taken_at_most_per_s"]),
        yard=yard,
        truck=one,
        cameras=CAMERAS,
        streamed_s=STREAMED_S,
        believed=believed(constants),
        hopeful=hopeful(constants),
        machines=[[cores, n, f"{n / cores:.1f}"] for cores, n in cameras.items()],
        yards=YARDS,
        sizes=sizes(yard, one, fps, clip["frame_bytes"]),
        breaks=breaks(yard, one, cameras[CORES[-1]], constants["taken_at_most_per_s"] / fps, line_bits),
    )


def main() -> None:
    """Write the page, or print it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--constants", type=Path, default=HERE / "capacity_constants.json")
    arguments.add_argument("--write", type=Path)
    arguments.add_argument("--lanes", type=int, default=4)
    arguments.add_argument("--trucks", type=int, default=30, help="a day in a lane")
    arguments.add_argument("--minutes", type=float, default=12, help="of unloading for a truck")
    arguments.add_argument("--days", type=int, default=300, help="of work in a year")
    arguments.add_argument("--keep", type=int, default=90, help="days that pictures are kept")
    asked = arguments.parse_args()
    constants = json.loads(asked.constants.read_text(encoding="utf-8"))
    text = page(constants, Yard(asked.lanes, asked.trucks, asked.minutes, asked.days, asked.keep))
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
