"""Take the READMEs' pictures of the page; see script/make_pictures.

The voices are tiny models of random weights with the names of real ones: only their names are seen.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.engines.piper.tiny_voice import write_voice
from tests.engines.vieneu.tiny_model import write_cloning, write_model
from tests.frontends.http.browsing import opened, running_browser, seconds_of_audio, serving, speak
from tests.recording_files import record

TEXT = "Nhiệt độ phòng khách là 26,5°C, cửa ga-ra mở từ 22h15."
NATURAL_VOICE = "vi_VN-vais1000-medium"
RECORDED = {"co-an": "Cô An", "chu-ba": "Chú Ba"}
SECOND = 2  # of what is heard
DESKTOP = {"locale": "vi-VN", "viewport": {"width": 900, "height": 1290}}
PHONE = {"locale": "en-US", "viewport": {"width": 390, "height": 800}, "color_scheme": "dark"}


def write_voices(folder: Path) -> None:
    """Make two cloned voices, two of VieNeu's own, and a Piper voice."""
    write_cloning(write_model(folder / "vieneu"))
    for name, description in RECORDED.items():
        recording = record(folder / "voices" / f"{name}.wav")
        recording.with_suffix(".toml").write_text(f'description = "{description}"\n', "utf-8")
    write_voice(folder / "piper" / f"{NATURAL_VOICE}.onnx")


def take(browser: Browser, url: str, path: Path, look: dict[str, object]) -> None:
    """Take a picture of the page while it speaks; on a large screen, with the reading."""
    with opened(browser, url, **look) as page:
        page.select_option("#voice", "co-an-vieneu")
        speak(page, TEXT)
        seconds_of_audio(page)
        if look is DESKTOP:
            page.click("#show-words")
        page.fill("#seek", str(SECOND))
        page.screenshot(path=path)


if __name__ == "__main__":
    pictures = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_voices(folder)
        microphone = folder / "voices" / "co-an.wav"
        with (
            serving(folder, "--voice", NATURAL_VOICE, "--seed", "1") as site,
            running_browser(microphone) as browser,
        ):
            take(browser, site.url, pictures / "page-vi.png", DESKTOP)
            take(browser, site.url, pictures / "page-phone.png", PHONE)
