"""The HTTP interface from outside: who gets in, what is bounded, what an integrator is told."""
import json
import socket
import ssl
import subprocess

import pytest

import support
from api_client import Api, sign_in

QUIET = {"dns": {"forward": ["127.0.0.1@9"], "timeout_s": 1}, "tls": {"self_signed": True}}


@pytest.fixture(scope="module")
def gateway():
    with support.folder() as home:
        with support.Gateway(home, QUIET | {"admin": {"tcp": "127.0.0.1:0"}}) as g:
            g.add_tenant()
            g.add_tenant("rival", "rival.test", user="rival")
            yield g


@pytest.fixture(scope="module")
def crm(gateway):
    return sign_in(gateway, "crm", "tenant-user", "acme")


def test_a_token_stops_with_its_user_and_its_revocation(gateway):
    whose = ["--tenant", "acme"]
    api = sign_in(gateway, "anna", "tenant-user", "acme")
    assert api.get("/v1/me").json()["tenant"] == "acme"
    gateway.cli("user", "deactivate", "anna", *whose)
    assert api.get("/v1/me").status == 401
    gateway.cli("user", "activate", "anna", *whose)
    assert api.get("/v1/me").status == 200
    second = Api(gateway.admin, gateway.json("token", "add", "anna", "--label", "laptop", *whose)["token"])
    gateway.cli("token", "revoke", "anna", "1", *whose)
    assert (api.get("/v1/me").status, second.get("/v1/me").status) == (401, 200)
    gateway.cli("user", "remove", "anna", *whose)
    assert second.get("/v1/me").status == 401


def test_tokens_are_kept_as_hashes_and_never_logged(gateway):
    token = sign_in(gateway, "secretive", "auditor").token
    assert Api(gateway.admin, token).get("/v1/me").status == 200
    assert token.encode() not in b"".join(f.read_bytes() for f in gateway.store.rglob("*") if f.is_file())
    assert token not in gateway.output()


def test_a_tenants_admin_keeps_its_own_users_and_no_others(gateway):
    boss = sign_in(gateway, "boss", "tenant-admin", "acme")
    assert boss.post("/v1/tenants/acme/users", {"login": "new", "name": "New", "role": "tenant-user"}).status == 201
    assert boss.ask("PATCH", "/v1/tenants/acme/users/new", {"active": False}).json()["active"] is False
    assert boss.ask("DELETE", "/v1/tenants/acme/users/new").status == 200
    assert boss.post("/v1/tenants/acme/users", {"login": "up", "name": "Up", "role": "admin"}).status == 422
    assert boss.ask("DELETE", "/v1/tenants/acme/users/boss").code == "conflict"
    assert boss.post("/v1/tenants/rival/users", {"login": "x1", "name": "X", "role": "tenant-user"}).status == 404
    assert boss.get("/v1/users").status == 403
    sign_in(gateway, "theirs", "tenant-user", "rival")
    assert boss.ask("DELETE", "/v1/tenants/acme/users/theirs").status == 404


def test_another_tenant_is_as_one_that_does_not_exist(gateway, crm):
    for path in ("", "/users", "/consents?address=a@b.test", "/audit", "/nowhere"):
        foreign, absent = crm.get(f"/v1/tenants/rival{path}"), crm.get(f"/v1/tenants/nobody{path}")
        assert foreign.status == 404
        assert foreign.body.replace(b"rival", b"nobody") == absent.body
        assert {n: v for n, v in foreign.headers.items() if n != "content-length"} == \
               {n: v for n, v in absent.headers.items() if n != "content-length"}


def test_staff_say_why_they_look_and_the_tenant_sees_it(gateway, crm):
    desk = sign_in(gateway, "dora", "desk")
    gateway.import_consents(["looked.at@rcpt.test"])
    path = "/v1/tenants/acme/consents?address=looked.at@rcpt.test"
    assert desk.get(path).code == "reason_required"
    assert desk.get(path, headers={"X-Reason": "complaint 4711"}).status == 200
    seen = crm.get("/v1/tenants/acme/audit?kind=accessed").json()["entries"][-1]
    assert seen["actor"] == "desk:dora"
    assert seen["facts"] == {"what": "showConsents", "reason": "complaint 4711"}
    assert seen["person"] == crm.get(path).json()["person"]
    assert "hash" not in seen
    before = len(crm.get("/v1/tenants/acme/audit?kind=accessed").json()["entries"])
    assert crm.get(path).status == 200  # one's own
    assert len(crm.get("/v1/tenants/acme/audit?kind=accessed").json()["entries"]) == before


def raw(port, data, tls=False):
    with socket.create_connection(("127.0.0.1", port), timeout=support.PATIENCE_S) as plain:
        with (ssl._create_unverified_context().wrap_socket(plain) if tls else plain) as s:
            s.sendall(data)
            out = b""
            try:
                while chunk := s.recv(65536):
                    out += chunk
            except ConnectionResetError:
                pass
            return out


def head(crm, line, *fields):
    return "\r\n".join([line, "Host: x", f"Authorization: Bearer {crm.token}", *fields, "", ""]).encode()


