"""credentials.json: what `ams up` writes into its data folder, and other commands take from there.

It has the URLs of the broker, of AuthN and of the exporter, the development CA with a client's
certificate, and the tokens of broker and AuthN, of the admin and of the demo users.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from ams.cli.failure import CommandFailed
from ams.cli.private_file import write_private

FILE_NAME = "credentials.json"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user and the token that stands for the user."""

    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker listens; an empty URL means: not in this way."""

    http: str
    https: str

    @property
    def url(self) -> str:
        """The one to use on this machine."""
        return self.http or self.https


@dataclass(frozen=True, slots=True)
class Authn:
    """Where AuthN listens, and the token of its operators."""

    https: str
    service_token: str


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """Paths of a client's certificate and its key; it is bound to the demo publisher."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Exporter:
    """Where the exporter listens: `/metrics` is there."""

    http: str


@dataclass(frozen=True, slots=True)
class Demo:
    """A project with a topic, a subscription, and a user for each."""

    project: str
    topic: str
    subscription: str
    publisher: Identity
    consumer: Identity


@dataclass(frozen=True, slots=True)
class Credentials:
    """The content of the file; `ca` is the path of the CA's certificate.

    `authn` and `exporter` are None where `ams up` runs none; `client` in files of older versions.
    """

    ca: str
    broker: Broker
    service_token: str
    admin: Identity
    demo: Demo
    authn: Authn | None = None
    client: ClientFiles | None = None
    exporter: Exporter | None = None

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Reads the file of a data folder; None if there is none.

        Raises:
            CommandFailed: it can't be read, or is not what `ams up` writes.
        """
        file = folder / FILE_NAME
        try:
            content = json.loads(file.read_bytes())
            demo = content["demo"]
            return cls(
                ca=content["ca"],
                broker=Broker(**content["broker"]),
                service_token=content["service_token"],
                admin=Identity(**content["admin"]),
                demo=Demo(
                    project=demo["project"],
                    topic=demo["topic"],
                    subscription=demo["subscription"],
                    publisher=Identity(**demo["publisher"]),
                    consumer=Identity(**demo["consumer"]),
                ),
                authn=Authn(**authn) if (authn := content.get("authn")) else None,
                client=ClientFiles(**files) if (files := content.get("client")) else None,
                exporter=Exporter(**exporter) if (exporter := content.get("exporter")) else None,
            )
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise CommandFailed(f"{file} can't be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise CommandFailed(f"{file} is not a file that `ams up` has written") from error

    def write(self, folder: Path) -> None:
        """Writes the file of a data folder, so that it has this content or the earlier one."""
        text = json.dumps(asdict(self), indent=2) + os.linesep
        write_private(folder / FILE_NAME, text)

    def token_for(self, project: str, *, topic: str = "", subscription: str = "") -> str:
        """The token to use: a demo user's for what that user may do, else the admin's.

        Args:
            project: project that is worked on.
            topic: topic that is published to, if any.
            subscription: subscription that is pulled from, if any.
        """
        demo = self.demo
        if project == demo.project and topic == demo.topic:
            return demo.publisher.token
        if project == demo.project and subscription == demo.subscription:
            return demo.consumer.token
        return self.admin.token
