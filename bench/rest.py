"""An agent at rest: this computer's metrics every 10 s, to a gateway, as it would be installed. They arrive
in a store all the while, or it was not at work."""
import time

from common import cpu_seconds, harness, nodes, resident_kib, say
from relay import triangle

SECONDS = 90
INTERVAL = 10


def arrived(server, name):
    """How many times the metrics of a node have been looked at, of what is stored."""
    rows = server.query("SELECT count(DISTINCT time_ns) FROM metrics WHERE origin = ? AND name LIKE 'system.%'",
                        name)
    return rows[0][0] if rows else 0


def rest():
    with nodes() as (group, _):
        server, gateway = triangle(group, "store-sqlite")
        agent = group.agent("a1.example", [gateway], queue={"module": "queue-disk"},
                            sources=[{"module": "source-host", "interval": f"{INTERVAL} s"}])
        # What it has here only for the tests: the defaults are what is measured.
        agent.settings.pop("linger")
        agent.settings["node"].pop("heartbeat")
        group.start()
        group.wait("the agent's metrics", lambda: arrived(server, agent.name))
        time.sleep(5)
        first = arrived(server, agent.name)
        begin, cpu = time.monotonic(), cpu_seconds(agent.process.pid)
        time.sleep(SECONDS)
        used = (cpu_seconds(agent.process.pid) - cpu) / (time.monotonic() - begin)
        mib = resident_kib(agent.process.pid) / 1024
        looks = arrived(server, agent.name) - first
        if looks < SECONDS // INTERVAL - 1:  # the last one may be under way
            raise harness.Failure(f"its metrics arrived only {looks} times in {SECONDS} s")
        for node in (server, gateway, agent):
            node.check_alive()
    say(f"agent at rest: {mib:.1f} MiB, {used * 100:.3f} % of a core")
    return {"mib": mib, "cpu": used}
