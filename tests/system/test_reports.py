"""Whose mail a report is about, what came to abuse@, and what a person at the desk decides (RULES C1, C2, C7, E4, E6)."""
import base64
import email
import email.policy
import json
import re
import smtplib

import pytest

import mail_servers
import neighbours
import support
from api_client import sign_in
from conftest import House
from reporting_provider import OpenDkim, ReportingPostfix
from test_complaints import REPORT, Reporter, figures, plant, submit  # noqa: F401

TOKEN = re.compile(rb"\b[a-z2-7]{40}\b")


def header_fields(message):
    """(name, whole field) of a mail's header, folded lines together."""
    head = message.split(b"\r\n\r\n")[0]
    fields = re.findall(rb"(?ms)^([!-9;-~]+):.*?(?=^[!-9;-~]+:|\Z)", head + b"\r\n")
    starts = [m.start() for m in re.finditer(rb"(?m)^[!-9;-~]+:", head)] + [len(head) + 2]
    return [(name.decode().lower(), (head + b"\r\n")[a:b]) for name, a, b in zip(fields, starts, starts[1:])]


def masked(text):
    """Every address, and the part behind a token's @, as providers mask them."""
    return re.sub(rb"[\w.+=-]+@[\w.-]+", lambda m: (TOKEN.search(m[0]) or [b"redacted"])[0] + b"@redacted.invalid", text)


def entries(plant, kind):
    lines = plant.gateway.cli("journal", "tail", "-n", "200", "--kind", kind, "--json").splitlines()
    return [json.loads(line) for line in lines]


def reports(plant, *arguments):
    return plant.gateway.json("reports", "list", "--state", "all", *arguments)["reports"]


def write_to(plant, to, text, sender="anna@rcpt.test", **fields):
    lines = [f"From: {sender or 'MAILER-DAEMON@rcpt.test'}", f"To: {to}", "Subject: your mail", "Date: Sat, 28 Nov 2026 10:00:00 +0000",
             "Message-ID: <1@rcpt.test>"] + [f"{k.replace('_', '-')}: {v}" for k, v in fields.items()]
    message = "\r\n".join(lines) + "\r\n\r\n" + text.replace("\n", "\r\n") + "\r\n"
    with smtplib.SMTP("127.0.0.1", plant.gateway.inbound, timeout=support.PATIENCE_S) as client:
        client.sendmail(sender, [to], message)


def unsubscribe_url(message):
    return re.search(r"https://gw\.test/u/[a-z2-7]{40}", message.decode())[0]


@pytest.mark.quick
def test_any_one_header_that_survives_identifies_the_mail(plant):
    """RULES C1: every address masked, the body dropped, one header kept, one after the other."""
    kept = ["message-id", "cfbl-feedback-id", "list-unsubscribe", "return-path"]
    for number, name in enumerate(kept):
        mail = plant.mail[number]
        if name == "return-path":
            row = next(r for r in plant.sink.received() if r["recipients"] == plant.people[number])
            field = f"Return-Path: {row['sender']}\r\n".encode()
        else:
            field = next(f for n, f in header_fields(mail) if n == name)
        field = masked(field)
        assert len(set(TOKEN.findall(field))) == 1 and b"rcpt.test" not in field
        date = b"Date: " + email.message_from_bytes(mail)["Date"].encode() + b"\r\n"
        plant.known.report(plant.gateway, date + field + b"\r\n")
        assert figures(plant)[0] == number + 1, name
    told = [e for e in entries(plant, "complained") if e["facts"]["counts"] == "yes"]
    assert [e["campaign"] for e in told] == ["spring"] * len(kept) and len({e["person"] for e in told}) == len(kept)
    # Feedback-ID names campaign, stream and tenant only.
    assert email.message_from_bytes(plant.mail[0])["Feedback-ID"].split(":")[:2] == ["spring", "bulk"]
    plant.known.report(plant.gateway, date + b"Feedback-ID: spring:bulk:t1:consentry\r\n\r\n")
    assert figures(plant)[0] == len(kept)


