"""Complaints come back by real mail, signed by a reporter whose key stands in a real name server; the tenant's bulk mail stops."""
import base64
import email
import json
import smtplib
import subprocess

import dkim
import pytest

import neighbours
import support
from api_client import sign_in
from conftest import House

REPORT = """From: <fbl@{domain}>
To: <fbl@gw.test>
Subject: FW: News
Date: {date}
Message-ID: <{id}@{domain}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="=_r"

--=_r
Content-Type: text/plain; charset=us-ascii

This is an e-mail abuse report.

--=_r
Content-Type: message/feedback-report

Feedback-Type: {type}
User-Agent: TestLoop/1.0
Version: 1
Reported-Domain: sender.test
{extra}
--=_r
Content-Type: text/rfc822-headers

{headers}
--=_r--
"""


class Reporter:
    """A mailbox provider with a feedback loop."""

    def __init__(self, home, domain):
        self.domain = domain
        self.key = home / f"{domain}.key"
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", str(self.key), "2048"], check=True, capture_output=True)
        public = subprocess.run(["openssl", "rsa", "-in", str(self.key), "-pubout", "-outform", "DER"], check=True, capture_output=True)
        text = "v=DKIM1; k=rsa; p=" + base64.b64encode(public.stdout).decode()
        self.record = {"name": f"loop._domainkey.{domain}", "type": "TXT", "value": text}
        self.sent = 0

    def report(self, gateway, delivered, kind="abuse", sign=True, extra=""):
        """Complains about a message as its recipient got it: only the headers. Gives the report as it was sent."""
        self.sent += 1
        date = email.message_from_bytes(delivered)["Date"]
        headers = delivered.split(b"\r\n\r\n")[0].decode().replace("\r\n", "\n")
        text = REPORT.format(domain=self.domain, date=date, id=self.sent, type=kind, headers=headers, extra=extra)
        message = text.replace("\n", "\r\n").encode()
        if sign:
            message = dkim.sign(message, b"loop", self.domain.encode(), self.key.read_bytes()) + message
        self.send(gateway, message)
        return message

    def send(self, gateway, message):
        client = smtplib.SMTP("127.0.0.1", gateway.inbound, timeout=support.PATIENCE_S)
        client.sendmail(f"fbl@{self.domain}", ["fbl@gw.test"], message)
        client.quit()


@pytest.fixture
def plant(home):
    known, stranger = Reporter(home, "loop.example"), Reporter(home, "stranger.example")
    (home / "reporters.toml").write_text('[[reporter]]\nname = "Test loop"\ndkim_domains = ["loop.example"]\n')
    house = House(home, {"complaints": {"reporters": home / "reporters.toml"}, "admin": {"tcp": "127.0.0.1:0"}})
    house.knot.zones |= {"loop.example": [], "stranger.example": []}
    with house:
        house.knot.publish([known.record, stranger.record])
        house.known, house.stranger = known, stranger
        house.gateway.add_credential("acme", "till", stream="transactional")
        house.people = [f"u{i}@rcpt.test" for i in range(6)]
        house.gateway.import_consents(house.people + ["late@rcpt.test"])
        client = house.gateway.login()
        for to in house.people:
            client.sendmail("news@sender.test", [to], support.letter(to))
        client.quit()
        house.mail = house.received(*house.people)
        yield house


def submit(house, to, user="acme"):
    """The reply to RCPT or to the end of data."""
    client = house.gateway.login(user)
    try:
        client.sendmail("news@sender.test", [to], support.letter(to, text="Your order has been sent."))
        return 250, b""
    except smtplib.SMTPRecipientsRefused as refusal:
        return refusal.recipients[to]
    except smtplib.SMTPResponseException as refusal:
        return refusal.smtp_code, refusal.smtp_error
    finally:
        client.close()


def figures(house):
    standing = house.gateway.json("standing", "show", "acme")
    return standing["in_window"]["complaints"], standing["bulk_blocked"]


@pytest.mark.quick
def test_two_complaints_block_the_bulk_stream_only(plant):
    plant.known.report(plant.gateway, plant.mail[0])
    assert figures(plant) == (1, False)
    code, text = submit(plant, plant.people[0])
    assert code == 550 and b"suppressed.complaint" in text, "the recipient is suppressed at once"
    assert submit(plant, plant.people[1])[0] == 250

    plant.known.report(plant.gateway, plant.mail[2])
    assert figures(plant) == (2, True)
    code, text = submit(plant, plant.people[3])
    assert code == 550 and text.startswith(b"5.7.1") and b"tenant.bulk_blocked" in text
    assert submit(plant, "customer@rcpt.test", user="till")[0] == 250
    plant.received("customer@rcpt.test")

    # Durable, and lifted by a person with a reason only.
    plant.gateway.kill()
    plant.gateway.start()
    assert b"tenant.bulk_blocked" in submit(plant, plant.people[3])[1]
    plant.gateway.cli("unblock", "acme", code=2)
    plant.gateway.cli("unblock", "acme", "--reason", "list was cleaned")
    assert submit(plant, plant.people[3])[0] == 250
    plant.gateway.cli("journal", "verify")


def test_queued_bulk_mail_is_held_and_released(plant):
    plant.gateway.settings["route"] = [{"domain": "*", "host": "127.0.0.1", "port": support.free_port()}]
    plant.gateway.stop()
    plant.gateway.start()
    assert submit(plant, "late@rcpt.test")[0] == 250
    for m in plant.mail[:2]:
        plant.known.report(plant.gateway, m)
    support.wait_for(lambda: plant.gateway.json("stats")["queue"]["held"] == 1, "the queued mail to be held")
    plant.gateway.settings["route"] = [{"domain": "*", "host": "127.0.0.1", "port": plant.sink.port}]
    plant.gateway.stop()
    plant.gateway.start()
    assert plant.gateway.json("stats")["queue"]["held"] == 1
    plant.gateway.cli("unblock", "acme", "--reason", "sorted out")
    plant.received("late@rcpt.test")


