"""What the benchmark of fewer colours beside lossy files counts."""

import io

import numpy as np
import pytest
from PIL import Image

from drawings import draw_chart, draw_window, write_drawings
from helpers import synthetic_photo
from icsys import Options, compress_image
from lossy import main, table_rows


def error(data, pixels):
    shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    return np.square(shown.astype(float) - pixels).sum(axis=2).mean()


def test_a_row_has_the_bytes_and_errors_of_files_made_by_pillow(tmp_path):
    pixels = synthetic_photo(120, 120)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (row,) = table_rows("photos", tmp_path, ["whole"], [16])
    png = compress_image((tmp_path / "a.png").read_bytes(), Options(colors=16, step=1)).data
    assert row[:4] == ["photos (1)", "whole", "16", f"{len(png):,}"]
    errors = {"PNG": error(png, pixels)}
    for codec, quality in (("JPEG", row[5]), ("WebP", row[7])):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, codec.upper(), quality=int(quality))
        assert len(file.getvalue()) <= len(png)
        errors[codec] = error(file.getvalue(), pixels)
    assert [float(row[place].replace(",", "")) for place in (4, 6, 8)] == pytest.approx(list(errors.values()), rel=0.01)
    assert row[9] == min(errors, key=errors.get)


def test_drawings_are_the_same_each_time_and_have_few_colours(tmp_path):
    for draw in (draw_chart, draw_window):
        assert draw(3).tobytes() == draw(3).tobytes() != draw(4).tobytes()
    for path in write_drawings(tmp_path, 2):
        with Image.open(path) as image:
            pixels = image.width * image.height
            colors = image.getcolors(pixels)
        assert colors is not None
        assert sum(sorted(count for count, _ in colors)[-8:]) > pixels * 0.8


def test_each_folder_is_a_kind_with_a_row_for_each_size_and_k(tmp_path):
    for kind in ("one", "two"):
        (tmp_path / kind).mkdir()
        Image.fromarray(synthetic_photo(40, 60)).save(tmp_path / kind / "a.png")
    folders = [str(tmp_path / kind) for kind in ("one", "two")]
    main([*folders, "--sizes", "20", "--colors", "2,4", "--out", str(tmp_path / "page.md")])
    lines = (tmp_path / "page.md").read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:4]] for line in lines if "\N{MULTIPLICATION SIGN}" in line]
    assert cells == [[f"{kind} (1)", "20\N{MULTIPLICATION SIGN}20", k] for kind in ("one", "two") for k in ("2", "4")]
