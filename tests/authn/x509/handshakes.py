"""Real TLS handshakes in this process."""

import asyncio
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509

from authn.x509.handshake import client_certificates

#: Longest time that a handshake and an answer take, in seconds.
PATIENCE_SECONDS: Final = 5.0

_ANSWER: Final = b"welcome"


class HandshakeRefused(Exception):
    """The server let the client not in."""


def client_context(file: Path | None = None) -> ssl.SSLContext:
    """A client that believes every server, and has weak certificates too.

    Args:
        file: its own certificate and key; none if None.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    if file is not None:
        context.load_cert_chain(file)
    return context


async def shown(
    server: ssl.SSLContext, client: ssl.SSLContext, *, server_name: str | None = None
) -> list[x509.Certificate]:
    """The certificates that a server gets from a client, its own first.

    Args:
        server: what the server's listener has.
        client: what the client connects with.
        server_name: what the client calls the server; nothing if None.

    Raises:
        HandshakeRefused: the server ended the handshake.
    """
    seen: list[x509.Certificate] = []

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(client_certificates(writer.get_extra_info("ssl_object")))
        writer.write(_ANSWER)
        writer.close()

    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server) as listener,
    ):
        port = listener.sockets[0].getsockname()[1]
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=client, server_hostname=server_name or ""
            )
            received = await reader.read()
            writer.close()
        except (ssl.SSLError, ConnectionError) as error:
            raise HandshakeRefused(str(error)) from error
    if received != _ANSWER:
        raise HandshakeRefused("no answer")
    return seen
