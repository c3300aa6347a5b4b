"""What the page shows first: the source, the options to begin with, and what each option accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from icsys.studio.api.answers import json_answer
from icsys.studio.settings.field_forms import field_forms
from icsys.version import __version__

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from icsys.studio.workspace import Workspace


def state_routes(workspace: Workspace) -> list[Route]:
    """Return the routes of this subject."""

    async def state(_: Request) -> Response:
        return json_answer(
            {
                "version": __version__,
                "source": workspace.images.source.shown,
                "destination": workspace.destination,
                "options": workspace.options.to_dict(),
                "settings": workspace.settings.given(),
                "kept": list(workspace.kept),
                "fields": field_forms(),
            }
        )

    return [Route("/state", state)]
