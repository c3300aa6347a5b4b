"""A stand-in for decoders with faults: its effect on a process is real, and a mark in the file chooses it."""

import icsys.run.worker
from icsys.pipeline import compress_image as compress
from worker_faults import work

MARK = b"fault: "


def compress_image(data, options, **settings):
    """Bring about the fault that the mark at the end of a file names, then compress it."""
    _, mark, deed = data.partition(MARK)
    if mark:
        name, _, value = deed.decode().partition(" ")
        work((name.replace("_", " "), int(value) if value.isdigit() else value))
    return compress(data, options, **settings)


icsys.run.worker.compress_image = compress_image


def prepare(options):
    """Load this module in every worker process, which calls this function first."""
