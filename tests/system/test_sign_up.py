"""Ways in and out on the web: a sign-up from the form to the first newsletter, one-click as mailbox providers post it, preferences."""
import email
import email.policy
import json
import re
import smtplib
import subprocess
import time

import pytest

import neighbours
import support
from conftest import House

NOTICE = "Hozzájárulok, hogy az Acme Kft. kerti hírlevelet küldjön nekem.\n\nBármikor leiratkozhatok."
SITE = "https://gw.test/"


@pytest.fixture(scope="module")
def house():
    with support.folder() as path:
        house = House(path, {"public": {"address": "127.0.0.1:0", "trusted_proxies": ["127.0.0.1"],
                                        "sign_ups_per_network_hour": 6, "fill_time_min_ms": 200}})
        with house:
            house.gateway.add_credential("acme", "confirmer", stream="doi", topic="", campaign="")
            house.form = add_form(house)
            yield house


def add_form(house, topic="garden", **more):
    notice = house.home / "notice.txt"
    notice.write_text(NOTICE + "\n")
    options = {"topic": topic, "title": "Kerti hírlevél", "notice": notice, "from": "news@sender.test",
               "notice-url": "https://sender.test/privacy", "return-url": "https://www.sender.test/",
               "embed-origin": "https://www.sender.test"} | more
    return house.gateway.json("form", "add", "acme", *(f"--{k}={v}" for k, v in options.items()))


def curl(house, path, *options, code=200):
    """Body and header of the answer, as curl gets it from the public listener."""
    done = subprocess.run(["curl", "-sS", "-D", "-", *options, f"http://127.0.0.1:{house.gateway.public}/{path}"],
                          capture_output=True, text=True, timeout=support.PATIENCE_S)
    head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
    assert head.startswith(f"HTTP/1.1 {code} "), done.stdout + done.stderr
    return body, head.lower()


def from_network(ip):
    return ("-H", f"X-Forwarded-For: 203.0.113.99, {ip}")


def stamp(house, form):
    body, _ = curl(house, f"s/{form['id']}")
    return re.search(r'name="stamp" value="([^"]+)"', body).group(1)


def sign_up(house, address, form=None, ip="192.0.2.1", agree="yes", code=200, **more):
    form = form or house.form
    fields = {"address": address, "agree": agree, "stamp": stamp(house, form)} | more
    # The fill time is asked of a person; a test may be as quick as it likes up to it.
    support.wait_for(lambda: time.time() * 1000 - int(fields["stamp"].split(".")[0]) > 250, "the fill time") if "." in fields["stamp"] else None
    options = [o for k, v in fields.items() for o in ("--data-urlencode", f"{k}={v}")]
    return curl(house, f"s/{form['id']}", *options, *from_network(ip), "-A", "Test browser/1", code=code)


def confirmation_of(house, address):
    mail = house.received(address)[0]
    text = email.message_from_bytes(mail, policy=email.policy.default)
    return mail, text, re.search(SITE + r"(c/\w+)", text.get_content()).group(1)


def consents(house, address, code=0):
    return house.gateway.json("consent", "show", "acme", address, code=code)


def journal(house, person=None):
    lines = house.gateway.cli("journal", "tail", "--json", "-n", "1000").splitlines()
    return [e for e in map(json.loads, lines) if person is None or e.get("person") == person]


