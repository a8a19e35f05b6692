"""What a visitor, a cataloguer and a program with bad manners do: in Chromium, at two widths, without JavaScript."""

import re
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import PHOTOGRAPHS, ROOT
from playwright.sync_api import expect

SEARCHES = ["q=a+cat", "q=a+cat&not=a+wall&all=1", "class=Surface", "like=3", "order=doubt", "folder=Print"]
ADDRESSES = ["/", *("/?" + search for search in SEARCHES), "/evaluation"]


def titles(page):
    return [image.get_attribute("alt") for image in page.locator(".grid img").all()]


def open_filters(page):
    """They stand beside the pictures, or on a narrow screen unfold."""
    if page.get_by_text("Filters", exact=True).is_visible():
        page.get_by_text("Filters", exact=True).click()


def follow(page, link):
    with page.expect_navigation():
        link.click()


def search(page, **fields):
    page.goto("/")
    for label, text in fields.items():
        page.get_by_label(label.replace("_", " ")).fill(text)
    follow(page, page.get_by_role("button", name="Search"))


def test_search_by_words(page):
    search(page, Words="a cat")
    assert titles(page)[0] == "chelsea"
    expect(page.locator(".grid li").first.get_by_role("img", name="Likeness 4 of 5")).to_be_visible()
    expect(page.get_by_label("Words")).to_have_value("a cat")
    assert "q=a+cat" in page.url


def test_minus_words(page):
    search(page, Words="a cat", But_not="fur + a cat's head")
    expect(page.get_by_role("heading", level=1)).to_contain_text("a cat, not fur")
    page.goto("/?q=a+cat&all=1")
    with_fur = titles(page)
    page.goto("/?q=a+cat&not=fur+%2B+a+cat%27s+head&all=1")
    assert titles(page) != with_fur


def test_nothing_found(page):
    search(page, Words="a submarine")
    expect(page.get_by_role("heading", level=1)).to_have_text("No pictures: a submarine")
    assert titles(page) == []
    follow(page, page.get_by_role("link", name="Show what is less like it, too"))
    assert len(titles(page)) == 24


def test_click_similar(page):
    page.goto("/?q=a+cat")
    follow(page, page.get_by_role("link", name="chelsea"))
    expect(page.locator("legend")).to_contain_text("chelsea")
    expect(page.get_by_role("heading", level=1)).to_contain_text("like this picture")
    assert "chelsea" not in titles(page)
    expect(page.locator("progress").first).to_be_attached()


def test_upload(page):
    page.goto("/")
    page.get_by_label("Picture", exact=True).set_input_files(PHOTOGRAPHS / "chelsea.png")
    follow(page, page.get_by_role("button", name="Search"))
    expect(page.locator("legend")).to_contain_text("Your picture")
    assert titles(page)[0] == "chelsea"
    assert page.locator("progress").count() == 9
    # With the picture come words.
    page.get_by_label("Words").fill("a page of text")
    follow(page, page.get_by_role("button", name="Search"))
    assert "upload=" in page.url and "q=a+page" in page.url


@pytest.mark.parametrize("contents", [b"no picture", b"", b"\x89PNG\r\n\x1a\n", "half a picture"])
def test_bad_upload(page, contents):
    if contents == "half a picture":
        contents = (PHOTOGRAPHS / "rocket.jpg").read_bytes()[:30000]
    page.goto("/")
    file = {"name": "picture.jpg", "mimeType": "image/jpeg", "buffer": contents}
    page.get_by_label("Picture", exact=True).set_input_files(file)
    with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
        page.get_by_role("button", name="Search").click()
    assert answer.value.status == 422
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"image", re.I))


def test_too_large_an_upload(page, tmp_path):
    page.goto("/")
    file = tmp_path / "picture.jpg"
    file.write_bytes(bytes(17 << 20))
    page.get_by_label("Picture", exact=True).set_input_files(file)
    with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
        page.get_by_role("button", name="Search").click()
    assert answer.value.status == 413
    expect(page.get_by_role("main")).to_contain_text("exceeds the capacity limit")


def test_classes(page):
    page.goto("/")
    page.get_by_label("Class").select_option("Surface")
    follow(page, page.get_by_role("button", name="Search"))
    shares = [int(re.search(r"(\d+) %", text)[1]) for text in page.locator(".grid li").all_inner_texts()]
    assert shares == sorted(shares, reverse=True) and len(shares) > 2
    assert set(titles(page)) & {"brick", "grass", "gravel"}


def test_filter(page):
    page.goto("/")
    open_filters(page)
    animals = page.get_by_role("navigation", name="Filters").get_by_role("link", name=re.compile("^Animal"))
    folder = animals.and_(page.locator("[href*='folder=']"))
    count = int(re.search(r"\d+", folder.inner_text())[0])
    follow(page, folder)
    assert sorted(titles(page)) == ["chelsea", "horse"] and count == 2
    expect(page.get_by_role("heading", level=1)).to_have_text("2 pictures")
    follow(page, page.get_by_role("link", name="Folder: Animal remove"))
    assert len(titles(page)) == 24


