"""The table of routes: the contract's, ours besides, and the roles that may use them."""

from ams.api.app import OPERATIONS
from ams.auth.roles import CONTRACT_ROLES, DEFAULT_ROLES, OWN_ROLES

ROLES = {
    "S": "service_admin",
    "P": "project_admin",
    "pub": "publisher",
    "con": "consumer",
    "pw": "push_worker",
    "mv": "metrics_viewer",
    "av": "admin_viewer",
    "reg": "register_admin",
    "authn": "argo_api_authn",
}
PLACES = {
    "TOPIC": "/projects/{project}/topics/{topic}",
    "SUB": "/projects/{project}/subscriptions/{subscription}",
    "PROJECT": "/projects/{project}",
}
#: Name, method, path and roles of the contract's routes; those with a dash need no role.
CONTRACT = """
ams:metrics GET /metrics S mv P
ams:vaMetrics GET /metrics/va_metrics S mv P
ams:healthStatus GET /status S av
version:list GET /version -
users:byToken GET /users:byToken/{token} S pw
users:byUUID GET /users:byUUID/{uuid} S authn
users:list GET /users S P
users:profile GET /users/profile -
users:usageReport GET /users/usageReport -
users:show GET /users/{user} S
users:create POST /users/{user} S
users:update PUT /users/{user} S
users:refreshToken POST /users/{user}:refreshToken S
users:delete DELETE /users/{user} S
registrations:newUser POST /registrations S reg
registrations:acceptNewUser POST /registrations/{uuid}:accept S
registrations:declineNewUser POST /registrations/{uuid}:decline S
registrations:show GET /registrations/{uuid} S
registrations:list GET /registrations S
registrations:delete DELETE /registrations/{uuid} S
projects:list GET /projects S
projects:create POST PROJECT S
projects:show GET PROJECT S P
projects:update PUT PROJECT S P
projects:delete DELETE PROJECT S P
projects:metrics GET PROJECT:metrics S P
projects:listUsers GET PROJECT/members S P
projects:showUser GET PROJECT/members/{user} S P
projects:createUser POST PROJECT/members/{user} S P
projects:updateUser PUT PROJECT/members/{user} S P
projects:addUser POST PROJECT/members/{user}:add S P
projects:removeUser POST PROJECT/members/{user}:remove S P
topics:list GET PROJECT/topics S P pub
topics:show GET TOPIC S P pub
topics:create PUT TOPIC S P
topics:delete DELETE TOPIC S P
topics:publish POST TOPIC:publish S P pub
topics:metrics GET TOPIC:metrics S P pub
topics:acl GET TOPIC:acl S P
topics:modifyAcl POST TOPIC:modifyAcl S P
topics:attachSchema POST TOPIC:attachSchema S P
topics:detachSchema POST TOPIC:detachSchema S P
subscriptions:list GET PROJECT/subscriptions S P con
subscriptions:listByTopic GET TOPIC/subscriptions S P
subscriptions:show GET SUB S P con pw
subscriptions:create PUT SUB S P
subscriptions:delete DELETE SUB S P
subscriptions:pull POST SUB:pull S P con pw
subscriptions:acknowledge POST SUB:acknowledge S P con pw
subscriptions:offsets GET SUB:offsets S P con
subscriptions:timeToOffset GET SUB:timeToOffset S P con
subscriptions:modifyOffset POST SUB:modifyOffset S P con
subscriptions:modifyAckDeadline POST SUB:modifyAckDeadline S P con
subscriptions:metrics GET SUB:metrics S P con
subscriptions:acl GET SUB:acl S P
subscriptions:modifyAcl POST SUB:modifyAcl S P
subscriptions:modifyPushConfig POST SUB:modifyPushConfig S P
subscriptions:verifyPushEndpoint POST SUB:verifyPushEndpoint S P
schemas:create POST PROJECT/schemas/{schema} S P
schemas:show GET PROJECT/schemas/{schema} S P
schemas:list GET PROJECT/schemas S P
schemas:update PUT PROJECT/schemas/{schema} S P
schemas:delete DELETE PROJECT/schemas/{schema} S P
schemas:validateMessage POST PROJECT/schemas/{schema}:validate S P
"""


def expand(path: str) -> str:
    for short, place in PLACES.items():
        path = path.replace(short, place)
    return f"/v1{path}"


def contract() -> dict[str, tuple[str, str, set[str]]]:
    """Method, path and roles by the name of the route."""
    rows = [line.split() for line in CONTRACT.strip().splitlines()]
    return {
        name: (method, expand(path), {ROLES[role] for role in roles if role != "-"})
        for name, method, path, *roles in rows
    }


def test_the_contracts_routes_are_there_with_their_methods_and_paths() -> None:
    """Contract: ams-core 1.5, ams-users-metrics 3.2. An old client finds all that it knows."""
    served = {
        each.name: (each.method, each.full_path.replace("<", "{").replace(">", "}"))
        for each in OPERATIONS
    }
    known = {name: (method, path) for name, (method, path, _) in contract().items()}
    assert {name: served.get(name) for name in known} == known
    assert set(served) - set(known) == set(OWN_ROLES)


def test_the_contracts_routes_are_for_its_roles() -> None:
    """Contract: ams-core 1.5, ams-users-metrics 3.2, 14 #8."""
    assert {name: roles for name, (*_, roles) in contract().items() if roles} == CONTRACT_ROLES


def test_only_routes_that_check_for_themselves_need_no_role() -> None:
    """Contract: ams-core 1.2, ams-users-metrics 2.5."""
    exempt = {"ams:healthStatus", "version:list", "users:profile", "users:usageReport"}
    assert {each.name for each in OPERATIONS if each.is_open} == exempt


def test_every_route_that_needs_a_role_has_a_row() -> None:
    """Without one nobody could use it (contract: ams-users-metrics 2.2 step 5)."""
    assert set(DEFAULT_ROLES) >= {each.name for each in OPERATIONS if not each.is_open}


def test_routes_have_names_of_their_own() -> None:
    assert len({each.name for each in OPERATIONS}) == len(OPERATIONS)
