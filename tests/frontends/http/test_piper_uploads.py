"""Piper voices that the page uploads."""

import asyncio
import os
import shutil
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import onnx
import pytest

from tests.engines.piper.tiny_voice import make_engine, write_voice
from tests.frontends.http.harness import Answer, Doors, raw, running_doors
from tests.frontends.http.harness import serving as real_serving
from tests.frontends.http.test_voices import files, names
from wyoming_vietts.engines.espeak.engine import EspeakEngine
from wyoming_vietts.frontends import limits


@asynccontextmanager
async def serving_piper(folder: Path) -> AsyncIterator[Doors]:
    """A server whose folder of Piper voices does not exist yet."""
    engines = make_engine(folder / "piper"), EspeakEngine()
    async with running_doors(*engines, voices_dir=folder / "voices") as doors:
        yield doors


def written(folder: Path, **options: Any) -> tuple[bytes, bytes]:
    """The content of .onnx.json and .onnx."""
    path = write_voice(folder / "source" / "x.onnx", **options)
    return path.with_name("x.onnx.json").read_bytes(), path.read_bytes()


async def upload(
    doors: Doors, config: bytes, network: bytes, name: str = "vi_VN-an-medium", **options: Any
) -> Answer:
    sizes = {"config_bytes": len(config), "network_bytes": len(network)}
    query = urlencode({"name": name, **sizes})
    return await doors.change("POST", f"/api/piper?{query}", data=config + network, **options)


async def test_voice_speaks_at_once_and_can_be_renamed_deleted_and_brought_back(
    tmp_path: Path,
) -> None:
    config, network = written(tmp_path)
    folder = tmp_path / "piper"
    async with serving_piper(tmp_path) as doors:
        added = await upload(doors, config, network)
        assert (added.status, added.json) == (201, {"names": ["vi_VN-an-medium"]})
        assert files(folder) == ["vi_VN-an-medium.onnx", "vi_VN-an-medium.onnx.json"]
        assert (folder / "vi_VN-an-medium.onnx").read_bytes() == network
        assert len((await doors.speech("Xin chào.", voice="vi_VN-an-medium")).body) > 10_000

        path = "/api/voices/vi_VN-an-medium"
        renamed = await doors.change("PATCH", path, json={"description": "Cô An"})
        assert renamed.json["description"] == "Cô An"
        assert renamed.json["can_be_renamed"]
        removed = await doors.change("DELETE", path)
        assert removed.json["names"] == ["vi_VN-an-medium"]
        assert "vi_VN-an-medium" not in await names(doors)
        back = await doors.change("POST", f"/api/undo/{removed.json['undo']}")
        assert back.json == {"name": "vi_VN-an-medium"}
        assert len((await doors.speech("Xin chào.", voice="vi_VN-an-medium")).body) > 10_000
    assert len(files(folder)) == 3


async def test_speakers_of_a_file_are_deleted_together_and_not_renamed(tmp_path: Path) -> None:
    async with serving_piper(tmp_path) as doors:
        added = await upload(doors, *written(tmp_path, speakers=3), "ba")
        assert added.json["names"] == ["ba-s0", "ba-s1", "ba-s2"]
        refused = await doors.change("PATCH", "/api/voices/ba-s1", json={"description": "a"})
        assert (refused.status, refused.error["code"]) == (409, "conflict")
        removed = await doors.change("DELETE", "/api/voices/ba-s1")
        assert removed.json["names"] == ["ba-s0", "ba-s1", "ba-s2"]
        assert len(await names(doors)) == 3, "only the embedded ones are left"


LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 63201294\n"


async def test_file_that_is_no_voice_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    config, network = written(tmp_path)
    wrong = {
        "incomplete: 0.00": (config, network[:5000], "not-piper"),
        "x.onnx is not an ONNX file": (config, b"Xin ch\xc3\xa0o", "not-piper"),
        "x.onnx is a web page": (config, b"<!doctype html>", "web-page"),
        "x.onnx is a Git LFS pointer": (config, LFS_POINTER, "git-lfs-pointer"),
        "x.onnx.json is a Git LFS pointer": (LFS_POINTER, network, "git-lfs-pointer"),
        "x.onnx is an archive": (config, b"PK\x03\x04", "archive"),
        "x.onnx is empty": (config, b"", "empty-file"),
        "x.onnx.json cannot be read": (b"{", network, "not-piper"),
        "phoneme_id_map is missing": (b'{"espeak": {"voice": "vi"}}', network, "not-piper"),
        "config_bytes": (b"", network, "bad-request"),
    }
    async with serving_piper(tmp_path) as doors:
        for message, (its_config, its_network, code) in wrong.items():
            answer = await upload(doors, its_config, its_network, "x")
            assert (answer.status, answer.error["code"]) == (400, code)
            assert message in answer.error["message"]
            assert str(tmp_path) not in answer.error["message"]
            assert ".upload" not in answer.error["message"], "a temporary folder"
        assert len(await names(doors)) == 3
    assert files(tmp_path / "piper") == []


