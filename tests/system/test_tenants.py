"""A tenant's life with real programs: the link by mail and curl, the token in a real name server, the letters."""
import email
import email.policy
import json
import re
import subprocess

import pytest

import support
from conftest import House


@pytest.fixture(scope="module")
def house():
    with support.folder() as path:
        house = House(path, {"public": {"address": "127.0.0.1:0"}})
        house.knot.zones |= {"shop.example": []}
        with house:
            yield house


def letters_to(house, address):
    """The mail to an address so far: (subject, text)."""
    found = []
    for raw, row in zip(house.sink.mail(), house.sink.received()):
        if row["recipients"] == address:
            mail = email.message_from_bytes(raw, policy=email.policy.default)
            found.append((mail["Subject"], mail.get_content()))
    return found


def curl(house, method, path):
    """Status, headers and body."""
    done = subprocess.run(["curl", "-sS", "-i", "-X", method, f"http://127.0.0.1:{house.gateway.public}{path}"],
                          capture_output=True, text=True, timeout=support.PATIENCE_S, check=True)
    head, body = done.stdout.replace("\r\n", "\n").split("\n\n", 1)
    return int(head.split()[1]), head.lower(), body


def mail_from(house, user, sender):
    client = house.gateway.login(user)
    code, text = client.mail(sender)
    client.quit()
    return code, text.decode()


def test_pending_until_link_and_token(house):
    """RULES A2 1, end to end."""
    gateway = house.gateway
    gateway.cli("tenant", "add", "shop", "--legal-name", "Bolt Kft.", "--contact", "office@rcpt.test", "--state", "pending")
    added = gateway.json("domain", "add", "shop", "shop.example", "--verify-dns")
    gateway.add_credential("shop", "shop-till", stream="transactional")
    assert mail_from(house, "shop-till", "till@shop.example")[0] == 550
    assert "tenant.inactive" in mail_from(house, "shop-till", "till@shop.example")[1]

    (subject, text), = support.wait_for(lambda: letters_to(house, "office@rcpt.test"), "the link")
    assert "shop" in subject
    path = re.search(r"https://gw\.test(/a/[a-z2-7]{32})\b", text).group(1)
    status, head, body = curl(house, "GET", path)
    assert status == 200 and "<form method=\"post\"" in body and "set-cookie" not in head
    assert gateway.json("tenant", "show", "shop")["state"] == "pending"
    assert curl(house, "GET", "/a/" + "a" * 32)[0] == 404
    assert curl(house, "POST", path)[0] == 200
    assert gateway.json("tenant", "show", "shop")["state"] == "pending"
    assert "tenant.inactive" in mail_from(house, "shop-till", "till@shop.example")[1]

    # The record is not there; then there with another value; then as told.
    assert gateway.json("domain", "check", "shop", "shop.example", code=1)["found"] == "absent"
    record = added["dns"][0]
    assert record["name"] == "_consentry.shop.example" and record["type"] == "TXT"
    house.knot.publish([record | {"value": "consentry-domain=aaaa"}])
    def found():
        return gateway.json("domain", "check", "shop", "shop.example", code=None)["found"]
    # The resolver keeps a denial for as long as the zone says: five seconds.
    support.wait_for(lambda: found() == "different", "the wrong record")
    house.knot.publish([record])
    support.wait_for(lambda: found() == "verified", "the right record")
    shown = gateway.json("tenant", "show", "shop")
    assert (shown["state"], shown["contact_confirmed_by"]) == ("active", "contact_link")
    assert shown["domains"][0]["verified_by"] == "dns_token"
    assert mail_from(house, "shop-till", "till@shop.example")[0] == 250
    # Nobody's hand: the gateway itself made it active, and said so.
    entries = [json.loads(line) for line in gateway.cli("journal", "tail", "-n", "50", "--json").splitlines()]
    changes = [e for e in entries if e["kind"] == "tenant_changed"]
    assert changes[-1]["actor"] == "gateway" and changes[-1]["facts"]["to"] == "active"
    support.wait_for(lambda: len(letters_to(house, "office@rcpt.test")) == 2, "the letter that it is open")


def test_suspension_is_told(house):
    """RULES A2 3: reason and what to do; 4: all mail is refused."""
    gateway = house.gateway
    gateway.cli("tenant", "add", "other", "--legal-name", "Más Kft.", "--contact", "other@rcpt.test")
    gateway.cli("domain", "add", "other", "other.test")
    gateway.add_credential("other", "other-till", stream="transactional")
    gateway.cli("tenant", "state", "other", "suspended", "--reason", "third parties are harmed")
    assert "tenant.suspended" in mail_from(house, "other-till", "till@other.test")[1]
    support.wait_for(lambda: any("third parties are harmed" in text for _, text in letters_to(house, "other@rcpt.test")),
                     "the letter")
    gateway.cli("tenant", "state", "other", "terminated", "--reason", "no answer", code=1)
    gateway.cli("tenant", "state", "other", "terminated", "--reason", "no answer", "--why", "grave_breach")
    support.wait_for(lambda: any("grave_breach: no answer" in text for _, text in letters_to(house, "other@rcpt.test")),
                     "the letter on the end")
    assert "tenant.terminated" in mail_from(house, "other-till", "till@other.test")[1]


def test_domain_is_given_up(house):
    gateway = house.gateway
    gateway.cli("domain", "add", "acme", "old.test")
    keys = gateway.store / "dkim" / "old.test"
    assert keys.exists()
    gateway.cli("domain", "remove", "acme", "old.test", "--reason", "sold")
    assert not keys.exists()
    assert [d["domain"] for d in gateway.json("tenant", "show", "acme")["domains"]] == ["sender.test"]
