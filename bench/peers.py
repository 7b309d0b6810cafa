"""What a user would take instead, on the same triangle: sender (peer-sender.py), gateway with a queue on disk,
receiver that keeps as little as it can be told to; mutual TLS 1.3 between them, with the certificates that
Yett's nodes would have. bench/README.md says why each is configured as it is, and what sender and receiver
cost."""
import glob
import json
import os
import sys
import tempfile
import urllib.request

from common import BUILD, RUNS, Folder, harness, listens, median_of, say, steady

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(BUILD, "peers")  # bench/run unpacks them there
NAMES = ("ms.example", "gw.example", "sender.example")


def _program(pattern):
    """A file of the unpacked packages."""
    found = glob.glob(os.path.join(PEERS, pattern))
    if not found:
        raise harness.Failure(f"{pattern} is not in {PEERS}")
    return found[0]


def _libraries():
    return ":".join(folder for pattern in ("usr/lib/*-linux-gnu", "lib/*-linux-gnu", "usr/lib/syslog-ng")
                    for folder in glob.glob(os.path.join(PEERS, pattern)))


class Stand(Folder):
    """The three certificates and the folder of a triangle."""

    def __init__(self, folder):
        super().__init__(folder)
        self.ca = self.path("ca.crt")
        made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        harness.command(*made, "-subj", "/CN=bench", "-keyout", self.path("ca.key"), "-out", self.ca)
        self.files = {name: (self.path(name + ".crt"), self.path(name + ".key")) for name in NAMES}
        for name, (certificate, key) in self.files.items():
            # nats-server looks its leaf's upstream up by the name in the URL, which has to be found.
            harness.command(*made, "-CA", self.ca, "-CAkey", self.path("ca.key"), "-subj", f"/CN={name}",
                            "-addext", f"subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1",
                            "-addext", "extendedKeyUsage=serverAuth,clientAuth",
                            "-addext", "basicConstraints=critical,CA:false", "-keyout", key, "-out", certificate)

    def certificate(self, name):
        return self.files[name][0]

    def key(self, name):
        return self.files[name][1]

    def start(self, name, port, command, **more):
        process = self.run(name, command, environment={"LD_LIBRARY_PATH": _libraries()}, **more)
        harness.wait(f"{name} to listen", lambda: listens(port), 20, [process])
        return process

    def sender(self, kind, port):
        return self.run("sender", [sys.executable, os.path.join(HERE, "peer-sender.py"), kind, port,
                                   "gw.example", self.ca, *self.files["sender.example"]])


def triangle(name, setup):
    """The median of some runs; `setup(stand)` starts all but the sender: what the sender speaks, its
    port, how many records have arrived, and the gateway and the receiver."""
    runs = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(prefix="yb") as folder, Stand(folder) as stand:
            kind, port, arrived, gateway, receiver = setup(stand)
            sender = stand.sender(kind, port)
            run = steady(arrived, {"sender": sender.pid, "gateway": gateway.pid, "receiver": receiver.pid},
                         alive=[sender, gateway, receiver])
            say(f"{name}: {run['rate']:,.0f} records/s, gateway {run['us']['gateway']:.2f} µs, sender "
                f"{run['us']['sender']:.2f}, receiver {run['us']['receiver']:.2f}")
            sender.end()
            for process in (gateway, receiver):
                process.process.kill()  # what is queued is not waited for
            runs.append(run)
    return median_of(runs)


def _file_length(path):
    """Records that arrived, where the receiver writes a byte for each."""
    return lambda: os.path.getsize(path) if os.path.exists(path) else 0


# rsyslog

