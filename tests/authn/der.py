"""Writes DER, also such as no library would."""

from typing import Final

SEQUENCE: Final = 0x30
SET: Final = 0x31
OBJECT_IDENTIFIER: Final = 0x06
BIT_STRING: Final = 0x03
UTF8_STRING: Final = 0x0C
NUMERIC_STRING: Final = 0x12
PRINTABLE_STRING: Final = 0x13
T61_STRING: Final = 0x14
IA5_STRING: Final = 0x16
UNIVERSAL_STRING: Final = 0x1C
BMP_STRING: Final = 0x1E

ATTRIBUTES: Final = {
    "SERIALNUMBER": "2.5.4.5",
    "CN": "2.5.4.3",
    "SN": "2.5.4.4",
    "OU": "2.5.4.11",
    "O": "2.5.4.10",
    "POSTALCODE": "2.5.4.17",
    "STREET": "2.5.4.9",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "C": "2.5.4.6",
    "TITLE": "2.5.4.12",
    "E": "1.2.840.113549.1.9.1",
    "DC": "0.9.2342.19200300.100.1.25",
    "UID": "0.9.2342.19200300.100.1.1",
}


def encode(tag: int, *contents: bytes) -> bytes:
    """One value: its tag, its length, and what is in it."""
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def object_identifier(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    return encode(OBJECT_IDENTIFIER, *map(_base128, (first * 40 + second, *rest)))


def attribute(label: str, value: str | bytes, tag: int = UTF8_STRING) -> bytes:
    """An attribute of a name; text is encoded as UTF-8, whatever the tag says."""
    content = value.encode() if isinstance(value, str) else value
    return encode(SEQUENCE, object_identifier(ATTRIBUTES[label]), encode(tag, content))


def name(*rdns: bytes | tuple[str, str] | list[tuple[str, str]]) -> bytes:
    """A name. Each part is a label and its value, a list of these, or an `attribute`."""
    return encode(SEQUENCE, *(_rdn(part) for part in rdns))


def _rdn(part: bytes | tuple[str, str] | list[tuple[str, str]]) -> bytes:
    if isinstance(part, bytes):
        return encode(SET, part)
    pairs = [part] if isinstance(part, tuple) else part
    return encode(SET, *(attribute(label, value) for label, value in pairs))


def _base128(number: int) -> bytes:
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(0x80 | (number & 0x7F))
    return bytes(reversed(octets))
