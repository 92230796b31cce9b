#!/usr/bin/python3
"""dkimpy judges our signatures: over the mails of the corpora and over messages of random white
space, where canonicalization goes wrong first. Bodies end with CRLF, as all do that SMTP carries (without
it dkimpy keeps blanks at the very end, against RFC 6376 section 3.4.4).

usage: compare_with_dkimpy.py SIGN_STREAM CORPORA (the environment's CONSENTRY_CORPORA goes first)
exit 0: all pass; 1: some do not; 77: no dkimpy here (skipped)
"""
import os
import random
import re
import subprocess
import sys
import tempfile

try:
    import dkim
except ImportError:
    print("skipped: no dkimpy")
    sys.exit(77)


def corpus_mails(corpora):
    index = os.path.join(corpora, "INDEX.tsv")
    if not os.path.exists(index):
        print("corpora skipped: not here")
        return
    with open(index, encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            with open(os.path.join(corpora, line.split("\t")[0]), "rb") as mail:
                yield re.sub(rb"\r?\n|\r", b"\r\n", mail.read().rstrip(b"\r\n") + b"\n")


def random_mails(count):
    source = random.Random(8463)
    pieces = [b" ", b"\t", b"\r\n", b"x", b"  ", b"\r\n\r\n", b"y z", b" \r\n", b"\xc3\xa1"]
    for _ in range(count):
        body = b"".join(source.choice(pieces) for _ in range(source.randrange(30)))
        fold = source.choice([b" ", b"\r\n ", b" \t", b"\r\n\t "])
        yield (b"From:" + fold + b"a@sender.example \t\r\nSubject:" + fold + b"a" + fold +
               b"b  c\t\r\nTo: x@y.hu," + fold + b"z@y.hu\r\nX-Empty:\r\n\r\n" + body + b"\r\n")


def is_signable(message):
    head, gap, _ = message.partition(b"\r\n\r\n")
    if not gap or len(re.findall(rb"(?im)^from[ \t]*:", head)) != 1:
        return False
    try:
        headers, _ = dkim.rfc822_parse(message)
    except (dkim.MessageFormatError, IndexError):
        return False
    # What dkimpy reads more loosely than RFC 5322 is no test of a signature.
    return all(re.fullmatch(rb"[\x21-\x39\x3b-\x7e]+", name) for name, _ in headers)


def verdict(signed, index, keys):
    """"pass", or what dkimpy says of the signature at that place; keys: name -> record."""
    def lookup(name, timeout=5):
        return keys.get(name.decode().rstrip("."), "").encode()
    try:
        return "pass" if dkim.DKIM(signed).verify(idx=index, dnsfunc=lookup) else "signature"
    except dkim.DKIMException as error:
        return repr(error)


def main():
    sign, corpora = sys.argv[1:3]
    corpora = os.environ.get("CONSENTRY_CORPORA", corpora)
    messages = [m for m in [*corpus_mails(corpora), *random_mails(200)] if is_signable(m)]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for number, message in enumerate(messages):
            names.append(os.path.join(folder, f"{number}.in"))
            with open(names[-1], "wb") as out:
                out.write(message)
        subprocess.run([sign, folder, *names], check=True)
        with open(os.path.join(folder, "keys.txt"), encoding="ascii") as lines:
            keys = dict(line.rstrip("\n").split(" ", 1) for line in lines)

        for number, _ in enumerate(messages):
            with open(os.path.join(folder, f"{number}.eml"), "rb") as mail:
                signed = mail.read()
            for index in (0, 1):
                said = verdict(signed, index, keys)
                if said != "pass":
                    failed += 1
                    print("does not verify:", said, index, signed[:1500])
    print(f"{len(messages)} messages signed twice, {failed} signatures fail")
    return 1 if failed or len(messages) < 200 else 0


if __name__ == "__main__":
    sys.exit(main())
