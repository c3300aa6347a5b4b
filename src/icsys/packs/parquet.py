"""Parquet packs in the layout of Hugging Face's ``datasets``: one row per image, with its bytes and its class."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from icsys.packs.packed_image import REPEATED_COLUMNS, utf8
from icsys.records.import_pyarrow import NUMBER, load_pyarrow
from icsys.sources.pack_member_names import to_utf8_name

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from icsys.packs.packed_image import PackedImage
    from icsys.records.classes import Classes

_MOST_CLASSES = 2**16
_ROWS_PER_GROUP = 100  # readers load one group at a time; Hugging Face recommends 100 rows for images
_DTYPES = {str: "string", int: "int64", float: "float64", bool: "bool"}


class ParquetFormat:
    """Parquet files for the ``datasets`` package: an image, its class and its facts are one row."""

    suffix = ".parquet"

    def prepare(self) -> tuple[Any, Any]:
        """Return the modules ``pyarrow`` and ``pyarrow.parquet``; MissingExtraError if they are not installed."""
        return load_pyarrow("format='parquet'")

    def member(self, file_name: str, sample: str = "") -> str:  # noqa: ARG002 - each row stands alone
        """Return the path of an image in a pack; :func:`icsys.sources.pack_member_names.path_in_pack` turns it back."""
        return to_utf8_name(file_name)

    def write(self, file: BinaryIO, images: Iterable[PackedImage], classes: Classes) -> None:
        """Write one row per image: ``image`` (bytes and path), ``label`` if there are classes, and its facts."""
        pa, parquet = self.prepare()
        names = _class_names(classes)
        schema = _schema(pa, classes, names)
        label = _number if names or not classes.are_named else _name_and_number
        facts = [name for name in schema.names if name != "image"]
        images = iter(images)
        # Compression and dictionaries cannot make images smaller: they are compressed, and all different.
        settings: dict[str, Any] = {"compression": "NONE", "use_dictionary": False, "write_statistics": facts}
        with parquet.ParquetWriter(file, schema, **settings) as writer:
            while group := list(islice(images, _ROWS_PER_GROUP)):
                writer.write_table(pa.Table.from_pylist([_row(image, label) for image in group], schema))

    def read(self, file: BinaryIO) -> Generator[tuple[str, bytes]]:
        """Yield the path and bytes of each image, in order.

        Raises
        ------
        OSError
            If the pack cannot be read, or is not a Parquet file as ICS writes it.
        """
        pa, parquet = self.prepare()
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
        ) as error:  # the last two: columns are missing or have other types
            raise OSError(f"not a complete Parquet file: {error}") from error


def _class_names(classes: Classes) -> list[str]:
    """Return the class names for Hugging Face's ClassLabel, by number; an empty list if a ClassLabel cannot hold them.

    A number without a class is named by its digits.
    """
    if not classes.are_named or not classes.numbers or classes.numbers[0] < 0 or classes.numbers[-1] >= _MOST_CLASSES:
        return []
    known = dict(zip(classes.numbers, classes.names, strict=True))
    names = [known.get(number, str(number)) for number in range(classes.numbers[-1] + 1)]
    return names if len(set(map(utf8, names))) == len(names) else []


def _number(image: PackedImage) -> dict[str, Any]:
    return {"label": image.number}


def _name_and_number(image: PackedImage) -> dict[str, Any]:
    return {"label": None if image.label is None else to_utf8_name(image.label), NUMBER: image.number}


def _row(image: PackedImage, label: Callable[[PackedImage], dict[str, Any]]) -> dict[str, Any]:
    info = {name: utf8(value) if isinstance(value, str) else value for name, value in image.info.items()}
    return {"image": {"bytes": image.data, "path": image.member}, **label(image), **info}


def _schema(pa: Any, classes: Classes, names: list[str]) -> Any:  # noqa: ANN401 - modules without types
    """Return the columns, with metadata for Hugging Face's ``datasets`` and the exact class names for ICS.

    Named classes become a ClassLabel, unnamed ones plain numbers. If a ClassLabel cannot hold the names, names and
    numbers get a column each.
    """
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    types = {name: _DTYPES[kind] for name, kind in REPEATED_COLUMNS.items()}
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


def _check_plain(metadata: Any) -> None:  # noqa: ANN401 - modules without types
    """Refuse compressed image columns: a small file could fill the memory."""
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema.startswith("image.") and (
                column.compression != "UNCOMPRESSED" or column.has_dictionary_page
            ):
                raise OSError(
                    f"the column {column.path_in_schema!r} is compressed: expected a plain column, as ics writes"
                )
