"""The deployment scenarios S1 to S6: the configurations of conf/examples, as they stand there, run by
real daemons against real KDCs, each node in a network of its own, with a wall between the two sides.

    with scenario.Scenario("s1") as s:
        branch = s.realm("BRANCH.EXAMPLE.COM", "site")
        server = s.node("management-server.conf", "hq")
        gateway = s.node("gateway.conf", "site")
        agents = [s.node("agent.conf", "site", place) for place in (1, 2, 3)]
        s.allow(gateway, server)
        s.run(server, agents, {"agent1.branch.example.com": ("kerberos", gateway)})
        s.crossed(server, gateway)

What an example's head says to type is done as it stands there. Changed are: where modules, state and
sockets are, names to addresses, how often the computer is measured, and a source more, by which the
test sends what it counts. Where namespaces cannot be had all of it is on the loopback, and what is said
of the wall is left out."""
import os
import re
import shlex
import shutil
import socket

import harness
import network
import realm

MESSAGES = 100  # that each agent sends


def read(name):
    with open(os.path.join(harness.SOURCES, "conf", "examples", name), encoding="utf-8") as file:
        return file.read()


def commands(text):
    """The commands that an example's head tells to type, as words."""
    return [shlex.split(line) for line in re.findall(r"^#     ((?:yettctl|kadmin\.local) .*)$", text, re.M)]


def prepare(folder, text, authority, realms):
    """Does what the head of an example says, and copies what it says to copy. `authority`: the folder;
    `realms`: by name."""
    for words in commands(text):
        if words[0] == "kadmin.local":
            query = words[words.index("-q") + 1]
            realms[words[words.index("-r") + 1]].admin(query.replace("-k ", f"-k {folder}/"))
            continue
        words[words.index("--ca") + 1] = authority.folder
        words[words.index("--out") + 1] = folder
        harness.yettctl(*words[1:])
        shutil.copy(authority.root, folder)


class Example(harness.Node):
    """A node whose configuration is an example's."""

    def __init__(self, scenario, file, name, text, host):
        super().__init__(scenario.group, name, {})
        self.text = text
        self.scenario = scenario
        self.host = host
        self.port = 5723 if host else harness.free_port()
        self.inside = host.inside if host else []
        self.syslog = os.path.join(self.folder, "syslog")
        self.settings = {"queue": True} if "\nqueue =" in text else {
            "store": {"path": os.path.join(self.folder, "state", "yett.db")}}
        self.change = lambda text: text  # what a test changes
        self.file_of_example = file

    @property
    def address(self):
        return f"{self.host.address if self.host else '127.0.0.1'}:{self.port}"

    def write(self):
        text = self.change(self.text)
        for node in self.scenario.group.nodes:
            text = text.replace(f'"{node.name}:5723"', f'"{node.address}"')
        config = self.scenario.realms.config
        krb5 = f'krb5-config = "{config}"; ' if os.path.exists(config) else ""  # there may be no realm
        text = text.replace('"0.0.0.0:5723"', f'"{self.address}"').replace('"10 s"', '"1 s"')
        text = text.replace("sources = (", f'sources = (\n    {{ module = "source-syslog"; path = "{self.syslog}"; }},')
        text = text.replace("node = {", f'''node = {{ user = ""; state = "{self.folder}/state"; heartbeat = "1 s";
    log = "stderr"; log-level = "info"; {krb5}''')
        text = f'''module-directory = "{harness.MODULES}"; linger = {{ normal = "100 ms"; bulk = "200 ms"; }};
admin = {{ socket = "{self.socket}"; view-group = ""; }};
{text}'''
        with open(self.file, "w", encoding="utf-8") as out:
            out.write(text)

    def send(self, first, count):
        """Numbered messages, through its syslog socket."""
        harness.wait(f"the syslog socket of {self.name}", lambda: os.path.exists(self.syslog))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.connect(self.syslog)
            for number in range(first, first + count):
                out.send(f"<14>scenario: message {number}".encode())


