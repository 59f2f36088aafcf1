"""Where the log keeps what in Redis.

Every key of a topic carries the topic's uuid as hash tag, so that all of it lives in one slot of a
Redis Cluster and one script call can touch it.
"""

#: Channel on which append names the topic whose waiting pulls have something to read.
WAKE_CHANNEL = "ams:wake"

#: Channel on which workers that push say what others may take over: the uuid of a subscription and,
#: after a blank, that of the worker; or nothing when the workers have changed.
PUSH_CHANNEL = "ams:push"

#: Hash of the workers that push: see meet_pushers.lua.
PUSHERS = "ams:pushers"


def log(topic: str) -> str:
    """The stream of the topic's messages."""
    return f"ams:{{{topic}}}:log"


def topic(topic: str) -> str:
    """The hash with the topic's epoch, bounds, counters, and messages a day."""
    return f"ams:{{{topic}}}:topic"


def days(topic: str) -> str:
    """The hash of a dropped topic, from day, counted since 1970, to the messages of that day."""
    return f"ams:{{{topic}}}:days"


def hour(topic: str, subscription: str = "") -> str:
    """The list of samples of the last hour, of a topic or of a subscription of it."""
    return _history("hour", topic, subscription)


def week(topic: str, subscription: str = "") -> str:
    """The list of samples of the last seven days, of a topic or of a subscription of it."""
    return _history("week", topic, subscription)


def _history(kind: str, topic: str, subscription: str) -> str:
    whole = f"ams:{{{topic}}}:{kind}"
    return f"{whole}:{subscription}" if subscription else whole


def subscription(topic: str, subscription: str) -> str:
    """The hash with the subscription's epoch, offset and counters."""
    return f"ams:{{{topic}}}:sub:{subscription}"


def subscriptions(topic: str) -> str:
    """The set of the subscriptions that have a hash."""
    return f"ams:{{{topic}}}:subs"
