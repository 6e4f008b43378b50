# Usage: LIST START STEP. Compiles every STEPth module of a list, beginning with number
# START. LIST is a file with paths separated by NUL, relative to the working directory. A
# module is skipped if its byte code fits this Python and this file.
import importlib.util as util, os, py_compile, struct, sys

with open(sys.argv[1], encoding="utf-8", errors="surrogateescape", newline="") as f:
    modules = f.read().split("\0")
for module in filter(None, modules[int(sys.argv[2])::int(sys.argv[3])]):
    info = os.stat(module)
    want = struct.pack("<4sLLL", util.MAGIC_NUMBER, 0, int(info.st_mtime) & 0xFFFFFFFF, info.st_size & 0xFFFFFFFF)
    try:
        with open(util.cache_from_source(module), "rb") as f:
            if f.read(16) == want:
                continue
    except OSError:
        pass
    try:
        py_compile.compile(module, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    except OSError as e:
        sys.exit(f"error: {module}: {e}")
