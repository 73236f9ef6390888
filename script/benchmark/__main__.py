"""Measures this program: real processes, real sockets, this machine."""

import argparse
from pathlib import Path

from measure import company


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    add = parser.add_argument
    add("--engine", choices=("espeak", "vietts"), default="espeak")
    add("--beside", type=int, default=0, metavar="N", help="beside N busy loops (default: 0)")
    add("--json", type=Path, metavar="FILE", help="write the figures, too")
    espeak = parser.add_argument_group("espeak")
    espeak.add_argument("--requests", type=int, default=200, help="per figure (default: 200)")
    vietts = parser.add_argument_group("vietts")
    add = vietts.add_argument
    add("--model-dir", type=Path, default=Path("models/viet-tts"), metavar="DIR")
    add("--voices-dir", type=Path, metavar="DIR", help="default: voices in the model directory")
    add("--device", default="cpu")
    add("--threads", type=int)
    add("--quality", default="balanced", choices=("exact", "balanced", "fast"))
    add("--repeat", type=int, default=3, help="runs (default: 3)")
    add("--limits", action="store_true", help="what this machine can do at most")
    add("--fidelity", action="store_true", help="what each quality changes")
    add("--compare-reference", type=Path, metavar="DIR", help="where run_reference.py is")
    add("--reference-python", default="python3", help="with the reference installed")
    add("--whole-reference", action="store_true", help="whole sentences of it, too: minutes")
    options = parser.parse_args()
    if options.engine == "vietts":
        import vietts as benchmark
    else:
        import server as benchmark
    with company(options.beside):
        benchmark.main(options)


if __name__ == "__main__":
    main()
