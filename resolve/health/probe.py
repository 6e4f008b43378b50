# Run by modelrun as: python -I -B -X utf8 -c <this file> <request as JSON>
# It imports what a model needs and reports what it found, in lines of JSON on its
# standard output. It keeps to the syntax of Python 3.6, because it also checks old
# environments.
import json
import os
import sys

REQUEST = json.loads(sys.argv[1])
NONCE = REQUEST["nonce"]
ME = os.getpid()

# Libraries print banners, and some close or replace streams. The report goes to a
# private copy of stdout; what libraries print to stdout goes to stderr.
OUT = os.dup(1)
os.dup2(2, 1)

OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "paging file", "not enough memory", "memoryerror", "alloc_failed")
BUSY = ("resource temporarily unavailable", "can't start new thread", "too many open files", "stale file handle", "connection timed out")
BUSY_GPU = (
    "busy or unavailable", "devices are busy", "device is busy", "device busy", "exclusive", "in use by another",
    "system not yet initialized", "driver/library version mismatch", "unknown error",
)


def say(word, value):
    if os.getpid() == ME:  # the child of a module that forks must not answer as well
        data = ("\n%s %s %s\n" % (NONCE, word, json.dumps(value))).encode("utf-8")
        while data:
            data = data[os.write(OUT, data):]


def text_of(err):
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    text = " ".join(lines[:3])
    return (type(err).__name__ + (": " + text if text else ""))[:500]


def kind_of(err, otherwise):
    """oom and busy may be gone a moment later; every other error is a fault of the env."""
    text = text_of(err).lower()
    if "static tls" in text:  # "cannot allocate memory in static TLS block" is about load order, and permanent
        return otherwise
    if isinstance(err, MemoryError) or any(sign in text for sign in OUT_OF_MEMORY):
        return "oom"
    if any(sign in text for sign in BUSY):
        return "busy"
    if otherwise in ("no-cuda", "arch") and any(sign in text for sign in BUSY_GPU):
        return "busy"
    return otherwise


def fail(code, text):
    say("fail", {"code": code, "text": text})
    os._exit(0)


def attempt(what, call, code, words):
    say("step", what)
    try:
        return call()
    except BaseException as err:  # SystemExit and KeyboardInterrupt must not end the check
        if os.getpid() != ME:
            os._exit(1)
        fail(kind_of(err, code), words + ": " + text_of(err))


def load(name):
    import importlib
    return importlib.import_module(name)


def attempt_import(name):
    return attempt("import of " + name, lambda: load(name), "import", "cannot import " + name)


# Importing is not enough: some libraries import although they are useless. Each function below uses one of
# them as a program would, on the CPU, and fails with a sentence of its own.

def accepts_torch(library):
    """It imports beside any torch, ignores a torch that it does not accept, and loads its models on first use."""
    torch = attempt_import("torch")
    sees = attempt(library + ".utils", lambda: load(library + ".utils").is_torch_available(), "import", "cannot use " + library + ".utils")
    if not sees:
        fail("import", "%s does not accept the installed torch %s" % (library, torch.__version__))


def use_transformers(transformers):
    if "torch" not in REQUEST["imports"]:
        return
    accepts_torch("transformers")
    attempt_import("transformers.modeling_utils")


def use_diffusers(diffusers):
    accepts_torch("diffusers")
    attempt("import of diffusers.DiffusionPipeline", lambda: diffusers.DiffusionPipeline, "import", "cannot import diffusers.DiffusionPipeline")


def use_bitsandbytes(bitsandbytes):
    """Without its native library it imports with a stand-in, which raises when it is called. A CPU needs none."""
    lib = getattr(attempt_import("bitsandbytes.cextension"), "lib", None)
    why = getattr(lib, "__dict__", {}).get("error_msg")
    torch = sys.modules.get("torch")
    if why and torch is not None and torch.cuda.is_available():
        fail("import", "bitsandbytes cannot load its native library: " + " ".join(why.split())[:300])


def use_llama_cpp(llama_cpp):
    attempt("a call of llama.cpp", lambda: llama_cpp.llama_print_system_info(), "import", "llama_cpp cannot call its native library")


# A model that returns its input, in ONNX: IR version 3, opset 7, which every onnxruntime since 1.0 reads.
IDENTITY = (b"\x08\x03:7\n\x10\n\x01x\x12\x01y\"\x08Identity\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01"
            b"b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x02\x10\x07")


def use_onnxruntime(onnxruntime):
    if not attempt("onnxruntime.get_available_providers", lambda: onnxruntime.get_available_providers(), "import", "cannot use onnxruntime"):
        fail("import", "onnxruntime has no execution provider")
    attempt("a session of onnxruntime", lambda: onnxruntime.InferenceSession(IDENTITY, providers=["CPUExecutionProvider"]),
            "import", "onnxruntime cannot load a model")


def use_vllm(vllm):
    attempt("import of vllm.LLM", lambda: vllm.LLM, "import", "cannot import vllm.LLM")  # the package loads it on first use


