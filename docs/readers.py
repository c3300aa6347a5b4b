"""Write the tables of docs/readers.md: what every reader makes of every kind of file that ICS writes.

Run it with ``python docs/readers.py``. Each reader is called as the table shows it, and its array is compared with the
pixels and the indices of the file. Rows of readers that are not installed stay as they are on the page; the program
names these readers.
"""

from __future__ import annotations

import base64
import importlib
import io
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from icsys import Options, compress_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

PAGE = Path(__file__).with_suffix(".md")
WIDTH, HEIGHT = 45, 31
MARKS = "<!-- made by docs/readers.py: {} -->", "<!-- end of {} -->"
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
INDICES, PACKED, WRONG = "**indices**", "**packed indices**", "**wrong**"
_JPEG_ERROR = 4.0  # levels: decoders enlarge chroma differently


class Kind(NamedTuple):
    """A kind of output: its name in the table, the options that give it, and the picture that is compressed."""

    name: str
    options: Options
    mode: str


class File(NamedTuple):
    """A file of a kind, with the pixels that it shows, shape (H, W, 4), and its indices if it stores some."""

    path: Path
    pixels: NDArray[np.uint8]
    indices: NDArray[np.integer] | None


Rows = dict[tuple[str, str], list[str]]


class Reader(NamedTuple):
    """A way to read a file.

    Attributes
    ----------
    package
        What has to be installed.
    names
        The modules that the call uses, by their names in it; for a browser or a command, none.
    call
        A Python expression of ``path``, ``data``, ``dataset`` or ``folder``, which is evaluated; or a command line.
    """

    package: str
    names: dict[str, str]
    call: str


_KEEP = Options(step=1, alpha="keep", never_larger=False)
_SO = _KEEP.replace(strategy="SO")
_JPEG = Options(strategy="SO", format="jpeg", step=1, jpeg_quality=95)
KINDS = {
    "In colour": [
        *(Kind("indexed PNG", _KEEP.replace(colors=n), "RGB") for n in (2, 4, 16, 200)),
        Kind("truecolour PNG", _KEEP.replace(colors=16, png="truecolor"), "RGB"),
        Kind("WebP", _KEEP.replace(colors=16, format="webp"), "RGB"),
        Kind("JPEG", _JPEG, "RGB"),
    ],
    "With transparency": [
        *(Kind("indexed PNG", _KEEP.replace(colors=n), "RGBA") for n in (3, 200)),
        Kind("truecolour PNG", _KEEP.replace(colors=100, png="truecolor"), "RGBA"),
        Kind("WebP", _KEEP.replace(colors=100, format="webp"), "RGBA"),
    ],
    "Grey": [
        *(Kind("indexed PNG", _KEEP.replace(colors=n), "L") for n in (2, 200)),
        Kind("grey PNG", _SO, "L"),
        Kind("grey PNG, transparent", _SO, "LA"),
        Kind("WebP", _SO.replace(format="webp"), "L"),
        Kind("JPEG", _JPEG, "L"),
    ],
}
_PILLOW, _OPENCV = {"Image": "PIL.Image"}, {"cv2": "cv2"}
_TORCHVISION, _TORCHCODEC = {"torchvision": "torchvision.io"}, {"torchcodec": "torchcodec.decoders"}
_DATASETS, _WEBDATASET, _TORCH = {"datasets": "datasets"}, {"webdataset": "webdataset"}, {"torch": "torch"}
READERS = [
    Reader("Pillow", _PILLOW, "Image.open(path).convert('RGB')"),
    Reader("Pillow", _PILLOW, "Image.open(path).convert('RGBA')"),
    Reader("Pillow", _PILLOW, "Image.open(path)"),
    Reader("OpenCV", _OPENCV, "cv2.imread(path)"),
    Reader("OpenCV", _OPENCV, "cv2.imread(path, cv2.IMREAD_COLOR_RGB)"),
    Reader("OpenCV", _OPENCV, "cv2.imread(path, cv2.IMREAD_UNCHANGED)"),
    Reader("torchvision", _TORCHVISION, "torchvision.io.decode_image(path, mode='RGB')"),
    Reader("torchvision", _TORCHVISION, "torchvision.io.decode_image(path, mode='RGBA')"),
    Reader("torchvision", _TORCHVISION, "torchvision.io.decode_image(path)"),
    Reader("torchvision", {"ImageFolder": "torchvision.datasets:ImageFolder"}, "ImageFolder(folder)[0][0]"),
    Reader("torchcodec", _TORCHCODEC, "torchcodec.decoders.decode_image(path)"),
    Reader("torchcodec", _TORCHCODEC, "torchcodec.decoders.decode_image(path, mode='UNCHANGED')"),
    Reader(
        "icsys.torch",
        {"IndexedImageFolder": "icsys.torch:IndexedImageFolder"},
        "IndexedImageFolder(folder, 'rgb')[0][0]",
    ),
    Reader(
        "icsys.torch",
        {"IndexedImageFolder": "icsys.torch:IndexedImageFolder"},
        "IndexedImageFolder(folder, 'rgba')[0][0]",
    ),
    Reader("datasets", _DATASETS, "dataset.cast_column('image', datasets.Image(mode='RGB'))[0]['image']"),
    Reader("datasets", _DATASETS, "dataset.cast_column('image', datasets.Image())[0]['image']"),
    Reader(
        "datasets",
        _DATASETS | _TORCH,
        "dataset.cast_column('image', datasets.Image()).with_format('torch')[0]['image']",
    ),
    Reader("webdataset", _WEBDATASET, "next(iter(dataset.decode('pil').to_tuple('png;webp;jpg')))"),
    Reader("webdataset", _WEBDATASET | _TORCH, "next(iter(dataset.decode('torchrgb8').to_tuple('png;webp;jpg')))"),
    Reader("TensorFlow", {"tf": "tensorflow"}, "tf.io.decode_image(data)"),
    Reader("TensorFlow", {"tf": "tensorflow"}, "tf.io.decode_image(data, channels=3)"),
    Reader("Keras", {"keras": "keras"}, "keras.utils.load_img(path)"),
    Reader(
        "Keras",
        {"keras": "keras", "tf": "tensorflow"},  # whatever its backend is, Keras makes such datasets with TensorFlow
        f"next(iter(keras.utils.image_dataset_from_directory(folder, labels=None, image_size=({HEIGHT}, {WIDTH}))))",
    ),
    Reader("imageio", {"iio": "imageio.v3"}, "iio.imread(path)"),
    Reader("imageio", {"iio": "imageio.v3"} | _OPENCV, "iio.imread(path, plugin='opencv')"),
    Reader("scikit-image", {"skimage": "skimage.io"}, "skimage.io.imread(path)"),
    Reader("Matplotlib", {"plt": "matplotlib.pyplot"}, "plt.imread(path)"),
    Reader("pyvips", {"pyvips": "pyvips"}, "pyvips.Image.new_from_file(path).numpy()"),
    Reader("ImageMagick", {}, "convert FILE -depth 8 rgba:-"),
    Reader("Chromium", {}, "an <img> on a <canvas>"),
]


