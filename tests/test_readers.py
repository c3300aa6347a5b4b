"""The page on readers shows what readers do: those that are installed are called again."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[1] / "docs" / "readers.md"


@pytest.fixture(scope="module")
def program():
    """The program that writes the tables."""
    spec = importlib.util.spec_from_file_location("readers", PAGE.with_suffix(".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def on_page(program, title):
    """Return the cells of a table on the page."""
    start, end = (mark.format(title) for mark in program.MARKS)
    return program.page_rows(PAGE.read_text("utf-8").partition(start)[2].partition(end)[0])


def test_every_reader_that_is_installed_gives_what_the_page_says(program):
    found, _ = program.tables()
    for title, rows in found.items():
        shown = on_page(program, title)
        assert set(shown) == {(reader.package, reader.call) for reader in program.READERS}
        assert {row: shown[row] for row in rows} == rows, "run: python docs/readers.py"
        installed = {package for package, _ in rows}
        assert installed >= {"Pillow", "OpenCV", "imageio", "scikit-image", "Matplotlib", "webdataset"}


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (lambda file: file.pixels[..., :3], "RGB"),
        (lambda file: file.pixels[..., 2::-1].transpose(2, 0, 1) / np.float32(255), "BGR"),
        (lambda file: file.pixels[None], "RGBA"),
        (lambda file: file.indices, "**indices**"),
        (
            lambda file: np.pad(file.indices[:, ::2] * 16 + file.indices[:, 1::2], ((0, 0), (0, 12))),
            "**packed indices**",
        ),
        (lambda file: file.pixels[..., :3].transpose(1, 0, 2), "**wrong**"),
        (lambda file: file.pixels[::-1, :, :3], "**wrong**"),
        (lambda file: file.pixels[..., 0], "**wrong**"),
    ],
)
def test_an_array_gets_the_word_for_what_it_holds(program, tmp_path, array, word):
    """A file of 24 x 16 pixels with four bits per pixel."""
    indices = np.random.default_rng(0).integers(0, 16, (16, 24), np.uint8)
    palette = np.random.default_rng(1).integers(0, 256, (16, 4), np.uint8)
    palette[:, 3] = 255
    (tmp_path / "a.png").write_bytes(bytes(24) + b"\x04")
    file = program.File(tmp_path / "a.png", palette[indices], indices)
    program.HEIGHT, program.WIDTH = indices.shape
    assert program.described(array(file), file) == word
