"""What other servers say of a mail: classes, retries, notices to the sender (RFC 3461 to 3464)."""
import email
import email.utils
import json
import smtplib
import subprocess

import pytest

import neighbours
import support
from conftest import House

SCRIPT = """rcpt nobody* * 550 5.1.1 no such user
rcpt hourly* 1 550 5.7.1 too many messages per hour from you
rcpt full* * 452 4.2.2 mailbox full
rcpt late* * 451 4.3.0 come back later
"""


@pytest.fixture(scope="module")
def world():
    """A tenant with a credential for each of two streams."""
    with support.folder() as path, neighbours.MailSink(path, name="hop", script=SCRIPT) as sink:
        (path / "bounces.toml").write_text((support.CONF / "bounces.toml").read_text())
        route = [{"domain": "*", "host": "127.0.0.1", "port": sink.port}]
        with House(path, {"route": route, "retry.transactional": {"first_s": 1, "max_s": 1, "jitter_percent": 0},
                          "delivery": {"bounces": path / "bounces.toml", "delay_notice_h": 1}}) as house:
            house.gateway.add_credential("acme", "desk", stream="transactional")
            house.hop = sink
            yield house


def send(world, to, options=(), rcpt=(), user="acme", sender="news@sender.test"):
    world.gateway.import_consents([to])
    client = world.gateway.login(user)
    client.sendmail(sender, [to], support.letter(to), mail_options=list(options), rcpt_options=list(rcpt))
    client.quit()


def entries(world, kind):
    return [json.loads(line) for line in world.gateway.cli("journal", "tail", "-n", "1000", "--kind", kind, "--json").splitlines()]


def notices(world, about):
    """DSNs at the hop that name this recipient."""
    mails = [email.message_from_bytes(m) for m in world.hop.mail()]
    return [m for m in mails if m.get_content_type() == "multipart/report" and about in m.get_payload(1).as_string()]


def test_failure_notice_is_whole(world):
    send(world, "nobody1@rcpt.test", ["RET=FULL", "ENVID=QQ314159"], ["NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;old@rcpt.test"])
    told = support.wait_for(lambda: notices(world, "nobody1@rcpt.test"), "the notice")[0]
    assert told["Auto-Submitted"] == "auto-replied"
    message, recipient = told.get_payload(1).get_payload()
    assert message["Original-Envelope-Id"] == "QQ314159"
    assert recipient["Original-Recipient"] == "rfc822;old@rcpt.test"
    assert recipient["Final-Recipient"] == "rfc822; nobody1@rcpt.test"
    assert (recipient["Action"], recipient["Status"]) == ("failed", "5.1.1")
    assert recipient["Remote-MTA"].startswith("dns; ")
    assert recipient["Diagnostic-Code"] == "smtp; 550 5.1.1 no such user"
    assert email.utils.parsedate_to_datetime(recipient["Last-Attempt-Date"])
    assert told.get_payload(2).get_content_type() == "message/rfc822"


@pytest.mark.parametrize("notify, count", [("NEVER", 0), ("SUCCESS", 0), ("DELAY", 0), ("SUCCESS,FAILURE", 1)])
def test_notify_of_a_failure(world, notify, count):
    to = f"nobody-{notify.lower().replace(',', '-')}@rcpt.test"
    send(world, to, rcpt=[f"NOTIFY={notify}"])
    send(world, to.replace("nobody-", "nobody-end-"))
    support.wait_for(lambda: notices(world, to.replace("nobody-", "nobody-end-")), "the notice that was asked for")
    assert len(notices(world, to)) == count


def test_success_is_told_where_asked_for(world):
    send(world, "fine@rcpt.test", rcpt=["NOTIFY=SUCCESS"])
    told = support.wait_for(lambda: notices(world, "fine@rcpt.test"), "the notice")[0]
    assert told.get_payload(1).get_payload(1)["Action"] == "relayed"


def test_a_refusal_that_passes_is_tried_again(world):
    send(world, "hourly@rcpt.test")
    support.wait_for(lambda: any(r["recipients"] == "hourly@rcpt.test" for r in world.hop.received()), "the second attempt")
    assert not notices(world, "hourly@rcpt.test")
    deferred = next(e for e in entries(world, "deferred") if "per hour" in e["facts"].get("reply", ""))
    assert (deferred["facts"]["class"], deferred["facts"]["class_rule"]) == ("rate", "rate-limit")


def test_a_full_mailbox_is_waited_for_longer(world):
    """[retry] mailbox_full of bounces.toml: not tried again after a second, as other mail is."""
    send(world, "full@rcpt.test")
    send(world, "late-full@rcpt.test")
    numbers = lambda text: [e["facts"]["attempt"] for e in entries(world, "deferred") if text in e["facts"].get("reply", "")]
    support.wait_for(lambda: "3" in numbers("come back later"), "three attempts at another")
    assert numbers("mailbox full") == ["1"]


def test_rules_are_read_again(world):
    file = world.gateway.home / "bounces.toml"
    good = file.read_text()
    file.write_text(good + '\n[[rule]]\nid = "odd"\nclass = "rate"\ntext = ["("]\n')
    world.gateway.reload(refused=True)
    file.write_text('[[rule]]\nid = "mine"\nclass = "content"\ncodes = ["550"]\n')
    world.gateway.reload()
    send(world, "nobody-mine@rcpt.test")
    support.wait_for(lambda: notices(world, "nobody-mine@rcpt.test"), "the notice")
    file.write_text(good)
    world.gateway.reload()


