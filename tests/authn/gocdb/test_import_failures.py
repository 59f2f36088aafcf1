"""One bad entry stops nothing, is told at the end, and makes the exit status 1."""

from ams.cli.failure import Exit
from tests.authn.gocdb.conftest import HOST, Import
from tests.authn.gocdb.database import answering, endpoint
from tests.authn.make import make_binding


def reasons(report: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each["reason"] for each in report["failures"]]


async def test_one_bad_entry_stops_nothing(imported: Import) -> None:
    """Contract: 7.5, step 5, 7.7."""
    imported.add("host-1", "/C=GR/UID=x/CN=y")
    imported.add("host-2")
    result = imported.run()
    assert result.status == 1
    assert result.errors.splitlines() == [
        f"Error: {imported.type}, host-1 of SITE.A: the subject has the unknown attribute UID",
        "Error: 1 could not be imported",
    ]
    assert await imported.publishers() == [imported.user("host-2")]


async def test_an_entry_of_another_service_type_is_refused(imported: Import) -> None:
    """Contract: 8 D7."""
    imported.database.endpoints[imported.type] = [
        endpoint("another.type", "host-1", imported.subject("host-1")),
        endpoint("", "host-2", imported.subject("host-2")),
    ]
    imported.add("host-3")
    assert reasons(imported.report(failures=2)) == [
        "it is of the service type another.type",
        "it is of the service type (none)",
    ]
    assert list(await imported.members()) == [imported.user("host-3")]


async def test_names_that_none_can_have_are_refused(imported: Import) -> None:
    imported.add("a/../../b")
    imported.add("white space")
    imported.add("")
    imported.add("host-1", SITENAME="")
    imported.add("host-2", SITENAME="Ä")
    imported.add("x" * 1025)
    imported.add("host-3", "/CN=" + "x" * 1021)
    imported.add("x" * 1000)
    imported.add("good")
    told = reasons(imported.report(failures=8))
    assert [reason.startswith("Invalid user name") for reason in told[:2]] == [True, True]
    assert told[2:4] == ["it has no HOSTNAME", "it has no SITENAME"]
    assert told[4].startswith("Invalid user name")
    assert told[5:7] == ["a field has more than 1024 bytes"] * 2
    assert told[7].startswith("the broker: ")
    assert list(await imported.members()) == [imported.user("good")]


def test_what_others_wrote_does_not_steer_a_terminal(imported: Import) -> None:
    imported.add("host\x9b31m", None)
    imported.add("other\x9b31m")
    result = imported.run()
    assert result.status == 1
    assert "\x9b" not in result.output + result.errors
    assert r"host\x9b31m" in result.output
    assert r"other\x9b31m" in result.errors


async def test_two_entries_of_one_name_are_not_one_user(imported: Import) -> None:
    """Dots and dashes are one; else each run would give the binding to the other certificate."""
    imported.add("a.example.org")
    imported.add("a-example.org")
    for _ in range(2):
        report = imported.report(failures=1)
        assert reasons(report)[0].startswith("another entry, with another subject, is ")
    binding = (await imported.bindings())[imported.user("a.example.org")]
    assert binding["auth_identifier"] == imported.identifier("a.example.org")


async def test_a_binding_for_another_service_is_left_alone(imported: Import) -> None:
    name = imported.user("host")
    path = f"/v1/service-types/{imported.tag}"
    hosts = {"hosts": [HOST, "elsewhere"]}
    assert (await imported.authn.request("PUT", path, json=hosts)).is_success
    made = await make_binding(
        imported.authn, imported.service, name, host="elsewhere", auth_identifier="CN=other"
    )
    imported.add("host")
    report = imported.report(failures=1)
    assert reasons(report) == [f"the binding {name} is for another service"]
    assert await imported.bindings() == {name: made}


