"""The name of every file and folder that ICS keeps below an output folder."""

from __future__ import annotations

import re

OWN_PREFIX = ".ics-"
"""Prefix of the names of files and folders that ICS keeps for itself."""

MANIFEST, FAILURES, RUN = "manifest.jsonl", "failures.jsonl", "run.json"
PALETTE, GIMP_PALETTE = "palette.json", "palette.gpl"
"""Files of shared palettes: for ICS, and for GIMP and other editors."""

REPORT = "report.html"
"""Default name of the page about a finished run."""

PACK_INDEX, PACKS = "shards.json", "data"
"""The index of packs, and the folder that holds them."""

PENDING, WRITTEN, LOCK = f"{OWN_PREFIX}claims", f"{OWN_PREFIX}written", f"{OWN_PREFIX}lock"
"""Pending outputs, hashes of written outputs, and the file that a run locks."""

STATE_FOLDERS, MERGED_FOLDERS = f"{OWN_PREFIX}books", f"{OWN_PREFIX}merged"
STATE_DRAFT, CLUSTER_FOLDER = f"{OWN_PREFIX}division", f"{OWN_PREFIX}driver"
"""Folders: state of shards, state of merged shards, new state of shards before it counts, and a cluster's lock."""

UNPACKED, STAGED_PACKS = f"{OWN_PREFIX}parts", f"{OWN_PREFIX}shards"
"""Folders: images that are not packed yet, and new packs that are not in their places yet."""

STATE, PLAN, FENCING_TOKEN, LISTING_INFO, LISTING = "shard.json", "plan.jsonl", "turn", "division.json", "listing.jsonl"
"""Files in the state folder of a shard, and in the folder above the state folders of all shards."""

RESERVED = (MANIFEST, FAILURES, RUN, PACK_INDEX, PALETTE, GIMP_PALETTE)
"""Names of ICS's files at the top of an output folder; folders of images cannot have them."""

FILES = (*RESERVED, PENDING, WRITTEN, LOCK)
FOLDERS = (STATE_FOLDERS, MERGED_FOLDERS, STATE_DRAFT, CLUSTER_FOLDER, UNPACKED, STAGED_PACKS)
SHARD_FILES = (MANIFEST, FAILURES, RUN, PENDING, WRITTEN, LOCK, STATE, PLAN, FENCING_TOKEN)
STATE_FILES = frozenset({*SHARD_FILES, LISTING_INFO, LISTING})
"""All names of files in the state folders of shards."""

PACK_NAME = re.compile(r"\w+-\d+\.\w+", re.ASCII)


def is_pack_name(name: object) -> bool:
    """Return whether something is the path of a pack below an output folder.

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
