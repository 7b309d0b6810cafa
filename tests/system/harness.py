"""What system tests in Python share: a group of real nodes in a folder of its own.

    import harness

    def main():
        with harness.Group() as group:
            server = group.server("ms.example")
            gateway = group.gateway("gw.example", upstreams=[server])
            agent = group.agent("a1.example", upstreams=[gateway], sources=[harness.HOST])
            group.start()
            group.wait("a record of a1", lambda: server.records(origin="a1.example"))
            gateway.kill()
            gateway.start()

    harness.run(main)

Certificates are made with `yettctl ca`, configurations written, daemons started and stopped by
their process ids. Nothing is waited for by sleeping: wait() asks again, up to a deadline. When the
group ends, each node has to stop cleanly, and an error or a warning in a log that the test did not
expect (node.expect("event-name")) fails it; so does a line that is no log line, such as a
sanitizer's. If anything fails, all logs are shown. Only Python's standard library is used.
"""
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BUILD = os.environ.get("YETT_BUILD", os.getcwd())
SOURCES = os.environ.get("YETT_SRC", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
SLOWER = int(os.environ.get("YETT_SLOWER", "1"))  # sanitizers: how much longer things may take
YETTD = os.path.join(BUILD, "yettd")
YETTCTL = os.path.join(BUILD, "yettctl")
MODULES = os.environ.get("YETT_MODULES", os.path.join(BUILD, ".libs"))
SHIM = os.path.join(BUILD, "tests", "system", "shim", ".libs", "shim.so")
UNDO = os.path.join(BUILD, "tests", "system", "shim", "undo")
GROUP_ID = "4a2f6a3e-9a1c-4b0e-8a55-0d7c6f0f7f11"

HOST = {"module": "source-host", "interval": "1 s"}

LOG_LINE = re.compile(r"^(?P<time>\S+) (?P<level>error|warning|notice|info|debug) "
                      r"(?P<event>[a-z0-9][a-z0-9-]*): (?P<text>.*)$")
METRIC_LINE = re.compile(r'# (TYPE|HELP) [a-z_]+ .+|# EOF|[a-z_]+({[a-z]+="[^"]*"(,[a-z]+="[^"]*")*})? -?[0-9.e+-]+$')


class Failure(Exception):
    """The test has failed; the text is for a person."""


class Skip(Exception):
    """The test cannot be run here; the text says why."""


def run(main):
    """Runs a test's main() and ends the process with the code that ./check understands."""
    try:
        for needed in (YETTD, YETTCTL):
            if not os.path.exists(needed):
                raise Failure(f"{needed} is not built")
        main()
    except Skip as why:
        print(why)
        sys.exit(77)
    except Failure as what:
        print(f"FAILED: {what}")
        sys.exit(1)
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc(file=sys.stdout)
        sys.exit(1)


def wait(what, ask, timeout=30, alive=()):
    """Asks until the answer is true, and returns it. A node in `alive` that ends is a failure."""
    deadline = time.monotonic() + timeout * SLOWER
    answer = None
    while True:
        answer = ask()
        if answer:
            return answer
        for node in alive:
            node.check_alive()
        if time.monotonic() > deadline:
            raise Failure(f"waited {timeout * SLOWER} s for {what}; the last answer: {answer!r}")
        time.sleep(0.05)


def command(*arguments, check=True, timeout=60, **options):
    """Runs a command to its end; stdout and stderr come as text."""
    done = subprocess.run([str(a) for a in arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          timeout=timeout * SLOWER, **options)
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(map(str, arguments))}: exit code {done.returncode}\n"
                      f"{done.stdout}{done.stderr}")
    return done


def yettctl(*arguments, **options):
    return command(YETTCTL, *arguments, **options)


def typed(line, where, folder, fails=False, **environment):
    """A command as a person types it: shown with its answer, which is returned."""
    done = command(*shlex.split(line), check=False, cwd=folder,
                   env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}", **environment})
    print(f"{where}$ {line}\n{done.stdout}{done.stderr}", end="", flush=True)
    if (done.returncode != 0) != fails:
        raise Failure(f"{line}: exit code {done.returncode}")
    return done.stdout + done.stderr


