"""Whether a certificate is one of the host that it is sent from (contract: authn 4.3, 8 B11, B12).

The address of the connection has a name by reverse look-up; the certificate must be valid for it,
and the name must have the address, which only the owner of the name can say.
"""

import asyncio
import re
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Protocol, TypeAlias, TypeVar

from cryptography import x509
from cryptography.x509.oid import NameOID

from authn.x509 import fields
from authn.x509.refusals import HostMismatch, HostUnknown, Untrusted

#: Longest wait for one look-up, in seconds.
LOOKUP_SECONDS: Final = 5.0
#: Look-ups at the same time. The resolver blocks a thread for as long as it likes; threads of our
#: own keep it from those of the rest of the process, and many of them keep those who wait for one
#: silent server of names from taking all.
MOST_LOOKUPS: Final = 128
#: Names of one address that are looked at.
MOST_NAMES: Final = 16
#: From so many names on the certificate has, they are not listed.
MOST_LISTED: Final = 100

_LABEL: Final = re.compile(r"[a-z0-9_][a-z0-9_-]*")

Address: TypeAlias = IPv4Address | IPv6Address
T = TypeVar("T")


class LookupFailed(Exception):
    """There is no answer; the text says why, and nothing of who was asked."""


class Resolver(Protocol):
    """Looks up names and addresses; raises LookupFailed."""

    async def names(self, address: str) -> Sequence[str]:
        """The names of an address."""
        ...

    async def addresses(self, name: str) -> Sequence[str]:
        """The addresses of a name."""
        ...


class SystemResolver:
    """Asks as the system is set up: usually its file of hosts, then DNS."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(MOST_LOOKUPS, thread_name_prefix="host-lookup")

    async def names(self, address: str) -> Sequence[str]:
        name, aliases, _ = await self._call(lambda: socket.gethostbyaddr(address))
        return [name, *aliases]

    async def addresses(self, name: str) -> Sequence[str]:
        found = await self._call(lambda: socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
        return [str(address[0]) for *_, address in found]

    def close(self) -> None:
        """Waits for no look-up that still runs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _call(self, look_up: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                return await loop.run_in_executor(self._threads, look_up)
        except TimeoutError as error:
            raise LookupFailed("i/o timeout") from error
        except (OSError, UnicodeError) as error:
            raise LookupFailed("no such host") from error


async def check_host(certificate: x509.Certificate, address: str, resolver: Resolver) -> None:
    """Checks that the certificate is for a name of the host at `address`.

    Args:
        certificate: a client's.
        address: the client's IP address.
        resolver: looks up names.

    Raises:
        HostUnknown: the address has no name, or that can't be found out.
        HostMismatch: the certificate is not for its names, or they are not names of the address.
        Untrusted: the certificate can't be read.
    """
    peer = _parsed(address)
    try:
        names = (await resolver.names(str(peer)))[:MOST_NAMES]
    except LookupFailed as error:
        raise HostUnknown(f"lookup {peer.reverse_pointer}.: {error}") from error
    if not names:
        raise HostUnknown(f"lookup {peer.reverse_pointer}.: no such host")
    mismatch = ""
    for name in names:
        mismatch = mismatch_of(certificate, name) or await _contradiction(name, peer, resolver)
        if not mismatch:
            return
    raise HostMismatch(mismatch)


def mismatch_of(certificate: x509.Certificate, name: str) -> str:
    """Why a certificate is not valid for a name; empty if it is.

    Raises:
        Untrusted: the certificate can't be read.
    """
    try:
        alternatives = fields.extension(certificate, x509.SubjectAlternativeName)
        common_name = _common_name(certificate)
    except fields.UNREADABLE as error:
        raise Untrusted("It can't be read") from error
    if _is_address(name):
        addresses = alternatives.get_values_for_type(x509.IPAddress) if alternatives else []
        return _mismatch_of_address(list(map(str, addresses)), name)
    valid = alternatives.get_values_for_type(x509.DNSName) if alternatives else []
    if any(_matches(pattern, name) for pattern in valid):
        return ""
    if alternatives is None and _matches(common_name, name):
        return "x509: certificate relies on legacy Common Name field, use SANs instead"
    return _not_among(valid, name)


def _mismatch_of_address(valid: list[str], name: str) -> str:
    if not valid:
        return (
            f"x509: cannot validate certificate for {name} because it doesn't contain any IP SANs"
        )
    return "" if str(ip_address(name)) in valid else _not_among(valid, name)


def _not_among(valid: Sequence[str], name: str) -> str:
    if not valid:
        return f"x509: certificate is not valid for any names, but wanted to match {name}"
    if len(valid) >= MOST_LISTED:
        return f"x509: certificate is valid for {len(valid)} names, but none matched {name}"
    return f"x509: certificate is valid for {', '.join(valid)}, not {name}"


async def _contradiction(name: str, peer: Address, resolver: Resolver) -> str:
    """Why a name is not one of the peer's; empty if it is."""
    try:
        addresses = await resolver.addresses(name)
    except LookupFailed as error:
        return f"lookup {name}: {error}"
    if any(_is_address(each) and _parsed(each) == peer for each in addresses):
        return ""
    return f"{name} is not a name of {peer}"


def _matches(pattern: str, name: str) -> bool:
    """Whether a certificate's name, which may begin with `*.`, is the other one."""
    pattern, name = _folded(pattern), _folded(name)
    if not (_is_host(pattern.removeprefix("*.")) and _is_host(name.removesuffix("."))):
        return pattern == name not in {"", "."}
    labels = pattern.split(".")
    others = name.removesuffix(".").split(".")
    if labels[0] == "*":
        labels[0] = others[0]
    return labels == others


def _folded(name: str) -> str:
    """In lower case, as far as names of hosts have letters."""
    return name.lower() if name.isascii() else name


def _is_host(name: str) -> bool:
    return all(map(_LABEL.fullmatch, name.split(".")))


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[-1].value) if names else ""


def _parsed(address: str) -> Address:
    """An IP address; one of IPv4 also where IPv6 has it inside.

    Raises:
        HostMismatch: it is none.
        HostUnknown: it counts on this link only, so it has no name.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        raise HostMismatch(f"address {address}: missing port in address") from None
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id:
            raise HostUnknown(f"lookup {address}: unrecognized address")
        return parsed.ipv4_mapped or parsed
    return parsed


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
