"""Programs in bench/ are no package: their folder is where they find each other, and where tests find them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
