"""Tokens can't be guessed, and are found by their digest."""

import hashlib
import re

from ams.auth.tokens import digest, new_token

TOKEN = "0123456789abcdef" * 4


def test_a_new_token_is_64_hexadecimal_digits() -> None:
    """Contract: ams-users-metrics 1.8."""
    assert re.fullmatch("[0-9a-f]{64}", new_token())


def test_no_two_new_tokens_are_the_same() -> None:
    assert len({new_token() for _ in range(1000)}) == 1000


def test_the_digest_is_the_sha256() -> None:
    assert digest(TOKEN) == hashlib.sha256(TOKEN.encode()).hexdigest()


def test_any_text_has_a_digest() -> None:
    assert len(digest("\ud800 kein Token 😀")) == 64
