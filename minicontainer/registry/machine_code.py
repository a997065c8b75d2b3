"""How do five kinds of processors say the same few things?

Our programs need six instructions only: put a number into a register, copy a
register, ask the kernel (trap), jump, jump if the kernel's answer is negative.
In: register numbers and numbers. Out: machine code. The processors' manuals
have the encodings; syscall(2), "Architecture calling conventions", the registers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple


def words(*instructions: int) -> bytes:
    """Instructions of 32 bits each, little-endian."""
    return struct.pack(f"<{len(instructions)}I", *instructions)


class Machine(NamedTuple):
    """One architecture: its ELF numbers, its registers for system calls, its encodings."""

    name: str  # as platforms spell it in an index: architecture, or architecture/variant
    elf_machine: int
    bits: int
    flags: int
    number: int  # the register that takes the system call's number
    result: int  # the register that its result comes back in
    arguments: tuple[int, ...]
    saved: tuple[int, ...]  # registers that a system call leaves alone
    put: Callable[[int, int], bytes]
    copy: Callable[[int, int], bytes]
    trap: bytes
    jump: Callable[[int], bytes]  # distances count from the instruction's first byte
    jump_if_negative: Callable[[int], bytes]
    calls: dict[str, int]


# -- amd64: rax, rbx … are 0 to 7, r8 to r15 need a bit in the REX prefix ---------


def amd64_put(register: int, number: int) -> bytes:
    prefix = b"\x41" if register >= 8 else b""
    return prefix + bytes([0xB8 | register & 7]) + struct.pack("<I", number & 0xFFFFFFFF)


def amd64_copy(to: int, origin: int) -> bytes:
    rex = 0x48 | (origin >> 3) << 2 | to >> 3
    return bytes([rex, 0x89, 0xC0 | (origin & 7) << 3 | to & 7])


def x86_jump(distance: int) -> bytes:
    return b"\xe9" + struct.pack("<i", distance - 5)


def x86_jump_if_negative(distance: int) -> bytes:
    return b"\x85\xc0\x0f\x88" + struct.pack("<i", distance - 8)


def x86_copy(to: int, origin: int) -> bytes:
    return bytes([0x89, 0xC0 | origin << 3 | to])


# -- arm64 -----------------------------------------------------------------------


def arm64_put(register: int, number: int) -> bytes:
    low, high = number & 0xFFFF, number >> 16 & 0xFFFF
    return words(0xD2800000 | low << 5 | register, 0xF2A00000 | high << 5 | register)


def arm64_copy(to: int, origin: int) -> bytes:
    return words(0xAA0003E0 | origin << 16 | to)


def arm64_jump(distance: int) -> bytes:
    return words(0x14000000 | distance >> 2 & 0x3FFFFFF)


def arm64_jump_if_negative(distance: int) -> bytes:
    return words(0xB7F80000 | (distance >> 2 & 0x3FFF) << 5)


# -- arm, its 32-bit instructions --------------------------------------------------


def arm_put(register: int, number: int) -> bytes:
    def half(opcode: int, value: int) -> int:
        return opcode | (value >> 12) << 16 | register << 12 | value & 0xFFF

    return words(half(0xE3000000, number & 0xFFFF), half(0xE3400000, number >> 16 & 0xFFFF))


def arm_copy(to: int, origin: int) -> bytes:
    return words(0xE1A00000 | to << 12 | origin)


def arm_jump(distance: int) -> bytes:
    return words(0xEA000000 | distance - 8 >> 2 & 0xFFFFFF)


def arm_jump_if_negative(distance: int) -> bytes:
    return words(0xE3500000, 0x4A000000 | distance - 12 >> 2 & 0xFFFFFF)


# -- riscv64 -----------------------------------------------------------------------


def riscv_put(register: int, number: int) -> bytes:
    low = number & 0xFFF
    high = number + (0x1000 if low & 0x800 else 0) >> 12 & 0xFFFFF  # addiw's part has a sign
    lui = high << 12 | register << 7 | 0x37
    addiw = low << 20 | register << 15 | register << 7 | 0x1B
    return words(lui, addiw)


def riscv_copy(to: int, origin: int) -> bytes:
    return words(origin << 15 | to << 7 | 0x13)


def riscv_jump(distance: int) -> bytes:
    bits = (distance >> 20 & 1) << 31 | (distance >> 1 & 0x3FF) << 21
    bits |= (distance >> 11 & 1) << 20 | (distance >> 12 & 0xFF) << 12
    return words(bits | 0x6F)


def riscv_jump_if_negative(distance: int) -> bytes:
    bits = (distance >> 12 & 1) << 31 | (distance >> 5 & 0x3F) << 25
    bits |= (distance >> 1 & 0xF) << 8 | (distance >> 11 & 1) << 7
    return words(bits | 10 << 15 | 0x4063)


# -- the kernel's numbers of its calls (asm/unistd.h), and all of it together ------


def numbered(table: str) -> dict[str, int]:
    """`read=0 write=1` as a mapping."""
    return {
        name: int(number) for name, _, number in (item.partition("=") for item in table.split())
    }


AMD64_CALLS = numbered(
    "read=0 write=1 close=3 rt_sigaction=13 sendfile=40 socket=41 accept=43 bind=49 listen=50 "
    "setsockopt=54 exit=60 openat=257"
)
GENERIC_CALLS = numbered(
    "openat=56 close=57 read=63 write=64 sendfile=71 exit=93 rt_sigaction=134 socket=198 "
    "bind=200 listen=201 accept=202 setsockopt=208"
)
ARM_CALLS = numbered(
    "exit=1 read=3 write=4 close=6 rt_sigaction=174 sendfile=187 socket=281 bind=282 listen=284 "
    "accept=285 setsockopt=294 openat=322"
)
I386_CALLS = numbered("exit=1 write=4")

AMD64 = Machine(
    "amd64", 62, 64, 0, 0, 0, (7, 6, 2, 10, 8), (12, 13, 14),
    amd64_put, amd64_copy, b"\x0f\x05", x86_jump, x86_jump_if_negative, AMD64_CALLS,
)  # fmt: skip
ARM64 = Machine(
    "arm64", 183, 64, 0, 8, 0, (0, 1, 2, 3, 4), (19, 20, 21),
    arm64_put, arm64_copy, words(0xD4000001), arm64_jump, arm64_jump_if_negative, GENERIC_CALLS,
)  # fmt: skip
ARM = Machine(
    "arm/v7", 40, 32, 0x05000000, 7, 0, (0, 1, 2, 3, 4), (8, 9, 10),
    arm_put, arm_copy, words(0xEF000000), arm_jump, arm_jump_if_negative, ARM_CALLS,
)  # fmt: skip
RISCV64 = Machine(
    "riscv64", 243, 64, 0, 17, 10, (10, 11, 12, 13, 14), (18, 19, 20),
    riscv_put, riscv_copy, words(0x73), riscv_jump, riscv_jump_if_negative, GENERIC_CALLS,
)  # fmt: skip
I386 = Machine(
    "386", 3, 32, 0, 0, 0, (3, 1, 2, 6, 7), (),
    amd64_put, x86_copy, b"\xcd\x80", x86_jump, x86_jump_if_negative, I386_CALLS,
)  # fmt: skip

#: as an index would list them
MACHINES = (AMD64, ARM64, ARM, RISCV64, I386)
