"""An Active Directory domain for system tests: Samba's controller in a network namespace.

    with scenario.Scenario("s1") as s:
        here = domain.Domain(s, "BRANCH.EXAMPLE.COM", "site")
        here.typed("samba-tool computer create AGENT1", folder)
        here.typed("kinit Administrator", folder, here.password)

It is a realm like those of realm.py to whoever asks for tickets."""
import os
import shutil
import subprocess

import harness

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Domain:
    def __init__(self, scenario, name, side):
        for program in ("samba", "samba-tool", "adcli"):
            if shutil.which(program, path=PATH) is None:
                raise harness.Skip(f"{program} is missing: apt-get install samba-ad-dc samba-ad-provision "
                                   "samba-dsdb-modules python3-markdown adcli libsasl2-modules-gssapi-mit")
        if scenario.network is None:
            raise harness.Skip(f"the controller needs a namespace of its own: {scenario.without}")
        self.name = name
        self.password = "Passw0rd.x9"
        self.realms = scenario.realms
        self.host = scenario.host("dc1", side)
        self.admin = scenario.host("admin", side)
        self.address = f"{self.host.address}:88"
        self.folder = os.path.join(scenario.realms.folder, name)
        self.config = os.path.join(self.folder, "etc", "smb.conf")
        self.process = None
        os.makedirs(self.folder, mode=0o755)
        self.host.run("samba-tool", "domain", "provision", f"--realm={name}", f"--domain={name.split('.')[0]}",
                      "--server-role=dc", "--dns-backend=NONE", f"--adminpass={self.password}", f"--targetdir={self.folder}",
                      "--host-name=dc1", f"--host-ip={self.host.address}", "--option=interfaces=eth0 lo",
                      "--option=bind interfaces only=yes", "--option=kdc default domain supported enctypes=aes256-cts-hmac-sha1-96",
                      "--option=server services=ldap kdc cldap drepl",
                      f"--option=pid directory={self.folder}", f"--option=ncalrpc dir={self.folder}/ncalrpc",
                      f"--option=lock directory={self.folder}/lock", env=self.environment())
        scenario.realms.realms.append(self)
        scenario.realms.domains.setdefault("." + name.lower(), name)
        scenario.realms.write()
        with open(os.path.join(self.folder, "out"), "ab") as log:
            self.process = subprocess.Popen(
                [*self.host.inside, "samba", "--interactive", "--no-process-group", "--model=single",
                 f"--configfile={self.config}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment())
        harness.wait("the domain controller", self.answers)
        # What a controller that has a DNS does by itself.
        self.dc = f"dc1.{name.lower()}"
        self.typed(f"samba-tool spn add ldap/{self.dc} 'DC1$'", self.folder)
        self.hosts = os.path.join(self.folder, "hosts")
        with open(self.hosts, "w", encoding="utf-8") as out:
            out.write(f"127.0.0.1 localhost\n{self.host.address} {self.dc}\n")

    def environment(self):
        return {**os.environ, "PATH": PATH}

    def answers(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.folder, "out"), encoding="utf-8", errors="replace") as log:
                raise harness.Failure(f"the domain controller ended:\n{log.read()[-3000:]}")
        return self.host.connects(self.host, 88)

    def typed(self, line, folder, answer=None):
        """What an administrator types in a folder: on the controller, or, what goes over the network, on
        another computer. `answer`: to what it asks."""
        path = f"{os.path.dirname(harness.YETTCTL)}:{PATH}"
        environment = {**os.environ, "PATH": path, "KRB5_CONFIG": self.realms.config, "KRB5CCNAME": os.path.join(self.folder, "admin.cc")}
        inside = self.host.inside
        if line.startswith("samba-tool"):
            line += f" --configfile={self.config}"
        else:
            if line.startswith("adcli"):
                line += f" --domain-controller={self.dc}"
            if answer is not None:
                with open(os.path.join(self.folder, "answer"), "w", encoding="utf-8") as out:
                    out.write(answer + "\n")
                line += f" <{self.folder}/answer"
            inside = [*self.admin.inside, "unshare", "--mount", "bash", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', self.hosts]
        return harness.command(*inside, "bash", "-c", line, env=environment, cwd=folder).stdout

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None
