#!/usr/bin/env python3
"""A sender for what Yett is compared with: it makes its bytes once and sends them again and again, over
mutual TLS 1.3, until it is ended. It costs less than a microsecond a record, but for RELP, whose frames
are numbered one by one.

    peer-sender.py relp|syslog|nats|nats-setup PORT SERVER-NAME CA CERTIFICATE KEY [HUB-PORT]

relp: RELP with up to 5,000 records without an answer. syslog: octet-counted frames (RFC 6587), which
nobody answers. nats: published into a JetStream stream, with an answer for each, 5,000 at most
without; nats-setup makes the leaf's stream, and the hub's that sources it."""
import json
import socket
import ssl
import sys
import time

RECORD_BYTES = 256
WINDOW = 5000
CHUNK = 200  # records at a time


def connect(port, name, ca, certificate, key):
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname=name)


def message():
    text = b"<13>1 2024-05-06T07:08:09.123456Z sender.example bench - - - "
    return text + bytes(97 + i * 7 % 26 for i in range(RECORD_BYTES - len(text)))


class Answers:
    """Reads without waiting, or until there is something; counts how often a word came."""

    def __init__(self, channel, word):
        self.channel, self.word, self.tail, self.count = channel, word, b"", 0

    def read(self, wait):
        self.channel.settimeout(60 if wait else 0)
        try:
            data = self.channel.recv(65536)
        except (ssl.SSLWantReadError, BlockingIOError):
            return b""
        finally:
            self.channel.settimeout(60)
        if not data:
            sys.exit("the gateway closed the connection")
        whole = self.tail + data
        self.count += whole.count(self.word)
        keep = len(self.word) - 1
        self.tail = whole[-keep:] if keep else b""
        return data


def windowed(channel, answers, chunk):
    """Sends `chunk(n)`, CHUNK records from the n-th on, as the answers allow."""
    sent = 0
    while True:
        if sent - answers.count + CHUNK <= WINDOW:
            channel.sendall(chunk(sent))
            sent += CHUNK
            answers.read(wait=False)
        else:
            answers.read(wait=True)


def relp(channel):
    offer = b"relp_version=0\nrelp_software=bench\ncommands=syslog"
    channel.sendall(b"1 open %d %s\n" % (len(offer), offer))
    answers = Answers(channel, b" rsp 6 200 OK")
    if b"200 OK" not in answers.read(wait=True):
        sys.exit("no RELP session")
    answers.count = 0
    frame = b" syslog %d %s\n" % (RECORD_BYTES, message())
    # Transactions are numbered from 1 to 999,999,999, and 1 was the session's.
    windowed(channel, answers,
             lambda n: b"".join([b"%d" % (2 + (n + i) % 999_999_998) + frame for i in range(CHUNK)]))


def syslog(channel):
    chunk = b"%d %s" % (RECORD_BYTES, message()) * CHUNK
    while True:
        channel.sendall(chunk)


def nats_session(port, name, ca, certificate, key):
    """NATS begins in the clear: INFO comes first, then TLS."""
    plain = socket.create_connection(("127.0.0.1", int(port)))
    plain.recv(4096)
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    channel = context.wrap_socket(plain, server_hostname=name)
    channel.sendall(b'CONNECT {"verbose":false,"pedantic":false,"tls_required":true,"lang":"bench","version":"1",'
                    b'"headers":true,"no_responders":true}\r\nSUB answers.> 1\r\nPING\r\n')
    channel.settimeout(20)
    while b"PONG" not in channel.recv(65536):
        pass
    return channel


def ask(channel, subject, question):
    body = json.dumps(question).encode()
    channel.sendall(b"PUB %s answers.one %d\r\n%s\r\n" % (subject.encode(), len(body), body))
    data = b""
    while b"\r\n" not in data or b"}" not in data:
        data += channel.recv(65536)
        if b"PING\r\n" in data:
            channel.sendall(b"PONG\r\n")
    return data


def nats_setup(port, name, files, hub_port):
    leaf = nats_session(port, name, *files)
    made = ask(leaf, "$JS.API.STREAM.CREATE.LEAF", {
        "name": "LEAF", "subjects": ["bench.>"], "storage": "file", "retention": "limits",
        "max_bytes": 8 << 30, "discard": "old"})
    if b'"error"' in made:
        sys.exit(made.decode())
    hub = nats_session(hub_port, "ms.example", *files)
    deadline = time.monotonic() + 20
    while True:
        made = ask(hub, "$JS.API.STREAM.CREATE.HUB", {
            "name": "HUB", "storage": "memory", "retention": "limits", "max_bytes": 256 << 20, "discard": "old",
            "sources": [{"name": "LEAF", "external": {"api": "$JS.leaf.API", "deliver": ""}}]})
        if b'"error"' not in made:
            return
        if time.monotonic() > deadline:
            sys.exit(made.decode())
        time.sleep(0.2)


def nats(channel):
    chunk = b"PUB bench.one answers.all %d\r\n%s\r\n" % (RECORD_BYTES, message()) * CHUNK
    windowed(channel, Answers(channel, b"MSG answers.all "), lambda n: chunk)


def main():
    kind, port, name, *files = sys.argv[1:7]
    if kind == "nats-setup":
        nats_setup(port, name, files, sys.argv[7])
    elif kind == "nats":
        nats(nats_session(port, name, *files))
    else:
        {"relp": relp, "syslog": syslog}[kind](connect(port, name, *files))


main()