def main() -> None:
    """Write the tables into the page, and name the readers that are missing."""
    found, missing = tables()
    text = PAGE.read_text("utf-8")
    for title, rows in found.items():
        text = _replaced(text, title, rows)
    PAGE.write_text(text, "utf-8", newline="\n")
    for package, reason in missing.items():
        print(f"{package}: its rows stay as they are, because of {reason}", file=sys.stderr)


def tables() -> tuple[dict[str, Rows], dict[str, str]]:
    """Call all readers that are installed.

    Returns
    -------
    tables, missing
        The cells of each row, by table and by package and call; and why a package has no rows.
    """
    missing: dict[str, str] = {}
    found: dict[str, Rows] = {title: {} for title in KINDS}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")
        files = {
            title: [(kind.name, _write(kind, Path(folder, title, str(place), "x"))) for place, kind in enumerate(kinds)]
            for title, kinds in KINDS.items()
        }
        for reader in READERS:
            try:
                read = _prepared(reader, stack)
            except Exception as error:  # noqa: BLE001 - a package that is damaged may raise anything
                missing[reader.package] = f"{type(error).__name__}: {error}".splitlines()[0]
                continue
            for title, kinds in files.items():
                words: dict[str, list[str]] = {}
                for name, file in kinds:
                    words.setdefault(name, []).append(_outcome(read, file))
                found[title][reader.package, reader.call] = [
                    " or ".join(dict.fromkeys(cell)) for cell in words.values()
                ]
    return found, missing


