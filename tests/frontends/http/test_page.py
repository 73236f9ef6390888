"""The page in a real browser, against a real server."""

import re
import socket
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.engines.piper.tiny_voice import write_voice
from tests.engines.vieneu.tiny_model import NAMES, write_cloning, write_model
from tests.engines.vietts.tiny_model import write_model_dir
from tests.frontends.http.browsing import (
    Site,
    behind_ingress,
    check_accessibility,
    choose,
    drop,
    opened,
    row,
    running_browser,
    seconds_of_audio,
    serving,
    speak,
    under_way,
    wait_for_answers_under_way,
    wait_until,
)
from tests.hub import running_hub
from tests.recording_files import record, write_wav

TEXT = "Bây giờ là 8h30."
LONG_TEXT = "Đây là một câu khá dài để máy đọc lên cho mọi người cùng nghe. " * 60
COLOURS_THAT_ARE_DRAWN = """() => {
    const canvas = document.getElementById("waveform");
    const drawn = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const pixels = new Set(new Uint32Array(drawn.buffer));
    const style = getComputedStyle(document.documentElement);
    return ["--mark", "--accent", "--soft"].filter((name) => {
        const digits = style.getPropertyValue(name).trim().slice(1);
        const [red, green, blue] = digits.match(/../g).map((pair) => parseInt(pair, 16));
        return pixels.has((255 << 24 | blue << 16 | green << 8 | red) >>> 0);
    });
}"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    heard = record(tmp_path_factory.mktemp("microphone") / "heard.wav", "espeak-north-female")
    with running_browser(heard) as browser:
        yield browser


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
    with serving(tmp_path_factory.mktemp("embedded")) as site:
        yield site


# --- speaking ------------------------------------------------------------------------------------


def test_text_is_heard_and_can_be_saved(browser: Browser, embedded: Site) -> None:
    with opened(browser, embedded.url) as page:
        speak(page, TEXT)
        seconds = seconds_of_audio(page)
        assert 1 < seconds < 5
        with page.expect_download() as saving:
            page.click("#save-wav")
        content = saving.value.path().read_bytes()
        assert content[:4] == b"RIFF"
        assert (len(content) - 44) / 48_000 == pytest.approx(seconds, abs=0.01)
        with page.expect_download() as saving:
            page.click("#save-mp3")
        with av.open(str(saving.value.path())) as file:
            assert file.format.name == "mp3"
        expect(page.locator("#play")).to_have_text("Nghe lại", timeout=30_000)
        expect(page.locator("#speak-message")).to_be_empty()

        page.fill("#speed", "2")
        expect(page.locator("#speed-value")).to_have_text("2×")
        speak(page, TEXT)
        wait_until(page, f"Number(document.getElementById('seek').max) < {0.7 * seconds}")
        assert 0.3 * seconds < seconds_of_audio(page) < 0.7 * seconds


def test_one_player_plays_texts_and_voices_one_at_a_time(browser: Browser, embedded: Site) -> None:
    with opened(browser, embedded.url) as page:
        voice = row(page, "voices", "espeak-south-male").locator("[data-action=hear]")
        page.fill("#text", LONG_TEXT)
        page.keyboard.press("Control+Enter")
        expect(page.locator("#track")).to_have_text("Văn bản · Giọng nam miền Bắc (eSpeak NG)")
        expect(page.locator("#hear")).to_have_text("Dừng")
        seconds_of_audio(page)
        page.fill("#seek", "100")  # skips
        wait_until(page, "document.getElementById('seek').value > 100.3")
        assert page.inner_text("#time").startswith("1:4")
        wait_until(page, "window.starts.length > 12")
        check_accessibility(page)

        voice.click()
        expect(voice).to_have_text("Dừng")
        expect(page.locator("#hear")).to_have_text("Đọc")
        expect(page.locator("#track")).to_have_text("Nghe thử · Giọng nam miền Nam (eSpeak NG)")
        page.fill("#volume", "0")
        voice.click()
        expect(voice).to_have_text("Nghe")
        page.click("#play")
        expect(voice).to_have_text("Dừng")
        page.keyboard.press("Escape")
        expect(voice).to_have_text("Nghe")
        expect(page.locator("#play")).to_have_text("Nghe lại")

        for nothing in ("  ", "🙂"):
            speak(page, nothing)
            expect(page.locator("#speak-message.wrong")).to_contain_text("không có gì để đọc")
            page.press("#text", "a")
            expect(page.locator("#speak-message")).to_be_empty()


def test_it_is_heard_while_the_server_speaks_until_somebody_stops_it(
    browser: Browser, cloning: Site
) -> None:
    with opened(browser, cloning.url) as page:
        speak(page, LONG_TEXT)
        wait_until(page, "window.starts.length > 0")
        assert under_way(page) == 1
        expect(page.locator("#seek")).to_be_disabled()
        page.keyboard.press("Control+Enter")  # anew, instead of the first
        wait_until(page, "window.starts.length > 1")
        expect(page.locator("#speak-message")).to_have_text("Đang đọc…")
        wait_for_answers_under_way(page, 1)
        page.click("#hear")
        expect(page.locator("#play")).to_have_text("Nghe lại")
        expect(page.locator("#speak-message")).to_be_empty()
        wait_for_answers_under_way(page, 0)


def test_long_text_is_played_without_gaps_and_bit_by_bit(browser: Browser, embedded: Site) -> None:
    with opened(browser, embedded.url) as page:
        speak(page, LONG_TEXT)
        assert seconds_of_audio(page) > 60
        wait_until(page, "window.starts.at(-1).at > 4")
        starts = page.evaluate("window.starts")
        page.click("#play")
    gaps = [later["at"] - earlier["ends"] for earlier, later in pairwise(starts)]
    assert len(gaps) > 10
    assert len([gap for gap in gaps if gap > 0.0001]) <= 3, "a busy machine has some at the start"
    assert min(gaps) > -0.0001
    assert max(start["ahead"] for start in starts) <= 2.1


def test_describe_is_answered_while_the_page_plays(browser: Browser, cloning: Site) -> None:
    with opened(browser, cloning.url) as page:
        speak(page, LONG_TEXT)
        wait_until(page, "window.starts.length > 0")
        seconds = []
        for _ in range(15):
            started = time.monotonic()
            with socket.create_connection(("127.0.0.1", cloning.port)) as client:
                client.sendall(b'{"type": "describe"}\n')
                assert b'"info"' in client.recv(65536)
            seconds.append(time.monotonic() - started)
        assert under_way(page) == 1, "it was over too early to tell"
        page.click("#play")
    assert statistics.median(seconds) < 0.1


def test_text_voice_speed_and_the_last_texts_survive_a_reload(
    browser: Browser, embedded: Site
) -> None:
    with opened(browser, embedded.url) as page:
        for number in range(12):
            page.fill("#text", f"{number}")
            page.keyboard.press("Control+Enter")
            expect(page.locator("#texts button").first).to_have_text(f"{number}")
        page.select_option("#voice", "espeak-south-male")
        page.fill("#speed", "1.5")
        page.fill("#text", "Chưa đọc")
        page.fill("#sample", "Cơm chín rồi")
        page.reload()
        expect(page.locator("#voice")).to_have_value("espeak-south-male")
        expect(page.locator("#speed-value")).to_have_text("1,5×")
        assert page.input_value("#text") == "Chưa đọc"
        with page.expect_request("**/v1/audio/speech") as asked:
            row(page, "voices", "espeak-south-male").get_by_text("Nghe").click()
        assert asked.value.post_data_json["input"] == "Cơm chín rồi"
        page.fill("#sample", " ")
        with page.expect_request("**/v1/audio/speech") as asked:
            row(page, "voices", "espeak-north-male").get_by_text("Nghe").click()
        assert "Xin chào" in asked.value.post_data_json["input"]
        page.get_by_text("Đã đọc gần đây (10)").click()
        page.locator("#texts button").last.click()
        assert page.input_value("#text") == "2"
        expect(page.locator("#voice")).to_have_value("espeak-north-male")
        check_accessibility(page)
        page.click("#forget")
        expect(page.locator("#history")).to_be_hidden()


def test_server_that_stops_is_told_and_may_come_back(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, "--engine", "espeak") as site, opened(browser, site.url) as page:
        speak(page, LONG_TEXT * 4)
        wait_until(page, "window.starts.length > 0")
        site.process.kill()
        expect(page.locator("#speak-message.wrong")).to_contain_text("ngừng giữa chừng")
        expect(page.locator("#player")).to_be_hidden()
        expect(page.locator("#status.wrong")).to_contain_text("Không kết nối", timeout=2000)
        address = site.url.removeprefix("http://").rstrip("/")
        with serving(tmp_path, "--engine", "espeak", address=address):
            expect(page.locator("#status")).to_be_empty(timeout=2000)
            choose(row(page, "voices", "espeak-south-male"), "Đặt mặc định")
            expect(row(page, "voices", "espeak-south-male")).to_contain_text("Mặc định")


def test_it_shows_what_is_spoken_and_learns_a_word(browser: Browser, embedded: Site) -> None:
    lexicon = embedded.folder / "lexicon.txt"
    with opened(browser, embedded.url) as page:
        page.fill("#text", "Đèn Aqara: 25%")
        page.click("#show-words")
        spoken = page.locator("#sentences .spoken")
        expect(spoken).to_contain_text("hai mươi lăm phần trăm")
        page.fill("#text", "Đèn Aqara: 26%")
        expect(spoken).to_contain_text("hai mươi sáu phần trăm")
        page.evaluate("document.getElementById('text').setSelectionRange(4, 9)")
        expect(page.locator("#written")).to_have_value("Aqara")
        page.fill("#written", "")
        page.locator("#sentences .written").select_text()
        expect(page.locator("#written")).to_have_value("Đèn Aqara: 26%")
        page.evaluate("document.getElementById('text').setSelectionRange(0, 3)")
        expect(page.locator("#written")).to_have_value("Đèn")
        page.press("#text", "Control+A")
        page.wait_for_timeout(50)  # for its event
        expect(page.locator("#written")).to_have_value("Đèn")
        page.fill("#written", "Aqara")
        page.evaluate("document.getElementById('text').setSelectionRange(0, 3)")
        page.locator("#sentences .written").select_text()
        page.wait_for_timeout(50)  # for the events of both
        expect(page.locator("#written")).to_have_value("Aqara")
        page.fill("#spoken", "cửa chính")
        page.click("#lexicon button")
        message = page.locator("#lexicon-message")
        expect(message).to_contain_text("Từ nay “Aqara” đọc là “cửa chính”.")
        message.get_by_role("button", name="Nghe từ Aqara").click()
        expect(page.locator("#track")).to_have_text("Từ “Aqara”")
        expect(spoken).to_contain_text("Đèn cửa chính")
        assert lexicon.read_text() == "# Của tôi\nAqara = cửa chính\n"

        page.get_by_text("Từ điển riêng (1)").click()
        page.get_by_role("button", name="Xóa từ Aqara").click()
        expect(page.locator("#lexicon-message")).to_have_text("Đã xóa từ “Aqara”.")
        expect(spoken).not_to_contain_text("cửa chính")
        assert lexicon.read_text() == "# Của tôi\n"


def test_a_long_lexicon_is_shown_in_pages(browser: Browser, embedded: Site) -> None:
    lexicon = embedded.folder / "lexicon.txt"
    before = lexicon.read_text()
    lexicon.write_text("".join(f"máy {number} = cái {number}\n" for number in range(600)))
    try:
        with opened(browser, embedded.url) as page:
            page.fill("#text", "máy 1")
            page.click("#show-words")
            page.get_by_text("Từ điển riêng (600)").click()
            expect(page.locator("#entries li")).to_have_count(501)
            page.get_by_role("button", name="Xem thêm từ").click()
            expect(page.locator("#entries li")).to_have_count(600)
            expect(page.locator("#entries li").last).to_contain_text("máy 599 = cái 599")
    finally:
        lexicon.write_text(before)


# --- voices --------------------------------------------------------------------------------------


def test_voice_is_cloned_from_a_file_renamed_chosen_deleted_and_brought_back(
    browser: Browser, cloning: Site, tmp_path: Path
) -> None:
    file = cloning.folder / "voices" / "chu-ba.wav"
    with opened(browser, cloning.url) as page:
        page.set_input_files("#file", record(tmp_path / "ai đó.wav", "espeak-south-male"))
        expect(page.locator("#clone-message")).to_have_text("Bản ghi dùng được.")
        stretch = re.findall(r"[\d,]+\d", page.inner_text("#stretch"))
        start, end = (float(second.replace(",", ".")) for second in stretch)
        assert 1.9 <= end - start <= 4.1
        assert page.evaluate(COLOURS_THAT_ARE_DRAWN) == ["--mark", "--accent", "--soft"]
        page.click("#play-stretch")
        wait_until(page, "window.starts.length === 1")
        expect(page.locator("#play-stretch")).to_have_text("Dừng")
        page.click("#play-stretch")
        expect(page.locator("#play-stretch")).to_have_text("Nghe phần được dùng")
        check_accessibility(page)
        page.fill("#voice-name", "Chú Ba")
        page.click("#make button[type=submit]")
        assert not file.exists(), "nobody agreed yet"
        page.check("#consent")
        page.click("#make button[type=submit]")
        chu_ba = row(page, "voices", "chu-ba")
        expect(chu_ba).to_contain_text("Chú Ba")
        expect(chu_ba.get_by_text("Nghe")).to_be_focused()
        assert page.input_value("#voice") == "chu-ba"
        expect(page.locator("#toast")).to_have_text("Đã tạo giọng Chú Ba.")
        page.evaluate("document.getElementById('toast').replaceChildren()")
        assert file.is_file()

        page.keyboard.press("Enter")
        wait_until(page, "window.starts.length > 1")
        choose(chu_ba, "Đổi tên")
        check_accessibility(page)
        page.keyboard.press("Escape")
        expect(chu_ba.locator("summary")).to_be_focused()
        page.keyboard.press("Enter")
        chu_ba.get_by_text("Đổi tên").press("Enter")
        page.get_by_label("Tên mới").fill("Bác <b>Ba</b>")
        page.keyboard.press("Enter")
        expect(chu_ba).to_contain_text("Bác <b>Ba</b>")
        expect(chu_ba.locator("summary")).to_be_focused()

        choose(chu_ba, "Đặt mặc định")
        expect(chu_ba.locator(".badge.main")).to_have_text("Mặc định")
        expect(chu_ba.locator("summary")).to_be_focused()
        choose(row(page, "voices", "an"), "Đặt mặc định")
        expect(row(page, "voices", "an").locator(".badge.main")).to_have_text("Mặc định")
        expect(page.locator("#voices-message")).to_be_empty()

        page.fill("#sample", LONG_TEXT)
        chu_ba.get_by_text("Nghe").click()
        expect(page.locator("#play")).to_have_text("Dừng")
        choose(chu_ba, "Xóa")
        expect(chu_ba).to_have_count(0)
        assert not file.exists()
        expect(page.locator("#play")).to_have_text("Nghe lại")
        expect(page.locator("#toast")).to_be_empty()
        undo = page.get_by_role("button", name="Hoàn tác")
        expect(undo).to_be_focused()
        check_accessibility(page)
        choose(row(page, "voices", "an"), "Sao chép YAML cho Home Assistant")
        expect(page.locator("#toast")).to_contain_text("Đã sao chép YAML")
        undo.press("Enter")
        expect(chu_ba).to_contain_text("Bác <b>Ba</b>")
        assert file.is_file()


def test_piper_voice_is_uploaded_heard_deleted_and_brought_back(
    browser: Browser, embedded: Site, tmp_path: Path
) -> None:
    network = write_voice(tmp_path / "vi_VN-an-medium.onnx")
    config = tmp_path / "vi_VN-an-medium.onnx.json"
    (tmp_path / "page.onnx").write_text("<!doctype html>")
    (tmp_path / "damaged.onnx").write_bytes(network.read_bytes()[:5000])
    wrong = {
        "một trang web": [tmp_path / "page.onnx", config],
        "Tệp bị hỏng": [tmp_path / "damaged.onnx", config],
        "một tệp .onnx và một tệp .json": [network, network, config],
    }
    with opened(browser, embedded.url) as page:
        message = page.locator("#piper-message")
        page.get_by_text("Thêm giọng Piper").click()
        check_accessibility(page)
        for sentence, files in wrong.items():
            page.set_input_files("#piper-files", files)
            expect(message).to_contain_text(sentence)
        page.set_input_files("#piper-files", [network])
        expect(message).to_have_text("Đã có vi_VN-an-medium.onnx, còn thiếu tệp .json.")
        page.set_input_files("#piper-files", [config])
        expect(message).to_have_text("Đã thêm giọng vi_VN-an-medium.")
        voice = row(page, "voices", "vi_VN-an-medium")
        expect(voice.get_by_text("Nghe")).to_be_focused()
        expect(page.locator("#robot")).to_be_hidden(timeout=3000)
        assert page.input_value("#voice") == "vi_VN-an-medium"
        its_description = voice.locator(".who span").first.inner_text()
        default = page.locator("#voices-message")
        expect(default).to_have_text(f"Giọng mặc định bây giờ là {its_description}.")
        page.keyboard.press("Enter")
        wait_until(page, "window.starts.length > 0")
        page.set_input_files("#piper-files", [network, config])
        expect(message).to_contain_text("Đã có giọng tên này")
        choose(voice, "Xóa")
        page.get_by_role("button", name="Hoàn tác").click()
        expect(voice).to_be_visible()
        choose(voice, "Xóa")
        expect(default).to_contain_text("(eSpeak NG)")
        expect(page.locator("#robot")).to_be_visible(timeout=3000)
    assert [*(embedded.folder / "piper").glob("*.onnx")] == []


def test_upload_through_ingress_is_shown_cancelled_and_tried_again(
    browser: Browser, embedded: Site, tmp_path: Path
) -> None:
    network, folder = write_voice(tmp_path / "an.onnx"), embedded.folder / "piper"
    with behind_ingress(embedded.url) as ingress, opened(browser, ingress.url) as page:
        message, bar = page.locator("#piper-message"), page.locator("#piper-bar")
        last_step = page.locator("#how-to-clone li").last
        expect(last_step).to_have_text("Hãy khởi động lại ứng dụng trong Home Assistant.")
        page.get_by_text("Thêm giọng Piper").click()
        ingress.is_open.clear()
        drop(page, "#piper-drop", {"to.onnx": 20_000_000, "to.onnx.json": 100})
        expect(page.locator("#piper-far")).to_have_text(re.compile(r"^\d+ / 21 MB$"))
        assert 0 < float(str(bar.get_attribute("value"))) < 1
        assert list(folder.glob(".upload-*/to.onnx")), "it is being received"
        check_accessibility(page)
        page.click("#piper-cancel")
        expect(bar).to_be_hidden()
        ingress.is_open.set()
        wait_until_nothing_is_received(page, folder)

        ingress.breaks = True
        page.set_input_files("#piper-files", [network, network.with_name("an.onnx.json")])
        expect(message).to_have_text("Mất kết nối giữa chừng, giọng chưa được thêm. Thử lại")
        wait_until_nothing_is_received(page, folder)
        ingress.breaks = False
        message.get_by_role("button", name="Thử gửi lại giọng an").click()
        expect(message).to_have_text("Đã thêm giọng an.")
        choose(row(page, "voices", "an"), "Xóa")
        expect(page.locator("#robot")).to_be_visible(timeout=3000)


def wait_until_nothing_is_received(page: Page, folder: Path) -> None:
    for _ in range(100):
        if not list(folder.glob(".upload-*")):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{[*folder.rglob('*')]}")


def test_many_voices_with_long_names_are_grouped_searched_and_narrow(
    browser: Browser, embedded: Site
) -> None:
    listed = {"language": "vi-VN", "sample_rate": 24_000, "is_ready": True}
    voices = [
        listed
        | {"name": f"v-{number}", "description": f"{number} Đ{'ỵ' * 57}"}
        | {"is_cloned": number > 20, "engine": "vieneu" if number % 2 else "vietts"}
        for number in range(25)
    ]
    answer = {"default": "v-3", "voices": voices}
    with browser.new_context(
        viewport={"width": 390, "height": 800}, permissions=["clipboard-write", "clipboard-read"]
    ) as context:
        page = context.new_page()
        page.route("**/api/voices", lambda route: route.fulfill(json=answer))
        page.goto(embedded.url)
        page.select_option("#language", "vi")
        expect(page.locator("#voices h3")).to_have_text(["Giọng của tôi", "VietTTS", "VieNeu"])
        expect(page.locator("#voices li")).to_have_count(25)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        check_accessibility(page)
        expect(row(page, "voices", "v-21").locator(".badge")).to_have_text(["VieNeu"])
        expect(row(page, "voices", "v-3").locator(".badge")).to_have_text(["Mặc định"])
        page.fill("#search", "12 dyyy")
        expect(page.locator("#voices li")).to_have_count(1)
        choose(row(page, "voices", "v-12"), "Sao chép YAML cho Home Assistant")
        expect(page.locator("#toast")).to_contain_text("Đã sao chép YAML")
        expect(page.locator("#toast")).to_contain_text("thay media_player.phong_khach bằng")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        yaml = page.evaluate("navigator.clipboard.readText()")
        assert "action: tts.speak" in yaml
        assert '    voice: "v-12"' in yaml
        page.fill("#search", "x")
        expect(page.locator("#voices")).to_have_text("Không tìm thấy giọng nào.")


def test_recording_of_a_phone_can_be_dropped(
    browser: Browser, cloning: Site, tmp_path: Path
) -> None:
    spoken = np.frombuffer(record(tmp_path / "spoken.wav").read_bytes()[44:], "<i2")
    with av.open(str(tmp_path / "memo.m4a"), "w") as memo:
        stream = memo.add_stream("aac", rate=22_050, layout="mono")
        frame = av.AudioFrame.from_ndarray(spoken[None], format="s16", layout="mono")
        frame.rate = 22_050
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            memo.mux(packet)
    with opened(browser, cloning.url) as page:
        drop(page, "#drop", {"memo.m4a": [*(tmp_path / "memo.m4a").read_bytes()]})
        expect(page.locator("#clone-message")).to_have_text("Bản ghi dùng được.")
        page.fill("#voice-name", "Máy Tôi")
        page.check("#consent")
        page.click("#make button[type=submit]")
        expect(row(page, "voices", "may-toi")).to_be_visible()
    assert (cloning.folder / "voices" / "may-toi.wav").is_file()


def test_voice_is_cloned_heard_and_deleted_with_vieneu(browser: Browser, tmp_path: Path) -> None:
    write_cloning(write_model(tmp_path / "vieneu"))
    with serving(tmp_path, "--quality", "fast") as site, opened(browser, site.url) as page:
        expect(row(page, "voices", NAMES[0])).to_contain_text("Minh Quân")
        page.set_input_files("#file", record(tmp_path / "a.wav", "espeak-south-male"))
        expect(page.locator("#clone-message")).to_have_text("Bản ghi dùng được.")
        expect(page.locator("#clones-with")).to_have_text("VieNeu sẽ đọc bằng giọng này.")
        page.fill("#voice-name", "Chú Ba")
        page.check("#consent")
        page.click("#make button[type=submit]")
        chu_ba = row(page, "voices", "chu-ba-vieneu")
        expect(chu_ba).to_contain_text("Chú Ba (VieNeu)")
        assert page.input_value("#voice") == "chu-ba-vieneu"
        choose(chu_ba, "Đổi tên")
        expect(page.get_by_label("Tên mới")).to_have_value("Chú Ba")
        page.keyboard.press("Escape")
        speak(page, TEXT)
        assert seconds_of_audio(page) > 1
        choose(chu_ba, "Xóa")
        expect(chu_ba).to_have_count(0)
        assert not (tmp_path / "voices" / "chu-ba.wav").exists()


def test_voice_is_cloned_from_the_microphone(browser: Browser, cloning: Site) -> None:
    with opened(browser, cloning.url) as page:
        page.click("#record")
        expect(page.locator("#countdown")).to_have_text(re.compile(r"Còn [5678] giây"))
        expect(page.locator("#record")).to_have_text("Dừng ghi")
        wait_until(page, "document.getElementById('level').value > 0.05")
        expect(page.get_by_role("meter", name="Âm lượng")).to_be_visible()
        check_accessibility(page)
        expect(page.locator("#countdown")).to_have_text("Còn 3 giây", timeout=30_000)
        page.click("#record")
        expect(page.locator("#recording")).to_be_hidden()
        expect(page.locator("#clone-message")).to_have_text("Bản ghi dùng được.", timeout=30_000)
        page.fill("#voice-name", "Cô Tư")
        page.check("#consent")
        page.click("#make button[type=submit]")
        expect(row(page, "voices", "co-tu")).to_contain_text("Cô Tư")
    assert (cloning.folder / "voices" / "co-tu.wav").stat().st_size > 100_000


def test_microphone_that_is_forbidden_is_told(browser: Browser, cloning: Site) -> None:
    with opened(browser, cloning.url) as page:
        page.evaluate("""() => {
            const forbid = () => Promise.reject(new DOMException("no", "NotAllowedError"));
            navigator.mediaDevices.getUserMedia = forbid;
        }""")
        page.click("#record")
        expect(page.locator("#clone-message.wrong")).to_contain_text("không cho dùng micrô")
        expect(page.locator("#record")).to_have_text("Ghi âm")


def test_recording_that_cannot_be_used_is_told_in_one_sentence(
    browser: Browser, cloning: Site, tmp_path: Path
) -> None:
    hum = np.sin(np.arange(66_150) * 0.05)
    both = [np.frombuffer(record(tmp_path / f"{name}.wav", name).read_bytes()[44:], "<i2") / 32768
            for name in ("espeak-north-male", "espeak-north-female")]  # fmt: skip
    (tmp_path / "text.wav").write_text("Xin chào")
    (tmp_path / "huge.wav").write_bytes(bytes(25_000_000))
    recordings = {
        "không phải bản ghi âm": tmp_path / "text.wav",
        "lớn quá": tmp_path / "huge.wav",
        "ngắn quá": write_wav(tmp_path / "short.wav", 0.1 * hum[:8000]),
        "nhỏ quá": write_wav(tmp_path / "quiet.wav", 0 * hum),
        "vỡ tiếng": write_wav(tmp_path / "loud.wav", np.sign(hum)),
        "Không nghe thấy ai nói": write_wav(tmp_path / "hum.wav", 0.1 * hum),
        "hai người nói": write_wav(tmp_path / "both.wav", np.concatenate(both)),
    }
    with opened(browser, cloning.url) as page:
        for sentence, path in recordings.items():
            page.set_input_files("#file", path)
            expect(page.locator("#clone-message.wrong")).to_contain_text(sentence)
            expect(page.locator("#make")).to_be_visible(visible=sentence == "hai người nói")
        held: list[Route] = []
        page.route("**/api/recordings?*", lambda route: held.append(route), times=1)
        with page.expect_request("**/api/recordings?*"):
            page.set_input_files("#file", recordings["ngắn quá"])
        expect(page.locator("#clone-message")).to_have_text("Đang kiểm tra bản ghi…")
        page.set_input_files("#file", recordings["Không nghe thấy ai nói"])
        expect(page.locator("#clone-message")).to_contain_text("Không nghe thấy ai nói")
        with page.expect_response("**/api/recordings?*"):
            held[0].continue_()
        page.wait_for_timeout(50)
        expect(page.locator("#clone-message")).to_contain_text("Không nghe thấy ai nói")


def test_without_the_neural_engine_it_says_how_to_get_it(browser: Browser, embedded: Site) -> None:
    with opened(browser, embedded.url) as page:
        expect(page.locator("#clone")).to_be_hidden()
        page.click("#how-to-clone summary")
        expect(page.locator("#how-to-clone li").last).to_contain_text(
            "Hãy khởi động lại máy chủ: nếu nó chạy trong cửa sổ dòng lệnh, nhấn Ctrl+C"
        )
        steps = page.inner_text("#how-to-clone ol")
        assert re.search(r"\b(run|then|download|again)\b", steps) is None
        check_accessibility(page)


def test_newcomer_is_offered_a_natural_voice_first(browser: Browser, embedded: Site) -> None:
    with opened(browser, embedded.url) as page:
        voice = row(page, "natural-voices", "vi_VN-vais1000-medium")
        expect(page.get_by_role("heading").nth(1)).to_have_text("Đang dùng giọng rô-bốt")
        badges = row(page, "voices", "espeak-north-female").locator(".badge")
        expect(badges).to_have_count(0)  # its description says all
        page.select_option("#language", "en")
        expect(badges).to_have_text(["North"])
        page.select_option("#language", "vi")
        expect(voice.get_by_role("button")).to_have_text("Tải giọng tự nhiên (63 MB)")
        state = page.request.get(f"{page.url}api/downloads").json()
        state["downloads"][0]["progress"] = 0.25
        page.route("**/api/downloads", lambda route: route.fulfill(json=state))
        page.route("**/api/downloads/*", lambda route: route.fulfill(status=204))
        voice.get_by_role("button").click()
        expect(voice).to_contain_text("25 % · 16 / 63 MB")
        state["downloads"][0]["progress"] = 0.5
        expect(voice).to_contain_text(re.compile(r"còn \d+ giây"), timeout=10_000)
        check_accessibility(page)
        listed = page.request.get(f"{page.url}api/voices").json()
        new = listed["voices"][0] | {"name": "vi_VN-vais1000-medium"}
        listed["voices"].append(new)
        page.route("**/api/voices", lambda route: route.fulfill(json=listed))
        state["downloads"][0] |= {"progress": None, "is_there": True}
        expect(page.locator("#toast")).to_contain_text("Đã tải xong vi_VN-vais1000-medium. Nghe")
        expect(page.locator("#toast [data-action=hear]")).to_have_text("Nghe")

        listed["voices"] = [new | {"name": "vi_VN-vais1000-tiny"}]
        state["downloads"][0] |= {"is_there": False}
        status = page.request.get(f"{page.url}api/status").json()
        status |= {"voices": 1, "has_embedded_only": False}
        page.route("**/api/status", lambda route: route.fulfill(json=status))
        page.reload()
        expect(page.locator("#robot-heading")).to_have_text("Đang dùng giọng rút gọn")


# --- downloads -----------------------------------------------------------------------------------


def test_download_goes_on_while_the_page_is_loaded_again(browser: Browser, tmp_path: Path) -> None:
    """A Piper voice would do, but the files of the model need not be the published ones."""
    with running_hub(write_model_dir(tmp_path / "hub", 25)) as hub:
        hub.pause_seconds = 1.0
        hub.statuses["llm.pt"] = 404
        with (
            serving(tmp_path, "--engine", "espeak", **hub.environment) as site,
            opened(browser, site.url) as page,
        ):
            model = row(page, "downloads", "vietts")
            model.get_by_text("Tải về").click()
            expect(model.locator(".wrong")).to_contain_text("llm.pt", timeout=30_000)
            del hub.statuses["llm.pt"]
            model.locator("[data-action=retry]").click()
            expect(model.locator(".wrong")).to_have_count(0)
            expect(model.get_by_role("progressbar")).to_be_visible()
            model.get_by_text("Hủy").click()
            model.get_by_text("Tải về").click()
            expect(model.get_by_role("progressbar")).to_be_visible()
            check_accessibility(page)
            page.reload()
            expect(model.get_by_role("progressbar")).to_be_visible()
            hub.pause_seconds = 0.0
            status = page.request.get(f"{page.url}api/status").json()
            status["how_to_clone"] = [{"kind": "restart", "text": ""}]
            page.route("**/api/status", lambda route: route.fulfill(json=status))
            expect(model).to_contain_text("Đã tải", timeout=60_000)
            steps = page.locator("#how-to-clone li")
            expect(steps).to_have_count(1, timeout=2500)
            restart = "Hãy khởi động lại máy chủ: nếu nó chạy trong cửa sổ dòng lệnh"
            expect(page.locator("#toast")).to_contain_text(f"Đã tải xong vietts. {restart}")
        assert (tmp_path / "model" / "llm.pt").is_file()


# --- for anybody, anywhere -----------------------------------------------------------------------


@pytest.mark.parametrize("look", [{"locale": "vi-VN"}, {"locale": "en-US", "color_scheme": "dark"}])
def test_anybody_can_use_it(browser: Browser, cloning: Site, look: dict[str, Any]) -> None:
    """In both languages, light and dark, on a phone, by screen reader, and by keyboard alone."""
    words = ["Đọc thử", "0,95×", "Nghe giọng an"], ["Try it", "0.95×", "Hear the voice an"]
    if look["locale"] == "en-US":
        words = words[::-1]
    with opened(browser, cloning.url, viewport={"width": 360, "height": 740}, **look) as page:
        heading = page.locator("#speak-heading")
        expect(heading).to_have_text(words[0][0])
        assert page.evaluate("document.documentElement.lang") == look["locale"][:2]
        expect(page.locator("#telemetry")).to_contain_text("VietTTS")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, re.findall(r"\d+", ground)[:3])) < 80) == ("color_scheme" in look)
        page.click("#show-words")
        expect(page.locator("#sentences li").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        check_accessibility(page)

        page.fill("#text", "Chào.")
        page.evaluate("window.isSame = true")
        page.select_option("#language", "vi" if look["locale"] == "en-US" else "en")
        expect(heading).to_have_text(words[1][0])
        expect(page.get_by_role("button", name=words[1][2])).to_be_visible()
        assert page.evaluate("window.isSame"), "what was begun is lost"
        page.reload()
        expect(heading).to_have_text(words[1][0])

        page.focus("#text")
        page.keyboard.press("Control+A")
        page.keyboard.type("Chào.")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#speed-value")).to_have_text(words[1][1])
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        seconds_of_audio(page)


def test_every_request_goes_where_the_page_is(browser: Browser, cloning: Site) -> None:
    """Home Assistant's ingress puts a path before all that the server has."""
    asked: list[str] = []
    with (
        behind_ingress(cloning.url) as ingress,
        opened(browser, ingress.url, locale="en-US") as page,
    ):
        page.on("request", lambda request: asked.append(request.url))
        page.reload()
        expect(page.locator("#voices li").first).to_be_visible()
        speak(page, "Chào.")
        seconds_of_audio(page)
        page.click("#show-words")
        expect(page.locator("#sentences li")).to_have_count(1)
        page.click("#record")
        expect(page.locator("#countdown")).to_contain_text("left")
        page.click("#record")
        expect(page.locator("#clone-message.wrong")).to_contain_text("too short")
    assert len(asked) > 15
    assert [url_ for url_ in asked if not url_.startswith((ingress.url, "blob:"))] == []
