"""Loaded by every Python process with this folder on PYTHONPATH: gives it the decoder of ``faulty_decoder``.

Each image that was compressed leaves a line in the file ``FAULTY_SITE_LOG``: the hash of its source.
"""

import hashlib
import importlib.abc
import importlib.util
import os
import sys
import time
from pathlib import Path


class _Patch(importlib.abc.MetaPathFinder):
    """Waits for ``icsys.run.worker`` to be imported, so that no other process pays for it."""

    def find_spec(self, name, *_):
        if name != "icsys.run.worker":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            sys.path.append(str(Path(__file__).parents[1]))
            from worker_faults import work  # noqa: PLC0415 - few processes need it

            compress = module.compress_image

            def compress_image(data, *arguments, **settings):
                time.sleep(float(os.environ.get("FAULTY_SITE_SECONDS", "0")))
                _, _, deed = data.partition(b"fault: ")
                if deed:
                    name, _, value = deed.decode().partition(" ")
                    work((name, int(value) if value.isdigit() else value))
                image = compress(data, *arguments, **settings)
                with Path(os.environ["FAULTY_SITE_LOG"]).open("ab", buffering=0) as log:
                    log.write(hashlib.sha256(data).hexdigest().encode() + b"\n")
                return image

            module.compress_image = compress_image

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, _Patch())
