"""What was learned, as plain data with realistic figures, for pages, text and plots."""

import dataclasses

from icsys import Options
from icsys.learning.learned import ArmResult, Confusion, EqualBytes, Learned, LostImage, NetworkCheck
from icsys.results import Failed

IMAGES, PART, TESTED = 1905, 328, 942
FULL_OPTIONS = Options(strategy="SO", size=(64, 64), fit="contain")

# Name, side, colours, format, quality, bytes of a file, accuracy, low, high, on originals, verdict, the arm it is as
# small as.
ROWS = (
    ("full", 64, None, "png", None, 9189, 83.1, 0.0, 0.0, 83.1, "reference", None),
    ("K128", 64, 128, "png", None, 3702, 83.0, -0.6, 0.4, 83.0, "keeps", None),
    ("K64", 64, 64, "png", None, 2593, 82.9, -0.7, 0.3, 83.0, "keeps", None),
    ("K32", 64, 32, "png", None, 2024, 82.5, -1.3, 0.1, 81.9, "unclear", None),
    ("K16", 64, 16, "png", None, 1585, 80.9, -3.1, -1.3, 80.1, "loses", None),
    ("K8", 64, 8, "png", None, 1141, 78.7, -5.5, -3.3, 74.9, "loses", None),
    ("K4", 64, 4, "png", None, 755, 74.0, -10.4, -7.8, 63.3, "loses", None),
    ("K2", 64, 2, "png", None, 416, 63.8, -20.8, -17.8, 39.3, "loses", None),
    ("32x32", 32, None, "png", None, 2744, 81.2, -2.7, -1.1, 79.5, "loses", None),
    ("16x16", 16, None, "png", None, 824, 72.0, -12.6, -9.6, 60.2, "loses", None),
    ("32x32 K16", 32, 16, "png", None, 667, 77.0, -7.4, -4.8, 73.8, "loses", None),
    ("16x16 K16", 16, 16, "png", None, 271, 66.1, -18.6, -15.4, 52.0, "loses", None),
    ("WebP = K16", 64, None, "webp", 83, 1581, 81.5, -2.4, -0.8, 72.3, "loses", "K16"),
    ("JPEG = K16", 64, None, "jpeg", 76, 1576, 80.4, -3.7, -1.7, 65.0, "loses", "K16"),
    ("WebP = K4", 64, None, "webp", 38, 751, 79.0, -5.1, -3.1, 62.3, "loses", "K4"),
    ("JPEG = K4", 64, None, "jpeg", 12, 754, 71.2, -13.4, -10.4, 48.0, "loses", "K4"),
    ("fewer = K16", 64, None, "png", None, 9189, 69.7, -15.2, -11.6, 69.7, "loses", "K16"),
)

CLASSES = [
    "Apple", "Avocado", "Banana", "Carrots", "Cucumber", "Garlic", "Kiwi", "Lemon", "Lime", "Mango", "Melon",
    "Mushroom", "Onion", "Orange", "Passion fruit", "Peach", "Pear", "Pepper", "Potato", "Tomato",
]  # fmt: skip

HOSTILE = "</style><script>alert(1)</script>\n\x1b[31m\" onload='x' &amp; {{ 7 * 7 }}"
"""A name that would break a page, or a terminal, that does not escape it."""


def arm_result(of="K16", **changes):
    """Make an arm of the example, with other values where they are given."""
    name, side, colors, form, quality, size, accuracy, low, high, originals, verdict, aim = next(
        row for row in ROWS if row[0] == of
    )
    images = PART if name.startswith("fewer") else IMAGES
    options = None
    if aim is None:
        changed = FULL_OPTIONS.replace(size=(side, side))
        options = (changed if colors is None else changed.replace(strategy="MKM", colors=colors)).to_dict()
    values = {
        "name": name,
        "width": side,
        "height": side,
        "colors": colors,
        "format": form,
        "quality": quality,
        "images": images,
        "bytes": size * images,
        "bytes_per_image": size * images / IMAGES,
        "accuracy": accuracy,
        "difference": accuracy - ROWS[0][6],
        "low": low,
        "high": high,
        "accuracy_on_originals": originals,
        "verdict": verdict,
        "as_small_as": aim,
        "options": options,
    }
    return ArmResult(**(values | changes))


def lost_images(number=3, *, sources=None):
    """Make images that an arm loses, the worst first."""
    names = sources or [f"test/Lemon/Lemon_{place:03}.jpg" for place in range(number)]
    return [
        LostImage(source=name, label="Lemon", taken_for="Orange", drop=0.8 - 0.7 * place / len(names))
        for place, name in enumerate(names)
    ]


