"""What a run into an object store asks of it, and how much of the waiting for it overlaps.

Requests are counted at a proxy before an S3 server on this machine. For the time, the proxy holds every answer back, so
that the speed of server and machine matters little.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from icsys import Options, compress_folder
from machine import describe
from page import publish
from resume import make_images
from table import markdown_table, number

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from object_servers import ENVIRONMENT, SERVERS, FaultProxy

_KINDS = ("PUT", "GET", "HEAD", "LIST", "DELETE")
_OPTIONS = Options(strategy="SO", step=1)
_JOBS = 2


def count_requests(source: Path, proxy: FaultProxy, images: int) -> list[list[str]]:
    """Count what a first run asks for, and one that has nothing to do."""
    rows = []
    for name in ("first", "nothing to do"):
        proxy.requests.clear()
        compress_folder(source, "s3://bucket/small", _OPTIONS, jobs=_JOBS)
        asked = [proxy.requests[kind] for kind in _KINDS]
        rows.append([name, *map(str, asked), str(sum(asked)), number(sum(asked) / images, 3)])
    return rows


def wait_for_answers(source: Path, proxy: FaultProxy, wait: float) -> list[list[str]]:
    """Take the times of runs with more and more threads, in times of the last."""
    proxy.fault = lambda *_: wait
    measured = []
    for factor in (1, 2, 4, 8, 16):
        proxy.most_at_once = 0
        with patch("icsys.engine.executor.threads_for", lambda jobs, *, factor=factor, **_: factor * jobs):
            start = time.perf_counter()
            compress_folder(source, f"s3://bucket/{factor}", _OPTIONS, jobs=_JOBS)
            measured.append((factor, proxy.most_at_once, time.perf_counter() - start))
    return [[str(factor), str(most), number(seconds / measured[-1][2], 2)] for factor, most, seconds in measured]


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=400, help="small images to make (default: %(default)s)")
    parser.add_argument("--server", choices=SERVERS, default="rclone", help="(default: %(default)s)")
    parser.add_argument("--wait", type=float, default=0.1, help="seconds before every answer (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, ENVIRONMENT):
        source = make_images(Path(folder, "small"), options.images)
        with SERVERS[options.server](Path(folder, "data")) as address, FaultProxy(address) as proxy:
            os.environ["AWS_ENDPOINT_URL"] = proxy.address
            requests = count_requests(source, proxy, options.images)
            waits = wait_for_answers(source, proxy, options.wait)
    lines = [
        "# Requests to an object store",
        "",
        describe("object_store.py", arguments, "fsspec", "s3fs", "aiobotocore"),
        "",
        f"{options.images} small images, {options.server}'s S3 server behind a proxy that counts:",
        "",
        markdown_table(["run", *_KINDS, "in all", "for each image"], requests),
        "",
        f"With {options.wait} s before every answer, and {_JOBS} jobs:",
        "",
        markdown_table(["threads for each job", "requests at once, at most", "time, in times of the last"], waits),
    ]
    publish("\n".join(lines) + "\n", options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
