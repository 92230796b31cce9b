"""scripts/check-layers over small trees: each breach it promises to find, and what it must let pass."""
import pathlib
import subprocess
import tempfile
import unittest

CHECK = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "check-layers"
HEADER = "#pragma once\n"

PASSES = {
    "down": {"base/log.h": HEADER, "queue/spool.cc": '#include "base/log.h"\n'},
    "own header first, then the rest": {
        "base/log.h": HEADER, "queue/spool.h": HEADER, "queue/spool.cc": '#include "queue/spool.h"\n#include "base/log.h"\n'},
    "its own room": {"smtp/mime/a.h": HEADER, "smtp/mime/b.h": HEADER + '#include "smtp/mime/a.h"\n'},
    "the roof sees all": {"filters/x.h": HEADER, "app/admin/y.cc": '#include "filters/x.h"\n'},
    "a value type for the judge": {"filters/finding.h": HEADER, "policy/judge.cc": '#include "filters/finding.h"\n'},
    "through the door": {"base/lmdb_env.cc": "#include <lmdb.h>\n", "smtp/mime/walk.cc": "#include <mimetic/mimetic.h>\n"},
    "a reference to a TLS context": {"smtp/client/c.h": HEADER + "void connect(boost::asio::ssl::context& tls);\n"},
    "a judge in the tests": {"tests/unit/x_test.cc": "#include <opendkim/dkim.h>\n"},
}

BREACHES = {
    "goes up or sideways": {"queue/spool.h": HEADER, "base/log.cc": '#include "queue/spool.h"\n'},
    "filters may not include reputation": {"reputation/tally.h": HEADER, "filters/x.cc": '#include "reputation/tally.h"\n'},
    "smtp/mime may not include smtp/dns": {"smtp/dns/mx.h": HEADER, "smtp/mime/x.cc": '#include "smtp/dns/mx.h"\n'},
    "leads to a store": {
        "base/lmdb_env.h": HEADER, "policy/consent/rec.h": HEADER + '#include "base/lmdb_env.h"\n',
        "policy/judge.cc": '#include "policy/consent/rec.h"\n'},
    "is not a file of this project": {"base/log.cc": '#include "log.h"\n', "base/log.h": HEADER},
    "base/lmdb_env": {"queue/spool.cc": "#include <lmdb.h>\n"},
    "filters/hyperscan_": {"filters/scanner.cc": "#include <hs/hs.h>\n"},
    "smtp/auth/dkim_verifier": {"app/intake.cc": "#include <opendkim/dkim.h>\n"},
    "smtp/dns/resolver": {"smtp/dns/mx.cc": "#include <unbound.h>\n"},
    "TLS contexts are made in": {"smtp/client/c.cc": "boost::asio::ssl::context tls{boost::asio::ssl::context::tls};\n"},
    "has no #pragma once": {"base/log.h": "int x;\n"},
    "comes first": {"base/log.h": HEADER, "base/log.cc": '#include <string>\n#include "base/log.h"\n'},
    "the name is taken by": {"base/log.h": HEADER, "queue/log.h": HEADER},
    "stands in no room": {"helpers/x.cc": "int x;\n"},
    "more than 500": {"base/log.cc": "\n" * 501},
}


class CheckLayers(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                path = pathlib.Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return subprocess.run([CHECK, "--root", root], capture_output=True, text=True)

    def test_lets_pass(self):
        for what, files in PASSES.items():
            with self.subTest(what):
                done = self.check(files)
                self.assertEqual(done.returncode, 0, done.stdout)

    def test_finds(self):
        for message, files in BREACHES.items():
            with self.subTest(message):
                done = self.check(files)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn(message, done.stdout)


if __name__ == "__main__":
    unittest.main()
