"""What a receiver sees of DKIM: the signed fields, and one key after another without a gap, with a real name server and dkimpy."""
import email
import email.policy
import json
import os
import re
import stat

import dkim
import pytest

import neighbours
import support
from conftest import House

OVERSIGNED = ["from", "to", "cc", "subject", "date", "reply-to", "content-type"]


@pytest.fixture(scope="module")
def house():
    with support.folder() as path:
        house = House(path, {"mail": {"feedback_address": "fbl@gw.example", "bounce_domain": "bounce.gw.test"},
                             "dkim": {"look_every_s": 3600, "retire_days": 14}})
        house.knot.zones |= {"shop.example": [], "gw.example": []}
        with house:
            gateway = house.gateway
            house.knot.publish(gateway.json("domain", "add", "acme", "shop.example")["dns"])
            yield house


def send(house, to, **fields):
    house.gateway.import_consents([to])
    client = house.gateway.login("acme")
    letter = support.letter(to, domain="shop.example", subject="News of the garden")
    for name, value in fields.items():
        letter = f"{name.replace('_', '-')}: {value}\r\n".encode() + letter
    client.sendmail("news@shop.example", [to], letter)
    client.close()
    return house.received(to)[0]


def signatures(message):
    """{(d, s): names of h=, lower case}."""
    found = {}
    for name, value in dkim.rfc822_parse(message)[0]:
        if name.lower() == b"dkim-signature":
            tags = dkim.util.parse_tag_value(re.sub(rb"\r\n", b"", value))
            found[tags[b"d"].decode(), tags[b"s"].decode()] = [n.strip().decode().lower() for n in tags[b"h"].split(b":")]
    return found


def selectors(house, to):
    message = send(house, to)
    assert all(good for _, _, good in neighbours.dkim_verdicts(message, house.knot))
    return sorted(s for d, s in signatures(message) if d == "shop.example")


def keys(house, domain="shop.example"):
    return {k["selector"]: k for k in house.gateway.json("dkim", "list", domain)["keys"]}


def states(house, domain="shop.example"):
    return {s: k["state"] for s, k in keys(house, domain).items()}


def publish(house, answer):
    house.knot.publish([k["record"] for k in answer["keys"]])


def test_the_gateways_own_first_keys_wait_for_their_records(house):
    gateway = house.gateway
    gateway.cli("dkim", "rotate", "stranger.example", code=1)
    made = gateway.json("dkim", "rotate", "gw.example")
    assert [d for d, _ in signatures(send(house, "before@rcpt.test"))] == ["shop.example"] * 2
    gateway.cli("dkim", "activate", "gw.example", code=1)
    publish(house, made)
    gateway.cli("dkim", "activate", "gw.example")
    assert states(house, "gw.example") == {"c1r": "signing", "c1e": "signing"}


def test_both_domains_sign_with_both_algorithms_what_rules_b_names(house):
    """RULES B, Sending."""
    message = send(house, "fields@rcpt.test", Reply_To="desk@shop.example", List_Id="<garden.shop.example>", X_Mailer="a CRM",
                   List_Help="<https://shop.example/help>")
    verdicts = neighbours.dkim_verdicts(message, house.knot)
    assert verdicts == [(d, a, True) for d in ("shop.example", "gw.example") for a in ("rsa-sha256", "ed25519-sha256")]
    present = [name.decode().lower() for name, _ in dkim.rfc822_parse(message)[0]]
    must = {"message-id", "mime-version", "list-id", "list-help", "list-unsubscribe", "list-unsubscribe-post", "feedback-id"}
    assert must <= set(present)
    for names in signatures(message).values():
        for name in OVERSIGNED:
            assert names.count(name) == present.count(name) + 1, name
        for name in present:
            if name in must or name.startswith(("list-", "cfbl-")):
                assert names.count(name) == present.count(name), name
        assert "x-mailer" not in names and "received" not in names
    assert b" l=" not in message.partition(b"\r\n\r\n")[0]
    # Nobody adds a field that would be shown.
    for added in (b"From: evil@else.example", b"Cc: c@else.example", b"Subject: second", b"Content-Type: text/html"):
        changed = message.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n\r\n", 1)
        assert not any(good for _, _, good in neighbours.dkim_verdicts(changed, house.knot)), added


