"""Tokens: how they are made and found (contract: ams-users-metrics 1.8, decision 18)."""

from __future__ import annotations

import hashlib
import secrets

#: Random bytes in a token; its text is twice as long.
TOKEN_BYTES = 32


def new_token() -> str:
    """A token that nobody can guess: 64 hexadecimal digits."""
    return secrets.token_hex(TOKEN_BYTES)


def digest(token: str) -> str:
    """The SHA-256 by which a token is found, as 64 hexadecimal digits.

    Any text can be asked for, also one that can't be a token.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
