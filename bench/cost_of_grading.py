"""What grading a clip costs beside decoding it, and how memory grows with the clip.

    python bench/cost_of_grading.py [--rounds 5] [--seconds 60] [--longer 4]

Renders a 1080p clip, then in every round runs both cases as processes of their own, in an order that is reversed
from round to round, and takes CPU seconds (user + system) and peak memory from the operating system. Prints the
medians, the ratio, and the peak memory of grading the clip and of grading it several times as long.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import av

from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.yard import ClipSpec, render_clip, write_clip

DECODE = """
import sys, av
with av.open(sys.argv[1]) as clip:
    clip.streams.video[0].thread_count = 1
    for _ in clip.decode(video=0):
        pass
"""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}


def cost(command: list[str], allowed: tuple[int, ...] = (0,)) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of one process run to its end."""
    process = subprocess.Popen(
        command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in allowed:
        raise SystemExit(f"{command} ended with {code}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def grade(clip: Path, out: Path) -> list[str]:
    """The command that grades a clip as a user would."""
    return [sys.executable, "-m", "loadlens.serving.cli", "grade", str(clip), "--out", str(out), "--json"]


def lengthen(clip: Path, times: int, out: Path) -> None:
    """Write the clip `times` in a row without encoding again."""
    with av.open(str(out), "w") as target:
        stream, offset = None, 0
        for _ in range(times):
            with av.open(str(clip)) as source:
                origin = source.streams.video[0]
                stream = stream or target.add_stream_from_template(origin)
                end = offset
                for packet in source.demux(origin):
                    if packet.dts is None:
                        continue
                    packet.stream = stream
                    packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                    end = max(end, packet.pts + (packet.duration or 1))
                    target.mux(packet)
                offset = end


def main() -> None:
    """Run the comparison and print it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--longer", type=int, default=4)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip, long_clip = Path(folder, "clip.mp4"), Path(folder, "long.mp4")
        write_clip(
            render_clip(ClipSpec(seed=7, size=(1080, 1920), fps=25, seconds=asked.seconds), ProceduralTextures()), clip
        )
        lengthen(clip, asked.longer, long_clip)
        decoding, grading = [], []
        for round_ in range(asked.rounds):
            cases = [
                (decoding, [sys.executable, "-c", DECODE, str(clip)], (0,)),
                (grading, grade(clip, Path(folder, f"out{round_}")), (0, 4)),
            ]
            for results, command, allowed in cases if round_ % 2 == 0 else cases[::-1]:
                results.append(cost(command, allowed))
        _, long_memory = cost(grade(long_clip, Path(folder, "long")), (0, 4))
    decode_cpu = statistics.median(cpu for cpu, _ in decoding)
    grade_cpu = statistics.median(cpu for cpu, _ in grading)
    grade_memory = statistics.median(memory for _, memory in grading)
    print(f"decode once        {decode_cpu:6.2f} CPU s (median of {asked.rounds})")
    print(f"grade              {grade_cpu:6.2f} CPU s (median of {asked.rounds})")
    print(f"grade / decode     {grade_cpu / decode_cpu:6.2f}")
    print(f"peak memory        {grade_memory:6.0f} MB; {asked.longer} times as long: {long_memory:.0f} MB")
    print(f"longer / clip      {long_memory / grade_memory:6.2f}")


if __name__ == "__main__":
    main()
