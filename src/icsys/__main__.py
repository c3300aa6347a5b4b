"""The command ``ics``, also as ``python -m icsys``."""

import gc
import os

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
    return run()


if __name__ == "__main__":
    raise SystemExit(main())