REPORT = """From: MAILER-DAEMON@mx.rcpt.test
To: <{to}>
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="bb"

--bb
Content-Type: text/plain

I could not deliver it.

--bb
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.rcpt.test

Final-Recipient: rfc822; somebody@forwarded.test
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {reply}

--bb--
""".replace("\n", "\r\n")


def come_back(world, to, action, status, reply, sender="", mangle=lambda path: path):
    """Delivers mail to `to`, then sends a report to its return path on port 25. True: it was taken."""
    send(world, to)
    row = support.wait_for(lambda: next((r for r in world.hop.received() if r["recipients"] == to), None), "the delivery")
    # The sink has it a moment before its outcome is committed.
    support.wait_for(lambda: len(entries(world, "delivered")) >= sum(r["sender"] != "<>" for r in world.hop.received()), "its outcome")
    path = mangle(row["sender"].strip("<>"))
    with smtplib.SMTP("127.0.0.1", world.gateway.inbound, timeout=support.PATIENCE_S) as client:
        try:
            client.sendmail(sender, [path], REPORT.format(to=path, action=action, status=status, reply=reply))
        except smtplib.SMTPRecipientsRefused:
            return False
    return True


def late(world):
    return [e for e in entries(world, "bounced") if e.get("reason") == "bounce.late"]


def test_a_bounce_after_delivery(world):
    """A dead address is suppressed, a full mailbox is not; who bounced, the token of the return path says."""
    assert come_back(world, "gone@rcpt.test", "failed", "5.1.1", "550 5.1.1 no such user")
    [entry] = late(world)
    assert {k: entry["facts"][k] for k in ("after_delivery", "class", "code")} == {"after_delivery": "5.1.1", "class": "bad_address", "code": "550"}
    assert "somebody@" not in json.dumps(entry)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(world, "gone@rcpt.test")
    assert b"suppressed.bad_address" in refused.value.recipients["gone@rcpt.test"][1]

    assert come_back(world, "stuffed@rcpt.test", "failed", "5.2.2", "552 5.2.2 mailbox full")
    assert [e["facts"]["class"] for e in late(world)] == ["bad_address", "mailbox_full"]
    send(world, "stuffed@rcpt.test")

    # A delay changes nothing; a stranger's sender or a false token is not taken at all.
    assert come_back(world, "slow@rcpt.test", "delayed", "4.4.1", "connection timed out")
    assert not come_back(world, "from-one@rcpt.test", "failed", "5.1.1", "550 no", sender="a@b.test")
    flip = lambda path: path.replace("b-", "b-a" if path[2] != "a" else "b-c", 1)[:len(path.split("@")[0])] + "@" + path.split("@")[1]
    assert not come_back(world, "forged@rcpt.test", "failed", "5.1.1", "550 no", mangle=flip)
    assert len(late(world)) == 2


def test_a_delay_is_told_once(world):
    """After delay_notice_h, at the next failed attempt; without NOTIFY not in bulk, with DELAY there, too."""
    send(world, "late-person@rcpt.test", user="desk")
    send(world, "late-asked@rcpt.test", rcpt=["NOTIFY=DELAY"])
    send(world, "late-bulk@rcpt.test")
    send(world, "late-silent@rcpt.test", rcpt=["NOTIFY=FAILURE"], user="desk")
    assert not notices(world, "late-person@rcpt.test")
    world.gateway.stop()
    world.gateway.extra_arguments = ["--clock-days", "1"]
    world.gateway.start()
    before = len(entries(world, "deferred"))
    for to in ("late-person@rcpt.test", "late-asked@rcpt.test"):
        told = support.wait_for(lambda: notices(world, to), f"the notice about {to}")[0]
        fields = told.get_payload(1).get_payload(1)
        assert (fields["Action"], fields["Status"]) == ("delayed", "4.3.0")
        until = email.utils.parsedate_to_datetime(fields["Will-Retry-Until"])
        assert until > email.utils.parsedate_to_datetime(fields["Last-Attempt-Date"])
        assert told["Subject"] == "Your message is delayed"
        assert told.get_payload(2).get_content_type() == "text/rfc822-headers"
    support.wait_for(lambda: len(entries(world, "deferred")) > before + 8, "more attempts")
    assert len(notices(world, "late-person@rcpt.test")) == 1
    assert not notices(world, "late-bulk@rcpt.test") and not notices(world, "late-silent@rcpt.test")


def test_classify_on_the_command_line(tmp_path):
    mail = tmp_path / "bounce.eml"
    mail.write_text("From: MAILER-DAEMON@q.example.hu\nSubject: failure notice\n\nI wasn't able to deliver your message to:\n\n"
                    "<anna@example.hu>:\nSorry, no mailbox here by that name. (#5.1.1)\n")
    run = lambda *a: subprocess.run([support.program("consentry"), "bounce", *a], capture_output=True, text=True)
    got = json.loads(run("classify", str(mail), "--json").stdout)["recipients"]
    assert [(r["address"], r["class"], r["status"], r["reply_code"], r["reason"]) for r in got] == [("anna@example.hu", "hard", "5.1.1", "", "bad_address")]
    mail.write_text("From: anna@example.hu\nSubject: hi\n\nhello\n")
    assert json.loads(run("classify", str(mail), "--json").stdout)["recipients"] == []
    assert json.loads(run("explain", "552 5.2.2 over quota", "--json").stdout)["reason"] == "mailbox_full"
    assert run("lint").returncode == 0
    rules = tmp_path / "b.toml"
    rules.write_text('[[rule]]\nid = "a"\nclass = "odd"\n')
    bad = run("lint", str(rules))
    assert bad.returncode != 0 and "b.toml:3" in bad.stderr
