"""A stand-in for decoders with faults: what it does to a process is real, and a mark in the file says what."""

import icsys.run.worker
from icsys.pipeline import compress_image as compress
from worker_faults import work

MARK = b"fault: "


def compress_image(data, options, **settings):
    """Do what the mark at the end of a file says, then compress it."""
    _, mark, deed = data.partition(MARK)
    if mark:
        name, _, value = deed.decode().partition(" ")
        work((name.replace("_", " "), int(value) if value.isdigit() else value))
    return compress(data, options, **settings)


icsys.run.worker.compress_image = compress_image


def prepare(options):
    """Be loaded in every worker process, because this is what it is told to call first."""
