"""What this machine can do at most, in the same run: the figures are held against it."""
import math
import os
import ssl
import tempfile
import time

from common import harness, median

SEGMENT = 16 << 20
BLOCK = 65536


def _syncs(folder, block, group, seconds):
    """Bytes a second, and seconds of each sync: preallocated files of 16 MiB, as queue-disk has them,
    written in groups of `group` blocks with one fdatasync each."""
    data = [os.urandom(block)] * group
    took, written, at, file, number = [], 0, SEGMENT, -1, 0
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if at + block * group > SEGMENT:
            if file >= 0:
                os.close(file)
                os.unlink(os.path.join(folder, f"segment-{number}"))
            number += 1
            file = os.open(os.path.join(folder, f"segment-{number}"), os.O_RDWR | os.O_CREAT, 0o600)
            os.posix_fallocate(file, 0, SEGMENT)
            at = 0
        before = time.monotonic()
        os.pwritev(file, data, at)
        os.fdatasync(file)
        took.append(time.monotonic() - before)
        at += block * group
        written += block * group
    rate = written / (time.monotonic() - begin)
    os.close(file)
    os.unlink(os.path.join(folder, f"segment-{number}"))
    return rate, median(took)


def sync_seconds(seconds=1.0):
    """One append of 4 KiB with its sync, now."""
    with tempfile.TemporaryDirectory() as folder:
        return _syncs(folder, 4096, 1, seconds)[1]


def grouped_bytes(group_bytes, seconds=0.7):
    """Bytes a second in groups of that size, or up to a block more."""
    blocks = min(max(math.ceil(group_bytes / BLOCK), 1), SEGMENT // BLOCK)
    with tempfile.TemporaryDirectory() as folder:
        return _syncs(folder, BLOCK, blocks, seconds)[0]


def _copy(seconds=1.0):
    """Bytes a second through memcpy: 64 KiB pieces of buffers that no cache holds."""
    source, target = memoryview(bytearray(64 << 20)), memoryview(bytearray(64 << 20))
    copied, begin = 0, time.monotonic()
    while time.monotonic() - begin < seconds:
        for at in range(0, len(source), 65536):
            target[at:at + 65536] = source[at:at + 65536]
        copied += len(source)
    return copied / (time.monotonic() - begin)


def _tls(seconds=1.0):
    """Bytes a second that one core encrypts and decrypts again: TLS 1.3, whole records, in memory."""
    with tempfile.TemporaryDirectory() as folder:
        authority = harness.Authority(os.path.join(folder, "ca"))
        certificate, key = authority.issue("gw.example", folder)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate, key)
        client = ssl.create_default_context(cafile=authority.root)
        client.minimum_version = ssl.TLSVersion.TLSv1_3
        client.set_ciphers("DEFAULT")
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        one = client.wrap_bio(down, up, server_hostname="gw.example")
        two = server.wrap_bio(up, down, server_side=True)
    done = [False, False]
    while not all(done):
        for place, end in enumerate((one, two)):
            try:
                end.do_handshake()
                done[place] = True
            except ssl.SSLWantReadError:
                pass
    record, moved, begin = os.urandom(16384), 0, time.monotonic()
    target = bytearray(16384)
    while time.monotonic() - begin < seconds:
        for _ in range(16):
            one.write(record)
        for _ in range(16):
            moved += two.read(16384, target)
    return moved / (time.monotonic() - begin)


def limits():
    with tempfile.TemporaryDirectory() as folder:
        grouped, _ = _syncs(folder, BLOCK, 16, 3)
        small, sync = _syncs(folder, 4096, 1, 2)
    return {"grouped": grouped, "small": small / 4096, "sync_ms": sync * 1e3,
            "copy": _copy(), "tls": _tls()}
