"""Palette files are read back unchanged, and errors name the place of a fault."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import GimpPaletteFile

from icsys import Options, UsageError, read_palette, write_palette
from icsys.files.rooted_path import RootedPath
from icsys.records.palette_files import Palettes, check_palette_files, load_palettes, save_palettes, with_file

palettes = npst.arrays(np.uint8, st.tuples(st.integers(1, 300), st.just(3)))
TWO = np.array([[0, 0, 0], [255, 128, 1]], np.uint8)


@pytest.mark.parametrize("suffix", [".json", ".gpl", ".GPL"])
@settings(deadline=None, max_examples=30)  # files are brought onto the disk
@given(palette=palettes)
def test_a_palette_keeps_its_order_and_repetitions(suffix, palette, tmp_path_factory):
    path = tmp_path_factory.mktemp("p") / f"palette{suffix}"
    write_palette(path, palette)
    np.testing.assert_array_equal(read_palette(path), palette)


def test_pillow_reads_the_palette_for_gimp(tmp_path):
    write_palette(tmp_path / "p.gpl", TWO)
    with (tmp_path / "p.gpl").open("rb") as file:
        assert GimpPaletteFile.GimpPaletteFile(file).getpalette()[0][:6] == TWO.tobytes()


def test_a_palette_that_gimp_has_written_is_read(tmp_path):
    text = "GIMP Palette\r\nName: Sky\r\nColumns: 0\r\n#\r\n  0   0   0\tBlack\r\n\r\n255 128 1 9 lives\r\n# end\r\n"
    (tmp_path / "sky.gpl").write_bytes(text.encode())
    np.testing.assert_array_equal(read_palette(tmp_path / "sky.gpl"), TWO)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.gpl", "", "line 1 is '': expected 'GIMP Palette'"),
        ("a.gpl", "JASC-PAL\n", "line 1 is 'JASC-PAL'"),
        ("a.gpl", "GIMP Palette\n1 2 256\n", "line 2 is '1 2 256'"),
        ("a.gpl", "GIMP Palette\n#\n1 2 3\n1 2\n", "line 4 is '1 2'"),
        ("a.gpl", "GIMP Palette\nName: none\n", "0 colours: expected 1 to 65536"),
        ("a.json", "{", "not JSON"),
        ("a.json", "[]", '"format" is not'),
        ("a.json", '{"format": "icsys-palette", "version": 2}', "version=2: expected 1"),
        ("a.json", '{"format": "icsys-palette", "version": 1}', "colors: expected a list"),
        ("a.json", '{"format": "icsys-palette", "version": 1, "colors": ["#000000", "#12345"]}', "number 2: '#12345'"),
        ("a.json", '{"format": "icsys-palette", "version": 1, "classes": {}}', "classes: expected a table"),
        ("a.json", '{"format": "icsys-palette", "version": 1, "classes": {"x": {"colors": [1]}}}', "'x', number 1: 1"),
    ],
)
def test_an_error_names_the_place(name, text, expected, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as caught:
        read_palette(tmp_path / name)
    assert expected in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_a_missing_file_and_one_of_another_kind_are_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_palette(tmp_path / "none.json")
    with pytest.raises(UsageError, match=r"ends in \.json or \.gpl"):
        write_palette(tmp_path / "a.act", TWO)


@pytest.mark.parametrize("palette", [[], [[0, 0]], [[0, 0, 256]], [[0.5, 0, 0]], [[0, 0, -1]], [[0], [0, 0]], "red"])
def test_an_invalid_palette_is_refused(palette, tmp_path):
    with pytest.raises(UsageError, match="expected shape"):
        write_palette(tmp_path / "a.json", palette)


def test_palettes_of_classes_are_stored_by_folder_name(tmp_path):
    kept = Palettes({"cat": TWO, "caf\udce9": TWO[:1]}, by_class=True, images={"cat": 3}, made_from="m")
    save_palettes(RootedPath(tmp_path), kept, Options())
    found = load_palettes(tmp_path / "palette.json")
    assert found.by_class
    assert (found.images, found.made_from, found.hash) == ({"cat": 3}, "m", kept.hash)
    for name, palette in kept.colors.items():
        np.testing.assert_array_equal(found.colors[name], palette)
    assert found.of("train/cat/a.png") is found.of("test/cat/b.png") is found.colors["cat"]
    assert found.of("a.png") is found.of("train/dog/a.png") is None
    np.testing.assert_array_equal(read_palette(tmp_path / "palette.json", "cat"), TWO)
    with pytest.raises(UsageError, match=r"label=\.\.\. to name a class"):
        read_palette(tmp_path / "palette.json")
    with pytest.raises(UsageError, match="no class 'dog'"):
        read_palette(tmp_path / "palette.json", "dog")


def test_a_label_for_a_file_of_one_palette_is_refused(tmp_path):
    write_palette(tmp_path / "a.json", TWO)
    with pytest.raises(UsageError, match="no label expected"):
        read_palette(tmp_path / "a.json", "cat")


def test_an_edited_palette_has_no_origin(tmp_path):
    save_palettes(RootedPath(tmp_path), Palettes({"": TWO}, by_class=False, made_from="m"), Options())
    assert load_palettes(tmp_path / "palette.json").made_from == "m"
    values = json.loads((tmp_path / "palette.json").read_text())
    values["colors"][0] = "#000001"
    (tmp_path / "palette.json").write_text(json.dumps(values))
    assert load_palettes(tmp_path / "palette.json").made_from == ""


def test_the_hash_covers_the_colours_and_the_kind_of_file():
    wide = np.arange(300 * 3).reshape(300, 3).astype(np.uint8)
    alone, beside = Palettes({"a": TWO}, by_class=True), Palettes({"a": TWO, "b": wide}, by_class=True)
    assert alone.hash_of("a/1.png") == Palettes({"": TWO}, by_class=False).hash_of("x.png") != ""
    assert beside.hash_of("a/1.png") not in {alone.hash_of("a/1.png"), beside.hash_of("b/1.png")}
    assert alone.hash_of("c/1.png") == ""


def test_files_of_other_programs_stay(tmp_path):
    for name in ("palette.json", "palette.gpl"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(UsageError, match="was not written by ics"):
            check_palette_files(RootedPath(tmp_path), Options(palette="dataset"))
        check_palette_files(RootedPath(tmp_path), Options())
        (tmp_path / name).unlink()


def test_a_palette_file_given_by_the_user_is_not_changed(tmp_path):
    path = tmp_path / "palette.gpl"
    path.write_text("GIMP Palette\n1 2 3\tdawn\n")
    options, found = with_file(Options(palette=str(path)), colors_given=False)
    check_palette_files(RootedPath(tmp_path), options)
    save_palettes(RootedPath(tmp_path), found, options)
    assert "dawn" in path.read_text()
    assert options.colors == 1
    np.testing.assert_array_equal(read_palette(tmp_path / "palette.json"), [[1, 2, 3]])


def test_a_number_of_colours_other_than_the_files_is_refused(tmp_path):
    write_palette(tmp_path / "p.json", TWO)
    options = Options(palette=str(tmp_path / "p.json"), colors=2)
    assert with_file(options, colors_given=True)[0] == options
    with pytest.raises(UsageError, match=r"colors=3 with palette=.*which has 2"):
        with_file(options.replace(colors=3), colors_given=True)
