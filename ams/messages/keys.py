"""Where the log keeps what in Redis.

Every key of a topic carries the topic's uuid as hash tag, so that all of it lives in one slot of a
Redis Cluster and one script call can touch it.
"""

#: Channel on which append names the topic whose waiting pulls have something to read.
WAKE_CHANNEL = "ams:wake"


def log(topic: str) -> str:
    """The stream of the topic's messages."""
    return f"ams:{{{topic}}}:log"


def topic(topic: str) -> str:
    """The hash with the topic's epoch, bounds and counters."""
    return f"ams:{{{topic}}}:topic"


def days(topic: str) -> str:
    """The hash from day, counted since 1970, to the messages published that day."""
    return f"ams:{{{topic}}}:days"


def subscription(topic: str, subscription: str) -> str:
    """The hash with the subscription's epoch, offset and counters."""
    return f"ams:{{{topic}}}:sub:{subscription}"


def subscriptions(topic: str) -> str:
    """The set of the subscriptions that have a hash."""
    return f"ams:{{{topic}}}:subs"
