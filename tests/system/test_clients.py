"""Clients nobody here wrote submit mail; it arrives once, unchanged in its text, signed so that dkimpy agrees."""
import email
import email.policy
import json
import pathlib
import smtplib
import subprocess

import pytest

import neighbours
import support

HERE = pathlib.Path(__file__).parent


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=support.PATIENCE_S, cwd=HERE)
    return done.returncode, done.stdout + done.stderr


def with_swaks(house, to, file, *extra):
    g = house.gateway
    return run("swaks", "--to", to, "--from", "news@sender.test", "--data", f"@{file}", "--auth-user", "acme",
               "--auth-password", g.PASSWORD, *extra)


def swaks_starttls_plain(house, to, file):
    return with_swaks(house, to, file, "--server", f"127.0.0.1:{house.gateway.submission}", "-tls", "--auth", "PLAIN")


def swaks_implicit_login(house, to, file):
    return with_swaks(house, to, file, "--server", f"127.0.0.1:{house.gateway.smtps}", "-tlsc", "--auth", "LOGIN")


def swaks_pipelining(house, to, file):
    return with_swaks(house, to, file, "--server", f"127.0.0.1:{house.gateway.submission}", "-tls", "--auth", "PLAIN", "--pipeline")


def with_curl(house, to, file, url):
    return run("curl", "--silent", "--show-error", "--insecure", "--ssl-reqd", "--url", url, "--user", f"acme:{house.gateway.PASSWORD}",
               "--mail-from", "news@sender.test", "--mail-rcpt", to, "--upload-file", file)


def curl_starttls(house, to, file):
    return with_curl(house, to, file, f"smtp://127.0.0.1:{house.gateway.submission}/client.test")


def curl_implicit(house, to, file):
    return with_curl(house, to, file, f"smtps://127.0.0.1:{house.gateway.smtps}/client.test")


def with_nodemailer(house, to, file, transport):
    transport |= {"host": "127.0.0.1", "tls": {"rejectUnauthorized": False}, "auth": {"user": "acme", "pass": house.gateway.PASSWORD}}
    message = {"envelope": {"from": "news@sender.test", "to": [to]}, "raw": pathlib.Path(file).read_text()}
    return run("node", "submit.mjs", json.dumps({"transport": transport, "message": message}))


def nodemailer_starttls(house, to, file):
    return with_nodemailer(house, to, file, {"port": house.gateway.submission, "requireTLS": True})


def nodemailer_implicit(house, to, file):
    return with_nodemailer(house, to, file, {"port": house.gateway.smtps, "secure": True})


def python_starttls(house, to, file):
    client = house.gateway.login()
    refused = client.sendmail("news@sender.test", [to], pathlib.Path(file).read_bytes())
    client.quit()
    return len(refused), str(refused)


CLIENTS = [swaks_starttls_plain, swaks_implicit_login, swaks_pipelining, curl_starttls, curl_implicit, nodemailer_starttls,
           nodemailer_implicit, python_starttls]


@pytest.mark.quick
@pytest.mark.parametrize("client", CLIENTS, ids=lambda c: c.__name__)
def test_submits(house, tmp_path, client):
    to = f"{client.__name__}@rcpt.test"
    text = f"Kedves Olvasó!\n.a line that starts with a dot\n{'árvíztűrő ' * 40}\nSent with {client.__name__}."
    file = tmp_path / "letter.eml"
    file.write_bytes(support.letter(to, id=client.__name__, text=text))
    house.gateway.import_consents([to])

    code, said = client(house, to, file)

    assert code == 0, said
    message, = house.received(to)
    parsed = email.message_from_bytes(message, policy=email.policy.SMTP)
    assert parsed["X-Test-Id"] == client.__name__
    body = parsed.get_content()
    assert text in body.replace("\r\n", "\n")
    verdicts = neighbours.dkim_verdicts(message, house.knot)
    assert ("sender.test", "rsa-sha256", True) in verdicts
    assert ("sender.test", "ed25519-sha256", True) in verdicts
    assert all(good for _, _, good in verdicts)
    assert [r["recipients"] for r in house.sink.received()].count(to) == 1


@pytest.mark.parametrize("client", [swaks_starttls_plain, curl_starttls, nodemailer_starttls, python_starttls],
                         ids=lambda c: c.__name__)
def test_is_told_why_it_is_refused(house, tmp_path, client):
    file = tmp_path / "letter.eml"
    file.write_bytes(support.letter("stranger@rcpt.test"))
    try:
        code, said = client(house, f"stranger-{client.__name__}@rcpt.test", file)
    except smtplib.SMTPRecipientsRefused as refusal:
        code, said = 1, str(refusal)
    assert code != 0
    assert "550" in said
    if client is not curl_starttls:  # curl shows the code only
        assert "consent.missing" in said


@pytest.mark.quick
def test_password_only_under_tls(house):
    client = smtplib.SMTP("127.0.0.1", house.gateway.submission, timeout=support.PATIENCE_S)
    client.ehlo()
    assert not client.has_extn("auth")
    code, _ = client.docmd("AUTH PLAIN AGFjbWUAeA==")
    assert code >= 500
    assert client.mail("news@sender.test")[0] == 530
    client.close()


def test_wrong_password(house):
    with pytest.raises(smtplib.SMTPAuthenticationError) as refusal:
        client = smtplib.SMTP("127.0.0.1", house.gateway.submission, timeout=support.PATIENCE_S)
        client.starttls()
        client.login("acme", "wrong")
    assert refusal.value.smtp_code == 535


def test_part_of_the_recipients_refused(house):
    house.gateway.import_consents(["yes@rcpt.test"])
    client = house.gateway.login()
    refused = client.sendmail("news@sender.test", ["yes@rcpt.test", "no@rcpt.test"], support.letter("list@rcpt.test"))
    client.quit()
    assert list(refused) == ["no@rcpt.test"]
    code, text = refused["no@rcpt.test"]
    assert code == 550 and text.startswith(b"5.7.1") and b"consent.missing" in text
    message, = house.received("yes@rcpt.test")
    assert b"no@rcpt.test" not in message
