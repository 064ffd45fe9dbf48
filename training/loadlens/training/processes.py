"""Several processes that train one run together, on one machine or many.

Every process has the same network, looks at its own pictures of each batch, and then takes the very step that one
process would take on the whole batch. `torchrun` or Ray Train start them; without either there is one. Only the first
writes the folder of the run, and reads it.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn

# Drawing the scenes of a large recipe takes hours, and the others wait for it. Of one that died they hear at once.
PATIENCE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Processes:
    """This process, `rank` (0..count - 1) of `count`, and the `local_rank` among those on its machine."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def positions(self, batch: int) -> range:
        """Which pictures of a batch this process looks at."""
        return range(self.rank, batch, self.count)

    def total(self, value: Tensor) -> Tensor:
        """The sum of a tensor over all processes, the same bits in each."""
        if self.count > 1:
            distributed.all_reduce(value)
        return value

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give every process the sum of all gradients. One exchange after all backward passes of a step."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        summed = self.total(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, part in zip(gradients, torch.split(summed, [one.numel() for one in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def from_first(self, value: Any) -> Any:
        """What the first process has here; the others give None."""
        if self.count == 1:
            return value
        carried = [value]
        distributed.broadcast_object_list(carried)
        return carried[0]

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.count > 1:
            distributed.barrier()


ALONE = Processes()


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a process trains: on a `device`, cpu or cuda, with so many `readers` that cut pictures beside it."""

    device: str = "cpu"
    readers: int = 0


PLAIN = Machine()


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that this one was started among: by Ray Train, by torchrun, or by nobody."""
    if distributed.is_initialized():
        yield _here()
    elif "TORCHELASTIC_RUN_ID" in os.environ:
        distributed.init_process_group("gloo", timeout=PATIENCE)
        yield _here()
        # Only where all went well: after an error the others may be waiting for this process, and it for them.
        distributed.destroy_process_group()
    else:
        yield ALONE


def _here() -> Processes:
    return Processes(distributed.get_rank(), distributed.get_world_size(), int(os.environ["LOCAL_RANK"]))


class SharedDropout(nn.Module):
    """Dropout of whole channels with the same draws however many processes share a batch: each draws for all of it and
    keeps the draws of its own pictures."""

    def __init__(self, share: float, processes: Processes) -> None:
        super().__init__()
        self.share = share
        self._processes = processes

    def forward(self, features: Tensor) -> Tensor:
        """Features float32 [N, C, H, W], some channels of each picture zero, the others as much larger."""
        if not self.training:
            return features
        batch, kept = len(features) * self._processes.count, 1 - self.share
        draws = features.new_empty((batch, features.shape[1], 1, 1)).bernoulli_(kept).div_(kept)
        return features * draws[self._processes.positions(batch)]
