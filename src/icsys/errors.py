"""Every error that ICS raises on purpose: one base class, and messages that say what to do."""

import errno

_CODES = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EROFS: "read_only",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EHOSTUNREACH: "unreachable",
}


class ICSError(Exception):
    """Base of all errors raised by ICS; its text names the value, what was expected and what to do."""


class UsageError(ICSError, ValueError):
    """The caller asked for something that cannot be done, so nothing was done."""


class MissingFolderError(UsageError, FileNotFoundError):
    """A folder to read does not exist, or lacks the folders that are expected in it."""


class MissingArrayError(UsageError, AttributeError):
    """A dataset has no such array, so ``hasattr`` is false of its name, and ``getattr`` gives the default."""


class InUseError(UsageError):
    """Another run works on the folder or on the shard."""


class MissingExtraError(ICSError, ImportError):
    """A feature needs a package that is not installed; the text holds the command that installs it."""


class EngineError(ICSError):
    """The machinery that runs the work broke; what is finished is kept."""


FAILURE_CODES = (
    "empty",
    "unidentified",
    "missing_extra",
    "unsupported",
    "broken",
    "corrupt",
    "too_large",
    "quality",
    "label_size",
    "mask_lossy",
    "mask_pad",
    # A folder run adds these to what an image itself can be.
    "changed",
    "was_mask",
    "blocked",
    "no_palette",
    "label_broken",
    "no_image",
    "permission",
    "io",
    "disk_full",
    "read_only",
    "unreachable",
    "memory",
    "timeout",
    "crashed",
    "internal",
)
"""The stable words for why an image failed; docs/limits.md explains each of them."""


class ImageError(ICSError):
    """One image cannot be processed.

    Parameters
    ----------
    code
        A stable word for the reason, fit for counting: one of ``FAILURE_CODES``.
    message
        The reason in a sentence.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def code_of(error: OSError) -> str:
    """Return the code, as of an :class:`ImageError`, for what the operating system refused."""
    return _CODES.get(error.errno or 0, "io")
