"""``ics`` without arguments shows questions, explains wrong answers, and reads from pipes and terminals."""

import os
import subprocess
import sys
import time

import pytest
from PIL import Image

from helpers import image_bytes, synthetic_photo


@pytest.fixture
def here(tmp_path):
    """A folder in which ``Uncompressed`` holds one photo."""
    (tmp_path / "Uncompressed").mkdir()
    (tmp_path / "Uncompressed" / "a.jpg").write_bytes(image_bytes(synthetic_photo(), "JPEG"))
    return tmp_path


def answer(here, text):
    """Pipe answers into ``ics``; return its exit code, standard output and standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "icsys"], cwd=here, input=text, capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def output(here):
    with Image.open(here / "Compressed" / "a.png") as image:
        image.load()
        return image


def test_algorithm_colours_and_step_are_prompted_for(here):
    code, out, _ = answer(here, "FKM\n5\n4\n")
    assert code == 0
    for word in ("SO", "MKM", "FKM", "MBKM", "Number of colours", "Pixel step"):
        assert word in out
    assert output(here).size == (20, 15)
    assert output(here).mode == "P"
    assert len(output(here).getcolors()) == 5


@pytest.mark.parametrize("name", ["so", "So", " SO "])
def test_size_only_has_no_prompt_for_colours_and_enter_takes_step_5(here, name):
    code, out, _ = answer(here, f"{name}\n\n")
    assert code == 0
    assert "Number of colours" not in out
    assert (output(here).mode, output(here).size) == ("RGB", (16, 12))


def test_one_final_size_makes_all_images_equal(here):
    (here / "Uncompressed" / "b.png").write_bytes(image_bytes(synthetic_photo(90, 30)))
    assert answer(here, "mbkm\n4\n24x24\n")[0] == 0
    for path in (here / "Compressed").glob("*.png"):
        with Image.open(path) as image:
            assert image.size == (24, 24)


def test_a_wrong_answer_gets_an_explanation_and_the_question_again(here):
    code, out, _ = answer(here, "jpeg\nMBKM\nmany\n0\n\n8\nhalf\n0\n2x\n5\n")
    assert code == 0
    assert out.count("expected one of SO, MKM, FKM, MBKM") == 1
    assert out.count("expected a whole number from 1 to 65536") == 3
    assert out.count("WIDTHxHEIGHT") == 2
    assert out.count("step=0: expected a whole number from 1") == 1
    assert output(here).size == (16, 12)


@pytest.mark.parametrize("text", ["", "MKM\n", "MKM\n8\n", "SO\n", "MKM\nmany\n"])
def test_input_that_ends_early_ends_with_exit_2_and_one_line(here, text):
    code, _, err = answer(here, text)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "ended at the question" in err
    assert not (here / "Compressed").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminal in the standard library")
def test_a_person_at_a_terminal(here):
    """A pseudo-terminal answers each question when it appears, and receives the bar."""
    import pty  # noqa: PLC0415 - not on Windows

    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(here)
        os.environ.update(TERM="xterm", COLUMNS="100")
        os.execv(sys.executable, [sys.executable, "-m", "icsys"])
    seen = b""

    def read_until(what):
        nonlocal seen
        deadline = time.monotonic() + 60
        while what not in seen:
            assert time.monotonic() < deadline, seen
            try:
                seen += os.read(terminal, 1024)
            except OSError:  # Linux raises it when the other end is closed
                break
        assert what in seen, seen

    for question, text in (
        (b"Algorithm (", b"nonsense\n"),
        (b"expected one of SO", b"fkm\n"),
        (b"Number of colours", b"6\n"),
        (b"Pixel step or final size [5]: ", b"\n"),
    ):
        read_until(question)
        os.write(terminal, text)
    read_until(b"Look in: ")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert b"1/1" in seen
    assert b"failed=0" in seen
    assert b"images/s" in seen
    assert len(output(here).getcolors()) == 6
