"""Voices that the page makes of recordings: with the neural engine and a tiny model."""

import asyncio
import io
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import soundfile

from tests.engines.vietts.speech import make_engine
from tests.frontends.http.harness import Answer, Doors, raw, running_doors, serving
from tests.harness import SETTINGS, StepEngine, describe
from tests.recordings.test_listening import MEN, TEXTS, WOMAN, recorded, spoken
from wyoming_vietts.engines.espeak.engine import EspeakEngine
from wyoming_vietts.frontends.http import trash

GOOD = recorded(spoken(WOMAN, *TEXTS[:2]))


@asynccontextmanager
async def cloning(
    model_dirs: dict[int, Path], voices_dir: Path, *others: Any
) -> AsyncIterator[Doors]:
    engine = make_engine(model_dirs[25], voices_dir)
    async with running_doors(engine, *others, voices_dir=voices_dir) as doors:
        yield doors


def form(recording: bytes = GOOD, **changes: str) -> aiohttp.FormData:
    data = aiohttp.FormData()
    for name, value in ({"description": "Cô An ở Đà Lạt", "consent": "yes"} | changes).items():
        data.add_field(name, value)
    data.add_field("recording", recording, filename="../../x.wav", content_type="audio/wav")
    return data


async def make(doors: Doors, recording: bytes = GOOD, **changes: str) -> Answer:
    return await doors.change("POST", "/api/voices", data=form(recording, **changes))


async def names(doors: Doors) -> list[str]:
    return [voice["name"] for voice in (await doors.get("/api/voices")).json["voices"]]


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# --- what is heard -------------------------------------------------------------------------------


async def test_recording_is_listened_to_and_not_kept(
    model_dirs: dict[int, Path], tmp_path: Path
) -> None:
    async with cloning(model_dirs, tmp_path) as doors:
        heard = (await doors.ask("POST", "/api/recordings?filename=x.wav", data=GOOD)).json
    assert heard["problem"] is heard["warning"] is None
    assert 2 <= heard["end_seconds"] - heard["start_seconds"] <= 4
    assert heard["seconds"] == pytest.approx(len(GOOD) / 2 / 22_050, abs=0.1)
    assert files(tmp_path) == []


def written(samples: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 22_050, **({"format": "WAV"} | options))
    return file.getvalue()


NOISE = np.random.default_rng(0).standard_normal(3 * 22_050)
VOICE = spoken(MEN[0], TEXTS[0]) / 32768


@pytest.mark.parametrize(
    ("recording", "code", "message"),
    [
        (written(VOICE[:22_050]), "too-short", "The recording is 1.0 s long; at least 2 s"),
        (written(np.zeros(601 * 22_050), format="FLAC"), "too-long", "at most 600 s"),
        (written(1e-4 * NOISE), "too-quiet", "silent"),
        (written(np.clip(50 * VOICE, -1, 1)), "clipped", "clipped"),
        (written(0.05 * NOISE), "no-speech", "Nobody speaks"),
        (b"RIFF" + bytes(1000), "not-audio", "cannot be read as audio"),
        (b"", "not-audio", "must be a WAV, FLAC, MP3 or Ogg (Opus) file"),
        (b"\0\0\0\x20ftypM4A " + bytes(1000), "not-audio", "must be a WAV, FLAC, MP3 or Ogg"),
        (b"\x1a\x45\xdf\xa3" + bytes(1000), "not-audio", "must be a WAV, FLAC, MP3 or Ogg"),
        (b"FORM\0\0\0\0AIFF" + bytes(1000), "not-audio", "must be a WAV, FLAC, MP3 or Ogg"),
    ],
)
async def test_problem_is_named(
    model_dirs: dict[int, Path], tmp_path: Path, recording: bytes, code: str, message: str
) -> None:
    async with cloning(model_dirs, tmp_path) as doors:
        heard = await doors.ask("POST", "/api/recordings", data=recording)
        made = await make(doors, recording)
        assert await names(doors) == []
    assert heard.status == 200
    assert heard.json["problem"]["code"] == code
    assert message in heard.json["problem"]["message"]
    assert (made.status, made.error["code"]) == (400, code)
    assert files(tmp_path) == []


