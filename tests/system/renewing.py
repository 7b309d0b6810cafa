"""Sessions whose tickets end soon, under load: shared by kerberos-renew and its long form."""
import os
import socket
import time

import harness
import realm

RATE = 50  # messages a second and agent
GAP_S = 2  # the longest that a message may be under way


def run(life_s, run_s, agents=3):
    """`agents` tell messages for so long, on tickets of such a life; each is stored once, none waits, and
    the sessions have been renewed without an end between."""
    with harness.Group() as group, realm.Realms(group.folder) as realms:
        here = realms.add("EXAMPLE", max_life=f"{life_s}s")
        server = group.server("ms.example")
        realm.kerberos(server, realms, keytab=here.keytab("ms", "yett/ms.example"))
        nodes = []
        for place in range(1, agents + 1):
            node = group.agent(f"a{place}.example", [server])
            node.settings["sources"] = [{"module": "source-syslog", "path": os.path.join(node.folder, "syslog")}]
            realm.kerberos(node, realms, **{"client-keytab": here.keytab(f"a{place}", f"host/{node.name}")})
            nodes.append(node)
        group.start()
        tell(nodes, run_s)
        # The last of them lie in their source for a moment, where nobody counts them.
        group.wait("all messages to be stored",
                   lambda: server.account()[0]["events"] >= agents * run_s * RATE)
        total, _ = group.all_arrived(server)
        judge(server, nodes, total, life_s, run_s)


def tell(nodes, run_s):
    sockets = []
    for node in nodes:
        out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        out.connect(node.settings["sources"][0]["path"])
        sockets.append(out)
    begin = time.monotonic()
    for number in range(run_s * RATE):
        time.sleep(max(0, begin + number / RATE - time.monotonic()))  # a rate needs a time, not an event
        for out in sockets:
            out.send(f"<14>renew: message {number}".encode())
    for out in sockets:
        out.close()


def judge(server, nodes, total, life_s, run_s):
    stored = dict(server.query("SELECT origin, count(DISTINCT body) FROM events WHERE body LIKE 'message %' GROUP BY origin"))
    if stored != {node.name: run_s * RATE for node in nodes} or total["events"] != len(nodes) * run_s * RATE:
        raise harness.Failure(f"stored: {stored}, in all {total['events']}")
    worst = server.query("SELECT max(julianday(received) - julianday(time)) * 86400 FROM events")[0][0]
    for node in nodes:
        opened, ended = len(node.events("upstream-open")), node.events("session-closed")
        # Each is renewed with a tenth to a fifth of the ticket's life left.
        if opened < 1 + int(run_s / life_s) or node.events("path-closed") or \
                any("renewed" not in text for text in ended):
            raise harness.Failure(f"{node.name}: {opened} sessions; ended: {ended}")
        print(f"{node.name}: {opened} sessions one after the other, on tickets of {life_s} s, in {run_s} s")
    print(f"{total['events']} messages, each stored once; the slowest took {worst:.2f} s")
    if worst > GAP_S * harness.SLOWER:
        raise harness.Failure("a renewal has held messages up")
