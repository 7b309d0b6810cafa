"""What the measurements share: processes that end with their measurement, their processor time and
memory, a window in which a rate is taken, and Yett's nodes with their counters. The nodes themselves
are those of the system tests (tests/system/harness.py)."""
import contextlib
import http.client
import os
import socket
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ["YETT_BUILD"]
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
import harness  # noqa: E402  (it reads where the build is)

LOAD = os.path.join(BUILD, "bench", "load")
RECORD_BYTES = 256
# What a record of bench/load has beside its body as it is encoded (core/wire/record.c): the map's head,
# time, kind, name, severity, and the body's key and head. check_told() holds a flow to it.
BODY_BYTES = RECORD_BYTES - (1 + 10 + 2 + 12 + 2 + 3)
RUNS = 3  # a figure is the median of so many
TICK = os.sysconf("SC_CLK_TCK")


def say(text):
    """What is going on, for whoever waits."""
    print(f"    {text}", file=sys.stderr, flush=True)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        words = stat.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICK


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


class Process:
    """A process that is ours, by its id; with its output in a file."""

    def __init__(self, name, command, folder, stdin=None, environment=None):
        self.name = name
        self.log = os.path.join(folder, name + ".log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=stdin or subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=folder, env={**os.environ, **(environment or {})})
        self.pid = self.process.pid

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def check_alive(self):
        if self.process.poll() is not None:
            raise harness.Failure(f"{self.name} ended by itself: exit code {self.process.returncode}\n"
                                  + self.output()[-3000:])

    def wait(self, timeout):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise harness.Failure(f"{self.name} did not end within {timeout} s\n"
                                  + self.output()[-3000:]) from None

    def end(self):
        """Whatever it does: it is gone afterwards."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


class Folder:
    """Processes in a folder, all of which are gone after the `with`."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []

    def run(self, name, command, **more):
        process = Process(name, command, self.folder, **more)
        self.processes.append(process)
        return process

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def path(self, name):
        return os.path.join(self.folder, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.end()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def steady(arrived, pids, seconds=4.0, warm=1.5, timeout=60, alive=()):
    """Takes a window out of a flow that runs: records/s at the receiver, and each process' seconds of
    CPU and records meanwhile. It begins once records arrive and `warm` has gone by."""
    harness.wait("records at the receiver", lambda: arrived() > 0, timeout, alive)
    time.sleep(warm)  # a rate needs a time, not an event
    begin, first, cpu = time.monotonic(), arrived(), {name: cpu_seconds(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    end, last = time.monotonic(), arrived()
    used = {name: cpu_seconds(pid) - cpu[name] for name, pid in pids.items()}
    for process in alive:
        process.check_alive()
    records = max(last - first, 1)
    return {"rate": (last - first) / (end - begin), "records": records,
            "us": {name: seconds * 1e6 / records for name, seconds in used.items()},
            "mib": {name: resident_kib(pid) / 1024 for name, pid in pids.items()}}


def median_of(runs):
    """The run with the median rate."""
    ordered = sorted(runs, key=lambda run: run["rate"])
    return ordered[len(ordered) // 2]


def median(values):
    return statistics.median(values)


class _Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def metrics(node):
    """A node's counters: {name: value}, those of the node itself without their label."""
    with contextlib.closing(_Unix(node.socket)) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    values = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            values[name.replace('{instance="node"}', "")] = float(value)
    return values


def open_sessions(node):
    """Sessions whose peer has proved its name. yett_sessions counts those that are coming up, too."""
    return sum(value for name, value in metrics(node).items()
               if name.startswith("yett_sessions_by_method{") and 'method="none yet"' not in name)


def _line(sender, begin):
    for line in sender.output().splitlines():
        if line.startswith(begin):
            return line.split()
    raise harness.Failure(f"{sender.name} has not said what it {begin}\n" + sender.output()[-3000:])


def check_told(sender):
    """The records of an uncompressed flow that has ended were as long as the figures say."""
    words = _line(sender, "told")
    records, size = int(words[1]), int(words[5])
    if records == 0 or size != records * RECORD_BYTES:
        raise harness.Failure(f"{records} records took {size} bytes, not {RECORD_BYTES} each")


def latency_ms(sender):
    """From telling to acknowledgement, of a flow that has ended: median, 99th percentile, the longest."""
    words = _line(sender, "latency")
    return float(words[1]), float(words[4]), float(words[8])


def batches_acknowledged(sender):
    return int(_line(sender, "acknowledged")[3])


def load(folder, group, gateway, name="load", **options):
    """bench/load against a node: `repeat=True` is --repeat, `records=5` is --records 5."""
    words = [LOAD, "--gateway", gateway.address, "--gateway-name", gateway.name,
             "--ca", group.authority.folder, "--modules", harness.MODULES]
    for key, value in {"state": folder.path("load"), **options}.items():
        words += ["--" + key.replace("_", "-")] + ([] if value is True else [str(value)])
    return folder.run(name, words)


@contextlib.contextmanager
def nodes():
    """A group of Yett's nodes and the folder of what runs beside them."""
    with harness.Group() as group, Folder(group.folder) as folder:
        group.expect("store-keeps-nothing", "queue-full", "session-refused", "origin-refused")
        yield group, folder
