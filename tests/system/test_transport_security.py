"""Whom mail is handed to, and under what protection: DANE in a signed zone, MTA-STS over real HTTPS, a test for each way to cheat."""
import email
import gzip
import json
import time

import pytest

import neighbours
import support
import tls_world
from conftest import House
from tls_world import TlsHost, tlsa

ZONE = "secure.example"
GOOD, WRONG, EXPIRED, PLAIN, GARBAGE, POLICIES = (f"127.0.2.{n}" for n in (1, 2, 3, 4, 5, 9))
UNSIGNED = {
    # name: the policy file of MTA-STS, or None; MX host; its address
    "sts-good": ("enforce", "mx.sts-good.example", GOOD), "sts-wrong": ("enforce", "mx.sts-wrong.example", WRONG),
    "sts-expired": ("enforce", "mx.sts-expired.example", EXPIRED), "sts-plain": ("enforce", "mx.sts-plain.example", PLAIN),
    "sts-garbage": ("enforce", "mx.sts-garbage.example", GARBAGE),
    "sts-testing": ("testing", "mx.sts-testing.example", WRONG), "sts-unmatched": ("enforce", "mx.sts-unmatched.example", GOOD),
    "sts-kept": ("enforce", "mx.sts-kept.example", WRONG), "sts-broken": (None, "mx.sts-broken.example", WRONG),
    "sts-moved": (None, "mx.sts-moved.example", WRONG), "sts-html": (None, "mx.sts-html.example", WRONG),
    "sts-untrusted": ("enforce", "mx.sts-untrusted.example", WRONG),
    "plain-tls": (None, "mx.plain-tls.example", WRONG), "garbage": (None, "mx.garbage.example", GARBAGE),
    "listed": (None, "mx.listed.example", PLAIN), "tlsa-unsigned": (None, "mx.tlsa-unsigned.example", WRONG),
    "weak": (None, f"mx-ee.{ZONE}", GOOD), "resume": (None, "mx.resume.example", GOOD),
    "req-plain": (None, "mx.req-plain.example", GOOD),
}
SIGNED = ["ee", "ta", "ta-mismatch", "wrong", "ee-expired", "ta-expired", "no-tls", "bogus", "unusable", "unusable-plain", "cheat", "two",
          "sts-outranked", "alias", "waived", "req"]


def policy(mode, mx, max_age=86400):
    return f"version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: {max_age}\r\n"


def signed_lines(port, ca, good, wrong, expired):
    def host(name, address, *records):
        return [f"{name} MX 10 mx-{name}", f"mx-{name} A {address}", *(f"_{port}._tcp.mx-{name} TLSA {r}" for r in records)]
    other = tlsa(3, wrong.certificate)
    return [
        *host("ee", GOOD, tlsa(3, good.certificate)), *host("ta", GOOD, tlsa(2, ca.certificate)),
        *host("ta-mismatch", WRONG, tlsa(2, ca.certificate)), *host("wrong", GOOD, other),
        *host("ee-expired", EXPIRED, tlsa(3, expired.certificate)), *host("ta-expired", EXPIRED, tlsa(2, ca.certificate)),
        *host("no-tls", PLAIN, other), *host("bogus", GOOD, tlsa(3, good.certificate)),
        *host("unusable", WRONG, "1 1 1 " + "ab" * 32), *host("unusable-plain", PLAIN, "0 0 1 " + "ab" * 32),
        *host("cheat", GARBAGE, other), *host("two", GOOD, other), "two MX 20 mx-ee",
        *host("sts-outranked", GOOD, tlsa(3, good.certificate)), '_mta-sts.sts-outranked TXT "v=STSv1; id=1;"',
        f"mta-sts.sts-outranked A {POLICIES}", "alias MX 10 mx-alias", "mx-alias CNAME mx-ee",
        *host("waived", PLAIN, other), *host("req", GOOD, tlsa(3, good.certificate)),
    ]


