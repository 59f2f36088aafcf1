"""`ams authn rotate-key`: another key for signing tokens, at once."""

import typer

from ams.cli.confirm import Yes, confirm
from ams.cli.failure import CommandFailed, Exit
from ams.cli.settings_file import ConfigOption, read_settings


def rotate_key(config: ConfigOption = None, yes: Yes = False) -> None:
    """Sign tokens with a new key at once: what the keys until now have signed ends.

    Keys take turns by themselves; this is for when one may have been stolen.
    """
    settings = read_settings(config)
    confirm("All signed tokens that clients have end with this. Go on?", yes=yes)
    # Late: these take longer to import than all the rest of a command.
    import asyncio

    from ams.service.database import DatabaseError
    from ams.service.errors import ServiceError
    from ams.service.logs import configure_logging
    from ams.service.settings import SettingsError
    from authn.key_ring import replace_keys

    configure_logging("critical")
    try:
        key_id = asyncio.run(replace_keys(settings.authn))
    except (SettingsError, DatabaseError) as error:
        raise CommandFailed(str(error), Exit.USAGE) from error
    except ServiceError as error:
        raise CommandFailed(error.message) from error
    typer.echo(f"Tokens are signed with the new key {key_id}, within five seconds everywhere.")