def test_no_token_tells_anything_personal(plant):
    head = plant.mail[0].split(b"\r\n\r\n")[0].replace(b"To: <u0@rcpt.test>", b"").replace(b"To: u0@rcpt.test", b"")
    ids = b"\n".join(f for n, f in header_fields(plant.mail[0]) if n in ("message-id", "cfbl-feedback-id", "list-unsubscribe", "feedback-id"))
    assert b"u0" not in ids and b"rcpt" not in ids and len(set(TOKEN.findall(ids))) == 3 and head
    for t in TOKEN.findall(ids):
        raw = base64.b32decode(t.upper())
        assert b"u0" not in raw and b"rcpt" not in raw


def test_cfbl_address_is_signed_by_both_domains(home):
    """RFC 9477 section 3.1.3: offered once the address's own domain signs as well."""
    house = House(home, {"mail": {"feedback_address": "fbl@gw.example"}})
    house.knot.zones["gw.example"] = []
    with house:
        gateway = house.gateway
        assert "no_gateway_key" in gateway.output()
        gateway.import_consents(["before@rcpt.test", "after@rcpt.test"])
        assert submit(house, "before@rcpt.test")[0] == 250
        before = email.message_from_bytes(house.received("before@rcpt.test")[0])
        assert "CFBL-Address" not in before and TOKEN.fullmatch(before["CFBL-Feedback-ID"].encode())
        made = gateway.json("dkim", "rotate", "gw.example")
        house.knot.publish([k["record"] for k in made["keys"]])
        gateway.cli("dkim", "activate", "gw.example")
        assert submit(house, "after@rcpt.test")[0] == 250
        [raw] = house.received("after@rcpt.test")
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        assert mail["CFBL-Address"] == "fbl@gw.example; report=arf"
        assert {(d, good) for d, _, good in neighbours.dkim_verdicts(raw, house.knot)} == {("sender.test", True), ("gw.example", True)}
        for signature in email.message_from_bytes(raw).get_all("DKIM-Signature"):
            signed = re.search(r"h=([^;]*)", re.sub(r"\s", "", signature))[1].lower().split(":")
            assert {"cfbl-address", "cfbl-feedback-id"} <= set(signed)


def test_role_addresses_of_every_domain_are_open(plant):
    """RULES E6. What comes there lies in the desk's queue, whatever its content."""
    addresses = ["abuse@gw.test", "Postmaster@gw.test", "abuse@bounce.gw.test", "postmaster@mail.gw.test", "abuse@sender.test",
                 "postmaster@news.sender.test", "postmaster"]
    for to in addresses:
        with smtplib.SMTP("127.0.0.1", plant.gateway.inbound, timeout=support.PATIENCE_S) as client:
            client.ehlo()
            client.mail("anna@rcpt.test")
            assert client.rcpt(to)[0] == 250, to
            assert client.data("From: anna@rcpt.test\r\nSubject: casino viagra\r\n\r\nOlcsó viagra!\r\n".encode())[0] == 250
    rows = reports(plant)[::-1]
    assert [(r["state"], r["type"], r["channel"]) for r in rows] == [("open", "none", a.split("@")[0].lower()) for a in addresses]
    shown = plant.gateway.json("reports", "show", str(rows[0]["report"]), "--reason", "a test", "--mail")
    assert b"Olcs\xc3\xb3 viagra" in base64.b64decode(shown["mail"]) and shown["from"] == "anna@rcpt.test"
    assert submit(plant, plant.people[0])[0] == 250


