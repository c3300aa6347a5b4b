"""Entry point of ``ics`` and ``python -m icsys``: imports the command quickly and runs it."""

import gc
import os
import sys

_INTERRUPTED = 130


def main() -> int:
    """Run the command line and return the exit code."""
    # NumPy's BLAS would start a thread per core: slower than compressing a photo, and useless beside our own workers.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.disable()  # until the modules of the command are loaded, see ``loading``
    try:
        from icsys.cli.main import run_command  # noqa: PLC0415 - after the settings above
        from icsys.cli.signals import leave  # noqa: PLC0415 - imported already by the line above
    except KeyboardInterrupt:  # nothing has begun, so there is nothing to report
        return _INTERRUPTED
    code = run_command()
    # Python's clean-up takes longer than encoding a photo; only worker processes need it.
    if "multiprocessing" not in sys.modules:
        leave(code)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
