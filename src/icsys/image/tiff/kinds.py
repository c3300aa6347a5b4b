"""The kinds of TIFF: what the tags state about the samples, and which kinds are read by whom."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL.ExifTags import Base

from icsys.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Colors(IntEnum):
    """Values of PhotometricInterpretation that are read (TIFF 6.0; TIFF Technical Note 4)."""

    WHITE_IS_ZERO = 0
    BLACK_IS_ZERO = 1
    RGB = 2
    PALETTE = 3
    CMYK = 5
    YCBCR = 6
    CIELAB = 8
    ICCLAB = 9


ASSOCIATED, UNASSOCIATED = 1, 2
"""Values of ExtraSamples: colours multiplied with their alpha, or not (TIFF 6.0, section 18)."""

UNCOMPRESSED, JPEG = 1, 7
"""Values of Compression."""

LOW_BIT_FIRST = 2
"""FillOrder of bytes whose lowest bit comes first."""

_OLD_JPEG = 6
# Compressions of bytes, whatever these mean: LZW, Deflate, PackBits, LZMA, Zstandard.
_OF_BYTES = {UNCOMPRESSED, 5, 8, 32773, 32946, 34925, 50000}
_OF_BITS = {2, 3, 4, 32771}  # fax codes
_OTHERS = {_OLD_JPEG, JPEG, 32809, 50001}  # kinds of JPEG, ThunderScan and WebP, which keep whole pixels
_SAMPLES: dict[int, int] = {  # of a colour
    **dict.fromkeys((Colors.WHITE_IS_ZERO, Colors.BLACK_IS_ZERO, Colors.PALETTE), 1),
    **dict.fromkeys((Colors.RGB, Colors.YCBCR, Colors.CIELAB, Colors.ICCLAB), 3),
    Colors.CMYK: 4,
}
_NAMES = {
    0: "grey with white as zero", 1: "grey", 2: "RGB", 3: "palette", 4: "transparency mask", 5: "CMYK", 6: "YCbCr",
    8: "CIELab", 9: "ICCLab", 10: "ITULab", 32844: "LogL", 32845: "LogLuv",
}  # fmt: skip
_FORMATS = {2: "signed", 3: "float", 5: "complex", 6: "complex"}
_COMPRESSIONS = {
    9: "JBIG", 10: "JBIG", 34661: "JBIG", 34676: "SGILog", 34677: "SGILog", 34712: "JPEG 2000", 33003: "JPEG 2000",
    33004: "JPEG 2000", 33005: "JPEG 2000", 34887: "LERC", 34892: "lossy JPEG", 34933: "PNG", 34934: "JPEG XR",
    22610: "JPEG XR", 34925: "LZMA",
    50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_USUAL: dict[tuple[Any, Any], int] = {
    (Colors.WHITE_IS_ZERO, (1,)): 1, (Colors.BLACK_IS_ZERO, (1,)): 1, (Colors.WHITE_IS_ZERO, (8,)): 1,
    (Colors.BLACK_IS_ZERO, (8,)): 1, (Colors.BLACK_IS_ZERO, (16,)): 1, (Colors.RGB, (8, 8, 8)): 3,
}  # fmt: skip
_CMYK_INKS = 1  # InkSet
_UNSPECIFIED, _COREL_ALPHA = 0, 999
_MOST_SAMPLES, _MOST_BITS = 8, 16
_BYTE = 8
_ONE_TO_ONE, _USUAL_SUBSAMPLING = (1, 1), (2, 2)
_PREDICTED_BITS = {8, 16}
_DIFFERENCES = 2  # Predictor (TIFF 6.0, section 14)


class Kind(NamedTuple):
    """What the tags state about the samples of a picture.

    Parameters
    ----------
    photometric, compression, fill_order, predictor
        As in the tags.
    bits
        Bits of a sample.
    samples
        Samples of a pixel, extra ones included.
    alpha
        Position of the sample that is the alpha; None if there is none.
    associated
        Whether colours are multiplied with their alpha.
    planar
        Whether each sample has strips or tiles of its own.
    subsampling
        Columns and rows that share their chroma; (1, 1) but for YCbCr.
    """

    photometric: int
    compression: int
    fill_order: int
    predictor: int
    bits: int
    samples: int
    alpha: int | None
    associated: bool
    planar: bool
    subsampling: tuple[int, int]

    @property
    def colors(self) -> int:
        """Samples that make the colour."""
        return _SAMPLES[self.photometric]

    def __str__(self) -> str:
        alpha = "" if self.alpha is None else " with associated alpha" if self.associated else " with alpha"
        planes = " in separate planes" if self.planar else ""
        compression = f", compressed with {_COMPRESSIONS.get(self.compression, f'method {self.compression}')}"
        shown = "" if self.compression in _OF_BYTES else ", with JPEG inside" if self.is_jpeg else compression
        return f"{_NAMES[self.photometric]} of {self.bits} bits{alpha}{planes}{shown}"

    @property
    def is_jpeg(self) -> bool:
        """Whether the samples are JPEGs."""
        return self.compression in {JPEG, _OLD_JPEG}


def numbers(tags: Mapping[int, Any], tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Return the whole numbers of a tag.

    Raises
    ------
    ImageError
        ``broken`` if the tag holds anything else.
    """
    value = tags.get(tag, default)
    values = value if isinstance(value, tuple) else tuple(value) if isinstance(value, bytes) else (value,)
    if not all(isinstance(number, int) for number in values):
        raise ImageError("broken", f"a TIFF whose tag {tag} holds {str(value)[:20]!r}: expected whole numbers")
    return values


