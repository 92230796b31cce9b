"""The benchmark of the consent ledger: `scripts/bench consent`.

  bench consent                                  every measure, at 1 and 10 million records
  bench consent --rows 1,10,30 --measure size,lookups

A measure is a class below MEASURES: `name`, `run(bench)` gives a dict, `line(result)` tells it in a line. More of them, in files of
their own, are added there. `bench.rows` says at which sizes; `bench.store(rows)` is a filled store of that size, made once; `bench.ask(..)`
runs bench/consent_bench and reads its JSON.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

from bench_report import ROOT, build_programs, machine, write_result


class Bench:
    def __init__(self, arguments, build, home):
        self.arguments, self.build, self.home = arguments, build, home
        self.rows = [int(float(n) * 1_000_000) for n in arguments.rows.split(",")]
        self.fills = {}
        self.calm = ["--undisturbed"] if arguments.undisturbed else []

    def ask(self, *words):
        done = subprocess.run([self.build / "bin/consent_bench", *map(str, words)], stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)

    def store(self, rows):
        folder = self.home / f"store-{rows}"
        if rows not in self.fills:
            self.fills[rows] = self.ask("fill", folder, "--rows", rows)
        return folder

    def drop(self, rows):
        shutil.rmtree(self.home / f"store-{rows}", ignore_errors=True)
        self.fills.pop(rows, None)


class Size:
    """Bytes on disk of a plain record in all tables together, the journal excluded; and how fast the slices were written."""
    name = "size"

    def run(self, bench, rows):
        size = bench.ask("size", bench.store(rows))
        return {**size, "fill": bench.fills[rows]}

    def line(self, r):
        return (f"{r['bytes_per_record']:.1f} bytes a record (addresses of {r['address_length']:.1f} in the mean), journal "
                f"{r['journal_bytes'] / r['records']:.2f}, file {r['file_bytes'] / 1e9:.2f} GB; slices written at {r['fill']['rows_per_s']:.0f} rows/s")


class Between:
    """The same size when the list comes to lie between two tenants that are there already."""
    name = "between"

    def run(self, bench, rows):
        folder = bench.home / "between"
        few = min(rows, 1_000_000)
        for tenant, count in ((1, 1000), (3, 1000), (2, few)):
            bench.ask("fill", folder, "--rows", count, "--tenant", tenant)
        size = bench.ask("size", folder)
        shutil.rmtree(folder)
        return size

    def line(self, r):
        return f"between two tenants: {r['bytes_per_record']:.1f} bytes a record, {r['records']} of them"


class Merged:
    """The same size after a second list whose keys fall between those of the first: pages split, and settle partly filled."""
    name = "merged"

    def run(self, bench, rows):
        folder = bench.home / "merged"
        few = min(rows, 1_000_000)
        bench.ask("fill", folder, "--rows", few)
        second = bench.ask("fill", folder, "--rows", few - 17)
        size = bench.ask("size", folder)
        shutil.rmtree(folder)
        return {**size, "merge": second}

    def line(self, r):
        return f"after a merge: {r['bytes_per_record']:.1f} bytes a record, {r['records']} of them; merged at {r['merge']['rows_per_s']:.0f} rows/s"


class Lookups:
    """Point look-ups a second of one core, in a store that the page cache holds."""
    name = "lookups"

    def run(self, bench, rows):
        return bench.ask("lookups", bench.store(rows), "--rows", rows, "--seconds", bench.arguments.seconds, *bench.calm)

    def line(self, r):
        return "look-ups/s of a core: " + ", ".join(f"{k} {v['per_core_s']:.0f}" for k, v in r.items() if isinstance(v, dict))


class Verdicts:
    """What the ledger adds to a verdict, alone and while an import runs. Last: it writes into the store."""
    name = "verdicts"

    def run(self, bench, rows):
        return bench.ask("verdicts", bench.store(rows), "--rows", rows, "--seconds", 2 * bench.arguments.seconds, *bench.calm)

    def line(self, r):
        def one(x):
            return f"p50 {x['p50_us']:.1f}, p99 {x['p99_us']:.1f}, p99.9 {x['p999_us']:.1f} us"
        return f"ledger's part of a verdict: alone {one(r['alone'])}; while importing {r['imported_rows_per_s']:.0f} rows/s {one(r['while_importing'])}"


MEASURES = [Size(), Between(), Merged(), Lookups(), Verdicts()]


def arguments(words):
    names = [m.name for m in MEASURES]
    p = argparse.ArgumentParser(prog="bench consent", description=__doc__.split("\n")[0])
    p.add_argument("--rows", default="1,10", help="sizes in millions of records (default 1,10)")
    p.add_argument("--measure", default=",".join(names), help="of " + ", ".join(names))
    p.add_argument("--seconds", type=float, default=5, help="for each figure (default 5)")
    p.add_argument("--undisturbed", action="store_true", help="look-ups and verdicts at a priority that nothing else has (root), for a busy machine")
    p.add_argument("--build", default="build/release", help="folder of the build (default build/release, which is brought up to date)")
    p.add_argument("--folder", help="where the stores are made and removed (default: a temporary folder; 1 GB for 7 million records)")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results")
    a = p.parse_args(words)
    unknown = set(a.measure.split(",")) - set(names)
    if unknown:
        p.error(f"no measure {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return a


def main(words):
    a = arguments(words)
    build = build_programs(a.build, "consent_bench")
    now = machine()
    runs = []
    with tempfile.TemporaryDirectory(prefix="consentry-bench-", dir=a.folder) as home:
        bench = Bench(a, build, pathlib.Path(home))
        for rows in bench.rows:
            for m in MEASURES:
                if m.name not in a.measure.split(","):
                    continue
                result = m.run(bench, rows)
                runs.append({"measure": m.name, "rows": rows, "result": result})
                print(f"consent, {rows / 1e6:g} million: {m.line(result)}", flush=True)
            bench.drop(rows)
    options = {k: v for k, v in vars(a).items() if k not in ("out", "build", "folder")}
    write_result(a.out, "consent", options, now, runs)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
