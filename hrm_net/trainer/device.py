"""Where, in which precision and how a run computes: `auto` takes what works, and what is asked for by name must work.

`compile=auto` compiles a trivial kernel to find out whether the compiler works on this machine, and falls back to eager
PyTorch where it does not, then or later in the run.
"""

import functools
import logging
import os
import re
import shutil
import sys
import sysconfig
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import torch

from hrm_net.distributed.group import current
from puzzles.errors import UserError

# PyPI's wheels for Linux come with CUDA; for Windows see pytorch.org/get-started
GRAPHS = "graphs"  # the value of `compile` that asks for CUDA graphs
INSTALL_CUDA = "pip install --force-reinstall 'torch>=2.11,<2.14'"


def resolve_device(name: str) -> torch.device:
    """`auto` takes CUDA, then Apple's MPS, then the CPU; UserError where a device asked for by name is missing.

    Each of several processes on a machine takes a GPU of its own.
    """
    group = current()
    mps = torch.backends.mps.is_available() and group.alone
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        if not torch.backends.cuda.is_built():
            raise UserError(f"device=cuda: this PyTorch has no CUDA; run: {INSTALL_CUDA} (or use device=cpu)")
        raise UserError("device=cuda: no CUDA device found; check it with: nvidia-smi (or use device=cpu)")
    if name == "mps" and not mps:
        raise UserError("device=mps: no Apple GPU found; use device=cpu")
    if name == "cuda" and not group.alone:
        there = torch.cuda.device_count()
        if group.local_rank >= there:
            raise UserError(f"device=cuda: {there} GPUs for more processes; use --nproc-per-node {there}")
        torch.cuda.set_device(group.local_rank)
        return torch.device(name, group.local_rank)
    return torch.device(name)


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype of states and matrix products: `auto` takes bfloat16 where the hardware multiplies it."""
    native = has_native_bf16(device)
    if name == "bf16" and device.type == "mps" and not native:
        raise UserError("precision=bf16: this device has no bfloat16; use precision=fp32")
    return torch.bfloat16 if name == "bf16" or (name == "auto" and native) else torch.float32


def has_native_bf16(device: torch.device) -> bool:
    """Whether bfloat16 matrix products run in hardware (a CPU needs AVX512-BF16 or AMX) instead of being emulated."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def resolve_compile(request: str, device: torch.device) -> bool:
    """Whether to call torch.compile, by `request`: true, false, auto, or graphs.

    Where compiling does not work, `true` raises a UserError of one line that says why and what helps, and so does
    `graphs` without CUDA; `auto` prints that line and returns False. After `auto` has returned True, what
    PyTorch fails to compile later in this process (another shape, a full disk) runs eager, which is said once.
    """
    if request == "false":
        _make_cache_directory()
        return False
    if request == GRAPHS and device.type != "cuda":
        raise UserError(f"compile=graphs: CUDA graphs need an NVIDIA GPU, and device={device.type}; use compile=true")
    obstacle = compile_obstacle(device)
    if request in ("true", GRAPHS) and obstacle is not None:
        raise UserError(f"compile={request}: {obstacle}; or use compile=false")
    if obstacle is not None:
        _make_cache_directory()
        print(f"compile=auto: running eager, about half as fast ({obstacle})")
        return False
    _fall_back_to_eager(request == "auto")
    return True


def compile_obstacle(device: torch.device) -> str | None:
    """Why torch.compile does not work here, with what helps, on one line; None where it works."""
    if device.type == "mps":
        return "torch.compile is not used on MPS"
    if device.type == "cuda" and not find_spec("triton"):
        return "triton is not installed; run: pip install triton"
    if device.type == "cpu" and _cpp_compiler() is None:
        return "no C++ compiler found; install one (Debian, Ubuntu: apt install g++)"
    return _trial(device.type)


def _cpp_compiler() -> str | None:
    """The compiler that PyTorch calls for kernels on a CPU, or None."""
    usual = {"win32": "cl", "darwin": "clang++"}.get(sys.platform, "g++")
    return shutil.which(os.environ.get("CXX") or usual)