def test_one_key_after_another_without_a_gap(house):
    gateway = house.gateway
    assert selectors(house, "one@rcpt.test") == ["c1e", "c1r"]
    made = gateway.json("dkim", "rotate", "shop.example")
    assert [k["selector"] for k in made["keys"]] == ["c2r", "c2e"] and {k["state"] for k in made["keys"]} == {"waiting"}
    # The record as a zone file takes it.
    line = made["keys"][0]["record"]["zone_line"]
    strings = re.findall(r'"([^"]*)"', line)
    assert len(strings) == 2 and max(map(len, strings)) == 255 and "".join(strings) == made["keys"][0]["record"]["value"]
    gateway.cli("dkim", "rotate", "shop.example", code=1)  # one rotation at a time
    gateway.cli("dkim", "activate", "shop.example", code=1)
    assert selectors(house, "two@rcpt.test") == ["c1e", "c1r"]

    # It waits over a crash; with one record there, only that algorithm moves on.
    gateway.kill()
    gateway.start()
    house.knot.publish([made["keys"][0]["record"]])
    assert {s: (k["state"], k["dns"]) for s, k in keys(house).items()} == {
        "c2r": ("waiting", "published"), "c2e": ("waiting", "missing"), "c1r": ("signing", "published"), "c1e": ("signing", "published")}
    gateway.cli("dkim", "activate", "shop.example")
    assert selectors(house, "three@rcpt.test") == ["c1e", "c2r"]
    house.knot.publish([made["keys"][1]["record"]])
    gateway.cli("dkim", "activate", "shop.example")
    assert selectors(house, "four@rcpt.test") == ["c2e", "c2r"]
    assert states(house) == {"c2r": "signing", "c2e": "signing", "c1r": "retired", "c1e": "retired"}
    assert "its record stays until" in gateway.cli("dkim", "list", "shop.example")
    gateway.cli("dkim", "remove", "shop.example", "c2r", code=1)

    # Who did it, in the tenant's history.
    entries = [json.loads(line) for line in gateway.cli("journal", "tail", "-n", "200", "--json").splitlines()]
    changes = [(e["facts"]["dkim"], e["facts"]["selectors"], e["actor"]) for e in entries
               if e["kind"] == "domain_changed" and e["facts"].get("domain") == "shop.example" and "dkim" in e["facts"]]
    actor = changes[0][2]
    assert actor.startswith("desk:")
    assert changes == [("waiting", "c2r, c2e", actor), ("signing", "c2r", actor), ("signing", "c2e", actor)]


def test_the_daemon_moves_on_by_itself_and_destroys_what_is_over(house):
    gateway = house.gateway
    gateway.stop()
    gateway.settings["dkim"]["look_every_s"] = 1
    gateway.start()
    made = gateway.json("dkim", "rotate", "shop.example", "--selector", "autumn")
    publish(house, made)
    support.wait_for(lambda: states(house).get("autumnr") == states(house).get("autumne") == "signing", "the new keys to sign")
    assert selectors(house, "five@rcpt.test") == ["autumne", "autumnr"]
    # Fifteen days later the replaced keys go, while those that sign stay; their owner is told by letter.
    gateway.stop()
    gateway.extra_arguments = ["--clock-days", "15"]
    gateway.start()
    support.wait_for(lambda: set(states(house)) == {"autumnr", "autumne"}, "the old keys to go")
    left = {f.name for f in (gateway.store / "dkim" / "shop.example").iterdir()}
    assert left == {"autumnr.pem", "autumne.pem", "keys.state"}
    def told():
        letters = [email.message_from_bytes(m, policy=email.policy.default)
                   for m, r in zip(house.sink.mail(), house.sink.received()) if r["recipients"] == "office@sender.test"]
        return [m.get_content() for m in letters if "may be removed" in m["Subject"]]
    support.wait_for(told, "the letter")
    for selector in ("c1r", "c1e", "c2r", "c2e"):
        assert f"{selector}._domainkey.shop.example. IN TXT" in told()[0]
    # Half a year later they are called old.
    gateway.stop()
    gateway.extra_arguments = ["--clock-days", "200"]
    gateway.start()
    gateway.wait_until(lambda: '"key_is_old"' in gateway.output(), "the warning")
    assert "old: rotate" in gateway.cli("dkim", "list", "shop.example")
    gateway.stop()
    gateway.extra_arguments = []
    gateway.start()


def test_keys_at_rest_are_their_owners_alone(house):
    gateway = house.gateway
    place = gateway.store / "dkim" / "shop.example"
    for path in (place.parent, place, *place.iterdir()):
        assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0, path
    # A passphrase: what lies in plain is encrypted at the next start, and goes on signing.
    secret = house.home / "passphrase"
    secret.write_text("correct horse battery staple\n")
    secret.chmod(0o600)
    before = keys(house)
    gateway.stop()
    gateway.settings["dkim"]["passphrase_file"] = "passphrase"
    gateway.start()
    for file in place.glob("*.pem"):
        assert file.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert {s: k["record"] for s, k in keys(house).items()} == {s: k["record"] for s, k in before.items()}
    assert selectors(house, "six@rcpt.test") == ["autumne", "autumnr"]
    made = gateway.json("dkim", "rotate", "shop.example")
    assert "ENCRYPTED" in (place / f'{made["keys"][0]["selector"]}.pem').read_text()
    # Nothing of a key in the log.
    core = (house.home / "gateway.log").read_text()
    assert "PRIVATE" not in core and "battery" not in core
    # Refused, not repaired: who could read it meanwhile is unknown.
    place.chmod(0o750)
    gateway.reload(refused=True)
    assert selectors(house, "seven@rcpt.test") == ["autumne", "autumnr"]
    place.chmod(0o700)
    gateway.reload()
