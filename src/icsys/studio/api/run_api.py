"""The run: its start, its end, what it would find, and its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from icsys.studio.api.answers import body_of, json_answer, options_in
from icsys.studio.jobs.destination_check import destination_check
from icsys.studio.jobs.job import BusyError
from icsys.studio.jobs.run_job import RunRequest
from icsys.studio.settings.kept_options import kept_from
from icsys.studio.settings.page_options import page_settings
from icsys.studio.settings.run_request import destination_from, settings_from

if TYPE_CHECKING:
    from starlette.requests import Request

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
    job, begun = workspace.run, workspace.settings

    async def asked(request: Request) -> RunRequest:
        body = await body_of(request)
        return RunRequest(
            destination_from(body.get("destination")),
            workspace.options_of(options_in(body)),
            page_settings(settings_from(body.get("settings"), begun), begun, workspace.roots),
            kept_from(body.get("kept"), workspace.kept),
        )

    async def start(request: Request) -> Response:
        wanted = await asked(request)
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
        return json_answer(await run_in_threadpool(destination_check, workspace.source, await asked(request)))

    async def report(_: Request) -> Response:
        try:
            data = await run_in_threadpool(job.report)
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
