"""The command ``ics``, also as ``python -m icsys``."""

import gc
import os
import sys
from contextlib import suppress

_INTERRUPTED = 130


def main() -> int:
    """Run the command line and return the exit code."""
    # Images are worked on side by side: the threads that BLAS starts when NumPy is imported would only be in the way,
    # and to start them takes longer than a photo.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Nothing that is being loaded is garbage, and looking through it for some takes milliseconds.
    gc.disable()
    try:
        from icsys.cli import main as run  # noqa: PLC0415 - imports NumPy
    except KeyboardInterrupt:  # nothing has begun, so there is nothing to say
        return _INTERRUPTED
    gc.freeze()
    gc.enable()
    code = run()
    if "multiprocessing" not in sys.modules:  # nothing was started that has to be ended
        _leave(code)
    return code


def _leave(code: int) -> None:
    """End the process, all of it at once: for Python to take it apart first takes longer than to encode a photo."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # whoever read it has gone, and what was to be told is told by the code
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    raise SystemExit(main())
