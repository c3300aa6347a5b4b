"""Options of a setting of ``learn.json``, together with what the user gives beside it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from icsys.choices import FORMATS
from icsys.errors import UsageError
from icsys.files.url import shown
from icsys.options import Options
from icsys.records.learn_file import read_learn_file

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from icsys.records.learn_file import LearnedArm, LearnFile

# These leave every pixel as the arm has it, or decide only which images are taken.
_FREE = {"png", "png_effort", "never_larger", "shard_images", "shard_bytes"}
_FREE |= {"on_corrupt", "max_pixels", "max_bytes", "max_frames"}


def options_of_arm(path: str, name: str | None, given: Mapping[str, Any]) -> Options:
    """Return the options of a setting of a file of ``ics learn``; of the recommended one if ``name`` is None.

    Parameters
    ----------
    given
        Plain values of options that the user gives beside it. What leaves the pixels of the setting as they are is
        taken; anything else has to equal what the setting has.

    Raises
    ------
    UsageError
        If the file is not as ``ics learn`` writes it, the setting has no options, or a given value contradicts it.
    """
    learned = read_learn_file(path)
    return combined(learned, learned.arm(name), given)


def combined(learned: LearnFile, arm: LearnedArm, given: Mapping[str, Any], free: Collection[str] = ()) -> Options:
    """Return the options of a setting, with what the user gives beside it; ``free``: what may differ from it, too."""
    assert arm.options is not None  # noqa: S101 - LearnFile.arm refuses others
    where = f"from_learn={learned.path!r}: the options of the setting {shown(arm.name)!r}"
    own = _checked(arm.options, where)
    values = own.to_dict()
    checks = {field.name: field.metadata["check"] for field in fields(Options)}
    for option, value in given.items():
        accepted = None if value is None else checks[option].accept(option, value)
        if option == "format" and "jpeg" not in {accepted, own.format}:
            values = _for_format(values, accepted, given)
        elif option not in _FREE and option not in free and accepted != getattr(own, option):
            has = values.get(option)
            raise UsageError(
                f"{option}={shown(str(value))} contradicts the setting {shown(arm.name)!r} of {learned.path!r}, which "
                f"has {'none' if has is None else has}: leave it out, or name another setting (--arm)"
            )
    return Options.from_dict(values | {name: value for name, value in given.items() if name not in free})


def given_options(options: Options) -> dict[str, Any]:
    """Return the plain values of options that are not the defaults: what counts as given where nothing else tells."""
    default = Options().to_dict()
    return {name: value for name, value in options.to_dict().items() if default.get(name) != value}


def _checked(values: Mapping[str, Any], where: str) -> Options:
    """Return the options of plain values; UsageError names where they stand."""
    try:
        return Options.from_dict(values)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    except (TypeError, ValueError, OverflowError) as error:  # a type that a check does not expect
        raise UsageError(f"{where} are not as ics learn writes them: {error}") from None


def _for_format(values: Mapping[str, Any], kind: object, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a setting that another format takes."""
    able = {field.name: field.metadata.get("formats", FORMATS) for field in fields(Options)}
    return {name: value for name, value in values.items() if kind in able[name] or name in given}