def test_a_person_forwards_and_the_desk_decides(plant):
    """RULES C2: a valid token alone suppresses; a person confirms with a reason, and then it counts; two of them block."""
    write_to(plant, "abuse@gw.test", "I never asked for this.\n\n> Leave here: " + unsubscribe_url(plant.mail[0]))
    [first] = reports(plant, "--tenant", "acme")
    assert (first["state"], first["type"], first["campaign"]) == ("open", "person", "spring")
    assert figures(plant) == (0, False)
    assert b"suppressed.complaint" in submit(plant, plant.people[0])[1]
    # An answer of a machine, a bounce, and a letter to the postmaster suppress nobody.
    answered = email.message_from_bytes(plant.mail[1])["Message-ID"]
    write_to(plant, "abuse@gw.test", "I am away", In_Reply_To=answered, Auto_Submitted="auto-replied")
    write_to(plant, "abuse@gw.test", "no such user", sender="", In_Reply_To=answered)
    write_to(plant, "postmaster@gw.test", "What is this?", In_Reply_To=answered)
    assert submit(plant, plant.people[1])[0] == 250 and len(reports(plant)) == 4

    number = str(first["report"])
    plant.gateway.cli("confirm-complaint", number, code=2)
    done = plant.gateway.json("confirm-complaint", number, "--reason", "she showed us the mail")
    assert (done["counts"], done["blocks"], done["state"]) == (True, False, "confirmed")
    assert figures(plant) == (1, False)
    plant.gateway.cli("confirm-complaint", number, "--reason", "again", code=1)
    assert figures(plant) == (1, False)
    last = entries(plant, "complained")[-1]
    assert last["actor"].startswith("desk:") and last["reason"] == "she showed us the mail" and last["facts"]["counts"] == "yes"

    # A forged report counts for nothing until somebody says so; what is rejected never does.
    plant.known.report(plant.gateway, plant.mail[2], sign=False)
    forged = reports(plant, "--tenant", "acme")[0]
    assert forged["state"] == "open" and "unsigned" in forged["why"]
    plant.gateway.cli("reject-complaint", str(forged["report"]), "--reason", "forged")
    plant.gateway.cli("confirm-complaint", str(forged["report"]), "--reason", "second thoughts", code=1)
    assert figures(plant) == (1, False)

    # By phone, over the HTTP interface; the second trips the ratio.
    desk = sign_in(plant.gateway, "dora", "desk", reason="a test")
    answer = desk.post("/v1/complaints", {"tenant": "acme", "address": plant.people[3], "channel": "phone", "reason": "called us"})
    assert answer.status == 200 and answer.json()["counts"] and answer.json()["blocks"]
    assert figures(plant) == (2, True)
    assert b"tenant.bulk_blocked" in submit(plant, plant.people[4])[1]
    assert desk.post("/v1/complaints", {"tenant": "acme", "address": "nobody@rcpt.test", "channel": "phone", "reason": "x"}).status == 404
    auditor = sign_in(plant.gateway, "aron", "auditor", reason="a test")
    assert auditor.post("/v1/complaints", {"tenant": "acme", "address": plant.people[4], "channel": "phone", "reason": "x"}).status == 403
    plant.gateway.kill()
    plant.gateway.start()
    assert figures(plant) == (2, True) and len(reports(plant)) == 6
    plant.gateway.cli("journal", "verify")


