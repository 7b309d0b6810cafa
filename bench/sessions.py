"""Thousands of sessions on one gateway: small batches from 2,000 of them, what an idle one of 10,000
costs, and 10,000 that come back at once while one that stayed goes on. The agents are bench/load, in
several processes, each agent from an address of its own."""
import atexit
import contextlib
import os
import shutil
import signal
import tempfile
import time

import machine
from common import (BODY_BYTES, Folder, batches_acknowledged, cpu_seconds, harness, latency_ms, load, metrics,
                    open_sessions, resident_kib, say)
from relay import triangle

MANY = 10_000
PROCESSES = 2
SMALL = 2_000
_shared = {}


@contextlib.contextmanager
def _stand():
    """A gateway and its receiver, with the authority and the agents' certificates that all of these
    measurements share: making thousands takes a while, and is no part of what is measured, so they
    are kept in memory where there is room."""
    if not _shared:
        room = shutil.disk_usage("/dev/shm").free if os.path.isdir("/dev/shm") else 0
        folder = tempfile.mkdtemp(prefix="yett-agents", dir="/dev/shm" if room > 1 << 30 else None)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _shared["state"] = os.path.join(folder, "load")
        _shared["authority"] = harness.Authority(os.path.join(folder, "ca"))
    with harness.Group(authority=False) as group, Folder(group.folder) as folder:
        group.authority = _shared["authority"]
        group.expect("store-keeps-nothing", "session-refused", "connection-dropped", "queue-full")
        server, gateway = triangle(group)
        # As its administrator would for so many agents: thousands may come back at once.
        gateway.settings["listeners"][0].update({"shared-sources": ["127.0.0.0/8"],
                                                 "max-unauthenticated": 6144, "handshakes-per-second": 4000})
        gateway.settings["node"]["memory"] = "256 MiB"
        group.start()
        yield group, folder, server, gateway


def _agents(folder, group, gateway, count, processes, **options):
    """`count` agents in some processes, which are made one process after the other."""
    each, started = count // processes, []
    for place in range(processes):
        first = 1 + place * each
        process = load(folder, group, gateway, name=f"load-{place}", agents=each, first=first,
                       source_base=f"127.{1 + place}.0.0", timeout=3600, bytes=BODY_BYTES,
                       state=_shared["state"], **options)
        started.append(process)
    for process in started:
        harness.wait(f"{process.name} to have all sessions open", lambda: "all open" in process.output(),
                     900, [process, gateway])
    return started


def small():
    """2,000 batches a second of one to five records, from 2,000 sessions. The unit of their acknowledgement
    is a sync of this disk before or after it, the quicker one."""
    sync = [machine.sync_seconds(0.5)]
    with _stand() as (group, folder, server, gateway):
        seconds = 20
        # Three records on the average, and so one batch a second.
        sender = _agents(folder, group, gateway, SMALL, 1, least=1, batch=5, rate=3, connects=400,
                         records=3 * (seconds + 15))[0]
        time.sleep(2)
        begin, first, cpu = time.monotonic(), metrics(gateway), cpu_seconds(gateway.process.pid)
        time.sleep(seconds)
        last, used, end = metrics(gateway), cpu_seconds(gateway.process.pid) - cpu, time.monotonic()
        batches = last["yett_batches_in_total"] - first["yett_batches_in_total"]
        syncs = last["yett_syncs_total"] - first["yett_syncs_total"]
        if sender.wait(60) != 0:
            raise harness.Failure("not everything was acknowledged\n" + sender.output())
        median_ms, p99_ms, _ = latency_ms(sender)
        gateway.kill()
        server.kill()
    sync.append(machine.sync_seconds(0.5))
    run = {"us": used * 1e6 / batches, "rate": batches / (end - begin), "p99_ms": p99_ms,
           "median_ms": median_ms, "sync_ms": min(sync) * 1e3}
    if run["rate"] < 0.99 * SMALL:  # the window cuts through batches at both ends
        raise harness.Failure(f"only {run['rate']:,.0f} batches a second came, not {SMALL:,}")
    run["p99_syncs"] = run["p99_ms"] / run["sync_ms"]
    say(f"small: {run['rate']:,.0f} batches/s, {run['us']:.1f} µs of gateway CPU each, {batches / syncs:.1f} a "
        f"sync; acknowledged after {run['median_ms']} ms median, {run['p99_ms']} ms 99 %; a sync alone "
        f"takes {run['sync_ms']:.2f} ms")
    return run


def idle():
    """What 10,000 sessions that say nothing add to the gateway's resident memory."""
    with _stand() as (group, folder, server, gateway):
        before = resident_kib(gateway.process.pid)
        _agents(folder, group, gateway, MANY, PROCESSES, records=0, connects=500)
        time.sleep(3)
        open_now = open_sessions(gateway)
        after, cpu = resident_kib(gateway.process.pid), cpu_seconds(gateway.process.pid)
        time.sleep(5)
        cpu = (cpu_seconds(gateway.process.pid) - cpu) / 5
        if open_now < MANY + 1:  # its own, upwards
            raise harness.Failure(f"only {open_now:.0f} sessions are open")
        gateway.kill()
        server.kill()
    run = {"kib": (after - before) / MANY, "cpu": cpu}
    say(f"idle: {run['kib']:.1f} KiB a session; {cpu * 100:.1f} % of a core for all of them")
    return run


def _break(processes, gateway, timeout):
    """Cuts all sessions: seconds until each process has said that all of its own are open again."""
    begin = time.monotonic()
    for process in processes:
        process.process.send_signal(signal.SIGUSR1)
    for process in processes:
        harness.wait(f"the sessions of {process.name} to be open again",
                     lambda: "open again" in process.output(), timeout, [process, gateway])
    return time.monotonic() - begin


def reconnect():
    """All of 10,000 sessions break at once while another one goes on; then the gateway is killed."""
    with _stand() as (group, folder, server, gateway):
        processes = _agents(folder, group, gateway, MANY, PROCESSES, records=0, connects=500)
        probe = load(folder, group, gateway, name="probe", agents=1, first=MANY + 1, records=10 ** 6, rate=50,
                     batch=1, lane=1, bytes=BODY_BYTES, timeout=3600, state=_shared["state"])
        harness.wait("the probe's session", lambda: "all open" in probe.output(), 30, [probe])
        begin = time.monotonic()
        time.sleep(1)
        broken = _break(processes, gateway, 120)
        due = 50 * (time.monotonic() - begin)
        probe.end()
        _, p99_ms, most_ms = latency_ms(probe)
        if batches_acknowledged(probe) < due / 2:
            raise harness.Failure(f"a session that stayed had {batches_acknowledged(probe)} batches acknowledged of the "
                                  f"{due:.0f} that were due")
        say(f"10,000 sessions broken: all open again after {broken:.1f} s; meanwhile one that stayed was "
            f"acknowledged after {p99_ms} ms 99 %, {most_ms} ms at most")
        begin = time.monotonic()
        gateway.kill()
        gateway.start()
        # Theirs, and the gateway's own upwards.
        harness.wait("all sessions", lambda: open_sessions(gateway) >= MANY + 1, 120, [gateway])
        killed = time.monotonic() - begin
        say(f"gateway killed and started: all 10,000 open again after {killed:.1f} s")
        gateway.kill()
        server.kill()
    return {"broken": broken, "killed": killed, "probe_ms": most_ms, "probe_p99_ms": p99_ms}
