"""Evidence that stands outside of the gateway (RULES E5), and the search through what was sent (E3)."""
import io
import json
import re
import subprocess
import tarfile

import pytest

import support
from api_client import sign_in
from conftest import House
from test_complaints import Reporter

NOTICE = "Hozzájárulok, hogy az Acme Kft. kerti hírlevelet küldjön nekem. <script>x()</script>"


@pytest.fixture(scope="module")
def house():
    with support.folder() as path:
        loop = Reporter(path, "loop.example")
        (path / "reporters.toml").write_text('[[reporter]]\nname = "Test loop"\ndkim_domains = ["loop.example"]\n')
        h = House(path, {"complaints": {"reporters": path / "reporters.toml"}, "admin": {"tcp": "127.0.0.1:0"}})
        h.knot.zones["loop.example"] = []
        with h:
            h.knot.publish([loop.record])
            prepare(h, loop)
            yield h


def prepare(h, loop):
    """Mail to three, a complaint of the first, a block and its end."""
    h.user = sign_in(h.gateway, "user", "tenant-user", "acme")
    notice = h.user.post("/v1/tenants/acme/notices", {"text": NOTICE, "language": "hu"}).json()["hash"]
    proof = h.user.post("/v1/tenants/acme/evidence", "a scanned form", headers={"Content-Type": "image/png"}).json()["reference"]
    h.gateway.import_consents([{"email": "anna@rcpt.test", "evidence": proof}, "bela@rcpt.test", "cili@rcpt.test"], notice_hash=notice)
    client = h.gateway.login()
    for name in ("anna", "bela", "cili"):
        client.sendmail("news@sender.test", [f"{name}@rcpt.test"],
                        support.letter(f"{name}@rcpt.test", id=name, subject=f"Tulips for {name}",
                                       text="See https://shop.garden.example/tulips and write to us."))
    client.quit()
    h.gateway.wait_delivered()
    loop.report(h.gateway, h.received("anna@rcpt.test")[0])
    h.gateway.cli("block", "acme", "--reason", "somebody called")
    h.gateway.cli("unblock", "acme", "--reason", "it was a mistake")
    h.key = h.gateway.cli("evidence", "key").strip()
    h.message = search(h, "--recipient", "anna@rcpt.test")[0]["message"]


def search(house, *words):
    return house.gateway.json("sent", *words)["mail"]


def pack(house, name="pack.tar", *words):
    file = house.home / name
    house.gateway.cli("evidence", "pack", *(words or ("--message", house.message)), "--out", file)
    return file.read_bytes()


