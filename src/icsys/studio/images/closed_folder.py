"""A folder whose files are read where they lie: no link leads out of it, at the moment of reading too."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.errors import ImageError
from icsys.files.links import LinkError
from icsys.files.locations import parse_source
from icsys.files.rooted_path import RootedPath
from icsys.sources.companions.layout import CompanionSettings
from icsys.sources.folder import Folder
from icsys.sources.open_source import open_source
from icsys.sources.read_file import read_opened

if TYPE_CHECKING:
    from typing import BinaryIO

    from icsys.files.locations import Location
    from icsys.options import Options
    from icsys.run_settings import RunSettings
    from icsys.sources.base import Source, Task


@dataclass(frozen=True, slots=True)
class ClosedFolder(Folder):
    """A folder where links are not followed: each folder on the way to a file is opened by descriptor.

    A link may take the place of a file or folder after the list was made, between a check and the reading too. Systems
    without ``dir_fd`` (Windows) look for links before and after a file is opened.
    """

    @classmethod
    def of(cls, folder: Folder) -> ClosedFolder:
        """Return a folder with the same settings."""
        return cls(**{field.name: getattr(folder, field.name) for field in fields(Folder)})

    def head(self, task: Task, size: int) -> bytes:
        """Read the beginning of a file."""
        with self.open(task) as file:
            return file.read(size)

    def read(self, task: Task, options: Options) -> tuple[bytes, int]:
        """Read a file; ImageError ``changed`` if it is gone, or a link by now."""
        return read_opened(self._descriptor(task), options)

    def open(self, task: Task, options: Options | None = None) -> BinaryIO:  # noqa: ARG002 - as of Folder
        """Open a file; errors as in :meth:`read`."""
        return os.fdopen(self._descriptor(task), "rb")

    def _descriptor(self, task: Task) -> int:
        try:
            # The folder is opened anew each time: held open, it would keep its disk, and hide another one of its name.
            return (RootedPath(self.path) / task.source).descriptor("rb")
        except LinkError as error:
            raise ImageError(
                "changed", f"{error.filename!r} is a link by now, which is not followed: open the studio again"
            ) from None
        except (FileNotFoundError, NotADirectoryError):
            raise ImageError("changed", "the file has vanished since it was listed") from None
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise ImageError("changed", "a folder, a pipe or a device is in the place of the file by now") from None


def open_closed(source: Location, destination: str, settings: RunSettings, options: Options) -> Source:
    """Return a source as a run opens it, and its folder as a :class:`ClosedFolder`, unless the run follows links."""
    opened = open_source(
        parse_source(source),
        Path(destination),
        follow_links=settings.follow_links,
        include_outputs=settings.include_outputs,
        ignore_zeros=settings.ignore_zeros,
        companions=CompanionSettings.of(settings, options),
    )
    # Links among files that are named one by one are followed, as the user has named them.
    if isinstance(opened, Folder) and not opened.named and not settings.follow_links:
        return ClosedFolder.of(opened)
    return opened
