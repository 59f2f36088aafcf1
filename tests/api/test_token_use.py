"""When a token was last used."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from argo_ams_library.amsuser import AmsUser

from ams.api import token_use
from ams.api.token_use import TokenUse
from ams.auth.access import SERVICE_CALLER
from ams.metadata import users
from ams.metadata.migrate import migrate
from ams.metadata.records import Caller
from ams.metadata.store import Store
from ams.service.database import Database
from ams.service.errors import Unavailable
from ams.service.settings_sections import DatabaseSettings
from tests.api.client import Project, object_in
from tests.conftest import StartNode
from tests.eventually import eventually


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    settings = DatabaseSettings(url=f"sqlite://{tmp_path}/ams.db")
    await migrate(settings)
    async with Store(settings) as store:
        yield store


async def caller(store: Store, name: str) -> Caller:
    await users.create(store, name, token_digest=f"digest of {name}", token_ciphertext="x")
    return await users.caller_named(store, name)


async def last_use(store: Store, name: str) -> datetime | None:
    return (await users.by_name(store, name)).token_last_used


async def test_it_is_shown_with_the_user_once_it_is_written(start_node: StartNode) -> None:
    """The published client bears it."""
    node = await start_node()
    project = await Project.create(node)
    used, unused = await project.user("publisher"), await project.user("publisher")
    before = datetime.now(UTC).replace(microsecond=0)
    assert (await project.request("GET", "/topics", token=used.token)).status_code == 200
    # What is not written yet is written when a node ends.
    assert node.terminate() == 0
    await node.start()
    shown = object_in(await node.request("GET", f"/v1/users/{used.name}"))
    assert before <= datetime.fromisoformat(shown["token_last_used"]) <= datetime.now(UTC)
    assert AmsUser().load_from_dict(shown).name == used.name
    assert shown["modified_on"] == shown["created_on"]
    assert "token_last_used" not in object_in(await node.request("GET", f"/v1/users/{unused.name}"))
    page = object_in(await node.request("GET", "/v1/users", params={"project": project.name}))
    assert [user.get("token_last_used") for user in page["users"]] == [
        None,
        shown["token_last_used"],
    ]


async def test_uses_are_written_together_and_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    callers = [await caller(store, name) for name in "abc"]
    written: list[list[int]] = []
    write = users.token_used

    async def spy(store: Store, ids: set[int], at: datetime) -> None:
        written.append(sorted(ids))
        await write(store, ids, at)

    monkeypatch.setattr(users, "token_used", spy)
    use = TokenUse(store)
    for each in [*callers[:2] * 3, SERVICE_CALLER]:
        use.note(each)
    await use.write()
    await use.write()
    assert written == [[callers[0].user_id, callers[1].user_id], []]
    assert await last_use(store, "c") is None
    for name in "ab":
        noted = await last_use(store, name)
        assert noted is not None
        assert datetime.now(UTC) - noted < timedelta(minutes=1)


async def test_what_could_not_be_written_is_written_the_next_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, another = await caller(store, "one"), await caller(store, "another")
    use = TokenUse(store)
    use.note(one)

    async def fail(*_: object) -> None:
        use.note(another)
        raise Unavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(Database, "transaction", fail)
        with pytest.raises(Unavailable):
            await use.write()
        await use.stop()  # Which does not fail.
    await use.write()
    assert await last_use(store, "one")
    assert await last_use(store, "another")


async def test_it_writes_again_and_again_and_at_the_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_use, "INTERVAL", 0.02)
    one, another = await caller(store, "one"), await caller(store, "another")
    use = TokenUse(store)
    use.start()
    use.note(one)
    await eventually(lambda: last_use(store, "one"))
    use.note(another)
    await use.stop()
    assert await last_use(store, "another")
