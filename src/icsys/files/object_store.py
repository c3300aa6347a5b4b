"""Object stores: read, write and list objects of S3, Google Cloud Storage, Azure, and in memory.

Every failure is an OSError whose text holds no credentials.
"""

from __future__ import annotations

import errno
import os
from functools import partial
from operator import methodcaller
from typing import TYPE_CHECKING, Any, TypeVar

from icsys.errors import UsageError
from icsys.files.remote_client import OBJECT_STORES, error_text, open_file_system, retry, retry_after
from icsys.files.url import Url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_Answer = TypeVar("_Answer")

_RETRYING_PACKAGES = OBJECT_STORES - {"memory"}  # protocols whose packages try again by themselves
_CONNECTIONS = 64
ATTEMPTS = 5
_FIRST_PAUSE = 0.2  # seconds; doubled every time: three seconds in all
_KEPT = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
}  # error numbers that are kept: they state more than that the store was not reached
_LONGEST_REASON = 300


class Objects:
    """The objects below one URL, by their paths with forward slashes.

    Picklable: another process opens a connection of its own.

    Raises
    ------
    UsageError
        If the URL holds credentials, or its protocol can leave an incomplete object.
    """

    def __init__(self, url: Url | str) -> None:
        place = url if isinstance(url, Url) else Url(url)
        self.name = str(place).rstrip("/") if place.path.strip("/") else str(place)
        """The URL for messages."""
        self.protocol = place.protocol
        if place.has_user or "?" in place.query:
            raise UsageError(
                f"destination {self.name!r} was given with a user, a password or a query: expected a URL without them; "
                "credentials come from the environment and the configuration files of the store"
            )
        if place.is_chain or self.protocol not in OBJECT_STORES:
            raise UsageError(
                f"destination {self.name!r}: expected a folder, or a URL with s3://, gs://, az:// or memory://, "
                "where an object appears whole or not at all; write into a folder, and copy that"
            )
        self.url = self.name + place.query.rstrip("/")  # a # is part of the name here
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
            # Listings and connections are separate from those of other users of fsspec in this process.
            settings: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
            if self.protocol in {"s3", "s3a"}:
                settings["config_kwargs"] = {"max_pool_connections": _CONNECTIONS, **_s3_settings(self.protocol)}
            system, root = open_file_system(Url(self.url), settings)
            self._connection = system, root.rstrip("/")
        return self._connection

    def listing(self, folder: str = "") -> dict[str, int | None]:
        """Return the names in a folder with sizes in bytes; None for the folders in it."""
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
        """Write an object; an existing one is replaced."""
        path = self._path(name)
        self._call("write", name, methodcaller("pipe_file", path, data))

    def create(self, name: str, data: bytes) -> None:
        """Write an object if there is none; stores without conditional writes replace an existing one.

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
        """Remove objects; missing ones are ignored."""
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
        """Return what ``function`` does with the store, tried again where the store's package does not do so itself."""
        system, _ = self.connect()

        def explain(error: Exception) -> tuple[OSError, bool]:
            refused = _refusal(error, what, f"{self.name}/{name}")
            tried = self.protocol in _RETRYING_PACKAGES and not retry_after(error)
            return refused, refused.errno == errno.EHOSTUNREACH and not tried

        return retry(partial(function, system), explain, attempts=ATTEMPTS, first_pause=_FIRST_PAUSE)


def _s3_settings(protocol: str) -> dict[str, Any]:
    """Return the settings for botocore that the user gave fsspec; they override those of ICS."""
    try:
        from fsspec.config import conf  # noqa: PLC0415 - an extra
    except ImportError:
        return {}
    settings: dict[str, Any] = conf.get(protocol, {}).get("config_kwargs", {})
    return settings


def _refusal(error: Exception, what: str, place: str) -> OSError:
    """Return a failure as an OSError: its number, and a text without credentials."""
    reason = error_text(error)[:_LONGEST_REASON]
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, "no such object or bucket", place)
    if isinstance(error, FileExistsError):
        return FileExistsError(errno.EEXIST, "there is such an object", place)
    if isinstance(error, PermissionError) or type(error).__name__ == "NoCredentialsError":
        # EROFS ends the run: a store without write permission refuses every object.
        return OSError(errno.EROFS if what == "write" else errno.EACCES, reason, place)
    number = error.errno if isinstance(error, OSError) else None
    if number in _KEPT:
        return OSError(number, os.strerror(number), place)
    return OSError(errno.EHOSTUNREACH, f"the store did not {what} it ({reason})", place)
