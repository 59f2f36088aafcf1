"""How secrets are kept that have to be read again (contract: decision 18)."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class TokenKeyError(Exception):
    """A stored token can't be read, or no keys are set that could."""


class TokenBox:
    """Keeps tokens and other secrets so that the database alone does not give them away.

        box = TokenBox(key.get_secret_value() for key in settings.auth.token_keys)
        box.decrypt(box.encrypt("a token"))  # "a token"

    Args:
        keys: Fernet keys. The first encrypts, all decrypt: a new key is put in front of an old
            one, which may go once no token is stored under it.
        setting: that holds the keys, for errors.

    Raises:
        TokenKeyError: There are none, or one is no key.
    """

    def __init__(self, keys: Iterable[str], setting: str = "auth.token_keys") -> None:
        self._setting = setting
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            # From None, here and below: the cause may hold what must not be logged.
            raise TokenKeyError(f"{setting}: needs at least one, all of them valid") from None

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
            raise TokenKeyError(f"a stored token can't be read with {self._setting}") from None
