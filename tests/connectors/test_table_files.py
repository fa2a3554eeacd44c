"""The table connector follows files that change, and says what cannot be read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.sdk.types import (
    CheckStatus,
    CustomerRef,
    Empty,
    ErrorKind,
    Found,
    RejectedRow,
    SourceError,
)
from tests.connectors.test_table import (
    CREDIT,
    KESTREL,
    connector,
    failure,
    terms,
    write,
    write_sheet,
)


def age(path: Path, seconds: int) -> None:
    """Give a file a time of its own, as two writes of a test may share one."""
    os.utime(path, (1_790_000_000 + seconds, 1_790_000_000 + seconds))


async def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    age(write(tmp_path, CREDIT), 1)
    source = connector(tmp_path)
    assert (await terms(source)).credit_limit == 2000
    age(write(tmp_path, CREDIT.replace("2000.00", "3000.00")), 2)
    assert (await terms(source)).credit_limit == 3000
    await source.aclose()


@pytest.mark.parametrize("spoil", ["nonsense", "gone", "quotes"])
async def test_a_file_that_becomes_unreadable_leaves_the_old_content_and_says_so(
    tmp_path: Path, spoil: str
) -> None:
    path = write(tmp_path, CREDIT)
    age(path, 1)
    source = connector(tmp_path)
    await terms(source)
    if spoil == "gone":
        path.unlink()
    else:
        age(write(tmp_path, "a,b\n1,2\n" if spoil == "nonsense" else CREDIT + '"C-3,'), 2)
    found = await source.fetch("credit_terms", KESTREL)
    assert isinstance(found, Found)
    assert found.incomplete
    assert "the content of 2026-" in found.incomplete
    assert (await source.check()).status != CheckStatus.OK
    with pytest.raises(SourceError):
        [item async for item in source.contacts(None)]
    age(write(tmp_path, CREDIT), 3)
    found = await source.fetch("credit_terms", KESTREL)
    assert isinstance(found, Found)
    assert found.incomplete is None
    await source.aclose()


async def test_a_missing_header_is_named_with_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, CREDIT.replace("Limit", "Limite"))
    error = await failure(connector(tmp_path))
    assert error.kind == ErrorKind.BAD_CONFIG
    assert error.text == (
        "the file has no header 'Limit'; it has 'Account No', 'Customer', 'Telephone', 'Limite',"
        " 'On stop'. Was it renamed? Give its name of now under `columns`"
    )


async def test_a_wrong_delimiter_is_suspected(tmp_path: Path) -> None:
    write(tmp_path, CREDIT.replace(",", ";"))
    assert "another delimiter" in (await failure(connector(tmp_path))).text


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (CREDIT.encode("utf-16-le"), "credit.csv", "no header"),
        ("Ä".encode("latin-1") + CREDIT.encode(), "credit.csv", "line 1 is not utf-8-sig"),
        (b"", "credit.csv", "empty"),
        (b'a,"b', "credit.csv", "quotation mark"),
        (b"no spreadsheet", "credit.xlsx", "not a readable spreadsheet"),
        (b"PK\x03\x04 no zip", "credit.xlsx", "not a readable spreadsheet"),
    ],
)
async def test_a_file_that_is_not_what_it_says_is_refused_in_words(
    tmp_path: Path, content: bytes, name: str, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert said in (await failure(connector(tmp_path, name))).text


async def test_a_missing_sheet_is_named_with_those_there_are(tmp_path: Path) -> None:
    write_sheet(tmp_path / "terms.xlsx", [["a"]], "Terms")
    error = await failure(connector(tmp_path, "terms.xlsx", sheet="Term"))
    assert error.text == "there is no sheet 'Term'; it has 'Terms'"


async def test_a_row_with_too_many_cells_is_not_believed(tmp_path: Path) -> None:
    write(tmp_path, CREDIT + "C-300,Wren, Sons,020 7946 0301,500,N\n")
    source = connector(tmp_path)
    with pytest.raises(SourceError, match="row 5 has 6 cells under 5 headers"):
        await source.fetch("credit_terms", CustomerRef("C-300"))
    items = [item async for item in source.contacts(None)]
    await source.aclose()
    assert any(isinstance(item, RejectedRow) and item.where == "row 5" for item in items)


async def test_only_files_of_the_data_folder_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write(tmp_path, CREDIT, "outside.csv")
    (folder / "link.csv").symlink_to(tmp_path / "outside.csv")
    for path in ("../outside.csv", str(tmp_path / "outside.csv"), "link.csv"):
        error = await failure(connector(folder, path))
        assert error.kind == ErrorKind.BAD_CONFIG


async def test_two_different_rows_of_terms_for_one_customer_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, CREDIT + "C-100,Kestrel Garden,,5000,N\n")
    assert (await failure(connector(tmp_path))).kind == ErrorKind.BAD_DATA


async def test_the_connection_test_counts_what_it_could_and_could_not_read(
    tmp_path: Path,
) -> None:
    write(tmp_path, CREDIT + "C-300,Wren,4.42079E+11,much,N\n")
    source = connector(tmp_path)
    result = await source.check()
    await source.aclose()
    assert result.status == CheckStatus.OK
    assert "contacts: 3" in result.proved
    assert any(p.startswith("1 rows rejected, first: row 5") for p in result.proved)
    assert any(p.startswith("credit_terms: 2 of 3 customers, 1 cannot") for p in result.proved)


async def test_a_customer_with_empty_cells_only_has_no_terms(tmp_path: Path) -> None:
    write(tmp_path, CREDIT + "C-300,Wren,020 7946 0301,,\n")
    source = connector(tmp_path)
    assert isinstance(await source.fetch("credit_terms", CustomerRef("C-300")), Empty)
    await source.aclose()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"columns": {"remote_id": "a", "credit_limt": "b"}}, "did you mean credit_limit"),
        ({"columns": {"credit_limit": "b"}}, "remote_id or external_id must be mapped"),
        ({"columns": {"remote_id": "a", "tier": "b"}}, "nothing would come of these"),
        ({"encoding": "utf-9"}, "is not an encoding"),
        ({"encoding": "base64"}, "is not an encoding"),
        ({"delimiter": ";;"}, "delimiter"),
        ({"date_order": "ydm"}, "date_order"),
        ({"colums": {}}, "colums"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        connector(Path(), **settings)
    assert said in str(caught.value)
