"""The protocol as a script speaks it: for tests that need a peer which does wrong on purpose.

Written from doc/protocol.md, not from Yett's code: the TLS channel, frames, the CBOR that messages
need, batches. Both ends: Initiator connects to a node, Acceptor takes a node's session. Neither has
a thread or answers by itself; what a test does not say is not said."""
import os
import select
import socket
import ssl
import struct
import time

HELLO, AUTH, INTRO, WELCOME, REFUSE = 1, 2, 3, 4, 5
BATCH, ACK, CREDIT, PATH, ATTACH, DETACH, ADMISSION = 16, 17, 18, 19, 20, 21, 22
HEARTBEAT, PING, PONG, GOODBYE = 27, 28, 29, 30
STANDBY = 160
DURABLE, RELAY, STORE = 1, 4, 8
BODY_MAX = 16376


class Ended(Exception):
    """The peer has closed the connection."""


# CBOR: what messages hold.

def head(major, number):
    for size, code, form in ((24, None, "B"), (1 << 8, 24, "B"), (1 << 16, 25, ">H"), (1 << 32, 26, ">I")):
        if number < size:
            return bytes([major << 5 | number]) if code is None else bytes([major << 5 | code]) + struct.pack(form, number)
    return bytes([major << 5 | 27]) + struct.pack(">Q", number)


def cbor(value):
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(cbor(item) for item in value)
    return head(5, len(value)) + b"".join(cbor(key) + cbor(value[key]) for key in sorted(value))


def _item(data, at):
    major, low = data[at] >> 5, data[at] & 31
    at += 1
    number = low
    if low >= 24:
        size = 1 << (low - 24)
        number, at = int.from_bytes(data[at:at + size], "big"), at + size
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        text = bytes(data[at:at + number])
        return (text if major == 2 else text.decode()), at + number
    if major == 4:
        items = []
        for _ in range(number):
            item, at = _item(data, at)
            items.append(item)
        return items, at
    if major == 5:
        pairs = {}
        for _ in range(number):
            key, at = _item(data, at)
            pairs[key], at = _item(data, at)
        return pairs, at
    return {20: False, 21: True}.get(low), at


def decoded(body):
    return _item(body, 0)[0]


# CRC32C and batches.

def _table():
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        yield n


