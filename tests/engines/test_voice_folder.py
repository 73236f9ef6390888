"""Recordings in a folder as voices, without a neural model."""

import errno
import logging
import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wyoming_vietts.engines import voice_folder as module
from wyoming_vietts.engines.voice_folder import VoiceFolder
from wyoming_vietts.engines.voice_settings import VoiceSettings
from wyoming_vietts.errors import RecordingError, SetupError
from wyoming_vietts.recordings.recording import recording_name
from wyoming_vietts.steps import Steps, finish


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESCAN_SECONDS", 0.0)


class Voice(NamedTuple):
    name: str
    recording: Path
    settings: VoiceSettings
    description: str = ""
    languages: tuple[str, ...] = ()


def make_voice(name: str, recording: Path, settings: VoiceSettings) -> Steps[tuple[Voice]]:
    yield
    if recording.read_text() == "bad":
        raise RecordingError(f"{recording} is silent")
    return (Voice(name, recording, settings),)


def watch(folder: Path) -> VoiceFolder:
    return VoiceFolder(folder, recording_name, make_voice, depth=3)


def put(path: Path, content: str = "good") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_all_layouts_and_formats_are_voices(tmp_path: Path) -> None:
    for path in ("an.wav", "binh.FLAC", "chi.mp3", "dung.ogg", "em/reference.wav", "vi/gi/ref.wav"):
        put(tmp_path / path)
    for path in ("readme.txt", "an.toml~", ".hidden.wav", "x/other.wav", ".trash/y/ref.wav"):
        put(tmp_path / path)
    assert list(watch(tmp_path).voices) == [
        "an",
        "binh",
        "chi",
        "dung",
        "em",
        "gi",
    ]


def test_change_is_seen_at_once_by_whoever_knows_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESCAN_SECONDS", 3600.0)
    folder = watch(tmp_path)
    assert not folder.voices
    put(tmp_path / "an.wav")
    assert not folder.voices
    finish(folder.look_again())
    assert list(folder.voices) == ["an"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    description=st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=200),
    speed=st.floats(0.5, 2.0),
    volume=st.floats(0.0, 4.0),
)
def test_settings_are_written_as_they_are_read(
    tmp_path_factory: pytest.TempPathFactory, description: str, speed: float, volume: float
) -> None:
    wanted = VoiceSettings(description, "vi", speed, volume)
    path = tmp_path_factory.getbasetemp() / "settings.toml"
    path.write_bytes(wanted.as_toml().encode())
    assert VoiceSettings.load(path) == wanted


def test_settings_beside_the_recording_are_read(tmp_path: Path) -> None:
    put(tmp_path / "an.wav")
    put(tmp_path / "an.toml", 'description = "Cô An"\nlanguage = "vi"\nspeed = 1.1\nvolume = 2\n')
    settings = watch(tmp_path).voices["an"].settings
    assert settings == VoiceSettings("Cô An", "vi", speed=1.1, volume=2)


def test_settings_of_a_windows_editor_are_read(tmp_path: Path) -> None:
    (tmp_path / "an.toml").write_bytes(b"\xef\xbb\xbfspeed = 1.1\r\n")
    assert VoiceSettings.load(tmp_path / "an.toml").speed == 1.1


@pytest.mark.parametrize("size", [4000, 4001, 64_000])
def test_key_of_many_parts_takes_little_time_and_memory(size: int, tmp_path: Path) -> None:
    """It takes quadratic ones: 24 s and 4 GB for 64 kB."""
    key = "a" + ".a" * (size // 2 - 3)
    path = put(tmp_path / "an.toml", f"{key:{size - 4}} = 1")
    tracemalloc.start()
    with pytest.raises(SetupError, match="Unknown key" if size == 4000 else "at most 4 kB"):
        VoiceSettings.load(path)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_voice_without_settings_is_labelled_by_its_name(tmp_path: Path) -> None:
    put(tmp_path / "an.wav")
    voice = watch(tmp_path).voices["an"]
    assert voice == Voice("an", tmp_path / "an.wav", VoiceSettings("", "vi-VN", 1.0, 1.0))


def test_new_changed_and_removed_recordings_show_up(tmp_path: Path) -> None:
    folder = watch(tmp_path)
    assert list(folder.voices) == []
    path = put(tmp_path / "an.wav")
    assert list(folder.voices) == ["an"]
    put(path, "bad")
    assert list(folder.voices) == []
    put(path, "good again")
    assert list(folder.voices) == ["an"]
    put(tmp_path / "an.toml", 'description = "Cô An"')
    assert folder.voices["an"].settings.description == "Cô An"
    path.unlink()
    assert list(folder.voices) == []


def test_folder_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    folder = watch(tmp_path / "voices")
    assert list(folder.voices) == []
    put(tmp_path / "voices" / "an.wav")
    assert list(folder.voices) == ["an"]


def test_folder_that_cannot_be_listed_for_a_moment_keeps_its_voices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "an.wav")
    folder = watch(tmp_path)
    assert list(folder.voices) == ["an"]

    def denied(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "scandir", denied)
        assert [list(folder.voices) for _ in range(3)] == [["an"]] * 3
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert f"'{tmp_path}'" in warnings[0]
    assert "belongs to user" in warnings[0]
    (tmp_path / "an.wav").rename(tmp_path / "binh.wav")
    assert list(folder.voices) == ["binh"]


