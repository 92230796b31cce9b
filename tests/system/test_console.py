"""The console in a real browser against a real gateway: cases, blocks, held mail, by mouse and by keyboard alone, narrow and wide, in
both languages. Pictures of the pages are kept where CONSENTRY_SHOTS names a folder, else in the build's shots/."""
import os
import pathlib
import shutil
import subprocess

import pytest

import support
from console_world import EVIL, PASSWORD, Console, ConsoleHouse

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None and "CONSENTRY_CHROMIUM" not in os.environ,
                                reason="no Chromium here")
SHOTS = pathlib.Path(os.environ.get("CONSENTRY_SHOTS") or pathlib.Path(os.environ.get("CONSENTRY_BUILD", "build/dev")) / "shots")


@pytest.fixture(scope="module")
def house():
    with support.folder() as path, ConsoleHouse(path, history=20_000) as h:
        people, mail = h.send(8, "reader")
        h.people, h.mail = people, mail
        for m in (mail[0], mail[2]):  # more than one in a thousand, with the floor of a thousand
            h.reporter.report(h.gateway, m)
        h.reporter.report(h.gateway, mail[1], kind="fraud", sign=False)
        yield h


@pytest.fixture(scope="module")
def browser():
    b = Console()
    yield b
    b.close()


def shot(browser, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    browser("shot", file=str(SHOTS / f"console-{name}.png"))


def test_sign_in_and_out(house, browser):
    house.sign_out("dora")
    browser("open", width=1280, locale="en-GB")
    browser("goto", url=house.url())
    browser("wait", selector="input[name=login]")
    shot(browser, "sign-in")
    browser("fill", selector="input[name=login]", text="dora")
    browser("fill", selector="input[name=password]", text="not the password")
    browser("press", key="Enter")
    browser("wait", selector="text=Login or password is wrong.")
    browser("fill", selector="input[name=password]", text=PASSWORD)
    browser("press", key="Enter")
    browser("wait", selector="h1:has-text('Today')")
    cookie = browser("jar")[0]
    assert cookie["httpOnly"] and cookie["secure"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/"
    browser("goto", url=house.url())
    browser("wait", selector="h1:has-text('Today')")  # the session outlives a reload
    browser("click", selector="role=button[name='Sign out']")
    browser("wait", selector="input[name=password]")
    assert browser("jar") == []
    assert browser("refused") == []


def test_a_case_from_the_report_to_its_end(house, browser):
    browser.enter(house, "dora")
    browser("click", selector="role=link[name='Cases']")
    browser("wait", selector="h1:has-text('Cases')")
    browser("wait", selector="td:has-text('Test loop')")
    shot(browser, "cases")
    # The block that the counted report brought puts the tenant's cases above others; fraud stands above them.
    assert browser("text").index("fraud") < browser("text").index("blocked tenant")
    browser("click", selector="tr:has-text('Test loop') a")
    browser("wait", selector="h1:has-text('Case')")
    browser("click", selector="role=button[name='Show the mail, verdict and consent']")
    browser.answer("the case of a complaint")
    browser("wait", selector="text=What happened to the mail")
    browser("wait", selector="dd:has-text('@rcpt.test')")
    shot(browser, "case")
    # The evidence pack of the case holds up on another machine, by the public key alone.
    browser("click", selector="role=button[name='Evidence pack']")
    browser("fill", selector="dialog [name=reason]", text="asked for by counsel")
    archive = house.home / "pack.tar"
    browser("download", selector="dialog button[type=submit]", file=str(archive))
    key = house.session("olga").get("/v1/evidence-key").json()["public_key"]
    checked = subprocess.run([support.program("consentry"), "--socket", "/nowhere", "evidence", "verify", archive, "--key", key], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    browser("click", selector="role=button[name='Add a note']")
    browser.answer("asked the tenant, árvíztűrő")
    browser("wait", selector="text=asked the tenant, árvíztűrő")
    browser("click", selector="role=button[name='Close the case']")
    browser.answer("answered")
    browser("wait", selector="role=button[name='Open it again']")
    acts = [e for e in house.journal("desk_act") if e["facts"].get("what", "").startswith("case.")]
    assert [(e["facts"]["what"], e["actor"], e["reason"]) for e in acts[-2:]] == [
        ("case.note", "desk:dora", "asked the tenant, árvíztűrő"), ("case.close", "desk:dora", "answered")]
    looks = house.journal("accessed")
    assert any(e["actor"] == "desk:dora" and e["facts"]["reason"] == "the case of a complaint" for e in looks)
    assert browser("refused") == []


def test_what_the_rules_cannot_decide_a_person_does(house, browser):
    """The unsigned report counts for nothing until the desk has read it and confirms it."""
    browser.enter(house, "dora")
    browser.go("cases", "Cases")
    browser("click", selector="tr:has-text('unsigned') a")
    browser("wait", selector="h1:has-text('Case')")
    browser("click", selector="role=button[name='Show the mail, verdict and consent']")
    browser.answer("an unsigned report")
    browser("click", selector="summary:has-text('The report as it came')")
    browser("wait", selector="pre:has-text('Feedback-Type: fraud')")
    shot(browser, "report")
    browser("click", selector="role=button[name='Confirm the complaint']")
    browser.answer("they called as well")
    browser("wait", selector="text=complaint confirmed")
    acts = [e for e in house.journal("complained") if e["facts"].get("act") == "complaint.confirm"]
    assert acts[-1]["actor"] == "desk:dora" and acts[-1]["reason"] == "they called as well"
    assert browser("refused") == []


def test_block_and_unblock(house, browser):
    browser.enter(house, "dora")
    browser.go("tenant/rival", "rival")
    browser("click", selector="role=button[name='Block bulk mail']")
    browser.answer("a letter of the provider")
    browser("wait", selector="role=button[name='Unblock bulk mail']")
    shot(browser, "tenant-blocked")
    assert house.gateway.json("standing", "show", "rival")["bulk_blocked"] is True
    browser("click", selector="role=button[name='Unblock bulk mail']")
    browser.answer("they have mended it")
    browser("wait", selector="role=button[name='Block bulk mail']")
    shown = house.gateway.json("standing", "show", "rival")
    assert shown["bulk_blocked"] is False and shown["history"][0]["actor"] == "desk:dora" and shown["history"][0]["cause"] == "they have mended it"


def unblocked(house):
    if house.gateway.json("standing", "show", "acme")["bulk_blocked"]:
        house.gateway.cli("unblock", "acme", "--reason", "a test")


def test_held_mail_is_looked_at_and_released(house, browser):
    unblocked(house)
    number = house.hold("winner@rcpt.test", html=True)
    browser.enter(house, "dora")
    browser.go("held", "Held mail")
    browser("wait", selector=f"role=link[name='{number}']")
    browser("click", selector=f"role=link[name='{number}']")
    browser("click", selector="role=button[name='Show the content']")
    browser.answer("whether it may leave")
    browser("wait", selector="iframe.preview")
    inside = browser("frame_html", selector="iframe.preview")
    assert "<mark>" in inside and "Kedves Olvasó" in inside
    for bad in ("script", "onload", "style=", "javascript:parent", "<img", "<iframe", "<form", "<input"):
        assert bad not in inside.replace("⟨javascript:parent", ""), bad
    assert browser("evaluate", script="document.title") != "owned"
    shot(browser, "held-mail")
    browser("click", selector="role=button[name='Release']")
    browser.answer("it is an advertisement of a fair")
    browser("wait", selector="text=Released; it is judged again")
    released = support.wait_for(lambda: [e for e in house.journal("released") if e.get("message") == number], "the release")
    assert released[-1]["actor"] == "desk:dora" and "fair" in released[-1]["reason"]
    assert browser("refused") == []


def test_held_mail_is_rejected(house, browser):
    unblocked(house)
    number = house.hold("loser@rcpt.test")
    browser.enter(house, "dora")
    browser.go("held", "Held mail")
    browser("click", selector=f"input[aria-label={number}]")
    browser("click", selector="role=button[name='Reject']")
    browser.answer("forbidden")
    browser("wait", selector=f"role=link[name='{number}']", gone=True)
    assert not [m for m in house.held() if m["message"] == number]


def test_news_come_by_themselves(house, browser):
    """Nobody reloads: a page shows what happened since."""
    unblocked(house)
    browser.enter(house, "dora")
    browser.go("held", "Held mail")
    browser("wait", selector="text=live")
    number = house.hold("sudden@rcpt.test")
    browser("wait", selector=f"role=link[name='{number}']")


def test_a_tenants_people_see_their_own_only(house, browser):
    browser.enter(house, "rita")
    browser("wait", selector="h1:has-text('rival')")
    text = browser("text")
    assert "acme" not in text.lower() and "Block bulk mail" not in text
    for place in ("tenant/acme", "cases", "policy", "today"):
        browser("evaluate", script=f"location.hash = '#/{place}'")
        browser("wait", selector="h1:has-text('rival')")
        assert "acme" not in browser("text").lower(), place
    browser.go("audit", "Audit")
    assert "acme" not in browser("text").lower()
    shot(browser, "tenant-own")


def test_a_sent_mail_is_found_by_its_subject(house, browser):
    browser.enter(house, "olga")
    browser.go("search", "Search")
    browser("fill", selector="input[name=subject]", text="News of the garden")
    browser("click", selector="section:has-text('Sent mail') button[type=submit]")
    browser.answer("looking for a mail")
    browser("wait", selector="td:has-text('News of the garden')")
    shot(browser, "search-sent")
    assert browser("refused") == []


def test_by_keyboard_alone(house, browser):
    house.sign_out("dora")
    browser("open", width=1280, locale="en-GB")
    browser("goto", url=house.url())
    browser("wait", selector="input[name=login]")
    assert browser("focused")["name"] == "login"
    browser("type", text="dora")
    browser.tab_to(name="password")
    browser("type", text=PASSWORD)
    browser("press", key="Enter")
    browser("wait", selector="h1:has-text('Today')")
    browser.tab_to(tag="a", text="Tenants")
    browser("press", key="Enter")
    browser("wait", selector="h1:has-text('Tenants')")
    browser("wait", selector="role=link[name='rival']")
    browser.tab_to(tag="a", text="rival")
    browser("press", key="Enter")
    browser("wait", selector="h1:has-text('rival')")
    browser("wait", selector="role=button[name='Block bulk mail']")
    browser.tab_to(tag="button", text="Block bulk mail")
    browser("press", key="Enter")
    browser("wait", selector="dialog[open]")
    assert browser("focused")["name"] == "reason"
    browser("type", text="by keyboard")
    browser.tab_to(tag="button", text="Confirm")
    browser("press", key="Enter")
    browser("wait", selector="role=button[name='Unblock bulk mail']")
    browser.tab_to(tag="button", text="Unblock bulk mail")
    browser("press", key="Enter")
    browser("wait", selector="dialog[open]")
    browser("press", key="Escape")
    browser("wait", selector="dialog", gone=True)
    assert house.gateway.json("standing", "show", "rival")["bulk_blocked"] is True
    house.gateway.cli("unblock", "rival", "--reason", "a test")


STAFF = [("today", "Today", "Ma"), ("cases", "Cases", "Ügyek"), ("held", "Held mail", "Visszatartott levelek"), ("tenants", "Tenants", "Ügyfelek"),
         ("tenant/acme", "acme", "acme"), ("search", "Search", "Keresés"), ("policy", "Policy", "Szabályok"), ("audit", "Audit", "Napló"), ("account", "Account", "Fiók")]


@pytest.mark.parametrize("language, dark, width", [("en", False, 1280), ("hu", True, 1280), ("hu", False, 360), ("en", True, 360)])
def test_every_page_holds_up(house, browser, language, dark, width):
    """axe-core finds nothing serious, nothing is wider than the screen."""
    browser.enter(house, "anna", width=width, dark=dark, locale={"en": "en-GB", "hu": "hu-HU"}[language], axe=True)
    assert browser("language") == language
    for place, english, hungarian in STAFF:
        browser.go(place, hungarian if language == "hu" else english)
        browser("wait", selector="p[role=status]:has-text('…')", gone=True)
        browser("evaluate", script="new Promise(r => setTimeout(r, 250))")
        shot(browser, f"{place.replace('/', '-')}-{language}-{'dark' if dark else 'light'}-{width}")
        assert browser("wide") <= 0, place
        findings = browser("axe")
        assert not [f for f in findings if f.startswith(("serious", "critical"))], (place, findings)


def test_its_own_policy_refuses_nothing_it_needs(house, browser):
    """Every page under the real Content-Security-Policy: no violation, nothing from elsewhere."""
    browser.enter(house, "anna")
    for place, english, _ in STAFF:
        asked = browser("requests", during={"call": "evaluate", "script": f"location.hash = '#/{place}'"}, settle_ms=500)
        assert all(u.startswith(f"https://127.0.0.1:{house.gateway.admin}/") for u in asked), asked
        browser("wait", selector=f"h1:has-text('{english}')")
    assert browser("refused") == []


def test_what_others_write_is_text(house, browser):
    """Script in a subject, a campaign, a legal name, a person's name, a reason: shown as it is written, and never run."""
    unblocked(house)
    g = house.gateway
    g.cli("tenant", "add", "evil", "--legal-name", EVIL, "--contact", "office@evil.test")
    house.add_person("eve", "auditor", name=EVIL)
    number = house.hold("script@rcpt.test", subject=EVIL.replace("\n", ""))
    g.cli("block", "evil", "--reason", EVIL)
    browser.enter(house, "anna")
    for place, title in (("tenants", "Tenants"), ("tenant/evil", "evil"), ("held", "Held mail"), ("account", "Account"), ("audit", "Audit"), ("today", "Today")):
        browser.go(place, title)
        browser("evaluate", script="new Promise(r => setTimeout(r, 300))")
        assert browser("evaluate", script="document.title") == "Consentry", place
        assert browser("count", selector="main img, main script") == 0, place
    browser.go(f"mail/{number}", "Mail")
    browser("click", selector="role=button[name='Show the content']")
    browser.answer(EVIL)
    browser("wait", selector="p.subject")
    assert "<img src=x" in browser("text") and browser("count", selector="main img, main script") == 0
    assert browser("evaluate", script="document.title") == "Consentry"
    browser.enter(house, "eve")
    assert EVIL[:12] in browser("text") and browser("evaluate", script="document.title") == "Consentry"
    assert browser("refused") == []
