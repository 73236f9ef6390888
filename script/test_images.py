"""Builds the images, and starts them as a container runtime would: see script/test_images."""

import argparse
import asyncio
import atexit
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.engines.piper.tiny_voice import write_voice  # noqa: E402
from tests.engines.vietts.speech import record  # noqa: E402
from tests.engines.vietts.tiny_model import write_model_dir  # noqa: E402
from tests.harness import describe, free_port, pcm_of, synthesize, types  # noqa: E402
from wyoming_vietts import __version__  # noqa: E402

LIGHT_MEGABYTES = 250  # on top of Python's image
USER = 10200
START_SECONDS, STOP_SECONDS = 60.0, 10.0
APP_PORT = 10200
SUPERVISOR = "127.0.0.80"  # an address of this machine on which port 80 is free
TOKEN = {"SUPERVISOR_TOKEN": "secret"}
APP = "localhost/wyoming-vietts:app"
BUILDAH = ("buildah", "--storage-driver", "vfs")
BUILD = (*BUILDAH, "build", "--isolation", "chroot", "--pull=never", "--network", "host",
         "--format", "docker", "--quiet")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the images, start them, and talk to them.")
    parser.add_argument("--neural", action="store_true", help="the one with VietTTS on a CPU, too")
    parser.add_argument("--cuda", action="store_true", help="build that for NVIDIA GPUs, too")
    options = parser.parse_args()
    base = _base_image(
        re.findall(r"^FROM (python:\S+)", (ROOT / "Dockerfile").read_text(), re.M)[0]
    )
    light = _build("light")
    _check_light(base, light)
    _check_app(light)
    if options.neural:
        _check_neural(_build("neural", "--build-arg", "TORCH_INDEX="))
    if options.cuda:
        _check_what_it_says(_build("cuda"))
    print("All images are fine", flush=True)


def _note(text: str) -> None:
    print(f"* {text}", flush=True)


# --- images --------------------------------------------------------------------------------------


