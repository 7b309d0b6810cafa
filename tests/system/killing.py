"""What the tests of custody share: journals, tellers and bench/load, which know what has to be in the store, and
the comparison with it.

Killing, for the tests that kill at random: an agent that reads a journal, a gateway and a management
server, which are killed with kill -9 while records flow and started again at once.

Two kinds of senders, which both know for sure what has to be in the store at the end:
- the agent's source-journal keeps its place together with what it told: each entry of the journal is
  to be stored once, however often the agent dies (the agent runs here, and is killed);
- bench/load, agents in a process that is not killed: each record that it was acknowledged.

So what is asserted is that everything that was acknowledged, to whomever, is stored exactly once, as
it was, and that the account says the same. YETT_KILL_SEED repeats the choices of a run, though not
where exactly each kill strikes."""
import collections
import contextlib
import os
import random
import socket
import subprocess
import threading
import time

import harness

LOAD = os.path.join(harness.BUILD, "bench", "load")
REMOTE = "/lib/systemd/systemd-journal-remote"
LOAD_AGENTS = 10
LOAD_BYTES = 100


def seed():
    chosen = int(os.environ.get("YETT_KILL_SEED", random.randrange(1 << 32)))
    print(f"again with the same choices: YETT_KILL_SEED={chosen}", flush=True)
    return chosen


def entry(number):
    """What the journal says in entry `number`."""
    return f"entry {number} of many: {number * 2654435761 % 2 ** 32:08x}"