UNCOUNTED = {
    "unsigned": lambda p: p.known.report(p.gateway, p.mail[0], sign=False),
    "a reporter nobody listed": lambda p: p.stranger.report(p.gateway, p.mail[0]),
    "an authentication failure": lambda p: p.known.report(p.gateway, p.mail[0], kind="auth-failure", extra="Auth-Failure: dkim\n"),
    "a letter that is not ours": lambda p: p.known.report(p.gateway, support.letter("x@rcpt.test")),
}


@pytest.mark.parametrize("what", UNCOUNTED)
def test_moves_no_counter(plant, what):
    for _ in range(3):
        UNCOUNTED[what](plant)
    assert figures(plant) == (0, False)
    assert submit(plant, plant.people[5])[0] == 250


def test_counted_once(plant):
    for _ in range(5):
        plant.known.report(plant.gateway, plant.mail[0], extra="Incidents: 500\n")
    assert figures(plant) == (1, False)


@pytest.mark.parametrize("to", ["someone@elsewhere.test", "news@sender.test", "b-notatoken@bounce.gw.test", "fbl@gw.test.evil.test"])
def test_port_25_is_no_relay(plant, to):
    client = smtplib.SMTP("127.0.0.1", plant.gateway.inbound, timeout=support.PATIENCE_S)
    client.ehlo()
    assert not client.has_extn("auth")
    client.mail("x@loop.example")
    assert client.rcpt(to)[0] == 550
    client.close()


def test_the_report_carries_no_address_and_still_counts(plant):
    """RULES C1: any one token that survives is enough."""
    lines = plant.mail[0].split(b"\r\n\r\n")[0].split(b"\r\n")
    only = b"\r\n".join(line for line in lines if line.lower().startswith(b"message-id:")) + b"\r\n\r\n"
    date = next(line for line in lines if line.startswith(b"Date:"))
    assert b"@rcpt.test" not in only
    plant.known.report(plant.gateway, date + b"\r\n" + only)
    assert figures(plant)[0] == 1


def test_signed_outgoing_mail_has_the_headers_a_reader_can_leave_by(plant):
    message = email.message_from_bytes(plant.mail[0])
    assert message["List-Unsubscribe"].startswith("<https://gw.test/u/")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    signed = [v.lower() for v in message.get_all("DKIM-Signature")]
    assert all("list-unsubscribe-post" in s and "list-unsubscribe:" in s.replace(" ", "").replace("\r\n\t", "") + ":" for s in signed)
    assert all(good for _, _, good in neighbours.dkim_verdicts(plant.mail[0], plant.knot))


def test_the_tenant_sees_who_complained_as_a_suppression_only(plant):
    """RULES D5: no time, no source and no report in any answer to the tenant's people; staff see all."""
    gateway, who = plant.gateway, plant.people[0]
    plant.known.report(gateway, plant.mail[0])
    (entry,) = [json.loads(line) for line in gateway.cli("journal", "tail", "-n", "50", "--json").splitlines()
                if json.loads(line)["kind"] == "complained"]
    moment = entry["at"][13:23]  # ":25:33.342": in whichever zone
    desk = sign_in(gateway, "dora", "desk", reason="a test")
    base = "/v1/tenants/acme"
    paths = [f"{base}/{p}" for p in (
        f"consents?address={who}", f"persons?address={who}", f"suppressions/{who}", "suppressions", f"why/{entry['message']}",
        f"why/{entry['message']}?recipient={who}", f"queue/{entry['message']}", "queue", "audit?limit=1000", "audit?from=1&limit=1000",
        "audit?kind=complained", "audit?kind=suppressed", "standing", "campaigns", "campaigns/spring")]
    seen = [desk.get(p).body.decode() for p in paths]
    for what in ("loop.example", "Test loop", moment, '"complained"', "feedback_type"):
        assert any(what in text for text in seen), f"staff see {what}"
    for role in ("tenant-admin", "tenant-user"):
        people = sign_in(gateway, role, role, "acme")
        for path in paths:
            answer = people.get(path)
            assert answer.status in (200, 404), path
            for what in ("loop.example", "Test loop", moment, "complained", "feedback_type", '"arf:'):
                assert what not in answer.body.decode(), f"{role} {path}: {what}"
        shown = people.get(f"{base}/suppressions/{who}").json()
        assert set(shown) == {"person", "address", "code", "at"} and shown["code"] == "complaint"
        assert shown["at"].endswith(":00:00.000Z")
        report = people.get(f"{base}/persons?address={who}").json()
        assert [s["reason"] for s in report["suppressions"]] == ["complaint"] and "source" not in report["suppressions"][0]
        assert "complaints" not in report["mails"][0] and "complaints" in desk.get(paths[1]).json()["mails"][0]
        for consents in (report["consents"], people.get(paths[0]).json()["consents"]):
            assert all(c.get("objected_at", "T00:00:00")[10:19] == "T00:00:00" for c in consents)
    # Handed over, too: readable is the day alone.
    for form in ("json", "xml"):
        file = gateway.home / f"acme.{form}"
        gateway.cli("tenant", "export", "acme", "--format", form, "-o", file)
        text = file.read_text()
        assert entry["person"] in text and "loop.example" not in text and entry["at"] not in text
