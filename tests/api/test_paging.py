"""Pages of topics, subscriptions, users and members.

Contract: ams-core 1.14, ams-users-metrics 5.1, 6.1.
"""

import base64

import pytest

from tests.api.client import Object, Project, assert_error, object_in

KINDS = pytest.mark.parametrize("kind", ["topics", "subscriptions", "users", "members"])
#: What a page calls its items, where it is not the kind.
KEYS = {"members": "users"}


async def filled(project: Project, kind: str) -> tuple[str, list[str]]:
    """The path of a list, with the names of its five items in the order of the list."""
    path = f"/v1/projects/{project.name}/{kind}?"
    if kind in ("users", "members"):
        names = [(await project.user("consumer")).name for _ in range(5)]
        return f"/v1/users?project={project.name}&" if kind == "users" else path, names[::-1]
    if kind == "topics":
        items = [await project.topic(f"n{number}") for number in range(5)]
    else:
        await project.topic("t")
        items = [await project.subscription(f"n{number}", "t") for number in range(5)]
    return path, [item["name"] for item in items][::-1]


def names_on(page: Object, kind: str) -> list[str]:
    key = KEYS.get(kind, kind)
    assert set(page) == {key, "nextPageToken", "totalSize"}
    assert page["totalSize"] == 5
    return [item["name"] for item in page[key]]


@KINDS
async def test_pages_follow_each_other_to_the_last(project: Project, kind: str) -> None:
    path, names = await filled(project, kind)
    token, found = "", []
    for size in (2, 2, 1):
        answer = await project.node.request(
            "GET", path, params={**_query(path), "pageSize": "2", "pageToken": token}
        )
        page = object_in(answer)
        assert len(names_on(page, kind)) == size
        found += names_on(page, kind)
        token = page["nextPageToken"]
    assert (token, found) == ("", names)


def _query(path: str) -> dict[str, str]:
    """The parameters of a path, which httpx replaces by those it is given."""
    return dict(part.split("=") for part in path.partition("?")[2].split("&") if part)


@KINDS
async def test_the_size_of_a_page(project: Project, kind: str) -> None:
    """0, nothing and negative sizes are everything (contract: also ams-users-metrics 14 #29)."""
    path, names = await filled(project, kind)
    for size, expected in (
        ("", 5),
        ("0", 5),
        ("-1", 5),
        ("-9223372036854775808", 5),
        ("%2B2", 2),
        ("3", 3),
        ("003", 3),
        ("5", 5),
        ("6", 5),
        ("9223372036854775807", 5),
    ):
        page = object_in(await project.node.request("GET", f"{path}pageSize={size}"))
        assert names_on(page, kind) == names[:expected]
        assert bool(page["nextPageToken"]) == (expected < 5)


@KINDS
@pytest.mark.parametrize(
    "size",
    [
        "abc",
        "1.5",
        "1_0",
        "0x1",
        "1e3",
        "%201",
        "+1",
        "1%0A",
        "%D9%A1",
        "--1",
        "9223372036854775808",
        "-9223372036854775809",
        "9" * 5000,
    ],
)
async def test_a_bad_size_is_400_before_the_token_is_looked_at(
    quiet: Project, kind: str, size: str
) -> None:
    path = "/v1/users" if kind == "users" else f"/v1/projects/{quiet.name}/{kind}"
    answer = await quiet.node.request("GET", f"{path}?pageSize={size}&pageToken=bad")
    assert_error(answer, 400, "Invalid page size")


@KINDS
@pytest.mark.parametrize(
    "token",
    [
        "bad",
        "!",
        "%00",
        "%20",
        "YWJj",
        base64.b64encode(b"z" * 24).decode(),
        base64.b64encode(b"0" * 23).decode(),
        base64.b64encode(b"0" * 25).decode(),
        base64.b64encode(b"0" * 23 + b"\n").decode(),
        base64.b64encode(b"\xff" * 24).decode().replace("+", "%2B"),
        base64.b64encode(b"0" * 24).decode()[:-1],
        base64.b64encode(b"0" * 25).decode().rstrip("="),
        "%C3%A9",
        "x" * 5000,
    ],
)
async def test_a_bad_token_is_400(quiet: Project, kind: str, token: str) -> None:
    path = "/v1/users" if kind == "users" else f"/v1/projects/{quiet.name}/{kind}"
    answer = await quiet.node.request("GET", f"{path}?pageToken={token}")
    assert_error(answer, 400, "Invalid page token")


@KINDS
@pytest.mark.parametrize(("hexadecimal", "found"), [("0" * 24, 0), ("f" * 24, 5), ("F" * 24, 5)])
async def test_a_token_of_no_item_is_a_place_in_the_list(
    project: Project, kind: str, hexadecimal: str, found: int
) -> None:
    path, names = await filled(project, kind)
    token = base64.b64encode(hexadecimal.encode()).decode()
    page = object_in(await project.node.request("GET", f"{path}pageToken={token}"))
    assert names_on(page, kind) == names[:found]


@pytest.mark.parametrize("kind", ["topics", "subscriptions"])
async def test_a_page_may_begin_at_an_item_that_is_gone(project: Project, kind: str) -> None:
    path, names = await filled(project, kind)
    page = object_in(await project.node.request("GET", f"{path}pageSize=2"))
    await project.request("DELETE", f"/{kind}/{names[2].rpartition('/')[2]}")
    page = object_in(
        await project.node.request("GET", f"{path}pageSize=2&pageToken={page['nextPageToken']}")
    )
    assert [item["name"] for item in page[kind]] == names[3:]
    assert (page["nextPageToken"], page["totalSize"]) == ("", 4)


async def test_the_first_of_repeated_parameters_counts(project: Project) -> None:
    path, names = await filled(project, "topics")
    page = object_in(await project.node.request("GET", f"{path}pageSize=2&pageSize=x"))
    assert names_on(page, "topics") == names[:2]


@KINDS
async def test_parameters_that_cannot_be_decoded_are_absent(project: Project, kind: str) -> None:
    """Contract: ams-core 1.14, ams-users-metrics 16: a semicolon has to be encoded."""
    path, names = await filled(project, kind)
    for query in ("pageSize=%zz&pageToken=%", "pageSize=1;x&pageToken=;", "pageSize=1;pageToken=x"):
        page = object_in(await project.node.request("GET", f"{path}{query}"))
        assert names_on(page, kind) == names


@pytest.mark.parametrize("kind", ["users", "members"])
async def test_the_published_clients_name_of_the_page_token_works_for_users(
    project: Project, kind: str
) -> None:
    """Contract: ams-users-metrics 14 #28: `nextPageToken` where `pageToken` is absent."""
    path, names = await filled(project, kind)
    page = object_in(await project.node.request("GET", f"{path}pageSize=3"))
    token = page["nextPageToken"]
    page = object_in(await project.node.request("GET", f"{path}nextPageToken={token}"))
    assert names_on(page, kind) == names[3:]
    first = base64.b64encode(b"f" * 24).decode()
    both = f"{path}nextPageToken={token}&pageToken={first}"
    assert names_on(object_in(await project.node.request("GET", both)), kind) == names
