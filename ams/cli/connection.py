"""Which broker a command talks to, as whom, and about which project."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ams.cli.credentials import FILE_NAME, Credentials
from ams.cli.failure import CommandFailed, Exit
from ams.cli.profiles import DEFAULT, Profile, profiles_file, read_profile

#: The data folder that `ams up` makes unless told otherwise, and other commands look into.
DEFAULT_DATA_FOLDER = Path("ams-data")
#: Title of the connection options in a command's help.
PANEL = "Connection"
#: What every command's help ends with.
EXPLANATION = (
    "Each connection option wins over its environment variable. What neither gives comes from the"
    " profile in ~/.config/ams/profiles.toml (--profile, else the one called default); without"
    " one, from the data folder of `ams up` (--data, else ./ams-data). From there, publishing to"
    " the demo topic is done as the demo publisher, pulling from the demo subscription as the demo"
    " consumer, and all else as the admin. A stored token is sent only to the broker that it was"
    " stored with."
)


@dataclass(frozen=True, kw_only=True)
class ConnectionOptions:
    """The options that every command which talks to a broker has; empty means not given."""

    url: Annotated[
        str,
        typer.Option(
            envvar="AMS_URL",
            help="URL of the broker.",
            rich_help_panel=PANEL,
            show_default=False,
        ),
    ] = ""
    token: Annotated[
        str,
        typer.Option(
            envvar="AMS_TOKEN",
            help="Token to send.",
            rich_help_panel=PANEL,
            show_default=False,
        ),
    ] = ""
    ca: Annotated[
        str,
        typer.Option(
            envvar="AMS_CA",
            help="PEM file of the CAs to trust, instead of the system's.",
            rich_help_panel=PANEL,
            show_default=False,
        ),
    ] = ""
    profile: Annotated[
        str,
        typer.Option(
            envvar="AMS_PROFILE",
            help="Profile to take what is not given from.",
            rich_help_panel=PANEL,
            show_default=False,
        ),
    ] = ""
    data: Annotated[
        str,
        typer.Option(
            envvar="AMS_DATA",
            help="Data folder of `ams up` to take what is not given from.",
            rich_help_panel=PANEL,
            show_default=False,
        ),
    ] = ""


@dataclass(frozen=True, slots=True)
class Target:
    """The broker, and with what it is talked to.

    Attributes:
        url: where it is.
        token: what to send; empty to choose from `credentials`, or for none.
        ca: path of the CAs to trust; empty for those of the system.
        project: the project; empty if none is given.
        credentials: of an `ams up`, if the token is to come from there.
    """

    url: str
    token: str
    ca: str
    project: str
    credentials: Credentials | None = None

    def token_for(self, *, topic: str = "", subscription: str = "") -> str:
        """The token for publishing to a topic, pulling from a subscription, or for all else."""
        if self.token or not self.credentials:
            return self.token
        return self.credentials.token_for(self.project, topic=topic, subscription=subscription)


def choose_target(options: ConnectionOptions, project: str) -> Target:
    """The broker that the options and what is stored on this machine mean.

    Raises:
        CommandFailed: no broker is named, or what is stored can't be used.
    """
    stored, credentials = _stored(options)
    url = options.url or stored.url
    if not url:
        raise CommandFailed(
            "which broker? Give --url and --token (or AMS_URL and AMS_TOKEN), keep them in"
            f" {profiles_file()}, or start one here: ams up",
            Exit.USAGE,
        )
    project = project or stored.project
    if not _is_at(url, stored, credentials):
        return Target(url, options.token, options.ca, project)
    return Target(url, options.token or stored.token, options.ca or stored.ca, project, credentials)


def _stored(options: ConnectionOptions) -> tuple[Profile, Credentials | None]:
    """The profile to use, and the credentials that it was made of, if it was."""
    if options.profile and options.data:
        raise CommandFailed("give either a profile or a data folder, not both", Exit.USAGE)
    if not options.data:
        profile = read_profile(options.profile or DEFAULT)
        if profile:
            return profile, None
        if options.profile:
            raise CommandFailed(
                f"there is no profile {options.profile!r} in {profiles_file()}", Exit.USAGE
            )
    folder = Path(options.data) if options.data else DEFAULT_DATA_FOLDER
    credentials = Credentials.read(folder)
    if credentials:
        return _profile_of(credentials), credentials
    if options.data:
        raise CommandFailed(f"there is no {FILE_NAME} in {folder}: start `ams up`", Exit.USAGE)
    return Profile(), None


def _profile_of(credentials: Credentials) -> Profile:
    return Profile(url=credentials.broker.url, project=credentials.demo.project, ca=credentials.ca)


def _is_at(url: str, stored: Profile, credentials: Credentials | None) -> bool:
    """Whether a URL is one of the broker that a profile, made of credentials or not, is for."""
    urls = {stored.url}
    if credentials:
        urls |= {credentials.broker.http, credentials.broker.https}
    return url.rstrip("/") in {known.rstrip("/") for known in urls}
