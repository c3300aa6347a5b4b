"""Parquet shards in the layout of Hugging Face's ``datasets``: a row for every image, with its bytes and its class."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from icsys.dataset.sample import INFO, utf8
from icsys.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from icsys.dataset.sample import Sample

SUFFIX = ".parquet"
_ROWS_PER_GROUP = 100  # what readers take into memory at once; the number that Hugging Face advises for images
_DTYPES = {str: "string", int: "int64", float: "float64", bool: "bool"}


def member(file_name: str) -> str:
    """Return the path of an image in a shard."""
    return utf8(file_name)


def write(file: BinaryIO, samples: Iterable[Sample], classes: Sequence[str]) -> None:
    """Write samples as rows: ``image`` (bytes, path), ``label`` where there are classes, and what is told of each."""
    pa, parquet = prepare()
    schema = _schema(pa, classes)
    numbers = {name: number for number, name in enumerate(classes)}
    told = [name for name in schema.names if name != "image"]
    samples = iter(samples)
    # Images are compressed already, and no two are alike.
    settings: dict[str, Any] = {"compression": "NONE", "use_dictionary": False, "write_statistics": told}
    with parquet.ParquetWriter(file, schema, **settings) as writer:
        while group := list(islice(samples, _ROWS_PER_GROUP)):
            writer.write_table(pa.Table.from_pylist([_row(sample, numbers) for sample in group], schema))


def _row(sample: Sample, numbers: dict[str, int]) -> dict[str, Any]:
    info = {name: utf8(value) if isinstance(value, str) else value for name, value in sample.info.items()}
    label = None if sample.label is None else numbers[sample.label]
    return {"image": {"bytes": sample.data, "path": sample.member}, "label": label, **info}


def _schema(pa: Any, classes: Sequence[str]) -> Any:  # noqa: ANN401 - modules without types
    """Return the columns, and in their metadata what they are to Hugging Face's ``datasets``."""
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    names = [utf8(name) for name in classes]
    types = {name: _DTYPES[kind] for name, kind in INFO.items()}
    label = {"label": {"names": names, "_type": "ClassLabel"}} if names else {}
    features = {"image": {"_type": "Image"}, **label}
    features |= {name: {"dtype": dtype, "_type": "Value"} for name, dtype in types.items()}
    columns = [("image", image), *([("label", pa.int64())] if names else [])]
    columns.extend((name, pa.type_for_alias(dtype)) for name, dtype in types.items())
    return pa.schema(columns, {"huggingface": json.dumps({"info": {"features": features}})})


def read(file: BinaryIO) -> Generator[tuple[str, bytes]]:
    """Yield the images of a shard with their paths, in their order.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    pa, parquet = prepare()
    try:
        with parquet.ParquetFile(file) as table:
            _check_plain(table.metadata)
            for batch in table.iter_batches(_ROWS_PER_GROUP, columns=["image"]):
                for image in batch.column("image").to_pylist():
                    yield image["path"], image["bytes"]
    except (
        pa.ArrowException,
        ValueError,
        KeyError,
        TypeError,
    ) as error:  # what it holds may have no such columns
        raise OSError(f"no whole Parquet file: {error}") from error


def _check_plain(metadata: Any) -> None:  # noqa: ANN401 - modules without types
    """Refuse images that take more memory than they have bytes in the file."""
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema.startswith("image.") and (
                column.compression != "UNCOMPRESSED" or column.has_dictionary_page
            ):
                raise OSError(f"the column {column.path_in_schema!r} is packed, which ics does not do")


def prepare() -> tuple[Any, Any]:
    """Return the modules that the format needs, as :func:`load_pyarrow` does."""
    return load_pyarrow("format='parquet'")


def load_pyarrow(what: str) -> tuple[Any, Any]:
    """Return the modules that something needs, which an error names.

    Raises
    ------
    MissingExtraError
        If they are not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError(f"{what} needs pyarrow: pip install 'icsys[parquet]'") from None
    return pa, parquet
