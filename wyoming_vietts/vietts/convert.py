"""Writes a model's weights as safetensors beside the published files: a quicker first start.

script/convert_model DIR
"""

import argparse
import sys
from pathlib import Path

from .config_file import ConfigError
from .networks import convert
from .weights import WeightsError


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="convert_model", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("model_dir", type=Path, metavar="DIR")
    options = parser.parse_args()
    try:
        for path in convert(options.model_dir):
            print(f"{path}  {path.stat().st_size / 1e6:.0f} MB")
    except (ConfigError, WeightsError, OSError) as error:
        print(f"convert_model: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
