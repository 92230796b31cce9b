"""What an attacker tries at the console. docs/security.md has the list."""
import concurrent.futures
import socket
import ssl
import time

import pytest

import support
from api_client import Api
from console_world import EVIL, PASSWORD, ConsoleHouse, SessionApi


@pytest.fixture(scope="module")
def house():
    with support.folder() as path, ConsoleHouse(path, {}) as h:
        yield h


def journal(house):
    return [(e["facts"]["login"], e["facts"]["what"]) for e in house.journal("session_changed")]


def test_a_session_is_made_anew_at_every_sign_in(house):
    """Session fixation: a cookie that was there before is worth nothing afterwards, planted or real."""
    planted = "__Host-consentry=" + "a" * 52
    answer = house.sign_in("anna", headers={"Cookie": planted})
    assert answer.status == 201
    fresh = answer.headers["set-cookie"]
    assert planted not in fresh
    for wanted in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
        assert wanted in fresh.split("; ")
    assert "Domain" not in fresh
    first = SessionApi(house.gateway.admin, answer)
    assert first.get("/v1/me").json()["person"] == "anna"
    assert Api(house.gateway.admin, tls=True).get("/v1/me", headers={"Cookie": planted}).status == 401
    again = house.sign_in("anna", headers={"Cookie": first.cookie})  # the same browser
    assert again.status == 201
    assert first.get("/v1/me").status == 401, "the old secret still lets in"
    second = SessionApi(house.gateway.admin, again)
    assert second.ask("DELETE", "/v1/session").status == 200
    assert second.get("/v1/me").status == 401


def test_one_session_for_each_login(house):
    """RULES A2 6.1, login.second=refuse; machine credentials and tokens are not asked."""
    first = house.session("dora")
    second = house.sign_in("dora")
    assert (second.status, second.code) == (409, "session_exists")
    assert "set-cookie" not in second.headers
    assert first.get("/v1/me").status == 200
    token = house.gateway.json("token", "add", "dora")["token"]
    assert Api(house.gateway.admin, token, tls=True).get("/v1/me").status == 200
    house.sign_out("dora")
    assert first.get("/v1/me").status == 401
    assert house.sign_in("dora").status == 201


def test_the_second_may_end_the_first():
    with support.folder() as path, ConsoleHouse(path, {"console": {"second": "replace"}}) as house:
        first = house.session("dora")
        second = house.sign_in("dora")
        assert second.status == 201
        assert first.get("/v1/me").status == 401 and SessionApi(house.gateway.admin, second).get("/v1/me").status == 200
        assert ("dora", "replaced") in journal(house)


def test_another_sites_page_can_do_nothing(house):
    """CSRF: without the token that only our pages can read, with a wrong one, with one of another session, or from another origin."""
    anna, olga = house.session("anna"), house.session("olga")
    order = {"from": "person", "reason": "x"}
    for wrong in (None, "", "A" * 52, olga.csrf):
        answer = anna.post("/v1/cases", order, headers={"X-CSRF-Token": wrong})
        assert (answer.status, answer.code) == (403, "csrf"), wrong
    for fields in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}):
        answer = anna.post("/v1/cases", order, headers=fields)
        assert (answer.status, answer.code) == (403, "cross_site"), fields
        refused = Api(house.gateway.admin, tls=True).post("/v1/session", {"login": "vera", "password": PASSWORD}, headers=fields)
        assert (refused.status, refused.code) == (403, "cross_site"), "sign-in from elsewhere"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert anna.ask(method, "/v1/users/vera", {} if method != "DELETE" else None, headers={"X-CSRF-Token": None}).status in (403, 405)
    assert anna.post("/v1/cases", order, headers={"Content-Type": "text/plain"}).status == 415
    assert anna.post("/v1/cases", order, headers={"Origin": f"https://127.0.0.1:{house.gateway.admin}", "Sec-Fetch-Site": "same-origin"}).status == 201
    answer = anna.get("/v1/me", headers={"Origin": "https://evil.example"})
    assert not [h for h in answer.headers if h.startswith("access-control")]


def test_the_roles_hold_for_sessions_as_for_tokens(house):
    olga, vera = house.session("olga"), house.session("vera")
    assert olga.post("/v1/tenants/acme/block", {"reason": "x"}).status == 403
    assert olga.get("/v1/users").status == 403
    for path in ("/v1/cases", "/v1/standings", "/v1/journal", "/v1/stats", "/v1/queue", "/v1/policy"):
        assert vera.get(path).status == 403, path
    for r in house.session("anna").get("/v1/routes").json()["routes"]:
        if r["method"] == "GET" and "auditor" not in r["roles"] and "{" not in r["path"]:
            assert olga.get(r["path"]).status == 403, r["path"]


