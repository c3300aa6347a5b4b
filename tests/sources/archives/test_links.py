"""Symbolic links in archives stand for what they stand for in a folder."""

import os
import stat
import sys
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import compress_into, image_bytes, synthetic_photo, tree

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links take rights there that tests do not have")
KINDS = ("tar", "tar.gz", "zip")
IMAGES = [image_bytes(synthetic_photo(6 + i, 9, seed=i)) for i in range(4)]
FILES = dict(zip(["cat/a.png", "cat/in/b", "dog/c.txt", "e.png"], IMAGES, strict=True)) | {"dog/no.txt": b"no image"}


def put_links(folder, links):
    """Make a folder of the files and links, and archives of it."""
    source = folder / "source"
    for name, data in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    for name, target in links.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(source / name):
            (source / name).symlink_to(target)
    for kind in ("tar", "tar.gz"):
        with tarfile.open(folder / f"x.{kind}", "w:" + kind.partition(".")[2]) as archive:
            archive.add(source, ".")
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        for path in sorted(source.rglob("*")):
            info = zipfile.ZipInfo(path.relative_to(source).as_posix())
            if path.is_symlink():
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(info, str(path.readlink()))
            elif path.is_file():
                archive.writestr(info, path.read_bytes())
    return source


NAMES = st.sampled_from(["l1", "l2.png", "cat/l3", "dog/l4.txt", "new/l5.png", "cat/in/l6", ".hidden"])
INSIDE = ["cat", "../cat", "dog/c.txt", "dog/../cat/in", "e.png", "../e.png", "a.png", "no.txt", "../dog/no.txt", "in"]
TARGETS = st.sampled_from([*INSIDE, "l1", "../l1", "cat/l3", "new", "cat/in/l6/a.png", "nowhere", ".", "..", "../.."])


def stays_inside(link):
    """Return whether a link stays inside the source: a folder could follow it further, an archive has nothing there."""
    name, target = link
    return os.path.normpath(os.path.join(os.path.dirname(name), target)) not in {"..", "../.."}  # noqa: PTH118, PTH120


@given(links=st.lists(st.tuples(NAMES, TARGETS).filter(stays_inside), max_size=5).map(dict))
@settings(max_examples=20, deadline=None)
def test_an_archive_gives_what_its_folder_gives_with_and_without_links(links, tmp_path_factory):
    folder = tmp_path_factory.mktemp("links")
    source = put_links(folder, links)
    for follow in (False, True):
        results, expected = compress_into(source, folder / f"out-{follow}", follow_links=follow)
        for kind in KINDS:
            out = folder / f"out-{follow}-{kind}"
            found, summary = compress_into(folder / f"x.{kind}", out, follow_links=follow)
            assert tree(out) == tree(folder / f"out-{follow}")
            assert {name: result.status for name, result in found.items()} == {
                name: result.status for name, result in results.items()
            }
            assert summary.failed == expected.failed


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_out_of_an_archive_leads_nowhere(kind, tmp_path):
    put_links(tmp_path, {"l1.png": "/etc/passwd", "cat/l2": "../../source/e.png"})
    results, summary = compress_into(tmp_path / f"x.{kind}", tmp_path / "out", follow_links=True)
    assert (summary.compressed, summary.failed) == (4, 2)
    assert {results["l1.png"].code, results["cat/l2"].code} == {"io"}
