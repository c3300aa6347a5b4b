"""Pack formats, with independent readers."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet
from webdataset.tariterators import group_by_keys, tar_file_expander

from icsys.choices import IMAGE_PACKINGS

each_pack_format = pytest.mark.parametrize("packing", IMAGE_PACKINGS)


def shards(folder):
    """Return the packs of a folder in order."""
    return sorted(path for path in (folder / "data").iterdir())


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def read_webdataset(path):
    """Read a pack with webdataset; return a list of image bytes, label and facts."""
    with path.open("rb") as stream:  # one that webdataset opens stays open until the garbage collector comes
        samples = list(group_by_keys(tar_file_expander([{"url": str(path), "stream": stream}])))
    return [
        (sample["png"], int(sample["cls"]) if "cls" in sample else None, json.loads(sample["json"]))
        for sample in samples
    ]


def read_parquet(path):
    """Read a pack with pyarrow; return a list of image bytes, label and facts."""
    rows = parquet.read_table(path).to_pylist()
    return [(row.pop("image")["bytes"], row.pop("label", None), row) for row in rows]


READERS = {"webdataset": read_webdataset, "parquet": read_parquet}


def read_all(folder, packing):
    """Read all packs; return image bytes and label by source."""
    images = [image for path in shards(folder) for image in READERS[packing](path)]
    by_source = {facts["source_path"]: (data, label) for data, label, facts in images}
    assert len(by_source) == len(images)
    return by_source