@pytest.fixture(scope="module")
def world():
    with support.folder() as path:
        port, https = support.free_port("127.0.2.1"), support.free_port(POLICIES)
        ca, stranger = tls_world.Authority(path), tls_world.Authority(path, "Stranger")
        good = ca.issue(f"*.{ZONE}", *(f"mx.{n}.example" for n in UNSIGNED))
        wrong = ca.issue("somebody.else.example")
        expired = ca.issue(f"mx-ta-expired.{ZONE}", "mx.sts-expired.example", begin=-9, end=-2)
        hosts = {a: TlsHost(a, port, tls) for a, tls in
                 ((GOOD, good.context()), (WRONG, wrong.context()), (EXPIRED, expired.context()), (PLAIN, None), (GARBAGE, "garbage"))}
        names = [f"mta-sts.{n}.example" for n in UNSIGNED] + [f"mta-sts.sts-outranked.{ZONE}"]
        web = tls_world.PolicyServer(POLICIES, https, ca.issue(*names),
                                     {"mta-sts.sts-untrusted.example": stranger.issue("mta-sts.sts-untrusted.example")})
        house = House(path)
        (path / "names").mkdir()
        house.knot = tls_world.SignedKnot(path / "names", {"sender.test": [], "gw.test": [], "rcpt.test": []})
        notices = support.free_port()
        house.sink = neighbours.MailSink(path / "names", ["--port", str(notices)])
        house.knot.signed, house.knot.lines = ZONE, signed_lines(port, ca, good, wrong, expired)
        house.knot.tamper = {f"_{port}._tcp.mx-bogus.{ZONE}.": (tlsa(3, good.certificate)[-8:], "00c0ffee")}
        for name, (mode, mx, address) in UNSIGNED.items():
            lines = [f"@ MX 10 {mx}."]
            if mx.endswith(f".{name}.example"):
                lines.append(f"mx A {address}")
            if name.startswith("sts-"):
                lines += ['_mta-sts TXT "v=STSv1; id=1;"', f"mta-sts A {POLICIES}"]
            house.knot.zones[f"{name}.example"] = lines
            if mode:
                web.answers[f"{name}.example"] = policy(mode, mx)
        house.knot.zones["tlsa-unsigned.example"].append(f"_{port}._tcp.mx TLSA {tlsa(3, good.certificate)}")
        rua = f"mailto:tls@sender.test,https://mta-sts.sts-good.example:{https}/tls"
        for name in ("sts-good", "sts-wrong"):
            house.knot.zones[f"{name}.example"].append(f'_smtp._tls TXT "v=TLSRPTv1; rua={rua}"')
        web.answers["sts-unmatched.example"] = policy("enforce", "*.elsewhere.example")
        web.answers["sts-broken.example"] = "mode: enforce\r\n"
        web.answers["sts-moved.example"] = (301, "text/plain", f"https://mta-sts.sts-good.example:{https}/.well-known/mta-sts.txt")
        web.answers["sts-html.example"] = (200, "text/html", policy("enforce", "mx.sts-html.example"))
        web.answers[f"sts-outranked.{ZONE}"] = policy("enforce", "mx.elsewhere.example")
        house.settings = {
            "delivery": {"port": port, "retry_first_s": 600, "retry_max_s": 600, "mta_sts_port": https, "tls_authorities": str(ca.file),
                         "tls_required": ["listed.example"], "connect_timeout_s": 5,
                         "tls_report_contact": "news@sender.test", "tls_report_organization": "Acme Kft."},
            "dns": {"forward": [f"{house.knot.host}@{house.knot.port}"], "timeout_s": 5, "allow_loopback": True,
                    "trust_anchor_file": str(house.knot.home / "anchor.key")},
            "route": [{"domain": "sender.test", "host": "127.0.0.1", "port": notices}],
        }
        with house:
            house.hosts, house.web = hosts, web
            house.gateway.import_consents([f"{who}@{d}" for who in ("u", "v", "w") for d in
                                           [*(f"{n}.example" for n in UNSIGNED), *(f"{n}.{ZONE}" for n in SIGNED)]])
            yield house
        for h in hosts.values():
            h.close()
        web.close()


