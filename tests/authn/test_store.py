"""AuthN's database: its versions, on SQLite and MariaDB, also in one with the broker's."""

import asyncio
from pathlib import Path

import pytest
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.operations import AlterModelOptions

from ams.metadata.migrate import migrate as migrate_metadata
from ams.metadata.store import Store as Metadata
from ams.service.authn_settings import AuthnSettings
from ams.service.database import DatabaseVersionError
from ams.service.settings_sections import DatabaseSettings
from authn.errors import NotFound
from authn.store import bindings, service_types
from authn.store.records import Binding
from authn.store.store import TABLES, Store, migrate
from tests.mariadb import MariaDB

STEPS = ["0001_initial", "0002_signing_keys"]


@pytest.fixture(params=["sqlite", "mariadb"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> AuthnSettings:
    """A database without tables."""
    if request.param == "sqlite":
        return AuthnSettings(database_url=f"sqlite://{tmp_path}/authn.db")
    server: MariaDB = request.getfixturevalue("mariadb")
    return AuthnSettings(database_url=server.create_database())


async def make_binding(store: Store) -> Binding:
    async def work() -> Binding:
        service = await service_types.insert(
            name="ams", hosts=["h"], auth_types=["x509"], auth_method="headers", kind="ams"
        )
        return await bindings.insert(
            service,
            name="b",
            host="h",
            auth_identifier="CN=b",
            unique_key="u",
            auth_type="x509",
        )

    return await store.write(work)


async def test_an_empty_database_gets_all_tables_once(settings: AuthnSettings) -> None:
    done = await asyncio.gather(*(migrate(settings) for _ in range(3)))
    assert sorted(done) == [[], [], STEPS]
    async with Store(settings) as store:
        await store.check_version()
        made = await make_binding(store)
        async with store.reading():
            assert await bindings.get("b") == made


async def test_a_database_of_another_version_is_refused(settings: AuthnSettings) -> None:
    async with Store(settings) as store:
        with pytest.raises(DatabaseVersionError, match="run `ams authn migrate`"):
            await store.check_version()
        await migrate(settings)
        async with store.database.reading() as client:
            await client.execute_query(
                "INSERT INTO tortoise_migrations (app, name, applied_at)"
                f" VALUES ('{TABLES.app}', '9999_future', '2040-01-01 00:00:00')"
            )
        with pytest.raises(DatabaseVersionError, match=r"older than its database.*9999_future"):
            await store.check_version()


async def test_it_may_be_the_brokers_database_too(settings: AuthnSettings) -> None:
    brokers = DatabaseSettings(url=settings.database_url)
    await migrate_metadata(brokers)
    assert await migrate(settings) == STEPS
    assert await migrate_metadata(brokers) == []
    async with Metadata(brokers) as metadata, Store(settings) as store:
        await metadata.check_version()
        await store.check_version()
        await make_binding(store)


async def test_the_steps_lead_to_the_models(settings: AuthnSettings) -> None:
    """Whoever changes a model writes a migration."""
    await migrate(settings)
    async with Store(settings) as store, store.database.reading() as client:
        apps = store.database._tortoise.apps
        assert apps is not None
        config = {
            "models": [TABLES.models],
            "migrations": TABLES.migrations,
            "default_connection": client.connection_name,
        }
        writers = await MigrationAutodetector(apps, {TABLES.app: config}).changes()
    # A table's comment, the model's docstring, may change without one.
    missing = [
        operation
        for writer in writers
        for operation in writer.operations
        if not isinstance(operation, AlterModelOptions)
    ]
    assert missing == []


async def test_a_binding_whose_certificate_names_no_host_is_noted_once(
    settings: AuthnSettings,
) -> None:
    """Contract: 4.2, step 9; the note goes with the binding."""
    await migrate(settings)
    async with Store(settings) as store:
        made = await make_binding(store)

        async def note() -> None:
            await bindings.note_missing_ip_san(made)

        async def count() -> int:
            async with store.database.reading() as client:
                query = "SELECT COUNT(*) AS n FROM bindings_missing_ip_san"
                (row,) = await client.execute_query_dict(query)
                return int(row["n"])

        await asyncio.gather(*(store.write(note) for _ in range(4)))
        assert await count() == 1

        async def remove() -> None:
            await bindings.delete(made)

        await store.write(remove)
        assert await count() == 0


async def test_a_transaction_that_fails_leaves_nothing(settings: AuthnSettings) -> None:
    await migrate(settings)
    async with Store(settings) as store:

        async def work() -> None:
            await service_types.insert(
                name="ams", hosts=["h"], auth_types=["x509"], auth_method="headers", kind="ams"
            )
            await service_types.get("none")

        with pytest.raises(NotFound):
            await store.write(work)
        async with store.reading():
            assert await service_types.list_all() == []
