"""Imports as jobs: the command line, uploads that go on, restarts, refusals, signs of a bought list."""
import csv
import datetime
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.parse

import pytest

import support

HEADER = ["email", "topic", "given_at", "method", "provenance", "notice_hash"]


@pytest.fixture(scope="module")
def gateway():
    with support.folder() as home, support.Gateway(home) as g:
        g.add_tenant()
        yield g


def days_ago(n, time_of_day="10:00:00"):
    return (datetime.date.today() - datetime.timedelta(days=n)).isoformat() + "T" + time_of_day


def write_list(path, addresses, **fields):
    path.write_text(support.consent_csv(addresses, **fields))
    return path


def consentry(g, *arguments):
    """Exit code, standard output, standard error."""
    done = subprocess.run([support.program("consentry"), "--socket", str(g.socket), *map(str, arguments)],
                          capture_output=True, text=True, timeout=support.PATIENCE_S)
    return done.returncode, done.stdout, done.stderr


def ask(g, method, path, body=b"", headers=None):
    """HTTP over the admin socket: status and body."""
    class connection(__import__("http.client").client.HTTPConnection):
        def connect(self):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(str(g.socket))
    c = connection("localhost")
    c.request(method, path, body, headers or {"Content-Type": "text/csv" if method == "PUT" else "application/json"})
    answer = c.getresponse()
    text = answer.read()
    return answer.status, (json.loads(text) if "json" in answer.headers["Content-Type"] else text), dict(answer.headers)


def files_of(g):
    folder = g.store / "imports"
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()) if folder.exists() else []


def test_a_file_with_good_and_bad_rows(gateway, tmp_path):
    file = write_list(tmp_path / "list.csv", [{"email": "good@one.test"}, {"email": "nobody"}, {"email": "bought@one.test", "provenance": "purchased"}])
    rejects = tmp_path / "rejects.csv"
    code, out, _ = consentry(gateway, "consent", "import", "acme", file, "--rejects", rejects)
    assert code == 1, "some rows were refused"
    assert "3 rows read, 1 taken" in out and "2 refused" in out
    assert "line 3: import.address_invalid" in out
    rows = list(csv.DictReader(rejects.open(newline="")))
    assert [(r["line"], r["reason"]) for r in rows] == [("3", "import.address_invalid"), ("4", "import.provenance_forbidden")]
    assert "nobody" in rows[0]["row"], "the row as it stood"
    assert gateway.json("consent", "show", "acme", "good@one.test")["consents"]
    assert [f for f in files_of(gateway) if not f.endswith("rejects.csv")] == [], "no copy of the list stays"


def test_exit_codes(gateway, tmp_path):
    good = write_list(tmp_path / "good.csv", ["fine@codes.test"])
    assert consentry(gateway, "consent", "import", "acme", good)[0] == 0
    headless = tmp_path / "headless.csv"
    headless.write_text("email\na@b.test\n")
    code, _, err = consentry(gateway, "consent", "import", "acme", headless)
    assert code == 1 and "no column topic" in err
    assert consentry(gateway, "consent", "import", "nobody", good)[0] == 1
    assert consentry(gateway, "consent", "import", "acme", tmp_path / "none.csv")[0] == 3
    assert consentry(gateway, "consent", "import", "acme", good, "--format", "xml")[0] == 2
    assert consentry(gateway, "consent", "import", "acme", good, "--map", "Mail=address")[0] == 1


def test_dry_run_stores_nothing(gateway, tmp_path):
    file = write_list(tmp_path / "dry.csv", ["dry@run.test"])
    said = gateway.json("consent", "import", "acme", file, "--dry-run")
    assert (said["rows"], said["taken"], said["added"], said["dry_run"]) == (1, 1, 0, True)
    gateway.cli("consent", "show", "acme", "dry@run.test", code=1)


def test_all_or_nothing(gateway, tmp_path):
    file = write_list(tmp_path / "all.csv", ["whole@all.test", "broken"])
    code, out, _ = consentry(gateway, "consent", "import", "acme", file, "--all-or-nothing")
    assert code == 1 and "nothing was stored" in out
    gateway.cli("consent", "show", "acme", "whole@all.test", code=1)
    whole = write_list(tmp_path / "whole.csv", ["whole@all.test"])
    assert consentry(gateway, "consent", "import", "acme", whole, "--all-or-nothing")[0] == 0
    gateway.cli("consent", "show", "acme", "whole@all.test")


