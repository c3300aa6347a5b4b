"""``python -m icsys`` is the command ``ics``."""

from icsys.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
