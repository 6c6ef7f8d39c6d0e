"""A page whose server is started again, or that is loaded again, while a picture is made."""

from contextlib import ExitStack, contextmanager

from helpers.browser import SLOW, grow, needs_chromium, opened, ready, serving

pytestmark = needs_chromium
STEPS = "30"


@contextmanager
def person(browser, address):
    """The page of a new person, which may complain: its server will be away."""
    context = browser.new_context()
    context.set_default_timeout(SLOW)
    page = context.new_page()
    page.goto(address)
    ready(page)
    yield page
    context.close()


def begin(page):
    """Begin a picture that takes a while, and wait for its first preview."""
    page.locator("#make summary").click()
    page.fill("#steps", STEPS)
    page.click("#draw")
    page.wait_for_selector("#before[src^='data:']")


def test_a_picture_goes_on_when_its_server_is_back(quick_editor, browser, tmp_path):
    with ExitStack() as browsing:
        with serving(quick_editor, keep=tmp_path) as address:
            page = browsing.enter_context(person(browser, address))
            begin(page)
        page.wait_for_selector("#run-text >> text=goes on when it is back")
        with serving(quick_editor, int(address.split(":")[2].strip("/")), tmp_path):
            page.locator("#strip li").nth(2).wait_for()
            page.wait_for_selector("#run", state="hidden")
            assert page.is_hidden("#problem")
            page.reload()
            ready(page)
            assert page.locator("#strip li").count() == 3


def test_a_picture_that_is_made_meanwhile_is_there_after_a_reload(quick_editor, browser):
    with serving(quick_editor) as address, opened(browser, address) as page:
        begin(page)
        grow(page, page.reload)
        assert page.locator("#strip li").count() == 3
        page.reload()
        ready(page)
        assert page.locator("#strip li").count() == 3


def test_what_a_server_did_not_keep_is_said_to_be_lost(quick_editor, browser):
    with ExitStack() as browsing:
        with serving(quick_editor) as address:
            page = browsing.enter_context(person(browser, address))
            begin(page)
        page.wait_for_selector("#problem >> text=Is wordbrush still running?")
