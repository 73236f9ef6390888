"""Compare every number with the reference's, live.

    script/check_reference --oracle DIR [MODEL_DIR...] [--seed N] [--voice FILE]

DIR contains oracle.py, which runs the published package. Without a MODEL_DIR, tiny models of both
token rates are made and compared. Prints a table; fails if a difference is larger than allowed.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch

from tests.engines.vietts import cases
from tests.engines.vietts.goldens import RATES
from tests.engines.vietts.oracle import Oracle
from tests.engines.vietts.tiny_model import write_model_dir
from wyoming_vietts.engines.vietts.model import tokenizer
from wyoming_vietts.engines.vietts.model.loading import load_networks
from wyoming_vietts.engines.vietts.networks import flow, hift, lm, sampling
from wyoming_vietts.engines.vietts.networks.networks import Networks
from wyoming_vietts.engines.vietts.networks.transformer import KVCache
from wyoming_vietts.engines.vietts.prompt import encoder
from wyoming_vietts.recordings import recording
from wyoming_vietts.steps import finish

SIZE = cases.Size(
    text_tokens=16, speech_tokens=40, prompt_seconds=3.0, mel_frames=90, wave_seconds=3.5
)

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Check:
    """One row of the table."""

    what: str
    difference: float
    allowed: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model_dirs", type=Path, nargs="*", metavar="MODEL_DIR")
    parser.add_argument("--oracle", type=Path, required=True, help="the folder of oracle.py")
    parser.add_argument("--oracle-python", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--voice", type=Path, help="a recording to take the prompt from")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    oracle = Oracle(args.oracle, args.oracle_python)
    with tempfile.TemporaryDirectory() as folder:
        model_dirs = args.model_dirs or [
            write_model_dir(Path(folder, f"tiny, {rate} tokens a second"), rate) for rate in RATES
        ]
        wrong = print_table(iter([text_check(oracle)]))
        for model_dir in model_dirs:
            print(f"{model_dir.name}:")
            networks = finish(load_networks(model_dir, args.device, torch.float32, torch.float32))
            compare = Comparison(networks, oracle, model_dir, args.seed, args.device)
            wrong += print_table(compare.run(args.voice))
    if wrong:
        sys.exit(f"{wrong} differences are too large")


@torch.inference_mode()
def print_table(checks: Iterator[Check]) -> int:
    """Print a row for each check; return how many differ too much."""
    wrong = 0
    for check in checks:
        good = check.difference <= check.allowed
        wrong += not good
        mark = "" if good else "  WRONG"
        print(f"{check.what:48} {check.difference:9.1e}  <= {check.allowed:.0e}{mark}", flush=True)
    return wrong


def lm_checks(network: lm.SpeechLM, case: Tensors, wanted: np.ndarray) -> Iterator[Check]:
    """Compare log-probabilities of given speech tokens, all at once and step by step."""
    whole = lm.score(network, case["text"], case["embedding"], case["speech"])
    yield Check("language model: all at once, log p", distance(whole, wanted), 1e-3)
    cache = KVCache(network.config.decoder, like=network.marks.weight)
    rows = [finish(lm.prefill(network, case["text"], case["embedding"], cache))]
    rows += [lm.decode_one_token(network, token[None], cache) for token in case["speech"]]
    stepped = torch.stack(rows).log_softmax(dim=-1)
    yield Check("language model: step by step, log p", distance(stepped, wanted), 1e-3)


def flow_voice(network: flow.Flow, case: Tensors) -> flow.FlowVoice:
    mel = case["prompt_feat"].T
    return flow.flow_voice(network, case["embedding"], case["prompt_token"], mel)


def mel_check(name: str, network: flow.Flow, case: Tensors, wanted: np.ndarray) -> Check:
    voice, schedule = flow_voice(network, case), flow.solver_schedule(network)
    steps = flow.generate_mel(network, case["token"], voice, case["noise"], schedule)
    return Check(f"{name}: mel", distance(finish(steps), wanted), 1e-3)


def text_check(oracle: Oracle) -> Check:
    """Compare text tokens, with the published vocabulary: that of tiny models is shorter."""
    vocabulary = tokenizer.Tokenizer(tokenizer.find_vocabulary(Path("no model of its own")))
    wrong = sum(
        [vocabulary.encode_sentence(sentence)] != [row["ids"] for row in rows]
        for sentence, rows in zip(cases.SENTENCES, oracle.text(cases.SENTENCES), strict=True)
    )
    return Check("text tokens: sentences that differ", wrong, 0)


class Comparison:
    """The checks of one model directory and one seed."""

    def __init__(
        self, networks: Networks, oracle: Oracle, model_dir: Path, seed: int, device: torch.device
    ) -> None:
        self.networks, self.oracle, self.model_dir = networks, oracle, model_dir
        self.seed, self.device = seed, device

    def run(self, voice: Path | None) -> Iterator[Check]:
        yield from self.prompt(voice)
        yield from self.lm()
        yield from self.candidates()
        for tokens in (9, 40, 41, 100):
            yield from self.flow(tokens)
        for cached_frames in (0, 20):
            yield from self.hift(cached_frames)

    def prompt(self, voice: Path | None) -> Iterator[Check]:
        if voice:
            wave = torch.from_numpy(
                finish(recording.load_prompt_audio(voice.read_bytes(), voice.name))
            )
        else:
            wave = torch.from_numpy(cases.prompt_case(SIZE, self.seed)["wave16k"])
        networks = encoder.PromptEncoder(self.model_dir, 2, "cpu")
        ours, theirs = finish(networks.encode(wave)), self.ask("prompt", {"wave16k": wave.numpy()})
        tokens = theirs["speech_token"]
        same = ours.speech_tokens.tolist() == tokens.tolist()
        yield Check(f"prompt: speech tokens ({len(tokens)}) that differ", 0 if same else 1, 0)
        yield Check("prompt: mel", distance(ours.mel.T, theirs["prompt_feat"]), 1e-4)
        embedding = theirs["embedding"]
        yield Check("speaker embedding", distance(ours.speaker_embedding, embedding), 1e-4)

    def lm(self) -> Iterator[Check]:
        arrays = cases.lm_case(self.networks.config, SIZE, self.seed)
        case, theirs = self.tensors(arrays), self.ask("lm", arrays)
        network = self.networks.lm
        text = finish(lm.encode_text(network, case["text"]))[0]
        yield Check("language model: encoded text", distance(text, theirs["text_hidden"]), 1e-3)
        yield from lm_checks(network, case, theirs["logp"])

    def candidates(self) -> Iterator[Check]:
        wrong, largest = 0, 0.0
        config = self.networks.config.lm
        for sharpness in (0.5, 2.0, 6.0):
            case = cases.candidates_case(config.speech_vocabulary, sharpness, self.seed)
            theirs = self.ask("candidates", case)
            ids, probabilities = sampling.nucleus(self.tensors(case)["logp"], config.sampling)
            count = int((probabilities > 0).sum())
            if ids[:count].tolist() != theirs["ids"].tolist():
                wrong += 1
            else:
                largest = max(largest, distance(probabilities[:count], theirs["prob"]))
        yield Check("sampling: lists of candidates that differ", wrong, 0)
        yield Check("sampling: probabilities", largest, 1e-5)

    def flow(self, speech_tokens: int) -> Iterator[Check]:
        arrays = cases.flow_case(self.networks.config, SIZE, speech_tokens, self.seed)
        case, theirs = self.tensors(arrays), self.ask("flow", arrays)
        name, network = f"flow, {speech_tokens} tokens", self.networks.flow
        spread = flow.utterance_frames(network, speech_tokens)
        mu = flow.encode_tokens(network, case["token"], flow_voice(network, case), spread)
        yield Check(f"{name}: mu", distance(mu, theirs["mu"]), 1e-3)
        yield mel_check(name, network, case, theirs["mel"])

    def hift(self, cached_frames: int) -> Iterator[Check]:
        arrays = cases.hift_case(self.networks.config, SIZE, cached_frames, self.seed)
        case, theirs = self.tensors(arrays), self.ask("hift", arrays)
        network = self.networks.hift
        f0 = network.f0(case["mel"])
        name = f"vocoder, {cached_frames} frames cached:"
        yield Check(f"{name} pitch (Hz)", distance(f0, theirs["f0"]), 1e-2)
        source, _ = hift.harmonic_source(network, f0, case["phase"], case["noise"])
        source[: len(case["cache_source"])] = case["cache_source"]
        yield Check(f"{name} source", distance(source, theirs["source"]), 1e-3)
        wave = finish(hift.vocode(network, case["mel"], source))
        yield Check(f"{name} wave", distance(wave, theirs["wave"]), 1e-3)

    def ask(self, what: str, arrays: cases.Arrays) -> cases.Arrays:
        return self.oracle(what, self.model_dir, arrays)

    def tensors(self, arrays: cases.Arrays) -> Tensors:
        return tensors(arrays, self.device)


def tensors(arrays: cases.Arrays, device: torch.device) -> Tensors:
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


def distance(ours: torch.Tensor, theirs: np.ndarray) -> float:
    """Return the largest difference; infinite if the shapes differ."""
    if tuple(ours.shape) != theirs.shape:
        return float("inf")
    return float(np.abs(ours.cpu().numpy() - theirs).max())


if __name__ == "__main__":
    main()
