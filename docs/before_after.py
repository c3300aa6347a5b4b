"""Draw docs/before-after.png: a sample photo, and what ICS makes of it.

Run it with ``python docs/before_after.py``.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from icsys import Options, compress_image
from icsys.cli.demo_photos import sample_photos

CAPTION, GAP = 30, 12


def main() -> None:
    """Write the picture beside this file."""
    photo = next(path for path in sample_photos() if path.name == "china.jpg").read_bytes()
    panels = [(photo, "before")]
    for colors in (32, 8):
        small = compress_image(photo, Options(step=2, colors=colors))
        panels.append((small.data, f"--step 2 --colors {colors}"))
    pictures = [Image.open(io.BytesIO(data)).convert("RGB") for data, _ in panels]
    width, height = pictures[1].size
    sheet = Image.new("RGB", (len(panels) * (width + GAP) - GAP, height + CAPTION), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    for i, ((data, name), picture) in enumerate(zip(panels, pictures, strict=True)):
        left = i * (width + GAP)
        sheet.paste(picture.resize((width, height), Image.Resampling.BOX), (left, 0))
        caption = f"{name}: {picture.width}x{picture.height}, {len(data) / 1000:.0f} kB"
        draw.text((left, height + 7), caption, fill="black", font=font)
    sheet.save(Path(__file__).with_name("before-after.png"), optimize=True)


if __name__ == "__main__":
    main()
