"""Links under the names that ICS uses, before a run and while it goes on: nothing outside the output folder changes."""

import os
import random
import shutil
import sys
import threading
from pathlib import Path

import pytest

from fault_runs import QUICK, make_photos, run
from helpers import image_bytes, synthetic_photo
from icsys.dataset import layout
from planted import Moments, exchange, ics, snapshot

pytestmark = [
    pytest.mark.usefixtures("unsynced"),
    pytest.mark.skipif(sys.platform == "win32", reason="needs the right to make links, which few have on Windows"),
]
FILES = (*layout.RESERVED, layout.CLAIMS, layout.WRITTEN, layout.LOCK)
FOLDERS = (layout.BOOKS, layout.MERGED, layout.DIVISION, layout.DRIVER, layout.PARTS, layout.STAGE)
BOOKS = f"{layout.BOOKS}/1-of-2"
TEMPORARY = f"{layout.OURS}0123456789abcdef.tmp"
PACKED = ("--shard-images", "2", *QUICK)
# What a command is given behind the two folders, and the commands that have filled the output folder before it.
RUNS = {
    "files": (QUICK, ()),
    "anew": ((*QUICK, "--overwrite", "always"), (QUICK,)),
    "other options": ((*QUICK[:-1], "3"), (QUICK,)),
    "palette": (("--step", "2", "--colors", "4", "--palette", "dataset"), ()),
    "palettes of classes": (("--step", "2", "--colors", "4", "--palette", "class"), ()),
    "webdataset": (("--format", "webdataset", *PACKED), ()),
    "webdataset anew": (("--format", "webdataset", *PACKED, "--overwrite", "always"), (("--format", "webdataset", *PACKED),)),
    "parquet": (("--format", "parquet", *PACKED), ()),
    "shard": (("--shard", "1/2", *QUICK), ()),
    "second shard": (("--shard", "2/2", *QUICK), (("--shard", "1/2", *QUICK),)),
    "merge": (None, (("--shard", "1/2", *QUICK), ("--shard", "2/2", *QUICK))),
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("links") / "in", 4)


@pytest.fixture(scope="module")
def begun(photos):
    """For each run a function that makes its output folder as it is before, and one that gives its command line."""
    made = {}

    def make(name, out):
        earlier = RUNS[name][1]
        if earlier and earlier not in made:
            made[earlier] = photos.parent / f"begun{len(made)}"
            for words in earlier:
                assert ics("compress", photos, made[earlier], *words)[0] == 0
        if earlier:
            shutil.copytree(made[earlier], out, symlinks=True)
        else:
            out.mkdir()
        words = RUNS[name][0]
        return ("merge", out) if words is None else ("compress", photos, out, *words)

    return make


