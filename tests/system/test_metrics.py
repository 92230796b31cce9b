"""What others see of how the gateway does: the page that Prometheus reads, health, `consentry top`, the yearly report on availability."""
import datetime
import json
import re
import subprocess

import pytest

import mail_servers
import support
from api_client import Api, sign_in
from conftest import House
from test_complaints import Reporter

TOKEN = "prometheus-reads-with-this"
PROMTOOL = mail_servers.UNPACKED / "usr/bin/promtool"


@pytest.fixture(scope="module")
def house():
    with support.folder() as path:
        (path / "metrics.token").write_text(TOKEN + "\n")
        loop = Reporter(path, "loop.example")
        (path / "reporters.toml").write_text('[[reporter]]\nname = "Test loop"\ndkim_domains = ["loop.example"]\n')
        h = House(path, {"admin": {"tcp": "127.0.0.1:0"}, "metrics": {"token_file": path / "metrics.token"},
                         "complaints": {"reporters": path / "reporters.toml"}})
        h.knot.zones["loop.example"] = []
        with h:
            h.loop = loop
            h.knot.publish([loop.record])
            h.gateway.import_consents(["one@rcpt.test", "two@rcpt.test"])
            client = h.gateway.login()
            client.sendmail("news@sender.test", ["one@rcpt.test"], support.letter("one@rcpt.test"))
            with pytest.raises(support.smtplib.SMTPRecipientsRefused):
                client.sendmail("news@sender.test", ["stranger@rcpt.test"], support.letter("stranger@rcpt.test"))
            client.quit()
            h.gateway.wait_delivered()
            yield h


def page(house, **how):
    answer = Api(house.gateway.admin, **how).ask("GET", "/metrics")
    assert answer.status == 200, answer.body
    return answer


def series(text):
    return {name: float(value) for name, value in re.findall(r"^([a-z_]+(?:{[^}]*})?) (\S+)$", text, re.M)}


def test_the_page_counts_mail_and_times_it(house):
    answer = page(house, token=TOKEN)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    seen = series(answer.body.decode())
    assert seen['consentry_verdicts_total{stream="bulk",decision="send"}'] == 1
    assert seen['consentry_verdicts_total{stream="bulk",decision="refuse"}'] == 1
    assert seen['consentry_outcomes_total{stream="bulk",outcome="delivered"}'] == 1
    assert seen['consentry_queue_recipients{state="queued"}'] == 0
    assert seen['consentry_tenants{bulk="open"}'] == 1 and seen["consentry_sending"] == 1
    for what in ("verdict", "commit", "delivery", "block"):
        family = f"consentry_{what}_seconds"
        buckets = [v for n, v in seen.items() if n.startswith(family + "_bucket")]
        assert buckets == sorted(buckets) and buckets[-1] == seen[family + "_count"], family
    assert seen["consentry_verdict_seconds_count"] >= 3 and seen["consentry_delivery_seconds_count"] == 1
    assert seen["consentry_block_seconds_count"] == 0


def test_the_number_of_series_does_not_grow_with_tenants_or_recipients(house):
    before = page(house, token=TOKEN).body.decode()
    house.gateway.cli("tenant", "add", "another", "--legal-name", "Another Kft.", "--contact", "o@another.test")
    client = house.gateway.login()
    client.sendmail("news@sender.test", ["two@rcpt.test"], support.letter("two@rcpt.test"))
    client.quit()
    house.gateway.wait_delivered()
    after = page(house, token=TOKEN).body.decode()
    assert series(before).keys() == series(after).keys()
    assert len(series(after)) < 200
    for name in ("acme", "another", "rcpt.test", "two@", "spring"):
        assert name not in after


def test_who_may_read_it(house):
    for api in (Api(house.gateway.admin), Api(house.gateway.admin, "wrong"), Api(house.gateway.admin, TOKEN[:-1]),
                sign_in(house.gateway, "boss", "tenant-admin", "acme")):
        answer = api.ask("GET", "/metrics")
        assert answer.status == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert sign_in(house.gateway, "eye", "auditor").ask("GET", "/metrics").status == 200
    assert Api(house.gateway.admin, TOKEN).ask("POST", "/metrics").status == 405
    assert Api(house.gateway.admin, TOKEN).ask("GET", "/v1/stats").status == 401, "the token opens nothing else"


