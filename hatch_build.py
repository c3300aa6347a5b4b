"""Compiles the kernels while the package is built: one shared library, each kernel once for each instruction set.

The compiler is the one named by the environment variable CXX, else the system's, else that of the package ziglang,
which is then fetched like any other build requirement. Nothing of Python is compiled in, so one library serves all
versions of Python.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = Path("src", "icsys", "native")
# Sums keep their order and products their rounding (no reassociation, no contraction): the same bytes everywhere.
FLAGS = (
    *("-std=c++20", "-O3", "-fvisibility=hidden", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra"),
    *("-ffp-contract=off", "-ffinite-math-only", "-fno-signed-zeros", "-fno-trapping-math", "-fno-math-errno"),
)
# Names are those of the x86-64 psABI; its second level is what NumPy asks for too.
X86_LEVELS = ("v2", "v3")
BASE = "base"


def compiler() -> list[str]:
    """Return the command of a C++ compiler, empty if there is none."""
    if os.environ.get("CXX"):
        return shlex.split(os.environ["CXX"])
    # Microsoft's compiler knows neither the flags nor the vectors that the kernels are written with.
    for name in () if sys.platform == "win32" else ("c++", "g++", "clang++"):
        if shutil.which(name):
            return [name]
    return [sys.executable, "-m", "ziglang", "c++"] if importlib.util.find_spec("ziglang") else []


def levels() -> tuple[str, ...]:
    """Return the instruction sets of this processor family that the kernels are compiled for."""
    return X86_LEVELS if platform.machine().lower() in {"x86_64", "amd64"} else (BASE,)


def machine(command: list[str], level: str) -> list[str]:
    """Return the flags that choose an instruction set."""
    if "ziglang" in command:
        # Without a flag it compiles for the processor at hand.
        return ["-mcpu=baseline" if level == BASE else f"-mcpu=x86_64_{level}"]
    return [] if level == BASE else [f"-march=x86-64-{level}"]


def compile_kernels(root: Path, target: Path) -> None:
    """Compile the kernels below ``root`` into the shared library ``target``."""
    command = compiler()
    windows = sys.platform == "win32"
    flags = [*FLAGS, *(() if windows else ("-fPIC",))]
    with tempfile.TemporaryDirectory() as folder:
        units = [*(("kernels.cpp", level) for level in levels()), ("processor.cpp", BASE), ("files.cpp", BASE)]

        def compile_one(unit: tuple[str, str]) -> str:
            name, level = unit
            output = str(Path(folder, f"{name}.{level}.o"))
            chosen = [*flags, *machine(command, level), f"-DLEVEL={level}"]
            subprocess.run([*command, *chosen, "-c", str(root / NATIVE / name), "-o", output], check=True)
            return output

        with ThreadPoolExecutor() as pool:
            objects = list(pool.map(compile_one, units))
        # The library needs nothing of C++ at run time.
        strip = ("-Wl,-dead_strip",) if sys.platform == "darwin" else ("-s",)
        linked = Path(folder, target.name)
        subprocess.run([*command, "-shared", *strip, *objects, "-o", str(linked)], check=True)
        # A process that runs may hold the library mapped, so it is replaced and not written over.
        beside = target.with_name(f"{target.name}.{os.getpid()}.new")
        try:
            shutil.copy(linked, beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)


class KernelHook(BuildHookInterface[Any]):
    """Adds the compiled kernels to a wheel, and puts them into the source tree of an editable installation."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what the build needs besides hatchling."""
        return [] if compiler() or self.target_name != "wheel" else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Compile, and name the platform that the wheel is for."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
        target = root / NATIVE / f"kernels{suffix}"
        sources = [root / "hatch_build.py", *(root / NATIVE).glob("*.?pp")]
        # An editable installation is made again for every set of extras.
        if not target.exists() or target.stat().st_mtime < max(source.stat().st_mtime for source in sources):
            compile_kernels(root, target)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        build_data["artifacts"].append(target.relative_to(root).as_posix())
