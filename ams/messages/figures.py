"""What the message log counts and measures of itself; what has no labels, ready for use."""

from typing import Final

from ams.service.instruments import BYTES, NUMBERS, Counter, Gauge, Histogram

PUBLISH_MESSAGES: Final = Histogram(
    "ams_publish_messages", "Messages of a publish that was stored.", bounds=NUMBERS
).labels()
PUBLISH_BYTES: Final = Histogram(
    "ams_publish_size_bytes", "JSON of a publish that was stored.", bounds=BYTES
).labels()
PULL_MESSAGES: Final = Histogram(
    "ams_pull_messages", "Messages of a pull that was answered; none, too.", bounds=NUMBERS
).labels()
PULL_BYTES: Final = Histogram(
    "ams_pull_size_bytes", "JSON of the messages of a pull that was answered.", bounds=BYTES
).labels()
_READS: Final = Counter(
    "ams_log_reads_total",
    "Pulls of more than a few kilobytes, by where these were: in memory, because they had been read"
    " before, or in Redis.",
    ("source",),
)
READS_FROM_MEMORY: Final = _READS.labels("memory")
READS_FROM_REDIS: Final = _READS.labels("redis")
COMMIT_PUBLISHES: Final = Histogram(
    "ams_group_commit_publishes", "Publishes that shared one script call.", bounds=NUMBERS
).labels()
ROUND_TRIP: Final = Histogram(
    "ams_redis_round_trip_seconds",
    "Time from asking for a connection to the last answer of a pipeline, by what it was for.",
    ("purpose",),
)
FAILED_ROUND_TRIPS: Final = Counter(
    "ams_redis_failures_total", "Pipelines that got no answer, by what they were for.", ("purpose",)
)
STALE: Final = Counter(
    "ams_stale_epochs_total", "Calls that Redis refused, because a worker knew an older epoch."
).labels()
WAITING: Final = Gauge("ams_waiting_pulls", "Pulls that wait for a message now.").labels()
