"""Kerberos as a script speaks it, for tests that need an initiator which does wrong on purpose: a TLS
channel with its exporter (GnuTLS), tokens and MICs (GSSAPI), both through ctypes, written from
doc/protocol.md. On top of wire.py.

    peer = gss.Initiator(gateway.port, realms.config, keytab, "yett/gw.example@EXAMPLE")
    peer.open("auth")                  # both HELLOs
    peer.auth(1, pack(peer.token()))   # status 1: continue
    peer.answer()                      # what the acceptor says to it

Names are the libraries'; whatever fails raises Failed with the library's words."""
import ctypes
import os
import socket
import time

import wire

CONTINUE, DONE, DENY = 1, 2, 3
MUTUAL, REPLAY, SEQUENCE, INTEGRITY = 2, 4, 8, 32
FLAGS = MUTUAL | REPLAY | SEQUENCE | INTEGRITY
KRB5 = bytes([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02])
SPNEGO = bytes([0x2b, 0x06, 0x01, 0x05, 0x05, 0x02])
IAKERB = bytes([0x2b, 0x06, 0x01, 0x05, 0x02, 0x05])
PRINCIPAL_NAME = bytes([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x01])
CHUNK = 15360


class Failed(Exception):
    """A library refused."""


def pack(*pieces):
    return b"".join(len(piece).to_bytes(4, "little") + piece for piece in pieces)


def unpack(token):
    pieces = []
    while token:
        size = int.from_bytes(token[:4], "little")
        pieces.append(token[4:4 + size])
        token = token[4 + size:]
    return pieces


# GnuTLS: a client that believes anything.

class Datum(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_uint)]


class Channel:
    """What wire.Session needs of a stream, and the exporter."""

    lib = None

    def __init__(self, port, timeout=10):
        if Channel.lib is None:
            Channel.lib = ctypes.CDLL("libgnutls.so.30")
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setblocking(True)
        self.session, self.credentials = ctypes.c_void_p(), ctypes.c_void_p()
        try:
            self.check(self.lib.gnutls_init(ctypes.byref(self.session), 2 | 1 << 9))  # client, no tickets
            self.check(self.lib.gnutls_priority_set_direct(self.session, b"NORMAL:-VERS-ALL:+VERS-TLS1.3", None))
            self.check(self.lib.gnutls_certificate_allocate_credentials(ctypes.byref(self.credentials)))
            self.check(self.lib.gnutls_credentials_set(self.session, 1, self.credentials))
            self.check(self.lib.gnutls_alpn_set_protocols(self.session, ctypes.byref(Datum(b"yett/1", 6)), 1, 0))
            self.lib.gnutls_transport_set_int2(self.session, self.fileno(), self.fileno())
            self.lib.gnutls_handshake_set_timeout(self.session, timeout * 1000)
            self.again(lambda: self.lib.gnutls_handshake(self.session))
        except BaseException:
            self.close()
            raise

    def check(self, result):
        if result < 0:
            self.lib.gnutls_strerror.restype = ctypes.c_char_p
            raise Failed(self.lib.gnutls_strerror(result).decode())
        return result

    def again(self, call):
        while (result := call()) in (-28, -52):  # again, interrupted
            pass
        return self.check(result)

    def exported(self, label):
        out = ctypes.create_string_buffer(32)
        self.check(self.lib.gnutls_prf_rfc5705(self.session, len(label), label, 0, b"" if label.startswith(b"EXPORTER-Channel")
                                               else None, 32, out))
        return out.raw

    def fileno(self):
        return self.socket.fileno()

    def pending(self):
        return self.lib.gnutls_record_check_pending(self.session)

    def sendall(self, data):
        self.lib.gnutls_record_send.restype = ctypes.c_ssize_t
        while data:
            size = min(len(data), 16384)
            try:
                self.again(lambda: self.lib.gnutls_record_send(self.session, bytes(data[:size]), ctypes.c_size_t(size)))
            except Failed as why:
                raise ConnectionError(str(why)) from None
            data = data[size:]

    def recv(self, size):
        self.lib.gnutls_record_recv.restype = ctypes.c_ssize_t
        out = ctypes.create_string_buffer(size)
        try:
            count = self.again(lambda: self.lib.gnutls_record_recv(self.session, out, ctypes.c_size_t(size)))
        except Failed as why:
            raise ConnectionError(str(why)) from None
        return out.raw[:count]

    def close(self):
        if self.session:
            self.lib.gnutls_deinit(self.session)
            self.session = None
        if self.credentials:
            self.lib.gnutls_certificate_free_credentials(self.credentials)
            self.credentials = None
        self.socket.close()


# GSSAPI.

class Buffer(ctypes.Structure):
    _fields_ = [("length", ctypes.c_size_t), ("value", ctypes.c_void_p)]

    @classmethod
    def of(cls, data):
        keep = ctypes.create_string_buffer(data, len(data))
        made = cls(len(data), ctypes.cast(keep, ctypes.c_void_p))
        made.keep = keep
        return made

    def take(self, lib):
        data = ctypes.string_at(self.value, self.length) if self.length else b""
        lib.gss_release_buffer(ctypes.byref(ctypes.c_uint32()), ctypes.byref(self))
        return data


