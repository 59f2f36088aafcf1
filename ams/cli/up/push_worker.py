"""The user in whose name messages are pushed."""

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from ams.cli.failure import CommandFailed
from ams.client import Client, ServiceError

if TYPE_CHECKING:
    from ams.service.settings import Settings

NAME: Final = "push-worker"


def ensure_push_worker(client: Client, settings: "Settings", database_url: str) -> None:
    """Makes the user who has the token of the settings, unless there is one.

    No route makes users with a token that is known before; so it is put into the database.

    Raises:
        CommandFailed: there is such a user with another token.
        ClientError: the broker refuses something.
    """
    try:
        client.users.by_token(settings.push.worker_token.get_secret_value())
    except ServiceError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            raise
        asyncio.run(_create(settings, database_url))


async def _create(settings: "Settings", database_url: str) -> None:
    # Late: the ORM takes long to import, and is needed at the first start only.
    from ams.auth.tokens import digest
    from ams.metadata import users
    from ams.metadata.store import Store
    from ams.service.errors import AlreadyExists
    from ams.service.settings_sections import DatabaseSettings
    from ams.service.token_box import TokenBox

    token = settings.push.worker_token.get_secret_value()
    box = TokenBox(key.get_secret_value() for key in settings.auth.token_keys)
    async with Store(DatabaseSettings(url=database_url)) as store:
        try:
            await users.create(
                store,
                NAME,
                token_digest=digest(token),
                token_ciphertext=box.encrypt(token),
                service_roles=["push_worker"],
            )
        except AlreadyExists as error:
            raise CommandFailed(
                f"push.worker_token is not the token of the user {NAME}, who is there: say it in"
                " the settings, or delete that user"
            ) from error
