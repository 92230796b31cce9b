"""What a reader can open is read; what nobody can read waits, or as the knob says; a reader that dies stops no mail."""
import email
import json
import re
import select
import subprocess

import pytest

import sample_files
import support
from conftest import House
from test_clients import swaks_starttls_plain

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def sent(house, tmp_path, to, *attachment):
    """What swaks is told at the end of a letter with that attachment."""
    house.gateway.import_consents([to])
    file = tmp_path / "letter.eml"
    file.write_bytes(sample_files.letter(to, *attachment))
    code, said = swaks_starttls_plain(house, to, file)
    end = [line for line in said.splitlines() if re.search(r"^<(~|\*|-)", line) and not line.startswith("<~  221")][-1]
    return code, end


def verdict(house, end):
    message = re.search(r"\bm[0-9a-z]{7,}\b", end).group()
    return house.gateway.json("why", message)["recipients"][0]["verdict"]


DOCX, PDF = sample_files.docx(sample_files.PLEA), sample_files.pdf(sample_files.PLEA)
FORBIDDEN = {
    "docx": ("2", "ajánlat.docx", DOCX, WORD),
    "pdf": ("2", "ajanlat.pdf", PDF, "application/pdf"),
    "zip-in-zip": ("2/belso.zip/ajanlat.docx", "a.zip", sample_files.zipped(
        {"belso.zip": sample_files.zipped({"ajanlat.docx": DOCX})}), "application/zip"),
    "pdf-unlabelled": ("2", "adat", PDF, "application/octet-stream"),
    "calendar": ("2", "meghivo.ics", ("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Online kas\r\n zinó\\, 100% befizetési bónusz!\r\n"
                                      "END:VEVENT\r\nEND:VCALENDAR\r\n").encode(), "application/ics"),
}


@pytest.mark.quick
@pytest.mark.parametrize("kind", FORBIDDEN)
def test_forbidden_words_in_documents_are_found(house, tmp_path, kind):
    place, *attachment = FORBIDDEN[kind]
    code, end = sent(house, tmp_path, f"{kind}@rcpt.test", *attachment)
    assert code == 0 and "held for review" in end and "content.s3" in end
    found = verdict(house, end)["matches"]
    assert {(m["zone"], m["part"]) for m in found} == {("attachment", place)}
    assert "kaszinó" in {m["matched"] for m in found}


@pytest.mark.parametrize("kind, attachment, why", [
    ("encrypted", ("a.zip", sample_files.zipped({"a.docx": DOCX}, encrypted=True), "application/zip"), "is encrypted"),
    ("word97", ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "application/msword"), "office document"),
    ("lying", ("kep.jpg", sample_files.pdf("Nyitva tartás: hétfőtől péntekig"), "image/jpeg"), "is labelled image/jpeg, but holds a PDF document"),
    ("bomb", ("a.zip", sample_files.zipped({"a.txt": "a" * (30 << 20)}), "application/zip"), "more than 100 times its size"),
])
def test_what_cannot_be_read_waits(house, tmp_path, kind, attachment, why):
    code, end = sent(house, tmp_path, f"{kind}@rcpt.test", *attachment)
    assert code == 0 and "held for review" in end
    told = verdict(house, end)
    assert why in told["text"]
    assert told["reason"] == "content.unscannable" and told["rule"] == "A6"


def test_a_clean_document_is_delivered_as_it_was(house, tmp_path):
    document = sample_files.docx("Nyitva tartás: hétfőtől péntekig, nyolctól ötig. Várjuk szeretettel!")
    code, _ = sent(house, tmp_path, "clean@rcpt.test", "nyitva.docx", document, WORD)
    assert code == 0
    message, = house.received("clean@rcpt.test")
    parsed = email.message_from_bytes(message)
    assert parsed.get_payload()[1].get_payload(decode=True) == document


@pytest.mark.parametrize("action", ["reject", "tag"])
def test_the_knob_says_what_becomes_of_the_unreadable(tmp_path, action):
    policy = tmp_path / "policy.toml"
    policy.write_text(f'[unscannable]\naction = "{action}"\n')
    with support.folder() as path, House(path, {"policy": {"file": str(policy)}}) as house:
        code, end = sent(house, tmp_path, "a@rcpt.test", *("a.zip", sample_files.zipped({"a": "x"}, encrypted=True), "application/zip"))
        if action == "reject":
            assert code != 0 and "550 5.7.1" in end and "content.unscannable" in end and "is encrypted" in end
        else:
            assert code == 0
            house.received("a@rcpt.test")
            told = verdict(house, end)
            assert told["decision"] == "send"
            assert "is encrypted" in next(m for m in told["matches"] if m["pattern"] == "content.unscannable")["note"]


def test_a_reader_that_crashes_hangs_or_lies_stops_no_mail(tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text("[attachments]\ntime_s = 1\n")
    settings = {"reader": {"program": support.program("false_reader")}, "policy": {"file": str(policy)}}
    with support.folder() as path, House(path, settings) as house:
        for what, why in (("crash", "signal 11"), ("hang", "takes too long"), ("garbage", "answer is broken")):
            code, end = sent(house, tmp_path, f"{what}@rcpt.test", what, PDF, "application/pdf")
            assert code == 0 and "held for review" in end
            assert why in verdict(house, end)["text"]
            code, end = sent(house, tmp_path, f"after-{what}@rcpt.test", "good", PDF, "application/pdf")
            assert code == 0 and "held" not in end
            house.received(f"after-{what}@rcpt.test")


def test_other_mail_does_not_wait_behind_attachments(tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text("[attachments]\ntime_s = 5\n")
    settings = {"reader": {"program": support.program("false_reader")}, "policy": {"file": str(policy)}}
    with support.folder() as path, House(path, settings) as house:
        house.gateway.import_consents(["a@rcpt.test"])
        slow = sample_files.letter("a@rcpt.test", "hang", PDF, "application/pdf")
        waiting = [house.gateway.login() for _ in range(4)]
        for client in waiting:
            client.mail("news@sender.test")
            client.rcpt("a@rcpt.test")
            assert client.docmd("DATA")[0] == 354
            client.send(slow + b".\r\n")
        for number in range(10):
            client = house.gateway.login()
            client.sendmail("news@sender.test", ["a@rcpt.test"], support.letter("a@rcpt.test", id=str(number)))
            client.quit()
        assert not select.select([c.sock for c in waiting], [], [], 0)[0]  # none of them has an answer yet
        for client in waiting:
            assert client.getreply()[0] == 250
            client.close()


def test_scan_reads_attachments_offline(tmp_path):
    file = tmp_path / "letter.eml"
    file.write_bytes(sample_files.letter("a@rcpt.test", "ajanlat.pdf", PDF, "application/pdf"))
    done = subprocess.run([support.program("consentry"), "scan", str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "content.s3" in done.stdout and "attachment" in done.stdout
    done = subprocess.run([support.program("consentry"), "scan", "--json", "--texts", str(file)], capture_output=True, text=True, timeout=60)
    texts = {(t["part"], t["zone"]): t["text"] for t in json.loads(done.stdout)["texts"]}
    assert "Online kaszinó" in texts["2", "attachment"] and "katalógus" in texts["1", "body"]
