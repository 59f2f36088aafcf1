"""Who hangs leaves room for others."""

import asyncio
from itertools import count

from ams.push.room import (
    MOST_BYTES,
    MOST_BYTES_FAILING,
    MOST_BYTES_TO_ONE_HOST,
    MOST_FAILING,
    MOST_REQUESTS,
    MOST_TO_ONE_HOST,
    Need,
    Room,
)

MEGABYTE = 1_048_576

_hosts = count()


def need(host: str = "", size: int = 1, failing: bool = False) -> Need:
    """What a request takes; to a host of its own unless one is named."""
    return Need(host or f"host-{next(_hosts)}", size, failing)


def fill(room: Room, most: int, host: str = "", failing: bool = False) -> list[Need]:
    """Takes all the room that there is for such requests."""
    taken = []
    while room.try_enter(one := need(host, failing=failing)):
        taken.append(one)
    assert len(taken) == most
    return taken


def test_one_host_gets_a_part() -> None:
    room = Room()
    taken = fill(room, MOST_TO_ONE_HOST, host="h")
    assert room.try_enter(need())
    room.leave(taken[0])
    assert room.try_enter(need("h"))


def test_what_failed_gets_a_part() -> None:
    room = Room()
    fill(room, MOST_FAILING, failing=True)
    fill(room, MOST_REQUESTS - MOST_FAILING)


def fill_bytes(room: Room, most: int, host: str = "", failing: bool = False) -> None:
    """Takes all the room that there is for such requests of 1 MiB."""
    assert most % MEGABYTE == 0
    for _ in range(most // MEGABYTE):
        assert room.try_enter(need(host, MEGABYTE, failing))
    assert not room.try_enter(need(host, MEGABYTE, failing))


def test_large_requests_to_one_host_leave_room_for_others() -> None:
    room = Room()
    fill_bytes(room, MOST_BYTES_TO_ONE_HOST, host="h")
    fill_bytes(room, MOST_BYTES - MOST_BYTES_TO_ONE_HOST)


def test_large_requests_that_failed_leave_room_for_others() -> None:
    room = Room()
    fill_bytes(room, MOST_BYTES_FAILING, failing=True)
    fill_bytes(room, MOST_BYTES - MOST_BYTES_FAILING)


def test_one_that_is_larger_than_all_the_room_goes_along_with_small_ones() -> None:
    room = Room()
    assert room.try_enter(need())
    large = need(size=2 * MOST_BYTES)
    assert room.try_enter(large)
    assert room.try_enter(need())
    room.leave(large)
    fill_bytes(room, MOST_BYTES_TO_ONE_HOST, host="h")


def test_a_request_grows_as_far_as_there_is_room() -> None:
    room = Room()
    one = need("h", MEGABYTE)
    assert room.try_enter(one)
    assert room.try_grow(one, 1)
    assert room.try_grow(one, MOST_BYTES_TO_ONE_HOST - MEGABYTE)
    assert room.try_enter(need("h", MEGABYTE))
    assert not room.try_grow(one, MOST_BYTES_TO_ONE_HOST)
    room.leave(one)
    fill_bytes(room, MOST_BYTES_TO_ONE_HOST - MEGABYTE, host="h")


async def test_who_waits_gets_in_when_there_is_room_and_nobody_is_passed_for_nothing() -> None:
    room = Room()
    taken = fill(room, MOST_TO_ONE_HOST, host="h")
    waiting = [asyncio.create_task(room.enter(need("h"))) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    room.leave(taken[0])
    await waiting[1]
    assert not waiting[2].done()
    # One that is cancelled when it has just got room gives it back.
    room.leave(taken[1])
    waiting[2].cancel()
    await asyncio.wait(waiting[2:])
    assert room.try_enter(need("h"))
    assert not room.try_enter(need("h"))
