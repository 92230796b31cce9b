"""Where mail goes: real servers at the other end, found by a real name server."""
import email
import email.policy
import os
import smtplib

import pytest

import neighbours
import support
from conftest import House

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="Postfix needs root")


def send(gateway, *recipients, id="1"):
    client = gateway.login()
    client.sendmail("news@sender.test", list(recipients), support.letter(recipients[0], id=id))
    client.quit()


@needs_root
def test_postfix_takes_it_over_tls(home):
    with neighbours.PostfixHop(home, ["rcpt.test"]) as hop:
        route = [{"domain": "rcpt.test", "host": hop.host, "port": hop.port}]
        with House(home, {"route": route}) as house:
            to = ["anna@rcpt.test", "béla@rcpt.test"]
            house.gateway.import_consents(to)
            client = house.gateway.login()
            client.sendmail("news@sender.test", to[:1], support.letter(to[0]))
            client.sendmail("news@sender.test", to[1:], support.letter(to[1]), mail_options=["SMTPUTF8", "BODY=8BITMIME"])
            client.quit()
            mail = support.wait_for(lambda: hop.mail() if len(hop.mail()) == 2 else None, "two letters in the mailbox")
            for m in mail:
                assert b"using TLSv1" in m
                # The return path is the gateway's own and tells nobody's address.
                path = email.message_from_bytes(m)["Return-Path"]
                assert path.startswith("<b-") and path.endswith("@bounce.gw.test>")
                signed = m[m.index(b"DKIM-Signature"):]
                assert [good for _, _, good in neighbours.dkim_verdicts(signed, house.knot)] == [True, True]


def test_smtp_sink_takes_it(home):
    with neighbours.SmtpSink(home) as hop, House(home, {"route": [{"domain": "*", "host": hop.host, "port": hop.port}]}) as house:
        house.gateway.import_consents([f"u{i}@rcpt.test" for i in range(20)])
        for i in range(20):
            send(house.gateway, f"u{i}@rcpt.test", id=str(i))
        mail = support.wait_for(lambda: hop.mail() if len(hop.mail()) >= 20 else None, "20 letters at smtp-sink")
        ids = [email.message_from_bytes(m)["X-Test-Id"] for m in mail]
        assert sorted(ids, key=int) == [str(i) for i in range(20)]


def test_a_host_without_smtputf8_gets_8bit_headers_converted_and_signed(home):
    """RFC 6531 section 3.6; the signature covers what arrives."""
    with neighbours.SmtpSink(home) as hop, House(home, {"route": [{"domain": "*", "host": hop.host, "port": hop.port}]}) as house:
        with smtplib.SMTP(hop.host, hop.port) as probe:
            probe.ehlo()
            assert not probe.has_extn("SMTPUTF8")
        subject = "Árvíztűrő őszi ajánlat a kertből – 100% tükörfúrógép"
        house.gateway.import_consents(["anna@rcpt.test", "bela@rcpt.test", "béla@rcpt.test"])
        client = house.gateway.login()
        for to, options in (("anna@rcpt.test", ["SMTPUTF8", "BODY=8BITMIME"]), ("bela@rcpt.test", [])):
            letter = support.letter(f"Kovácsné Ági <{to}>", subject=subject)
            client.sendmail("news@sender.test", [to], letter, mail_options=options)
        mail = support.wait_for(lambda: hop.mail() if len(hop.mail()) == 2 else None, "two letters at smtp-sink")
        for m in mail:
            signed = m[m.index(b"DKIM-Signature"):]
            assert signed.isascii()
            shown = email.message_from_bytes(signed, policy=email.policy.default)
            assert shown["Subject"] == subject
            assert shown["To"].addresses[0].display_name == "Kovácsné Ági"
            assert "Kedves Olvasó!" in shown.get_content()
            assert [good for _, _, good in neighbours.dkim_verdicts(signed.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), house.knot)] == [True, True]
        # An address in its own script has no other form.
        client.sendmail("news@sender.test", ["béla@rcpt.test"], support.letter("béla@rcpt.test"), mail_options=["SMTPUTF8", "BODY=8BITMIME"])
        support.wait_for(lambda: "takes no internationalized" in house.gateway.cli("journal", "tail", "-n", "50", "--json"), "the refusal in the journal")
        client.quit()


