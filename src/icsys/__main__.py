"""The command ``ics``, also as ``python -m icsys``."""

import gc
import os
import sys

_INTERRUPTED = 130


def main() -> int:
    """Run the command line and return the exit code."""
    # Images are worked on side by side: the threads that BLAS starts when NumPy is imported would only be in the way,
    # and to start them takes longer than a photo.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Nothing that is being loaded is garbage, and looking through it for some takes milliseconds.
    gc.disable()
    try:
        from icsys.cli.main import run_command  # noqa: PLC0415 - imports NumPy
        from icsys.cli.signals import leave  # noqa: PLC0415 - which it has imported
    except KeyboardInterrupt:  # nothing has begun, so there is nothing to say
        return _INTERRUPTED
    gc.freeze()
    gc.enable()
    code = run_command()
    # Unless something was started that has to be ended: to take Python apart takes longer than to encode a photo.
    if "multiprocessing" not in sys.modules:
        leave(code)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