def use_ctranslate2(ctranslate2):
    """It loads cuBLAS by its name when a model is loaded, and then ends with an error if there is none."""
    attempt("a call of ctranslate2", lambda: ctranslate2.get_supported_compute_types("cpu"), "import", "ctranslate2 cannot call its native library")
    if REQUEST["gpu"] and REQUEST["accel"].startswith("cu"):
        if not attempt("ctranslate2 and the GPU", lambda: ctranslate2.get_cuda_device_count(), "no-cuda", "ctranslate2 sees no GPU"):
            fail("no-cuda", "ctranslate2 sees no GPU")


def use_openvino(openvino):
    if not attempt("the devices of openvino", lambda: openvino.Core().available_devices, "import", "cannot use openvino"):
        fail("import", "openvino has no device")


def use_mlx(core):
    attempt("a computation of mlx", lambda: (core.ones(8) * 2).sum().item(), "import", "mlx cannot compute")


USES = {
    "transformers": use_transformers, "bitsandbytes": use_bitsandbytes, "llama_cpp": use_llama_cpp,
    "onnxruntime": use_onnxruntime, "vllm": use_vllm, "diffusers": use_diffusers, "ctranslate2": use_ctranslate2,
    "openvino": use_openvino, "mlx.core": use_mlx,
}


def import_all():
    for name in REQUEST["imports"]:
        module = attempt_import(name)
        if name in USES and (name == "transformers" or not REQUEST["old"]):
            USES[name](module)


def torch_facts(torch):
    version = getattr(torch, "version", None)
    return {
        "version": str(getattr(torch, "__version__", "")),
        "cuda": getattr(version, "cuda", None) or "",
        "hip": getattr(version, "hip", None) or "",
    }


def cuda_facts(torch, facts):
    facts["available"] = bool(attempt("torch.cuda.is_available", torch.cuda.is_available, "no-cuda", "torch sees no GPU"))
    if not facts["available"]:
        try:
            torch.cuda.init()  # raises with the driver's message
        except BaseException as err:
            facts["why"], facts["why_kind"] = text_of(err), kind_of(err, "no-cuda")
        return
    facts["archs"] = list(attempt("torch.cuda.get_arch_list", torch.cuda.get_arch_list, "no-cuda", "torch cannot list its targets"))
    facts["devices"] = attempt("the GPUs' properties", lambda: devices(torch), "no-cuda", "torch cannot read the GPUs")


def devices(torch):
    out = []
    for i in range(torch.cuda.device_count()):
        p = torch.cuda.get_device_properties(i)
        out.append({"name": p.name, "cc": "%d.%d" % (p.major, p.minor), "gcn": getattr(p, "gcnArchName", "").split(":")[0]})
    return out


def compute(torch, device):
    def kernel():
        got = (torch.ones(8, device=device) * 2).sum().item()
        if got != 16:
            raise ArithmeticError("8 times 2 gave %r" % got)
    say("step", "a computation on the GPU")
    try:
        kernel()
    except BaseException as err:
        text = text_of(err)
        code = "arch" if "no kernel image" in text.lower() or "invalid device function" in text.lower() else "no-cuda"
        fail(kind_of(err, code), "torch cannot compute on the GPU: " + text)


def gpu(torch, facts):
    accel = REQUEST["accel"]
    if accel == "mps":
        facts["available"] = bool(torch.backends.mps.is_available())
    elif accel == "xpu":
        facts["available"] = bool(hasattr(torch, "xpu") and torch.xpu.is_available())
    else:
        cuda_facts(torch, facts)
    say("torch", facts)
    if facts["available"]:
        compute(torch, accel if accel in ("mps", "xpu") else "cuda")


def other_runtimes():
    """Notes on libraries that run on the CPU although a GPU is wanted. That is no error."""
    notes = []
    ort = sys.modules.get("onnxruntime")
    if ort is not None and set(ort.get_available_providers()) <= {"CPUExecutionProvider", "AzureExecutionProvider"}:
        notes.append("onnxruntime is built without a GPU: models run on the CPU")
    llama = sys.modules.get("llama_cpp")
    if llama is not None and not llama.llama_supports_gpu_offload():
        notes.append("llama_cpp is built without a GPU: models run on the CPU")
    return notes


def main():
    try:
        import faulthandler
        faulthandler.enable(OUT)
    except Exception:
        pass
    say("python", {"version": "%d.%d.%d" % sys.version_info[:3], "prefix": sys.prefix})
    import_all()
    notes = []
    torch = sys.modules.get("torch") if "torch" in REQUEST["imports"] else None
    if torch is not None:
        facts = torch_facts(torch)
        say("torch", facts)
        if REQUEST["gpu"]:
            attempt("torch and the GPU", lambda: gpu(torch, facts), "no-cuda", "torch cannot use the GPU")
    if REQUEST["gpu"]:
        notes = attempt("the GPU in other runtimes", other_runtimes, "import", "cannot ask for GPU support")
    say("done", notes)


main()
# The answer is complete: run no atexit handlers and wait for no threads.
os._exit(0)
