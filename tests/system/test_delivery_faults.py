"""Mail hosts that fail in every way and state: what was accepted arrives once, or is tried again, or its sender is told; and nobody else waits.

One gateway sends a letter to each of many faulty hosts at the same time; each test looks at what came of one of them.
"""
import collections
import contextlib
import datetime
import email
import json
import re
import socket
import ssl
import time

import pytest

import faulty_hop
import neighbours
import support
from conftest import House
from faulty_hop import Fault, FaultyHop, close, reset, says, silence

WAIT_S = 3   # for each answer
RETRY_S = 1  # before the second attempt

# What comes of the letter. again: attempts that must have failed before; lost: the host has it, but could not say so.
Want = collections.namedtuple("Want", "outcome again lost", defaults=(0, 0))
AT_ONCE, RETRIED, BOUNCED = Want("delivered"), Want("delivered", again=1), Want("bounced")
TWICE = Want("delivered", again=1, lost=1)

GARBAGE = b"\x00\x01\xff\xfe\x80what\x07 is this\r\n"
INTERRUPTIONS = {"reset": reset, "closed": close, "silent": silence, "dribbling": faulty_hop.dribble, "endless": faulty_hop.endless,
                 "garbage": says(GARBAGE), "over_long_line": says(b"250 " + b"x" * 100_000 + b"\r\n"),
                 "mismatched_codes": says(b"250-one\r\n550 another\r\n"), "no_code": says("ok, go on"),
                 "421": says("421 4.3.2 shutting down", close), "4xx": says("451 4.3.0 later"), "9xx": says("999 what")}
HARMLESS = {"slow": faulty_hop.slow, "one_byte_at_a_time": faulty_hop.drip, "bare_lf": faulty_hop.bare_lf,
            "many_lines": faulty_hop.many_lines, "code_without_text": faulty_hop.no_text}


def faults(way):
    """Name -> (fault, what is wanted of it). way: how the hosts of this table are spoken to."""
    stages = ["banner", "ehlo", "mail", "rcpt", "data", "end"]
    if way == "chunked":
        stages.remove("data")
    table = {}
    for stage in stages:
        for name, act in INTERRUPTIONS.items():
            # What cannot be told from "taken" may have been taken.
            is_refusal = name in ("421", "4xx")
            table[f"{name}_at_{stage}"] = Fault(stage, act), TWICE if stage == "end" and not is_refusal else RETRIED
    for action in ("reset", "closed"):
        table[f"{action}_at_connect"] = Fault("connect", INTERRUPTIONS[action]), RETRIED
        table[f"{action}_in_the_content"] = Fault("content", INTERRUPTIONS[action]), RETRIED
    for name, act in HARMLESS.items():
        table[f"{name}_everywhere"] = Fault("*", act, None), AT_ONCE
    table |= {
        "5xx_at_banner": (Fault("banner", says("554 5.7.1 not you")), RETRIED),
        "521_at_banner": (Fault("banner", says("521 5.3.2 no mail here"), None), BOUNCED),
        "5xx_at_ehlo": (Fault("ehlo", says("502 5.5.1 what is EHLO")), AT_ONCE),  # HELO
        "5xx_at_mail": (Fault("mail", says("550 5.7.1 not from you"), None), BOUNCED),
        "5xx_at_rcpt": (Fault("rcpt", says("550 5.1.1 nobody"), None), BOUNCED),
        "5xx_at_end": (Fault("end", says("554 5.7.1 not this"), None), BOUNCED),
        "354_at_mail": (Fault("mail", says("354 go on")), RETRIED),
        "354_at_rcpt": (Fault("rcpt", says("354 go on")), RETRIED),
        "354_at_end": (Fault("end", says("354 more")), TWICE),
        "refused_in_the_content_then_closed": (Fault("content", says("552 5.3.4 enough", close), None), BOUNCED),
        "421_in_the_content_then_reset": (Fault("content", says("421 4.3.2 going down", reset)), RETRIED),
        "words_before_their_command": (Fault("banner", says(b"220 x\r\n250 x\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n", silence)), RETRIED),
        "greylisted_for_two_attempts": (Fault("rcpt", says("450 4.2.0 greylisted"), 2), Want("delivered", again=2)),
    }
    if way != "chunked":
        table |= {
            "5xx_at_data": (Fault("data", says("554 5.7.1 no"), None), BOUNCED),
            "250_without_354": (Fault("data", says("250 2.0.0 taken")), RETRIED),
            "354_and_taken_in_one": (Fault("data", says(b"354 go on\r\n250 2.0.0 taken\r\n")), RETRIED),
        }
    else:
        table["bdat_is_not_known"] = Fault("content", says("500 5.5.2 what is BDAT", silence)), RETRIED
    return table


