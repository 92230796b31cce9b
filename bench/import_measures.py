"""The benchmark of imports: `scripts/bench import`. The whole way: the command line uploads, the daemon plans, applies and syncs.

  bench import                           10 million rows into an empty tenant, a million more into these, intake meanwhile
  bench import --rows 1 --merge-rows 0.1 smaller, in millions
"""
import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

from bench_report import ROOT, build_programs, machine, write_result


def cpu_s(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid, name):
    return next(int(line.split()[1]) / 1024 for line in open(f"/proc/{pid}/status") if line.startswith(name))


class Watch:
    """The highest anonymous memory of a process: the map of the store and its page cache are the kernel's to give back."""

    def __init__(self, pid):
        self.pid, self.peak, self.is_on = pid, 0.0, True
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while self.is_on:
            self.peak = max(self.peak, memory_mib(self.pid, "RssAnon"))
            time.sleep(0.1)

    def stop(self):
        self.is_on = False
        self.thread.join()
        return self.peak


def settings(silent_port):
    routes = [{"domain": f"d{i + 1:02}.test", "host": "127.0.0.1", "port": silent_port} for i in range(50)]
    return {"listener": [{"address": "127.0.0.1:0", "role": "submission", "tls": "none"}], "smtp": {"auth_without_tls": True},
            "store": {"map_size_gib": 64}, "route": routes, "dns": {"forward": ["127.0.0.1@9"], "timeout_s": 1},
            "delivery": {"connections_max": 1, "connections_per_destination_max": 1, "command_timeout_s": 3600},
            "log": {"format": "json", "level": "warn"}}


