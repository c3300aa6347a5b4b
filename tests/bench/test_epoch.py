"""The benchmark of an epoch: all ways give the same batches, those with the same pixels the same losses."""

import time

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs PyTorch: make test-extras")
pytest.importorskip("torchvision", reason="needs torchvision: make test-extras")

from epoch import (
    ARRAYS,
    FLOOR,
    JPEG,
    ORIGINALS,
    SAME_PIXELS,
    Course,
    Learner,
    gather_photos,
    main,
    make_images,
    train,
    ways_to_read,
)
from small_network import small_network

SIDE, BATCH, COUNT = 16, 4, 10


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photos of two classes, some as JPEG and some as PNG, with shapes that are cropped."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for number in range(COUNT):
        path = folder / ("cat" if number % 3 else "dog") / f"{number}.{'png' if number % 2 else 'jpg'}"
        path.parent.mkdir(exist_ok=True)
        pixels = random.integers(0, 256, (4, 5, 3), np.uint8)
        Image.fromarray(pixels).resize((40, 30), Image.Resampling.BICUBIC).save(path)
    return folder


def test_all_ways_give_the_same_images_in_the_same_batches(photos, tmp_path):
    course = Course("cpu", is_half=False, epochs=1, batch=BATCH, clock=time.process_time)
    originals = gather_photos(photos, COUNT, tmp_path)
    made = make_images(originals, SIDE, tmp_path / "made")
    assert sorted(made.order) == list(range(COUNT))
    for_training = made.data[made.order]
    expected = for_training.pixels()
    batches = {way.name: list(way.batches()) for way in ways_to_read(originals, made, course, 0)}
    for name, found in batches.items():
        if name == FLOOR:
            assert all(one is found[0] for one in found)
            continue
        assert [len(labels) for _, labels in found] == [4, 4, 2]
        assert torch.cat([labels for _, labels in found]).tolist() == for_training.labels.tolist()
        pixels = torch.cat([pixels for pixels, _ in found]).numpy()
        assert pixels.dtype == np.uint8
        errors = np.abs(pixels[:, None].astype(int) - expected).mean((2, 3, 4))
        assert errors.argmin(1).tolist() == list(range(COUNT)), name
        assert (errors.diagonal() == 0).all() == (name in SAME_PIXELS), name
    ways = ways_to_read(originals, made, course, 0)
    for place, wrong, message in ((0, batches[ORIGINALS][::-1], "labels"), (2, batches[JPEG], "losses")):
        others = list(ways)
        others[place] = ways[place]._replace(batches=lambda wrong=wrong: wrong)
        with pytest.raises(SystemExit, match=f"expected the {message}"):
            train(others, lambda: small_network(3, 2), course)


def test_the_page_has_a_row_for_each_way(photos, tmp_path, capsys):
    page = tmp_path / "epoch.md"
    options = ["--images", "8", "--side", "16", "--batch", "4", "--epochs", "2", "--device", "cpu", "--out", str(page)]
    main([str(photos), *options])
    text = page.read_text("utf-8")
    assert text.strip() == capsys.readouterr().out.strip()
    rows = {row[1]: row[2:] for row in (line.split("|") for line in text.splitlines()) if len(row) > 2}
    rows = {name.strip(): [cell.strip() for cell in cells] for name, cells in rows.items()}
    assert len({rows[name][6] for name in SAME_PIXELS}) == 1
    assert float(rows[ARRAYS][1]) > 0
    assert rows[FLOOR][0] == rows[FLOOR][6] == "-"
    for wrong, message in (
        (["--processor-time", "--workers", "1"], "--workers 0"),
        (["--device", "abacus"], "abacus: "),
    ):
        with pytest.raises(SystemExit):
            main(wrong)
        assert message in capsys.readouterr().err


def test_seconds_of_reading_and_of_the_network_are_told_apart():
    """The clock is moved by hand: 1 second for a batch and 10 for a step."""
    now = 0

    def clock():
        return now

    def batches():
        nonlocal now
        for _ in range(3):
            now += 1
            yield torch.zeros((2, 3, 16, 16), dtype=torch.uint8), torch.tensor([0, 1])

    def forward(module, arguments):  # noqa: ARG001 - as PyTorch calls it
        nonlocal now
        now += 10

    for is_half in (False, True):
        now = 0
        network = small_network(3, 2)
        network.register_forward_pre_hook(forward)
        course = Course("cpu", is_half=is_half, epochs=1, batch=2, clock=clock)
        found = Learner(network, course).learn(batches())
        assert (found.reading, found.network, found.seconds) == (3, 30, 33)
        assert found.labels == [0, 1] * 3
        assert 0 < found.loss < 10
