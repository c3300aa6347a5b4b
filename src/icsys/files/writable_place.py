"""Whether a folder can be made or written in, found out before anything is written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from icsys.errors import UsageError
from icsys.files.links import leads_elsewhere

_MOUNTS = Path("/proc/self/mountinfo")  # Linux has it
# Not autofs: a server may be mounted there once something is opened in it, which a look at it does not do.
_OF_THE_SYSTEM = frozenset({
    *("binder", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "efivarfs", "fusectl"),
    *("mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "selinuxfs", "sysfs", "tracefs"),
})  # fmt: skip
_DEVICE, _OPTIONAL_FIELDS_END = 2, "-"  # proc_pid_mountinfo(5)


def check_writable(folder: str | os.PathLike[str]) -> None:
    """Refuse a destination that cannot be made, or written in, as far as that is known without writing.

    Windows tells about neither permissions nor file systems.

    Raises
    ------
    UsageError
        If it cannot; the sentence says why.
    """
    shown, whole = os.fspath(folder), Path(folder).absolute()
    if leads_elsewhere(whole) and not os.path.exists(whole):  # noqa: PTH110 - Path raises errors for a circle of links
        raise UsageError(f"destination {shown!r} is a link to nothing: expected a folder or a new name")
    try:
        nearest = _nearest(whole)
    except OSError as error:
        raise UsageError(f"destination {shown!r} cannot be written: {error.strerror or error}") from error
    if nearest is None:
        raise UsageError(f"destination {shown!r} cannot be written: there is no {whole.anchor!r}; connect it first")
    if not nearest.is_dir():
        raise UsageError(f"destination {shown!r}: {str(nearest)!r} is a file, expected a folder or a new name")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"destination {shown!r} cannot be written: {str(nearest)!r} is read-only")
    if kind := _kind_of_the_system(nearest):
        raise UsageError(
            f"destination {shown!r} cannot be written: in {str(nearest)!r} only the system makes files ({kind}); "
            "expected a folder on a disk"
        )
    _check_names(shown, whole.relative_to(nearest).parts, nearest)


def _nearest(folder: Path) -> Path | None:
    """Return the nearest place on the way to a folder that exists; None if not even the disk does."""
    for place in (folder, *folder.parents):
        try:
            place.stat()
        except (FileNotFoundError, NotADirectoryError):
            if leads_elsewhere(place):
                raise OSError(errno.ENOENT, f"{str(place)!r} is a link to nothing") from None
        else:
            return place
    return None


def _kind_of_the_system(folder: Path) -> str:
    """Return the kind of a file system that the kernel makes up; an empty text for others.

    The permissions there say that the administrator may write, which the kernel then refuses.
    """
    device = folder.stat().st_dev
    try:
        lines = _MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    fields = next((line.split() for line in lines if line.split()[_DEVICE] == _device_text(device)), None)
    kind = fields[fields.index(_OPTIONAL_FIELDS_END) + 1] if fields else ""
    return kind if kind in _OF_THE_SYSTEM else ""


def _device_text(device: int) -> str:
    return f"{os.major(device)}:{os.minor(device)}"


def _check_names(shown: str, names: tuple[str, ...], nearest: Path) -> None:
    """Refuse names that the file system takes for too long: it is asked only once the folders above them are there."""
    try:
        most = os.pathconf(nearest, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # Windows, and systems that do not tell
        return
    longest = max(map(len, map(os.fsencode, names)), default=0)
    if 0 < most < longest:
        raise UsageError(
            f"destination {shown!r} cannot be written: a name has {longest} bytes, and {str(nearest)!r} takes {most}"
        )
