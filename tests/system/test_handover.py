"""Hand-over and removal with the real daemon: day 90 and 91, JSON there and back, XML under its schema."""
import json
import subprocess

import pytest

import support
from neighbours import MailSink
from support import ROOT, Gateway


def rehearse(home, days, sink=None):
    """The gateway with its clock so many days on."""
    settings = {"dns": {"forward": ["127.0.0.1@9"], "timeout_s": 1}}
    if sink:
        settings["route"] = [{"domain": "*", "host": "127.0.0.1", "port": sink.port}]
    gateway = Gateway(home, settings)
    gateway.extra_arguments = ["--clock-days", str(days)]
    return gateway


def test_day_90_and_day_91(home):
    """RULES A2 10: present on day 90, gone on day 91, under their own power."""
    with MailSink(home) as sink, rehearse(home, 0, sink) as gateway:
        gateway.add_tenant("shop", domain="shop.example")
        gateway.import_consents(["jane@rcpt.test", "joe@rcpt.test"], tenant="shop")
        gateway.add_tenant("acme", user="acme")
        gateway.import_consents(["jane@rcpt.test"])
        gateway.cli("tenant", "state", "shop", "terminated", "--reason", "left us", "--why", "by_tenant")
        kept_until = gateway.json("tenant", "show", "shop")["data_kept_until"]
        sink.wait_for(1)  # the letter
        gateway.wait_delivered()
        assert gateway.stop() == 0
    with rehearse(home, 90) as gateway:
        shown = gateway.json("tenant", "show", "shop")
        assert (shown["state"], shown["data_kept_until"]) == ("terminated", kept_until)
        assert gateway.json("consent", "show", "shop", "jane@rcpt.test")["address"] == "jane@rcpt.test"
    with rehearse(home, 91) as gateway:
        def removed():
            lines = gateway.cli("journal", "tail", "-n", "20", "--json").splitlines()
            return [e for e in map(json.loads, lines) if e["kind"] == "tenant_removed"]
        (entry,) = support.wait_for(removed, "the removal")
        assert entry["rule"] == "A2.10" and int(entry["facts"]["rows"]) >= 4
        gateway.cli("tenant", "show", "shop", code=1)
        assert not (gateway.store / "dkim" / "shop.example").exists()
        assert gateway.json("consent", "show", "acme", "jane@rcpt.test")["address"] == "jane@rcpt.test"
        assert gateway.json("journal", "verify")["whole"]


@pytest.fixture(scope="module")
def pair():
    """Two gateways of one operator: the second has the first one's export.key."""
    with support.folder() as a, support.folder() as b, rehearse(a, 0) as one:
        keys = b / "store" / "keys"
        keys.mkdir(parents=True)
        keys.chmod(0o700)
        (keys / "export.key").write_bytes((one.store / "keys" / "export.key").read_bytes())
        (keys / "export.key").chmod(0o600)
        with rehearse(b, 0) as two:
            one.add_tenant("shop", domain="shop.example", user="shop-crm")
            people = [{"email": f"p{i}@rcpt.test", "name": "Győző & <Társa>"} for i in range(500)]
            one.import_consents(people, tenant="shop")
            one.cli("consent", "withdraw", "shop", "p7@rcpt.test")
            one.cli("block", "shop", "--reason", "complaints")
            yield one, two


def test_json_there_and_back(pair):
    """RULES A2 12: nothing is lost, and a withdrawal and a block hold on the other side."""
    one, two = pair
    file = one.home / "shop.json"
    one.cli("tenant", "export", "shop", "-o", file)
    assert file.stat().st_mode & 0o077 == 0
    first = json.loads(file.read_text())
    assert first["trailer"]["counts"]["persons"] == 500
    assert {name: len(first[name]) for name in first["trailer"]["counts"]} == first["trailer"]["counts"]
    made = two.json("tenant", "import", file)
    assert made["left_out"] == [] and made["shown_state"] == "bulk_blocked"
    shown = two.json("consent", "show", "shop", "p7@rcpt.test")
    assert any(c.get("withdrawn_at") for c in shown["consents"])
    again = two.home / "again.json"
    two.cli("tenant", "export", "shop", "-o", again)
    second = json.loads(again.read_text())
    for name in first["trailer"]["counts"]:
        rows = second[name][:len(first[name])] if name == "history" else second[name]
        def bare(some):
            return [{k: v for k, v in r.items() if not k.startswith("sealed_")} for r in some]
        assert bare(rows) == bare(first[name]), name
    # The login works there with the old password; the file held no secret in clear.
    two.login("shop-crm").quit()
    two.cli("tenant", "import", file, code=1)
    assert two.json("tenant", "import", file, "--as", "shop-two")["legal_name"] == "Shop Kft."


def test_a_changed_file_is_refused(pair):
    one, two = pair
    file = one.home / "changed.json"
    one.cli("tenant", "export", "shop", "-o", file)
    file.write_text(file.read_text().replace("p8@rcpt.test", "q8@rcpt.test"))
    two.cli("tenant", "import", file, "--as", "forged", code=1)
    two.cli("tenant", "show", "forged", code=1)


def test_xml_is_valid(pair):
    """RULES A2 12, with the schema that is handed over with it."""
    one, _ = pair
    file = one.home / "shop.xml"
    one.cli("tenant", "export", "shop", "--format", "xml", "-o", file)
    done = subprocess.run(["xmllint", "--noout", "--schema", str(ROOT / "docs" / "tenant-export.xsd"), str(file)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    text = file.read_text()
    assert text.count("<person_record>") == 500 and "Győző &amp; &lt;Társa&gt;" in text and "sealed_" not in text


def test_erase_at_once(home):
    """RULES A2 10: on request, unreadable within a minute."""
    with rehearse(home, 0) as gateway:
        gateway.add_tenant("shop", domain="shop.example")
        gateway.import_consents(["jane@rcpt.test"], tenant="shop")
        gateway.cli("tenant", "erase", "shop", "--reason", "letter", code=1)
        gateway.cli("tenant", "state", "shop", "terminated", "--reason", "left us", "--why", "by_tenant")
        assert gateway.json("tenant", "erase", "shop", "--reason", "letter of today")["erased"]
        gateway.cli("tenant", "show", "shop", code=1)
        assert gateway.json("journal", "verify")["whole"]
