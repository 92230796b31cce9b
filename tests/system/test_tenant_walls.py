"""The walls between tenants (RULES A2 2, 9): a tenant's people name another tenant's things in path, query and body of every route.
Nothing of the other comes back, nothing of it changes, and what exists there is answered as what exists nowhere."""
import hashlib
import json
import re
import urllib.parse

import pytest

import openapi
import support
from api_client import Api, sign_in
from conftest import House
from test_api_contract import MARK, NOTICE, TOMORROW, consent, ok, submit, with_zone

# The same kinds of names, of things that nobody has.
NOWHERE = "zqxnobody"
ROLES = ("tenant-admin", "tenant-user")
# Names that are one of a kind in the whole gateway: that somebody has them cannot be hidden from who wants them too. Who has them is.
UNIQUE = {"addDomain": "the domain is verified for another tenant", "addTenantUser": "the login is taken",
          "addCredential": "the user name is taken"}


@pytest.fixture(scope="module")
def house():
    nobody = [{"domain": "*", "host": "127.0.0.1", "port": support.free_port()}]
    settings = {"admin": {"tcp": "127.0.0.1:0"}, "route": nobody, "public": {"address": "127.0.0.1:0"}}
    with support.folder() as path, with_zone(House(path, settings), "example") as h:
        h.admin = sign_in(h.gateway, "root-of-all", "admin", None, reason="a test")
        h.apis = {role: sign_in(h.gateway, role, role, "acme") for role in ROLES}
        h.names = fill(h)
        yield h


def fill(house):
    """A tenant with something of every kind; its names by the parameters' names."""
    g = house.gateway
    g.add_tenant(MARK, f"{MARK}.test", user=MARK)
    rival = sign_in(g, f"{MARK}-boss", "tenant-admin", MARK)
    base = f"/v1/tenants/{MARK}"
    ok(rival.post(f"{base}/consents", consent(f"{MARK}@rcpt.test", name=MARK, evidence=MARK)))
    suppression = ok(rival.post(f"{base}/suppressions", {"address": f"{MARK}-2@rcpt.test", "source": MARK}))
    ok(rival.post(f"{base}/users", {"login": f"{MARK}-clerk", "name": MARK, "role": "tenant-user"}))
    ok(rival.post(f"{base}/users/{MARK}-clerk/tokens", {"label": MARK}))
    form = ok(rival.post(f"{base}/forms", {"topic": MARK, "title": MARK, "language": "hu", "notice": f"{NOTICE} {MARK}",
                                           "from": f"news@{MARK}.test"}))
    sign_up = ok(rival.post(f"{base}/sign-ups", {"address": f"{MARK}-3@rcpt.test", "topic": MARK, "notice": MARK, "ip": "192.0.2.1"}))
    proof = ok(rival.post(f"{base}/evidence", MARK, headers={"Content-Type": "text/plain"}))
    notice = ok(rival.post(f"{base}/notices", {"text": MARK, "language": "en"}))
    job = ok(rival.post(f"{base}/imports", {"source": f"{MARK}.csv", "bytes": 1000}))
    export = ok(rival.post(f"{base}/exports", {"format": "xml"}))
    webhook = ok(rival.post(f"{base}/webhooks", {"url": f"https://hook.{MARK}.test/"}))
    message = submit(g, f"{MARK}@rcpt.test", MARK, f"{MARK}.test")
    exemption = ok(house.admin.post(f"{base}/exemptions", {"category": "S1", "until": TOMORROW, "reason": MARK}))
    ok(house.admin.post(f"{base}/campaigns/spring/hold", {"reason": MARK}))
    order = ok(house.admin.post("/v1/queue/requeue", {"tenant": MARK, "reason": MARK}))
    trace = ok(house.admin.post("/v1/traces", {"tenant": MARK, "reason": MARK}), 201)
    case = ok(house.admin.post("/v1/cases", {"from": "person", "tenant": MARK, "reason": MARK}), 201)
    appeal = ok(rival.post(f"{base}/appeals", {"about": "hold", "text": MARK}), 201)
    # Reports are for staff alone, whatever their number.
    return {"tenant": MARK, "report": 1, "case": case["case"], "appeal": appeal["appeal"], "message": message, "person": suppression["person"], "login": f"{MARK}-clerk", "campaign": "spring",
            "domain": f"{MARK}.test", "form": form["id"], "sign_up": sign_up["id"], "number": "1", "hash": notice["hash"],
            "fingerprint": "0" * 32, "import": job["import"], "sha256": proof["reference"].removeprefix("sha256:"),
            "export": export["id"], "upload": "x", "version": "p000000000000", "exemption": exemption["exemption"],
            "order": order["order"], "trace": trace["trace"], "webhook": webhook["webhook"], "password": support.Gateway.PASSWORD,
            "address": f"{MARK}@rcpt.test", "notice_hash": notice["hash"], "evidence": proof["reference"]}


