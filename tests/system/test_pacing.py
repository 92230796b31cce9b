"""How fast mail goes to whom and from where: conf/pacing.toml against hosts that count."""
import subprocess
import time

import pytest

import support
from conftest import House
from counting_hop import CountingHop


def pace(home, text):
    (home / "pacing.toml").write_text(text)
    return {"pacing": {"file": str(home / "pacing.toml")}}


def submit(gateway, recipients, user="acme"):
    gateway.import_consents(recipients)
    client = gateway.login(user)
    for n, to in enumerate(recipients):
        client.sendmail("news@sender.test", [to], support.letter(to, id=f"{user}{n}"))
    client.quit()


def taken(hop, count):
    try:
        support.wait_for(lambda: len(hop.taken) >= count, f"{count} messages")
    finally:
        print(hop.taken, hop.connections)  # shown where it fails
    return hop.taken


def to(domain, count, first=0):
    return [f"u{first + i}@{domain}" for i in range(count)]


def test_domains_with_the_same_mx_are_one_site(home):
    with CountingHop(answer_s=0.05) as hop:
        settings = {"route": [], "delivery": {"port": hop.port}}
        house = House(home, settings | pace(home, '[[site]]\nid = "both"\nhosts = ["mx.example"]\nconnections_max = 2\n'
                                                  'messages_per_connection_max = 5\n'))
        house.knot.zones |= {"one.example": ["@ MX 10 a.mx.example."], "two.example": ["@ MX 10 a.mx.example."], "mx.example": ["a A 127.0.0.1"]}
        with house:
            submit(house.gateway, to("one.example", 10) + to("two.example", 10))
            taken(hop, 20)
            assert hop.most_open <= 2
            assert len(hop.connections) >= 4  # five messages each


def test_sources_have_addresses_names_and_pools(home):
    text = """
[[source]]
name = "one"
ipv4 = "127.0.0.11"
ehlo_name = "one.gw.test"
[[source]]
name = "two"
ipv4 = "127.0.0.12"
ehlo_name = "two.gw.test"
[[pool]]
name = "default"
sources = ["one"]
[[pool]]
name = "quick"
sources = ["two"]
[[flow]]
tenant = "acme"
stream = "transactional"
pool = "quick"
"""
    with CountingHop() as hop, House(home, {"route": [{"domain": "*", "host": hop.host, "port": hop.port}]} | pace(home, text)) as house:
        house.gateway.add_credential("acme", "crm-2", stream="transactional", topic=None, campaign="orders")
        submit(house.gateway, to("rcpt.test", 2))
        submit(house.gateway, to("rcpt.test", 2, first=10), user="crm-2")
        rows = taken(hop, 4)
        assert {(r[1] in to("rcpt.test", 2), r[2]) for r in rows} == {(True, "127.0.0.11"), (False, "127.0.0.12")}
        assert set(hop.names) == {"one.gw.test", "two.gw.test"}


def test_a_host_that_asks_for_a_pause_gets_it_then_one_connection(home):
    text = '[default]\nconnections_max = 4\ngrowth_s = 60\n[[reply]]\nid = "fast"\ntext = [\'\\b4\\.7\\.28\\b\']\npause_s = 3\n'
    settings = {"delivery": {"retry_first_s": 1, "retry_max_s": 1}}
    with CountingHop(refuse_after=4, answer_s=0.02) as hop:
        settings["route"] = [{"domain": "*", "host": hop.host, "port": hop.port}]
        with House(home, settings | pace(home, text)) as house:
            submit(house.gateway, to("rcpt.test", 12))
            support.wait_for(lambda: hop.refused, "the refusal")
            time.sleep(0.3)
            refused, asked_at = len(hop.refused), hop.refused[0]
            assert refused <= 4  # those that were under way
            hop.refuse_after = None
            before = len(hop.taken)
            taken(hop, 12)
            assert hop.taken[before][0] - asked_at >= 2.9
            resumed = [t for t, _ in hop.connections if t - asked_at >= 2.5]
            assert len(resumed) <= 1  # or the one that was kept open


def test_a_quota_holds_and_new_rules_open_it(home):
    rules = '[[flow]]\ntenant = "acme"\nstream = "bulk"\nper_day = {}\n'
    with CountingHop() as hop, House(home, {"route": [{"domain": "*", "host": hop.host, "port": hop.port}]} | pace(home, rules.format(3))) as house:
        submit(house.gateway, to("rcpt.test", 6))
        taken(hop, 3)
        time.sleep(0.5)
        assert len(hop.taken) == 3
        assert house.gateway.queued()["total"]["queued"] == 3
        # It is kept over a restart.
        house.gateway.stop()
        house.gateway.start()
        time.sleep(1)
        assert len(hop.taken) == 3
        (home / "pacing.toml").write_text(rules.format(5))
        house.gateway.reload()
        taken(hop, 5)
        time.sleep(0.5)
        assert len(hop.taken) == 5


def test_a_rate_is_kept(home):
    with CountingHop() as hop, House(home, {"route": [{"domain": "*", "host": hop.host, "port": hop.port}]} | pace(home, '[default]\nrate = "4/s"\n')) as house:
        submit(house.gateway, to("rcpt.test", 12))
        times = [t for t, _, _ in taken(hop, 12)][1:]  # the first one waits for its connection
        assert times[-1] - times[0] >= 1.5  # the unit tests look at each period


def test_a_bad_file_is_refused_with_its_line_and_changes_nothing(home):
    with CountingHop() as hop, House(home, {"route": [{"domain": "*", "host": hop.host, "port": hop.port}]} | pace(home, '[default]\nconnections_max = 1\n')) as house:
        (home / "pacing.toml").write_text("[default]\nconnections = 5\n")
        house.gateway.reload(refused=True)
        said = subprocess.run([support.program("consentryd"), "--config", str(house.gateway.config), "--check"], capture_output=True, text=True)
        assert said.returncode != 0
        assert "pacing.toml:2:" in said.stderr
        submit(house.gateway, to("rcpt.test", 3))
        taken(hop, 3)


@pytest.mark.quick
def test_the_shipped_file_is_good(home):
    root = support.ROOT / "conf/pacing.toml"
    with House(home, {"pacing": {"file": str(root)}}) as house:
        submit(house.gateway, to("rcpt.test", 1))
        assert house.received("u0@rcpt.test")
