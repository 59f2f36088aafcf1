"""How a function that builds a call becomes a method of both clients.

A resource is written once, as a list of its routes:

    class Topics(Resource[S_co]):
        show = Method(topics.show)

and its type says who sends: `Topics[Blocking]` has `show(project, topic) -> Topic`,
`Topics[Awaiting]` the same method to be awaited. Type checkers see the parameters of the function.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar, get_args, overload

from ams.client.call import Call, Listing

P = ParamSpec("P")
T = TypeVar("T")
S_co = TypeVar("S_co", bound="Blocking | Awaiting", covariant=True)


class Blocking(Protocol):
    """Sends calls, and returns when they are answered."""

    def send(self, call: Call[T], /) -> T: ...

    def each(self, listing: Listing[T], /) -> Iterator[T]: ...


class Awaiting(Protocol):
    """Sends calls whose answers are awaited."""

    # Any: what an event loop sends into a coroutine is its own business.
    def send(self, call: Call[T], /) -> Coroutine[Any, Any, T]: ...

    def each(self, listing: Listing[T], /) -> AsyncIterator[T]: ...


class Resource(Generic[S_co]):
    """One kind of thing that a broker has, as seen by a client."""

    def __init__(self, sender: S_co) -> None:
        self._sender = sender


class Method(Generic[P, T]):
    """A method that sends the call that a function builds."""

    def __init__(self, build: Callable[P, Call[T]]) -> None:
        self._build = _described(build)

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Resource[Blocking], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(
        self, instance: Resource[Awaiting], owner: type
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(
        self, instance: Resource[Blocking] | Resource[Awaiting] | None, owner: type
    ) -> Self | Callable[P, T | Coroutine[Any, Any, T]]:
        if instance is None:
            return self
        send, build = instance._sender.send, self._build

        @wraps(build)
        def method(*args: P.args, **kwargs: P.kwargs) -> T | Coroutine[Any, Any, T]:
            return send(build(*args, **kwargs))

        return method


class ListMethod(Generic[P, T]):
    """A method that goes through a list, page by page; a function says which one."""

    def __init__(self, build: Callable[P, Listing[T]]) -> None:
        self._build = _described(build)

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Resource[Blocking], owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(
        self, instance: Resource[Awaiting], owner: type
    ) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(
        self, instance: Resource[Blocking] | Resource[Awaiting] | None, owner: type
    ) -> Self | Callable[P, Iterator[T] | AsyncIterator[T]]:
        if instance is None:
            return self
        each, build = instance._sender.each, self._build

        @wraps(build)
        def method(*args: P.args, **kwargs: P.kwargs) -> Iterator[T] | AsyncIterator[T]:
            return each(build(*args, **kwargs))

        return method


def _described(build: Callable[P, T]) -> Callable[P, T]:
    """The function; its signature, which `help()` shows, says what the call's answer is."""
    signature = inspect.signature(build)
    (result,) = get_args(signature.return_annotation)

    @wraps(build)
    def described(*args: P.args, **kwargs: P.kwargs) -> T:
        return build(*args, **kwargs)

    described.__signature__ = signature.replace(  # type: ignore[attr-defined]  # inspect reads it
        return_annotation=result
    )
    return described
