"""Install pip into the running virtual environment, from PyPI, with the standard library alone."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request

INDEX = "https://pypi.org/simple/pip/"


def main() -> None:
    """Download the newest pip wheel, check its hash, and let it install itself."""
    request = urllib.request.Request(
        INDEX, headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            files = json.load(response)["files"]
    except OSError as error:
        sys.exit(f"Cannot fetch pip from {INDEX}: {error}; or install the package python3-venv")
    wheels = [file for file in files if version(file["filename"]) and not file["yanked"]]
    wheel = max(wheels, key=lambda file: version(file["filename"]))
    with urllib.request.urlopen(wheel["url"]) as response:
        content = response.read()
    if hashlib.sha256(content).hexdigest() != wheel["hashes"]["sha256"]:
        sys.exit(f"{wheel['url']} is damaged: its hash differs from the one in the index")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, wheel["filename"])
        with open(path, "wb") as file:
            file.write(content)
        # A wheel is a zip archive, and Python runs a package inside one.
        subprocess.run([sys.executable, f"{path}/pip", "install", "--quiet", path], check=True)


def version(filename):
    """(25, 3) for pip-25.3-py3-none-any.whl; () for anything but a wheel of a final release."""
    match = re.fullmatch(r"pip-(\d+(?:\.\d+)*)-py3-none-any\.whl", filename)
    return tuple(map(int, match[1].split("."))) if match else ()


if __name__ == "__main__":
    main()
