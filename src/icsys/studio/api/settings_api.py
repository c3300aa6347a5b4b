"""Answers about settings alone: texts to take along, a config file that is opened, and presets."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.routing import Route

from icsys.options import Options
from icsys.records.config.request import Request as RunRequest
from icsys.studio.api.answers import body_of, json_answer, options_in
from icsys.studio.settings.kept_options import kept_from
from icsys.studio.settings.opened_config import request_in
from icsys.studio.settings.run_request import destination_from, settings_from
from icsys.studio.settings.size_presets import SIZE_PRESETS
from icsys.studio.settings.texts import texts_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from icsys.studio.settings.presets import KeptPresets
    from icsys.studio.workspace import Workspace

_PRESETS = "the folder of presets"


def settings_routes(workspace: Workspace) -> list[Route]:
    """Return the routes of this subject."""
    presets, begun = workspace.presets, RunRequest(workspace.options, workspace.settings)
    source, looks = str(workspace.source), workspace.looks

    async def texts(request: Request) -> Response:
        body = await body_of(request)
        asked = RunRequest(Options.from_dict(options_in(body)), settings_from(body.get("settings"), begun.settings))
        destination = body.get("destination")
        place = workspace.destination if destination is None else destination_from(destination)
        kept = kept_from(body.get("kept"), workspace.kept)
        return json_answer({**asdict(texts_of(source, place, asked, kept)), "options": asked.options.to_dict()})

    async def opened(request: Request) -> Response:
        body = await body_of(request)
        found = await looks.at(
            "a file that these options name", lambda: request_in(body.get("text"), workspace.roots, begun)
        )
        settings = settings_from(found.settings.given(), begun.settings)
        return json_answer({"options": found.options.to_dict(), "settings": settings.given()})

    async def listed(_: Request) -> Response:
        return _presets_answer(await looks.at(_PRESETS, presets.all))

    async def save(request: Request) -> Response:
        body = await body_of(request)
        options = Options.from_dict(options_in(body))
        return _presets_answer(await looks.at(_PRESETS, lambda: presets.save(body.get("name"), options)))

    async def delete(request: Request) -> Response:
        body = await body_of(request)
        return _presets_answer(await looks.at(_PRESETS, lambda: presets.delete(body.get("name"))))

    return [
        Route("/settings", texts, methods=["POST"]),
        Route("/settings/toml", opened, methods=["POST"]),
        Route("/presets", listed, methods=["GET"]),
        Route("/presets", save, methods=["PUT"]),
        Route("/presets", delete, methods=["DELETE"]),
    ]


def _presets_answer(kept: KeptPresets) -> Response:
    sizes = [{"name": name, "options": options} for name, options in SIZE_PRESETS]
    return json_answer({"presets": kept.presets, "sizes": sizes, "problem": kept.problem})
