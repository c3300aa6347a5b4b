"""Objects that fsspec reaches: S3, Google Cloud Storage, Azure, and those in memory.

All that goes wrong comes out of here as an OSError whose text holds no credentials.
"""

from __future__ import annotations

import errno
import os
import time
from operator import methodcaller
from typing import TYPE_CHECKING, Any, TypeVar

from icsys.errors import MissingExtraError, UsageError
from icsys.files.retry_after import seconds_asked
from icsys.files.url import Url, hide, store_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_Answer = TypeVar("_Answer")

WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"})
"""Protocols by which an object appears whole or not at all."""

_PATIENT = WHOLE - {"memory"}  # whose packages try again by themselves
_CONNECTIONS = 64
ATTEMPTS = 5
_FIRST_PAUSE = 0.2  # seconds; doubled every time, so that three seconds of trouble are waited out
_KEPT = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}  # numbers that say more than that nothing came through
_LONGEST_REASON = 300


class Objects:
    """The objects below one URL, by their paths with forward slashes.

    It can be sent to another process, which connects anew.

    Raises
    ------
    UsageError
        If the URL holds credentials, or its protocol may leave half an object.
    """

    def __init__(self, url: Url | str) -> None:
        place = url if isinstance(url, Url) else Url(url)
        self.name = str(place).rstrip("/") if place.path.strip("/") else str(place)
        """The URL as it may be shown."""
        self.protocol = place.protocol
        if place.has_user or "?" in place.query:
            raise UsageError(
                f"destination {self.name!r} was given with a user, a password or a query: expected a URL without them; "
                "credentials come from the environment and the configuration files of the store"
            )
        if place.is_chain or self.protocol not in WHOLE:
            raise UsageError(
                f"destination {self.name!r}: expected a folder, or a URL with s3://, gs://, az:// or memory://, "
                "where an object appears whole or not at all; write into a folder, and copy that"
            )
        self.url = self.name + place.query.rstrip("/")  # a # is a character of names here
        self._connection: tuple[Any, str] | None = None

    def __reduce__(self) -> tuple[type[Objects], tuple[str]]:
        return Objects, (self.url,)

    def connect(self) -> tuple[Any, str]:
        """Return fsspec's file system and the path of the URL in it.

        Raises
        ------
        MissingExtraError
            If a package is missing.
        """
        if self._connection is None:
            try:
                from fsspec.config import conf  # noqa: PLC0415 - an extra
                from fsspec.core import url_to_fs  # noqa: PLC0415

                # Listings and connections of other users of fsspec in this process are not ours.
                settings: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
                if self.protocol in {"s3", "s3a"}:  # which has 10 of them unless told otherwise
                    own = conf.get(self.protocol, {}).get("config_kwargs", {})
                    settings["config_kwargs"] = {"max_pool_connections": _CONNECTIONS, **own}
                bucket, key = Url(self.url).literal
                system, root = url_to_fs(bucket, **settings)
                root += key
            except ImportError as error:
                raise MissingExtraError(
                    f"destination {self.name!r} needs a package that is not installed ({error}): "
                    "pip install 'icsys[remote]', for gs:// also gcsfs, for az:// also adlfs"
                ) from None
            self._connection = system, root.rstrip("/")
        return self._connection

    def listing(self, folder: str = "") -> dict[str, int | None]:
        """Return what lies in a folder, by its names, with sizes in bytes; None for the folders in it."""
        path = self._path(folder)
        try:
            found = self._call("list", folder, methodcaller("ls", path, detail=True))
        except FileNotFoundError:
            return {}
        listed = {}
        for entry in found:
            above, _, name = entry["name"].rstrip("/").rpartition("/")
            if name and above.strip("/") == path.strip("/"):
                listed[name] = None if entry["type"] == "directory" else int(entry["size"])
        return listed

    def all(self) -> list[str]:
        """Return the names of all objects."""
        root = self._path("").strip("/")
        found = self._call("list", "", methodcaller("find", self._path("")))
        return [path.strip("/").removeprefix(f"{root}/") for path in found]

    def read(self, name: str) -> bytes:
        """Return the content of an object; FileNotFoundError if there is none."""
        path = self._path(name)
        data: bytes = self._call("read", name, methodcaller("cat_file", path))
        return data

    def write(self, name: str, data: bytes) -> None:
        """Write an object, over one that is there."""
        path = self._path(name)
        self._call("write", name, methodcaller("pipe_file", path, data))

    def create(self, name: str, data: bytes) -> None:
        """Write an object where there is none; stores that know no conditions write over one that is there.

        Raises
        ------
        OSError
            If there is one, or it cannot be written.
        """
        path = self._path(name)
        self._call("write", name, methodcaller("pipe_file", path, data, mode="create"))

    def fetch(self, name: str, path: Path) -> None:
        """Copy an object into a file."""
        self._call("read", name, methodcaller("get_file", self._path(name), str(path)))

    def send(self, path: Path, name: str) -> None:
        """Copy a file into an object."""
        self._call("write", name, methodcaller("put_file", str(path), self._path(name)))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; those that are not there are no matter."""
        for name in names:
            path = self._path(name)
            try:
                self._call("remove", name, methodcaller("rm_file", path))
            except FileNotFoundError:
                continue

    def _path(self, name: str) -> str:
        root = self.connect()[1]
        return f"{root}/{name}" if name else root

    def _call(self, what: str, name: str, function: Callable[[Any], _Answer]) -> _Answer:
        """Ask the store, again and again where its package does not do so."""
        system = self.connect()[0]
        pause = _FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return function(system)
            except Exception as error:  # noqa: BLE001 - each package has errors of its own
                refused = _refusal(error, what, f"{self.name}/{name}")
                asked = seconds_asked(error)
                again = refused.errno == errno.EHOSTUNREACH and (asked or self.protocol not in _PATIENT)
                if not again or attempt == ATTEMPTS:
                    raise refused from None  # the first one may hold credentials
            time.sleep(max(pause, asked))
            pause *= 2
        raise AssertionError


def _refusal(error: Exception, what: str, place: str) -> OSError:
    """Return what went wrong as the error of an operating system: its number, and a text without credentials."""
    reason = " ".join(hide(str(error), store_secrets()).split())[:_LONGEST_REASON] or type(error).__name__
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, "no such object or bucket", place)
    if isinstance(error, FileExistsError):
        return FileExistsError(errno.EEXIST, "there is such an object", place)
    if isinstance(error, PermissionError) or type(error).__name__ == "NoCredentialsError":
        # What may not be written once may not be written at all: keys are not files with owners.
        return OSError(errno.EROFS if what == "write" else errno.EACCES, reason, place)
    number = error.errno if isinstance(error, OSError) else None
    if number in _KEPT:
        return OSError(number, os.strerror(number), place)
    return OSError(errno.EHOSTUNREACH, f"the store did not {what} it ({reason})", place)
