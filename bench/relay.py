"""The relay triangle with Yett on all corners: sender (bench/load), gateway with queue-disk, receiver;
and what is measured on it besides the rate: what the gateway costs, a backlog, its start."""
import os
import tempfile
import time

import machine
from common import (BODY_BYTES, RECORD_BYTES, RUNS, check_told, cpu_seconds, harness, latency_ms, load,
                    median_of, metrics, nodes, say, steady)
import postgres

BATCH = 250  # records of 256 bytes: 64 KiB, what a source cuts
QUEUE = {"module": "queue-disk", "size": "4 GiB"}
GROUP_MOST = 4 << 20  # what a group of the queue takes at most (core/flow/waiting.c)
URGENT_RATE = 100  # urgent records a second while a backlog drains


def triangle(group, store="store-null", queue=None):
    server = group.server("ms.example")
    if store == "store-null":
        server.settings["store"] = {"module": "store-null"}
    gateway = group.gateway("gw.example", [server], queue=queue or dict(QUEUE))
    return server, gateway


def _flow(group_bytes):
    """One run: the flow's window; before it the disk's own rate in groups of `group_bytes`, and after it in
    groups of the run's own size."""
    disk = [machine.grouped_bytes(group_bytes)]
    with nodes() as (group, folder):
        server, gateway = triangle(group)
        group.start()
        sender = load(folder, group, gateway, batch=BATCH, bytes=BODY_BYTES, timeout=600, window=64,
                      records=10 ** 9, agents=2, repeat=True)
        before = metrics(gateway)
        run = steady(lambda: metrics(server)["yett_records_in_total"],
                     {"sender": sender.pid, "gateway": gateway.process.pid, "receiver": server.process.pid},
                     alive=[sender, server, gateway])
        after = metrics(gateway)
        syncs = after["yett_syncs_total"] - before["yett_syncs_total"]
        run["group_bytes"] = (after["yett_bytes_in_total"] - before["yett_bytes_in_total"]) / max(syncs, 1)
        sender.end()
        check_told(sender)
        gateway.kill()  # what is queued is not waited for
        server.kill()
    disk.append(machine.grouped_bytes(run["group_bytes"]))
    run["disk"] = max(disk)
    say(f"yett: {run['rate']:,.0f} records/s, gateway {run['us']['gateway']:.2f} µs, sender "
        f"{run['us']['sender']:.2f}, receiver {run['us']['receiver']:.2f}; {run['group_bytes'] / 1024:.0f} KiB "
        f"a sync; the disk alone {run['disk'] / 1e6:.0f} MB/s")
    return run


def relay():
    runs, group_bytes = [], GROUP_MOST
    for _ in range(RUNS):
        runs.append(_flow(group_bytes))
        group_bytes = runs[-1]["group_bytes"]
    run = median_of(runs)
    run["of_disk"] = run["rate"] * RECORD_BYTES / run["disk"]
    return run


