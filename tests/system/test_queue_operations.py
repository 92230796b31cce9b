"""What operators do with a queue that is going on: count, act on a part, stop and let go, look on."""
import json
import smtplib
import threading
import time

import pytest

import support
from neighbours import MailSink


@pytest.fixture
def house(home):
    """A gateway whose mail to live.test goes to a sink; that to dead.test and gone.test has nobody to take it."""
    sink = MailSink(home)
    with sink:
        routes = [{"domain": "live.test", "host": "127.0.0.1", "port": sink.port},
                  *({"domain": d, "host": "127.0.0.1", "port": support.free_port()} for d in ("dead.test", "gone.test"))]
        settings = {"route": routes, "delivery": {"retry_first_s": 3600, "retry_max_s": 3600}, "dns": {"forward": ["127.0.0.1@9"], "timeout_s": 1},
                    "events": {"folder": home / "events"}}
        with support.Gateway(home, settings) as g:
            g.add_tenant()
            g.add_credential("acme", "autumn", campaign="autumn")
            g.import_consents([f"{n}@{d}.test" for n in "abc" for d in ("live", "dead", "gone")])
            g.sink = sink
            yield g


def submit(g, *recipients, user="acme"):
    client = g.login(user)
    for to in recipients:
        client.sendmail("news@sender.test", [to], support.letter(to))
    client.quit()


def counted(g, by="campaign", **which):
    options = [x for name, value in which.items() for x in (f"--{name}", value)]
    return g.json("queue", "count", "--by", by, *options)["counts"]


def test_counts_and_acts_on_a_part(house):
    g = house
    submit(g, "a@dead.test", "b@dead.test", "a@gone.test")
    submit(g, "c@dead.test", user="autumn")
    support.wait_for(lambda: sum(c["deferred"] for c in counted(g)) == 4, "the first attempts")
    assert {c["campaign"]: c["queued"] for c in counted(g)} == {"spring": 3, "autumn": 1}
    assert {c["domain"]: c["deferred"] for c in counted(g, "domain")} == {"dead.test": 3, "gone.test": 1}
    assert counted(g, "age")[0]["messages"] == 4
    assert len(g.json("queue", "list", "--domain", "dead.test")["messages"]) == 3
    assert g.json("queue", "list", "--state", "untried")["messages"] == []

    why = ("--reason", "a look")
    assert g.json("queue", "hold", "--domain", "dead.test", "--campaign", "spring", *why)["changed"] == 2
    assert counted(g, "reason") == [{"tenant": "acme", "stream": "bulk", "reason": "a look", "held": 2}]
    assert len(g.json("queue", "list", "--held-because", "a look")["messages"]) == 2
    assert "purge: 1 recipients" in g.cli("queue", "purge", "--held-because", "a look", "--recipient", recipient_of(g, "a look"), *why)
    assert g.json("queue", "release", "--state", "held", "--tenant", "acme", *why)["changed"] == 1
    assert g.json("queue", "requeue", "--older-than", "0s", *why)["changed"] >= 1
    assert g.json("queue", "purge", "--tenant", "acme", *why)["changed"] == 3
    assert counted(g) == [] and counted(g, "domain") == []
    acts = [e["facts"] for e in journal(g) if e["kind"] == "desk_act" and e["facts"]["what"].startswith("queue.")]
    assert [a["what"] for a in acts] == ["queue.requeue"]
    assert {o["what"] for o in g.json("queue", "orders")["orders"]} == {"hold", "purge", "release", "requeue"}


def recipient_of(g, reason):
    message = g.json("queue", "list", "--held-because", reason)["messages"][0]["message"]
    return g.json("queue", "show", message)["recipient_list"][0]["recipient"]


def journal(g):
    return [json.loads(line) for line in g.cli("journal", "tail", "--json", "-n", "500").splitlines()]


