"""What a caller may do (contract: ams-users-metrics 2)."""

import pytest

from ams.auth.access import (
    LIST_RULES,
    SERVICE_CALLER,
    ListReason,
    ListRule,
    ServiceToken,
    authorise,
    is_privileged,
    judge_list,
    require_listed,
    roles_in,
    subscriptions_of,
    topics_of,
)
from ams.auth.roles import DEFAULT_ROLES, RoleTable
from ams.auth.tokens import digest
from ams.metadata.records import Caller
from ams.service.errors import Forbidden, Unauthorized
from ams.service.settings_sections import AuthSettings

TABLE = RoleTable()
SETTINGS = AuthSettings()
PROJECT = 1
OTHER_PROJECT = 2
USER = 7


def caller(*project_roles: str, service: tuple[str, ...] = ()) -> Caller:
    return Caller(
        user_id=USER,
        uuid="u",
        name="user",
        service_roles=frozenset(service),
        project_roles={PROJECT: frozenset(project_roles)},
    )


def test_roles_of_the_project_and_of_the_service_count_together() -> None:
    user = caller("publisher", service=("metrics_viewer",))
    assert roles_in(user, PROJECT) == {"publisher", "metrics_viewer"}


def test_where_there_is_no_project_service_roles_count_alone() -> None:
    assert roles_in(caller("project_admin", service=("metrics_viewer",)), None) == {
        "metrics_viewer"
    }


def test_roles_of_another_project_do_not_count() -> None:
    assert roles_in(caller("project_admin"), OTHER_PROJECT) == frozenset()


def test_who_may_is_told_with_which_roles() -> None:
    assert authorise(TABLE, "topics:publish", caller("publisher"), PROJECT) == {"publisher"}


def test_nobodys_token_is_401() -> None:
    with pytest.raises(Unauthorized):
        authorise(TABLE, "topics:publish", None, PROJECT)


def test_a_user_of_another_project_is_401() -> None:
    with pytest.raises(Unauthorized):
        authorise(TABLE, "topics:publish", caller("publisher"), OTHER_PROJECT)


def test_a_member_without_roles_is_401() -> None:
    with pytest.raises(Unauthorized):
        authorise(TABLE, "topics:list", caller(), PROJECT)


def test_a_project_admin_is_401_where_there_is_no_project() -> None:
    """Contract: ams-users-metrics 14, number 9."""
    with pytest.raises(Unauthorized):
        authorise(TABLE, "users:list", caller("project_admin"), None)


def test_roles_that_the_route_is_not_for_are_403() -> None:
    with pytest.raises(Forbidden):
        authorise(TABLE, "topics:create", caller("publisher"), PROJECT)


def test_a_service_role_counts_in_every_project() -> None:
    assert authorise(TABLE, "topics:publish", caller(service=("publisher",)), OTHER_PROJECT)


def test_the_service_token_may_use_every_route() -> None:
    for route in DEFAULT_ROLES:
        assert authorise(TABLE, route, SERVICE_CALLER, OTHER_PROJECT)
        assert authorise(TABLE, route, SERVICE_CALLER, None)


def test_a_service_admin_is_privileged() -> None:
    assert is_privileged(caller(service=("service_admin",)))
    assert is_privileged(SERVICE_CALLER)


def test_a_service_admin_of_a_project_is_not_privileged() -> None:
    """Contract: decision 15."""
    assert not is_privileged(caller("service_admin"))


def test_the_service_token_is_recognised() -> None:
    token = ServiceToken("secret")
    assert token.matches(digest("secret"))
    assert not token.matches(digest("Secret"))
    assert not token.matches(digest(""))


def test_an_empty_service_token_matches_nothing() -> None:
    token = ServiceToken("")
    assert not token.matches(digest(""))
    assert not token.matches("")


def judged(
    rule: ListRule, roles: set[str], acl: set[int], settings: AuthSettings = SETTINGS
) -> ListReason:
    return judge_list(settings, rule, caller(), frozenset(roles), frozenset(acl))


