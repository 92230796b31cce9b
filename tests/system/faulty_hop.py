"""A mail host that misbehaves: what it does wrong, where, and how often stands in a table; otherwise it takes mail as it should."""
import asyncio
import contextlib
import dataclasses
import socket
import ssl
import struct
import threading
import time

# Where a fault may strike, in the order of a conversation. STARTTLS is offered only by hosts with a context or a fault there.
STAGES = ("connect", "banner", "ehlo", "starttls", "handshake", "mail", "rcpt", "data", "content", "end", "quit")


class Over(Exception):
    """This conversation has ended."""


@dataclasses.dataclass
class Taken:
    recipients: tuple
    content: bytes
    acknowledged: bool
    tls: bool
    at: float


# -- what can be done instead of the answer that is due: coroutines of (talk, the normal answer); they return what was said -------------

async def reset(talk, normal):
    """RST."""
    sock = talk.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.writer.transport.abort()
    raise Over


async def close(talk, normal):
    """FIN."""
    talk.writer.close()
    raise Over


async def silence(talk, normal):
    """Nothing, until the client has had enough."""
    while await talk.reader.read(4096):
        pass
    raise Over


async def dribble(talk, normal):
    """A reply that never ends, a byte at a time: the wait is for all of it."""
    with contextlib.suppress(OSError):
        while True:
            for byte in b"250-still here\r\n":
                talk.writer.write(bytes([byte]))
                await talk.writer.drain()
                await asyncio.sleep(0.2)
    raise Over


async def drip(talk, normal):
    """The right answer, one byte at a time."""
    for byte in normal.encode() + b"\r\n":
        talk.writer.write(bytes([byte]))
        await talk.writer.drain()
        await asyncio.sleep(0.003)
    return normal


async def slow(talk, normal):
    await asyncio.sleep(0.7)
    return await talk.say(normal)


def says(text, then=None):
    """Another answer, raw when it is bytes; then: what comes after it."""
    async def act(talk, normal):
        if isinstance(text, bytes):
            talk.writer.write(text)
        else:
            await talk.say(text)
        await talk.writer.drain()
        if then is not None:
            await then(talk, normal)
        return text.decode("latin-1") if isinstance(text, bytes) else text
    return act


async def endless(talk, normal):
    """Lines without end: the client leaves."""
    with contextlib.suppress(OSError):
        while True:
            talk.writer.write(b"250-and more\r\n" * 100)
            await talk.writer.drain()
    raise Over


def bare_lf(talk, normal):
    return says(normal.encode() + b"\n")(talk, normal)


def many_lines(talk, normal):
    code = normal[:3]
    return talk.say_lines([f"{code}-{'x' * 500}"] * 20 + [normal] if "\n" not in normal else [normal])


def no_text(talk, normal):
    return says(normal[:3])(talk, normal) if "\n" not in normal else talk.say(normal)


@dataclasses.dataclass
class Fault:
    """stage: where, or "*" (every answer). times: so often, then never again; None: always."""
    stage: str
    act: object
    times: object = 1


