"""How an admin connects the three systems of `business.py` in the studio, until they are live."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Locator, Page, expect

from tests.connectors.web import WebServer
from tests.e2e.business import NAME, READER_PASSWORD, SHOP_KEY, write_credit_file
from tests.e2e.console import begin, go_to, looked_at


async def tested(page: Page, *said: str) -> None:
    """Test what is typed; each of these is said."""
    await page.get_by_role("button", name="Test", exact=True).click()
    test = page.get_by_role("region", name="Test the connection")
    for words in said:
        await expect(test.get_by_text(words)).to_be_visible()


async def tried(page: Page) -> Locator:
    """Go on to step 3 and try the caller's number; returns what the agent would see."""
    await page.get_by_role("button", name="Save and go on to 3 Try").click()
    await page.get_by_label("Number of a caller").fill("020 7946 0958")
    await page.get_by_role("button", name="Try it").click()
    return page.get_by_role("region", name="What it would show: the agent sees")


async def publish(page: Page) -> None:
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.get_by_text("It is live.")).to_be_visible()


async def open_step(page: Page, name: str) -> None:
    await page.get_by_role("navigation", name="Steps").get_by_role("button", name=name).click()


async def connect_the_ledger(page: Page, url: str) -> None:
    await begin(page, "Data sources")
    await page.get_by_role("button", name="Database (SQL)").click()
    await page.get_by_label("Name", exact=True).fill("Ledger")
    await page.get_by_label("Database URL").fill(url)
    # Where the systems write a name differently, the ledger's is shown.
    await page.get_by_text("Region, waiting, precedence").click()
    await page.get_by_label("Precedence").fill("10")
    await tested(page, "It answers", "Nothing is mapped yet: go on to 2 Map.")
    await page.get_by_role("button", name="Save and go on to 2 Map").click()

    await page.get_by_text("customers", exact=True).click()
    await page.get_by_role("button", name="Begin the query from it with customers").click()
    contacts = page.get_by_label("Query: Contacts")
    await expect(contacts).to_have_value(
        "SELECT cust_no AS remote_id, name AS display_name, phone\nFROM customers\n"
        "ORDER BY remote_id"
    )
    # The shop knows its customers by this number too.
    await contacts.click()
    await page.keyboard.press("Control+Home")
    await page.keyboard.type("SELECT cust_no AS external_id,")
    await page.keyboard.press("Shift+Control+ArrowRight")
    await page.keyboard.press("Delete")
    await page.get_by_role("button", name="Run the query").click()
    await expect(page.get_by_role("group", name="Rows of contacts")).to_contain_text(NAME)

    await page.get_by_label("What shall the database bring?").select_option("balance")
    await page.get_by_text("open_items", exact=True).click()
    await page.get_by_role("button", name="Begin the query from it with open_items").click()
    await expect(page.get_by_label("Query: Balance")).to_have_value(
        "SELECT invoice_no AS number, open_amount AS amount_due, due_date, currency\n"
        "FROM open_items\nWHERE cust_no = :remote_id"
    )
    await page.get_by_label(":remote_id").fill("C-100")
    await page.get_by_role("button", name="Run the query").click()
    await expect(page.get_by_role("group", name="Rows of balance")).to_contain_text("456.00")
    await looked_at(page, "fifteen-03-ledger")
    sees = await tried(page)
    await expect(sees).to_contain_text("699.50 EUR")
    await expect(sees).to_contain_text("456.00 EUR overdue")
    await open_step(page, "1 Connect")
    # The password is kept with the draft; it is never shown again.
    await tested(page, "It answers", "contacts: 2 rows")
    assert READER_PASSWORD not in await page.content()
    await publish(page)


async def connect_the_credit_file(page: Page, folder: Path) -> None:
    await add_a_source(page, "File (CSV, Excel)")
    await page.get_by_label("Name", exact=True).fill("Credit file")
    file = write_credit_file(folder / "Credit terms.xlsx", mended=False)
    await drop(page, file, page.get_by_text("Drop a CSV or Excel file here"))
    await expect(page.get_by_text("Credit terms.xlsx: 3 rows under 6 headers")).to_be_visible()
    await page.get_by_role("button", name="Save and go on to 2 Map").click()
    await page.get_by_role("button", name="Take what is known by name").click()
    await expect(page.get_by_label("Credit used")).to_have_value("credit_used")
    await expect(page.get_by_text("1 row cannot be used")).to_be_visible()
    await expect(page.get_by_role("listitem").filter(has_text="row 4")).to_contain_text("is empty")
    await looked_at(page, "fifteen-04-credit-file")
    # Mended in the spreadsheet, and handed over again.
    write_credit_file(file, mended=True)
    async with page.expect_file_chooser() as chooser:
        await page.get_by_text("Choose a file").click()
    await (await chooser.value).set_files(file)
    await expect(page.get_by_text("Every row can be used.")).to_be_visible()
    sees = await tried(page)
    await expect(sees).to_contain_text("827.00 EUR available")
    await expect(sees).to_contain_text("Net 30")
    await open_step(page, "1 Connect")
    await tested(page, "It answers", "contacts: 3", "credit_terms: 3 of 3 customers")
    await publish(page)