def test_columns_under_other_names(gateway, tmp_path):
    file = tmp_path / "magyar.csv"
    file.write_text("E-mail cím;Hírlevél;Feliratkozás;Mód;Forrás;Tájékoztató\n"
                    f"éva@xn--kszer-fsa.test;hírek;{days_ago(3)};web_form;own_form;sha256:aa\n", encoding="utf-8-sig")
    names = ["E-mail cím=email", "Hírlevél=topic", "Feliratkozás=given_at", "Mód=method", "Forrás=provenance", "Tájékoztató=notice_hash"]
    options = [x for n in names for x in ("--map", n)]
    said = gateway.json("consent", "import", "acme", file, *options)
    assert (said["rows"], said["added"]) == (1, 1)
    assert gateway.json("consent", "show", "acme", "éva@xn--kszer-fsa.test")["consents"][0]["topic"] == "hírek"


def test_ndjson_from_standard_input(gateway):
    row = {"email": "json@lines.test", "topic": "news", "given_at": days_ago(2), "method": "web_form", "provenance": "own_form", "notice_hash": "h"}
    out = gateway.cli("consent", "import", "acme", "-", "--format", "ndjson", stdin=json.dumps(row) + "\n")
    assert "1 rows read, 1 taken (1 new" in out


def test_an_upload_goes_on_where_it_was(gateway):
    text = support.consent_csv([f"part{i}@upload.test" for i in range(50)]).encode()
    status, job, _ = ask(gateway, "POST", "/v1/tenants/acme/imports", json.dumps({"source": "parts.csv", "bytes": len(text)}))
    assert status == 201 and job["state"] == "uploading"
    path = f"/v1/tenants/acme/imports/{job['import']}"
    assert ask(gateway, "PUT", f"{path}/data?offset=0", text[:700])[1]["uploaded"] == 700
    gateway.kill()
    gateway.start()
    assert ask(gateway, "GET", path)[1]["uploaded"] == 700, "what was acknowledged is there"
    assert ask(gateway, "POST", f"{path}/start")[0] == 409, "the file is not whole"
    status, no, _ = ask(gateway, "PUT", f"{path}/data?offset=100", text[100:])
    assert status == 409 and "offset 700" in no["detail"]
    assert ask(gateway, "PUT", f"{path}/data?offset=700", text[700:] + b"more")[0] == 422
    assert ask(gateway, "PUT", f"{path}/data?offset=700", text[700:])[0] == 200
    assert ask(gateway, "POST", f"{path}/start")[0] == 200
    assert ask(gateway, "POST", f"{path}/start")[0] == 409
    done = support.wait_for(lambda: (j := ask(gateway, "GET", path)[1])["state"] == "done" and j, "the import")
    assert done["added"] == 50
    assert ask(gateway, "GET", f"{path}/rejects")[0] == 404


def test_the_reject_file_in_ranges(gateway, tmp_path):
    file = write_list(tmp_path / "many.csv", [f"nobody{i}" for i in range(30)])
    job = gateway.json("consent", "import", "acme", file, code=1)
    path = f"/v1/tenants/acme/imports/{job['import']}/rejects"
    status, whole, headers = ask(gateway, "GET", path)
    assert status == 200 and headers["Content-Type"].startswith("text/csv")
    status, rest, headers = ask(gateway, "GET", path, headers={"Range": "bytes=100-199"})
    assert status == 206 and rest == whole[100:200]
    assert headers["Content-Range"] == f"bytes 100-199/{len(whole)}"
    assert ask(gateway, "GET", path, headers={"Range": f"bytes={len(whole)}-"})[0] == 416
    assert len(job["refused_rows"]) == 30


def test_cancelled_while_uploading(gateway):
    job = ask(gateway, "POST", "/v1/tenants/acme/imports", json.dumps({"source": "never.csv"}))[1]
    path = f"/v1/tenants/acme/imports/{job['import']}"
    ask(gateway, "PUT", f"{path}/data?offset=0", b"email,topic\nsecret@person.test,news\n")
    assert gateway.json("consent", "import-cancel", "acme", job["import"])["state"] == "cancelled"
    assert not [f for f in files_of(gateway) if f.startswith(job["import"] + "/") and "upload" in f]
    assert ask(gateway, "PUT", f"{path}/data?offset=36", b"x")[0] == 409
    assert ask(gateway, "POST", f"{path}/cancel")[0] == 409