WAYS = {"plain": (), "pipelined": ("PIPELINING",), "chunked": ("PIPELINING", "CHUNKING")}
TABLE = {f"{name}-{way}": entry for way in WAYS for name, entry in faults(way).items()}


def certificate(folder, name, days=2, key="ec"):
    """A server's context with a certificate of its own. days < 0: it has expired."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.utcnow()
    built = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(private.public_key())
             .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=10))
             .not_valid_after(now + datetime.timedelta(days=days))
             .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False).sign(private, hashes.SHA256()))
    path = folder / f"{name}{days}.pem"
    path.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
                     + built.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


# Name -> (fault, host name and days of the certificate, whether the letter comes over TLS). All arrive in the first attempt: what is
# asked for is opportunistic.
TLS_TABLE = {
    "self_signed_certificate": (None, "faulty.test", 2, True),
    "certificate_of_another_name": (None, "someone.else.test", 2, True),
    "expired_certificate": (None, "faulty.test", -1, True),
    "starttls_refused_4xx": (Fault("starttls", says("454 4.7.0 not now")), "faulty.test", 2, False),
    "starttls_refused_5xx": (Fault("starttls", says("502 5.5.1 no")), "faulty.test", 2, False),
    "reset_at_starttls": (Fault("starttls", reset), "faulty.test", 2, False),
    "closed_at_starttls": (Fault("starttls", close), "faulty.test", 2, False),
    "silent_at_starttls": (Fault("starttls", silence), "faulty.test", 2, False),
    "421_at_starttls": (Fault("starttls", says("421 4.3.2 down", close)), "faulty.test", 2, False),
    "reset_in_the_handshake": (Fault("handshake", reset), "faulty.test", 2, False),
    "closed_in_the_handshake": (Fault("handshake", close), "faulty.test", 2, False),
    "silent_in_the_handshake": (Fault("handshake", silence), "faulty.test", 2, False),
    "garbage_in_the_handshake": (Fault("handshake", says(GARBAGE * 20, silence)), "faulty.test", 2, False),
    "words_between_starttls_and_handshake": (Fault("starttls", says(b"220 go\r\n250 and this\r\n", silence)), "faulty.test", 2, False),
}


def address(name):
    return f"u@{name.replace('_', '-')}.test"


def named(name):
    """A host as it stands in a route."""
    return address(name).partition("@")[2]


def submit(gateway, user, recipients):
    """A letter to each; the number of the message by its recipient."""
    numbers = {}
    client = gateway.login(user)
    for to in recipients:
        client.mail("news@sender.test")
        client.rcpt(to)
        code, text = client.data(support.letter(to, id=to))
        assert code == 250, text
        numbers[to] = re.search(r"\bm[0-9a-z]{7,}", text.decode()).group()
    client.quit()
    return numbers


ENDS = ("deferred", "attempted", "delivered", "bounced")


def attempts(gateway):
    """What the journal tells of each message's attempts, oldest first."""
    found = collections.defaultdict(list)
    for kind in ENDS:
        for line in gateway.cli("journal", "tail", "--kind", kind, "-n", "1000", "--json").splitlines():
            entry = json.loads(line)
            found[entry["message"]].append(entry)
    for entries in found.values():
        entries.sort(key=lambda e: e["seq"])
    return found


