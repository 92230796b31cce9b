"""What the tests with real programs share: processes, ports, folders, the gateway itself and the mail it is given.

Every program runs in a folder of its own, on free ports of loopback addresses, and is ended by its own process id.
Environment: CONSENTRY_BUILD is the build folder (default build/dev).
"""
import contextlib
import csv
import datetime
import io
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"
BUILD = pathlib.Path(os.environ.get("CONSENTRY_BUILD", ROOT / "build" / "dev")).resolve()
# Sanitized builds and busy machines are slow; nothing waits this long when all is well.
PATIENCE_S = 60


def program(name):
    return str(BUILD / "bin" / name)


def forgetful():
    """The library that makes a disk forget what was not synced (tests/crash/forgetful.c)."""
    return BUILD / "lib" / "forgetful.so"


def is_sanitized():
    return "CONSENTRY_SANITIZE:STRING=address" in (BUILD / "CMakeCache.txt").read_text()


def worker_ports():
    """Below the ports that connections are given, so that none takes one between its choice and its use; each worker has its own."""
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0) % PORT_WORKERS
    each = (PORTS.stop - PORTS.start) // PORT_WORKERS
    block = PORTS[worker * each:(worker + 1) * each]
    first = os.getpid() * 37 % each
    return itertools.cycle([*block[first:], *block[:first]])


PORTS, PORT_WORKERS = range(10_240, 32_640), 8
_ports = worker_ports()


def free_port(host="127.0.0.1"):
    """A port free for TCP and UDP at this moment."""
    for port in itertools.islice(_ports, len(PORTS)):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind((host, port))
                udp.bind((host, port))
                return port
            except OSError:
                continue
    raise AssertionError("no port is free")


def wait_for(condition, what, patience_s=PATIENCE_S):
    """The first true value of condition(); fails the test when it never comes."""
    end = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience_s} s in vain: {what}")
        time.sleep(0.02)


def is_listening(host, port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex((host, port)) == 0


@contextlib.contextmanager
def folder():
    """A short path, because Unix sockets stand in it, which other users (Postfix, Knot) may enter."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="cy-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Daemon:
    """A program in the background, its output in a log file."""

    def __init__(self, log):
        self.log = pathlib.Path(log)
        self.process = None

    def spawn(self, command, env=None):
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=env)

    def output(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_until(self, condition, what):
        def check():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.process.args[0]} ended with {self.process.returncode}:\n{self.output()[-4000:]}")
            return condition()
        return wait_for(check, what)

    def stop(self, how=signal.SIGTERM, patience_s=PATIENCE_S):
        """Ends it and returns its exit code; negative: the signal that killed it."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            code = self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.process.args[0]} did not stop:\n{self.output()[-4000:]}") from None
        self.process = None
        return code

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.stop(signal.SIGKILL)


def to_toml(settings):
    """A dict as TOML: tables, and lists of tables for [[..]]."""
    def value(v):
        return json.dumps(v, ensure_ascii=False) if not isinstance(v, pathlib.Path) else json.dumps(str(v))
    lines = []
    for name, section in settings.items():
        for table in section if isinstance(section, list) else [section]:
            lines.append(f"[[{name}]]" if isinstance(section, list) else f"[{name}]")
            lines += [f"{k} = {value(v)}" for k, v in table.items()]
    return "\n".join(lines) + "\n"


