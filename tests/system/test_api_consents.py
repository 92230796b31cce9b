"""Consents over HTTP: single and in batches, written once; withdrawals, objections and suppressions that hold at once."""
import concurrent.futures
import datetime

import pytest

import support
from api_client import sign_in
from conftest import House

NOW = datetime.datetime.now(datetime.timezone.utc)
YESTERDAY = (NOW - datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
CONSENTS = "/v1/tenants/acme/consents"


def consent(address, **more):
    return {"email": address, "topic": "news", "given_at": YESTERDAY, "method": "web_form", "provenance": "own_form",
            "notice_hash": "sha256:9f86d081884c7d65"} | more


@pytest.fixture(scope="module")
def house():
    with support.folder() as path, House(path, {"admin": {"tcp": "127.0.0.1:0"}}) as h:
        h.crm = sign_in(h.gateway, "crm", "tenant-user", "acme")
        h.desk = sign_in(h.gateway, "dora", "desk", reason="a test")
        yield h


def answer_to(house, recipient):
    """What RCPT is answered, for news of acme."""
    client = house.gateway.login()
    client.mail("news+spring=news@sender.test")
    code, text = client.rcpt(recipient)
    client.quit()
    return code, text.decode()


def test_a_single_consent_counts_at_once(house):
    assert answer_to(house, "one@rcpt.test")[0] == 550
    answer = house.crm.post(CONSENTS, consent("One@RCPT.test", name="Ödön"))
    assert (answer.status, answer.json()["outcome"]) == (200, "added")
    assert answer_to(house, "one@rcpt.test")[0] == 250
    known = house.crm.get(f"{CONSENTS}?address=one@rcpt.test").json()
    assert known["consents"][0]["importer"] == "crm" and known["person"] == answer.json()["person"]
    assert house.crm.post(CONSENTS, consent("one@rcpt.test")).json()["outcome"] == "kept"


def test_a_record_comes_back_with_every_field_it_was_told(house):
    """RULES D1."""
    told = {"doi_sent_at": YESTERDAY, "confirmed_at": YESTERDAY, "confirmed_ip": "192.0.2.2", "confirmed_user_agent": "Firefox/140",
            "notice_version": "3", "notice_language": "hu", "notice_url": "https://sender.test/privacy", "form_id": "footer", "tick": "ticked",
            "box_came_ticked": "no", "ip": "192.0.2.1", "user_agent": "Safari/18", "purchase_day": YESTERDAY[:10], "purchase_id": "o-1",
            "birth_day": "1990-01-01", "expires_on": "2099-12-31"}
    assert house.crm.post(CONSENTS, consent("all@rcpt.test", **told)).json()["outcome"] == "added"
    shown = house.crm.get(f"{CONSENTS}?address=all@rcpt.test").json()["consents"][0]
    utc = {name: datetime.datetime.fromisoformat(shown.pop(name)) for name in ("doi_sent_at", "confirmed_at")}
    assert set(utc.values()) == {datetime.datetime.fromisoformat(YESTERDAY.replace("Z", "+00:00"))}
    assert shown.pop("box_came_ticked") is False
    for name in set(told) - {"doi_sent_at", "confirmed_at", "box_came_ticked"}:
        assert shown[name] == told[name], name
    house.crm.post(CONSENTS, consent("ticked@rcpt.test", tick="ticked", box_came_ticked="yes"))
    assert "consent.implicit" in answer_to(house, "ticked@rcpt.test")[1]


@pytest.mark.parametrize("change, code", [
    ({"box_came_ticked": "maybe"}, "import.box_came_ticked_unknown"),
    ({"doi_sent_at": "2099-01-01T00:00:00Z"}, "import.doi_sent_at_invalid"),
    ({"expires_on": "never"}, "import.expires_on_invalid"),
    ({"email": "no address"}, "import.address_invalid"),
    ({"topic": ""}, "import.topic_missing"),
    ({"given_at": None}, "import.given_at_missing"),
    ({"given_at": "2099-01-01T00:00:00Z"}, "import.given_at_future"),
    ({"given_at": "2020-01-01T00:00:00Z"}, "import.too_old"),
    ({"provenance": "purchased"}, "import.provenance_forbidden"),
    ({"method": "implicit"}, "import.method_implicit"),
    ({"notice_hash": None}, "import.evidence_missing"),
    ({"colour": "red"}, "import.row_broken"),
    ({"name": 5}, "import.row_broken"),
])
def test_a_single_consent_is_judged_as_a_row_of_an_import(house, change, code):
    answer = house.crm.post(CONSENTS, consent("judged@rcpt.test") | change)
    assert (answer.status, answer.code) == (422, code)
    assert house.crm.get(f"{CONSENTS}?address=judged@rcpt.test").status == 404


def test_a_refused_consent_stands_in_the_history_once_however_often_it_is_tried(house):
    """RULES D1."""
    def history(address):
        known = house.crm.get(f"{CONSENTS}?address={address}").json()
        return [(e["kind"], e.get("reason")) for e in known["history"]]

    bought = consent("looped@rcpt.test", provenance="purchased")
    for _ in range(20):
        assert house.crm.post(CONSENTS, bought).status == 422
    for _ in range(5):
        assert house.crm.post(CONSENTS, {"consents": [bought, consent("other@rcpt.test", given_at="2020-01-01")] * 100}).status == 207
    refused = ("consent_refused", "import.provenance_forbidden")
    assert history("looped@rcpt.test") == [refused]
    assert history("other@rcpt.test") == [("consent_refused", "import.too_old")]
    # What happened in between makes it news.
    assert house.crm.post(CONSENTS, consent("looped@rcpt.test")).status == 200
    assert house.crm.post(CONSENTS, bought).status == house.crm.post(CONSENTS, bought).status == 422
    assert history("looped@rcpt.test") == [refused, ("consent_given", None), refused]
    entry = house.desk.get(f"{CONSENTS}?address=looped@rcpt.test").json()["history"][0]
    assert (entry["rule"], entry["actor"]) == ("A2.5.1", "tenant:crm")
    assert answer_to(house, "other@rcpt.test")[0] == 550


def test_a_batch_tells_of_each(house):
    batch = {"consents": [consent("b1@rcpt.test"), consent("b2@rcpt.test", given_at="2020-01-01"), 7, consent("b3@rcpt.test")]}
    answer = house.crm.post(CONSENTS, batch)
    assert answer.status == 207
    told = answer.json()
    assert (told["taken"], told["refused"]) == (2, 2)
    assert [(r["index"], r["outcome"], r.get("reason")) for r in told["results"]] == [
        (0, "added", None), (1, "refused", "import.too_old"), (2, "refused", "import.row_broken"), (3, "added", None)]
    assert house.crm.post(CONSENTS, {"consents": [consent("b4@rcpt.test")]}).status == 200
    for bad in ({"consents": []}, {"consents": [consent("b@rcpt.test")] * 1001}, {"consents": {}}, {"consents": [], "x": 1}, []):
        assert house.crm.post(CONSENTS, bad).status == 422
    assert house.crm.post(CONSENTS, {"consents": [consent(f"k{n}@rcpt.test") for n in range(1000)]}).json()["taken"] == 1000
    assert house.crm.post(CONSENTS, "{" + " " * (5 << 20)).status == 413


def test_the_same_key_writes_once_and_answers_the_same(house):
    key = {"Idempotency-Key": "order-4711"}
    first = house.crm.post(CONSENTS, consent("key@rcpt.test"), headers=key)
    again = house.crm.post(CONSENTS, consent("key@rcpt.test"), headers=key)
    assert first.json()["outcome"] == "added" and again.body == first.body
    assert again.headers["idempotency-replayed"] == "true" and "idempotency-replayed" not in first.headers
    other = house.crm.post(CONSENTS, consent("other@rcpt.test"), headers=key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert house.crm.get(f"{CONSENTS}?address=other@rcpt.test").status == 404
    for bad in ("", "a b", "é", "x" * 256):
        assert house.crm.post(CONSENTS, consent("key@rcpt.test"), headers={"Idempotency-Key": bad.encode("latin-1")}).status == 422
    # A refusal is judged anew.
    old = consent("late@rcpt.test", given_at="2020-01-01")
    assert house.crm.post(CONSENTS, old, headers={"Idempotency-Key": "late"}).status == 422
    assert house.crm.post(CONSENTS, consent("late@rcpt.test"), headers={"Idempotency-Key": "late"}).status == 200


def test_keys_survive_a_kill_and_a_race(house):
    key = {"Idempotency-Key": "race"}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: house.crm.post(CONSENTS, consent("race@rcpt.test"), headers=key), range(16)))
    assert {t.body for t in told} == {told[0].body} and {t.status for t in told} == {200}
    assert sum("idempotency-replayed" not in t.headers for t in told) == 1
    house.gateway.kill()
    house.gateway.start()
    house.crm.port = house.desk.port = house.gateway.admin
    again = house.crm.post(CONSENTS, consent("race@rcpt.test"), headers=key)
    assert again.body == told[0].body and again.headers["idempotency-replayed"] == "true"


