// node compile.mjs IN.zip OUT.zip LEVEL, in the folder of node_modules: the modules of IN.zip as
// bytecode of Pyodide's Python, which starts from it in less than half of the time. The archive is
// not compressed. Level 2 leaves docstrings out; below, sources stay beside for inspect.getsource.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [, , from, to, level] = process.argv;
const folder = pathToFileURL(`${process.cwd()}/node_modules/pyodide/`);
const { loadPyodide } = await import(new URL("pyodide.mjs", folder));
const python = await loadPyodide();
python.FS.writeFile("/in.zip", new Uint8Array(readFileSync(from)));
python.globals.set("level", Number(level));
python.runPython(`
import marshal, warnings
from importlib.util import MAGIC_NUMBER
from zipfile import ZipFile, ZipInfo

UNCHECKED = (1).to_bytes(4, "little")  # by a hash that no import compares
warnings.simplefilter("ignore")  # of escapes in libraries' strings
with ZipFile("/in.zip") as sources, ZipFile("/out.zip", "w") as out:
    for name in sources.namelist():
        text = sources.read(name)
        if name.endswith(".py"):
            code = compile(text, f"/lib/{name}", "exec", dont_inherit=True, optimize=level)
            bytecode = MAGIC_NUMBER + UNCHECKED + bytes(8) + marshal.dumps(code)
            out.writestr(ZipInfo(f"{name}c"), bytecode)
        if level < 2 or not name.endswith(".py"):
            out.writestr(ZipInfo(name), text)
`);
writeFileSync(to, python.FS.readFile("/out.zip"));
