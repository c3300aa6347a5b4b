"""What is recommended."""

from dataclasses import replace

import pytest

from icsys.learning.put_together import recommended_arm
from icsys.report.learned.words import recommendation_words
from learned_results import learned_result

FULL, K16 = learned_result().arms


@pytest.mark.parametrize(
    ("arms", "name"),
    [
        ([FULL, K16], "K16"),
        ([FULL, K16, replace(K16, name="K4", bytes=K16.bytes - 1)], "K4"),
        ([FULL, K16, replace(K16, name="K4", bytes=K16.bytes - 1, verdict="unclear")], "K16"),
        ([FULL, replace(K16, bytes=FULL.bytes)], None),  # small pictures beside large palettes
        ([FULL, replace(K16, options=None, quality=50)], None),
        ([FULL], None),
        ([], None),
    ],
)
def test_the_arm_of_the_fewest_bytes_that_keeps_is_recommended_if_it_saves_any(arms, name):
    best = recommended_arm(arms)
    assert (best.name if best else None) == name


def test_arms_that_keep_and_save_nothing_are_told_from_images_that_cannot_tell():
    arms = [FULL, replace(K16, bytes=FULL.bytes)]
    assert "none that ics writes in fewer bytes" in recommendation_words(learned_result(arms=arms, recommended=None))
