"""The Lua scripts, one a file, each behind the functions of `prelude.lua`."""

import hashlib
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final


@dataclass(frozen=True, slots=True)
class Script:
    """A script as Redis knows it: by the SHA-1 of its text."""

    name: str
    text: str = field(repr=False)
    sha: str


def _read(name: str) -> Script:
    folder = files(__package__)
    prelude = (folder / "prelude.lua").read_text(encoding="utf-8")
    text = prelude + (folder / f"{name}.lua").read_text(encoding="utf-8")
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


APPEND: Final = _read("append")
PULL: Final = _read("pull")
ACKNOWLEDGE: Final = _read("acknowledge")
OFFSETS: Final = _read("offsets")
SEEK: Final = _read("seek")
END: Final = _read("end")
OFFSET_AT_TIME: Final = _read("offset_at_time")
TRIM: Final = _read("trim")
RAISE_TOPIC_EPOCH: Final = _read("raise_topic_epoch")
RAISE_SUBSCRIPTION_EPOCH: Final = _read("raise_subscription_epoch")
DROP: Final = _read("drop")
DROP_DAYS: Final = _read("drop_days")
DROP_SUBSCRIPTION: Final = _read("drop_subscription")
PURGE: Final = _read("purge")
PURGE_SUBSCRIPTION: Final = _read("purge_subscription")
PEEK: Final = _read("peek")
DAYS: Final = _read("days")
DAYS_BETWEEN: Final = _read("days_between")
TOPIC_STATISTICS: Final = _read("topic_statistics")
SUBSCRIPTION_STATISTICS: Final = _read("subscription_statistics")
BEGIN_ROUND: Final = _read("begin_round")
SAMPLE: Final = _read("sample")
END_ROUND: Final = _read("end_round")
ROUNDS: Final = _read("rounds")
SAMPLES: Final = _read("samples")
LEASE: Final = _read("lease")
MEET_PUSHERS: Final = _read("meet_pushers")
PUSHERS: Final = _read("pushers")
TAKE_PUSH: Final = _read("take_push")
RELEASE_PUSH: Final = _read("release_push")
ACKNOWLEDGE_PUSHED: Final = _read("acknowledge_pushed")
NOTE_PUSH_FAILURE: Final = _read("note_push_failure")
PUSH_STATE: Final = _read("push_state")
