#!/usr/bin/python3
"""The main job, told in order, against the real daemon on loopback. Run by scripts/demo.

    demo_story.py BIN_FOLDER [--keep]
"""
import atexit
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
import time

BIN = pathlib.Path(sys.argv[1]).resolve()
KEEP = "--keep" in sys.argv[2:]
ROOT = pathlib.Path(__file__).resolve().parent.parent
PLACE = ROOT / "build/demo"
COLOR = sys.stdout.isatty()
PASSWORD = "correct-horse-battery"
LONG_AGO = 400  # days: when "the past" of this story plays


def title(text):
    print(f"\n\033[1m{text}\033[0m" if COLOR else f"\n== {text}", flush=True)


def say(text=""):
    print("   " + text.replace("\n", "\n   "), flush=True)


def fail(text):
    print(f"demo: {text}", file=sys.stderr)
    sys.exit(1)


class Sink:
    """A next hop that takes all mail and keeps it: what the internet would have got."""

    def __init__(self):
        self.mails = []  # (return path, recipient, bytes)
        sink = self

        class Talk(socketserver.StreamRequestHandler):
            def handle(self):
                sender = rcpt = b""
                put = lambda line: self.wfile.write(line + b"\r\n")
                put(b"220 sink.test ESMTP")
                for line in self.rfile:
                    verb = line[:4].upper()
                    if verb == b"EHLO":
                        put(b"250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME")
                    elif verb == b"MAIL":
                        sender = re.search(rb"<(.*?)>", line)[1]
                        put(b"250 ok")
                    elif verb == b"RCPT":
                        rcpt = re.search(rb"<(.*?)>", line)[1]
                        put(b"250 ok")
                    elif verb == b"DATA":
                        put(b"354 go")
                        data = b""
                        for piece in self.rfile:
                            if piece == b".\r\n":
                                break
                            data += piece[1:] if piece.startswith(b".") else piece
                        sink.mails.append((sender.decode(), rcpt.decode(), data))
                        put(b"250 2.0.0 taken by the sink")
                    elif verb == b"QUIT":
                        put(b"221 bye")
                        return
                    else:
                        put(b"250 ok")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.server = Server(("127.0.0.1", 0), Talk)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, count):
        deadline = time.time() + 10
        while len(self.mails) < count and time.time() < deadline:
            time.sleep(0.02)
        if len(self.mails) < count:
            fail(f"the sink has {len(self.mails)} mails, {count} were expected; see {PLACE}/daemon.log")


def header(mail, name):
    head = mail.split(b"\r\n\r\n", 1)[0].decode("utf-8", "replace")
    found = re.search(rf"(?im)^{name}:((?:.*\r?\n?)(?:[ \t].*\r?\n?)*)", head)
    return re.sub(r"\r?\n[ \t]+", " ", found[1]).strip() if found else ""


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def write_settings(sink):
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    key = PLACE / "reporter.pem"
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(key))
    public = openssl("pkey", "-in", str(key), "-pubout").decode().splitlines()
    record = "v=DKIM1; k=rsa; p=" + "".join(l for l in public if not l.startswith("-"))
    quoted = " ".join(f'"{record[i:i + 200]}"' for i in range(0, len(record), 200))
    (PLACE / "fbl.test.zone").write_text(
        "$ORIGIN fbl.test.\n$TTL 300\n@ IN SOA ns hostmaster 1 3600 600 86400 300\n@ IN NS ns\nns IN A 127.0.0.1\n"
        f"s1._domainkey IN TXT {quoted}\n")
    (PLACE / "reporters.toml").write_text(
        '[[reporter]]\nname = "A mailbox provider"\ndkim_domains = ["fbl.test"]\n')
    (PLACE / "consentry.toml").write_text(f"""\
[server]
host_name = "mail.gateway.test"
[store]
folder = "store"
map_size_gib = 1
[tls]
self_signed = true
[[listener]]
address = "127.0.0.1:0"
role = "submission"
tls = "starttls"
[[listener]]
address = "127.0.0.1:0"
role = "inbound"
tls = "starttls"
[mail]
bounce_domain = "bounce.gateway.test"
feedback_address = "fbl@gateway.test"
unsubscribe_url = "https://news.gateway.test/u/"
postmaster = "postmaster@gateway.test"
[[route]]
domain = "*"
host = "127.0.0.1"
port = {sink.port}
[[dns_zone]]
name = "fbl.test"
file = "fbl.test.zone"
[preflight]
every_h = 0
[policy]
file = "{ROOT}/conf/policy/default.toml"
patterns = "{ROOT}/conf/patterns"
[complaints]
reporters = "reporters.toml"
""")


