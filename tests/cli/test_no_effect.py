"""Notes about options that do nothing: each note is true of the bytes."""

from dataclasses import fields

import pytest

from helpers import ics, image_bytes, synthetic_photo
from icsys import Options, compress_image
from icsys.cli.no_effect import no_effect
from icsys.records.config.request import Request, table_fields
from icsys.run_settings import RunSettings

PHOTO = image_bytes(synthetic_photo(40, 56), "PNG")
OTHERS = {
    "colors": 5,
    "effort": "best",
    "space": "oklab",
    "dither": "floyd-steinberg",
    "fit": "cover",
    "resample": "skip",
    "background": "#000000",
}


@pytest.mark.parametrize("strategy", ["SO", "MKM", "FKM"])
@pytest.mark.parametrize("where", [{"step": 2}, {"size": "16x16"}], ids=["step", "size"])
def test_a_note_stands_just_where_the_bytes_stay_the_same(strategy, where):
    base = Options(strategy=strategy, **where)
    before = compress_image(PHOTO, base).data
    for name, value in OTHERS.items():
        options = base.replace(**{name: value})
        notes = list(no_effect(Request(options), {name}))
        same = compress_image(PHOTO, options).data == before
        assert len(notes) == (same and name != "background"), (name, notes)  # a background depends on the picture


def test_options_of_a_file_count_only_where_they_differ_from_their_defaults():
    assert list(no_effect(Request(Options(strategy="SO")), set())) == []
    elsewhere = {"shard_images", "shard_bytes", "jpeg_quality", "mask_pad", "min_visibility", "table_column"}
    assert list(no_effect(Request(Options(size="8x8")), set(table_fields()) - elsewhere)) == []
    assert [note.split()[1] for note in no_effect(Request(Options(strategy="SO", colors=8)), set())] == ["--colors"]


@pytest.mark.parametrize(
    ("options", "settings", "notes"),
    [
        ({"size": "8x8", "fit": "cover"}, {"min_visibility": 0.5, "mask_pad": 0}, []),
        ({"size": "8x8", "fit": "pad"}, {"mask_pad": 0}, []),
        (
            {"size": "8x8"},
            {"mask_pad": 0},
            ["--mask-pad 0 has no effect with --fit contain; it is for --fit pad or cover"],
        ),
        ({}, {"min_visibility": 0.5}, ["--min-visibility 0.5 has no effect with --fit contain; it is for --fit cover"]),
        ({"strategy": "SO", "seed": 3}, {"split": "a=1,b=1"}, []),
        (
            {"strategy": "SO", "seed": 3},
            {},
            ["--seed 3 has no effect with --strategy SO; it is for --strategy MKM, FKM or MBKM"],
        ),
        ({}, {"table_column": "image"}, ["--table-column image has no effect without --table"]),
        ({}, {"table": "a.csv", "table_column": "image", "min_side": 3, "split": "a=1,b=1"}, []),
    ],
)
def test_options_of_labels_say_where_they_do_nothing(options, settings, notes):
    request = Request(Options(**options), RunSettings(**settings))
    assert list(no_effect(request, options.keys() | settings.keys())) == [f"note: {note}" for note in notes]


def test_what_an_option_needs_is_an_option_and_can_be_met():
    table = table_fields()
    for field in table.values():
        needs = field.metadata.get("needs")
        if needs is not None:
            assert needs.field in table
            assert set(needs.values) <= set(getattr(table[needs.field].metadata["check"], "names", needs.values))
    assert sum("needs" in field.metadata for field in fields(Options)) >= 5


def test_a_note_is_one_line_on_standard_error_and_the_run_goes_on(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(PHOTO)
    flags = ("--strategy", "SO", "--colors", "16", "--fit", "cover")
    code, out, err = ics("compress", "in", "out", *flags, cwd=tmp_path)
    assert (code, "1 compressed" in out) == (0, True)
    assert err.splitlines() == [
        "note: --colors 16 has no effect with --strategy SO; it is for --strategy MKM, FKM or MBKM",
        "note: --fit cover has no effect without --size",
    ]
    assert ics("compress", "in", "more", *flags, "--quiet", cwd=tmp_path) == (0, "", "")
    code, _, err = ics(
        "compare", "in", "--fit", "cover", "--sample", "1", "--no-report", "--strategy", "MKM", cwd=tmp_path
    )
    assert (code, err.splitlines()[0]) == (0, "note: --fit cover has no effect without --size")