def absent(names, number):
    """Names of the same shape that nobody has, new with each number: what an answer makes must not stand in the way of the next."""
    nobody = f"{NOWHERE}{number}"
    digest = "sha256:" + hashlib.sha256(nobody.encode()).hexdigest()  # as names["hash"] is of a text
    return names | {"tenant": nobody, "message": "m0zzzzzy", "person": "e" * 32, "login": f"{nobody}-clerk", "campaign": nobody,
                    "domain": f"{nobody}.test", "form": "f0000zzz", "sign_up": "s000zzzz", "hash": digest,
                    "import": "i0zzzzz", "sha256": "e" * 64, "export": nobody, "address": f"{nobody}@rcpt.test",
                    "notice_hash": digest, "evidence": "sha256:" + "e" * 64, "exemption": "x0zzzzz",
                    "order": 999999999, "trace": 999999999, "webhook": "w999", "case": 999999999, "report": 999999999, "appeal": 999999999}


def resolve(schema):
    while "$ref" in schema:
        schema = openapi.DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def value_for(name, schema, names):
    """What a body's member says: a name of the other's where there is one for it."""
    schema = resolve(schema)
    if name in names:
        return names[name]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "string")
    if kind == "object":
        return body_for(schema, names)
    return {"string": names["tenant"], "integer": 1, "number": 1, "boolean": True, "array": []}[kind if isinstance(kind, str) else kind[0]]


def body_for(schema, names):
    schema = resolve(schema)
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            schema = resolve(schema[choice][0])
    return {n: value_for(n, s, names) for n, s in schema.get("properties", {}).items()}


def bodies(operation, names):
    """All members, and the required ones alone."""
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return [("text/csv", names["tenant"])] if content else [(None, None)]
    schema = resolve(content["application/json"]["schema"])
    whole = body_for(schema, names)
    required = {n: whole[n] for n in schema.get("required", []) if n in whole}
    return [("application/json", json.dumps(whole)), ("application/json", json.dumps(required))]


def ask(api, method, path, content_type, body):
    return Api.ask(api, method, path, body, {"Content-Type": content_type} if content_type else None)


def without_seals(part):
    """Sealed texts are other ones each time."""
    if isinstance(part, dict):
        return {n: without_seals(p) for n, p in part.items() if not n.startswith("sealed")}
    return [without_seals(p) for p in part] if isinstance(part, list) else part


def snapshot(house):
    """All that the other has, as its hand-over tells it, without what tells of the hand-over itself and of time."""
    made = ok(house.admin.post(f"/v1/tenants/{MARK}/exports", {"format": "json", "invoices": "settled"}))
    whole = json.loads(house.admin.get(f"/v1/tenants/{MARK}/exports/{made['id']}").body)
    ok(house.admin.post(f"/v1/tenants/{MARK}/exports/{made['id']}/remove", {}))
    # Deliveries go on meanwhile, and the hand-overs tell of themselves.
    whole["history"] = [e for e in whole["history"] if e["actor"] != "gateway" and e["kind"] not in ("tenant_exported", "accessed")]
    return {name: without_seals(part) for name, part in whole.items() if name not in ("made_at", "trailer", "journal", "events", "audit")}


def masked(answer, *names):
    """The answer with the asked names taken out: what is left must not depend on whether they exist."""
    text = answer.body.decode(errors="replace")
    for value in sorted({v for n in names for v in map(str, n.values()) if len(v) > 3}, key=len, reverse=True):
        text = text.replace(value, "*")
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "T", text)
    # How far a feed has looked: the journal goes on meanwhile.
    text = re.sub(r'"cursor":"\d+"', '"cursor":"*"', text)
    # Of an address as it was asked for: there is one of every address.
    return re.sub(r'"(person|pseudonym)":"[0-9a-f]{32}"', r'"\1":"*"', text)


def queries(operation, names):
    """None, each of the operation's parameters alone, and all of them. A cursor is what lists go on from: any name."""
    told = {}
    for p in operation.get("parameters", []):
        p = openapi.DOCUMENT["components"]["parameters"][p["$ref"].rsplit("/", 1)[1]] if "$ref" in p else p
        if p["in"] == "query":
            told[p["name"]] = value_for(p["name"], p["schema"], names)
    # Undocumented ones too: nothing may be asked of another by them.
    alone = [{n: v} for n, v in (told | {n: names[n] for n in ("tenant", "address", "hash", "campaign")}).items()]
    return ["?" + urllib.parse.urlencode(q) if q else "" for q in ({}, *alone, told)]


def test_every_name_in_a_path_is_one_of_the_others(house):
    """A new kind of name in a route has to be walked with too."""
    for _, path, _ in openapi.operations():
        for name in re.findall(r"{(\w+)}", path):
            assert name in house.names, f"{path}: fill() makes no {name}"


