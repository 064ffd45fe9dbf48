"""HTTP/1.1 as the server reads it: llhttp's strict parser, which by itself would take a head of any length."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# As uvicorn's other parser allows; a browser's cookies and the longest of our paths need a tenth of it.
LONGEST_HEAD = 2**16


class HttpProtocol(HttpToolsProtocol):
    """One connection. A head that is not over `LONGEST_HEAD` bytes behind the piece that it began in is refused, and
    the connection ended."""

    _in_head = False
    _head_length = 0
    _piece_length = 0

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        # The piece in hand does not count: before this head it may hold the end of a picture.
        self._in_head, self._head_length = True, -self._piece_length

    def on_headers_complete(self) -> None:
        """Its head is over."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take what has come over the line."""
        self._piece_length = len(data)
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_length += len(data)
            if self._head_length > LONGEST_HEAD:
                self.send_400_response("The head of the request is too long.")
