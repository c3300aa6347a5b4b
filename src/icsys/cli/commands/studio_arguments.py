"""The arguments of ``ics studio``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.setting_fields import number_or_text

if TYPE_CHECKING:
    import argparse

STUDIO_HOST = "127.0.0.1"

STUDIO_SUMMARY = """\
Open a page in the browser, served from this machine, where options are changed on the
photos of SRC and show at once what they do. Nothing is written before you start a run."""

STUDIO_EXAMPLES = (
    ("ics studio photos", ""),
    ("ics studio photos --port 8888 --no-browser", "on a server, behind ssh -L 8888:127.0.0.1:8888"),
)


def add_serving(parser: argparse.ArgumentParser) -> None:
    """Add the options of the server."""
    serving = parser.add_argument_group("server")
    serving.add_argument(
        "--host",
        metavar="ADDRESS",
        default=STUDIO_HOST,
        help=f"The address to listen on. Default: {STUDIO_HOST}, which other machines cannot reach.",
    )
    serving.add_argument(
        "--port", metavar="N", type=number_or_text, default=0, help="The port. Default: 0, a free one."
    )
    serving.add_argument("--no-browser", dest="browser", action="store_false", help="Open no browser.")