def test_a_publisher_on_the_list_may_publish() -> None:
    assert judged(ListRule.PUBLISH, {"publisher"}, {USER}) is ListReason.ON_IT


@pytest.mark.parametrize("other", ["project_admin", "service_admin"])
def test_a_publisher_not_on_the_list_may_not_whatever_else_they_are(other: str) -> None:
    """Contract: O-5."""
    verdict = judged(ListRule.PUBLISH, {"publisher", other}, {USER + 1})
    assert verdict is ListReason.NOT_ON_IT
    assert not verdict.allowed


def test_who_is_no_publisher_does_not_need_the_list_of_a_topic() -> None:
    for roles in ({"project_admin"}, {"service_admin"}, {"consumer"}):
        assert judged(ListRule.PUBLISH, roles, set()) is ListReason.OTHER_ROLES


@pytest.mark.parametrize("rule", [ListRule.PULL, ListRule.CONSUME, ListRule.PEEK])
def test_a_consumer_must_be_on_the_list(rule: ListRule) -> None:
    assert judged(rule, {"consumer"}, {USER}) is ListReason.ON_IT
    assert judged(rule, {"consumer"}, set()) is ListReason.NOT_ON_IT


def test_a_publisher_does_not_need_the_list_of_a_subscription() -> None:
    assert judged(ListRule.PULL, {"publisher"}, set()) is ListReason.OTHER_ROLES


def test_an_admin_who_is_a_consumer_too_may_peek_without_being_on_a_list() -> None:
    roles = {"consumer", "project_admin"}
    assert judged(ListRule.PEEK, roles, set()) is ListReason.OTHER_ROLES
    assert judged(ListRule.PULL, roles, set()) is ListReason.NOT_ON_IT


@pytest.mark.parametrize("rule", ListRule)
def test_without_per_resource_auth_no_list_counts(rule: ListRule) -> None:
    """Contract: ams-core 1.6."""
    off = AuthSettings(per_resource_auth=False)
    assert judged(rule, {"publisher", "consumer"}, set(), off) is ListReason.LISTS_OFF


def test_a_setting_has_the_list_count_for_pulling_only() -> None:
    """Contract: decision 16."""
    off = AuthSettings(consumer_acl_everywhere=False)
    assert judged(ListRule.CONSUME, {"consumer"}, set(), off) is ListReason.PULL_ONLY
    assert judged(ListRule.PULL, {"consumer"}, set(), off) is ListReason.NOT_ON_IT
    assert judged(ListRule.PEEK, {"consumer"}, set(), off) is ListReason.NOT_ON_IT


def test_who_must_be_on_the_list_and_is_not_is_403() -> None:
    roles = frozenset({"consumer"})
    require_listed(SETTINGS, "subscriptions:pull", caller(), roles, frozenset({USER}))
    with pytest.raises(Forbidden):
        require_listed(SETTINGS, "subscriptions:pull", caller(), roles, frozenset())
    require_listed(
        SETTINGS, "subscriptions:pull", SERVICE_CALLER, SERVICE_CALLER.service_roles, frozenset()
    )


def test_lists_count_for_routes_that_there_are() -> None:
    assert set(DEFAULT_ROLES) >= set(LIST_RULES)


@pytest.mark.parametrize(
    ("roles", "topics", "subscriptions"),
    [
        ({"publisher"}, USER, None),
        ({"consumer"}, None, USER),
        ({"publisher", "consumer"}, USER, USER),
        ({"publisher", "consumer", "project_admin"}, None, None),
        ({"publisher", "consumer", "service_admin"}, None, None),
        ({"robot"}, None, None),
    ],
)
def test_lists_show_publishers_and_consumers_what_they_may_use(
    roles: set[str], topics: int | None, subscriptions: int | None
) -> None:
    """Contract: ams-core 1.6."""
    assert topics_of(caller(), frozenset(roles)) == topics
    assert subscriptions_of(caller(), frozenset(roles)) == subscriptions