def number(tags: Mapping[int, Any], tag: int, default: int) -> int:
    """Return the first whole number of a tag, as :func:`numbers` does."""
    return next(iter(numbers(tags, tag, (default,))), default)


def kind_of(tags: Mapping[int, Any]) -> Kind:
    """Return the kind of the picture that these tags describe.

    Raises
    ------
    ImageError
        ``unsupported``, with the name of a kind that has no agreed colours in 8 bits.
    """
    compression = number(tags, Base.Compression, UNCOMPRESSED)
    photometric: int = (
        Colors.YCBCR if compression == _OLD_JPEG else number(tags, Base.PhotometricInterpretation, Colors.WHITE_IS_ZERO)
    )
    if compression not in _OF_BYTES | _OF_BITS | _OTHERS:
        raise refused_compression(tags)
    if photometric == Colors.CMYK and number(tags, Base.InkSet, _CMYK_INKS) != _CMYK_INKS:
        raise _refused("of inks other than CMYK")
    if photometric not in _SAMPLES:
        raise _refused(f"of {_NAMES.get(photometric, f'photometric interpretation {photometric}')}")
    colors = _SAMPLES[photometric]
    default = (
        colors if compression == _OLD_JPEG or (compression == JPEG and photometric in {Colors.RGB, Colors.YCBCR}) else 1
    )
    samples = number(tags, Base.SamplesPerPixel, default)
    if photometric == Colors.YCBCR and samples == 1:
        photometric = Colors.BLACK_IS_ZERO
        colors = 1
    bits = numbers(tags, Base.BitsPerSample, (1,))[:samples]
    if len(set(bits)) > 1:
        raise _refused(f"with samples of {', '.join(map(str, bits[:_MOST_SAMPLES]))} bits")
    sample_format = max(numbers(tags, Base.SampleFormat, (1,)), default=1)
    signed_chroma = sample_format == 2 and photometric == Colors.CIELAB  # noqa: PLR2004 - two's complement
    named = None if signed_chroma else _FORMATS.get(sample_format)
    if named or not bits or not 1 <= bits[0] <= _MOST_BITS:
        raise _refused(f"with {named or ''} samples of {bits[0] if bits else 0} bits".replace("  ", " "))
    extra = _extra_samples(tags, photometric, samples)
    alpha = next((colors + at for at, use in enumerate(extra) if use in {ASSOCIATED, UNASSOCIATED}), None)
    subsampling = (
        numbers(tags, Base.YCbCrSubSampling, _USUAL_SUBSAMPLING)[:2] if photometric == Colors.YCBCR else _ONE_TO_ONE
    )
    return Kind(
        photometric,
        compression,
        LOW_BIT_FIRST if number(tags, Base.FillOrder, 1) == LOW_BIT_FIRST else 1,
        number(tags, Base.Predictor, 1) if compression in _OF_BYTES - {UNCOMPRESSED, 32773} else 1,
        bits[0],
        samples,
        alpha,
        alpha is not None and extra[alpha - colors] == ASSOCIATED,
        number(tags, Base.PlanarConfiguration, 1) == 2 and samples > 1,  # noqa: PLR2004 - TIFF 6.0
        (subsampling[0], subsampling[-1]),
    )


def _extra_samples(tags: Mapping[int, Any], photometric: int, samples: int) -> tuple[int, ...]:
    """Return the use of each sample beyond those of the colour."""
    count = samples - _SAMPLES[photometric]
    if count < 0:
        raise _refused(f"of {_NAMES[photometric]} with {samples} samples a pixel")
    if samples > _MOST_SAMPLES:
        raise _refused(f"with {samples} samples a pixel")
    # Without the tag, a fourth sample of RGB is its alpha, as Pillow and libtiff take it.
    usual = (UNASSOCIATED,) if photometric == Colors.RGB else ()
    extra = numbers(tags, Base.ExtraSamples, usual)[:count]
    extra = tuple(UNASSOCIATED if use == _COREL_ALPHA else use for use in extra)
    extra += (_UNSPECIFIED,) * (count - len(extra))
    if count > 1 and not any(extra) and _SAMPLES[photometric] == 1:
        raise _refused(f"with {samples} channels that are no colours")
    return extra


