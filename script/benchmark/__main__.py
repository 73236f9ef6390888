"""Measures this program: real processes, real sockets, this machine."""

import argparse
from pathlib import Path

from measure import company

import wyoming_vietts  # noqa: F401, it sets how PyTorch's threads wait, before they exist

MODEL_DIR = Path(__file__).parents[2] / "models" / "viet-tts"


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    add = parser.add_argument
    add("--engine", choices=("espeak", "vietts"), default="espeak")
    add("--beside", type=int, default=0, metavar="N", help="run N busy loops as well (default: 0)")
    add("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    espeak = parser.add_argument_group("espeak")
    espeak.add_argument("--requests", type=int, default=200, help="per figure (default: 200)")
    vietts = parser.add_argument_group("vietts")
    add = vietts.add_argument
    add(
        "--model-dir",
        type=Path,
        default=MODEL_DIR,
        metavar="DIR",
        help="default: models/viet-tts of this repository",
    )
    add("--voices-dir", type=Path, metavar="DIR", help="default: voices in the model directory")
    add("--device", default="cpu")
    add("--threads", type=int)
    add("--quality", default="balanced", choices=("exact", "balanced", "fast"))
    add("--repeat", type=int, default=3, help="runs (default: 3)")
    add("--limits", action="store_true", help="also measure the machine's limits")
    add("--fidelity", action="store_true", help="also measure what each quality changes")
    add("--compare-reference", type=Path, metavar="DIR", help="where run_reference.py is")
    add("--reference-python", default="python3", help="a Python with the reference installed")
    add("--whole-reference", action="store_true", help="also whole sentences: takes minutes")
    options = parser.parse_args()
    options.voices_dir = options.voices_dir or options.model_dir / "voices"
    if options.engine == "vietts":
        import vietts as benchmark
    else:
        import server as benchmark
    with company(options.beside):
        benchmark.main(options)


if __name__ == "__main__":
    main()