def query(store, sql, *values):
    """A query on a SQLite store, as anybody would ask it."""
    if not os.path.exists(store):
        return []
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def stored_twice(store):
    """Records that stand in a SQLite store under several numbers, with all that they say: one number has one
    record in any store, so what was sent again as something new shows in no account."""
    return store and query(store, """
        SELECT count(*), coalesce(origin.name, origin.uuid), name.text, time, value, body, attributes FROM record
        JOIN origin ON origin.id = record.origin JOIN name ON name.id = record.name
        GROUP BY record.origin, kind, time, record.name, severity, state, value, unit, body, attributes
        HAVING count(*) > 1 LIMIT 5""")


def private_mounts():
    """Starts the test again in a mount namespace of its own, so that what it mounts goes with it."""
    if os.environ.get("YETT_TEST_MOUNTS") == "private":
        return
    done = command("unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt", check=False)
    if done.returncode != 0:
        raise Skip(f"nothing can be mounted here: {done.stderr.strip()}")
    os.environ["YETT_TEST_MOUNTS"] = "private"
    os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])


def mount_small(folder, size="8m"):
    """A disk of its own for a folder. After private_mounts()."""
    os.makedirs(folder, exist_ok=True)
    command("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", folder)


def fill(path):
    """Takes all the room that there is on a path's disk, as a file; to be removed again."""
    with open(path, "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass


def shim_needed():
    """Skips the test where the shim cannot be put under a program."""
    if SLOWER != 1:
        raise Skip("the shim and a sanitizer do not go together")
    for needed in (SHIM, UNDO):
        if not os.path.exists(needed):
            raise Failure(f"{needed} is not built")


def shim_environment(folder):
    """What a program is started with, so that its files below a folder can lose the power."""
    return {"LD_PRELOAD": SHIM, "YETT_SHIM_ROOT": folder}


def shim_undo(folder, *seed):
    """Takes from a folder what its killed program had not synced: all of it, or torn by a seed."""
    return command(UNDO, folder, *seed).stdout.strip()


def libconfig(value, depth=0):
    """A value as libconfig writes it. Dicts are groups, lists of dicts lists, others arrays."""
    pad = "    " * depth
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        inner = "".join(f"{pad}    {key} = {libconfig(item, depth + 1)};\n"
                        for key, item in value.items() if item is not None)
        return "{\n" + inner + pad + "}"
    if value and isinstance(value[0], dict):
        return "(\n" + ",\n".join(f"{pad}    {libconfig(item, depth + 1)}" for item in value) + f"\n{pad})"
    return "[" + ", ".join(libconfig(item, depth) for item in value) + "]"


def merge(into, more):
    """Lays `more` over `into`: groups are merged, None takes a value away, the rest replaced."""
    for key, value in more.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value
    return into


_reserved = []  # abstract sockets: a port is this process's as long as it holds its name


def free_port():
    """A port that no other test here has, below those that the kernel gives out by itself."""
    import random  # the tests' own randomness: which port does not matter
    for _ in range(1000):
        port = random.randrange(10000, 30000)
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0yett-test-port-{port}")
            probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        finally:
            probe.close()
        _reserved.append(claim)
        return port
    raise Failure("no free port was found")


class Wire:
    """A way to a node that can be cut, and that can lose what goes one way: a forwarder of connections
    with an address of its own. A context manager."""

    def __init__(self, node):
        self.node = node
        self.port = free_port()
        self.open = True
        self.mute = False  # what the node answers is thrown away
        self.deaf = False  # what is sent to it
        self.pairs = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return  # closed
            try:
                with self.lock:
                    if not self.open:
                        raise OSError
                    far = socket.create_connection(("127.0.0.1", self.node.port))
                    self.pairs.append((near, far))
            except OSError:
                near.close()
                continue
            for source, sink, back in ((near, far, False), (far, near, True)):
                threading.Thread(target=self.carry, args=(source, sink, back), daemon=True).start()

    def carry(self, source, sink, back):
        try:
            while data := source.recv(65536):
                if not (self.mute if back else self.deaf):
                    sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """Ends what is there and lets nobody in until mend()."""
        with self.lock:
            self.open = False
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self):
        self.mute = self.deaf = False
        self.open = True

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.cut()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Authority:
    """A certificate authority, made by `yettctl ca`."""

    def __init__(self, folder, suffix="example"):
        self.folder = folder
        yettctl("ca", "init", folder, "--suffix", suffix)
        self.root = os.path.join(folder, "ca.crt")

    def issue(self, name, out, *more):
        """(certificate, key) of a node."""
        yettctl("ca", "issue", name, "--ca", self.folder, "--out", out, *more)
        return os.path.join(out, name + ".crt"), os.path.join(out, name + ".key")


