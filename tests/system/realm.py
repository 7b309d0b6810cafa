"""Kerberos realms for system tests: real KDCs (MIT krb5) on free loopback ports, in a folder.

    with realm.Realms(group.folder) as realms:
        here = realms.add("A.EXAMPLE")
        node.settings["node"]["krb5-config"] = realms.config
        keytab = here.keytab("ms.example", "yett/ms.example")

A KDC is started when its realm is added; it can be stopped, started again, or made one that takes
what it is sent and never answers. All of it ends with the `with`.
"""
import os
import shutil
import socket
import subprocess
import threading

import harness

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
ENCTYPES = "aes256-cts-hmac-sha384-192 aes256-cts-hmac-sha1-96"


def kerberos(node, realms, **settings):
    """Has a node authenticate by Kerberos alone, with a certificate that claims nothing."""
    node.settings["node"]["krb5-config"] = realms.config
    node.settings["transport"] = {"module": "transport-tls"}
    node.settings["authentication"] = [{"module": "auth-kerberos", **settings}]


def needed():
    for program in ("krb5kdc", "kdb5_util", "kadmin.local"):
        if shutil.which(program, path=PATH) is None:
            raise harness.Failure(f"{program} is missing: apt-get install krb5-kdc krb5-admin-server")


class Realm:
    """One realm, its database and its KDC."""

    def __init__(self, realms, name, max_life="10h", address="127.0.0.1", port=None, inside=()):
        """`inside`: what the KDC is started by, as a node's."""
        self.realms = realms
        self.name = name
        self.folder = os.path.join(realms.folder, name)
        self.inside = list(inside)
        self.port = port or harness.free_port()
        self.address = f"{address}:{self.port}"
        self.process = None
        self.hole = None
        os.makedirs(self.folder, mode=0o700)
        self.profile = os.path.join(self.folder, "kdc.conf")
        with open(self.profile, "w", encoding="utf-8") as out:
            out.write(f"""[kdcdefaults]
    kdc_listen = {self.address}
    kdc_tcp_listen = {self.address}
[realms]
    {name} = {{
        database_name = {self.folder}/principal
        key_stash_file = {self.folder}/stash
        acl_file = {self.folder}/acl
        max_life = {max_life}
        max_renewable_life = 7d
        master_key_type = aes256-cts-hmac-sha384-192
        supported_enctypes = aes256-cts-hmac-sha384-192:normal aes256-cts-hmac-sha1-96:normal
    }}
[logging]
    kdc = FILE:{self.folder}/kdc.log
    admin_server = FILE:{self.folder}/kadmin.log
""")
        realms.write()
        self.run("kdb5_util", "-r", name, "create", "-s", "-P", "not-a-secret")
        self.start()

    def environment(self):
        return {**os.environ, "PATH": PATH, "KRB5_KDC_PROFILE": self.profile,
                "KRB5_CONFIG": self.realms.config}

    def run(self, *arguments):
        return harness.command(*arguments, env=self.environment()).stdout

    def admin(self, query):
        """What an administrator types at kadmin."""
        return self.run("kadmin.local", "-r", self.name, "-q", query)

    def principal(self, *names, options="-randkey"):
        for name in names:
            self.admin(f"addprinc {options} {name}@{self.name}")

    def keytab(self, file, *names, make=True):
        """A keytab with the keys of these principals, which are made if need be; its path."""
        path = os.path.join(self.folder, file + ".keytab")
        if make:
            self.principal(*names)
        for name in names:
            self.admin(f"ktadd -k {path} {name}@{self.name}")
        os.chmod(path, 0o600)
        return path

    def keytabs(self, file, names):
        """One keytab with the keys of many principals, made by one program; its path."""
        path = os.path.join(self.folder, file + ".keytab")
        lines = "".join(f"addprinc -randkey {name}@{self.name}\nktadd -k {path} {name}@{self.name}\n" for name in names)
        subprocess.run([shutil.which("kadmin.local", path=PATH), "-r", self.name], input=lines, text=True, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment())
        os.chmod(path, 0o600)
        return path

    def trust(self, other, password="not-a-secret-either"):
        """Who is in `other` is known here: principals of `other` get tickets for services here."""
        for realm in (self, other):
            realm.admin(f"addprinc -pw {password} krbtgt/{self.name}@{other.name}")

    def start(self):
        self.stop()
        self.said = self.log_size()
        with open(os.path.join(self.folder, "kdc.out"), "ab") as log:
            self.process = subprocess.Popen(
                [*self.inside, shutil.which("krb5kdc", path=PATH), "-r", self.name, "-n"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment())
        harness.wait(f"the KDC of {self.name}", self.answers)

    def answers(self):
        if self.process.poll() is not None:
            raise harness.Failure(f"the KDC of {self.name} ended: see {self.folder}/kdc.out")
        return "commencing operation" in self.log(self.said)

    def log_size(self):
        path = os.path.join(self.folder, "kdc.log")
        return os.path.getsize(path) if os.path.exists(path) else 0

    def log(self, begin=0):
        """What the KDC has logged from there on."""
        if self.log_size() <= begin:
            return ""
        with open(os.path.join(self.folder, "kdc.log"), encoding="utf-8", errors="replace") as log:
            log.seek(begin)
            return log.read()

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None
        if self.hole is not None:
            self.hole.close()
            self.hole = None

    def black_hole(self):
        """The KDC's port takes what comes, and says nothing."""
        self.stop()
        self.hole = Hole(self.port)


class Hole:
    """A port that swallows."""

    def __init__(self, port):
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind(("127.0.0.1", port))
        self.tcp.listen(64)
        self.udp = socket.socket(type=socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", port))
        self.held = []
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()

    def _take(self):
        while True:
            try:
                self.held.append(self.tcp.accept()[0])
            except OSError:
                return

    def close(self):
        self.tcp.shutdown(socket.SHUT_RDWR)
        self.tcp.close()
        self.udp.close()
        self.thread.join()
        for one in self.held:
            one.close()


class Realms:
    """Several realms and the krb5.conf that knows them all."""

    def __init__(self, folder):
        needed()
        self.folder = os.path.join(folder, "realms")
        os.makedirs(self.folder, mode=0o700)
        self.config = os.path.join(self.folder, "krb5.conf")
        self.realms = []
        self.domains = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for realm in self.realms:
            realm.stop()

    def add(self, name, **options):
        self.domains.setdefault("." + name.lower(), name)
        realm = Realm.__new__(Realm)
        self.realms.append(realm)
        Realm.__init__(realm, self, name, **options)
        return realm

    def write(self):
        realms = "".join(f"    {r.name} = {{\n        kdc = {r.address}\n    }}\n"
                         for r in self.realms if hasattr(r, "address"))
        domains = "".join(f"    {domain} = {name}\n" for domain, name in self.domains.items())
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(f"""[libdefaults]
    default_realm = {self.realms[0].name}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
    permitted_enctypes = {ENCTYPES}
[realms]
{realms}[domain_realm]
{domains}""")