@functools.cache
def _trial(device_type: str) -> str | None:
    """What goes wrong in compiling and running a trivial kernel; None where nothing does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _compile_trivial_kernel(device_type)
    except Exception as error:  # whatever a compiler, a file system or a driver makes PyTorch raise
        return explain_compile_error(error)
    return None


def _compile_trivial_kernel(device_type: str) -> None:
    if asked := os.environ.get("TORCHINDUCTOR_CACHE_DIR"):
        # PyTorch makes it in the middle of an import, which a failure would leave half done.
        Path(asked).mkdir(parents=True, exist_ok=True)
    import torch._inductor.config as inductor

    # From the cache it would say nothing about the compiler.
    with inductor.patch({"fx_graph_cache": False}):
        compiled = torch.compile(lambda x: x.sin() + 1, dynamic=False)
        compiled(torch.ones(16, device=device_type))


def explain_compile_error(error: BaseException) -> str:
    """One line that says what kept PyTorch from compiling, and what helps."""
    cause = getattr(error, "inner_exception", None) or error
    if isinstance(cause, OSError) or "No space left on device" in str(cause):
        reason = getattr(cause, "strerror", None) or "No space left on device"
        where = getattr(cause, "filename", None) or os.environ.get("TORCHINDUCTOR_CACHE_DIR", tempfile.gettempdir())
        return f"{where}: {reason}; set TORCHINDUCTOR_CACHE_DIR to a directory that can be written"
    if found := _path_with_a_space():
        path, remedy = found
        return f"PyTorch cannot compile where a path has a space in it, as {path} has; {remedy}"
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(cause))
    _, compiler_failed, output = text.partition("\nOutput:\n")
    if compiler_failed:
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        line = next((line for line in lines if "error" in line), lines[0] if lines else "no reason given")
        remedy = "install a compiler that works (Debian, Ubuntu: apt install g++) or name one in CXX"
        if "Python.h" in line:
            remedy = "install the headers of Python (Debian, Ubuntu: apt install python3-dev)"
        return f"the C++ compiler {_cpp_compiler()} fails: {line[:200]}; {remedy}"
    first = next((line.strip() for line in text.splitlines() if line.strip()), type(cause).__name__)
    return f"torch.compile fails: {first[:200]}"


def _path_with_a_space() -> tuple[str, str] | None:
    """The first path with a space among those that PyTorch hands to the compiler unquoted, and what helps."""
    environment = "make the virtual environment in a folder whose path has none"
    candidates = [
        (tempfile.gettempdir(), "set TMPDIR to a directory whose path has none"),
        (os.environ.get("TORCHINDUCTOR_CACHE_DIR", ""), "set TORCHINDUCTOR_CACHE_DIR to a path without one"),
        (str(Path(torch.__file__).parent), environment),
        (sysconfig.get_path("include"), environment),
        (os.environ.get("CXX", ""), "name a compiler in CXX whose path has none"),
    ]
    return next(((path, remedy) for path, remedy in candidates if re.search(r"\s", path)), None)


def _make_cache_directory() -> None:
    """See to it that PyTorch can make its cache directory, without which its optimizers cannot even be imported."""
    asked = os.environ.get("TORCHINDUCTOR_CACHE_DIR")
    if asked is None:
        return
    try:
        Path(asked).mkdir(parents=True, exist_ok=True)
    except OSError:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp(prefix="torchinductor_")


class _OneLine(logging.Filter):
    """In place of PyTorch's page of traceback for each function that it runs eager, one line for the first."""

    def __init__(self) -> None:
        super().__init__()
        self.said = False

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if record.levelno != logging.WARNING or error is None:
            return True
        if not self.said:
            self.said = True
            print(f"compile=auto: going on eager, about half as fast ({explain_compile_error(error)})")
        return False


def _fall_back_to_eager(wanted: bool) -> None:
    """Whether functions that PyTorch fails to compile from here on run eager, or raise."""
    import torch._dynamo
    import torch._functorch.config as functorch

    torch._dynamo.config.suppress_errors = wanted
    # Compiled when it first runs, a backward pass would fail where nothing can be done about it any more.
    functorch.force_non_lazy_backward_lowering = wanted  # pyright: ignore[reportAttributeAccessIssue]
    logger = logging.getLogger("torch._dynamo.convert_frame")
    for each in [each for each in logger.filters if isinstance(each, _OneLine)]:
        logger.removeFilter(each)
    if wanted:
        logger.addFilter(_OneLine())
