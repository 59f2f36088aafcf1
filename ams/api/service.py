"""What the service says of itself: version and status (contract: ams-core 9)."""

import platform
from typing import Final

import ams
from ams.api import answers
from ams.api.broker import Broker
from ams.api.callers import known_caller
from ams.api.calls import Call
from ams.api.operations import Parameter, operation
from ams.api.push_workers import find_worker, servers
from ams.service.errors import Forbidden, Unauthorized, Unavailable

#: Service roles that see more than everybody.
_VIEWERS: Final = frozenset({"service_admin", "admin_viewer"})

DETAILS: Final = Parameter("details", "`true` asks for details, which only viewers get.")


@operation("version:list", "GET", "/v1/version", is_open=True)
async def version(call: Call) -> answers.Version:
    """Tell what the service runs on; anyone may ask, and a token is never refused (9.1)."""
    caller = await known_caller(call.broker, call.request)
    may_see_release = caller is not None and caller.service_roles & _VIEWERS
    return answers.Version(
        build_time="Unknown",
        golang="",
        compiler=f"{platform.python_implementation()} {platform.python_version()}",
        os=platform.system().lower(),
        architecture=platform.machine(),
        release=ams.__version__ if may_see_release else "",
        hostname=call.broker.settings.server.proxy_hostname,
    )


@operation(
    "ams:healthStatus",
    "GET",
    "/v1/status",
    query=[DETAILS],
    errors=[Forbidden(), Unauthorized()],
    is_open=True,
)
async def status(call: Call) -> answers.Status:
    """Tell how the service is; details are for viewers, with codes as clients know them (O-43)."""
    if call.argument(DETAILS) == "true":
        caller = await known_caller(call.broker, call.request)
        if caller is None:
            raise Forbidden
        if not caller.service_roles & _VIEWERS:
            raise Unauthorized
    if not call.broker.settings.push.enabled:
        return answers.Status(status="ok", push_functionality="disabled")
    return answers.Status(
        status=await _push_status(call.broker), push_servers=await servers(call.broker)
    )


async def _push_status(broker: Broker) -> str:
    try:
        return "warning" if await find_worker(broker) is None else "ok"
    except Unavailable:
        return "warning"