def journal(folder, count, first=0):
    """A folder with a journal of so many entries, a millisecond apart, up to now; more may be added."""
    if not os.path.exists(REMOTE):
        raise harness.Skip(f"{REMOTE} is not installed")
    os.makedirs(folder, exist_ok=True)
    begin = int(time.time() * 1000) - count
    text = "".join(f"__REALTIME_TIMESTAMP={(begin + n) * 1000}\n__MONOTONIC_TIMESTAMP={(first + n) * 1000}\n"
                   f"_BOOT_ID=0123456789abcdef0123456789abcdef\nMESSAGE={entry(first + n)}\nPRIORITY=6\n\n"
                   for n in range(count))
    subprocess.run([REMOTE, f"--output={folder}/many.journal", "-"], input=text, text=True, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder


def load_bodies(agent, count):
    """What agent number `agent` of bench/load tells (bench/load-agent.c)."""
    name, chance = f"agent-{agent:04}.example", agent
    for number in range(count):
        head = f"{name} {number} "
        letters = bytearray()
        for _ in range(LOAD_BYTES - len(head)):
            chance = (chance * 6364136223846793005 + 1442695040888963407) % 2 ** 64
            letters.append(64 + (chance >> 59))
        yield head + letters.decode()


@contextlib.contextmanager
def load(group, gateway, agents, records, rate, size=LOAD_BYTES, first=1):
    """bench/load beside what the block does (it is given the process); afterwards, all that it told has been
    acknowledged."""
    process = subprocess.Popen(
        [LOAD, "--agents", str(agents), "--first", str(first), "--records", str(records),
         "--bytes", str(size), "--rate", str(rate), "--gateway", gateway.address,
         "--gateway-name", gateway.name, "--ca", group.authority.folder,
         "--state", os.path.join(group.folder, "load"), "--modules", harness.MODULES,
         "--timeout", str(600 * harness.SLOWER)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
        out, _ = process.communicate(timeout=600 * harness.SLOWER)
        print(out, end="")
        if process.returncode != 0:
            raise harness.Failure(f"bench/load: exit code {process.returncode}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


class Teller:
    """Tells an agent's syslog socket numbered messages at a steady rate, until it is asked to stop."""

    def __init__(self, agent, path, rate=100):
        self.agent = agent
        self.path = path
        self.rate = rate
        self.told = 0
        self.going = True
        self.out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.thread = threading.Thread(target=self.tell, daemon=True)

    def tell(self):
        begin = time.monotonic()
        while self.going:
            time.sleep(max(0, begin + self.told / self.rate - time.monotonic()))  # a rate needs a time
            self.out.send(f"<14>test: message {self.told} of {self.agent.name}".encode())
            self.told += 1

    def start(self):
        self.out.connect(self.path)
        self.thread.start()

    def stop(self):
        self.going = False
        self.thread.join()
        self.out.close()


def once(what, have, want):
    """A Counter of what is stored, held against a set of what was acknowledged."""
    lost = want - have.keys()
    twice = sum(1 for count in have.values() if count > 1)
    strange = have.keys() - want
    if lost or twice or strange:
        raise harness.Failure(
            f"{what}: of {len(want)} acknowledged {len(lost)} are lost, {twice} stored twice, "
            f"{len(strange)} were never told: {sorted(lost)[:5]} {sorted(strange)[:5]}")
    print(f"{what}: {len(want)}, each stored once")


def end_again(group, server, *nodes):
    """Starts each of them once more, until the store has heard how far the start before went, and stops it:
    nothing else tells of an end that was lost. To be followed by all_arrived()."""
    lanes = "FROM epoch JOIN origin ON origin.id = epoch.origin WHERE name = ?"
    for node in nodes:
        last = server.query(f"SELECT max(ordinal) {lanes}", node.name)[0][0]
        node.start()
        group.wait(f"the store to hear where {node.name} had ended", lambda name=node.name, last=last: server.query(
            f"SELECT min(closed) {lanes} AND ordinal = ?", name, last) == [(1,)])
        node.stop()


def runs(numbers):
    """[(first, last)] of sorted numbers."""
    found = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return [tuple(run) for run in found]


def lost_by_name(server, origin, holder, bodies):
    """One origin's records and gaps, held against what it sent (numbers from 1 on, of one epoch), where some
    of it was dropped for want of room: declared is what is missing, and no number more. For that nothing may
    have been under way when the holder had nobody to send to any more, and nothing of what was dropped may
    have been left in its memory: either would arrive though it was declared. Returns how many are lost."""
    have = {number: body for number, body in server.query(
        "SELECT record.number, record.body FROM record JOIN origin ON origin.id = record.origin "
        "WHERE coalesce(origin.name, origin.uuid) = ? AND record.kind = 2", origin)}
    gaps = server.query("SELECT first, last, cause, holder FROM gaps WHERE origin = ? ORDER BY first", origin)
    lost = {number for first, last, _, _ in gaps for number in range(first, last + 1)}
    missing = set(range(1, len(bodies) + 1)) - have.keys()
    if not missing or len(missing) == len(bodies) or len(bodies) in missing:
        raise harness.Failure(f"{origin}: missing are {runs(sorted(missing))}: that tests little")
    if lost != missing:
        raise harness.Failure(f"{origin}: missing are {runs(sorted(missing))}, and the store says {gaps}; "
                              f"declared though they are stored: {runs(sorted(lost - missing))}")
    if {(cause, who) for _, _, cause, who in gaps} != {("quota", holder)}:
        raise harness.Failure(f"{origin}: not for quota and by {holder}: {gaps}")
    wrong = [(number, body) for number, body in have.items() if not body.startswith(bodies[number - 1])]
    if wrong:
        raise harness.Failure(f"{origin}: other records than the numbers say: {wrong[:5]}")
    print(f"{origin}: {len(bodies)} sent, {len(have)} stored, {holder} dropped {runs(sorted(lost))}")
    return len(lost)


class Killing:
    """`records` in all, half of them from the journal, and `kills` kills while they flow: the load at a steady
    rate, the journal in pieces, of which one comes just before each kill."""

    def __init__(self, records, kills, rate, shim):
        self.random = random.Random(seed())
        self.entries = records // 2
        self.told = 0  # entries of the journal, so far
        self.load_each = records // 2 // LOAD_AGENTS
        self.total = self.entries + self.load_each * LOAD_AGENTS
        self.kills = kills
        self.rate = rate
        self.shim = shim
        self.nodes = ()
        self.dead = collections.Counter()
        self.amid = 0  # times that the agent was killed with entries under way

    def tell(self, entries):
        """The journal goes on to so many entries."""
        more = min(entries, self.entries) - self.told
        if more > 0:
            journal(self.place, more, self.told)
            self.told += more

    def stored_entries(self, server):
        return (server.query("SELECT count(*) FROM record JOIN origin ON origin.id = record.origin "
                             "WHERE origin.name = 'a1.example' AND record.kind = 2") or [(0,)])[0][0]

    def stored(self, server):
        """Records in the store, as far as it can be asked just now."""
        return (server.query("SELECT max(id) FROM record") or [(0,)])[0][0] or 0 if server.answers() else 0

    def tear(self):
        """Half of the time all that is not synced is lost, else some of it."""
        return self.random.choice((None, self.random.randrange(1, 1 << 32)))

    def kill_some(self, stored, begin):
        """One node, or, while that is dead and what comes has to wait, another one too."""
        dead = self.random.sample(self.nodes, self.random.choice((1, 1, 2)))
        for place, node in enumerate(dead):
            if place > 0:
                time.sleep(self.random.random() * 0.5)
            if node is self.agent and self.server.answers():
                self.amid += self.stored_entries(self.server) < self.told
            said = node.kill()
            self.dead[node.name] += 1
            print(f"{time.monotonic() - begin:6.1f} s, {stored} stored: {node.name} killed; {said}", flush=True)
        for node in dead:
            node.start(ready=False)

    def kill_all(self, group, server):
        """The kills: each when a number of records is stored that chance has chosen, or soon after the
        last one, when what was killed is only just starting."""
        marks = sorted(self.random.randrange(self.total * 9 // 10) for _ in range(self.kills))
        begin = time.monotonic()
        stored = 0
        while self.dead.total() < self.kills:
            if self.random.random() < 0.25:
                time.sleep(self.random.random() * 0.3)
            else:
                mark = marks[self.dead.total()]
                self.tell(self.entries * mark // self.total)
                stored = group.wait(f"{mark} records to be stored",
                                    lambda: max(self.stored(server), 1) if self.stored(server) >= mark else 0,
                                    timeout=120)
                self.tell(self.told + self.entries // self.kills)
                time.sleep(self.random.random() * 0.1)
            self.kill_some(stored, begin)
        group.wait("the management server to answer", server.answers)
        stored = self.stored(server)
        print(f"{self.dead.total()} kills, {stored} of {self.total} records stored: {dict(self.dead)}, "
              f"{self.agent.name} {self.amid} times with entries under way")
        self.tell(self.entries)
        return stored

    def run(self):
        with harness.Group() as group:
            # Nodes die while they introduce themselves, and while a session is up.
            group.expect("path-closed", "session-refused")
            self.place = os.path.join(group.folder, "journal")
            self.tell(self.entries // self.kills)
            quick = {"reconnect-min": "50 ms", "reconnect-max": "500 ms"}
            self.server = server = group.server("ms.example")
            gateway = group.gateway("gw.example", [server], node=quick)
            self.agent = agent = group.agent("a1.example", [gateway], node=quick, sources=[
                {"module": "source-journal", "directory": self.place, "since": "1 d"}])
            self.nodes = (server, gateway, agent)
            for node in self.nodes:
                if self.shim:
                    node.on_shim(self.tear)
            group.start()
            with load(group, gateway, LOAD_AGENTS, self.load_each, rate=self.rate):
                stored = self.kill_all(group, server)
            self.wait_for_all(group, server)
            self.compare(server)
            agent.stop()
            group.all_arrived(server, timeout=60)
            if stored >= self.total:
                raise harness.Failure("everything was stored before the last kill: that proves little")
            if self.amid < self.dead[agent.name] // 8:
                raise harness.Failure(f"{agent.name} was killed {self.dead[agent.name]} times, and only {self.amid} times with "
                                      "entries under way: that proves little")

    def wait_for_all(self, group, server):
        """Until all is stored, or nothing more comes: then compare() says what lacks."""
        last = [0, time.monotonic()]

        def over():
            stored = self.stored(server)
            if stored > last[0]:
                last[:] = stored, time.monotonic()
            return stored >= self.total or time.monotonic() - last[1] > 15 * harness.SLOWER
        group.wait("all of the records", over, timeout=300)

    def compare(self, server):
        """SQL over the store: what is there, held against what was told."""
        have = [body for body, in server.query(
            "SELECT body FROM events WHERE origin = 'a1.example' AND name = 'journal.message'")]
        once("entries of the journal", collections.Counter(have), {entry(n) for n in range(self.entries)})
        rows = server.query("SELECT origin, body FROM events WHERE name = 'bench.load'")
        once("records of bench/load",
             collections.Counter((origin, *body.split(" ", 2)[:2]) for origin, body in rows),
             {(f"agent-{agent:04}.example", f"agent-{agent:04}.example", str(number))
              for agent in range(1, LOAD_AGENTS + 1) for number in range(self.load_each)})
        # Making these letters again takes a while: of one agent.
        agent = self.random.randrange(1, LOAD_AGENTS + 1)
        once(f"bodies of agent {agent}",
             collections.Counter(body for origin, body in rows if origin == f"agent-{agent:04}.example"),
             set(load_bodies(agent, self.load_each)))
