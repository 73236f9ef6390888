"""Measures the neural engine, parts and whole; on request also the published implementation."""

import argparse
import asyncio
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from unittest import mock

import torch
from measure import THIS_PROGRAM, Table, describe_seconds, free_uri, memory_mib, server
from measure import speak as ask
from torch import Tensor

from wyoming_vietts.engines.contract import ClonedVoice, EngineSettings
from wyoming_vietts.engines.cores import granted_cores
from wyoming_vietts.engines.memory import keep_freed_memory
from wyoming_vietts.engines.vietts import voice as voice_module
from wyoming_vietts.engines.vietts.cpu.memory import bound_primitive_caches
from wyoming_vietts.engines.vietts.device import choose_device, flow_type, lm_type
from wyoming_vietts.engines.vietts.engine import VietTTSEngine
from wyoming_vietts.engines.vietts.model.loading import load_networks
from wyoming_vietts.engines.vietts.networks.flow import (
    FlowVoice,
    flow_voice,
    generate_mel,
    solver_schedule,
)
from wyoming_vietts.engines.vietts.networks.hift import (
    draw_noise,
    harmonic_source,
    start_phases,
    vocode,
)
from wyoming_vietts.engines.vietts.networks.lm import SpeechLM, decode_one_token, prefill
from wyoming_vietts.engines.vietts.networks.networks import Networks
from wyoming_vietts.engines.vietts.networks.sampling import sample
from wyoming_vietts.engines.vietts.networks.transformer import KVCache
from wyoming_vietts.engines.vietts.quality import QUALITIES
from wyoming_vietts.steps import finish

# A random model hardly ever ends a sentence: it speaks as many tokens as a person would need.
TOKENS_A_WORD = 6.25
EIGHT_WORDS = "đèn trong phòng khách đã được bật rồi."
FORTY_WORDS = (
    "hôm nay trời nhiều mây và có mưa vào chiều.",
    "nhiệt độ cao nhất trong ngày khoảng ba mươi độ.",
    "cửa sổ phòng ngủ đang mở nên tôi sẽ đóng.",
    "bạn có muốn tôi bật máy điều hòa ngay không?",
)
LM_TOKENS, FLOW_TOKENS, PROMPT_SECONDS = 50, 100, 3.0


def main(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads or granted_cores())
    keep_freed_memory()
    bound_primitive_caches()
    table = Table()
    figures: dict[str, list[float]] = {}

    def add(what: str, values: list[float], unit: str) -> None:
        figures[what] = values
        table.add(what, values, unit)

    print(f"device {choose_device(options.device)}, {torch.get_num_threads()} threads, "
          f"quality {options.quality}, {options.repeat} runs")  # fmt: skip
    reference: list[dict] = []
    rows: list[dict[str, float]] = []
    networks = load(options)
    for _ in range(options.repeat):
        rows.append(parts(networks, options))
        if options.compare_reference:
            reference.append(run_reference(options, "llm,flow,hift", torch.get_num_threads()))
    for what in rows[0]:
        add(what, [row[what] for row in rows], "ms" if "step" in what else "s")
    del networks
    whole = [speak_whole(options) for _ in range(options.repeat)]
    for what in whole[0]:
        add(what, [row[what] for row in whole], "" if "factor" in what else "s")
    lives, reference_starts = [], []
    for _ in range(options.repeat):
        lives.append(asyncio.run(live(options)))
        if options.compare_reference:
            reference_starts.append(run_reference(options, "startup", None)["startup"])
    units = ("s", "GiB", "ms", "ms")
    for what, unit in zip(lives[0], units, strict=True):
        add(what, [row[what] for row in lives], unit)
    if options.limits:
        from limits import limits  # imports this file

        limits(table, options)
    if options.fidelity:
        from fidelity import fidelity  # as above

        fidelity(table, options)
    print(table)
    if options.compare_reference:
        compare(figures, reference, reference_starts, options)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def load(options: argparse.Namespace, quality: str | None = None) -> Networks:
    device = choose_device(options.device)
    chosen = QUALITIES[quality or options.quality]
    return finish(
        load_networks(
            options.model_dir,
            device,
            lm_type(device, chosen.int8_lm),
            flow_type(device, chosen.reduced_flow),
        )
    )


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