def settings_for(routes, notices, **delivery):
    return {"route": [{"domain": "sender.test", "host": "127.0.0.1", "port": notices.port},
                      *({"domain": named(n), "host": "127.0.0.1", "port": p} for n, p in routes.items())],
            "delivery": {"retry_first_s": RETRY_S, "retry_max_s": RETRY_S, "connect_timeout_s": WAIT_S, "command_timeout_s": WAIT_S,
                         "end_of_data_timeout_s": WAIT_S, "connections_max": 500} | delivery}


class World:
    def __init__(self, house, hop, notices):
        self.house, self.gateway, self.hop, self.notices = house, house.gateway, hop, notices
        self.numbers = {}

    def learn(self):
        self.attempts = attempts(self.gateway)
        self.told = [m.decode("latin-1") for m in self.notices.mail()]

    def of(self, name):
        return self.hop.hosts[name], self.attempts[self.numbers[address(name)]]


@pytest.fixture(scope="module")
def world():
    with support.folder() as home, FaultyHop() as hop, neighbours.MailSink(home, name="notices") as notices:
        ports = {name: hop.add(name, fault, WAYS[name.rsplit("-", 1)[1]]) for name, (fault, _) in TABLE.items()}
        for name, (fault, host, days, _) in TLS_TABLE.items():
            ports[name] = hop.add(name, fault, ("PIPELINING",), tls=certificate(home, host, days))
        for way, extensions in WAYS.items():
            ports[f"good-{way}"] = hop.add(f"good-{way}", None, extensions)
        with House(home, settings_for(ports, notices)) as house:
            w = World(house, hop, notices)
            w.gateway.import_consents([address(n) for n in ports])
            # A campaign each: the bounces of all would hold a single one.
            for way in WAYS:
                w.gateway.add_credential("acme", way, campaign=way)
                w.numbers |= submit(w.gateway, way, [address(n) for n in TABLE if n.endswith(f"-{way}")])
            w.numbers |= submit(w.gateway, "acme", [address(n) for n in TLS_TABLE])
            w.numbers |= submit(w.gateway, "acme", [address(f"good-{way}") for way in WAYS])
            try:
                w.gateway.wait_delivered()
            finally:
                w.learn()
                left = {m["message"] for m in w.gateway.queued()["messages"]}
                for to, number in w.numbers.items():  # shown where it fails
                    if number in left:
                        print(to, [(e["kind"], e.get("facts")) for e in w.attempts[number]],
                              [(h.connections, h.commands) for n, h in w.hop.hosts.items() if address(n) == to])
            yield w


def check(world, name, fault, want):
    host, entries = world.of(name)
    kinds = [e["kind"] for e in entries]
    print(name, kinds, [e.get("facts") for e in entries], host.commands)  # shown where it fails
    assert kinds[-1:] == [want.outcome] and len(kinds) == 1 + want.again
    stage = None if fault is None else fault.stage
    # Where the answer to the whole message was lost the journal says that it may come twice. What goes out in one write with its
    # envelope may have arrived with any answer that was not understood.
    may_be_lost = stage == "content" or name.endswith("-chunked") and stage in ("mail", "rcpt")
    if not may_be_lost:
        assert kinds.count("attempted") == want.lost
    # Counted as delivered exactly when the host said that it has it, and that once, but where the journal says that it is not known.
    acknowledged = [t for t in host.taken if t.acknowledged]
    copies = len(acknowledged) - (want.outcome == "delivered")
    # A host that reads on after its own garbage has the whole mail, and whether its answer still finds the connection is a matter of luck.
    unheard = len(host.taken) - len(acknowledged) - (host.struck if stage == "end" else 0)
    assert copies >= 0 and unheard >= 0
    assert copies + unheard <= (kinds.count("attempted") if may_be_lost else 0)
    for t in acknowledged:
        assert t.recipients == (address(name),)
        assert "The roses are in flower." in email.message_from_bytes(t.content).get_payload()
    # The next attempt is not before its time, and needs one connection at most.
    if want.again:
        assert max(host.connections[-1:] + host.mail_at[-1:]) - host.struck_at >= 0.9 * RETRY_S
    told = [n for n in world.told if f"rfc822;{address(name)}" in n.replace(" ", "")]
    assert len(told) == (want.outcome == "bounced")


