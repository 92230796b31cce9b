"""RULES 5.1, 5.2, 5.4 with real parts: campaigns that wait for a person, reminders, requests for permission."""
import datetime
import json

import support

NOW = datetime.datetime.now(datetime.timezone.utc)


def day(before):
    return (NOW - datetime.timedelta(days=before)).strftime("%Y-%m-%dT12:00:00Z")


def submit(house, recipients, message=None, user="acme"):
    """The refused recipients with their replies, and the reply to the end of data (None: nobody was taken)."""
    client = house.gateway.login(user)
    refused, end = {}, None
    assert client.mail("news@sender.test")[0] == 250
    for r in recipients:
        code, text = client.rcpt(r)
        if code != 250:
            refused[r] = f"{code} {text.decode()}"
    if len(refused) < len(recipients):
        code, text = client.data(message or support.letter("all@rcpt.test"))
        end = f"{code} {text.decode()}"
    client.close()
    return refused, end


def test_unproven_campaign_waits_for_a_person(house):
    """11 of 200 asked without consent: what comes and what is queued waits, the tenant is told, a release lets it go."""
    gateway = house.gateway
    gateway.add_credential("acme", "doubtful", campaign="doubtful")
    good = [f"good{n}@rcpt.test" for n in range(190)]
    bad = [f"bad{n}@rcpt.test" for n in range(11)]
    gateway.import_consents(good)

    refused, end = submit(house, good[:95] + bad[:5], user="doubtful")
    assert len(refused) == 5 and all("consent.missing" in text for text in refused.values())
    assert end.startswith("250")
    shown = gateway.json("campaign", "show", "acme", "doubtful")
    assert (shown["asked"], shown["unproven"], shown["held"]) == (100, 5, False)

    refused, end = submit(house, good[95:189] + bad[5:], user="doubtful")
    assert len(refused) == 6 and end.startswith("250")
    shown = gateway.json("campaign", "show", "acme", "doubtful")
    assert shown["held"] and shown["hold"]["reason"] == "campaign.max_unproven"
    assert (shown["hold"]["part"], shown["hold"]["whole"]) == (11, 200)

    # New mail is taken and waits; another campaign of the tenant goes on.
    _, end = submit(house, good[189:], support.letter(good[189], id="waits"), user="doubtful")
    assert end.startswith("250") and "campaign.max_unproven" in end
    _, end = submit(house, good[189:], support.letter(good[189], id="goes-on"))
    assert end.startswith("250") and "held" not in end
    house.received(good[189])
    assert not any(b"X-Test-Id: waits" in m for m in house.sink.mail())
    notice, = house.received("office@sender.test")
    assert b"doubtful" in notice and b"11 of the 200 recipients" in notice.replace(b"=\r\n", b"")

    assert gateway.cli("campaign", "release", "acme", "doubtful", code=2) == ""  # without a reason
    gateway.cli("campaign", "release", "acme", "doubtful", "--reason", "the list was cleaned")
    gateway.cli("campaign", "release", "acme", "doubtful", "--reason", "twice", code=1)
    support.wait_for(lambda: any(b"X-Test-Id: waits" in m for m in house.sink.mail()), "what waited to be delivered")
    gateway.wait_delivered()
    shown = gateway.json("campaign", "show", "acme", "doubtful")
    assert (shown["held"], shown["asked"], shown["releases"]) == (False, 0, 1)
    assert "doubtful" in gateway.cli("campaign", "list", "acme")
    acts = [json.loads(line) for line in gateway.cli("journal", "tail", "--kind", "desk_act", "--json").splitlines()]
    assert any(a["facts"].get("act") == "release_campaign" and a["facts"]["reason"] == "the list was cleaned" for a in acts)


def test_campaign_held_by_a_person(house):
    gateway = house.gateway
    gateway.add_credential("acme", "stopped", campaign="stopped")
    gateway.import_consents(["patient@rcpt.test"])
    gateway.cli("campaign", "hold", "acme", "stopped", "--reason", "the text looks odd")
    _, end = submit(house, ["patient@rcpt.test"], user="stopped")
    assert end.startswith("250") and "campaign.held" in end
    gateway.cli("campaign", "release", "acme", "stopped", "--reason", "it was a poem")
    house.received("patient@rcpt.test")


def test_late_first_mailing_reminds(house):
    """RULES 5.4: consent of four months ago, no mail since."""
    to = "late@rcpt.test"
    house.gateway.import_consents([{"email": to, "given_at": day(125), "last_click_at": day(5)}])
    _, end = submit(house, [to], support.letter(to))
    assert end.startswith("550 5.7.1") and "reminder.missing" in end and "Acme Kft." in end
    why = "You receive this because you signed up on our website. Acme Kft., Budapest"
    _, end = submit(house, [to], support.letter(to, id="reminds", text="The roses are in flower. " + why))
    assert end.startswith("250")
    house.received(to)
    house.gateway.wait_delivered()
    _, end = submit(house, [to], support.letter(to, id="second"))  # no first mailing any more
    assert end.startswith("250")


def test_request_for_permission_is_refused(house):
    to = "asked@rcpt.test"
    house.gateway.import_consents([to])
    house.gateway.add_credential("acme", "orders", stream="transactional")
    said = b"X-Consentry-Purpose: permission-request\r\n" + support.letter(to)
    asked = support.letter(to, subject="Egy kérdés", text="Kérjük, erősítse meg, hogy küldhetünk-e Önnek hírlevelet!")
    for message in (said, asked):
        for user in ("acme", "orders"):
            _, end = submit(house, [to], message, user=user)
            assert end.startswith("550 5.7.1") and "campaign.permission_request" in end


def test_desk_records_an_objection(house):
    to = "objector@rcpt.test"
    house.gateway.import_consents([to])
    house.gateway.cli("consent", "object", "acme", to)
    shown = house.gateway.json("consent", "show", "acme", to)
    assert any("objected_at" in c for c in shown["consents"])
