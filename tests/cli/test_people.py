"""`ams member`, `ams registration`, and changes of users and projects."""

import pytest

from tests.cli.command import Ams


@pytest.fixture
def project(ams: Ams) -> str:
    return ams.environment["AMS_PROJECT"]


def test_a_member_is_created_changed_listed_and_removed(ams: Ams, project: str) -> None:
    assert (ams("member", "list").output, ams("member", "list").errors) == ("", "No members.\n")
    name = f"{project}-user"
    made = ams("member", "create", name, "--role", "publisher", "--email", "a@b.c", "--json").json()
    assert (len(made["token"]), made["email"]) == (64, "a@b.c")
    ams("topic", "create", "t")
    ams("topic", "acl", "t", "--set", name)
    header, row = ams("member", "list").output.splitlines()
    assert header.split("  ")[0] == "MEMBER"
    assert row.split() == [name, "publisher", "t", "a@b.c"]
    changed = ams("member", "update", name, "--role", "consumer", "--json").json()
    assert changed["projects"][0]["roles"] == ["consumer"]
    assert "(no role)" in ams("member", "update", name, "--no-roles").output
    assert ams("member", "update", name).status == 2
    assert ams("member", "remove", name).output == f"Removed {name} from project {project}.\n"
    again = ams("member", "remove", name)
    assert (again.status, "not a member" in again.errors) == (1, True)
    added = ams("member", "add", name, "--role", "publisher")
    assert f"{project} (publisher)" in added.output
    assert ams("member", "show", name, "--json").json()["name"] == name
    assert [user["name"] for user in ams("member", "list", "--json").json()["users"]] == [name]


def test_only_the_roles_in_the_project_are_listed(ams: Ams, project: str) -> None:
    name = f"{project}-user"
    roles = f"{project}=consumer"
    assert ams("user", "create", name).status == 0
    changed = ams(
        "user", "update", name, "--project-roles", roles, "--project-roles", "demo=publisher"
    )
    assert changed.output.count("demo (publisher)") == 1
    assert ams("member", "list").output.splitlines()[1].split() == [name, "consumer"]


def test_a_registration_is_accepted_or_declined(ams: Ams, project: str) -> None:
    def register(name: str) -> str:
        made = ams("registration", "create", name, "--organization", project, "--json").json()
        return str(made["uuid"])

    first, second = register(f"{project}-1"), register(f"{project}-2")
    mine = ("--organization", project)
    assert ams("registration", "list", *mine).output.count("pending") == 2
    accepted = ams("registration", "accept", first, "--json").json()
    assert (accepted["name"], len(accepted["token"])) == (f"{project}-1", 64)
    declined = ams("registration", "decline", second, "--comment", "Who?")
    assert declined.output == f"Declined registration {second}.\n"
    shown = ams("registration", "show", second).output
    assert ("declined" in shown, "Who?" in shown, "activation token" in shown) == (
        True,
        True,
        False,
    )
    again = ams("registration", "accept", second)
    assert (again.status, again.errors) == (1, "Error: User registration doesn't exist\n")
    pending = ams("registration", "list", "--status", "pending", *mine)
    assert (pending.output, pending.errors) == ("", "No registrations.\n")
    assert ams("registration", "delete", first, "--json").json() == {}
    left = ams("registration", "list", *mine, "--json").json()["user_registrations"]
    assert [each["uuid"] for each in left] == [second]


def test_a_user_is_changed_where_something_is_given(ams: Ams, project: str) -> None:
    name = f"{project}-user"
    token = ams("user", "create", name, "--role", "publisher", "--json").json()["token"]
    changed = ams(
        "user", "update", name, "--email", "a@b.c", "--service-role", "admin_viewer", "--json"
    ).json()
    assert (changed["email"], changed["token"]) == ("a@b.c", token)
    assert changed["projects"][0]["roles"] == ["publisher"]
    renamed = ams(
        "user",
        "update",
        name,
        *("--name", f"{name}-2", "--no-projects", "--no-service-roles", "--json"),
    ).json()
    assert (renamed["name"], renamed["service_roles"], "projects" in renamed) == (
        f"{name}-2",
        [],
        False,
    )
    for wrong in (
        ["--no-projects", "--project-roles", "demo=publisher"],
        ["--project-roles", "demo"],
        ["--no-service-roles", "--service-role", "admin_viewer"],
        [],
    ):
        assert ams("user", "update", f"{name}-2", *wrong).status == 2
    unknown = ams("user", "update", name, "--email", "b@c.d")
    assert (unknown.status, unknown.errors) == (1, "Error: User doesn't exist\n")


def test_a_user_is_found_by_token_and_uuid(ams: Ams, project: str) -> None:
    made = ams("user", "create", f"{project}-user", "--json").json()
    assert ams("user", "show", "--by-uuid", made["uuid"], "--json").json() == made
    assert ams("user", "show", "--by-token", made["token"], "--json").json() == made
    typed = ams("user", "show", "--by-token", "-", "--json", stdin=f"{made['token']}\n".encode())
    assert typed.json() == made
    for wrong in ([], [made["name"], "--by-uuid", made["uuid"]]):
        assert ams("user", "show", *wrong).status == 2
    secret = ams("user", "show", "--by-token", "se.cret")
    assert (secret.status, "se.cret" in secret.errors) == (2, False)


def test_a_project_gets_another_name_and_description(ams: Ams, project: str) -> None:
    other = f"{project}-other"
    described = ams("project", "update", project, "--description", "New", "--json").json()
    assert (described["name"], described["description"]) == (project, "New")
    assert "New" in ams("project", "update", project, "--name", other).output
    assert ams("project", "show", project).status == 1
    assert ams("project", "update", other).status == 2
