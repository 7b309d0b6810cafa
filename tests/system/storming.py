"""Storm, for the tests in which everything that can be killed is, in turn and at random, under load, and
people are told of each outage once.

Two management servers on one PostgreSQL, two gateways that have both, agents that have both gateways and
read a journal, and bench/load behind one of the gateways. An outage: kill -9 of one of them (of all of
PostgreSQL's processes), until its alert is raised; then it is started, and the alert has to close by itself.
Some are started again at once: then there must be no alert, nor for what was behind. The notification
command has to hear of each alert twice: that it was raised, and that it was closed.

YETT_KILL_SEED repeats the choices of a run."""
import collections
import json
import os
import random
import time

import harness
import killing
import postgres

NOTIFY = """#!/bin/sh
umask 077
file="$1/$(date +%s%N).$$"
cat >"$file.new" && mv "$file.new" "$file"
"""
AGENTS = 3
LOAD = (10, 10)  # agents, records a second and agent
ENTRIES = 100    # in each agent's journal, for each outage


class Storm:
    def __init__(self, group, database, seconds):
        self.group = group
        self.database = database
        self.seconds = seconds
        self.random = random.Random(killing.seed())
        self.entries = collections.Counter()  # by agent
        self.outages = collections.Counter()
        self.told_folder = os.path.join(group.folder, "told")
        self.build()

    def build(self):
        group = self.group
        os.mkdir(self.told_folder)
        program = os.path.join(group.folder, "notify")
        with open(program, "w", encoding="utf-8") as file:
            file.write(NOTIFY)
        os.chmod(program, 0o700)
        # Nodes die while they introduce themselves, and while a session is up; what they had then fails.
        group.expect("path-closed", "session-refused", "lease-lost", "store-failing", "connection-dropped",
                     "failover", "standby-lost", "drain-late")
        quick = {"reconnect-max": "500 ms"}
        store = self.database.store(timeout="2 s", **{"connect-timeout": "2 s"})
        alerts = {"command": [program, self.told_folder], "deadline": "5 s"}
        self.servers = [group.server(f"ms{n}.example", node={"gone-grace": "2 s"}, store=store, alerts=alerts)
                        for n in (1, 2)]
        self.gateways = [group.gateway(f"gw{n}.example", self.servers, node=quick) for n in (1, 2)]
        self.agents = []
        for n in range(AGENTS):
            folder = os.path.join(group.folder, f"journal{n}")
            self.agents.append(group.agent(
                f"a{n}.example", self.gateways if n % 2 else self.gateways[::-1], node=quick,
                sources=[{"module": "source-journal", "directory": folder, "since": "1 d"}]))
            self.tell_more(self.agents[n])

    def tell_more(self, agent):
        folder = agent.settings["sources"][0]["directory"]
        killing.journal(folder, ENTRIES, first=self.entries[agent.name])
        self.entries[agent.name] += ENTRIES

    # What people see.

    def told(self):
        """What the command was given: (event, kind, node, id), in order. Whoever takes over from a server that
        died before it could note that people were told tells them again: that counts once."""
        lines = {}
        for name in sorted(os.listdir(self.told_folder)):
            if not name.endswith(".new"):
                with open(os.path.join(self.told_folder, name), encoding="utf-8") as file:
                    given = json.load(file)
                alert = given["alert"]
                lines[(given["event"], alert["kind"], alert["node"], alert["id"])] = True
        return list(lines)

    def up(self):
        return next(server for server in self.servers if server.process is not None)

    def alerts(self, *more):
        """(kind, node) of each, or None while nobody can tell."""
        rows = self.up().ctl("alerts", *more, check=False)
        return None if rows is None else [(row["kind"], row["node"]) for row in rows]

    def ill(self, server):
        """Who is not healthy, by one of the servers; None: it does not say."""
        agents, servers = (server.ctl(view, check=False) for view in ("agents", "servers"))
        if agents is None or servers is None:
            return None
        rows = [row for answer in (agents, servers)
                for row in (answer if isinstance(answer, list) else next(v for v in answer.values() if isinstance(v, list)))]
        return {row["fqdn"]: (row["health_state"], row["health_cause"])
                for row in rows if row["health_state"] != "Healthy"}

    def all_healthy(self):
        for server in self.servers:
            harness.wait(f"all to be healthy, as {server.name} sees it; it says {self.ill(server)}",
                         lambda server=server: self.ill(server) == {}, timeout=90, alive=self.group.running())

    # Outages.

    def outage(self, what, begin):
        """One, told by one alert."""
        before, alerts_before = self.told(), collections.Counter(self.alerts("--all"))
        start = time.monotonic()
        if what == "postgresql":
            self.database.kill()
            kind, names = "store", {server.name for server in self.servers}
        else:
            what.kill()
            kind, names = "unreachable", {what.name}
        name = what if what == "postgresql" else what.name
        harness.wait(f"people to be told that {name} is gone",
                     lambda: len(self.told()) > len(before), timeout=60, alive=self.group.running())
        raised = time.monotonic() - start
        (self.database if what == "postgresql" else what).start()
        self.group.wait(f"the alert of {name} to close; told: {self.told()[len(before):]}",
                        lambda: self.alerts() == [], timeout=60)
        closed = time.monotonic() - start
        self.group.wait("people to be told so", lambda: len(self.told()) >= len(before) + 2, timeout=30)
        told = self.told()[len(before):]
        new = collections.Counter(self.alerts("--all")) - alerts_before
        if (len(told) != 2 or [event for event, *_ in told] != ["raised", "closed"] or
                {(of, node) for _, of, node, _ in told} != set(new) or new.total() != 1 or
                any(of != kind or node not in names for of, node in new)):
            raise harness.Failure(f"the outage of {name}: told {told}, alerts {dict(new)}")
        self.outages[name] += 1
        print(f"{start - begin:6.1f} s: {name} killed; told after {raised:.1f} s, well again after {closed:.1f} s",
              flush=True)

    def blink(self, node, begin):
        """One that is over before anybody has to know."""
        before = self.told()
        node.kill()
        node.start()
        self.outages[f"{node.name}, at once back"] += 1
        self.all_healthy()
        if self.told() != before or self.alerts() != []:
            raise harness.Failure(f"{node.name} was started again at once, and people are told {self.told()[len(before):]}")
        print(f"{time.monotonic() - begin:6.1f} s: {node.name} killed, and started at once: no alert", flush=True)

    def rage(self):
        begin = time.monotonic()
        nodes = [*self.servers, *self.gateways, *self.agents]
        first = [self.random.choice(self.agents), self.random.choice(self.gateways), self.random.choice(self.servers),
                 "postgresql"]
        self.random.shuffle(first)
        while first or time.monotonic() - begin < self.seconds:
            for agent in self.agents:
                self.tell_more(agent)
            if first:
                self.outage(first.pop(), begin)
            elif self.random.random() < 0.3:
                self.blink(self.random.choice(nodes), begin)
            else:
                self.outage(self.random.choice([*nodes, "postgresql"]), begin)
            self.all_healthy()
        print(f"{self.outages.total()} outages in {time.monotonic() - begin:.0f} s: {dict(self.outages)}", flush=True)

    # The end of it.

    def compare(self, each):
        database = self.database
        for agent in self.agents:
            rows = database.query(f"SELECT body FROM events WHERE origin = '{agent.name}' AND name = 'journal.message'")
            killing.once(f"entries of the journal of {agent.name}", collections.Counter(body for body, in rows),
                         {killing.entry(n) for n in range(self.entries[agent.name])})
        rows = database.query("SELECT body FROM events WHERE name = 'bench.load'")
        killing.once("records of bench/load", collections.Counter(tuple(body.split(" ")[:2]) for body, in rows),
                     {(f"agent-{agent:04}.example", str(number)) for agent in range(1, LOAD[0] + 1)
                      for number in range(each)})
        lost, twice = database.query("SELECT (SELECT coalesce(sum(count), 0) FROM losses), "
                                     "(SELECT count(*) - count(DISTINCT (epoch, number)) FROM record)")[0]
        if (lost, twice) != ("0", "0"):
            raise harness.Failure(f"{lost} lost, {twice} twice")
        print("0 lost, 0 twice, by SQL", flush=True)

    def all_in(self):
        """What the agents read, and what the load told, is stored."""
        want = sum(self.entries.values())
        self.group.wait("all entries of the journals", lambda: int(self.database.query(
            "SELECT count(*) FROM events WHERE name = 'journal.message'")[0][0]) >= want, timeout=60)
        self.group.wait("nothing to be under way", lambda: all(
            node.waiting() == 0 for node in (*self.gateways, *self.agents)), timeout=60)

    def run(self):
        self.group.start()
        each = (self.seconds + 60) * LOAD[1]
        with killing.load(self.group, self.gateways[0], LOAD[0], each, LOAD[1]):
            self.group.wait("the load's agents", lambda: len(self.servers[0].rows("agents")) == LOAD[0] + AGENTS)
            self.all_healthy()
            self.group.wait("one of the servers to hold the lease", lambda: any(
                server.events("lease-taken") for server in self.servers))
            self.rage()
            self.all_healthy()
        self.all_in()
        self.compare(each)


def run(seconds):
    with postgres.Server() as database, harness.Group() as group:
        Storm(group, database, seconds).run()
