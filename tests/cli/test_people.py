"""`ams member`, `ams registration`, and changes of users and projects."""

from ams.client import Client, UserDetails
from tests.cli.command import Ams


def test_a_member_is_created_changed_listed_and_removed(
    ams: Ams, admin: Client, project: str, topic: str
) -> None:
    nobody = ams("member", "list")
    assert (nobody.output, nobody.errors) == ("", "No members.\n")
    name = f"{project}-user"
    made = ams("member", "create", name, "--role", "publisher", "--email", "a@b.c", "--json").json()
    assert (len(made["token"]), made["email"]) == (64, "a@b.c")
    admin.topics.modify_acl(project, topic, [name])
    header, row = ams("member", "list").output.splitlines()
    assert header.split("  ")[0] == "MEMBER"
    assert row.split() == [name, "publisher", topic, "a@b.c"]
    changed = ams("member", "update", name, "--role", "consumer", "--json").json()
    assert changed["projects"][0]["roles"] == ["consumer"]
    assert "(no role)" in ams("member", "update", name, "--no-roles").output
    assert ams("member", "update", name).status == 2
    assert ams("member", "remove", name).output == f"Removed {name} from project {project}.\n"
    again = ams("member", "remove", name)
    assert (again.status, "not a member" in again.errors) == (1, True)
    added = ams("member", "add", name, "--role", "publisher")
    assert f"{project} (publisher)" in added.output
    shown = ams("member", "show", name, "--json").json()
    assert ams("member", "list", "--json").json()["users"] == [shown]


def test_only_the_roles_in_the_project_are_listed(ams: Ams, admin: Client, project: str) -> None:
    name = admin.users.create(f"{project}-user").name
    roles = f"{project}=consumer"
    changed = ams(
        "user", "update", name, "--project-roles", roles, "--project-roles", "demo=publisher"
    )
    assert changed.output.count("demo (publisher)") == 1
    assert ams("member", "list").output.splitlines()[1].split() == [name, "consumer"]


def test_a_registration_is_accepted_or_declined(ams: Ams, admin: Client, project: str) -> None:
    mine = ("--organization", project)
    made = ams("registration", "create", f"{project}-1", *mine, "--json").json()
    details = UserDetails(organization=project)
    first, second = made["uuid"], admin.registrations.create(f"{project}-2", details=details).uuid
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
    assert [each.uuid for each in admin.registrations.list(organization=project)] == [second]


def test_a_user_is_changed_where_something_is_given(ams: Ams, admin: Client, project: str) -> None:
    name = f"{project}-user"
    token = admin.users.create(name, project_roles={project: ["publisher"]}).token
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


def test_a_user_is_found_by_token_and_uuid(ams: Ams, admin: Client, project: str) -> None:
    made = admin.users.create(f"{project}-user")
    typed = f"{made.token}\n".encode()
    for options in (["--by-uuid", made.uuid], ["--by-token", made.token], ["--by-token", "-"]):
        shown = ams("user", "show", *options, "--json", stdin=typed).json()
        assert (shown["name"], shown["token"]) == (made.name, made.token)
    assert ams("user", "show", made.name, "--by-uuid", made.uuid).status == 2
    secret = ams("user", "show", "--by-token", "se.cret")
    assert (secret.status, "se.cret" in secret.errors) == (2, False)


def test_a_project_gets_another_name_and_description(ams: Ams, project: str) -> None:
    other = f"{project}-other"
    described = ams("project", "update", project, "--description", "New", "--json").json()
    assert (described["name"], described["description"]) == (project, "New")
    assert "New" in ams("project", "update", project, "--name", other).output
    assert ams("project", "show", project).status == 1
    assert ams("project", "update", other).status == 2
