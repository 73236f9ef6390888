"""Check the neural voice on a GPU against the golden files, and measure it with random weights.

Prints a table: the networks step by step ("eager"), and as they serve, with CUDA graphs.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent / "benchmark"))

import torch
from check_reference import Check, distance, lm_checks, mel_check, print_table, tensors
from torch import Tensor
from vietts import TOKENS_A_WORD, forced_tokens, parts

from tests.engines.vietts import cases, tiny_model
from tests.engines.vietts.goldens import FLOWS, HIFTS, LM_SEED, RATES, golden
from wyoming_vietts.engines.vietts import gpu, voice
from wyoming_vietts.engines.vietts.convert.published_config import read_published_config
from wyoming_vietts.engines.vietts.device import choose_device, flow_type, lm_type
from wyoming_vietts.engines.vietts.loader import LoadedModel
from wyoming_vietts.engines.vietts.model.loading import load_networks
from wyoming_vietts.engines.vietts.model.weights import assign
from wyoming_vietts.engines.vietts.networks import flow, hift, lm
from wyoming_vietts.engines.vietts.networks.config import ModelConfig
from wyoming_vietts.engines.vietts.networks.networks import Networks, empty_networks
from wyoming_vietts.engines.vietts.prompt.encoder import Prompt
from wyoming_vietts.engines.vietts.quality import QUALITIES
from wyoming_vietts.engines.voice_settings import VoiceSettings
from wyoming_vietts.steps import Steps, finish

TEXT_TOKENS, WORDS, PROMPT_SECONDS = 16, 8, 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/check_gpu", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quality", default="exact", choices=QUALITIES)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--tiny", action="store_true", help="measure tiny networks: a test")
    options = parser.parse_args()
    device = choose_device(options.device)
    wrong = print_table(checks(device))
    with tempfile.TemporaryDirectory() as folder:
        tiny_model.write_config(path := Path(folder, "config.yaml"), published(options.tiny))
        config = read_published_config(path)
    networks = random_networks(config, device)
    eager = measure(networks, options)
    started = time.perf_counter()
    finish(gpu.optimize(networks))
    captured = {"capture, s": time.perf_counter() - started, **measure(networks, options)}
    is_cuda = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if is_cuda else str(device)
    print(f"\n{name}, PyTorch {torch.__version__}, quality {options.quality}, "
          f"{next(networks.lm.parameters()).dtype}, {WORDS} words in random weights\n")  # fmt: skip
    print("| what | eager | captured |\n| --- | --- | --- |")
    for what, value in captured.items():
        before = f"{eager[what]:.4g}" if what in eager else ""
        print(f"| {what} | {before} | {value:.4g} |")
    if wrong:
        sys.exit(f"{wrong} differences from the reference are too large")


# --- the reference's numbers ----------------------------------------------------------------------


def checks(device: torch.device) -> Iterator[Check]:
    """Compare tiny networks in fp32 with the golden files."""
    with tempfile.TemporaryDirectory() as folder:
        networks = {}
        for rate in RATES:
            model_dir = tiny_model.write_model_dir(Path(folder, str(rate)), rate, rate)
            steps = load_networks(model_dir, device, torch.float32, torch.float32)
            networks[rate] = finish(steps)
    first = networks[RATES[0]]
    case = tensors(cases.lm_case(first.config, cases.SMALL, LM_SEED), device)
    yield from lm_checks(first.lm, case, golden("lm")["logp"])
    for name, rate, tokens, seed in FLOWS:
        arrays = cases.flow_case(networks[rate].config, cases.SMALL, tokens, seed)
        wanted = golden(name)["mel"]
        yield mel_check(f"flow: {name}", networks[rate].flow, tensors(arrays, device), wanted)
    for name, cached_frames, seed in HIFTS:
        mel = tensors(cases.hift_case(first.config, cases.SMALL, cached_frames, seed), device)[
            "mel"
        ]
        wanted = golden(name)
        yield Check(f"vocoder: {name}, f0 (Hz)", distance(first.hift.f0(mel), wanted["f0"]), 1e-2)
        source = torch.from_numpy(wanted["source"]).to(device)
        waveform = finish(hift.vocode(first.hift, mel, source))
        yield Check(f"vocoder: {name}, waveform", distance(waveform, wanted["wave"]), 1e-3)


# --- speed and memory -----------------------------------------------------------------------------


def published(is_tiny: bool) -> dict[str, Any]:
    """Return the published model's config.yaml, with all that decides on the speed."""
    tree = tiny_model.config()
    if is_tiny:
        return tree
    speech_lm, speech_flow, vocoder = tree["llm"], tree["flow"], tree["hift"]
    speech_lm.update(
        text_encoder_input_size=512, llm_input_size=1024, llm_output_size=1024,
        text_token_size=60515, speech_token_size=4096,
    )  # fmt: skip
    layers = {"attention_heads": 16, "linear_units": 4096, "output_size": 1024}
    speech_lm["text_encoder"].update(layers, num_blocks=6, input_size=512)
    speech_lm["llm"].update(layers, num_blocks=14, input_size=1024)
    speech_flow.update(input_size=512, vocab_size=4096)
    speech_flow["encoder"].update(
        attention_heads=8, linear_units=2048, num_blocks=6, input_size=512, output_size=512
    )
    speech_flow["decoder"]["estimator"].update(
        channels=[256, 256], attention_head_dim=64, n_blocks=4, num_mid_blocks=12, num_heads=8
    )
    vocoder.update(base_channels=512)
    vocoder["f0_predictor"].update(cond_channels=512)
    return tree