def test_a_withdrawal_holds_at_once_and_against_older_consent(house):
    house.crm.post(CONSENTS, consent("gone@rcpt.test"))
    house.crm.post(CONSENTS, consent("gone@rcpt.test", topic="offers"))
    told = house.crm.post(f"{CONSENTS}/withdraw", {"address": "gone@rcpt.test", "topic": "offers", "method": "phone"})
    assert told.json()["news"] is True
    assert answer_to(house, "gone@rcpt.test")[0] == 250
    assert house.crm.post(f"{CONSENTS}/withdraw", {"address": "GONE@rcpt.test"}).json()["withdrawn"] is True
    assert "consent.withdrawn" in answer_to(house, "gone@rcpt.test")[1]
    assert house.crm.post(CONSENTS, consent("gone@rcpt.test")).json()["outcome"] == "still_withdrawn"
    assert "consent.withdrawn" in answer_to(house, "gone@rcpt.test")[1]
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    assert house.crm.post(CONSENTS, consent("gone@rcpt.test", given_at=now)).json()["outcome"] == "renewed"
    assert answer_to(house, "gone@rcpt.test")[0] == 250


def test_a_withdrawal_may_be_told_late_and_never_ahead(house):
    path, who = f"{CONSENTS}/withdraw", {"address": "dated@rcpt.test"}
    house.crm.post(CONSENTS, consent("dated@rcpt.test"))
    tomorrow = (NOW + datetime.timedelta(days=2)).date().isoformat()
    for at in (tomorrow, f"{tomorrow}T00:00:00Z", "soon"):
        assert house.crm.post(path, who | {"at": at}).status == 422
    assert house.crm.post(path, who | {"at": "2024-01-01"}).status == 200
    assert answer_to(house, "dated@rcpt.test")[0] == 250  # consent is newer than that
    assert house.crm.post(path, who | {"at": NOW.date().isoformat()}).status == 200
    assert answer_to(house, "dated@rcpt.test")[0] == 550