CRC_TABLE = list(_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def event(body):
    """The CBOR of one record."""
    return cbor({1: time.time_ns(), 2: 2, 7: body})


def batch(origin, epoch, first, payload, count=1, lane=1, codec=0, plain=None, crc=None, content=1):
    """A batch of `payload`, which holds `count` records and has the checksum `crc`, if that is known."""
    start = struct.pack("<4sHHBBBBHH16sQQQqIIIIHH", b"YETB", 1, 88, 0, 0, lane, codec, content, 0, origin, epoch, 1,
                        first, time.time_ns(), count, len(payload), len(payload) if plain is None else plain,
                        crc32c(payload) if crc is None else crc, 0, 0)
    return start + struct.pack("<I", crc32c(start)) + payload


def zstd_frame(*runs, length=None):
    """A zstd frame (RFC 8878) of runs (piece, how often): raw blocks, and blocks of one byte, repeated. `length`: of
    all that is in it, as the frame's head says; else that says nothing but a window of 2 GiB."""
    block_max = 1 << 17
    blocks = []
    for piece, count in runs:
        if count == 1:
            parts = [piece[at:at + block_max] for at in range(0, len(piece), block_max)]
            blocks += [(0, len(part), part) for part in parts]
        else:
            blocks += [(1, min(block_max, count - at), piece) for at in range(0, count, block_max)]
    start = struct.pack("<IBB", 0xFD2FB528, 0, 0xA8) if length is None else struct.pack("<IBQ", 0xFD2FB528, 0xE0, length)
    return start + b"".join(
        struct.pack("<I", size << 3 | kind << 1 | (place == len(blocks) - 1))[:3] + data
        for place, (kind, size, data) in enumerate(blocks))


def batch_body(number, whole, envelope=b"\xa0"):
    return struct.pack("<QH", number, len(envelope)) + envelope + whole


def frame(kind, body=b"", flags=0, lane=0, length=None):
    if not isinstance(body, bytes):
        body = cbor(body)
    return struct.pack("<IBBBB", len(body) if length is None else length, kind, flags, lane, 0) + body


class Session:
    """One end of a session, on a TLS socket. A name has one id, unless a test gives it another one."""

    ids = {}

    def __init__(self, stream, name, relay=False):
        self.stream = stream
        self.name = name
        self.relay = relay
        self.id = self.ids.setdefault(name, os.urandom(16)) if name else os.urandom(16)
        self.boot = os.urandom(16)
        self.software = "test"
        self.received = bytearray()
        self.poll = select.poll()  # select() knows no descriptor above 1,023
        self.poll.register(stream, select.POLLIN)

    def say(self, kind, body=b"", **more):
        self.stream.sendall(frame(kind, body, **more))

    def next(self, timeout=10):
        """(type, body) of the next frame; None: nothing in time. Raises Ended."""
        deadline = time.monotonic() + timeout
        while True:
            if len(self.received) >= 8:
                length = struct.unpack_from("<I", self.received)[0]
                if len(self.received) >= 8 + length:
                    kind, body = self.received[4], bytes(self.received[8:8 + length])
                    del self.received[:8 + length]
                    return kind, body
            left = deadline - time.monotonic()
            if left <= 0 or (not self.stream.pending() and not self.poll.poll(left * 1000)):
                return None
            try:
                piece = self.stream.recv(65536)
            except (ConnectionError, ssl.SSLError) as why:
                raise Ended(str(why)) from None
            if not piece:
                raise Ended("closed")
            self.received += piece

    def wait(self, *kinds, timeout=10):
        """The next frame of these kinds; others are passed over, PINGs answered."""
        deadline = time.monotonic() + timeout
        while True:
            got = self.next(max(0, deadline - time.monotonic()))
            if got is None:
                raise TimeoutError(f"no frame of {kinds} within {timeout} s")
            if got[0] == PING:
                self.say(PONG, got[1])
            if got[0] in kinds:
                return got[0], decoded(got[1])
            if got[0] in (REFUSE, GOODBYE):
                raise Ended(f"it says: {decoded(got[1])}")

    def last_word(self, timeout=10):
        """The REFUSE or GOODBYE with which the peer ends the session; then it closes."""
        word = None
        try:
            while (got := self.next(timeout)) is not None:
                if got[0] in (REFUSE, GOODBYE):
                    word = decoded(got[1])
            raise TimeoutError(f"the peer does not end the session; it said {word}")
        except Ended:
            return word

    def hello(self):
        self.say(HELLO, {1: 1, 2: 1, 4: ["x509"], 6: time.time_ns()})

    def done(self):
        self.say(AUTH, {1: "x509", 2: 2})

    def intro(self):
        self.say(INTRO, {1: self.name, 2: self.id, 3: self.boot, 4: 1,
                         5: DURABLE | (RELAY if self.relay else 0), 6: self.software})

    def close(self):
        try:
            self.stream.close()
        except OSError:
            pass


class Initiator(Session):
    """Connects to a node. `certificate`: (certificate, key) of files; `source`: from which address."""

    def __init__(self, port, certificate=None, name="", source=None, relay=False, timeout=10):
        raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        raw.settimeout(timeout)
        if source:
            raw.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            raw.bind((source, 0))
        try:
            raw.connect(("127.0.0.1", port))
            super().__init__(self.context(certificate).wrap_socket(raw), name, relay)
        except BaseException:
            raw.close()
            raise

    _contexts = {}

    @classmethod
    def context(cls, certificate):
        if certificate not in cls._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.set_alpn_protocols(["yett/1"])
            if certificate:
                context.load_cert_chain(*certificate)
            cls._contexts[certificate] = context
        return cls._contexts[certificate]

    def open(self, state="open"):
        """As far as `state`: hello, auth, intro, open."""
        if state == "hello":
            return self
        self.hello()
        self.wait(HELLO)
        if state == "auth":
            return self
        self.done()
        self.wait(AUTH)
        if state == "intro":
            return self
        self.intro()
        self.wait(WELCOME)
        return self

    def send_event(self, number, body="x", lane=1):
        """A batch of one record of our own."""
        whole = batch(self.id, int(time.time()), number, event(body), lane=lane)
        self.say(BATCH, batch_body(number, whole), lane=lane)

    def acknowledged(self, number, timeout=10):
        """Waits for the acknowledgement of a batch; how long that took."""
        begin = time.monotonic()
        while True:
            _, ack = self.wait(ACK, timeout=timeout)
            ranges = ack.get(1, [])
            if any(first <= number <= last for first, last in zip(ranges[::2], ranges[1::2])):
                return time.monotonic() - begin


class Acceptor(Session):
    """Takes one session of a node that connects to `listener`."""

    def __init__(self, listener, certificate, name, timeout=30):
        listener.settimeout(timeout)
        raw, _ = listener.accept()
        raw.settimeout(timeout)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        context.set_alpn_protocols(["yett/1"])
        context.load_cert_chain(*certificate)
        try:
            super().__init__(context.wrap_socket(raw, server_side=True), name)
        except BaseException:
            raw.close()
            raise

    def open(self):
        """Lets the node in: up to WELCOME."""
        self.hello()
        self.wait(HELLO)
        self.wait(AUTH)
        self.done()
        self.wait(INTRO)
        self.intro()
        self.say(WELCOME, {1: "HOME", 2: bytes(16), 3: bytes(16), 4: 1, 5: 60})
        return self
