"""The folder where the system keeps what a user has configured."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN = "icsys"


def config_folder(system: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of ICS there, which may not exist yet.

    Examples
    --------
    >>> config_folder("linux", {"XDG_CONFIG_HOME": "/home/me/.conf"}).as_posix()
    '/home/me/.conf/icsys'
    """
    if system == "win32":
        above, name = environment.get("APPDATA"), "AppData/Roaming"
    elif system == "darwin":
        above, name = None, "Library/Application Support"
    else:
        above, name = environment.get("XDG_CONFIG_HOME"), ".config"
    if above and Path(above).is_absolute():  # others are to be ignored, as the base directory specification says
        return Path(above) / _OWN
    return Path("~").expanduser() / name / _OWN
