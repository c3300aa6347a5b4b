"""Names, links, pipes and rights: what lies in a source folder besides good files with good names."""

import os
import socket
import subprocess
import sys

import pytest

from helpers import compress_into, image_bytes, synthetic_photo, tree
from icsys.sources import read_file as reading

GOOD = image_bytes(synthetic_photo())
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files, or needs a privilege for them")


def ics(*arguments, cwd):
    """Run the command; return its exit code, standard output and standard error."""
    command = [sys.executable, "-m", "icsys", "compress", "--strategy", "SO", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@posix
@pytest.mark.fault(
    24, "names with a newline, a quote, a leading dash, 255 bytes", "processed, and reported in one line each"
)
def test_odd_names(tmp_path, observed):
    """Ten of them; the longest leave no room for another suffix. Both folders are named with a dash, too."""
    long, wide = "x" * 255, "é" * 127 + "x"
    names = [
        "a\nb.png",
        "-rf.png",
        "--help.png",
        "q\"u'o`te.png",
        "a b\t.png",
        "*?.png",
        "~.png",
        long,
        wide,
        "x" * 251 + ".jpg",
    ]
    source = tmp_path / "-in"
    source.mkdir()
    for name in names:
        (source / name).write_bytes(GOOD)
    (source / "bad\n\x1b[2J.jpg").write_bytes(b"")
    code, _, err = ics("--verbose", "--", "-in", "-out", cwd=tmp_path)
    assert code == 1
    assert len(err.splitlines()) == len(names) + 2
    assert "\x1b" not in err
    outputs = tree(tmp_path / "-out")
    assert len(outputs) == len(names)
    assert all(len(os.fsencode(name)) <= 255 and name.endswith(".png") for name in outputs)
    observed("all compressed, in names of at most 255 bytes")


@posix
@pytest.mark.fault(
    24, "folders nested deeper than Python's recursion", "done; what the system cannot reach fails by name"
)
def test_deep_folders(tmp_path, observed):
    """350 folders in one another with an image in the last, where Python may go 300 deep; then 20 with names of 250
    letters, past the longest path.
    """
    source = tmp_path / "in"
    for name, depth in (("d", 350), ("e" * 250, 20)):
        deep = _descend(source, name, depth)
        with open("a.png", "wb", opener=lambda path, flags, deep=deep: os.open(path, flags, dir_fd=deep)) as file:
            file.write(GOOD)
        os.close(deep)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        results, summary = compress_into(source, tmp_path / "out")
    finally:  # pytest's way to remove folders is recursive, too
        sys.setrecursionlimit(limit)
        subprocess.run(["rm", "-rf", source, tmp_path / "out"], check=True)  # noqa: S607
    assert (summary.compressed, summary.failed) == (1, 1)
    assert results["/".join("d" * 350) + "/a.png"].status == "compressed"
    assert "name too long" in summary.failures[0].message
    observed("compressed at depth 350; one failure for what is too deep")


def _descend(folder, name, depth):
    """Make folders in one another, however long their path gets, and return a descriptor of the last."""
    folder.mkdir(exist_ok=True)
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        here, above = os.open(name, os.O_RDONLY, dir_fd=here), here
        os.close(above)
    return here


@posix
@pytest.mark.fault(25, "links to a file, a folder, nowhere, and out of the source", "left alone unless --follow-links")
def test_links(tmp_path, observed):
    """Counted without it; with it followed, and the one to nowhere fails."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.png").write_bytes(GOOD)
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.png").write_bytes(GOOD)
    (source / "file.png").symlink_to(outside / "b.png")
    (source / "folder").symlink_to(outside, target_is_directory=True)
    (source / "nowhere.png").symlink_to(tmp_path / "none")
    results, summary = compress_into(source, tmp_path / "out")
    assert set(results) == {"a.png"}
    assert summary.ignored == 3
    results, summary = compress_into(source, tmp_path / "followed", follow_links=True)
    assert set(tree(tmp_path / "followed")) == {"a.png", "file.png", "folder/b.png"}
    assert results["nowhere.png"].code == "io"
    assert summary.ignored == 0
    code, out, _ = ics("in", "cli", "--follow-links", cwd=tmp_path)
    assert code == 1
    assert "3 compressed, 0 skipped, 1 failed" in out
    observed("3 left alone; 2 followed and 1 failed if asked for")


@posix
@pytest.mark.fault(26, "links that loop", "the walk ends, and every image is done once")
def test_loops(tmp_path, observed):
    """A link to its own folder, two folders that link to each other, a link to itself, to the root of the run, and to
    the folder of the outputs; with `--follow-links`.
    """
    source = tmp_path / "in"
    for name in ("a/x.png", "b/y.png"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(GOOD)
    (source / "a" / "self").symlink_to(source / "a")
    (source / "a" / "other").symlink_to(source / "b")
    (source / "b" / "other").symlink_to(source / "a")
    (source / "up").symlink_to(tmp_path)
    (source / "itself").symlink_to(source / "itself")
    (source / "out").mkdir()
    (source / "outputs").symlink_to(source / "out")
    results, summary = compress_into(source, source / "out", follow_links=True)
    done = {name for name, result in results.items() if result.status == "compressed"}
    assert {"a/x.png", "b/y.png", "a/other/y.png", "b/other/x.png"} == done
    assert [failure.source for failure in summary.failures] == ["itself"]
    again, _ = compress_into(source, source / "out", follow_links=True)
    assert set(again) == set(results)
    observed("4 paths to 2 images compressed, the loops left alone")


@posix
@pytest.mark.fault(27, "a pipe, a socket and a device, named as images", "left alone; never waited for")
def test_no_files(tmp_path, observed):
    """Also behind links that are followed, and a pipe that takes the place of a file after the folder was listed."""
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.png").write_bytes(GOOD)
    os.mkfifo(source / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()  # noqa: PTH109
        os.chdir(source)  # the name of a socket is short
        listener.bind("socket.png")
        os.chdir(here)
        (source / "zero.png").symlink_to("/dev/zero")
        for follow_links in (False, True):
            results, summary = compress_into(source, tmp_path / str(follow_links), follow_links=follow_links)
            assert (set(results), summary.ignored) == ({"a.png"}, 3)
    with pytest.raises(OSError, match="not a regular file"):
        reading.open_regular(source / "pipe.png")
    observed("3 left alone")


@posix
@pytest.mark.fault(28, "a file and a folder that may not be read", "failed by name; the others go on")
def test_no_right_to_read(tmp_path, observed):
    """As a user without rights: root gives up its right to read every file."""
    source = tmp_path / "in"
    (source / "closed").mkdir(parents=True)
    for name in ("a.png", "b.png", "closed/c.png", "nameless"):
        (source / name).write_bytes(GOOD)
    for name in ("b.png", "closed", "nameless"):
        (source / name).chmod(0)
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o777)
    command = [sys.executable, "-m", "icsys", "compress", "in", "out", "--strategy", "SO"]
    if os.getuid() == 0:
        command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]
    try:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    finally:
        for name in ("b.png", "closed", "nameless"):
            (source / name).chmod(0o700)
    assert done.returncode == 1
    assert "1 compressed, 0 skipped, 3 failed" in done.stdout
    assert done.stderr.count("ermission denied") == 3
    observed("1 compressed, 3 failed: permission")


@posix
@pytest.mark.fault(28, "an output folder inside the source", "left out of the walk; those of other runs are named")
def test_an_output_inside_the_source(tmp_path, observed):
    """Five runs, which would find the outputs of one another; also by another path to one folder, and after a kill."""
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.png").write_bytes(GOOD)
    (tmp_path / "alias").symlink_to(source)
    for destination in (source / "out", source / "out", tmp_path / "alias" / "out"):
        results, _ = compress_into(source, destination, overwrite="always")
        assert set(results) == {"a.png"}
    for destination, others in (("out2", ["out"]), ("out3", ["out", "out2"])):
        results, summary = compress_into(source, source / destination)
        assert set(results) == {"a.png"}
        assert summary.outputs_passed_over == others
        (source / destination / "run.json").unlink()  # which a run that is killed does not come to write
    observed("1 image in every run")
