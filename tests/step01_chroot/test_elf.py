"""libraries_of: the loader and the libraries, found as the loader finds them."""

import os
import re
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minicontainer.lib import ldso as search
from minicontainer.lib.elf import ElfError, read_elf
from minicontainer.step01_chroot.elf import libraries_of
from tests.programs import needs
from tests.step01_chroot.elf_maker import AARCH64, I386, S390, elf_bytes, make_elf
from tests.waiting import costs_less_than

PROGRAMS = ["sh", "ls", "cat", "bash", "tar", "grep", "ssh", "git", "curl", "perl", "gpg", "tmux"]


@needs("ldd")
@pytest.mark.parametrize("name", [name for name in PROGRAMS if shutil.which(name)])
def test_the_same_files_as_ldd(name):
    program = os.path.realpath(shutil.which(name))
    told = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=60)
    if "not a dynamic executable" in told.stderr:
        expected = set()
    else:
        paths = re.findall(r"^\s+(?:\S+ => )?(/\S+) \(0x", told.stdout, re.MULTILINE)
        expected = set(map(os.path.realpath, paths))
    assert set(map(os.path.realpath, libraries_of(program))) == expected


def test_the_loader_comes_first_and_every_file_is_there():
    program = os.path.realpath("/bin/sh")
    libraries = libraries_of(program)
    if not libraries:
        pytest.skip("/bin/sh of this machine is static")
    assert libraries[0] == read_elf(program).interpreter
    assert all(os.path.isabs(path) and os.path.isfile(path) for path in libraries)
    assert len(set(libraries)) == len(libraries)


def test_a_static_program_needs_nothing(tmp_path):
    assert libraries_of(make_elf(tmp_path / "static")) == []


def test_a_library_may_be_asked_for_too(tmp_path):
    needed = make_elf(tmp_path / "b.so")
    library = make_elf(tmp_path / "a.so", needed=["b.so"], runpath="$ORIGIN")
    assert libraries_of(library) == [needed]


def test_breadth_first_each_once_and_round_in_a_circle(tmp_path):
    loader = make_elf(tmp_path / "ld.so.9")
    program = make_elf(
        tmp_path / "program", loader, ["a.so", "b.so", "ld.so.9"], runpath=str(tmp_path)
    )
    a = make_elf(tmp_path / "a.so", needed=["c.so", "b.so"], runpath="$ORIGIN")
    b = make_elf(tmp_path / "b.so", needed=["a.so", "ld.so.9"], runpath="${ORIGIN}")
    c = make_elf(tmp_path / "c.so")
    assert libraries_of(program) == [loader, a, b, c]


def test_origin_of_the_program_is_where_its_links_lead(tmp_path):
    library = make_elf(tmp_path / "real" / "a.so")
    program = make_elf(tmp_path / "real" / "program", needed=["a.so"], runpath="$ORIGIN")
    (tmp_path / "link").symlink_to(program)
    assert libraries_of(str(tmp_path / "link")) == [library]


def test_rpath_is_inherited(tmp_path):
    program = make_elf(tmp_path / "program", needed=["a.so"], rpath=str(tmp_path / "lib"))
    a = make_elf(tmp_path / "lib" / "a.so", needed=["b.so"])
    b = make_elf(tmp_path / "lib" / "b.so")
    assert libraries_of(program) == [a, b]


def test_runpath_is_not_inherited(tmp_path):
    program = make_elf(tmp_path / "program", needed=["a.so"], runpath=str(tmp_path / "lib"))
    make_elf(tmp_path / "lib" / "a.so", needed=["b-9.so"])
    make_elf(tmp_path / "lib" / "b-9.so")
    with pytest.raises(ElfError, match=r"a\.so: needs b-9\.so"):
        libraries_of(program)


def test_runpath_makes_rpath_void(tmp_path):
    make_elf(tmp_path / "r" / "a.so")
    right = make_elf(tmp_path / "run" / "a.so")
    program = make_elf(
        tmp_path / "program",
        needed=["a.so"],
        rpath=str(tmp_path / "r"),
        runpath=str(tmp_path / "run"),
    )
    assert libraries_of(program) == [right]


def test_who_has_a_runpath_inherits_no_rpath(tmp_path):
    program = make_elf(tmp_path / "program", needed=["a.so"], rpath=str(tmp_path / "lib"))
    make_elf(tmp_path / "lib" / "a.so", needed=["b-9.so"], runpath="/nowhere")
    make_elf(tmp_path / "lib" / "b-9.so")
    with pytest.raises(ElfError, match=r"a\.so: needs b-9\.so"):
        libraries_of(program)


def test_a_void_rpath_is_not_inherited(tmp_path):
    paths = {"rpath": str(tmp_path / "r"), "runpath": str(tmp_path / "run")}
    program = make_elf(tmp_path / "program", needed=["a.so"], **paths)
    make_elf(tmp_path / "run" / "a.so", needed=["b-9.so"])
    make_elf(tmp_path / "r" / "b-9.so")
    with pytest.raises(ElfError, match=r"a\.so: needs b-9\.so"):
        libraries_of(program)


def test_in_musl_runpath_is_inherited_and_libc_is_the_loader(tmp_path):
    loader = make_elf(tmp_path / "ld-musl-x86_64.so.1")
    program = make_elf(
        tmp_path / "program", loader, ["a.so", "libc.so"], runpath=str(tmp_path / "lib")
    )
    a = make_elf(tmp_path / "lib" / "a.so", needed=["b.so", "libc.musl-x86_64.so.1"])
    b = make_elf(tmp_path / "lib" / "b.so", needed=["libpthread.so.0"])
    assert libraries_of(program) == [loader, a, b]


