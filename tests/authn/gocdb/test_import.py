"""Endpoints that become users who may publish to the topic of their type (contract: authn 7.5)."""

from ams.client import Client, OutgoingMessage
from tests.authn import der
from tests.authn.authority import Authority
from tests.authn.gocdb.conftest import CONTACT, FALLBACK, HOST, Import
from tests.authn.gocdb.database import endpoint, site
from tests.authn.make import make_binding
from tests.certificates import Certificates


async def test_an_endpoint_becomes_a_bound_user_who_may_publish(imported: Import) -> None:
    """Contract: 7.5, steps 2, 4, 7, 8, 11."""
    imported.add("host-1.example.org")
    imported.add("host-2.example.org")
    report = imported.report()
    users = [imported.user(f"host-{n}.example.org") for n in (1, 2)]
    assert report["endpoints"] == 2
    members, bindings = await imported.members(), await imported.bindings()
    assert set(members) == set(bindings) == set(users)
    for number, user in enumerate(users, 1):
        assert members[user]["email"] == CONTACT
        (roles,) = members[user]["projects"]
        assert (roles["project"], roles["roles"]) == (imported.project, ["publisher"])
        binding = bindings[user]
        assert binding["auth_identifier"] == imported.identifier(f"host-{number}.example.org")
        assert binding["unique_key"] == members[user]["uuid"]
        assert (binding["host"], binding["auth_type"]) == (HOST, "x509")
    assert sorted(await imported.publishers()) == users


async def test_an_imported_host_publishes_with_its_certificate(
    imported: Import, authority: Authority, certificates: Certificates
) -> None:
    """Contract: 4, 7.5; with the last of several CNs (8 D1) and an equals sign (8 D2)."""
    subject = f"/C=GR/O={imported.tag}=x/CN=Robot/CN=host +1"
    imported.add("host", subject)
    imported.report()
    pairs = [("C", "GR"), ("O", f"{imported.tag}=x"), ("CN", "Robot"), ("CN", "host +1")]
    credential = authority.issue(der.name(*pairs))
    token = (await imported.authn.map(credential, imported.tag)).json()["token"]
    with Client(imported.node.https, token, ca=certificates.ca) as client:
        ids = client.topics.publish(imported.project, imported.topic, [OutgoingMessage(b"hello")])
    assert ids == ("0",)
    assert imported.report()["changes"] == []


async def test_running_it_twice_changes_nothing(imported: Import) -> None:
    imported.add("host-1")
    imported.add("host-2", IN_PRODUCTION="N")
    imported.report()
    before = await imported.members(), await imported.bindings(), await imported.changes()
    assert imported.report()["changes"] == []
    assert before == (await imported.members(), await imported.bindings(), await imported.changes())


async def test_a_dry_run_changes_nothing_and_tells_what_would_be(imported: Import) -> None:
    imported.add("host")
    # A second endpoint with the certificate of the first is the same user.
    imported.add("host-again", imported.subject("host"))
    before = await imported.changes()
    report = imported.report(dry_run=True)
    assert report["dry_run"]
    told = [(each["action"], each["kind"], each["name"]) for each in report["changes"]]
    assert told == [
        ("create", "user", imported.user("host")),
        ("create", "binding", imported.user("host")),
        ("allow", "topic", imported.topic),
    ]
    assert (await imported.members(), await imported.bindings()) == ({}, {})
    assert await imported.changes() == before
    assert imported.report()["changes"] == report["changes"]


async def test_users_of_a_topic_stay(imported: Import) -> None:
    """Contract: 8 D10."""
    await imported.put("POST", "/members/someone", {"projects": []})
    users = {"authorized_users": ["someone"]}
    await imported.put("POST", f"/topics/{imported.topic}:modifyAcl", users)
    imported.add("host")
    imported.report()
    assert sorted(await imported.publishers()) == ["someone", imported.user("host")]


async def test_a_bound_certificate_keeps_its_user(imported: Import) -> None:
    """Contract: 7.5, steps 6 and 10: the user joins the project."""
    name = f"old-{imported.tag}"
    answer = await imported.node.request("POST", f"/v1/users/{name}", json={"projects": []})
    await make_binding(
        imported.authn,
        imported.service,
        name,
        host=HOST,
        auth_identifier=imported.identifier("host"),
        unique_key=answer.json()["uuid"],
    )
    imported.add("host")
    report = imported.report()
    assert [each["action"] for each in report["changes"]] == ["add", "allow"]
    assert list(await imported.bindings()) == list(await imported.members()) == [name]
    assert await imported.publishers() == [name]
    assert imported.report()["changes"] == []


