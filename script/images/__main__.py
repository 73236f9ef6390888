"""Builds the images, and starts them as a container runtime would: see script/test_images."""

import argparse
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from container import APP_PORT, START_SECONDS, running, speak, wait_for, wait_until_it_answers
from image import BUILD, Image, base_image, build, buildah, note
from supervisor import TOKEN, running_supervisor

from tests.engines.piper.tiny_voice import write_voice
from tests.engines.vietts.tiny_model import write_model_dir
from tests.recording_files import record
from tests.test_documents import READMES
from tests.test_shell_lines import documented_run
from wyoming_vietts import __version__

LIGHT_MEGABYTES = 365  # on top of Python's image; 120 of them read recordings (PyAV), 14 are pip
USER = 10200
APP = "localhost/wyoming-vietts:app"


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the images, start them, and talk to them.")
    parser.add_argument("--neural", action="store_true", help="the one with VietTTS on a CPU, too")
    parser.add_argument("--cuda", action="store_true", help="build that for NVIDIA GPUs, too")
    options = parser.parse_args()
    base = base_image(re.findall(r"^FROM (python:\S+)", Path("Dockerfile").read_text(), re.M)[0])
    light = build("light")
    _check_light(base, light)
    _check_app(light)
    if options.neural:
        _check_neural(build("neural", "--build-arg", "TORCH=torch.txt"))
    if options.cuda:
        _check_what_it_says(build("cuda"))
    print("All images are fine", flush=True)


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
    note(f"{size:.0f} MB on top of {base.name}")
    assert size < LIGHT_MEGABYTES
    with _data() as data:
        _check_that_it_speaks(image, data)
        write_voice(data / "piper" / "tiny.onnx")
        _give_to_its_user(data)
        with running(image, data) as container:
            assert wait_until_it_answers(container) == ["tiny"], container.log
            assert speak(container, "tiny")
            assert speak(container, "espeak-north-male")
    note("A Piper voice in /data speaks")
    _check_line_of_the_readme(image)
    _check_folder_of_somebody_else(image)


def _check_that_it_speaks(image: Image, data: Path) -> None:
    """With an empty /data: it answers, is healthy, and stops when it is told to."""
    with running(image, data) as container:
        voices = wait_until_it_answers(container)
        assert voices
        assert all(name.startswith("espeak-") for name in voices), container.log
        assert speak(container)
        kind, *command = image.config["Healthcheck"]["Test"]
        assert (kind, command) == ("CMD", ["wyoming-vietts", "healthcheck"])
        path = next(line for line in image.config["Env"] if line.startswith("PATH="))
        subprocess.run(["chroot", f"--userspec={USER}:{USER}", image.root, "env", "-i", path,
                        f"WYOMING_VIETTS_URI={container.uri}", *command], check=True)  # fmt: skip
        seconds = container.stop()
        assert "Stopped" in container.log, container.log
        note(f"With an empty /data it speaks, is healthy, and stops in {seconds:.1f} s")


def _check_line_of_the_readme(image: Image) -> None:
    """Start it as the README's `docker run`: it asks for the voice, and speaks without it."""
    line = documented_run(READMES[0])
    variables = dict(variable.split("=") for variable in line.e)
    with _data() as data, running(image, data, **variables) as container:
        wait_until_it_answers(container)
        assert speak(container)
        voice = variables["WYOMING_VIETTS_DOWNLOAD"]
        assert f"'{voice}'" in container.log, container.log
    note("As the README starts it, it speaks")


def _check_folder_of_somebody_else(image: Image) -> None:
    """It names the owner of /data, and serves the voices that it can."""
    with _data() as data:
        data.chmod(0o700)
        os.chown(data, 0, 0)
        download = {"WYOMING_VIETTS_DOWNLOAD": "vi_VN-vais1000-medium"}
        with running(image, data, **download) as container:
            wait_until_it_answers(container)
            assert speak(container)
            assert "belongs to user 0" in container.log, container.log
            assert f"chown -R {USER}" in container.log, container.log
    note("A /data of somebody else is named in the log, and it speaks")


def _check_neural(image: Image) -> None:
    _check_what_it_says(image)
    with _data() as data:
        model = write_model_dir(data / "models" / "viet-tts", 25)
        record(data / "voices" / "an.wav")
        _give_to_its_user(data)
        with running(image, data) as container:
            assert wait_until_it_answers(container) == ["an"], container.log
            assert speak(container, "an")
            assert list(model.glob("voices-cache/*")), container.log
            container.stop()
    note("It clones a recording in /data, and speaks")


def _check_app(light: Image) -> None:
    """The Home Assistant app, on top of the light image."""
    name = re.findall(r"^FROM (\S+)", Path("addon/Dockerfile").read_text(), re.M)[0]
    buildah("tag", light.name, name)
    subprocess.run([*BUILD, "-t", APP, "addon"], check=True, stdout=subprocess.DEVNULL)
    buildah("rmi", name)
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
        with running_supervisor(200) as asked, running(app, data, share, **TOKEN) as container:
            assert wait_until_it_answers(container)
            assert speak(container)
            wait_for(lambda: "Announced" in container.log, container)
            assert [*asked] == [("/discovery", "Bearer secret", "wyoming", f":{APP_PORT}")], asked
            assert (share / "vietts" / "voices").is_dir()
            container.stop()
        note("The app speaks, and is announced to a Supervisor that accepts")
        with running_supervisor(403) as asked, running(app, data, share, **TOKEN) as container:
            wait_for(lambda: "by hand" in container.log, container)
            assert len(asked) == 3
            assert speak(container)
        note("A Supervisor that refuses is asked three times, and it speaks")
        with running(app, data, share, **TOKEN) as container:
            assert wait_until_it_answers(container)
            with running_supervisor(200):
                wait_for(lambda: "Announced" in container.log, container)
        note("A Supervisor that comes up late is told")
        chosen.write_text(json.dumps(options | {"speed": 9}))
        with running(app, data, share, **TOKEN) as container:
            assert container.process.wait(START_SECONDS) == 1
            assert "'speed' is 9" in container.log, container.log
        note("A wrong option is named")
        chosen.write_text(json.dumps({"engine": "vietts", "voice": ""}))
        nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:1", "PIP_RETRIES": "0"}
        with running(app, data, share, **TOKEN, **nowhere) as container:
            assert wait_until_it_answers(container)
            wait_for(lambda: "the next try is in an hour" in container.log, container)
            assert "No matching distribution found" in container.log, container.log
            assert speak(container)
        note("VietTTS's packages are asked for, and it speaks without them")


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