def _picture(mode: str) -> Image.Image:
    """Draw a picture of many colours, with waves of other lengths in each channel."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / WIDTH
    planes = [128 + 110 * np.sin(a * x + b * y) for a, b in ((4, 1), (-2, 5), (3, 3))]
    opacity = np.clip(400 * y - 40, 0, 255)
    return Image.fromarray(np.stack([*planes, opacity], -1).astype(np.uint8)).convert(mode)


def _write(kind: Kind, folder: Path) -> File:
    """Compress the picture; the expected pixels are what Pillow decodes, and for few colours what ICS reports."""
    file = io.BytesIO()
    _picture(kind.mode).save(file, "PNG")
    data = compress_image(file.getvalue(), kind.options).data
    folder.mkdir(parents=True)
    path = folder / f"image{kind.options.suffix}"
    path.write_bytes(data)
    with Image.open(path) as image:
        indices = np.array(image) if image.mode == "P" else None
        return File(path, np.array(image.convert("RGBA")), indices)


def _prepared(reader: Reader, stack: ExitStack) -> Callable[[File], Any]:
    """Import what a reader needs, and return the function that reads a file until the stack is closed."""
    if reader.package == "Chromium":
        return stack.enter_context(_browser())
    if reader.package == "ImageMagick":
        return partial(_by_command, _image_magick(), shlex.split(reader.call)[1:])
    if reader.package == "torchcodec" and metadata.version("torchcodec").startswith("0.16."):
        raise LookupError("torchcodec 0.16, which ends the process at an indexed PNG with alpha")
    names: dict[str, Any] = {}
    for name, module in reader.names.items():
        module_name, _, member = module.partition(":")
        loaded = importlib.import_module(module_name)
        # A call that starts at the package, such as torchvision.io.decode_image, has its name.
        whole = sys.modules[name] if module_name.startswith(f"{name}.") else loaded
        names[name] = getattr(loaded, member) if member else whole

    def read(file: File) -> Any:  # noqa: ANN401 - arrays, tensors and images
        given = {"path": str(file.path), "data": file.path.read_bytes(), "folder": str(file.path.parents[1])}
        if "dataset." in reader.call:
            given["dataset"] = _dataset(reader.package, file)
        return eval(reader.call, names | given)  # noqa: S307 - the calls above

    return read


def _dataset(package: str, file: File) -> Any:  # noqa: ANN401 - of two packages
    """Return a dataset of one file."""
    if package == "datasets":
        return importlib.import_module("datasets").Dataset.from_dict({"image": [str(file.path)]})
    tar = file.path.with_suffix(".tar")
    with tarfile.open(tar, "w") as archive:
        archive.add(file.path, file.path.name)
    return importlib.import_module("webdataset").WebDataset(str(tar), shardshuffle=False)


def _image_magick() -> str:
    """Return the program of ImageMagick."""
    for program in filter(None, map(shutil.which, ("magick", "convert"))):
        shown = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
        if "ImageMagick" in shown.stdout:
            return program
    raise LookupError("no command 'magick' or 'convert' of ImageMagick")


def _by_command(program: str, words: list[str], file: File) -> NDArray[np.uint8]:
    words = [str(file.path) if word == "FILE" else word for word in words]
    done = subprocess.run([program, *words], capture_output=True, check=True)  # noqa: S603
    return np.frombuffer(done.stdout, np.uint8).reshape(HEIGHT, WIDTH, -1)


@contextmanager
def _browser() -> Iterator[Callable[[File], NDArray[np.uint8]]]:
    """Start a browser, and yield the function that reads a file in it."""
    api = importlib.import_module("playwright.sync_api")
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        raise LookupError(f"no command {' or '.join(_BROWSERS)}")
    with api.sync_playwright() as driver, driver.chromium.launch(executable_path=program, args=_FLAGS) as browser:
        page = browser.new_page()

        def read(file: File) -> NDArray[np.uint8]:
            kind = "jpeg" if file.path.suffix == ".jpg" else file.path.suffix[1:]
            text = base64.b64encode(file.path.read_bytes()).decode()
            levels = page.evaluate(_ON_CANVAS, f"data:image/{kind};base64,{text}")
            return np.array(levels, np.uint8).reshape(HEIGHT, WIDTH, 4)

        yield read


_ON_CANVAS = """async address => {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return Array.from(context.getImageData(0, 0, image.width, image.height).data);
}"""


def _outcome(read: Callable[[File], Any], file: File) -> str:
    """Return a word for what a reader makes of a file."""
    try:
        found = read(file)
        array = np.asarray(found[0] if isinstance(found, tuple) else found)
    except Exception:  # noqa: BLE001 - a reader may raise anything
        return "error"
    return described(array, file)


def described(array: NDArray[Any], file: File) -> str:
    """Return what an array holds: indices, or channels in their order."""
    if np.issubdtype(array.dtype, np.floating) and array.max() <= 1:
        array = np.rint(array * 255)
    array = np.squeeze(array)
    if array.ndim > 2 and array.shape[-2:] == (HEIGHT, WIDTH):  # noqa: PLR2004 - channels, rows, columns
        array = np.moveaxis(array, -3, -1)
    if array.shape[:2] != (HEIGHT, WIDTH):
        return WRONG
    array = array.reshape(HEIGHT, WIDTH, -1).astype(float)
    for name, expected in _meanings(file):
        if array.shape == expected.shape and _difference(array, expected, file) <= _error(file, name):
            return name
    packed = _packed_indices(file)
    return PACKED if packed is not None and (array[:, : packed.shape[1], 0] == packed).all() else WRONG


def _difference(array: NDArray[Any], expected: NDArray[Any], file: File) -> float:
    """Return the mean difference of levels; of RGBA that of what shows, because a browser rounds it."""
    different = np.abs(array - expected)
    if array.shape[2] == file.pixels.shape[2]:
        different[..., :3] *= file.pixels[..., 3:] / 255
    return float(different.mean())


def _error(file: File, name: str) -> float:
    """Return the mean difference that still counts as equal: none, but for JPEG and for rounding beside alpha."""
    if file.path.suffix == ".jpg":
        return _JPEG_ERROR
    return 1 if name in {"RGBA", "BGRA", "RGB over black", "RGB over white"} and _has_alpha(file) else 0


def _has_alpha(file: File) -> bool:
    return bool((file.pixels[..., 3] < 255).any())  # noqa: PLR2004 - opaque


def _meanings(file: File) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield what the array of a file can hold, shape (H, W, channels), the likeliest first."""
    rgba = file.pixels
    rgb, alpha = rgba[..., :3], rgba[..., 3:] / 255
    yield "RGBA", rgba
    yield "BGRA", rgba[..., [2, 1, 0, 3]]
    if _has_alpha(file):
        for below, level in (("white", 255), ("black", 0)):
            yield f"RGB over {below}", np.rint(rgb * alpha + level * (1 - alpha))
        yield "RGB, alpha lost", rgb
        yield "BGR, alpha lost", rgb[..., ::-1]
    else:
        yield "RGB", rgb
        yield "BGR", rgb[..., ::-1]
    if (rgb == rgb[..., :1]).all():
        yield "grey, alpha lost" if _has_alpha(file) else "grey", rgb[..., :1]
        yield "grey and alpha", rgba[..., [0, 3]]
    if file.indices is not None:
        yield INDICES, file.indices[..., None]


