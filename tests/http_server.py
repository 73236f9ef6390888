"""An HTTP server in this process, for programs that ask one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(
    address: tuple[str, int], handler: type[BaseHTTPRequestHandler]
) -> Iterator[tuple[str, int]]:
    """Serve until the end; yields host and port, which is a free one for port 0."""
    server = ThreadingHTTPServer(address, handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[0], server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