class Node:
    """One yettd, with its folder, configuration and log."""

    def __init__(self, group, name, settings):
        self.group = group
        self.name = name
        self.folder = os.path.join(group.folder, name.split(".")[0])
        os.makedirs(self.folder, mode=0o700)
        self.file = os.path.join(self.folder, "yettd.conf")
        self.log_path = os.path.join(self.folder, "log")
        self.socket = os.path.join(self.folder, "admin")
        self.port = None
        self.process = None
        self.inside = []  # what the daemon is started by: a program that makes itself the daemon
        self.power = None  # what the undoer is told at its end, where the node runs on the shim
        self.expected = set()
        self.settings = {
            "node": {"name": name, "state": os.path.join(self.folder, "state"),
                     "user": "", "heartbeat": "1 s", "log": "stderr", "log-level": "info",
                     "events": "none"},  # what a test counts is what it sent
            "module-directory": MODULES,
            # Given to nobody: who runs the test need not be a member of a group that this computer may have.
            "admin": {"socket": self.socket, "view-group": ""},
            "linger": {"normal": "100 ms", "bulk": "200 ms"},
        }
        if group.authority is not None:
            certificate, key = group.authority.issue(name, self.folder)
            self.settings["transport"] = {
                "module": "transport-tls", "certificate": certificate, "key": key}
            self.settings["authentication"] = [
                {"module": "auth-x509", "trust": [group.authority.root], "suffixes": ["example"]}]
        merge(self.settings, settings)

    # What it is wired to.

    def listen(self, admit, proxy=(), **more):
        self.port = self.port or free_port()
        self.settings["listeners"] = [
            {"address": f"127.0.0.1:{self.port}", "admit": list(admit), "proxy": list(proxy), **more}]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def send_to(self, upstreams, **more):
        self.settings["upstreams"] = [
            {"name": up.name, "address": [up.address], "priority": place, **more}
            for place, up in enumerate(upstreams)]
        self.settings.setdefault("policy", {"module": "policy-failover", "failback": "2 s",
                                            "failback-jitter": "0 s"})
        self.settings.setdefault("queue", {"module": "queue-disk", "size": "64 MiB"})

    # Its life.

    def write(self):
        text = "".join(f"{key} = {libconfig(value)};\n" for key, value in self.settings.items())
        with open(self.file, "w", encoding="utf-8") as out:
            out.write(text)

    def start(self, ready=True, **environment):
        """Starts the daemon; with `ready`, waits until it answers on its admin socket."""
        if self.process is not None:
            raise Failure(f"{self.name} runs already")
        self.write()
        if self.power is not None:
            environment = {**shim_environment(self.folder), **environment}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.inside, YETTD, "--config", self.file], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, env={**os.environ, **environment})
        if ready:
            wait(f"{self.name} to be ready", self.answers, alive=[self])
        return self

    def answers(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(self.socket)
                return True
            except OSError:
                return False

    def check_alive(self):
        if self.process is not None and self.process.poll() is not None:
            code, self.process = self.process.returncode, None
            raise Failure(f"{self.name} ended by itself: exit code {code}")

    def signal(self, number):
        self.check_alive()
        self.process.send_signal(number)

    def reload(self):
        self.write()
        self.signal(signal.SIGHUP)

    def ended(self, timeout=30):
        """Waits for its end and returns the exit code."""
        process, self.process = self.process, None
        try:
            return process.wait(timeout * SLOWER)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failure(f"{self.name} did not end within {timeout * SLOWER} s") from None

    def stop(self):
        """Asks it to end, and waits until it has; on the shim, the power goes right after that."""
        if self.process is None:
            return ""
        self.signal(signal.SIGTERM)
        code = self.ended()
        if code != 0:
            raise Failure(f"{self.name} was asked to stop: exit code {code}")
        return self.lose_power()

    def on_shim(self, tear=None):
        """From its next start on, kill() and stop() also take what it has not synced: all of it, or, where
        tear() gives a seed, what that seed decides."""
        shim_needed()
        self.power = tear or (lambda: None)

    def kill(self):
        """As if the power had gone: for the process, and, on the shim, for its files."""
        self.signal(signal.SIGKILL)
        self.ended()
        return self.lose_power()

    def lose_power(self):
        """On the shim: takes what a process that has ended had not synced. Says what that was."""
        if self.power is None:
            return ""
        seed = self.power()
        return shim_undo(self.folder, *([] if seed is None else [str(seed)]))

    # What it says.

    def ctl(self, *arguments, check=True):
        """A view of yettctl, as JSON; None where it fails and `check` is false."""
        done = yettctl("--socket", self.socket, *arguments, "--json", check=check)
        if done.returncode != 0:
            return None
        try:
            if arguments[0] == "records":  # a line each, since it may follow what arrives
                return [json.loads(line) for line in done.stdout.splitlines()]
            return json.loads(done.stdout)
        except ValueError:
            raise Failure(f"yettctl {' '.join(arguments)} --json: not JSON:\n{done.stdout}") from None

    def rows(self, *arguments, check=True):
        """A view's rows, whether it is a list or an object around one."""
        answer = self.ctl(*arguments, check=check)
        if isinstance(answer, dict):
            lists = [value for value in answer.values() if isinstance(value, list)]
            return lists[0] if len(lists) == 1 else [answer]
        return answer or []

    def account(self):
        """What is stored, under way, lost, twice: (the sum, {origin's name: its own sum})."""
        done = yettctl("--socket", self.socket, "account", "--json", check=False)
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            raise Failure(f"yettctl account --json: not JSON:\n{done.stdout}{done.stderr}") from None
        lost = answer["total"]["lost"] if "lost" in answer["total"] else 0
        if (done.returncode == 0) != (lost == 0 and answer["total"].get("twice", 0) == 0):
            raise Failure(f"yettctl account: exit code {done.returncode}, and it says {answer['total']}")
        return answer["total"], {row["name"]: row for row in answer["origins"]}

    def queue_at_rest(self, what, check=True):
        """What `yettctl queue inspect|verify|export` says of its queue while it does not run."""
        return yettctl("queue", what, os.path.join(self.settings["node"]["state"], "queue"), check=check,
                       env={**os.environ, "YETT_MODULES": MODULES})

    def waiting(self):
        """Batches in its queue, all lanes."""
        queue = self.ctl("queue")
        return queue["waiting_batches"] + sum(lane["batches"] for lane in queue["lanes"])

    def metric(self, name):
        """The sum of what /metrics says of a name, over all instances."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ask:
            ask.connect(self.socket)
            ask.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            with ask.makefile() as answer:
                lines = answer.read().partition("\n\n")[2].splitlines()
        wrong = [line for line in lines if not METRIC_LINE.match(line)]
        if wrong:
            raise Failure(f"{self.name}: not OpenMetrics: {wrong}")
        values = [line.split()[-1] for line in lines if re.match(name + r"[ {]", line)]
        if not values:
            raise Failure(f"{self.name} has no metric {name}")
        return sum(float(value) for value in values)

    def cpu_seconds(self):
        """Processor time that it has used."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            words = stat.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def records(self, **conditions):
        more = [word for key, value in conditions.items() for word in (f"--{key}", str(value))]
        return self.rows("records", *more)

    def query(self, sql, *values):
        return query(self.settings["store"]["path"], sql, *values)

    def lines(self):
        """(level, event, text) of each line of its log; None for what is no log line."""
        if not os.path.exists(self.log_path):
            return
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            for line in log:
                match = LOG_LINE.match(line)
                if match:
                    yield match["level"], match["event"], match["text"]
                elif line.strip():
                    yield None, None, line.rstrip("\n")

    def events(self, event):
        return [text for _, name, text in self.lines() if name == event]

    def wait_event(self, event, count=1, timeout=30):
        return wait(f"event {event} in the log of {self.name} ({count} times)",
                    lambda: len(self.events(event)) >= count and self.events(event),
                    timeout, alive=[self])

    def expect(self, *events):
        """These warnings and errors are part of the test."""
        self.expected.update(events)

    def undeclared(self):
        for level, event, text in self.lines():
            if level is None or (level in ("error", "warning") and event not in self.expected
                                 and event not in self.group.expected):
                yield f"{self.name}: {level or 'not a log line'} {event or ''}: {text}"

    def tail(self, lines=80):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])