@pytest.mark.quick
def test_from_the_form_to_the_newsletter(house):
    """RULES A2 5.3: form, one signed mail on the doi stream, a button, the consent with its evidence, and mail that passes."""
    page, head = sign_up(house, "Anna@rcpt.test")
    assert "Nézze meg a leveleit" in page and "@" not in page
    assert "set-cookie" not in head and "location:" not in head
    mail, text, link = confirmation_of(house, "Anna@rcpt.test")
    assert text["From"] == '"Acme Kft." <news@sender.test>' and text["Auto-Submitted"] == "auto-generated"
    assert text["Subject"] == "Erősítse meg a feliratkozását: Kerti hírlevél"
    assert all(line.strip() in text.get_content() for line in NOTICE.split("\n"))
    verdicts = neighbours.dkim_verdicts(mail, house.knot)
    assert verdicts and all(good for _, _, good in verdicts)
    assert consents(house, "anna@rcpt.test", code=1)["consents"] == [], "nothing is a consent yet"
    assert "consent.missing" in submit(house, "anna@rcpt.test", topic="garden")

    page, head = curl(house, link, *from_network("192.0.2.7"))
    assert "Igen, feliratkozom" in page and "@" not in page and "no-referrer" in head
    assert consents(house, "anna@rcpt.test", code=1)["consents"] == [], "what looks into links confirms nothing"
    page, _ = curl(house, link, "-X", "POST", *from_network("192.0.2.7"), "-A", "Phone/2")
    assert "feliratkozott" in page and 'href="https://www.sender.test/"' in page

    known = consents(house, "anna@rcpt.test")
    consent = known["consents"][0]
    assert consent["method"] == "double_opt_in" and consent["form_id"] == house.form["id"]
    assert consent["notice_hash"] == house.form["notice_hash"] and consent["tick"] == "ticked"
    assert consent["given_at"] <= consent["confirmed_at"] and consent["ip"] == "192.0.2.1"
    assert (consent["confirmed_ip"], consent["confirmed_user_agent"]) == ("192.0.2.7", "Phone/2")
    assert consent["given_at"] <= consent["doi_sent_at"] <= consent["confirmed_at"] and "192.0.2.7" not in consent["evidence"]
    kinds = [e["kind"] for e in journal(house, known["person"])]
    order = [kinds.index(k) for k in ("signed_up", "notice_sent", "delivered", "consent_given", "consent_confirmed")]
    assert order == sorted(order), kinds
    assert submit(house, "anna@rcpt.test", topic="garden").startswith("250")
    house.received("anna@rcpt.test")
    page, _ = curl(house, link, "-X", "POST", *from_network("192.0.2.7"))
    assert "már megerősítette" in page, "twice is once"
    house.gateway.cli("journal", "verify")


def submit(house, to, topic, user="acme", message=None):
    client = house.gateway.login(user)
    try:
        client.mail(f"news+spring={topic}@sender.test")
        code, text = client.rcpt(to)
        if code == 250:
            code, text = client.data(message or support.letter(to))
        return f"{code} {text.decode()}"
    finally:
        client.close()


def mails_to(house, address):
    return sum(r["recipients"] == address for r in house.sink.received())


@pytest.mark.parametrize("how", ["urlencoded", "multipart", "json"])
def test_every_encoding_of_a_form_is_taken(house, how):
    address, ip = f"{how}@rcpt.test", "192.0.2.20"
    fields = {"address": address, "agree": "yes", "stamp": stamp(house, house.form)}
    support.wait_for(lambda: time.time() * 1000 - int(fields["stamp"].split(".")[0]) > 250, "the fill time")
    if how == "json":
        options = ["-H", "Content-Type: application/json", "-d", json.dumps(fields), "-H", "Origin: https://www.sender.test"]
    else:
        flag = "--data-urlencode" if how == "urlencoded" else "-F"
        options = [o for k, v in fields.items() for o in (flag, f"{k}={v}")]
    _, head = curl(house, f"s/{house.form['id']}", *options, *from_network(ip))
    assert ("access-control-allow-origin: https://www.sender.test" in head) == (how == "json")
    assert confirmation_of(house, address)


def test_one_confirmation_per_list_and_day(house):
    pages = [sign_up(house, "again@rcpt.test", ip="192.0.2.30")[0] for _ in range(3)]
    assert len(set(pages)) == 1, "the page tells nothing about the address"
    house.received("again@rcpt.test")
    house.gateway.wait_delivered()
    assert mails_to(house, "again@rcpt.test") == 1


WRONG = {
    "no tick": ({"agree": ""}, "hozzájárul; enélkül"),
    "no address": ({"address": "nobody"}, "egy érvényes címet"),
    "a form that nobody fetched": ({"stamp": "1.1.aaaa"}, "olvassa el a szöveget"),
    "a form of another": ({"stamp": "1700000000000.1.aaaaaaaaaaaaaaaaaaaaaaaa"}, "olvassa el a szöveget"),
}


@pytest.mark.parametrize("what", WRONG)
def test_is_shown_again(house, what):
    fields, remark = WRONG[what]
    fields = dict(fields)
    page, _ = sign_up(house, fields.pop("address", "wrong@rcpt.test"), ip="192.0.2.40", code=422, **fields)
    assert remark in page
    assert "stamp" not in fields or " checked" not in page, "who ticked it, and what, nobody knows"
    assert mails_to(house, "wrong@rcpt.test") == 0


