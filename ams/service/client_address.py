"""Where a request comes from, also behind a load balancer."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ams.service.http import Request


def client_address(request: "Request", trusted_proxies: Sequence[str]) -> str:
    """The address of a request's client.

    A proxy's word for it, in `X-Forwarded-For`, counts if the proxy is trusted: each proxy adds the
    address it sees to the end, so the last one that is no trusted proxy's is the client's.

    Args:
        request: the request.
        trusted_proxies: networks of the proxies whose word counts, such as `10.0.0.0/24`.
    """
    seen = str(request.conn_info.client_ip if request.conn_info is not None else "")
    networks = _networks(tuple(trusted_proxies))
    forwarded = ",".join(request.headers.getall("x-forwarded-for", []))
    for address in reversed(forwarded.split(",")):
        if not address.strip() or not _is_in(seen, networks):
            break
        seen = address.strip()
    return seen if _is_address(seen) else ""


def is_in_networks(address: str, networks: Sequence[str]) -> bool:
    """Whether an address is in one of these networks, such as `10.0.0.0/24`."""
    return _is_in(address, _networks(tuple(networks)))


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(map(ip_network, texts))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_in(text: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    if not _is_address(text):
        return False
    address = ip_address(text)
    # So a client of IPv4 looks to a listener of both.
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return any(address in network or (inner and inner in network) for network in networks)