def _packed_indices(file: File) -> NDArray[np.uint8] | None:
    """Return the bytes of each row of an indexed PNG that has several indices in a byte, without a last part of one."""
    depth = file.path.read_bytes()[24]  # its place in a PNG
    if file.indices is None or depth == 8:  # noqa: PLR2004 - bits of a byte
        return None
    bits = np.unpackbits(file.indices.astype(np.uint8)[..., None], axis=2)[..., -depth:]
    return np.packbits(bits.reshape(HEIGHT, -1), axis=1)[:, : WIDTH * depth // 8]


def _replaced(text: str, title: str, rows: Rows) -> str:
    """Return the page with the rows of a table replaced; rows that are missing stay."""
    start, end = (mark.format(title) for mark in MARKS)
    before, _, rest = text.partition(start)
    old, _, after = rest.partition(end)
    rows = page_rows(old) | rows
    names = list(dict.fromkeys(kind.name for kind in KINDS[title]))
    lines = [["reader", "call", *names], ["---"] * (2 + len(names))]
    known = [(reader.package, reader.call) for reader in READERS]
    lines.extend([package, f"`{call}`", *rows[package, call]] for package, call in known if (package, call) in rows)
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{before}{start}\n\n{table}\n\n{end}{after}"


def page_rows(text: str) -> Rows:
    """Return the cells of a table on the page by package and call."""
    rows = re.findall(r"^\| ([^|]+) \| `([^`]+)` \| (.*) \|$", text, re.MULTILINE)
    return {(package, call): cells.split(" | ") for package, call, cells in rows}


if __name__ == "__main__":
    main()
