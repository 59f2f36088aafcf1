"""The user in whose name a broker of the tests pushes messages."""

from typing import Final

from ams.auth.tokens import digest
from ams.metadata import users
from ams.metadata.store import Store
from ams.service.settings_sections import DatabaseSettings
from ams.service.token_box import TokenBox
from tests.node import TOKEN_KEY, Node

WORKER_NAME: Final = "push_worker_0"
WORKER_TOKEN: Final = "token-of-the-push-worker"


async def add_push_worker(node: Node) -> None:
    """Makes the user in the node's database, as an operator's tool would."""
    settings = DatabaseSettings(url=str(node.settings["database"]["url"]))
    async with Store(settings) as store:
        await users.create(
            store,
            WORKER_NAME,
            token_digest=digest(WORKER_TOKEN),
            token_ciphertext=TokenBox([TOKEN_KEY]).encrypt(WORKER_TOKEN),
            service_roles=["push_worker"],
        )