@torch.inference_mode()
def parts(networks: Networks, options: argparse.Namespace) -> dict[str, float]:
    """Seconds (LM: milliseconds a token) of each network on its own."""
    quality = QUALITIES[options.quality]
    device = choose_device(options.device)
    random = torch.Generator().manual_seed(0)
    text = torch.randint(0, networks.config.lm.text_vocabulary, (16,), generator=random).to(device)
    speaker = torch.randn(192, generator=random).to(device)
    tokens = forced_tokens(networks.lm, text, speaker, LM_TOKENS + 1)
    next(tokens)
    lm_seconds = timed(lambda: list(tokens)) / LM_TOKENS
    voice, speech = flow_inputs(networks, FLOW_TOKENS, PROMPT_SECONDS, random)
    schedule = solver_schedule(networks.flow, quality.solver_steps, quality.guidance_every)
    noise = torch.randn(80, 4000, generator=random).to(device)
    flow = timed(lambda: finish(generate_mel(networks.flow, speech, voice, noise, schedule)))
    mel = (torch.randn(80, 344, generator=random) * 2 - 5).to(device)
    hift = networks.hift

    def vocoder() -> None:
        phases, noise = start_phases(hift, None), draw_noise(hift, 344, None)
        source, _ = harmonic_source(hift, hift.f0(mel), phases, noise)
        finish(vocode(hift, mel, source))

    vocoder()  # warm-up: the reference's timing skips the first run, too
    return {
        "LM step": 1000 * lm_seconds,
        f"flow, {FLOW_TOKENS} tokens + {PROMPT_SECONDS:g} s prompt": flow,
        "vocoder, 344 frames": timed(vocoder),
    }


def flow_inputs(
    networks: Networks, tokens: int, prompt_seconds: float, random: torch.Generator
) -> tuple[FlowVoice, Tensor]:
    rate, vocabulary = networks.flow.config.token_rate, networks.flow.config.speech_vocabulary
    device = networks.flow.speaker_projection.bias.device
    voice = flow_voice(
        networks.flow,
        torch.randn(192, generator=random).to(device),
        torch.randint(0, vocabulary, (int(prompt_seconds * rate),), generator=random),
        torch.randn(80, int(prompt_seconds * 22050 / 256), generator=random) - 5,
    )
    return voice, torch.randint(0, vocabulary, (tokens,), generator=random).to(device)


def forced_tokens(
    lm: SpeechLM, text: Tensor, speaker: Tensor, count: int, random: torch.Generator | None = None
) -> Iterator[int]:
    """Like `lm.generate`, but exactly this many tokens, whatever the model would do."""
    cache = KVCache(lm.config.decoder, like=lm.marks.weight)
    with torch.inference_mode():
        logits = finish(prefill(lm, text, speaker, cache))
    spoken = torch.empty(0, dtype=torch.int64, device=text.device)
    for i in range(count):
        with torch.inference_mode():
            recent = spoken[-lm.config.sampling.window :]
            token = sample(logits, recent, lm.config.sampling, random, lm.end)
            spoken = torch.cat((spoken, token))
        yield int(token)
        if i + 1 < count:
            with torch.inference_mode():
                logits = decode_one_token(lm, token, cache)


def speak_whole(options: argparse.Namespace) -> dict[str, float]:
    """Whole sentences in a known voice, through the engine as the server uses it."""
    settings = EngineSettings(
        options.model_dir,
        voices_dir=options.voices_dir,
        device=options.device,
        threads=options.threads,
        quality=options.quality,  # no seed: it would fix the number of threads
    )
    engine = VietTTSEngine(settings)
    voice = next(iter(engine.voices.values()))
    words = 0

    def forced(
        lm: SpeechLM, text: Tensor, speaker: Tensor, random: torch.Generator
    ) -> Iterator[int]:
        return forced_tokens(lm, text, speaker, round(words * TOKENS_A_WORD), random)

    with mock.patch.object(voice_module, "generate", forced):
        words = 1
        list(voice.speak("ừ."))  # warm-up: reads the voice, and makes the kernels for one token
        words = 8
        first, total, audio = speak(voice, (EIGHT_WORDS,))
        words = 10
        first_of_forty, total_of_forty, audio_of_forty = speak(voice, FORTY_WORDS)
    return {
        "8 words, total": total,
        "8 words, first audio": first,
        "8 words, real-time factor": total / audio,
        "40 words, first audio": first_of_forty,
        "40 words, real-time factor": total_of_forty / audio_of_forty,
    }


