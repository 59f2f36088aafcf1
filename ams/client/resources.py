"""What a client has: its resources, and the routes of each as methods.

To add a route, write the function that builds its call, and a line here.
"""

from ams.client import audit, members, projects, schemas, service, subscriptions, topics, users
from ams.client.resource import ListMethod, Method, Resource, S_co


class Projects(Resource[S_co]):
    """Projects, as seen by a client."""

    create = Method(projects.create)
    list = Method(projects.list_all)
    show = Method(projects.show)
    delete = Method(projects.delete)


class Members(Resource[S_co]):
    """Members of projects, as seen by a client."""

    create = Method(members.create)
    show = Method(members.show)
    add = Method(members.add)


class Topics(Resource[S_co]):
    """Topics, as seen by a client."""

    create = Method(topics.create)
    show = Method(topics.show)
    page = Method(topics.page)
    list = ListMethod(topics.list_all)
    delete = Method(topics.delete)
    subscriptions = Method(topics.subscriptions)
    acl = Method(topics.acl)
    modify_acl = Method(topics.modify_acl)
    modify_retention = Method(topics.modify_retention)
    attach_schema = Method(topics.attach_schema)
    detach_schema = Method(topics.detach_schema)
    publish = Method(topics.publish)


class Subscriptions(Resource[S_co]):
    """Subscriptions, as seen by a client."""

    create = Method(subscriptions.create)
    show = Method(subscriptions.show)
    page = Method(subscriptions.page)
    list = ListMethod(subscriptions.list_all)
    delete = Method(subscriptions.delete)
    acl = Method(subscriptions.acl)
    modify_acl = Method(subscriptions.modify_acl)
    pull = Method(subscriptions.pull)
    acknowledge = Method(subscriptions.acknowledge)
    offsets = Method(subscriptions.offsets)
    modify_offset = Method(subscriptions.modify_offset)
    time_to_offset = Method(subscriptions.time_to_offset)
    modify_ack_deadline = Method(subscriptions.modify_ack_deadline)


class Schemas(Resource[S_co]):
    """Schemas, as seen by a client."""

    create = Method(schemas.create)
    show = Method(schemas.show)
    list = Method(schemas.list_all)
    update = Method(schemas.update)
    delete = Method(schemas.delete)
    validate = Method(schemas.validate)


class Audit(Resource[S_co]):
    """The audit trail, as seen by a client."""

    page = Method(audit.page)
    list = ListMethod(audit.list_all)


class Users(Resource[S_co]):
    """Users, as seen by a client."""

    create = Method(users.create)
    show = Method(users.show)
    page = Method(users.page)
    list = ListMethod(users.list_all)
    profile = Method(users.profile)
    refresh_token = Method(users.refresh_token)
    delete = Method(users.delete)


class Broker(Resource[S_co]):
    """All that a broker has; both clients are one."""

    status = Method(service.status)
    version = Method(service.version)

    def __init__(self, sender: S_co) -> None:
        super().__init__(sender)
        self.projects = Projects(sender)
        self.members = Members(sender)
        self.topics = Topics(sender)
        self.subscriptions = Subscriptions(sender)
        self.schemas = Schemas(sender)
        self.users = Users(sender)
        self.audit = Audit(sender)
