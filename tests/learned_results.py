"""Results of ``learn`` made by hand, for tests of what is printed and written of them."""

from icsys.learning.learned import ArmResult, Learned


def arm_result(name="full", **changes):
    """Make the result of an arm; without changes of the reference."""
    values = {
        "name": name,
        "width": 64,
        "height": 48,
        "colors": None,
        "format": "png",
        "images": 40,
        "bytes": 40_000,
        "bytes_per_image": 1000.0,
        "accuracy": 80.0,
        "difference": None,
        "low": None,
        "high": None,
        "accuracy_on_originals": 80.0,
        "verdict": "reference",
    }
    return ArmResult(**values | changes)


def learned_result(**changes):
    """Make a result of two arms, of which the second is recommended."""
    few = {"colors": 16, "bytes": 8000, "bytes_per_image": 200.0, "accuracy": 79.8, "verdict": "keeps"}
    few |= {"difference": -0.2, "low": -0.7, "high": 0.3, "accuracy_on_originals": 79.0, "options": {"colors": 16}}
    values = {
        "source": "photos",
        "images": 40,
        "images_found": 50,
        "classes": ["cat", "dog"],
        "split": "groups",
        "is_optimistic": True,
        "tested": 40,
        "majority": 50.0,
        "resolves": 0.7,
        "loss_allowed": 0.8,
        "images_needed": 40,
        "arms": [arm_result(), arm_result("K16", **few)],
        "recommended": "K16",
        "command": "ics compress photos small --from-learn learn.json",
        "working_size": 64,
        "repeats": 3,
        "seed": 0,
    }
    return Learned(**values | changes)
