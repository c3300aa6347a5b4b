"""The build compiles the kernels with any compiler there is."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytest.importorskip("hatchling", reason="the build hook is written for hatchling")
from icsys.native.library import LIBRARY

spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
hatch_build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hatch_build)


def test_the_compiler_in_cxx_is_used(monkeypatch):
    monkeypatch.setenv("CXX", "ccache 'my c++' -m64")
    assert hatch_build.compiler() == ["ccache", "my c++", "-m64"]


def test_without_a_compiler_the_build_requires_one_from_the_package_index(monkeypatch, tmp_path):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(hatch_build.importlib.util, "find_spec", lambda _name: None)
    assert hatch_build.compiler() == []
    hook = hatch_build.KernelHook(str(ROOT), {}, None, None, str(tmp_path), "wheel")
    assert hook.dependencies() == ["ziglang>=0.13"]
    monkeypatch.setattr(hatch_build.importlib.util, "find_spec", lambda name: name)
    assert hatch_build.compiler() == [sys.executable, "-m", "ziglang", "c++"]
    assert hook.dependencies() == []


def test_the_library_that_the_build_has_made_has_every_kernel_for_every_instruction_set():
    for level in hatch_build.levels():
        assert LIBRARY[f"reassign_{level}"]
    assert LIBRARY.processor_level() in {0, 2, 3}


def test_a_library_that_is_in_use_stays_as_it_is(tmp_path):
    target = tmp_path / "kernels.so"
    target.write_bytes(b"in use")
    with target.open("rb") as mapped:
        hatch_build.compile_kernels(ROOT, target)
        assert mapped.read() == b"in use"
    assert target.stat().st_size > 10_000
    assert [path.name for path in tmp_path.iterdir()] == ["kernels.so"]
