"""What a tenant is told of its mail: the feed with a cursor, and webhooks to a real HTTPS server that refuses, stalls, dies and lies."""
import hashlib
import hmac
import http.server
import json
import threading
import time

import pytest

import support
import tls_world
from api_client import sign_in
from conftest import House

ADDRESS = "127.0.4.1"
INWARD = {"loop": "A 127.0.0.1", "private": "A 10.1.2.3", "link": "A 169.254.169.254", "six": "AAAA ::1", "mapped": "AAAA ::ffff:127.0.0.1",
          "unique": "AAAA fd00::1", "mixed": "A 192.168.1.1", "carrier": "A 100.64.0.1", "nat64": "AAAA 64:ff9b::7f00:1"}


class Receiver:
    """A tenant's HTTPS server. answers: what the next requests get, then 200; a number of seconds as float is a pause before 200."""

    def __init__(self, port, identity):
        self.requests, self.answers, self.otherwise, self.lock = [], [], 200, threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    receiver.requests.append((self.path, dict(self.headers), body))
                    how = receiver.answers.pop(0) if receiver.answers else receiver.otherwise
                if isinstance(how, float):
                    time.sleep(how)
                    how = 200
                self.send_response(how)
                if how == 302:
                    self.send_header("Location", f"https://hook.hooks.example:{port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer((ADDRESS, port), Handler)
        self.http.socket = identity.context().wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def batches(self, path):
        return [(headers, json.loads(body), body) for p, headers, body in list(self.requests) if p == path]

    def outcomes(self, path):
        """Of the batches that were answered in the end; each sequence number once, in the order of their coming."""
        seen = {}
        for _, batch, _ in self.batches(path):
            for o in batch["outcomes"]:
                seen.setdefault(o["seq"], o)
        return list(seen.values())

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def is_signed(secret, headers, body):
    parts = headers["Consentry-Signature"].split(",")
    seconds = parts[0].removeprefix("t=")
    wanted = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"v1={wanted}" in parts[1:] and abs(int(seconds) - time.time()) < 600


@pytest.fixture(scope="module")
def world():
    with support.folder() as path:
        ca = tls_world.Authority(path)
        port = support.free_port(ADDRESS)
        receiver = Receiver(port, ca.issue("hook.hooks.example"))
        settings = {"admin": {"tcp": "127.0.0.1:0"},
                    "webhooks": {"allow": [f"{ADDRESS}/32"], "authorities": ca.file, "attempts": 3, "retry_first_ms": 100, "retry_max_s": 1,
                                 "timeout_s": 2, "batch_max": 5}}
        h = House(path, settings)
        h.knot.zones["hooks.example"] = [f"hook A {ADDRESS}", f"untrusted A {ADDRESS}",
                                         *(f"{name} {record}" for name, record in INWARD.items()), f"mixed A {ADDRESS}"]
        with h:
            h.receiver, h.url = receiver, f"https://hook.hooks.example:{port}"
            h.boss = sign_in(h.gateway, "boss", "tenant-admin", "acme")
            h.user = sign_in(h.gateway, "user", "tenant-user", "acme")
            h.gateway.import_consents([f"r{n}@rcpt.test" for n in range(60)])
            yield h
        receiver.close()


def send(world, *numbers):
    client = world.gateway.login()
    for n in numbers:
        client.sendmail("news@sender.test", [f"r{n}@rcpt.test"], support.letter(f"r{n}@rcpt.test"))
    client.quit()


def feed(api, after="0", **query):
    """All pages of the feed behind a cursor, and the last cursor."""
    found = []
    while True:
        more = "".join(f"&{k}={v}" for k, v in query.items())
        page = api.get(f"/v1/tenants/acme/outcomes?after={after}{more}").json()
        found += page["outcomes"]
        after = page["cursor"]
        if not page["more"]:
            return found, after


def add_webhook(world, path, **more):
    answer = world.boss.post("/v1/tenants/acme/webhooks", {"url": world.url + path} | more)
    assert answer.status == 201, answer.body
    return answer.json()


def state(world, hook):
    return world.boss.get(f"/v1/tenants/acme/webhooks/{hook['webhook']}").json()


def remove(world, hook):
    assert world.boss.ask("DELETE", f"/v1/tenants/acme/webhooks/{hook['webhook']}").status == 200


def wait_told(world, path, *numbers):
    wanted = {f"r{n}@rcpt.test" for n in numbers}

    def told():
        return wanted <= {o.get("address") for o in world.receiver.outcomes(path) if o["outcome"] == "delivered"}
    support.wait_for(told, f"{wanted} at {path}")


def test_the_feed_tells_all_in_order_and_waits_for_more(world):
    _, start = feed(world.user, "now")
    send(world, 0, 1, 2)
    world.gateway.wait_delivered()
    found, cursor = feed(world.user, start, limit=2)
    seqs = [o["seq"] for o in found]
    assert seqs == sorted(set(seqs)) and int(cursor) >= seqs[-1]
    for n in range(3):
        of_one = [o["outcome"] for o in found if o.get("address") == f"r{n}@rcpt.test"]
        assert of_one == ["delivered"], of_one
    assert [o["outcome"] for o in found].count("accepted") == 3
    assert all("tenant" not in o and "hash" not in o for o in found)
    assert {o["outcome"] for o in feed(world.user, start, only="delivered,bounced")[0]} == {"delivered"}
    # A reader that waits gets the next as it happens.
    got = []
    reader = threading.Thread(target=lambda: got.append(world.user.get(f"/v1/tenants/acme/outcomes?after={cursor}&wait_s=30").json()))
    reader.start()
    time.sleep(0.5)
    send(world, 3)
    reader.join(support.PATIENCE_S)
    assert got and got[0]["outcomes"][0]["outcome"] in ("accepted", "delivered")
    assert world.user.get("/v1/tenants/acme/outcomes?only=colours").status == 422
    assert world.user.get("/v1/tenants/acme/outcomes?wait_s=31").status == 422


def test_who_complained_shows_as_a_suppression_only(world):
    _, start = feed(world.user, "now")
    world.gateway.cli("suppression", "add", "r50@rcpt.test", "--tenant", "acme", "--code", "complaint", "--source", "a report")
    found, _ = feed(world.user, start)
    assert [o["outcome"] for o in found] == ["suppressed"]
    assert found[0]["reason"] == "complaint" and "message" not in found[0] and "source" not in found[0].get("facts", {})


def test_a_webhook_gets_signed_batches_in_order(world):
    hook = add_webhook(world, "/order")
    send(world, *range(4, 16))
    wait_told(world, "/order", *range(4, 16))
    through = int(hook["cursor"])
    for headers, batch, body in world.receiver.batches("/order"):
        assert is_signed(hook["secret"], headers, body)
        assert not is_signed(hook["secret"] + "x", headers, body)
        assert headers["Consentry-Batch"] == batch["batch"] and headers["Content-Type"] == "application/json"
        assert batch["first"] > through and len(batch["outcomes"]) <= 5  # entries that are no outcomes lie between
        assert all(batch["first"] <= o["seq"] <= batch["through"] for o in batch["outcomes"])
        through = batch["through"]
    seqs = [o["seq"] for _, b, _ in world.receiver.batches("/order") for o in b["outcomes"]]
    assert seqs == sorted(set(seqs))
    # The same as the feed tells.
    assert seqs == [o["seq"] for o in feed(world.user, hook["cursor"])[0]][:len(seqs)]
    support.wait_for(lambda: state(world, hook)["told"] >= len(seqs), "the last answer to be noted")
    shown = state(world, hook)
    assert "secret" not in shown and shown["state"] == "active"
    listed = world.gateway.cli("webhook", "list", "acme")
    assert "/order" in listed and hook["secret"] not in listed
    remove(world, hook)


def test_what_is_refused_comes_again_and_nothing_overtakes_it(world):
    hook = add_webhook(world, "/retry", only=["delivered"])
    world.receiver.answers = [500, 302]
    send(world, 16, 17)
    support.wait_for(lambda: state(world, hook)["told"] == 2, "both outcomes to be taken")
    names = [b["batch"] for _, b, _ in world.receiver.batches("/retry")]
    assert names[0] == names[1] == names[2], "the first batch until it is taken"
    assert not world.receiver.batches("/elsewhere"), "no redirect is followed"
    assert state(world, hook)["failures"] == 0
    remove(world, hook)


def test_dead_letters_are_shown_and_sent_again(world):
    hook = add_webhook(world, "/dead", only=["delivered"])
    world.receiver.otherwise = 503
    try:
        send(world, 18)
        base = f"/v1/tenants/acme/webhooks/{hook['webhook']}"
        letters = support.wait_for(lambda: world.boss.get(f"{base}/dead").json()["dead_letters"], "a dead letter")
        assert letters[0]["why"] == "answered 503" and letters[0]["outcomes"] == 1
        assert state(world, hook)["state"] == "failing"
    finally:
        world.receiver.otherwise = 200
    send(world, 19)  # what follows goes on
    wait_told(world, "/dead", 19)
    before = len(world.receiver.batches("/dead"))
    assert world.boss.post(f"{base}/replay", {}).status == 200
    support.wait_for(lambda: not world.boss.get(f"{base}/dead").json()["dead_letters"], "the dead letter to be taken")
    again = [b for _, b, _ in world.receiver.batches("/dead")[before:]]
    assert [o["address"] for b in again for o in b["outcomes"]] == ["r18@rcpt.test"] and again[0]["again"] is True
    remove(world, hook)


def test_a_crash_between_loses_nothing(world):
    hook = add_webhook(world, "/crash", only=["accepted", "delivered"])
    world.receiver.answers = [1.5]
    send(world, *range(20, 32))
    support.wait_for(lambda: world.receiver.batches("/crash"), "the first batch on its way")
    world.gateway.kill()
    world.gateway.start()
    for api in (world.boss, world.user):
        api.port = world.gateway.admin
    wait_told(world, "/crash", *range(20, 32))
    told = [o["seq"] for o in world.receiver.outcomes("/crash")]
    assert told == [o["seq"] for o in feed(world.user, hook["cursor"], only="accepted,delivered")[0]]
    remove(world, hook)


def test_a_secret_follows_another_and_both_sign_for_a_while(world):
    hook = add_webhook(world, "/rotate")
    new = world.boss.post(f"/v1/tenants/acme/webhooks/{hook['webhook']}/rotate", {"reason": "a test"}).json()["secret"]
    assert new != hook["secret"]
    tested = world.boss.post(f"/v1/tenants/acme/webhooks/{hook['webhook']}/test", {}).json()
    assert tested["ok"] and tested["status"] == 200
    headers, batch, body = world.receiver.batches("/rotate")[-1]
    assert batch["test"] is True and batch["outcomes"] == []
    assert is_signed(new, headers, body) and is_signed(hook["secret"], headers, body)
    kept = (world.gateway.store / "data.mdb").read_bytes()
    assert new.encode() not in kept and hook["secret"].encode() not in kept, "secrets lie sealed"
    remove(world, hook)


def test_a_paused_one_is_told_nothing_and_misses_nothing(world):
    hook = json.loads(world.gateway.cli("webhook", "add", "acme", f"{world.url}/pause", "--only", "delivered", "--json"))
    world.gateway.cli("webhook", "pause", "acme", hook["webhook"])
    send(world, 32, 33)
    world.gateway.wait_delivered()
    time.sleep(0.6)
    assert not world.receiver.batches("/pause")
    world.gateway.cli("webhook", "resume", "acme", hook["webhook"])
    wait_told(world, "/pause", 32, 33)
    assert "ok" in world.gateway.cli("webhook", "test", "acme", hook["webhook"])
    world.gateway.cli("webhook", "remove", "acme", hook["webhook"])
    acts = [e["facts"]["act"] for e in world.boss.get("/v1/tenants/acme/audit?kind=desk_act&limit=1000").json()["entries"]]
    assert {"webhook.add", "webhook.pause", "webhook.resume", "webhook.rotate", "webhook.replay", "webhook.remove"} <= set(acts)


def test_no_webhook_leads_into_the_house(world):
    """SSRF: names with inward addresses, addresses in every spelling, other schemes, ports of other services."""
    for url in ("http://hook.hooks.example/", "https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "https://0x7f.1/", "https://127.1/",
                "https://localhost/", "https://user@hook.hooks.example/", "https://hook.hooks.example:25/", "https://hook.hooks.example:6379x/",
                "file:///etc/passwd", "https://hook.hooks.example\r\nX: y/", "https://0177.0.0.1/", "https://hook.hooks.example:/"):
        assert world.boss.post("/v1/tenants/acme/webhooks", {"url": url}).status == 422, url
    for name in INWARD:
        hook = world.boss.post("/v1/tenants/acme/webhooks",
                               {"url": f"https://{name}.hooks.example:{world.url.rsplit(':', 1)[1]}/inward"}).json()
        tested = world.boss.post(f"/v1/tenants/acme/webhooks/{hook['webhook']}/test", {}).json()
        assert not tested["ok"] and "status" not in tested and "not of the internet" in tested["error"], (name, tested)
        remove(world, hook)
    hook = world.boss.post("/v1/tenants/acme/webhooks", {"url": f"https://untrusted.hooks.example:{world.url.rsplit(':', 1)[1]}/inward"}).json()
    assert not world.boss.post(f"/v1/tenants/acme/webhooks/{hook['webhook']}/test", {}).json()["ok"], "a certificate of another name"
    remove(world, hook)
    assert not world.receiver.batches("/inward")


def test_a_dead_server_is_not_felt_by_mail_or_by_others(world):
    slow, well = add_webhook(world, "/slow", only=["delivered"]), add_webhook(world, "/well", only=["delivered"])
    blocker = Receiver(port := support.free_port(ADDRESS), tls_world.Authority(world.home, "Other").issue("hook.hooks.example"))
    dead = world.boss.post("/v1/tenants/acme/webhooks", {"url": f"https://hook.hooks.example:{port}/x"}).json()
    send(world, *range(34, 40))
    world.gateway.wait_delivered()
    wait_told(world, "/well", *range(34, 40))
    support.wait_for(lambda: state(world, dead)["failures"] >= 1, "a certificate that nobody vouches for to be noted")
    assert not blocker.requests
    for hook in (slow, well, dead):
        remove(world, hook)
    blocker.close()


def test_only_the_administrator_says_where_data_goes(world):
    assert world.user.get("/v1/tenants/acme/webhooks").status == 403
    assert world.user.post("/v1/tenants/acme/webhooks", {"url": world.url}).status == 403
    hooks = [add_webhook(world, f"/{n}", after="0") for n in range(5)]
    assert world.boss.post("/v1/tenants/acme/webhooks", {"url": world.url}).status == 409
    for hook in hooks:
        remove(world, hook)
    assert world.boss.get("/v1/tenants/acme/webhooks").json() == {"webhooks": []}
