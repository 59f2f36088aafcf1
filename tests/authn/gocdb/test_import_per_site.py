"""Endpoints that have a topic and a subscription of their own (contract: authn 7.6)."""

from typing import Any

import pytest_asyncio

from tests.authn.gocdb.conftest import Import

CONSUMER = "consumer"
TOPIC = "SITE_SITE-A_ENDPOINT_77G0"


@pytest_asyncio.fixture
async def per_site(imported: Import) -> Import:
    """With a consumer who is a member of the project."""
    consumer = f"{CONSUMER}-{imported.tag}"
    await imported.put("POST", f"/members/{consumer}", {"projects": []})
    imported.keys["AMS"]["ams_consumer"] = consumer
    return imported


def run(imported: Import, **options: Any) -> dict[str, Any]:  # noqa: ANN401 (handed on)
    return imported.report(per_site=True, **options)


async def test_an_endpoint_gets_a_topic_and_a_subscription(per_site: Import) -> None:
    """Contract: 7.6, 8 D10."""
    per_site.add("host", PRIMARY_KEY=" 77 G0 ")
    run(per_site)
    assert await per_site.publishers(f"topics/{TOPIC}") == [per_site.user("host")]
    subscription = await per_site.get(f"/subscriptions/{TOPIC}")
    assert subscription["topic"] == f"/projects/{per_site.project}/topics/{TOPIC}"
    assert subscription["ackDeadlineSeconds"] == 100
    consumer = per_site.keys["AMS"]["ams_consumer"]
    assert await per_site.publishers(f"subscriptions/{TOPIC}") == [consumer]
    # The topic of the service type is of no interest here.
    assert await per_site.publishers() == []


async def test_running_it_twice_changes_nothing(per_site: Import) -> None:
    per_site.add("host-1", PRIMARY_KEY="77G0")
    per_site.add("host-2", PRIMARY_KEY="78G0")
    dry = run(per_site, dry_run=True)["changes"]
    assert await per_site.get(f"/topics/{TOPIC}") is None
    assert run(per_site)["changes"] == dry
    before = await per_site.changes()
    assert run(per_site)["changes"] == []
    assert await per_site.changes() == before


async def test_users_of_topics_and_subscriptions_stay(per_site: Import) -> None:
    """Contract: 7.6, 8 D10: the lists grow, and nobody is removed."""
    await per_site.put("POST", "/members/someone-else", {"projects": []})
    await per_site.put("PUT", f"/topics/{TOPIC}", {})
    topic = {"topic": f"projects/{per_site.project}/topics/{TOPIC}", "ackDeadlineSeconds": 30}
    await per_site.put("PUT", f"/subscriptions/{TOPIC}", topic)
    for resource in ("topics", "subscriptions"):
        users = {"authorized_users": ["someone-else"]}
        await per_site.put("POST", f"/{resource}/{TOPIC}:modifyAcl", users)
    per_site.add("host", PRIMARY_KEY="77G0")
    report = run(per_site)
    assert [each["action"] for each in report["changes"]] == ["create", "create", "allow", "allow"]
    users_of = sorted(await per_site.publishers(f"topics/{TOPIC}"))
    assert users_of == sorted(["someone-else", per_site.user("host")])
    consumers = sorted(await per_site.publishers(f"subscriptions/{TOPIC}"))
    assert consumers == sorted(["someone-else", per_site.keys["AMS"]["ams_consumer"]])
    assert (await per_site.get(f"/subscriptions/{TOPIC}"))["ackDeadlineSeconds"] == 30


async def test_an_entry_that_no_topic_can_be_named_after_makes_nothing(per_site: Import) -> None:
    per_site.add("host-1", PRIMARY_KEY="")
    per_site.add("host-2", PRIMARY_KEY="a/b")
    per_site.add("host-3", PRIMARY_KEY="77G0")
    failures = run(per_site, failures=2)["failures"]
    assert failures[0]["reason"] == "it has no PRIMARY_KEY"
    assert failures[1]["reason"].startswith("Invalid topic name")
    assert set(await per_site.bindings()) == {per_site.user("host-3")}


def test_an_unknown_consumer_is_told_for_each_endpoint(per_site: Import) -> None:
    """Contract: 7.6: any error skips to the next endpoint."""
    per_site.add("host-1", PRIMARY_KEY="1G0")
    per_site.add("host-2", PRIMARY_KEY="2G0")
    failures = run(per_site, failures=2, ams_consumer="nobody-at-all")["failures"]
    assert ["nobody-at-all" in each["reason"] for each in failures] == [True, True]


def test_it_needs_a_consumer(per_site: Import) -> None:
    """Contract: 7.6: `ams_consumer`, which the reference's template forgets."""
    result = per_site.run("--per-site", ams_consumer=None)
    assert result.status == 2
    assert "[AMS] ams_consumer is missing" in result.errors
