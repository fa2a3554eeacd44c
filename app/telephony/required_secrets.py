"""The setting of a provider that is proved by nothing but its secret: one, or several at once."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from app.telephony.secrets import Secrets


def _not_blank(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    # A blank secret would be matched by an empty header.
    if not secrets or any(not secret.get_secret_value().strip() for secret in secrets):
        raise ValueError("must not be blank: copy it from the phone system's settings")
    return secrets


RequiredSecrets = Annotated[Secrets, AfterValidator(_not_blank)]


def plain(secrets: tuple[SecretStr, ...]) -> list[str]:
    """Return the secrets as text, without the spaces that copying leaves around them."""
    return [secret.get_secret_value().strip() for secret in secrets]