async def test_a_new_certificate_of_a_host_replaces_the_old_one(imported: Import) -> None:
    """Contract: 7.5, step 9."""
    imported.add("host")
    imported.report()
    before = (await imported.bindings())[imported.user("host")]
    imported.database.endpoints.clear()
    imported.add("host", imported.subject("renewed"))
    report = imported.report()
    assert [(each["action"], each["kind"]) for each in report["changes"]] == [("update", "binding")]
    after = (await imported.bindings())[imported.user("host")]
    assert after["auth_identifier"] == imported.identifier("renewed")
    assert (after["uuid"], after["unique_key"]) == (before["uuid"], before["unique_key"])


async def test_a_user_who_was_deleted_and_made_again_is_who_the_binding_is_for(
    imported: Import,
) -> None:
    """Else the new certificate would be bound to nobody."""
    imported.add("host")
    imported.report()
    user = imported.user("host")
    assert (await imported.node.request("DELETE", f"/v1/users/{user}")).is_success
    imported.database.endpoints.clear()
    imported.add("host", imported.subject("renewed"))
    imported.report()
    binding = (await imported.bindings())[user]
    assert binding["auth_identifier"] == imported.identifier("renewed")
    assert binding["unique_key"] == (await imported.members())[user]["uuid"]
    assert imported.report()["changes"] == []


def test_endpoints_out_of_production_are_left_out(imported: Import) -> None:
    """Contract: 7.5, step 3."""
    imported.add("host-1", IN_PRODUCTION="N")
    imported.add("host-2", IN_PRODUCTION="y")
    report = imported.report()
    assert [each["host"] for each in report["not_in_production"]] == ["host-1", "host-2"]
    assert report["changes"] == []


async def test_an_empty_subject_is_a_missing_one(imported: Import) -> None:
    """Contract: 8 D4."""
    imported.add("host-1", None)
    imported.add("host-2", HOSTDN="")
    imported.add("host-3", HOSTDN=" \n ")
    imported.add("host-4")
    report = imported.report()
    assert [each["host"] for each in report["without_subject"]] == ["host-1", "host-2", "host-3"]
    assert list(await imported.members()) == [imported.user("host-4")]


async def test_a_site_without_a_contact_gets_the_fallback_and_is_asked_once(
    imported: Import,
) -> None:
    """Contract: 7.5, step 4; 8 D5."""
    sites = {
        "GOOD": site("good@example.org", status="Uncertified"),
        "TEST": site("a@example.org", infrastructure="Test"),
        "SUSPENDED": site("b@example.org", status="Suspended"),
        "EMPTY": site(" "),
        "GONE": "",
    }
    imported.database.sites.update(sites)
    for number, name in enumerate([*sites, *sites]):
        imported.add(f"host-{number}", SITENAME=name)
    report = imported.report()
    emails = {name: each["email"] for name, each in (await imported.members()).items()}
    assert emails.pop(imported.user("host-0", "GOOD")) == "good@example.org"
    assert emails.pop(imported.user("host-5", "GOOD")) == "good@example.org"
    assert set(emails.values()) == {FALLBACK}
    assert len(emails) == 8
    assert set(report["fallback_contacts"]) == {"TEST", "SUSPENDED", "EMPTY", "GONE"}
    assert {name: imported.database.requests[name] for name in sites} == dict.fromkeys(sites, 1)


async def test_several_service_types_have_a_topic_each(imported: Import) -> None:
    """A host with one certificate is one user in all of them."""
    other = f"{imported.type}.2"
    await imported.put("PUT", f"/topics/{imported.topic}-2", {})
    imported.add("host")
    imported.database.endpoints[other] = [endpoint(other, "host", imported.subject("host"))]
    imported.report(service_types=f"{imported.type},\n {other}")
    user = imported.user("host")
    assert list(await imported.members()) == [user]
    assert await imported.publishers() == [user]
    assert await imported.publishers(f"topics/{imported.topic}-2") == [user]


def test_people_read_what_was_done(imported: Import) -> None:
    imported.add("host-1")
    imported.add("host-2", None)
    imported.add("host-3", IN_PRODUCTION="N")
    result = imported.run()
    assert (result.status, result.errors) == (0, "")
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    user = imported.user("host-1")
    assert f"create user {user} {CONTACT}" in lines
    assert f"create binding {user} {imported.identifier('host-1')}" in lines
    assert "users created 1" in lines
    assert "bindings updated 0" in lines
    assert "without a subject 1: host-2" in lines
    assert "not in production 1: host-3" in lines
    assert "failed 0" in lines
    assert "\x1b" not in result.output