async def test_network_that_cannot_speak_leaves_nothing(tmp_path: Path) -> None:
    config, network = written(tmp_path)
    silent = onnx.load_from_string(network)
    silent.graph.node[-1].op_type = "Nothing"
    async with serving_piper(tmp_path) as doors:
        answer = await upload(doors, config, silent.SerializeToString(), "x")
        assert (answer.status, answer.error["code"]) == (400, "not-piper")
        assert "x.onnx cannot be loaded" in answer.error["message"]
        assert not files(tmp_path / "piper")
        added = await upload(doors, config, network, "x")
        assert added.json == {"names": ["x"]}
        assert len((await doors.speech("Xin chào.", voice="x")).body) > 10_000


async def test_voice_that_is_too_large_for_the_server_or_its_disk_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, network = written(tmp_path)

    async with serving_piper(tmp_path) as doors:
        query = "name=x&config_bytes=100&network_bytes=300000000"
        head = f"POST /api/piper?{query} HTTP/1.1\r\nHost: localhost\r\nX-Page-Token: "
        await doors.change("GET", "/health")  # learns the token
        head += f"{doors.token}\r\nConnection: close\r\nContent-Length: 300000000\r\n\r\n"
        assert b" 413 " in await raw(doors.url, head.encode()), "nothing of it was sent"
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=9000))
        answer = await upload(doors, config, network)
        assert (answer.status, answer.error["code"]) == (507, "no-room")
        assert "0 MB left" in answer.error["message"]
    assert files(tmp_path / "piper") == []


async def test_missing_folders_are_made(tmp_path: Path) -> None:
    async with serving_piper(tmp_path / "not" / "there") as doors:
        assert (await upload(doors, *written(tmp_path))).status == 201


async def test_name_of_a_file_leads_nowhere_else(tmp_path: Path) -> None:
    given = {
        "../../etc/passwd": "etc-passwd",
        "/tmp/an.onnx": "tmp-an",
        ".hidden": "hidden",
        "an\r\nbình\0": "an-binh",
        "Giọng bà ngoại": "giong-ba-ngoai",
        "声": "voice",
        "a" * 300: "a" * 40,
        "vi_VN-an-x_low.onnx": "vi_VN-an-x_low",
    }
    async with serving_piper(tmp_path) as doors:
        for name, made in given.items():
            assert (await upload(doors, *written(tmp_path), name)).json == {"names": [made]}
    both = (f"{made}{suffix}" for made in given.values() for suffix in (".onnx", ".onnx.json"))
    assert files(tmp_path / "piper") == sorted(both)


async def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "piper"
    folder.mkdir()
    dear = ["a.onnx", "b.onnx.json", "c.onnx.data", "d.toml"]
    for name in dear:
        (folder / name).write_text("dear")
    async with serving_piper(tmp_path) as doors:
        for name in ("a", "b", "c", "d", "espeak-north-male"):
            answer = await upload(doors, *written(tmp_path), name)
            assert (answer.status, answer.error["code"]) == (409, "name-taken")
    assert files(folder) == dear
    assert {(folder / name).read_text() for name in dear} == {"dear"}


async def test_speaker_hides_no_other_voice(tmp_path: Path) -> None:
    async with serving_piper(tmp_path) as doors:
        await upload(doors, *written(tmp_path), "ba-s1")
        answer = await upload(doors, *written(tmp_path, speakers=3), "ba")
        assert (answer.status, answer.error["code"]) == (409, "name-taken")
        assert "'ba-s1' is already a voice" in answer.error["message"]
        speaker = {"num_speakers": 2, "speaker_id_map": {"north-male": 1}}
        answer = await upload(doors, *written(tmp_path, **speaker), "espeak")
        assert answer.error["code"] == "name-taken"
    assert files(tmp_path / "piper") == ["ba-s1.onnx", "ba-s1.onnx.json"]


async def test_file_that_appears_during_the_upload_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, file = os.fsync, tmp_path / "piper" / "an.onnx"

    def appear(descriptor: int) -> None:
        file.write_text("dear")
        fsync(descriptor)

    async with serving_piper(tmp_path) as doors:
        monkeypatch.setattr(os, "fsync", appear)
        answer = await upload(doors, *written(tmp_path), "an")
    assert (answer.status, answer.error["code"]) == (409, "name-taken")
    assert (file.read_text(), files(file.parent)) == ("dear", ["an.onnx"])


