"""An Active Directory domain for system tests: Samba's controller in a network namespace.

    with scenario.Scenario("s1") as s:
        here = domain.Domain(s, "BRANCH.EXAMPLE.COM", "site")
        here.typed("samba-tool computer create AGENT1", folder)

It is a realm like those of realm.py to whoever asks for tickets."""
import os
import shutil
import subprocess

import harness


class Domain:
    def __init__(self, scenario, name, side):
        for program in ("samba", "samba-tool"):
            if shutil.which(program) is None:
                raise harness.Skip(f"{program} is missing: apt-get install samba-ad-dc samba-ad-provision "
                                   "samba-dsdb-modules python3-markdown")
        if scenario.network is None:
            raise harness.Skip(f"the controller needs a namespace of its own: {scenario.without}")
        self.name = name
        self.host = scenario.host("dc1", side)
        self.address = f"{self.host.address}:88"
        self.folder = os.path.join(scenario.realms.folder, name)
        self.config = os.path.join(self.folder, "etc", "smb.conf")
        self.process = None
        os.makedirs(self.folder, mode=0o755)
        self.host.run("samba-tool", "domain", "provision", f"--realm={name}", f"--domain={name.split('.')[0]}",
                      "--server-role=dc", "--dns-backend=NONE", "--adminpass=Passw0rd.x9", f"--targetdir={self.folder}",
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

    def environment(self):
        return {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

    def answers(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.folder, "out"), encoding="utf-8", errors="replace") as log:
                raise harness.Failure(f"the domain controller ended:\n{log.read()[-3000:]}")
        return self.host.connects(self.host, 88)

    def typed(self, line, folder):
        """What an administrator types on the controller, in a folder."""
        if line.startswith("samba-tool"):
            line += f" --configfile={self.config}"
        path = f"{os.path.dirname(harness.YETTCTL)}:{self.environment()['PATH']}"
        return self.host.run("bash", "-c", line, env={**os.environ, "PATH": path}, cwd=folder)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None
