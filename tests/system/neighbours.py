"""Those the gateway speaks to: sinks, a real Postfix, a name server; and what they say about the mail."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess

from support import PATIENCE_S, Daemon, free_port, is_listening, program, wait_for


class MailSink(Daemon):
    """Our own sink (bench/mail_sink.cc). script: lines of reply_script.h; options: its command line."""

    def __init__(self, home, options=(), script=None, name="sink", save=True):
        home = pathlib.Path(home)
        super().__init__(home / f"{name}.out")
        self.messages_log = home / f"{name}.log"
        self.saved = home / f"{name}.mail"
        self.saved.mkdir(exist_ok=True)
        self.options = [*options, *(["--save", str(self.saved)] if save else [])]
        if script:
            (home / f"{name}.script").write_text(script)
            self.options += ["--script", str(home / f"{name}.script")]

    def start(self):
        self.spawn([program("mail_sink"), "--log", str(self.messages_log), *self.options])
        line = self.wait_until(lambda: next((l for l in self.output().splitlines() if l.startswith("listening")), None), "the sink")
        self.port = int(line.split()[1])

    def received(self):
        """One dict for each message taken, in order."""
        if not self.messages_log.exists():
            return []
        names = ("time_ns", "id", "address", "sender", "recipients", "bytes", "signatures", "tls")
        return [dict(zip(names, line.split(" "))) for line in self.messages_log.read_text().splitlines()]

    def wait_for(self, count):
        """The messages themselves, oldest first, once there are count of them."""
        wait_for(lambda: len(self.received()) >= count, f"{count} messages at the sink; it has {len(self.received())}")
        return self.mail()

    def mail(self):
        return [p.read_bytes() for p in sorted(self.saved.iterdir())]


class SmtpSink(Daemon):
    """Postfix's smtp-sink, which writes each message to a file."""

    def __init__(self, home, host="127.0.0.1"):
        self.home = pathlib.Path(home) / "smtp-sink"
        self.home.mkdir()
        self.home.chmod(0o777)
        super().__init__(self.home.parent / "smtp-sink.log")
        self.host = host

    def start(self):
        self.port = free_port(self.host)
        # As root it wants to become somebody else.
        other = ["-u", "nobody"] if os.getuid() == 0 else []
        self.spawn(["smtp-sink", *other, "-d", str(self.home / "%s."), f"inet:{self.host}:{self.port}", "100"])
        self.wait_until(lambda: is_listening(self.host, self.port), "smtp-sink")

    def mail(self):
        return [p.read_bytes() for p in sorted(self.home.iterdir()) if p.stat().st_size]


class PostfixHop:
    """A real Postfix with configuration, queue and mailboxes of its own. Needs root, as Postfix does."""

    def __init__(self, home, domains, host="127.0.0.1", tls=True):
        self.home = pathlib.Path(home) / "postfix"
        self.config, self.queue, self.data, self.boxes = (self.home / n for n in ("etc", "spool", "data", "boxes"))
        for f in (self.config, self.queue, self.data, self.boxes):
            f.mkdir(parents=True)
        shutil.chown(self.data, "postfix")
        shutil.chown(self.boxes, "nobody")
        self.host, self.port = host, free_port(host)
        main = {
            "compatibility_level": "3.6", "queue_directory": self.queue, "data_directory": self.data,
            "command_directory": "/usr/sbin", "daemon_directory": "/usr/lib/postfix/sbin", "mail_owner": "postfix",
            "setgid_group": "postdrop", "maillog_file_prefixes": self.home, "maillog_file": self.home / "mail.log",
            "myhostname": "hop.test", "inet_interfaces": host, "inet_protocols": "ipv4", "mydestination": "",
            "local_recipient_maps": "", "alias_maps": "", "alias_database": "", "mynetworks": "",
            "virtual_mailbox_domains": " ".join(domains), "virtual_mailbox_base": self.boxes,
            "virtual_mailbox_maps": "static:all/", "virtual_uid_maps": "static:65534", "virtual_gid_maps": "static:65534",
            "virtual_minimum_uid": "100", "smtpd_recipient_restrictions": "reject_unauth_destination",
            "smtpd_relay_restrictions": "reject_unauth_destination", "smtputf8_enable": "yes", "disable_dns_lookups": "yes",
        }
        if tls:
            certificate, key = make_certificate(self.home, "hop.test")
            main |= {"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": certificate, "smtpd_tls_key_file": key,
                     "smtpd_tls_received_header": "yes"}
        (self.config / "main.cf").write_text("".join(f"{k} = {v}\n" for k, v in main.items()))
        (self.config / "master.cf").write_text("\n".join(
            line.format(listen=f"{host}:{self.port}") for line in self.MASTER) + "\n")

    MASTER = ["{listen} inet n - n - - smtpd", "pickup unix n - n 60 1 pickup", "cleanup unix n - n - 0 cleanup",
              "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce",
              "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce", "verify unix - - n - 1 verify",
              "proxymap unix - - n - - proxymap", "smtp unix - - n - - smtp", "error unix - - n - - error",
              "retry unix - - n - - error", "discard unix - - n - - discard", "virtual unix - n n - - virtual",
              "anvil unix - - n - 1 anvil", "tlsmgr unix - - n 1000? 1 tlsmgr", "scache unix - - n - 1 scache",
              "postlog unix-dgram n - n - 1 postlogd"]

    def call(self, verb):
        done = subprocess.run(["postfix", "-c", str(self.config), verb], capture_output=True, text=True, timeout=PATIENCE_S)
        return done.returncode, done.stdout + done.stderr

    def __enter__(self):
        code, said = self.call("start")
        assert code == 0, said
        wait_for(lambda: is_listening(self.host, self.port), "Postfix")
        return self

    def __exit__(self, *_):
        self.call("stop")

    def mail(self):
        return [p.read_bytes() for p in sorted(self.boxes.glob("**/new/*"))]


