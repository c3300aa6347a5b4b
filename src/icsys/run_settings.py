"""``RunSettings``: how a run works, and what becomes of labels. None of it changes the bytes of a compressed image."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from icsys.choices import AUTO
from icsys.errors import UsageError
from icsys.files.url import shown
from icsys.run_setting_checks import ByteCount, FilePath, ShardText, SharesText
from icsys.setting_fields import (
    Choice,
    Fraction,
    Needs,
    Number,
    Switch,
    Text,
    WholeNumber,
    check_fields,
    setting,
    unknown_names_refused,
)

if TYPE_CHECKING:
    from icsys.selection import SizeRules, SplitShares
    from icsys.shard import Shard

Engine = Literal["auto", "threads", "processes", "dask", "ray"]
Overwrite = Literal["never", "always"]
LabelsOn = Literal["auto", "upright", "stored"]
Duplicates = Literal["exact"]
ENGINES: tuple[str, ...] = get_args(Engine)
OVERWRITES: tuple[str, ...] = get_args(Overwrite)
LABELS_ON: tuple[str, ...] = get_args(LabelsOn)
DUPLICATES: tuple[str, ...] = get_args(Duplicates)
NONE = "none"
"""Value of ``masks`` beside patterns and AUTO, which finds masks by their layout: take no file for a mask."""
CLUSTERS = ("dask", "ray")

_MOST_JOBS = 4096
_LONGEST_TIMEOUT = 10**6  # seconds
_MOST_PAD = 2**16 - 1
_MOST_SIDE = 10**6  # pixels
_MOST_ASPECT = 10**6

_IN_RUN_JSON = (
    *("jobs", "engine", "overwrite", "retry_failed", "follow_links", "timeout", "include_outputs", "ignore_zeros"),
    "shard",
    *("masks", "mask_pad", "labels_on", "min_visibility", "table", "table_column"),
    *("split", "min_side", "max_aspect", "drop_duplicates"),
)

_WITH_PARTS = ("shard", "split")  # written as text

INSPECTED = ("jobs", "engine", "follow_links", "include_outputs", "ignore_zeros", "masks")
"""Settings that an inspection has, too."""


@unknown_names_refused
@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How a run works: how many workers, which engine, what to read and what to redo.

    Attributes
    ----------
    jobs
        None: one for each core.
    engine
        None: "auto", or "processes" if ``isolate`` or ``timeout`` needs them.

    Raises
    ------
    UsageError
        If a value is not accepted; the text has the name, the value and what is expected.

    Examples
    --------
    >>> RunSettings(timeout=2.5).resolve(cores=4).to_dict()["engine"]
    'processes'
    """

    jobs: int | None = setting(
        None,
        WholeNumber(1, _MOST_JOBS),
        group="run",
        help="Images to compress at the same time. Default: the number of cores.",
        compared=True,
    )
    engine: Engine | None = setting(
        None,
        Choice(ENGINES, exact=True),
        group="run",
        help="Where images are compressed: auto (threads, and helper processes for many small images), threads only, "
        "processes (each killed and replaced if an image hangs or crashes it), or a cluster of dask or ray. Default: "
        "auto; processes with --isolate or --timeout.",
    )
    address: str | None = setting(
        None,
        Text("ADDRESS"),
        group="run",
        help="Address of the Dask scheduler (tcp://HOST:8786) or Ray cluster to join. Default: start a cluster on this "
        "machine.",
    )
    isolate: bool = setting(
        False,
        Switch(lenient=True),
        group="run",
        help="Use processes, so that an image that crashes its process fails alone, after a second try.",
    )
    timeout: float | None = setting(
        None,
        Number(_LONGEST_TIMEOUT, "SECONDS", as_given=True),
        group="run",
        help="Longest time for one image. A slower image is stopped, tried once more, and then fails.",
    )
    follow_links: bool = setting(
        False,
        Switch(lenient=True),
        group="input",
        help="Follow links to files and folders in SRC. Default: skip them.",
    )
    include_outputs: bool = setting(
        False,
        Switch(lenient=True),
        group="input",
        help="Also read output folders of ics below SRC. Default: skip and name them. SRC itself may be one.",
        compared=True,
    )
    ignore_zeros: bool = setting(
        False,
        Switch(lenient=True),
        group="input",
        help="Accept tar archives that were concatenated. Default: read them, and report them as damaged.",
    )
    overwrite: Overwrite = setting(
        "never",
        Choice(OVERWRITES, exact=True),
        group="output",
        help="never: redo only images whose source or options have changed, and keep files that ics did not write. "
        "always: redo every image, and replace such files, too.",
    )
    retry_failed: bool = setting(
        False, Switch(lenient=True), group="output", help="Only retry the images that failed in earlier runs."
    )
    prune: bool = setting(
        False,
        Switch(lenient=True),
        group="output",
        help="Remove outputs of ics whose sources are gone or have other outputs now. --dry-run names them only.",
    )
    shard: Shard | None = setting(
        None,
        ShardText(),
        group="run",
        help="Compress part I of N of the images, such as 2/4. Run all N parts, on any machines, then ics merge.",
    )
    dry_run: bool = setting(
        False, Switch(lenient=True), group="output", help="Read and compress all images, but write nothing."
    )

    masks: str = setting(
        AUTO,
        Text("GLOB"),
        group="labels",
        off=("no-masks", NONE, "Treat no file as a mask."),
        help="Files below SRC that are masks, as a pattern such as 'gt/*.png'; several with commas. Masks keep the "
        "values of their pixels. Default: found by the layout of the folders.",
    )
    mask_pad: int = setting(
        255,
        WholeNumber(0, _MOST_PAD),
        group="labels",
        help="Value of mask pixels that lie outside the picture, with --fit pad and cover.",
        needs=Needs("fit", ("pad", "cover")),
    )
    labels_on: LabelsOn = setting(
        AUTO,
        Choice(LABELS_ON, exact=True),
        group="labels",
        help="Which picture masks and annotations were drawn on, if EXIF turns it: upright, as viewers show it, or as "
        "stored. auto: by the size that they state, upright if that does not tell.",
    )
    min_visibility: float = setting(
        0.0,
        Fraction("SHARE"),
        group="labels",
        help="Leave out a box or polygon if a smaller share of its area is left where --fit cover crops. 0: only if "
        "nothing is left.",
        needs=Needs("fit", ("cover",)),
    )
    table: str | None = setting(
        None,
        Text("FILE"),
        group="labels",
        help="A CSV or JSON lines table below SRC whose image names are to follow the outputs; several with commas. "
        "metadata.csv and metadata.jsonl are found without it.",
    )
    table_column: str | None = setting(
        None,
        Text("NAME"),
        group="labels",
        help="The column of --table with the names of the images. Default: file_name, image, image_id, filename or "
        "path, whichever the table has.",
        needs=Needs("table"),
    )
    split: SplitShares | None = setting(
        None,
        SharesText(),
        group="selection",
        help="Divide the images of each class at random among folders, such as train=80,val=10,test=10. Duplicates "
        "stay together. splits.jsonl in DST keeps the split of each image for later runs.",
    )
    min_side: int | None = setting(
        None, WholeNumber(1, _MOST_SIDE), group="selection", help="Leave out images with a shorter side, in pixels."
    )
    max_aspect: float | None = setting(
        None,
        Number(_MOST_ASPECT, "RATIO"),
        group="selection",
        help="Leave out images whose longer side is more than this many times the shorter one.",
    )
    drop_duplicates: Duplicates | None = setting(
        None,
        Choice(DUPLICATES, exact=True),
        group="selection",
        help="exact: leave out each image whose file equals that of an earlier one.",
    )
    total_bytes: int | None = setting(
        None,
        ByteCount(),
        group="budget",
        help="Choose size and colours so that all images in DST take at most this many bytes, such as 500MB. "
        "--colors, or a size, keeps what it gives.",
    )
    from_learn: str | None = setting(
        None,
        FilePath("FILE.json"),
        group="budget",
        help="Take the options of the setting that this file of ics learn recommends; with --total-bytes, go by the "
        "accuracy of its settings.",
    )
    arm: str | None = setting(None, Text("NAME"), group="budget", help="Take this setting of --from-learn.")

    def __post_init__(self) -> None:
        """Check every field, then the rules between them."""
        check_fields(self)
        self._check_prune()
        self._check_budget()
        if self.address is not None and not self.on_cluster:
            raise UsageError(
                f"address={shown(self.address)!r} with engine={self.engine!r}: expected one of {', '.join(CLUSTERS)}"
            )
        if self.on_cluster and self.isolate:
            raise UsageError(
                f"isolate with engine={self.engine!r}: a cluster retries an image that ends its worker in a process "
                "of its own anyway, so expected only one of them"
            )
        if self.max_aspect is not None and self.max_aspect < 1:
            raise UsageError(f"max_aspect={self.max_aspect!r}: expected a number of at least 1, such as 4")
        needs = self._needs_processes
        if self.engine in {"auto", "threads"} and needs:
            raise UsageError(
                f"{needs} with engine={self.engine!r}: a thread cannot be ended, so expected engine='processes'"
            )

    def _check_prune(self) -> None:
        """Refuse pruning in a run that does not meet all sources."""
        others = {"retry_failed": self.retry_failed, "shard": self.shard and str(self.shard)}
        others |= {"engine": self.engine if self.on_cluster else None}
        for name, value in others.items():
            if self.prune and value:
                raise UsageError(f"prune with {name}={value!r}: expected a run over all sources on this machine")

    def _check_budget(self) -> None:
        """Refuse a number of bytes for a run over a part of the images, and an arm without a file, or beside bytes."""
        if self.arm == "":
            raise UsageError(f"arm={self.arm!r}: expected the name of a setting")
        if self.arm is not None and self.from_learn is None:
            raise UsageError(
                f"arm={self.arm!r} without from_learn: expected the file of ics learn that has the setting"
            )
        if self.total_bytes is None:
            return
        if self.arm is not None:
            raise UsageError(
                f"arm={self.arm!r} with total_bytes, which chooses by all settings: expected one of the two"
            )
        parts = {"shard": self.shard and str(self.shard), "engine": self.engine if self.on_cluster else None}
        for name, value in (parts | {"retry_failed": self.retry_failed}).items():
            if value:
                raise UsageError(f"total_bytes with {name}={value!r}: expected one run over all images on this machine")

    @property
    def _needs_processes(self) -> str:
        """The name of the setting that only processes can meet; empty if there is none."""
        return "isolate" if self.isolate else "timeout" if self.timeout is not None else ""

    @property
    def on_cluster(self) -> bool:
        """Whether a cluster runs the work."""
        return self.engine in CLUSTERS

    @property
    def redo_all(self) -> bool:
        """Whether images are redone that are up to date."""
        return self.overwrite == "always"

    @property
    def covers_all(self) -> bool:
        """Whether the run takes up all sources, also ones that did not fail: only then can an output be stale."""
        return not self.retry_failed

    @property
    def size_rules(self) -> SizeRules | None:
        """The limits of size; None if there is none."""
        if self.min_side is None and self.max_aspect is None:
            return None
        from icsys.selection import SizeRules  # noqa: PLC0415 - few runs need it

        return SizeRules(self.min_side, self.max_aspect)

    @property
    def selects(self) -> bool:
        """Whether the names and files of all images decide where outputs lie, or which images are left out."""
        return self.split is not None or self.drop_duplicates is not None

    def resolve(self, *, cores: int) -> RunSettings:
        """Return these settings with the number of jobs and the engine filled in."""
        engine = self.engine or ("processes" if self._needs_processes else "auto")
        return self.replace(jobs=self.jobs or cores, engine=engine)

    def replace(self, /, **changes: Any) -> RunSettings:  # noqa: ANN401 - one type per field
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the values for ``run.json`` that are set."""
        return _plain({name: getattr(self, name) for name in _IN_RUN_JSON})

    def given(self) -> dict[str, Any]:
        """Return all values as plain JSON and TOML values that are set."""
        return _plain({field.name: getattr(self, field.name) for field in fields(self)})


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if name in _WITH_PARTS else value for name, value in values.items() if value is not None}