def test_robots(house):
    """The trap field, the fill time, and the limit of one network, a /64 in IPv6."""
    page, _ = sign_up(house, "robot@rcpt.test", ip="192.0.2.50", website="https://spam.example")
    assert "Nézze meg a leveleit" in page, "a robot learns nothing"
    fields = ["-d", "address=quick@rcpt.test&agree=yes", "--data-urlencode", f"stamp={stamp(house, house.form)}"]
    page, _ = curl(house, f"s/{house.form['id']}", *fields, *from_network("192.0.2.51"), code=422)
    assert "Gyorsabb volt" in page
    for i in range(6):
        sign_up(house, f"many{i}@rcpt.test", ip=f"2001:db8:0:1::{i}")
    _, head = sign_up(house, "many6@rcpt.test", ip="2001:db8:0:1:ffff::1", code=429)
    assert "retry-after: 3600" in head
    sign_up(house, "other-network@rcpt.test", ip="2001:db8:0:2::1")
    house.received("other-network@rcpt.test")
    house.gateway.wait_delivered()
    assert [mails_to(house, f"{a}@rcpt.test") for a in ("robot", "quick", "many5", "many6")] == [0, 0, 1, 0]


def test_a_body_too_large_and_methods_unknown(house):
    (house.home / "large").write_bytes(b"a=" + b"x" * 70_000)
    curl(house, f"s/{house.form['id']}", "--data-binary", f"@{house.home}/large", code=413)
    curl(house, f"s/{house.form['id']}", "-X", "DELETE", code=405)
    for path in ("s/aaaaaaaaaaaaaaaa", "c/nonsense", "p/nonsense", "u/nonsense", "a/other.css", "x"):
        curl(house, path, code=404)


def test_pages_load_nothing_and_are_framed_by_whom_the_form_names(house):
    _, head = curl(house, f"s/{house.form['id']}")
    assert "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors https://www.sender.test" in head
    assert "x-content-type-options: nosniff" in head and "x-frame-options" not in head
    _, head = curl(house, "c/nonsense", code=404)
    assert "frame-ancestors 'none'" in head and "x-frame-options: deny" in head
    css, head = curl(house, "a/pages.css")
    assert "text/css" in head and ":focus-visible" in css


def test_a_form_changes_and_closes(house):
    form = add_form(house, topic="jobs", title="Állások")
    old = stamp(house, form)
    (house.home / "new.txt").write_text("Ez egy új szöveg.")
    changed = house.gateway.json("form", "change", "acme", form["id"], f"--notice={house.home}/new.txt")
    assert changed["notice_version"] == 2 and changed["notice_hash"] != form["notice_hash"]
    page, _ = sign_up(house, "jobs@rcpt.test", form=form, ip="192.0.2.60", stamp=old, code=422)
    assert "megváltozott" in page and " checked" not in page, "what was ticked was another text"
    texts = [n["text"] for n in house.gateway.json("form", "show", "acme", form["id"])["notices"]]
    assert texts == [NOTICE, "Ez egy új szöveg."]
    house.gateway.cli("form", "disable", "acme", form["id"])
    assert "zárva van" in curl(house, f"s/{form['id']}", code=410)[0]
    house.gateway.cli("form", "enable", "acme", form["id"])
    embedded = house.gateway.cli("form", "show", "acme", form["id"], "--embed")
    assert f'<iframe src="{SITE}s/{form["id"]}"' in embedded and f'<form action="{SITE}s/{form["id"]}" method="post">' in embedded
    house.gateway.cli("form", "add", "acme", "--topic=x", "--title=x", f"--notice={house.home}/new.txt", "--from=a@stranger.test", code=1)


# -- the CRM hosts the form, and mails the confirmation itself ------------------------------------------------------------

DOI_MAIL = """From: Acme <news@sender.test>
To: {name} <{to}>
Subject: Please confirm
Date: Fri, 14 Mar 2025 12:00:00 +0100
Message-ID: <{code}@sender.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Dear {name}, please confirm that you want our news: https://crm.sender.test/confirm/{code}
Your code is {code}.{more}
"""


