"""Write tests/engines/vietts/golden: the reference's outputs for the tiny model directories.

    script/make_goldens --oracle DIR [--output FOLDER]

DIR contains oracle.py, which runs the published package. Needed only when the tiny model or the
cases change.
"""

import argparse
import json
import sys
import tempfile
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from tests.engines.vietts import cases  # noqa: E402
from tests.engines.vietts.goldens import (  # noqa: E402
    CANDIDATES,
    FLOWS,
    GOLDEN,
    HIFTS,
    LM_SEED,
    PROMPT_SEED,
    RATES,
)
from tests.engines.vietts.oracle import Oracle  # noqa: E402
from tests.engines.vietts.tiny_model import SPEECH_VOCABULARY, write_model_dir  # noqa: E402
from wyoming_vietts.engines.vietts.convert import PREPARED_TYPES, load_config  # noqa: E402
from wyoming_vietts.engines.vietts.convert.published_weights import read_published  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--oracle", type=Path, required=True, help="the folder of oracle.py")
    parser.add_argument("--oracle-python", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=GOLDEN, help="where the files go")
    args = parser.parse_args()
    oracle = Oracle(args.oracle, args.oracle_python)
    save = partial(save_arrays, args.output)

    with tempfile.TemporaryDirectory() as folder:
        dirs = {rate: write_model_dir(Path(folder) / str(rate), rate, rate) for rate in RATES}
        configs = {rate: load_config(path) for rate, path in dirs.items()}
        small = cases.SMALL
        # The reference loads these files strictly: their names are the published ones.
        save(
            "names",
            {
                part: np.array(sorted(read_published(dirs[25] / f"{part}.pt")))
                for part in PREPARED_TYPES
            },
        )
        save("lm", oracle("lm", dirs[25], cases.lm_case(configs[25], small, LM_SEED)))
        for name, sharpness, seed in CANDIDATES:
            case = cases.candidates_case(SPEECH_VOCABULARY, sharpness, seed)
            save(name, oracle("candidates", dirs[25], case))
        for name, rate, tokens, seed in FLOWS:
            out = oracle("flow", dirs[rate], cases.flow_case(configs[rate], small, tokens, seed))
            save(name, {key: out[key] for key in ("mel", "spks")})
        for name, cached_frames, seed in HIFTS:
            case = cases.hift_case(configs[25], small, cached_frames, seed)
            save(name, oracle("hift", dirs[25], case))
        for rate in RATES:
            out = oracle("prompt", dirs[rate], cases.prompt_case(small, PROMPT_SEED))
            save(f"prompt{rate}", {k: out[k] for k in ("speech_token", "prompt_feat", "embedding")})
    rows = [sentence[0] for sentence in oracle.text(cases.SENTENCES)]
    ids = dict(zip(cases.SENTENCES, (row["ids"] for row in rows), strict=True))
    (args.output / "text.json").write_text(json.dumps(ids, ensure_ascii=False, indent=1) + "\n")


def save_arrays(folder: Path, name: str, arrays: cases.Arrays) -> None:
    np.savez_compressed(folder / f"{name}.npz", **arrays)


if __name__ == "__main__":
    main()
