"""All images together stay within the bytes, and come near to them: the next larger setting is run as the oracle."""

import json
import threading
from contextlib import contextmanager
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import synthetic_photo, tree
from icsys import Options, compress_folder
from icsys.engine import Lost
from icsys.errors import UsageError
from icsys.pipeline import compress_image
from icsys.run.within_bytes import kept_images
from learn_files import learned_arm, usual_arms, write_learned

SIZES = ((48, 60), (60, 40), (30, 52), (64, 64), (41, 37), (24, 30))
FIXED = Options(colors=16)  # then only the size is chosen, which takes less time


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A folder with six photos of many sizes in two classes, and one broken file."""
    folder = tmp_path_factory.mktemp("within") / "photos"
    for seed, (height, width) in enumerate(SIZES):
        path = folder / ("cat" if seed % 2 else "dog") / f"{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(synthetic_photo(height, width, seed=seed)).save(path)
    (folder / "cat" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    return folder


@contextmanager
def sampled(most):
    """Draw at most so many images into a sample."""
    with mock.patch("icsys.run.within_bytes.kept_images.ESTIMATED_FROM", most):
        yield


def image_bytes_in(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.suffix in {".png", ".webp", ".jpg", ".npz"})


def total_with(source, folder, options):
    """Return the bytes of all images with options: the oracle."""
    return compress_folder(source, folder, options, dry_run=True, jobs=1).bytes_out


def larger(options, top, *, free_size, free_colors):
    """Return the next larger settings, written down independently of the code."""
    found = []
    if free_size and options.final_size:
        side = max(options.final_size) + 1
        found.append(options.replace(step=1) if side >= top else options.replace(size=(side, side)))
    if free_colors and options.colors < 256:
        found.append(options.replace(colors=options.colors + 1))
    return found


def check(source, folder, limit, options=None, *, free_size=True, free_colors=True, top=64):
    """Run, and hold the result against the rule."""
    summary = compress_folder(source, folder, options, total_bytes=limit, jobs=1)
    chosen = summary.bytes_chosen
    assert chosen.bytes == image_bytes_in(folder) <= limit
    final = Options.from_dict(chosen.options)
    assert total_with(source, folder / "none", final) == chosen.bytes
    if chosen.is_largest:
        assert larger(final, top, free_size=free_size, free_colors=free_colors) == []
    elif chosen.bytes < 0.95 * limit:
        for one in larger(final, top, free_size=free_size, free_colors=free_colors):
            assert total_with(source, folder / "none", one) > limit, one
    return summary, final


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1_000, 17_000), sample=st.sampled_from([96, 4]))
def test_any_budget_is_kept_and_nearly_used(limit, sample, sources, tmp_path_factory):
    with sampled(sample):
        check(sources, tmp_path_factory.mktemp("out"), limit)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(2_500, 20_000), sample=st.sampled_from([96, 3]), colors=st.sampled_from([2, 8, 200]))
def test_a_given_number_of_colours_is_kept(limit, sample, colors, sources, tmp_path_factory):
    with sampled(sample):
        _, final = check(sources, tmp_path_factory.mktemp("out"), limit, Options(colors=colors), free_colors=False)
    assert final.colors == colors


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(3_500, 20_000), sample=st.sampled_from([96, 3]))
def test_a_given_size_is_kept(limit, sample, sources, tmp_path_factory):
    with sampled(sample):
        asked = Options(size=32)
        _, final = check(sources, tmp_path_factory.mktemp("out"), limit, asked, free_size=False)
    assert final == asked.replace(colors=final.colors)


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        (Options(strategy="SO"), 9_000),
        (Options(strategy="SO", format="jpeg"), 8_000),
        (Options(fit="pad"), 9_000),
    ],
)
def test_other_formats_and_fits_are_held_to_the_rule(options, limit, sources, tmp_path):
    so = options.strategy == "SO"
    top = 64 if options.fit == "contain" else 10**6
    _, final = check(sources, tmp_path / "out", limit, options, free_colors=not so, top=top)
    assert (final.format, final.fit) == (options.format, options.fit)


def test_what_fits_at_the_largest_setting_is_taken_and_said(sources, tmp_path):
    summary, final = check(sources, tmp_path / "out", 10**9)
    assert summary.bytes_chosen.is_largest
    assert (final.step, final.colors) == (1, 256)
    assert "everything at the largest setting takes less" in str(summary.bytes_chosen)
    plain = tmp_path / "plain"
    compress_folder(sources, plain, Options(step=1, colors=256), jobs=1)
    assert tree(tmp_path / "out") == tree(plain)


@pytest.mark.parametrize("sample", [96, 4])
def test_less_than_the_smallest_setting_is_refused_with_its_total(sample, sources, tmp_path):
    smallest = total_with(sources, tmp_path / "none", Options(size=8, colors=2))
    with sampled(sample):
        with pytest.raises(UsageError, match=r"total_bytes=10: the smallest setting \(--size 8x8 --colors 2\) takes"):
            compress_folder(sources, tmp_path / "out", total_bytes=10, jobs=1)
        assert not (tmp_path / "out").exists()
        with pytest.raises(UsageError, match=rf"takes {smallest:,} bytes for 7 images, expected at least that"):
            compress_folder(sources, tmp_path / "out", total_bytes=smallest - 1, jobs=1)
        assert not (tmp_path / "out").exists()
        summary = compress_folder(sources, tmp_path / "out", total_bytes=smallest, jobs=1)
    assert summary.bytes_chosen.bytes == image_bytes_in(tmp_path / "out") == smallest


@pytest.mark.parametrize("sample", [96, 3])
def test_a_second_run_chooses_the_same_and_skips_all(sample, sources, tmp_path):
    with sampled(sample):
        first = compress_folder(sources, tmp_path / "out", FIXED, total_bytes="7kB", jobs=1)
        before = tree(tmp_path / "out")
        with mock.patch("icsys.run.within_bytes.within.Sample", side_effect=AssertionError("measured again")):
            again = compress_folder(sources, tmp_path / "out", FIXED, total_bytes="7kB", jobs=2)
    assert (again.compressed, again.skipped, again.bytes_chosen.runs) == (0, 6, 1)
    assert again.bytes_chosen.options == first.bytes_chosen.options
    assert again.bytes_chosen.bytes == first.bytes_chosen.bytes
    assert tree(tmp_path / "out") == before
    spelled = compress_folder(sources, tmp_path / "out", Options.from_dict(first.bytes_chosen.options), jobs=1)
    assert (spelled.compressed, spelled.skipped) == (0, 6)
    rows = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text("utf-8").splitlines()]
    assert {row["options_hash"] for row in rows} == {Options.from_dict(first.bytes_chosen.options).digest()}


def test_images_that_come_later_are_held_to_the_bytes_too(sources, tmp_path):
    source = tmp_path / "photos"
    for name, data in tree(sources).items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    check(source, tmp_path / "out", 8_000, FIXED, free_colors=False)
    Image.fromarray(synthetic_photo(64, 64, seed=77)).save(source / "cat" / "later.png")
    check(source, tmp_path / "out", 8_000, FIXED, free_colors=False)
    (source / "dog" / "2.png").unlink()  # its output stays, and counts
    summary = compress_folder(source, tmp_path / "out", FIXED, total_bytes=8_000, jobs=1)
    assert summary.stale
    assert summary.bytes_chosen.bytes == image_bytes_in(tmp_path / "out") <= 8_000


def test_later_images_that_no_setting_can_hold_leave_the_folder_as_it_is(tmp_path):
    source, out = tmp_path / "photos", tmp_path / "out"
    for place in range(2):
        (source / str(place)).mkdir(parents=True)
        Image.fromarray(synthetic_photo(40, 40, seed=place)).save(source / str(place) / "a.png")
    check(source, out, 2_000, FIXED, free_colors=False)
    before = tree(out)
    for place in range(40):
        Image.fromarray(synthetic_photo(40, 40, seed=place)).save(source / "0" / f"later {place}.png")
    with pytest.raises(UsageError, match=r"total_bytes=2000: the smallest setting \(--size 8x8\) takes"):
        compress_folder(source, out, FIXED, total_bytes=2_000, jobs=1)
    assert tree(out) == before


@pytest.mark.parametrize("sample", [96, 3])
def test_outputs_that_stay_count_before_anything_is_written(sample, sources, tmp_path):
    out = tmp_path / "out"
    old = compress_folder(sources, out, FIXED.replace(format="webp", size=32), jobs=1).bytes_out
    smallest = total_with(sources, tmp_path / "none", FIXED.replace(size=8))
    before = tree(out)
    with sampled(sample):
        with pytest.raises(UsageError, match=rf"takes {old + smallest:,} bytes for 7 images, {old:,} of them other"):
            compress_folder(sources, out, FIXED, total_bytes=old + smallest - 1, jobs=1)
        assert tree(out) == before
        settings = {"total_bytes": old + smallest - 1, "prune": True, "jobs": 1}
        dry = compress_folder(sources, out, FIXED, dry_run=True, **settings)
        done = compress_folder(sources, out, FIXED, **settings)
    assert done.bytes_chosen == dry.bytes_chosen
    assert old < done.bytes_chosen.bytes == image_bytes_in(out) < old + smallest


@pytest.mark.parametrize(("shortest", "left"), [(41, 4), (60, 5), (1000, 6)])
def test_images_that_are_left_out_take_nothing(shortest, left, sources, tmp_path):
    out = tmp_path / "out"
    summary = compress_folder(sources, out, FIXED, total_bytes=3_000, min_side=shortest, jobs=1)
    assert sum(summary.left_out.values()) == left
    assert summary.bytes_chosen.bytes == image_bytes_in(out) <= 3_000
    again = compress_folder(sources, out, FIXED, total_bytes=3_000, min_side=shortest, jobs=1)
    assert (again.compressed, again.bytes_chosen.options) == (0, summary.bytes_chosen.options)


def test_an_image_that_ends_its_process_is_tried_once(sources, tmp_path):
    victim, tried, measured = "cat/1.png", [], []
    real = kept_images.compress_tasks

    def losing(tasks, context, executor):
        yield from real([task for task in tasks if task.source != victim], context, executor)
        for task in tasks:
            if task.source == victim:
                tried.append(task)
                yield [Lost((task, b""), "timeout", "took too long")]

    def noting(data, options, **limits):
        measured.append(data)
        return compress_image(data, options, **limits)

    with (
        mock.patch("icsys.run.within_bytes.kept_images.compress_tasks", losing),
        mock.patch("icsys.run.within_bytes.fidelity.compress_image", noting),
    ):
        compress_folder(sources, tmp_path / "out", total_bytes=7_000, dry_run=True, jobs=1)
    assert len(tried) == 1
    assert measured
    assert (sources / victim).read_bytes() not in measured


def test_an_image_that_cannot_be_measured_does_not_end_the_run(sources, tmp_path):
    with mock.patch("icsys.run.within_bytes.fidelity.compress_image", side_effect=ValueError("odd")):
        summary = compress_folder(sources, tmp_path / "out", total_bytes=7_000, jobs=1)
    assert summary.bytes_chosen.bytes == image_bytes_in(tmp_path / "out") <= 7_000


def test_a_dry_run_says_the_same_and_writes_nothing(sources, tmp_path):
    dry = compress_folder(sources, tmp_path / "out", FIXED, total_bytes=7_000, dry_run=True, jobs=1)
    assert not (tmp_path / "out").exists()
    done = compress_folder(sources, tmp_path / "out", FIXED, total_bytes=7_000, jobs=1)
    assert dry.bytes_chosen == done.bytes_chosen
    assert compress_folder(sources, tmp_path / "out", FIXED, total_bytes=7_000, dry_run=True).bytes_chosen.bytes == (
        done.bytes_chosen.bytes
    )


@pytest.mark.parametrize("format", ["webdataset", "npz"])
def test_packs_and_archives_count_the_bytes_of_their_images(format, sources, tmp_path):  # noqa: A002
    out = tmp_path / "out"
    summary = compress_folder(sources, out, Options(format=format, colors=16), total_bytes=20_000, jobs=1)
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text("utf-8").splitlines()]
    assert sum(row["bytes"] for row in rows) == summary.bytes_chosen.bytes <= 20_000
    again = compress_folder(sources, out, Options(format=format, colors=16), total_bytes=20_000, jobs=1)
    assert (again.compressed, again.bytes_chosen.options) == (0, summary.bytes_chosen.options)


@pytest.mark.parametrize("limit", [2_300, 2_400, 2_450, 2_500])
def test_sizes_between_those_of_the_sample_and_of_the_source_are_tried(limit, sources, tmp_path):
    with sampled(3):
        check(sources, tmp_path / "out", limit, Options(colors=8), free_colors=False)


def test_a_large_image_outside_the_sample_leaves_the_bytes_used(tmp_path):
    (tmp_path / "photos").mkdir()
    for place in range(7):
        side = 400 if place == 0 else 20
        Image.fromarray(synthetic_photo(side, side, seed=place)).save(tmp_path / "photos" / f"{place}.png")
    largest = total_with(tmp_path / "photos", tmp_path / "none", Options(step=1, colors=16))
    with sampled(1):
        summary = compress_folder(
            tmp_path / "photos", tmp_path / "out", FIXED, total_bytes=round(0.7 * largest), jobs=1
        )
    assert 0.85 * 0.7 * largest < summary.bytes_chosen.bytes <= 0.7 * largest


@pytest.mark.parametrize("at", ["choosing", "running"])
def test_a_stopped_run_says_so_and_the_next_one_goes_on(at, sources, tmp_path):
    stop = threading.Event()

    def end(progress):
        if (at == "choosing" and "Choosing" in progress.note) or (at == "running" and progress.result is not None):
            stop.set()

    stopped = compress_folder(sources, tmp_path / "out", FIXED, total_bytes=7_000, jobs=1, stop=stop, progress=end)
    assert stopped.stopped == "interrupted"
    assert stopped.bytes_chosen is None
    done, _ = check(sources, tmp_path / "out", 7_000, FIXED, free_colors=False)
    fresh, _ = check(sources, tmp_path / "fresh", 7_000, FIXED, free_colors=False)
    assert done.bytes_chosen.options == fresh.bytes_chosen.options


def test_tries_of_a_stopped_choice_are_not_run_again(sources, tmp_path):
    """A record as a run leaves it that is killed after its first try, which was too large."""
    with sampled(3):
        first = compress_folder(sources, tmp_path / "out", FIXED, total_bytes=3_500, jobs=1)
        record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
        side = max(Options.from_dict(first.bytes_chosen.options).final_size)
        colors = first.bytes_chosen.options["colors"]
        key = record["within_bytes"]["question"]
        record["within_bytes"] = {"question": key, "tried": [[side + 1, colors, 3_501]]}
        (tmp_path / "out" / "run.json").write_text(json.dumps(record), "utf-8")
        tried = []

        def note(progress):
            tried.extend([progress.notice] if progress.notice else [])

        again = compress_folder(sources, tmp_path / "out", FIXED, total_bytes=3_500, jobs=1, progress=note)
    assert not any(f"--size {side + 1}x{side + 1} --colors {colors}," in text for text in tried)
    assert again.bytes_chosen.bytes == image_bytes_in(tmp_path / "out") <= 3_500


@pytest.mark.parametrize(
    "record",
    [{"question": 5}, [], None, {"tried": [[1, 2]]}, {"options": 7}, {"options": {"colors": "many"}, "bytes": 1}],
)
def test_a_record_that_ics_did_not_write_is_ignored(record, sources, tmp_path):
    first = compress_folder(sources, tmp_path / "out", FIXED, total_bytes=7_000, jobs=1)
    path = tmp_path / "out" / "run.json"
    values = json.loads(path.read_text("utf-8"))
    values["within_bytes"] = (values["within_bytes"] | record) if isinstance(record, dict) else record
    path.write_text(json.dumps(values), "utf-8")
    again = compress_folder(sources, tmp_path / "out", FIXED, total_bytes=7_000, jobs=1)
    assert again.bytes_chosen.options == first.bytes_chosen.options
    assert again.compressed == 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(size=32, colors=8), "with size=32x32 and colors=8 leaves nothing to choose"),
        (Options(size=32, strategy="SO"), "strategy='SO', which keeps all colours, leaves nothing to choose"),
        (Options(colors="auto"), "colors='auto', which finds colours by quality"),
        (Options(palette="dataset"), "palette='dataset': expected palette='image'"),
    ],
)
def test_options_that_leave_nothing_to_choose_are_refused(options, expected, sources, tmp_path):
    with pytest.raises(UsageError) as caught:
        compress_folder(sources, tmp_path / "out", options, total_bytes=7_000)
    assert expected in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_url_is_refused(sources):
    with pytest.raises(UsageError, match="total_bytes=7000 with a URL as destination"):
        compress_folder(sources, "memory://out", total_bytes=7_000)


def test_arms_decide_where_a_file_of_learn_is_given(sources, tmp_path):
    """Where few colours keep all accuracy the size is large, and where size costs nothing there are many colours."""
    base = Options(size=48, fit="stretch", resample="lanczos")

    def arms(colors_cost, size_cost):
        yield learned_arm("full", base.replace(strategy="SO"), accuracy=90.0)
        for steps, colors in enumerate((128, 64, 32, 16, 8, 4, 2)):
            yield learned_arm(f"K{colors}", base.replace(colors=colors), accuracy=90.0 - colors_cost * steps)
        yield learned_arm("s", base.replace(size=24, strategy="SO"), accuracy=90.0 - size_cost)
        yield learned_arm("s16", base.replace(size=24, colors=16), accuracy=90.0 - size_cost - 3 * colors_cost)

    found = {}
    for name, costs in {"size": (0.0, 20.0), "colours": (5.0, 0.0)}.items():
        path = write_learned(tmp_path / f"{name}.json", list(arms(*costs)))
        summary = compress_folder(sources, tmp_path / name, total_bytes=4_500, from_learn=path, jobs=1)
        assert summary.bytes_chosen.bytes == image_bytes_in(tmp_path / name) <= 4_500
        final = found[name] = Options.from_dict(summary.bytes_chosen.options)
        assert (final.fit, final.resample) == ("stretch", "lanczos")
        assert "keeps the most accuracy" in summary.bytes_chosen.why
    assert found["size"].final_size == (48, 48)
    assert found["size"].colors < 64 < found["colours"].colors
    assert max(found["colours"].final_size) < max(found["size"].final_size)


def test_the_largest_arm_is_the_largest_setting(sources, tmp_path):
    path = write_learned(tmp_path / "learn.json", usual_arms(24))
    summary = compress_folder(sources, tmp_path / "out", total_bytes="1GB", from_learn=path, jobs=1)
    assert summary.bytes_chosen.is_largest
    assert Options.from_dict(summary.bytes_chosen.options) == Options(size=24, colors=256)
