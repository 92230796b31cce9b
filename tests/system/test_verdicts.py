"""What the gateway lets out and what not, as a CRM's server meets it: reply, notice, and `consentry why`."""
import base64
import datetime
import email
import re
import subprocess

import pytest

import support
from conftest import House

NOW = datetime.datetime.now(datetime.timezone.utc)


def day(before):
    """A time so many days ago, at noon: no month, week or hour is near."""
    return (NOW - datetime.timedelta(days=before)).strftime("%Y-%m-%dT12:00:00Z")


# An address is stored only with a sign of life in the last six months (terms 5.4): the old ones have a recent click.
CONSENTS = [
    {"email": "fresh@rcpt.test", "given_at": day(20)},
    {"email": "old@rcpt.test", "given_at": day(380), "last_click_at": day(10)},
    {"email": "gone@rcpt.test", "given_at": day(20), "withdrawn_at": day(5), "withdrawn_method": "phone"},
    {"email": "other-topic@rcpt.test", "given_at": day(20), "topic": "jobs"},
]


@pytest.fixture(scope="module")
def house():
    with support.folder() as path:
        house = House(path, {"public": {"address": "127.0.0.1:0"}})
        with house:
            house.gateway.import_consents(CONSENTS)
            house.gateway.add_credential("acme", "free", topic="", campaign="")
            yield house


def submit(house, recipients, message=None, sender="news@sender.test", user="acme"):
    """The replies: a dict of the refused recipients, and that to the end of data (None: not reached)."""
    client = house.gateway.login(user)
    refused = {}
    assert client.mail(sender)[0] == 250
    for r in recipients:
        code, text = client.rcpt(r)
        if code != 250:
            refused[r] = f"{code} {text.decode()}"
    end = None
    if len(refused) < len(recipients):
        code, text = client.data(message or support.letter(recipients[0]))
        end = f"{code} {text.decode()}"
    client.close()
    return refused, end


@pytest.mark.parametrize("to, reason", [("old@rcpt.test", "consent.expired"), ("gone@rcpt.test", "consent.withdrawn"),
                                        ("other-topic@rcpt.test", "consent.missing"), ("info@rcpt.test", "consent.missing")])
def test_refused_at_rcpt(house, to, reason):
    refused, end = submit(house, [to])
    assert refused[to].startswith("550 5.7.1 ") and reason in refused[to]
    assert end is None


def test_why_tells_the_dates(house):
    _, end = submit(house, ["fresh@rcpt.test"])
    message = re.search(r"\bm[0-9a-z]{7,}\b", end).group()
    house.received("fresh@rcpt.test")
    told = house.gateway.json("why", message)
    verdict = told["recipients"][0]["verdict"]
    assert verdict["decision"] == "send"
    given = (NOW - datetime.timedelta(days=20)).date()
    assert verdict["dates"]["consent_day"] == given.isoformat()
    last = given.replace(year=given.year + 1) if (given.month, given.day) != (2, 29) else given.replace(year=given.year + 1, day=28)
    assert verdict["dates"]["last_day"] == last.isoformat()
    assert verdict["policy_version"]


def test_forbidden_content_is_refused(house):
    """RULES A6 H4, in words that only show once the transfer encoding is undone."""
    text = "Eladó kokain és heroin, rendelje meg most diszkréten! Marihuána és LSD is kapható, postázzuk."
    message = support.letter("fresh@rcpt.test", subject="Kokain és heroin rendelés")
    head = message.partition(b"\r\n\r\n")[0].replace(b"8bit", b"base64")
    before = len(house.sink.received())
    _, end = submit(house, ["fresh@rcpt.test"], head + b"\r\n\r\n" + base64.encodebytes(text.encode()).replace(b"\n", b"\r\n"))
    assert end.startswith("550 5.7.1") and "content.h4" in end
    assert len(house.sink.received()) == before


