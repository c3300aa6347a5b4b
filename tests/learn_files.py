"""Files of ``ics learn``, made by hand."""

import json

from icsys import Options
from icsys.learning.learned import ArmResult, Learned


def learned_arm(name, options=None, **values):
    """Return an arm: its options as :class:`Options`, or None."""
    size = (options.final_size if options else None) or (24, 24)
    defaults = {
        "width": size[0],
        "height": size[1],
        "colors": None if options is None or options.strategy == "SO" else options.colors,
        "format": "png",
        "images": 6,
        "bytes": 6000,
        "bytes_per_image": 1000.0,
        "accuracy": 80.0,
        "difference": 0.0,
        "low": -1.0,
        "high": 1.0,
        "accuracy_on_originals": 79.0,
        "verdict": "keeps",
        "options": options and options.to_dict(),
    }
    return ArmResult(name=name, **defaults | values)


def usual_arms(size=24):
    """Return arms as ``ics learn`` makes them: colours, sizes, a codec, and fewer images."""
    base = Options(size=size)
    ladder = {2: 60.0, 4: 70.0, 16: 78.0, 64: 80.0}
    small = base.replace(size=size // 2)
    return [
        learned_arm("full", base.replace(strategy="SO"), accuracy=80.5, verdict="reference"),
        *(learned_arm(f"K{colors}", base.replace(colors=colors), accuracy=found) for colors, found in ladder.items()),
        learned_arm("small", small.replace(strategy="SO"), accuracy=70.0),
        learned_arm("small K16", small.replace(colors=16), accuracy=68.0),
        learned_arm("WebP = K16", format="webp", quality=30, as_small_as="K16"),
        learned_arm("fewer = K16", images=2, accuracy=60.0),
    ]


def write_learned(path, arms=None, recommended="K16"):
    """Write a file of ``ics learn``, and return its path."""
    result = Learned(
        source="photos",
        images=6,
        images_found=6,
        classes=["a", "b"],
        split="folds",
        is_optimistic=True,
        tested=6,
        majority=50.0,
        resolves=2.0,
        loss_allowed=0.8,
        images_needed=100,
        arms=usual_arms() if arms is None else arms,
        recommended=recommended,
        command="",
        working_size=24,
        repeats=3,
        seed=0,
    )
    path.write_text(json.dumps(result.to_dict()), "utf-8")
    return path
