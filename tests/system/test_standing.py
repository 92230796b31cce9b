"""Standing, block and notice (RULES A5, A2 3) with real parts: a kill right after the block, watches over campaigns, appeals."""
import json
import time

import pytest

import neighbours
import support
from conftest import House
from test_campaigns import submit
from test_complaints import Reporter
from test_tenants import letters_to


def policy_with(home, **sections):
    """The shipped policy with other values: section -> key -> value."""
    lines, section = [], ""
    for line in (support.CONF / "policy/default.toml").read_text().splitlines():
        if line.startswith("["):
            section = line.split("]")[0][1:]
        key = line.split("=")[0].strip()
        if key in sections.get(section, {}):
            line = f"{key} = {json.dumps(sections[section].pop(key))}"
        lines.append(line)
    assert not any(sections.values()), f"no such knobs: {sections}"
    (home / "policy.toml").write_text("\n".join(lines) + "\n")
    return home / "policy.toml"


def begun(house):
    """Transactions that the next hop saw begin: time in ns, recipient."""
    rows = [line.split(" ") for line in house.mail_log.read_text().splitlines()] if house.mail_log.exists() else []
    return [(int(r[0]), r[3]) for r in rows]


@pytest.fixture
def slow_plant(home):
    """A next hop that takes its time, and a reporter."""
    known = Reporter(home, "loop.example")
    (home / "reporters.toml").write_text('[[reporter]]\nname = "Test loop"\ndkim_domains = ["loop.example"]\nmailbox_domains = ["rcpt.test"]\n')
    house = House(home, {"complaints": {"reporters": home / "reporters.toml"}, "delivery": {"connections_per_destination_max": 4}})
    house.knot.zones |= {"loop.example": []}
    house.mail_log = home / "begun.log"
    house.sink = neighbours.MailSink(home, ["--delay-ms", "150", "--mail-log", str(house.mail_log)])
    with house:
        house.knot.publish([known.record])
        house.known = known
        house.gateway.add_credential("acme", "till", stream="transactional")
        yield house


def test_nothing_starts_after_a_block_not_even_after_a_kill(slow_plant):
    house, gateway = slow_plant, slow_plant.gateway
    first = [f"first{n}@rcpt.test" for n in range(2)]
    many = [f"many{n:03}@rcpt.test" for n in range(150)]
    gateway.import_consents(first + many)
    assert submit(house, first)[1].startswith("250")
    mail = house.received(*first)
    for some in (many[:75], many[75:]):
        assert submit(house, some)[1].startswith("250")
    support.wait_for(lambda: sum(r.startswith("many") for _, r in begun(house)) >= 4, "bulk mail to be on its way")

    house.known.report(gateway, mail[0])
    house.known.report(gateway, mail[1])  # returns with its 250
    answered = time.time_ns()
    gateway.kill()
    before = [r for t, r in begun(house) if r.startswith("many")]
    assert len(before) < len(many), "the block came while mail was waiting"
    # What the next hop had in its socket it reads now; it was sent before the answer.
    support.wait_for(lambda: is_quiet(house), "the next hop to have read all")
    seen = len([1 for _, r in begun(house) if r.startswith("many")])
    assert seen - len([1 for t, r in begun(house) if r.startswith("many") and t <= answered]) <= 4, "no more than was on the wire"

    gateway.start()
    assert gateway.json("standing", "show", "acme")["bulk_blocked"]
    assert submit(house, ["customer@rcpt.test"], user="till")[1].startswith("250")
    house.received("customer@rcpt.test")  # transactional mail flows
    support.wait_for(lambda: gateway.json("standing", "show", "acme")["queued"] == 0, "what waits to be held")
    assert len([1 for _, r in begun(house) if r.startswith("many")]) == seen, "no bulk mail began after the block"

    # What was held is judged again when it is let go: one has left meanwhile.
    left = next(r for r in reversed(many) if r not in {r for _, r in begun(house)})
    gateway.cli("consent", "withdraw", "acme", left, "--topic", "news")
    gateway.cli("unblock", "acme", "--reason", "the list was cleaned")
    support.wait_for(lambda: {r for _, r in begun(house)} >= set(many) - {left}, "what was held to go out")
    support.wait_for(lambda: gateway.json("stats")["queue"]["queued"] == 0, "the queue to be empty")
    assert left not in {r for _, r in begun(house)}
    history = gateway.json("standing", "show", "acme")["history"]
    assert [h["bulk_blocked"] for h in history] == [False, True]
    assert history[0]["cause"] == "the list was cleaned" and history[1]["actor"] == "gateway"
    gateway.cli("journal", "verify")


def is_quiet(house):
    seen = len(begun(house))
    time.sleep(0.5)
    return len(begun(house)) == seen


def test_providers_that_report_are_shown(slow_plant):
    house, gateway = slow_plant, slow_plant.gateway
    gateway.import_consents(["a@rcpt.test", "b@rcpt.test"])
    assert submit(house, ["a@rcpt.test", "b@rcpt.test"])[1].startswith("250")
    house.known.report(gateway, house.received("a@rcpt.test", "b@rcpt.test")[0])
    shown = gateway.json("standing", "show", "acme")["providers"]
    assert shown == [{"provider": "Test loop", "delivered": 2, "complaints": 1, "per_thousand": 500.0, "verdict": "good"}]


