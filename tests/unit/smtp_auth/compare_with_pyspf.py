"""Whether pyspf says of each case in spf_cases.txt what stands there; our process is held to the same lines by spf_check_test.cc.

  compare_with_pyspf.py spf_cases.txt      exit 77: pyspf is not installed
"""
import sys

try:
    import spf
except ImportError:
    print("skipped: python3-spf is not installed")
    sys.exit(77)


def read(path):
    zones, cases = {}, []
    for line in open(path, encoding="utf-8"):
        words = line.split()
        if words[:1] == ["zone"]:
            value = line.split(None, 3)[3].strip()
            zones.setdefault((words[1].lower(), words[2]), []).append(value)
        elif words[:1] == ["case"]:
            cases.append((words[1], words[2], words[3], words[4:5] == ["not-pyspf"]))
    return zones, cases


def main():
    zones, cases = read(sys.argv[1])

    def lookup(name, qtype, tcpfallback=True, timeout=30):
        values = zones.get((name.rstrip(".").lower(), qtype), [])
        if values == ["FAILED"]:
            raise spf.TempError("no answer")
        answers = []
        for v in values:
            data = (v.encode(),) if qtype == "TXT" else (10, v) if qtype == "MX" else v
            if qtype == "AAAA":
                data = spf.ipaddress.ip_address(v).packed
            answers.append(((name, qtype), data))
        return answers

    spf.DNSLookup = lookup
    wrong = 0
    for address, domain, expected, is_excused in cases:
        got = spf.query(i=address, s="postmaster@" + domain, h=domain, querytime=0).check()[0]
        if got != expected and not is_excused:
            print(f"{address} {domain}: the table says {expected}, pyspf says {got}")
            wrong += 1
    print(f"{len(cases)} cases, {wrong} differ")
    return 1 if wrong else 0


sys.exit(main())