def test_another_tenants_things_are_none(house):
    """By name and by number: the same answer as for what does not exist."""
    number = house.hold("wall@rcpt.test")
    rita, vera = house.session("rita"), house.session("vera")
    nothing = rita.get("/v1/tenants/nobody/standing")
    for path in ("standing", "standing/days", "queue", f"queue/{number}", f"queue/{number}/content", f"why/{number}", "users", "audit"):
        answer = rita.get(f"/v1/tenants/acme/{path}")
        assert answer.status == 404 and answer.json()["detail"].replace("acme", "nobody") == nothing.json()["detail"], path
        own = rita.get(f"/v1/tenants/rival/{path}")
        if number in path:
            assert own.status == 404 and "acme" not in own.body.decode(), path
    assert vera.get(f"/v1/tenants/acme/queue/{number}/content").status == 200
    assert rita.ask("PUT", "/v1/tenants/acme/users/vera/password", {"password": "x" * 20}).status == 404
    assert vera.ask("PUT", "/v1/tenants/acme/users/anna/password", {"password": "x" * 20}).status == 404
    assert vera.ask("DELETE", "/v1/tenants/acme/users/rita/session").status == 404


def events(house, api, seconds, act):
    """What /v1/events says while something is done."""
    connection = api.connect()
    connection.request("GET", "/v1/events", headers={"Cookie": api.cookie})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.getheader("Content-Type") == "text/event-stream"
    act()
    said, until = answer.read1(65536), time.monotonic() + seconds
    # The stream speaks at least every 15 s, so that each look comes back.
    while time.monotonic() < until:
        said += answer.read1(65536)
    connection.close()
    return said.decode()


def test_events_tell_a_tenant_of_itself_alone(house):
    rita, dora = house.session("rita"), house.session("dora")
    house.session("vera")  # which rita's stream does not tell of either
    assert '"acme"' not in events(house, rita, 4, lambda: house.hold("events1@rcpt.test"))
    said = events(house, dora, 4, lambda: house.hold("events2@rcpt.test"))
    assert '"acme"' in said and '"held"' in said and "rcpt.test" not in said


def test_guesses_are_slowed_and_locked_out(house):
    """Brute force: known and unknown logins are answered alike; the lock holds for the right password too; the journal tells."""
    house.add_person("guessed", "desk")
    answers = {}
    for login in ("guessed", "nobody-here"):
        codes = []
        for n in range(8):
            answer = house.sign_in(login, f"guess number {n}")
            codes.append((answer.status, answer.code))
            if answer.status == 429:
                assert int(answer.headers["retry-after"]) > 0
                break
        answers[login] = codes
    assert answers["guessed"] == answers["nobody-here"]
    assert answers["guessed"][-1] == (429, "locked_out") and set(answers["guessed"][:-1]) == {(401, "wrong_password")}
    assert house.sign_in("guessed").status == 429, "the right password during the lock"
    told = [what for login, what in journal(house) if login == "guessed"]
    assert "failed" in told and told[-1] == "locked"
    assert not any(login == "nobody-here" for login, _ in journal(house)), "strangers write no journal"
    assert house.sign_in("olga").status in (201, 409), "others are not locked out"


def test_many_sign_ins_at_once_take_bounded_memory(house):
    """Each check takes 64 MiB: only so many run at a time, and others wait or are told to come again; nobody else is held up."""
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        tries = [pool.submit(house.sign_in, f"crowd{n}", "a wrong password") for n in range(12)]
        seen = house.gateway.json("stats")
        codes = [t.result().status for t in tries]
    assert set(codes) <= {401, 503} and 401 in codes and "uptime_s" in seen


def test_passwords_and_sessions_are_kept_as_hashes(house):
    anna = house.session("anna")
    secret = anna.cookie.split("=", 1)[1]
    store = (house.gateway.store / "data.mdb").read_bytes()
    assert PASSWORD.encode() not in store and secret.encode() not in store and b"$argon2id$v=19$m=65536,t=3,p=1$" in store
    log = house.gateway.output()
    assert PASSWORD not in log and secret not in log and anna.csrf not in log


