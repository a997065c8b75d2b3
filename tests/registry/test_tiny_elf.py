"""Programs that we assemble ourselves."""

import contextlib
import subprocess
import sys
from shutil import which

import pytest
from elftools.elf.elffile import ELFFile

from minicontainer.registry.machine_code import MACHINES
from minicontainer.registry.tiny_programs import hello_program, web_program
from minicontainer.step03_image.manifest import host_platform, identity, parse_platform

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="not on Linux")
EMULATORS = {
    "amd64": "qemu-x86_64",
    "arm64": "qemu-aarch64",
    "arm/v7": "qemu-arm",
    "riscv64": "qemu-riscv64",
    "386": "qemu-i386",
}


def programs():
    for machine in MACHINES:
        yield pytest.param(machine, hello_program(machine), id=f"hello {machine.name}")
        if machine.saved:
            yield pytest.param(machine, web_program(machine), id=f"web {machine.name}")


@pytest.mark.parametrize(("machine", "program"), list(programs()))
def test_it_is_an_elf_file_for_its_machine(machine, program, tmp_path):
    (tmp_path / "program").write_bytes(program)
    with (tmp_path / "program").open("rb") as stream:
        elf = ELFFile(stream)
        assert elf.header.e_type == "ET_EXEC"
        assert elf.elfclass == machine.bits
        (segment,) = elf.iter_segments()
        assert segment.header.p_type == "PT_LOAD"
        assert segment.header.p_filesz == len(program)
        start, size = segment.header.p_vaddr, segment.header.p_filesz
        assert start <= elf.header.e_entry < start + size
    assert len(program) < 1100


def run(program, machine):
    """Run it on this kernel if that can, else by qemu, else skip the test."""
    emulator = EMULATORS[machine.name]
    ways = [[], *([found] for name in (emulator, f"{emulator}-static") if (found := which(name)))]
    for way in ways:
        with contextlib.suppress(OSError):  # ENOEXEC
            return subprocess.run(
                [*way, program], capture_output=True, text=True, timeout=60, check=False
            )
    pytest.skip(f"not installed: {emulator}")


@ON_LINUX
@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_hello_says_hello(machine, tmp_path):
    program = tmp_path / "hello"
    program.write_bytes(hello_program(machine))
    program.chmod(0o755)
    done = run(program, machine)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Hello from a container!" in done.stdout
    assert f"linux/{machine.name}" in done.stdout
    assert str(program.stat().st_size) in done.stdout


@ON_LINUX
def test_web_serves_its_page_and_ends_when_told(tmp_path):
    """In namespaces of its own: a network where its port is free, a root that has its page."""
    machine = next(one for one in MACHINES if one.saved and is_this_machine(one))
    root = tmp_path / "root"
    (root / "srv").mkdir(parents=True)
    (root / "srv/index.html").write_text("<p>the page\n")
    (root / "web").write_bytes(web_program(machine))
    (root / "web").chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", WEB_STORY, root], capture_output=True, text=True, timeout=60
    )
    if done.returncode == 77:
        pytest.skip(f"this machine forbids namespaces: {done.stdout.strip()}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "200 <p>the page" in done.stdout
    assert "second 1" in done.stdout, "a taken port is an error"
    assert "ended 0" in done.stdout, "SIGTERM ends it"


def is_this_machine(machine):
    return identity(parse_platform(f"linux/{machine.name}")) == identity(host_platform())


WEB_STORY = """
import fcntl, http.client, os, signal, socket, struct, subprocess, sys, time
from minicontainer import linux
try:
    linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWNET if os.geteuid() else linux.CLONE_NEWNET)
except OSError as problem:
    print(problem)
    sys.exit(77)
with socket.socket() as any_socket:  # SIOCSIFFLAGS: bring lo up
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))

def start():
    return subprocess.Popen(["/web"], preexec_fn=lambda: os.chroot(sys.argv[1]),
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

web = start()
while web.poll() is None:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=60)
        connection.request("GET", "/")
        break
    except ConnectionRefusedError:
        time.sleep(0.02)
answer = connection.getresponse()
print(answer.status, answer.read().decode())
print("second", start().wait(60))
web.send_signal(signal.SIGTERM)
print("ended", web.wait(60))
"""
