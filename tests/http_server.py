"""An HTTP server in this process, for programs that ask one."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def serving(
    address: tuple[str, int],
    handler: type[BaseHTTPRequestHandler],
    certificate: Path | None = None,
) -> Iterator[tuple[str, int]]:
    """Serve until the end; yields host and port, which is a free one for port 0."""
    server = ThreadingHTTPServer(address, handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[0], server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
