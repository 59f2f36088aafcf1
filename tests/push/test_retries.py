"""How long is waited after failures (contract: push 4.6, decision 12)."""

from ams.metadata.records import PushConfig
from ams.push.retries import LONGEST, LONGEST_ASKED, SHORTEST, policy_of, wait_seconds

SLOWSTART = PushConfig(type="http_endpoint", retry_type="slowstart")


def linear(period: int) -> PushConfig:
    return PushConfig(type="http_endpoint", retry_type="linear", retry_period=period)


def test_linear_waits_its_period_each_time() -> None:
    policy = policy_of(linear(3000))
    assert [policy.failed() for _ in range(3)] == [3.0] * 3
    policy.succeeded()
    assert policy.failed() == 3.0


def test_a_period_has_bounds() -> None:
    """Contract: push, oddity 22."""
    assert policy_of(linear(1)).failed() == SHORTEST
    assert policy_of(linear(2**63 - 1)).failed() == LONGEST


def test_slowstart_doubles_up_to_a_day() -> None:
    policy = policy_of(SLOWSTART)
    assert [policy.failed() for _ in range(4)] == [2.0, 4.0, 8.0, 16.0]
    waits = [policy.failed() for _ in range(20)]
    assert waits[-1] == LONGEST


def test_slowstart_begins_lower_after_successes() -> None:
    policy = policy_of(SLOWSTART)
    for _ in range(5):
        policy.succeeded()
    assert [policy.failed() for _ in range(3)] == [0.6, 1.2, 2.4]
    policy.succeeded()
    assert policy.failed() == 2.0, "an end of failures sets it back"


def test_a_receiver_can_ask_for_more_but_not_for_less_nor_for_ever() -> None:
    for asked, least in ((None, 3.0), (1.0, 3.0), (10.0, 10.0), (1e9, LONGEST_ASKED)):
        assert least <= wait_seconds(3.0, asked) <= 1.1 * least
