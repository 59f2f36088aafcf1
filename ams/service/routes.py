"""Which action a method and a path mean, and what is wrong with those that mean none.

A path ends in a name that may carry a verb: `/v1/projects/P/topics/T:publish`. One `Resource` holds
all actions of one path (contract: ams-core 1.1, ams-users-metrics 1.1 and 1.2).
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from sys import intern
from typing import Final, Generic, NamedTuple, TypeVar
from urllib.parse import unquote

from ams.service.errors import InvalidArgument, MethodNotAllowed, ServiceError

#: A name in a path. Checked with fullmatch: `$` would let a trailing newline through.
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
#: Paths of each method whose route is remembered.
REMEMBERED_PATHS: Final = 65_536
#: The path variable whose value is a secret.
SECRET_VARIABLE: Final = "token"

Answer = TypeVar("Answer")


class NoSuchPath(ServiceError):
    """404: the service has no such path."""

    http_status = 404
    status = "NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("Not Found")


class Action(NamedTuple, Generic[Answer]):
    """What is done for one method of a resource.

    Args:
        name: the route name, such as `topics:publish`.
        handler: gets the request and its path variables.
    """

    name: str
    handler: Callable[..., Awaitable[Answer]]


class Choice(NamedTuple, Generic[Answer]):
    """An action and the path variables it is done with."""

    action: Action[Answer]
    variables: Mapping[str, str]


class Route(NamedTuple):
    """A route as documentation lists it."""

    name: str
    method: str
    path: str


class Resource(Generic[Answer]):
    """All that can be done with one path.

    Args:
        path: such as `/v1/projects/<project>/topics/<topic>`.
        actions: by method and verb; the verb is None for the resource itself.
        name: what a path variable may be.
    """

    def __init__(
        self,
        path: str,
        actions: Mapping[tuple[str, str | None], Action[Answer]],
        name: re.Pattern[str] = NAME,
    ) -> None:
        self.path = path
        self._name = name
        self.segments = path.split("/")[1:]
        self._variables = [s[1:-1] for s in self.segments if _is_variable(s)]
        self._alphabetical = sorted(self._variables)
        self._actions = dict(actions)
        self._has_verbs = any(verb is not None for _, verb in actions)
        if self._has_verbs and not _is_variable(self.segments[-1]):
            raise ValueError(f"{path}: a verb follows a variable")

    @property
    def routes(self) -> Iterator[Route]:
        """Every action with its method and full path."""
        for (method, verb), action in self._actions.items():
            yield Route(action.name, method, f"{self.path}:{verb}" if verb else self.path)

    def choose(self, method: str, values: list[str]) -> Choice[Answer]:
        """The action for a method, and its checked path variables.

        Args:
            method: HTTP method.
            values: of the path variables, as they stand in the path.

        Raises:
            MethodNotAllowed: only other methods have this verb, or this path without a verb.
            NoSuchPath: no method has this verb.
            InvalidArgument: a name is not one; the first in the variables' alphabetical order.
        """
        verb = None
        if self._has_verbs and ":" in values[-1]:
            name, _, verb = values[-1].rpartition(":")
        action = self._actions.get((method, verb))
        if action is None:
            action = self._despite_verb(method, verb)
        elif verb is not None:
            values[-1] = name
        # Thousands of remembered paths share the name of their project.
        variables = dict(zip(self._variables, map(intern, values), strict=True))
        for variable in self._alphabetical:
            if not self._name.fullmatch(variables[variable]):
                raise InvalidArgument(f"Invalid {variable} name")
        return Choice(action, variables)

    def _despite_verb(self, method: str, verb: str | None) -> Action[Answer]:
        """The plain action, where what looks like an unknown verb is taken for part of the name."""
        if allowed := [m for m, v in self._actions if v == verb]:
            raise MethodNotAllowed(allowed)
        plain: Action[Answer] | None = self._actions.get((method, None))
        if plain is None:
            raise NoSuchPath
        return plain


class _Node(Generic[Answer]):
    """One segment of the known paths."""

    def __init__(self) -> None:
        self.literals: dict[str, _Node[Answer]] = {}
        self.variable: _Node[Answer] | None = None
        self.resource: Resource[Answer] | None = None


class Routes(Generic[Answer]):
    """The resources of a service, found by path.

    Sanic's own router is not used: it percent-encodes a colon in a literal segment, so that it
    never finds `/v1/users:byToken/T`, keeps the 1024 paths used last where a busy broker has more
    topics, and takes a slash at the end for none in some places.

    Args:
        remembered: see `REMEMBERED_PATHS`.
    """

    def __init__(self, remembered: int = REMEMBERED_PATHS) -> None:
        self._most = remembered
        #: By method and path.
        self._chosen: dict[str, dict[str, Choice[Answer]]] = {}
        self._root: _Node[Answer] = _Node()
        self._resources: list[Resource[Answer]] = []
        self._before_secrets: tuple[str, ...] = ()

    def add(self, resource: Resource[Answer]) -> None:
        """Adds a resource. A literal segment goes before a variable in the same place."""
        node = self._root
        for segment in resource.segments:
            if _is_variable(segment):
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.literals.setdefault(segment, _Node())
        if node.resource is not None:
            raise ValueError(f"{resource.path}: there is one already")
        node.resource = resource
        self._resources.append(resource)
        before, variable, _ = resource.path.partition(f"/<{SECRET_VARIABLE}>")
        if variable:
            self._before_secrets += (before.rpartition("/")[2].lower(),)

    def _find(self, path: str) -> tuple[Resource[Answer], list[str]]:
        """The resource of a path and its variables' values."""
        node = self._root
        values: list[str] = []
        for segment in path[1:].split("/"):
            child = node.literals.get(segment)
            if child is None:
                child = node.variable
                if child is None or not segment:
                    raise NoSuchPath
                values.append(segment)
            node = child
        if node.resource is None:
            raise NoSuchPath
        return node.resource, values

    def choose(self, method: str, path: str) -> Choice[Answer]:
        """What a method and a decoded path mean.

        Raises:
            NoSuchPath, MethodNotAllowed, InvalidArgument: as in `Resource.choose`.
        """
        choice = self._chosen.get(method, {}).get(path)
        return self._choose(method, path) if choice is None else choice

    def _choose(self, method: str, path: str) -> Choice[Answer]:
        resource, values = self._find(path)
        choice = resource.choose(method, values)
        chosen = self._chosen.setdefault(method, {})
        if len(chosen) >= self._most:
            chosen.clear()
        chosen[path] = choice
        return choice

    def all(self) -> list[Route]:
        """Every route."""
        return [route for resource in self._resources for route in resource.routes]

    def loggable(self, path: str) -> str:
        """The path, up to the segment behind which a secret is known to stand.

        Also where the path as a whole is none: `/v1//users:byToken/T` has a token in it, too.
        """
        for segment in self._before_secrets:
            start = path.lower().find(segment)
            if start >= 0:
                return f"{path[: start + len(segment)]}/<{SECRET_VARIABLE}>"
        return path


def _is_variable(segment: str) -> bool:
    return segment.startswith("<")


def decode_path(path: str) -> str:
    """Percent-decodes a path: an encoded slash separates, as a plain one does."""
    return unquote(path, errors="replace") if "%" in path else path


def clean_path(path: str) -> str:
    """The path without doubled slashes and without `.` and `..` segments."""
    clean: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del clean[-1:]
        elif segment not in ("", "."):
            clean.append(segment)
    end = "/" if clean and path.endswith("/") else ""
    return "/" + "/".join(clean) + end
