"""Writes the arrays of a folder into the staging folder, image by image."""

from __future__ import annotations

import hashlib
import json
import struct
from contextlib import ExitStack, closing
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from icsys.choices import ARRAYS
from icsys.files.atomic import whole_file
from icsys.image.arrays.image_row import RowForm
from icsys.layout import DATASET, IMAGE_NAMES, LABELS, NO_SPLIT, PALETTES, STAGED_PACKS, staged_name
from icsys.packs.array_labels.label_arrays import LabelArrays
from icsys.packs.array_labels.label_files import label_files
from icsys.packs.array_labels.survey import NO_LABELS, Surveyor
from icsys.packs.arrays_format import ArraysFormat
from icsys.packs.assignment import Stopped, assigned_rows
from icsys.records.dataset_json import ArrayFacts, HashedFile, dataset_values
from icsys.records.label import from_columns
from icsys.records.pack_index import Pack

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from icsys.files.rooted_path import RootedPath
    from icsys.options import Options
    from icsys.packs.assignment import Assignment
    from icsys.packs.companions import Companions
    from icsys.packs.read_arrays import FindsBytes
    from icsys.records.pack_index import PackIndex
    from icsys.records.palette_files import Palettes

NPY_HEADER = 128
"""Bytes before the numbers of an array; a multiple of 64, so that they are aligned where the file is mapped."""

_UNLABELLED = -1
_CHANNELS = 3


def npy_header(descr: str, shape: tuple[int, ...]) -> bytes:
    """Return the beginning of a ``.npy`` file of version 1.0 (``numpy.lib.format``), always of one length.

    NumPy's own writer pads it by rules that depend on its version.
    """
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode("ascii")
    begin = b"\x93NUMPY\x01\x00" + struct.pack("<H", NPY_HEADER - 10)
    return begin + text.ljust(NPY_HEADER - len(begin) - 1) + b"\n"


def array_files(facts: ArrayFacts, splits: list[str], labels: Sequence[str] = ()) -> list[str]:
    """Return the paths of all files of arrays, below the output folder; ``dataset.json`` is the last.

    Parameters
    ----------
    labels
        The names of arrays of masks and boxes.
    """
    return [f"{split}/{name}" for split in splits or [NO_SPLIT] for name in (*facts.files, *labels)] + [DATASET]


def array_facts(options: Options, palettes: Palettes | None) -> ArrayFacts | None:
    """Return what the arrays of a run hold; None if the run writes another format.

    The largest shared palette decides the number of colours.
    """
    if options.format != ARRAYS or options.final_size is None:
        return None
    most = palettes.n_colors if palettes else options.most_colors
    colors = 0 if options.strategy == "SO" else most
    one_palette = palettes is not None and not palettes.by_class
    return ArrayFacts(RowForm(*options.final_size, colors), one_palette, options.to_dict())


