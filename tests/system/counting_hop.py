"""A mail host that counts: who connects, from where, under which name, how many at once; and asks for a pause when told to."""
import socket
import threading
import time


class CountingHop:
    """Listens on one address until closed. refuse_after: so many messages of all, then each MAIL gets 421 4.7.28; None: never."""

    def __init__(self, host="127.0.0.1", port=0, refuse_after=None, answer_s=0.0):
        self.refuse_after, self.answer_s = refuse_after, answer_s
        self.lock = threading.Lock()
        self.connections = []  # time, address of the client
        self.names = []        # said in EHLO
        self.taken = []        # time, recipient, address of the client
        self.refused = []      # times
        self.open = self.most_open = 0
        self.listening = socket.create_server((host, port), backlog=100)
        self.host, self.port = self.listening.getsockname()
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        self.accepting.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Closing alone would leave the other thread waiting on it.
        self.listening.shutdown(socket.SHUT_RDWR)
        self.accepting.join()
        self.listening.close()

    def accept(self):
        while True:
            try:
                client, address = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client, address[0]), daemon=True).start()

    def serve(self, client, address):
        with self.lock:
            self.connections.append((time.monotonic(), address))
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        try:
            with client, client.makefile("rwb", buffering=0) as wire:
                self.talk(wire, address)
        except OSError:
            pass
        finally:
            with self.lock:
                self.open -= 1

    def talk(self, wire, address):
        def say(text):
            wire.write(text.encode() + b"\r\n")
        say("220 hop.test ESMTP")
        recipient = None
        while line := wire.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                with self.lock:
                    self.names.append(line[5:].strip().decode())
                say("250-hop.test")
                say("250 8BITMIME")
            elif verb == b"MAIL" and self.refuse_after is not None and len(self.taken) >= self.refuse_after:
                with self.lock:
                    self.refused.append(time.monotonic())
                say("421 4.7.28 Our system has detected an unusual rate of mail")
                return
            elif verb == b"RCPT":
                recipient = line.split(b"<")[1].split(b">")[0].decode()
                say("250 2.1.5 ok")
            elif verb == b"DATA":
                say("354 go on")
                while wire.readline() != b".\r\n":
                    pass
                time.sleep(self.answer_s)
                with self.lock:
                    self.taken.append((time.monotonic(), recipient, address))
                say("250 2.0.0 taken")
            elif verb == b"QUIT":
                say("221 2.0.0 bye")
                return
            else:
                say("250 2.0.0 ok")
