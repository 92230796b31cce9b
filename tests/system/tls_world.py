"""Mail hosts with certificates of every kind, a signed zone that names them, and a web server for policies of MTA-STS."""
import datetime
import hashlib
import http.server
import json
import pathlib
import socket
import ssl
import subprocess
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import neighbours
from support import wait_for

DAY = datetime.timedelta(days=1)


class Authority:
    """Issues certificates; its own lies in `file`."""

    def __init__(self, home, name="Test CA"):
        self.home, self.name = pathlib.Path(home), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.build(self.name, self.key, x509.BasicConstraints(True, None), [])
        self.file = self.home / f"{name.replace(' ', '-')}.pem"
        self.file.write_bytes(pem(self.certificate))

    def build(self, subject, key, constraints, names, begin=-1, end=2):
        now = datetime.datetime.now(datetime.timezone.utc)
        b = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        b = b.serial_number(x509.random_serial_number()).not_valid_before(now + begin * DAY).not_valid_after(now + end * DAY)
        b = b.add_extension(constraints, critical=True)
        if names:
            b = b.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        return b.sign(self.key, hashes.SHA256())

    def issue(self, *names, begin=-1, end=2):
        """An identity: chain (with the authority's certificate) and key in files, and the certificate itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        made = Identity()
        made.certificate = self.build(subject, key, x509.BasicConstraints(False, None), names, begin, end)
        made.chain, made.key = (self.home / f"{names[0].replace('*', 'any')}-{end}.{kind}" for kind in ("pem", "key"))
        made.chain.write_bytes(pem(made.certificate) + pem(self.certificate))
        made.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        return made


class Identity:
    def context(self):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.chain, self.key)
        return c


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def tlsa(usage, certificate):
    """A TLSA record's data: the public key for DANE-EE, the whole certificate for an authority."""
    if usage == 2:
        return f"2 0 1 {hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()}"
    key = certificate.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"{usage} 1 1 {hashlib.sha256(key).hexdigest()}"


class TlsHost:
    """An SMTP server on an address of its own. tls: an ssl.SSLContext, None (no STARTTLS), or "garbage" after STARTTLS."""

    def __init__(self, host, port, tls=None, offers=(), messages_max=100):
        self.host, self.port, self.tls, self.offers, self.messages_max = host, port, tls, list(offers), messages_max
        self.sessions = []
        self.listener = socket.create_server((host, port))
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def close(self):
        self.listener.close()

    def serve(self, client):
        client.settimeout(20)
        session = {"tls": None, "resumed": False, "mail": [], "messages": []}
        self.sessions.append(session)
        try:
            self.converse(client, session)
        except (OSError, ssl.SSLError, EOFError) as e:
            session["error"] = str(e)
        finally:
            client.close()

    def converse(self, client, session):
        lines = client.makefile("rb")

        def say(text):
            client.sendall(text.encode() + b"\r\n")

        say("220 host ESMTP")
        while True:
            line = lines.readline().decode().strip()
            verb = line[:4].upper()
            if not line or verb == "QUIT":
                return
            if verb in ("EHLO", "HELO"):
                offers = ["host", "8BITMIME", *(["STARTTLS"] if self.tls and not session["tls"] else []), *self.offers]
                say("\r\n".join(f"250-{o}" for o in offers[:-1]) + ("\r\n" if len(offers) > 1 else "") + f"250 {offers[-1]}")
            elif verb == "STAR" and self.tls:
                say("220 go on")
                if self.tls == "garbage":
                    client.sendall(b"this is no handshake\r\n" * 10)
                    return
                client = self.tls.wrap_socket(client, server_side=True)
                lines = client.makefile("rb")
                session["tls"], session["resumed"] = client.version(), client.session_reused
            elif verb == "DATA":
                say("354 go on")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    more = lines.readline()
                    if not more:
                        return
                    text += more
                session["messages"].append(text)
                if len(session["messages"]) >= self.messages_max:
                    say("250 2.0.0 taken")
                    return
                say("250 2.0.0 taken")
            else:
                if verb == "MAIL":
                    session["mail"].append(line)
                say("250 2.0.0 fine")

    def messages(self):
        return [m for s in self.sessions for m in s["messages"]]


