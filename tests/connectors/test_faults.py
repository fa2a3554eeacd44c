"""What is wrong in a setting is said in words that fit a form, JSON and YAML alike."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, field_validator

from connectors.sdk.faults import plain_detail


class Inner(BaseModel):
    level: int = 1


class Setting(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1)] = "a"
    level: Annotated[int, Field(ge=1)] = 1
    amount: Decimal = Decimal(1)
    share: float = 0.5
    live: bool = True
    role: Literal["agent", "admin"] = "agent"
    queues: tuple[str, ...] = ()
    inner: Inner = Inner()
    url: HttpUrl = HttpUrl("https://example.com")

    @field_validator("name")
    @classmethod
    def _named(cls, value: str) -> str:
        if value == "b":
            raise ValueError("QuickBooks has this name already")
        return value


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"level": "ten"}, "should be a whole number"),
        ({"level": 1.5}, "should be a whole number"),
        ({"level": None}, "should be a whole number"),
        ({"level": 0}, "should be greater than or equal to 1"),
        ({"amount": "a lot"}, "should be a number"),
        ({"share": "half"}, "should be a number"),
        ({"live": "perhaps"}, "should be true or false"),
        ({"role": "boss"}, "should be 'agent' or 'admin'"),
        ({"queues": "sales"}, "should be a list"),
        ({"queues": [1]}, "should be text"),
        ({"inner": []}, "should be a mapping of names to values"),
        ({"name": ""}, "should have at least 1 character"),
        ({"name": "b"}, "QuickBooks has this name already"),
        ({"nmae": "a"}, "there is no such field"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Setting.model_validate(given)
    assert [plain_detail(error) for error in caught.value.errors()] == [words]


def test_an_address_that_cannot_be_is_told_without_python() -> None:
    with pytest.raises(ValidationError) as caught:
        Setting.model_validate({"url": "ftp://example.com"})
    assert plain_detail(caught.value.errors()[0]) == "URL scheme should be 'http' or 'https'"
