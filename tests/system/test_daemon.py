"""The daemon as a service: its settings, its signals, its user, its log."""
import json
import os
import smtplib
import subprocess

import pytest

import neighbours
import support
from conftest import House


@pytest.fixture
def gateway(home):
    with support.Gateway(home, {"dns": {"forward": ["127.0.0.1@9"], "timeout_s": 1}}) as g:
        yield g


def check(config):
    done = subprocess.run([support.program("consentryd"), "--config", str(config), "--check"], capture_output=True, text=True,
                          timeout=support.PATIENCE_S)
    return done.returncode, done.stdout, done.stderr


def test_check_says_good_and_starts_nothing(home):
    g = support.Gateway(home)
    g.write_config()
    code, out, _ = check(g.config)
    assert code == 0 and "good" in out
    assert not g.store.exists()


@pytest.mark.parametrize("line, complaint", [
    ("relay_for_all = true", "relay_for_all"),
    ("recipients_max = 99", "recipients_max"),
    ('message_size_max_mib = "big"', "message_size_max_mib"),
    ("idle_timeout_s = ", ""),
])
def test_check_names_file_and_line(home, line, complaint):
    g = support.Gateway(home)
    g.write_config()
    lines = g.config.read_text().splitlines()
    at = lines.index("[smtp]") + 1
    lines.insert(at, line)
    g.config.write_text("\n".join(lines) + "\n")
    code, _, err = check(g.config)
    assert code == 3
    assert f"{g.config}:{at + 1}" in err and complaint in err
    assert len(err.strip().splitlines()) == 1


def test_a_store_has_one_daemon(gateway, home):
    (home / "second").mkdir()
    second = support.Gateway(home / "second", store=gateway.store)
    second.write_config()
    done = subprocess.run([support.program("consentryd"), "--config", str(second.config)], capture_output=True, text=True,
                          timeout=support.PATIENCE_S)
    assert done.returncode == 3
    assert "in use" in done.stderr + done.stdout


@pytest.mark.quick
def test_sigterm_ends_sessions_and_exits_0(gateway):
    gateway.add_tenant()
    client = smtplib.SMTP("127.0.0.1", gateway.inbound, timeout=support.PATIENCE_S)
    client.ehlo()
    assert gateway.stop() == 0
    with pytest.raises(smtplib.SMTPServerDisconnected):
        while client.noop()[0] != 421:
            pass
        raise smtplib.SMTPServerDisconnected("421 was said")


def test_what_was_acknowledged_survives_a_stop(home):
    with House(home, {"route": [{"domain": "*", "host": "127.0.0.1", "port": support.free_port()}]}) as house:
        g = house.gateway
        g.import_consents(["u@rcpt.test"])
        client = g.login()
        client.sendmail("news@sender.test", ["u@rcpt.test"], support.letter("u@rcpt.test"))
        client.quit()
        assert g.stop() == 0
        g.settings["route"] = [{"domain": "*", "host": "127.0.0.1", "port": house.sink.port}]
        g.start()
        house.received("u@rcpt.test")


def test_sighup_takes_new_routes_and_keeps_sessions(home):
    with House(home) as house, neighbours.MailSink(home, name="second") as second:
        g = house.gateway
        g.import_consents(["before@rcpt.test", "after@rcpt.test"])
        client = g.login()
        client.sendmail("news@sender.test", ["before@rcpt.test"], support.letter("before@rcpt.test"))
        house.received("before@rcpt.test")
        g.settings["route"] = [{"domain": "*", "host": "127.0.0.1", "port": second.port}]
        g.write_config()
        lines = len(g.output().splitlines())
        g.process.send_signal(1)
        support.wait_for(lambda: any("reload" in line for line in g.output().splitlines()[lines:]), "the reload")
        client.sendmail("news@sender.test", ["after@rcpt.test"], support.letter("after@rcpt.test"))
        client.quit()
        support.wait_for(lambda: "after@rcpt.test" in [r["recipients"] for r in second.received()], "the letter by the new route")
        # Letters to the tenant's contact may go either way.
        assert [r["recipients"] for r in house.sink.received() if r["recipients"].endswith("@rcpt.test")] == ["before@rcpt.test"]


def test_sighup_with_a_bad_file_keeps_the_old_settings(home):
    with House(home) as house:
        g = house.gateway
        g.config.write_text(g.config.read_text() + "\n[unheard]\nof = 1\n")
        lines = len(g.output().splitlines())
        g.process.send_signal(1)
        support.wait_for(lambda: any("unheard" in line for line in g.output().splitlines()[lines:]), "the complaint in the log")
        g.import_consents(["u@rcpt.test"])
        client = g.login()
        client.sendmail("news@sender.test", ["u@rcpt.test"], support.letter("u@rcpt.test"))
        client.quit()
        house.received("u@rcpt.test")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_runs_as_the_user_named(home):
    home.chmod(0o777)  # the store is made in it
    settings = {"server": {"user": "nobody"}, "admin": {"socket": home / "store/run/admin.sock"},
                "dns": {"forward": ["127.0.0.1@9"], "timeout_s": 1}}
    g = support.Gateway(home, settings)
    g.socket = home / "store/run/admin.sock"
    with g:
        status = dict(line.split(":\t", 1) for line in open(f"/proc/{g.process.pid}/status").read().splitlines() if ":\t" in line)
        assert set(status["Uid"].split()) == {"65534"}
        assert set(status["CapEff"]) == {"0"}
        assert (g.store.stat().st_mode & 0o777, g.socket.stat().st_mode & 0o777) == (0o700, 0o660)
        g.add_tenant()


def test_log_lines_are_json_without_addresses(house):
    house.gateway.import_consents(["log@rcpt.test"])
    client = house.gateway.login()
    client.sendmail("news@sender.test", ["log@rcpt.test"], support.letter("log@rcpt.test"))
    client.quit()
    house.received("log@rcpt.test")
    lines = house.gateway.output().splitlines()
    assert lines
    for line in lines:
        json.loads(line)
        assert "log@rcpt.test" not in line, "RULES A2 clause 10: logs hold hashes, not addresses"