def learned_example(**changes):
    """Make what was learned of a set of fruit, with other values where they are given."""
    confusions = [
        Confusion(label="Lemon", taken_for="Orange", images=7.33, images_in_full=2.0),
        Confusion(label="Lime", taken_for="Pear", images=4.0, images_in_full=1.33),
    ]
    arms = [arm_result(row[0]) for row in ROWS]
    for place, arm in enumerate(arms):
        if arm.verdict != "reference" and arm.images == IMAGES:
            arms[place] = dataclasses.replace(arm, lost=lost_images(), confusions=confusions)
    values = {
        "source": "/photos/fruit",
        "images": IMAGES,
        "images_found": IMAGES,
        "classes": CLASSES,
        "split": "test",
        "is_optimistic": False,
        "tested": TESTED,
        "majority": 8.4,
        "resolves": 1.2,
        "loss_allowed": 0.831,
        "images_needed": 1960,
        "arms": arms,
        "recommended": "K64",
        "command": "ics compress /photos/fruit /photos/fruit-K64 --size 64x64 --fit contain --colors 64",
        "working_size": 64,
        "repeats": 3,
        "seed": 0,
        "contrasts": [
            EqualBytes(arm="WebP = K16", other="K16", difference=0.6, low=-0.4, high=1.6, p=0.232, adjusted_p=0.464),
            EqualBytes(arm="WebP = K4", other="K4", difference=5.0, low=3.7, high=6.3, p=1e-9, adjusted_p=4e-9),
            EqualBytes(
                arm="fewer = K16", other="K16", difference=-11.2, low=-13.0, high=-9.4, p=1e-12, adjusted_p=5e-12
            ),
        ],
        "seconds": 184.2,
    }
    return Learned(**(values | changes))


def network_checks():
    """Make the checks of a small network."""
    return [
        NetworkCheck(name="full", accuracy=72.9, difference=0.0, low=0.0, high=0.0),
        NetworkCheck(name="K64", accuracy=72.7, difference=-0.2, low=-1.5, high=1.1),
    ]


def nothing_recommended(**changes):
    """Make a result of images that cannot tell."""
    few = [
        arm_result("full"),
        arm_result("K64", verdict="unclear", low=-4.1, high=3.7),
        arm_result("K16", verdict="unclear", low=-5.0, high=0.6),
    ]
    values = {"arms": few, "recommended": None, "command": "", "contrasts": [], "resolves": 4.6, "tested": 80}
    return learned_example(**(values | {"images_needed": 4700, "split": "folds", "is_optimistic": True} | changes))


def odd_examples():
    """Make results at the edges of what there can be, by name."""
    unjudged = {"accuracy": None, "difference": None, "low": None, "high": None, "accuracy_on_originals": None}
    hostile = learned_example(
        source=HOSTILE,
        classes=[HOSTILE, "b"],
        command=f"ics compress '{HOSTILE}'",
        arms=[
            arm_result("full"),
            arm_result(
                "K16",
                name=HOSTILE,
                lost=[LostImage(source=HOSTILE, label=HOSTILE, taken_for=HOSTILE, drop=1.0)],
                confusions=[Confusion(label=HOSTILE, taken_for=HOSTILE, images=2.0, images_in_full=0.0)],
            ),
        ],
        recommended=HOSTILE,
        contrasts=[EqualBytes(arm=HOSTILE, other=HOSTILE, difference=0.1, low=0.0, high=0.2, p=0.04, adjusted_p=0.04)],
        network=[NetworkCheck(name=HOSTILE, accuracy=1.0, difference=0.0, low=0.0, high=0.0)],
        failures=[Failed(source=HOSTILE, code="broken", message=HOSTILE)],
        notes=[HOSTILE],
        stopped=HOSTILE,
    )
    stopped = {"arms": [arm_result("full"), arm_result("K128")], "stopped": "5 minutes are over", "contrasts": []}
    return {
        "usual": learned_example(),
        "nothing recommended": nothing_recommended(),
        "unjudged arm": learned_example(
            arms=[arm_result("full"), arm_result("K16", name="224x224", verdict="unclear", width=224, **unjudged)],
            recommended=None,
            command="",
            contrasts=[],
        ),
        "unjudged reference": learned_example(
            arms=[arm_result("full", **unjudged)], recommended=None, command="", contrasts=[]
        ),
        "nothing judged": learned_example(
            arms=[], recommended=None, command="", contrasts=[], resolves=100.0, loss_allowed=0.0, images_needed=None
        ),
        "zero width": learned_example(
            arms=[arm_result("full"), arm_result("K64", accuracy=83.1, difference=0.0, low=0.0, high=0.0)]
        ),
        "one arm": learned_example(arms=[arm_result("full")], recommended=None, command="", contrasts=[]),
        "all lose": learned_example(
            arms=[arm_result("full"), arm_result("K4"), arm_result("K2")], recommended=None, command=""
        ),
        "reference recommended": learned_example(recommended="full"),
        "no accuracy": learned_example(
            arms=[arm_result("full", accuracy=0.0, accuracy_on_originals=0.0)],
            recommended=None,
            resolves=100.0,
            images_needed=None,
            loss_allowed=0.0,
        ),
        "enough images": learned_example(tested=6200, resolves=0.6),
        "hostile": hostile,
        "stopped": learned_example(**stopped, recommended="K128"),
        "sample": learned_example(images_found=20_000, split="groups", is_optimistic=True, network=network_checks()),
    }
