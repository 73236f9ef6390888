"""The neural engine behind the real server, on a real socket."""

import asyncio
import shutil
import time
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeVoice

from tests.engines.vietts.speech import make_engine, voices_dir
from tests.harness import (
    connected,
    free_port,
    pcm_of,
    read_until,
    ready_server,
    run_command,
    running_server,
    send,
    server_process,
    stream,
    synthesize,
    types,
    voice_names,
    wait_until_ready,
)
from tests.recording_files import record
from wyoming_vietts.downloads.table import DOWNLOADS, VIETTS
from wyoming_vietts.engines.vietts.voice import VietTTSVoice

__all__ = ["voices_dir"]

TEXT = "Nhiệt độ phòng khách là 26,5°C. Độ ẩm là 60%, hôm nay trời đẹp và nắng ấm cả ngày."


async def test_plain_and_streamed_texts_are_the_same_speech(
    model_dirs: dict[int, Path], voices_dir: Path
) -> None:
    async with running_server(make_engine(model_dirs[25], voices_dir)) as uri:
        plain = await synthesize(uri, TEXT, voice="binh")
        streamed = await stream(uri, [TEXT[i : i + 3] for i in range(0, len(TEXT), 3)], "binh")
    assert types(plain) == ["audio-start", "audio-chunk", "audio-stop"]
    assert types(streamed) == [*types(plain), "synthesize-stopped"]
    assert pcm_of(plain) == pcm_of(streamed)
    assert plain[0].data["rate"] == 22_050


async def test_clients_take_turns_and_hear_what_they_hear_alone(
    model_dirs: dict[int, Path], voices_dir: Path
) -> None:
    async with running_server(make_engine(model_dirs[25], voices_dir)) as uri:
        alone = [pcm_of(await synthesize(uri, TEXT, voice)) for voice in ("an", "binh")]
        started = time.perf_counter()
        requests = asyncio.gather(*(synthesize(uri, TEXT, voice) for voice in ("an", "binh")))
        async with connected(uri) as client:
            answered = 0
            while not requests.done():
                await client.write_event(Describe().event())
                await read_until(client, "info")
                answered += 1
        together = time.perf_counter() - started
        assert [pcm_of(events) for events in await requests] == alone
    assert answered > 10 * together, "describe waited for whole computations"


