"""Keys that tokens are signed with, in the database; see `Store` for where these may be called."""

from collections.abc import Iterable, Sequence

from tortoise.queryset import QuerySet

from authn.store import models
from authn.store.records import SigningKey


async def list_all() -> Sequence[SigningKey]:
    """All keys, in the order in which they sign."""
    return [_record(row) for row in await models.SigningKey.all().order_by("number")]


async def insert(key: SigningKey) -> None:
    """Add one. That its number is not taken is for the database to say."""
    await models.SigningKey.create(
        number=key.number,
        public_key=key.public_key,
        secret_ciphertext=key.secret_ciphertext,
        token_seconds=key.token_seconds,
        signs_from=key.signs_from,
    )


async def let_tokens_live(keys: Iterable[SigningKey], token_seconds: int) -> None:
    """Note that keys sign tokens that live so long, in seconds."""
    await _rows(keys).update(token_seconds=token_seconds)


async def delete(keys: Iterable[SigningKey]) -> None:
    """Remove some."""
    await _rows(keys).delete()


def _rows(keys: Iterable[SigningKey]) -> QuerySet[models.SigningKey]:
    return models.SigningKey.filter(number__in=[key.number for key in keys])


def _record(row: models.SigningKey) -> SigningKey:
    return SigningKey(
        number=row.number,
        public_key=row.public_key,
        secret_ciphertext=row.secret_ciphertext,
        token_seconds=row.token_seconds,
        signs_from=row.signs_from,
    )