def test_forged_replayed_late_and_duplicate_reports(plant):
    good = plant.mail[0]
    token = TOKEN.findall(next(f for n, f in header_fields(good) if n == "message-id"))[0]
    # One character of the MAC is another.
    other = token[:-3] + (b"aaa" if token[-3:] != b"aaa" else b"bbb")
    only = lambda t: b"Date: Sat, 28 Nov 2026 10:00:00 +0000\r\nMessage-ID: <" + t + b"@sender.test>\r\n\r\n"
    plant.known.report(plant.gateway, only(other))
    assert figures(plant) == (0, False) and submit(plant, plant.people[0])[0] == 250
    for _ in range(3):  # each is a report of its own
        sent = plant.known.report(plant.gateway, only(token))
    assert figures(plant) == (1, False)
    assert [r["state"] for r in reports(plant)][:3] == ["noted", "noted", "counted"]
    plant.known.report(plant.gateway, plant.mail[1], kind="not-spam")
    plant.known.report(plant.gateway, good, kind="not-spam")
    assert figures(plant) == (0, False)
    # What somebody kept and sends once more: its signature is as good as ever.
    plant.known.send(plant.gateway, b"Received: from somewhere.else.example\r\n" + sent)
    assert figures(plant) == (0, False) and reports(plant)[0]["why"] == "replayed"
    plant.known.report(plant.gateway, good)
    assert figures(plant) == (1, False)
    plant.gateway.stop()
    plant.gateway.extra_arguments = ["--clock-days", "92"]
    plant.gateway.start()
    for mail in plant.mail[2:5]:
        plant.known.report(plant.gateway, mail)
    assert [r.get("why") for r in reports(plant)][:3] == ["too_old"] * 3
    assert not plant.gateway.json("standing", "show", "acme")["bulk_blocked"]


def test_spf_is_recorded_and_never_required(plant):
    """By libspf2, to which the loopback always passes; whatever it says decides nothing."""
    plant.knot.add("loop.example", '@ TXT "v=spf1 ip4:127.0.0.1 -all"')
    plant.known.report(plant.gateway, plant.mail[0])
    plant.stranger.report(plant.gateway, plant.mail[1])
    second, first = reports(plant)
    assert (first["spf"], first["state"], first["reporter"]) == ("pass", "counted", "Test loop")
    assert (second["spf"], second["state"]) == ("pass", "open")
    shown = plant.gateway.json("reports", "show", str(first["report"]), "--reason", "a test")
    assert shown["mail_from"] == "fbl@loop.example" and shown["remote_ip"] == "127.0.0.1"


def test_reports_that_lead_nowhere_raise_an_alarm(plant):
    """RULES C7."""
    plant.known.report(plant.gateway, plant.mail[0])
    assert [d["alarm"] for d in plant.gateway.json("reports", "days")["days"]] == [False]
    plant.known.report(plant.gateway, support.letter("x@rcpt.test"))
    [day] = plant.gateway.json("reports", "days")["days"]
    assert (day["reports"], day["unattributed"], day["counted"], day["alarm"]) == (2, 1, 1, True)
    alarms = [e for e in entries(plant, "desk_act") if e.get("reason") == "fbl.unmatched_alarm"]
    assert len(alarms) == 1 and alarms[0]["rule"] == "C7"
    assert "fbl_unmatched_alarm" in plant.gateway.output()


def test_token_keys_rotate_and_old_tokens_stay_valid(plant):
    old = plant.mail[0]
    assert [k["number"] for k in plant.gateway.json("token-key", "list")["keys"]] == [1]
    keys = plant.gateway.json("token-key", "rotate", "--reason", "yearly")["keys"]
    assert [(k["number"], k["makes_tokens"]) for k in keys] == [(1, False), (2, True)]
    assert submit(plant, "late@rcpt.test")[0] == 250
    [new] = plant.received("late@rcpt.test")
    number = lambda mail: base64.b32decode(email.message_from_bytes(mail)["CFBL-Feedback-ID"].strip().upper())[0]
    assert (number(old), number(new)) == (1, 2)
    plant.known.report(plant.gateway, old)
    plant.known.report(plant.gateway, new)
    assert figures(plant)[0] == 2
    plant.gateway.cli("token-key", "remove", "1", "--reason", "too early", code=1)
    plant.gateway.stop()
    plant.gateway.extra_arguments = ["--clock-days", "91"]
    plant.gateway.start()
    assert [k["number"] for k in plant.gateway.json("token-key", "remove", "1", "--reason", "its time is over")["keys"]] == [2]
    plant.known.report(plant.gateway, plant.mail[1])
    assert reports(plant)[0]["why"] == "no token of ours in it"