def array_shapes(facts: ArrayFacts, images: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return type and shape of each array of a split with so many images, without those of masks and boxes."""
    form = facts.form
    palettes = (form.colors, _CHANNELS) if facts.one_palette else (images, form.colors, _CHANNELS)
    return {
        facts.array: (form.dtype.str, (images, *form.row_shape)),
        **({PALETTES: ("|u1", palettes)} if form.colors else {}),
        LABELS: ("<i8", (images,)),
    }


def described_array(array: tuple[str, tuple[int, ...]] | None) -> dict[str, Any]:
    """Return type and shape of an array as plain values; nothing for another file."""
    return {} if array is None else {"dtype": np.dtype(array[0]).name, "shape": list(array[1])}


class ArrayWriter(NamedTuple):
    """What is written into arrays, and where it is found."""

    destination: RootedPath
    after: PackIndex
    facts: ArrayFacts
    assignment: Assignment
    companions: Companions
    finder: FindsBytes
    stop: threading.Event

    def write(self, on_pack: Callable[[], object]) -> list[Pack]:
        """Write all files; return them in order.

        Raises
        ------
        Stopped
            If ``stop`` is set before the end.
        OSError
            If a file cannot be written, or an image is not as the manifest has it.
        """
        packs: list[Pack] = []
        described: dict[str, dict[str, Any]] = {}
        with closing(self._labels(on_pack)) as labels:
            for split in self.assignment.splits or [NO_SPLIT]:
                on_pack()
                images = self.assignment.counts[f"{split}/{self.facts.array}"]
                files = self._write_split(split, images, labels)
                described[split] = {"images": images, "files": files}
                for name, about in files.items():
                    counts = images if name == self.facts.array else 0, about["bytes"], about["sha256"]
                    packs.append(Pack(f"{split}/{name}", *counts))
            values = dataset_values(self.facts, self.assignment.classes, described, labels.facts)
        data = json.dumps(values, indent=1).encode() + b"\n"
        with whole_file(self._staged(DATASET)) as file:
            file.write(data)
        return [*packs, Pack(DATASET, 0, len(data), hashlib.sha256(data).hexdigest())]

    def _staged(self, name: str) -> RootedPath:
        return self.destination / STAGED_PACKS / staged_name(name)

    def _labels(self, on_pack: Callable[[], object]) -> LabelArrays:
        """Look at all masks and boxes; return what writes their arrays."""
        files, form = label_files(self.companions), self.facts.form
        if files.sha256:
            on_pack()
        surveyor = Surveyor(self._all_rows, form, files, self.companions, self.finder, self.stop)
        return LabelArrays(surveyor.survey() if files.sha256 else NO_LABELS, form, self.companions, self.finder)

    def _all_rows(self) -> Iterator[dict[str, Any]]:
        """Yield the manifest rows of all images, split by split."""
        for split in self.assignment.splits:
            yield from self._rows(split)

    def _rows(self, split: str) -> Iterator[dict[str, Any]]:
        """Yield the manifest rows of the images of a split."""
        only = split if len(self.assignment.splits) > 1 else None
        return map(itemgetter(0), assigned_rows(self.destination, self.after, self.companions, only))

    def _write_split(self, split: str, images: int, labels: LabelArrays) -> dict[str, dict[str, Any]]:
        """Write the files of a split; return their descriptions."""
        facts, form = self.facts, self.facts.form
        arrays = array_shapes(facts, images) | labels.arrays(images)
        with ExitStack() as stack:
            files = {
                name: HashedFile(stack.enter_context(whole_file(self._staged(f"{split}/{name}"))))
                for name in dict.fromkeys((*facts.files, *arrays))
            }
            for name in files.keys() & arrays.keys():
                files[name].write(npy_header(*arrays[name]))
            labels.begin(images, files)
            self._write_images(split, files, labels)
            if not images and facts.one_palette and form.colors:
                files[PALETTES].write(bytes(form.palette_bytes))
        return {name: described_array(arrays.get(name)) | file.described() for name, file in files.items()}

    def _write_images(self, split: str, files: Mapping[str, HashedFile], labels: LabelArrays) -> None:
        """Write the images of a split, in the order of the manifest."""
        facts, numbers = self.facts, self.assignment.classes.numbering()
        shared: bytes | None = None
        for row in self._rows(split):
            if self.stop.is_set():
                raise Stopped
            data = self.finder.find(row)
            stored, palette = facts.form.parts(data) or (b"", b"")
            if not stored or (facts.one_palette and shared not in {None, palette}):
                raise OSError(
                    f"{row['file_name']!r} has another size, or other colours, than this run gives: run again with "
                    "--overwrite always"
                )
            files[facts.array].write(stored)
            if facts.form.colors and (shared is None or not facts.one_palette):
                files[PALETTES].write(palette)
                shared = palette
            label, number = from_columns(row)
            number = numbers[label] if number is None and label is not None else number
            files[LABELS].write(struct.pack("<q", _UNLABELLED if number is None else number))
            files[IMAGE_NAMES].write(json.dumps(ArraysFormat().member(row["file_name"])).encode() + b"\n")
            labels.write(row, files)


def check_companions(names: Sequence[str], singles: Sequence[str]) -> None:
    """Refuse companions with names of files of arrays.

    Raises
    ------
    OSError
        The text has the name.
    """
    for name in sorted({*names} & {*singles}):
        raise OSError(f"the companion {name!r} has the name of a file of arrays: rename it in the source")
