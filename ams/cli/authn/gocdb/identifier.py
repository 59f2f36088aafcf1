"""Certificates' subjects as the configuration database writes them, and as AuthN does.

    auth_identifier("/C=GR/O=Org/CN=host.example.org")   # CN=host.example.org,O=Org,C=GR

The order, the escaping, and which of several values count are those of AuthN itself, so that the
certificate finds its binding (contract: authn 7.7, 8 D1 to D3).
"""

import re
from typing import Final

from authn.x509.refusals import AmbiguousSubject
from authn.x509.subject import render

#: Names of attributes, in the letter case that they must have, and their types.
_TYPES: Final = {
    "emailAddress": "1.2.840.113549.1.9.1",
    "CN": "2.5.4.3",
    "OU": "2.5.4.11",
    "O": "2.5.4.10",
    "postalCode": "2.5.4.17",
    "street": "2.5.4.9",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "C": "2.5.4.6",
    "DC": "0.9.2342.19200300.100.1.25",
}
#: Begins an attribute; any other slash is part of a value, as in `CN=host/example.org`.
_BEGINNING: Final = re.compile(r"/(\w+)=")


class BadSubject(ValueError):
    """No certificate that AuthN accepts has such a subject."""


def auth_identifier(subject: str) -> str:
    """A subject with slashes as bindings have it.

    Raises:
        BadSubject: it has attributes without a name or a value, or unknown ones, or is ambiguous.
    """
    before, *parts = _BEGINNING.split(subject)
    if before or not parts:
        raise BadSubject("the subject does not begin with an attribute such as /C=")
    if not subject.isprintable():
        raise BadSubject("the subject has characters that can't be shown")
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    for name, value in pairs:
        if name not in _TYPES:
            raise BadSubject(f"the subject has the unknown attribute {name}")
        if not value:
            raise BadSubject(f"the subject has no value for {name}")
    try:
        return render([(_TYPES[name], value) for name, value in pairs]).identifier
    except AmbiguousSubject as error:
        raise BadSubject("the subject is ambiguous: a comma or a plus sign in E or DC") from error