def _end_to_end(prepare, count, records=1_000_000):
    """From the first record told to the last one committed, the sender as fast as it is let. Each
    record is another one, with its own time, and batches are compressed, as they are by default: what
    indexes cost depends on it."""
    with nodes() as (group, folder):
        server, gateway = triangle(group, "store-sqlite")
        prepare(server)
        group.start()
        sender = load(folder, group, gateway, batch=BATCH, bytes=BODY_BYTES, timeout=600, window=32,
                      records=records // 2, agents=2)
        pids = {"gateway": gateway.process.pid, "receiver": server.process.pid}
        cpu = {name: cpu_seconds(pid) for name, pid in pids.items()}
        harness.wait("the sender's sessions", lambda: "all open" in sender.output(), 30, [sender])
        begin = time.monotonic()
        harness.wait("all records in the store", lambda: metrics(server)["yett_stored_total"] >= records, 300,
                     [gateway, server])
        took = time.monotonic() - begin
        us = {name: (cpu_seconds(pid) - cpu[name]) * 1e6 / records for name, pid in pids.items()}
        stored = int(count(server, "SELECT count(*) FROM record JOIN name ON name.id = record.name "
                           "WHERE name.text = 'bench.load'")[0][0])
        if stored != records:
            raise harness.Failure(f"{stored} records are stored, not {records}")
        gateway.kill()
        server.kill()
    say(f"end to end: {records / took:,.0f} records/s; gateway {us['gateway']:.2f} µs, receiver "
        f"{us['receiver']:.2f}")
    return {"rate": records / took, "us": us}


def sqlite():
    return median_of([_end_to_end(lambda server: None, lambda server, sql: server.query(sql)) for _ in range(RUNS)])


def postgresql():
    """The server beside the nodes, on the same disk and processors: what it costs is not told apart. Its folder
    lies beside the temporary one, which bench/run chose on a disk, and which nobody else may enter."""
    def use(database, server):
        server.settings["store"] = database.store()

    def run():
        with postgres.Server(tempfile.mkdtemp(prefix="yett-pg-", dir=os.path.dirname(tempfile.gettempdir()))) as database:
            return _end_to_end(lambda server: use(database, server), lambda server, sql: database.query(sql))
    return median_of([run() for _ in range(RUNS)])


def _fill(group, folder, gateway, records, batch=BATCH):
    """Lets the gateway have so many records, with nobody to pass them on to."""
    sender = load(folder, group, gateway, name="fill", agents=2, records=records // 2, batch=batch,
                  bytes=BODY_BYTES, window=64 if batch == BATCH else 1024, timeout=300, repeat=True)
    if sender.wait(300) != 0:
        raise harness.Failure("the gateway was not filled\n" + sender.output())
    check_told(sender)


def _tell_one(group, folder, gateway, name):
    """A new agent comes, tells one record, and has it acknowledged."""
    one = load(folder, group, gateway, name=name, agents=1, first=900, records=1, batch=1, bytes=BODY_BYTES,
               timeout=60)
    if one.wait(60) != 0:
        raise harness.Failure("the gateway has acknowledged nothing\n" + one.output())


def _ready(batch):
    """The longest of some starts of a killed gateway with 1,000,000 records queued, so many in a batch:
    until its port is open, and until an agent that comes then has a record acknowledged."""
    with nodes() as (group, folder):
        server, gateway = triangle(group)
        server.port = harness.free_port()
        gateway.send_to([server])
        gateway.start()
        _tell_one(group, folder, gateway, "before")  # which makes its certificate
        _fill(group, folder, gateway, 1_000_000, batch)
        opened, took = [], []
        for turn in range(RUNS):
            begin = time.monotonic()
            gateway.kill()
            gateway.start(ready=False)
            harness.wait("the gateway's port", lambda: _accepts(gateway), 60, [gateway])
            opened.append(time.monotonic() - begin)
            _tell_one(group, folder, gateway, f"after-{turn}")
            took.append(time.monotonic() - begin)
        waiting = gateway.ctl("queue")["lanes"]
        gateway.kill()
    records, batches = (sum(lane[what] for lane in waiting) for what in ("records", "batches"))
    if records < 1_000_000 + RUNS:
        raise harness.Failure(f"only {records} records are queued after the start")
    say(f"{records:,} records queued in {batches:,} batches: the port is open after "
        f"{', '.join(f'{s:.3f}' for s in opened)} s, a batch acknowledged after "
        f"{', '.join(f'{s:.3f}' for s in took)}")
    return {"batches": batches, "port": max(opened), "seconds": max(took)}


def ready():
    """With as many records in a batch as a source cuts, and with one in each."""
    return {"large": _ready(BATCH), "small": _ready(1)}


def _accepts(node):
    import socket
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", node.port)) == 0


def backlog():
    """1 GiB waits while the way up is cut; then it drains, and urgent records are sent meanwhile."""
    records = (1 << 30) // RECORD_BYTES
    with nodes() as (group, folder):
        server, gateway = triangle(group)
        gateway.start()
        _fill(group, folder, gateway, records)
        # It tells already while the way up is cut, and so from the backlog's first moment to its last.
        urgent = load(folder, group, gateway, name="urgent", agents=1, first=900, records=10 ** 6, batch=1,
                      rate=URGENT_RATE, lane=0, window=64, bytes=BODY_BYTES, timeout=600, repeat=True)
        harness.wait("the urgent sender's session", lambda: "all open" in urgent.output(), 30,
                     [urgent, gateway])
        server.start()
        arrived = lambda: metrics(server)["yett_records_in_total"]
        harness.wait("the backlog to begin", lambda: arrived() > 0, 60, [gateway, server])
        begin, first = time.monotonic(), arrived()
        late, sent = _drain(lambda: metrics(gateway), [urgent, gateway, server])
        end = time.monotonic()
        harness.wait("the backlog to have arrived", lambda: arrived() >= records + sent, 30, [gateway, server])
        urgent.end()
        check_told(urgent)
        late += latency_ms(urgent)[2] / 1e3
        gateway.kill()
        server.kill()
    if sent < URGENT_RATE * (end - begin) / 2:
        raise harness.Failure(f"only {sent:.0f} urgent records were sent in {end - begin:.1f} s of backlog")
    run = {"rate": (records - first) / (end - begin), "urgent": late, "sent": sent}
    say(f"backlog: {run['rate']:,.0f} records/s for {end - begin:.1f} s; {sent:.0f} urgent records meanwhile, "
        f"at most {late * 1e3:.0f} ms late")
    return run


def _drain(look, alive, timeout=120):
    """Looks at the gateway until its backlog is gone, every few milliseconds: the longest that an urgent
    record which it took meanwhile can have waited in its queue, and how many it took while there was a
    backlog. What it took before is not counted: of the oldest one that waits, no more than the time since."""
    begin = last = time.monotonic()
    first = sent = None
    longest = oldest = 0.0
    while True:
        values, now = look(), time.monotonic()
        # It may have left just before this look; and another one have come just after the last one.
        longest = max(longest, oldest + now - last)
        oldest, last = min(values['yett_queue_oldest_seconds{lane="urgent"}'], now - begin), now
        longest = max(longest, oldest)
        if first is None:
            first = values["yett_records_in_total"]
        if values['yett_queue_records{lane="normal"}'] == 0:
            break
        sent = values["yett_records_in_total"] - first
        for one in alive:
            one.check_alive()
        if now - begin > timeout:
            raise harness.Failure(f"the backlog is not gone after {timeout} s: {values}")
        time.sleep(0.005)
    return longest, sent or 0