class Oid(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint32), ("elements", ctypes.c_char_p)]


class OidSet(ctypes.Structure):
    _fields_ = [("count", ctypes.c_size_t), ("elements", ctypes.c_void_p)]


class Bindings(ctypes.Structure):
    _fields_ = [("initiator_type", ctypes.c_uint32), ("initiator", Buffer), ("acceptor_type", ctypes.c_uint32),
                ("acceptor", Buffer), ("application", Buffer)]


class KeyValue(ctypes.Structure):
    _fields_ = [("key", ctypes.c_char_p), ("value", ctypes.c_char_p)]


class KeyValues(ctypes.Structure):
    _fields_ = [("count", ctypes.c_uint32), ("elements", ctypes.POINTER(KeyValue))]


class Context:
    """An initiator's context for a service, with the first principal of a client keytab."""

    lib = None
    count = 0

    def __init__(self, config, keytab, service, mechanism=KRB5):
        os.environ["KRB5_CONFIG"] = config
        if Context.lib is None:
            Context.lib = ctypes.CDLL("libgssapi_krb5.so.2")
        self.context, self.credential, self.name = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        self.mechanism = Oid(len(mechanism), mechanism)
        self.minor = ctypes.c_uint32()
        Context.count += 1  # a cache of its own each
        pairs = (KeyValue * 2)(KeyValue(b"client_keytab", keytab.encode()),
                               KeyValue(b"ccache", f"MEMORY:{Context.count}".encode()))
        self.call("gss_acquire_cred_from", None, 0, None, 1, ctypes.byref(KeyValues(2, pairs)),
                  ctypes.byref(self.credential), None, None)
        self.call("gss_import_name", ctypes.byref(Buffer.of(service.encode())),
                  ctypes.byref(Oid(len(PRINCIPAL_NAME), PRINCIPAL_NAME)), ctypes.byref(self.name))

    def call(self, function, *arguments, good=(0,)):
        major = getattr(self.lib, function)(ctypes.byref(self.minor), *arguments) & 0xffffffff
        if major not in good:
            raise Failed(f"{function}: major 0x{major:08x}, minor {ctypes.c_int32(self.minor.value).value}")
        return major

    def step(self, binding=None, token=None, flags=FLAGS):
        """The token that follows; `binding`: the application data, None: bound to nothing."""
        bound = None
        if binding is not None:
            bound = ctypes.byref(Bindings(0, Buffer(), 0, Buffer(), Buffer.of(binding)))
        out = Buffer()
        self.call("gss_init_sec_context", self.credential, ctypes.byref(self.context), self.name,
                  ctypes.byref(self.mechanism), flags, 0, bound,
                  ctypes.byref(Buffer.of(token)) if token is not None else None, None, ctypes.byref(out), None, None,
                  good=(0, 1))
        return out.take(self.lib)

    def mic(self, text):
        out = Buffer()
        self.call("gss_get_mic", self.context, 0, ctypes.byref(Buffer.of(text)), ctypes.byref(out))
        return out.take(self.lib)


class Initiator(wire.Session):
    """Connects to a node, to authenticate as it likes."""

    def __init__(self, port, config, keytab, service, name="", mechanism=KRB5):
        self.context = Context(config, keytab, service, mechanism)
        super().__init__(Channel(port), name)

    def begin(self):
        """Both HELLOs."""
        self.say(wire.HELLO, {1: 1, 2: 1, 4: ["kerberos"], 6: time.time_ns()})
        self.wait(wire.HELLO)
        return self

    @property
    def binding(self):
        return b"tls-exporter:" + self.stream.exported(b"EXPORTER-Channel-Binding")

    def token(self, binding=True, flags=FLAGS):
        """Its first one; `binding`: of this channel, or whatever it is."""
        return self.context.step(self.binding if binding is True else binding, flags=flags)

    def statement(self, role=b"initiator"):
        return b"yett/1 kerberos " + role + b"\0" + self.stream.exported(b"EXPORTER-yett-auth")

    def auth(self, status, token=b""):
        pieces = [token[at:at + CHUNK] for at in range(0, len(token), CHUNK)] or [b""]
        for place, piece in enumerate(pieces):
            more = place + 1 < len(pieces)
            self.say(wire.AUTH, {1: "kerberos", 2: status, **({3: piece} if piece else {}), **({4: True} if more else {})})

    def answer(self, timeout=10):
        """(status, token or cause) of the AUTH that comes; a REFUSE is a denial."""
        token = b""
        while True:
            kind, body = self.wait(wire.AUTH, wire.REFUSE, timeout=timeout)
            if kind == wire.REFUSE:
                return DENY, body.get(2, "")
            token += body.get(3, b"")
            if not body.get(4):
                return (DENY, body.get(5, "")) if body[2] == DENY else (body[2], token)

    def go_in(self, binding=True, mic=None):
        """All of it; how it ends: (status, cause). `mic`: makes another than the right one."""
        self.begin()
        self.auth(CONTINUE, pack(self.token(binding)))
        status, token = self.answer()
        if status != CONTINUE:
            return status, token
        self.context.step(self.binding if binding is True else binding, unpack(token)[0])
        self.auth(DONE, pack(mic(self) if mic else self.context.mic(self.statement())))
        return self.answer()
