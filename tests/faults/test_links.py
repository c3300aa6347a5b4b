"""Links under the names that ICS uses, before a run and while it goes on: nothing outside the output folder changes."""

import contextlib
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fake_cluster import Fake
from fault_runs import QUICK, make_photos
from fault_runs import command as command_line
from helpers import image_bytes, synthetic_photo
from icsys import layout
from icsys.report.run_page import REPORT
from icsys.run import cluster
from links_between_calls import Moments, exchange, ics, snapshot

pytestmark = [
    pytest.mark.usefixtures("unsynced"),
    pytest.mark.skipif(sys.platform == "win32", reason="needs the right to make links, which few have on Windows"),
]
FILES = (*layout.RESERVED, layout.PENDING, layout.WRITTEN, layout.LOCK)
FOLDERS = (
    layout.STATE_FOLDERS,
    layout.MERGED_FOLDERS,
    layout.STATE_DRAFT,
    layout.CLUSTER_FOLDER,
    layout.UNPACKED,
    layout.STAGED_PACKS,
)
STATE_FOLDERS = f"{layout.STATE_FOLDERS}/1-of-2"
TEMPORARY = f"{layout.OWN_PREFIX}0123456789abcdef.tmp"
PACKED = ("--shard-images", "2", *QUICK)
# What a command is given behind the two folders, and the commands that have filled the output folder before it.
RUNS = {
    "files": (QUICK, ()),
    "anew": ((*QUICK, "--overwrite", "always"), (QUICK,)),
    "other options": ((*QUICK[:-1], "3"), (QUICK,)),
    "palette": (("--step", "2", "--colors", "4", "--palette", "dataset"), ()),
    "palettes of classes": (("--step", "2", "--colors", "4", "--palette", "class"), ()),
    "webdataset": (("--format", "webdataset", *PACKED), ()),
    "webdataset anew": (
        ("--format", "webdataset", *PACKED, "--overwrite", "always"),
        (("--format", "webdataset", *PACKED),),
    ),
    "parquet": (("--format", "parquet", *PACKED), ()),
    "shard": (("--shard", "1/2", *QUICK), ()),
    "second shard": (("--shard", "2/2", *QUICK), (("--shard", "1/2", *QUICK),)),
    "cluster": ((*QUICK, "--engine", "dask"), ()),
    "cluster anew": ((*QUICK[:-1], "3", "--engine", "dask"), (QUICK,)),
    "merge": (None, (("--shard", "1/2", *QUICK), ("--shard", "2/2", *QUICK))),
}


@pytest.fixture(autouse=True)
def fake_cluster(monkeypatch):
    """The cluster that runs join: one in this thread."""
    monkeypatch.setattr(cluster, "open_cluster", lambda *_: Fake({}, slots=1))


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
    """A foreign tree: every name of ICS's is a file or a folder there, and runs have filled it, too."""
    folder = photos.parent / "decoys"
    theirs = make_photos(photos.parent / "theirs", 4)
    for words in (("--format", "webdataset", *PACKED), ("--format", "parquet", *PACKED), QUICK):
        folder.mkdir(exist_ok=True)
        (folder / layout.PACK_INDEX).unlink(missing_ok=True)
        (folder / layout.MANIFEST).unlink(missing_ok=True)
        assert ics("compress", theirs, folder, *words)[0] == 0
    (folder / REPORT).write_text('<meta name="generator" content="Image Compression System">', "utf-8")
    for name in (*FILES, TEMPORARY, *(f"{STATE_FOLDERS}/{name}" for name in layout.STATE_FILES)):
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
DEEP = tuple(
    f"{STATE_FOLDERS}{name}"
    for name in ("", *(f"/{name}" for name in sorted(layout.STATE_FILES - {layout.LISTING_INFO, layout.LISTING})))
)
PACKS = (layout.PACKS, "data/train-00000.tar", "data/train-00001.parquet", f"{layout.STAGED_PACKS}/train-00000.tar")
OTHERS = (
    "cat",
    "cat/00000.png",
    TEMPORARY,
    f"cat/{TEMPORARY}",
    f"{layout.UNPACKED}/cat",
    f"{layout.UNPACKED}/cat/00000.png",
)


def chosen(tries, most, thorough):
    """Return what to try: all, or some, the same in every run."""
    return tries if thorough else random.Random(1).sample(tries, most)  # noqa: S311 - no secret


