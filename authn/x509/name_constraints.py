"""The names that an authority is allowed to vouch for (RFC 5280, 4.2.1.10)."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from authn.x509 import fields

_LABEL: Final = "[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
#: A common name that is one of a host, as OpenSSL sees it.
_HOST: Final = re.compile(rf"{_LABEL}(\.{_LABEL})+")


def violation(issuer: x509.Certificate, path: Sequence[x509.Certificate]) -> str | None:
    """What is wrong with the names of `path`, the certificates below `issuer`, or None."""
    try:
        constraints = fields.extension(issuer, x509.NameConstraints)
        if constraints is None:
            return None
        for position, certificate in enumerate(path):
            if position and fields.subject(certificate) == fields.issuer(certificate):
                continue
            names = [*_names(certificate)]
            if not position:
                names += _common_names(certificate, names)
            for name in names:
                if not _is_allowed(name, constraints):
                    return "may not vouch for this name"
    except fields.UNREADABLE:
        return "limits names in a way that can't be read"
    return None


def _names(certificate: x509.Certificate) -> Iterator[x509.GeneralName]:
    if certificate.subject.rdns:
        yield x509.DirectoryName(certificate.subject)
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
        yield x509.RFC822Name(str(attribute.value))
    yield from fields.extension(certificate, x509.SubjectAlternativeName) or ()


def _common_names(
    certificate: x509.Certificate, names: Sequence[x509.GeneralName]
) -> Iterator[x509.DNSName]:
    """Hosts in the subject: they stand for those that a client's certificate doesn't name else."""
    if any(isinstance(name, x509.DNSName) for name in names):
        return
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        if _HOST.fullmatch(str(attribute.value)):
            yield x509.DNSName(str(attribute.value))


def _is_allowed(name: x509.GeneralName, constraints: x509.NameConstraints) -> bool:
    """A name of a kind that is limited in a way unknown here is not allowed."""
    permitted = [each for each in constraints.permitted_subtrees or () if type(each) is type(name)]
    excluded = [each for each in constraints.excluded_subtrees or () if type(each) is type(name)]
    if not permitted and not excluded:
        return True
    if not isinstance(name, x509.DNSName | x509.RFC822Name | x509.DirectoryName | x509.IPAddress):
        return False
    if any(_is_within(name, tree) for tree in excluded):
        return False
    return not permitted or any(_is_within(name, tree) for tree in permitted)


def _is_within(name: x509.GeneralName, tree: x509.GeneralName) -> bool:
    match name, tree:
        case x509.DNSName(), x509.DNSName():
            return _is_below(name.value, tree.value)
        case x509.RFC822Name(), x509.RFC822Name():
            return _is_mailbox_of(name.value, tree.value)
        case x509.DirectoryName(), x509.DirectoryName():
            limit = _folded(tree.value)
            return _folded(name.value)[: len(limit)] == limit
        case x509.IPAddress(), x509.IPAddress():
            return _is_address_in(name.value, tree.value)
    return False


def _is_below(domain: str, tree: str) -> bool:
    domain, tree = domain.lower().rstrip("."), tree.lower().rstrip(".")
    # With a dot before it, it is not in there itself; RFC 5280 has no such limit, OpenSSL has.
    below = tree if tree.startswith(".") else f".{tree}"
    return not tree or domain == tree or domain.endswith(below)


def _is_mailbox_of(mailbox: str, tree: str) -> bool:
    local, _, domain = mailbox.rpartition("@")
    if "@" in tree:
        tree_local, _, tree_domain = tree.rpartition("@")
        return local == tree_local and domain.lower() == tree_domain.lower()
    if tree.startswith("."):
        return domain.lower().endswith(tree.lower())
    return domain.lower() == tree.lower()


def _is_address_in(
    address: IPv4Address | IPv6Address | IPv4Network | IPv6Network,
    tree: IPv4Address | IPv6Address | IPv4Network | IPv6Network,
) -> bool:
    return (
        isinstance(address, IPv4Address | IPv6Address)
        and isinstance(tree, IPv4Network | IPv6Network)
        and address in tree
    )


def _folded(name: x509.Name) -> list[frozenset[tuple[str, str]]]:
    """A name to compare by: letter case and blanks make no difference."""
    return [
        frozenset(
            (each.oid.dotted_string, " ".join(str(each.value).split()).casefold()) for each in rdn
        )
        for rdn in name.rdns
    ]
