# LIST START STEP: byte code for each STEPth module that a file lists, parted by NUL
# and relative to where we are, unless it is there: of this Python and this very file.
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