def random_networks(config: ModelConfig, device: torch.device) -> Networks:
    """Make networks as they serve on a device, with random weights, not optimized."""
    networks = empty_networks(config)
    torch.manual_seed(0)
    types = {"llm": lm_type(device, False), "flow": flow_type(device, False)}
    for part, network in networks.parts.items():
        dtype = types.get(part, torch.float32)
        assign(
            network,
            {
                name: _random(name, tensor.shape, device).to(dtype)
                for name, tensor in network.state_dict().items()
            },
        )
    finish(lm.tabulate_speech_inputs(networks.lm))
    return networks


def _random(name: str, shape: torch.Size, device: torch.device) -> Tensor:
    if len(shape) > 1:
        return torch.randn(shape, device=device) * shape[1:].numel() ** -0.5
    return torch.full(shape, float(name.endswith("weight") or "alpha" in name), device=device)


def measure(networks: Networks, options: argparse.Namespace) -> dict[str, float]:
    """Measure the networks, and clients that speak at the same time."""
    on_cuda = torch.cuda.is_available()
    if on_cuda:
        torch.cuda.reset_peak_memory_stats()
    parts(networks, options)  # the first run makes kernels
    rows = {
        f"{what}, {'ms' if 'step' in what else 's'}": value
        for what, value in parts(networks, options).items()
    }
    for clients in options.clients:
        first, factor = speak(networks, options, clients)
        rows[f"{clients} at a time: first audio, ms"] = 1000 * first
        rows[f"{clients} at a time: real-time factor"] = factor
    if on_cuda:
        rows["most memory, GiB"] = torch.cuda.max_memory_reserved() / 2**30
    return rows


def speak(networks: Networks, options: argparse.Namespace, clients: int) -> tuple[float, float]:
    """Return the median of seconds to the first audio, and the real-time factor of all together."""
    engine = StandIn(networks, options)
    speaker = voice.VietTTSVoice(
        name="random", description="", languages=(), author="", author_url="",
        sample_rate=22_050, recording=Path(), settings=VoiceSettings(), engine=engine,
    )  # fmt: skip

    def forced(network: lm.SpeechLM, text: Tensor, *rest: Any) -> Iterator[int]:
        return forced_tokens(network, text, rest[0], round(WORDS * TOKENS_A_WORD), rest[1])

    firsts: dict[int, float] = {}
    samples, started = 0, time.perf_counter()
    with mock.patch.object(voice, "generate", forced):
        speaking = dict(enumerate(speaker.speak("") for _ in range(clients)))
        while speaking:
            for client, pieces in [*speaking.items()]:
                try:
                    pcm = next(pieces)
                except StopIteration:
                    del speaking[client]
                else:
                    samples += len(pcm or b"") // 2
                    if pcm:
                        firsts.setdefault(client, time.perf_counter() - started)
    seconds = time.perf_counter() - started
    return statistics.median(firsts.values()), seconds * 22_050 / samples


class StandIn:
    """As much of an engine as a voice uses, for networks without a model directory."""

    streams_sentences, has_own_loudness = True, False
    voices = ()

    def __init__(self, networks: Networks, options: argparse.Namespace) -> None:
        self.quality = QUALITIES[options.quality]
        steps, guidance_every = self.quality.solver_steps, self.quality.guidance_every
        schedule = flow.solver_schedule(networks.flow, steps, guidance_every)
        self._model = LoadedModel(networks, schedule, SimpleNamespace(check=lambda: None))
        self.device = choose_device(options.device)
        self.loader = SimpleNamespace(in_use=nullcontext, device=self.device, load=self._load)
        self.tokenizer = SimpleNamespace(encode_sentence=lambda _: [*range(TEXT_TOKENS)])
        self.features = SimpleNamespace(get_for_speech=self._prompt)

    def _load(self) -> Steps[LoadedModel]:
        yield
        return self._model

    def _prompt(self, *_: object) -> Steps[Prompt]:
        yield
        config = self._model.networks.config.flow
        tokens = torch.arange(PROMPT_SECONDS * config.token_rate) % config.speech_vocabulary
        mel = torch.zeros(config.mel_bands, int(PROMPT_SECONDS * 22_050 / 256))
        return Prompt(tokens, torch.ones(config.speaker_size), mel, torch.tensor([-20.0]))

    def random_generators(self) -> tuple[torch.Generator, ...]:
        return tuple(torch.Generator(self.device).manual_seed(seed) for seed in (1, 2))

    def use_spare_cores(self) -> None:
        pass


if __name__ == "__main__":
    main()