def test_stops_and_sites(house):
    g = house
    why = ("--reason", "they asked")
    g.cli("queue", "suspend", "--site", "live.test", *why)
    submit(g, "a@live.test", "a@dead.test")
    support.wait_for(lambda: counted(g, "domain")[0]["deferred"] == 1, "the attempt at the dead site")
    dead = next(s for s in g.json("queue", "sites")["sites"] if "dead.test" in s["domains"])
    assert dead["last_reply"]["outcome"] == "deferred" and "refused" in dead["last_reply"]["text"]
    g.kill()
    g.start()  # it stays stopped
    time.sleep(1.5)
    live = next(s for s in g.json("queue", "sites")["sites"] if "live.test" in s["domains"])
    assert live["suspended"] and live["queued"] == 1 and not g.sink.received()
    g.cli("queue", "resume", "--site", "live.test", *why)
    support.wait_for(lambda: len(g.sink.received()) == 1, "what was stopped")
    live = next(s for s in g.json("queue", "sites")["sites"] if s["paths"] and s["last_reply"]["outcome"] == "delivered")
    assert "250" in live["last_reply"]["text"]
    assert "SUSPENDED" not in g.cli("queue", "sites")

    g.cli("queue", "suspend", *why)  # all
    submit(g, "b@live.test")
    time.sleep(1)
    assert len(g.sink.received()) == 1
    g.cli("queue", "resume", *why)
    support.wait_for(lambda: len(g.sink.received()) == 2, "what was stopped")


def test_a_drain_takes_no_mail_and_ends_when_nothing_is_due(house):
    g = house
    g.cli("queue", "suspend", "--site", "live.test", "--reason", "so that something is due")
    submit(g, "a@live.test", "a@dead.test")
    g.cli("queue", "resume", "--site", "live.test", "--reason", "done")
    said = g.cli("queue", "drain", "--wait", "30", "--reason", "maintenance")
    assert said.startswith("nothing is due") and len(g.sink.received()) == 1
    client = g.login()
    code, text = client.mail("news@sender.test")
    assert code == 421 and text.startswith(b"4.3.2")
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    g.cli("queue", "resume", "--intake", "--reason", "done")
    submit(g, "b@live.test")
    support.wait_for(lambda: len(g.sink.received()) == 2, "mail after the drain")


def test_a_trace_shows_the_dialog_as_it_happens(house):
    g = house
    seen = []
    looker = threading.Thread(target=lambda: seen.extend(
        g.cli("trace", "--recipient", "a@live.test", "--for", "6", "--reason", "a test", "--json").splitlines()))
    looker.start()
    support.wait_for(lambda: any(e["kind"] == "accessed" and e["facts"]["what"] == "startTrace" for e in journal(g)), "the trace")
    submit(g, "a@live.test", "b@live.test")
    looker.join()
    lines = [json.loads(line) for line in seen]
    texts = [line["text"] for line in lines]
    assert len({line["delivery"] for line in lines}) == 1
    assert any(t.startswith("connecting to 127.0.0.1") for t in texts)
    assert any(t == "RCPT TO:<a@live.test>" for t in texts) and not any("b@live.test" in t for t in texts)
    assert any(t.startswith(("message of ", "BDAT ")) for t in texts) and not any("roses" in t for t in texts)
    assert lines[-1]["who"] == "them" and texts[-1].startswith("250")


def test_events_are_written_as_lines(house):
    g = house
    file = g.home / "events" / "events.ndjson"
    submit(g, "a@live.test")

    def events():
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    support.wait_for(lambda: any(e["kind"] == "delivered" for e in events()), "the line of the delivery")
    before = len(events())
    g.kill()
    with open(file, "a") as out:
        out.write('{"seq": 99')  # as a crash leaves it
    g.start()
    submit(g, "b@live.test")
    support.wait_for(lambda: sum(e["kind"] == "delivered" for e in events()[before:]) == 1, "the line after the restart")
    seqs = [e["seq"] for e in events()]
    assert seqs == sorted(set(seqs)) and seqs[-1] - seqs[0] == len(seqs) - 1  # all, each once
    told = next(e for e in events() if e["kind"] == "delivered")
    assert told["tenant"] == "acme" and len(told["person"]) == 32
    assert "@live.test" not in file.read_text()
