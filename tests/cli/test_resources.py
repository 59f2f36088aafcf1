"""Making, showing, changing and removing projects, topics, subscriptions and users."""

from tests.cli.command import Ams


def test_a_project_is_made_shown_listed_and_removed(ams: Ams) -> None:
    name = f"{ams.environment['AMS_PROJECT']}-other"
    made = ams("project", "create", name, "--description", "Of a test", "--json").json()
    assert (made["name"], made["description"], made["created_by"]) == (name, "Of a test", "admin")
    assert ams("project", "show", name, "--json").json() == made
    assert made in ams("project", "list", "--json").json()["projects"]
    assert ams("project", "delete", name).output == f"Deleted project {name}.\n"
    missing = ams("project", "show", name)
    assert (missing.status, missing.errors) == (1, "Error: project doesn't exist\n")


def test_a_topic_is_made_shown_listed_and_removed(ams: Ams) -> None:
    made = ams("topic", "create", "t", "--json").json()
    assert made["name"].endswith("/topics/t")
    assert ams("topic", "create", "t").errors == "Error: Topic already exists\n"
    ams("topic", "create", "u")
    assert [topic["name"] for topic in ams("topic", "list", "--json").json()["topics"]] == [
        made["name"][:-1] + "u",
        made["name"],
    ]
    assert [line.split()[0] for line in ams("topic", "list").output.splitlines()] == [
        "TOPIC",
        "u",
        "t",
    ]
    assert ams("topic", "delete", "u", "--json").json() == {}
    assert ams("topic", "show", "u").status == 1
    assert ams("topic", "show", "t").output.splitlines()[0].split() == ["topic", "t"]


def test_a_topic_can_keep_its_messages_for_a_time_of_its_own(ams: Ams) -> None:
    made = ams("topic", "create", "t", "--retention", "12h", "--retention-bytes", "2M", "--json")
    assert made.json()["messageRetentionDuration"] == "43200s"
    assert made.json()["messageRetentionBytes"] == str(2 * 1024 * 1024)
    changed = ams("topic", "retention", "t", "--retention", "1d", "--json").json()
    assert changed["messageRetentionDuration"] == "86400s"
    assert "messageRetentionBytes" not in changed
    assert ams("topic", "create", "u", "--retention", "soon").status == 2


def test_the_users_of_a_topic_are_set_added_removed_and_cleared(ams: Ams) -> None:
    users = [f"{ams.environment['AMS_PROJECT']}-{number}" for number in range(3)]
    for user in users:
        assert ams("user", "create", user, "--role", "publisher").status == 0
    ams("topic", "create", "t")

    def after(*options: str) -> list[str]:
        names: list[str] = ams("topic", "acl", "t", "--json", *options).json()["authorized_users"]
        return names

    assert after() == []
    assert after("--set", users[0], "--set", users[1]) == users[:2]
    assert after("--add", users[2], "--remove", users[0]) == users[1:]
    assert ams("topic", "acl", "t").output.split() == ["USER", *users[1:]]
    assert after("--clear") == []
    assert ams("topic", "acl", "t", "--set", users[0], "--clear").status == 2
    unknown = ams("topic", "acl", "t", "--set", "nobody")
    assert (unknown.status, unknown.errors) == (1, "Error: User(s): nobody do not exist\n")


def test_a_subscription_is_made_shown_changed_and_removed(ams: Ams) -> None:
    ams("topic", "create", "t")
    made = ams("subscription", "create", "s", "t", "--ack-deadline", "30", "--json").json()
    assert made["name"].endswith("/subscriptions/s")
    assert made["ackDeadlineSeconds"] == 30
    assert made["pushConfig"]["authorizationHeader"] == {}
    assert ams("subscription", "show", "s", "--json").json() == made
    assert ams("subscription", "list", "--json").json()["subscriptions"] == [made]
    assert ams("subscription", "list").output.splitlines()[1].split()[:3] == ["s", "t", "30s"]
    changed = ams("subscription", "ack-deadline", "s", "45", "--json").json()
    assert changed["ackDeadlineSeconds"] == 45
    assert ams("subscription", "ack-deadline", "s", "601").status == 2
    user = f"{ams.environment['AMS_PROJECT']}-user"
    ams("user", "create", user, "--role", "consumer")
    assert ams("subscription", "acl", "s", "--set", user, "--json").json() == {
        "authorized_users": [user]
    }
    assert ams("subscription", "delete", "s").output == "Deleted subscription s.\n"
    assert ams("subscription", "show", "s").status == 1


def test_a_subscription_seeks_by_offset_time_start_and_end(ams: Ams) -> None:
    ams("topic", "create", "t")
    ams("subscription", "create", "s", "t")
    ams("publish", "t", "--lines", stdin=b"a\nb\nc\n")

    def next_after(*options: str) -> int:
        current: int = ams("subscription", "seek", "s", "--json", *options).json()["current"]
        return current

    assert next_after("--end") == 3
    assert next_after("--start") == 0
    assert next_after("--offset", "2") == 2
    assert next_after("--time", "2026-01-01T00:00:00+01:00") == 0
    offsets = ams("subscription", "offsets", "s")
    assert offsets.output.split() == ["next", "0", "oldest", "0", "end", "3", "waiting", "3"]
    beyond = ams("subscription", "seek", "s", "--offset", "4")
    assert (beyond.status, beyond.errors) == (1, "Error: Offset out of bounds\n")
    late = ams("subscription", "seek", "s", "--time", "2096-01-01")
    assert (late.status, late.errors.count("out of bounds")) == (1, 1)
    for wrong in ([], ["--start", "--end"], ["--time", "yesterday"]):
        assert ams("subscription", "seek", "s", *wrong).status == 2


def test_a_user_is_made_shown_given_a_new_token_and_removed(ams: Ams) -> None:
    project = ams.environment["AMS_PROJECT"]
    name = f"{project}-user"
    made = ams("user", "create", name, "--role", "publisher", "--email", "a@b.c", "--json").json()
    assert made["email"] == "a@b.c"
    assert [(entry["project"], entry["roles"]) for entry in made["projects"]] == [
        (project, ["publisher"])
    ]
    assert ams("user", "profile", "--token", made["token"], "--json").json() == made
    assert ams("user", "list").output.splitlines()[1].startswith(name)
    assert "admin" in ams("user", "list", "--all").output
    new = ams("user", "refresh-token", name, "--json").json()["token"]
    assert new != made["token"]
    assert ams("user", "show", name, "--json").json()["token"] == new
    assert ams("user", "delete", name).status == 0
    assert ams("user", "show", name).errors == "Error: User doesn't exist\n"


def test_a_user_can_have_a_role_in_the_whole_service(ams: Ams) -> None:
    name = f"{ams.environment['AMS_PROJECT']}-viewer"
    made = ams("user", "create", name, "--service-role", "admin_viewer", "--json").json()
    assert made["service_roles"] == ["admin_viewer"]
    wrong = ams("user", "create", f"{name}-2", "--service-role", "king")
    assert (wrong.status, wrong.errors) == (1, "Error: invalid role: king\n")


def test_status_and_version_are_shown(ams: Ams) -> None:
    assert ams("status", "--json").json()["status"] == "ok"
    assert "status" in ams("status").output
    assert "release" in ams("version").output
    assert ams("version", "--json").json()["os"]


def test_values_are_whole_however_narrow_the_reader_is(ams: Ams) -> None:
    name = "t" * 200
    ams("topic", "create", name)
    listed = ams("topic", "list", environment={"COLUMNS": "40"})
    assert name in listed.output
    assert "\x1b" not in listed.output
