"""The name of every file and folder that ICS keeps below an output folder."""

from __future__ import annotations

import re

OURS = ".ics-"
"""How the names of files and folders begin that ICS keeps for itself."""

MANIFEST, FAILURES, RUN = "manifest.jsonl", "failures.jsonl", "run.json"
PALETTE, GIMP_PALETTE = "palette.json", "palette.gpl"
"""Beside the images of a run that share a palette."""

REPORT = "report.html"
"""The page that is made of a finished run, unless it gets another name."""

INDEX, PACKS = "shards.json", "data"
"""The file that tells of shards, and the folder in which they lie."""

PENDING, WRITTEN, LOCK = f"{OURS}claims", f"{OURS}written", f"{OURS}lock"
"""Outputs that are about to be written, hashes of those that were written, and the file that is locked."""

STATE_FOLDERS, MERGED_FOLDERS, STATE_DRAFT, DRIVER = f"{OURS}books", f"{OURS}merged", f"{OURS}division", f"{OURS}driver"
"""Folders: the books of shards, those of shards that are merged, those on their way there, and a cluster's lock."""

PARTS, STAGE = f"{OURS}parts", f"{OURS}shards"
"""Folders: images that are in no shard yet, and shards that are not in their places yet."""

STATE, PLAN, FENCING_TOKEN, LISTING_INFO, LISTING = "shard.json", "plan.jsonl", "turn", "division.json", "listing.jsonl"
"""Files in the books of a shard, and in the folder of those of all shards."""

RESERVED = (MANIFEST, FAILURES, RUN, INDEX, PALETTE, GIMP_PALETTE)
"""Names at the top of an output folder that files of ours have, so that no folder of images can have them."""

FILES = (*RESERVED, PENDING, WRITTEN, LOCK)
FOLDERS = (STATE_FOLDERS, MERGED_FOLDERS, STATE_DRAFT, DRIVER, PARTS, STAGE)
SHARD_FILES = (MANIFEST, FAILURES, RUN, PENDING, WRITTEN, LOCK, STATE, PLAN, FENCING_TOKEN)
STATE_FILES = frozenset({*SHARD_FILES, LISTING_INFO, LISTING})
"""The names of all files that are ever in the books of shards."""

PACK_NAME = re.compile(r"\w+-\d+\.\w+", re.ASCII)


def is_pack_name(name: object) -> bool:
    """Tell whether something is the path of a shard below an output folder.

    Examples
    --------
    >>> is_pack_name("data/train-00000.tar"), is_pack_name("data/notes.txt")
    (True, False)
    """
    return (
        isinstance(name, str)
        and name.startswith(f"{PACKS}/")
        and PACK_NAME.fullmatch(name[len(PACKS) + 1 :]) is not None
    )
