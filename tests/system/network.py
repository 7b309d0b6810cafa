"""Two networks with a wall between them: namespaces of the kernel, each node in one of its own.

    with network.Network() as net:            # network.Unavailable says why not
        gateway = net.host("gw1", "site")     # gateway.address, gateway.inside
        server = net.host("ms1", "hq")
        net.allow(gateway, server, 5723)      # new connections, this way alone
        ...
        net.crossed(), net.refused()

All of one side reach each other; from side to side only what allow() lets through. A namespace lasts as
long as the process that holds it: nothing is left behind, whatever becomes of the test."""
import json
import os
import shutil
import subprocess

import harness

SIDES = {"site": "10.77.1", "hq": "10.77.2"}


class Unavailable(Exception):
    """Namespaces cannot be had here; the text says why."""


class Host:
    """One namespace."""

    def __init__(self, name, address=None):
        self.name = name
        self.address = address
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "1000000"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.inside = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]
        harness.wait(f"the namespace of {name}", self.is_there)

    def is_there(self):
        if self.holder.poll() is not None:
            raise Unavailable("unshare --net is refused")
        with open(f"/proc/{self.holder.pid}/comm", encoding="utf-8") as comm:
            return comm.read().strip() == "sleep"

    def run(self, *command, **options):
        return harness.command(*self.inside, *command, **options).stdout

    def connects(self, host, port):
        """Whether it reaches a port there, tried for half a second."""
        probe = f"import socket; socket.create_connection(({host.address!r}, {port}), 0.5)"
        return harness.command(*self.inside, "python3", "-c", probe, check=False).returncode == 0

    def peers(self, port):
        """The addresses that have a connection to this port of it."""
        lines = self.run("ss", "-Htn", "state", "established", f"sport = :{port}").splitlines()
        return [line.split()[3].rsplit(":", 1)[0] for line in lines]

    def end(self):
        self.holder.kill()
        self.holder.wait()


class Network:
    """The wall, its two sides, and the hosts."""

    def __init__(self):
        if os.geteuid() != 0:
            raise Unavailable("only root makes namespaces")
        for program in ("unshare", "nsenter", "ip", "nft", "ss"):
            if shutil.which(program) is None:
                raise Unavailable(f"{program} is not installed")
        self.hosts = []
        self.count = {}
        self.wall = Host("wall")
        try:
            self._build()
        except harness.Failure as what:
            self.end()
            raise Unavailable(f"a network cannot be made: {what}") from None

    def _build(self):
        for side, net in SIDES.items():
            self.wall.run("ip", "link", "add", side, "type", "bridge")
            self.wall.run("ip", "address", "add", f"{net}.1/24", "dev", side)
            self.wall.run("ip", "link", "set", side, "up")
        self.wall.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; for f in /proc/sys/net/bridge/"
                      "bridge-nf-call-iptables; do [ ! -e $f ] || echo 0 >$f; done")
        self.wall.run("nft", """
            add table ip wall
            add counter ip wall crossed
            add counter ip wall other
            add counter ip wall refused
            add chain ip wall forward { type filter hook forward priority 0; policy drop; }
            add rule ip wall forward ct state established,related accept
            add chain ip wall allowed
            add rule ip wall forward ct state new jump allowed
            add rule ip wall forward counter name refused drop""")

    def host(self, name, side):
        self.count[side] = self.count.get(side, 1) + 1
        net = SIDES[side]
        host = Host(name, f"{net}.{self.count[side]}")
        self.hosts.append(host)
        link = f"{side}{self.count[side]}"
        host.run("ip", "link", "set", "lo", "up")
        self.wall.run("ip", "link", "add", link, "type", "veth", "peer", "eth0", "netns", host.holder.pid)
        self.wall.run("ip", "link", "set", link, "master", side, "up")
        host.run("ip", "address", "add", f"{host.address}/24", "dev", "eth0")
        host.run("ip", "link", "set", "eth0", "up")
        host.run("ip", "route", "add", "default", "via", f"{net}.1")
        return host

    def allow(self, source, target, port, counter="crossed"):
        """New TCP connections, counted."""
        self.wall.run("nft", f"add rule ip wall allowed ip saddr {source.address} ip daddr {target.address} "
                      f"tcp dport {port} counter name {counter} accept")

    def _counter(self, name):
        answer = json.loads(self.wall.run("nft", "-j", "list", "counter", "ip", "wall", name))
        return next(item["counter"]["packets"] for item in answer["nftables"] if "counter" in item)

    def crossed(self):
        """Connections that allow() let through, since the beginning."""
        return self._counter("crossed")

    def refused(self):
        return self._counter("refused")

    def end(self):
        for host in [*self.hosts, self.wall]:
            host.end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