def test_folder_of_somebody_else_is_empty_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "an.wav")

    def denied(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(module.os, "scandir", denied)
    folder = watch(tmp_path)
    assert [list(folder.voices) for _ in range(3)] == [[], [], []]
    assert len(caplog.records) == 1


def test_folder_within_that_cannot_be_listed_for_a_moment_keeps_its_voices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "an.wav")
    put(tmp_path / "vi" / "binh" / "ref.wav")
    folder = watch(tmp_path)
    assert list(folder.voices) == ["an", "binh"]
    scandir = os.scandir

    def some(path: Path) -> Any:
        if path == tmp_path / "vi":
            raise OSError(errno.EMFILE, "Too many open files")
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "scandir", some)
        (tmp_path / "an.wav").unlink()
        assert list(folder.voices) == ["binh"]
    (tmp_path / "vi" / "binh" / "ref.wav").unlink()
    assert list(folder.voices) == []


def test_file_that_cannot_be_opened_for_a_moment_is_tried_again(tmp_path: Path) -> None:
    problems: list[Exception] = [
        OSError(errno.EMFILE, "Too many open files"),
        MemoryError(),
        RecordingError("cannot be read"),
    ]
    problems[-1].__cause__ = OSError(errno.EIO, "Input/output error")
    put(tmp_path / "an.wav")

    def make(name: str, recording: Path, settings: VoiceSettings) -> Steps[tuple[Voice]]:
        if problems:
            raise problems.pop()
        return (yield from make_voice(name, recording, settings))

    folder = VoiceFolder(tmp_path, recording_name, make)
    assert [list(folder.voices) for _ in range(4)] == [[], [], [], ["an"]]


@pytest.mark.parametrize("beside", ["an.wav", "an.toml"])
def test_file_that_is_deleted_or_written_while_it_is_read_is_no_warning(
    beside: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "an.toml", "")
    put(tmp_path / "an.wav")
    changes: list[Callable[[], object]] = []

    def make(name: str, recording: Path, settings: VoiceSettings) -> Steps[tuple[Voice]]:
        if changes:
            changes.pop()()
            raise RecordingError("it is incomplete")
        return (yield from make_voice(name, recording, settings))

    folder = VoiceFolder(tmp_path, recording_name, make)
    first = folder.voices["an"]
    changes.append(lambda: put(tmp_path / beside, "# another"))
    os.utime(tmp_path / "an.wav", (1, 1))
    assert folder.voices["an"] is first, "as it was"
    assert folder.voices["an"] is not first
    changes.append((tmp_path / beside).unlink)
    os.utime(tmp_path / "an.wav", (2, 2))
    assert list(folder.voices) == ["an"]
    assert list(folder.voices) == ([] if beside == "an.wav" else ["an"])
    assert not caplog.records


def test_settings_that_are_deleted_before_they_are_read_are_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: True)
    assert VoiceSettings.load(tmp_path / "an.toml") == VoiceSettings()


