"""A mailbox provider that sends feedback reports: a real Postfix that relays to the gateway, with a real OpenDKIM as its milter."""
import smtplib
import subprocess

import neighbours
import support


class OpenDkim(support.Daemon):
    """Signs what the milter's client sends; its key as opendkim-genkey makes it."""

    def __init__(self, home, domain, selector="loop"):
        self.home = home / f"opendkim-{domain}"
        self.home.mkdir()
        super().__init__(self.home / "log")
        self.domain, self.selector, self.port = domain, selector, support.free_port()
        subprocess.run(["opendkim-genkey", "-b", "2048", "-d", domain, "-s", selector, "-D", str(self.home)], check=True)
        text = (self.home / f"{selector}.txt").read_text()
        value = "".join(text.split('"')[1::2])
        self.record = {"name": f"{selector}._domainkey.{domain}", "type": "TXT", "value": value}
        (self.home / "opendkim.conf").write_text(
            f"Mode s\nDomain {domain}\nSelector {selector}\nKeyFile {self.home}/{selector}.private\nSocket inet:{self.port}@127.0.0.1\n"
            "Canonicalization relaxed/simple\nSyslog no\nBackground no\nUserID root\nRequireSafeKeys no\nInternalHosts 127.0.0.1\n"
            f"PidFile {self.home}/pid\nOversignHeaders From\n")

    def start(self):
        self.spawn(["opendkim", "-f", "-x", str(self.home / "opendkim.conf")])
        self.wait_until(lambda: support.is_listening("127.0.0.1", self.port), "opendkim")


class ReportingPostfix(neighbours.PostfixHop):
    """Takes mail of its own people, has it signed, and passes everything on to one port."""

    def __init__(self, home, milter_port, next_port):
        super().__init__(home, [], tls=False)
        more = {"mynetworks": "127.0.0.0/8", "relayhost": f"[127.0.0.1]:{next_port}", "smtpd_milters": f"inet:127.0.0.1:{milter_port}",
                "milter_default_action": "tempfail", "smtpd_recipient_restrictions": "permit_mynetworks, reject",
                "smtpd_relay_restrictions": "permit_mynetworks, reject", "smtp_host_lookup": "native", "myhostname": "mx.loop.example",
                "smtp_tls_security_level": "may"}
        path = self.config / "main.cf"
        lines = [line for line in path.read_text().splitlines() if line.split(" = ")[0] not in more]
        path.write_text("\n".join(lines + [f"{k} = {v}" for k, v in more.items()]) + "\n")

    def send(self, sender, to, message):
        with smtplib.SMTP(self.host, self.port, timeout=support.PATIENCE_S) as client:
            client.sendmail(sender, [to], message)
