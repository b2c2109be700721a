"""The kernels of ``kernels.c``, compiled for this processor by the C compiler that is at hand."""

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from concurrent.futures import Future
from importlib import resources
from pathlib import Path
from threading import Thread

from lightning_cifar.files import exclusive, user_cache, write_text_atomically

# What a compiler for this processor wants to be told; some know only one of them.
FOR_THIS_PROCESSOR: tuple[list[str], ...] = (
    ["-march=native", "-mprefer-vector-width=512"],
    ["-march=native"],
    [],
)
FLAGS = (
    *("-O3", "-fPIC", "-shared", "-pthread"),
    *("-fno-fast-math", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"),
)
TYPES = {"float32": "float", "float64": "double"}
PATIENCE = 120  # seconds
BEGUN: dict[str, "Future[Path]"] = {}  # by type, of this process


def ahead(dtype: str) -> None:
    """Begin to compile while libraries are loaded; ``compiled`` waits for what has begun.

    A process that ends before, as by Ctrl-C, does not wait. One that fits more than once compiles
    once, wherever its cache is by then.
    """
    if dtype in BEGUN:
        return
    begun = BEGUN[dtype] = Future()

    def make() -> None:
        try:
            begun.set_result(compiled_anew(dtype))
        except Exception as error:
            begun.set_exception(error)

    Thread(target=make, daemon=True).start()


def compiled(dtype: str) -> Path:
    """The library with the kernels for one type, compiled if it is not there, or damaged.

    dtype: "float32" or "float64".

    Raises:
        OSError: there is no compiler, it fails, or the cache cannot be written.
        RuntimeError: there is no home folder for a cache.
    """
    begun = BEGUN.get(dtype)
    built = None if begun is None else begun.result()
    return built if built is not None and is_whole(built) else compiled_anew(dtype)


def compiled_anew(dtype: str) -> Path:
    """The same, whether or not it has begun."""
    chosen = compiler()
    if shutil.which(chosen[0]) is None:
        raise OSError(f"there is no C compiler {chosen[0]}")
    source = resources.files(__package__).joinpath("kernels.c").read_bytes()
    described = [TYPES[dtype], *chosen, *FLAGS, processor(), version_of(chosen)]
    told = "\n".join(described).encode(errors="surrogateescape")
    name = hashlib.sha256(source + told).hexdigest()[:16]
    folder = user_cache().expanduser() / "kernels"
    built = folder / f"{name}.so"
    if not is_whole(built):
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(folder / "lock"):  # of several processes one compiles
            if not is_whole(built):
                compile_into(built, source, chosen, TYPES[dtype])
    return built


def is_whole(built: Path) -> bool:
    """Whether a library is what was compiled: half of one would end the process."""
    try:
        return built.with_suffix(".sha256").read_bytes() == digest(built).encode()
    except OSError:
        return False


def digest(built: Path) -> str:
    """A checksum of a file."""
    return hashlib.sha256(built.read_bytes()).hexdigest()


def compiler() -> list[str]:
    """The command of the C compiler: $CC, or cc."""
    named = os.environ.get("CC", "")
    try:
        return shlex.split(named) or ["cc"]
    except ValueError as error:
        raise OSError(f"$CC is {named!r}, which is no command") from error


def compile_into(built: Path, source: bytes, chosen: list[str], real: str) -> None:
    """Compile beside the place and move there, so that nobody meets half a library."""
    with tempfile.TemporaryDirectory(dir=built.parent) as scratch:
        code, out = Path(scratch, "kernels.c"), Path(scratch, "kernels.so")
        code.write_bytes(source)
        errors = ""
        for own in FOR_THIS_PROCESSOR:
            command = [*chosen, f"-DREAL={real}", *FLAGS, *own, str(code), "-o", str(out), "-lm"]
            done = finished(command)
            if done.returncode == 0:
                checksum = digest(out)
                out.replace(built)
                write_text_atomically(built.with_suffix(".sha256"), checksum)
                return
            if done.returncode < 0:  # by Ctrl-C: what fewer flags give would be kept for ever
                raise OSError(f"the C compiler {chosen[0]} was ended by signal {-done.returncode}")
            errors = errors or done.stderr.strip() or "it says nothing"
        lines = errors.splitlines()
        first = next((line for line in lines if "error" in line.lower()), lines[0])
        raise OSError(f"the C compiler {chosen[0]} failed: {first.strip()}")


def finished(command: list[str]) -> "subprocess.CompletedProcess[str]":
    """What came of a command; OSError if it takes too long."""
    try:
        return subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"the C compiler {command[0]} took over {PATIENCE} seconds") from error


def version_of(chosen: list[str]) -> str:
    """What a compiler says of itself."""
    return finished([*chosen, "--version"]).stdout.partition("\n")[0]


def processor() -> str:
    """What this processor can do: a folder may be shared by machines of several kinds."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    kinds = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(kinds)}))