@pytest.fixture(scope="module")
def decoys(photos):
    """Somebody else's tree, in which every name of ICS's is a file or a folder, and which runs have filled, too."""
    folder = photos.parent / "decoys"
    theirs = make_photos(photos.parent / "theirs", 4)
    for words in (("--format", "webdataset", *PACKED), ("--format", "parquet", *PACKED), QUICK):
        folder.mkdir(exist_ok=True)
        (folder / layout.INDEX).unlink(missing_ok=True)
        (folder / layout.MANIFEST).unlink(missing_ok=True)
        assert ics("compress", theirs, folder, *words)[0] == 0
    for name in (*FILES, TEMPORARY, *(f"{BOOKS}/{name}" for name in layout.BOOKS_FILES)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("ab") as file:
            file.write(b"mine\n")
    for name in (*FOLDERS, layout.PACKS, "cat", "dog", "empty"):
        (folder / name / "deep").mkdir(parents=True, exist_ok=True)
        (folder / name / "deep" / "mine.png").write_bytes(image_bytes(synthetic_photo(8, 8)))
        shutil.copy(folder / TEMPORARY, folder / name)
    return folder


def links(decoys, name):
    """Return by its kind what a link may lead to: paths, given the folder that it lies in."""
    inside = decoys / name
    return {
        "folder": lambda _: inside if inside.is_dir() else decoys,
        "file": lambda _: inside if inside.is_file() else decoys / layout.MANIFEST,
        "nothing": lambda _: decoys / "none",
        "itself": lambda place: place,
        "up": lambda place: place.parent,
        "relative": lambda place: os.path.relpath(inside if inside.exists() else decoys, place.parent),
    }


KINDS = tuple(links(Path(), ""))
TOP = (*FILES, *FOLDERS)
DEEP = tuple(f"{BOOKS}{name}" for name in ("", *(f"/{name}" for name in sorted(layout.BOOKS_FILES - {layout.DIVIDED, layout.LISTING}))))
PACKS = (layout.PACKS, "data/train-00000.tar", "data/train-00001.parquet", f"{layout.STAGE}/train-00000.tar")
OTHERS = ("cat", "cat/00000.png", TEMPORARY, f"cat/{TEMPORARY}", f"{layout.PARTS}/cat", f"{layout.PARTS}/cat/00000.png")


PLACES = (
    *((name, tuple(RUNS)) for name in TOP),
    *((name, ("shard", "merge")) for name in DEEP),
    *((name, ("second shard", "merge")) for name in (f"{layout.BOOKS}/{layout.DIVIDED}",)),
    *((name, ("webdataset", "webdataset anew", "parquet")) for name in PACKS),
)


@pytest.mark.fault(0, "a link under a name that ICS uses", "exit 2 and the name; nothing is changed")
@pytest.mark.parametrize("kind", KINDS)
def test_a_link_under_a_name_of_ours(kind, begun, decoys, tmp_path, thorough, observed):
    """To a folder or file of somebody else's, to nothing, to itself or up, under every name; then every command."""
    tries = [(name, command) for name, commands in PLACES for command in commands]
    chance = random.Random(kind)  # noqa: S311 - what to try, no secret
    for number, (name, command) in enumerate(tries if thorough else chance.sample(tries, 40)):
        out = tmp_path / str(number)
        words = begun(command, out)
        exchange(out / name, tmp_path / f"{number} aside", links(decoys, name)[kind](out / name))
        before = snapshot(out), snapshot(decoys)
        code, said = ics(*words)
        assert (code, name in said) == (2, True), (name, command, said)
        assert (snapshot(out), snapshot(decoys)) == before, (name, command)
    observed(f"refused by name, {len(tries)} times")


@pytest.mark.fault(0, "a link in the place of a folder or file of images", "the images fail, by name; nothing else")
@pytest.mark.parametrize("kind", KINDS)
def test_a_link_in_the_place_of_images(kind, begun, decoys, tmp_path, observed):
    """Of a class folder, an output, a temporary file and the same below `.ics-parts`; then every command."""
    for number, (name, command) in enumerate((name, command) for name in OTHERS for command in RUNS):
        out = tmp_path / str(number)
        words = begun(command, out)
        exchange(out / name, tmp_path / f"{number} aside", links(decoys, name)[kind](out / name))
        before = snapshot(decoys)
        code, said = ics(*words)
        assert code in {0, 1}, (name, command, said)
        assert snapshot(decoys) == before, (name, command)
        assert (out / name).is_symlink()
    observed("blocked; the others are done")


@pytest.mark.fault(0, "a hard link under a name that ICS uses", "the other name of the file keeps its content")
def test_a_hard_link(begun, decoys, tmp_path, thorough, observed):
    """To a file of somebody else's, under the name of every file that ICS keeps, and of an output."""
    tries = [
        (name, command)
        for name in (*FILES, *DEEP[1:], *PACKS[1:], "cat/00000.png", TEMPORARY, f"{layout.PARTS}/cat/00000.png")
        for command in RUNS
    ]
    chance = random.Random(1)  # noqa: S311 - as above
    bad=[]
    for number, (name, command) in enumerate(tries if thorough else chance.sample(tries, 80)):
        for which, theirs in enumerate((decoys / name, decoys / TEMPORARY)):
            out = tmp_path / f"{number}-{which}"
            words = begun(command, out)
            (out / name).unlink(missing_ok=True)
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            if theirs.is_file():
                os.link(theirs, out / name)
            before = snapshot(decoys)
            code, said = ics(*words)
            if snapshot(decoys) != before: bad.append((name, command, theirs.name)); [Path(p).write_bytes(b[3]) for p,b in before.items() if isinstance(b[3],bytes)]
    assert not bad, bad
    observed(f"unchanged, {len(tries)} times")


def moments(begun, command, folder):
    """Return the paths that the calls of a run are about, in their order."""
    words = begun(command, folder)
    with Moments(folder).watched() as calls:
        ics(*words)
    return [Path(path).relative_to(folder).as_posix() for path in calls.paths]


@pytest.mark.fault(0, "a link that takes a place while a run goes on", "nothing outside the output folder is changed")
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc, which tells the path of a descriptor")
@pytest.mark.parametrize("command", RUNS)
def test_a_link_that_comes_meanwhile(command, begun, decoys, tmp_path, thorough, observed):
    """Between any two system calls the file or folder that the next is about, or one above it, becomes a link."""
    calls = moments(begun, command, tmp_path / "calls")
    tries = [
        (when, depth, kind)
        for when, path in enumerate(calls, 1)
        for depth in range(1, 1 + path.count("/") + (path != "."))
        for kind in ("folder", "file", "nothing")
    ]
    chance = random.Random(command)  # noqa: S311 - as above
    refused = 0
    for number, (when, depth, kind) in enumerate(tries if thorough else chance.sample(tries, 60)):
        out = tmp_path / str(number)
        words = begun(command, out)

        def deed(path, out=out, depth=depth, kind=kind):
            name = "/".join(path.relative_to(out).parts[:depth])
            exchange(out / name, tmp_path / f"{out.name} aside", links(decoys, name)[kind](out / name))

        before = snapshot(decoys)
        with Moments(out, when, deed).watched():
            code, said = ics(*words)
        assert snapshot(decoys) == before, (calls[when - 1], when, depth, kind)
        assert code in {0, 1, 2}, said
        refused += code > 0
    assert refused
    observed("refused or not needed any more")