def send(world, to, options=(), header=""):
    """One letter; the outcome of its first attempt."""
    seen = len(world.gateway.output().splitlines())
    client = world.gateway.login()
    client.ehlo()
    client.sendmail("news@sender.test", [to], header.encode() + support.letter(to), mail_options=list(options))
    client.quit()
    return tls_world.next_outcome(world.gateway, seen)


def got(world, address, to):
    return [m for m in world.hosts[address].messages() if f"To: {to}".encode() in m]


def clear(world):
    """Letters that went to anybody in clear text."""
    return [m for h in world.hosts.values() for s in h.sessions if not s["tls"] for m in s["messages"]]


@pytest.mark.parametrize("name, address", [("ee", GOOD), ("ta", GOOD), ("ee-expired", EXPIRED), ("alias", GOOD)])
def test_dane_proves_the_host(world, name, address):
    """RFC 7672: of a DANE-EE certificate neither name nor dates count; CNAMEs in a signed zone lead to the records."""
    to = f"u@{name}.{ZONE}"
    outcome = send(world, to)
    assert outcome["event"] == "delivered", outcome
    assert outcome["tls"].startswith("TLSv1.3 ") and outcome["tls"].endswith(" dane")
    assert len(got(world, address, to)) == 1


@pytest.mark.parametrize("name, why", [
    ("wrong", "validation-failure"), ("ta-mismatch", "certificate-host-mismatch"), ("ta-expired", "certificate-expired"),
    ("no-tls", "starttls-not-supported"), ("cheat", "validation-failure"), ("bogus", "cannot be had"),
    ("unusable-plain", "starttls-not-supported")])
def test_dane_is_never_downgraded(world, name, why):
    to = f"u@{name}.{ZONE}"
    outcome = send(world, to)
    assert outcome["event"] == "deferred" and why in outcome["reply"], outcome
    assert not any(got(world, a, to) for a in world.hosts)


def test_a_host_whose_records_cannot_be_trusted_is_not_even_called(world):
    before = len(world.hosts[GOOD].sessions)
    assert send(world, f"v@bogus.{ZONE}")["event"] == "deferred"
    assert len(world.hosts[GOOD].sessions) == before


def test_records_that_cannot_be_used_still_demand_tls(world):
    outcome = send(world, f"u@unusable.{ZONE}")
    assert outcome["event"] == "delivered" and outcome["tls"].endswith(" unverified"), outcome


def test_another_host_that_keeps_the_promise_gets_the_mail(world):
    outcome = send(world, f"u@two.{ZONE}")
    assert (outcome["event"], outcome["host"]) == ("delivered", f"mx-ee.{ZONE}"), outcome


def test_records_of_an_unsigned_zone_are_nobodys_word(world):
    outcome = send(world, "u@tlsa-unsigned.example")
    assert outcome["event"] == "delivered" and outcome["tls"].endswith(" unverified"), outcome


def test_dane_outranks_mta_sts(world):
    """RFC 8461 section 2: its policy names another host, and does not matter."""
    outcome = send(world, f"u@sts-outranked.{ZONE}")
    assert outcome["event"] == "delivered" and outcome["tls"].endswith(" dane"), outcome


def test_mta_sts_proves_the_host(world):
    outcome = send(world, "u@sts-good.example")
    assert outcome["event"] == "delivered" and outcome["tls"].endswith(" mta-sts"), outcome


@pytest.mark.parametrize("name, why", [
    ("sts-wrong", "certificate-host-mismatch"), ("sts-expired", "certificate-expired"), ("sts-plain", "starttls-not-supported"),
    ("sts-garbage", "validation-failure"), ("sts-unmatched", "does not name the host")])
def test_mta_sts_is_never_downgraded(world, name, why):
    to = f"u@{name}.example"
    outcome = send(world, to)
    assert outcome["event"] == "deferred" and why in outcome["reply"], outcome
    assert not any(got(world, a, to) for a in world.hosts)