def test_unsubscribing_by_mail(plant):
    """The mailto of List-Unsubscribe; no complaint."""
    address = re.search(r"mailto:(u-[a-z2-7]{40}@bounce\.gw\.test)", email.message_from_bytes(plant.mail[0])["List-Unsubscribe"])[1]
    write_to(plant, address.upper(), "", sender="someone.else@rcpt.test")
    assert submit(plant, plant.people[0])[0] == 550
    assert figures(plant) == (0, False) and reports(plant) == []
    assert entries(plant, "consent_withdrawn")[-1]["facts"]["method"] == "mailto"


def several_in_one(plant, mails):
    """An ARF mail with one report part, and its original, for each."""
    part = ("--=_r\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 0.1\r\n\r\n"
            "--=_r\r\nContent-Type: message/rfc822\r\n\r\n{}\r\n")
    head = ("From: <fbl@loop.example>\r\nTo: <fbl@gw.test>\r\nSubject: reports\r\nDate: Sat, 28 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
            "Message-ID: <many@loop.example>\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=\"=_r\"\r\n\r\n")
    return head + "".join(part.format(m.decode()) for m in mails) + "--=_r--\r\n"


@pytest.mark.skipif(not mail_servers.is_root(), reason="Postfix needs root")
def test_reports_signed_by_opendkim_come_through_postfix(plant):
    """A real signer, a real relay, keys from a real name server; several reports in one mail count one by one."""
    with OpenDkim(plant.home, "loop.example", "real") as signer:
        plant.knot.publish([signer.record])
        with ReportingPostfix(plant.home, signer.port, plant.gateway.inbound) as postfix:
            message = several_in_one(plant, plant.mail[:1] + plant.mail[:1])
            postfix.send("fbl@loop.example", "fbl@gw.test", message)
            support.wait_for(lambda: len(reports(plant)) == 2, "the reports")
            assert [(r["state"], r["dkim_domain"]) for r in reports(plant)] == [("noted", "loop.example"), ("counted", "loop.example")]
            assert figures(plant) == (1, False)
            postfix.send("fbl@loop.example", "fbl@gw.test", several_in_one(plant, plant.mail[1:3]))
            support.wait_for(lambda: figures(plant) == (3, True), "the block")
            # A customer of the same provider, whose mail it signs too, is believed as little as anybody.
            forged = several_in_one(plant, plant.mail[3:4]).replace("<fbl@loop.example>", "<fbl@other.example>", 1)
            postfix.send("fbl@other.example", "fbl@gw.test", forged)
            support.wait_for(lambda: len(reports(plant)) == 5, "the forged report")
            assert reports(plant)[0]["state"] == "open" and figures(plant)[0] == 3


def test_what_arf_parse_says(plant, tmp_path):
    file = tmp_path / "report.eml"
    head = plant.mail[0].split(b"\r\n\r\n")[0].decode().replace("\r\n", "\n")
    for kind, counts in (("abuse", True), ("auth-failure", False), ("opt-out", False), ("not-spam", False)):
        file.write_text(REPORT.format(domain="loop.example", date="Sat, 28 Nov 2026 10:00:00 +0000", id=1, type=kind, headers=head, extra=""))
        [report] = plant.gateway.json("arf", "parse", str(file))["reports"]
        assert (report["type"], report["counts"]) == (kind, counts) and kind in report["why"]
        assert TOKEN.fullmatch(report["token"].encode())
        assert report["reported_ids"]["message_id"] == email.message_from_bytes(plant.mail[0])["Message-ID"].strip()
        assert {"feedback_id", "cfbl_feedback_id"} <= set(report["reported_ids"])
    keys = plant.gateway.store / "keys"
    file.write_text(file.read_text().replace("not-spam", "abuse"))
    [proven] = plant.gateway.json("arf", "parse", str(file), "--keys", str(keys))["reports"]
    assert proven["counts"] and re.fullmatch(r"r[0-9a-z]+", proven["recipient"])