async def connect_the_shop(page: Page, shop: WebServer) -> None:
    await add_a_source(page, "Web service (REST)")
    await page.get_by_label("Name", exact=True).fill("Shop")
    await page.get_by_label("Base URL").fill(f"{shop.url}/api")
    credentials = page.get_by_role("group", name="Credentials")
    await credentials.get_by_label("Kind").select_option("header")
    await credentials.get_by_label("Header").fill("X-Api-Key")
    await credentials.get_by_label("Key").fill(SHOP_KEY)
    await page.get_by_role("button", name="Test", exact=True).click()
    # A server in the own network is only asked where the admin says so; the field says how.
    wrong = page.get_by_role("alert").filter(has_text="Server in the own network")
    await expect(wrong).to_be_visible()
    await expect(page.get_by_label("Base URL")).to_be_focused()
    await expect(page.get_by_label("Base URL")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Server in the own network").check()
    await tested(page, "It answers", "Nothing is mapped yet: go on to 2 Map.")
    await page.get_by_role("button", name="Save and go on to 2 Map").click()

    await page.get_by_label("Path").fill("/customers")
    await page.get_by_role("button", name="Ask", exact=True).click()
    await take_records(page, "result.customers")
    await expect(page.get_by_label("account_no C-100", exact=True)).to_have_value("external_id")

    await page.get_by_label("What shall the service bring?").select_option("purchases")
    await page.get_by_label("Path").fill("/customers/{remote_id}/orders")
    await page.get_by_label("{remote_id}").fill("7")
    await page.get_by_role("button", name="Ask", exact=True).click()
    await take_records(page, "orders")
    await page.get_by_label("placed_on 2026-11-12", exact=True).select_option("order_date")
    await expect(page.get_by_label("Lines", exact=True)).to_have_value("lines")
    await expect(page.get_by_label("lines[0].qty 3", exact=True)).to_have_value("quantity")
    await looked_at(page, "fifteen-05-shop")

    await page.get_by_label("What shall the service bring?").select_option("tickets")
    await page.get_by_label("Path").fill("/tickets")
    await page.get_by_role("button", name="Add to Query").click()
    await page.get_by_label("Name 1").fill("customer")
    await page.get_by_label("Value 1").fill("{remote_id}")
    await page.get_by_label("{remote_id}").fill("7")
    await page.get_by_role("button", name="Ask", exact=True).click()
    await take_records(page, "@")
    sees = await tried(page)
    await expect(sees).to_contain_text("SO-1042")
    await expect(sees).to_contain_text("Third pump of the batch leaks")
    await looked_at(page, "fifteen-06-shop-tried")
    await open_step(page, "1 Connect")
    await tested(page, "It answers", "contacts: 2 records", "tickets: ")
    assert SHOP_KEY not in await page.content()
    await publish(page)


async def add_a_source(page: Page, kind: str) -> None:
    await go_to(page, "Data sources")
    await page.get_by_role("button", name="Add a data source").click()
    await page.get_by_role("button", name=kind).click()


async def drop(page: Page, file: Path, zone: Locator) -> None:
    """Let the browser drag a file from outside onto a place, and drop it there."""
    await zone.scroll_into_view_if_needed()
    box = await zone.bounding_box()
    assert box is not None
    session = await page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        await session.send(
            "Input.dispatchDragEvent",
            {
                "type": kind,
                "x": box["x"] + box["width"] / 2,
                "y": box["y"] + box["height"] / 2,
                "data": {"items": [], "files": [str(file)], "dragOperationsMask": 1},
            },
        )
    await session.detach()


async def take_records(page: Page, path: str) -> None:
    """Take a list of the raw answer, with the fields whose names are known."""
    records = page.get_by_role("group").filter(has_text=f"Records at {path}")
    await records.get_by_text(f"Records at {path}").click()
    await records.get_by_role("button", name="Take these records").click()
    await expect(page.get_by_label("Records", exact=True)).to_have_value(path)
