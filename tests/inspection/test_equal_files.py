"""Files that are equal byte for byte, beside a comparison of all bytes with all bytes."""

import threading
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from icsys.engine.executor import Executor
from icsys.inspection.equal_files import equal_files
from icsys.sources.folder import Folder


def executor():
    return Executor("threads", 1, None, False, threading.Event())


def naive_duplicates(folder):
    """Compare the bytes of each file with those of all files before it, in the order of the source."""
    found, seen = {}, []
    for task in Folder(folder, Path("nowhere")).plan(""):
        data = (folder / task.source).read_bytes()
        first = next((path for path, other in seen if other == data), None)
        if first is None:
            seen.append((task.source, data))
        else:
            found[task.source] = first
    return found


@settings(max_examples=25)
@given(st.lists(st.binary(max_size=2), max_size=8))
def test_equal_files_are_what_a_comparison_of_all_bytes_finds(tmp_path_factory, contents):
    folder = tmp_path_factory.mktemp("in")
    for number, data in enumerate(contents):
        path = folder / f"{number % 3}" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    found = equal_files(Folder(folder, Path("nowhere")), executor())
    assert found == naive_duplicates(folder)
    assert list(found) == list(naive_duplicates(folder))


def test_a_file_that_cannot_be_read_equals_none(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(b"same")
    source = Folder(tmp_path, Path("nowhere"))
    tasks = list(source.plan(""))

    class Vanishing(Folder):
        def plan(self, suffix):  # noqa: ARG002 - as Source has it
            return iter(tasks)

        def read(self, task, options):
            if task.source == "b.png":
                raise PermissionError(13, "Permission denied")
            return super().read(task, options)

    assert equal_files(Vanishing(tmp_path, Path("nowhere")), executor()) == {}
