"""What the exporter tells: names, labels and meaning. Units stand in the names."""

from typing import Final

from ams.service import certificates
from ams.service.exposition import Family

_PROJECT: Final = ("project",)
_TOPIC: Final = ("project", "topic")
_SUBSCRIPTION: Final = ("project", "subscription")
_SERVER: Final = ("server",)

UP: Final = Family("ams_up", "gauge", "Whether all of a part was read: 1, or 0 if not.", ("part",))
COLLECT_SECONDS: Final = Family(
    "ams_exporter_collect_duration_seconds",
    "gauge",
    "How long it took to read a part.",
    ("part",),
)
COLLECTED: Final = Family(
    "ams_exporter_collect_timestamp_seconds",
    "gauge",
    "When what is told here was read, since 1970.",
)
LEFT_OUT: Final = Family(
    "ams_exporter_left_out",
    "gauge",
    "How many have no figures of their own, because exporter.max_labels is less than there are.",
    ("kind",),
)

PROJECTS: Final = Family("ams_projects", "gauge", "Projects.")
TOPICS: Final = Family("ams_topics", "gauge", "Topics of all projects.")
SUBSCRIPTIONS: Final = Family("ams_subscriptions", "gauge", "Subscriptions of all projects.")
USERS: Final = Family("ams_users", "gauge", "Users.")
REGISTRATIONS: Final = Family(
    "ams_registrations_waiting", "gauge", "Registrations that wait to be accepted or declined."
)

PROJECT_TOPICS: Final = Family("ams_project_topics", "gauge", "Topics of a project.", _PROJECT)
PROJECT_SUBSCRIPTIONS: Final = Family(
    "ams_project_subscriptions", "gauge", "Subscriptions of a project.", _PROJECT
)
PROJECT_MEMBERS: Final = Family("ams_project_members", "gauge", "Users of a project.", _PROJECT)
PROJECT_MESSAGES: Final = Family(
    "ams_project_messages_total",
    "counter",
    "Messages ever published to a project, to topics that were deleted, too.",
    _PROJECT,
)
PROJECT_TODAY: Final = Family(
    "ams_project_daily_messages",
    "gauge",
    "Messages published to a project since midnight (UTC).",
    _PROJECT,
)
PROJECT_STORED: Final = Family(
    "ams_project_stored_bytes",
    "gauge",
    "JSON of the messages that a project's topics keep.",
    _PROJECT,
)
PROJECT_BACKLOG: Final = Family(
    "ams_project_backlog_messages",
    "gauge",
    "Messages not acknowledged, added up over the subscriptions of a project.",
    _PROJECT,
)

TOPIC_MESSAGES: Final = Family(
    "ams_topic_messages_total", "counter", "Messages ever published to a topic.", _TOPIC
)
TOPIC_BYTES: Final = Family(
    "ams_topic_bytes_total", "counter", "Length of their data, as sent (base64).", _TOPIC
)
TOPIC_RATE: Final = Family(
    "ams_topic_publishing_rate",
    "gauge",
    "Messages per second between the last two publishes; it stays until the next.",
    _TOPIC,
)
TOPIC_STORED_MESSAGES: Final = Family(
    "ams_topic_stored_messages", "gauge", "Messages that a topic keeps.", _TOPIC
)
TOPIC_STORED_BYTES: Final = Family(
    "ams_topic_stored_bytes", "gauge", "Length of their JSON.", _TOPIC
)
TOPIC_OLDEST: Final = Family(
    "ams_topic_oldest_message_timestamp_seconds",
    "gauge",
    "When the oldest message that a topic keeps was published; missing if it keeps none.",
    _TOPIC,
)
TOPIC_LAST: Final = Family(
    "ams_topic_last_publish_timestamp_seconds",
    "gauge",
    "When a topic was last published to; missing if it never was.",
    _TOPIC,
)
TOPIC_SUBSCRIPTIONS: Final = Family(
    "ams_topic_subscriptions", "gauge", "Subscriptions to a topic.", _TOPIC
)

