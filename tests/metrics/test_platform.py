"""What the exporter tells of topics, subscriptions and projects, and how it bears trouble."""

import asyncio
import ssl
import time
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from redis import Redis

from ams.messages.log import MessageLog
from ams.metadata.migrate import migrate
from ams.metadata.store import Store
from ams.service.redis import close_redis, open_redis
from ams.service.settings import Settings, load_settings
from ams.service.settings_sections import DatabaseSettings
from metrics import families
from metrics.certificates import KEYS
from metrics.deleted_topics import DeletedTopics
from metrics.inventory import read_inventory
from metrics.lines import Lines
from metrics.messages import add_messages
from tests.api.client import Project, data_of, object_in
from tests.certificates import Certificates
from tests.exporter import Exporter, Figures, exporter_on
from tests.mariadb import MariaDB
from tests.node import Node
from tests.processes import free_port
from tests.servers import RedisServer


async def test_a_topic_and_a_subscription_are_told_as_they_are(
    project: Project, exporter: Exporter
) -> None:
    await project.topic("empty")
    began = time.time()
    await project.publish("t", "one", "two", "three")
    await project.pull("s", 2)
    await project.acknowledge("s", 0)
    figures = exporter.figures()
    topic = {"project": project.name, "topic": "t"}
    subscription = {"project": project.name, "subscription": "s"}
    assert figures("ams_topic_messages_total", **topic) == 3
    assert figures("ams_topic_bytes_total", **topic) == sum(
        len(data_of(text)) for text in ("one", "two", "three")
    )
    assert figures("ams_topic_stored_messages", **topic) == 3
    assert figures("ams_topic_stored_bytes", **topic) > 0
    assert figures("ams_topic_subscriptions", **topic) == 1
    assert figures("ams_topic_publishing_rate", **topic) == 3
    for name in ("oldest_message", "last_publish"):
        assert began - 1 < figures(f"ams_topic_{name}_timestamp_seconds", **topic) < began + 9
    assert figures("ams_subscription_backlog_messages", **subscription) == 2
    assert 0 < figures("ams_subscription_oldest_unacknowledged_age_seconds", **subscription) < 9
    assert figures("ams_subscription_messages_total", **subscription) == 2
    for name in ("last_pull", "last_acknowledgement"):
        timestamp = figures(f"ams_subscription_{name}_timestamp_seconds", **subscription)
        assert began - 1 < timestamp < began + 9
    assert figures("ams_subscription_info", **subscription, topic="t", push="none") == 1
    empty = {"project": project.name, "topic": "empty"}
    assert figures("ams_topic_messages_total", **empty) == 0
    assert empty not in figures.labels("ams_topic_last_publish_timestamp_seconds")


async def test_a_project_keeps_what_was_published_to_a_deleted_topic(
    project: Project, exporter: Exporter
) -> None:
    await project.topic("gone")
    await project.publish("gone", "one", "two")
    await project.publish("t", "three")
    for _ in range(2):
        figures = exporter.figures()
        assert figures("ams_project_messages_total", project=project.name) == 3
        assert figures("ams_project_daily_messages", project=project.name) == 3
        assert figures("ams_project_backlog_messages", project=project.name) == 1
        await project.request("DELETE", "/topics/gone")
    assert figures("ams_project_topics", project=project.name) == 1
    assert figures("ams_project_subscriptions", project=project.name) == 1


async def test_a_topic_that_is_deleted_while_figures_are_read_counts_once(
    project: Project, node: Node
) -> None:
    """What is less than before looks like a restart to Prometheus: all of it would be new."""
    await project.publish("t", "one", "two")
    await project.topic("kept")
    await project.publish("kept", "three")
    settings = load_settings(node.config)
    client = open_redis(settings.redis)
    try:
        async with Store(settings.database) as store:
            log = MessageLog(client, settings.messages, settings.redis.timeout_seconds)
            for delete in (False, True, False):
                lines = Lines()
                found = await read_inventory(lines, store, 1000)
                if delete:
                    await project.request("DELETE", "/topics/t")
                await add_messages(lines, log, found, DeletedTopics(store, log), 1000)
                figures = Figures("".join(text for _, text in lines.blocks(families.FAMILIES)))
                assert figures("ams_project_messages_total", project=project.name) == 3
                assert figures("ams_project_daily_messages", project=project.name) == 3
    finally:
        await close_redis(client)


async def test_a_subscription_without_a_topic_is_told_too(
    project: Project, exporter: Exporter
) -> None:
    await project.request("DELETE", "/topics/t")
    subscription = {"project": project.name, "subscription": "s"}
    assert exporter.figures()("ams_subscription_backlog_messages", **subscription) == 0


