"""The DNS of a sender domain, with a real name server: a domain fails, the records are told, published, and its bulk mail flows."""
import email
import email.policy
import json
import smtplib

import pytest

import support
from api_client import sign_in
from conftest import House

EGRESS = "192.0.2.10"


class OneRoute(House):
    """Only the mail to rcpt.test has a route: for other domains the DNS is asked at RCPT."""

    @property
    def settings(self):
        # libunbound denies names in .test by itself (RFC 6761), unless a zone of ours is there.
        return {"mail": {"bounce_domain": "bounce.gw.example"}, "preflight": {"every_h": 24, "addresses": [EGRESS]}, "admin": {"tcp": "127.0.0.1:0"},
                "route": [{"domain": "rcpt.test", "host": "127.0.0.1", "port": self.sink.port}]}

    @settings.setter
    def settings(self, _):
        pass


@pytest.fixture(scope="module")
def house():
    with support.folder() as path:
        house = OneRoute(path)
        house.knot.zones |= {"shop.example": [], "away.example": [], "none.example": ["@ MX 0 .", "some MX 10 ns"],
                             "gw.example": [f'bounce TXT "v=spf1 ip4:{EGRESS} -all"']}
        with house:
            yield house


def send(house, user, domain, to, subject="News of the garden"):
    """(code, text) of the end of data, or of the recipient's refusal."""
    client = house.gateway.login(user)
    try:
        client.sendmail(f"news@{domain}", [to], support.letter(to, domain=domain, subject=subject))
        return 250, ""
    except smtplib.SMTPDataError as e:
        return e.smtp_code, e.smtp_error.decode()
    except smtplib.SMTPRecipientsRefused as e:
        code, text = next(iter(e.recipients.values()))
        return code, text.decode()
    finally:
        client.close()


def letters_to(house, address):
    found = []
    for raw, row in zip(house.sink.mail(), house.sink.received()):
        if row["recipients"] == address:
            mail = email.message_from_bytes(raw, policy=email.policy.default)
            found.append((mail["Subject"], mail.get_content()))
    return found


def test_a_domain_fails_is_mended_and_sends(house):
    gateway = house.gateway
    gateway.cli("tenant", "add", "shop", "--legal-name", "Shop Kft.", "--contact", "office@rcpt.test")
    gateway.cli("domain", "add", "shop", "shop.example")
    gateway.add_credential("shop", "shop")
    gateway.add_credential("shop", "till", stream="transactional")
    gateway.import_consents(["jane@rcpt.test", "john@rcpt.test"], tenant="shop")

    # Looked at by itself, and told by letter with the records.
    support.wait_for(lambda: gateway.json("domain", "preflight", "shop.example", "--last", code=None)["state"] == "fail",
                     "the first look")
    def failed():
        return [text for _, text in letters_to(house, "office@rcpt.test") if "_dmarc.shop.example" in text]
    support.wait_for(failed, "the letter")

    # Asked for by hand: what lacks, and the exact records.
    told = gateway.json("domain", "preflight", "shop.example", code=1)
    states = {c["check"]: (c["state"], c["reason"]) for c in told["checks"]}
    assert states == {"dkim": ("fail", "dkim.missing"), "dmarc": ("fail", "dmarc.missing"), "spf": ("warn", "spf.missing"),
                      "return_path": ("pass", "ok")}
    assert told["refuses_bulk"] and {r["act"] for r in told["records"]} == {"add"}
    records = {r["name"]: r["value"] for r in told["records"]}
    assert records["shop.example"] == f"v=spf1 ip4:{EGRESS} ?all"
    assert records["_dmarc.shop.example"].startswith("v=DMARC1; p=none")
    assert records["c1r._domainkey.shop.example"].startswith("v=DKIM1; k=rsa; p=")
    shown = gateway.cli("domain", "preflight", "shop.example", "--tenant", "shop", code=1)
    assert '_dmarc.shop.example. IN TXT "v=DMARC1; p=none' in shown

    # Bulk mail is refused, with the way out; an invoice is not.
    code, text = send(house, "shop", "shop.example", "jane@rcpt.test")
    assert code == 550 and "5.7.26 sender.preflight" in text and "dkim.missing, dmarc.missing" in text
    number = text.rsplit("[", 1)[1].rstrip("]")
    assert "B.9989" in gateway.cli("why", number, code=None)
    assert send(house, "till", "shop.example", "jane@rcpt.test", subject="Your invoice")[0] == 250

    # The very records that were told; then it passes, and the newsletter goes out.
    house.knot.publish(told["records"])
    passed = support.wait_for(lambda: (a := gateway.json("domain", "preflight", "shop.example", code=None))["state"] == "pass" and a,
                              "a pass")
    assert passed["records"] == [] and not passed["refuses_bulk"]
    assert send(house, "shop", "shop.example", "john@rcpt.test") == (250, "")
    house.received("john@rcpt.test")
    support.wait_for(lambda: any("in order" in s and "not in order" not in s for s, _ in letters_to(house, "office@rcpt.test")),
                     "the letter that it passes")
    assert len(failed()) == 1  # once per change, not per look
    entries = [json.loads(line) for line in gateway.cli("journal", "tail", "-n", "200", "--json").splitlines()]
    changes = [e["facts"] for e in entries if e["kind"] == "domain_changed" and e["facts"].get("domain") == "shop.example"]
    assert [c["preflight"] for c in changes if "preflight" in c] == ["fail", "pass"]


