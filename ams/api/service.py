"""What the service says of itself: version and status (contract: ams-core 9)."""

import platform
from typing import Final

import ams
from ams.api import answers
from ams.api.calls import Call, known_caller
from ams.service.errors import Forbidden, Unauthorized

#: Service roles that see more than everybody.
_VIEWERS: Final = frozenset({"service_admin", "admin_viewer"})


async def version(call: Call) -> bytes:
    """GET /v1/version; anyone may ask, and a token is never refused (9.1)."""
    answer = {
        "build_time": "Unknown",
        "golang": "",
        "compiler": f"{platform.python_implementation()} {platform.python_version()}",
        "os": platform.system().lower(),
        "architecture": platform.machine(),
    }
    caller = await known_caller(call.broker, call.request)
    if caller is not None and caller.service_roles & _VIEWERS:
        answer["release"] = ams.__version__
    if hostname := call.broker.settings.server.proxy_hostname:
        answer["hostname"] = hostname
    return answers.encode(answer)


async def status(call: Call) -> bytes:
    """GET /v1/status; `details=true` is for viewers, with codes as clients know them (O-43)."""
    if call.argument("details") == "true":
        caller = await known_caller(call.broker, call.request)
        if caller is None:
            raise Forbidden
        if not caller.service_roles & _VIEWERS:
            raise Unauthorized
    return answers.encode({"status": "ok", "push_functionality": "disabled"})
