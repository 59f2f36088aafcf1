"""`ams version`: what a broker runs."""

import ams
from ams.cli.output import print_fields, print_json
from ams.cli.session import Session, with_session


@with_session
def version(session: Session) -> None:
    """Show the version of the broker; `ams --version` shows that of this command."""
    with session.client() as client:
        version = client.version()
    if session.json:
        print_json(version)
        return
    print_fields(
        [
            ("this command", ams.__version__),
            ("broker", session.target.url),
            ("release", version.release or "told to administrators only"),
            ("built", version.build_time),
            ("system", f"{version.os} {version.architecture} {version.distro}".strip()),
            ("host name", version.hostname),
        ]
    )