def test_health_is_told_to_everybody(house):
    for path in ("/healthz", "/readyz"):
        answer = Api(house.gateway.admin).ask("GET", path)
        assert (answer.status, answer.body) == (200, b"ok\n")
    assert Api(house.gateway.admin).ask("HEAD", "/healthz").status == 200


def test_a_restored_store_is_well_but_not_ready(house):
    house.gateway.stop()
    mark = house.gateway.store / "restored"
    mark.write_text("")
    house.gateway.start()
    assert Api(house.gateway.admin).ask("GET", "/healthz").status == 200
    answer = Api(house.gateway.admin).ask("GET", "/readyz")
    assert (answer.status, answer.body) == (503, b"sending_is_off\n")
    assert series(page(house, token=TOKEN).body.decode())["consentry_sending"] == 0
    house.gateway.stop()
    mark.unlink()
    house.gateway.start()


@pytest.mark.skipif(not PROMTOOL.exists(), reason="scripts/setup has not unpacked prometheus")
def test_prometheus_takes_page_and_rules(house):
    subprocess.run([PROMTOOL, "check", "rules", support.CONF / "prometheus/alerts.yml"], check=True, capture_output=True)
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=page(house, token=TOKEN).body, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_and_dashboard_speak_of_what_there_is(house):
    known = {re.sub(r"{.*|_bucket$|_sum$|_count$", "", name) for name in series(page(house, token=TOKEN).body.decode())}
    texts = [(support.CONF / "prometheus/alerts.yml").read_text(),
             json.dumps(json.loads((support.CONF / "grafana/consentry.json").read_text()))]
    for text in texts:
        named = {re.sub(r"_bucket$", "", n) for n in re.findall(r"\bconsentry_\w+", text)}
        assert named and named <= known, named - known


def test_top_shows_one_look(house):
    shown = house.gateway.cli("top", "--once")
    for word in ("queued 0", "verdicts", "delivered", "commit", "blocked tenants 0"):
        assert word in shown, shown


def test_a_block_is_counted_and_timed(house):
    """RULES A5: two complaints on so little mail stop it; the time from the second report's end to the block is a figure of its own."""
    for delivered in house.received("one@rcpt.test", "two@rcpt.test"):
        house.loop.report(house.gateway, delivered)
    seen = support.wait_for(lambda: (s := series(page(house, token=TOKEN).body.decode()))["consentry_blocks_total"] and s, "the block")
    assert seen["consentry_block_seconds_count"] == seen["consentry_blocks_total"] == 1 and seen["consentry_block_seconds_sum"] > 0
    assert seen["consentry_reports_total"] == 2 and seen['consentry_tenants{bulk="blocked"}'] == 1
    assert "blocked tenants 1" in house.gateway.cli("top", "--once")


# -- availability (RULES A2 7) --------------------------------------------------------------------------------------------

def test_each_minute_that_answered_is_logged(house):
    year = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).year

    def log():
        house.gateway.cli("availability", "--year", year, "--export", house.home / "log.csv", code=None)
        return (house.home / "log.csv").read_text().splitlines()
    # The minute of the start is written, and shows once it is over.
    support.wait_for(lambda: any(line.endswith(",up") for line in log()), "a minute that is over", patience_s=120)
    told = house.gateway.json("availability", "--year", year, code=None)
    assert told["minutes"] == sum(int(line.split(",")[1]) for line in log()) or told["minutes"] > 0
    assert told["year"] == year and not told["over"] and told["log_begins"]
    assert told["down_minutes"] < told["minutes"]


@pytest.mark.parametrize("down_h, holds", [("87.60", True), ("87.62", False)])
def test_87_60_hours_pass_and_87_62_fail(tmp_path, down_h, holds):
    down = round(float(down_h) * 60)
    log = tmp_path / "log.csv"
    log.write_text(f"2025-12-31T23:00:00Z,525600,up\n2026-05-01T00:00:00Z,{down},down\n")
    done = subprocess.run([support.program("consentry"), "availability", "--year", "2026", "--log", log], capture_output=True, text=True)
    assert done.returncode == (0 if holds else 1), done.stdout + done.stderr
    assert f"2026: down {down_h} h of 87.60 h allowed" in done.stdout
    assert ("DOES NOT HOLD" in done.stdout) is not holds
