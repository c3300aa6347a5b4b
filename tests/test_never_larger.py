"""An output is never larger than its source, unless the source does not meet the options."""

import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from helpers import compress_files, ics, image_bytes, soft_photo, synthetic_photo
from icsys import Options, compress_image, quantize, resize

LONG = "a comment that makes a file larger " * 20


def best_png(pixels):
    """Return a PNG that ICS can hardly beat: Pillow's own search, and indexed where it can be."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    return min((image_bytes(image, optimize=True), image_bytes(image, compress_level=9)), key=len)


def flat_picture(side=24, colors=3, seed=0):
    """Return an indexed picture that compresses well, with a palette no longer than it needs."""
    random = np.random.default_rng(seed)
    palette = random.integers(0, 256, (colors, 3), dtype=np.uint8)
    indices = np.repeat(np.repeat(random.integers(0, colors, (side // 8, side // 8)), 8, 0), 8, 1).astype(np.uint8)
    image = Image.fromarray(indices).convert("L")
    image.putpalette(palette.tobytes())
    return image


def satisfies(source, options):
    """Return whether a source file meets the options: a slow and plain check, by Pillow alone.

    The size stays, nothing is to be converted, there are no more colours than asked for, and the file is of the kind
    that an output is of.
    """
    image = Image.open(io.BytesIO(source))
    asked = resize(image, step=options.step, scale=options.scale, size=options.size)
    whole = image.format.lower() == options.encoding and asked.size == image.size
    pixels = np.asarray(image.convert("RGBA")).reshape(-1, 4)
    opaque = pixels[:, 3] == 255
    has_alpha = image.mode in {"LA", "RGBA"} or "transparency" in image.info
    shown = not has_alpha or (options.alpha == "keep" and not opaque.all() and not pixels[pixels[:, 3] == 0].any())
    few = options.strategy == "SO" or len(np.unique(pixels, axis=0)) <= options.colors
    return whole and shown and few and (options.encoding != "png" or is_our_kind(source, image, options))


def is_our_kind(source, image, options):
    depth, color_type = source[24:26]
    if options.strategy != "SO" and options.colors <= 256 and options.png == "indexed":
        return color_type == 3 and len(image.palette.palette) // len(image.palette.mode) <= options.colors
    return color_type != 3 and depth == 8


pictures = st.one_of(
    st.builds(
        lambda colors, seed: best_png(flat_picture(colors=colors, seed=seed)), st.integers(1, 20), st.integers(0, 99)
    ),
    st.builds(lambda seed: best_png(flat_picture(seed=seed).convert("RGB")), st.integers(0, 99)),
    st.builds(lambda seed: best_png(flat_picture(seed=seed).convert("L")), st.integers(0, 99)),
    st.builds(lambda seed: image_bytes(flat_picture(seed=seed).convert("1")), st.integers(0, 99)),
    st.builds(lambda seed: best_png(flat_picture(seed=seed).convert("RGBA")), st.integers(0, 99)),
    st.builds(lambda seed: image_bytes(flat_picture(seed=seed), optimize=True, transparency=0), st.integers(0, 99)),
    st.builds(lambda seed: best_png(soft_photo(24, 24, seed=seed)), st.integers(0, 9)),
    st.builds(lambda seed: best_png(np.zeros((8, 8, 4), np.uint8) + np.uint8([0, 0, 0, seed])), st.integers(0, 254)),
    st.builds(lambda seed: best_png(synthetic_photo(24, 24, seed=seed)), st.integers(0, 9)),
    st.builds(
        lambda seed, quality: image_bytes(synthetic_photo(24, 24, seed=seed), "JPEG", quality=quality),
        st.integers(0, 9),
        st.sampled_from([5, 50, 98]),
    ),
    st.builds(
        lambda seed, lossless: image_bytes(synthetic_photo(24, 24, seed=seed), "WEBP", lossless=lossless, method=6),
        st.integers(0, 9),
        st.booleans(),
    ),
)
requests = st.builds(
    lambda format, alpha, colors, geometry: Options(  # noqa: A006 - the option's name
        **format, colors=colors, alpha="flatten" if format["format"] == "jpeg" else alpha, **geometry
    ),
    st.sampled_from(
        [{"format": name, "strategy": way} for name in ("png", "webp", "npz") for way in ("SO", "MKM")]
        + [{"format": "jpeg", "strategy": "SO"}, {"format": "png", "strategy": "MKM", "png": "truecolor"}]
    ),
    st.sampled_from(["flatten", "keep"]),
    st.sampled_from([1, 2, 3, 16, 256, 300]),
    st.sampled_from([{"step": 1}, {"step": 2}, {"size": (500, 500)}, {"size": (12, 12)}, {"scale": 1}]),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(source=pictures, options=requests)
def test_an_output_has_no_more_bytes_or_its_source_does_not_meet_the_options(source, options):
    plain = compress_image(source, options.replace(never_larger=False))
    compressed = compress_image(source, options)
    larger = len(plain.data) > len(source)
    event(f"larger: {larger}, as asked for: {satisfies(source, options)}")
    assert not plain.kept_source
    assert compressed.kept_source == (larger and satisfies(source, options))
    assert compressed.data == (source if compressed.kept_source else plain.data)
    # Its other values are reported unchanged.
    for name in ("width", "height", "channels", "colors", "mse"):
        assert getattr(compressed, name) == getattr(plain, name)


def grows(**settings):
    """Return a photo that ICS makes larger, and the options with which it does."""
    source = image_bytes(synthetic_photo(120, 120), "JPEG", quality=5, **settings)
    return source, Options(strategy="SO", format="jpeg", step=1, jpeg_quality=98)


def kept(source, options):
    """Return whether a source is kept that has fewer bytes than its output."""
    assert len(compress_image(source, options.replace(never_larger=False)).data) > len(source)
    return compress_image(source, options).kept_source


def test_a_photo_of_lower_quality_is_not_blown_up():
    source, options = grows()
    assert kept(source, options)
    assert not kept(source, options.replace(never_larger=False))
    assert not compress_image(source, options.replace(jpeg_quality=1)).kept_source


def test_every_other_change_to_an_image_is_made(wide_profile):
    source, options = grows()
    assert kept(source, options.replace(size=(160, 160)))
    assert not kept(source, options.replace(size=(160, 160), fit="pad"))
    assert not kept(source, options.replace(scale=0.99))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        turned, _ = grows(exif=exif)
        assert kept(turned, options) == (orientation == 1)
    of_other_colours, _ = grows(icc_profile=wide_profile)
    assert not kept(of_other_colours, options)
    of_no_use, _ = grows(icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes())
    assert kept(of_no_use, options)  # a profile for another colour model is ignored
    assert not kept(source[:-100], options.replace(on_corrupt="keep"))
    cmyk = image_bytes(Image.fromarray(synthetic_photo(120, 120)).convert("CMYK"), "JPEG", quality=5)
    assert not kept(cmyk, options)


@pytest.fixture
def wide_profile():
    """A profile that changes colours: that of sRGB with red and blue exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = int.from_bytes(profile[128:132], "big")
    places = {bytes(profile[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(tags)}
    red, blue = places[b"rXYZ"], places[b"bXYZ"]
    profile[red + 4 : red + 12], profile[blue + 4 : blue + 12] = (
        profile[blue + 4 : blue + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(profile)


def test_an_animation_is_not_kept_whole():
    frames = [Image.fromarray(synthetic_photo(seed=seed)) for seed in (0, 1)]
    options = Options(step=1, strategy="SO", format="webp")
    assert kept(image_bytes(frames[0], "WEBP", quality=1), options)
    assert not kept(image_bytes(frames[0], "WEBP", quality=1, save_all=True, append_images=frames[1:]), options)


def test_metadata_of_a_kept_source_stay_in_it():
    """All bytes of the source stay; metadata that outweigh the saving are left out."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a")
    image = flat_picture(side=8, colors=1)
    source = image_bytes(image, optimize=True, bits=1)
    with_text = image_bytes(image, optimize=True, bits=1, pnginfo=text)
    options = Options(step=1)
    output = compress_image(source, options.replace(never_larger=False)).data
    for one in (source, with_text):
        assert compress_image(one, options).data == (one if len(output) > len(one) else output)
    text.add_text("Comment", LONG)
    assert compress_image(image_bytes(image, pnginfo=text), options).data == output


def test_an_image_of_few_colours_is_the_same_after_a_second_run():
    first = compress_image(image_bytes(synthetic_photo()), Options(step=1)).data
    assert compress_image(first, Options(step=1)).data == first


@pytest.mark.parametrize("packed", ["jpeg", "webdataset"])
def test_the_manifest_and_the_summary_record_it(packed, tmp_path):
    small = image_bytes(synthetic_photo(40, 40), "JPEG", quality=20)
    indexed = compress_image(image_bytes(synthetic_photo(40, 40)), Options(step=1, png_effort="max")).data
    sources = {"a.jpg": small, "b.png": indexed, "c.bmp": image_bytes(synthetic_photo(40, 40), "BMP")}
    options = Options(step=1, strategy="SO" if packed == "jpeg" else "MKM", format=packed)
    results, summary = compress_files(tmp_path, sources, options)
    name = "a.jpg" if packed == "jpeg" else "b.png"
    assert {source for source, result in results.items() if result.kept_source} == {name}
    assert summary.kept_sources == summary.to_dict()["kept_sources"] == 1
    rows = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        assert row["kept_source"] == (row["source_path"] == name) == (row["sha256"] == row["source_sha256"])


def test_the_command_reports_it_and_an_option_turns_it_off(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(image_bytes(synthetic_photo(40, 40), "JPEG", quality=20))
    arguments = ["compress", "in", "out", "--strategy", "SO", "--format", "jpeg", "--step", "1", "--verbose"]
    code, out, err = ics(*arguments, cwd=tmp_path)
    assert code == 0
    assert "1 image copied unchanged: smaller than the encoded output would be" in out
    assert "the source as it was" in err
    assert (tmp_path / "out" / "a.jpg").read_bytes() == (tmp_path / "in" / "a.jpg").read_bytes()
    code, out, _ = ics(*arguments, "--no-never-larger", cwd=tmp_path)
    assert code == 0
    assert "kept" not in out
    assert (tmp_path / "out" / "a.jpg").stat().st_size > (tmp_path / "in" / "a.jpg").stat().st_size


def test_clear_pixels_that_hide_colours_are_stored_without_them():
    pixels = quantize(soft_photo(16, 16), 4, alpha="keep").to_array()
    pixels[pixels[..., 3] == 0] = (9, 8, 7, 0)
    options = Options(step=1, alpha="keep", strategy="SO")
    source = best_png(pixels)
    assert not kept(source, options)
    assert not np.asarray(Image.open(io.BytesIO(compress_image(source, options).data)))[0, 0].any()
