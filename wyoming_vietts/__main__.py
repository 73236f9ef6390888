"""The `wyoming-vietts` command."""

import io
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from .errors import WyomingViettsError
from .files import explain
from .settings.command_line import misspelt_variables, parse_options

_LOGGER = logging.getLogger(__package__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not closed
            stream.reconfigure(errors="backslashreplace")  # a terminal may be ASCII; texts are not
    # Standard output belongs to the client when the server talks over stdio.
    logging.basicConfig(
        level=logging.DEBUG if options.debug else logging.INFO,
        format=options.log_format,
        stream=sys.stderr,
    )
    # A container's first process ignores SIGTERM by default.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for line in misspelt_variables():
        _LOGGER.warning("%s", line)
    try:
        # Imported here, so that client commands do not load the server.
        import_module(f".commands.{options.command}", __package__).run(options)
        if sys.stdout is not None and not sys.stdout.closed:  # as by a server over stdio
            sys.stdout.flush()  # while an error is still one line
    except (OSError, WyomingViettsError) as error:
        _LOGGER.critical("%s", explain(error))
        if isinstance(error, BrokenPipeError):  # or the interpreter's own flush fails, too
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except KeyboardInterrupt:
        return 130  # 128 and the number of SIGINT, as in shells
    return 0


if __name__ == "__main__":
    sys.exit(main())
