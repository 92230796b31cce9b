"""The contract of the HTTP interface: document and table agree, answers are as described, roles may what the table says, tenants
stay apart."""
import base64
import datetime
import json
import os
import re
import smtplib

import jsonschema
import pytest

import openapi
import support
from api_client import Api, sign_in
from conftest import House
from contract_steps import NOTICE, ok, sign_up, told, webhooks
from openapi import CheckedApi

MARK = "zqxrival"
ROLES = ("admin", "desk", "auditor", "tenant-admin", "tenant-user")
NOW = datetime.datetime.now(datetime.timezone.utc)
YESTERDAY = (NOW - datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
TOMORROW = (NOW + datetime.timedelta(hours=26)).date().isoformat()  # in Budapest, whose day begins up to two hours earlier


def consent(address, **more):
    return {"email": address, "topic": "news", "given_at": YESTERDAY, "method": "web_form", "provenance": "own_form",
            "notice_hash": "sha256:9f86d081884c7d65"} | more


def with_zone(house, zone):
    house.knot.zones[zone] = []
    return house


@pytest.fixture(scope="module")
def house():
    nobody = [{"domain": "*", "host": "127.0.0.1", "port": support.free_port()}]
    settings = {"admin": {"tcp": "127.0.0.1:0"}, "route": nobody, "public": {"address": "127.0.0.1:0"}}
    with support.folder() as path, with_zone(House(path, settings), "example") as h:
        h.done = set()
        h.apis = {}
        for role in ROLES:
            tenant = "acme" if role.startswith("tenant") else None
            api = sign_in(h.gateway, role, role, tenant, reason="a test" if tenant is None else None)
            h.apis[role] = CheckedApi(api.port, api.token, reason=api.reason, done=h.done)
        yield h


@pytest.fixture(scope="module")
def table(house):
    return house.apis["admin"].get("/v1/routes").json()["routes"]


def test_document_and_table_name_the_same_routes(table):
    in_table = {(r["method"], r["path"], r["operation"]) for r in table}
    in_document = {(method, path, o["operationId"]) for method, path, o in openapi.operations()}
    assert in_table - in_document == set(), "in the table, not in docs/openapi.json"
    assert in_document - in_table == set(), "in docs/openapi.json, not in the table"
    assert len({r["operation"] for r in table}) == len(table)


def test_the_document_is_what_is_served_and_sound(house):
    assert house.apis["auditor"].get("/v1/openapi.json").json() == openapi.DOCUMENT
    text = json.dumps(openapi.DOCUMENT)
    for name in re.findall(r'"#/components/schemas/(\w+)"', text):
        assert name in openapi.DOCUMENT["components"]["schemas"], name
    for name, schema in openapi.DOCUMENT["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert f'"#/components/schemas/{name}"' in text, f"{name} is not used"
    for method, path, o in openapi.operations():
        named = {p["name"] for p in o.get("parameters", []) if p["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), o["operationId"]
        assert o["summary"] and "default" in o["responses"], o["operationId"]
        assert any(s.startswith("2") for s in o["responses"]), o["operationId"]


def test_the_table_stands_in_the_guide_of_the_interface(table):
    """docs/api.md shows the table; CONSENTRY_REWRITE=1 writes it anew."""
    lines = ["| method | path | " + " | ".join(ROLES) + " |", "| --- | --- |" + " --- |" * len(ROLES)]
    for r in table:
        marks = [("reason" if r["reason_required"] and not role.startswith("tenant") else "yes") if role in r["roles"] else ""
                 for role in ROLES]
        lines.append(f"| {r['method']} | `{r['path']}` | " + " | ".join(marks) + " |")
    page = support.ROOT / "docs" / "api.md"
    before, _, rest = page.read_text().partition("<!-- table -->\n")
    _, _, after = rest.partition("<!-- end of table -->\n")
    wanted = before + "<!-- table -->\n" + "\n".join(lines) + "\n<!-- end of table -->\n" + after
    if support.os.environ.get("CONSENTRY_REWRITE"):
        page.write_text(wanted)
    assert page.read_text() == wanted, "docs/api.md is behind the table: CONSENTRY_REWRITE=1"


def filled(path, tenant="acme"):
    values = {"tenant": tenant, "message": "m0zzzzzz", "number": "7", "person": "nobody@rcpt.test", "hash": "0" * 64, "sha256": "0" * 64}
    return re.sub(r"{(\w+)}", lambda m: values.get(m[1], "nobody"), path)


def harmless(api, route, tenant="acme"):
    """Asks for it with names that do not exist and a body that says nothing."""
    path = filled(route["path"], tenant) + "?address=nobody@rcpt.test"
    body = None if route["method"] in ("GET", "DELETE") else {"nothing": "said"}
    return Api.ask(api, route["method"], path, body)


def test_each_role_may_what_the_table_says(house, table):
    for route in table:
        if route["operation"] in ("compactStore", "verifyJournal"):  # long; refused below all the same
            continue
        for role, api in house.apis.items():
            answer = harmless(api, route)
            where = f"{role} {route['operation']}: {answer.status} {answer.body[:200]}"
            if role in route["roles"]:
                assert answer.status not in (401, 403, 405, 500), where
            else:
                assert answer.status == 403, where
            if answer.status >= 400:
                openapi.check_problem(answer)


def test_nobody_gets_in_without_a_token_and_no_method_beside_those(house, table):
    paths = {}
    for route in table:
        paths.setdefault(route["path"], []).append(route["method"])
        for token in (None, "cst_" + "a" * 52, ""):
            answer = harmless(Api(house.gateway.admin, token), route)
            if route["operation"] == "signIn" and not token:
                assert answer.status == 422  # whoever signs in is nobody yet
                continue
            assert answer.status == 401 and answer.headers["www-authenticate"] == "Bearer"
            openapi.check_problem(answer)
    for path, methods in paths.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - set(methods):
            answer = Api.ask(house.apis["admin"], method, filled(path))
            # A path written out may also be one with a name in that place.
            taken = {m for p, ms in paths.items() if openapi.pattern_of(p).fullmatch(filled(path)) for m in ms}
            if method not in taken:
                assert answer.status == 405 and set(answer.headers["allow"].split(", ")) == taken, (method, path, answer.status)
                openapi.check_problem(answer)


def test_what_staff_looks_at_needs_a_reason(house, table):
    for route in (r for r in table if r["reason_required"]):
        for role in set(ROLES[:3]) & set(route["roles"]):
            silent = Api(house.gateway.admin, house.apis[role].token)
            assert harmless(silent, route).code == "reason_required", route["operation"]


def test_for_a_tenants_people_another_tenant_is_none(house, table):
    house.apis["admin"].post("/v1/tenants", {"name": "foreign", "legal_name": "Foreign Kft.", "contact": "o@foreign.test"})
    for route in (r for r in table if r["of_tenant"]):
        for role in ("tenant-admin", "tenant-user"):
            foreign, absent = harmless(house.apis[role], route, "foreign"), harmless(house.apis[role], route, "absent")
            assert foreign.status == 404, (role, route["operation"])
            assert foreign.body.replace(b"foreign", b"absent") == absent.body, route["operation"]


# -- real answers ---------------------------------------------------------------------------------------------------------

def submit(gateway, recipient, tenant="acme", domain="sender.test", **letter):
    client = gateway.login(tenant)
    client.mail(f"news+spring=news@{domain}")
    client.rcpt(recipient)
    code, text = client.data(support.letter(recipient, domain=domain, **letter))
    client.quit()
    assert code == 250, text
    return re.search(r"m[0-9a-z]{7}", text.decode())[0]


def tenants_and_users(house, admin, boss):
    ok(admin.post("/v1/tenants", {"name": "shop", "legal_name": "Shop Kft.", "contact": "o@shop.test", "state": "pending"}))
    ok(admin.post("/v1/tenants/shop/contact-link", {}), 200)
    for path in ("/v1/tenants", "/v1/tenants/shop", "/v1/tenants/acme", "/v1/me", "/v1/routes", "/v1/openapi.json"):
        ok(admin.get(path))
    ok(admin.post("/v1/tenants/shop/state", {"state": "active", "reason": "vouched for"}))
    ok(boss.post("/v1/tenants/acme/domains", {"domain": "unproven.example", "proof": "dns"}))
    assert boss.post("/v1/tenants/acme/domains/unproven.example/check", {}).code == "domain_unproven"
    added = ok(boss.post("/v1/tenants/acme/domains", {"domain": "proven.example", "proof": "dns"}))
    house.knot.publish([added["ownership_record"]])
    checked = "/v1/tenants/acme/domains/proven.example/check"
    support.wait_for(lambda: boss.post(checked, {}).status == 200, "the token in the DNS")
    looked = ok(boss.post("/v1/tenants/acme/domains/proven.example/preflight", {}))
    assert looked["state"] == "fail" and looked["tenant"] == "acme" and looked["records"]
    assert all(r["zone_line"].startswith(f'{r["name"]}. IN TXT "') for r in looked["records"])
    assert ok(boss.get("/v1/tenants/acme/domains/proven.example/preflight")) == looked
    assert ok(admin.get("/v1/domains/proven.example"))["tenant"] == "acme"
    keys = "/v1/dkim/proven.example"
    assert {k["domain"] for k in ok(admin.get("/v1/dkim"))["keys"]} >= {"proven.example", "sender.test"}
    made = ok(admin.post(f"{keys}/rotate", {"selector": "next"}), 201)["keys"]
    assert [k["state"] for k in made] == ["waiting"] * 2
    assert admin.post(f"{keys}/activate", {}).code == "record_missing"
    house.knot.publish([made[0]["record"]])
    support.wait_for(lambda: admin.post(f"{keys}/activate", {}).status == 200, "the record in the DNS")
    assert ok(admin.get(keys))["keys"][0]["selector"] == "nexte"
    ok(admin.post(f"{keys}/remove", {"selector": "nexte"}), 200)
    ok(boss.post("/v1/tenants/acme/domains/proven.example/remove", {"reason": "a test"}))
    assert "password" in ok(boss.post("/v1/tenants/acme/credentials", {"user": "contract"}))
    for base, api, role in (("/v1/users", admin, "auditor"), ("/v1/tenants/acme/users", boss, "tenant-user")):
        ok(api.post(base, {"login": "contract", "name": "Contract", "role": role}))
        token = ok(api.post(f"{base}/contract/tokens", {"label": "test", "expires_at": TOMORROW}))
        ok(Api(house.gateway.admin, token["token"]).get("/v1/me"))
        ok(api.get(base))
        assert ok(api.get(f"{base}/contract"))["tokens"][0]["label"] == "test"
        ok(api.ask("PATCH", f"{base}/contract", {"name": "Con Tract"}))
        ok(api.ask("DELETE", f"{base}/contract/tokens/{token['number']}"))
        ok(api.ask("DELETE", f"{base}/contract"))


def consents_and_suppressions(user, desk):
    base = "/v1/tenants/acme/consents"
    ok(user.post(base, consent("one@rcpt.test")))
    ok(user.post(base, {"consents": [consent("two@rcpt.test"), consent("three@rcpt.test")]}))
    ok(user.post(base, {"consents": [consent("four@rcpt.test"), consent("five@rcpt.test", topic="")]}), 207)
    ok(user.post(base, support.consent_csv(["six@rcpt.test"]), headers={"Content-Type": "text/csv"}))
    ok(user.post("/v1/tenants/acme/objections", {"address": "three@rcpt.test"}))
    ok(user.post(f"{base}/withdraw", {"address": "three@rcpt.test"}))
    for address in ("one", "three"):
        ok(user.get(f"{base}?address={address}@rcpt.test"))
    assert user.get(f"{base}?address=unknown@rcpt.test").code == "person_unknown"
    for base, api in (("/v1/tenants/acme/suppressions", user), ("/v1/suppressions", desk)):
        ok(api.post(base, {"address": "two@rcpt.test", "until": TOMORROW, "source": "a test"}), 201)
        ok(api.post(base, {"address": "two@rcpt.test", "until": TOMORROW}), 200)
        ok(desk.post(base, {"address": "four@rcpt.test", "code": "complaint"}), 201)
        for path in (base, f"{base}?limit=1", f"{base}/two@rcpt.test", f"{base}/four@rcpt.test"):
            ok(api.get(path))
            ok(desk.get(path))
        ok(api.ask("DELETE", f"{base}/two@rcpt.test", headers={"X-Reason": "a test"}))


def handover(admin, boss):
    base = "/v1/tenants/acme/exports"
    made = ok(boss.post(base, {"format": "json", "invoices": "settled"}))
    whole = boss.get(f"{base}/{made['id']}").body
    assert len(whole) == made["bytes"]
    ok(boss.post(f"{base}/{made['id']}/remove", {}))
    upload = "/v1/tenant-imports/" + ok(admin.post("/v1/tenant-imports", ""))["id"]
    ok(admin.post(upload, whole, headers={"Content-Type": "application/octet-stream"}))
    ok(admin.post(f"{upload}/apply", {"as": "taken-over"}))
    ok(admin.post("/v1/tenants/shop/state", {"state": "terminated", "reason": "a test", "ended_because": "by_tenant"}))
    ok(admin.post("/v1/tenants/shop/erase", {"reason": "a test"}))


def imports_and_proofs(desk, user):
    base = "/v1/tenants/acme"
    table = support.consent_csv(["seven@rcpt.test", "no address"])
    job = ok(user.post(f"{base}/imports", {"source": "list.csv", "bytes": len(table)}))
    one = f"{base}/imports/{job['import']}"
    ok(user.ask("PUT", f"{one}/data?offset=0", table, {"Content-Type": "text/csv"}))
    ok(user.post(f"{one}/start", {}))
    support.wait_for(lambda: ok(user.get(one))["state"] == "done", "the import")
    assert "import.address_invalid" in user.get(f"{one}/rejects").body.decode()
    assert user.ask("GET", f"{one}/rejects", headers={"Range": "bytes=0-9"}).status == 206
    other = ok(user.post(f"{base}/imports", {}))
    ok(user.post(f"{base}/imports/{other['import']}/cancel", {}))
    ok(user.get(f"{base}/imports"))
    for path in (f"{one}/signs", f"{base}/import-signs"):
        ok(desk.get(path))
    ok(desk.post(f"{one}/release", {"reason": "a test"}))
    kept = ok(user.post(f"{base}/evidence", "a scan", headers={"Content-Type": "image/png"}))
    digest = kept["reference"].removeprefix("sha256:")
    assert user.get(f"{base}/evidence/{digest}").body == b"a scan"
    ok(user.get(f"{base}/evidence/{digest}?format=json"))
    notice = ok(user.post(f"{base}/notices", {"text": "I agree.", "language": "en"}))
    ok(user.get(f"{base}/notices?hash={notice['hash']}"))


def console(house, admin, desk, auditor, user):
    def session(login, password, **names):
        answer = CheckedApi(house.gateway.admin, done=house.done).post("/v1/session", {"login": login, "password": password})
        csrf = ok(answer, 201)["csrf"]
        return {"Cookie": answer.headers["set-cookie"].split(";")[0], "X-CSRF-Token": csrf}
    stranger = CheckedApi(house.gateway.admin, done=house.done)
    boss = house.apis["tenant-admin"]
    ok(admin.post("/v1/users", {"login": "night", "name": "Night Shift", "role": "desk"}), 201)
    ok(admin.ask("PUT", "/v1/users/night/password", {"password": "a long enough one"}))
    way = session("night", "a long enough one")
    assert ok(stranger.get("/v1/session", headers=way))["login"] == "night"
    assert ok(admin.get("/v1/users/night"))["in_session"] is True
    ok(stranger.post("/v1/session/password", {"old": "a long enough one", "password": "another long one"}, headers=way))
    way = session("night", "another long one")
    ok(stranger.ask("DELETE", "/v1/session", headers=way))
    way = session("night", "another long one")
    assert ok(admin.ask("DELETE", "/v1/users/night/session"))["ended"] is True
    assert stranger.get("/v1/session", headers=way).status == 401
    ok(boss.post("/v1/tenants/acme/users", {"login": "clerk", "name": "A Clerk", "role": "tenant-user"}), 201)
    ok(boss.ask("PUT", "/v1/tenants/acme/users/clerk/password", {"password": "a long enough one"}))
    assert ok(boss.ask("DELETE", "/v1/tenants/acme/users/clerk/session"))["ended"] is False
    opened = ok(desk.post("/v1/cases", {"from": "provider", "tenant": "acme", "reason": "a call"}), 201)
    case = f"/v1/cases/{opened['case']}"
    ok(desk.post(f"{case}/acts", {"what": "note", "reason": "called back"}))
    assert ok(auditor.get(case))["history"][-1]["text"] == "called back"
    assert opened["case"] in [c["case"] for c in ok(auditor.get("/v1/cases?limit=1000"))["cases"]]
    assert {s["tenant"] for s in ok(auditor.get("/v1/standings"))["standings"]} >= {"acme"}
    assert len(ok(auditor.get("/v1/stats/minutes?minutes=5"))["kinds"]["accepted"]) == 5
    assert len(ok(user.get("/v1/tenants/acme/standing/days?days=7"))["days"]) == 7
    assert user.get("/v1/events").body.decode().startswith("id: ")


def mail(house, admin, desk, user):
    message = submit(house.gateway, "one@rcpt.test")
    told(user, desk, message)
    for path in ("/v1/queue", "/v1/queue?tenant=acme&limit=1", f"/v1/queue/{message}", f"/v1/queue/{message}/content", f"/v1/why/{message}",
                 f"/v1/why/{message}?recipient=one@rcpt.test"):
        ok(desk.get(path))
    for path in ("queue", "queue?limit=1", f"queue/{message}", f"queue/{message}/content", f"why/{message}", "campaigns", "campaigns/spring", "standing", "audit",
                 "audit?from=1&limit=5", "audit?kind=accepted"):
        ok(user.get(f"/v1/tenants/acme/{path}"))
    for path in ("/v1/queue?state=untried&older_than=3d", "/v1/queue?domain=rcpt.test&newer_than=1h", "/v1/queue?site=rcpt.test", "/v1/queue/counts",
                 *(f"/v1/queue/counts?by={by}&tenant=acme" for by in ("campaign", "domain", "reason", "age")), "/v1/queue/sites?limit=5",
                 "/v1/queue/stops", "/v1/queue/orders"):
        ok(desk.get(path))
    ok(user.get("/v1/tenants/acme/queue?state=held"))
    for path in ("/v1/queue?state=lost", "/v1/queue?older_than=soon", "/v1/queue/counts?by=colour", "/v1/queue/orders/none"):
        assert desk.get(path).status == 422
    order = ok(desk.post("/v1/queue/requeue", {"message": message, "reason": "a test"}))
    assert ok(desk.get(f"/v1/queue/orders/{order['order']}"))["done"]
    ok(admin.post("/v1/queue/move", {"message": message, "pool": "", "reason": "a test"}))
    assert admin.post("/v1/queue/move", {"message": message, "pool": "nowhere", "reason": "a test"}).status == 422
    assert desk.post("/v1/queue/hold", {"stream": "bulk", "reason": "all of it"}).status == 422
    stop = {"what": "site", "name": "rcpt.test", "reason": "a test"}
    assert len(ok(admin.post("/v1/queue/suspend", stop))["stops"]) == 1
    assert ok(admin.post("/v1/queue/resume", stop))["stops"] == []
    assert admin.post("/v1/queue/resume", stop).status == 404
    trace = ok(desk.post("/v1/traces", {"tenant": "acme", "reason": "a test"}), 201)["trace"]
    assert ok(desk.get(f"/v1/traces/{trace}"))["dropped"] == 0
    ok(desk.ask("DELETE", f"/v1/traces/{trace}"))
    assert desk.get(f"/v1/traces/{trace}").status == 404
    for act in ("hold", "release"):
        ok(desk.post(f"/v1/queue/{act}", {"message": message, "reason": "a test"}))
        ok(desk.post(f"/v1/tenants/acme/campaigns/spring/{act}", {"reason": "a test"}))
    ok(desk.post("/v1/tenants/acme/block", {"reason": "a test"}))
    ok(desk.get("/v1/tenants/acme/standing"))
    ok(desk.post("/v1/tenants/acme/unblock", {"reason": "a test"}))
    appeals = "/v1/tenants/acme/appeals"
    appeal = ok(user.post(appeals, {"about": "block", "text": "Nobody was harmed."}), 201)["appeal"]
    ok(user.get(appeals))
    ok(desk.get("/v1/appeals"))
    decision = {"outcome": "settled", "answer": "We have talked."}
    assert user.post(f"{appeals}/{appeal}/close", decision).status == 403
    ok(desk.post(f"{appeals}/{appeal}/close", decision))
    ok(desk.post("/v1/queue/purge", {"message": message, "reason": "a test"}))
    gambling = submit(house.gateway, "one@rcpt.test", text="Játsszon online kaszinónkban! Ingyen pörgetés és bónusz, tegye meg tétjét most: https://casino.test/")
    ok(desk.post("/v1/queue/purge", {"message": gambling, "reason": "a test"}))
    template = "/v1/tenants/acme/templates"
    ok(desk.post(template, {"fingerprint": "0" * 32, "reason": "a test", "expires": TOMORROW}))
    ok(desk.get(template))
    ok(desk.post(f"{template}/{'0' * 32}/revoke", {"reason": "a test"}))
    exempt = "/v1/tenants/acme/exemptions"
    wanted = {"category": "S1", "until": TOMORROW, "reason": "a test"}
    granted = ok(admin.post(exempt, wanted), 201)
    assert ok(admin.post(exempt, wanted), 200)["exemption"] == granted["exemption"]
    ok(user.get(exempt))
    assert user.post(exempt, wanted).status == desk.post(exempt, wanted).status == 403
    assert admin.post(exempt, wanted | {"category": "H1"}).status == 422
    ok(desk.post(f"{exempt}/{granted['exemption']}/end", {"reason": "a test"}))


def complaints(house, admin, desk, user):
    with smtplib.SMTP("127.0.0.1", house.gateway.inbound, timeout=support.PATIENCE_S) as client:
        for n in range(2):
            client.sendmail("anna@rcpt.test", ["abuse@gw.test"], f"From: anna@rcpt.test\r\nSubject: {n}\r\n\r\nStop it.\r\n")
    second, first = ok(desk.get("/v1/reports?state=open&limit=2"))["reports"]
    assert "Stop it." in base64.b64decode(ok(desk.get(f"/v1/reports/{first['report']}?mail=true"))["mail"]).decode()
    mail = ok(desk.get("/v1/tenants/acme/persons?address=one@rcpt.test"))["mails"][0]
    ok(desk.get(f"/v1/reports?before={second['report']}"))
    confirm = f"/v1/reports/{first['report']}/confirm"
    assert desk.post(confirm, {"reason": "a test"}).status == 422
    # Nothing was delivered in this house: it is confirmed, and joins the tally if the mail ever is.
    assert not ok(desk.post(confirm, {"reason": "a test", "recipient": mail["recipient"]}))["counts"]
    assert desk.post(confirm, {"reason": "a test"}).status == 409
    ok(desk.post(f"/v1/reports/{second['report']}/reject", {"reason": "a test"}))
    told = {"reason": "a test", "channel": "phone"}
    ok(desk.post("/v1/complaints", told | {"recipient": mail["recipient"]}))
    assert desk.post("/v1/complaints", told | {"tenant": "acme", "address": "one@rcpt.test"}).status == 404
    assert desk.get("/v1/reports?state=lost").status == 422 and desk.get("/v1/reports/7").status == 404
    ok(desk.get("/v1/report-days?days=2"))
    assert [k["number"] for k in ok(desk.get("/v1/token-keys"))["keys"]] == [1]
    assert len(ok(admin.post("/v1/token-keys/rotate", {"reason": "a test"}))["keys"]) == 2
    assert admin.post("/v1/token-keys/1/remove", {"reason": "a test"}).status == 409
    old = house.gateway.store / "keys" / "token.2.key"
    ok(admin.post("/v1/token-keys/rotate", {"reason": "a test"}))
    for file in (old, old.with_name("token.3.key")):  # as if that had been long ago
        os.utime(file, (1, 1))
    assert [k["number"] for k in ok(admin.post("/v1/token-keys/2/remove", {"reason": "a test"}))["keys"]] == [1, 3]


def persons_and_platform(house, admin, desk, user):
    base = "/v1/tenants/acme/persons"
    ok(user.get(f"{base}?address=one@rcpt.test"))
    ok(desk.post(f"{base}/correct", {"address": "six@rcpt.test", "name": "Six", "reason": "a test"}))
    ok(desk.post(f"{base}/erase", {"address": "six@rcpt.test", "reason": "a test"}))
    ok(desk.post("/v1/persons/erase", {"address": "three@rcpt.test", "reason": "a test"}))
    for path in ("/v1/journal", "/v1/journal?tenant=acme&kind=accepted", "/v1/journal?from=1&limit=3", "/v1/journal/verify",
                 "/v1/journal/export?limit=3", "/v1/stats", "/v1/store/compact"):
        ok(admin.get(path))
    ok(user.post("/v1/check-text", {"text": "Nyitva vagyunk szombaton is."}))
    ok(admin.post("/v1/store/compact", {}), 202)
    ok(admin.post("/v1/store/snapshot", {"folder": str(house.home / "snapshot")}))


def policy(admin, auditor):
    made = ok(auditor.get("/v1/policy"))["made"]
    files = ok(auditor.get(f"/v1/policy/versions/{made['version']}"))["files"]
    ok(auditor.get("/v1/policy/versions"))
    tighter = files | {"policy/default.toml": files["policy/default.toml"].replace("hold = 5 ", "hold = 4 ")}
    ok(auditor.post("/v1/policy/lint", {"files": tighter}))
    changed = ok(auditor.post("/v1/policy/diff", {"to_files": tighter}))
    assert [k["knob"] for k in changed["knobs"]] == ["content.hold"]
    ok(admin.post("/v1/policy/activate", {"files": tighter, "reason": "a test"}))
    ok(admin.post("/v1/policy/rollback", {"reason": "a test"}))
    ok(auditor.get("/v1/policy/history?limit=2"))
    assert auditor.post("/v1/policy/rollback", {"reason": "a test"}).status == 403
    ok(auditor.get("/v1/policy/samples?limit=1"))
    sample = ok(auditor.get("/v1/policy/samples?mail=true"))["samples"][0]
    one = f"/v1/policy/samples/{sample['tenant']}/{sample['fingerprint']}"
    ok(admin.ask("DELETE", one, headers={"X-Reason": "a test"}))
    assert admin.ask("DELETE", one, headers={"X-Reason": "a test"}).status == 404
    ok(auditor.get("/v1/policy/what-if"))
    ok(admin.post("/v1/policy/what-if", {"files": tighter, "days": 7, "tenant": "acme"}), 202)
    support.wait_for(lambda: auditor.get("/v1/policy/what-if").json()["state"] == "done", "the replay")
    assert ok(auditor.get("/v1/policy/what-if"))["judged"] > 0
    ok(admin.ask("DELETE", "/v1/policy/what-if"))
    assert auditor.post("/v1/policy/what-if", {"files": tighter}).status == 403
    ok(admin.post("/v1/policy/shadow", {"version": made["version"]}), 201)
    assert admin.post("/v1/policy/shadow", {"version": made["version"]}).status == 409
    ok(auditor.get("/v1/policy/shadow"))
    ok(admin.ask("DELETE", "/v1/policy/shadow"))
    assert admin.ask("DELETE", "/v1/policy/shadow").status == 404
    assert auditor.ask("DELETE", "/v1/policy/shadow").status == 403


def test_real_answers_are_as_the_document_says(house, table):
    admin, desk, auditor, boss, user = (house.apis[role] for role in ROLES)
    tenants_and_users(house, admin, boss)
    consents_and_suppressions(user, desk)
    imports_and_proofs(desk, user)
    mail(house, admin, desk, user)
    webhooks(boss)
    console(house, admin, desk, auditor, user)
    complaints(house, admin, desk, user)
    sign_up(desk, boss, user)
    persons_and_platform(house, admin, desk, user)
    handover(admin, boss)
    policy(admin, auditor)
    assert {r["operation"] for r in table} - house.done == set(), "operations whose answers nobody looked at"


# -- separation -----------------------------------------------------------------------------------------------------------

def fill_with_marks(gateway):
    """A tenant all of whose data bears the mark. Returns the token of its user, and a message of its."""
    gateway.add_tenant(MARK, f"{MARK}.test", user=MARK)
    rival = sign_in(gateway, f"{MARK}-user", "tenant-admin", MARK)
    base = f"/v1/tenants/{MARK}"
    ok(rival.post(f"{base}/consents", consent(f"{MARK}@rcpt.test", name=MARK, topic="news", evidence=MARK)))
    ok(rival.post(f"{base}/consents", consent("shared@rcpt.test", name=MARK, evidence=MARK)))
    ok(rival.post(f"{base}/suppressions", {"address": f"{MARK}-2@rcpt.test", "source": MARK}))
    ok(rival.post(f"{base}/suppressions", {"address": "shared@rcpt.test", "code": "hard_bounce", "source": MARK}))
    ok(rival.post(f"{base}/forms", {"topic": MARK, "title": MARK, "language": "hu", "notice": f"{NOTICE} {MARK}",
                                    "from": f"news@{MARK}.test"}))
    return rival, submit(gateway, f"{MARK}@rcpt.test", MARK, f"{MARK}.test")


def test_no_query_of_one_tenant_shows_a_byte_of_anothers(house, table):
    rival, message = fill_with_marks(house.gateway)
    person = rival.get(f"/v1/tenants/{MARK}/suppressions/{MARK}-2@rcpt.test").json()["person"]
    assert MARK in rival.get(f"/v1/tenants/{MARK}/consents?address={MARK}@rcpt.test").body.decode()
    user = house.apis["tenant-user"]
    user.post("/v1/tenants/acme/consents", consent("shared@rcpt.test"))
    names = {"message": message, "person": person, "login": f"{MARK}-user", "campaign": "spring", "domain": f"{MARK}.test", "form": "x",
             "sign_up": "x", "number": "1", "hash": "0" * 64, "fingerprint": "0" * 32,
             "import": "i000001", "sha256": "0" * 64, "export": "x", "upload": "x", "webhook": "w1"}
    for role in ("tenant-admin", "tenant-user"):
        for route in (r for r in table if r["method"] == "GET"):
            for tenant in ("acme", MARK):
                path = re.sub(r"{(\w+)}", lambda m: tenant if m[1] == "tenant" else names.get(m[1], "x"), route["path"])
                for query in ("", f"?address={MARK}@rcpt.test", "?address=shared@rcpt.test", f"?tenant={MARK}&limit=1000&from=1",
                              f"?after={person}&limit=1000", f"?campaign=spring&tenant={MARK}"):
                    answer = Api.ask(house.apis[role], "GET", path + query)
                    seen = answer.body.decode() + json.dumps(answer.headers)
                    asked_for = {MARK} if answer.status >= 400 else set()
                    # A refusal may repeat what was asked; beyond that it is the same as for a name that nobody has.
                    assert MARK not in seen or (asked_for and seen.count(MARK) <= 1), f"{role} {path}{query}: {seen[:300]}"
                    assert f"\"{message}\"" not in seen or answer.status == 404, f"{role} {path}{query}"
                    assert answer.status == 200 or MARK not in path or answer.status in (403, 404), f"{role} {path}: {answer.status}"
