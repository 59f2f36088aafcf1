"""Tokens: how they are made, found and kept (contract: ams-users-metrics 1.8, decision 18)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

#: Random bytes in a token; its text is twice as long.
TOKEN_BYTES = 32


class TokenKeyError(Exception):
    """A stored token can't be read, or no keys are set that could."""


def new_token() -> str:
    """A token that nobody can guess: 64 hexadecimal digits."""
    return secrets.token_hex(TOKEN_BYTES)


def digest(token: str) -> str:
    """The SHA-256 by which a token is found, as 64 hexadecimal digits.

    Any text can be asked for, also one that can't be a token.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class TokenBox:
    """Keeps tokens so that the database alone does not give them away.

        box = TokenBox(key.get_secret_value() for key in settings.auth.token_keys)
        box.decrypt(box.encrypt("a token"))  # "a token"

    Args:
        keys: Fernet keys. The first encrypts, all decrypt: a new key is put in front of an old
            one, which may go once no token is stored under it.

    Raises:
        TokenKeyError: There are none, or one is no key.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            # From None, here and below: the cause may hold what must not be logged.
            raise TokenKeyError("auth.token_keys: needs at least one, all of them valid") from None

    def encrypt(self, token: str) -> str:
        """The token as it is stored."""
        return self._fernet.encrypt(token.encode()).decode("ascii")

    def decrypt(self, ciphertext: str) -> str:
        """The token again.

        Raises:
            TokenKeyError: It was stored under a key that is not among the keys, or is damaged.
        """
        try:
            return self._fernet.decrypt(ciphertext).decode()
        except (InvalidToken, ValueError):
            raise TokenKeyError("a stored token can't be read with auth.token_keys") from None