@pytest.fixture(scope="module")
def world():
    """Mail goes by DNS alone: every host has the port of one sink that listens on several addresses."""
    with support.folder() as path:
        with neighbours.MailSink(path, ["--addresses", "4"], name="hosts", script="rcpt later* 1 451 4.2.1 try again\n"
                                 "rcpt nobody* * 550 5.1.1 no such user\n") as sink:
            # Not below test.: libunbound answers for that itself (RFC 6761).
            zones = {
                "mx.example": ["@ MX 10 a", "a A 127.0.1.1"],
                "two.example": ["@ MX 10 dead", "@ MX 20 b", "dead A 127.0.1.200", "b A 127.0.1.2"],
                "plain.example": ["@ A 127.0.1.3"],
                "null.example": ["@ MX 0 .", "@ A 127.0.1.4"],
            }
            house = House(path, {"route": [{"domain": "sender.test", "host": "127.0.1.4", "port": sink.port}], "delivery": {"port": sink.port, "retry_first_s": 1, "retry_max_s": 1}})
            house.knot.zones |= zones
            with house:
                house.hosts = sink
                yield house


def at(world, recipient):
    """The address of the host that took this recipient's mail."""
    return next((r["address"] for r in world.hosts.received() if r["recipients"] == recipient), None)


@pytest.mark.parametrize("domain, address", [("mx.example", "127.0.1.1"), ("two.example", "127.0.1.2"), ("plain.example", "127.0.1.3")])
def test_hosts_of_a_domain(world, domain, address):
    to = f"u@{domain}"
    world.gateway.import_consents([to])
    send(world.gateway, to)
    assert support.wait_for(lambda: at(world, to), f"mail for {to}") == address


def test_deferred_then_delivered(world):
    world.gateway.import_consents(["later@mx.example"])
    send(world.gateway, "later@mx.example")
    support.wait_for(lambda: at(world, "later@mx.example"), "the second attempt")


def test_permanent_failure_is_told_to_the_sender(world):
    world.gateway.import_consents(["nobody@mx.example"])
    seen = len(world.hosts.received())
    send(world.gateway, "nobody@mx.example")
    support.wait_for(lambda: len(world.hosts.received()) > seen, "the notice")
    notice, row = world.hosts.mail()[seen], world.hosts.received()[seen]
    parsed = email.message_from_bytes(notice)
    assert (row["sender"], row["recipients"]) == ("<>", "news@sender.test")
    assert parsed.get_content_type() == "multipart/report"
    assert b"5.1.1" in notice and b"nobody@mx.example" in notice
    assert parsed["Auto-Submitted"] == "auto-replied"


def test_a_domain_that_takes_no_mail(world):
    """RFC 7505: nothing is sent to its address record. Who asks before the name server has answered gets a notice, others are refused."""
    world.gateway.import_consents(["u@null.example"])
    seen = len(world.hosts.received())
    try:
        send(world.gateway, "u@null.example")
    except smtplib.SMTPRecipientsRefused:
        pass
    else:
        support.wait_for(lambda: len(world.hosts.received()) > seen, "the notice")
        assert b"5.1.10" in world.hosts.mail()[seen]
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(world.gateway, "u@null.example", id="2")
    code, text = refused.value.recipients["u@null.example"]
    assert code == 556 and text.startswith(b"5.1.10 recipient.null_mx")
    assert at(world, "u@null.example") is None


def test_a_host_that_is_ourselves(home):
    """RFC 5321 section 6.3: mail that would come back to this gateway is not sent on and on."""
    port = support.free_port()
    listener = [{"address": "127.0.0.1:0", "role": "submission", "tls": "starttls"}, {"address": f"127.0.0.1:{port}", "role": "inbound", "tls": "starttls"}]
    with neighbours.MailSink(home) as notices:
        route = [{"domain": "sender.test", "host": "127.0.0.1", "port": notices.port}, {"domain": "rcpt.test", "host": "127.0.0.1", "port": port}]
        with House(home, {"listener": listener, "route": route}) as house:
            house.gateway.import_consents(["anna@rcpt.test"])
            send(house.gateway, "anna@rcpt.test")
            [notice] = notices.wait_for(1)
            assert b"Status: 5.4.6" in notice and b"loops back" in notice
            # The address is not to blame.
            assert house.gateway.json("suppression", "list", "--tenant", "acme")["suppressions"] == []
