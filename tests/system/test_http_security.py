"""What an attacker tries over HTTP and what becomes of it. docs/decisions/http-security.md has the whole list."""
import json
import os
import re
import stat
import time

import pytest

import support
from api_client import Api, sign_in
from conftest import House
from test_api import raw

EVIL = "evil.example"


@pytest.fixture(scope="module")
def house():
    with support.folder() as path:
        with House(path, {"admin": {"tcp": "127.0.0.1:0"}, "public": {"address": "127.0.0.1:0"}}) as h:
            h.crm = sign_in(h.gateway, "crm", "tenant-admin", "acme")
            h.form = h.crm.post("/v1/tenants/acme/forms", {"topic": "news", "title": "<script>x()</script>", "language": "hu",
                                                            "notice": "I agree. <img src=x onerror=x()>", "from": "news@sender.test"}).json()
            h.page = re.sub(r"^https?://[^/]+", "", h.form["url"])
            yield h


def pages(house):
    """Paths that strangers may ask for."""
    return [house.page, "/u/nothing", "/a/nothing", "/", "/nowhere"]


def test_the_host_field_decides_nothing(house):
    for path in pages(house):
        for fields in (f"Host: {EVIL}\r\n", f"Host: gw.test\r\nX-Forwarded-Host: {EVIL}\r\nForwarded: host={EVIL}\r\n"):
            said = raw(house.gateway.public, f"GET {path} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n".encode())
            assert said.startswith(b"HTTP/1.1 ") and EVIL.encode() not in said, (path, said[:300])


def test_nothing_leads_away(house):
    """No answer sends a browser to where a request says."""
    for path in pages(house):
        for query in (f"?next=https://{EVIL}/", f"?redirect=//{EVIL}", f"?url={EVIL}&return={EVIL}&back={EVIL}"):
            said = raw(house.gateway.public, f"GET {path}{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            fields = said.split(b"\r\n\r\n")[0].lower()
            assert b"\r\nlocation:" not in fields and b"\r\nrefresh:" not in fields, said[:300]
            assert EVIL.encode() not in said


def test_what_tenants_write_is_text_on_pages(house):
    said = raw(house.gateway.public, f"GET {house.page} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert b"&lt;script&gt;" in said and b"<script>x()" not in said and b"<img src=x" not in said
    policy = re.search(rb"\r\nContent-Security-Policy: ([^\r]*)", said, re.I)[1]
    assert b"default-src 'none'" in policy and b"unsafe" not in policy, policy


def test_pages_set_no_cookie_and_need_none(house):
    for path in pages(house):
        assert b"set-cookie" not in raw(house.gateway.public, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()).lower()


def test_another_sites_form_changes_nothing_in_the_interface(house):
    """CSRF: no cookie or address lets anybody in; a browser's form cannot send the bearer token, nor a body that is taken."""
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
        answer = Api.ask(Api(house.gateway.admin, None), "POST", "/v1/tenants/acme/suppressions", "address=a@b.test",
                         {"Content-Type": kind, "Origin": f"https://{EVIL}", "Cookie": "session=x"})
        assert answer.status == 401
        answer = house.crm.ask("POST", "/v1/tenants/acme/suppressions", "address=a@b.test", {"Content-Type": kind})
        assert answer.status == 415
    answer = house.crm.ask("OPTIONS", "/v1/tenants/acme/suppressions", headers={"Origin": f"https://{EVIL}",
                                                                                 "Access-Control-Request-Method": "POST"})
    assert not any(name.startswith("access-control-") for name in answer.headers)


@pytest.mark.parametrize("fields", [{"X-HTTP-Method-Override": "DELETE"}, {"X-Method-Override": "DELETE"}, {"X-HTTP-Method": "PUT"}])
def test_no_field_stands_for_the_method(house, fields):
    assert house.crm.ask("GET", "/v1/me", headers=fields).json()["person"] == "crm"
    assert house.crm.ask("POST", "/v1/me?_method=GET", {}, headers=fields).status == 405


def test_what_is_compressed_is_not_unpacked(house):
    import gzip
    bomb = gzip.compress(b" " * 10_000_000 + b"{}")
    answer = house.crm.ask("POST", "/v1/tenants/acme/suppressions", bomb, {"Content-Type": "application/json", "Content-Encoding": "gzip"})
    assert answer.status == 422 and "JSON" in answer.json()["detail"]


@pytest.mark.parametrize("body", ["[" * 30000, '{"a":' * 9000, '{"address":"' + "a" * 60000 + '"}', '{"address":1e999}', "{" + '"a":1,' * 9000 + '"a":1}'])
def test_json_that_is_made_to_hurt_is_refused_at_once(house, body):
    begun = time.monotonic()
    assert house.crm.ask("POST", "/v1/tenants/acme/suppressions", body).status == 422
    assert time.monotonic() - begun < 5


def test_http_1_0_and_no_host(house):
    assert b" 401 " in raw(house.gateway.admin, b"GET /v1/me HTTP/1.0\r\n\r\n").split(b"\r\n")[0]
    assert raw(house.gateway.admin, b"GET http://evil.example/v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert raw(house.gateway.admin, b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 4")
    assert raw(house.gateway.admin, b"\x16\x03\x01\x02\x00").count(b"200") == 0


def test_what_is_asked_cannot_write_a_line_of_the_log(house):
    lines = len(house.gateway.output().splitlines())
    for path in ("/v1/tenants/x%0a%7B%22level%22:%22error%22%7D", "/u/x%0d%0aforged", "/v1/why/m%0aforged"):
        house.crm.ask("GET", path, headers={"X-Reason": "a\tb", "User-Agent": "x\x1b[31m"})
        raw(house.gateway.public, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    for line in house.gateway.output().splitlines()[lines:]:
        assert "forged" not in line.split('"')[0] and json.loads(line), line
    house.crm.post("/v1/tenants/acme/suppressions", {"address": "a@b.test", "source": "x\n{\"seq\":1}"})
    for line in house.gateway.cli("journal", "tail", "-n", "20", "--json").splitlines():
        assert json.loads(line)["seq"] > 0


def test_files_are_the_daemons_own(house):
    """Nothing below the store, and no socket, may be read by others."""
    house.crm.post("/v1/tenants/acme/exports", {"format": "json", "invoices": "settled"})
    house.crm.post("/v1/tenants/acme/evidence", "a proof", headers={"Content-Type": "text/plain"})
    seen = 0
    for folder, folders, files in os.walk(house.gateway.store):
        for name in [".", *files]:
            mode = os.lstat(os.path.join(folder, name)).st_mode
            seen += 1
            shut = os.path.samefile(folder, house.gateway.store) or not mode & 0o077
            # Below a folder that is shut, files need not be.
            assert shut or not os.lstat(house.gateway.store).st_mode & 0o077, (folder, name, oct(mode))
    assert seen > 5
    assert stat.S_IMODE(os.lstat(house.gateway.store).st_mode) == 0o700
    for key in (house.gateway.store / "keys").iterdir():
        assert stat.S_IMODE(key.stat().st_mode) == 0o600, key
    assert not os.lstat(house.gateway.socket).st_mode & 0o007