class FaultyHop:
    """Many hosts, one a fault, on ports of their own; `received` tells what each was given. All in one thread with a loop of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.hosts = {}
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.call(self.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    async def stop(self):
        for host in self.hosts.values():
            host.server.close()
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for t in tasks:
            t.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def add(self, name, fault=None, extensions=(), tls=None, messages_max=None, at=("127.0.0.1", 0)):
        """A host; its port. tls: an ssl context makes it offer STARTTLS. messages_max: of a connection, which then closes without a word."""
        host = Host(name, fault, tuple(extensions), tls, messages_max)
        host.at = at
        self.hosts[name] = host
        self.call(host.listen())
        return host.port


class Host:
    def __init__(self, name, fault, extensions, tls, messages_max):
        self.name, self.fault, self.extensions, self.tls, self.messages_max = name, fault, extensions, tls, messages_max
        self.struck = 0          # times
        self.struck_at = None    # the last time
        self.connections = []    # times
        self.taken = []
        self.commands = []       # verbs, of all conversations
        self.mail_at = []        # times of MAIL

    async def listen(self):
        self.server = await asyncio.start_server(self.serve, *self.at, backlog=100, limit=1 << 26)
        self.port = self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        self.connections.append(time.monotonic())
        talk = Talk(self, reader, writer)
        try:
            await talk.go()
        except (Over, OSError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            with contextlib.suppress(Exception):
                writer.close()


class Talk:
    """One conversation."""

    def __init__(self, host, reader, writer):
        self.host, self.reader, self.writer = host, reader, writer
        self.is_tls = False
        self.messages = 0

    async def say(self, text):
        self.writer.write(text.replace("\n", "\r\n").encode() + b"\r\n")
        await self.writer.drain()
        return text

    async def say_lines(self, lines):
        for line in lines:
            await self.say(line)
        return lines[-1]

    async def answer(self, stage, normal):
        """The answer that is due, or what the fault does instead; the first digit of what was said."""
        fault = self.host.fault
        if fault is not None and fault.stage in (stage, "*" if normal is not None else stage):
            if fault.times is None or self.host.struck < fault.times:
                self.host.struck += 1
                self.host.struck_at = time.monotonic()
                said = await fault.act(self, normal)
                return said[:1]
        if normal is not None:
            await self.say(normal)
        return normal[:1] if normal else ""

    async def line(self):
        line = await self.reader.readline()
        if not line.endswith(b"\n"):
            raise Over
        return line

    def features(self):
        offered = list(self.host.extensions) + (["STARTTLS"] if self.host.tls and not self.is_tls else [])
        lines = ["faulty.test", *offered]
        return "\n".join(f"250{'-' if i + 1 < len(lines) else ' '}{text}" for i, text in enumerate(lines))

    async def go(self):
        await self.answer("connect", None)
        await self.answer("banner", "220 faulty.test ESMTP")
        sender, recipients = None, []
        while True:
            line = self.last_line = await self.line()
            verb = line.split()[0].upper().decode("latin-1") if line.split() else ""
            self.host.commands.append(verb)
            if verb == "EHLO":
                await self.answer("ehlo", self.features())
            elif verb == "HELO":
                await self.say("250 faulty.test")
            elif verb == "STARTTLS":
                if await self.answer("starttls", "220 go ahead") == "2":
                    await self.start_tls()
            elif verb == "MAIL":
                self.host.mail_at.append(time.monotonic())
                if await self.answer("mail", "250 2.1.0 ok") == "2":
                    sender, recipients = line, []
            elif verb == "RCPT" and sender is None:
                await self.say("503 5.5.1 MAIL first")
            elif verb == "RCPT":
                if await self.answer("rcpt", "250 2.1.5 ok") == "2":
                    recipients.append(line.split(b"<")[1].split(b">")[0].decode())
            elif verb == "DATA" and not recipients:
                await self.say("554 5.5.1 no recipients")
            elif verb == "DATA":
                if await self.answer("data", "354 go on") == "3":
                    await self.content(recipients, None)
                sender, recipients = None, []
            elif verb == "BDAT":
                await self.content(recipients, int(line.split()[1]))
                sender, recipients = None, []
            elif verb == "RSET":
                sender, recipients = None, []
                await self.say("250 2.0.0 ok")
            elif verb == "QUIT":
                await self.answer("quit", "221 2.0.0 bye")
                raise Over
            else:
                await self.say("500 5.5.2 what?")

    async def start_tls(self):
        if self.host.fault is not None and self.host.fault.stage == "handshake":
            await self.answer("handshake", None)
        await self.writer.start_tls(self.host.tls)
        self.is_tls = True

    async def content(self, recipients, size):
        fault = self.host.fault
        begin = b""
        if fault is not None and fault.stage == "content":
            begin = await self.reader.readexactly(10)
            await self.answer("content", None)
        if size is not None:
            content = begin + await self.reader.readexactly(size - len(begin))
            if not recipients:
                await self.say("503 5.5.1 no recipients")
                return
        else:
            content = begin + await self.reader.readuntil(b"\r\n.\r\n")
            content = b"".join(l[1:] if l.startswith(b".") else l for l in content[:-3].splitlines(True))
        taken = Taken(tuple(recipients), content, False, self.is_tls, time.monotonic())
        self.host.taken.append(taken)
        struck = self.host.struck
        said = await self.answer("end", "250 2.0.0 taken")
        taken.acknowledged = said == "2" and (self.host.struck == struck or fault.stage == "*")
        self.messages += 1
        if self.messages == self.host.messages_max:
            self.writer.close()
            raise Over