async def test_two_people_are_warned_of(model_dirs: dict[int, Path], tmp_path: Path) -> None:
    both = recorded(spoken(MEN[0], TEXTS[0]), spoken(WOMAN, TEXTS[1]))
    async with cloning(model_dirs, tmp_path) as doors:
        heard = (await doors.ask("POST", "/api/recordings", data=both)).json
        assert heard["problem"] is None
        assert heard["warning"]["code"] == "two-voices"
        assert (await make(doors, both)).status == 201, "it is only a warning"


# --- voices --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("WAV", "wav"), ("FLAC", "flac"), ("MP3", "mp3"), ("OGG", "ogg"), ("OPUS", "ogg")],
)
async def test_recording_becomes_a_voice_that_speaks(
    model_dirs: dict[int, Path], tmp_path: Path, kind: str, suffix: str
) -> None:
    voices_dir = tmp_path / "new"
    options = {"format": "OGG", "subtype": "OPUS"} if kind == "OPUS" else {"format": kind}
    samples = spoken(WOMAN, *TEXTS[:2]) / 32768
    if kind == "OPUS":
        samples = samples[: len(samples) // 2 * 2].repeat(2)
        file = io.BytesIO()
        soundfile.write(file, samples, 48_000, **options)
        recording = file.getvalue()
    else:
        recording = written(samples, **options)
    async with cloning(model_dirs, voices_dir) as doors:
        made = await make(doors, recording)
        assert (made.status, made.json) == (201, {"name": "co-an-o-da-lat"})
        (listed,) = (await doors.get("/api/voices")).json["voices"]
        spoke = await doors.speech("Xin chào.", voice="co-an-o-da-lat")
        ready = (await doors.get("/api/voices")).json["voices"][0]["is_ready"]
        announced = (await describe(doors.uri)).tts[0].voices
    assert listed == {
        "name": "co-an-o-da-lat",
        "description": "Cô An ở Đà Lạt",
        "label": "Cô An ở Đà Lạt",
        "language": "vi-VN",
        "region": None,
        "engine": "vietts",
        "sample_rate": 22_050,
        "is_cloned": True,
        "can_be_renamed": True,
        "can_be_deleted": True,
        "is_ready": False,
    }
    assert spoke.status == 200
    assert len(spoke.body) > 44
    assert ready
    assert [voice.description for voice in announced] == ["Cô An ở Đà Lạt"]
    assert files(voices_dir) == sorted([f"co-an-o-da-lat.{suffix}", "co-an-o-da-lat.toml"])
    assert (voices_dir / f"co-an-o-da-lat.{suffix}").read_bytes() == recording


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ("../../etc/passwd", "etc-passwd"),
        (".hidden", "hidden"),
        ("Ông Năm (85 tuổi)", "ong-nam-85-tuoi"),
        ('"] x = "', "x"),
        ("张三", "voice"),
        ("espeak-north-male", "espeak-north-male-2"),
        ("a" * 80, "a" * 40),
    ],
)
async def test_name_is_a_slug_that_nobody_has(
    model_dirs: dict[int, Path], tmp_path: Path, description: str, name: str
) -> None:
    async with cloning(model_dirs, tmp_path, EspeakEngine()) as doors:
        first = await make(doors, description=description)
        second = await make(doors, description=description)
        described = {
            voice["name"]: voice["description"]
            for voice in (await doors.get("/api/voices")).json["voices"]
        }
    assert first.json == {"name": name}
    assert second.json["name"] != name
    assert described[name] == description
    assert described[second.json["name"]] == f"{description} 2"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"consent": "no"}, "no-consent"),
        ({"consent": ""}, "no-consent"),
        ({"description": " "}, "bad-request"),
        ({"description": "a\nb"}, "bad-request"),
        ({"description": "a" * 81}, "bad-request"),
    ],
)
async def test_form_without_consent_or_name_makes_no_voice(
    model_dirs: dict[int, Path], tmp_path: Path, changes: dict[str, str], code: str
) -> None:
    async with cloning(model_dirs, tmp_path) as doors:
        answer = await make(doors, **changes)
    assert (answer.status, answer.error["code"]) == (400, code)
    assert files(tmp_path) == []