def test_an_objection_stands_in_the_record_and_the_audit(house):
    house.crm.post(CONSENTS, consent("objects@rcpt.test"))
    assert house.crm.post("/v1/tenants/acme/objections", {"address": "objects@rcpt.test", "channel": "reply"}).status == 200
    known = house.crm.get(f"{CONSENTS}?address=objects@rcpt.test").json()
    assert any("objected_at" in x for x in known["consents"])
    entry = house.crm.get("/v1/tenants/acme/audit?kind=desk_act").json()["entries"][-1]
    assert (entry["reason"], entry["actor"], entry["person"]) == ("objection", "tenant:crm", known["person"])


STOPS = {
    "withdrawn": lambda crm, desk, address: crm.post(f"{CONSENTS}/withdraw", {"address": address}),
    "one-topic": lambda crm, desk, address: crm.post(f"{CONSENTS}/withdraw", {"address": address, "topic": "news"}),
    "suppressed": lambda crm, desk, address: crm.post("/v1/tenants/acme/suppressions", {"address": address}),
    "platform": lambda crm, desk, address: desk.post("/v1/suppressions", {"address": address}),
}


def test_mail_that_waits_is_stopped_too(house):
    crm, desk, g = house.crm, house.desk, house.gateway
    waiting = [f"{name}@rcpt.test" for name in (*STOPS, "goes-out")]
    assert crm.post(CONSENTS, {"consents": [consent(a) for a in waiting]}).status == 200
    assert desk.post("/v1/tenants/acme/campaigns/waits/hold", {"reason": "a test"}).status == 200
    client = g.login()
    for address in waiting:
        client.sendmail("news+waits=news@sender.test", [address], support.letter(address))
    client.quit()
    for name, stop in STOPS.items():
        assert stop(crm, desk, f"{name}@rcpt.test").status in (200, 201)
    assert desk.post("/v1/tenants/acme/campaigns/waits/release", {"reason": "a test"}).status == 200
    desk.post("/v1/queue/release", {"tenant": "acme", "reason": "a test"})
    house.received("goes-out@rcpt.test")
    g.wait_delivered()
    assert {r["recipients"] for r in house.sink.received()} & set(waiting) == {"goes-out@rcpt.test"}