def speak(voice: ClonedVoice, sentences: tuple[str, ...]) -> tuple[float, float, float]:
    """Seconds to the first audio, seconds to the end, seconds of audio."""
    started, first, samples = time.perf_counter(), 0.0, 0
    for sentence in sentences:
        for pcm in voice.speak(sentence):
            if pcm:
                first = first or time.perf_counter() - started
                samples += len(pcm) // 2
    return first, time.perf_counter() - started, samples / voice.sample_rate


async def live(options: argparse.Namespace) -> dict[str, float]:
    """A server from its start: first answer, memory, and answers while it speaks."""
    uri = free_uri()
    arguments = ["--engine", "vietts", "--model-dir", str(options.model_dir),
                 "--voices-dir", str(options.voices_dir), "--quality", options.quality,
                 "--device", options.device]  # fmt: skip
    if options.threads:
        arguments += ["--threads", str(options.threads)]
    started = time.perf_counter()
    async with server(uri, [*THIS_PROGRAM, *arguments]) as process:
        seconds = time.perf_counter() - started
        await ask(uri, "Ừ.")
        gib = memory_mib(process.pid, "VmHWM") / 1024
        speaking = asyncio.create_task(ask(uri, EIGHT_WORDS))
        answers = []
        while not speaking.done():
            answers.append(1000 * await describe_seconds(uri))
            await asyncio.sleep(0.1)
    return {
        "process start to first `describe`": seconds,
        "peak memory after a sentence": gib,
        "`describe` while a sentence is spoken, median": statistics.median(answers),
        "`describe` while a sentence is spoken, longest": max(answers),
    }


# --- the published implementation ---------------------------------------------------------------


def run_reference(options: argparse.Namespace, parts: str, threads: int | None) -> dict:
    """One run of the reference's own timing script, in its own environment."""
    command = [options.reference_python, options.compare_reference / "run_reference.py",
               options.model_dir, "--parts", parts, "--repeat", "1"]  # fmt: skip
    if threads:
        command += ["--threads", str(threads)]
    output = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    result: dict = json.loads(output.stdout)
    return result


def compare(
    figures: dict, reference: list[dict], starts: list[dict], options: argparse.Namespace
) -> None:
    """Ratios of medians: how many times faster than the reference."""
    theirs = {
        "LM step": [1000 * run["llm"]["float"]["per_token_mean"]["median"] for run in reference],
        f"flow, {FLOW_TOKENS} tokens + {PROMPT_SECONDS:g} s prompt": [
            run["flow"]["100 tokens + 3 s prompt"]["median"] for run in reference
        ],
        "vocoder, 344 frames": [run["hift"]["344 frames"]["median"] for run in reference],
    }
    theirs["process start to first `describe`"] = [
        start["import"]["median"] + start["TTS()"]["median"] for start in starts
    ]
    theirs["peak memory after a sentence"] = [start["peak_rss_GiB"] for start in starts]
    if options.whole_reference:
        whole = run_reference(options, "e2e", None)["e2e"]
        short, long = whole["8 words, stream=False"], whole["40 words, stream=True"]
        theirs["8 words, total"] = [short["total"]["median"]]
        theirs["8 words, real-time factor"] = [short["rtf_best"]]
        theirs["40 words, first audio"] = [long["first_audio"]["median"]]
    print("\n| what | reference | this | ratio |\n| --- | --- | --- | --- |")
    for what, values in theirs.items():
        their, our = statistics.median(values), statistics.median(figures[what])
        print(f"| {what} | {their:.4g} | {our:.4g} | {their / our:.1f} |")