class Gateway(Daemon):
    """consentryd with its command line. settings: sections that replace or extend the ones below, key by key."""

    PASSWORD = "correct horse battery"

    def __init__(self, home, settings=None, env=None, store=None):
        self.home = pathlib.Path(home)
        super().__init__(self.home / "gateway.log")
        self.store = pathlib.Path(store or self.home / "store")
        self.config = self.home / "consentry.toml"
        self.socket = self.home / "admin.sock"
        self.env = dict(os.environ, **(env or {}))
        self.extra_arguments = []
        self.settings = {
            "server": {"host_name": "mail.gw.test", "drain_timeout_s": 5},
            "store": {"folder": self.store, "map_size_gib": 4},
            "tls": {"self_signed": True},
            "listener": [
                {"address": "127.0.0.1:0", "role": "submission", "tls": "starttls"},
                {"address": "127.0.0.1:0", "role": "submission", "tls": "implicit"},
                {"address": "127.0.0.1:0", "role": "inbound", "tls": "starttls"},
            ],
            "smtp": {},
            "mail": {"bounce_domain": "bounce.gw.test", "feedback_address": "fbl@gw.test",
                     "unsubscribe_url": "https://gw.test/u/", "postmaster": "postmaster@gw.test"},
            "delivery": {"retry_first_s": 1, "retry_max_s": 2, "connect_timeout_s": 5},
            # Most tests publish no DNS records for the domains they send from.
            "preflight": {"every_h": 0},
            # The shipped patterns are compiled once for all gateways of the tests.
            "policy": {"file": CONF / "policy/default.toml", "patterns": CONF / "patterns",
                       "compiled": pathlib.Path(tempfile.gettempdir()) / f"consentry-compiled-{os.getuid()}"},
            "complaints": {"reporters": CONF / "reporters.toml"},
            "admin": {"socket": self.socket},
            "log": {"format": "json", "level": "info"},
        }
        for name, section in (settings or {}).items():
            if isinstance(section, list):
                self.settings[name] = section
            else:
                self.settings.setdefault(name, {}).update(section)

    def write_config(self):
        self.config.write_text(to_toml(self.settings))

    def start(self):
        self.write_config()
        ports = self.store / "run" / "ports.json"
        ports.unlink(missing_ok=True)
        self.spawn([program("consentryd"), "--config", str(self.config), *self.extra_arguments], self.env)
        self.wait_until(lambda: ports.exists() and self.socket.exists(), "consentryd to listen")
        self.read_ports(json.loads(ports.read_text()))

    def read_ports(self, ports):
        listeners = ports["listeners"]
        def port(role, tls):
            return next((entry["port"] for entry in listeners if entry["role"] == role and entry["tls"] in tls), None)
        self.submission = port("submission", ("starttls", "none"))
        self.smtps = port("submission", ("implicit",))
        self.inbound = port("inbound", ("starttls", "none"))
        self.public = ports.get("public")
        self.admin = ports.get("admin_tcp")

    def kill(self):
        return self.stop(signal.SIGKILL)

    def reload(self, refused=False):
        """SIGHUP; returns when the log tells what became of it."""
        lines = len(self.output().splitlines())
        self.process.send_signal(signal.SIGHUP)
        what = "reload_refused" if refused else "reloaded"
        wait_for(lambda: any(f'"{what}"' in line for line in self.output().splitlines()[lines:]), what)

    def cli(self, *arguments, stdin=None, code=0):
        """consentry over the socket; its standard output. code: the exit code it must end with (None: any)."""
        done = subprocess.run([program("consentry"), "--socket", str(self.socket), *map(str, arguments)],
                              input=stdin, capture_output=True, text=True, timeout=PATIENCE_S,
                              env=dict(os.environ, CONSENTRY_REASON="a test"))
        if code is not None:
            assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments, **how):
        return json.loads(self.cli(*arguments, "--json", **how))

    # -- the usual tenant ---------------------------------------------------------------------------------------------

    def add_tenant(self, name="acme", domain="sender.test", user=None, stream="bulk", topic="news", campaign="spring"):
        """A tenant that may send from a domain, with a credential. Returns what `domain add` says, its DNS records too."""
        self.cli("tenant", "add", name, "--legal-name", f"{name.title()} Kft.", "--contact", f"office@{domain}")
        added = self.json("domain", "add", name, domain)
        self.add_credential(name, user or name, stream, topic, campaign)
        return added

    def add_credential(self, tenant, user, stream="bulk", topic="news", campaign="spring"):
        password = self.home / f"{user}.password"
        password.write_text(self.PASSWORD)
        names = ["--topic", topic, "--campaign", campaign] if stream == "bulk" and topic else []
        self.cli("credential", "add", tenant, user, "--stream", stream, *names, "--password-file", password)

    def import_consents(self, recipients, tenant="acme", **fields):
        """recipients: addresses, or dicts of columns. Returns the summary."""
        table = self.home / "consents.csv"
        table.write_text(consent_csv(recipients, **fields))
        return self.json("consent", "import", tenant, table)

    # -- SMTP ---------------------------------------------------------------------------------------------------------

    def login(self, user="acme", tls="starttls"):
        """An smtplib session, signed in."""
        context = ssl._create_unverified_context()
        if tls == "implicit":
            client = smtplib.SMTP_SSL("127.0.0.1", self.smtps, timeout=PATIENCE_S, context=context)
        else:
            client = smtplib.SMTP("127.0.0.1", self.submission, timeout=PATIENCE_S)
            if tls == "starttls":
                client.starttls(context=context)
        client.login(user, self.PASSWORD)
        return client

    def queued(self):
        return self.json("queue", "list")

    def wait_delivered(self):
        """Until nothing waits for delivery any more."""
        wait_for(lambda: self.json("stats")["queue"]["queued"] == 0, "an empty queue")


def consent_csv(recipients, **fields):
    """An import file. Consent was given yesterday on a form, unless fields or a recipient's own dict say otherwise."""
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    usual = {"topic": "news", "given_at": yesterday.strftime("%Y-%m-%dT%H:%M:%SZ"), "method": "web_form",
             "provenance": "own_form", "notice_hash": "sha256:9f86d081884c7d65"} | fields
    rows = [usual | (r if isinstance(r, dict) else {"email": r}) for r in recipients]
    out = io.StringIO()
    writer = csv.DictWriter(out, sorted({k for r in rows for k in r}), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


LETTER = """From: Acme News <news@{domain}>
To: {to}
Subject: {subject}
Date: {date}
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit
X-Test-Id: {id}

{text}

Unsubscribe: https://news.{domain}/unsubscribe
"""


def letter(to, id="1", subject="News of the garden", text="Kedves Olvasó! The roses are in flower.", domain="sender.test"):
    """A harmless newsletter, as bytes with CRLF."""
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S +0000")
    return LETTER.format(to=to, id=id, subject=subject, text=text, domain=domain, date=date).replace("\n", "\r\n").encode()


def load(gateway, *options):
    """bench/load_source against the submission port: its result."""
    done = subprocess.run([program("load_source"), "--port", str(gateway.submission or gateway.smtps), *map(str, options)],
                          capture_output=True, text=True, timeout=600)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)