@pytest.mark.parametrize("name", TABLE)
def test_fault(world, name):
    fault, want = TABLE[name]
    check(world, name, fault, want)
    assert world.hop.hosts[name].struck > 0
    assert len(world.hop.hosts[name].connections) <= 1 + want.again


@pytest.mark.parametrize("name", TLS_TABLE)
def test_tls_fault(world, name):
    fault, _, _, is_tls = TLS_TABLE[name]
    check(world, name, fault, AT_ONCE)
    (taken,) = world.hop.hosts[name].taken
    assert taken.tls == is_tls


@pytest.mark.parametrize("way", WAYS)
def test_good_hosts_do_not_wait_for_others(world, way):
    check(world, f"good-{way}", None, AT_ONCE)
    last_of_silent = max(t.at for t in world.hop.hosts["silent_at_end-chunked"].taken)
    assert world.hop.hosts[f"good-{way}"].taken[0].at < last_of_silent


# -- faults of many letters -----------------------------------------------------------------------------------------------


def many(name, count):
    return [f"u{i}@{named(name)}" for i in range(count)]


@pytest.fixture
def small_world(home):
    """make(hosts, **delivery settings): a gateway before hosts that were added to `hop`."""
    with contextlib.ExitStack() as stack:
        hop = stack.enter_context(FaultyHop())
        notices = stack.enter_context(neighbours.MailSink(home, name="notices"))

        def make(routes, zones=(), **delivery):
            house = House(home, settings_for(routes, notices, **delivery))
            house.knot.zones |= dict(zones)
            stack.enter_context(house)
            return World(house, hop, notices)
        make.hop = hop
        yield make


def deliver(world, recipients):
    world.gateway.import_consents(recipients)
    world.numbers |= submit(world.gateway, "acme", recipients)


def of_many(world, recipients):
    """Kinds of attempts over all of them."""
    world.learn()
    return collections.Counter(e["kind"] for to in recipients for e in world.attempts[world.numbers[to]])


def test_closes_silently_after_some_messages(small_world):
    """Yahoo does: another connection, and nobody is to blame."""
    port = small_world.hop.add("yahoo", None, ("PIPELINING",), messages_max=3)
    quits = {f"quit-{n}": small_world.hop.add(f"quit-{n}", Fault("quit", INTERRUPTIONS[n], None)) for n in ("reset", "closed", "silent", "garbage", "4xx")}
    world = small_world({"yahoo": port, **quits}, messages_per_connection_max=4, connections_per_destination_max=1)
    letters = many("yahoo", 14)
    deliver(world, letters + [to for n in quits for to in many(n, 5)])
    world.gateway.wait_delivered()
    assert of_many(world, letters) == {"delivered": 14}
    assert sorted(t.recipients[0] for t in world.hop.hosts["yahoo"].taken) == sorted(letters)
    assert len(world.hop.hosts["yahoo"].connections) >= 5
    for n in quits:
        assert of_many(world, many(n, 5)) == {"delivered": 5}
        assert len(world.hop.hosts[n].taken) == 5
        assert world.hop.hosts[n].struck >= 1


