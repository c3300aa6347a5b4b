"""Modules that need large packages are left out of doctests where those are not installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torchvision") else ["src/icsys/torch.py"]