class Scenario:
    """One run. A context manager."""

    def __init__(self, name):
        self.name = name
        try:
            self.network, self.without = network.Network(), None
        except network.Unavailable as why:
            self.network, self.without = None, str(why)
            print(f"no namespaces here, so nothing is said of what crosses the boundary: {why}")
        self.group = harness.Group(authority=False)
        self.realms = realm.Realms(self.group.folder)
        self.authority = harness.Authority(os.path.join(self.group.folder, "ca"), "example.com")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        try:
            self.group.__exit__(*what)
        finally:
            self.realms.__exit__(*what)
            if self.network:
                self.network.end()

    def host(self, name, side):
        return self.network.host(name, side) if self.network else None

    def realm(self, name, side):
        host = self.host("kdc", side)
        place = {"address": host.address, "port": 88, "inside": host.inside} if host else {}
        here = self.realms.add(name, **place)
        here.host = host
        return here

    def node(self, file, side, place=1):
        """A node with an example's configuration; the `place`th of its kind."""
        text = read(f"{self.name}/{file}")
        if place != 1:
            text = re.sub(r"\b(agent|till)1\b", rf"\g<1>{place}", text)
        name = re.search(r'^node = \{ name = "(.*?)"', text, re.M)[1]
        node = Example(self, file, name, text, self.host(name, side))
        self.group.nodes.append(node)
        prepare(node.folder, text, self.authority, {r.name: r for r in self.realms.realms})
        return node

    def allow(self, source, target, port=5723, counter="crossed"):
        if self.network:
            self.network.allow(source.host, target.host, port, counter)

    # What is shown.

    def run(self, server, agents):
        """Starts all; each agent sends its messages; all of it is stored once."""
        self.group.start()
        for agent in agents:
            agent.send(0, MESSAGES)
        self.stored(server, agents, MESSAGES)

    def stored(self, server, agents, count):
        """Each agent's messages up to `count` are in the store once, and nothing else is amiss."""
        query = "SELECT origin, count(*), count(DISTINCT body) FROM events WHERE body LIKE 'message %' GROUP BY origin"
        want = {(agent.name, count, count) for agent in agents}
        self.group.wait(f"{count} messages of each agent", lambda: set(server.query(query)) >= want)
        total, origins = self.group.all_arrived(server)
        stored = server.query(query)
        if set(stored) != want:
            raise harness.Failure(f"stored: {stored}")
        print(f"{len(stored)} agents sent {count} messages each: stored once; {len(origins)} origins, "
              f"{sum(total[k] for k in ('metrics', 'events', 'states'))} records, lost {total['lost']}, twice {total['twice']}")

    def authenticated(self, node, want):
        """Who is in at a node: {name: method}, each bound to its channel where it is Kerberos."""
        def open_now():
            return {row["name"]: row for row in node.rows("sessions") if row["direction"] == "in" and row["state"] == "open"}
        rows = self.group.wait(f"the sessions of {node.name}", lambda: (
            now := open_now()) and {name: row["mechanism"] for name, row in now.items()} == want and now)
        for row in rows.values():
            if not row["channel_bound"] or (row["mechanism"] == "kerberos" and not row["expires"]):
                raise harness.Failure(f"a session of {node.name}: {row}")
        print(f"yettctl sessions, on {node.name}:")
        print(harness.yettctl("--socket", node.socket, "sessions").stdout)
        return rows

    def crossed(self, server, by, barred=()):
        """What went over the boundary: one connection to one port for each of `by`; those that are
        barred cannot."""
        if not self.network:
            return
        for host in barred:
            if host.connects(server.host, 5723):
                raise harness.Failure(f"{host.name} gets through the wall")
        count, peers = self.network.crossed(), server.host.peers(5723)
        across = sorted(peer for peer in peers if peer.rsplit(".", 1)[0] != server.host.address.rsplit(".", 1)[0])
        if count != len(by) or across != sorted(node.host.address for node in by):
            raise harness.Failure(f"{count} connections have crossed the boundary; now there are {across}")
        if barred and self.network.refused() == 0:
            raise harness.Failure("the wall has refused nobody")
        print(f"over the boundary: {count} TCP connection{'s' if count != 1 else ''} from {', '.join(across) or 'nowhere'} to "
              f"{server.host.address} port 5723; {self.network.refused()} packets of others refused")
