"""Mutated pictures at the door of a real server: each is refused or graded, none breaks it, memory does not grow.

    python bench/broken_pictures.py [--number 10000] [--seed 1]

JPEG (baseline, progressive, grey, with EXIF), PNG (colour, palette, grey) and WebP (lossy, lossless) files are cut,
flipped, shuffled, lengthened and spliced, and sent as the frames of one load after another; every load is closed and
has to be assessed. Prints how many were taken and refused, and the server's memory at each tenth. Ends with 1 where an
answer is none of 201, 200 and 422, a load fails, or the server does not answer at the end.
"""

import argparse
import collections
import io
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image
from server_under_test import ServerUnderTest

LOAD_OF = 100
Mutation = Callable[[Random, bytearray], bytearray]


def originals() -> list[bytes]:
    """Whole pictures of every kind that is graded, all of one size."""
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    colour = Image.fromarray(np.kron(noise[::8, ::8], np.ones((8, 8, 1), np.uint8)))
    orientation = Image.Exif()
    orientation[0x0112] = 1
    kinds: list[tuple[str, str, dict[str, object]]] = [
        ("JPEG", "RGB", {"quality": 85}),
        ("JPEG", "RGB", {"progressive": True}),
        ("JPEG", "L", {}),
        ("JPEG", "RGB", {"exif": orientation}),
        ("PNG", "RGB", {}),
        ("PNG", "P", {}),
        ("PNG", "L", {}),
        ("WEBP", "RGB", {"quality": 80}),
        ("WEBP", "RGB", {"lossless": True}),
    ]
    pictures = []
    for kind, mode, options in kinds:
        buffer = io.BytesIO()
        colour.convert(mode).save(buffer, kind, **options)
        pictures.append(buffer.getvalue())
    return pictures


def flip_bits(random: Random, data: bytearray) -> bytearray:
    """A few bits are wrong, as after a bad cable."""
    for _ in range(random.choice((1, 2, 8, 64))):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return data


def flip_in_header(random: Random, data: bytearray) -> bytearray:
    """Bytes are wrong where sizes, tables and types are told."""
    for _ in range(random.choice((1, 2, 4))):
        data[random.randrange(min(len(data), 256))] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
    return data


def cut(random: Random, data: bytearray) -> bytearray:
    """The end is missing."""
    return data[: random.randrange(len(data))]


def take_out(random: Random, data: bytearray) -> bytearray:
    """A piece is missing from the middle."""
    start = random.randrange(len(data))
    del data[start : start + random.randrange(1, 200)]
    return data


def double(random: Random, data: bytearray) -> bytearray:
    """A piece is there twice."""
    start, length = random.randrange(len(data)), random.randrange(1, 400)
    return data[: start + length] + data[start:]


def blank(random: Random, data: bytearray) -> bytearray:
    """A piece was never written, as after a power cut."""
    start, length = random.randrange(len(data)), random.randrange(1, 400)
    data[start : start + length] = bytes([random.choice((0, 0xFF))]) * len(data[start : start + length])
    return data


def lengthen(random: Random, data: bytearray) -> bytearray:
    """Something follows the picture."""
    return data + random.randbytes(random.randrange(1, 2000))


def splice(random: Random, data: bytearray) -> bytearray:
    """It goes on as another picture."""
    other = random.choice(originals_once())
    return data[: random.randrange(len(data))] + other[random.randrange(len(other)) :]


MUTATIONS: tuple[Mutation, ...] = (flip_bits, flip_in_header, cut, take_out, double, blank, lengthen, splice)
_originals: list[bytes] = []


def originals_once() -> list[bytes]:
    """The originals, made when they are first asked for."""
    if not _originals:
        _originals.extend(originals())
    return _originals


def mutant(random: Random) -> bytes:
    """One picture, mutated once or a few times; sometimes not at all, so that graders see whole ones between."""
    data = bytearray(random.choice(originals_once()))
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        data = random.choice(MUTATIONS)(random, data) if data else data
    return bytes(data)


def main() -> int:
    """Send them and print what became of them."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--number", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    asked = arguments.parse_args()
    random, memory = Random(asked.seed), []
    answers: collections.Counter[int] = collections.Counter()
    wrong = []
    with tempfile.TemporaryDirectory() as folder, ServerUnderTest(Path(folder)) as server:
        for first in range(0, asked.number, LOAD_OF):
            load = f"load-{first}"
            server.open_load(load)
            for number in range(first, min(first + LOAD_OF, asked.number)):
                answer = server.send(server.http, load, number - first, mutant(random), (number - first) / 5)
                answers[answer.status_code] += 1
                if answer.status_code not in (200, 201, 422):
                    wrong.append(f"picture {number}: {answer.status_code} {answer.text}")
            closed = server.http.post(f"/v1/loads/{load}/close?wait=true")
            if closed.status_code != 200:
                wrong.append(f"{load}: {closed.status_code} {closed.text}")
            memory.append(server.memory_mb())
        server.ask("GET", "/healthz", 200)
    print(f"pictures           {asked.number}, seed {asked.seed}: {answers[201]} taken, {answers[422]} refused")
    shown = [memory[max(0, round(tenth * len(memory) / 10) - 1)] for tenth in range(1, 11)]
    print(f"memory             {', '.join(f'{mb:.0f}' for mb in shown)} MB at each tenth")
    half = len(memory) // 2
    print(f"last / first half  {statistics.median(memory[half:]) / statistics.median(memory[: half or 1]):.2f}")
    print("\n".join(wrong) or "wrong              0")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