async def test_totals_are_of_the_platform(project: Project, exporter: Exporter) -> None:
    before = exporter.figures()
    await project.topic("another")
    await project.user("consumer")
    body = {"name": "waiting", "first_name": "W", "last_name": "W", "email": "w@example.org"}
    body |= {"organization": "O", "description": "D"}
    registration = object_in(
        await project.node.request("POST", "/v1/registrations", json={**body, "name": "waiting-1"})
    )
    now = exporter.figures()
    await project.node.request("DELETE", f"/v1/registrations/{registration['uuid']}")
    for name in ("ams_topics", "ams_users", "ams_registrations_waiting"):
        assert now(name) - before(name) == 1, name
    assert now("ams_projects") == len(now.labels("ams_project_topics"))


async def test_the_stores_are_described(exporter: Exporter, node: Node) -> None:
    figures = exporter.figures()
    assert figures("ams_up", part="redis") == figures("ams_up", part="database") == 1
    assert figures("ams_redis_memory_used_bytes", server="main") > 1e5
    assert figures("ams_redis_memory_max_bytes", server="main") == 0
    assert figures("ams_redis_aof_enabled", server="main") == 1
    assert figures("ams_redis_aof_last_write_ok", server="main") == 1
    assert figures("ams_redis_connected_replicas", server="main") == 0
    (redis,) = figures.labels("ams_redis_info")
    assert redis["role"] == "master"
    (database,) = figures.labels("ams_database_info")
    assert database["engine"] == str(node.settings["database"]["url"]).partition(":")[0]
    assert database["migration"][:4].isdigit()


async def test_certificates_that_settings_name_are_told_with_their_end(exporter: Exporter) -> None:
    figures = exporter.figures()
    end = figures(
        "ams_certificate_expiry_timestamp_seconds",
        setting="server.certificate",
        subject="localhost",
    )
    assert 0 < end - time.time() < 3 * 86_400
    assert figures("ams_certificate_readable", setting="server.certificate") == 1


async def test_a_certificate_that_is_not_there_is_told(
    node: Node, tmp_path: Path, certificates: Certificates
) -> None:
    folder = tmp_path / "authorities"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(certificates.ca.read_bytes())
    (folder / "README").write_text("no certificate")
    variables = {
        "AMS_OUTGOING__CA_FILE": str(folder),
        "AMS_REDIS__CA_FILE": str(tmp_path / "missing.pem"),
    }
    with exporter_on(tmp_path, node.config, **variables) as exporter:
        figures = exporter.figures()
    assert figures("ams_certificate_readable", setting="redis.ca_file") == 0
    name = "ams_certificate_expiry_timestamp_seconds"
    assert figures(name, setting="outgoing.ca_file", subject="AMS test CA") > time.time()


