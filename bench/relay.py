"""The relay triangle with Yett on all corners: sender (bench/load), gateway with queue-disk, receiver;
and what is measured on it besides the rate: what the gateway costs, a backlog, its start."""
import os
import tempfile
import time

import machine
from common import BODY_BYTES, RECORD_BYTES, RUNS, cpu_seconds, harness, load, median_of, metrics, nodes, say, steady
import postgres

BATCH = 250  # records of 256 bytes: 64 KiB, what a source cuts
QUEUE = {"module": "queue-disk", "size": "4 GiB"}


def triangle(group, store="store-null", queue=None):
    server = group.server("ms.example")
    if store == "store-null":
        server.settings["store"] = {"module": "store-null"}
    gateway = group.gateway("gw.example", [server], queue=queue or dict(QUEUE))
    return server, gateway


def _flow():
    """One run: the flow's window, with the disk's own rate before and after it."""
    disk = [machine.grouped_bytes(seconds=0.7)]
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
        gateway.kill()  # what is queued is not waited for
        server.kill()
    disk.append(machine.grouped_bytes(seconds=0.7))
    run["disk"] = min(disk)
    say(f"yett: {run['rate']:,.0f} records/s, gateway {run['us']['gateway']:.2f} µs, sender "
        f"{run['us']['sender']:.2f}, receiver {run['us']['receiver']:.2f}; {run['group_bytes'] / 1024:.0f} KiB "
        f"a sync; the disk alone {run['disk'] / 1e6:.0f} MB/s")
    return run


def relay():
    run = median_of([_flow() for _ in range(RUNS)])
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
    """The server beside the nodes, on the same disk and processors: what it costs is not told apart."""
    def use(database, server):
        server.settings["store"] = database.store(size="0")

    def run():
        with postgres.Server(tempfile.mkdtemp(prefix="yett-pg-", dir=os.environ.get("TMPDIR", "/tmp"))) as database:
            return _end_to_end(lambda server: use(database, server), lambda server, sql: database.query(sql))
    return median_of([run() for _ in range(RUNS)])


def _fill(group, folder, gateway, records, **options):
    """Lets the gateway have so many records, with nobody to pass them on to."""
    sender = load(folder, group, gateway, name="fill", agents=2, records=records // 2, batch=BATCH,
                  bytes=BODY_BYTES, window=64, timeout=300, repeat=True, **options)
    if sender.wait(300) != 0:
        raise harness.Failure("the gateway was not filled\n" + sender.output())


def ready():
    """Seconds from the start of a killed gateway until it says that it is ready and its port is open."""
    with nodes() as (group, folder):
        server, gateway = triangle(group)
        server.port = harness.free_port()
        gateway.send_to([server])
        gateway.start()
        _fill(group, folder, gateway, 1_000_000)
        took = []
        for _ in range(RUNS):
            gateway.kill()
            begin = time.monotonic()
            gateway.start(ready=False)
            harness.wait("the gateway's port", lambda: _accepts(gateway), 60, [gateway])
            took.append(time.monotonic() - begin)
        waiting = gateway.ctl("queue")
        gateway.kill()
        del server
    records = sum(lane["records"] for lane in waiting["lanes"])
    if records < 1_000_000:
        raise harness.Failure(f"only {records} records are queued after the start")
    say(f"ready after {', '.join(f'{s:.3f}' for s in took)} s with {records:,} records")
    return {"seconds": max(took)}


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
        server.start()
        arrived = lambda: metrics(server)["yett_records_in_total"]
        harness.wait("the backlog to begin", lambda: arrived() > 0, 60, [gateway, server])
        begin, first = time.monotonic(), arrived()
        urgent = load(folder, group, gateway, name="urgent", agents=1, first=900, records=200, batch=1,
                      rate=100, lane=0, bytes=BODY_BYTES, timeout=60)
        late = _urgent_delay(server, gateway, urgent)
        harness.wait("the backlog to end", lambda: arrived() >= records, 120, [gateway, server])
        end = time.monotonic()
        gateway.kill()
        server.kill()
    run = {"rate": (records - first) / (end - begin), "urgent": late}
    say(f"backlog: {run['rate']:,.0f} records/s, urgent records at most {late * 1e3:.0f} ms late")
    return run


def _urgent_delay(server, gateway, urgent):
    """The longest that an urgent record can have been under way: until the gateway had it, and from
    then until the receiver had. Looked at every few milliseconds while they are told."""
    longest = 0.0
    while urgent.process.poll() is None:
        longest = max(longest, metrics(gateway)['yett_queue_oldest_seconds{lane="urgent"}'])
        server.check_alive()
        time.sleep(0.005)
    if urgent.wait(60) != 0:
        raise harness.Failure("the urgent records were not told\n" + urgent.output())
    most = [line for line in urgent.output().splitlines() if line.startswith("latency")][0]
    return longest + float(most.split()[-3]) / 1e3
