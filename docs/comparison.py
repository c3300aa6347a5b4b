"""Draw the picture in docs/compare.md: the head of a comparison of the photos that installed packages ship."""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import icsys
from icsys.cli.demo_photos import copy_samples

OUT = Path(__file__).with_name("comparison.png")
WIDTH, HEIGHT = 1180, 1815


def main() -> None:
    """Compare, open the page in Chromium, and save a screenshot."""
    with tempfile.TemporaryDirectory() as folder:
        photos, page = Path(folder, "photos"), Path(folder, "page.html")
        copy_samples(photos)
        options = icsys.Options(step=2)
        icsys.write_comparison(icsys.compare_folder(photos, options, colors=[8, 32], examples=1), page)
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            tab.goto(page.as_uri())
            screen = Image.open(io.BytesIO(tab.screenshot()))
            browser.close()
    few = icsys.quantize(screen.convert("RGB"), colors=64, effort="best").to_image()
    few.save(OUT, optimize=True)


if __name__ == "__main__":
    main()