@pytest.mark.parametrize("role", ROLES)
def test_what_is_read_with_names_of_another_is_as_with_nobodys(house, role):
    asked = 0
    for method, path, operation in openapi.operations():
        if method != "GET" or not path.startswith("/v1/"):
            continue
        for tenant in ("acme", MARK):
            other = absent(house.names, "0")
            theirs, nobodys = ({**n, "tenant": tenant if tenant == "acme" else n["tenant"]} for n in (house.names, other))
            at = [re.sub(r"{(\w+)}", lambda m: str(n[m[1]]), path) for n in (theirs, nobodys)]
            for of_theirs, of_nobody in zip(queries(operation, house.names), queries(operation, other)):
                answers = [house.apis[role].get(at[0] + of_theirs), house.apis[role].get(at[1] + of_nobody)]
                asked += 1
                where = "\nbut ".join(f"{role} {a}{q}: {answer.status} {answer.body[:300]}"
                                      for a, q, answer in zip(at, (of_theirs, of_nobody), answers))
                told, of_none = (masked(answer, house.names, theirs, other, nobodys) for answer in answers)
                # What a refusal repeats is what was asked; an answer that gives something may not even have that.
                assert MARK not in (told if answers[0].status >= 400 else answers[0].body.decode(errors="replace")), where
                assert MARK not in json.dumps(answers[0].headers), where
                assert answers[0].status == answers[1].status, where
                if answers[0].status >= 400 or "after=" not in of_theirs:
                    assert told == of_none, where
                if tenant == MARK and "{tenant}" in path:
                    assert answers[0].status in (403, 404), where
    assert asked > 200


def test_names_of_another_tenant_reach_nothing(house):
    before = snapshot(house)
    number = 0
    for method, path, operation in openapi.operations():
        if operation["operationId"] == "signIn":  # takes no names of things; a login is locked by guesses, known or not (test_console_security.py)
            continue
        if method == "GET" or not path.startswith("/v1/"):
            continue
        for role in ROLES:
            for tenant in ("acme", MARK):
                number += 1
                here = absent(house.names, number)
                theirs, nobodys = ({**n, "tenant": tenant if tenant == "acme" else n["tenant"]} for n in (house.names, here))
                for (kind, body), (_, other) in zip(bodies(operation, house.names), bodies(operation, here)):
                    at = [re.sub(r"{(\w+)}", lambda m: str(n.get(m[1], "x")), path) for n in (theirs, nobodys)]
                    answers = [ask(house.apis[role], method, a, kind, b) for a, b in zip(at, (body, other))]
                    where = f"{role} {method} {at[0]} {body}: {answers[0].status} {answers[0].body[:300]}"
                    assert answers[0].status < 500, where
                    told = masked(answers[0], house.names, theirs)
                    assert MARK not in told, where
                    if tenant == MARK and "{tenant}" in path:
                        assert answers[0].status in (403, 404), where
                    if answers[0].status == 409 and operation["operationId"] in UNIQUE:
                        assert answers[0].json()["detail"] == UNIQUE[operation["operationId"]], where
                    elif answers[0].status >= 400 or answers[1].status >= 400:
                        assert answers[0].status == answers[1].status, f"{where}\nbut {at[1]}: {answers[1].status} {answers[1].body[:300]}"
                        assert told == masked(answers[1], here, nobodys), where
    after = snapshot(house)
    assert before.keys() == after.keys()
    for name in before:
        assert before[name] == after[name], f"{name} of the other tenant changed"


def test_the_walk_names_real_things(house):
    """Of the names used above, their owner finds each."""
    rival = sign_in(house.gateway, f"{MARK}-third", "tenant-admin", MARK)
    n = house.names
    base = f"/v1/tenants/{MARK}"
    for path in (f"{base}/users/{n['login']}", f"{base}/forms/{n['form']}", f"{base}/sign-ups/{n['sign_up']}",
                 f"{base}/imports/{n['import']}", f"{base}/evidence/{n['sha256']}", f"{base}/queue/{n['message']}",
                 f"{base}/why/{n['message']}", f"{base}/suppressions/{n['person']}", f"{base}/exports/{n['export']}",
                 f"{base}/consents?address={n['address']}", f"{base}/notices?hash={n['hash']}"):
        assert rival.get(path).status == 200, (path, rival.get(path).body)


def test_one_persons_pseudonym_differs_by_tenant(house):
    """So that what two tenants were told of somebody cannot be laid side by side (RULES D4: a key of each tenant)."""
    address = f"{MARK}-2@rcpt.test"
    ours = house.apis["tenant-user"].get(f"/v1/tenants/acme/persons?address={address}").json()["person"]["pseudonym"]
    assert re.fullmatch("[0-9a-f]{32}", ours) and ours != house.names["person"]
