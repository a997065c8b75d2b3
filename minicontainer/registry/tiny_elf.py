"""What is a program, at the least? Some system calls and an ELF header of 52 or 64 bytes.

In: a program as a list of steps (`Call`, `Mark`, `Jump`) and its data. Out: a
static executable for any of the processors in machine_code.py: no library, no
loader, no compiler. System V ABI, chapter 4 "Object Files"; elf(5).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from .machine_code import Machine

ADDRESS = 0x10000  # where the file is put into memory
READ, WRITE, EXECUTE = 4, 2, 1


class At(NamedTuple):
    """The address of a piece of data, or of a mark."""

    name: str


class Saved(NamedTuple):
    """The result that an earlier call kept under this number."""

    slot: int


class Call(NamedTuple):
    """A system call; its result may be kept, and a negative one may lead elsewhere."""

    name: str
    arguments: tuple[int | At | Saved, ...]
    keep: int | None = None
    on_error: str | None = None


class Mark(NamedTuple):
    """A place to jump to."""

    name: str


class Jump(NamedTuple):
    """Go on at a mark."""

    mark: str


Step = Call | Mark | Jump
#: bytes, or numbers and addresses as the machine keeps them in memory
Data = bytes | Sequence[int | At]


def link(
    machine: Machine, steps: Sequence[Step], data: dict[str, Data], scratch: dict[str, int]
) -> bytes:
    """An executable that does `steps`. `data` has names for what is in it, `scratch` for room.

    The size of the code does not depend on addresses, so it is assembled
    twice: once to learn where everything will be, once with those addresses.
    """
    header_size = 52 + 32 if machine.bits == 32 else 64 + 56
    marks = [step.name for step in steps if isinstance(step, Mark)]
    names = dict.fromkeys([*data, *scratch, *marks], 0)
    code, _ = assemble(machine, steps, names, 0)
    address = ADDRESS + header_size + len(code)
    for name, content in data.items():
        names[name] = address
        address += len(in_memory(machine, content, names))
    file_end = address
    for name, size in scratch.items():
        names[name] = address
        address += size
    start = ADDRESS + header_size
    names.update(assemble(machine, steps, names, start)[1])
    code, _ = assemble(machine, steps, names, start)
    access = READ | EXECUTE | (WRITE if scratch else 0)
    header = elf_header(machine, start, file_end - ADDRESS, address - ADDRESS, access)
    return header + code + b"".join(in_memory(machine, item, names) for item in data.values())


def in_memory(machine: Machine, data: Data, names: dict[str, int]) -> bytes:
    """`data` as its bytes lie in memory; numbers as wide as an address."""
    if isinstance(data, bytes):
        return data
    numbers = [names[item.name] if isinstance(item, At) else item for item in data]
    return struct.pack(f"<{len(numbers)}{'Q' if machine.bits == 64 else 'I'}", *numbers)


def assemble(
    machine: Machine, steps: Sequence[Step], names: dict[str, int], start: int
) -> tuple[bytes, dict[str, int]]:
    """The machine code of `steps`, and the addresses of their marks."""
    code, marks = b"", {}
    for step in steps:
        if isinstance(step, Mark):
            marks[step.name] = start + len(code)
        elif isinstance(step, Jump):
            code += machine.jump(names[step.mark] - start - len(code))
        else:
            code += assemble_call(machine, step, names)
            if step.on_error is not None:
                code += machine.jump_if_negative(names[step.on_error] - start - len(code))
    return code, marks


def assemble_call(machine: Machine, call: Call, names: dict[str, int]) -> bytes:
    """Arguments and number into their registers, the trap, the result into safety."""
    code = b""
    for register, argument in zip(machine.arguments, call.arguments, strict=False):
        if isinstance(argument, Saved):
            code += machine.copy(register, machine.saved[argument.slot])
        else:
            number = names[argument.name] if isinstance(argument, At) else argument
            code += machine.put(register, number)
    code += machine.put(machine.number, machine.calls[call.name]) + machine.trap
    if call.keep is not None:
        code += machine.copy(machine.saved[call.keep], machine.result)
    return code


def elf_header(
    machine: Machine, entry: int, file_size: int, memory_size: int, access: int
) -> bytes:
    """The file header, and the one program header that loads the whole file."""
    wide = machine.bits == 64
    size, segment_size = (64, 56) if wide else (52, 32)
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    header = struct.pack("<HHI", 2, machine.elf_machine, 1)
    header += struct.pack("<QQQ" if wide else "<III", entry, size, 0)
    header += struct.pack("<IHHHHHH", machine.flags, size, segment_size, 1, 0, 0, 0)
    if wide:
        place = struct.pack("<IIQQQ", 1, access, 0, ADDRESS, ADDRESS)
        extent = struct.pack("<QQQ", file_size, memory_size, 0x1000)
    else:
        place = struct.pack("<IIII", 1, 0, ADDRESS, ADDRESS)
        extent = struct.pack("<IIII", file_size, memory_size, access, 0x1000)
    return ident + header + place + extent