def is_usual(tags: Mapping[int, Any]) -> bool:
    """Return whether these are the tags of a kind that most files have, and that Pillow reads right."""
    depth = _USUAL.get((tags.get(Base.PhotometricInterpretation), tags.get(Base.BitsPerSample)))
    return (
        depth is not None
        and tags.get(Base.SamplesPerPixel, 1) == depth
        and tags.get(Base.PlanarConfiguration, 1) == 1
        and Base.SampleFormat not in tags
        and Base.FillOrder not in tags
        and tags.get(Base.Compression, UNCOMPRESSED) in _OF_BYTES | _OF_BITS
    )


def pillow_misreads(kind: Kind, tags: Mapping[int, Any], file_size: int) -> bool:
    """Return whether Pillow decodes a kind, but to other pixels; what it refuses counts as read right here."""
    if kind.compression == UNCOMPRESSED and kind.fill_order == LOW_BIT_FIRST:  # it lacks some unpackers of these
        return True
    if kind.compression in _OF_BITS | {_OLD_JPEG}:
        return False
    if number(tags, Base.PlanarConfiguration, 1) == 2:  # noqa: PLR2004 - TIFF 6.0
        right = kind.bits == _BYTE or (kind.bits == _MOST_BITS and kind.compression != UNCOMPRESSED)
        plain = right and kind.fill_order == 1 and kind.samples == kind.colors
        return not (plain and kind.photometric in {Colors.RGB, Colors.CMYK})
    if kind.photometric == Colors.YCBCR and not kind.is_jpeg:
        return kind.compression == UNCOMPRESSED and not _is_usual_ycbcr(kind, tags, file_size)
    # Some writers store 8 bits in a palette, instead of 16.
    return kind.photometric == Colors.PALETTE and max(numbers(tags, Base.ColorMap), default=0) < 1 << _BYTE


def _is_usual_ycbcr(kind: Kind, tags: Mapping[int, Any], file_size: int) -> bool:
    """Return whether YCbCr is stored as whole pixels with the coefficients and the range of JPEG."""
    whole = kind.subsampling == _ONE_TO_ONE
    if Base.YCbCrSubSampling not in tags:  # some writers leave out the tag and store whole pixels
        pixels = number(tags, Base.ImageWidth, 0) * number(tags, Base.ImageLength, 0)
        whole = sum(numbers(tags, Base.StripByteCounts, (file_size,))) >= kind.samples * pixels
    return whole and Base.ReferenceBlackWhite not in tags and Base.YCbCrCoefficients not in tags


def check_readable(kind: Kind) -> None:
    """Refuse a kind whose samples :mod:`icsys.image.tiff.samples` cannot read.

    Raises
    ------
    ImageError
        ``unsupported``, with the name of the kind.
    """
    planes_of_jpeg = kind.compression == JPEG and kind.bits == _BYTE and (kind.planar or kind.samples == 1)
    whole = kind.subsampling == _ONE_TO_ONE
    readable = kind.compression in _OF_BYTES or planes_of_jpeg
    if kind.photometric == Colors.YCBCR:
        readable = readable and kind.bits == _BYTE and (whole or (not kind.planar and kind.samples == kind.colors))
    elif kind.photometric in {Colors.CIELAB, Colors.ICCLAB}:
        readable = readable and kind.bits in {_BYTE, _MOST_BITS}
    if kind.associated and kind.photometric in {Colors.WHITE_IS_ZERO, Colors.YCBCR, Colors.CIELAB, Colors.ICCLAB}:
        readable = False
    if not readable or kind.predictor not in {1, _DIFFERENCES}:
        raise _refused(f"of {kind}")
    if kind.predictor == _DIFFERENCES and kind.bits not in _PREDICTED_BITS:
        raise _refused(f"of {kind}, stored as differences")


def refused_compression(tags: Mapping[int, Any]) -> ImageError:
    """Return the error that refuses a compression by its name."""
    compression = number(tags, Base.Compression, UNCOMPRESSED)
    return _refused(f"compressed with {_COMPRESSIONS.get(compression, f'method {compression}')}")


def _refused(what: str) -> ImageError:
    """Return the error that refuses a kind by its name."""
    return ImageError(
        "unsupported",
        f"TIFF {what}: expected unsigned samples of 1 to 16 bits of a known colour model and compression; "
        "convert it to 8 or 16 bits of grey or RGB",
    )
