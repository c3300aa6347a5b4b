"""``ics`` without arguments shows questions, explains wrong answers, and reads from pipes and terminals."""

import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import ics, image_bytes, synthetic_photo
from icsys.cli.ask_options import ask_run
from icsys.errors import UsageError
from icsys.options import Options


@pytest.fixture
def here(tmp_path):
    """A folder in which ``Uncompressed`` holds one photo."""
    (tmp_path / "Uncompressed").mkdir()
    (tmp_path / "Uncompressed" / "a.jpg").write_bytes(image_bytes(synthetic_photo(), "JPEG"))
    return tmp_path


def answer(here, text):
    """Pipe answers into ``ics``; return its exit code, standard output and standard error."""
    return ics(cwd=here, text=text)


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
    code, out, _ = answer(here, "jpeg\nMBKM\nmany\n0\n8\nhalf\n0\n2x\n70000\n5\n")
    assert code == 0
    assert out.count("expected one of SO, MKM, FKM, MBKM") == 1
    assert out.count("expected a whole number from 1 to 65536") == 2
    assert out.count("WIDTHxHEIGHT") == 2
    assert out.count("step=0: expected a whole number from 1") == 1
    assert out.count("step=70000: expected a whole number from 1") == 1
    assert output(here).size == (16, 12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("\n\n\n", {}),
        ("FKM\n", {"strategy": "FKM"}),
        ("MKM\n8\n", {"colors": 8}),
        ("SO\n", {"strategy": "SO"}),
        ("\n\n40\n", {"size": (40, 40), "fit": "pad"}),
        ("XKM\n", {}),
    ],
)
def test_enter_and_the_end_of_the_input_take_the_default_at_every_question(here, text, expected):
    code, out, err = answer(here, text)
    assert (code, err) == (0, "")
    compressed = Options(**expected)
    with Image.open(here / "Compressed" / "a.png") as image:
        assert image.size == (compressed.final_size or (16, 12))
        assert image.mode == ("RGB" if compressed.strategy == "SO" else "P")
    assert "colours per image" in out or compressed.strategy == "SO"


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ("", Options(size=40, fit="pad")),
        ("y", Options(size=40, fit="pad")),
        ("40", Options(step=40)),
        ("no", Options(step=40)),
        ("50", Options(step=50)),
        ("3", Options(step=3)),
        ("20x30", Options(size="20x30", fit="pad")),
    ],
)
def test_a_large_step_is_checked_by_a_question_whose_answer_decides(here, monkeypatch, capsys, second, expected):
    answers = iter(["SO", "40", second, second])  # another large number is doubted, too
    monkeypatch.chdir(here)
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    source, options = ask_run("Uncompressed", "Compressed", "")
    assert (source, options) == ("Uncompressed", expected.replace(strategy="SO"))
    assert "step 40 makes 80x60 photos 2x2 pixels; did you mean 40x40?" in capsys.readouterr().out


def test_a_large_step_is_doubted_even_if_the_first_image_is_damaged(here):
    (here / "Uncompressed" / "a.jpg").write_bytes(b"\xff\xd8\xff damaged")
    code, out, _ = answer(here, "SO\n33\n2\n")
    assert (code, out.count("did you mean 33x33?")) == (1, 1)


def test_each_large_number_is_doubted_and_the_same_one_twice_is_a_step(here):
    out = answer(here, "SO\n224\n40\n33\n33\n")[1]
    assert [out.count(f"did you mean {size}?") for size in ("224x224", "40x40", "33x33")] == [1, 1, 1]
    assert output(here).size == (3, 2)


@pytest.mark.skipif(sys.platform == "win32", reason="a backslash separates folders there")
def test_a_path_that_a_terminal_escapes_is_found(here):
    (here / "Uncompressed").rename(here / "my photos (1)")
    code, _, _ = answer(here, "my\\ photos\\ \\(1\\)\nSO\n2\n")
    assert (code, output(here).size) == (0, (40, 30))


@pytest.mark.parametrize("step", [1, 32])
def test_a_step_up_to_32_is_taken_as_it_is(here, step):
    assert "did you mean" not in answer(here, f"SO\n{step}\n")[1]
    assert output(here).size == (-(-80 // step), -(-60 // step))


def test_a_missing_source_is_asked_for_until_there_are_photos(here):
    (here / "Uncompressed").rename(here / "my photos")
    (here / "empty").mkdir()
    code, out, _ = answer(here, "nowhere\n\nempty\n'my photos'\nMKM\n16\n5\n")
    assert (code, output(here).size) == (0, (16, 12))
    assert "There is no folder 'Uncompressed' here" in out
    assert out.count("there is no folder 'nowhere' here") == out.count("the folder 'empty' holds no images") == 1


def test_a_folder_that_cannot_be_read_is_told_apart_from_an_empty_one(here, monkeypatch):
    monkeypatch.chdir(here)
    monkeypatch.setattr("builtins.input", lambda _: (_ for _ in ()).throw(EOFError))
    (here / "Uncompressed" / "a.jpg").unlink()
    with pytest.raises(UsageError, match="'Uncompressed' holds no images"):
        ask_run("Uncompressed", "Compressed", "")
    monkeypatch.setattr("os.access", lambda path, *_, **__: Path(path).name != "Uncompressed")  # root may read all
    with pytest.raises(UsageError, match="'Uncompressed' cannot be read"):
        ask_run("Uncompressed", "Compressed", "")


@pytest.mark.parametrize("text", ["", "nowhere\n", "MKM\n16\n5\n"])
def test_without_photos_the_end_of_the_input_is_one_clear_error(tmp_path, text):
    code, _, err = answer(tmp_path, text)
    assert (code, len(err.splitlines())) == (2, 1)
    assert "no folder 'Uncompressed'" in err
    assert "ics demo" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["y\n", "MKM\nmany\n"])
def test_a_program_that_never_stops_answering_wrongly_ends_with_exit_2(here, text):
    code, _, err = answer(here, text + text.splitlines()[-1].join("\n" * 100))
    assert (code, len(err.splitlines())) == (2, 1)
    assert "20 wrong answers" in err
    assert not (here / "Compressed").exists()


ANSWERS = st.sampled_from(["MKM", "so", "7", "auto", "99", "9x9", "Uncompressed"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="/\\~."), max_size=6) | ANSWERS, max_size=8))
@example(["\0", "\udcff", "~\0", "\u0663", "-" * 5000])
def test_any_answers_give_options_or_a_usage_error(here, monkeypatch, capsys, answers):
    """Exactly the answers given are read, with and without photos."""
    monkeypatch.chdir(here)
    left = list(answers)

    def reply(_):
        if not left:
            raise EOFError
        return left.pop(0)

    monkeypatch.setattr("builtins.input", reply)
    source, options = ask_run("Uncompressed", "Compressed", "")
    assert source == "Uncompressed"
    assert isinstance(options, Options)
    left[:] = answers
    try:
        source, options = ask_run("absent", "Compressed", "put them here")
    except UsageError as error:
        assert "put them here" in str(error)  # noqa: PT017 - both ends are right
    else:
        assert Path(source).exists()
    capsys.readouterr()


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
        (b"Pixel step or final size [5]: ", b"224\n"),
        (b"did you mean 224x224?", b"2z\n"),
        (b"expected a whole number from 1 (pixel step)", b"5\n"),
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
