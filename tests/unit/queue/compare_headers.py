#!/usr/bin/python3
"""Python's email shows converted header fields as it shows the 8-bit ones: subjects, display names, addresses, file names.

The corpora's mails with their encoded words turned into raw UTF-8, and made-up ones of awkward words.
usage: compare_headers.py CONVERT_HEADERS CORPORA (the environment's CONSENTRY_CORPORA goes first)
"""
import email
import email.policy
import email.utils
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
from email.header import decode_header, make_header

POLICY = email.policy.SMTPUTF8
ADDRESSES = ("From", "Sender", "Reply-To", "To", "Cc")


def raw(value):
    """Encoded words as raw text; None where that cannot be told."""
    out = []
    for part, charset in decode_header(value):
        if isinstance(part, bytes):
            try:
                part = part.decode(charset or "ascii")
            except (LookupError, UnicodeDecodeError):
                return None
        out.append(part)
    text = "".join(out)
    return None if re.search(r"[\x00-\x1f\x7f\ufffd]|=\?", text) or not text.strip() else text


def corpus_headers(corpora):
    index = corpora / "INDEX.tsv"
    if not index.exists():
        print("corpora skipped: not here")
        return
    for line in index.read_text(encoding="utf-8").splitlines()[1:]:
        message = email.message_from_bytes((corpora / line.split("\t")[0]).read_bytes())
        fields = []
        for name, value in message.items():
            value = str(value)
            if name.lower() == "subject" and "=?" in value and (text := raw(re.sub(r"\r?\n", "", value))):
                fields.append(f"Subject: {text}")
            elif name.title() in ADDRESSES and "=?" in value and len(value) < 1000:
                for display, address in email.utils.getaddresses([value]):
                    text = raw(display) if display else None
                    if text and re.fullmatch(r"[\x21-\x7e]+@[A-Za-z0-9.-]+", address):
                        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
                        fields.append(f'{name.title()}: "{quoted}" <{address}>')
        if any(not f.isascii() for f in fields):
            yield list({f.split(":")[0]: f for f in fields}.values())


def made_up(count):
    source = random.Random(2047)
    words = ["a", "word", "é", "árvíztűrő", "日本語", "😀😀", "it's", "100%", "a_b", "=", "?", "(x)", "x" * 70, "ő" * 40, "q.", "–"]
    for _ in range(count):
        def some(most):
            return " ".join(source.choice(words) for _ in range(source.randrange(1, most)))
        yield [f"Subject: {some(30)}",
               f'From: "{some(8)}" <a@x.hu>',
               "To: " + ", ".join(f'"{some(5)}" <b{n}@x.hu>' for n in range(source.randrange(1, 4))),
               f'Content-Disposition: attachment; filename="{some(6)}.pdf"']


def seen(data):
    """What a reader sees of a header."""
    message = email.message_from_string(data.decode("utf-8"), policy=POLICY)
    found = {"Subject": str(message["Subject"]), "file": message.get_filename()}
    for name in ADDRESSES:
        if message[name] is not None:
            # Not message[name].addresses: it keeps the space between the encoded words of a name, against RFC 2047 section 6.2.
            value = re.sub(r"\r?\n", "", email.message_from_string(data.decode("utf-8"), policy=email.policy.compat32)[name])
            found[name] = [(str(make_header(decode_header(display))), address) for display, address in email.utils.getaddresses([value])]
    return found


def main():
    program, corpora = sys.argv[1:3]
    corpora = pathlib.Path(os.environ.get("CONSENTRY_CORPORA", corpora))
    headers = [*corpus_headers(corpora), *made_up(300)]
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for n, fields in enumerate(headers):
            files.append(pathlib.Path(folder) / str(n))
            files[-1].write_bytes(("\r\n".join(fields) + "\r\n\r\n").encode("utf-8"))
        subprocess.run([program, *files], check=True)
        failed = converted = 0
        for file in files:
            seven = pathlib.Path(f"{file}.seven")
            if not seven.exists():
                continue
            converted += 1
            before, after = file.read_bytes(), seven.read_bytes() + b"\r\n"
            lines = after.split(b"\r\n")
            if not after.isascii() or max(map(len, lines)) > 998 or seen(before) != seen(after):
                failed += 1
                print("differs:", before.decode(), after.decode(errors="replace"), seen(before), seen(after), sep="\n")
    print(f"{len(headers)} headers, {converted} converted, {failed} look different")
    return 1 if failed or converted < len(headers) * 9 // 10 else 0


if __name__ == "__main__":
    sys.exit(main())
