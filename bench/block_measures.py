"""The block: `scripts/bench block`. A true report comes in while its tenant's mass mailing is on its way (RULES A5).

  bench block                    100,000 queued, 50 connections, 12 pairs of rounds
  bench block --thousands 10 --pairs 3

One tenant has a long queue to d01..d50, one connection each; the others' mail, another tenant's, flows to d51..d60 as fast as ten
connections carry it, and the first tenant's transactional mail to d62. Each pair has a round with the report that blocks, and one with a report
of somebody who is not listed, in turn. The reporter's key is in the resolver's memory. Told of each block: from the report's end of data to the last MAIL
FROM of the tenant's bulk mail that the next hop reads; how many it reads after the report is answered, which is after the commit; how long
until all that waits is held. Of each pair: what the others delivered in the seconds after the report, with the block against without.
"""
import argparse
import base64
import email.utils
import os
import pathlib
import signal
import smtplib
import subprocess
import sys
import tempfile
import time

from bench_report import ROOT, build_programs, machine, write_result

BULK_DOMAINS, OTHER_DOMAINS = 50, 10
OTHER_FIRST, PROBE, TILL = 51, "d61.test", "d62.test"

REPORT = """From: <fbl@{domain}>
To: <fbl@gw.test>
Subject: FW: News
Date: {date}
Message-ID: <{id}@{domain}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="=_r"

--=_r
Content-Type: text/plain; charset=us-ascii

This is an e-mail abuse report.

--=_r
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Bench/1.0
Version: 1
Original-Mail-From: <{sender}>

--=_r
Content-Type: text/rfc822-headers

Return-Path: <{sender}>
Subject: News

--=_r--
"""


class Reporter:
    def __init__(self, home, domain):
        self.domain, self.count = domain, 0
        self.key = home / f"{domain}.key"
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", str(self.key), "2048"], check=True, capture_output=True)
        public = subprocess.run(["openssl", "rsa", "-in", str(self.key), "-pubout", "-outform", "DER"], check=True, capture_output=True)
        text = "v=DKIM1; k=rsa; p=" + base64.b64encode(public.stdout).decode()
        self.record = {"name": f"loop._domainkey.{domain}", "type": "TXT", "value": text}

    def report(self, port, sender):
        """Times in ns: the final dot has been written, its answer has been read."""
        import dkim
        self.count += 1
        text = REPORT.format(domain=self.domain, date=email.utils.formatdate(), id=self.count, sender=sender)
        message = text.replace("\n", "\r\n").encode()
        message = dkim.sign(message, b"loop", self.domain.encode(), self.key.read_bytes()) + message
        client = smtplib.SMTP("127.0.0.1", port, timeout=60)
        client.ehlo()
        client.mail(f"fbl@{self.domain}")
        client.rcpt("fbl@gw.test")
        client.docmd("DATA")
        client.sock.sendall(message + b"\r\n.\r\n")
        written = time.time_ns()
        code, said = client.getreply()
        answered = time.time_ns()
        client.quit()
        if code != 250:
            sys.exit(f"the report was answered {code} {said}")
        return written, answered


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))] if ordered else None


class Log:
    """What a sink's log says since it was last read; a part of a line waits."""

    def __init__(self, path):
        self.path, self.at, self.rows = path, 0, []

    def read(self):
        if self.path.exists():
            with open(self.path, "rb") as f:
                f.seek(self.at)
                data = f.read()
            end = data.rfind(b"\n") + 1
            self.at += end
            self.rows += [line.split(b" ") for line in data[:end].splitlines()]
        return self.rows


def domain_of(recipient):
    return recipient.rpartition(b"@")[2].decode()


def number_of(recipient):
    return int(domain_of(recipient)[1:3])


