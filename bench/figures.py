"""The figures: what is told of each measurement, and what it has to reach. A row stands for one
figure; it needs one measurement or more, and each measurement is made once."""
import machine
import peers
import relay
import rest
import sessions
import tickets
from common import RECORD_BYTES

MEASUREMENTS = {
    "limits": machine.limits,
    "relay": relay.relay,
    "rsyslog-relp": peers.rsyslog_relp,
    "rsyslog-tcp": peers.rsyslog_tcp,
    "rsyslog-synced": peers.rsyslog_synced,
    "syslog-ng": peers.syslog_ng,
    "nats": peers.nats,
    "sqlite": relay.sqlite,
    "postgresql": relay.postgresql,
    "ready": relay.ready,
    "backlog": relay.backlog,
    "small": sessions.small,
    "idle": sessions.idle,
    "reconnect": sessions.reconnect,
    "kerberos": tickets.kerberos,
    "rest": rest.rest,
}


PEERS = ("rsyslog-relp", "rsyslog-tcp", "rsyslog-synced", "syslog-ng", "nats")


class Row:
    def __init__(self, name, unit, value, needs, goal=None, peer=None, digits=0):
        self.name, self.unit, self.value, self.needs = name, unit, value, needs
        self.goal, self.peer, self.digits = goal, peer, digits

    def told(self, value, peer, met):
        """The row as --json has it: `goal` is (sign, number), or None where the figure only informs."""
        return {"name": self.name, "value": value, "unit": self.unit,
                "goal": None if self.goal is None else f"{self.goal[0]} {self.goal[1]:g}", "peer": peer, "met": met}

    def judge(self, results):
        value = self.value(*(results[name] for name in self.needs))
        met = None
        if self.goal is not None:
            sign, number = self.goal
            met = value >= number if sign == ">=" else value <= number
        return self.told(round(value, 6), self.peer(results) if callable(self.peer) else self.peer, met)


def _parties(run, digits=1):
    """What all three take of the processors for a record: they share them, so each bears on the rate."""
    return " + ".join(f"{run['us'][who]:.{digits}f}" for who in ("gateway", "sender", "receiver")) + " µs"


def _peer(key):
    def text(results):
        return f"{results[key]['rate']:,.0f}/s; {_parties(results[key])}" if key in results else None
    return text


def _cheapest(results):
    """The least that a peer's gateway takes for a record."""
    keys = [key for key in PEERS if key in results]
    if not keys:
        return None
    best = min(keys, key=lambda key: results[key]["us"]["gateway"])
    return f"{results[best]['us']['gateway']:.1f} µs ({best})"


def _ready(results):
    """By how many batches the records stand in."""
    return "; ".join(f"{run['seconds']:.2f} in {run['batches']:,} batches" for run in results["ready"].values())


def _times(key):
    return lambda run, other: run["rate"] / other["rate"]


ROWS = [
    Row("limit-disk", "MB/s", lambda r: r["grouped"] / 1e6, ["limits"]),
    Row("limit-sync", "syncs/s of 4 KiB", lambda r: r["small"], ["limits"]),
    Row("limit-copy", "GB/s", lambda r: r["copy"] / 1e9, ["limits"], digits=1),
    Row("limit-tls", "GB/s", lambda r: r["tls"] / 1e9, ["limits"], digits=1),
    Row("relay", "records/s", lambda r: r["rate"], ["relay"], None, lambda r: _parties(r["relay"], 2)),
    Row("relay-gateway", "µs/record", lambda r: r["us"]["gateway"], ["relay"], ("<=", 0.8), _cheapest, 2),
    Row("relay-disk", "of the disk's rate", lambda r: r["of_disk"], ["relay"], (">=", 0.5),
        lambda r: f"{r['relay']['disk'] / 1e6:,.0f} MB/s by {r['relay']['group_bytes'] / 1024:,.0f} KiB", 2),
    Row("relay/rsyslog-relp", "times", _times("rsyslog-relp"), ["relay", "rsyslog-relp"], (">=", 10),
        _peer("rsyslog-relp"), 1),
    Row("relay/syslog-ng", "times", _times("syslog-ng"), ["relay", "syslog-ng"], (">=", 5),
        _peer("syslog-ng"), 1),
    Row("relay/nats", "times", _times("nats"), ["relay", "nats"], (">=", 5), _peer("nats"), 1),
    Row("relay/rsyslog-tcp", "times", _times("rsyslog-tcp"), ["relay", "rsyslog-tcp"], None,
        _peer("rsyslog-tcp"), 1),
    Row("relay/rsyslog-synced", "times", _times("rsyslog-synced"), ["relay", "rsyslog-synced"], None,
        _peer("rsyslog-synced"), 0),
    Row("sqlite", "records/s", lambda r: r["rate"], ["sqlite"], (">=", 100_000)),
    Row("postgresql", "records/s", lambda r: r["rate"], ["postgresql"], None),
    Row("small-gateway", "µs/batch", lambda r: r["us"], ["small"], ("<=", 60), None, 1),
    Row("small-ack-p99", "disk syncs", lambda r: r["p99_syncs"], ["small"], ("<=", 3),
        lambda r: f"{r['small']['p99_ms']:.1f} ms; a sync {r['small']['sync_ms']:.2f} ms", 1),
    Row("idle-session", "KiB", lambda r: r["kib"], ["idle"], ("<=", 16),
        "25 to 54 KiB, measured earlier", 1),
    Row("reconnect", "s", lambda r: max(r["broken"], r["killed"]), ["reconnect"], ("<=", 40), None, 1),
    Row("reconnect-ack", "ms", lambda r: r["probe_ms"], ["reconnect"], ("<=", 100), None, 1),
    Row("kerberos", "of a set-up by X.509", lambda r: r["of_x509"], ["kerberos"], ("<=", 0.6),
        lambda r: f"{r['kerberos']['us']:.0f} µs; X.509 {r['kerberos']['x509_us']:.0f} µs", 2),
    Row("kerberos-500", "s, 500 at once", lambda r: r["again_s"], ["kerberos"], None,
        lambda r: f"{r['kerberos']['first_s']:.1f} s with a KDC to ask", 2),
    Row("ready", "s", lambda r: max(r["large"]["seconds"], r["small"]["seconds"]), ["ready"], ("<=", 2),
        _ready, 2),
    Row("backlog", "of the relay's rate", lambda b, r: b["rate"] / r["rate"], ["backlog", "relay"], (">=", 1),
        None, 2),
    Row("backlog-urgent", "s", lambda r: r["urgent"], ["backlog"], ("<=", 1),
        lambda r: f"{r['backlog']['sent']:.0f} records", 2),
    Row("rest-memory", "MiB", lambda r: r["mib"], ["rest"], ("<=", 12), None, 1),
    Row("rest-cpu", "% of a core", lambda r: r["cpu"] * 100, ["rest"], ("<=", 0.1), None, 3),
]


def wanted(names):
    """The rows that the names ask for, each as a whole name, else as a part of names; and the names of none."""
    found = {name: [row for row in ROWS if row.name == name] or [row for row in ROWS if name in row.name]
             for name in names}
    rows = [row for row in ROWS if not names or any(row in asked for asked in found.values())]
    return rows, [name for name in names if not found[name]]


def show(value, digits):
    return f"{value:,.{digits}f}"


def about():
    return f"records of {RECORD_BYTES} bytes, mutual TLS 1.3, all on the same two cores"
