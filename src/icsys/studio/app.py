"""The application: the page, its files, and the answers of each subject."""

from __future__ import annotations

from importlib import resources
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from icsys.studio.api.answers import ERROR_HANDLERS
from icsys.studio.api.cost_api import cost_routes
from icsys.studio.api.event_api import event_routes
from icsys.studio.api.image_api import image_routes
from icsys.studio.api.learn_api import learn_routes
from icsys.studio.api.preview_api import preview_routes
from icsys.studio.api.run_api import run_routes
from icsys.studio.api.settings_api import settings_routes
from icsys.studio.api.state_api import state_routes
from icsys.studio.api.survey_api import survey_routes

if TYPE_CHECKING:
    import os

    from starlette.requests import Request

    from icsys.studio.workspace import Workspace

_PAGE = resources.files("icsys.studio") / "page"


class PageFiles(StaticFiles):
    """The files of the page, served without the token and by the names that exist: no other path is looked up.

    On Windows, looking at a path of another machine would send it the credentials of the user.
    """

    def __init__(self, directory: str) -> None:
        super().__init__(directory=directory)
        top = Path(directory)
        self._names = frozenset(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file())

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Return the whole path of a file and its status; an empty one and None if the page has no such file."""
        return super().lookup_path(path) if path in self._names else ("", None)


def studio_app(workspace: Workspace) -> Starlette:
    """Return the application, to be put behind a :class:`~icsys.studio.guard.Guard`."""
    subjects = (
        state_routes,
        event_routes,
        image_routes,
        preview_routes,
        cost_routes,
        run_routes,
        survey_routes,
        learn_routes,
        settings_routes,
    )
    answers = [routes(workspace) for routes in subjects]
    routes = [
        Route("/", _index),
        Mount("/static", PageFiles(str(_PAGE))),
        Mount("/api", routes=list(chain.from_iterable(answers))),
    ]
    app = Starlette(routes=routes, exception_handlers=ERROR_HANDLERS)
    app.router.redirect_slashes = False
    return app


async def _index(_: Request) -> Response:
    return FileResponse(str(_PAGE / "index.html"), media_type="text/html")
