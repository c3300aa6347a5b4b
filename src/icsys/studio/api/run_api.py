"""The run: its start, its end, what it would find, and its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from icsys.files.url import shown
from icsys.studio.api.answers import asked_options, body_of, json_answer
from icsys.studio.jobs.destination_check import REFUSED, destination_check
from icsys.studio.jobs.job import BusyError
from icsys.studio.jobs.run_job import RunRequest, absolute
from icsys.studio.looks import UnansweredError
from icsys.studio.settings.kept_options import kept_from
from icsys.studio.settings.page_options import page_settings
from icsys.studio.settings.run_request import destination_from, settings_from

if TYPE_CHECKING:
    from starlette.requests import Request

    from icsys.run_settings import RunSettings
    from icsys.studio.workspace import Workspace

_BUSY, _NO_REPORT = 409, 404
_REPORT_HEADERS = {
    # The page of a report holds all that it shows. It is of another origin than the studio, so it reaches nothing here.
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'",
    # A browser refuses pages that have both a sandbox and an opener policy.
    "Cross-Origin-Opener-Policy": "unsafe-none",
}


def run_routes(workspace: Workspace) -> list[Route]:
    """Return the routes of this subject."""
    job = workspace.run

    async def start(request: Request) -> Response:
        wanted = await _asked(workspace, request)
        try:
            await run_in_threadpool(job.start, wanted)
        except BusyError as error:
            raise HTTPException(_BUSY, str(error)) from None
        return json_answer(job.latest())

    async def stop(_: Request) -> Response:
        await run_in_threadpool(job.stop)
        return json_answer(job.latest())

    async def latest(_: Request) -> Response:
        return json_answer(job.latest())

    async def check(request: Request) -> Response:
        wanted = await _asked(workspace, request)
        folder = shown(absolute(wanted.destination))
        try:
            found = await workspace.looks.at(repr(folder), lambda: destination_check(workspace.source, wanted))
        except UnansweredError as error:
            found = {"what": REFUSED, "text": str(error), "folder": folder}
        return json_answer(found)

    async def report(_: Request) -> Response:
        try:
            data = await workspace.looks.at("the folder of the report", job.report)
        except OSError:
            raise HTTPException(_NO_REPORT, "there is no report: a run writes it at its end") from None
        return Response(data, media_type="text/html", headers=_REPORT_HEADERS)

    return [
        Route("/run", start, methods=["POST"]),
        Route("/run", stop, methods=["DELETE"]),
        Route("/run", latest),
        Route("/run/check", check, methods=["POST"]),
        Route("/run/report", report),
    ]


async def _asked(workspace: Workspace, request: Request) -> RunRequest:
    """Return the run that a request names."""
    body, begun = await body_of(request), workspace.settings
    destination, options = destination_from(body.get("destination")), await asked_options(workspace, body)
    given = settings_from(body.get("settings"), begun)

    def checked() -> RunSettings:
        return page_settings(given, begun, workspace.roots)

    name = given.from_learn
    settings = checked() if name is None else await workspace.looks.at(f"from_learn={name!r}", checked)
    return RunRequest(destination, options, settings, kept_from(body.get("kept"), workspace.kept))
