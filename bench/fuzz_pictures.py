"""Damaged and hostile pictures into the entry for images, for as many CPU seconds as you like.

    python bench/fuzz_pictures.py [--cpu-seconds 3600] [--seed 0] 2>/dev/null

The pictures and what is done to them are those of `broken_pictures.py`, here without a server between: many more come
through. Each is refused by a SourceError, or is seen at every size that the pipeline asks for, twice the same. Stops at
the first that raises anything else, comes in another size than it said, or takes over 10 CPU seconds. Prints how many
were taken and refused, the dearest one, and the growth of memory;
Ctrl-C ends it sooner. What decoders say goes to stderr.
"""

import argparse
import resource
import signal
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import numpy as np
from broken_pictures import mutant

from loadlens.vision.image import EncodedImage, SourceError

TOO_LONG_S = 10.0
# Below this many pictures the caches of the decoders are still filling.
WARM = 5000


def look(data: bytes) -> bool:
    """See a picture as the pipeline does; False where it is refused. AssertionError where a promise is broken."""
    try:
        picture = EncodedImage(data, "fuzz")
        grey = picture.luma(min(240, picture.width), max(1, min(240, picture.width) * picture.height // picture.width))
        sizes = [picture.rgb(scale).shape for scale in (1, 2, 4)]
        again = EncodedImage(data, "fuzz").rgb(1)
    except SourceError:
        return False
    assert grey.dtype == np.uint8, grey.dtype
    assert sizes[0] == (picture.height, picture.width, 3), (sizes, picture.width, picture.height)
    assert np.array_equal(again, picture.rgb(1)), "it is seen differently the second time"
    return True


def memory_mb() -> float:
    """What this process holds now."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize() / 2**20


def main() -> None:
    """Fuzz and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu-seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chance, taken, number, dearest, warm_mb = Random(chosen.seed), 0, 0, 0.0, 0.0
    # A decoder that hangs never comes back to Python: the signal ends the process, and says so.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    with suppress(KeyboardInterrupt):
        while time.process_time() < chosen.cpu_seconds:
            data = mutant(chance)
            signal.setitimer(signal.ITIMER_PROF, TOO_LONG_S)
            began = time.process_time()
            try:
                taken += look(data)
            except Exception:
                print(f"picture {number} of seed {chosen.seed}: {data.hex()}")
                raise
            dearest = max(dearest, time.process_time() - began)
            number += 1
            if number == WARM:
                warm_mb = memory_mb()
    print(f"{number:,} pictures of seed {chosen.seed} in {time.process_time():.0f} CPU seconds")
    print(f"{taken:,} taken, {number - taken:,} refused; the dearest took {dearest:.2f} CPU seconds")
    if number >= WARM:
        print(f"memory grew by {memory_mb() - warm_mb:.1f} MB after the first {WARM:,}")


if __name__ == "__main__":
    main()