async def test_too_large_an_upload_is_refused(model_dirs: dict[int, Path], tmp_path: Path) -> None:
    large = b"RIFF" + bytes(20_100_000)

    async def of_unknown_length() -> AsyncIterator[bytes]:
        yield large

    async with cloning(model_dirs, tmp_path) as doors:
        for data in (large, of_unknown_length()):
            assert (await doors.ask("POST", "/api/recordings", data=data)).status == 413
        assert (await make(doors, large)).status == 413


async def test_ten_voices_an_hour_are_made(model_dirs: dict[int, Path], tmp_path: Path) -> None:
    async with cloning(model_dirs, tmp_path) as doors:
        answers = [await make(doors) for _ in range(11)]
        assert len(await names(doors)) == 10
    assert [answer.status for answer in answers] == [201] * 10 + [429]
    assert "10 voices were made within an hour" in answers[-1].error["message"]


@pytest.mark.parametrize("files_written", [0, 1])
async def test_recording_that_cannot_be_written_leaves_nothing(
    model_dirs: dict[int, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files_written: int,
) -> None:
    left = [None] * files_written

    def fail(file: int) -> None:
        if not left:
            raise OSError(28, "No space left on device")
        left.pop()

    async with cloning(model_dirs, tmp_path) as doors:
        monkeypatch.setattr(os, "fsync", fail)
        answer = await make(doors)
    assert answer.status == 500
    assert "No space left" in answer.error["message"]
    assert files(tmp_path) == []


async def test_voice_is_renamed_removed_and_taken_back(
    model_dirs: dict[int, Path], tmp_path: Path
) -> None:
    async with cloning(model_dirs, tmp_path) as doors:
        name = (await make(doors)).json["name"]
        (tmp_path / f"{name}.toml").write_text('description = "x"\nspeed = 1.2\n')
        await asyncio.sleep(2.1)
        path = f"/api/voices/{name}"
        renamed = await doors.change("PATCH", path, json={"description": 'Bà "Hai"'})
        assert renamed.json["description"] == 'Bà "Hai"'
        assert "speed = 1.2" in (tmp_path / f"{name}.toml").read_text()
        await doors.change("PUT", "/api/default", json={"voice": name})
        removed = await doors.change("DELETE", path)
        assert await names(doors) == []
        assert (await doors.speech("a", voice=name)).error["code"] == "unknown-voice"
        assert "No voice is available" in (await doors.speech("a")).error["message"]
        back = await doors.change("POST", f"/api/undo/{removed.json['undo']}")
        assert back.json == {"name": name}
        (listed,) = (await doors.get("/api/voices")).json["voices"]
        again = await doors.change("POST", f"/api/undo/{removed.json['undo']}")
    assert listed["description"] == 'Bà "Hai"'
    assert again.status == 404
    assert files(tmp_path) == [f"{name}.toml", f"{name}.wav"]


async def test_voice_of_a_folder_is_removed_and_taken_back(
    model_dirs: dict[int, Path], tmp_path: Path
) -> None:
    recording = tmp_path / "vi" / "lan" / "ref.wav"
    recording.parent.mkdir(parents=True)
    recording.write_bytes(GOOD)
    async with cloning(model_dirs, tmp_path) as doors:
        removed = await doors.change("DELETE", "/api/voices/lan")
        assert not recording.exists()
        back = await doors.change("POST", f"/api/undo/{removed.json['undo']}")
        assert back.json == {"name": "lan"}
        assert await names(doors) == ["lan"]


async def test_voice_that_the_server_was_told_to_use_is_not_removed(
    model_dirs: dict[int, Path], tmp_path: Path
) -> None:
    (tmp_path / "an.wav").write_bytes(GOOD)
    engine = make_engine(model_dirs[25], tmp_path)
    settings = replace(SETTINGS, voice="an")
    async with running_doors(engine, settings=settings, voices_dir=tmp_path) as doors:
        refused = await doors.change("DELETE", "/api/voices/an")
        assert await names(doors) == ["an"]
    assert (refused.status, refused.error["code"]) == (409, "needed")
    assert "'an' (--voice" in refused.error["message"]


async def gone(folder: Path) -> bool:
    """Whether all files go within some seconds."""
    for _ in range(100):
        if not files(folder):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_removed_voice_is_gone_after_an_hour(
    model_dirs: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trash.KEPT_SECONDS == 3600
    async with cloning(model_dirs, tmp_path) as doors:
        name = (await make(doors)).json["name"]
        monkeypatch.setattr(trash, "KEPT_SECONDS", 0.5)
        removed = await doors.change("DELETE", f"/api/voices/{name}")
        assert len(files(tmp_path)) == 2
        assert await gone(tmp_path)
        back = await doors.change("POST", f"/api/undo/{removed.json['undo']}")
    assert back.status == 404


async def test_voice_that_was_removed_before_a_restart_is_gone_after_an_hour(
    model_dirs: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cloning(model_dirs, tmp_path) as doors:
        for description in ("An", "Bình"):
            await make(doors, description=description)
            await doors.change("DELETE", f"/api/voices/{(await names(doors))[0]}")
    first, _ = (tmp_path / ".deleted").iterdir()
    os.utime(first, (0, 0))
    async with cloning(model_dirs, tmp_path):
        await asyncio.sleep(1)
        assert len(files(tmp_path)) == 4, "the clock may have been wrong"
    monkeypatch.setattr(trash, "MIN_SECONDS_AFTER_START", 0.2)
    async with cloning(model_dirs, tmp_path):
        await asyncio.sleep(1)
        assert len(files(tmp_path)) == 2, "one of them was removed an hour ago"
    monkeypatch.setattr(trash, "KEPT_SECONDS", 0.5)
    async with cloning(model_dirs, tmp_path):
        assert await gone(tmp_path)


@pytest.mark.parametrize("jump_seconds", [86_400, 1e9, -86_400])
async def test_voice_is_taken_back_though_the_clock_has_jumped(
    model_dirs: dict[int, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    jump_seconds: float,
) -> None:
    now = time.time
    async with cloning(model_dirs, tmp_path) as doors:
        first, second = [(await make(doors)).json["name"] for _ in range(2)]
        undo = [
            (await doors.change("DELETE", f"/api/voices/{name}")).json["undo"]
            for name in (first, second)
        ]
        monkeypatch.setattr(time, "time", lambda: now() + jump_seconds)
        back = await doors.change("POST", f"/api/undo/{undo[0]}")
        assert back.json == {"name": first}
    async with cloning(model_dirs, tmp_path) as doors:
        back = await doors.change("POST", f"/api/undo/{undo[1]}")
        assert back.json == {"name": second}
        assert await names(doors) == sorted((first, second))


# --- links ---------------------------------------------------------------------------------------


async def test_trash_that_is_a_link_is_left_alone(
    model_dirs: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trash, "MIN_SECONDS_AFTER_START", 0.0)
    monkeypatch.setattr(trash, "KEPT_SECONDS", 0.0)
    others, voices_dir = tmp_path / "others", tmp_path / "voices"
    voices_dir.mkdir()
    photos = others / "0123456789abcdef" / "photo.wav"
    photos.parent.mkdir(parents=True)
    photos.write_text("dear")
    os.utime(photos.parent, (0, 0))
    (voices_dir / ".deleted").symlink_to(others)
    async with cloning(model_dirs, voices_dir) as doors:
        name = (await make(doors)).json["name"]
        refused = await doors.change("DELETE", f"/api/voices/{name}")
        undone = await doors.change("POST", f"/api/undo/{photos.parent.name}")
        await asyncio.sleep(0.5)
        assert await names(doors) == [name]
    assert refused.status == 500
    assert "is a link; remove it" in refused.error["message"]
    assert undone.status == 404
    assert files(others) == ["0123456789abcdef/photo.wav"]


async def test_what_the_trash_did_not_make_is_left_alone(
    model_dirs: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trash, "MIN_SECONDS_AFTER_START", 0.0)
    others, voices_dir = tmp_path / "others", tmp_path / "voices"
    for folder in (others, voices_dir / ".deleted" / "mine"):
        folder.mkdir(parents=True)
        (folder / "photo").write_text("dear")
        os.utime(folder, (0, 0))
    (voices_dir / ".deleted" / "0123456789abcdef").symlink_to(others)
    async with cloning(model_dirs, voices_dir) as doors:
        undone = await doors.change("POST", "/api/undo/0123456789abcdef")
        await asyncio.sleep(0.5)
    assert undone.status == 404
    assert files(others) == ["photo"]
    assert files(voices_dir / ".deleted" / "mine") == ["photo"]


async def test_links_are_changed_and_what_they_lead_to_is_not(
    model_dirs: dict[int, Path], tmp_path: Path
) -> None:
    others, voices_dir = tmp_path / "others", tmp_path / "voices"
    for folder in (others, voices_dir):
        folder.mkdir()
    (others / "an.wav").write_bytes(GOOD)
    (others / "an.toml").write_text("speed = 1.2\n")
    for name in ("an.wav", "an.toml"):
        (voices_dir / name).symlink_to(others / name)
    async with cloning(model_dirs, voices_dir) as doors:
        renamed = await doors.change("PATCH", "/api/voices/an", json={"description": "Cô An"})
        assert renamed.json["description"] == "Cô An"
        assert not (voices_dir / "an.toml").is_symlink()
        assert "speed = 1.2" in (voices_dir / "an.toml").read_text()
        removed = await doors.change("DELETE", "/api/voices/an")
        assert await names(doors) == []
        back = await doors.change("POST", f"/api/undo/{removed.json['undo']}")
        assert back.json == {"name": "an"}
    assert (voices_dir / "an.wav").is_symlink()
    assert (others / "an.toml").read_text() == "speed = 1.2\n"
    assert files(others) == ["an.toml", "an.wav"]


async def test_voice_in_a_folder_that_is_a_link_is_not_changed(
    model_dirs: dict[int, Path], tmp_path: Path
) -> None:
    others, voices_dir = tmp_path / "others", tmp_path / "voices"
    recording = others / "lan" / "ref.wav"
    recording.parent.mkdir(parents=True)
    voices_dir.mkdir()
    recording.write_bytes(GOOD)
    (voices_dir / "vi").symlink_to(others)
    async with cloning(model_dirs, voices_dir) as doors:
        assert await names(doors) == ["lan"]
        for answer in (
            await doors.change("DELETE", "/api/voices/lan"),
            await doors.change("PATCH", "/api/voices/lan", json={"description": "Lan"}),
        ):
            assert (answer.status, answer.error["code"]) == (409, "conflict")
            assert "is a link; change it where that leads" in answer.error["message"]
    assert files(others) == ["lan/ref.wav"]


async def test_undo_does_not_write_through_a_link(
    model_dirs: dict[int, Path], tmp_path: Path
) -> None:
    others, voices_dir = tmp_path / "others", tmp_path / "voices"
    others.mkdir()
    recording = voices_dir / "vi" / "lan" / "ref.wav"
    recording.parent.mkdir(parents=True)
    recording.write_bytes(GOOD)
    async with cloning(model_dirs, voices_dir) as doors:
        removed = await doors.change("DELETE", "/api/voices/lan")
        recording.parent.rmdir()
        recording.parent.parent.rmdir()
        (voices_dir / "vi").symlink_to(others)
        back = await doors.change("POST", f"/api/undo/{removed.json['undo']}")
    assert back.status == 409
    assert files(others) == []


async def test_undo_does_not_overwrite_another_voice(
    model_dirs: dict[int, Path], tmp_path: Path
) -> None:
    async with cloning(model_dirs, tmp_path) as doors:
        name = (await make(doors)).json["name"]
        removed = await doors.change("DELETE", f"/api/voices/{name}")
        assert (await make(doors)).json["name"] == name
        back = await doors.change("POST", f"/api/undo/{removed.json['undo']}")
    assert back.status == 409


@pytest.mark.parametrize("identifier", ["x", "%2e", "..%2f", "..%2f..", "0123456789abcdef", "%00"])
async def test_undo_takes_back_nothing_but_what_was_removed(
    model_dirs: dict[int, Path], tmp_path: Path, identifier: str
) -> None:
    async with cloning(model_dirs, tmp_path) as doors:
        name = (await make(doors)).json["name"]
        await doors.change("DELETE", f"/api/voices/{name}")
        before = files(tmp_path)
        head = f"POST /api/undo/{identifier} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        answer = await raw(doors.url, f"{head}X-Page-Token: {doors.token}\r\n\r\n".encode())
    assert b" 404 " in answer.splitlines()[0]
    assert files(tmp_path) == before


async def test_other_voices_cannot_be_changed(model_dirs: dict[int, Path], tmp_path: Path) -> None:
    async with cloning(model_dirs, tmp_path, EspeakEngine()) as doors:
        path = "/api/voices/espeak-north-male"
        for answer in (
            await doors.change("DELETE", path),
            await doors.change("PATCH", path, json={"description": "a"}),
        ):
            assert answer.status == 409
            assert "is not made of a file of its own" in answer.error["message"]
        assert (await doors.change("DELETE", "/api/voices/nobody")).status == 404


async def test_server_without_the_model_says_what_cloning_needs() -> None:
    async with running_doors(StepEngine()) as doors:
        for path in ("/api/recordings", "/api/voices"):
            answer = await doors.change("POST", path, data=b"x")
            assert answer.status == 409
            assert "cannot clone voices" in answer.error["message"]


async def test_others_are_answered_while_a_recording_is_listened_to(
    model_dirs: dict[int, Path], tmp_path: Path
) -> None:
    long = recorded(*(spoken(MEN[0], *TEXTS) for _ in range(2)))
    async with cloning(model_dirs, tmp_path) as doors:
        listening = asyncio.create_task(doors.ask("POST", "/api/recordings", data=long))
        slowest = 0.0
        while not listening.done():
            started = time.perf_counter()
            await doors.get("/health")
            slowest = max(slowest, time.perf_counter() - started)
    assert slowest < 1.0


async def test_command_clones_with_a_model(model_dirs: dict[int, Path], tmp_path: Path) -> None:
    options = ("--model-dir", str(model_dirs[25]), "--voices-dir", str(tmp_path))
    async with serving(*options) as (doors, process):
        status = (await doors.get("/api/status")).json
        assert (status["can_clone"], status["how_to_clone"], status["device"]) == (
            True, [], "cpu")  # fmt: skip
        made = await make(doors)
        assert made.status == 201
        assert (await doors.speech("Xin chào.")).status == 200
        process.terminate()
        log = process.communicate(timeout=20)[1].decode()
    assert "Traceback" not in log