def doi_mail(to, name="Anna Kiss", code="a1b2c3", more=""):
    return DOI_MAIL.format(to=to, name=name, code=code, more=more).replace("\n", "\r\n").encode()


def api(house, method, path, body=None, code=200):
    data = ["-H", "Content-Type: application/json", "-d", json.dumps(body)] if body is not None else []
    done = subprocess.run(["curl", "-sS", "-w", "\n%{http_code}", "-H", "X-Reason: test", "-X", method, *data, "--unix-socket", str(house.gateway.socket),
                           f"http://localhost/v1/tenants/acme/{path}"], capture_output=True, text=True, timeout=support.PATIENCE_S)
    text, _, status = done.stdout.rpartition("\n")
    assert int(status) == code, done.stdout + done.stderr
    return json.loads(text)


def test_doi_mail_of_a_crm(house):
    """RULES A2 5.3 over SMTP: a sign-up of the last day, one recipient, an approved text, once per list and day."""
    to = "crm@rcpt.test"
    assert "doi.no_sign_up" in submit(house, to, "blog", user="confirmer")
    told = api(house, "POST", "sign-ups", {"address": to, "topic": "blog", "notice": "I agree to the blog.", "ip": "198.51.100.7",
                                           "user_agent": "Firefox", "form_id": "footer"}, code=201)
    assert told["state"] == "pending"
    assert "550" in (reply := submit(house, to, "blog", user="confirmer", message=doi_mail(to))) and "doi.template" in reply
    sample = house.home / "confirm.eml"
    sample.write_bytes(doi_mail("sample@sender.test", name="Minta Béla", code="x9y8z7"))
    assert "Dear ~, please confirm that you want our news: https://crm.sender.test" in house.gateway.cli("doi-template", "approve", "acme", sample)
    advert = submit(house, to, "blog", user="confirmer", message=doi_mail(to, more=" By the way: everything half price!"))
    assert "doi.template" in advert
    assert submit(house, to, "blog", user="confirmer", message=doi_mail(to)).startswith("250")
    house.received(to)
    assert "doi.repeated" in submit(house, to, "blog", user="confirmer", message=doi_mail(to, code="d4"))
    assert "doi.no_sign_up" in submit(house, to, "other", user="confirmer", message=doi_mail(to))

    assert "consent.missing" in submit(house, to, "blog")
    assert api(house, "POST", f"sign-ups/{told['id']}/confirm", {"ip": "198.51.100.8"})["news"] is True
    assert api(house, "GET", f"sign-ups/{told['id']}")["state"] == "confirmed"
    consent = consents(house, to)["consents"][0]
    assert consent["method"] == "double_opt_in" and consent["ip"] == "198.51.100.7" and consent["notice_hash"].startswith("sha256:")
    assert submit(house, to, "blog").startswith("250")


def test_a_sign_up_told_late_or_without_its_text_is_refused(house):
    told = {"address": "late@rcpt.test", "topic": "blog", "notice": "I agree."}
    api(house, "POST", "sign-ups", told | {"signed_up_at": "2020-01-01T00:00:00Z"}, code=422)
    api(house, "POST", "sign-ups", told | {"tick": "preticked"}, code=422)
    api(house, "POST", "sign-ups", {"address": "late@rcpt.test", "topic": "blog"}, code=422)
    assert api(house, "POST", "sign-ups", {"address": "server@rcpt.test", "form": house.form["id"]}, code=202)["state"] == "pending"
    _, _, link = confirmation_of(house, "server@rcpt.test")
    curl(house, link, "-X", "POST")
    assert consents(house, "server@rcpt.test")["consents"][0]["topic"] == "garden"


def test_the_text_that_was_shown_is_found_by_its_hash(house):
    """RULES D1: of a form of ours in every version, and of a CRM's own sign-up; in the person's report too."""
    sign_up(house, "reads@rcpt.test")
    _, _, link = confirmation_of(house, "reads@rcpt.test")
    curl(house, link, "-X", "POST")
    told = api(house, "POST", "sign-ups", {"address": "told@rcpt.test", "topic": "blog", "notice": "I agree to all of the blog.", "notice_language": "en"},
               code=201)
    api(house, "POST", f"sign-ups/{told['id']}/confirm", {})
    for address, text, language in (("reads@rcpt.test", NOTICE, "hu"), ("told@rcpt.test", "I agree to all of the blog.", "en")):
        (consent,) = consents(house, address)["consents"]
        found = api(house, "GET", f"notices?hash={consent['notice_hash']}")
        assert (found["text"], found["language"]) == (text, language) and found["version" if language == "hu" else "hash"]
        report = api(house, "GET", f"persons?address={address}")
        assert [n["text"] for n in report["notices"]] == [text]
    api(house, "GET", "notices?hash=sha256:" + "0" * 64, code=404)