def test_storms(small_world):
    """Hosts that refuse everything for a while, and one that is well: nothing is lost, nothing hurried, and the well one's mail goes."""
    hop = small_world.hop
    ports = {"storm-4xx": hop.add("storm-4xx", Fault("rcpt", says("451 4.3.0 busy"), 40)),
             "storm-421": hop.add("storm-421", Fault("banner", says("421 4.3.2 busy", close), None)),
             "well": hop.add("well", None, ("PIPELINING", "CHUNKING"))}
    half = socket.create_server(("127.0.0.1", 0), backlog=50)  # the system takes the connection, nobody speaks
    full = socket.create_server(("127.0.0.1", 0), backlog=0)   # no room for another one that waits
    with half, full, socket.create_connection(full.getsockname()):
        ports |= {"half-open": half.getsockname()[1], "no-answer": full.getsockname()[1]}
        world = small_world(ports)
        for name in ("storm-4xx", "storm-421", "half-open", "no-answer"):
            deliver(world, many(name, 20))
        deliver(world, many("well", 30))
        support.wait_for(lambda: len(hop.hosts["well"].taken) == 30, "the mail of the host that is well")
        support.wait_for(lambda: sum(t.acknowledged for t in hop.hosts["storm-4xx"].taken) == 20, "the mail after the storm")
        support.wait_for(lambda: of_many(world, many("half-open", 20))["deferred"] >= 3, "those that nobody greets")
        kinds = {n: of_many(world, many(n, 30 if n == "well" else 20)) for n in ports}
        print(kinds)
        assert kinds["well"] == {"delivered": 30}
        assert kinds["storm-4xx"] == {"deferred": 40, "delivered": 20}
        # A site that answers nobody is left alone after three attempts in a row, but for those under way.
        for name in ("storm-421", "half-open", "no-answer"):
            assert set(kinds[name]) == {"deferred"} and 1 <= kinds[name]["deferred"] <= 25
        assert world.gateway.json("stats")["queue"]["queued"] == 60
        assert not world.told


def test_the_next_mx_takes_what_a_mute_one_does_not(small_world):
    port = support.free_port("127.0.0.61")
    small_world.hop.add("second", None, at=("127.0.0.61", port))
    with socket.create_server(("127.0.0.60", port)):
        world = small_world({}, zones={"mute.example": ["@ MX 10 a", "@ MX 20 b", "a A 127.0.0.60", "b A 127.0.0.61"],
                                       "ours.example": ["@ MX 10 mail.gw.test."]}, port=port)
        deliver(world, ["u@mute.example"])
        world.gateway.wait_delivered()
        assert of_many(world, ["u@mute.example"]) == {"delivered": 1}
        # Mail for a domain whose mail host we are would come back for ever (RFC 5321 section 5.1).
        deliver(world, ["u@ours.example"])
        world.gateway.wait_delivered()
        assert of_many(world, ["u@ours.example"]) == {"bounced": 1}
        assert "5.4.6" in world.told[0]


def test_some_recipients_are_refused(small_world):
    """One message to many: each has its own fate."""
    class ByName:
        stage, times = "rcpt", None

        @staticmethod
        async def act(talk, normal):
            said = {b"no@": "550 5.1.1 nobody", b"lo@": "450 4.2.1 later"}.get(talk.last_line.split(b"<")[1][:3], normal)
            return await talk.say(said)
    world = small_world({"some": small_world.hop.add("some", ByName, ("PIPELINING", "CHUNKING"))})
    people = [f"{n}@{named('some')}" for n in ("a", "no", "b", "lo", "c")]
    world.gateway.import_consents(people)
    client = world.gateway.login()
    client.sendmail("news@sender.test", people, support.letter("readers@some.test"))
    client.quit()
    host = small_world.hop.hosts["some"]
    support.wait_for(lambda: len(host.taken) == 3, "three letters")
    support.wait_for(lambda: world.notices.received(), "the notice")
    assert sorted(t.recipients[0][0] for t in host.taken) == ["a", "b", "c"]
    assert world.gateway.json("stats")["queue"]["queued"] == 1
    (notice,) = world.notices.mail()
    assert b"no@some.test" in notice and b"lo@some.test" not in notice
