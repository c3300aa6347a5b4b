"""Draw docs/before-after.png and docs/before-after-phone.png: a sample photo, and what ICS makes of it.

Run it with ``python docs/before_after.py``.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from icsys import Options, compress_image
from icsys.cli.demo_photos import sample_photos

GAP = 12


class Panel(NamedTuple):
    """A picture and the lines below it."""

    picture: Image.Image
    lines: tuple[str, str]


def main() -> None:
    """Write the pictures beside this file: three panels, and for narrow screens the first two in larger letters."""
    photo = next(path for path in sample_photos() if path.name == "china.jpg").read_bytes()
    panels = [_panel(photo, "before")]
    for colors in (32, 8):
        small = compress_image(photo, Options(step=2, colors=colors))
        panels.append(_panel(small.data, f"--step 2 --colors {colors}"))
    size = panels[1].picture.size
    _draw("before-after", panels, size, [": ".join(panel.lines) for panel in panels], 15)
    _draw("before-after-phone", panels[:2], size, ["\n".join(panel.lines) for panel in panels[:2]], 24)


def _panel(data: bytes, name: str) -> Panel:
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    return Panel(picture, (name, f"{picture.width}x{picture.height}, {len(data) / 1000:.0f} kB"))


def _draw(name: str, panels: list[Panel], size: tuple[int, int], captions: list[str], letters: int) -> None:
    """Draw panels of one size in a row, with their captions in letters of a size."""
    width, height = size
    caption = round(1.4 * letters * len(captions[0].splitlines())) + 9
    sheet = Image.new("RGB", (len(panels) * (width + GAP) - GAP, height + caption), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (panel, text) in enumerate(zip(panels, captions, strict=True)):
        left = i * (width + GAP)
        sheet.paste(panel.picture.resize(size, Image.Resampling.BOX), (left, 0))
        draw.text((left, height + 7), text, fill="black", font=ImageFont.load_default(letters), spacing=letters // 4)
    sheet.save(Path(__file__).with_name(f"{name}.png"), optimize=True)


if __name__ == "__main__":
    main()
