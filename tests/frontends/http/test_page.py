"""The page in a real browser, against a real server."""

import json
import math
import re
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.engines.vietts.speech import record, write_wav
from tests.engines.vietts.tiny_model import write_model_dir
from tests.harness import free_port, server_process
from tests.hub import running_hub

TEXT = "Bây giờ là 8h30."
LONG_TEXT = "Đây là một câu khá dài để máy đọc lên cho mọi người cùng nghe. " * 60
HOW_IT_STARTS = """
    window.startedAt = [];
    const start = AudioBufferSourceNode.prototype.start;
    AudioBufferSourceNode.prototype.start = function (...when) {
        window.startedAt.push(document.getElementById("result").hidden);
        return start.apply(this, when);
    };
"""


@dataclass
class Site:
    """A running server."""

    url: str
    port: int
    folder: Path


@contextmanager
def serving(folder: Path, *arguments: str, **environment: str) -> Iterator[Site]:
    address, port = f"127.0.0.1:{free_port()}", free_port()
    lexicon = folder / "lexicon.txt"
    lexicon.write_text("# Của tôi\n")
    folders = (f"--model-dir={folder / 'model'}", f"--voices-dir={folder / 'voices'}",
               f"--piper-dir={folder / 'piper'}", f"--lexicon={lexicon}")  # fmt: skip
    how = ("--uri", f"tcp://127.0.0.1:{port}", "--http", address, *folders, *arguments)
    with server_process(*how, environment=environment):
        site = Site(f"http://{address}/", port, folder)
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))).close()
                break
            except OSError:
                time.sleep(0.1)
        yield site


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Debian's Chromium, whose microphone hears a recording."""
    heard = record(tmp_path_factory.mktemp("microphone") / "heard.wav", "espeak-north-female")
    flags = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
             f"--use-file-for-fake-audio-capture={heard}"]  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def cloning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with a tiny model and one cloned voice."""
    folder = tmp_path_factory.mktemp("cloning")
    write_model_dir(folder / "model", 25)
    record(folder / "voices" / "an.wav")
    with serving(folder, "--seed", "1") as site:
        yield site


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with the embedded voices alone."""
    with serving(tmp_path_factory.mktemp("embedded"), "--engine", "espeak") as site:
        yield site


@contextmanager
def opened(browser: Browser, site: Site, **context: Any) -> Iterator[Page]:
    """The page, which must not complain."""
    complaints: list[str] = []
    settings: dict[str, Any] = {"locale": "vi-VN"} | context
    with browser.new_context(**settings) as made:
        page = made.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.add_init_script(HOW_IT_STARTS)
        page.goto(site.url)
        expect(page.locator("#voices li").first).to_be_visible()
        yield page
    refused = "Failed to load resource: the server responded with a status of 4"
    assert [complaint for complaint in complaints if refused not in complaint] == []