RELP_IN = """module(load="imrelp" tls.tlslib="openssl")
input(type="imrelp" port="{port}" address="127.0.0.1" ruleset="relay" tls="on" tls.authmode="name"
      tls.cacert="{ca}" tls.mycert="{certificate}" tls.myprivkey="{key}" tls.permittedpeer=["{peer}"])
"""
RELP_OUT = """module(load="omrelp" tls.tlslib="openssl")
"""
RELP_ACTION = """action(type="omrelp" target="127.0.0.1" port="{to}" windowSize="5000" tls="on" tls.authmode="name"
        tls.cacert="{ca}" tls.mycert="{certificate}" tls.myprivkey="{key}" tls.permittedpeer=["ms.example"]
        action.resumeRetryCount="-1")"""
TCP_GLOBAL = """global(defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{ca}"
       defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}")
"""
TCP_IN = """module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/name"
       permittedPeer=["{peer}"])
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="relay")
"""
TCP_ACTION = """action(type="omfwd" target="127.0.0.1" port="{to}" protocol="tcp" streamDriver="gtls"
        streamDriverMode="1" streamDriverAuthMode="x509/name" streamDriverPermittedPeers="ms.example"
        TCP_Framing="octet-counted" action.resumeRetryCount="-1")"""
DISK_QUEUE = """queue.type="Disk" queue.filename="relay" queue.checkpointInterval="100"
        queue.maxDiskSpace="4g" queue.maxFileSize="16m" queue.dequeueBatchSize="1024" """
SYNCED_QUEUE = DISK_QUEUE + 'queue.syncQueueFiles="on" '


def _rsyslog(stand, name, port, text):
    work = stand.path(name + "-work")
    os.makedirs(work)
    path = stand.write(name + ".conf", f'global(workDirectory="{work}" maxMessageSize="8k")\n' + text)
    return stand.start(name, port, [
        _program("usr/sbin/rsyslogd"), "-n", "-f", path, "-i", stand.path(name + ".pid"),
        "-M", os.path.dirname(_program("usr/lib/*/rsyslog/imrelp.so"))])


def _rsyslog_triangle(kind, receive, before, out, action, queue=DISK_QUEUE):
    def setup(stand):
        server_port, port, arrived = harness.free_port(), harness.free_port(), stand.path("arrived")
        server = {"ca": stand.ca, "certificate": stand.certificate("ms.example"),
                  "key": stand.key("ms.example"), "port": server_port, "peer": "gw.example"}
        gateway = {"ca": stand.ca, "certificate": stand.certificate("gw.example"),
                   "key": stand.key("gw.example"), "port": port, "peer": "sender.example", "to": server_port}
        receiver = _rsyslog(
            stand, "receiver", server_port, before.format(**server) + receive.format(**server)
            + 'template(name="one" type="string" string="\\n")\n'
            + f'ruleset(name="relay") {{ action(type="omfile" file="{arrived}" template="one") }}\n')
        relay = _rsyslog(
            stand, "gateway", port, before.format(**gateway) + receive.format(**gateway) + out
            + f'ruleset(name="relay" {queue}) {{ {action.format(**gateway)} }}\n')
        return kind, port, _file_length(arrived), relay, receiver
    return setup


def rsyslog_relp():
    return triangle("rsyslog, RELP, disk queue",
                    _rsyslog_triangle("relp", RELP_IN, "", RELP_OUT, RELP_ACTION))


def rsyslog_synced():
    return triangle("rsyslog, RELP, disk queue synced for each record",
                    _rsyslog_triangle("relp", RELP_IN, "", RELP_OUT, RELP_ACTION, SYNCED_QUEUE))


def rsyslog_tcp():
    return triangle("rsyslog, TCP, disk queue",
                    _rsyslog_triangle("syslog", TCP_IN, TCP_GLOBAL, "", TCP_ACTION))


# syslog-ng

