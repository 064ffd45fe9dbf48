"""Reading an indicator on a line of bytes, for as long as it takes."""

import threading
from collections.abc import Sequence

from loadlens.serving.ingest.backoff import Backoff
from loadlens.serving.ingest.weighbridge.device import Device
from loadlens.serving.ingest.weighbridge.framing import FrameParser
from loadlens.serving.ingest.weighbridge.indication import Unit
from loadlens.serving.ingest.weighbridge.lines import READ_S, Line
from loadlens.serving.ingest.weighbridge.protocols import Protocol

# A connection whose other end has vanished without a word is only silent; it is opened anew after so many looks.
_SILENT_LOOKS = int(15 / READ_S)
# A scale that is asked for a stable weight answers when it is stable; it is not asked twice in the meantime.
_ANSWER_LOOKS = int(10 / READ_S)
_BETWEEN_QUESTIONS_S = 0.1


class StreamReader:
    """Reads one device until it is told to stop; a line that is lost is opened again and again."""

    def __init__(self, device: Device, line: Line, protocol: Protocol, unit: Unit | None) -> None:
        """`unit` is what the indicator is set to, for a protocol that does not tell."""
        self.devices: Sequence[Device] = (device,)
        self._device = device
        self._line = line
        self._protocol = protocol
        self._parser = FrameParser(protocol.take(unit))

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set."""
        backoff = Backoff(first_s=0.2, limit_s=10.0)
        while not stop.is_set():
            try:
                with self._line:
                    self._listen(stop, backoff)
            except OSError as error:
                self._device.lost(f"the line cannot be read: {error.strerror or error}")
            if (cut := self._parser.reset()) is not None:
                self._device.shows(cut)
            if not stop.is_set():
                stop.wait(backoff.failed())

    def _listen(self, stop: threading.Event, backoff: Backoff) -> None:
        self._device.connected()
        if self._protocol.ask_once:
            self._line.write(self._protocol.ask_once)
        # How many looks until the next question, and until the line counts as dead.
        question = 0
        silent = 0
        while not stop.is_set() and silent < _SILENT_LOOKS:
            if self._protocol.ask and question <= 0:
                stop.wait(_BETWEEN_QUESTIONS_S)
                self._line.write(self._protocol.ask)
                question = _ANSWER_LOOKS
            data = self._line.read()
            silent = 0 if data else silent + 1
            question -= 1
            if data:
                backoff.worked()
                self._device.heard()
            for result in self._parser.feed(data):
                question = 0
                self._device.shows(result)
