"""The public pages in a real browser: by keyboard alone, without scripts, on a narrow screen, in both languages, light and dark.

Pictures of every page are kept where CONSENTRY_SHOTS names a folder.
"""
import email
import email.policy
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import support
from conftest import House

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None and "CONSENTRY_CHROMIUM" not in os.environ,
                                reason="no Chromium here")

NOTICES = {
    "hu": "Hozzájárulok, hogy az Acme Kft. havonta egyszer hírlevelet küldjön nekem a kertészet újdonságairól, akciókról és "
          "rendezvényekről.\n\nA hozzájárulás önkéntes, és bármikor, indoklás nélkül visszavonható.",
    "en": "I agree that Acme Kft. sends me a newsletter once a month about gardening, offers and events.\n\n"
          "This consent is voluntary and can be withdrawn at any time, without giving a reason.",
}
TITLES = {"hu": "Kerti hírlevél", "en": "Garden newsletter"}
SITE = "https://gw.test/"


class Browser:
    def __init__(self):
        script = pathlib.Path(__file__).with_name("browser.mjs")
        self.process = subprocess.Popen(["node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, call, **options):
        self.process.stdin.write(json.dumps({"call": call, **options}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer
        return answer["value"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(support.PATIENCE_S)

    # -- a person at the keyboard ------------------------------------------------------------------

    def tab_to(self, **wanted):
        """Presses Tab until the wanted element has the focus, which must be seen on each; fails when the round is over."""
        for _ in range(30):
            at = self("press", key="Tab")
            assert at["tag"] == "body" or at["visible"], f"focus cannot be seen on {at}"
            assert at["name"] != "website", "the trap is in the way of the keyboard"
            if all(at[k] == v for k, v in wanted.items()):
                return at
        raise AssertionError(f"no way by keyboard to {wanted}")

    def submit(self):
        """Enter, on a button or a link: the status of the page that comes."""
        return self("press", key="Enter", leaves=True)["status"]


@pytest.fixture(scope="module")
def browser():
    b = Browser()
    yield b
    b.close()


@pytest.fixture(scope="module")
def house():
    with support.folder() as path:
        house = House(path, {"public": {"address": "127.0.0.1:0", "fill_time_min_ms": 0, "sign_ups_per_network_hour": 1000}})
        with house:
            house.forms = {}
            for language, text in NOTICES.items():
                (path / "notice.txt").write_text(text)
                house.forms[language] = house.gateway.json(
                    "form", "add", "acme", "--topic", f"garden-{language}", "--title", TITLES[language], "--notice", path / "notice.txt",
                    "--from", "news@sender.test", "--language", language, "--with-name", "--notice-url", "https://sender.test/privacy",
                    "--return-url", "https://www.sender.test/", "--embed-origin", "https://www.sender.test")
            yield house


def url(house, path):
    return f"http://127.0.0.1:{house.gateway.public}/{path}"


def form_url(house, language):
    return url(house, f"s/{house.forms[language]['id']}")


def link_of(house, address, pattern):
    text = email.message_from_bytes(house.received(address)[-1], policy=email.policy.default)
    return url(house, re.search(SITE + f"({pattern})", text.as_string() + text.get_content()).group(1))


def reader(house, address, topics=("garden-hu", "garden-en")):
    """Somebody with two subscriptions and a first mail: the page behind its unsubscribe link."""
    house.gateway.import_consents([{"email": address, "topic": t} for t in topics])
    client = house.gateway.login()
    client.sendmail(f"news+spring={topics[0]}@sender.test", [address], support.letter(address))
    client.quit()
    return link_of(house, address, r"u/\w+")


def topics_of(house, address):
    """What may be mailed: the gateway's own answers to RCPT."""
    allowed = []
    client = house.gateway.login()
    for topic in ("garden-en", "garden-hu"):
        client.mail(f"news+spring={topic}@sender.test")
        if client.rcpt(address)[0] == 250:
            allowed.append(topic)
        client.rset()
    client.quit()
    return allowed


WORDS = {
    "hu": {"sent": "Nézze meg a leveleit", "sign up": "Feliratkozom", "confirm": "Igen, feliratkozom", "confirmed": "Köszönjük",
           "wrong": "Kérjük, javítsa ki:", "leave": "Leiratkozom", "left": "Leiratkozott", "choose": "Megnézem, milyen leveleket kapok",
           "save": "Mentés", "saved": "Elmentettük", "all": "Leiratkozom mindenről", "none": "Mindenről leiratkozott"},
    "en": {"sent": "Check your mail", "sign up": "Sign up", "confirm": "Yes, sign me up", "confirmed": "Thank you",
           "wrong": "Please correct:", "leave": "Unsubscribe", "left": "You are unsubscribed", "choose": "See which mails I get",
           "save": "Save", "saved": "Saved", "all": "Unsubscribe from everything", "none": "unsubscribed from everything"},
}
LOCALES = {"hu": "hu-HU", "en": "en-GB"}


@pytest.mark.parametrize("language", ["hu", "en"])
@pytest.mark.parametrize("javascript", [False, True], ids=["no script", "script"])
def test_sign_up_by_keyboard(house, browser, language, javascript):
    """From the empty form over its errors to the consent; 360 pixels wide."""
    w, address = WORDS[language], f"keys-{language}-{javascript}@rcpt.test".lower()
    # The form speaks the language of its notice, whatever the browser prefers.
    browser("open", width=360, javascript=javascript, locale=LOCALES["en" if language == "hu" else "hu"])
    assert browser("goto", url=form_url(house, language)) == 200
    assert browser("language") == language
    browser.tab_to(tag="button", text=w["sign up"])
    assert browser.submit() == 422
    page = browser("text")
    assert w["wrong"] in page
    assert browser("focused")["id"] == "address", "the first wrong field has the focus"
    browser("type", text=address)
    browser.tab_to(name="name")
    browser("type", text="Kiss Éva <b>")
    assert browser.tab_to(name="agree")["checked"] is False, "never ticked beforehand"
    assert browser("press", key="Space")["checked"] is True
    browser.tab_to(tag="button", text=w["sign up"])
    assert browser.submit() == 200
    page = browser("text")
    assert w["sent"] in page and address not in page
    assert browser("wide") <= 0 and browser("cookies") == 0

    assert browser("goto", url=link_of(house, address, r"c/\w+")) == 200
    assert NOTICES[language].split("\n")[0] in browser("text")
    browser.tab_to(tag="button", text=w["confirm"])
    assert topics_of(house, address) == []
    assert browser.submit() == 200
    assert w["confirmed"] in browser("text") and address not in browser("text")
    assert topics_of(house, address) == [f"garden-{language}"]
    assert browser("refused") == [] or not javascript


@pytest.mark.parametrize("language", ["hu", "en"])
def test_preferences_by_keyboard(house, browser, language):
    """From the link in a mail: one topic off, on again, then everything; without scripts."""
    w, address = WORDS[language], f"prefers-{language}@rcpt.test"
    leave = reader(house, address)
    browser("open", width=360, javascript=False, locale=LOCALES[language])
    assert browser("goto", url=leave) == 200
    assert browser("language") == language, "the language the browser asks for"
    browser.tab_to(tag="a", text=w["choose"])
    assert browser.submit() == 200
    for left in (1, 2):
        browser.tab_to(name="topic", id="t0")
        browser("press", key="Space")
        browser.tab_to(tag="button", text=w["save"])
        assert browser.submit() == 200
        assert w["saved"] in browser("text") and address not in browser("text")
        assert len(topics_of(house, address)) == left
    browser.tab_to(tag="button", text=w["all"])
    assert browser.submit() == 200
    assert w["none"] in browser("text") and browser("wide") <= 0
    assert topics_of(house, address) == []


def pages(house, browser, language):
    """Every page there is, one after the other: its name, shown."""
    w, form = WORDS[language], form_url(house, language)
    address = f"looks-{language}-{len(house.sink.received())}@rcpt.test"
    browser("goto", url=form)
    yield "sign-up"
    browser.tab_to(tag="button", text=w["sign up"])
    browser.submit()
    yield "sign-up-errors"
    browser("type", text=address)
    browser.tab_to(name="agree")
    browser("press", key="Space")
    browser.tab_to(tag="button", text=w["sign up"])
    browser.submit()
    yield "sent"
    browser("goto", url=link_of(house, address, r"c/\w+"))
    yield "confirm"
    browser.tab_to(tag="button", text=w["confirm"])
    browser.submit()
    yield "confirmed"
    leave = reader(house, "r" + address)
    browser("goto", url=leave)
    yield "unsubscribe"
    browser.tab_to(tag="button", text=w["leave"])
    browser.submit()
    yield "unsubscribed"
    browser.tab_to(tag="a", text=w["choose"])
    assert browser.submit() == 200
    yield "preferences"
    browser.tab_to(tag="button", text=w["save"])
    browser.submit()
    yield "preferences-saved"
    browser("goto", url=url(house, "u/nonsense"))
    yield "bad-link"


@pytest.mark.parametrize("language, dark, width", [("hu", False, 360), ("en", True, 1024)])
def test_every_page_holds_up(house, browser, language, dark, width):
    """axe-core finds nothing serious, nothing is wider than the screen, nothing was refused by the page's own policy."""
    shots = os.environ.get("CONSENTRY_SHOTS")
    browser("open", width=width, dark=dark, locale=LOCALES[language], axe=True)
    for name in pages(house, browser, language):
        if shots:
            browser("shot", file=f"{shots}/{name}-{language}-{'dark' if dark else 'light'}-{width}.png")
        assert browser("wide") <= 0, name
        findings = browser("axe")
        assert not [f for f in findings if f.startswith(("serious", "critical", "moderate"))], (name, findings)


def test_frames(house, browser):
    """frame-ancestors: the site the form names may show it, another may not, and the page of a token nobody."""
    browser("open", javascript=True)
    form = form_url(house, "hu")
    assert TITLES["hu"] in browser("framed", origin="https://www.sender.test", url=form)
    assert TITLES["hu"] not in browser("framed", origin="https://other.test", url=form)
    leave = reader(house, "framed@rcpt.test")
    assert WORDS["hu"]["leave"] not in browser("framed", origin="https://www.sender.test", url=leave)


def test_the_embedded_form_leads_to_the_page(house, browser):
    """The HTML for a page of the tenant's own brings the address; what is agreed to is ticked on ours."""
    form = house.gateway.json("form", "show", "acme", house.forms["en"]["id"])
    html = form["embed"]["html"].replace(SITE, url(house, ""))
    site = house.home / "site.html"
    site.write_text(f"<!doctype html><meta charset=utf-8><title>Shop</title>{html}")
    browser("open", javascript=False, locale="en-GB")
    browser("goto", url=site.as_uri())
    browser.tab_to(name="address")
    browser("type", text="embedded@rcpt.test")
    browser.tab_to(tag="button")
    assert browser.submit() == 200
    assert "Please read the text" in browser("text") and WORDS["en"]["wrong"] not in browser("text")
    assert browser.tab_to(name="agree")["checked"] is False
    browser("press", key="Space")
    browser.tab_to(tag="button", text="Sign up")
    assert browser.submit() == 200
    assert link_of(house, "embedded@rcpt.test", r"c/\w+")
