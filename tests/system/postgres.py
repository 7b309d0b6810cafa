"""A PostgreSQL of a test's own: a cluster in a temporary folder, reached by a UNIX socket alone.

    with postgres.Server() as database:
        server = group.server("ms.example", store=database.store())
        database.kill()
        database.start()
        rows = database.query("SELECT origin, body FROM events")

The server says itself when it takes connections (NOTIFY_SOCKET, as it would to systemd). It refuses to
run as root: the test of a root gives the cluster to the user of Debian's package, or to nobody.
"""
import csv
import glob
import io
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import tempfile

import harness


def programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda path: int(path.split("/")[4]))
    if not found:
        raise harness.Failure("there is no PostgreSQL: see conf/packaging/debian-packages")
    return os.path.dirname(found[-1])


def owner():
    """Whom the cluster belongs to, where this process is root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        except KeyError:
            pass
    raise harness.Failure("there is no user but root that PostgreSQL could run as")


class Server:
    """One cluster; a context manager."""

    def __init__(self, folder=None):
        if not os.path.exists(os.path.join(harness.MODULES, "store-postgresql.so")):
            raise harness.Skip("store-postgresql was configured out")
        self.programs = programs()
        self.folder = folder or tempfile.mkdtemp(prefix="yett-pg-", dir="/tmp")
        self.data = os.path.join(self.folder, "data")
        self.owner = owner()
        os.chmod(self.folder, 0o755)
        if self.owner:
            os.chown(self.folder, self.owner["user"], self.owner["group"])
        self.process = None

    def run(self, program, *arguments, **options):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            return subprocess.Popen(
                [os.path.join(self.programs, program), *arguments], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=self.folder, process_group=0, **self.owner, **options)

    def __enter__(self):
        try:
            made = self.run("initdb", "--no-sync", "--auth=trust", "--username=yett", "--encoding=UTF8",
                            "--locale=C.UTF-8", "--pgdata", self.data).wait(60 * harness.SLOWER)
            if made != 0:
                raise harness.Failure(f"initdb: exit code {made}")
            with open(os.path.join(self.data, "postgresql.auto.conf"), "a", encoding="ascii") as conf:
                conf.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\n"
                           "shared_buffers = '32MB'\nmax_wal_size = '128MB'\nwal_init_zero = off\n")
            self.start()
            self.psql("CREATE DATABASE yett", "postgres")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *what):
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
        if what and what[0] is not None:
            with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log:
                print("---- log of PostgreSQL, the end of it\n" + "".join(log.readlines()[-40:]))
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.unlink(path)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Returns once it takes connections."""
        path = os.path.join(self.folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            if os.path.exists(path):
                os.unlink(path)
            notify.bind(path)
            os.chmod(path, 0o666)
            notify.settimeout(60 * harness.SLOWER)
            self.process = self.run("postgres", "-D", self.data, env={**os.environ, "NOTIFY_SOCKET": path})
            while b"READY=1" not in notify.recv(4096):
                pass

    def children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as children:
            return [int(word) for word in children.read().split()]

    def kill(self):
        """All of its processes at once, by SIGKILL; returns once they are gone, with the memory that they share."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED)  # it forks no more
        children = [os.pidfd_open(child) for child in self.children()]
        for child in children:
            signal.pidfd_send_signal(child, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self.process = None
        for child in children:
            select.select([child], [], [])
            os.close(child)

    def store(self, **more):
        """The settings of a node's store."""
        return {"module": "store-postgresql", "connection": f"host={self.folder} user=yett dbname=yett", **more}

    def psql(self, sql, database="yett"):
        return harness.command(os.path.join(self.programs, "psql"), "-h", self.folder, "-U", "yett", "-d", database,
                               "-X", "--csv", "-t", "-q", "-v", "ON_ERROR_STOP=1",
                               "-c", "SET search_path = yett", "-c", sql).stdout

    def query(self, sql):
        """Rows of texts."""
        return [tuple(row) for row in csv.reader(io.StringIO(self.psql(sql)))]
