"""Measures this program: real processes, real sockets, this machine."""

import argparse
import sys
from pathlib import Path

from measure import company

import wyoming_vietts  # noqa: F401, it sets how PyTorch's threads wait, before they exist

ROOT = Path(__file__).resolve().parents[2]
MODEL_DIR, PIPER_DIR, VIENEU_DIR = (
    ROOT / "models" / name for name in ("viet-tts", "piper", "vieneu")
)
sys.path.insert(0, str(ROOT))  # for the models of tests


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    add = parser.add_argument
    add("--engine", choices=("espeak", "piper", "vieneu", "vietts"), default="espeak")
    add("--turns", action="store_true", help="instead: a newcomer beside seven, espeak and piper")
    add("--fleet", action="store_true",
        help="instead: espeak or piper on 1, 2 and 3 servers behind HAProxy")  # fmt: skip
    add("--beside", type=int, default=0, metavar="N", help="run N busy loops as well (default: 0)")
    add("--seconds", type=float, default=10.0, help="with --fleet, for each row (default: 10)")
    add("--repeat", type=int, default=3, help="runs, except of espeak (default: 3)")
    add("--reference-python", default="python3", metavar="PYTHON",
        help="of an environment with viet-tts, wyoming-piper or vieneu: measure that")  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    espeak = parser.add_argument_group("espeak")
    espeak.add_argument("--requests", type=int, default=200, help="per figure (default: 200)")
    piper = parser.add_argument_group("piper")
    piper.add_argument("--piper-dir", type=Path, default=PIPER_DIR, metavar="DIR",
        help="its first voice is measured (default: models/piper of this repository)")  # fmt: skip
    vieneu = parser.add_argument_group("vieneu")
    vieneu.add_argument("--vieneu-dir", type=Path, default=VIENEU_DIR, metavar="DIR",
        help="without a model there, random weights of the same sizes are measured")  # fmt: skip
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
    add("--limits", action="store_true", help="also measure the machine's limits")
    add("--fidelity", action="store_true", help="also measure what each quality changes")
    add("--compare-reference", type=Path, metavar="DIR", help="where run_reference.py is")
    add("--whole-reference", action="store_true", help="also whole sentences: takes minutes")
    options = parser.parse_args()
    options.voices_dir = options.voices_dir or options.model_dir / "voices"
    if options.turns:
        import turns as benchmark
    elif options.fleet:
        import fleet as benchmark
    elif options.engine == "vietts":
        import vietts as benchmark
    elif options.engine == "vieneu":
        import vieneu as benchmark
    elif options.engine == "piper":
        import piper as benchmark
    else:
        import server as benchmark
    with company(options.beside):
        benchmark.main(options)


if __name__ == "__main__":
    main()
