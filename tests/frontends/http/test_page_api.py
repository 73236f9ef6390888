"""What the page asks about the server, texts and words, and the default voice."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.frontends.http.harness import running_doors, serving
from tests.harness import SETTINGS, StepEngine, synthesize
from wyoming_vietts import __version__
from wyoming_vietts.engines.espeak.engine import EspeakEngine
from wyoming_vietts.text import LexiconFile, speakable

LEXICON = "# nhà\n\nAqara = a ca ra  # hãng\nP. Khách = phòng khách\n"


async def test_status_says_how_the_server_is() -> None:
    async with running_doors(EspeakEngine()) as doors:
        await doors.speech("Xin chào.")
        await synthesize(doors.uri, "Xin chào.")
        status = (await doors.get("/api/status")).json
    assert 0 < status.pop("real_time_factor") < 1
    assert 10 < status.pop("memory_mb") < 10_000
    assert 0 <= status.pop("uptime_seconds") < 60
    assert len(status.pop("token")) > 30
    assert status.pop("how_to_clone") == [
        {"kind": "download", "text": "vieneu"},
        {"kind": "download", "text": "vieneu-cloning"},
        {"kind": "restart", "text": ""},
    ]
    assert status == {
        "version": __version__,
        "engine": "espeak",
        "device": "cpu",
        "voices": 3,
        "requests": 2,
        "under_way": 0,
        "can_clone": False,
        "clones_with": [],
        "max_piper_bytes": None,
        "has_embedded_only": False,
    }


async def test_status_of_a_server_without_voices() -> None:
    async with running_doors(StepEngine(languages={})) as doors:
        status = (await doors.get("/api/status")).json
        voices = (await doors.get("/api/voices")).json
    assert status["voices"] == 0
    assert status["engine"] is status["real_time_factor"] is None
    assert voices == {"default": None, "voices": []}


async def test_voices_say_what_they_are() -> None:
    async with running_doors(EspeakEngine()) as doors:
        listed = (await doors.get("/api/voices")).json
    assert listed["default"] == "espeak-north-male"
    assert listed["voices"][0] == {
        "name": "espeak-north-male",
        "description": "Giọng nam miền Bắc (eSpeak NG)",
        "label": "Giọng nam miền Bắc (eSpeak NG)",
        "language": "vi-VN",
        "region": "north",
        "engine": "espeak",
        "sample_rate": 22_050,
        "is_cloned": False,
        "can_be_renamed": False,
        "can_be_deleted": False,
        "is_ready": True,
    }


# --- the default voice ---------------------------------------------------------------------------


async def test_default_voice_is_that_of_both_doors_and_of_the_next_start(tmp_path: Path) -> None:
    arguments = ("--engine", "espeak", "--voices-dir", str(tmp_path / "voices"))
    other = "espeak-south-male"
    async with serving(*arguments) as (doors, _):
        answer = await doors.change("PUT", "/api/default", json={"voice": other})
        assert (answer.status, answer.body) == (204, b"")
        spoken = await doors.speech("Xin chào.")
        assert spoken.body == (await doors.speech("Xin chào.", voice=other)).body
        over_wyoming = await synthesize(doors.uri, "Xin chào.")
        assert over_wyoming[1:] == (await synthesize(doors.uri, "Xin chào.", other))[1:]
    async with serving(*arguments) as (doors, _):
        assert (await doors.get("/api/voices")).json["default"] == other
    async with serving(*arguments, "--voice", "espeak-north-female") as (doors, _):
        assert (await doors.get("/api/voices")).json["default"] == "espeak-north-female"
        await doors.change("PUT", "/api/default", json={"voice": other})
    for flag, default in (("north-female", other), ("north-male", "espeak-north-male")):
        async with serving(*arguments, "--voice", f"espeak-{flag}") as (doors, _):
            assert (await doors.get("/api/voices")).json["default"] == default


async def test_default_voice_that_is_not_there_is_refused_or_passed_over(tmp_path: Path) -> None:
    async with running_doors(StepEngine(), voices_dir=tmp_path) as doors:
        answer = await doors.change("PUT", "/api/default", json={"voice": "x"})
        assert (answer.status, answer.error["code"]) == (400, "unknown-voice")
        assert (await doors.get("/api/voices")).json["default"] == "an"
        assert [*tmp_path.iterdir()] == []
    (tmp_path / ".default-voice").write_text("x")
    async with running_doors(StepEngine(), voices_dir=tmp_path) as doors:
        assert (await doors.get("/api/voices")).json["default"] == "an"


async def test_default_voice_forges_no_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".default-voice").write_bytes("x\x1b[2J\rWARNING\u2028forged\n\n".encode())
    engine = StepEngine(languages={f"voice-{number}": "vi-VN" for number in range(1000)})
    async with running_doors(engine, voices_dir=tmp_path) as doors:
        assert (await doors.get("/api/voices")).json["default"] == "voice-0"
    (warning,) = [r.getMessage() for r in caplog.records if "default voice" in r.getMessage()]
    assert r"x\x1b[2J\rWARNING\u2028forged" in warning
    assert warning.isprintable()
    assert len(warning) < 300


async def test_choice_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "voices").write_text("a file")
    async with running_doors(StepEngine(), voices_dir=tmp_path / "voices") as doors:
        answer = await doors.change("PUT", "/api/default", json={"voice": "binh"})
        assert (await doors.get("/api/voices")).json["default"] == "an"
    assert answer.status == 500
    assert str(tmp_path) in answer.error["message"]


# --- texts ---------------------------------------------------------------------------------------


async def test_sentences_are_written_out_with_the_lexicon(tmp_path: Path) -> None:
    (tmp_path / "lexicon.txt").write_text(LEXICON)
    settings = replace(SETTINGS, lexicon=LexiconFile(tmp_path / "lexicon.txt"))
    text = "Nhiệt độ P. Khách: 26,5°C. Đèn Aqara đã bật! 😀"
    async with running_doors(StepEngine(), settings=settings) as doors:
        sentences = (await doors.ask("POST", "/api/normalize", json={"text": text})).json[
            "sentences"
        ]
    assert sentences[0] == {
        "written": "Nhiệt độ P. Khách: 26,5°C.",
        "spoken": "Nhiệt độ phòng khách: hai mươi sáu phẩy năm độ xê.",
    }
    assert sentences[1]["spoken"] == "Đèn a ca ra đã bật!"
    assert len(sentences) == 2


async def test_sentences_are_written_out_with_the_lexicon_of_now(tmp_path: Path) -> None:
    (tmp_path / "lexicon.txt").write_text("Bo = Bô")
    settings = replace(SETTINGS, lexicon=LexiconFile(tmp_path / "lexicon.txt"))
    async with running_doors(StepEngine(), settings=settings) as doors:
        (tmp_path / "lexicon.txt").write_text("Bo = Bơ bơ")
        answer = await doors.ask("POST", "/api/normalize", json={"text": "Bo."})
    assert answer.json["sentences"] == [{"written": "Bo.", "spoken": "Bơ bơ."}]


async def test_too_long_a_text_is_not_written_out() -> None:
    async with running_doors(StepEngine()) as doors:
        answer = await doors.ask("POST", "/api/normalize", json={"text": "a" * 20_001})
    assert (answer.status, answer.error["code"]) == (400, "text-too-long")


# --- words ---------------------------------------------------------------------------------------


async def test_words_are_listed_set_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text(LEXICON)
    settings = replace(SETTINGS, lexicon=LexiconFile(path))
    tts = StepEngine()
    async with running_doors(tts, settings=settings) as doors:
        listed = await doors.get("/api/lexicon")
        assert listed.json["entries"] == [
            {"written": "Aqara", "spoken": "a ca ra"},
            {"written": "P. Khách", "spoken": "phòng khách"},
        ]
        added = await doors.change("POST", "/api/lexicon", json={"written": "Bo", "spoken": "Bô"})
        assert added.json["entries"][-1] == {"written": "Bo", "spoken": "Bô"}
        await doors.change("POST", "/api/lexicon", json={"written": "aqara", "spoken": "a qua ra"})
        await doors.speech("Bo và Aqara.")
        removed = await doors.change("DELETE", "/api/lexicon", json={"written": "P. Khách"})
    assert [entry["written"] for entry in removed.json["entries"]] == ["aqara", "Bo"]
    assert path.read_text() == "# nhà\n\naqara = a qua ra  # hãng\nBo = Bô\n"
    assert tts.asked[0][0] == "Bô và a qua ra."
    assert speakable("Bo", LexiconFile(path).lexicon) == "Bô"


@pytest.mark.parametrize(
    ("written", "spoken", "message"),
    [
        ("", "a", "must be one line"),
        ("a=b", "c", "must be one line"),
        ("a", "b # c", "must be one line"),
        ("# a", "b", "must be one line"),
        ("a\nb = c", "d", "must be one line"),
        ("a", "b\nc", "must be one line"),
        ("a", "😀", "expected 'written = spoken', found a = 😀"),
    ],
)
async def test_word_that_cannot_be_an_entry_changes_nothing(
    tmp_path: Path, written: str, spoken: str, message: str
) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text(LEXICON)
    settings = replace(SETTINGS, lexicon=LexiconFile(path))
    async with running_doors(StepEngine(), settings=settings) as doors:
        word = {"written": written, "spoken": spoken}
        answer = await doors.change("POST", "/api/lexicon", json=word)
    assert answer.status == 400
    assert message in answer.error["message"]
    assert path.read_text() == LEXICON


async def test_first_word_creates_the_lexicon(tmp_path: Path) -> None:
    path = tmp_path / "models" / "lexicon.txt"
    tts = StepEngine()
    settings = replace(SETTINGS, lexicon=LexiconFile(path, may_be_missing=True))
    async with running_doors(tts, settings=settings) as doors:
        assert (await doors.get("/api/lexicon")).json == {"entries": [], "total": 0}
        await doors.change("POST", "/api/lexicon", json={"written": "Bo", "spoken": "Bô"})
        await doors.speech("Bo.")
    assert path.read_text() == "Bo = Bô\n"
    assert tts.asked[0][0] == "Bô."


async def test_many_words_are_listed_in_pages(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text("".join(f"máy {number} = cái {number}\n" for number in range(1200)))
    settings = replace(SETTINGS, lexicon=LexiconFile(path))
    async with running_doors(StepEngine(), settings=settings) as doors:
        listed, offset = [], 0
        for size in (500, 500, 200, 0):
            answer = await doors.get(f"/api/lexicon?offset={offset}")
            assert answer.json["total"] == 1200
            assert len(answer.json["entries"]) == size
            listed += answer.json["entries"]
            offset += size
        assert [entry["written"] for entry in listed] == [f"máy {n}" for n in range(1200)]
        for wrong in ("-1", "x", "9" * 5000, "²"):
            assert (await doors.get(f"/api/lexicon?offset={wrong}")).status == 400
