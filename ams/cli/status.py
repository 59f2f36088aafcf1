"""`ams status`: how a broker is."""

from ams.cli.output import print_fields, print_json
from ams.cli.session import Session, with_session


@with_session
def status(session: Session) -> None:
    """Show how the broker is."""
    with session.client() as client:
        status = client.status()
    if session.json:
        print_json(status)
        return
    servers = [f"{server.endpoint} {server.status}" for server in status.push_servers]
    push = status.push_functionality or ", ".join(servers) or "nobody"
    print_fields([("broker", session.target.url), ("status", status.status), ("push", push)])
