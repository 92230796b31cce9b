"""The tools of those who tune policy: lint, test, diff, activate, rollback, history, over the real daemon (RULES E7, E10, E11)."""
import base64
import json
import re
import shutil
import subprocess

import pytest

import support
from conftest import House


@pytest.fixture
def house(home):
    """Its policy and patterns lie in a folder of their own, which tests may change."""
    conf = home / "conf"
    shutil.copytree(support.CONF / "policy", conf / "policy")
    (conf / "patterns").mkdir()
    shutil.copy(support.CONF / "patterns/brands.toml", conf / "patterns")
    for language, name in (("hu", "S3_gambling"), ("en", "S3_gambling")):
        (conf / "patterns" / language).mkdir()
        (conf / "patterns" / language / f"{name}.toml").write_text(pattern(language, "alpha"))
    with House(home, {"policy": {"file": conf / "policy/default.toml", "patterns": conf / "patterns"}}) as house:
        house.conf = conf
        house.gateway.import_consents(["fresh@rcpt.test"])
        yield house


def pattern(language, word, weight=12, extra=""):
    return (f'language = "{language}"\ncategory = "S3"\n[[pattern]]\nid = "{word}"\nweight = {weight}\nwords = ["{word}{language}"]\n'
            f'must_match = ["{word}{language}"]\nmust_not_match = ["nothing"]\n{extra}')


def policy(house, *arguments, code=0):
    done = subprocess.run([support.program("consentry"), "--socket", str(house.gateway.socket), "policy", *map(str, arguments)],
                          capture_output=True, text=True, timeout=support.PATIENCE_S)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def journal(house):
    return [json.loads(line) for line in house.gateway.cli("journal", "tail", "-n", "1000", "--json").splitlines()]


def in_force(house):
    return house.gateway.json("policy", "show")["version"]


def answer_to(client, text):
    assert client.mail("news@sender.test")[0] == 250
    assert client.rcpt("fresh@rcpt.test")[0] == 250
    code, said = client.data(support.letter("fresh@rcpt.test", text=text))
    assert code == 250, said
    return said.decode()


def test_activation_is_atomic_and_drops_nobody(house):
    before = in_force(house)
    client = house.gateway.login()
    assert "content.s3" in answer_to(client, "alphahu")
    assert "content.s3" not in answer_to(client, "betahu")
    (house.conf / "patterns/hu/S3_gambling.toml").write_text(pattern("hu", "beta"))
    assert "pattern hu.S3.beta added" in policy(house, "diff", "--conf", house.conf)
    # A mail under way keeps the policy that it began under or gets the new one whole; the session lives on.
    policy(house, "activate", "--conf", house.conf, "--reason", "beta, not alpha")
    after = in_force(house)
    assert after != before
    assert "content.s3" not in answer_to(client, "alphahu")
    assert "content.s3" in answer_to(client, "betahu")
    said = policy(house, "rollback", "--reason", "beta was wrong")
    assert in_force(house) == before and before in said
    assert "content.s3" in answer_to(client, "alphahu")
    client.quit()
    rows = house.gateway.json("policy", "history")["activations"]
    assert [r["how"] for r in rows] == ["rolled-back", "activated", "files-read"]
    assert [r["version"] for r in rows] == [before, after, before]
    assert rows[0]["reason"] == "beta was wrong" and rows[0]["actor"].startswith("desk:")
    told = [e for e in journal(house) if e["kind"] == "policy_activated"]
    assert [e["policy_version"] for e in told] == [before, after, before]


def test_what_a_person_decided_stands_until_the_files_change(house):
    before = in_force(house)
    file = house.conf / "patterns/hu/S3_gambling.toml"
    file.write_text(pattern("hu", "beta"))
    policy(house, "activate", "--conf", house.conf, "--reason", "a trial")
    policy(house, "rollback", "--reason", "the trial is over")
    # The files on disk still hold the trial: neither a reload nor a restart brings it back.
    house.gateway.reload()
    assert in_force(house) == before
    house.gateway.stop()
    house.gateway.start()
    assert in_force(house) == before
    file.write_text(pattern("hu", "gamma"))
    house.gateway.reload()
    assert in_force(house) not in (before, "")
    assert house.gateway.json("policy", "history")["activations"][0]["how"] == "files-read"


def test_a_bad_set_leaves_the_old_one(house):
    before = in_force(house)
    file = house.conf / "patterns/hu/S3_gambling.toml"
    good = file.read_text()
    file.write_text(pattern("hu", "beta", extra="wieght = 3\n").replace("must_match = [", "zones = [\"bdy\"]\nmust_match = ["))
    (house.conf / "policy/default.toml").write_text("[consent]\nmonths = 24\n")
    said = policy(house, "activate", "--conf", house.conf, "--reason", "by mistake", code=1)
    assert "S3_gambling.toml:7:1: unknown zone" in said
    assert "S3_gambling.toml:10:1: unknown key wieght" in said or "did you mean" in said or "unknown zone" in said
    assert "default.toml:2:1: consent.months cannot be set, the rule is fixed" in said
    assert in_force(house) == before
    # A reload refuses it too; and with nothing but bad files a restart goes on with what was in force.
    house.gateway.reload(refused=True)
    assert in_force(house) == before
    house.gateway.stop()
    house.gateway.start()
    assert in_force(house) == before
    # A sample that fails is enough.
    shutil.copy(support.CONF / "policy/default.toml", house.conf / "policy")
    file.write_text(good.replace('must_match = ["alphahu"]', 'must_match = ["omega"]'))
    assert "does not match \"omega\"" in policy(house, "activate", "--conf", house.conf, "--reason", "by mistake", code=1)
    assert in_force(house) == before


