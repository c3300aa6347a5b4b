"""Names of all files and folders that ICS keeps below an output folder. No other module holds such a name."""

from __future__ import annotations

import re

OWN_PREFIX = ".ics-"
"""Prefix of files and folders for ICS alone."""

# Files at the top of an output folder.
MANIFEST = "manifest.jsonl"
"""One row per image: source, output, label, sizes and hashes."""
FAILURES = "failures.jsonl"
"""One row per image that failed, with the reason."""
RUN = "run.json"
"""The last run: options, versions, totals and times."""
PALETTE, GIMP_PALETTE = "palette.json", "palette.gpl"
"""Shared palettes, for ICS and for image editors."""
PACK_INDEX = "shards.json"
"""Packs with their hashes, and the numbers of the classes."""
SPLITS = "splits.jsonl"
"""The split of each image, for later runs."""
REPORT = "report.html"
"""Page about a finished run (default name)."""
PENDING = f"{OWN_PREFIX}claims"
"""Outputs that a run is about to write."""
WRITTEN = f"{OWN_PREFIX}written"
"""Hashes of written outputs, which may have no row yet after a crash."""
LOCK = f"{OWN_PREFIX}lock"
"""File that a run locks. Each state folder has one too."""

# Folders at the top of an output folder.
PACKS = "data"
"""Packs."""
UNPACKED = f"{OWN_PREFIX}parts"
"""Images that are not packed yet."""
STAGED_PACKS = f"{OWN_PREFIX}shards"
"""New packs that are not in their places yet."""
STATE_FOLDERS = f"{OWN_PREFIX}books"
"""State folders of shards, such as ``2-of-4``."""
MERGED_FOLDERS = f"{OWN_PREFIX}merged"
"""State folders of shards that are merged."""
STATE_DRAFT = f"{OWN_PREFIX}division"
"""State folders while the source is listed for all shards; then it is renamed to :data:`STATE_FOLDERS`."""
CLUSTER_FOLDER = f"{OWN_PREFIX}driver"
"""Lock of a run on a cluster."""

# Files in the state folder of a shard, besides manifest, failures, run.json, pending outputs and lock.
STATE = "shard.json"
"""Options of the shard, and whether it is finished."""
PLAN = "plan.jsonl"
"""Tasks of the shard, from one listing for all shards."""
FENCING_TOKEN = "turn"  # noqa: S105 - the name of a file
"""Token of the run that owns the shard."""

# Files beside the state folders.
LISTING_INFO = "division.json"
"""The listing for all shards: number of shards and images, and settings."""
LISTING = "listing.jsonl"
"""The listing itself, while it is made."""

RESERVED = (MANIFEST, FAILURES, RUN, PACK_INDEX, PALETTE, GIMP_PALETTE, SPLITS)
"""Names without the prefix, which folders of images cannot have."""
TOP_FILES = (*RESERVED, PENDING, WRITTEN, LOCK)
TOP_FOLDERS = (STATE_FOLDERS, MERGED_FOLDERS, STATE_DRAFT, CLUSTER_FOLDER, UNPACKED, STAGED_PACKS)
SHARD_FILES = (MANIFEST, FAILURES, RUN, PENDING, WRITTEN, LOCK, STATE, PLAN, FENCING_TOKEN)
STATE_FILES = frozenset({*SHARD_FILES, LISTING_INFO, LISTING})
"""All names of files in and beside the state folders of shards."""

# Files of arrays: beside the other files, and in a folder for each split.
DATASET = "dataset.json"
"""Sizes and types of all arrays, with the hashes of their files."""
NO_SPLIT = "all"
"""The folder of the images in no split."""
INDICES, PIXELS, PALETTES, LABELS, IMAGE_NAMES = (
    "indices.npy",
    "pixels.npy",
    "palettes.npy",
    "labels.npy",
    "names.jsonl",
)

ALL_BOXES, BOX_LABELS, BOX_STARTS = "boxes.npy", "box_labels.npy", "box_starts.npy"
"""Boxes of objects: all boxes of a split, the places of their classes, and where those of each image begin."""
ONE_MASK = "mask"
"""The kind of masks where images have one mask each."""
_MASKS, _HAS_MASK, _KIND = "masks", "has_mask", "[a-z0-9_]{1,60}"

PACK_NAME = re.compile(r"\w+-\d+\.\w+", re.ASCII)
_PLAIN = "|".join(map(re.escape, (INDICES, PIXELS, PALETTES, LABELS, IMAGE_NAMES, ALL_BOXES, BOX_LABELS, BOX_STARTS)))
_IN_SPLIT = rf"{_PLAIN}|(?:{_MASKS}|{_HAS_MASK})(?:-{_KIND})?\.npy"
ARRAY_NAME = re.compile(rf"[A-Za-z]+/(?:{_IN_SPLIT})|{re.escape(DATASET)}")


def is_pack_name(name: object) -> bool:
    """Return whether something is the path of a pack, or of a file of arrays, below an output folder.

    Examples
    --------
    >>> is_pack_name("data/train-00000.tar"), is_pack_name("train/indices.npy"), is_pack_name("data/notes.txt")
    (True, True, False)
    """
    if not isinstance(name, str):
        return False
    is_pack = name.startswith(f"{PACKS}/") and PACK_NAME.fullmatch(name[len(PACKS) + 1 :]) is not None
    return is_pack or is_array_name(name)


def is_array_name(name: str) -> bool:
    """Return whether a path is that of a file of arrays."""
    return ARRAY_NAME.fullmatch(name) is not None


def mask_arrays(kind: str) -> tuple[str, str]:
    """Return the names of the array of the masks of a kind, and of that which tells which images have one.

    Examples
    --------
    >>> mask_arrays("mask"), mask_arrays("depth")
    (('masks.npy', 'has_mask.npy'), ('masks-depth.npy', 'has_mask-depth.npy'))
    """
    end = "" if kind == ONE_MASK else f"-{kind}"
    return f"{_MASKS}{end}.npy", f"{_HAS_MASK}{end}.npy"


def is_mask_kind(kind: object) -> bool:
    """Return whether something is the name of a kind of masks in arrays."""
    return isinstance(kind, str) and re.fullmatch(_KIND, kind) is not None


def staged_name(name: str) -> str:
    """Return the name of a pack among the packs that are not in their places yet.

    Examples
    --------
    >>> staged_name("data/train-00000.tar"), staged_name("train/indices.npy")
    ('train-00000.tar', 'train-indices.npy')
    """
    return name.removeprefix(f"{PACKS}/").replace("/", "-")


def is_staged_name(name: str) -> bool:
    """Return whether a name is one that :func:`staged_name` returns."""
    return is_pack_name(f"{PACKS}/{name}") or is_array_name(name.replace("-", "/", 1))