def test_an_older_text_of_a_form_is_found_and_handed_over(house):
    """RULES D1: who agreed to the first version agreed to that one, whatever the form says now; by API, CLI, report and hand-over."""
    form = add_form(house, topic="versions")
    sign_up(house, "first@rcpt.test", form, ip="192.0.2.77")
    _, _, link = confirmation_of(house, "first@rcpt.test")
    curl(house, link, "-X", "POST")
    later = house.home / "later.txt"
    later.write_text("Hozzájárulok, hogy az Acme Kft. mindenről írjon.\n")
    changed = house.gateway.json("form", "change", "acme", form["id"], f"--notice={later}", "--notice-url=https://sender.test/privacy-2")
    (consent,) = consents(house, "first@rcpt.test")["consents"]
    assert consent["notice_hash"] == form["notice_hash"] != changed["notice_hash"]
    texts = {}
    for hash, version, url, text in ((form["notice_hash"], "1", "https://sender.test/privacy", NOTICE),
                                     (changed["notice_hash"], "2", "https://sender.test/privacy-2", later.read_text().strip())):
        by_api = api(house, "GET", f"notices?hash={hash}")
        assert (by_api["version"], by_api["url"], by_api["language"], by_api["text"].strip()) == (version, url, "hu", text)
        assert house.gateway.json("notice", "show", "acme", hash) == by_api
        texts[hash] = by_api["text"]
    (told,) = api(house, "GET", "persons?address=first@rcpt.test")["notices"]
    assert (told["hash"], told["version"], told["url"], told["text"]) == (form["notice_hash"], "1", consent["notice_url"], texts[form["notice_hash"]])
    made = api(house, "POST", "exports", {"format": "json", "invoices": "settled"}, code=201)
    handed = api(house, "GET", f"exports/{made['id']}")["form_texts"]
    assert {t["hash"]: t["text"] for t in handed if t["form"] == form["id"]} == texts


# -- ways out ---------------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def readers(house):
    """Readers of two topics, with the unsubscribe link of their first mail."""
    people = [f"reader{i}@rcpt.test" for i in range(6)]
    house.gateway.import_consents([{"email": p, "topic": t} for p in people for t in ("garden", "kitchen")])
    links = {}
    for p in people:
        assert submit(house, p, "garden").startswith("250")
        header = email.message_from_bytes(house.received(p)[0])["List-Unsubscribe"]
        links[p] = re.search(SITE + r"(u/\w+)", header).group(1)
    return links


def is_withdrawn(house, address, topic):
    return next("withdrawn_at" in c for c in consents(house, address)["consents"] if c.get("topic") == topic)


ONE_CLICK = {
    "urlencoded": ["-d", "List-Unsubscribe=One-Click"],
    "multipart": ["-F", "List-Unsubscribe=One-Click"],
}


@pytest.mark.parametrize("how, reader", [("urlencoded", "reader0@rcpt.test"), ("multipart", "reader1@rcpt.test")])
def test_one_click_as_mailbox_providers_post_it(house, readers, how, reader):
    """RFC 8058: a POST without cookies acts at once; no redirect."""
    _, head = curl(house, readers[reader], *ONE_CLICK[how])
    assert "set-cookie" not in head and "location:" not in head
    assert is_withdrawn(house, reader, "garden") and not is_withdrawn(house, reader, "kitchen")
    assert "consent.withdrawn" in submit(house, reader, "garden")
    assert submit(house, reader, "kitchen").startswith("250")


