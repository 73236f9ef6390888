"""Draw the icon and the logo of the Home Assistant app; see script/make_icons."""

from pathlib import Path

import resvg_py

ADDON = Path(__file__).parents[1] / "addon"
WIDTHS = {"icon": 128, "logo": 250}  # pixels, as Home Assistant recommends

for name, width in WIDTHS.items():
    png = resvg_py.svg_to_bytes(svg_path=str(ADDON / f"{name}.svg"), width=width)
    (ADDON / f"{name}.png").write_bytes(png)
