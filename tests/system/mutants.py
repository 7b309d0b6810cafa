"""Mutants: a module of this build, made again with one change, which a test then has to notice."""
import glob
import os
import shutil

import harness

PACKAGES = {"store-sqlite": ["sqlite3"], "auth-kerberos": ["krb5-gssapi", "krb5"]}


def build(folder, module, file, old, new):
    """A copy of all modules, this one changed: `old`, which stands in `file` once, is `new`. Its folder."""
    modules = os.path.join(folder, "modules")
    source = os.path.join(folder, module)
    shutil.copytree(harness.MODULES, modules)
    shutil.copytree(os.path.join(harness.SOURCES, "modules", module), source)
    path = os.path.join(source, file)
    with open(path, encoding="utf-8") as text:
        have = text.read()
    if have.count(old) != 1:
        raise harness.Failure(f"{file}: {old!r} stands there {have.count(old)} times: mend this test")
    with open(path, "w", encoding="utf-8") as text:
        text.write(have.replace(old, new))
    flags = harness.command("pkg-config", "--cflags", "--libs", *PACKAGES[module]).stdout.split() \
        if module in PACKAGES else []
    harness.command(os.environ.get("CC", "gcc"), "-std=gnu11", "-O1", "-fPIC", "-fvisibility=hidden", "-shared",
                    "-D_GNU_SOURCE", "-I", os.path.join(harness.SOURCES, "sdk", "include"),
                    "-o", os.path.join(modules, f"{module}.so"), *sorted(glob.glob(f"{source}/*.c")), *flags)
    return modules
