"""``LedgerContext``: what a ledger works with, passed as one value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from icsys.files.rooted_path import RootedPath
    from icsys.outputs.base import Outputs
    from icsys.records.pending_outputs import WrittenHashes
    from icsys.run_settings import RunSettings
    from icsys.sources.base import Source


class LedgerContext(NamedTuple):
    """Sources, outputs, folders and settings of one run.

    Attributes
    ----------
    source
        Where images come from.
    destination
        The output folder.
    state_folder
        Folder with manifest, failures and pending outputs: ``destination`` itself, or that of the shard.
    outputs
        Where outputs are written.
    written
        Hashes of written outputs, in ``state_folder``.
    settings
        How the run works: what to redo, which shard, whether to write.
    hash_of
        Returns, for a path, the hash of everything beside the source that decides the bytes of its output.
    packs
        Intact packs of earlier runs. An output that one of them holds needs no file.
    """

    source: Source
    destination: RootedPath
    state_folder: RootedPath
    outputs: Outputs
    written: WrittenHashes
    settings: RunSettings
    hash_of: Callable[[str], str]
    packs: Collection[str] = ()