@pytest.mark.parametrize("fields, body, status", [
    (["Content-Type: application/json", "Content-Length: 999999999"], b"", 413),
    (["Content-Type: application/json", "Transfer-Encoding: chunked"], b"186a0\r\n" + b" " * 100000 + b"\r\n0\r\n\r\n", 413),
    (["Content-Type: application/json", "Transfer-Encoding: chunked"], b"zz\r\n", 400),
    (["Content-Type: application/json", "Transfer-Encoding: chunked", "Content-Length: 5"], b"0\r\n\r\n", 400),
    (["Content-Type: application/json", "Content-Length: 5", "Content-Length: 6"], b"{}   ", 400),
    (["Content-Type: application/json", "Content-Length: -1"], b"", 400),
    (["Content-Type: text/html", "Content-Length: 2"], b"{}", 415),
    (["Content-Length: 2"], b"{}", 415),
    (["X-Long: " + "a" * 20000], b"", 431),
    (["X-A: b\r\n folded"], b"", 200),
])
def test_what_is_too_much_or_no_http_is_said_and_ends(gateway, crm, fields, body, status):
    close = [] if any("Content" in f or "Transfer" in f for f in fields) else ["Connection: close"]
    method = "POST /v1/tenants/acme/consents/withdraw" if not close else "GET /v1/me"
    said = raw(gateway.admin, head(crm, f"{method} HTTP/1.1", *fields, *close) + body)
    assert said.startswith(f"HTTP/1.1 {status} ".encode()), said[:200]
    assert said.count(b"HTTP/1.1 ") == 1
    if status != 200:
        assert b"Content-Type: application/problem+json" in said and b"Connection: close" in said
    assert crm.get("/v1/me").status == 200


def test_answers_cannot_be_sniffed_cached_or_split(crm):
    answer = crm.get("/v1/tenants/acme/consents?address=a@b.test%0d%0aX-Evil:%201")
    assert answer.status in (404, 422) and "x-evil" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    for path in ("/v1/../../etc/passwd", "/v1/tenants/..%2f..%2fetc", "/v1/tenants/acme%00/audit", "/v2", "/v1//tenants"):
        assert crm.get(path).status == 404, path


def test_a_wrong_method_is_told_which_are_right(crm):
    answer = crm.ask("PUT", "/v1/tenants/acme/audit", {})
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


def test_tls_from_1_2_on_and_no_clear_text_beside_it(home):
    with support.Gateway(home, QUIET | {"admin": {"tcp": "127.0.0.1:0", "tls": True},
                                        "public": {"address": "127.0.0.1:0", "tls": True}}) as g:
        g.add_tenant()
        api = sign_in(g, "crm", "tenant-user", "acme", tls=True)
        assert api.get("/v1/me").json()["person"] == "crm"
        assert b"HTTP" not in raw(g.admin, b"GET /v1/me HTTP/1.1\r\nHost: x\r\n\r\n")
        for port in (g.admin, g.public):
            with socket.create_connection(("127.0.0.1", port)) as plain:
                with ssl._create_unverified_context().wrap_socket(plain) as s:
                    assert s.version() in ("TLSv1.2", "TLSv1.3")
            old = subprocess.run(["openssl", "s_client", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect", f"127.0.0.1:{port}"],
                                 input="", capture_output=True, text=True, timeout=support.PATIENCE_S)
            assert "Cipher is (NONE)" in old.stdout


def test_a_body_announced_is_waited_for_and_asked_for(gateway, crm):
    body = json.dumps({"address": "a@rcpt.test", "method": "phone"}).encode()
    with socket.create_connection(("127.0.0.1", gateway.admin), timeout=support.PATIENCE_S) as s:
        s.sendall(head(crm, "POST /v1/tenants/acme/consents/withdraw HTTP/1.1", "Content-Type: application/json",
                       f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert s.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(body)
        assert s.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_a_text_is_checked_within_bounds(gateway):
    one, other = (sign_in(gateway, login, "tenant-user", "acme") for login in ("texter", "texter2"))
    answer = one.post("/v1/check-text", {"text": "Online kaszinó, regisztrációs bónusz, ingyen pörgetés"})
    assert answer.status == 200 and answer.json()["verdict"] == "hold" and answer.json()["reason"] == "content.s3"
    assert any(f["matched"] == "kaszinó" for f in answer.json()["findings"])
    assert one.post("/v1/check-text", {"text": "Nyitva vagyunk szombaton is."}).json()["verdict"] == "send"
    for status, body in ((200, {"text": "a" * 65536}), (422, {"text": "a" * 65537}), (422, {"text": ""}), (422, {}),
                         (422, {"text": "a", "more": 1}), (413, {"text": "a" * 600_000})):
        assert one.post("/v1/check-text", body).status == status
    assert Api(gateway.admin).post("/v1/check-text", {"text": "a"}).status == 401
    for _ in range(3000):
        answer = one.post("/v1/check-text", {"text": "a"})
        if answer.status != 200:
            break
    assert (answer.status, answer.code) == (429, "text_checks_full")
    assert other.post("/v1/check-text", {"text": "a"}).status == 200
