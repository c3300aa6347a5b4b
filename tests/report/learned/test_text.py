"""The text of what was learned, at a terminal."""

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icsys.report.learned.text import learned_text
from icsys.report.learned.words import FLATTERS, p_text, points_text, resolution_words
from learned_examples import (
    HOSTILE,
    ROWS,
    TESTED,
    arm_result,
    learned_example,
    network_checks,
    nothing_recommended,
    odd_examples,
)


def table(text):
    """Return the rows of the table as fields, cut where every line has a gap: a reader of its own."""
    lines = text.split("\n")
    rule = next(place for place, line in enumerate(lines) if re.fullmatch("-{20,}", line))
    rows = [lines[rule - 1], *lines[rule + 1 : lines.index("", rule)]]
    rows = [row.ljust(len(lines[rule])) for row in rows]
    gaps = [all(row[column] == " " for row in rows) for column in range(len(lines[rule]))]
    words = "".join("\t" if gap else "x" for gap in gaps)
    # A single column of spaces in every row stands inside a field, such as "9,189 B".
    spans = [match.span() for match in re.finditer(r"x+(?:\tx+)*", words)]
    return [[row[start:end].strip() for start, end in spans] for row in rows]


def test_it_begins_with_what_these_images_can_resolve():
    first = re.sub(r"\s+", " ", learned_text(learned_example()).partition("\n\n")[0])
    assert first.startswith(
        "With 942 tested images, the smallest loss that can be excluded is 1.2 points of accuracy. Keeping 99 % allows "
        "0.8 points: about 2,000 tested images would be needed"
    )


def test_the_table_has_the_figures_of_every_arm():
    heading, *rows = table(learned_text(learned_example()))
    assert heading == ["setting", "size", "colours", "an image", "in all", "accuracy", "difference, 95 %", "verdict"]
    assert [row[0] for row in rows] == [row[0] for row in ROWS]
    words = {"keeps": "keeps 99 %", "loses": "loses more", "unclear": "cannot tell", "reference": "reference"}
    for row, (_, side, colors, _, quality, size, accuracy, low, high, _, verdict, _) in zip(rows, ROWS, strict=True):
        assert row[1] == f"{side}x{side}"
        assert row[2] == (f"q {quality}" if quality else str(colors or "all"))
        assert row[3] == ("1,582 B" if row[0] == "fewer = K16" else f"{size:,} B")
        assert row[5] == f"{accuracy} %"
        assert row[7] == words[verdict]
        if verdict != "reference":
            difference = [float(number) for number in re.findall(r"[-+]?\d+\.\d", row[6])]
            assert difference == pytest.approx([accuracy - 83.1, low, high], abs=1e-9)


def test_it_ends_with_the_recommendation_and_a_command_in_a_line_of_its_own():
    learned = learned_example()
    text = learned_text(learned)
    assert f"\n\n  {learned.command}\n\n" in text
    assert "K64 keeps 99 % of the accuracy, with the fewest bytes of all that do" in text
    assert "3.5 times smaller" in re.sub(r"\s+", " ", text)


def test_images_that_cannot_tell_give_no_recommendation():
    text = re.sub(r"\s+", " ", learned_text(nothing_recommended()))
    assert "No setting is recommended: these images cannot tell whether one keeps 99 %" in text
    assert FLATTERS in text
    assert "about 4,700 tested images would be needed" in text
    lost = learned_text(odd_examples()["all lose"])
    assert "each one that was judged loses more than 1 % of the accuracy" in lost


def test_a_split_of_its_own_does_not_flatter():
    assert FLATTERS not in re.sub(r"\s+", " ", learned_text(learned_example()))


def test_pairs_of_equal_bytes_have_a_line_each_with_the_adjusted_probability():
    text = learned_text(learned_example())
    assert "\n  WebP = K16 less K16: +0.6 points [-0.4, +1.6], p 0.464\n" in text
    assert "\n  WebP = K4 less K4: +5.0 points [+3.7, +6.3], p < 0.001\n" in text


def test_a_part_of_the_images_says_how_many_there_are():
    text = re.sub(r"\s+", " ", learned_text(learned_example()))
    assert "fewer = K16 is a random part of the images in full, 328 of 1,905; its bytes count over all" in text


def test_a_network_has_its_own_lines():
    assert "\n  K64: 72.7 %, -0.2 points [-1.5, +1.1]\n" in learned_text(learned_example(network=network_checks()))


def test_an_arm_that_is_not_judged_says_so():
    *_, row = table(learned_text(odd_examples()["unjudged arm"]))
    assert row[5:] == ["-", "", "not judged"]


@pytest.mark.parametrize("name", odd_examples())
def test_usual_names_fit_100_columns_and_no_line_ends_in_a_space(name):
    for line in learned_text(odd_examples()[name]).split("\n"):
        assert len(line) <= 100 or HOSTILE[:8] in line
        assert line == line.rstrip()


def test_no_name_reaches_the_terminal_as_control_characters():
    text = learned_text(odd_examples()["hostile"])
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "\\x1b[31m" in text


@given(st.floats(-100, 100), st.floats(-100, 100), st.floats(-100, 100))
@settings(max_examples=50, deadline=None)
def test_figures_are_rounded_to_a_tenth_and_aligned(difference, low, high):
    arms = [arm_result("full"), arm_result("K16", difference=difference, low=low, high=high)]
    *_, row = table(learned_text(learned_example(arms=arms)))
    shown = [float(number) for number in re.findall(r"[-+]?\d+\.\d", row[6])]
    assert shown == pytest.approx([difference, low, high], abs=0.05 + 1e-9)
    assert "-0.0" not in row[6]


def test_points_and_probabilities():
    assert [points_text(value) for value in (0.04, -0.04, 1.25, -12.0, None)] == ["0.0", "0.0", "+1.2", "-12.0", "-"]
    assert points_text(-1.0, minus="~") == "~1.0"
    assert [p_text(value) for value in (0.0, 0.0009, 0.001, 0.5, 1.0)] == [
        "< 0.001",
        "< 0.001",
        "0.001",
        "0.500",
        "1.000",
    ]


def test_what_can_be_resolved_is_said_of_one_image_and_of_none_too():
    assert resolution_words(learned_example(tested=1)).startswith("With 1 tested image, ")
    assert resolution_words(learned_example(resolves=100.0)) == (
        f"With {TESTED} tested images, no loss can be excluded."
    )
    assert "\n\narm" not in learned_text(odd_examples()["nothing judged"])
    assert "none was judged." in learned_text(odd_examples()["nothing judged"])
    assert "enough to tell" in resolution_words(learned_example(resolves=0.5))
    unknown = resolution_words(dataclasses.replace(learned_example(), images_needed=None))
    assert "would be needed" not in unknown


def test_what_is_compared_is_called_a_setting():
    """Only code and files have the older word."""
    for learned in (learned_example(), *odd_examples().values()):
        assert not re.search(r"(?i)\barms?\b", learned_text(learned))
    pages = [page.read_text(encoding="utf-8") for page in Path(__file__).parents[3].joinpath("docs").glob("*.md")]
    assert pages
    for page in pages:
        prose = re.sub(r"(?s)```.*?```|`[^`]*`", "", page)
        assert not re.search(r"\b[Aa]rms?\b", prose)