class Bench:
    def __init__(self, arguments, build, support, home):
        self.a, self.build, self.support, self.home = arguments, build, support, home
        self.gateway = None

    def rows_file(self, rows, first):
        file = self.home / f"rows-{first}-{rows}.csv"
        with open(file, "wb") as out:
            subprocess.run([self.build / "bin/csv_people", "--rows", str(rows), "--first", str(first)], stdout=out, check=True)
        return file

    def import_file(self, file, tenant):
        """Times of the phases, as the job tells them, and what the daemon needed."""
        g = self.gateway
        pid = g.process.pid
        watch, cpu, began = Watch(pid), cpu_s(pid), time.monotonic()
        client = subprocess.Popen([self.build / "bin/consentry", "--socket", str(g.socket), "consent", "import", tenant, str(file), "--no-progress"],
                                  stdout=subprocess.DEVNULL)
        phases, last, at = {}, "uploading", began
        while client.poll() is None:
            jobs = g.json("consent", "imports", tenant)["imports"]
            state = jobs[0]["state"] if jobs and jobs[0]["source"] == file.name else "uploading"
            if state != last:
                now = time.monotonic()
                phases[last], last, at = round(now - at, 2), state, now
            time.sleep(0.05)
        took = time.monotonic() - began
        phases[last] = round(time.monotonic() - at, 2)
        job = g.json("consent", "imports", tenant)["imports"][0]
        if client.returncode != 0 or job["state"] != "done":
            sys.exit(f"the import ended with {client.returncode}: {job}")
        return {"rows": job["rows"], "added": job["added"], "kept": job["kept"], "renewed": job["renewed"], "csv_bytes": file.stat().st_size,
                "seconds": round(took, 2), "rows_per_s": round(job["rows"] / took), "phases_s": phases, "daemon_cpu_s": round(cpu_s(pid) - cpu, 1),
                "peak_anonymous_mib": round(watch.stop(), 1), "store_bytes": (g.store / "data.mdb").stat().st_size}

    def load(self, first, count):
        return self.support.load(self.gateway, "--user", "acme", "--password", self.gateway.PASSWORD, "--connections", 4, "--bytes", 4096,
                                 "--pause-ms", self.a.pause_ms, "--domains", 50, "--first", first, "--count", count)

    def latency(self, file):
        """Intake at a steady rate, alone, and while rows are imported into another tenant."""
        runs_alone = max(1, self.a.messages // 500)
        everybody = [f"u{n:010}@d{n % 50 + 1:02}.test" for n in range(500 * (4 * runs_alone + 1))]
        self.gateway.import_consents(everybody)
        subprocess.run(["sync"], check=True)
        self.load(0, 500)
        alone = [self.load(500 * (n + 1), 500) for n in range(runs_alone)]
        self.gateway.cli("tenant", "add", "beside", "--legal-name", "Beside Kft.", "--contact", "office@beside.test")
        client = subprocess.Popen([self.build / "bin/consentry", "--socket", str(self.gateway.socket), "consent", "import", "beside", str(file),
                                   "--no-progress"], stdout=subprocess.DEVNULL)
        during = []
        first = 500 * (runs_alone + 1)
        while client.poll() is None and first + 500 <= len(everybody) - 500 * runs_alone:
            run = self.load(first, 500)
            first += 500
            if client.poll() is None:  # else it saw the end of the import
                during.append(run)
        client.wait()
        subprocess.run(["sync"], check=True)
        alone += [self.load(first + 500 * n, 500) for n in range(runs_alone)]  # and after it, since a shared machine has its moods
        job = self.gateway.json("consent", "imports", "beside")["imports"][0]
        def of(runs, name):
            return sorted(r["latency_ms"][name] for r in runs) or [0.0]
        def middle(values):
            return round(values[len(values) // 2], 2)
        out = {"import_rows": job["rows"], "import_state": job["state"], "messages_per_s": alone[-1]["per_second"]}
        for name, runs in (("alone", alone), ("during", during)):
            out[name] = {"runs_of_500": len(runs), "p50_ms": middle(of(runs, "p50")), "p99_ms": middle(of(runs, "p99")),
                         "p99_worst_ms": round(of(runs, "p99")[-1], 2)}
        out["p99_rise_ms"] = round(out["during"]["p99_ms"] - out["alone"]["p99_ms"], 2)
        return out


def run(a, build):
    import socket
    import support
    with tempfile.TemporaryDirectory(prefix="import-bench-", dir=a.folder) as folder, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)  # takes connections and says nothing
        home = pathlib.Path(folder)
        bench = Bench(a, build, support, home)
        with support.Gateway(home, settings(silent.getsockname()[1])) as gateway:
            bench.gateway = gateway
            gateway.add_tenant()
            gateway.cli("tenant", "add", "list", "--legal-name", "List Kft.", "--contact", "office@list.test")
            rows, more = int(a.rows * 1e6), int(a.merge_rows * 1e6)
            file = bench.rows_file(rows, 0)
            subprocess.run(["sync"], check=True)
            empty = bench.import_file(file, "list")
            file.unlink()
            print(f"import into an empty tenant: {empty['rows_per_s']} rows/s ({empty['rows']} rows, {empty['csv_bytes'] / 1e9:.2f} GB in "
                  f"{empty['seconds']} s: {empty['phases_s']}), peak {empty['peak_anonymous_mib']} MiB", flush=True)
            result = {"empty": empty}
            if more:
                file = bench.rows_file(more, rows - more // 2)
                result["merge"] = merge = bench.import_file(file, "list")
                print(f"merge into {rows}: {merge['rows_per_s']} rows/s ({merge['added']} new, {merge['kept']} known; {merge['phases_s']})", flush=True)
            if a.messages:
                file = bench.rows_file(rows, 0)
                result["latency"] = late = bench.latency(file)
                print(f"intake p99, median of runs of 500: {late['alone']['p99_ms']} ms alone, {late['during']['p99_ms']} ms during an import "
                      f"({late['during']['runs_of_500']} runs; the worst {late['during']['p99_worst_ms']}, alone {late['alone']['p99_worst_ms']})", flush=True)
            return result


def main(words):
    p = argparse.ArgumentParser(prog="bench import", description=__doc__.split("\n")[0])
    p.add_argument("--rows", type=float, default=10, help="millions into an empty tenant (default 10)")
    p.add_argument("--merge-rows", type=float, default=1, help="millions more, half of them known (default 1; 0: none)")
    p.add_argument("--messages", type=int, default=4000, help="for the latency of intake (default 4000; 0: none)")
    p.add_argument("--pause-ms", type=float, default=10, help="between the messages of each of 4 connections (default 10)")
    p.add_argument("--repeats", type=int, default=1)
    p.add_argument("--folder", default=None, help="where the store lies while it is measured")
    p.add_argument("--build", default="build/release")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results")
    a = p.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    build = build_programs(a.build, "consentryd", "consentry", "load_source", "csv_people")
    os.environ["CONSENTRY_BUILD"] = str(build)
    runs = [run(a, build) for _ in range(a.repeats)]
    write_result(a.out, "import", {k: v for k, v in vars(a).items() if k not in ("out", "build", "folder")}, machine(), runs)