def test_paging(page):
    for address in ["/", "/?q=a+thing&all=1", "/?like=1&all=1", "/?order=doubt"]:
        page.goto(address)
        first = titles(page)
        total = int(re.search(r"\d+", page.get_by_role("heading", level=1).inner_text())[0])
        follow(page, page.get_by_role("link", name="More pictures"))
        second = titles(page)
        assert len(first) == 24 and set(first).isdisjoint(second)
        assert len(first) + len(second) == total
        expect(page.get_by_role("link", name="More pictures")).to_have_count(0)
        follow(page, page.get_by_role("link", name="From the first"))
        assert titles(page) == first


def test_correct_a_label(page):
    page.goto("/?q=a+rocket&all=1")
    follow(page, page.locator(".grid a").first)
    for said in ["none of these", "Vehicle"]:
        page.get_by_role("radio", name=said).check()
        follow(page, page.get_by_role("button", name="Save this label"))
        expect(page.locator("legend")).to_contain_text(f"{said}, says a person")
        expect(page.get_by_role("radio", name=said)).to_be_checked()
    title = page.locator("legend h2").inner_text()
    page.goto("/?class=Vehicle")
    assert titles(page)[0] == title
    expect(page.locator(".grid li").first).to_contain_text("by a person")
    page.goto("/?source=person")
    assert title in titles(page)


def test_evaluation(page):
    page.goto("/evaluation")
    table = page.get_by_role("table").first
    assert {"Animal", "Print", "Surface"} <= set(table.get_by_role("rowheader").all_inner_texts())
    counts = [int(text) for text in table.get_by_role("cell").all_inner_texts() if text.strip().isdigit()]
    assert sum(counts) >= 8
    cell = table.get_by_role("link").filter(has_text=re.compile("^[1-9]")).first
    count = int(cell.inner_text())
    follow(page, cell)
    assert len(titles(page)) == count


def test_keyboard(page):
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    assert page.locator(":focus").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Words")).to_be_focused()
    assert "3px" in page.locator(":focus").evaluate("element => getComputedStyle(element).outline")
    page.keyboard.type("a cat")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.locator(".grid a").first.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("legend")).to_contain_text("chelsea")
    page.locator("input[type=radio]:checked").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("legend")).to_contain_text("says a person")


@pytest.mark.parametrize("width, scheme", [(1280, "light"), (390, "dark")])
def test_accessible(browser, site, width, scheme):
    context = browser.new_context(base_url=site, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    for address in [*ADDRESSES, "/?q=" + "x" * 70000]:
        page.goto(address)
        found = Axe().run(page)
        assert found.violations_count == 0, address + found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    context.close()


def status(url, data=None, headers={}):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


@pytest.mark.parametrize("address, expected", [
    ("/?like=99999999", 200), ("/?like=9999999999999999999999", 200), ("/?like=x&key=x&id=x&upload=x", 200),
    ("/?q=%00", 422), ("/?q=" + "x" * 70000, 422), ("/?label='%20OR%20true--", 200), ("/?class=%25s", 200),
    ("/?key=nan&id=1", 200), ("/?_external=1&_scheme=javascript&q=a", 200), ("/image/small/99999", 404),
    ("/image/small/x", 422), ("/image/upload/5", 422), ("/image/other/5", 404), ("/label/1", 405), ("/nothing", 404),
])
def test_odd_addresses(site, address, expected):
    code, headers = status(site + address)
    assert code == expected
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_forms_of_other_sites(site):
    for headers in [{}, {"Cookie": "session=made-up"}]:
        for data in [b"label=Animal", b"label=Animal&token=", b"label=Animal&token=%C3%A9"]:
            assert status(site + "/label/1", data, headers)[0] == 403
    _, headers = status(site)
    assert "SameSite=Strict" in headers["Set-Cookie"] and "HttpOnly" in headers["Set-Cookie"]


def test_unknown_label(page):
    page.goto("/?like=1")
    token = page.locator("input[name=token]").first.get_attribute("value")
    answer = page.request.post("/label/1", form={"token": token, "label": "Dragon"})
    assert answer.status == 422
    assert page.request.post("/label/999999", form={"token": token, "label": "Animal"}).status == 422


@pytest.mark.parametrize("statement", [
    "UPDATE labels SET label = NULL", "DELETE FROM labels", "UPDATE pictures SET path = ''", "DELETE FROM pictures",
    "INSERT INTO labels (picture, label, source) VALUES (1, 'Animal', 'model')", "CREATE TABLE mine ()", "TABLE labels",
    "INSERT INTO prompts VALUES ('Dragon', 'a dragon')", "SELECT clip_unregister_model('clip-mini')",
])
def test_rights(site, servers, statement):
    (sockets,) = servers.glob("*/socket")
    with psycopg.connect(host=str(sockets), user="catalogue", dbname="postgres") as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_size():
    """What README says of it."""
    files = (ROOT / "examples/catalogue").rglob("*.*")
    code = [file.read_text() for file in files if file.suffix in {".py", ".html", ".css", ".sql"}]
    lines = [line for text in code for line in text.splitlines()]
    assert max(map(len, lines)) <= 120
    assert sum(bool(re.match(r"\s*(?!# |-- )\S", line)) for line in lines) < 400


def test_many_readers(site):
    with ThreadPoolExecutor(8) as readers:
        codes = [code for code, _ in readers.map(status, [site + address for address in ADDRESSES * 24])]
    assert set(codes) == {200}