def speak(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.click("#speak button[type=submit]")


def seconds_of_audio(page: Page) -> float:
    """As the browser has decoded it."""
    expect(page.locator("#result")).to_be_visible(timeout=60_000)
    for _ in range(100):
        seconds = page.evaluate("document.getElementById('audio').duration")
        if seconds and not math.isnan(seconds):
            return float(seconds)
        page.wait_for_timeout(50)
    raise AssertionError("the browser decoded nothing")


def voice(page: Page, name: str) -> Any:
    return page.locator(f'#voices li[data-voice="{name}"]')


def status(page: Page) -> Any:
    return json.loads(page.request.get(f"{page.url}api/status").text())


def test_text_is_heard_before_it_is_complete_and_can_be_saved(
    browser: Browser, embedded: Site
) -> None:
    with opened(browser, embedded) as page:
        speak(page, TEXT)
        seconds = seconds_of_audio(page)
        assert page.evaluate("window.startedAt[0]") is True, "it was heard only once it was there"
        with page.expect_download() as saving:
            page.click("#save")
        content = saving.value.path().read_bytes()
        assert content[:4] == b"RIFF"
        assert (len(content) - 44) / 48_000 == pytest.approx(seconds, abs=0.01)
        assert 1 < seconds < 5
        page.fill("#speed", "2")
        expect(page.locator("#speed-value")).to_have_text("2×")
        before = page.get_attribute("#audio", "src")
        speak(page, TEXT)
        expect(page.locator("#audio")).not_to_have_attribute("src", str(before), timeout=30_000)
        assert seconds_of_audio(page) < 0.7 * seconds


def test_who_stops_it_ends_the_computation(browser: Browser, cloning: Site) -> None:
    with opened(browser, cloning) as page:
        speak(page, LONG_TEXT)
        expect(page.locator("#stop")).to_be_enabled()
        for _ in range(100):
            if status(page)["under_way"] == 1:
                break
            page.wait_for_timeout(50)
        page.click("#stop")
        expect(page.locator("#stop")).to_be_disabled()
        for _ in range(100):
            if status(page)["under_way"] == 0:
                return
            page.wait_for_timeout(50)
        raise AssertionError("the server went on")


def test_describe_is_answered_while_the_page_plays(browser: Browser, embedded: Site) -> None:
    with opened(browser, embedded) as page:
        speak(page, LONG_TEXT)
        expect(page.locator("#stop")).to_be_enabled()
        seconds = []
        for _ in range(15):
            started = time.monotonic()
            with socket.create_connection(("127.0.0.1", embedded.port)) as client:
                client.sendall(b'{"type": "describe"}\n')
                assert b'"info"' in client.recv(65536)
            seconds.append(time.monotonic() - started)
        page.click("#stop")
    assert statistics.median(seconds) < 0.1


def test_it_shows_what_is_spoken_and_learns_a_word(browser: Browser, embedded: Site) -> None:
    with opened(browser, embedded) as page:
        page.fill("#text", "Đèn Aqara: 25%")
        page.click("#show-words")
        expect(page.locator("#sentences .spoken")).to_contain_text("hai mươi lăm phần trăm")
        page.fill("#written", "Aqara")
        page.fill("#spoken", "a ca ra")
        page.click("#lexicon button")
        expect(page.locator("#lexicon-message")).to_have_text("Từ nay “Aqara” đọc là “a ca ra”.")
        expect(page.locator("#sentences .spoken")).to_contain_text("Đèn a ca ra")
    lines = (embedded.folder / "lexicon.txt").read_text().splitlines()
    assert lines == ["# Của tôi", "Aqara = a ca ra"]


def test_voice_is_cloned_from_a_file_renamed_chosen_deleted_and_brought_back(
    browser: Browser, cloning: Site, tmp_path: Path
) -> None:
    with opened(browser, cloning) as page:
        page.set_input_files("#file", record(tmp_path / "ai đó.wav", "espeak-south-male"))
        expect(page.locator("#clone-message")).to_contain_text("Bản ghi dùng được")
        label = str(page.get_attribute("#waveform", "aria-label"))
        start, end = (float(second.replace(",", ".")) for second in re.findall(r"[\d,]+", label))
        assert 1.9 <= end - start <= 4.1
        page.click("#play-stretch")
        assert len(page.evaluate("window.startedAt")) == 1
        page.fill("#voice-name", "Chú Ba")
        page.click("#make button[type=submit]")
        assert not (cloning.folder / "voices" / "chu-ba.wav").exists(), "nobody agreed yet"
        page.check("#consent")
        page.click("#make button[type=submit]")
        expect(voice(page, "chu-ba")).to_contain_text("Chú Ba")
        assert (cloning.folder / "voices" / "chu-ba.wav").is_file()

        voice(page, "chu-ba").get_by_role("button", name="Nghe").click()
        page.wait_for_timeout(100)
        voice(page, "chu-ba").get_by_role("button", name="Đổi tên").click()
        page.get_by_label("Tên mới").fill("Bác Ba")
        page.keyboard.press("Enter")
        expect(voice(page, "chu-ba")).to_contain_text("Bác Ba")

        voice(page, "chu-ba").get_by_role("button", name="Đặt giọng Bác Ba làm mặc định").click()
        expect(voice(page, "chu-ba")).to_contain_text("Mặc định")
        voice(page, "an").get_by_role("button", name="mặc định").click()
        expect(voice(page, "an")).to_contain_text("Mặc định")

        voice(page, "chu-ba").get_by_role("button", name="Xóa").click()
        expect(voice(page, "chu-ba")).to_have_count(0)
        assert not (cloning.folder / "voices" / "chu-ba.wav").exists()
        page.get_by_role("button", name="Hoàn tác").click()
        expect(voice(page, "chu-ba")).to_contain_text("Bác Ba")
        assert (cloning.folder / "voices" / "chu-ba.wav").is_file()


def test_voice_is_cloned_from_the_microphone(browser: Browser, cloning: Site) -> None:
    with opened(browser, cloning, permissions=["microphone"]) as page:
        page.click("#record")
        expect(page.locator("#countdown")).to_contain_text("giây")
        expect(page.locator("#record")).to_have_text("Dừng ghi")
        for _ in range(100):
            if page.evaluate("document.getElementById('level').value") > 0.05:
                break
            page.wait_for_timeout(50)
        else:
            raise AssertionError("the level never moved")
        expect(page.locator("#clone-message")).to_contain_text("Bản ghi dùng được", timeout=30_000)
        expect(page.locator("#recording")).to_be_hidden()
        page.fill("#voice-name", "Cô Tư")
        page.check("#consent")
        page.click("#make button[type=submit]")
        expect(voice(page, "co-tu")).to_contain_text("Cô Tư")
    assert (cloning.folder / "voices" / "co-tu.wav").stat().st_size > 100_000


def test_recording_that_cannot_be_used_is_told_in_one_sentence(
    browser: Browser, cloning: Site, tmp_path: Path
) -> None:
    loud = np.sign(np.sin(np.arange(66_150) * 0.05))
    both = [np.frombuffer(record(tmp_path / f"{name}.wav", name).read_bytes()[44:], "<i2") / 32768
            for name in ("espeak-north-male", "espeak-north-female")]  # fmt: skip
    recordings = {
        "ngắn quá": write_wav(tmp_path / "short.wav", 0.1 * np.sin(np.arange(8000) * 0.05)),
        "nhỏ quá": write_wav(tmp_path / "quiet.wav", np.zeros(66_150)),
        "vỡ tiếng": write_wav(tmp_path / "loud.wav", loud),
        "Không nghe thấy ai nói": write_wav(
            tmp_path / "hum.wav", 0.1 * np.sin(np.arange(66_150) * 0.05)
        ),
        "hai người nói": write_wav(tmp_path / "both.wav", np.concatenate(both)),
    }
    with opened(browser, cloning) as page:
        for sentence, path in recordings.items():
            page.set_input_files("#file", path)
            expect(page.locator("#clone-message.wrong")).to_contain_text(sentence)


def test_download_goes_on_while_the_page_is_loaded_again(browser: Browser, tmp_path: Path) -> None:
    """A Piper voice would do, but the files of the model need not be the published ones."""
    with running_hub(write_model_dir(tmp_path / "hub", 25)) as hub:
        hub.pause_seconds = 1.0
        with serving(tmp_path, **hub.environment) as site, opened(browser, site) as page:
            row = page.locator('#downloads li[data-download="vietts"]')
            row.get_by_role("button", name="Tải vietts").click()
            expect(row.get_by_role("progressbar")).to_be_visible()
            page.reload()
            expect(row.get_by_role("progressbar")).to_be_visible()
            expect(row).to_contain_text("đã có", timeout=60_000)
        assert (tmp_path / "model" / "llm.pt").is_file()


def test_download_that_fails_says_why(browser: Browser, tmp_path: Path) -> None:
    with running_hub(write_model_dir(tmp_path / "hub", 25)) as hub:
        hub.statuses["llm.pt"] = 404
        with serving(tmp_path, **hub.environment) as site, opened(browser, site) as page:
            page.get_by_role("button", name="Tải vietts").click()
            expect(page.locator("#downloads-message.wrong")).to_contain_text(
                "llm.pt", timeout=30_000
            )


def test_without_the_neural_engine_it_says_how_to_get_it(browser: Browser, embedded: Site) -> None:
    with opened(browser, embedded) as page:
        expect(page.locator("#how-to-clone")).to_contain_text("download vietts")
        expect(page.locator("#clone")).to_be_hidden()


@pytest.mark.parametrize("look", [{"locale": "vi-VN"}, {"locale": "en-US", "color_scheme": "dark"}])
def test_anybody_can_use_it(browser: Browser, cloning: Site, look: dict[str, Any]) -> None:
    """In both languages, light and dark, on a phone, by screen reader, and by keyboard alone."""
    with opened(browser, cloning, viewport={"width": 360, "height": 740}, **look) as page:
        is_vietnamese = look["locale"] == "vi-VN"
        assert page.evaluate("document.documentElement.lang") == ("vi" if is_vietnamese else "en")
        expect(page.locator("#speak-heading")).to_have_text(
            "Đọc thử" if is_vietnamese else "Try it"
        )
        expect(page.locator("#status")).to_contain_text("vietts")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, re.findall(r"\d+", ground)[:3])) < 80) == ("color_scheme" in look)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.click("#show-words")
        expect(page.locator("#sentences li").first).to_be_visible()
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()

        page.select_option("#language", "en" if is_vietnamese else "vi")
        expect(page.locator("#speak-heading")).to_have_text(
            "Try it" if is_vietnamese else "Đọc thử"
        )
        page.fill("#text", "Chào.")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#speed-value")).to_have_text("0.95×")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#result")).to_be_visible(timeout=60_000)


def test_nothing_is_asked_of_anybody_else(browser: Browser, embedded: Site) -> None:
    asked: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(embedded.url)
        expect(page.locator("#voices li").first).to_be_visible()
        speak(page, "Chào.")
        seconds_of_audio(page)
    assert asked
    assert [url for url in asked if not url.startswith((embedded.url, "blob:"))] == []
