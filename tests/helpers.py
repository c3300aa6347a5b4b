"""Pictures made by code, and what tests read of folders."""

import io
import os
import subprocess
import sys

import numpy as np
from PIL import Image

import fork_server
from icsys import Options, compress_folder


def synthetic_photo(height=60, width=80, *, seed=0, channels=3):
    """Make a picture with smooth parts, edges and noise; shape (height, width[, 3]), uint8."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    planes = []
    for _ in range(channels):
        a, b, c, d = random.uniform(1, 9, 4)
        plane = 128 + 80 * np.sin(a * x + b * y) + 30 * np.sign(np.sin(c * x - d * y))
        planes.append(plane + random.normal(0, 6, plane.shape))
    pixels = np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)
    return pixels[..., 0] if channels == 1 else pixels


def image_bytes(pixels, format="PNG", **settings):  # noqa: A002 - Pillow's own word
    """Encode an array or a PIL image."""
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, format, **settings)
    return file.getvalue()


OURS = ("manifest.jsonl", "failures.jsonl", "run.json", "shards.json", "palette.json", "palette.gpl", ".ics-lock")


def tree(folder):
    """Return the bytes of every file below ``folder`` by its path, those left out that ICS keeps for itself."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in OURS
    }


def everything(folder):
    """Return the bytes of all files that a finished run leaves, hidden ones included, but for the lock and times."""
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in names.items() if name not in {"run.json", ".ics-lock"}}


def state_folder_at(folder, shard):
    """Return the state folder of a shard, for tests that write into it themselves."""
    return folder / ".ics-books" / f"{shard.index}-of-{shard.count}"


def compress_files(folder, files, options=None, **settings):
    """Write ``files`` (bytes by name) into a folder and compress it; return the results by source, and the summary."""
    source = folder / "in"
    for name, data in files.items():
        path = os.path.join(os.fsencode(source), name if isinstance(name, bytes) else os.fsencode(name))  # noqa: PTH118
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - names that are no text
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(data)
    return compress_into(source, folder / "out", options, **settings)


def compress_into(source, destination, options=None, **settings):
    """Compress a folder; return the results by source, and the summary."""
    results = {}

    def note(progress):
        if progress.result is not None:
            results[progress.result.source] = progress.result

    summary = compress_folder(source, destination, options or Options(strategy="SO"), progress=note, **settings)
    return results, summary


def manifest_row(source, output=None, **changes):
    """Make a line of the manifest as ICS writes it of an image of 4 x 3 pixels that became one of 2 x 2."""
    return {
        "file_name": output or source,
        "source_path": source,
        "source_bytes": 10,
        "source_sha256": "0" * 64,
        "source_mtime_ns": 5,
        "source_width": 4,
        "source_height": 3,
        "source_channels": 3,
        "width": 2,
        "height": 2,
        "channels": 1,
        "frames": 1,
        "bytes": 3,
        "sha256": "1" * 64,
        "mse": None,
        "colors": None,
        "warning": "",
        "options_hash": "o",
        "status": "compressed",
    } | changes


def companion_row_of(source, output=None, **changes):
    """Make a line of the manifest as ICS writes it of an annotation of one image."""
    return {
        "file_name": output or source,
        "kind": "annotation",
        "form": "yolo",
        "picture": "",
        "source_path": source,
        "source_bytes": 0,
        "source_sha256": "2" * 64,
        "source_mtime_ns": 7,
        "labels": 4,
        "dropped": 1,
        "bytes": 0,
        "sha256": "3" * 64,
        "warning": "",
        "options_hash": "c",
        "tool_version": "1.0",
        "status": "compressed",
    } | changes


def left_out_row_of(source, rule="min_side", message="m"):
    """Make a line of the manifest as ICS writes it of an image that a rule leaves out."""
    values = {"source_path": source, "kind": "image", "code": rule, "message": message}
    return values | {"tool_version": "1.0", "status": "left_out"}


def ics(*arguments, cwd, text=None):
    """Run the command ics, in a process of its own; return its exit code, standard output and standard error."""
    if fork_server.AVAILABLE:
        code, out, err = fork_server.shared_server().command(arguments, cwd=cwd, text=text)
    else:
        code, out, err = ics_from_start(*arguments, cwd=cwd, text=text)
    assert "Traceback" not in err
    return code, out, err


def ics_from_start(*arguments, cwd, text=None):
    """Run the command ics as ``ics`` does it, with an interpreter that starts for it."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "icsys", *map(str, arguments)],
        cwd=cwd,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def soft_photo(height=60, width=80, *, seed=0, channels=3):
    """Cut a shape with soft edges out of a picture; shape (height, width, channels + 1), uint8, hidden colours left."""
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot((x - 0.55 * width) / width, (y - 0.5 * height) / height)
    opacity = np.clip(255 * (0.42 - distance) / 0.2, 0, 255).round().astype(np.uint8)
    return np.dstack([synthetic_photo(height, width, seed=seed, channels=channels), opacity])