SYSLOG_NG = """@version: 3.38
options {{ stats-freq(0); keep-hostname(yes); use-dns(no); log-fifo-size(200000); }};
source s {{ syslog(ip("127.0.0.1") port({port}) transport("tls") max-connections(1)
    log-iw-size(100000) log-fetch-limit(1000)
    tls(key-file("{key}") cert-file("{certificate}") ca-file("{ca}") peer-verify(required-trusted)
        ssl-options(no-sslv2, no-sslv3, no-tlsv1, no-tlsv11, no-tlsv12))); }};
destination d {{ {destination} }};
log {{ source(s); destination(d); flags(flow-control); }};
"""
SYSLOG_NG_OUT = """syslog("127.0.0.1" port({to}) transport("tls")
    tls(key-file("{key}") cert-file("{certificate}") ca-file("{ca}") peer-verify(required-trusted))
    disk-buffer(reliable(yes) disk-buf-size(2147483648) mem-buf-size(67108864) dir("{work}")));"""


def _syslog_ng(stand, name, port, destination):
    work = stand.path(name + "-work")
    os.makedirs(work)
    values = {"ca": stand.ca, "certificate": stand.certificate(f"{name}.example"),
              "key": stand.key(f"{name}.example"), "port": port, "work": work}
    path = stand.write(name + ".conf", SYSLOG_NG.format(destination=destination.format(**values), **values))
    return stand.start(name, port, [
        _program("usr/sbin/syslog-ng"), "-F", "--no-caps", "-f", path,
        "-R", os.path.join(work, "persist"), "-p", os.path.join(work, "pid"), "-c", os.path.join(work, "ctl"),
        "--module-path", os.path.dirname(_program("usr/lib/syslog-ng/*/libafsocket.so"))])


def syslog_ng():
    def setup(stand):
        server_port, port, arrived = harness.free_port(), harness.free_port(), stand.path("arrived")
        receiver = _syslog_ng(stand, "ms", server_port, f'file("{arrived}" template("\\n"));')
        relay = _syslog_ng(stand, "gw", port, SYSLOG_NG_OUT.replace("{to}", str(server_port)))
        return "syslog", port, _file_length(arrived), relay, receiver
    return triangle("syslog-ng, reliable disk buffer", setup)


# NATS: a leaf with a JetStream file stream, whose messages the hub's stream sources.

NATS = """listen: "127.0.0.1:{port}"
server_name: {name}
http: "127.0.0.1:{monitor}"
jetstream {{ domain: {name}, store_dir: "{work}", max_mem: 2GB, max_file: 16GB }}
tls {{ {tls} verify: true }}
leafnodes {{ {leaf} }}
"""


def _nats(stand, name, certificate, port, monitor, leaf):
    tls = (f'cert_file: "{stand.certificate(certificate)}", key_file: "{stand.key(certificate)}", '
           f'ca_file: "{stand.ca}",')
    path = stand.write(name + ".conf", NATS.format(
        name=name, port=port, monitor=monitor, work=stand.path(name + "-work"), tls=tls,
        leaf=leaf.replace("TLS", f"tls {{ {tls} verify: true }}")))
    return stand.start(name, port, [_program("usr/sbin/nats-server"), "-c", path])


def nats():
    def setup(stand):
        hub_port, leaf_port, port, monitor = (harness.free_port() for _ in range(4))
        receiver = _nats(stand, "hub", "ms.example", hub_port, monitor,
                         f'listen: "127.0.0.1:{leaf_port}", TLS')
        relay = _nats(stand, "leaf", "gw.example", port, harness.free_port(),
                      f'remotes: [ {{ url: "tls://localhost:{leaf_port}", TLS }} ]'
                      .replace("verify: true", ""))

        def look():
            url = f"http://127.0.0.1:{monitor}/jsz?streams=true"
            with urllib.request.urlopen(url, timeout=10) as answer:
                accounts = json.load(answer).get("account_details") or []
            return sum(stream["state"]["last_seq"] for account in accounts
                       for stream in account.get("stream_detail") or [])
        harness.command(sys.executable, os.path.join(HERE, "peer-sender.py"), "nats-setup",
                        port, "gw.example", stand.ca, *stand.files["sender.example"], hub_port)
        return "nats", port, look, relay, receiver
    return triangle("NATS leaf, JetStream files", setup)
