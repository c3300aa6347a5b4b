"""Modules that need large packages are left out of doctests where those are not installed."""

from importlib.util import find_spec

_NEED = {
    "torchvision": ["src/icsys/torch"],
    "distributed": ["src/icsys/engine/dask.py"],
    "ray": ["src/icsys/engine/ray.py", "tests/ray_nodes.py"],
}
collect_ignore = [path for package, paths in _NEED.items() if not find_spec(package) for path in paths]