class Bench:
    def __init__(self, a, support, gateway, home, known, stranger):
        self.a, self.support, self.gateway = a, support, gateway
        self.known, self.stranger = known, stranger
        self.begun, self.taken = Log(home / "begun.log"), Log(home / "sink.log")
        self.probes, self.first = 0, {"acme": 0, "other": 0}

    def load(self, user, count, domains, first_domain):
        for start in range(0, count, 50_000):
            part = min(50_000, count - start)
            done = self.support.load(self.gateway, "--user", user, "--password", self.gateway.PASSWORD, "--connections", 20,
                                     "--bytes", self.a.bytes, "--domains", domains, "--first-domain", first_domain, "--pool", 1000,
                                     "--first", self.first[user], "--count", part,
                                     "--sender-domain", "other.test" if user == "other" else "sender.test")
            if done["acked"] != part:
                sys.exit(f"only {done['acked']} of {part} were taken: {done['last_error']}")
            self.first[user] += part

    def queued(self, tenant):
        counts = self.gateway.json("queue", "count", "--tenant", tenant, "--stream", "bulk")["counts"]
        return {"queued": sum(c["queued"] for c in counts), "held": sum(c["held"] for c in counts)}

    def is_bulk(self, row):
        return number_of(row[3]) <= BULK_DOMAINS

    def probe(self):
        """Two delivered mails: their return paths."""
        self.probes += 1
        # The people that have consented: a complaint suppresses each.
        to = [f"p{self.probes:05}.{i}@{PROBE}" for i in range(2)]
        # In an import of their own: one that brings complaints is suspected, and all its mail held.
        self.gateway.import_consents(to)
        # Of a campaign of its own: a complaint of the last round does not count with these.
        name = f"probe{self.probes}"
        self.gateway.add_credential("acme", name, campaign=name)
        client = self.gateway.login(name, tls="none")
        for r in to:
            client.sendmail("news@sender.test", [r], self.support.letter(r))
        client.quit()
        def found():
            self.begun.read(), self.taken.read()
            senders = {r[3].decode(): r[2].decode().strip("<>") for r in self.begun.rows if domain_of(r[3]) == PROBE}
            done = {r[4].decode() for r in self.taken.rows if r[4].endswith(PROBE.encode())}
            return [senders[r] for r in to] if all(r in senders and r in done for r in to) else None
        return self.support.wait_for(found, "the probes at the sink", 120)

    def is_flowing(self):
        """The bulk mail on all its connections, within the last second."""
        self.begun.read()
        since = time.time_ns() - 1_000_000_000
        recent = [r for r in self.begun.rows[-4000:] if int(r[0]) > since and self.is_bulk(r)]
        return len({domain_of(r[3]) for r in recent}) == BULK_DOMAINS

    def others_within(self, start_ns, seconds):
        """Messages a second of the other tenant, and of the first one's transactional mail."""
        self.taken.read()
        end = start_ns + int(seconds * 1e9)
        rows = [r for r in self.taken.rows if start_ns <= int(r[0]) < end]
        others = sum(1 for r in rows if OTHER_FIRST <= number_of(r[4]) < OTHER_FIRST + OTHER_DOMAINS)
        return others / seconds, sum(1 for r in rows if domain_of(r[4]) == TILL)

    def till(self, seconds):
        """Transactional mail of the tenant, one after the other, for so long; how many were taken."""
        client = self.gateway.login("till", tls="none")
        end, sent = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            client.sendmail("shop@sender.test", [f"customer@{TILL}"], self.support.letter(f"customer@{TILL}", text="Your order has been sent."))
            sent += 1
            time.sleep(0.05)
        client.quit()
        return sent

    def round(self, is_block):
        first, second = self.probe()
        self.support.wait_for(self.is_flowing, "50 connections to deliver", 120)
        # Counts, and does not block: its key is known now. Else it would count for the next round.
        (self.known if is_block else self.stranger).report(self.gateway.inbound, first)
        waiting = self.queued("acme")["queued"]
        # The second complaint of the campaign; or the same of somebody nobody has listed.
        who = self.known if is_block else self.stranger
        written, answered = who.report(self.gateway.inbound, second)
        sent = self.till(self.a.window)
        time.sleep(0.5)
        others, tills = self.others_within(written, self.a.window)
        out = {"waiting": waiting, "answered_ms": (answered - written) / 1e6, "others_per_s": round(others, 1), "till_sent": sent, "till_delivered": tills}
        if not is_block:
            return out
        self.begun.read()
        bulk = [int(r[0]) for r in self.begun.rows if self.is_bulk(r)]
        out["last_mail_from_ms"] = round((max(bulk) - written) / 1e6, 1)
        out["begun_after_answer"] = sum(1 for t in bulk if t > answered)
        began = time.monotonic()
        self.support.wait_for(lambda: self.queued("acme")["queued"] == 0, "all to be held", 300)
        out["all_held_s"] = round(time.monotonic() - began + self.a.window + 0.5, 1)
        self.begun.read()
        out["begun_while_blocked"] = sum(1 for r in self.begun.rows if self.is_bulk(r) and int(r[0]) > max(answered, max(bulk)))
        released = self.gateway.json("unblock", "acme", "--reason", "the next round")["released"]
        out["released"] = released
        return out


def settings(a, knot, sink_port, reporters):
    routes = [{"domain": f"d{i + 1:02}.test", "host": f"127.0.1.{i + 1}", "port": sink_port} for i in range(62)]
    return {"listener": [{"address": "127.0.0.1:0", "role": "submission", "tls": "none"}, {"address": "127.0.0.1:0", "role": "inbound", "tls": "none"}],
            "smtp": {"auth_without_tls": True}, "store": {"map_size_gib": 64}, "route": routes,
            "dns": {"forward": [f"{knot.host}@{knot.port}"], "timeout_s": 3, "allow_loopback": True},
            "delivery": {"connections_per_destination_max": 1}, "complaints": {"reporters": reporters}, "log": {"format": "json", "level": "warn"}}