def test_versions_are_kept_whole(house, tmp_path):
    first = in_force(house)
    file = house.conf / "patterns/en/S3_gambling.toml"
    text = file.read_text()
    file.write_text(pattern("en", "beta"))
    policy(house, "activate", "--conf", house.conf, "--reason", "a trial")
    second = in_force(house)
    assert {v["version"] for v in house.gateway.json("policy", "versions")["versions"]} == {first, second}
    policy(house, "show", first, "--out", tmp_path / "first")
    assert (tmp_path / "first/patterns/en/S3_gambling.toml").read_text() == text
    assert "patterns/en/S3_gambling.toml" in policy(house, "diff", "--from", first, "--to", second)
    # The files of a version are a policy like any other: activated, they are that version.
    policy(house, "activate", "--conf", tmp_path / "first", "--reason", "back by hand")
    assert in_force(house) == first
    assert "no policy" in policy(house, "rollback", "p000000000000", "--reason", "x", code=1)
    assert "in force already" in policy(house, "rollback", first, "--reason", "x", code=1)


def test_an_activation_survives_a_kill(house):
    file = house.conf / "patterns/en/S3_gambling.toml"
    for n in range(3):
        file.write_text(pattern("en", f"word{n}"))
        policy(house, "activate", "--conf", house.conf, "--reason", f"round {n}")
        told = in_force(house)
        house.gateway.kill()
        house.gateway.start()
        assert in_force(house) == told


def desk_samples(house):
    page = subprocess.run(["curl", "-sf", "--unix-socket", str(house.gateway.socket), "http://gw/v1/policy/samples?mail=true"],
                          capture_output=True, check=True, timeout=support.PATIENCE_S).stdout
    return [base64.b64decode(s["mail"]) for s in json.loads(page)["samples"]]


def hold(house, text, count=1):
    for _ in range(count):
        client = house.gateway.login()
        answer_to(client, text)
        client.quit()
    return [m["message"] for m in house.gateway.queued()["messages"]]


def test_the_desk_teaches(house):
    """Released is clean, purged is the category; the recipient is not kept, and who is named goes when erased (RULES F10, D4)."""
    held = hold(house, "alphahu, dear Jane of jane@elsewhere.test", 2)
    assert len(held) == 2
    house.gateway.cli("queue", "release", "--message", held[0], "--reason", "a mistake")
    hold(house, "alphahu for money")
    purged = [m["message"] for m in house.gateway.queued()["messages"] if m["held"] and m["message"] not in held]
    house.gateway.cli("queue", "purge", "--message", purged[0], "--reason", "gambling")
    rows = house.gateway.json("policy", "samples", "list")["samples"]
    assert sorted(r["label"] for r in rows) == ["S3", "clean"]
    told = house.gateway.json("policy", "test", "--conf", house.conf, "--samples", support.CONF / "samples", "--desk", code=None)
    assert told["desk"]["labels"]["S3"]["recall"] == 1 and told["desk"]["false_alarms"] == 1
    mails = desk_samples(house)
    assert mails and not any(b"fresh@rcpt.test" in m for m in mails)
    assert any(b"jane@elsewhere.test" in m for m in mails)
    house.gateway.import_consents(["jane@elsewhere.test"])
    house.gateway.cli("person", "erase", "acme", "jane@elsewhere.test", "--reason", "asked")
    assert not any(b"jane@elsewhere.test" in m for m in desk_samples(house))
    # The newest decision on the same content counts.
    house.gateway.cli("queue", "purge", "--message", held[1], "--reason", "gambling after all")
    rows = house.gateway.json("policy", "samples", "list")["samples"]
    assert [r["label"] for r in rows] == ["S3", "S3"]
    row = rows[0]
    house.gateway.cli("policy", "samples", "remove", row["tenant"], row["fingerprint"], "--reason", "no judgement")
    assert len(house.gateway.json("policy", "samples", "list")["samples"]) == 1


def test_lists_of_domains_stop_links_and_are_linted(house):
    lists = house.conf / "lists"
    lists.mkdir()
    (lists / "url_blocklist.txt").write_text("evil.test\nhttps://evil.test/\n")
    (lists / "shorteners.txt").write_text("short.test\n")
    said = policy(house, "activate", "--conf", house.conf, "--reason", "a list", code=1)
    assert "url_blocklist.txt:2:1: \"https://evil.test/\" is not a domain" in said
    (lists / "url_blocklist.txt").write_text("evil.test\n")
    assert "lists/url_blocklist.txt added" in policy(house, "diff", "--conf", house.conf)
    client = house.gateway.login()
    text = "Nézze meg: https://bank.test@www.%65vil.test/x"
    assert "held" not in answer_to(client, text)
    policy(house, "activate", "--conf", house.conf, "--reason", "a list")
    assert client.mail("news@sender.test")[0] == 250
    assert client.rcpt("fresh@rcpt.test")[0] == 250
    code, refused = client.data(support.letter("fresh@rcpt.test", text=text))
    assert code == 550 and b"content.url_blocklist" in refused and b"www.evil.test, listed as evil.test" in refused
    why = house.gateway.cli("why", re.search(r"m\d{7}", refused.decode()).group())
    assert "link.blocklisted" in why and "https://bank.test@www.%65vil.test/x" in why
    # A shortener alone goes, and the verdict tells of it.
    said = answer_to(client, "Nézze meg: https://short.test/x")
    assert "held" not in said
    assert "url_shortener" in house.gateway.cli("why", re.search(r"m\d{7}", said).group())