@pytest.mark.parametrize("name", ["sts-testing", "sts-broken", "sts-moved", "sts-html", "sts-untrusted"])
def test_a_policy_that_binds_nobody(world, name):
    """In testing; malformed; behind a redirect; of another type; from a web server nobody vouches for."""
    outcome = send(world, f"u@{name}.example")
    assert outcome["event"] == "delivered" and outcome["tls"].endswith(" unverified"), outcome
    asked = [d for d, _ in world.web.asked]
    assert (f"{name}.example" in asked) == (name != "sts-untrusted")
    if name == "sts-moved":
        assert asked.count("sts-good.example") <= 1  # its own


def test_a_kept_policy_binds_when_no_other_can_be_had(world):
    """Across a restart, with a new id in the DNS and a web server that fails."""
    assert send(world, "u@sts-kept.example")["event"] == "deferred"
    world.web.answers["sts-kept.example"] = (503, "text/plain", "")
    zone = world.knot.zones["sts-kept.example"]
    world.knot.zones["sts-kept.example"] = [l.replace("id=1", "id=2") for l in zone]
    world.knot.add("sts-kept.example")
    world.gateway.stop()
    world.gateway.start()
    asked = len(world.web.asked)
    outcome = send(world, "v@sts-kept.example")
    assert outcome["event"] == "deferred" and "certificate-host-mismatch" in outcome["reply"], outcome
    assert world.web.asked[asked:] == [("sts-kept.example", "/.well-known/mta-sts.txt")]
    # It is not asked again at once; the next policy counts when it comes.
    assert send(world, "w@sts-kept.example")["event"] == "deferred"
    assert len(world.web.asked) == asked + 1


def test_without_a_policy_tls_is_used_where_it_can_be(world):
    assert send(world, "u@plain-tls.example")["tls"].endswith(" unverified")
    assert len(world.hosts[WRONG].messages()) > 0
    outcome = send(world, "u@garbage.example")
    assert (outcome["event"], outcome["tls"]) == ("delivered", ""), outcome


def test_a_listed_host_gets_no_clear_text(world):
    outcome = send(world, "u@listed.example")
    assert outcome["event"] == "deferred" and "starttls-not-supported" in outcome["reply"], outcome


def test_a_connection_is_not_used_for_what_demands_more(world):
    """The same host by the same name: once for a domain whose MX is nobody's word, once for one in the signed zone."""
    outcome = send(world, "v@weak.example")
    assert outcome["tls"].endswith(" unverified")
    before = len(world.hosts[GOOD].sessions)
    outcome = send(world, f"v@ee.{ZONE}")
    assert outcome["tls"].endswith(" dane") and len(world.hosts[GOOD].sessions) == before + 1
    outcome = send(world, f"w@ee.{ZONE}")
    assert outcome["tls"].endswith(" dane") and len(world.hosts[GOOD].sessions) == before + 1


def test_sessions_are_taken_up_again(world):
    host = world.hosts[GOOD]
    host.messages_max = 1
    try:
        first = send(world, "u@resume.example")
        assert " resumed " not in first["tls"] and not host.sessions[-1]["resumed"]
        second = send(world, "v@resume.example")
        assert " resumed " in second["tls"] and host.sessions[-1]["resumed"], second
        # What DANE verified is taken up as such; what nobody verified is not taken for it.
        send(world, f"u@req.{ZONE}")
        again = send(world, f"v@req.{ZONE}")
        assert again["tls"].endswith(" resumed dane"), again
    finally:
        host.messages_max = 100