SUBSCRIPTION_INFO: Final = Family(
    "ams_subscription_info",
    "gauge",
    "Topic of a subscription, and whether its messages are pushed: none, unverified (a receiver is"
    " set but not verified) or verified; always 1.",
    (*_SUBSCRIPTION, "topic", "push"),
)
BACKLOG: Final = Family(
    "ams_subscription_backlog_messages",
    "gauge",
    "Messages that a subscription has not acknowledged.",
    _SUBSCRIPTION,
)
OLDEST_UNACKNOWLEDGED: Final = Family(
    "ams_subscription_oldest_unacknowledged_age_seconds",
    "gauge",
    "Age of the oldest message that is not acknowledged; 0 if there is none.",
    _SUBSCRIPTION,
)
CONSUMED_MESSAGES: Final = Family(
    "ams_subscription_messages_total",
    "counter",
    "Messages ever delivered; those that came again count again.",
    _SUBSCRIPTION,
)
CONSUMED_BYTES: Final = Family(
    "ams_subscription_bytes_total",
    "counter",
    "Length of their data, as sent (base64).",
    _SUBSCRIPTION,
)
CONSUMPTION_RATE: Final = Family(
    "ams_subscription_consumption_rate",
    "gauge",
    "Messages per second between the last two pulls; it stays until the next.",
    _SUBSCRIPTION,
)
LAST_PULL: Final = Family(
    "ams_subscription_last_pull_timestamp_seconds",
    "gauge",
    "When a subscription was last pulled from, be it in vain; missing if it never was.",
    _SUBSCRIPTION,
)
LAST_ACKNOWLEDGEMENT: Final = Family(
    "ams_subscription_last_acknowledgement_timestamp_seconds",
    "gauge",
    "When messages were last acknowledged; missing if they never were.",
    _SUBSCRIPTION,
)

REDIS_INFO: Final = Family(
    "ams_redis_info",
    "gauge",
    "A Redis that holds messages; always 1.",
    (*_SERVER, "version", "role"),
)
REDIS_MEMORY: Final = Family(
    "ams_redis_memory_used_bytes", "gauge", "Memory that Redis has allocated.", _SERVER
)
REDIS_CEILING: Final = Family(
    "ams_redis_memory_max_bytes", "gauge", "Redis' maxmemory; 0 if it has none.", _SERVER
)
REDIS_AOF: Final = Family(
    "ams_redis_aof_enabled", "gauge", "Whether Redis writes an append-only file: 1 or 0.", _SERVER
)
REDIS_AOF_WRITES: Final = Family(
    "ams_redis_aof_last_write_ok",
    "gauge",
    "Whether the last write to the append-only file went well: 1 or 0.",
    _SERVER,
)
REDIS_AOF_REWRITE: Final = Family(
    "ams_redis_aof_last_rewrite_ok",
    "gauge",
    "Whether it was last rewritten well: 1 or 0.",
    _SERVER,
)
REDIS_SAVE: Final = Family(
    "ams_redis_rdb_last_save_ok", "gauge", "Whether the last snapshot went well: 1 or 0.", _SERVER
)
REDIS_SAVED: Final = Family(
    "ams_redis_rdb_last_save_timestamp_seconds",
    "gauge",
    "When the last snapshot was made, since 1970.",
    _SERVER,
)
REDIS_UNSAVED: Final = Family(
    "ams_redis_rdb_unsaved_changes", "gauge", "Changes since the last snapshot.", _SERVER
)
REDIS_REPLICAS: Final = Family(
    "ams_redis_connected_replicas", "gauge", "Replicas that follow Redis and are online.", _SERVER
)
REDIS_LAG: Final = Family(
    "ams_redis_replica_lag_bytes",
    "gauge",
    "How much of what Redis has written a replica has not confirmed.",
    (*_SERVER, "replica"),
)
REDIS_CLIENTS: Final = Family(
    "ams_redis_connected_clients", "gauge", "Connections to Redis, of brokers and others.", _SERVER
)
REDIS_EVICTED: Final = Family(
    "ams_redis_evicted_keys_total",
    "counter",
    "Keys that Redis has thrown away for want of memory; anything but 0 is lost messages.",
    _SERVER,
)
REDIS_UPTIME: Final = Family(
    "ams_redis_uptime_seconds", "gauge", "How long Redis has been running.", _SERVER
)

DATABASE_INFO: Final = Family(
    "ams_database_info",
    "gauge",
    "The database: what it is, its version, and the last migration it went through; always 1.",
    ("engine", "version", "migration"),
)

CERTIFICATE_EXPIRY: Final = certificates.EXPIRY
CERTIFICATE_READABLE: Final = Family(
    "ams_certificate_readable",
    "gauge",
    "Whether the certificates that a setting names can be read: 1 or 0.",
    ("setting",),
)

#: All there are, as they are told.
FAMILIES: Final = tuple(value for value in list(globals().values()) if isinstance(value, Family))