def test_whatever_a_file_makes_its_reader_raise_is_its_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "an.wav")
    put(tmp_path / "binh.wav", "bad")

    def make(name: str, recording: Path, settings: VoiceSettings) -> Steps[tuple[Voice]]:
        if name == "binh":
            raise ZeroDivisionError
        return (yield from make_voice(name, recording, settings))

    folder = VoiceFolder(tmp_path, recording_name, make)
    assert [list(folder.voices) for _ in range(3)] == [["an"]] * 3
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning == "Skipped voice 'binh': ZeroDivisionError()"


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [b"c\xf4 an", b"an\nWARNING: forged", b"an\x1b[31m", b"an\x7f", "an\u2028b".encode(), b"an\r"],
)
@pytest.mark.parametrize("layout", ["%s.wav", "%s/reference.wav", "%s/an/ref.wav", "vi/%s/ref.wav"])
def test_name_that_is_no_plain_text_is_skipped_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: bytes, layout: str
) -> None:
    put(tmp_path / "binh.wav")
    put(tmp_path / Path(os.fsdecode(layout.encode() % name)))
    folder = watch(tmp_path)
    assert [list(folder.voices) for _ in range(3)] == [["binh"]] * 3
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "rename it" in warning
    assert warning.isprintable()
    warning.encode()


def test_long_name_is_skipped_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / f"{'a' * 243}.wav")
    put(tmp_path / f"{'b' * 242}.wav")
    folder = watch(tmp_path)
    assert [list(folder.voices) for _ in range(3)] == [["b" * 242]] * 3
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "rename it, its name is longer than 246 bytes" in warning


def test_names_of_voices_are_plain_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path / "an.wav")

    def make(name: str, recording: Path, settings: VoiceSettings) -> Steps[tuple[Voice]]:
        yield
        return (Voice("an-\ud800", recording, settings),)

    assert list(VoiceFolder(tmp_path, recording_name, make).voices) == []
    (warning,) = [record.getMessage() for record in caplog.records]
    warning.encode()


def test_content_of_a_file_forges_no_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "an.wav")
    put(tmp_path / "an.toml", '"speed\\nWARNING: forged" = 1')
    assert list(watch(tmp_path).voices) == []
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "forged" in warning
    assert warning.isprintable()


def test_file_that_seems_to_be_a_recording_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("an.wav", "binh.ape", "an.toml", "notes.txt", "an.toml~", "LICENSE"):
        put(tmp_path / name, "" if name.endswith(".toml") else "good")
    folder = watch(tmp_path)
    assert [list(folder.voices) for _ in range(3)] == [["an"]] * 3
    (warning,) = [record.getMessage() for record in caplog.records]
    assert f"'{tmp_path}/binh.ape': a recording is one of .wav, .flac" in warning


# --- steps ---------------------------------------------------------------------------------------


def test_slow_disk_is_asked_for_little_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        put(tmp_path / f"{number:02}.wav")
        put(tmp_path / f"{number:02}.toml", "")
    folder = watch(tmp_path)
    assert len(folder.voices) == 20
    stamped: list[Path] = []
    stamp = module.stamp

    def slow_stamp(path: Path) -> tuple[int, int]:
        stamped.append(path)
        time.sleep(0.01)
        return stamp(path)

    monkeypatch.setattr(module, "stamp", slow_stamp)
    (tmp_path / "19.wav").unlink()
    asked, most = 0, 0
    while "19" in folder.voices:
        asked, most = asked + 1, max(most, len(stamped))
        stamped.clear()
    assert most <= 4, "two files of two voices, 40 ms"
    assert asked >= 8


def test_many_changed_files_are_loaded_a_few_at_a_time(tmp_path: Path) -> None:
    made: list[str] = []

    def make(name: str, recording: Path, settings: VoiceSettings) -> Steps[tuple[Voice]]:
        made.append(name)
        time.sleep(0.005)
        return (yield from make_voice(name, recording, settings))

    paths = [put(tmp_path / f"{number}.wav") for number in range(50)]
    folder = VoiceFolder(tmp_path, recording_name, make)
    assert len(folder.voices) == 50
    for path in paths:
        os.utime(path, (1, 1))
    made.clear()
    most = asked = 0
    while sum(1 for _ in made) < 50 and asked < 1000:
        before = len(made)
        assert len(folder.voices) == 50
        most, asked = max(most, len(made) - before), asked + 1
    assert most <= 5
    assert asked >= 10


def test_large_folder_is_listed_in_steps(tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / f"{number}.wav").touch()
    folder = watch(tmp_path)
    steps = folder.look_again()
    assert len(list(steps)) > 1
    assert len(folder.voices) == 2000
    assert len(list(folder._list(Path(), 1))) >= 2 * 2000 / 100 - 2


