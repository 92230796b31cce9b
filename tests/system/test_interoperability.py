"""Postfix, Exim and OpenSMTPD as next hops: what they store is what was signed, octet by octet, over DATA and BDAT, in clear and over TLS."""
import base64
import contextlib
import email
import os
import re

import pytest

import mail_servers
import neighbours
import support
from conftest import House

pytestmark = [pytest.mark.skipif(not (mail_servers.UNPACKED / "usr/sbin/exim4").exists(), reason="scripts/setup has not unpacked the servers"), pytest.mark.skipif(not mail_servers.is_root(), reason="the servers need root")]

HOPS = {"postfix": lambda home, tls: neighbours.PostfixHop(home, ["rcpt.test"], tls=tls), "exim": mail_servers.EximHop,
        "opensmtpd": mail_servers.OpenSmtpdHop}
TAKES_CHUNKS = {"postfix", "exim"}
TAKES_UTF8 = {"postfix", "exim"}

DOTS = "".join(f".{i}\n..\n.\n" for i in range(40))
ANNA, BELA = "anna@rcpt.test", "béla@rcpt.test"


def signed_8bit(to):
    """A body that must not be converted, with octets above 127."""
    head = support.letter(to, id="signed").split(b"Content-Type:")[0]
    return head + "\r\n".join([
        'Content-Type: multipart/signed; boundary="b"; protocol="application/pgp-signature"; micalg=pgp-sha256', "X-Test-Id: signed", "",
        "--b", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "",
        "Árvíztűrő tükörfúrógép", ".", "Unsubscribe: https://news.sender.test/unsubscribe", "--b",
        "Content-Type: application/pgp-signature", "", "none", "--b--", ""]).encode()


def large(to):
    """Over what goes out at once with its envelope, in lines as long as they may be."""
    head = support.letter(to, id="large").split(b"Content-Type:")[0]
    image = base64.encodebytes(b"\x89PNG\r\n\x1a\n" + os.urandom(600_000)).decode().replace("\n", "\r\n")
    return head + "\r\n".join([
        'Content-Type: multipart/mixed; boundary="b"', "X-Test-Id: large", "", "--b", "Content-Type: text/plain", "",
        "x" * 998, "Unsubscribe: https://news.sender.test/unsubscribe", "--b", "Content-Type: image/png", "Content-Transfer-Encoding: base64", "",
        image + "--b--", ""]).encode()


def body_of(message):
    return message.replace(b"\r\n", b"\n").partition(b"\n\n")[2]


def signed_part(stored):
    """Without what the hop put on top."""
    return stored.replace(b"\r\n", b"\n")[stored.replace(b"\r\n", b"\n").index(b"DKIM-Signature:"):]


@contextlib.contextmanager
def gateway_before(home, name, tls, **settings):
    """The gateway, the hop, who listens between them, and where notices to the sender go."""
    with HOPS[name](home, tls=tls) as hop, mail_servers.Listener(hop.host, hop.port) as between, \
            neighbours.MailSink(home, name="notices") as notices:
        routes = [{"domain": "rcpt.test", "host": between.host, "port": between.port},
                  {"domain": "sender.test", "host": "127.0.0.1", "port": notices.port}]
        with House(home, {"route": routes, **settings}) as house:
            house.gateway.import_consents([ANNA, BELA])
            yield house, hop, between, notices


def stored(hop, count):
    def all_there():
        mail = hop.mail()
        return mail if len(mail) >= count else None
    found = support.wait_for(all_there, f"{count} letters in the mailbox")
    return {email.message_from_bytes(m)["X-Test-Id"]: m for m in found}


def submit_all(house, takes_utf8):
    """Each kind of letter; by its id."""
    letters = {"1": (ANNA, support.letter(ANNA, id="1", text="Kedves Olvasó!\n" + DOTS)), "signed": (ANNA, signed_8bit(ANNA)), "large": (ANNA, large(ANNA))}
    if takes_utf8:
        letters["utf8"] = (BELA, support.letter(BELA, id="utf8", subject="Őszi kert"))
    client = house.gateway.login()
    for to, content in letters.values():
        client.sendmail("news@sender.test", [to], content, mail_options=["SMTPUTF8", "BODY=8BITMIME"] if to == BELA else ["BODY=8BITMIME"])
    client.quit()
    return letters