def _buildah(*arguments: str) -> str:
    result = subprocess.run([*BUILDAH, *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"buildah {' '.join(arguments)}: {result.stderr.strip()[-500:]}")
    return result.stdout.strip()


@dataclass(frozen=True)
class Image:
    """An image, and what a runtime needs to know about it."""

    name: str

    @cached_property
    def root(self) -> Path:
        """Its files, mounted."""
        container = _buildah("from", "--pull-never", self.name)
        atexit.register(_buildah, "rm", container)
        return Path(_buildah("mount", container))

    @cached_property
    def config(self) -> dict[str, Any]:
        """User, Env, Entrypoint, Healthcheck and so on."""
        inspected = json.loads(_buildah("inspect", "--type", "image", self.name))
        config: dict[str, Any] = inspected["Docker"]["config"]
        return config

    @cached_property
    def megabytes(self) -> float:
        kilobytes = subprocess.check_output(["du", "-sk", self.root], text=True).split()[0]
        return int(kilobytes) * 1024 / 1e6


def _build(target: str, *arguments: str) -> Image:
    name = f"localhost/wyoming-vietts:{target}"
    started = time.monotonic()
    subprocess.run([*BUILD, *arguments, "--target", target, "-t", name, "."], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    image = Image(name)
    _note(f"{name}: {image.megabytes:.0f} MB, built in {time.monotonic() - started:.0f} s")
    return image


def _base_image(name: str) -> Image:
    """The image that ours starts from; where no registry can be reached, one of its shape."""
    local = f"localhost/{name}"
    for known in (local, f"docker.io/library/{name}"):
        if _buildah("images", "--quiet", "--filter", f"reference={known}"):
            return Image(known)
    pull = [*BUILDAH, "pull", "--quiet", "--retry", "0", f"docker.io/library/{name}"]
    if subprocess.run(pull, capture_output=True, check=False).returncode == 0:
        return Image(f"docker.io/library/{name}")
    _note(f"No registry can be reached: {name} is made of Debian's own packages")
    suite = name.rpartition("-")[2]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        packages = "--include=python3,python3-venv,ca-certificates"
        subprocess.run(["debootstrap", "--variant=minbase", packages, suite, root], check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        for path in ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf"):
            if os.path.exists(path):  # as this machine reaches its package index
                shutil.copy(path, root / path[1:])
        container = _buildah("from", "scratch")
        shutil.copytree(root, _buildah("mount", container), symlinks=True, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("dev"))  # fmt: skip
        _buildah("config", "--env", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
        _buildah("commit", "--rm", container, local)
    return Image(local)


# --- containers ----------------------------------------------------------------------------------

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
def _running(
    image: Image, data: Path, share: Path | None = None, **environment: str
) -> Iterator[Container]:
    """Start an image as its user, with a read-only root file system and a folder as /data.

    Args:
        share: a folder as /share, for the app, which listens where Home Assistant expects it.
    """
    uri = f"tcp://127.0.0.1:{free_port() if share is None else APP_PORT}"
    environment = {"WYOMING_VIETTS_URI": uri, **environment}
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


def _wait_until_it_answers(container: Container) -> list[str]:
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


def _speak(container: Container, voice: str | None = None) -> int:
    """Bytes of PCM that a sentence has."""
    events = asyncio.run(synthesize(container.uri, "Xin chào cả nhà, bây giờ là 8h30.", voice))
    assert types(events) == ["audio-start", "audio-chunk", "audio-stop"], (events, container.log)
    return len(pcm_of(events))


# --- checks --------------------------------------------------------------------------------------


def _check_what_it_says(image: Image) -> None:
    """What runtimes read: user, port, volume, health check, labels."""
    config = image.config
    assert config["User"] == "vietts"
    passwd = (image.root / "etc/passwd").read_text()
    assert f"vietts:x:{USER}:{USER}:" in passwd, passwd
    assert "10200/tcp" in config["ExposedPorts"]
    assert "/data" in config["Volumes"]
    assert config["Healthcheck"]["StartPeriod"] == 600 * 10**9
    assert config["Labels"]["org.opencontainers.image.title"] == "wyoming-vietts"
    assert any(line.startswith("WYOMING_VIETTS_URI=tcp://0.0.0.0:") for line in config["Env"])


def _check_light(base: Image, image: Image) -> None:
    _check_what_it_says(image)
    size = image.megabytes - base.megabytes
    _note(f"{size:.0f} MB on top of {base.name}")
    assert size < LIGHT_MEGABYTES
    with _data() as data:
        _check_that_it_speaks(image, data)
        write_voice(data / "piper" / "tiny.onnx")
        _give_to_its_user(data)
        with _running(image, data) as container:
            assert _wait_until_it_answers(container) == ["tiny"], container.log
            assert _speak(container, "tiny")
            assert _speak(container, "espeak-north-male")
    _note("A Piper voice in /data speaks")
    _check_folder_of_somebody_else(image)


def _check_that_it_speaks(image: Image, data: Path) -> None:
    """With an empty /data: it answers, is healthy, and stops when it is told to."""
    with _running(image, data) as container:
        voices = _wait_until_it_answers(container)
        assert voices
        assert all(name.startswith("espeak-") for name in voices), container.log
        assert _speak(container)
        kind, *command = image.config["Healthcheck"]["Test"]
        assert (kind, command) == ("CMD", ["wyoming-vietts", "healthcheck"])
        path = next(line for line in image.config["Env"] if line.startswith("PATH="))
        subprocess.run(["chroot", f"--userspec={USER}:{USER}", image.root, "env", "-i", path,
                        f"WYOMING_VIETTS_URI={container.uri}", *command], check=True)  # fmt: skip
        seconds = container.stop()
        assert "Stopped" in container.log, container.log
        _note(f"With an empty /data it speaks, is healthy, and stops in {seconds:.1f} s")


def _check_folder_of_somebody_else(image: Image) -> None:
    """It says whose /data is, and serves what it can."""
    with _data() as data:
        data.chmod(0o700)
        os.chown(data, 0, 0)
        download = {"WYOMING_VIETTS_DOWNLOAD": "vi_VN-vais1000-medium"}
        with _running(image, data, **download) as container:
            _wait_until_it_answers(container)
            assert _speak(container)
            assert "belongs to user 0" in container.log, container.log
            assert f"chown -R {USER}" in container.log, container.log
    _note("A /data of somebody else is named in the log, and it speaks")


def _check_neural(image: Image) -> None:
    _check_what_it_says(image)
    with _data() as data:
        model = write_model_dir(data / "models" / "viet-tts", 25)
        record(data / "voices" / "an.wav")
        _give_to_its_user(data)
        with _running(image, data) as container:
            assert _wait_until_it_answers(container) == ["an"], container.log
            assert _speak(container, "an")
            assert list(model.glob("voices-cache/*")), container.log
            container.stop()
    _note("It clones a recording in /data, and speaks")


def _check_app(light: Image) -> None:
    """The Home Assistant app, with the light image in place of the neural one."""
    name = re.findall(r"^FROM (\S+)", (ROOT / "addon" / "Dockerfile").read_text(), re.M)[0]
    _buildah("tag", light.name, name)
    subprocess.run([*BUILD, "-t", APP, "addon"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    _buildah("rmi", name)
    app = Image(APP)
    (app.root / "share").mkdir()
    said = app.config["Labels"]
    assert (said["io.hass.type"], said["io.hass.version"]) == ("app", __version__)
    options = {"engine": "espeak", "voice": "espeak-south-male", "lexicon": ["Aqara = a ca ra"]}
    with _data() as data, _data() as share:
        chosen = data / "options.json"
        chosen.write_text(json.dumps(options))
        chosen.chmod(0o600)  # as the Supervisor writes it
        os.chown(chosen, 0, 0)
        with _supervisor(200) as asked, _running(app, data, share, **TOKEN) as container:
            assert _wait_until_it_answers(container)
            assert _speak(container)
            _wait_for(lambda: "Announced" in container.log, container)
            assert [*asked] == [("/discovery", "Bearer secret", "wyoming", f":{APP_PORT}")], asked
            assert (share / "vietts" / "voices").is_dir()
            container.stop()
        _note("The app speaks, and is announced to a Supervisor that accepts")
        with _supervisor(403) as asked, _running(app, data, share, **TOKEN) as container:
            _wait_for(lambda: "by hand" in container.log, container)
            assert len(asked) == 3
            assert _speak(container)
        _note("A Supervisor that refuses is asked three times, and it speaks")
        with _running(app, data, share, **TOKEN) as container:
            assert _wait_until_it_answers(container)
            with _supervisor(200):
                _wait_for(lambda: "Announced" in container.log, container)
        _note("A Supervisor that comes up late is told")
        chosen.write_text(json.dumps(options | {"speed": 9}))
        with _running(app, data, share, **TOKEN) as container:
            assert container.process.wait(START_SECONDS) == 1
            assert "'speed' is 9" in container.log, container.log
        _note("A wrong option is named")


@contextmanager
def _supervisor(status: int) -> Iterator[list[tuple[str, ...]]]:
    """Answers every request with a status; yields path, token, service and port of each."""
    asked: list[tuple[str, ...]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            port = re.sub(r"tcp://[^:]+", "", message["config"]["uri"])
            asked.append((self.path, self.headers["Authorization"], message["service"], port))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer((SUPERVISOR, 80), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()


def _wait_for(is_so: Callable[[], bool], container: Container) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            sys.exit(f"It never came:\n{container.log}")
        time.sleep(0.2)


@contextmanager
def _data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        data = Path(folder, "data")
        data.mkdir()
        _give_to_its_user(data)
        yield data


def _give_to_its_user(data: Path) -> None:
    for path in (data, *data.rglob("*")):
        os.chown(path, USER, USER)


if __name__ == "__main__":
    main()