class PolicyServer:
    """HTTPS for mta-sts.<domain>. answers: domain -> (status, content type, body) or a body; identities: by SNI."""

    def __init__(self, host, port, identity, others=()):
        self.answers, self.asked, self.posted = {}, [], []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                domain = self.headers["Host"].split(":")[0].removeprefix("mta-sts.")
                server.asked.append((domain, self.path))
                answer = server.answers.get(domain, (404, "text/plain", ""))
                status, kind, body = answer if isinstance(answer, tuple) else (200, "text/plain; charset=utf-8", answer)
                self.send_response(status)
                if status in (301, 302):
                    self.send_header("Location", body)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def do_POST(self):
                server.posted.append((self.path, self.headers["Content-Type"], self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        context = identity.context()
        contexts = {name: other.context() for name, other in dict(others).items()}

        def choose(sock, name, _):
            if name in contexts:
                sock.context = contexts[name]

        context.sni_callback = choose
        self.http = http.server.ThreadingHTTPServer((host, port), Handler)
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class SignedKnot(neighbours.Knot):
    """Knot with one more zone, signed by itself; then what `tamper` names is changed behind the signatures' back."""

    signed, lines, tamper = None, (), {}

    def start(self):
        self.write_zones()
        self.sign()
        super().start()

    def zone_text(self, zone):
        if zone == self.signed:
            return f"  - domain: {zone}\n    file: {zone}.signed\n"
        return super().zone_text(zone)

    def all_zones(self):
        return [*self.zones, self.signed]

    def serves(self, zone):
        return zone == self.signed or super().serves(zone)

    def sign(self):
        zone, home = self.signed, self.home / "signing"
        (home / "db").mkdir(parents=True)
        head = [f"$ORIGIN {zone}.", "$TTL 60", f"@ SOA ns.{zone}. host.{zone}. 1 60 60 600 5", f"@ NS ns.{zone}.", f"ns A {self.host}"]
        file = home / "zone"
        file.write_text("\n".join([*head, *self.lines]) + "\n")
        config = home / "knot.conf"
        config.write_text(
            f"server:\n  rundir: {home}\n  listen: {self.host}@{self.port}\n  background-workers: 1\n  udp-workers: 1\n  tcp-workers: 1\n"
            f"database:\n  storage: {home}/db\n  journal-db-max-size: 16M\n  kasp-db-max-size: 16M\n  timer-db-max-size: 16M\n"
            f"zone:\n  - domain: {zone}\n    storage: {home}\n    file: zone\n    dnssec-signing: on\n    zonefile-sync: 0\n")
        signer = neighbours.Daemon(home / "log")
        signer.spawn(["knotd", "-c", str(config)])
        try:
            signer.wait_until(lambda: "RRSIG" in file.read_text() and file.read_text().rstrip().splitlines()[-1].startswith(";;"),
                              "the signed zone")
        finally:
            signer.stop()
        said = subprocess.run(["keymgr", "-c", str(config), zone, "ds"], capture_output=True, text=True, check=True).stdout
        self.anchor = self.home / "anchor.key"
        self.anchor.write_text(next(line for line in said.splitlines() if " DS " in line and " 2 " in line) + "\n")
        text = file.read_text()
        for name, (old, new) in self.tamper.items():
            line = next(l for l in text.splitlines() if l.startswith(name) and " TLSA " in " ".join(l.split()))
            assert old.lower() in line.lower()
            at = line.lower().rindex(old.lower())
            text = text.replace(line, line[:at] + new + line[at + len(old):])
        (self.home / f"{zone}.signed").write_text(text)


def next_outcome(gateway, after, campaign="spring"):
    """The first event of an attempt at mail of the campaign (a notice has none) in the log behind `after` lines."""
    def found():
        for line in gateway.output().splitlines()[after:]:
            if not line.startswith("{"):
                continue
            event = json.loads(line)
            if event.get("event") in ("delivered", "deferred", "bounced") and event["campaign"] == campaign:
                return event
        return None
    return wait_for(found, "the outcome of an attempt")