def test_suspicious_content_waits_for_a_person(house):
    text = "Játsszon online kaszinónkban! Ingyen pörgetés és bónusz, tegye meg tétjét most: https://casino.test/"
    before = len(house.sink.received())
    _, end = submit(house, ["fresh@rcpt.test"], support.letter("fresh@rcpt.test", subject="Online kaszinó bónusz", text=text))
    assert end.startswith("250") and "content.s3" in end
    held, = house.gateway.queued()["messages"]
    assert held["held"] == 1
    house.gateway.cli("queue", "purge", "--message", held["message"], "--reason", "gambling")
    assert house.gateway.queued()["messages"] == []
    assert len(house.sink.received()) == before


def test_an_exempt_sector_is_sent_and_why_tells_by_whose_leave(house):
    """RULES A6."""
    text = "Játsszon online kaszinónkban! Ingyen pörgetés és bónusz, tegye meg tétjét most: https://casino.test/"
    message = support.letter("fresh@rcpt.test", subject="Online kaszinó bónusz", text=text)
    until = (NOW + datetime.timedelta(days=30)).date().isoformat()
    granted = house.gateway.json("tenant", "exempt", "grant", "acme", "S3", "--until", until, "--reason", "licence SZTFH 12")
    before = len(house.sink.received())
    _, end = submit(house, ["fresh@rcpt.test"], message)
    assert end.startswith("250") and "held" not in end
    support.wait_for(lambda: len(house.sink.received()) == before + 1, "the mail")
    why = house.gateway.cli("why", re.search(r"m\w{7}", end).group())
    assert f"x1 to {until}" in why and "licence SZTFH 12" in why
    ended = house.gateway.json("tenant", "exempt", "end", "acme", granted["exemption"], "--reason", "taken back")
    assert ended["counts"] is False and ended["still_exempt_by"] == []
    assert "taken back" in house.gateway.cli("tenant", "exempt", "list", "acme")
    _, end = submit(house, ["fresh@rcpt.test"], message)
    assert "content.s3" in end
    held, = house.gateway.queued()["messages"]
    house.gateway.cli("queue", "purge", "--message", held["message"], "--reason", "gambling")


def test_campaign_from_the_header(house):
    """Topic and campaign known only after the end of data: the refused are told in a notice, their headers never leave."""
    names = b"X-Consentry-Campaign: spring\r\nX-Consentry-Topic: news\r\n"
    refused, end = submit(house, ["fresh@rcpt.test", "nobody@rcpt.test"], names + support.letter("fresh@rcpt.test", id="header"), user="free")
    assert refused == {} and end.startswith("250")
    notice, = house.received("news@sender.test")
    parsed = email.message_from_bytes(notice)
    assert parsed.get_content_type() == "multipart/report"
    assert b"nobody@rcpt.test" in notice and b"consent.missing" in notice and b"Action: failed" in notice
    letter, = support.wait_for(lambda: [m for m in house.sink.mail() if b"X-Test-Id: header" in m and b"multipart/report" not in m],
                               "the letter of the one who consented")
    assert b"X-Consentry" not in letter


def test_no_campaign_no_mail(house):
    refused, end = submit(house, ["fresh@rcpt.test"], user="free")
    assert end.startswith("550 5.7.1") and "campaign." in end


def test_foreign_from(house):
    _, end = submit(house, ["fresh@rcpt.test"], support.letter("fresh@rcpt.test", domain="bank.test"))
    assert end.startswith("550 5.7.1") and "sender." in end


def test_one_click(house):
    """RFC 8058: the link in the letter, POSTed to as a mailbox provider does; a GET (a scanner's look) changes nothing."""
    to = "clicker@rcpt.test"
    house.gateway.import_consents([to])
    submit(house, [to])
    message, = house.received(to)
    link = re.search(r"<https://gw.test(/u/[^>]+)>", email.message_from_bytes(message)["List-Unsubscribe"]).group(1)
    url = f"http://127.0.0.1:{house.gateway.public}{link}"

    def curl(*options):
        done = subprocess.run(["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", *options, url],
                              capture_output=True, text=True, timeout=support.PATIENCE_S)
        return done.stdout

    assert curl() == "200"
    assert submit(house, [to])[0] == {}
    assert curl("--data", "List-Unsubscribe=One-Click") == "200"
    assert "suppressed.unsubscribed" in submit(house, [to])[0][to] or "consent.withdrawn" in submit(house, [to])[0][to]


