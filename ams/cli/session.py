"""What a command that talks to a broker is given: a client, a project, a way to answer."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli.connection import PANEL, ConnectionOptions, Target, choose_target
from ams.cli.failure import CommandFailed, Exit

if TYPE_CHECKING:
    from ams.client import Client

_NO_TOKEN = "no token was given: use --token, AMS_TOKEN or a profile"
_HTTP_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a command.

    Attributes:
        target: the broker.
        json: whether the answer is for a program.
    """

    target: Target
    json: bool

    @property
    def project(self) -> str:
        """The project to work on.

        Raises:
            CommandFailed: none was given.
        """
        if not self.target.project:
            raise CommandFailed("which project? Give --project or AMS_PROJECT", Exit.USAGE)
        return self.target.project

    def report(self, sentence: str) -> None:
        """Says what was done, where the API answers nothing."""
        typer.echo("{}" if self.json else sentence)

    @contextmanager
    def client(self, *, topic: str = "", subscription: str = "") -> "Iterator[Client]":
        """A client, as the user that fits what is done; its errors become the command's.

        Args:
            topic: short name of the topic that is published to, if any.
            subscription: short name of the subscription that is pulled from, if any.
        """
        # Late: httpx takes longer to import than all the rest of a command.
        from ams.client import Client, ClientError, ConnectionFailed, InvalidName, ServiceError

        token = self.target.token_for(topic=topic, subscription=subscription)
        try:
            # Whoever sits in front of it decides about trying again, and hears at once.
            client = Client(self.target.url, token, ca=self.target.ca or None, retries=0)
        except ValueError as error:
            raise CommandFailed(str(error), Exit.USAGE) from error
        except OSError as error:
            raise CommandFailed(
                f"{self.target.ca} can't be read: {error.strerror}", Exit.USAGE
            ) from error
        with client:
            try:
                yield client
            except ConnectionFailed as error:
                raise CommandFailed(str(error), Exit.NO_CONNECTION) from error
            except InvalidName as error:
                raise CommandFailed(str(error), Exit.USAGE) from error
            except ServiceError as error:
                hint = error.code == _HTTP_UNAUTHORIZED and not token
                message = f"{error.message} ({_NO_TOKEN})" if hint else error.message
                raise CommandFailed(message) from error
            except ClientError as error:
                raise CommandFailed(str(error)) from error


def _project(
    project: Annotated[
        str,
        typer.Option(
            envvar="AMS_PROJECT",
            help="Project that the names belong to.",
            rich_help_panel=PANEL,
            show_default=False,
        ),
    ] = "",
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON, for programs, as the API answers it.")
    ] = False,
) -> None:
    """Declares the options besides those of `ConnectionOptions`."""


def with_session(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the connection options, --project and --json, all as one `Session`.

    The session is the command's first parameter; the others are its own options and arguments.
    """
    connection = inspect.signature(ConnectionOptions).parameters
    own = list(inspect.signature(command).parameters.values())[1:]
    added = [*inspect.signature(_project).parameters.values(), *connection.values()]
    keyword = inspect.Parameter.KEYWORD_ONLY

    @wraps(command)
    def run(*, project: str, json: bool, **values: object) -> None:
        options = ConnectionOptions(**{name: str(values.pop(name)) for name in connection})
        command(Session(choose_target(options, project), json), **values)

    parameters = [parameter.replace(kind=keyword) for parameter in [*own, *added]]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run