@pytest.mark.parametrize("options, code", [
    ([], 200), (["-I"], 200), (["-d", "list-unsubscribe=one-click"], 400), (["-d", "List-Unsubscribe=One-Click2"], 400),
    (["-d", "x=List-Unsubscribe%3DOne-Click"], 400), (["-d", "List-Unsubscribe=One-Click&List-Unsubscribe=No"], 400),
    (["-F", "x=name=\"List-Unsubscribe\" One-Click"], 400), (["-H", "Content-Type: text/plain", "-d", "List-Unsubscribe=One-Click"], 400),
    (["-X", "POST"], 400),
])
def test_nothing_else_unsubscribes(house, readers, options, code):
    page, _ = curl(house, readers["reader2@rcpt.test"], *options, code=code)
    assert "@" not in page
    assert not is_withdrawn(house, "reader2@rcpt.test", "garden")


@pytest.mark.quick
def test_one_click_reaches_mail_that_is_queued(house, readers):
    """RULES D3, C5: durable within a second, and the departure gate asks again."""
    gateway, reader = house.gateway, "reader3@rcpt.test"
    gateway.settings["route"] = [{"domain": "*", "host": "127.0.0.1", "port": support.free_port()}]
    gateway.stop()
    gateway.start()
    before = mails_to(house, reader)
    assert submit(house, reader, "garden").startswith("250")
    took = time.monotonic()
    curl(house, readers[reader], *ONE_CLICK["urlencoded"])
    took = time.monotonic() - took
    gateway.kill()  # what was answered is on disk
    gateway.settings["route"] = [{"domain": "*", "host": "127.0.0.1", "port": house.sink.port}]
    gateway.start()
    assert is_withdrawn(house, reader, "garden")
    gateway.wait_delivered()
    assert mails_to(house, reader) == before
    last = [e for e in journal(house) if e["kind"] == "bounced"][-1]
    assert last["reason"] == "consent.withdrawn"
    print(f"answered, and so on disk, after {took * 1000:.0f} ms")


def test_mail_to_the_unsubscribe_address(house, readers):
    """The mailto: half of List-Unsubscribe."""
    header = email.message_from_bytes(house.received("reader4@rcpt.test")[0])["List-Unsubscribe"]
    to = re.search(r"mailto:([^?>]+)", header).group(1)
    client = smtplib.SMTP("127.0.0.1", house.gateway.inbound, timeout=support.PATIENCE_S)
    client.sendmail("reader4@rcpt.test", [to], b"Subject: unsubscribe\r\n\r\n")
    client.quit()
    assert is_withdrawn(house, "reader4@rcpt.test", "garden") and not is_withdrawn(house, "reader4@rcpt.test", "kitchen")


def test_preferences(house, readers):
    """Topic by topic, everything at once, and back again by the person's own hand."""
    reader = "reader5@rcpt.test"
    page, _ = curl(house, readers[reader])
    path = re.search(r'href="\.\./(p/\w+)"', page).group(1)
    page, _ = curl(house, path, "-H", "Accept-Language: en")
    assert page.count('type="checkbox"') == 2 and page.count(" checked") == 2 and "rcpt.test" not in page
    assert "Kerti hírlevél" in page, "a topic stands under the name of its form"
    both = ["-d", "shown=garden&shown=kitchen"]
    page, _ = curl(house, path, *both, "-d", "topic=kitchen", "-H", "Accept-Language: en")
    assert "Saved" in page and page.count(" checked") == 1
    assert is_withdrawn(house, reader, "garden") and not is_withdrawn(house, reader, "kitchen")
    assert "consent.withdrawn" in submit(house, reader, "garden")

    curl(house, path, *both, "-d", "topic=garden&topic=kitchen", "-A", "Her browser", *from_network("192.0.2.77"))
    assert submit(house, reader, "garden").startswith("250"), "ticked again: an express consent of its own"
    again = next(c for c in consents(house, reader)["consents"] if c.get("topic") == "garden")
    assert again["method"] == "preference_page" and again["ip"] == "192.0.2.77" and "hozzájárul" in again["evidence"]

    page, _ = curl(house, path, "-d", "everything=yes")
    assert "Mindenről leiratkozott" in page
    for topic in ("garden", "kitchen"):
        assert "consent.withdrawn" in submit(house, reader, topic)
    curl(house, path, "-d", "nonsense=1", code=400)
    # A withdrawal by the desk is not undone here.
    house.gateway.cli("consent", "withdraw", "acme", reader, "--method", "phone")
    page, _ = curl(house, path)
    assert 'type="checkbox"' not in page