def test_requiretls(world):
    """RFC 8689: verified and offered, or back to the sender with the header alone."""
    host = world.hosts[GOOD]
    host.offers = ["REQUIRETLS"]
    outcome = send(world, f"w@req.{ZONE}", ["REQUIRETLS"])
    assert outcome["event"] == "delivered" and outcome["tls"].endswith(" dane"), outcome
    assert host.sessions[-1]["mail"][-1].endswith(" REQUIRETLS")
    # The host would do, but nobody vouches for its name.
    outcome = send(world, "u@req-plain.example", ["REQUIRETLS"])
    assert outcome["event"] == "bounced", outcome
    host.offers = []
    seen = len(world.sink.received())
    outcome = send(world, f"w@ta.{ZONE}", ["REQUIRETLS", "RET=FULL"])
    assert outcome["event"] == "bounced" and "REQUIRETLS" in outcome["reply"], outcome
    support.wait_for(lambda: len(world.sink.received()) > seen, "the notice")
    notices = [m for m in world.sink.mail() if f"w@ta.{ZONE}".encode() in m]
    assert b"5.7.30" in notices[-1] and b"roses are in flower" not in notices[-1]
    assert [p.get_content_type() for p in email.message_from_bytes(notices[-1]).get_payload()][-1] == "text/rfc822-headers"


def test_requiretls_is_offered_under_tls_only(world):
    client = world.gateway.login()
    client.ehlo()
    assert client.has_extn("requiretls")
    client.quit()


def test_tls_required_no_counts_more_than_the_recipients_policy(world):
    to = f"u@waived.{ZONE}"
    outcome = send(world, to, header="TLS-Required: No\r\n")
    assert outcome["event"] == "delivered" and outcome["tls"] == "", outcome
    assert len(got(world, PLAIN, to)) == 1
    assert send(world, f"v@waived.{ZONE}")["event"] == "deferred"


def test_nothing_that_was_promised_went_in_clear_text(world):
    """Over all tests before: only who promised nothing, and who asked for it."""
    time.sleep(0.1)
    recipients = {m.split(b"To: ", 1)[1].split(b"\r\n", 1)[0].decode() for m in clear(world)}
    assert recipients == {"u@garbage.example", f"u@waived.{ZONE}"}


def test_reports_of_the_day(world, monkeypatch):
    """RFC 8460: after its end, by mail that is signed, and by POST. The last test: it moves the clock."""
    assert send(world, "w@sts-good.example")["event"] == "delivered"
    assert send(world, "w@sts-wrong.example")["event"] == "deferred"
    world.gateway.stop()
    seen = len(world.sink.received())
    world.gateway.extra_arguments = ["--clock-days", "2"]
    world.gateway.start()
    mails = support.wait_for(lambda: world.sink.mail()[seen:] if len(world.sink.received()) >= seen + 2 else None, "two reports")
    support.wait_for(lambda: len(world.web.posted) >= 2, "two posts")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 2 * 86400)  # dkimpy: not signed in the future
    reports = {}
    for m in mails:
        parsed = email.message_from_bytes(m)
        assert parsed["TLS-Required"] == "No" and parsed.get_param("report-type") == "tlsrpt"
        assert ("sender.test", True) in [(d, good) for d, _, good in neighbours.dkim_verdicts(m, world.knot)]
        packed = parsed.get_payload()[1].get_payload(decode=True)
        assert packed in [body for _, _, body in world.web.posted]
        reports[parsed["TLS-Report-Domain"]] = json.loads(gzip.decompress(packed))
    assert {(path, kind) for path, kind, _ in world.web.posted} == {("/tls", "application/tlsrpt+gzip")}
    good = reports["sts-good.example"]
    assert (good["organization-name"], good["contact-info"]) == ("Acme Kft.", "news@sender.test")
    assert [p["policy"]["policy-type"] for p in good["policies"]] == ["sts"]
    assert good["policies"][0]["summary"]["total-failure-session-count"] == 0
    assert good["policies"][0]["summary"]["total-successful-session-count"] >= 1
    wrong = reports["sts-wrong.example"]["policies"][0]
    assert wrong["summary"]["total-failure-session-count"] >= 1
    assert {d["result-type"] for d in wrong["failure-details"]} == {"certificate-host-mismatch"}
    assert wrong["failure-details"][0]["receiving-mx-hostname"] == "mx.sts-wrong.example"
