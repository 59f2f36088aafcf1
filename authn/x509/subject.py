"""The name that a certificate is bound under: its subject, in a rendering of its own.

Neither RFC 4514 nor any library renders it like this; existing bindings hold it byte for byte, so
it follows the contract to the letter (authn 5). It is read from the certificate's bytes: libraries
decode odd strings in other ways.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from ams.service.logs import get_logger
from authn.x509 import der, fields
from authn.x509.refusals import AmbiguousSubject

#: Attributes in the order they are rendered in.
_LABELS: Final = {
    "2.5.4.5": "SERIALNUMBER",
    "2.5.4.3": "CN",
    "2.5.4.11": "OU",
    "2.5.4.10": "O",
    "2.5.4.17": "POSTALCODE",
    "2.5.4.9": "STREET",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.6": "C",
}
_EMAIL: Final = "1.2.840.113549.1.9.1"
_DOMAIN_COMPONENT: Final = "0.9.2342.19200300.100.1.25"
#: Of these only the last value counts, and an empty one does not.
_SINGLE: Final = ("2.5.4.5", "2.5.4.3")

#: Rendered without any escaping, so these would begin what looks like another attribute
#: (contract: authn 8 B2).
_SEPARATORS: Final = re.compile("[,+]")
_ESCAPED: Final = re.compile(r'[,+"\\<>;]|\A[ #]| \Z')

#: Bytes of an object identifier that is read at all.
_LONGEST_IDENTIFIER: Final = 64
#: Each number ends with the first byte below 0x80, and begins with no zero bits to skip.
_IDENTIFIER: Final = rb"([\x81-\xff][\x80-\xff]*[\x00-\x7f]|[\x00-\x7f])+"
_LAST_OCTET_BELOW: Final = 0x80

_ANYTHING: Final = re.compile(r".*", re.DOTALL)
#: Tag to name, encoding and what may be in it; no others are read (contract: authn 5.2).
_STRINGS: Final = {
    0x0C: ("UTF8String", "utf-8", _ANYTHING),
    0x12: ("NumericString", "ascii", re.compile(r"[0-9 ]*")),
    0x13: ("PrintableString", "ascii", re.compile(r"[A-Za-z0-9 '()+,\-./:=?*&]*")),
    0x14: ("T61String", "latin-1", _ANYTHING),
    0x16: ("IA5String", "ascii", _ANYTHING),
    0x1E: ("BMPString", "utf-16-be", _ANYTHING),
}

log = get_logger()


@dataclass(frozen=True, slots=True)
class Subject:
    """A rendered subject, and the types of the attributes that are not in it."""

    identifier: str
    dropped: tuple[str, ...]


def auth_identifier(certificate: x509.Certificate) -> str:
    """The subject as bindings have it; empty if nothing in it counts.

    Raises:
        AmbiguousSubject: another subject could render alike, or it can't be read.
    """
    subject = read_subject(certificate)
    if subject.dropped:
        log.info(
            "parts of a subject don't count",
            auth_identifier=subject.identifier,
            dropped=subject.dropped,
        )
    return subject.identifier


def read_subject(certificate: x509.Certificate) -> Subject:
    """As `auth_identifier`, with what the rendering leaves out (contract: authn 8 B1).

    Raises:
        AmbiguousSubject: another subject could render alike, or it can't be read.
    """
    try:
        found = list(attributes(fields.subject(certificate)))
    except ValueError as error:
        raise AmbiguousSubject(f"The subject of your certificate can't be read: {error}") from error
    return render(found)


def render(pairs: Sequence[tuple[str, str]]) -> Subject:
    """A subject of these types, dotted numbers, and values, in the order of the certificate.

    Raises:
        AmbiguousSubject: another subject could render alike.
    """
    values: dict[str, list[str]] = {}
    for kind, value in pairs:
        values.setdefault(kind, []).append(value)
    emails = values.get(_EMAIL, [])
    components = values.get(_DOMAIN_COMPONENT, [])
    _refuse_imitations("E", emails)
    _refuse_imitations("DC", components)
    dropped = [kind for kind in values if kind not in (*_LABELS, _EMAIL, _DOMAIN_COMPONENT)]
    for kind in _SINGLE:
        if len(found := values.pop(kind, [])) > 1:
            dropped.append(kind)
        if found and found[-1]:
            values[kind] = found[-1:]
    identifier = ",".join(
        _joined(label, map(_escape, values[kind]))
        for kind, label in _LABELS.items()
        if kind in values
    )
    if emails:
        identifier = _joined("E", emails) + "," + identifier
    if components:
        identifier += "," + _joined("DC", components)
    return Subject(identifier, tuple(dropped))


def _refuse_imitations(label: str, values: list[str]) -> None:
    if any(map(_SEPARATORS.search, values)):
        raise AmbiguousSubject(
            f"The subject of your certificate is ambiguous: {label} has a comma or a plus sign"
        )


def _joined(label: str, values: "Iterator[str] | list[str]") -> str:
    return "+".join(f"{label}={value}" for value in values)


def _escape(value: str) -> str:
    return _ESCAPED.sub(r"\\\g<0>", value)


def attributes(name: der.Value) -> Iterator[tuple[str, str]]:
    """Types and values of a name, in the order of the certificate, whatever their sets.

    Raises:
        MalformedDER: it is no name, or one with text of other types than these.
    """
    for relative_name in name.parts(der.SEQUENCE):
        for attribute in relative_name.parts(der.SET):
            match list(attribute.parts(der.SEQUENCE)):
                case [der.Value(der.OBJECT_IDENTIFIER, kind), value]:
                    yield _dotted(kind), _text(value)
                case _:
                    raise der.MalformedDER("no type and value")


def _dotted(identifier: bytes) -> str:
    """An object identifier as text; one that is not as short as can be could pass for another."""
    if len(identifier) > _LONGEST_IDENTIFIER or not re.fullmatch(_IDENTIFIER, identifier):
        raise der.MalformedDER("no type")
    numbers = [0]
    for octet in identifier:
        numbers[-1] = numbers[-1] << 7 | octet & 0x7F
        if octet < _LAST_OCTET_BELOW:
            numbers.append(0)
    first, *rest = numbers[:-1]
    root = min(first // 40, 2)
    return ".".join(map(str, (root, first - 40 * root, *rest)))


def _text(value: der.Value) -> str:
    if value.tag not in _STRINGS:
        raise der.MalformedDER(f"a value has the unknown type {value.tag:#04x}")
    name, encoding, allowed = _STRINGS[value.tag]
    content = value.content
    if name == "BMPString":
        content = content.removesuffix(b"\0\0") if len(content) % 2 == 0 else content
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise der.MalformedDER(f"invalid {name}") from error
    if not allowed.fullmatch(text):
        raise der.MalformedDER(f"invalid {name}")
    return text
