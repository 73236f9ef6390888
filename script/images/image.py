"""Images: built by buildah from the checkout, and looked into."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

BUILDAH = ("buildah", "--storage-driver", "vfs")
BUILD = (*BUILDAH, "build", "--isolation", "chroot", "--pull=never", "--network", "host",
         "--format", "docker", "--quiet")  # fmt: skip


def note(text: str) -> None:
    """Print a finding at once."""
    print(f"* {text}", flush=True)


def buildah(*arguments: str) -> str:
    result = subprocess.run([*BUILDAH, *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"buildah {' '.join(arguments)}: {result.stderr.strip()[-500:]}")
    return result.stdout.strip()


@dataclass(frozen=True)
class Image:
    """An image, and its facts for a runtime."""

    name: str

    @cached_property
    def root(self) -> Path:
        """Its files, mounted."""
        container = buildah("from", "--pull-never", self.name)
        atexit.register(buildah, "rm", container)
        return Path(buildah("mount", container))

    @cached_property
    def config(self) -> dict[str, Any]:
        """User, Env, Entrypoint, Healthcheck and so on."""
        inspected = json.loads(buildah("inspect", "--type", "image", self.name))
        config: dict[str, Any] = inspected["Docker"]["config"]
        return config

    @cached_property
    def megabytes(self) -> float:
        kilobytes = subprocess.check_output(["du", "-sk", self.root], text=True).split()[0]
        return int(kilobytes) * 1024 / 1e6


def build(target: str, *arguments: str) -> Image:
    name = f"localhost/wyoming-vietts:{target}"
    started = time.monotonic()
    subprocess.run([*BUILD, *arguments, "--target", target, "-t", name, "."], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    image = Image(name)
    note(f"{name}: {image.megabytes:.0f} MB, built in {time.monotonic() - started:.0f} s")
    return image


def base_image(name: str) -> Image:
    """The image that ours starts from; where no registry can be reached, one of its shape."""
    local = f"localhost/{name}"
    for known in (local, f"docker.io/library/{name}"):
        if buildah("images", "--quiet", "--filter", f"reference={known}"):
            return Image(known)
    pull = [*BUILDAH, "pull", "--quiet", "--retry", "0", f"docker.io/library/{name}"]
    if subprocess.run(pull, capture_output=True, check=False).returncode == 0:
        return Image(f"docker.io/library/{name}")
    note(f"No registry can be reached: {name} is made of Debian's own packages")
    suite = name.rpartition("-")[2]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        packages = "--include=python3,python3-venv,ca-certificates"
        subprocess.run(["debootstrap", "--variant=minbase", packages, suite, root], check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        for path in ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf"):
            if os.path.exists(path):  # as this machine reaches its package index
                shutil.copy(path, root / path[1:])
        container = buildah("from", "scratch")
        shutil.copytree(root, buildah("mount", container), symlinks=True, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("dev"))  # fmt: skip
        buildah("config", "--env", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
        buildah("commit", "--rm", container, local)
    return Image(local)