class Gateway:
    def __init__(self, days=0):
        self.log = open(PLACE / "daemon.log", "ab")
        ports = PLACE / "store/run/ports.json"
        ports.unlink(missing_ok=True)
        command = [BIN / "consentryd", "--config", PLACE / "consentry.toml"]
        if days:
            command += ["--clock-days", str(days)]
        self.process = subprocess.Popen(command, stderr=self.log)
        atexit.register(self.end)  # however the story ends, no daemon is left behind
        deadline = time.time() + 20
        while not ports.exists():
            if self.process.poll() is not None or time.time() > deadline:
                fail(f"the daemon does not start: {(PLACE / 'daemon.log').read_text()[-500:]}")
            time.sleep(0.02)
        for listener in json.loads(ports.read_text())["listeners"]:
            setattr(self, listener["role"], listener["port"])

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(30) != 0:
            fail("the daemon did not end well")


SOCKET = PLACE / "store/run/admin.sock"


def ask(*arguments, shown=True, expect=0):
    """Runs `consentry`, shows command and answer."""
    done = subprocess.run([BIN / "consentry", "--socket", SOCKET, "--reason", "the demo", *arguments], capture_output=True,
                          text=True)
    if shown:
        say("$ consentry " + " ".join(f'"{a}"' if " " in a else a for a in arguments))
        if done.stdout.strip():
            say("  " + done.stdout.rstrip().replace("\n", "\n  "))
    if done.returncode != expect:
        fail(f"consentry {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def swaks(port, *arguments, data, shown=True):
    """Sends with swaks; gives the replies to RCPT and to the message, and shows them."""
    file = PLACE / "submitted.eml"
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    done = subprocess.run(["swaks", "--server", "127.0.0.1", "--port", str(port), "--data", f"@{file}", *arguments],
                          capture_output=True, text=True)
    asked, replies = "", []
    for line in done.stdout.splitlines():
        if line[1:3] in ("->", "~>"):
            said = line[3:].strip()
            if said.startswith("RCPT"):
                asked = re.search("<(.*?)>", said)[1]
            elif said == ".":
                asked = "message"
            else:
                asked = ""
        elif re.match(r"<[-~*]", line) and asked:
            reply = re.sub(r"^<[-~*]*\s*", "", line)
            replies.append((asked, reply))
            if shown:
                say(f"{asked:24} {reply}")
    return replies


def submit(gateway, user, recipients, subject, body, campaign="", shown=True):
    mark = f"+{campaign}" if campaign else ""
    data = (f"From: Acme Bakery <news@acme.test>\nTo: readers@acme.test\nSubject: {subject}\n"
            "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n" + body + "\n")
    return swaks(gateway.submission, "--tls", "--auth", "PLAIN", "--auth-user", user, "--auth-password", PASSWORD,
                 "--from", f"news{mark}@acme.test", "--to", ",".join(recipients), data=data, shown=shown)


def complain(gateway, mail, sign):
    """A report about a delivered mail, as a mailbox provider sends it: the recipient masked, the token left."""
    message_id = header(mail, "Message-ID")
    report = (f"From: fbl@fbl.test\nTo: fbl@gateway.test\nSubject: complaint\nDate: {time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime())}\n"
              "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
              "--b\nContent-Type: text/plain\n\nThis is a complaint.\n"
              "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\nUser-Agent: Demo/1\n"
              "--b\nContent-Type: text/rfc822-headers\n\n"
              f"From: news@acme.test\nTo: [masked]\nMessage-ID: {message_id}\n--b--\n")
    if sign:
        file = PLACE / "report.eml"
        file.write_text(report)
        report = subprocess.run([BIN / "consentry", "dkim", "sign", file, "--domain", "fbl.test", "--selector", "s1",
                                 "--key", PLACE / "reporter.pem"], check=True, capture_output=True).stdout
    swaks(gateway.inbound, "--from", "fbl@fbl.test", "--to", "fbl@gateway.test", data=report, shown=False)


def standing():
    return json.loads(ask("standing", "show", "acme", "--json", shown=False))


def day(ago):
    return (datetime.date.today() - datetime.timedelta(days=ago)).isoformat()


def import_consents(name, rows):
    file = PLACE / name
    file.write_text("email,topic,given_at,method,provenance,notice_hash\n" +
                    "".join(f"{who}@reader.test,news,{given},web_form,own_form,sha256-of-the-notice\n" for who, given in rows))
    ask("consent", "import", "acme", str(file.relative_to(ROOT)))


def past(sink):
    title(f"1. {LONG_AGO} days ago: a tenant, its domain, its first consents (the daemon runs with its clock set back)")
    gateway = Gateway(-LONG_AGO)
    ask("tenant", "add", "acme", "--legal-name", "Acme Bakery Kft.", "--contact", "office@acme.test")
    say("$ consentry domain add acme acme.test     (makes RSA and Ed25519 keys, prints the DNS records)")
    ask("domain", "add", "acme", "acme.test", shown=False)
    password = PLACE / "password"
    password.write_text(PASSWORD + "\n")
    for user, more in (("acme-news", ["--stream", "bulk", "--topic", "news"]), ("acme-orders", ["--stream", "transactional"])):
        ask("credential", "add", "acme", user, *more, "--password-file", str(password.relative_to(ROOT)))
    import_consents("then.csv", [("renewed", day(LONG_AGO + 5)), ("expired", day(LONG_AGO + 5))])
    say("One newsletter goes to renewed@reader.test: a delivery that this gateway saw renews the consent.")
    submit(gateway, "acme-news", ["renewed@reader.test"], "First newsletter", "Our ovens are hot.", "first")
    sink.wait_for(1)
    gateway.stop()


def campaign(gateway, sink):
    title("2. Today: more consents, and a campaign over TLS with AUTH")
    import_consents("now.csv", [("valid", day(60)), ("also-valid", day(30)), ("withdrawn", day(40))])
    ask("consent", "withdraw", "acme", "withdrawn@reader.test", "--method", "phone")
    say("swaks submits one message to six readers; the envelope sender news+autumn@acme.test names the campaign:")
    readers = [f"{w}@reader.test" for w in ("valid", "also-valid", "renewed", "expired", "withdrawn", "missing")]
    replies = submit(gateway, "acme-news", readers, "Autumn at Acme Bakery",
                     "Dear reader,\nour pumpkin bread is back from Monday.\nYours, Acme Bakery", "autumn")
    sink.wait_for(4)
    refused = [t for _, t in replies if t.startswith("550")]
    if len(refused) != 3:
        fail("three readers should have been refused")
    return refused


def delivered(sink):
    title("3. What left: one signed copy a reader, nothing personal in its addresses")
    keys = ""
    for file in sorted((PLACE / "store/dkim/acme.test").glob("*.pem")):
        public = openssl("pkey", "-in", str(file), "-pubout", "-outform", "DER")
        kind = "rsa" if len(public) > 100 else "ed25519"
        import base64
        keys += f"{file.stem}._domainkey.acme.test v=DKIM1; k={kind}; p={base64.b64encode(public if kind == 'rsa' else public[-32:]).decode()}\n"
    (PLACE / "keys.txt").write_text(keys)
    for sender, rcpt, mail in sink.mails[1:4]:
        say(f"{rcpt:24} return path {sender}")
    sender, rcpt, mail = sink.mails[1]
    for name in ("Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post"):
        say(f"{name}: {header(mail, name)}")
    (PLACE / "delivered.eml").write_bytes(mail)
    say("$ consentry dkim verify build/demo/delivered.eml --keys build/demo/keys.txt")
    done = subprocess.run([BIN / "consentry", "dkim", "verify", PLACE / "delivered.eml", "--keys", PLACE / "keys.txt"],
                          capture_output=True, text=True)
    say("  " + done.stdout.strip().replace("\n", "\n  "))
    if done.returncode != 0:
        fail("the signatures do not verify")


def forbidden(gateway):
    title("4. Forbidden content is refused after its last byte, with the reason")
    replies = submit(gateway, "acme-news", ["valid@reader.test"], "Escort service, call girls tonight",
                     "Hot escort girls, erotic massage and sex for money in your town.\nWatch free porn videos now.", "naughty")
    if not replies[-1][1].startswith("550"):
        fail("the forbidden mail was taken")


def complaints(gateway, sink):
    title("5. Two readers complain; a forged report comes first")
    first, second = sink.mails[1], sink.mails[2]
    complain(gateway, sink.mails[3][2], sign=False)
    say(f"a report without signature moves no counter: complaints = {standing()['in_window']['complaints']}")
    for number, mail in enumerate((first, second), 1):
        complain(gateway, mail[2], sign=True)
        s = standing()
        say(f"signed report {number}: complaints = {s['in_window']['complaints']} on {s['in_window']['delivered']} mails; "
            f"bulk blocked: {'yes' if s['bulk_blocked'] else 'no'}")
    if not standing()["bulk_blocked"]:
        fail("the tenant is not blocked")
    say(f"cause: {standing()['cause']}")
    title("6. The block: bulk mail is refused, transactional mail flows")
    say("a new campaign:")
    submit(gateway, "acme-news", ["renewed@reader.test"], "Buns", "Fresh buns every day.", "buns")
    say("an order confirmation:")
    count = len(sink.mails)
    submit(gateway, "acme-orders", ["customer@shop.test"], "Your order 1234", "Thank you, your bread is ready at noon.")
    sink.wait_for(count + 1)
    say(f"delivered to {sink.mails[-1][1]}")


def explain(refused):
    title("7. Why was a reader refused?")
    number = re.search(r"\[(m[0-9a-z]+)\]", next(t for t in refused if "consent.expired" in t))[1]
    ask("why", number)
    title("8. The journal: every step, each entry carrying the hash of the one before it")
    ask("journal", "tail", "-n", "6")
    ask("journal", "verify")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the daemon is ended too
    began = time.time()
    sink = Sink()
    write_settings(sink)
    past(sink)
    gateway = Gateway()
    refused = campaign(gateway, sink)
    delivered(sink)
    forbidden(gateway)
    complaints(gateway, sink)
    explain(refused)
    title(f"Done in {time.time() - began:.0f} s. To try next:")
    bin_shown = os.path.relpath(BIN, ROOT)
    if KEEP:
        atexit.unregister(gateway.end)
        say(f"The gateway runs as process {gateway.process.pid}; stop it with: kill {gateway.process.pid}")
    else:
        gateway.stop()
        say(f"{bin_shown}/consentryd --config build/demo/consentry.toml &     start the gateway of this demo again")
    say(f"export CONSENTRY_SOCKET={os.path.relpath(SOCKET, ROOT)}")
    for command in ("standing show acme", 'unblock acme --reason "the tenant removed its old list"', "queue list",
                    "consent show acme valid@reader.test", "journal tail -f", "scan build/demo/delivered.eml", "stats"):
        say(f"{bin_shown}/consentry {command}")


main()
