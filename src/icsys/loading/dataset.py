"""A dataset that ICS has written, opened for training; nothing is read before it is used."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.errors import UsageError
from icsys.loading.batch_changes import batch_changes
from icsys.loading.batch_form import batch_form, index_form
from icsys.loading.numpy_export import NumpyExport
from icsys.loading.row_selection import ArrayRows, as_array, choose_rows, rows_by_part, without_copy
from icsys.loading.split import indices_of, palettes_of_each
from icsys.setting_fields import Choice, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from numpy.typing import DTypeLike, NDArray

    from icsys.loading.batch_changes import BatchChanges, ChangesOfEach, MovesOfEach
    from icsys.loading.batch_form import BatchForm
    from icsys.loading.given_labels import Labels
    from icsys.loading.row_selection import Rows
    from icsys.loading.split import Split

_MOST_THREADS = 4096
_SHARED = 2  # axes of a palette that all images share


class Dataset(NumpyExport):
    """Images with their labels, opened by :func:`icsys.load`; a view of some of them is a dataset, too.

    ``data[5]`` is the pixels, shape (H, W, 3), uint8, and the label of one image. ``data[2:9]``, ``data[[4, -1]]``
    and ``data[mask]`` are views, chosen as NumPy chooses rows; IndexError if a number is out of range. Nothing is read
    before it is used, and arrays stay on the disk, mapped into memory. A dataset can be pickled: it takes the path of
    its folder along, and opens the files in the other process.

    Parameters
    ----------
    splits
        The splits, whose images follow one another.
    classes
        Names of the classes.
    rows
        The images of a view; by default all.
    labels
        A label of each of these images; by default those of the folder.

    Attributes
    ----------
    classes
        Names of the classes by their numbers in ``labels``.
    """

    def __init__(
        self, splits: Sequence[Split], classes: Sequence[str], rows: Rows | None = None, labels: Labels | None = None
    ) -> None:
        self._splits, self.classes, self._given_labels = tuple(splits), list(classes), labels
        self._starts = [0, *np.cumsum([len(split) for split in splits], dtype=np.int64).tolist()]
        self._rows: Rows = range(self._starts[-1]) if rows is None else rows

    def __reduce__(self) -> tuple[type[Dataset], tuple[Any, ...]]:
        return Dataset, (self._splits, self.classes, self._rows, self._given_labels)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - one image for an integer, otherwise a dataset
        chosen = choose_rows(self._rows, key)
        if not isinstance(chosen, int):
            return Dataset(self._splits, self.classes, chosen, self._labels_at(key))
        one = Dataset(self._splits, self.classes, range(chosen, chosen + 1), self._labels_at([key]))
        return one.pixels(layout="HWC")[0], int(one.labels[0])

    def __repr__(self) -> str:
        size, colors = self._size(), max(split.colors for split in self._splits)
        words = [f"{len(self):,} images" + (f" of {size[1]} x {size[0]} pixels" if size else "")]
        words += [f"up to {colors:,} colours"] if colors else []
        words += [f"{len(self.classes):,} classes"] if self.classes else []
        return f"Dataset({', '.join(words)}; {', '.join(f'{name} {count:,}' for name, count in self.splits.items())})"

    @property
    def splits(self) -> dict[str, int]:
        """The number of images in each split; "all" where there are none."""
        if len(self) == self._starts[-1] and self._is_whole:
            counts = [len(split) for split in self._splits]
        else:
            parts = np.searchsorted(self._starts, as_array(self._rows), side="right") - 1
            counts = np.bincount(parts, minlength=len(self._splits)).tolist()
        return {split.name: count for split, count in zip(self._splits, counts, strict=True)}

    def split(self, *names: str) -> Dataset:
        """Return a view of one split, such as ``"train"``, or of several, one after the other if all are whole.

        Raises
        ------
        UsageError
            If there is no such split.
        """
        known = [split.name for split in self._splits]
        if not names:
            raise UsageError(f"no name of a split: expected one or more of {', '.join(known)}")
        for name in names:
            Choice(tuple(known), exact=True).accept("split", name)
        wanted = [name in names for name in known]
        kept = tuple(compress(self._splits, wanted))
        if self._is_whole:
            of_kept = np.repeat(wanted, [len(split) for split in self._splits])
            return Dataset(kept, self.classes, None, self._labels_at(of_kept))
        rows = as_array(self._rows)
        parts = np.searchsorted(self._starts, rows, side="right") - 1
        gone = np.cumsum([0, *(0 if is_kept else len(one) for is_kept, one in zip(wanted, self._splits, strict=True))])
        chosen = np.array(wanted)[parts]
        return Dataset(kept, self.classes, rows[chosen] - gone[parts[chosen]], self._labels_at(chosen))

    @property
    def indices(self) -> NDArray[Any] | ArrayRows:
        """Indices as stored, shape (N, H, W'), uint8, or uint16 for more than 256 colours.

        Below 9 bits an index, W' is ceil(W * bits / 8): the first pixel lies in the highest bits of a byte.
        :meth:`unpacked_indices` gives one index a pixel. The array is mapped into memory; where rows are chosen by
        numbers, or lie in several splits, it is an :class:`ArrayRows`, which reads the rows that are indexed.

        Raises
        ------
        UsageError
            If the folder has no indices; an AttributeError, too, so that ``hasattr`` is false.
        """
        return without_copy(self._with_indices("indices"), indices_of, self._rows)

    @property
    def palettes(self) -> NDArray[Any] | ArrayRows:
        """Palettes, shape (N, K, 3), uint8, as ``indices`` are; or (K, 3) if all images share one.

        Raises
        ------
        UsageError
            If the folder has no palettes; an AttributeError, too, so that ``hasattr`` is false.
        """
        found = [split.palettes for split in self._with_indices("palettes")]
        if all(one.ndim == _SHARED for one in found) and all(np.array_equal(one, found[0]) for one in found):
            return found[0]
        return without_copy(self._splits, palettes_of_each, self._rows)

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of all images; None if they have several sizes."""
        return self._size()

    @property
    def bits(self) -> int:
        """Bits of an index in ``indices``: 1, 2, 4, 8 or 16; 0 if the folder has no indices."""
        return self._splits[0].bits

    @property
    def names(self) -> list[str]:
        """The path of each image below its split."""
        if len(self._splits) == 1 and isinstance(self._rows, range):
            return self._splits[0].names[self._rows.start : self._rows.stop : self._rows.step] if self._rows else []
        names: list[str] = [""] * len(self)
        for one in rows_by_part(as_array(self._rows), self._starts):
            of_split = self._splits[one.part].names
            places = range(len(self))[one.places] if isinstance(one.places, slice) else one.places.tolist()
            for place, row in zip(places, one.rows.tolist(), strict=True):
                names[place] = of_split[row]
        return names

    def pixels(  # noqa: PLR0917 - the order is that of the contract
        self,
        rows: Any = None,  # noqa: ANN401 - as for indexing
        layout: str = "CHW",
        dtype: DTypeLike = "uint8",
        mean: Sequence[float] | float | None = None,
        std: Sequence[float] | float | None = None,
        out: NDArray[Any] | None = None,
        threads: int = 1,
        **changes: Unpack[ChangesOfEach],
    ) -> NDArray[Any]:
        """Return the pixels of images.

        Parameters
        ----------
        rows
            An integer, a slice, numbers or a mask, as for indexing; by default all images.
        layout
            "CHW" or "HWC".
        dtype
            uint8, from 0 to 255; float32, float16 or bfloat16, from 0 to 1, before ``mean`` and ``std``. NumPy has
            bfloat16 where the package ``ml_dtypes`` is imported; "bfloat16_bits" gives the bits as uint16 without it.
        mean, std
            A number each, or one for each of R, G and B; a pixel becomes ``(level / 255 - mean) / std``.
        out
            A contiguous array to write into and to return.
        threads
            Number of threads.
        **changes
            Changes of each image. ``flip``: a bool, or shape (n,), whether to mirror it left to right, after all else.
            ``crop``: (tops, lefts, height, width) in pixels, the part that is kept; tops and lefts are integers, or of
            shape (n,). ``shift``: (downs, rights) in pixels, how far what is kept is moved; integers, or of shape (n,),
            negative for up and left. Past the edges of an image, its outermost pixels are repeated. ``palettes``: shape
            (n, K, 3), or (K, 3) for all images, uint8, colours to use in place of the stored ones.

        Returns
        -------
        numpy.ndarray
            Shape (n, 3, H, W) or (n, H, W, 3), with the height and width of ``crop`` if there is one; without the
            first axis for an integer.

        Raises
        ------
        IndexError
            If a number is out of range.
        UsageError
            If another value is not one of those expected, or the images have several sizes.
        ImageError
            If an image file is damaged; the message names it.
        """
        return self._made(rows, batch_form(layout, dtype, mean, std), changes, out, threads)

    def _made(
        self,
        rows: Any,  # noqa: ANN401 - as for indexing
        form: BatchForm,
        changes: MovesOfEach,
        out: NDArray[Any] | None,
        threads: int,
    ) -> NDArray[Any]:
        """Return what a form wishes of rows."""
        threads = whole_number("threads", threads, 1, _MOST_THREADS)
        chosen = self._rows if rows is None else choose_rows(self._rows, rows)
        numbers = np.array([chosen]) if isinstance(chosen, int) else as_array(chosen)
        size = self._size(numbers) or (0, 0)
        changed = batch_changes(changes, len(numbers), size, self.bits)
        shown = form.to_out(out, None if isinstance(chosen, int) else len(numbers), *changed.size_of(size))
        self._show(numbers, form, changed, form.as_written(shown), threads)
        if out is not None:
            return out
        return shown[0] if isinstance(chosen, int) else shown

    def _show(
        self, rows: NDArray[np.int64], form: BatchForm, changes: BatchChanges, out: NDArray[Any], threads: int
    ) -> None:
        """Write what a form wishes of rows, counted over all splits."""
        for one in rows_by_part(rows, self._starts):
            target = out[one.places]  # a copy where the places are not one after the other
            part = self._splits[one.part]
            part.show(one.rows, form, changes.at(one.places), out=target, threads=threads)
            if not isinstance(one.places, slice):
                out[one.places] = target

    def unpacked_indices(
        self,
        rows: Any = None,  # noqa: ANN401 - as for indexing
        *,
        out: NDArray[Any] | None = None,
        threads: int = 1,
        **moves: Unpack[MovesOfEach],
    ) -> NDArray[Any]:
        """Return one index a pixel, for a model that reads indices: shape (n, H, W), uint8 or uint16.

        ``rows``, ``out``, ``threads``, ``flip``, ``crop`` and ``shift`` are those of :meth:`pixels`; an integer gives
        (H, W). Indices of 16 bits are also written to an ``out`` of int32. An index past the palette, which only a
        damaged file has, is its last. IndexError if a number is out of range, UsageError if the folder has no indices.
        """
        self._with_indices("indices")
        if "palettes" in moves:
            raise TypeError("unexpected keyword argument 'palettes'")
        form = index_form(self.bits, signed=getattr(out, "dtype", None) == np.int32)
        return self._made(rows, form, moves, out, threads)

    def verify(self) -> None:
        """Read every byte of every file, those of images outside a view, too.

        Raises
        ------
        UsageError
            If one has changed; the message names the file, and the block of an array.
        """
        for split in self._splits:
            split.verify()

    @property
    def _is_whole(self) -> bool:
        """Whether the view has all images in their order."""
        return isinstance(self._rows, range) and self._rows == range(self._starts[-1])

    def _with_indices(self, what: str) -> tuple[Split, ...]:
        """Return the splits if they have indices and palettes."""
        for split in self._splits:
            if not split.has_indices:
                getattr(split, what)  # raises the error that says why
        return self._splits

    def _size(self, rows: NDArray[np.int64] | None = None) -> tuple[int, int] | None:
        """Return height and width of all images, or of rows; UsageError if rows have several."""
        sizes = {split.size for split in self._splits}
        if len(sizes) == 1 and None not in sizes:
            return next(iter(sizes))
        if rows is None:
            return None
        found = {
            self._splits[one.part].size_of(row) for one in rows_by_part(rows, self._starts) for row in one.rows.tolist()
        }
        if len(found) > 1:
            shown = ", ".join(f"{width} x {height}" for height, width in sorted(found)[:3])
            raise UsageError(
                f"the images have several sizes ({shown}): expected one; take them one by one, or run ics compress "
                "with --size"
            )
        return next(iter(found), None)
