"""Secrets are stored so that only we read them."""

import pytest
from cryptography.fernet import Fernet

from ams.service.token_box import TokenBox, TokenKeyError

TOKEN = "0123456789abcdef" * 4


def key() -> str:
    return Fernet.generate_key().decode()


def test_a_token_comes_out_of_the_box_as_it_went_in() -> None:
    box = TokenBox([key()])
    for token in (TOKEN, "a" * 40, "Übergröße 😀"):
        assert box.decrypt(box.encrypt(token)) == token


def test_the_stored_form_does_not_show_the_token() -> None:
    box = TokenBox([key()])
    stored = box.encrypt(TOKEN)
    assert TOKEN not in stored
    assert stored != box.encrypt(TOKEN)


def test_a_token_under_an_old_key_can_be_read_after_a_new_one_is_put_in_front() -> None:
    old, new = key(), key()
    stored = TokenBox([old]).encrypt(TOKEN)
    assert TokenBox([new, old]).decrypt(stored) == TOKEN


def test_the_first_key_encrypts() -> None:
    old, new = key(), key()
    stored = TokenBox([new, old]).encrypt(TOKEN)
    assert TokenBox([new]).decrypt(stored) == TOKEN


@pytest.mark.parametrize("damage", ["", "x", "ä", "gAAAA"])
def test_what_is_no_stored_token_is_said_to_be_unreadable(damage: str) -> None:
    with pytest.raises(TokenKeyError, match="can't be read"):
        TokenBox([key()]).decrypt(damage)


def test_a_wrong_key_is_a_clear_error_that_gives_nothing_away() -> None:
    right, wrong = key(), key()
    stored = TokenBox([right]).encrypt(TOKEN)
    with pytest.raises(TokenKeyError) as refusal:
        TokenBox([wrong]).decrypt(stored)
    assert "auth.token_keys" in str(refusal.value)
    for secret in (TOKEN, stored, right, wrong):
        assert secret not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("keys", [[], [""], ["not a key"], ["A" * 42]])
def test_a_box_without_usable_keys_is_refused(keys: list[str]) -> None:
    with pytest.raises(TokenKeyError, match=r"auth\.token_keys") as refusal:
        TokenBox(keys)
    assert refusal.value.__suppress_context__


def test_one_bad_key_among_good_ones_is_refused() -> None:
    with pytest.raises(TokenKeyError):
        TokenBox([key(), "bad"])