class Knot(Daemon):
    """A name server with zones of ours: name -> lines of the zone file after its SOA and NS."""

    def __init__(self, home, zones, host="127.0.0.1"):
        self.home = pathlib.Path(home) / "knot"
        self.home.mkdir()
        super().__init__(self.home / "knot.log")
        self.host, self.port = host, free_port(host)
        self.zones = dict(zones)
        self.serial = 0

    def write_zones(self):
        self.serial += 1
        for name, lines in self.zones.items():
            head = [f"$ORIGIN {name}.", "$TTL 5", f"@ SOA ns.{name}. host.{name}. {self.serial} 60 60 600 5",
                    f"@ NS ns.{name}.", f"ns.{name}. A {self.host}"]
            (self.home / f"{name}.zone").write_text("\n".join(head + list(lines)) + "\n")

    def start(self):
        self.write_zones()
        zones = "".join(self.zone_text(z) for z in self.all_zones())
        (self.home / "knot.conf").write_text(
            f"server:\n  rundir: {self.home}\n  listen: {self.host}@{self.port}\n  background-workers: 1\n  udp-workers: 1\n"
            "  tcp-workers: 1\nlog:\n  - target: stderr\n    any: warning\n"
            f"database:\n  storage: {self.home}/db\n"
            f"template:\n  - id: default\n    storage: {self.home}\n    zonefile-sync: -1\n    journal-content: none\n"
            f"zone:\n{zones}")
        self.spawn(["knotd", "-c", str(self.home / "knot.conf")])
        self.wait_until(lambda: all(self.serves(z) for z in self.zones), "knotd to serve its zones")

    def all_zones(self):
        return list(self.zones)

    def zone_text(self, zone):
        return f"  - domain: {zone}\n    file: {zone}.zone\n"

    def serves(self, zone):
        answer = subprocess.run(["kdig", f"@{self.host}", "-p", str(self.port), "+short", "+retry=0", "+time=1", zone, "SOA"],
                                capture_output=True, text=True)
        return f" {self.serial} " in answer.stdout

    def add(self, zone, *lines):
        """More records, served when this returns."""
        self.zones[zone] = list(self.zones[zone]) + list(lines)
        self.write_zones()
        self.process.send_signal(signal.SIGHUP)
        self.wait_until(lambda: self.serves(zone), "the new zone")

    def publish(self, records):
        """DNS records as `consentry domain add --json` tells them."""
        for r in records:
            zone = next(z for z in self.zones if r["name"].rstrip(".").endswith(z))
            text = " ".join(json.dumps(r["value"][i:i + 250]) for i in range(0, len(r["value"]), 250))
            self.add(zone, f'{r["name"].rstrip(".")}. {r["type"]} {text}')

    def txt(self, name, timeout=5):
        """For dkimpy: the TXT record as bytes, or None."""
        import dns.exception
        import dns.resolver
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port, resolver.lifetime = [self.host], self.port, timeout
        name = name.decode() if isinstance(name, bytes) else name
        with contextlib.suppress(dns.exception.DNSException):
            return b"".join(resolver.resolve(name, "TXT")[0].strings)
        return None


def make_certificate(home, name, key_type=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
    """A self-signed one: paths of certificate and key."""
    certificate, key = pathlib.Path(home) / "cert.pem", pathlib.Path(home) / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", *key_type, "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(certificate)],
                   check=True, capture_output=True)
    return certificate, key


def dkim_verdicts(message, knot):
    """(domain, algorithm, whether dkimpy finds it good) of each signature, with the keys as the name server gives them."""
    import dkim
    verifier = dkim.DKIM(message)
    count = sum(1 for name, _ in verifier.headers if name.lower() == b"dkim-signature")
    found = []
    for i in range(count):
        good = dkim.DKIM(message).verify(idx=i, dnsfunc=knot.txt)
        signature = [v for n, v in verifier.headers if n.lower() == b"dkim-signature"][i]
        tags = dkim.util.parse_tag_value(signature)
        found.append((tags[b"d"].decode(), tags[b"a"].decode(), good))
    return found
