"""The options that say where and how a subscription's messages are pushed."""

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli.failure import CommandFailed, Exit

if TYPE_CHECKING:
    from ams.client import PushConfig


class Retry(enum.StrEnum):
    """When delivery is tried again."""

    LINEAR = "linear"
    SLOWSTART = "slowstart"


class Authorization(enum.StrEnum):
    """What is sent as `Authorization`."""

    AUTOGEN = "autogen"
    DISABLED = "disabled"


Endpoint = Annotated[
    str,
    typer.Option("--push-endpoint", help="Push to this https URL.", show_default=False),
]
Mattermost = Annotated[
    str,
    typer.Option("--mattermost-url", help="Push to this Mattermost webhook.", show_default=False),
]
MattermostUsername = Annotated[
    str, typer.Option("--mattermost-username", help="Post as this user.", show_default=False)
]
MattermostChannel = Annotated[
    str, typer.Option("--mattermost-channel", help="Post to this channel.", show_default=False)
]
MaxMessages = Annotated[
    int | None,
    typer.Option(
        "--max-messages",
        min=1,
        help="Most messages in one request.",
        show_default="as before, or 1",
    ),
]
RetryPolicy = Annotated[
    Retry, typer.Option("--retry", help="Wait as long after each failure, or ever longer.")
]
Period = Annotated[
    int | None,
    typer.Option(
        "--retry-period", min=1, help="Milliseconds to wait for linear.", show_default="3000"
    ),
]
Header = Annotated[
    Authorization | None,
    typer.Option(
        "--authorization",
        help="Have a new secret made and sent as Authorization, or send nothing.",
        show_default="as before, or autogen",
    ),
]
Decode = Annotated[bool, typer.Option("--decode", help="Send the data decoded, as a text.")]


@dataclass(frozen=True, slots=True)
class Given:
    """What the options say."""

    endpoint: str
    mattermost: str
    username: str
    channel: str
    max_messages: int | None
    retry: Retry
    period: int | None
    header: Authorization | None
    decode: bool

    def config(self) -> "PushConfig | None":
        """The settings to ask for; None if no receiver is given.

        Raises:
            CommandFailed: two receivers are given, or something about none.
        """
        from ams.client import AuthorizationHeader, PushConfig, RetryPolicy

        if self.endpoint and self.mattermost:
            raise CommandFailed("give --push-endpoint or --mattermost-url, not both", Exit.USAGE)
        if not (self.endpoint or self.mattermost):
            if self != _NOTHING:
                raise CommandFailed("give --push-endpoint or --mattermost-url, too", Exit.USAGE)
            return None
        return PushConfig(
            type="http_endpoint" if self.endpoint else "mattermost",
            push_endpoint=self.endpoint,
            max_messages=self.max_messages or 0,
            authorization_header=AuthorizationHeader(type=self.header or ""),
            retry_policy=RetryPolicy(type=self.retry, period=self.period or 0),
            mattermost_url=self.mattermost,
            mattermost_username=self.username,
            mattermost_channel=self.channel,
            base64_decode=self.decode,
        )


_NOTHING = Given("", "", "", "", None, Retry.LINEAR, None, None, False)
