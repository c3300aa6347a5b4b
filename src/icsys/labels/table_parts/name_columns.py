"""Names of columns and keys that name pictures."""

NAME_COLUMNS = (
    "file_name",
    "filename",
    "image",
    "image_id",
    "image_name",
    "img",
    "image_path",
    "img_path",
    "path",
    "filepath",
    "file",
    "id",
)
"""Columns that are taken for those of names, in this order, in any case, and with or without underscores and spaces."""


def plain_column(name: str) -> str:
    """Return the name of a column in lower case, without underscores and spaces.

    Examples
    --------
    >>> plain_column("Image_ID")
    'imageid'
    """
    return name.lower().replace("_", "").replace(" ", "")
