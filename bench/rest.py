"""An agent at rest: this computer's metrics every 10 s, to a gateway, as it would be installed."""
import time

from common import cpu_seconds, harness, nodes, resident_kib, say
from relay import triangle

SECONDS = 90


def rest():
    with nodes() as (group, _):
        server, gateway = triangle(group)
        agent = group.agent("a1.example", [gateway], queue={"module": "queue-disk"},
                            sources=[{"module": "source-host", "interval": "10 s"}])
        # What it has here only for the tests: the defaults are what is measured.
        agent.settings.pop("linger")
        agent.settings["node"].pop("heartbeat")
        group.start()
        group.wait("the agent's session", lambda: gateway.ctl("sessions"))
        time.sleep(5)
        begin, cpu = time.monotonic(), cpu_seconds(agent.process.pid)
        time.sleep(SECONDS)
        used = (cpu_seconds(agent.process.pid) - cpu) / (time.monotonic() - begin)
        mib = resident_kib(agent.process.pid) / 1024
        group.wait("the agent's metrics", lambda: gateway.ctl("sessions"))
        if server.process is None or gateway.process is None:
            raise harness.Failure("a node has ended")
    say(f"agent at rest: {mib:.1f} MiB, {used * 100:.3f} % of a core")
    return {"mib": mib, "cpu": used}