def test_whoever_looks_again_sees_all_though_others_look_too(tmp_path: Path) -> None:
    for number in range(300):
        put(tmp_path / f"{number}.wav")
    folder = watch(tmp_path)
    assert len(folder.voices) == 300
    put(tmp_path / "an.wav")
    others = folder.scan()
    next(others)
    (tmp_path / "0.wav").unlink()
    for _ in folder.look_again():
        next(others, None)
    assert "an" in folder._voices
    assert "0" not in folder._voices


def test_it_looks_again_only_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESCAN_SECONDS", 1000.0)
    folder = watch(tmp_path)
    assert list(folder.voices) == []
    put(tmp_path / "an.wav")
    assert list(folder.voices) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("volumes = 1", "Unknown key 'volumes'; did you mean volume?"),
        ('speed = "fast"', "'speed' is 'fast'; it must be a number"),
        ("description = 5", "'description' is 5; it must be a string"),
        (f'description = "{"a" * 201}"', "it must be a string of at most 200 printable characters"),
        ('description = "a\\nWARNING"', "it must be a string of at most 200 printable characters"),
        ('language = "vi\\nWARNING"', "it must be a string such as vi-VN (BCP 47)"),
        ('language = "Vietnamese of the North"', "it must be a string such as vi-VN (BCP 47)"),
        ("speed = true", "'speed' is True; it must be a number"),
        ("speed = 9", "'speed' is 9; it must be a number from 0.5 to 2"),
        ("speed = nan", "'speed' is nan; it must be a number from 0.5 to 2"),
        ("volume = 5", "'volume' is 5; it must be a number from 0 to 4"),
        ("x = 1", "Unknown key 'x'; known: description, language, speed, volume"),
        ("speed", "an.toml"),
    ],
)
def test_bad_settings_leave_the_voice_out_and_say_why(
    settings: str, message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "an.wav")
    put(tmp_path / "an.toml", settings)
    put(tmp_path / "binh.wav")
    assert list(watch(tmp_path).voices) == ["binh"]
    assert message in caplog.text


def test_bad_recording_is_one_warning_however_often_it_is_looked_at(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "an.wav", "bad")
    put(tmp_path / "binh.wav")
    folder = watch(tmp_path)
    for _ in range(3):
        assert list(folder.voices) == ["binh"]
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "'an'" in warnings[0]
    assert "is silent" in warnings[0]


def test_second_recording_of_one_name_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = put(tmp_path / "an.flac"), put(tmp_path / "an.wav")
    folder = watch(tmp_path)
    assert folder.voices["an"].recording == first
    assert folder.voices["an"].recording == first
    assert caplog.text.count(str(second)) == 1


def test_voices_beyond_the_limit_are_left_out_with_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_MAX_VOICES", 5)
    for number in range(3):
        put(tmp_path / f"{number}.wav")

    def make(name: str, recording: Path, settings: VoiceSettings) -> Steps[tuple[Voice, ...]]:
        yield
        return tuple(Voice(f"{name}-{number}", recording, settings) for number in range(3))

    folder = VoiceFolder(tmp_path, recording_name, make)
    assert [list(folder.voices) for _ in range(3)] == [["0-0", "0-1", "0-2", "1-0", "1-1"]] * 3
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning == f"Only 5 voices of {tmp_path} are offered"


@pytest.mark.parametrize("tag", ["vi", "vi-VN", "zh-Hant-TW", "sr-Latn-RS", "es-419", "vi-x-south"])
def test_language_may_be_any_tag(tmp_path: Path, tag: str) -> None:
    put(tmp_path / "an.wav")
    put(tmp_path / "an.toml", f'language = "{tag}"')
    assert watch(tmp_path).voices["an"].settings.language == tag


def test_there_is_a_limit_to_what_is_looked_at_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = put(tmp_path / "an.wav")
    folder = watch(tmp_path)
    assert list(folder.voices) == ["an"], "all of what is there at the start"
    put(first, "changed")
    for name in ("binh", "chi"):
        put(tmp_path / f"{name}.wav")
    monkeypatch.setattr(module, "STEP_SECONDS", -1.0)
    assert list(folder.voices) == ["an"], "as it was, while there is no time for it"
    monkeypatch.setattr(module, "STEP_SECONDS", 9.0)
    with caplog.at_level(logging.INFO):
        assert list(folder.voices) == ["an", "binh", "chi"]
    (tmp_path / "chi.wav").unlink()
    with caplog.at_level(logging.INFO):
        assert list(folder.voices) == ["an", "binh"]
    assert "Found voice 'binh'" in caplog.text
    assert "Voice 'chi' is gone" in caplog.text