def test_a_tenants_suppressions(house):
    path = "/v1/tenants/acme/suppressions"
    house.crm.post(CONSENTS, consent("listed@rcpt.test"))
    added = house.crm.post(path, {"address": "listed@rcpt.test", "source": "asked by phone"})
    assert (added.status, added.json()["code"], added.json()["source"]) == (201, "manual", "tenant:crm asked by phone")
    assert house.crm.post(path, {"address": "listed@rcpt.test"}).status == 200
    assert "suppressed.desk" in answer_to(house, "listed@rcpt.test")[1]
    shown = house.crm.get(f"{path}/listed@rcpt.test").json()
    assert shown["address"] == "listed@rcpt.test"
    assert house.crm.ask("DELETE", f"{path}/listed@rcpt.test").code == "reason_required"
    assert house.crm.ask("DELETE", f"{path}/{shown['person']}", headers={"X-Reason": "asked again"}).status == 200
    assert answer_to(house, "listed@rcpt.test")[0] == 250
    assert house.crm.get(f"{path}/listed@rcpt.test").code == "not_suppressed"
    # What the desk stopped, and complaints, only the desk lets go.
    for code in ("manual", "complaint"):
        assert house.desk.post(path, {"address": "desk@rcpt.test", "code": code}).status == 201
        assert house.crm.ask("DELETE", f"{path}/desk@rcpt.test", headers={"X-Reason": "x"}).code == "suppression_stands"
    assert "source" not in house.crm.get(f"{path}/desk@rcpt.test").json()
    assert house.crm.post(path, {"address": "x@rcpt.test", "code": "complaint"}).status == 422
    assert house.desk.ask("DELETE", f"{path}/desk@rcpt.test", headers={"X-Reason": "spoke with her"}).status == 200
    for bad in ({"address": "x"}, {"address": "x@rcpt.test", "code": "withdrawn"}, {"address": "x@rcpt.test", "until": "2020-01-01"}):
        assert house.crm.post(path, bad).status == 422
    soon = (NOW + datetime.timedelta(days=30)).date().isoformat()
    assert house.crm.post(path, {"address": "x@rcpt.test", "until": soon}).json()["expires_at"].startswith(soon)


def test_a_suppression_list_comes_in_pages(house):
    path = "/v1/tenants/acme/suppressions?limit=7&only=hard_bounce"
    wanted = set()
    for n in range(20):
        added = house.crm.post("/v1/tenants/acme/suppressions", {"address": f"dead{n}@rcpt.test", "code": "hard_bounce"})
        wanted.add(added.json()["person"])
    seen, after = [], ""
    while True:
        page = house.desk.get(path + after).json()
        assert len(page["suppressions"]) <= 7
        seen += [s["person"] for s in page["suppressions"]]
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert seen == sorted(wanted)
    looks = house.crm.get("/v1/tenants/acme/audit?kind=accessed").json()["entries"]
    assert sum(e["facts"]["what"] == "listSuppressions" for e in looks) == 1


def test_the_platforms_suppressions_stop_every_tenant_and_no_consent_lifts_them(house):
    g = house.gateway
    g.add_tenant("other", "other.test", user="other")
    g.import_consents(["everywhere@rcpt.test"])
    g.import_consents(["everywhere@rcpt.test"], tenant="other")
    assert answer_to(house, "everywhere@rcpt.test")[0] == 250
    g.cli("suppression", "add", "Everywhere@RCPT.test", "--platform", "--source", "authority, letter 12")
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    house.crm.post(CONSENTS, consent("everywhere@rcpt.test", given_at=now))
    assert "suppressed.desk" in answer_to(house, "everywhere@rcpt.test")[1]
    client = g.login("other")
    client.mail("news+spring=news@other.test")
    assert client.rcpt("everywhere@rcpt.test")[0] == 550
    client.quit()
    assert g.json("suppression", "show", "everywhere@rcpt.test", "--platform")["source"].endswith("authority, letter 12")
    assert "everywhere" not in g.cli("suppression", "list", "--platform", "--json")
    assert house.crm.get("/v1/suppressions").status == 403
    g.cli("suppression", "remove", "everywhere@rcpt.test", "--platform", "--reason", "the letter was withdrawn")
    assert answer_to(house, "everywhere@rcpt.test")[0] == 250
    g.cli("suppression", "remove", "everywhere@rcpt.test", "--platform", "--reason", "x", code=1)