def test_no_answer_of_the_dns_is_no_failure(house):
    gateway = house.gateway
    gateway.cli("domain", "add", "shop", "unserved.example")  # the name server refuses to speak of it
    gateway.import_consents(["jack@rcpt.test"], tenant="shop")
    told = gateway.json("domain", "preflight", "unserved.example")
    assert told["state"] == "unknown" and not told["refuses_bulk"]
    assert send(house, "shop", "unserved.example", "jack@rcpt.test") == (250, "")
    house.received("jack@rcpt.test")
    gateway.cli("domain", "remove", "shop", "unserved.example", "--reason", "a test")
    gateway.cli("domain", "preflight", "unserved.example", code=1)


def test_a_tenant_sees_and_asks_for_its_own_only(house):
    gateway = house.gateway
    gateway.cli("tenant", "add", "rival", "--legal-name", "Rival Kft.", "--contact", "rival@rcpt.test")
    gateway.cli("domain", "add", "rival", "away.example")
    boss = sign_in(gateway, "boss", "tenant-admin", "shop")
    user = sign_in(gateway, "user", "tenant-user", "shop")
    own = "/v1/tenants/shop/domains/shop.example/preflight"
    assert boss.post(own, {}).json()["domain"] == "shop.example"
    assert user.get(own).json()["domain"] == "shop.example"
    assert user.post(own, {}).status == 403
    for foreign in ("/v1/tenants/rival/domains/away.example/preflight", "/v1/tenants/shop/domains/away.example/preflight"):
        assert boss.get(foreign).status == boss.post(foreign, {}).status == 404
    assert boss.get("/v1/domains/away.example").status == 403


def test_null_mx_is_refused_at_rcpt(house):
    """RFC 7505 section 4.2."""
    gateway = house.gateway
    code, text = send(house, "till", "shop.example", "jane@none.example")
    assert code == 556 and text.startswith("5.1.10 recipient.null_mx")
    number = text.rsplit("[", 1)[1].rstrip("]")
    assert "B.7505" in gateway.cli("why", number, code=None)
    client = gateway.login("till")
    client.mail("till@shop.example")
    assert client.rcpt("jane@none.example")[0] == 556
    assert client.rcpt("jane@some.none.example")[0] == 250
    assert client.rcpt("jane@rcpt.test")[0] == 250
    client.close()