def check_stored(house, letters, mail):
    for name, (_, content) in letters.items():
        got = mail[name]
        verdicts = neighbours.dkim_verdicts(signed_part(got).replace(b"\n", b"\r\n"), house.knot)
        assert verdicts and all(good for _, _, good in verdicts), (name, verdicts)
        if name in ("signed", "large"):
            assert body_of(got) == body_of(content), name
        else:  # 8-bit text goes out as quoted-printable
            assert email.message_from_bytes(got).get_payload(decode=True).replace(b"\r\n", b"\n") == body_of(content), name


@pytest.mark.parametrize("name", HOPS)
def test_what_is_stored_is_what_was_sent(home, name):
    """In clear, so that both sides can be compared."""
    with gateway_before(home, name, tls=False) as (house, hop, between, notices):
        letters = submit_all(house, name in TAKES_UTF8)
        mail = stored(hop, len(letters))
        check_stored(house, letters, mail)
        sent = {email.message_from_bytes(m)["X-Test-Id"]: m for m in between.messages()}
        assert sorted(sent) == sorted(mail)
        for key in sent:
            assert signed_part(mail[key]) == signed_part(sent[key]), key
        commands = between.verbs()
        assert bool(re.search(rb"\r\nBDAT [0-9]+ LAST\r\n", commands)) == (name in TAKES_CHUNKS)
        assert (b"\r\nDATA\r\n" in commands) == (name not in TAKES_CHUNKS)
        assert b"BODY=8BITMIME" in commands and b"BINARYMIME" not in commands


@pytest.mark.parametrize("name", HOPS)
def test_over_tls(home, name):
    """Debian 12's OpenSMTPD breaks off each handshake (it was not made for OpenSSL 3): it gets its mail in clear."""
    with gateway_before(home, name, tls=True) as (house, hop, between, notices):
        letters = submit_all(house, name in TAKES_UTF8)
        check_stored(house, letters, stored(hop, len(letters)))
        assert b"STARTTLS" in between.verbs()
        assert (between.messages() == []) == (name != "opensmtpd")


@pytest.mark.parametrize("name", sorted(TAKES_CHUNKS))
def test_without_chunking(home, name):
    with gateway_before(home, name, tls=False, delivery={"chunking": False}) as (house, hop, between, notices):
        letters = submit_all(house, True)
        check_stored(house, letters, stored(hop, len(letters)))
        assert not re.search(rb"\r\nBDAT [0-9]", between.verbs())


def test_an_address_that_the_hop_cannot_take_is_told_to_the_sender(home):
    with gateway_before(home, "opensmtpd", tls=False) as (house, _, between, notices):
        client = house.gateway.login()
        client.sendmail("news@sender.test", [BELA], support.letter(BELA, id="utf8"), mail_options=["SMTPUTF8", "BODY=8BITMIME"])
        client.quit()
        (notice,) = notices.wait_for(1)
        assert b"5.6.7" in notice
        assert b"MAIL FROM" not in between.verbs()


@pytest.mark.parametrize("name", sorted(HOPS))
def test_success_notice_comes_from_us(home, name):
    """The next hop is asked for none, since its own would go to our return path; ours says that it was relayed."""
    with gateway_before(home, name, tls=False) as (house, hop, between, notices):
        client = house.gateway.login()
        client.sendmail("news@sender.test", [ANNA], support.letter(ANNA), mail_options=["RET=HDRS", "ENVID=order-1"], rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
        client.quit()
        stored(hop, 1)
        (notice,) = notices.wait_for(1)
        assert b"Action: relayed" in notice and b"Original-Envelope-Id: order-1" in notice
        assert not re.search(rb"NOTIFY|ENVID|ORCPT", between.verbs().split(b"DKIM-Signature")[0])