def outcome(tries, what, thorough):
    """Return what happened, and in how many tries."""
    return f"{what}, {len(tries) if thorough else 'some'} times"


PLACES = (
    *((name, tuple(RUNS)) for name in TOP),
    *((name, ("shard", "merge")) for name in DEEP),
    (f"{layout.STATE_FOLDERS}/{layout.LISTING_INFO}", ("second shard", "merge")),
    *((name, ("webdataset", "webdataset anew", "parquet")) for name in PACKS),
)


@pytest.mark.fault(0, "a link under a name that ICS uses", "exit 2 and the name; nothing is changed")
def test_a_link_under_a_name_of_ours(begun, decoys, tmp_path, thorough, observed):
    """To a foreign folder or file, to nothing, to itself or up, under every name; then every command."""
    tries = [(name, command, kind) for name, commands in PLACES for command in commands for kind in KINDS]
    for number, (name, command, kind) in enumerate(chosen(tries, 150, thorough)):
        out = tmp_path / str(number)
        words = begun(command, out)
        exchange(out / name, tmp_path / f"{number} aside", links(decoys, name)[kind](out / name))
        before = snapshot(out), snapshot(decoys)
        code, printed = ics(*words)
        assert (code, name in printed) == (2, True), (name, command, kind, printed)
        assert (snapshot(out), snapshot(decoys)) == before, (name, command, kind)
    observed(outcome(tries, "refused by name", thorough))


@pytest.mark.fault(0, "a link in the place of a folder or file of images", "the images fail, by name; nothing else")
def test_a_link_in_the_place_of_images(begun, decoys, tmp_path, thorough, observed):
    """Of a class folder, an output, a temporary file and the same below `.ics-parts`; then every command."""
    tries = [(name, command, kind) for name in OTHERS for command in RUNS for kind in KINDS]
    for number, (name, command, kind) in enumerate(chosen(tries, 60, thorough)):
        out = tmp_path / str(number)
        words = begun(command, out)
        exchange(out / name, tmp_path / f"{number} aside", links(decoys, name)[kind](out / name))
        before = snapshot(decoys)
        code, printed = ics(*words)
        assert code in {0, 1}, (name, command, kind, printed)
        assert snapshot(decoys) == before, (name, command, kind)
        assert (out / name).is_symlink()
    observed(outcome(tries, "what was in the way failed, the others were done", thorough))


@pytest.mark.fault(0, "a hard link under a name that ICS uses", "the other name of the file keeps its content")
def test_a_hard_link(begun, decoys, tmp_path, thorough, observed):
    """To a foreign file, under the name of every file that ICS keeps, and of an output."""
    names = (*FILES, *DEEP[1:], *PACKS[1:], "cat/00000.png", TEMPORARY, f"{layout.UNPACKED}/cat/00000.png")
    tries = [(name, theirs, command) for name in names for theirs in (name, TEMPORARY) for command in RUNS]
    for number, (name, theirs, command) in enumerate(chosen(tries, 80, thorough)):
        out = tmp_path / str(number)
        words = begun(command, out)
        (out / name).unlink(missing_ok=True)
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).hardlink_to(decoys / (theirs if (decoys / theirs).is_file() else TEMPORARY))
        before = snapshot(decoys)
        code, printed = ics(*words)
        assert code in {0, 1, 2}, printed
        assert snapshot(decoys) == before, (name, theirs, command)
    observed(outcome(tries, "unchanged", thorough))


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="needs /proc, which shows the path of a descriptor"
)


def moments(words, folder):
    """Return when what may become a link: the number of a call, and how many folders deep, 0 for the folder itself."""
    with Moments(folder).watched() as calls:
        ics(*words)
    for when, path in enumerate(calls.paths, 1):
        deepest = len(Path(path).relative_to(folder).parts)
        yield from ((when, depth) for depth in range(when <= calls.opened, deepest + 1))


def swapped(words, out, decoys, moment):
    """Run a command; at one of its calls the file or folder of the call, or one above, becomes a link.

    Return its exit code; the decoy tree is unchanged then.
    """
    when, depth = moment
    kind = ("folder", "file", "nothing")[sum(moment) % 3]

    def deed(path):
        name = "/".join(path.relative_to(out).parts[:depth])
        exchange(out / name, out.parent / f"{out.name} aside", links(decoys, name)[kind](out / name))

    before = snapshot(decoys)
    with Moments(out, when, deed).watched():
        code, printed = ics(*words)
    assert snapshot(decoys) == before, (words, moment)
    assert code in {0, 1, 2}, printed
    return code