async def test_large_voice_is_not_held_in_memory(tmp_path: Path) -> None:
    async def megabytes() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield bytes(1_000_000)

    async with serving_piper(tmp_path) as doors:
        await doors.change("GET", "/health")  # learns the token
        query = "name=x&config_bytes=100&network_bytes=49999900"
        tracemalloc.start()
        try:
            answer = await doors.change("POST", f"/api/piper?{query}", data=megabytes())
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()
    assert answer.error["code"] == "not-piper", "all of it has come"


async def test_body_must_have_the_length_that_it_says(tmp_path: Path) -> None:
    config, network = written(tmp_path)

    async def in_chunks(length: int) -> AsyncIterator[bytes]:
        yield (config + network + b"x")[:length]

    query = urlencode({"name": "an", "config_bytes": len(config), "network_bytes": len(network)})
    whole = len(config + network)
    async with serving_piper(tmp_path) as doors:
        statuses = [
            (await doors.change("POST", f"/api/piper?{query}", data=in_chunks(length))).status
            for length in (whole - 1, whole + 1, whole)
        ]
    assert statuses == [400, 413, 201]


async def test_hang_up_midway_and_a_full_disk_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, network = written(tmp_path)
    folder = tmp_path / "piper"
    async with serving_piper(tmp_path) as doors:
        writer = await begin(doors, config, network, 50_000_000)
        while not files(folder):
            await asyncio.sleep(0.01)
        writer.close()
        while files(folder):
            await asyncio.sleep(0.01)

        def fail(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        answer = await upload(doors, config, network)
        assert answer.status == 500
        assert "No space left" in answer.error["message"]
        monkeypatch.undo()
        assert (await upload(doors, config, network)).status == 201


async def begin(doors: Doors, config: bytes, network: bytes, missing: int) -> asyncio.StreamWriter:
    """Upload all but the last bytes of a voice."""
    await doors.change("GET", "/health")  # learns the token
    size = len(config) + len(network) + missing
    query = f"name=an&config_bytes={len(config)}&network_bytes={size - len(config)}"
    head = f"POST /api/piper?{query} HTTP/1.1\r\nHost: localhost\r\n"
    head += f"X-Page-Token: {doors.token}\r\nContent-Length: {size}\r\n\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", int(doors.url.rpartition(":")[2]))
    writer.write(head.encode() + config + network)
    return writer


async def test_clients_that_drip_bytes_free_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UPLOAD_SECONDS", 0.1)
    config, network = written(tmp_path)
    async with serving_piper(tmp_path) as doors:
        slow = [await begin(doors, config, network, 1_500_000) for _ in range(10)]

        async def drip() -> None:
            while True:
                for writer in slow:
                    writer.write(b"x")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(10):
            assert (await upload(doors, config, network)).status == 201
        dripping.cancel()
        for writer in slow:
            writer.close()


async def test_each_megabyte_has_a_time_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UPLOAD_SECONDS", 0.3)

    async def megabytes() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield bytes(1_000_000)
            await asyncio.sleep(0.15)

    async with serving_piper(tmp_path) as doors:
        await doors.change("GET", "/health")  # learns the token
        query = "name=x&config_bytes=100&network_bytes=3999900"
        answer = await doors.change("POST", f"/api/piper?{query}", data=megabytes())
    assert answer.error["code"] == "not-piper", "all of it has come"


async def test_upload_of_a_killed_server_is_gone_after_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "piper"
    async with real_serving("--piper-dir", str(folder)) as (doors, process):
        held = await begin(doors, *written(tmp_path), 10_000_000)
        while not any(path.suffix == ".onnx" for path in folder.rglob("*")):
            await asyncio.sleep(0.02)
        process.kill()
        process.wait()
        held.close()
    assert files(folder)
    async with real_serving("--piper-dir", str(folder)) as (doors, _):
        assert [*folder.iterdir()] == []
        writer = await begin(doors, *written(tmp_path), 10_000_000)
        while not files(folder):
            await asyncio.sleep(0.02)
        async with real_serving("--piper-dir", str(folder)):
            assert files(folder), "another server is still receiving it"
        writer.close()


async def test_it_is_for_the_page_alone_and_for_ten_voices_an_hour(tmp_path: Path) -> None:
    config, network = written(tmp_path)
    async with serving_piper(tmp_path) as doors:
        for headers in ({"X-Page-Token": "x"}, {"Origin": "http://elsewhere.example"}):
            assert (await upload(doors, config, network, headers=headers)).status == 403
        answers = [await upload(doors, config, network, f"v{number}") for number in range(11)]
        assert len(await names(doors)) == 13
    assert [answer.status for answer in answers] == [201] * 10 + [429]


async def test_server_without_the_engine_says_so() -> None:
    async with running_doors(EspeakEngine()) as doors:
        answer = await upload(doors, b"{}", b"x")
        assert (await doors.get("/api/status")).json["max_piper_bytes"] is None
    assert (answer.status, answer.error["code"]) == (409, "conflict")
    assert "--engine" in answer.error["message"]