def twelve_months_before(day):
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # the 29th of February: a consent of the 28th ends today
        return day.replace(year=day.year - 1, day=28)


def test_consent_runs_out_while_mail_waits(home):
    """RULES A3 [I]: each attempt is a dispatch. Twelve months end tomorrow, and the mail still waits the day after."""
    to = "late@rcpt.test"
    house = House(home, {"route": [{"domain": "*", "host": "127.0.0.1", "port": support.free_port()}]})
    with house:
        given = twelve_months_before((NOW + datetime.timedelta(days=1)).date())
        house.gateway.import_consents([{"email": to, "given_at": f"{given}T12:00:00Z", "last_click_at": day(1)}])
        why = "You receive this because you signed up on our website. Acme Kft."
        _, end = submit(house, [to], support.letter(to, text=why))
        message = re.search(r"\bm[0-9a-z]{7,}\b", end).group()
        accepted_under = house.gateway.json("why", message)["policy_version"]
        house.gateway.stop()
        # The rules change meanwhile, too: both versions are told.
        stricter = home / "stricter.toml"
        stricter.write_text('[renewal]\nobjection_wait_h = 1\n')
        house.gateway.settings["policy"]["file"] = stricter
        house.gateway.settings["route"] = [{"domain": "*", "host": "127.0.0.1", "port": house.sink.port}]
        house.gateway.extra_arguments = ["--clock-days", "2"]
        house.gateway.start()
        notice, = house.received("news@sender.test")
        parsed = email.message_from_bytes(notice)
        assert parsed.get_content_type() == "multipart/report"
        assert to.encode() in notice and b"consent.expired" in notice
        assert b"Status: 5.7.1" in notice and b"Action: failed" in notice
        assert to not in [r["recipients"] for r in house.sink.received()]

        told = house.gateway.json("why", message)
        kinds = [e["kind"] for e in told["events"]]
        assert kinds.count("consent_expired") == 1 and kinds.count("bounced") == 1
        bounced, = [e for e in told["events"] if e["kind"] == "bounced"]
        assert bounced["reason"] == "consent.expired" and bounced["rule"] == "A3"
        assert bounced["facts"]["accepted_under"] == accepted_under != bounced["policy_version"]


def test_the_day_a_person_named_ends_mail_that_waits(home):
    """RULES D1: consent given until tomorrow; the mail still waits the day after, and is not sent."""
    to = "until@rcpt.test"
    house = House(home, {"route": [{"domain": "*", "host": "127.0.0.1", "port": support.free_port()}]})
    with house:
        house.gateway.import_consents([{"email": to, "expires_on": str((NOW + datetime.timedelta(days=1)).date())}])
        _, end = submit(house, [to])
        message = re.search(r"\bm[0-9a-z]{7,}\b", end).group()
        house.gateway.stop()
        house.gateway.settings["route"] = [{"domain": "*", "host": "127.0.0.1", "port": house.sink.port}]
        house.gateway.extra_arguments = ["--clock-days", "2"]
        house.gateway.start()
        notice, = house.received("news@sender.test")
        assert to.encode() in notice and b"consent.expired" in notice and b"Status: 5.7.1" in notice, notice.decode()
        assert to not in [r["recipients"] for r in house.sink.received()]
        events = house.gateway.json("why", message)["events"]
        expired, = [e for e in events if e["kind"] == "consent_expired"]
        bounced, = [e for e in events if e["kind"] == "bounced"]
        assert expired["rule"] == bounced["rule"] == "D1"
        # At RCPT it is the same word.
        assert "consent.expired" in submit(house, [to])[0][to]
