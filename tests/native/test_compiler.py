"""Without a C compiler, or with a bad one, PyTorch's kernels make the steps, and a fit says so."""

import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from commands import fit, record_of, working_in
from kernel_samples import LINE, needs_compiler

from lightning_cifar.__main__ import run
from lightning_cifar.native import compiler, library

pytestmark = needs_compiler
FLOAT = torch.zeros(1)


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A process that has not asked yet, and an empty cache."""
    monkeypatch.setattr(library, "FOUND", {})
    monkeypatch.setattr(compiler, "BEGUN", {})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def script(folder, text):
    """A compiler of our own."""
    path = folder / "own-cc"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_fit_without_compiler_is_made_by_pytorch(fresh, monkeypatch, capsys):
    with working_in(fresh / "runs", monkeypatch) as folder:
        said = fit(capsys, name="with")
        assert LINE not in said
        assert record_of(folder, "with")["versions"]["kernels"] == library.maker() != "PyTorch"
        monkeypatch.setattr(library, "FOUND", {})
        monkeypatch.setattr(compiler, "BEGUN", {})
        monkeypatch.setenv("CC", "no-such-compiler")
        said = fit(capsys, name="without")
        assert said.count(LINE) == 1
        assert "there is no C compiler no-such-compiler" in said
        assert record_of(folder, "without")["versions"]["kernels"] == "PyTorch"
        ours, theirs = (record_of(folder, name)["epochs"] for name in ("with", "without"))
        for mine, other in zip(ours, theirs, strict=True):
            assert mine["val_loss"] == pytest.approx(other["val_loss"], abs=1e-3)


def test_what_a_compiler_says_is_passed_on(fresh, monkeypatch):
    monkeypatch.setenv("CC", script(fresh, "echo 'kernels.c:1: Error: no disk' >&2; exit 1"))
    assert "failed: kernels.c:1: Error: no disk" in str(library.why_none(FLOAT))
    assert library.kernels(FLOAT) is None
    assert library.maker() == "PyTorch"


def test_a_compiler_that_says_nothing(fresh, monkeypatch):
    monkeypatch.setenv("CC", script(fresh, "exit 3"))
    assert "failed: it says nothing" in str(library.why_none(FLOAT))
    monkeypatch.setattr(library, "FOUND", {})
    monkeypatch.setenv("CC", script(fresh, "echo >&2; exit 3"))
    assert "failed: it says nothing" in str(library.why_none(FLOAT))


def test_a_compiler_that_speaks_latin_1(fresh, monkeypatch):
    say = "printf 'error: \\344rger\\n'"
    monkeypatch.setenv("CC", script(fresh, f"{say} >&2; exit 1"))
    assert "failed: error: \N{REPLACEMENT CHARACTER}rger" in str(library.why_none(FLOAT))
    monkeypatch.setattr(library, "FOUND", {})
    monkeypatch.setenv(
        "CC", script(fresh, f'case "$*" in *--version*) {say};; *) exec cc "$@";; esac')
    )
    assert library.why_none(FLOAT) is None
    assert library.maker() == "error: \N{REPLACEMENT CHARACTER}rger"


def test_a_command_that_is_no_text(fresh, monkeypatch):
    monkeypatch.setenv("CC", f"env X={os.fsdecode(bytes([255]))} cc")
    assert library.why_none(FLOAT) is None


def test_a_compiler_that_is_ended_is_not_asked_for_slower_kernels(fresh, monkeypatch):
    """As by Ctrl-C: they would be kept."""
    end = 'case "$*" in *-mprefer*) kill -INT $$;; esac'
    monkeypatch.setenv("CC", script(fresh, f'{end}\nexec cc "$@"'))
    assert "was ended by signal 2" in str(library.why_none(FLOAT))
    assert not list(fresh.rglob("*.so"))


def test_a_process_that_ends_does_not_wait_for_its_compiler(fresh, monkeypatch):
    begun = fresh / "begun"
    monkeypatch.setenv("CC", script(fresh, f"touch {begun}; exec sleep 60"))
    code = f"""
import os, time
from lightning_cifar.native import compiler
compiler.ahead("float32")
while not os.path.exists({str(begun)!r}):
    time.sleep(0.01)
