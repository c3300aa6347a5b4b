"""The benchmark of arrays: its contenders give the pixels of its dataset, and its page has a rate for each."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from arrays import MEAN, STD, contenders, dataset, main
from icsys.image.arrays.packing import unpack_rows


def test_contenders_give_the_pixels_of_their_dataset(tmp_path):
    maps = dataset(tmp_path, 5, 9)
    rows = np.array([4, 0, 3])
    expected = {"raw": maps["raw"][rows]}
    indices = {}
    for colors, bits in ((16, 4), (256, 8)):
        few = indices[f"{colors}"] = unpack_rows(maps[f"indices{colors}"], bits, 9)[rows]
        expected[f"{colors}"] = np.stack(
            [maps[f"palettes{colors}"][row][own].transpose(2, 0, 1) for row, own in zip(rows, few, strict=True)]
        )
    with ThreadPoolExecutor(2) as pool:
        for field in contenders(maps, pool).values():
            for one in field:
                for threads in (1, 2):
                    out = np.zeros((3, *one.shape), one.dtype)
                    one.read(rows, out, threads)
                    is_index = "indices" in one.name
                    pixels = (indices if is_index else expected).get(one.name.split(" ")[0])
                    if pixels is None:
                        continue
                    found = out.transpose(0, 3, 1, 2) if "HWC" in one.name else out
                    if one.dtype != "uint8":
                        pixels = (pixels / 255 - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
                    np.testing.assert_allclose(found, pixels, rtol=1e-3, atol=2e-3)


def test_the_page_has_a_rate_for_each_contender(tmp_path, capsys):
    page = tmp_path / "arrays.md"
    main(["--images", "6", "--side", "8", "--batch", "4", "--epochs", "1", "--out", str(page)])
    text = page.read_text(encoding="utf-8")
    assert text.strip() == capsys.readouterr().out.strip()
    assert "## uint8" in text
    assert text.count("(1.00x)") >= 8
    assert "shuffled, 2 threads" in text
    main(["--images", "3", "--side", "8", "--epochs", "1", "--processor-time"])
    assert "2 threads" not in capsys.readouterr().out.split("Each cell")[0]