def verify(house, archive, key=None):
    """As on a machine that knows no gateway: no socket, no store."""
    file = house.home / "given.tar"
    file.write_bytes(archive)
    done = subprocess.run([support.program("consentry"), "--socket", "/nowhere", "evidence", "verify", file, "--key", key or house.key],
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def files(archive):
    with tarfile.open(fileobj=io.BytesIO(archive)) as t:
        return {m.name: (m.offset_data, t.extractfile(m).read()) for m in t}


def test_a_pack_holds_what_proves_the_mail(house):
    inside = {name: data for name, (_, data) in files(pack(house)).items()}
    message = json.loads(inside["messages.json"])[0]
    assert message["message"] == house.message and message["header"]["subject"] == "Tulips for anna"
    assert re.fullmatch("[0-9a-f]{64}", message["body_sha256"])
    assert message["recipients"][0]["verdict"]["decision"] == "send"
    person = json.loads(inside["persons.json"])[0]
    assert person["address"] == "anna@rcpt.test"
    objected, consent = sorted(person["consents"], key=lambda c: "notice_file" in c)
    assert objected["all_topics"] and "objected_at" in objected
    assert inside[consent["notice_file"]].decode() == NOTICE
    assert inside[consent["evidence_file"]] == b"a scanned form"
    delivered = [d for d in json.loads(inside["delivery.json"]) if d["kind"] == "delivered"][0]["facts"]
    assert delivered["reply"].startswith("250") and delivered["dkim"].startswith("sender.test/")
    complaint = json.loads(inside["complaints.json"])[0]["facts"]
    assert (complaint["reporter"], complaint["counts"], complaint["feedback_type"]) == ("Test loop", "yes", "abuse")
    acts = json.loads(inside["acts.json"])
    assert any(a["kind"] == "suppressed" and a["reason"] == "complaint" for a in acts)
    blocks = [a["facts"]["to"] for a in acts if a["kind"] == "standing_changed"]
    assert len(blocks) == 2 and "somebody called" in inside["page.html"].decode()
    entries = [json.loads(line) for line in inside["journal/entries.ndjson"].splitlines()]
    assert json.loads(inside["journal/checkpoint.json"])["seq"] == entries[-1]["seq"]
    for other in (b"bela@", b"cili@"):
        assert all(other not in data for data in inside.values()), "a pack tells of nobody else"


def test_the_page_is_for_readers_and_runs_nothing(house):
    page = files(pack(house))["page.html"][1].decode()
    for word in ("anna@rcpt.test", "Tulips for anna", "Given on", "Delivery", "Hozzájárulok", "How this can be checked", house.key):
        assert word in page, word
    assert "<script" not in page and "&lt;script&gt;" in page and "http" not in re.sub(r"<[^>]*>", "", page).replace("https://", "")


def test_it_is_checked_offline_with_the_key_alone(house):
    archive = pack(house)
    code, said = verify(house, archive)
    assert code == 0 and said.startswith("sound: "), said
    assert verify(house, archive, "00" * 32)[0] == 1
    assert verify(house, archive, "short")[0] == 2
    assert verify(house, b"no archive")[0] == 1


def test_the_same_facts_give_the_same_octets(house):
    assert pack(house, "one.tar") == pack(house, "two.tar")


def test_each_file_changed_by_one_octet_fails_and_says_where(house):
    archive = pack(house)
    for name, (offset, data) in files(archive).items():
        for at in {0, len(data) // 2, len(data) - 1}:
            changed = bytearray(archive)
            changed[offset + at] ^= 1
            code, said = verify(house, bytes(changed))
            where = "manifest" if name.startswith("manifest") else name
            assert code == 1 and where in said, (name, at, said)


def test_what_lies_between_the_files_counts_too(house):
    archive = pack(house)
    for at in (0, 100, 136, 257, 511, len(archive) - 1, *range(600, len(archive), 997)):
        changed = bytearray(archive)
        changed[at] ^= 1
        assert verify(house, bytes(changed))[0] == 1, at
    assert verify(house, archive + b"\0" * 512)[0] == 1
    assert verify(house, archive[:-512])[0] == 1


def test_a_file_that_is_taken_out_is_missed(house):
    archive = pack(house)
    for gone in files(archive):
        out = io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(archive)) as t, tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as made:
            for m in t:
                if m.name != gone:
                    made.addfile(m, t.extractfile(m))
        code, said = verify(house, out.getvalue())
        assert code == 1 and (gone in said or "manifest" in gone), (gone, said)


def test_of_a_person_all_mail_and_who_may_ask(house):
    inside = files(pack(house, "person.tar", "--recipient", "bela@rcpt.test", "--tenant", "acme"))
    assert len(json.loads(inside["messages.json"][1])) == 1 and b"anna@" not in inside["persons.json"][1]
    assert house.user.get(f"/v1/packs/{house.message}").status == 403
    assert house.user.get("/v1/tenants/acme/pack?recipient=bela@rcpt.test").status == 403
    looks = house.user.get("/v1/tenants/acme/audit?kind=accessed&limit=100").json()["entries"]
    assert {"packMessage", "packPerson"} <= {e["facts"]["what"] for e in looks}
    house.gateway.cli("evidence", "pack", "--message", "m0zzzzzz", code=1)


def test_sent_mail_is_found_by_each_word_of_the_desk(house):
    letters = {m["message"]: m for m in search(house, "--campaign", "spring")}
    assert len(letters) == 3
    mine = letters[house.message]
    assert mine["link_domains"] == ["shop.garden.example", "news.sender.test"] or "shop.garden.example" in mine["link_domains"]
    assert mine["outcomes"][0]["outcome"] == "delivered" and mine["outcomes"][0]["address"] == "anna@rcpt.test"
    raw = house.received("anna@rcpt.test")[0].decode()
    ours = re.search(r"^Message-ID: (<[^>]+>)", raw, re.M | re.I)[1]
    link = re.search(r"^List-Unsubscribe:\s*.*?<(https:[^>]+)>", raw, re.M | re.I | re.S)[1]
    for words in (("--recipient", "anna@rcpt.test"), ("--message", house.message), ("--subject", "for anna"), ("--message-id", ours),
                  ("--token", link), ("--recipient", "anna@rcpt.test", "--link", "garden.example")):
        assert [m["message"] for m in search(house, *words)] == [house.message], words
    assert len(search(house, "--link", "garden.example")) == 3
    assert search(house, "--recipient", "nobody@rcpt.test") == [] and search(house, "--link", "arden.example") == []
    first = house.gateway.json("sent", "--campaign", "spring", "--limit", "2")
    rest = house.gateway.json("sent", "--campaign", "spring", "--before", first["next"])
    assert {m["message"] for m in first["mail"] + rest["mail"]} == set(letters)


def test_an_erased_person_leaves_no_digest(house):
    before = search(house, "--recipient", "cili@rcpt.test")
    assert len(before) == 1
    house.gateway.cli("person", "erase", "acme", "cili@rcpt.test", "--reason", "asked for it")
    assert not search(house, "--message", before[0]["message"])
    assert len(search(house, "--campaign", "spring")) == 2