"""
    subprocess.run([sys.executable, "-c", code], timeout=30, check=True)


def test_a_compiler_that_never_ends(fresh, monkeypatch):
    monkeypatch.setattr(compiler, "PATIENCE", 0.2)
    monkeypatch.setenv("CC", script(fresh, "exec sleep 60"))
    assert "took over 0.2 seconds" in str(library.why_none(FLOAT))


def test_a_compiler_that_writes_nothing(fresh, monkeypatch):
    monkeypatch.setenv("CC", script(fresh, "exit 0"))
    assert "kernels.so" in str(library.why_none(FLOAT))


def test_careless_arithmetic_is_noticed(fresh, monkeypatch):
    """With -ffast-math, a network that diverges no longer says so, nor are small numbers kept."""
    monkeypatch.setenv("CC", script(fresh, 'exec cc "$@" -ffast-math'))
    assert "compiled them wrongly" in str(library.why_none(FLOAT))
    assert 5e-324 * 1.0 > 0, "the whole process computes carelessly"
    assert library.keeps_small_numbers()


def test_small_numbers_that_were_not_kept_are_not_kept_afterwards(fresh):
    """What somebody else has set stays."""
    torch.set_flush_denormal(True)
    try:
        library.loaded(compiler.compiled("float32"))
        assert not library.keeps_small_numbers()
    finally:
        torch.set_flush_denormal(False)
    assert library.keeps_small_numbers()


def test_flags_of_the_compiler_are_kept_but_for_careless_ones(fresh, monkeypatch):
    monkeypatch.setenv("CC", "cc -ffast-math")
    assert library.why_none(FLOAT) is None
    monkeypatch.setattr(library, "FOUND", {})
    monkeypatch.setenv("CC", "cc -no-such-flag")
    assert "no-such-flag" in str(library.why_none(FLOAT))


def test_no_command(fresh, monkeypatch):
    monkeypatch.setenv("CC", "cc 'open")
    assert "which is no command" in str(library.why_none(FLOAT))


def test_flags_that_a_compiler_does_not_know_are_left_out(fresh, monkeypatch):
    """As on processors other than those of Intel."""
    refuse = 'case "$*" in *-march*) echo "error: -march" >&2; exit 1;; esac'
    monkeypatch.setenv("CC", script(fresh, f'{refuse}\nexec cc "$@"'))
    assert library.why_none(FLOAT) is None


def test_a_cache_that_cannot_be_written(fresh, monkeypatch):
    (fresh / "cache").write_text("a file")
    assert str(fresh / "cache") in str(library.why_none(FLOAT))


def compiled_now():
    """The library, and what its folder then holds: file -> when it was written."""
    built = compiler.compiled("float32")
    return built, {each: each.stat().st_mtime_ns for each in built.parent.iterdir()}


def test_kernels_are_compiled_once(fresh):
    assert compiled_now() == compiled_now()


def test_several_at_once_are_compiled_once(fresh, monkeypatch):
    """The others wait for the first."""
    count = fresh / "count"
    monkeypatch.setenv("CC", script(fresh, f'echo "$*" >> {count}\nexec cc "$@"'))
    with ThreadPoolExecutor(3) as processes:
        built = set(processes.map(compiler.compiled_anew, ["float32"] * 3))
    compilations = [line for line in count.read_text().splitlines() if "-DREAL" in line]
    assert (len(built), len(compilations)) == (1, 1)


def test_what_has_begun_is_waited_for(fresh, monkeypatch):
    started, going = threading.Event(), threading.Event()

    def slowly(*_):
        started.set()
        assert going.wait(60)
        raise OSError("no disk")

    monkeypatch.setattr(compiler, "compile_into", slowly)
    compiler.ahead("float32")
    assert started.wait(60)
    threading.Timer(0.1, going.set).start()
    assert library.why_none(FLOAT) == "no disk"


def test_a_process_compiles_ahead_once(fresh, monkeypatch):
    """Also one that fits again with another cache."""
    compiler.ahead("float32")
    built = compiler.compiled("float32")
    monkeypatch.setenv("XDG_CACHE_HOME", str(fresh / "another"))
    compiler.ahead("float32")
    assert compiler.compiled("float32") == built
    assert not (fresh / "another").exists()
    built.unlink()
    assert compiler.compiled("float32").is_relative_to(fresh / "another")


def test_a_fit_begins_to_compile_before_it_loads_lightning(fresh, monkeypatch):
    begun = []
    monkeypatch.setattr(compiler, "ahead", begun.append)
    monkeypatch.setitem(sys.modules, "lightning_cifar.cli.command", None)
    with pytest.raises(ImportError):
        run("fit", ["fit", "--config", "elu"])
    assert begun == ["float32"]


def halved(built):
    built.write_bytes(built.read_bytes()[:3000])


def without_checksum(built):
    built.with_suffix(".sha256").unlink()


def with_binary_checksum(built):
    built.with_suffix(".sha256").write_bytes(b"\xff" * 64)


@pytest.mark.parametrize("damage", [halved, without_checksum, with_binary_checksum, Path.unlink])
def test_damaged_kernels_are_compiled_again(fresh, damage):
    """Loading half a library would end the process."""
    built, files = compiled_now()
    damage(built)
    again, now = compiled_now()
    assert (again, now.keys()) == (built, files.keys())
    assert compiler.is_whole(built)
    assert library.loaded(built).run


def test_another_processor_has_kernels_of_its_own(fresh, monkeypatch):
    first = compiler.compiled("float32")
    monkeypatch.setattr(compiler, "processor", lambda: "of the neighbour")
    assert compiler.compiled("float32") != first


@pytest.mark.parametrize("name", ["clang", "gcc"])
def test_other_compilers(fresh, monkeypatch, name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    monkeypatch.setenv("CC", name)
    assert library.why_none(FLOAT) is None
    assert name in library.maker()
