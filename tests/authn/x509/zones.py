"""DNS for tests: no test can have reverse zones of its own."""

from collections.abc import Mapping, Sequence

from authn.x509.hosts import LookupFailed


class Zones:
    """A resolver that knows what it is told."""

    def __init__(
        self,
        names: Mapping[str, Sequence[str]],
        addresses: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._names = names
        everywhere = {name: [address] for address, all_ in names.items() for name in all_}
        self._addresses = everywhere if addresses is None else addresses

    async def names(self, address: str) -> Sequence[str]:
        return self._found(self._names, address)

    async def addresses(self, name: str) -> Sequence[str]:
        return self._found(self._addresses, name)

    def _found(self, zone: Mapping[str, Sequence[str]], key: str) -> Sequence[str]:
        if key not in zone:
            raise LookupFailed("no such host")
        return zone[key]
