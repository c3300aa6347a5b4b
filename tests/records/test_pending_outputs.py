"""Pending outputs of a killed run, and which files are its outputs."""

import hashlib
import io
import pickle
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers import image_bytes, synthetic_photo
from icsys import Options, compress_image
from icsys.files.rooted_path import RootedPath
from icsys.layout import PENDING, WRITTEN
from icsys.records.pending_outputs import WrittenHashes, copy_pending, is_own_output, load_pending, write_pending

names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=9).filter(
    lambda name: name not in {".", ".."}
)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)


@given(pending=st.dictionaries(names, names, max_size=5))
def test_pending_outputs_are_read_back_unchanged(pending, tmp_path_factory):
    state_folder = RootedPath(tmp_path_factory.mktemp("state"))
    write_pending(state_folder, pending)
    assert load_pending(state_folder) == pending
    assert (state_folder / PENDING).exists() == bool(pending)


@pytest.mark.parametrize(
    ("text", "pending"),
    [
        (b'["a.png", 3, "cat/b.png"]', {"a.png": "", "cat/b.png": ""}),  # of older versions
        (b'{"a.png": "a.jpg", "b.png": 3}', {"a.png": "a.jpg"}),
        (b'["../a.png", "/etc/passwd", "a//b", "", "cat/../../b"]', {}),
        (b'{"../a.png": "a.jpg"}', {}),
        (b'"a.png"', {}),
        (b"[" * 10**5, {}),
        (b"", {}),
        (b'["a.png"', {}),
    ],
)
def test_invalid_pending_outputs_are_ignored(text, pending, tmp_path):
    (tmp_path / PENDING).write_bytes(text)
    assert load_pending(RootedPath(tmp_path)) == pending


@given(lines=st.lists(st.tuples(names, hashes), max_size=9), kept=st.sets(names, max_size=3))
def test_hashes_are_recorded_one_by_one_and_kept_for_some(lines, kept, tmp_path_factory):
    state_folder = RootedPath(tmp_path_factory.mktemp("state"))
    written = WrittenHashes(state_folder)
    kept |= {name for name, _ in lines[:2]}
    for name, sha256 in lines:
        written.add(name, sha256)
    expected = {name: {one[:32] for other, one in lines if other == name} for name, _ in lines}
    assert WrittenHashes(state_folder).load() == expected
    written.keep(kept)
    assert written.load() == {name: found for name, found in expected.items() if name in kept}
    assert (state_folder / WRITTEN).exists() == any(name in kept for name in expected)


def test_a_cut_line_spoils_no_other(tmp_path):
    written = WrittenHashes(RootedPath(tmp_path))
    written.add("a.png", "0" * 64)
    with (tmp_path / WRITTEN).open("ab") as file:
        file.write(b'\n["11111')
    written.add("b.png", "2" * 64)
    assert written.load() == {"a.png": {"0" * 32}, "b.png": {"2" * 32}}


def test_threads_and_other_processes_add_to_one_list(tmp_path):
    written = WrittenHashes(RootedPath(tmp_path))
    others = [written, written, pickle.loads(pickle.dumps(written))]  # noqa: S301 - its own pickle
    threads = [
        threading.Thread(target=lambda one=one, i=i: [one.add(f"{i}-{n}", f"{n:064}") for n in range(200)])
        for i, one in enumerate(others)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(written.load()) == 600


def test_pending_outputs_are_copied_with_their_hashes(tmp_path):
    here, there = RootedPath(tmp_path / "a"), RootedPath(tmp_path / "b")
    for state_folder in (here, there):
        state_folder.make_folders()
    WrittenHashes(here).add("a.png", "0" * 64)
    WrittenHashes(here).add("b.png", "1" * 64)
    copy_pending(here, there, {"a.png": "a.jpg"})
    assert load_pending(there) == {"a.png": "a.jpg"}
    assert WrittenHashes(there).load() == {"a.png": {"0" * 32}}


def test_a_file_is_own_by_its_hash_or_else_as_a_png_of_ics():
    theirs = image_bytes(synthetic_photo())
    ours = compress_image(theirs, Options(step=1)).data
    assert is_own_output(theirs, {hashlib.sha256(theirs).hexdigest()[:32]})
    assert not is_own_output(theirs, {hashlib.sha256(ours).hexdigest()[:32]})
    assert not is_own_output(ours, {hashlib.sha256(theirs).hexdigest()[:32]})
    assert is_own_output(ours, ())
    for other in (theirs, image_bytes(Image.open(io.BytesIO(ours))), ours + b"\0", b"", b"no image"):
        assert not is_own_output(other, ())
    assert not is_own_output(compress_image(theirs, Options(step=1, format="webp")).data, ())
