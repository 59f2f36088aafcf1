"""What AuthN says of itself (contract: authn 7.1, 7.2)."""

import platform
from typing import Final

import ams
from ams.service.http import Request
from authn.api.parts import Parts
from authn.rendering import pretty

_HEALTHY: Final = pretty(None)


async def version(parts: Parts, request: Request) -> bytes:
    """Tell what it runs on; operators get to know its release, too."""
    answer = {
        "build_time": "Unknown",
        "golang": "",
        "compiler": f"{platform.python_implementation()} {platform.python_version()}",
        "os": platform.system().lower(),
        "architecture": platform.machine(),
    }
    if parts.service_token.came_with(request):
        answer["release"] = ams.__version__
    if distribution := _distribution():
        answer["distro"] = distribution
    return pretty(answer)


async def health(parts: Parts, request: Request) -> bytes:
    """Tell that it is there; clients know the answer as `null` (8 A14)."""
    return _HEALTHY


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""
