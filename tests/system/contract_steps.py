"""Steps of test_api_contract.py: real requests whose answers are held against the document."""
import support

NOTICE = "Hozzájárulok, hogy az Acme Kft. kerti hírlevelet küldjön nekem.\n\nBármikor leiratkozhatok."


def ok(answer, *statuses):
    assert answer.status in (statuses or (200, 201)), (answer.status, answer.body)
    return answer.json()


def told(user, desk, message):
    """Of a message that was taken: the search, evidence packs, the feed."""
    for path in ("subject=garden", f"message={message}", "recipient=one@rcpt.test&limit=1", "link=sender.test", "campaign=spring"):
        assert message in str(ok(user.get(f"/v1/tenants/acme/sent?{path}"))) and message in str(ok(desk.get(f"/v1/sent?{path}")))
    assert user.get("/v1/tenants/acme/sent").status == desk.get("/v1/sent?before=x").status == 422
    for path in (f"/v1/packs/{message}", f"/v1/packs/{message}?recipient=one@rcpt.test", "/v1/tenants/acme/pack?recipient=one@rcpt.test"):
        assert desk.get(path).body[257:262] == b"ustar"
    ok(user.get("/v1/evidence-key"))
    for path in ("", "?year=2025", "?log=true"):
        ok(desk.get(f"/v1/availability{path}"))
    for path in ("", "?after=now", "?limit=2&only=accepted,held"):
        ok(user.get(f"/v1/tenants/acme/outcomes{path}"))


def webhooks(boss):
    base = "/v1/tenants/acme/webhooks"
    hook = ok(boss.post(base, {"url": "https://hook.example/x", "only": ["delivered"], "after": "0"}), 201)
    assert hook["secret"].startswith("whsec_")
    one = f"{base}/{hook['webhook']}"
    for path in (base, one, f"{one}/dead"):
        assert "secret" not in ok(boss.get(path))
    assert not ok(boss.post(f"{one}/test", {}))["ok"]
    for act in ("pause", "rotate", "replay", "resume"):
        ok(boss.post(f"{one}/{act}", {"reason": "a test"}))
    ok(boss.ask("DELETE", one))
    assert boss.get(one).status == 404


def sign_up(desk, boss, user):
    base = "/v1/tenants/acme"
    form = ok(boss.post(f"{base}/forms", {"topic": "news", "title": "Kerti hírlevél", "language": "hu", "notice": NOTICE,
                                          "from": "news@sender.test"}))
    one = f"{base}/forms/{form['id']}"
    ok(boss.post(one, {"title": "Hírek a kertről"}))
    for path in (f"{base}/forms", one):
        ok(user.get(path))
    told = ok(user.post(f"{base}/sign-ups", {"address": "new@rcpt.test", "topic": "news", "notice": "I agree.", "ip": "192.0.2.1"}), 201)
    ok(user.get(f"{base}/sign-ups/{told['id']}"))
    ok(user.post(f"{base}/sign-ups/{told['id']}/confirm", {}))
    ok(user.post(f"{base}/sign-ups", {"address": "newer@rcpt.test", "form": form["id"]}), 202)
    ok(boss.post(f"{one}/disable", {}))
    ok(boss.post(f"{one}/enable", {}))
    sample = support.letter("someone@rcpt.test")
    approved = ok(desk.post(f"{base}/doi-templates?name=plain", sample, headers={"Content-Type": "message/rfc822"}))
    ok(user.get(f"{base}/doi-templates"))
    ok(desk.post(f"{base}/doi-templates/{approved['hash']}/revoke", {}))
