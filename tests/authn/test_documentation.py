"""docs/authn.md against the routes that there are."""

import re
from pathlib import Path

from ams.service.settings import Settings
from authn.api.app import make_authn_app
from authn.api.lifecycle import Lifecycle
from tests.authn.node import Authn

PAGE = Path(__file__).parents[2] / "docs" / "authn.md"


def documented() -> list[tuple[str, str]]:
    """Methods and paths in the first column of the table of routes."""
    rows = re.findall(r"^\| (`[A-Z]+ /.*?) \|", PAGE.read_text(), flags=re.MULTILINE)
    return [
        (method, path) for row in rows for method, path in re.findall(r"`([A-Z]+) (/[^`]*)`", row)
    ]


async def test_every_route_is_documented_and_every_documented_one_is_there(authn: Authn) -> None:
    settings = Settings.model_validate({"authn": authn.settings})
    app = make_authn_app(settings, Lifecycle(settings).parts)
    routes = [(route.method, re.sub(r"<(\w+)>", r"{\1}", route.path)) for route in app.routes]
    assert sorted(documented()) == sorted(routes)