async def test_hang_up_stops_the_networks(
    model_dirs: dict[int, Path], voices_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(model_dirs[25], voices_dir)
    steps = 0
    real = VietTTSVoice.speak

    def counted(*arguments: object) -> object:
        nonlocal steps
        synthesis = real(*arguments)  # type: ignore[arg-type]
        try:
            for pcm in synthesis:
                steps += 1
                yield pcm
        finally:
            synthesis.close()

    monkeypatch.setattr(VietTTSVoice, "speak", counted)
    async with running_server(engine) as uri:
        async with connected(uri) as client:
            await client.write_event(Synthesize(TEXT).event())
            while steps < 5:
                await asyncio.sleep(0)
        await asyncio.sleep(0.2)
        seen = steps
        await asyncio.sleep(0.3)
        assert steps == seen


async def test_voice_dropped_in_is_offered_spoken_with_and_gone_again(
    model_dirs: dict[int, Path], tmp_path: Path, voices_dir: Path
) -> None:
    shutil.copy(voices_dir / "an.wav", tmp_path / "an.wav")
    async with running_server(make_engine(model_dirs[25], tmp_path)) as uri:
        assert await voice_names(uri) == ["an"]
        shutil.copy(voices_dir / "binh.wav", tmp_path / "chi.wav")
        await asyncio.sleep(2.1)
        assert await voice_names(uri) == ["an", "chi"]
        assert types(await synthesize(uri, "Xin chào.", "chi"))[-1] == "audio-stop"
        (tmp_path / "chi.wav").unlink()
        await asyncio.sleep(2.1)
        assert await voice_names(uri) == ["an"]
        events = await send(uri, "synthesize", {"text": "a", "voice": {"name": "chi"}})
        assert "Unknown voice 'chi'; available: an" in events[0].data["text"]


async def test_request_without_any_voice_is_an_error(
    model_dirs: dict[int, Path], tmp_path: Path
) -> None:
    async with running_server(make_engine(model_dirs[25], tmp_path)) as uri:
        assert await voice_names(uri) == []
        events = await send(uri, "synthesize", {"text": "a"})
        assert types(events) == ["error"]
        assert "No voice is available" in events[0].data["text"]


async def test_nothing_to_say_is_a_short_silence(
    model_dirs: dict[int, Path], voices_dir: Path
) -> None:
    async with running_server(make_engine(model_dirs[25], voices_dir)) as uri:
        events = await synthesize(uri, "😀")
    assert types(events) == ["audio-start", "audio-chunk", "audio-stop"]
    assert not any(pcm_of(events))


async def test_command_finds_the_model_by_itself(
    model_dirs: dict[int, Path], voices_dir: Path
) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    model, voices = str(model_dirs[25]), str(voices_dir)
    with server_process("--uri", uri, "--model-dir", model, "--voices-dir", voices) as process:
        for _ in range(3):  # importing torch takes its time
            try:
                await wait_until_ready(uri)
                break
            except AssertionError:
                continue
        async with connected(uri) as client:
            await client.write_event(Synthesize("Xin chào.", SynthesizeVoice("an")).event())
            assert types(await read_until(client, "audio-stop"))[-1] == "audio-stop"
            await client.write_event(Describe().event())
            info = Info.from_event((await read_until(client, "info"))[-1])
        assert [voice.name for voice in info.tts[0].voices] == ["an", "binh"]
        process.terminate()
        log = process.communicate(timeout=20)[1].decode()
    assert "quality balanced" in log
    assert "Traceback" not in log


def test_voices_are_listed(model_dirs: dict[int, Path], voices_dir: Path) -> None:
    options = ("--model-dir", str(model_dirs[25]), "--voices-dir", str(voices_dir))
    result = run_command("voices", *options)
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == ["an", "binh"]
    embedded = run_command("voices", "--engine", "espeak").stdout
    assert embedded.startswith("espeak-north-male\tvi-VN\tGiọng nam")


def test_recording_is_converted_to_a_file(
    model_dirs: dict[int, Path], voices_dir: Path, tmp_path: Path
) -> None:
    options = ("--model-dir", str(model_dirs[25]), "--voices-dir", str(voices_dir))
    recording = record(tmp_path / "source.wav")
    output = tmp_path / "converted.wav"
    result = run_command("convert", str(recording), "binh", "-o", str(output), *options)
    assert result.returncode == 0, result.stderr
    with wave.open(str(output)) as converted, wave.open(str(recording)) as source:
        seconds = [wav.getnframes() / wav.getframerate() for wav in (converted, source)]
        samples = np.frombuffer(converted.readframes(10**7), "<i2")
    assert seconds[0] == pytest.approx(seconds[1], abs=0.1)
    assert samples.any()
    unknown = run_command("convert", str(recording), "x", "-o", str(output), *options)
    assert unknown.returncode == 1
    assert "Unknown voice 'x'; available: an, binh" in unknown.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "vietts", "--model-dir", "/does/not/exist"], "/does/not/exist/config.yaml"),
        (["--device", "cuda:99"], "There is no device 'cuda:99'; available: cpu"),
    ],
)
def test_model_or_device_that_is_not_there_ends_with_one_line(
    arguments: list[str], message: str, model_dirs: dict[int, Path]
) -> None:
    result = run_command("--model-dir", str(model_dirs[25]), *arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_model_is_prepared_by_the_command(model_dir: Path, tmp_path: Path) -> None:
    result = run_command("prepare", "--model-dir", str(model_dir))
    assert result.returncode == 0, result.stderr
    for name in ("llm", "llm-int8", "flow", "flow-bf16", "flow-int8", "hift"):
        assert f"{name}.safetensors" in result.stdout
        assert (model_dir / f"{name}.safetensors").is_file()
    assert (model_dir / "llm.pt").is_file(), "it is deleted only when this is asked for"
    wrong = run_command("prepare", "--model-dir", str(tmp_path / "nothing"))
    assert wrong.returncode == 1
    assert "config.yaml" in wrong.stderr
    assert "Traceback" not in wrong.stderr


async def test_processor_with_vnni_and_without_bf16_speaks_in_int8(
    model_dir: Path, voices_dir: Path
) -> None:
    small = {"ONEDNN_MAX_CPU_ISA": "AVX2_VNNI", "ATEN_CPU_CAPABILITY": "avx2"}
    folders = ("--model-dir", str(model_dir), "--voices-dir", str(voices_dir))
    async with ready_server("--quality", "fast", *folders, environment=small) as (uri, _):
        assert len(pcm_of(await synthesize(uri, "Xin chào.", "an"))) > 1000
    has_vnni = torch.cpu.get_capabilities().get("avx_vnni", False)
    wanted = "flow-int8.safetensors" if has_vnni else "flow.safetensors"
    assert [path.name for path in model_dir.glob("flow*.safetensors")] == [wanted]


async def test_model_speaks_as_before_when_its_published_files_have_been_deleted(
    model_dir: Path, voices_dir: Path
) -> None:
    published = ("config.yaml", "llm.pt", "flow.pt", "hift.pt")
    folders = ("--model-dir", str(model_dir), "--voices-dir", str(voices_dir))
    spoken = []
    for _ in range(2):
        async with ready_server("--seed", "1", *folders) as (uri, _):
            spoken.append(pcm_of(await synthesize(uri, "Xin chào.", "an")))
        assert DOWNLOADS[VIETTS].is_in(model_dir), "it need not be downloaded again"
        result = run_command("prepare", "--delete-published", *folders[:2])
        assert result.returncode == 0, result.stderr
        assert not [name for name in published if (model_dir / name).exists()]
    assert spoken[0] == spoken[1] != b""