@pytest.mark.parametrize(
    "kind",
    [{"machine": AARCH64}, {"machine": I386, "bits": 32}, {"machine": S390, "little": False}],
)
def test_files_for_another_machine_are_passed_over(tmp_path, kind):
    make_elf(tmp_path / "1" / "a.so")
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "a.so").write_text("no library at all")
    os.mkfifo(tmp_path / "2" / "b.so")
    right = make_elf(tmp_path / "3" / "a.so", **kind)
    path = ":".join(str(tmp_path / name) for name in ("missing", "1", "2", "3"))
    program = make_elf(tmp_path / "program", needed=["a.so"], runpath=path, **kind)
    assert libraries_of(program) == [right]


def test_a_name_with_a_slash_is_a_path(tmp_path):
    library = make_elf(tmp_path / "odd" / "a.so")
    assert libraries_of(make_elf(tmp_path / "program", needed=[library])) == [library]


def test_a_missing_loader_is_named(tmp_path):
    program = make_elf(tmp_path / "program", "/lib/ld-nowhere.so.1", machine=AARCH64)
    with pytest.raises(ElfError, match=r"needs /lib/ld-nowhere\.so\.1.*EM_AARCH64"):
        libraries_of(program)


@needs("musl-gcc")
def test_a_real_musl_program(tmp_path):
    (tmp_path / "p.c").write_text("int main(void) { return 0; }\n")
    command = ["musl-gcc", "-o", tmp_path / "p", tmp_path / "p.c"]
    subprocess.run(command, check=True, timeout=60)
    [loader] = libraries_of(str(tmp_path / "p"))
    assert os.path.basename(loader).startswith("ld-musl-")


# What is no program


def test_a_script_is_named_as_such(tmp_path):
    (tmp_path / "script").write_text("#!/bin/sh\n")
    with pytest.raises(ElfError, match="is a script"):
        libraries_of(str(tmp_path / "script"))


@pytest.mark.parametrize("content", [b"", b"\x7fEL", b"hello\n", b"#", b"MZ\0\0"])
def test_no_elf_file(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ElfError, match="is not an ELF program"):
        libraries_of(str(tmp_path / "file"))


def test_no_file_at_all(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for name, why in {"": "is not a file", "nothing": "No such file", "fifo": "not a file"}.items():
        with pytest.raises(ElfError, match=f"{why}|Is a directory"):
            libraries_of(f"{tmp_path}/{name}")
    with pytest.raises(ElfError, match="no file can have"):
        libraries_of("/bin/\0sh")


@pytest.mark.parametrize("length", range(4, 400, 7))
def test_cut_off_anywhere(tmp_path, length):
    whole = elf_bytes("/lib/ld-nowhere.so.1", ["a.so"], runpath="/nowhere")
    (tmp_path / "cut").write_bytes(whole[:length])
    with pytest.raises(ElfError):
        libraries_of(str(tmp_path / "cut"))


@st.composite
def mutated(draw):
    content = bytearray(draw(st.sampled_from(_WHOLE)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(content) - 1))
        content[at] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    return bytes(content)


_WHOLE = [
    elf_bytes("/lib/ld-nowhere.so.1", ["a.so", "b.so"], rpath="$ORIGIN:/x", runpath="$LIB:/y"),
    elf_bytes("", ["a.so"], machine=I386, bits=32),
    elf_bytes("", [], machine=S390, little=False),
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=mutated())
def test_hostile_bytes_give_our_error_and_in_time(content, tmp_path_factory):
    file = tmp_path_factory.getbasetemp() / "hostile"
    file.write_bytes(content)
    with costs_less_than(2):
        try:
            libraries_of(str(file))
        except ElfError as problem:
            assert str(file) in str(problem)


def test_a_file_that_claims_endless_tables_takes_no_time(tmp_path):
    content = bytearray(elf_bytes("", ["a.so"], runpath="/x"))
    content[54:58] = b"\0\0\xff\xff"  # e_phentsize 0, e_phnum 65535
    (tmp_path / "endless").write_bytes(bytes(content) + bytes(1 << 20))
    with costs_less_than(2), pytest.raises(ElfError):
        libraries_of(str(tmp_path / "endless"))


# Where the loader looks


def test_ld_so_conf_with_comments_and_includes(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "ld.so.conf").write_text(
        "# first\n/one\ninclude conf.d/*.conf nothing/*\n\nhwcap 1 x\n/last/ # why\n"
        "include ld.so.conf\n"
    )
    (tmp_path / "conf.d" / "b.conf").write_text("/three=libc6\nrelative\n")
    (tmp_path / "conf.d" / "a.conf").write_text(f"/two\ninclude {tmp_path}/ld.so.conf\n")
    (tmp_path / "conf.d" / "other").write_text("/never\n")
    found = search.configured_directories(str(tmp_path / "ld.so.conf"))
    assert found == ["/one", "/two", "/three", "/last"]
    assert search.configured_directories(str(tmp_path / "missing")) == []


def test_tokens_are_filled_in_and_relative_directories_left_out(tmp_path):
    elf = read_elf(
        make_elf(tmp_path / "p", runpath="$ORIGIN/../x:rel::/p/${PLATFORM}:/q/$LIB:/$OTHER")
    )
    libs = ["/q/lib/x86_64-linux-gnu", "/q/lib64", "/q/lib"]
    assert search.expand(elf.runpath, elf) == [f"{tmp_path}/../x", "/p/x86_64", *libs, "/$OTHER"]