class Written(Node):
    """A node whose configuration stands there as a person writes it. Laid over that: where this build has its
    modules, where state, socket and log are, and, for "0.0.0.0:5723", the address that it has here: of a
    network.Host, or of the loopback."""

    def __init__(self, group, name, text, host=None):
        super().__init__(group, name, {})
        self.text = text
        self.host = host
        self.inside = host.inside if host else []
        self.port = 5723 if host else free_port()
        self.settings = {"queue": True} if "\nqueue =" in text else {}

    @property
    def address(self):
        return f"{self.host.address if self.host else '127.0.0.1'}:{self.port}"

    def write(self):
        text = self.text.replace('"0.0.0.0:5723"', f'"{self.address}"')
        text = text.replace("node = {", f'node = {{ user = ""; state = "{self.folder}/state"; log-level = "info";')
        with open(self.file, "w", encoding="utf-8") as out:
            out.write(f'module-directory = "{MODULES}";\nadmin = {{ socket = "{self.socket}"; view-group = ""; }};\n{text}')

    def types(self, line, fails=False):
        """A command as a person types it on this node's computer, in its folder."""
        return typed(line, self.name.split(".")[0], self.folder, fails, YETT_SOCKET=self.socket)


class Group:
    """Nodes in one temporary folder, which share an authority. A context manager."""

    def __init__(self, authority=True):
        self.folder = tempfile.mkdtemp(prefix="y")
        self.nodes = []
        self.expected = set()
        self.authority = None
        if authority:
            try:
                self.authority = Authority(os.path.join(self.folder, "ca"))
            except BaseException:
                shutil.rmtree(self.folder, ignore_errors=True)
                raise

    def node(self, name, **settings):
        node = Node(self, name, settings)
        self.nodes.append(node)
        return node

    def server(self, name, admit=("*.example",), proxy=("gw*.example",), **settings):
        node = self.node(name, **settings)
        node.listen(admit, proxy)
        node.settings.setdefault("group", {"name": "HOME", "id": GROUP_ID})
        node.settings.setdefault("store", {"module": "store-sqlite",
                                           "path": os.path.join(node.folder, "store.sqlite")})
        return node

    def gateway(self, name, upstreams, admit=("*.example",), proxy=("gw*.example",), **settings):
        node = self.node(name, **settings)
        node.listen(admit, proxy)
        node.send_to(upstreams)
        return node

    def agent(self, name, upstreams, sources=(), **settings):
        node = self.node(name, **settings)
        node.send_to(upstreams)
        node.settings.setdefault("sources", list(sources))
        return node

    def start(self):
        for node in self.nodes:
            if node.process is None:
                node.start()

    def running(self):
        return [node for node in self.nodes if node.process is not None]

    def wait(self, what, ask, timeout=30):
        """Asks until it is true; a node that ends meanwhile is a failure."""
        return wait(what, ask, timeout, alive=self.running())

    def all_arrived(self, server, timeout=30, alike=False):
        """Waits until nothing is under way, and returns the account: nothing lost, nothing twice. `alike`: the
        test itself sends records that are the same in all that they say."""
        below = [node for node in self.running() if "queue" in node.settings]

        def arrived():
            return (all(node.waiting() == 0 for node in below)
                    and server.account()[0].get("missing", 0) == 0)
        self.wait("everything to have arrived", arrived, timeout)
        total, origins = server.account()
        wrong = {key: total.get(key, 0) for key in ("lost", "twice", "missing", "forks", "dead")}
        if any(wrong.values()):
            raise Failure(f"not everything is stored once: {wrong}\n{json.dumps(origins, indent=2)}")
        twice = [] if alike else stored_twice(server.settings.get("store", {}).get("path"))
        if twice:
            raise Failure(f"stored under several numbers: {twice}")
        return total, origins

    def expect(self, *events):
        self.expected.update(events)

    def stop(self):
        """Downwards, so that what is under way can still arrive."""
        for node in reversed(self.nodes):
            node.stop()

    def __enter__(self):
        return self

    def __exit__(self, kind, what, where):
        try:
            if kind is None:
                self.stop()
                undeclared = [line for node in self.nodes for line in node.undeclared()]
                if undeclared:
                    raise Failure("in the logs, and not expected:\n  " + "\n  ".join(undeclared[:40]))
        except Failure:
            self.show()
            raise
        finally:
            if kind is not None and not issubclass(kind, Skip):
                self.show()
            for node in self.running():
                node.process.kill()
                node.process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)

    def show(self):
        for node in self.nodes:
            print(f"---- log of {node.name} ({node.log_path}), the end of it")
            print(node.tail(), end="")
        print("----")
