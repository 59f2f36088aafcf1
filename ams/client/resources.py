"""What a client has: its resources, and the routes of each as methods.

To add a route, write the function that builds its call, and a line here.
"""

from ams.client import (
    access,
    audit,
    members,
    metrics,
    projects,
    registrations,
    schemas,
    service,
    subscriptions,
    topics,
    users,
)
from ams.client.resource import ListMethod, Method, Resource, S_co


class Projects(Resource[S_co]):
    """Projects, as seen by a client."""

    create = Method(projects.create)
    list = Method(projects.list_all)
    show = Method(projects.show)
    update = Method(projects.update)
    metrics = Method(projects.metrics)
    delete = Method(projects.delete)
    preview_delete = Method(projects.preview_delete)


class Members(Resource[S_co]):
    """Members of projects, as seen by a client."""

    create = Method(members.create)
    show = Method(members.show)
    page = Method(members.page)
    list = ListMethod(members.list_all)
    update = Method(members.update)
    add = Method(members.add)
    remove = Method(members.remove)


class Topics(Resource[S_co]):
    """Topics, as seen by a client."""

    create = Method(topics.create)
    show = Method(topics.show)
    page = Method(topics.page)
    list = ListMethod(topics.list_all)
    delete = Method(topics.delete)
    preview_delete = Method(topics.preview_delete)
    purge = Method(topics.purge)
    preview_purge = Method(topics.preview_purge)
    peek = Method(topics.peek)
    history = Method(topics.history)
    subscriptions = Method(topics.subscriptions)
    metrics = Method(topics.metrics)
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
    preview_delete = Method(subscriptions.preview_delete)
    purge = Method(subscriptions.purge)
    preview_purge = Method(subscriptions.preview_purge)
    history = Method(subscriptions.history)
    metrics = Method(subscriptions.metrics)
    acl = Method(subscriptions.acl)
    modify_acl = Method(subscriptions.modify_acl)
    pull = Method(subscriptions.pull)
    acknowledge = Method(subscriptions.acknowledge)
    offsets = Method(subscriptions.offsets)
    modify_offset = Method(subscriptions.modify_offset)
    preview_modify_offset = Method(subscriptions.preview_modify_offset)
    time_to_offset = Method(subscriptions.time_to_offset)
    modify_ack_deadline = Method(subscriptions.modify_ack_deadline)
    modify_push_config = Method(subscriptions.modify_push_config)
    verify_push_endpoint = Method(subscriptions.verify_push_endpoint)


class Schemas(Resource[S_co]):
    """Schemas, as seen by a client."""

    create = Method(schemas.create)
    show = Method(schemas.show)
    list = Method(schemas.list_all)
    update = Method(schemas.update)
    delete = Method(schemas.delete)
    validate = Method(schemas.validate)


class Access(Resource[S_co]):
    """Who may do what, as seen by a client."""

    explain = Method(access.explain)


class Audit(Resource[S_co]):
    """The audit trail, as seen by a client."""

    page = Method(audit.page)
    list = ListMethod(audit.list_all)


class Metrics(Resource[S_co]):
    """How much the service is used, as seen by a client."""

    hosts = Method(metrics.hosts)
    activity = Method(metrics.activity)
    usage_report = Method(metrics.usage_report)


class Registrations(Resource[S_co]):
    """Requests to become a user, as seen by a client."""

    create = Method(registrations.create)
    show = Method(registrations.show)
    list = Method(registrations.list_all)
    accept = Method(registrations.accept)
    decline = Method(registrations.decline)
    delete = Method(registrations.delete)


class Users(Resource[S_co]):
    """Users, as seen by a client."""

    create = Method(users.create)
    show = Method(users.show)
    by_token = Method(users.by_token)
    by_uuid = Method(users.by_uuid)
    update = Method(users.update)
    page = Method(users.page)
    list = ListMethod(users.list_all)
    profile = Method(users.profile)
    refresh_token = Method(users.refresh_token)
    delete = Method(users.delete)
    preview_delete = Method(users.preview_delete)


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
        self.registrations = Registrations(sender)
        self.metrics = Metrics(sender)
        self.access = Access(sender)
        self.audit = Audit(sender)
