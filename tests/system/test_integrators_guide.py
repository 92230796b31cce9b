"""docs/integrators.md walks through the HTTP interface: its requests are sent, in their order, and answered as it says.

CONSENTRY_REWRITE=1 writes the answers anew.
"""
import datetime
import json
import os
import re
import subprocess

import support
from api_client import sign_in
from conftest import House

GUIDE = support.ROOT / "docs" / "integrators.md"
STEP = re.compile(r"```sh\n(.*?)```\n```json\n(.*?)```\n", re.S)
YESTERDAY = "2026-11-25"  # of the guide


def shape(text):
    """What differs from run to run, in general terms."""
    for pattern, name in ((r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", "2026-11-26T12:00:00Z"),
                          (r'"consent_day": "\d{4}-\d\d-\d\d"', '"consent_day": "2026-11-25"'),
                          (r'"last_day": "\d{4}-\d\d-\d\d"', '"last_day": "2027-11-25"'),
                          (r"\b[0-9a-f]{64}\b", "0" * 64), (r"\b[0-9a-f]{32}\b", "8c7dd922ad47494fc02c388e12c00eac"),
                          (r'"record": "c[a-z2-7]{16}"', '"record": "c4lx3tjgyjrjltspp"'),
                          (r'"policy_version": "p[0-9a-f]+"', '"policy_version": "p1ba6fb8ccdf3"'),
                          (r'"(seq|next)": \d+', r'"\1": 4711')):
        text = re.sub(pattern, name, text)
    return text


def test_the_guide_tells_what_happens(home):
    with House(home, {"admin": {"tcp": "127.0.0.1:0"}}) as house:
        crm = sign_in(house.gateway, "crm", "tenant-user", "acme")
        environment = dict(os.environ, GATEWAY=f"http://127.0.0.1:{house.gateway.admin}", TOKEN=crm.token)
        real_yesterday = (datetime.date.today() - datetime.timedelta(days=1)).isoformat()

        def answered(step):
            command = step[1].replace(YESTERDAY, real_yesterday)
            done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, timeout=support.PATIENCE_S)
            assert done.returncode == 0, done.stderr
            told = shape(json.dumps(json.loads(done.stdout), indent=2, ensure_ascii=False))
            return f"```sh\n{step[1]}```\n```json\n{told}\n```\n"

        written = GUIDE.read_text()
        assert len(STEP.findall(written)) >= 10
        told = STEP.sub(answered, written)
    if os.environ.get("CONSENTRY_REWRITE"):
        GUIDE.write_text(told)
    assert GUIDE.read_text() == told