async def test_a_user_outside_of_the_project_is_left_alone(imported: Import) -> None:
    """Contract: 7.5, step 7; else the certificate would get what that user may do elsewhere."""
    path = f"/v1/users/{imported.user('host')}"
    assert (await imported.node.request("POST", path, json={"projects": []})).is_success
    imported.add("host")
    report = imported.report(failures=1)
    assert reasons(report) == ["the broker: User already exists"]
    assert (await imported.members(), await imported.bindings()) == ({}, {})


async def test_a_missing_topic_is_told(imported: Import) -> None:
    """Contract: 7.5: it must be there."""
    answer = await imported.node.request(
        "DELETE", f"/v1/projects/{imported.project}/topics/{imported.topic}"
    )
    assert answer.is_success
    imported.add("host")
    (failure,) = imported.report(failures=1)["failures"]
    assert failure["what"] == f"topic {imported.topic}"
    assert failure["reason"] == "the broker: Topic doesn't exist"
    assert list(await imported.members()) == [imported.user("host")]


async def test_an_odd_answer_to_the_look_up_of_a_subject_adds_nobody(imported: Import) -> None:
    """Contract: 7.5, step 6, 8 D6; the service type is called `ams` unless told (8 D8).

    What AuthN would have to be damaged for, the stand-in answers in its place.
    """
    service = {"name": "ams", "uuid": "u-1", "hosts": [HOST]}
    found = "/prefix/v1/service-types/ams"
    error = {"error": {"message": "Database Error: More than 1", "code": 500, "status": "x"}}
    imported.database.replies = {
        found: answering(service),
        f"{found}/hosts/{HOST}/bindings": answering(error, 500),
    }
    imported.add("host")
    report = imported.report(
        failures=1,
        service_type=None,
        service_uuid="u-1",
        authn_host=f"{imported.database.host}/prefix",
    )
    assert reasons(report) == ["AuthN: Database Error: More than 1"]
    assert await imported.members() == {}
    assert await imported.publishers() == []


async def test_a_wrong_service_is_told_before_anything_is_done(imported: Import) -> None:
    imported.add("host")
    for changes, text in (
        ({"service_uuid": "x"}, "service_uuid is not that of the service type"),
        ({"service_host": "x"}, "service_host is no host of the service type"),
        ({"service_type": "x"}, "AuthN: Service-type was not found"),
        ({"ams_project": "x"}, "the broker: project doesn't exist"),
        ({"authn_token": "wrong"}, "AuthN: Wrong Credentials"),
        ({"ams_token": "wrong"}, "the broker: Unauthorized"),
    ):
        _, reason = imported.refusal(**changes)
        assert reason.startswith(text)
        assert "wrong" not in reason
    assert await imported.members() == {}


async def test_a_service_that_is_not_there_ends_the_import(imported: Import) -> None:
    imported.add("host")
    for key in ("ams_host", "authn_host"):
        changes: dict[str, str | None] = {key: "127.0.0.1:1"}
        status, reason = imported.refusal(**changes)
        assert status == Exit.NO_CONNECTION
        assert "127.0.0.1:1" in reason
    assert await imported.members() == {}


def test_what_was_done_is_told_though_the_import_ends_early(imported: Import) -> None:
    """AuthN's stand-in refuses the token for a look-up, as a changed one would be."""
    service = {"name": "ams", "uuid": imported.service["uuid"], "hosts": [HOST]}
    found = "/v1/service-types/ams"
    imported.database.replies = {
        found: answering(service),
        f"{found}/hosts/{HOST}/bindings": answering(
            {"error": {"message": "Wrong Credentials", "code": 401, "status": "UNAUTHORIZED"}}, 401
        ),
    }
    imported.add("host-1", "/UID=x")
    imported.add("host-2")
    result = imported.run(service_type=None, authn_host=imported.database.host)
    assert result.status == 1
    assert "unknown attribute UID" in result.errors
    assert result.errors.endswith("Error: AuthN: Wrong Credentials\n")
    assert "endpoints" in result.output
