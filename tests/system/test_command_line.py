"""consentry as scripts use it: exit codes, one line on stderr, JSON on stdout."""
import json
import os
import subprocess

import pytest

import support

MAIL = "From: a@example.hu\r\nSubject: {subject}\r\n\r\n{body}\r\n"


def run(*arguments, stdin="", stdout=subprocess.PIPE):
    return subprocess.run([support.program("consentry"), *map(str, arguments)], input=stdin, stdout=stdout, stderr=subprocess.PIPE,
                          text=True, timeout=support.PATIENCE_S, env=os.environ | {"CONSENTRY_REASON": "a test"})


@pytest.fixture(scope="module")
def gateway():
    with support.folder() as home, support.Gateway(home, {"dns": {"forward": ["127.0.0.1@9"], "timeout_s": 1}}) as g:
        g.add_tenant()
        g.import_consents(["known@rcpt.test"])
        yield g


@pytest.mark.parametrize("code, arguments", [
    (0, ["address", "check", "--", "jane@example.hu"]),
    (0, ["address", "check", "--", "-jane@example.hu"]),
    (1, ["address", "check", "--", "jane@example..hu"]),
    (1, ["address", "check", "--", ""]),
    (0, ["consent", "last-day", "2024-02-29"]),
    (2, ["consent", "last-day", "2024-02-30"]),
    (2, ["consent", "last-day", "2024-02-29", "--months", "many"]),
    (2, []),
    (2, ["scam"]),
    (2, ["tenant"]),
    (2, ["tenant", "shout"]),
    (2, ["scan"]),
    (2, ["scan", "-", "--colour"]),
    (3, ["scan", "/nowhere.eml"]),
    (3, ["scan", "/"]),
    (3, ["arf", "parse", "/dev/zero"]),
    (3, ["dkim", "sign", "-", "--domain", "a.test", "--selector", "s", "--key", "/dev/null"]),
    (1, ["dkim", "verify", "-", "--keys", "/dev/null"]),
    (3, ["--socket", "/nowhere", "stats"]),
    (3, ["--socket", "/" + "a" * 200, "stats"]),
])
def test_exit_codes_without_a_daemon(code, arguments):
    done = run(*arguments)
    assert done.returncode == code, done.stderr
    said = done.stderr.splitlines()
    if code == 0:
        assert not said
    elif arguments[:2] != ["dkim", "verify"]:
        assert len(said) == 1 and said[0].startswith("consentry: "), said


def test_a_misspelt_command_is_named():
    assert "scam" in run("scam").stderr
    assert "shout" in run("tenant", "shout").stderr


def test_an_answer_that_cannot_be_written_is_an_error():
    with open("/dev/full", "w") as full:
        done = run("consent", "last-day", "2024-02-29", stdout=full)
    assert done.returncode == 3
    assert "written" in done.stderr or "write" in done.stderr


@pytest.mark.parametrize("subject, body, verdict", [
    ("Spring", "The roses are in flower.", "send"),
    ("Escort service, call girls tonight", "Hot escort girls, erotic massage and sex for money. Free porn videos.", "refuse"),
])
def test_scan_tells_parts_findings_and_verdict(subject, body, verdict):
    done = run("scan", "-", "--json", "--conf", support.CONF, stdin=MAIL.format(subject=subject, body=body))
    assert done.returncode == 0
    said = json.loads(done.stdout)
    assert said["verdict"] == verdict
    assert [p["type"] for p in said["parts"]] == ["text/plain"]
    assert bool([f for f in said["findings"] if f["category"] == "H2"]) == (verdict == "refuse")


def test_scan_shows_listed_links_with_their_place():
    mail = MAIL.format(subject="Spring", body="See https://bit.ly/roses and write to us.")
    said = json.loads(run("scan", "-", "--json", "--conf", support.CONF, stdin=mail).stdout)
    found, = [f for f in said["findings"] if f["category"] == "url_shortener"]
    assert (found["matched"], found["zone"], found["begin"], found["score"]) == ("https://bit.ly/roses", "link", 4, 2)
    assert said["verdict"] == "send"
    assert "bit.ly hides where it leads" in run("scan", "-", "--conf", support.CONF, stdin=mail).stdout