async def test_a_broken_file_hides_no_other_of_its_folder(
    node: Node, tmp_path: Path, certificates: Certificates
) -> None:
    folder = tmp_path / "authorities"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(certificates.ca.read_bytes())
    # Collections of authorities have such: its file was removed.
    (folder / "0a1b2c3d.0").symlink_to(folder / "gone.pem")
    variables = {"AMS_AUTHN__CERTIFICATE_AUTHORITIES": str(folder)}
    setting = "authn.certificate_authorities"
    name = "ams_certificate_expiry_timestamp_seconds"
    with exporter_on(tmp_path, node.config, **variables) as exporter:
        figures = exporter.figures()
        assert figures(name, setting=setting, subject="AMS test CA") > time.time()
        assert figures("ams_certificate_readable", setting=setting) == 1
        good = load_pem_x509_certificate(certificates.ca.read_bytes()).public_bytes(Encoding.DER)
        # Cut off; and of a version that there is not.
        for broken in (good[:-9], good.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09")):
            (folder / "broken.pem").write_text(ssl.DER_cert_to_PEM_cert(broken))
            figures = exporter.figures()
            assert figures(name, setting=setting, subject="AMS test CA") > time.time()
            assert figures("ams_certificate_readable", setting=setting) == 0
            assert figures("ams_up", part="certificates") == 1


def test_all_settings_that_name_certificates_are_known() -> None:
    named = {
        f"{section}.{key}"
        for section, field in Settings.model_fields.items()
        # Each is a section, whatever pydantic says of annotations.
        for key, value in field.annotation.model_fields.items()  # type: ignore[union-attr]
        if "PEM file" in (value.description or "") and "private key" not in value.description
    }
    assert {"server.certificate", "auth.jwt_ca_file", "authn.certificate_authorities"} <= named
    every = {f"{each}.{key}" for each in Settings.model_fields for key in KEYS}
    assert named <= every


async def test_only_so_many_have_figures_of_their_own_and_the_rest_is_counted(
    project: Project, tmp_path: Path
) -> None:
    await project.topic("another")
    await project.publish("another", "one")
    variables = {"AMS_EXPORTER__MAX_LABELS": "1"}
    with exporter_on(tmp_path, project.node.config, **variables) as exporter:
        figures = exporter.figures()
    for kind in ("topic", "subscription", "project"):
        assert figures("ams_exporter_left_out", kind=f"{kind}s") == figures(f"ams_{kind}s") - 1
    assert len(figures.labels("ams_topic_messages_total")) == 1
    assert len(figures.labels("ams_subscription_backlog_messages")) == 1
    assert len(figures.labels("ams_project_messages_total")) == 1
    assert figures("ams_exporter_left_out", kind="certificates") >= 0


async def test_all_who_ask_at_the_same_time_get_what_was_read_once(
    project: Project, tmp_path: Path
) -> None:
    variables = {"AMS_EXPORTER__KEEP_SECONDS": "60"}
    with exporter_on(tmp_path, project.node.config, **variables) as exporter:
        async with httpx.AsyncClient(base_url=exporter.url, trust_env=False) as client:
            answers = await asyncio.gather(*(client.get("/metrics") for _ in range(5)))
            await project.topic("another")
            answers.append(await client.get("/metrics"))
    lines = {
        line
        for answer in answers
        for line in answer.text.splitlines()
        if line.startswith(("ams_topics ", "ams_exporter_collect_timestamp_seconds "))
    }
    assert len(lines) == 2


@pytest.mark.parametrize("trouble", ["is down", "hangs"])
async def test_a_redis_that_is_away_is_told_and_comes_back(
    trouble: str, node: Node, redis_binary: Path, tmp_path: Path
) -> None:
    with RedisServer(redis_binary) as redis:
        variables = {"AMS_REDIS__URL": redis.url, "AMS_REDIS__TIMEOUT_SECONDS": "1.5"}
        with exporter_on(tmp_path, node.config, **variables) as exporter:
            assert exporter.figures()("ams_up", part="redis") == 1
            redis.pause() if trouble == "hangs" else redis.kill()
            figures = exporter.figures()
            assert figures("ams_up", part="redis") == 0
            assert figures("ams_up", part="database") == 1
            assert "ams_users" in figures.names
            assert "ams_redis_memory_used_bytes" not in figures.names
            assert "ams_topic_messages_total" not in figures.names
            redis.resume() if trouble == "hangs" else redis.start()
            assert exporter.figures()("ams_up", part="redis") == 1


async def test_a_database_that_hangs_takes_no_time_from_redis(
    node: Node, mariadb: MariaDB, tmp_path: Path
) -> None:
    url = mariadb.create_database()
    await migrate(DatabaseSettings(url=url))
    variables = {"AMS_DATABASE__URL": url, "AMS_EXPORTER__COLLECT_SECONDS": "2"}
    with exporter_on(tmp_path, node.config, **variables) as exporter:
        assert exporter.figures()("ams_up", part="database") == 1
        mariadb.pause()
        try:
            started = time.monotonic()
            figures = exporter.figures()
            assert time.monotonic() - started < 4
        finally:
            mariadb.resume()
        assert figures("ams_up", part="database") == 0
        assert figures("ams_up", part="redis") == 1
        assert figures("ams_redis_memory_used_bytes", server="main") > 0
        assert exporter.figures()("ams_up", part="database") == 1


async def test_a_database_that_is_away_is_told(node: Node, tmp_path: Path) -> None:
    url = f"mysql://user:secret-password@127.0.0.1:{free_port()}/ams"
    with exporter_on(tmp_path, node.config, AMS_DATABASE__URL=url) as exporter:
        figures = exporter.figures()
        assert "secret-password" not in figures.page + exporter.process.log()
    assert figures("ams_up", part="database") == 0
    assert figures("ams_up", part="redis") == 1
    assert figures("ams_redis_memory_used_bytes", server="main") > 0
    assert "ams_topics" not in figures.names


async def test_reading_ends_in_time_though_a_store_is_slow(node: Node, tmp_path: Path) -> None:
    variables = {"AMS_EXPORTER__COLLECT_SECONDS": "1", "AMS_REDIS__TIMEOUT_SECONDS": "30"}
    with exporter_on(tmp_path, node.config, **variables) as exporter:
        exporter.figures()
        with Redis.from_url(str(node.settings["redis"]["url"])) as redis:
            redis.client_pause(4000)
            started = time.monotonic()
            figures = exporter.figures()
            assert time.monotonic() - started < 3
            redis.client_unpause()
    assert figures("ams_up", part="redis") == 0
    assert figures("ams_up", part="database") == 1
