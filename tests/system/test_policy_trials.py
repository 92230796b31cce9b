"""A candidate policy on stored decisions (what-if) and beside live mail (shadow), over the real daemon (RULES E8)."""
import json
import re
import subprocess

import pytest

import support
from conftest import House

KNOBS = '[content]\nhold = {hold}\nreject = {reject}\n[evidence]\nkeep = "{keep}"\n'
WORDS = {"weakword": 6, "strongword": 12}


@pytest.fixture
def house(home):
    with House(home, {"policy": conf_of(home / "conf")}) as house:
        house.conf = home / "conf"
        house.gateway.import_consents([f"r{n}@rcpt.test" for n in range(6)])
        yield house


def conf_of(folder, hold=5, reject=10, keep="facts", words=WORDS):
    (folder / "policy").mkdir(parents=True, exist_ok=True)
    (folder / "policy/default.toml").write_text(KNOBS.format(hold=hold, reject=reject, keep=keep))
    (folder / "patterns/en").mkdir(parents=True, exist_ok=True)
    (folder / "patterns/en/H6_words.toml").write_text('language = "en"\ncategory = "H6"\n' + "".join(
        f'[[pattern]]\nid = "{word}"\nweight = {weight}\nwords = ["{word}"]\nmust_match = ["{word}"]\nmust_not_match = ["word"]\n'
        for word, weight in words.items()))
    return {"file": folder / "policy/default.toml", "patterns": folder / "patterns"}


def policy(house, *arguments, code=0):
    done = subprocess.run([support.program("consentry"), "--socket", str(house.gateway.socket), "policy", *map(str, arguments)],
                          capture_output=True, text=True, timeout=support.PATIENCE_S)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def trial(house, *arguments):
    return json.loads(policy(house, *arguments, "--json"))


def send(house, *texts):
    """One letter for each text; what was answered."""
    client = house.gateway.login()
    answers = []
    for n, text in enumerate(texts):
        assert client.mail("news@sender.test")[0] == 250
        assert client.rcpt(f"r{n}@rcpt.test")[0] == 250
        answers.append(client.data(support.letter(f"r{n}@rcpt.test", id=str(n), text=text))[1].decode())
    client.quit()
    return answers


def refuse_one(house):
    client = house.gateway.login()
    assert client.mail("news@sender.test")[0] == 250
    code, said = client.rcpt("stranger@rcpt.test")
    assert code == 550 and b"consent.missing" in said
    client.quit()


def test_what_if_shows_the_right_difference_and_sends_nothing(house):
    answers = send(house, "plain", "weakword here", "weakword there", "strongword")
    refuse_one(house)
    assert ["held" in a for a in answers] == [False, True, True, True]
    house.gateway.wait_delivered()
    sent, queued = sum("rcpt.test" in r["recipients"] for r in house.sink.received()), house.gateway.json("queue", "list")
    # The policy in force, tried on what it decided itself.
    same = trial(house, "what-if", "--conf", house.conf)
    assert (same["state"], same["judged"], same["same"], same["changes"]) == ("done", 5, 5, {})
    # A higher threshold lets the weak word go.
    looser = house.home / "looser"
    conf_of(looser, hold=8)
    told = trial(house, "what-if", "--conf", looser)
    assert told["changes"] == {"hold->send": 2} and told["changed"] == 2 and told["not_judged_anew"] == 0
    assert [(t["tenant"], t["changed"], t["judged"]) for t in told["by_tenant"]] == [("acme", 2, 5)]
    assert [(r["from_rule"], r["from_reason"], r["to"], r["count"]) for r in told["by_rule"]] == [("H6", "content.h6", "send", 2)]
    assert [(c["campaign"], c["changes"]) for c in told["by_campaign"]] == [("spring", {"hold->send": 2})]
    # So does another weight; and a pattern more, which was not looked for then, is told of.
    lighter = house.home / "lighter"
    conf_of(lighter, words=WORDS | {"weakword": 4})
    told_lighter = trial(house, "what-if", "--conf", lighter)
    assert told_lighter["changes"] == {"hold->send": 2} and told_lighter["not_judged_anew"] == 0
    # The examples are numbers that `why` knows.
    number = re.search(r"queued as (\w+)", answers[1])[1]
    assert number in {e["message"] for e in told["examples"]}
    assert house.gateway.json("why", number, "--reason", "a test")
    words = policy(house, "what-if", "--conf", looser)
    assert "5 decisions judged, 2 would be another (hold->send 2)" in words
    assert "campaign spring of acme: hold->send 2" in words
    assert trial(house, "what-if", "--conf", looser, "--tenant", "acme", "--limit", "2")["judged"] == 2
    policy(house, "what-if", "--conf", looser, "--tenant", "nobody", code=1)
    # Nothing of it went out, or moved.
    assert sum("rcpt.test" in r["recipients"] for r in house.sink.received()) == sent
    assert house.gateway.json("queue", "list") == queued


def test_new_patterns_are_tried_on_kept_texts_only(house):
    candidate = house.home / "candidate"
    conf_of(candidate, words=WORDS | {"brandnew": 6})
    send(house, "brandnew things")
    told = trial(house, "what-if", "--conf", candidate)
    assert told["changes"] == {} and told["not_judged_anew"] == 1
    assert "could not be judged anew" in policy(house, "what-if", "--conf", candidate)
    conf_of(house.conf, keep="messages")
    policy(house, "activate", "--conf", house.conf, "--reason", "to try patterns on texts")
    send(house, "brandnew things", "plain")
    told = trial(house, "what-if", "--conf", candidate)
    assert told["changes"] == {"send->hold": 1} and told["not_judged_anew"] == 1
    assert told["judged_on"] == {"findings": 1, "text": 2}


def test_a_shadow_counts_and_changes_nothing(house):
    candidate = house.home / "candidate"
    conf_of(candidate, hold=8, words=WORDS | {"brandnew": 9})
    assert "no policy is in the shadow" in policy(house, "shadow", "show")
    policy(house, "shadow", "stop", code=1)
    policy(house, "shadow", "start", "--conf", candidate)
    assert "already" in policy(house, "shadow", "start", "--conf", candidate, code=1)
    answers = send(house, "plain", "weakword", "brandnew", "strongword")
    assert ["held" in a for a in answers] == [False, True, False, True]
    refuse_one(house)
    support.wait_for(lambda: trial(house, "shadow", "show")["judged"] == 5, "the shadow's judgements")
    told = trial(house, "shadow", "stop")
    assert told["changes"] == {"hold->send": 1, "send->hold": 1}
    assert (told["on"], told["same"], told["dropped"], told["failed"]) == (False, 3, 0, 0)
    assert told["against"] == [house.gateway.json("policy", "show")["version"]]
    # What it would have held has gone out, what it would have sent is held.
    house.received("r0@rcpt.test", "r2@rcpt.test")
    assert not [r for r in house.sink.received() if r["recipients"] == "r1@rcpt.test"]
    send(house, "plain")
    assert trial(house, "shadow", "show")["judged"] == 5


def test_a_candidate_that_does_not_read_starts_nothing(house):
    broken = house.home / "broken"
    conf_of(broken)
    (broken / "policy/default.toml").write_text("[content]\nhold = no\n")
    policy(house, "what-if", "--conf", broken, code=1)
    policy(house, "shadow", "start", "--conf", broken, code=1)
    assert trial(house, "shadow", "show") == {"on": False}
    assert "nothing was replayed" in policy(house, "what-if", "--cancel")
