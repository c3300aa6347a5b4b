"""Options to take along: the run that has them as a command line, as Python and as a config file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.files.url import is_mangled, is_url, shown
from icsys.options import Options
from icsys.records.command_text import command_text
from icsys.run_settings import RunSettings
from icsys.sources.safe_names import is_image_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from icsys.records.config.request import Request


@dataclass(frozen=True, slots=True)
class TakenAlong:
    """The texts for one run.

    Attributes
    ----------
    command
        A line for the shell of this system.
    python
        A program that calls ``icsys.compress_folder``.
    toml
        A file for ``--config``, as ``--print-options`` writes it; it names no folders.
    note
        What Python and TOML cannot say; empty if they say all.
    """

    command: str
    python: str
    toml: str
    note: str = ""


def texts_of(source: str, destination: str, request: Request, kept: Collection[str] = ()) -> TakenAlong:
    """Return the texts that stand for a run.

    Folders have their whole paths, so the texts work in any folder. URLs have no secrets in them.

    Parameters
    ----------
    kept
        Options that a run within a number of bytes keeps, though they may have their default values.

    Raises
    ------
    UsageError
        If a name holds bytes that are no text.
    """
    places = whole_place(source), whole_place(destination)
    changed = _changed(request.settings)
    for name, value in {"source": source, "destination": destination, **request.to_dict()}.items():
        if isinstance(value, str):
            _check_text(name, value)
    command = command_of(source, destination, request.options, request.settings, kept)
    python, toml = _python(places, request.options, changed), request.to_toml()
    return TakenAlong(command, python, toml, _note(request, kept))


def _note(request: Request, kept: Collection[str]) -> str:
    """Say which options only the command keeps: where a value is the default, Python and TOML leave it open."""
    if request.settings.total_bytes is None:
        return ""
    usual, values = Options().to_dict(), request.options.to_dict()
    only = [f"{name}={values[name]}" for name in kept if name in values and usual.get(name) == values[name]]
    return f"Only the command keeps {' and '.join(only)}: in Python and TOML, a default is left open." if only else ""


def command_of(
    source: str, destination: str, options: Options, settings: RunSettings, kept: Collection[str] = ()
) -> str:
    """Return the command line of a run, which works in any folder; a byte of a name that is no text stays as it is."""
    kept = kept if settings.total_bytes is not None else ()
    places = whole_place(source), whole_place(destination)
    if is_image_name(destination):  # a command line takes it for one more source without the slash
        places = places[0], f"{places[1]}/"
    return command_text("compress", places, options, _changed(settings), kept)


def whole_place(place: str) -> str:
    """Return the whole path of a place; of a URL, the part without secrets."""
    return shown(place) if is_url(place) or is_mangled(place) else str(Path(place).absolute())


def _check_text(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        readable = text.encode(errors="backslashreplace").decode()
        raise UsageError(
            f"{name}={readable!r} holds bytes that are no text, so no text can name it: rename it first"
        ) from None


def _changed(settings: RunSettings) -> dict[str, Any]:
    """Return the settings that differ from their defaults, as plain values without secrets."""
    usual = RunSettings().given()
    changed = {name: value for name, value in settings.given().items() if usual.get(name) != value}
    return {name: shown(value) if isinstance(value, str) else value for name, value in changed.items()}


def _python(places: tuple[str, str], options: Options, settings: Mapping[str, Any]) -> str:
    usual = Options().to_dict()
    chosen = {name: value for name, value in options.to_dict().items() if usual.get(name) != value}
    arguments = [*map(_literal, places)]
    if chosen:
        arguments.append(f"icsys.Options({', '.join(f'{name}={_literal(value)}' for name, value in chosen.items())})")
    arguments += [f"{name}={_literal(value)}" for name, value in _of_python(settings).items()]
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return f"import icsys\n\nsummary = icsys.compress_folder(\n{lines})\n"


def _of_python(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as ``compress_folder`` has them: processes stand for isolation."""
    own = {field.name: settings[field.name] for field in fields(RunSettings) if field.name in settings}
    return own | {"engine": "processes"} if own.pop("isolate", False) else own


def _literal(value: object) -> str:
    """Return a value as Python, texts in double quotes where that takes no escapes."""
    text = repr(value)
    plain = isinstance(value, str) and text.startswith("'") and '"' not in text
    return f'"{text[1:-1]}"' if plain else text