def summary(rounds):
    blocks, quiet = [b for b, _ in rounds], [q for _, q in rounds]
    last = [b["last_mail_from_ms"] for b in blocks]
    share = [b["others_per_s"] / q["others_per_s"] - 1 for b, q in rounds if q["others_per_s"]]
    return {"rounds": len(blocks), "last_mail_from_ms": {"p50": round(percentile(last, 50), 1), "p99": round(percentile(last, 99), 1), "max": round(max(last), 1)},
            "answered_ms": {"p50": round(percentile([b["answered_ms"] for b in blocks], 50), 1), "max": round(max(b["answered_ms"] for b in blocks), 1)},
            "begun_after_answer": sum(b["begun_after_answer"] for b in blocks), "begun_while_blocked": sum(b["begun_while_blocked"] for b in blocks),
            "others_change_percent": {"median": round(100 * percentile(share, 50), 1), "least": round(100 * min(share), 1), "most": round(100 * max(share), 1)},
            "others_per_s": {"with": round(sum(b["others_per_s"] for b in blocks) / len(blocks), 1), "without": round(sum(q["others_per_s"] for q in quiet) / len(quiet), 1)},
            "till": f"{sum(b['till_delivered'] for b in blocks)} of {sum(b['till_sent'] for b in blocks)} with, "
                    f"{sum(q['till_delivered'] for q in quiet)} of {sum(q['till_sent'] for q in quiet)} without",
            "all_held_s": {"p50": percentile([b["all_held_s"] for b in blocks], 50), "max": max(b["all_held_s"] for b in blocks)}}


def run(a):
    import neighbours
    import support
    support.PATIENCE_S = 600
    with tempfile.TemporaryDirectory(prefix="blk-", dir=a.folder) as folder:
        home = pathlib.Path(folder)
        home.chmod(0o755)
        known, stranger = Reporter(home, "loop.example"), Reporter(home, "stranger.example")
        (home / "reporters.toml").write_text('[[reporter]]\nname = "Loop"\ndkim_domains = ["loop.example"]\n')
        knot = neighbours.Knot(home, {"loop.example": [], "stranger.example": [], "sender.test": [], "other.test": []})
        sink = neighbours.MailSink(home, ["--addresses", "62", "--delay-ms", str(a.delay_ms), "--mail-log", str(home / "begun.log")], save=False)
        with knot, sink, support.Gateway(home, settings(a, knot, sink.port, home / "reporters.toml")) as g:
            knot.publish([known.record, stranger.record])
            g.add_tenant()
            g.add_credential("acme", "till", stream="transactional", topic=None)
            g.add_tenant("other", domain="other.test", user="other")
            pool = range(1000)
            g.import_consents([f"u{n:010}@d{n % BULK_DOMAINS + 1:02}.test" for n in pool])
            g.import_consents([f"u{n:010}@d{n % OTHER_DOMAINS + OTHER_FIRST:02}.test" for n in pool], tenant="other")
            bench = Bench(a, support, g, home, known, stranger)
            g.cli("queue", "suspend", "--reason", "filling")
            # What leaves while it is measured is there besides.
            leaves = a.pairs * 2 * 15 * (BULK_DOMAINS + OTHER_DOMAINS) * 1000 // a.delay_ms // 2
            bench.load("other", leaves // 4 + 1000, OTHER_DOMAINS, OTHER_FIRST)
            bench.load("acme", a.thousands * 1000 + leaves, BULK_DOMAINS, 1)
            print(f"filled: {bench.queued('acme')} and {bench.queued('other')}", flush=True)
            g.cli("queue", "resume", "--reason", "filled")
            rounds = []
            for i in range(a.pairs):
                pair = {is_block: bench.round(is_block) for is_block in ((True, False) if i % 2 == 0 else (False, True))}
                rounds.append((pair[True], pair[False]))
                print(f"pair {i + 1}: {pair[True]} without: {pair[False]}", flush=True)
            result = summary(rounds) | {"each": [{"with": b, "without": q} for b, q in rounds]}
            print({k: v for k, v in result.items() if k != "each"}, flush=True)
            return result


def main(words):
    p = argparse.ArgumentParser(prog="bench block", description=__doc__.split("\n")[0])
    p.add_argument("--thousands", type=int, default=100, help="queued of the tenant that is blocked (default 100)")
    p.add_argument("--pairs", type=int, default=12, help="of rounds (default 12)")
    p.add_argument("--delay-ms", type=int, default=100, help="that the next hop takes for each message (default 100)")
    p.add_argument("--window", type=float, default=3, help="seconds after the report that others are watched for (default 3)")
    p.add_argument("--bytes", type=int, default=2048, help="of each message (default 2048)")
    p.add_argument("--repeats", type=int, default=1)
    p.add_argument("--folder", default=None, help="where the store lies while it is measured")
    p.add_argument("--build", default="build/release")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results")
    a = p.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    os.environ["CONSENTRY_BUILD"] = str(build_programs(a.build, "consentryd", "consentry", "load_source", "mail_sink"))
    runs = [run(a) for _ in range(a.repeats)]
    write_result(a.out, "block", {k: v for k, v in vars(a).items() if k not in ("out", "build", "folder")}, machine(), runs)
