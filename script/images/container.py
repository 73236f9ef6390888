"""Containers: images that are started as their user, with nothing to write but their volumes."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from image import Image
from supervisor import SUPERVISOR

from tests.harness import describe, free_port, pcm_of, synthesize, types

START_SECONDS, STOP_SECONDS = 60.0, 10.0
APP_PORT = 10200

# With namespaces of its own, the entry point is process 1, as in any container.
_RUN = """
set -e
mount --bind "$0" "$0"
mount -o remount,bind,ro "$0"
mount -t tmpfs tmpfs "$0/tmp"
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
mount --bind "$1" "$0/etc/hosts"
mount --bind "$2" "$0/data"
if [ -n "$3" ]; then mount --bind "$3" "$0/share"; fi
cd "$0"
shift 3
exec chroot --userspec="$USERSPEC" "$0" env -i "$@"
"""


@dataclass
class Container:
    """A running image."""

    process: "subprocess.Popen[str]"
    uri: str
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def stop(self, how: int = signal.SIGTERM) -> float:
        """Send a signal to its process 1; return how many seconds it took."""
        started = time.monotonic()
        pgrep = ["pgrep", "--parent", str(self.process.pid)]
        for first in subprocess.run(pgrep, capture_output=True, text=True).stdout.split():
            os.kill(int(first), how)
        self.process.wait(STOP_SECONDS)
        return time.monotonic() - started


@contextmanager
def running(
    image: Image, data: Path, share: Path | None = None, **environment: str
) -> Iterator[Container]:
    """Start an image as its user, with a read-only root file system and a folder as /data.

    Args:
        share: a folder as /share, for the app, which listens where Home Assistant expects it.
    """
    # Only a server that others can reach is announced.
    host = "0.0.0.0" if "WYOMING_VIETTS_ZEROCONF" in environment else "127.0.0.1"
    uri = f"tcp://{host}:{free_port() if share is None else APP_PORT}"
    unasked = {"WYOMING_VIETTS_NO_DOWNLOAD": "1"}
    environment = {"WYOMING_VIETTS_URI": uri, **unasked, **environment}
    variables = [*image.config["Env"], *(f"{name}={environment[name]}" for name in environment)]
    with tempfile.TemporaryDirectory() as folder:
        hosts, log_file = Path(folder, "hosts"), Path(folder, "log")
        hosts.write_text(f"127.0.0.1 localhost\n{SUPERVISOR} supervisor\n")
        command = ["unshare", "--mount", "--pid", "--fork", "bash", "-c", _RUN,
                   str(image.root), str(hosts), str(data), str(share or ''), *variables,
                   *image.config["Entrypoint"], *(image.config.get("Cmd") or ())]  # fmt: skip
        user = image.config["User"] or "root"
        with log_file.open("w") as log:
            process = subprocess.Popen(command, env=os.environ | {"USERSPEC": f"{user}:{user}"},
                                       stdout=log, stderr=log, text=True)  # fmt: skip
        container = Container(process, uri, log_file)
        try:
            yield container
        finally:
            container.stop(signal.SIGKILL)


def wait_until_it_answers(container: Container) -> list[str]:
    """Names of its voices."""
    for _ in range(int(START_SECONDS / 0.2)):
        try:
            info = asyncio.run(describe(container.uri))
            return [voice.name for voice in info.tts[0].voices]
        except OSError:
            if container.process.poll() is not None:
                break
            time.sleep(0.2)
    sys.exit(f"It does not answer:\n{container.log}")


def speak(container: Container, voice: str | None = None) -> int:
    """Bytes of PCM that a sentence has."""
    events = asyncio.run(synthesize(container.uri, "Xin chào cả nhà, bây giờ là 8h30.", voice))
    assert types(events) == ["audio-start", "audio-chunk", "audio-stop"], (events, container.log)
    return len(pcm_of(events))


def wait_for(is_so: Callable[[], bool], container: Container) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            sys.exit(f"It never came:\n{container.log}")
        time.sleep(0.2)
