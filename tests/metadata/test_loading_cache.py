"""What is loaded once, kept, and not kept."""

import asyncio
from dataclasses import dataclass

import pytest

from ams.metadata.loading_cache import LoadingCache


@dataclass(frozen=True)
class Thing:
    uuid: str
    version: int = 0


class Source:
    """Where things are kept, slow enough to look between question and answer."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self.loads: list[str] = []
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()
        self.answer.set()

    async def load(self, key: str) -> Thing:
        self.loads.append(key)
        thing = self.things.get(key)
        self.asked.set()
        await self.answer.wait()
        if thing is None:
            raise LookupError(key)
        return thing

    def hold(self) -> None:
        self.asked.clear()
        self.answer.clear()


@pytest.fixture
def source() -> Source:
    source = Source()
    source.things = {"a": Thing("1"), "b": Thing("2"), "c": Thing("3")}
    return source


@pytest.fixture
def cache(source: Source) -> LoadingCache[str, Thing]:
    return LoadingCache(2, source.load, "tests")


async def test_what_was_loaded_is_kept(source: Source, cache: LoadingCache[str, Thing]) -> None:
    assert cache.get("a") is None
    loaded = await cache.load("a")
    assert cache.get("a") is loaded


async def test_what_does_not_exist_is_not_kept(
    source: Source, cache: LoadingCache[str, Thing]
) -> None:
    for _ in range(2):
        with pytest.raises(LookupError):
            await cache.load("x")
    assert source.loads == ["x", "x"]


async def test_the_one_unused_for_longest_goes_first(cache: LoadingCache[str, Thing]) -> None:
    await cache.load("a")
    await cache.load("b")
    cache.get("a")
    await cache.load("c")
    assert cache.get("b") is None
    assert cache.get("a") is not None
    assert cache.get("c") is not None
    assert len(cache) == 2


async def test_use_counts_once_half_of_the_room_is_taken(source: Source) -> None:
    source.things = {key: Thing(key) for key in "abcde"}
    cache = LoadingCache(4, source.load, "tests")
    await cache.load("a")
    await cache.load("b")
    cache.get("a")
    for key in "cde":
        await cache.load(key)
    assert [key for key in "abcde" if cache.get(key)] == ["a", "c", "d", "e"]


async def test_many_who_want_the_same_cause_one_load(
    source: Source, cache: LoadingCache[str, Thing]
) -> None:
    source.hold()
    waiting = [asyncio.create_task(cache.load("a")) for _ in range(10)]
    await source.asked.wait()
    source.answer.set()
    assert set(await asyncio.gather(*waiting)) == {Thing("1")}
    assert source.loads == ["a"]


async def test_a_load_that_fails_fails_for_all_who_wait(
    source: Source, cache: LoadingCache[str, Thing]
) -> None:
    results = await asyncio.gather(*(cache.load("x") for _ in range(3)), return_exceptions=True)
    assert {type(result) for result in results} == {LookupError}
    assert source.loads == ["x"]


async def test_one_who_gives_up_waiting_leaves_the_load_to_the_others(
    source: Source, cache: LoadingCache[str, Thing]
) -> None:
    source.hold()
    impatient, patient = (asyncio.create_task(cache.load("a")) for _ in range(2))
    await source.asked.wait()
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    source.answer.set()
    assert await patient == Thing("1")
    assert source.loads == ["a"]


async def test_a_load_is_finished_though_nobody_waits_any_more(
    source: Source, cache: LoadingCache[str, Thing]
) -> None:
    source.hold()
    task = asyncio.create_task(cache.load("a"))
    await source.asked.wait()
    task.cancel()
    source.answer.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await cache.load("b")
    assert cache.get("a") == Thing("1")


async def test_what_is_forgotten_is_loaded_again(
    source: Source, cache: LoadingCache[str, Thing]
) -> None:
    await cache.load("a")
    cache.forget("1")
    assert cache.get("a") is None
    await cache.load("a")
    cache.forget_key("a")
    assert cache.get("a") is None
    await cache.load("a")
    cache.clear()
    assert cache.get("a") is None
    assert len(cache) == 0


async def test_forgetting_the_unknown_does_no_harm(cache: LoadingCache[str, Thing]) -> None:
    await cache.load("a")
    cache.forget("9")
    cache.forget_key("x")
    assert cache.get("a") == Thing("1")


@pytest.mark.parametrize("how", ["forget", "forget_key", "clear"])
async def test_a_load_during_which_something_is_forgotten_is_not_kept(
    source: Source, cache: LoadingCache[str, Thing], how: str
) -> None:
    source.hold()
    overlapped = asyncio.create_task(cache.load("a"))
    await source.asked.wait()
    source.things["a"] = Thing("1", version=2)
    if how == "forget":
        cache.forget("1")
    elif how == "forget_key":
        cache.forget_key("a")
    else:
        cache.clear()
    # Who asks from here on gets what is new.
    later = asyncio.create_task(cache.load("a"))
    source.answer.set()
    assert await later == Thing("1", version=2)
    assert await overlapped == Thing("1")
    assert cache.get("a") == Thing("1", version=2)
    assert source.loads == ["a", "a"]


async def test_an_overlapped_load_that_ends_last_does_not_win(
    cache: LoadingCache[str, Thing],
) -> None:
    answers: dict[int, asyncio.Event] = {1: asyncio.Event(), 2: asyncio.Event()}
    calls = 0

    async def load(key: str) -> Thing:
        nonlocal calls
        calls += 1
        version = calls
        await answers[version].wait()
        return Thing(key, version)

    cache = LoadingCache(2, load, "tests")
    first = asyncio.create_task(cache.load("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    cache.forget_key("a")
    second = asyncio.create_task(cache.load("a"))
    answers[2].set()
    assert (await second).version == 2
    answers[1].set()
    assert (await first).version == 1
    kept = cache.get("a")
    assert kept is not None
    assert kept.version == 2


async def test_a_thing_under_a_new_key_leaves_its_old_one(
    source: Source, cache: LoadingCache[str, Thing]
) -> None:
    await cache.load("a")
    source.things["b"] = Thing("1", version=2)
    await cache.load("b")
    assert cache.get("a") is None
    cache.forget("1")
    assert len(cache) == 0


async def test_another_thing_under_the_same_key_takes_its_place(
    source: Source, cache: LoadingCache[str, Thing]
) -> None:
    await cache.load("a")
    source.things["a"] = Thing("9")
    await cache.load("a")
    cache.forget("1")
    assert cache.get("a") == Thing("9")
    cache.forget("9")
    assert len(cache) == 0
