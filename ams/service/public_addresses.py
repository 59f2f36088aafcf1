"""Which addresses of the network anybody may have us connect to.

Numbers of networks are those of IANA's registries of special-purpose addresses.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

#: Networks of IPv4 that lead to this machine, to its neighbours, or to nobody.
_SPECIAL_V4: Final = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by providers; metadata of Alibaba Cloud
        "127.0.0.0/8",
        "168.63.129.16/32",  # metadata of Azure
        "169.254.0.0/16",  # metadata of most others
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
#: All that is assigned to hosts of the world in IPv6. Outside of it are loopback, private and
#: link-local addresses, multicast, mapped IPv4 (::ffff:0:0/96), NAT64 (64:ff9b::/96).
_GLOBAL_V6: Final = ip_network("2000::/3")
#: Networks in it that are special, or hold addresses of IPv4.
_SPECIAL_V6: Final = tuple(
    ip_network(network)
    for network in (
        "2001::/23",  # protocols, among them Teredo
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)


class PublicAddresses:
    """Tells addresses of the world from those that only this machine's surroundings know."""

    def __init__(self, allowed: Iterable[str]) -> None:
        """`allowed` are further networks to connect to, such as `127.0.0.0/8`."""
        self._allowed = tuple(ip_network(network) for network in allowed)

    def include(self, text: str) -> bool:
        """Whether an address, as the resolver writes it, may be connected to."""
        try:
            address = ip_address(text)
        except ValueError:
            return False
        if any(address in network for network in self._allowed):
            # An address of a zone is only in a network of the same zone: in none.
            return True
        if isinstance(address, IPv4Address):
            return not any(address in network for network in _SPECIAL_V4)
        return address in _GLOBAL_V6 and not any(address in network for network in _SPECIAL_V6)