def test_scan_takes_many_messages_at_once(tmp_path):
    clean, foul = tmp_path / "clean.eml", tmp_path / "foul.eml"
    clean.write_text(MAIL.format(subject="Spring", body="The roses are in flower."))
    foul.write_text(MAIL.format(subject="Tonight", body="Hot escort girls, erotic massage and sex for money."))
    done = run("scan", "--json", str(clean), "/nowhere.eml", str(foul), "--conf", support.CONF)
    assert done.returncode == 1 and "/nowhere.eml" in done.stderr  # the others are judged all the same
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(t["file"], t["verdict"]) for t in told] == [(str(clean), "send"), (str(foul), "refuse")]
    shown = run("scan", str(clean), str(foul), "--conf", support.CONF)
    assert shown.returncode == 0 and shown.stdout.index(str(clean)) < shown.stdout.index(str(foul))
    assert shown.stdout.count("verdict ") == 2


@pytest.mark.parametrize("code, arguments", [
    (0, ["tenant", "show", "acme"]),
    (1, ["tenant", "show", "nobody"]),
    (1, ["tenant", "add", "acme", "--legal-name", "Acme", "--contact", "a@sender.test"]),
    (2, ["tenant", "add", "new"]),
    (0, ["consent", "show", "acme", "known@rcpt.test"]),
    (1, ["consent", "show", "acme", "unknown@rcpt.test"]),
    (1, ["consent", "show", "acme", "no address"]),
    (3, ["consent", "import", "acme", "/"]),
    (3, ["consent", "import", "acme", "/nowhere.csv"]),
    (0, ["queue", "list"]),
    (0, ["queue", "count", "--by", "age"]),
    (0, ["queue", "sites"]),
    (0, ["queue", "stops"]),
    (0, ["queue", "orders"]),
    (2, ["queue", "suspend", "--site", "x.test", "--source", "y", "--reason", "both"]),
    (1, ["queue", "move", "--tenant", "acme", "--pool", "nowhere", "--reason", "a test"]),
    (1, ["queue", "show", "m9999999"]),
    (1, ["queue", "hold", "--reason", "the whole queue"]),
    (2, ["queue", "hold", "--tenant", "acme"]),
    (0, ["tenant", "exempt", "list", "acme"]),
    (1, ["tenant", "exempt", "grant", "acme", "H4", "--until", "2099-01-01", "--reason", "a licence"]),
    (2, ["tenant", "exempt", "grant", "acme", "S1", "--until", "2099-01-01"]),
    (1, ["tenant", "exempt", "end", "acme", "x1", "--reason", "never granted"]),
    (0, ["standing", "show", "acme"]),
    (2, ["unblock", "acme"]),
    (1, ["unblock", "acme", "--reason", "it is not blocked"]),
    (1, ["why", "m9999999"]),
    (0, ["journal", "verify"]),
    (0, ["stats"]),
])
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_exit_codes_with_a_daemon(gateway, code, arguments, as_json):
    done = run("--socket", gateway.socket, *arguments, *(["--json"] if as_json else []))
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == (0 if code == 0 else 1), done.stderr
    assert "the daemon answered" not in done.stderr
    if as_json and code < 2:
        assert isinstance(json.loads(done.stdout), dict)


def test_check_finds_what_a_start_would_stumble_over(gateway, tmp_path):
    for section, key, value in (("server", "user", "no-such-user"), ("dns", "forward", ["ns.example.hu"]),
                                ("dns", "trust_anchor_file", "/nowhere.key"), ("delivery", "tls_authorities", "/nowhere.pem"), ("reader", "program", "/nowhere"), ("reader", "program", "/bin/true")):
        g = support.Gateway(tmp_path, {section: {key: value}})
        g.write_config()
        done = subprocess.run([support.program("consentryd"), "--config", str(g.config), "--check"], capture_output=True, text=True,
                              timeout=support.PATIENCE_S)
        assert done.returncode == 3, (key, done.stdout)
        assert key in done.stderr and len(done.stderr.splitlines()) == 1
    g = support.Gateway(tmp_path, {"dns_zone": [{"name": "a.test", "file": "/nowhere.zone"}]})
    g.write_config()
    done = subprocess.run([support.program("consentryd"), "--config", str(g.config), "--check"], capture_output=True, text=True)
    assert done.returncode == 3 and "/nowhere.zone" in done.stderr


@pytest.mark.parametrize("text, verdict", [("Nyitva vagyunk szombaton is.", "send"),
                                           ("Online kaszinó, regisztrációs bónusz, ingyen pörgetés", "hold")])
def test_scan_takes_a_text_that_is_no_mail(text, verdict):
    done = run("scan", "--text", "-", "--json", "--conf", support.CONF, stdin=text)
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["verdict"] == verdict and "parts" not in told
    for found in told["findings"]:
        assert text.encode()[found["begin"]:found["end"]].decode() == found["matched"]
