"""The list of images: choices agree with a plain filter while it grows, and all kinds of archives can be read."""

import shutil
import tarfile
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.errors import UsageError
from icsys.options import Options
from icsys.run_settings import RunSettings
from icsys.sources.base import Task
from icsys.studio.images.image_choice import ImageChoice
from icsys.studio.images.image_list import ImageList
from icsys.studio.images.streamed_files import StreamedFiles

PARTS = st.sampled_from(["train", "test", "cat", "Dog", "a", "ß", "İ"])
PATHS = st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join), max_size=30)


class Listing:
    """A source whose plan goes on when it is told."""

    def __init__(self, paths):
        self.paths, self.go_on = paths, threading.Event()

    def plan(self, suffix):
        half = len(self.paths) // 2
        for place, path in enumerate(self.paths):
            if place == half:
                self.go_on.wait(30)
            yield Task(path, path + suffix)


@given(
    PATHS, st.sampled_from(["", "cat", "Dog"]), st.sampled_from(["", "train", "test"]), st.sampled_from(["", "A", "SS"])
)
def test_a_choice_is_a_filter_of_what_is_listed(paths, label, split, words):
    source = Listing(paths)
    images = ImageList.__new__(ImageList)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("icsys.studio.images.closed_folder.open_source", lambda *_, **__: source)
        images.__init__(".", "out", Options(), RunSettings())
    choice = ImageChoice(label, split, words)

    def expected():
        found = []
        for number in range(len(images)):
            path = images[number].task.source
            folders = path.split("/")[:-1]
            is_label = not label or folders[-1:] == [label]
            is_split = not split or folders[:1] == [split]
            if is_label and is_split and words.casefold() in path.casefold():
                found.append(number)
        return found

    while len(images) < len(paths) // 2:
        pass
    assert list(images.numbers(choice)) == expected()
    source.go_on.set()
    images.wait(30)
    assert images.is_complete
    assert len(images) == len(paths)
    assert list(images.numbers(choice)) == expected()
    assert sum(images.labels.values()) == sum(images.splits.values()) == len(paths)
    images.close()


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar"])
def test_photos_of_archives_are_read_in_any_order(photos, tmp_path, kind):
    archive = shutil.make_archive(str(tmp_path / "photos"), kind, photos)
    images = ImageList(archive, str(tmp_path / "out"), Options(), RunSettings())
    images.wait(30)
    assert len(images) == 7
    for number in (6, 0, 3, 3, 1, 5, 2, 4):
        name = images[number].task.source.split("/", 0 if (photos / images[number].task.source).exists() else 1)[-1]
        assert images.read(number, Options()) == (photos / name).read_bytes()
    with pytest.raises(UsageError, match="image 7"):
        images.read(7, Options())
    images.close()


def test_a_compressed_archive_is_unpacked_once_for_photos_in_their_order(photos, tmp_path, monkeypatch):
    archive = shutil.make_archive(str(tmp_path / "photos"), "gztar", photos)
    images = ImageList(archive, str(tmp_path / "out"), Options(), RunSettings())
    images.wait(30)
    begun, begin = [], StreamedFiles._begin  # noqa: SLF001 - counted
    monkeypatch.setattr(StreamedFiles, "_begin", lambda *given: begun.append(given[1]) or begin(*given))
    for number in (1, 0, 2, 1, 4, 3, 6, 5):
        images.read(number, Options())
    assert begun == [1, 0]
    assert tarfile.is_tarfile(archive)
    images.close()