def test_a_new_password_and_a_deactivation_end_the_session(house):
    house.add_person("leaver", "desk")
    leaver = house.session("leaver")
    wrong = leaver.post("/v1/session/password", {"old": "not it at all", "password": "another long one"})
    assert (wrong.status, wrong.code) == (401, "wrong_password")
    short = leaver.post("/v1/session/password", {"old": PASSWORD, "password": "short"})
    assert short.status == 422
    assert leaver.post("/v1/session/password", {"old": PASSWORD, "password": "another long one"}).status == 200
    assert leaver.get("/v1/me").status == 401
    assert house.sign_in("leaver").status == 401
    again = house.sign_in("leaver", "another long one")
    assert again.status == 201
    house.gateway.cli("user", "deactivate", "leaver")
    assert SessionApi(house.gateway.admin, again).get("/v1/me").status == 401
    assert house.sign_in("leaver", "another long one").status == 401


def test_no_path_leads_to_a_file(house):
    for path in ("/console/../../etc/passwd", "/console/..%2f..%2fetc%2fpasswd", "/console/%2e%2e/%2e%2e/etc/passwd", "/console//etc/passwd",
                 "/console/index.html/../x", "/console/%00", "/console/console.js%00.css", "/console/nothing-ABC.js"):
        answer = Api(house.gateway.admin, tls=True).get(path)
        assert answer.status in (400, 404) and b"root:" not in answer.body, path


def test_every_answer_of_the_console_is_fenced(house):
    page = Api(house.gateway.admin, tls=True).get("/console/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy and "*" not in policy and "http" not in policy
    assert page.headers["x-content-type-options"] == "nosniff" and page.headers["cache-control"] == "no-store"
    assert b"<script>" not in page.body and b"style=" not in page.body and b"//" not in page.body.replace(b"<!doctype", b"")
    assets = [a.split(b'"')[0].decode() for a in page.body.split(b'console-')[1:]]
    assert len(assets) == 2
    for name in assets:
        asset = Api(house.gateway.admin, tls=True).get(f"/console/console-{name}")
        assert asset.status == 200 and "immutable" in asset.headers["cache-control"] and "content-security-policy" in asset.headers


def test_too_much_and_too_slow(house):
    """A sign-in with a body without end, a login of a megabyte, a head that dribbles: bounded, and others are served meanwhile."""
    big = Api(house.gateway.admin, tls=True).post("/v1/session", {"login": "a" * (1 << 20), "password": "b"})
    assert big.status == 413
    assert house.sign_in("a" * 65).status == 422
    assert house.sign_in("anna", "b" * 257).status == 422
    assert Api(house.gateway.admin, tls=True).post("/console/", {}).status in (405, 415)
    context = ssl._create_unverified_context()
    slow = []
    for _ in range(10):
        s = context.wrap_socket(socket.create_connection(("127.0.0.1", house.gateway.admin)))
        s.sendall(b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{")
        slow.append(s)
    begun = time.monotonic()
    assert Api(house.gateway.admin, tls=True).get("/console/").status == 200
    assert time.monotonic() - begun < support.PATIENCE_S / 2
    for s in slow:
        s.close()


def test_the_stream_of_events_is_bounded(house):
    """More followers than there is room for are sent away, and leave the interface usable."""
    dora = house.session("dora")
    open_ones = []
    try:
        for _ in range(45):
            c = dora.connect()
            c.request("GET", "/v1/events", headers={"Cookie": dora.cookie})
            a = c.getresponse()
            open_ones.append((c, a))
            if a.status == 503:
                break
        assert open_ones[-1][1].status == 503 and len(open_ones) <= 41
        assert dora.get("/v1/me").status == 200
    finally:
        for c, _ in open_ones:
            c.close()


def test_what_the_desk_writes_comes_back_as_json(house):
    anna = house.session("anna")
    opened = anna.post("/v1/cases", {"from": "authority", "reason": EVIL, "tenant": "acme"})
    assert opened.status == 201 and opened.json()["text"] == EVIL and opened.json()["class"] == "authority"
    number = opened.json()["case"]
    noted = anna.post(f"/v1/cases/{number}/acts", {"what": "note", "reason": "line\nline\x00"})
    assert noted.status == 200 and noted.json()["history"][-1]["actor"] == "desk:anna"
    assert anna.post(f"/v1/cases/{number}/acts", {"what": "note"}).status == 422
    assert anna.post(f"/v1/cases/{number}/acts", {"what": "reopen", "reason": "x"}).status == 409
    assert anna.post("/v1/cases/999999999/acts", {"what": "note", "reason": "x"}).status == 404
    assert anna.get("/v1/cases").json()["cases"][0]["class"] == "authority"
