"""Why somebody may do something, or may not: decided by what decides about requests, in words."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final, Literal

from msgspec import Meta

from ams.api import fields
from ams.api.answers import Answer
from ams.api.calls import Call
from ams.api.operations import PROJECT, Operation, Parameter, operation
from ams.auth import access
from ams.auth.access import LIST_RULES, ListReason, ListRule, RouteReason, RouteVerdict
from ams.metadata import subscriptions, topics, users
from ams.metadata.records import Caller
from ams.service.errors import Forbidden, InvalidArgument, NotFound

USER: Final = Parameter("user", "Name of the user who would do it.")
ACTION: Final = Parameter("action", "Name of an operation, such as `topics:publish`.")
RESOURCE: Final = Parameter(
    "resource",
    "What they would do it to, `topics/T` or `subscriptions/S`; needed where an access list may"
    " count.",
)

_NEEDED: Final = "Name a user and an action"
_UNKNOWN: Final = "Unknown action"
_BAD_RESOURCE: Final = "Invalid resource (needs topics/T or subscriptions/S, as the action has it)"

_RESOURCE: Final = re.compile(r"(topic|subscription)s/([A-Za-z0-9_-]{1,255})")

#: What an access list says, by the rule that looks at it. `{list}` is the list.
_ON_THE_LIST: Final[Mapping[ListReason, str]] = MappingProxyType(
    {
        ListReason.ON_IT: "and is on {list}",
        ListReason.NOT_ON_IT: "but must be on {list}, and is not",
        ListReason.OTHER_ROLES: "and needs no place on {list}, which counts for {whom} only",
        ListReason.LISTS_OFF: "and access lists do not count: per_resource_auth is off",
        ListReason.PULL_ONLY: "and {list} counts for pulling only: consumer_acl_everywhere is off",
    }
)
_WHOM: Final[Mapping[ListRule, str]] = MappingProxyType(
    {
        ListRule.PUBLISH: "publishers",
        ListRule.PULL: "consumers",
        ListRule.CONSUME: "consumers",
        ListRule.PEEK: "consumers who are no admins",
    }
)


class Explanation(Answer):
    """Whether somebody may do something, and why."""

    allowed: bool
    code: Annotated[
        Literal[200, 401, 403], Meta(description="What a request would get, were all else right.")
    ]
    reason: Annotated[
        str,
        Meta(
            description="In words.",
            examples=["alice is publisher and may do topics:publish, and is on the access list."],
        ),
    ]
    roles: fields.Roles


@operation(
    "access:explain",
    "GET",
    f"{PROJECT}/access:explain",
    query=[USER, ACTION, RESOURCE],
    errors=[
        NotFound("Topic"),
        NotFound("Subscription"),
        *map(InvalidArgument, (_NEEDED, _UNKNOWN, _BAD_RESOURCE)),
    ],
)
async def explain(call: Call) -> Explanation:
    """Tell whether a user may do something, and by which role or access list.

    Roles in the whole service are shown to those only who have the role service_admin there, as
    are operations outside of projects.
    """
    name, action = call.argument(USER), _operation(call.argument(ACTION))
    if not name:
        raise InvalidArgument(_NEEDED)
    resource = _resource(call.argument(RESOURCE), action)
    if "<project>" not in action.path and not access.is_privileged(call.caller):
        raise Forbidden
    try:
        caller = await users.caller_named(call.broker.store, name)
    except NotFound:
        return Explanation(False, 401, f"There is no user {name}.", [])
    return await _Question(call, caller, action, resource).answer()


def _operation(name: str) -> Operation:
    if not name:
        raise InvalidArgument(_NEEDED)
    from ams.api.app import OPERATIONS  # Late: it holds the operation of this module, too.

    for each in OPERATIONS:
        if each.name == name:
            return each
    raise InvalidArgument(_UNKNOWN)


def _resource(text: str, action: Operation) -> str:
    """The name of what the action would be done to; empty if that does not matter."""
    match = _RESOURCE.fullmatch(text)
    if match is not None and f"<{match[1]}>" in action.path:
        return match[2]
    if text or action.name in LIST_RULES:
        raise InvalidArgument(_BAD_RESOURCE)
    return ""


@dataclass(frozen=True, slots=True)
class _Question:
    """Whether somebody, who is known, may do something.

    Args:
        call: who asks.
        caller: who would do it.
        action: what they would do.
        resource: the name of the topic or subscription that they would do it to.
    """

    call: Call
    caller: Caller
    action: Operation
    resource: str

    async def answer(self) -> Explanation:
        """The answer."""
        if self.action.is_open:
            return self._explanation(200, f"No role is needed for {self.action.name}", ())
        table = await self.call.broker.roles()
        project_id = self.call.project.id if "<project>" in self.action.path else None
        verdict = access.judge_route(table, self.action.name, self.caller, project_id)
        if verdict.reason is RouteReason.NO_ROLES:
            return self._explanation(401, self._why_no_roles(project_id), ())
        shown = self._shown(verdict, project_id)
        needed = table.roles_of(self.action.name)
        if not verdict.allowed:
            whose = f"{self.action.name} is for {_listed(needed) if needed else 'nobody'}"
            return self._explanation(403, f"{self._name} is {_listed(shown)}; {whose}", shown)
        return await self._by_lists(verdict, _listed(shown & needed), shown)

    @property
    def _name(self) -> str:
        return self.caller.name

    def _shown(self, verdict: RouteVerdict, project_id: int | None) -> frozenset[str]:
        """The roles that the one who asks may know of."""
        if project_id is None or access.is_privileged(self.call.caller):
            return verdict.roles
        return self.caller.project_roles.get(project_id, frozenset())

    def _why_no_roles(self, project_id: int | None) -> str:
        if project_id is None:
            return f"{self._name} has no role in the whole service"
        project = self.call.project.name
        if project_id not in self.caller.project_roles:
            return f"{self._name} is no member of {project}"
        return f"{self._name} is a member of {project} without a role"

    async def _by_lists(self, verdict: RouteVerdict, by: str, shown: frozenset[str]) -> Explanation:
        words = f"{self._name} is {by} and may do {self.action.name}"
        rule = LIST_RULES.get(self.action.name)
        if rule is None:
            return self._explanation(200, words + self._limits_of_lists(verdict), shown)
        acl, list_ = await self._access_list(rule)
        settings = self.call.broker.settings.auth
        reason = access.judge_list(settings, rule, self.caller, verdict.roles, acl)
        more = _ON_THE_LIST[reason].format(list=list_, whom=_WHOM[rule])
        return self._explanation(200 if reason.allowed else 403, f"{words}, {more}", shown)

    async def _access_list(self, rule: ListRule) -> tuple[frozenset[int], str]:
        """The users of the access list that a rule looks at, and what it is called."""
        store, project_id, name = self.call.broker.store, self.call.project.id, self.resource
        if rule in (ListRule.PULL, ListRule.CONSUME):
            acl = (await subscriptions.get(store, project_id, name)).acl
            return acl, f"the access list of subscriptions/{name}"
        topic = await topics.get(store, project_id, name)
        if rule is ListRule.PUBLISH:
            return topic.acl, f"the access list of topics/{name}"
        acl = await subscriptions.consumers_of(store, topic)
        return acl, f"the access list of a subscription to topics/{name}"

    def _limits_of_lists(self, verdict: RouteVerdict) -> str:
        """What a list would leave out."""
        match self.action.name:
            case "topics:list":
                user_id = access.topics_of(self.caller, verdict.roles)
            case "subscriptions:list":
                user_id = access.subscriptions_of(self.caller, verdict.roles)
            case _:
                user_id = None
        return "" if user_id is None else ", and sees those whose access list holds them"

    def _explanation(
        self, code: Literal[200, 401, 403], words: str, roles: Iterable[str]
    ) -> Explanation:
        return Explanation(code == 200, code, f"{words}.", sorted(roles))


def _listed(roles: Iterable[str]) -> str:
    """Roles in words; none are some that the one who asks may not know of."""
    return ", ".join(sorted(roles)) or "somebody with a role in the whole service"