@needs_proc
@pytest.mark.fault(0, "a link that takes a place while a run goes on", "nothing outside the output folder is changed")
@pytest.mark.parametrize("command", RUNS)
def test_a_link_that_comes_meanwhile(command, begun, decoys, tmp_path, request):
    """Between any two system calls the file or folder that the next is about, or one above it, becomes a link, the
    output folder itself, too, once it is entered (not by a cluster, whose workers enter it by its path).
    """
    tries = list(moments(begun(command, tmp_path / "calls"), tmp_path / "calls"))
    if command.startswith("cluster"):
        tries = [(when, depth) for when, depth in tries if depth]
    codes = []
    for number, moment in enumerate(chosen(tries, 20, request.getfixturevalue("thorough"))):
        out = tmp_path / str(number)
        codes.append(swapped(begun(command, out), out, decoys, moment))
    assert any(codes)
    request.getfixturevalue("observed")("never changed; the run stopped, or the place was not needed any more")


@pytest.mark.fault(0, "a class folder that becomes a link again and again", "nothing outside the folder is changed")
@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_a_folder_that_becomes_a_link_again_and_again(engine, decoys, tmp_path, observed):
    """It is exchanged while two threads or processes write 120 images.

    A run that makes the folder anew before the link stands there ends the exchange: another run begins.
    """
    source, before = make_photos(tmp_path / "in", 120), snapshot(decoys)
    exchanged = 0
    for number in range(20):
        times, printed = exchanged_while_it_runs(source, tmp_path / f"out-{number}", decoys, engine)
        assert "Traceback" not in printed
        assert snapshot(decoys) == before
        exchanged += times
        if exchanged:
            break
    assert exchanged
    observed("unchanged")


def exchanged_while_it_runs(source, out, decoys, engine):
    """Make the class folder of a run a link and a folder again, in turn; return how often, and what the run printed."""
    exchanged = 0
    words = command_line(source, out, "--engine", engine, "--jobs", 2)
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            with contextlib.suppress(OSError):
                (out / "cat").rename(out / "aside")
                (out / "cat").symlink_to(decoys / "cat")
                exchanged += 1
            with contextlib.suppress(OSError):
                (out / "cat").unlink()
            with contextlib.suppress(OSError):
                (out / "aside").rename(out / "cat")
        return exchanged, process.stderr.read()


@pytest.mark.fault(0, "a link in the place of a page", "exit 2 and the name; nothing is changed")
def test_a_link_in_the_place_of_a_page(begun, decoys, tmp_path, request, observed):
    """`report.html`, as a link to a foreign older page among others, of a report and of a comparison; and every name of
    ICS's, before a report.
    """
    pytest.importorskip("matplotlib")
    photos, thorough = map(request.getfixturevalue, ("photos", "thorough"))
    tries = [("report", name, kind) for name in (REPORT, *TOP) for kind in KINDS]
    tries += [("compare", REPORT, kind) for kind in KINDS] * (1 if thorough else 20)
    for number, (page, name, kind) in enumerate(chosen(tries, 20, thorough)):
        out = finished(begun, tmp_path / str(number))
        exchange(out / name, tmp_path / f"{number} aside", links(decoys, name)[kind](out / name))
        before = snapshot(out), snapshot(decoys)
        code, printed = ics(*(("report", out) if page == "report" else ("compare", photos, "--report", out / name)))
        assert (code, name in printed) == (2, True), (page, name, kind, printed)
        assert (snapshot(out), snapshot(decoys)) == before, (page, name, kind)
    observed(outcome(tries, "refused by name", thorough))


def finished(begun, out):
    """Return a folder that a run has filled."""
    begun("anew", out)
    return out


@needs_proc
@pytest.mark.fault(0, "a link that takes a place while a page is made", "nothing outside the output folder is changed")
def test_a_link_that_comes_while_a_page_is_made(begun, decoys, tmp_path, thorough, observed):
    """Between any two system calls of `ics report`, as in a run."""
    pytest.importorskip("matplotlib")
    tries = list(moments(("report", finished(begun, tmp_path / "calls"), "--pictures", 1), tmp_path / "calls"))
    for number, moment in enumerate(chosen(tries, 4, thorough)):
        out = finished(begun, tmp_path / str(number))
        swapped(("report", out, "--pictures", 1), out, decoys, moment)
    observed("never changed; the report was refused, or the place was not needed any more")
