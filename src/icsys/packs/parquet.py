"""Parquet shards in the layout of Hugging Face's ``datasets``: a row for every image, with its bytes and its class."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from icsys.packs.sample import INFO, utf8
from icsys.records.parquet_format import NUMBER, load_pyarrow
from icsys.sources.utf8_names import held

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from icsys.packs.sample import Sample
    from icsys.records.classes import Classes

SUFFIX = ".parquet"

_MOST_CLASSES = 2**16
_ROWS_PER_GROUP = 100  # what readers take into memory at once; the number that Hugging Face advises for images
_DTYPES = {str: "string", int: "int64", float: "float64", bool: "bool"}


def member(file_name: str, sample: str = "") -> str:  # noqa: ARG001 - rows stand alone
    """Return the path of an image in a shard, which :func:`icsys.sources.utf8_names.restored` turns back."""
    return held(file_name)


def write(file: BinaryIO, samples: Iterable[Sample], classes: Classes) -> None:
    """Write samples as rows: ``image`` (bytes, path), ``label`` where there are classes, and what is told of each."""
    pa, parquet = prepare()
    names = _table(classes)
    schema = _schema(pa, classes, names)
    label = _number if names or not classes.are_named else _name_and_number
    told = [name for name in schema.names if name != "image"]
    samples = iter(samples)
    # Images are compressed already, and no two are alike.
    settings: dict[str, Any] = {"compression": "NONE", "use_dictionary": False, "write_statistics": told}
    with parquet.ParquetWriter(file, schema, **settings) as writer:
        while group := list(islice(samples, _ROWS_PER_GROUP)):
            writer.write_table(pa.Table.from_pylist([_row(sample, label) for sample in group], schema))


def _table(classes: Classes) -> list[str]:
    """Return the names of the classes by their numbers, as Hugging Face's ClassLabel has them; none if it cannot.

    A number that no image and no source tells of is called by itself.
    """
    if not classes.are_named or not classes.numbers or classes.numbers[0] < 0 or classes.numbers[-1] >= _MOST_CLASSES:
        return []
    known = dict(zip(classes.numbers, classes.names, strict=True))
    names = [known.get(number, str(number)) for number in range(classes.numbers[-1] + 1)]
    return names if len(set(map(utf8, names))) == len(names) else []


def _number(sample: Sample) -> dict[str, Any]:
    return {"label": sample.number}


def _name_and_number(sample: Sample) -> dict[str, Any]:
    return {"label": None if sample.label is None else held(sample.label), NUMBER: sample.number}


def _row(sample: Sample, label: Callable[[Sample], dict[str, Any]]) -> dict[str, Any]:
    info = {name: utf8(value) if isinstance(value, str) else value for name, value in sample.info.items()}
    return {"image": {"bytes": sample.data, "path": sample.member}, **label(sample), **info}


def _schema(pa: Any, classes: Classes, names: list[str]) -> Any:  # noqa: ANN401 - modules without types
    """Return the columns, in their metadata what they are to Hugging Face's ``datasets``, and the names as they are.

    Of classes with names the numbers are a ClassLabel, of others plain numbers. Where a ClassLabel cannot hold them,
    names and numbers are columns of their own.
    """
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    types = {name: _DTYPES[kind] for name, kind in INFO.items()}
    if names:
        types = {"label": "int64"} | types
    elif classes.names:
        types = ({"label": "string", NUMBER: "int64"} if classes.are_named else {"label": "int64"}) | types
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    features |= {name: {"dtype": dtype, "_type": "Value"} for name, dtype in types.items()}
    if names:
        features["label"] = {"names": list(map(utf8, names)), "_type": "ClassLabel"}
    columns = [("image", image), *((name, pa.type_for_alias(dtype)) for name, dtype in types.items())]
    about = {"huggingface": {"info": {"features": features}}, "icsys": {"classes": names}}
    return pa.schema(columns, {name: json.dumps(value) for name, value in about.items()})


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
