"""All previews of the page: made in a few threads, and kept for as long as there is room."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from icsys.engine.memory_budget import MemoryBudget
from icsys.errors import ImageError, UsageError
from icsys.studio.previews.latest_first import LatestFirst
from icsys.studio.previews.preview import before, check_pixels, lossy_preview, make_preview, preview_quality
from icsys.studio.surveys.low_urgency import lower_urgency

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from icsys.options import Options
    from icsys.studio.images.photo_cache import DecodedPhoto, PhotoCache
    from icsys.studio.previews.preview import Preview, ShownFile
    from icsys.studio.surveys.shared_palettes import Shared, SharedPalettes

_MOST_KEPT = 64
_MOST_BYTES = 2**25
_BYTES_OF_A_PIXEL = 24  # that work on a photo takes, about: arrays of floating-point numbers, and what encoders hold
_BYTES_AT_WORK = 288 * 10**6  # of all work at the same time; a larger photo is worked on while no other is

_Made = TypeVar("_Made")


class _Kept(NamedTuple):
    number: int
    options: Options
    version: str  # of the file of the photo
    preview: Preview


class Previews:
    """Makes previews, the newest request of each part of the page first.

    Parameters
    ----------
    photos
        The decoded photos.
    shared
        What photos share.
    threads
        Number of previews that are made at the same time.
    """

    def __init__(self, photos: PhotoCache, shared: SharedPalettes, threads: int) -> None:
        self._photos, self._shared, self._pool = photos, shared, LatestFirst(threads)
        # Figures about a preview that is shown: the next preview does not wait for them. One at a time, as codecs take
        # many times the memory of a preview.
        self._later = LatestFirst(1, lower_urgency)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._room = MemoryBudget(_BYTES_AT_WORK)

    def ask(self, slot: str, number: int, options: Options) -> Future[tuple[str, Preview]]:
        """Return the key and the preview to come of an image; the newest request of a slot counts."""
        return self._pool.submit(slot, lambda: self._made(number, options))

    def quality(self, slot: str, key: str) -> Future[dict[str, float | None]]:
        """Return the quality to come of a preview; UsageError if it is not kept any more."""
        kept = self.kept(key)
        return self._later.submit(
            f"{slot}/quality",
            lambda: self._on_photo(*kept[:3], lambda photo: preview_quality(photo, kept.options, kept.preview.output)),
        )

    def lossy(self, slot: str, key: str, codec: str) -> Future[tuple[str, Preview]]:
        """Return the key and the preview to come of a lossy codec at the bytes of a preview."""
        kept = self.kept(key)
        own = f"{key}-{codec}"

        def make() -> tuple[str, Preview]:
            with self._lock:
                if found := self._kept.get(own):
                    return own, found.preview
            most = len(kept.preview.output)
            made = self._on_photo(*kept[:3], lambda photo: lossy_preview(photo, kept.options, codec, most))
            return own, self._keep(own, kept._replace(preview=made))

        return self._later.submit(f"{slot}/{codec}", make)

    def before(self, slot: str, key: str) -> Future[ShownFile]:
        """Return the resized photo of a preview to come."""
        kept = self.kept(key)
        return self._pool.submit(
            f"{slot}/before", lambda: self._on_photo(*kept[:3], lambda photo: before(photo, kept.options))
        )

    def kept(self, key: str) -> _Kept:
        """Return what is kept by a key; UsageError if it is not kept any more."""
        with self._lock:
            if key not in self._kept:
                raise UsageError("this preview is not kept any more: ask for it again")
            self._kept.move_to_end(key)
            return self._kept[key]

    @property
    def is_busy(self) -> bool:
        """Whether a preview, or a figure about one, waits or is being made."""
        return self._pool.is_busy or self._later.is_busy

    def close(self) -> None:
        """Cancel what waits."""
        self._later.close()
        self._pool.close()

    def _made(self, number: int, options: Options) -> tuple[str, Preview]:
        version = self._photos.version(number)
        shared = self._shared_by(number, options)
        key = _key(number, options, shared.mark, version)
        with self._lock:
            if found := self._kept.get(key):
                self._kept.move_to_end(key)
                found.preview.figures["progress"] = shared.progress
                return key, found.preview
        data, version = self._photos.file(number, options)
        check_pixels(data, options)
        made = self._on_photo(
            number, options, version, lambda photo: make_preview(photo, shared.options, shared.palette)
        )
        made.figures.update(note=shared.note, progress=shared.progress, version=version)
        key = _key(number, options, shared.mark, version)
        return key, self._keep(key, _Kept(number, options, version, made))

    def _on_photo(self, number: int, options: Options, version: str, work: Callable[[DecodedPhoto], _Made]) -> _Made:
        """Do work on a version of a decoded photo, once there is memory for it beside other work."""
        decoded = self._photos.photo(number, options, version)
        height, width = decoded.photo.pixels.shape[:2]
        with self._room.hold(height * width * _BYTES_OF_A_PIXEL):
            return work(decoded)

    def _shared_by(self, number: int, options: Options) -> Shared:
        """Return what a photo shares; what is wrong with its file comes first, as in a run."""
        try:
            return self._shared.of(number, options)
        except ImageError:
            self._photos.photo(number, options)
            raise

    def _keep(self, key: str, kept: _Kept) -> Preview:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = kept
                self._bytes += _bytes_of(kept)
            while len(self._kept) > _MOST_KEPT or (self._bytes > _MOST_BYTES and len(self._kept) > 1):
                self._bytes -= _bytes_of(self._kept.popitem(last=False)[1])
        return kept.preview


def _bytes_of(kept: _Kept) -> int:
    return len(kept.preview.after.data) + len(kept.preview.output)


def _key(number: int, options: Options, mark: str, version: str) -> str:
    values: list[Any] = [number, options.to_dict(), mark, version]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:24]
