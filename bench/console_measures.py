"""What a page of the console takes on a long journal: `scripts/bench console`.

  bench console                        10 million entries of a year, 40 tenants
  bench console --entries 1000000      a shorter history

Each page is what the console asks for to show it, one request after the other over TLS on a connection that stays open, as a session; the
figures are of the page as a whole. The first look after a start, which reads the end of the journal, is given by itself.
"""
import argparse
import http.client
import json
import os
import pathlib
import signal
import ssl
import subprocess
import sys
import tempfile
import time

from bench_report import ROOT, build_programs, machine, write_result

PASSWORD = "a long enough password"
TENANT = "/v1/tenants/kertvilag"
PAGES = {
    "today": ["/v1/standings", "/v1/cases?limit=8", "/v1/stats/minutes?minutes=180", "/v1/queue/sites?limit=12", "/v1/stats"],
    "cases": ["/v1/cases?limit=300"],
    "held": ["/v1/queue?state=held&limit=200"],
    "tenants": ["/v1/standings"],
    "tenant": [TENANT, f"{TENANT}/standing", f"{TENANT}/standing/days?days=120", f"{TENANT}/campaigns?limit=50"],
    "policy": ["/v1/policy", "/v1/policy/versions", "/v1/policy/what-if"],
    "audit": ["/v1/journal?limit=100"],
    "audit of one kind": ["/v1/journal?limit=100&kind=complained"],
    "audit of a tenant": [f"{TENANT}/audit?limit=100"],
}


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Session:
    def __init__(self, port):
        self.connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=120, context=ssl._create_unverified_context())
        self.headers = {}
        answer, _ = self.ask("POST", "/v1/session", json.dumps({"login": "anna", "password": PASSWORD}))
        self.headers = {"Cookie": answer.getheader("Set-Cookie").split(";")[0]}

    def ask(self, method, path, body=None):
        self.connection.request(method, path, body, self.headers | ({"Content-Type": "application/json"} if body else {}))
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:300]}")
        return answer, text

    def page(self, paths):
        began = time.monotonic()
        for path in paths:
            self.ask("GET", path)
        return (time.monotonic() - began) * 1000


def main(arguments):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--entries", type=int, default=10_000_000)
    p.add_argument("--tenants", type=int, default=40)
    p.add_argument("--rounds", type=int, default=100, help="of each page")
    p.add_argument("--build", default="build/release")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results")
    a = p.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    build = build_programs(a.build, "consentryd", "consentry", "history_source", "consentry-reader", "consentry-spf")
    os.environ["CONSENTRY_BUILD"] = str(build)
    import support
    with tempfile.TemporaryDirectory(prefix="consentry-console-") as folder:
        home = pathlib.Path(folder)
        subprocess.run([support.program("history_source"), "--store", home / "store", "--entries", str(a.entries), "--tenants", str(a.tenants),
                        "--map-gib", "64"], check=True, stdout=subprocess.DEVNULL)
        settings = {"admin": {"tcp": "127.0.0.1:0", "tls": True}, "store": {"map_size_gib": 64}, "log": {"format": "json", "level": "warn"}}
        with support.Gateway(home, settings) as gateway:
            gateway.cli("user", "add", "anna", "--name", "Anna", "--role", "admin")
            gateway.cli("user", "password", "anna", "--password-file", "-", stdin=PASSWORD + "\n")
            session = Session(gateway.admin)
            last = json.loads(session.ask("GET", "/v1/stats")[1])["journal"]["last"]
            run = {"entries": last, "first_look_ms": session.page(PAGES["today"]), "pages": {}}
            print(f"{last} entries; the first look after the start {run['first_look_ms']:.0f} ms", flush=True)
            for name, paths in PAGES.items():
                taken = [session.page(paths) for _ in range(a.rounds)]
                run["pages"][name] = {"p50_ms": percentile(taken, 0.5), "p99_ms": percentile(taken, 0.99)}
                print(f"{name:18} p50 {percentile(taken, 0.5):6.1f} ms  p99 {percentile(taken, 0.99):6.1f} ms", flush=True)
    options = {k: v for k, v in vars(a).items() if k not in ("out", "build")}
    write_result(a.out, "console", options, machine(), [run])
