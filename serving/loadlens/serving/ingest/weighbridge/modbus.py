"""Reading a scale over Modbus TCP."""

import threading
from collections.abc import Sequence

from pymodbus import ModbusException
from pymodbus.client import ModbusTcpClient

from loadlens.serving.ingest.backoff import Backoff
from loadlens.serving.ingest.weighbridge.device import Device
from loadlens.serving.ingest.weighbridge.register_map import RegisterMap

_EVERY_S = 0.2
_TIMEOUT_S = 3.0


class ModbusReader:
    """Asks one device for its weight, again and again, until it is told to stop."""

    def __init__(self, device: Device, host: str, port: int, registers: RegisterMap) -> None:
        self.devices: Sequence[Device] = (device,)
        self._device = device
        self._host = host
        self._port = port
        self._map = registers

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set."""
        backoff = Backoff(first_s=0.2, limit_s=10.0)
        while not stop.is_set():
            # Retries and reconnections are ours, so that they are seen.
            client = ModbusTcpClient(self._host, port=self._port, timeout=_TIMEOUT_S, retries=0, reconnect_delay=0)
            try:
                if client.connect():  # type: ignore[no-untyped-call]
                    self._ask(client, stop, backoff)
                else:
                    self._device.lost(f"{self._host}:{self._port} cannot be reached")
            except (ModbusException, OSError) as error:
                self._device.lost(f"the line cannot be read: {error}")
            finally:
                client.close()  # type: ignore[no-untyped-call]
            if not stop.is_set():
                stop.wait(backoff.failed())

    def _ask(self, client: ModbusTcpClient, stop: threading.Event, backoff: Backoff) -> None:
        first, count = self._map.span
        ask = client.read_holding_registers if self._map.table == "holding" else client.read_input_registers
        self._device.connected()
        while not stop.wait(_EVERY_S):
            answer = ask(first, count=count, device_id=self._map.device_id)
            if answer.isError():
                self._device.lost(f"the device answers with an error: {answer}; check the register map")
                return
            backoff.worked()
            self._device.heard()
            self._device.shows(self._map.read(list(answer.registers)))