@pytest.fixture(scope="module")
def watched():
    """Small numbers hold; a sink that knows no dead@."""
    with support.folder() as home:
        (home / "traps.txt").write_text("# ours\ntrap1@rcpt.test\n@never.test\n")
        policy = policy_with(home, watch={"volume_min": 20, "volume_warn": 1, "volume_hold": 2, "traps_hold": 2})
        house = House(home, {"policy": {"file": policy}, "complaints": {"traps": home / "traps.txt"}})
        house.sink = neighbours.MailSink(home, script="rcpt dead* * 550 5.1.1 no such user\n")
        with house:
            yield house


def held(house, campaign):
    shown = house.gateway.json("campaign", "show", "acme", campaign)
    return shown["hold"]["reason"] if shown["held"] else None


def warnings(house, campaign):
    lines = house.gateway.cli("journal", "tail", "-n", "1000", "--kind", "warned", "--json").splitlines()
    return [e["facts"]["watch"] for e in map(json.loads, lines) if e["campaign"] == campaign]


def told(house, words):
    """A letter to the tenant with these words."""
    support.wait_for(lambda: any(words in text for _, text in letters_to(house, "office@sender.test")), f"a letter: {words}")


def test_spam_traps_hold_a_campaign(watched):
    watched.gateway.add_credential("acme", "collected", campaign="collected")
    refused, _ = submit(watched, ["trap1@rcpt.test"], user="collected")
    assert "consent.missing" in refused["trap1@rcpt.test"]
    assert warnings(watched, "collected") == ["traps"] and held(watched, "collected") is None
    submit(watched, ["anybody@never.test"], user="collected")
    assert held(watched, "collected") == "campaign.traps"
    told(watched, "2 of the 2 recipients asked so far are addresses that nobody can have consented with")
    watched.gateway.import_consents(["fine@rcpt.test"])
    assert "campaign.traps" in submit(watched, ["fine@rcpt.test"], user="collected")[1]


def test_sudden_volume_holds_a_campaign(watched):
    watched.gateway.add_credential("acme", "sudden", campaign="sudden")
    people = [f"sudden{n}@rcpt.test" for n in range(25)]
    watched.gateway.import_consents(people)
    submit(watched, people[:20], user="sudden")
    assert held(watched, "sudden") is None and warnings(watched, "sudden") == []
    submit(watched, people[20:21], user="sudden")
    assert held(watched, "sudden") == "campaign.volume"
    assert "campaign.volume" in submit(watched, people[21:22], user="sudden")[1]
    told(watched, "It has 21 recipients so far")


def test_bounces_and_unsubscribes_hold_a_campaign(watched):
    """Both are looked at once 200 deliveries have come to an end."""
    policy = policy_with(watched.home)
    watched.gateway.settings["policy"]["file"] = policy
    watched.gateway.write_config()
    watched.gateway.reload()
    for name in ("dead", "leaving"):
        watched.gateway.add_credential("acme", name, campaign=name)
    good, dead = [f"good{n}@rcpt.test" for n in range(190)], [f"dead{n}@rcpt.test" for n in range(11)]
    people = [f"reader{n}@rcpt.test" for n in range(200)]
    watched.gateway.import_consents(good + dead + people)
    for some in (people[:100], people[100:]):
        assert submit(watched, some, user="leaving")[1].startswith("250")
    for some in (good[:95], good[95:190] + dead):
        assert submit(watched, some, user="dead")[1].startswith("250")
    support.wait_for(lambda: held(watched, "dead"), "the dead addresses to be counted")
    assert held(watched, "dead") == "campaign.bounces"
    assert "bounces" in warnings(watched, "dead")
    told(watched, "addresses delivered to so far do not exist")

    support.wait_for(lambda: watched.gateway.json("campaign", "show", "acme", "leaving")["ended"] == 200, "the deliveries")
    for mail in watched.received(*people[:7]):
        address = next(line for line in mail.decode(errors="replace").replace("\r\n ", " ").split("\r\n") if line.lower().startswith("list-unsubscribe:"))
        address = address.split("mailto:")[1].split(">")[0].split("?")[0]
        client = support.smtplib.SMTP("127.0.0.1", watched.gateway.inbound, timeout=support.PATIENCE_S)
        for _ in range(2):  # twice is once
            client.sendmail("reader@rcpt.test", [address], "Subject: unsubscribe\r\n\r\nplease\r\n")
        client.quit()
    assert watched.gateway.json("campaign", "show", "acme", "leaving")["unsubscribed"] == 7
    assert warnings(watched, "leaving") == ["unsubscribes"]
    assert held(watched, "leaving") == "campaign.unsubscribes"
    told(watched, "7 of the 200 recipients delivered to so far unsubscribed")


def test_an_appeal_has_its_clock_on_the_command_line(watched):
    gateway = watched.gateway
    gateway.cli("block", "acme", "--reason", "third parties are harmed")
    told(watched, "third parties are harmed")
    opened = gateway.json("appeal", "open", "acme", "--about", "block", "--text", "Nobody was harmed.")
    assert (opened["appeal"], opened["state"], opened["days_left"], opened["overdue"]) == ("a1", "open", 30, False)
    told(watched, f"Due: {opened['due']}")
    assert gateway.json("standing", "show", "acme")["appeals_open"] == 1
    assert opened["due"] in gateway.cli("appeal", "list")
    gateway.cli("appeal", "close", "acme", "a1", "--outcome", "granted", code=2)
    gateway.cli("appeal", "close", "acme", "a1", "--outcome", "granted", "--answer", "It was a mistake.")
    told(watched, "It was a mistake.")
    gateway.cli("appeal", "close", "acme", "a1", "--outcome", "granted", "--answer", "twice", code=1)
    assert gateway.json("appeal", "list")["appeals"] == []
    gateway.cli("unblock", "acme", "--reason", "the appeal was granted")
