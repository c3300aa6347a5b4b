"""How the images of a run, or of merged shards, are packed; and how a folder is prepared for packs of shards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.choices import ARRAYS, PACKINGS
from icsys.errors import UsageError
from icsys.layout import PALETTE, STAGED_PACKS, UNPACKED
from icsys.options import Options
from icsys.packs.assignment import Stopped
from icsys.packs.formats import PACK_FORMATS
from icsys.packs.local_packs import is_packed, open_packs, pack_images
from icsys.packs.write_arrays import array_facts
from icsys.records.pack_index import load_pack_index
from icsys.records.palette_files import load_palettes
from icsys.shards.state_folders import read_state, shards_in, state_folder_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from icsys.files.rooted_path import RootedPath
    from icsys.records.dataset_json import ArrayFacts
    from icsys.records.palette_files import Palettes


class Packing(NamedTuple):
    """How the images of a folder are packed.

    Attributes
    ----------
    options
        Of the run.
    palettes
        Shared palettes; None if each image has its own.
    class_names
        The names of the classes by number, where the source has them.
    replace
        Whether files of other programs may be overwritten.
    """

    options: Options
    palettes: Palettes | None
    class_names: Sequence[str]
    replace: bool

    @classmethod
    def recorded(
        cls, destination: RootedPath, options: Mapping[str, Any], class_names: Sequence[str], *, replace: bool
    ) -> Packing | None:
        """Return how the images of merged shards are packed; None for single files.

        Parameters
        ----------
        options
            Their options as recorded, perhaps with others, as plain JSON values.

        Raises
        ------
        UsageError
            If the options, or the palette file of the folder, are not as ICS writes them.
        MissingExtraError
            If the format needs a package that is not installed.
        """
        if options.get("format") not in PACKINGS:
            return None
        known = {name: value for name, value in options.items() if name in Options.__dataclass_fields__}
        checked = Options.from_dict(known)
        PACK_FORMATS[checked.format].prepare()
        is_shared = checked.format == ARRAYS and checked.palette != "image"
        palettes = load_palettes(destination / PALETTE) if is_shared else None
        return cls(checked, palettes, class_names, replace)

    @property
    def limits(self) -> dict[str, int]:
        """The most images, and the most bytes of images, in a pack."""
        return {"shard_images": self.options.shard_images, "shard_bytes": self.options.shard_bytes}

    @property
    def arrays(self) -> ArrayFacts | None:
        """What arrays hold; None for another format."""
        return array_facts(self.options, self.palettes)

    def pack(
        self, destination: RootedPath, *, stop: threading.Event, on_pack: Callable[[], object] = lambda: None
    ) -> list[str]:
        """Pack the images and return the names of their packs; see :func:`~icsys.packs.local_packs.pack_images`."""
        packs = pack_images(
            destination,
            **self.limits,
            class_names=self.class_names,
            arrays=self.arrays,
            replace=self.replace,
            stop=stop,
            on_pack=on_pack,
        )
        return [one.name for one in packs]

    def is_done(self, destination: RootedPath, stop: threading.Event) -> bool:
        """Return whether all images are packed, and nothing is left of single files."""
        if any((destination / name).exists() for name in (UNPACKED, STAGED_PACKS)):
            return False
        try:
            return is_packed(destination, **self.limits, class_names=self.class_names, arrays=self.arrays, stop=stop)
        except Stopped:
            return False


def prepare_packs(destination: RootedPath, format: str, *, creates: bool = True) -> None:  # noqa: A002 - the option's name
    """Prepare an output folder for shards, or for their merge: packs of an interrupted run move into their places.

    Parameters
    ----------
    destination
        The output folder; locked.
    format
        One of :data:`icsys.choices.FORMATS`.
    creates
        Whether a folder without packs gets its index of packs.

    Raises
    ------
    UsageError
        If the folder holds images of another kind, or a mixture that no run has left.
    """
    index, shards = load_pack_index(destination), shards_in(destination)
    shown = f"destination {str(destination)!r}"
    if index is None and format in PACKINGS:
        found = _format_of_shards(destination)
        if found is not None and found not in PACKINGS:
            raise UsageError(
                f"{shown} holds image files of other shards (format={found!r}): expected {format} packs for "
                f"format={format!r}; name another destination"
            )
    elif index is not None and index.state == "written" and shards:
        raise UsageError(
            f"{shown} holds shards, and packs that are not in their places: it was copied while a run packed its "
            "images; copy the whole folder again"
        )
    open_packs(destination, format, read_only=index is None and not creates)


def _format_of_shards(destination: RootedPath) -> str | None:
    """Return the format of the first shard that has started; None if none has."""
    states = (read_state(state_folder_of(destination, shard)) for shard in shards_in(destination))
    return next((str(state.options.get("format")) for state in states if state is not None), None)