def test_interrupted_and_resumed(gateway, tmp_path):
    """Ctrl-C while the file is on its way: the printed command goes on with it."""
    fifo_free = tmp_path / "big.csv"
    rows = [f"ctrl{i}@interrupt.test" for i in range(150_000)]
    write_list(fifo_free, rows, user_agent="x" * 200)
    assert fifo_free.stat().st_size > 5 * 8 * 2**20
    run = subprocess.Popen([support.program("consentry"), "--socket", str(gateway.socket), "consent", "import", "acme", str(fifo_free)],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    def begun():
        newest = gateway.json("consent", "imports", "acme")["imports"][0]
        return newest["source"] == "big.csv" and newest["uploaded"] > 0
    support.wait_for(begun, "the first part")
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=support.PATIENCE_S)
    assert run.returncode == 3, err
    resume = re.search(r"--resume (i\d+)", err).group(1)
    code, out, err = consentry(gateway, "consent", "import", "acme", fifo_free, "--resume", resume)
    assert code == 0, out + err
    assert "150000 rows read, 150000 taken" in out


def test_the_progress_bar_is_for_terminals(gateway, tmp_path):
    file = write_list(tmp_path / "list.csv", ["bar@progress.test"])
    assert consentry(gateway, "consent", "import", "acme", file)[2] == ""
    master, slave = os.openpty()
    subprocess.run([support.program("consentry"), "--socket", str(gateway.socket), "consent", "import", "acme", str(file)],
                   stdout=subprocess.DEVNULL, stderr=slave, timeout=support.PATIENCE_S)
    os.close(slave)
    assert b"uploading [####" in os.read(master, 4096)
    os.close(master)


def test_small_files_in_one_request(gateway):
    body = support.consent_csv(["one@request.test", "nobody"]).encode()
    status, said, _ = ask(gateway, "POST", "/v1/tenants/acme/consents?source=crm", body, {"Content-Type": "text/csv"})
    assert status == 200 and (said["added"], said["refused"]) == (1, 1)
    assert said["refused_rows"] == [{"line": 3, "reason": "import.address_invalid", "text": said["refused_rows"][0]["text"]}]
    assert ask(gateway, "POST", "/v1/tenants/acme/consents", b"email\n", {"Content-Type": "text/csv"})[0] == 422


def test_a_list_that_looks_bought_waits_for_the_desk(gateway, tmp_path):
    """RULES A2 5.3: known elsewhere, all of one moment. The tenant is told nothing of others."""
    gateway.add_tenant("other", "other.test")
    people = [f"reader{i}@crowd.test" for i in range(700)]
    own = [{"email": p, "given_at": days_ago(1 + i % 90, f"{i % 24:02}:{i % 60:02}:{i * 7 % 60:02}")} for i, p in enumerate(people)]
    gateway.json("consent", "import", "acme", write_list(tmp_path / "own.csv", own))
    told = gateway.cli("consent", "import", "other", write_list(tmp_path / "bought.csv", people, given_at=days_ago(5)))
    assert "signs of a bought list: score" in told and "campaigns wait until" in told
    signs = {s["source"]: s for s in gateway.json("consent", "imports", "acme")["signs"]}
    assert signs["own.csv"]["score"] == 0
    listed = gateway.json("consent", "imports", "other")
    bought = listed["signs"][0]
    assert bought["overlap_share"] == 1 and bought["score"] > 60 and bought["holds_campaigns"]
    assert re.search(r"100 % of the addresses are in other", gateway.cli("consent", "imports", "other"))
    assert not re.search("score|share|overlap|reasons", json.dumps(listed["imports"])), "never in what a tenant can read"

    with gateway.login("other") as client:
        client.sendmail("news@other.test", [people[0]], support.letter(people[0], domain="other.test"))
    held = support.wait_for(lambda: gateway.json("queue", "list", "--tenant", "other")["messages"], "the mail")[0]
    assert held["held"] == 1
    why = gateway.json("why", held["message"])
    assert "import.suspicious" in json.dumps(why)
    assert gateway.json("consent", "import-release", "other", bought["import"], "--reason", "the desk saw the forms")["released_recipients"] == 1
    support.wait_for(lambda: gateway.json("queue", "list", "--tenant", "other")["total"]["held"] == 0, "the mail to go on")
    assert "import.released" in gateway.cli("journal", "tail", "--tenant", "other", "--json")
