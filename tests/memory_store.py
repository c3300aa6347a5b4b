"""An object store in memory with faults that a test chooses, in the place of fsspec's own."""

import itertools
from collections import Counter

from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry

ASKED = {
    "pipe_file": "write",
    "put_file": "write",
    "rm_file": "remove",
    "cat_file": "read",
    "get_file": "read",
    "ls": "list",
}


def memory_store(monkeypatch):
    """Put an empty store behind memory://, and return its class.

    ``trouble(number, kind, path)`` is called before all that it is asked for, ``after`` with the same afterwards; both
    may raise. ``asked`` counts by kind.
    """

    class Store(MemoryFileSystem):
        store = {}  # noqa: RUF012 - shared by all connections, as its parent's is
        pseudo_dirs = [""]  # noqa: RUF012
        asked = Counter()  # noqa: RUF012
        numbers = itertools.count()

        @staticmethod
        def trouble(number, kind, path):
            pass

        after = trouble

        @classmethod
        def objects(cls, below=""):
            return {
                name.removeprefix(f"/{below}").lstrip("/"): file.getvalue()
                for name, file in cls.store.items()
                if name.startswith(f"/{below}")
            }

        @classmethod
        def put_back(cls, objects):
            """Let these objects be there, and no others."""
            cls.store.clear()
            for name, data in objects.items():
                MemoryFileSystem.pipe_file(cls(), f"/{name}", data)

    def method(name, kind):
        inherited = getattr(MemoryFileSystem, name)

        def counted(self, path, *arguments, **settings):
            Store.asked[kind] += 1
            place = arguments[0] if name == "put_file" else path
            number = next(Store.numbers)
            Store.trouble(number, kind, place.lstrip("/"))
            answer = inherited(self, path, *arguments, **settings)
            Store.after(number, kind, place.lstrip("/"))
            return answer

        return counted

    for name, kind in ASKED.items():
        setattr(Store, name, method(name, kind))
    monkeypatch.setitem(_registry, "memory", Store)
    return Store
