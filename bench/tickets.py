"""Kerberos against certificates, on a listener that takes both: what a session's set-up costs the gateway's
processor, and how long 500 agents take that come at once. The agents are bench/load with `--keytab`, or
with certificates; what is measured are their sessions' second to fifth set-up, on tickets that they hold."""
import contextlib
import os
import shutil
import signal
import tempfile

from common import Folder, cpu_seconds, harness, load, median, say
import realm  # common.py says where it is

AGENTS = 500
ROUNDS = 4  # times that all sessions are cut


@contextlib.contextmanager
def _stand():
    """A realm with the agents' keys, and a gateway that takes tickets and certificates."""
    memory = "/dev/shm" if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 28 else None
    with tempfile.TemporaryDirectory(prefix="yett-realm", dir=memory) as quick, harness.Group() as group, \
            realm.Realms(quick) as realms, Folder(group.folder) as folder:
        here = realms.add("EXAMPLE")
        keytab = here.keytabs("agents", [f"host/agent-{n:04}.example" for n in range(1, AGENTS + 1)])
        # A gateway whose way up is not there: what it costs to tell others of the agents is no part of it.
        above = group.node("up.example")
        above.listen([])
        group.nodes.remove(above)
        server = group.gateway("gw.example", [above])
        server.settings["node"]["krb5-config"] = realms.config
        server.settings["authentication"].insert(
            0, {"module": "auth-kerberos", "keytab": here.keytab("gw", "yett/gw.example")})
        server.settings["listeners"][0]["shared-sources"] = ["127.0.0.0/8"]
        group.expect("session-refused", "connection-dropped", "path-closed")
        group.start()
        os.environ["KRB5_CONFIG"] = realms.config  # for bench/load
        yield group, folder, server, keytab, quick


def _set_ups(stand, name, **options):
    """Microseconds of the gateway's processor for a set-up; how long all of them took at first, and again."""
    group, folder, server, _, quick = stand
    process = load(folder, group, server, name=name, agents=AGENTS, records=0, connects=100_000, timeout=600,
                   source_base="127.0.1.0", state=os.path.join(quick, name), **options)
    harness.wait(f"{name} to have all sessions open", lambda: "all open" in process.output(), 300, [process, server])
    before = cpu_seconds(server.process.pid)
    for count in range(1, ROUNDS + 1):
        process.process.send_signal(signal.SIGUSR1)
        harness.wait(f"{name} to be open again", lambda: process.output().count("open again") >= count, 60,
                     [process, server])
    used = cpu_seconds(server.process.pid) - before
    lines = process.output().splitlines()
    process.end()
    harness.wait("the sessions to be gone", lambda: not [row for row in server.rows("sessions") if row["direction"] == "in"], 30, [server])
    return {"us": used * 1e6 / AGENTS / ROUNDS,
            "first_s": next(float(line.split()[2]) for line in lines if line.startswith("all open")),
            "again_s": median([float(line.split()[2]) for line in lines if line.startswith("open again")])}


def kerberos():
    """Both kinds by turns, on one server."""
    runs = {"kerberos": [], "x509": []}
    with _stand() as stand:
        keytab = stand[3]
        for turn in range(3):
            runs["x509"].append(_set_ups(stand, f"x509-{turn}"))
            runs["kerberos"].append(_set_ups(stand, f"kerberos-{turn}", keytab=keytab))
        server = stand[2]
        server.kill()
    us = {kind: median([run["us"] for run in of]) for kind, of in runs.items()}
    result = {"of_x509": us["kerberos"] / us["x509"], "us": us["kerberos"], "x509_us": us["x509"],
              "first_s": median([run["first_s"] for run in runs["kerberos"]]),
              "again_s": median([run["again_s"] for run in runs["kerberos"]])}
    say(f"a session's set-up takes {us['kerberos']:.0f} µs of the gateway's processor with Kerberos, {us['x509']:.0f} µs "
        f"with certificates; {AGENTS} at once: {result['first_s']:.2f} s with a KDC to ask, {result['again_s']:.2f} s "
        "with tickets at hand")
    return result
