"""Certificates in files."""

from pathlib import Path

from cryptography import x509

from ams.cli.failure import CommandFailed, Exit
from authn.x509.refusals import Refusal
from authn.x509.subject import auth_identifier


def read_certificates(file: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file: the client's, and those it would send along.

    Raises:
        CommandFailed: it can't be read, or has none.
    """
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except OSError as error:
        raise CommandFailed(f"{file} can't be read: {error.strerror}", Exit.USAGE) from error
    except ValueError as error:
        raise CommandFailed(f"{file} holds no certificate in PEM form", Exit.USAGE) from error


def read_identifier(file: Path) -> str:
    """The subject of a certificate, as bindings have it.

    Raises:
        CommandFailed: the file has no certificate, or its subject can't be bound.
    """
    try:
        identifier = auth_identifier(read_certificates(file)[0])
    except Refusal as refusal:
        raise CommandFailed(refusal.message) from refusal
    if not identifier:
        raise CommandFailed("nothing in the certificate's subject counts: it can't be bound")
    return identifier
