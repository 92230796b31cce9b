"""Mail servers of others as next hops, each with configuration, queue and mailboxes of its own. Exim and OpenSMTPD are unpacked by
scripts/setup, since no two of them can be installed beside each other. All need root, as they do in life."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import threading

import neighbours
import support

UNPACKED = pathlib.Path(__file__).parent / "unpacked"


class UnpackedHop(support.Daemon):
    """One of them: its folder, its certificate, a maildir that takes everything."""

    def __init__(self, home, name, tls=True):
        self.home = pathlib.Path(home) / name
        self.boxes = self.home / "boxes"
        self.boxes.mkdir(parents=True)
        shutil.chown(self.boxes, "nobody")
        super().__init__(self.home / "log")
        self.host, self.port, self.tls = "127.0.0.1", support.free_port(), tls
        self.certificate, self.key = neighbours.make_certificate(self.home, "hop.test", ["rsa:2048"])  # OpenSMTPD takes no other

    def mail(self):
        return [p.read_bytes() for p in sorted(self.boxes.glob("**/new/*"), key=lambda p: p.stat().st_mtime_ns)]

    def wait_listening(self):
        self.wait_until(lambda: support.is_listening(self.host, self.port), self.home.name)


class EximHop(UnpackedHop):
    def __init__(self, home, tls=True):
        super().__init__(home, "exim", tls)
        for folder in ("spool", "logs"):
            (self.home / folder).mkdir()
            shutil.chown(self.home / folder, "nobody", "nogroup")
        shutil.chown(self.key, "nobody")
        self.program = UNPACKED / "usr/sbin/exim4"
        offer = f"tls_advertise_hosts = {'*' if tls else ''}"
        (self.home / "exim.conf").write_text(f"""
exim_path = {self.program}
primary_hostname = hop.test
spool_directory = {self.home}/spool
log_file_path = {self.home}/logs/%slog
pid_file_path = {self.home}/spool/exim.pid
exim_user = nobody
exim_group = nogroup
deliver_drop_privilege = true
keep_environment =
local_interfaces = {self.host}
daemon_smtp_ports = {self.port}
disable_ipv6 = true
{offer}
tls_certificate = {self.certificate}
tls_privatekey = {self.key}
chunking_advertise_hosts = *
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
host_lookup =
rfc1413_hosts =
smtp_accept_max = 100
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = {self.boxes}
  create_directory
  maildir_format
  return_path_add
  user = nobody
  group = nogroup
begin retry
* * F,1h,1s
""")

    def start(self):
        self.spawn([str(self.program), "-C", str(self.home / "exim.conf"), "-bdf", "-q5s"])
        self.wait_listening()

    def output(self):
        return super().output() + "".join(p.read_text(errors="replace") for p in sorted((self.home / "logs").glob("*log")))


class OpenSmtpdHop(UnpackedHop):
    """Its paths and users are compiled in: it gets a view of the file system in which they exist."""

    def __init__(self, home, tls=True):
        super().__init__(home, "opensmtpd", tls)
        secure = f'pki hop.test cert "{self.certificate}"\npki hop.test key "{self.key}"\n' if tls else ""
        self.key.chmod(0o600)
        (self.home / "smtpd.conf").write_text(
            f'{secure}listen on {self.host} port {self.port} {"tls pki hop.test " if tls else ""}hostname hop.test\n'
            f'action "box" maildir "{self.boxes}" virtual {{ "@" = nobody }}\nmatch from any for any action "box"\n')
        users = pathlib.Path("/etc/passwd").read_text()
        groups = pathlib.Path("/etc/group").read_text()
        for i, name in enumerate(("opensmtpd", "opensmtpq")):
            users += f"{name}:x:{64900 + i}:{64900 + i}::/var/lib/opensmtpd/empty:/usr/sbin/nologin\n"
            groups += f"{name}:x:{64900 + i}:\n"
        (self.home / "passwd").write_text(users)
        (self.home / "group").write_text(groups)
        (self.home / "view").write_text(f"""set -e
mount -t tmpfs -o mode=755 none /var/spool
mount -t tmpfs -o mode=755 none /var/lib
mount -t tmpfs -o mode=755 none /run
mkdir -p /var/spool/smtpd /var/lib/opensmtpd/empty
chmod 711 /var/spool/smtpd
mount --bind {UNPACKED}/usr/libexec /usr/libexec
mount --bind {self.home}/passwd /etc/passwd
mount --bind {self.home}/group /etc/group
exec {UNPACKED}/usr/sbin/smtpd -d -f {self.home}/smtpd.conf
""")

    @staticmethod
    def can_run():
        return subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0

    def start(self):
        self.spawn(["unshare", "-m", "--propagation", "private", "sh", str(self.home / "view")])
        self.wait_listening()


class Listener(threading.Thread):
    """Stands between a client and a server and keeps what the client says."""

    def __init__(self, host, port):
        super().__init__(daemon=True)
        self.to = (host, port)
        self.heard = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self.listening.getsockname()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.listening.close()

    def run(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            server = socket.create_connection(self.to)
            said = bytearray()
            self.heard.append(said)
            for source, sink, kept in ((client, server, said), (server, client, None)):
                threading.Thread(target=self.pass_on, args=(source, sink, kept), daemon=True).start()

    @staticmethod
    def pass_on(source, sink, kept):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if kept is not None:
                    kept.extend(data)
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def messages(self):
        """What went over in DATA or BDAT, dots unstuffed."""
        found = []
        for said in self.heard:
            rest = bytes(said)
            while rest:
                line, _, rest = rest.partition(b"\r\n")
                verb = line[:4].upper()
                if verb == b"BDAT":
                    size = int(line.split()[1])
                    found.append(rest[:size])
                    rest = rest[size:]
                elif verb == b"DATA":
                    content, end, rest = rest.partition(b"\r\n.\r\n")
                    if end:
                        found.append(b"".join(l[1:] if l.startswith(b".") else l for l in (content + b"\r\n").splitlines(True)))
        return found

    def verbs(self):
        return b"".join(bytes(s) for s in self.heard)


def is_root():
    return os.getuid() == 0
