"""What a model keeps: its start, its end, and its result."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import Route

from icsys.choices import AUTO
from icsys.errors import UsageError
from icsys.learning.learn_settings import LearnSettings
from icsys.options import Options
from icsys.studio.api.answers import asked_options, body_of, json_answer, options_in
from icsys.studio.jobs.job import BusyError
from icsys.studio.looks import UnansweredError
from icsys.studio.settings.opened_files import learned_files, opened_place

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from icsys.files.rooted_path import RootedPath
    from icsys.studio.workspace import Workspace

_BUSY = 409
_FOLDERS = "the source or the destination"
_GEOMETRY = ("step", "scale", "size")


def learn_routes(workspace: Workspace) -> list[Route]:
    """Return the routes of this subject."""
    job = workspace.learning

    async def start(request: Request) -> Response:
        body = await body_of(request)
        settings = LearnSettings(minutes=body.get("minutes", LearnSettings().minutes))
        options = await asked_options(workspace, {"options": _judged(options_in(body))})
        # The size that the studio begins with is nothing that the user has chosen.
        usual = Options()
        given = any(getattr(options, name) != getattr(usual, name) for name in _GEOMETRY)
        try:
            await run_in_threadpool(job.start, options, settings, given_geometry=given)
        except BusyError as error:
            raise HTTPException(_BUSY, str(error)) from None
        return json_answer(job.latest())

    async def stop(_: Request) -> Response:
        await run_in_threadpool(job.stop)
        return json_answer(job.latest())

    async def latest(_: Request) -> Response:
        found, problem = list[Path](), dict[str, str]()
        try:
            found = await workspace.looks.at(_FOLDERS, lambda: _found_now(workspace))
        except UnansweredError as error:
            problem["files_problem"] = f"Files of ics learn are not looked for: {error}."
        files = [{"file": str(path), "name": path.name} for path in found]
        return json_answer({**job.latest(), "learned": job.learned, "files": files, **problem})

    async def show(request: Request) -> Response:
        name = (await body_of(request)).get("file")
        try:
            await workspace.looks.at(_FOLDERS, lambda: _show(workspace, name))
        except BusyError as error:
            raise HTTPException(_BUSY, str(error)) from None
        return json_answer(job.latest())

    return [
        Route("/learn", start, methods=["POST"]),
        Route("/learn", stop, methods=["DELETE"]),
        Route("/learn", latest),
        Route("/learn/file", show, methods=["POST"]),
    ]


def _found_now(workspace: Workspace) -> list[Path]:
    """Return the files that are offered, and let a result that is shown be that of its file."""
    offered = _earlier(workspace)
    workspace.learning.renew(offered, partial(_place, workspace))
    return offered


def _earlier(workspace: Workspace) -> list[Path]:
    """Return the files in the folders that were opened, and the one that was named with them."""
    named = [] if workspace.settings.from_learn is None else [Path(workspace.settings.from_learn)]
    return list(dict.fromkeys([*named, *learned_files(workspace.roots)]))


def _show(workspace: Workspace, name: object) -> None:
    path = _offered(workspace, name)
    workspace.learning.show(path, _place(workspace, path))


def _place(workspace: Workspace, path: Path) -> RootedPath | None:
    """Return where a file is read; None for the one that the user has named, wherever it lies."""
    place = opened_place(str(path), workspace.roots)
    if place is None and str(path) != str(workspace.settings.from_learn):
        raise UsageError(f"file={str(path)!r} is a link by now that leads out of the folders that were opened")
    return place


def _offered(workspace: Workspace, name: object) -> Path:
    path = next((path for path in _earlier(workspace) if str(path) == name), None)
    if path is None:
        raise UsageError(f"file={name!r}: expected a file of ics learn that the page offers")
    return path


def _judged(options: dict[str, Any]) -> dict[str, Any]:
    """Return options without what chooses a number of colours: each setting has its own."""
    if options.get("colors") != AUTO:
        return options
    of_auto = {name for name, field in Options.__dataclass_fields__.items() if field.metadata.get("auto")}
    return {name: value for name, value in options.items() if name != "colors" and name not in of_auto}
