"""Output names: kept where possible, made distinct where two would be equal, in any order."""

import os
import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.sources import output_names as module
from icsys.sources.output_names import each_output_name, name_key, output_names

# Few letters and suffixes, so that names meet often.
names = st.lists(
    st.from_regex(r"[aAéE\u0301]{1,3}(\.(jpg|png|JPG|png\.png)){0,2}", fullmatch=True), unique=True, max_size=8
)


@given(names, names)
def test_no_two_outputs_meet_on_any_file_system(sources, reserved):
    outputs = output_names(sources, ".png", reserved)
    keys = [name_key(name) for name in outputs]
    assert len(set(keys)) == len(sources)
    assert not set(keys) & {name_key(name) for name in reserved}


@given(names, names, st.sampled_from([0, 1000]), st.sampled_from([".png", ""]))
def test_names_that_do_not_meet_are_those_of_a_table_of_all_names(sources, reserved, few, suffix):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEW", few)
        outputs = list(each_output_name(sources, suffix, reserved))
        patch.setattr(module, "_is_each_unique", lambda *_: False)
        assert list(each_output_name(sources, suffix, reserved)) == outputs


@given(names, st.randoms(use_true_random=False))
def test_the_order_of_the_names_does_not_matter(sources, shuffler: random.Random):
    expected = dict(zip(sources, output_names(sources, ".png"), strict=True))
    shuffled = sources.copy()
    shuffler.shuffle(shuffled)
    assert dict(zip(shuffled, output_names(shuffled, ".png"), strict=True)) == expected


@given(names)
def test_every_output_begins_with_its_source_and_ends_with_the_suffix(sources):
    for source, output in zip(sources, output_names(sources, ".png"), strict=True):
        assert output.endswith(".png")
        assert output.startswith(source.rpartition(".")[0] or source)


@given(st.one_of(st.text(), st.text(st.characters(codec="ascii"))))
def test_the_key_of_a_name_is_its_folded_normal_form(name):
    assert name_key(name) == unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def test_a_name_that_meets_no_other_keeps_its_stem():
    assert output_names(["a.jpg", "b.tar.gz", "noext", ".hidden"], ".png") == [
        "a.png", "b.tar.png", "noext.png", ".hidden.png",
    ]  # fmt: skip


def test_one_stem_in_two_formats():
    assert output_names(["a.jpg", "a.png", "c.jpg"], ".png") == ["a.jpg.png", "a.png.png", "c.png"]


def test_a_photo_beside_its_camera_raw_keeps_its_stem():
    assert output_names(["a.CR3", "a.jpg", "b.dng"], ".png") == ["a.CR3.png", "a.png", "b.dng.png"]


def test_names_that_differ_in_letter_case_or_unicode_form_only():
    assert output_names(["a.jpg", "A.jpg"], ".png") == ["a.jpg~2.png", "A.jpg.png"]
    composed, decomposed = "\u00e9.jpg", "e\u0301.jpg"
    first, second = output_names([composed, decomposed], ".png")
    assert name_key(first) != name_key(second)


def test_a_name_made_distinct_never_takes_the_place_of_a_plain_one():
    assert output_names(["a.jpg", "a.gif", "a.jpg.bmp"], ".png") == ["a.jpg~2.png", "a.gif.png", "a.jpg.png"]


def test_a_sub_folder_keeps_its_name():
    assert output_names(["a.jpg"], ".png", reserved=["A.png"]) == ["a.jpg.png"]


@given(
    st.lists(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=200, max_size=300))
)
def test_every_output_is_a_name_that_file_systems_take(names):
    outputs = output_names(names, ".png")
    assert all(len(os.fsencode(output)) <= 255 and output.endswith(".png") for output in outputs)
    assert len({name_key(output) for output in outputs}) == len(outputs)


def test_a_name_is_cut_only_where_it_has_to_be():
    assert output_names(["x" * 251 + ".jpg"], ".png") == ["x" * 251 + ".png"]
    (cut,) = output_names(["x" * 255], ".png")
    assert cut.startswith("x" * 200)
    # Bytes that are no text are cut as bytes are counted.
    (cut,) = output_names([os.fsdecode(b"\xe9" * 255)], ".png")
    assert len(os.fsencode(cut)) == 255
