"""A gateway with people who sign in, some history, and a browser before its console."""
import json
import subprocess

import support
from api_client import Api
from conftest import House
from test_complaints import Reporter
from test_pages import Browser

PASSWORD = "a long enough password"
PLEA = "Online kaszinó, 100% befizetési bónusz!"  # held wherever it stands (sample_files.py)
EVIL = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'

HTML = """From: Acme <news@sender.test>
To: {to}
Subject: {subject}
Date: {date}
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<html><head><style>body{{background:url(https://tracker.example/bg.png)}}</style><script>parent.document.title="owned"</script></head>
<body onload="parent.document.title='owned'"><h1 style="color:red">Kedves Olvasó!</h1><p>{plea}</p>
<img src="https://tracker.example/pixel.gif" alt="pixel"><a href="javascript:parent.document.title='owned'">here</a>
<iframe src="https://tracker.example/"></iframe><form action="https://tracker.example/"><input name="a"><button>go</button></form>
<p>Leiratkozás: <a href="https://news.sender.test/unsubscribe">itt</a></p></body></html>
"""


class ConsoleHouse(House):
    """history: entries of a made-up year of other tenants that stand there already.

    Staff anna (admin), dora (desk), olga (auditor); acme's vera (tenant-admin); rival's rita (tenant-user)."""

    def __init__(self, home, settings=None, history=0):
        super().__init__(home, settings)
        self.history = history

    def __enter__(self):
        if self.history:
            subprocess.run([support.program("history_source"), "--store", self.home / "store", "--entries", str(self.history), "--map-gib", "4"],
                           check=True, stdout=subprocess.DEVNULL)
        self.reporter = Reporter(self.home, "loop.example")
        (self.home / "reporters.toml").write_text('[[reporter]]\nname = "Test loop"\ndkim_domains = ["loop.example"]\n')
        self.settings |= {"complaints": {"reporters": self.home / "reporters.toml"}, "admin": {"tcp": "127.0.0.1:0", "tls": True}}
        self.knot.zones |= {"loop.example": []}
        super().__enter__()
        try:
            self.fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def fill(self):
        g = self.gateway
        self.knot.publish([self.reporter.record])
        g.add_tenant("rival", "rival.test")
        for login, role, tenant in (("anna", "admin", None), ("dora", "desk", None), ("olga", "auditor", None),
                                    ("vera", "tenant-admin", "acme"), ("rita", "tenant-user", "rival")):
            self.add_person(login, role, tenant)

    def add_person(self, login, role, tenant=None, name=None):
        whose = ["--tenant", tenant] if tenant else []
        self.gateway.cli("user", "add", login, "--name", name or login.title(), "--role", role, *whose)
        self.gateway.cli("user", "password", login, *whose, "--password-file", "-", stdin=PASSWORD + "\n")

    def send(self, count, prefix, campaign="spring"):
        people = [f"{prefix}{n}@rcpt.test" for n in range(count)]
        self.gateway.import_consents(people)
        client = self.gateway.login()
        for to in people:
            client.sendmail(f"news+{campaign}=news@sender.test", [to], support.letter(to))
        client.quit()
        return people, self.received(*people)

    def hold(self, to, subject="Nyerj ma", html=False):
        """A mail that waits for a person: its number."""
        self.gateway.import_consents([to])
        before = {m["message"] for m in self.held()}
        client = self.gateway.login()
        mail = support.letter(to, subject=subject, text=PLEA)
        if html:
            date = mail.decode().split("Date: ")[1].split("\r\n")[0]
            mail = HTML.format(to=to, subject=subject, date=date, plea=PLEA).replace("\n", "\r\n").encode()
        client.sendmail("news+spring=news@sender.test", [to], mail)
        client.quit()
        return support.wait_for(lambda: [m["message"] for m in self.held() if m["message"] not in before], "the held mail")[0]

    def held(self):
        return [m for m in self.gateway.queued()["messages"] if m["held"]]

    def journal(self, kind):
        lines = self.gateway.cli("journal", "tail", "--kind", kind, "-n", "200", "--json").splitlines()
        return [json.loads(line) for line in lines]

    def url(self, path=""):
        return f"https://127.0.0.1:{self.gateway.admin}/console/{path}"

    # -- the interface, as a browser's session ------------------------------------------------------------------------

    def sign_in(self, login, password=PASSWORD, headers=None):
        api = Api(self.gateway.admin, tls=True)
        return api.post("/v1/session", {"login": login, "password": password}, headers=headers)

    def sign_out(self, login):
        self.gateway.cli("user", "sign-out", login, *(["--tenant", "acme"] if login == "vera" else ["--tenant", "rival"] if login == "rita" else []))

    def session(self, login):
        self.sign_out(login)
        answer = self.sign_in(login)
        assert answer.status == 201, answer.body
        return SessionApi(self.gateway.admin, answer)


class SessionApi(Api):
    def __init__(self, port, answer):
        super().__init__(port, tls=True)
        self.cookie = answer.headers["set-cookie"].split(";")[0]
        self.csrf = answer.json()["csrf"]

    def ask(self, method, path, body=None, headers=None):
        given = {"Cookie": self.cookie, "X-CSRF-Token": self.csrf} | (headers or {})
        return super().ask(method, path, body, {k: v for k, v in given.items() if v is not None})


class Console(Browser):
    """Somebody at the console."""

    def enter(self, house, login, **how):
        house.sign_out(login)
        self("open", **({"width": 1280, "locale": "en-GB"} | how))
        self("goto", url=house.url())
        self("fill", selector="input[name=login]", text=login)
        self("fill", selector="input[name=password]", text=PASSWORD)
        self("press", key="Enter")
        self("wait", selector="nav")

    def go(self, place, title):
        self("evaluate", script=f"location.hash = '#/{place}'")
        self("wait", selector=f"h1:has-text('{title}')")

    def answer(self, reason, **fields):
        """What the dialog asks."""
        self("wait", selector="dialog[open]")
        for name, text in fields.items():
            self("fill", selector=f"dialog [name={name}]", text=text)
        self("fill", selector="dialog [name=reason]", text=reason)
        self("click", selector="dialog button[type=submit]")
        self("wait", selector="dialog", gone=True)
