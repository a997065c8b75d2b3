"""The tar reader: all formats that layers come in, and nothing but ImageError for the rest."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minicontainer.errors import ImageError
from minicontainer.lib import tar
from minicontainer.lib.tar import Entry, clean_name, read_tar
from tests.programs import needs
from tests.step03_image import images

END = bytes(1024)


class Trickle(io.BytesIO):
    """A stream that gives a few bytes at a time, as networks and decompressors may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(7, size) if size else size)


def read(archive: bytes, stream: type[io.BytesIO] = io.BytesIO) -> list[tuple[Entry, bytes]]:
    """The entries and their content."""
    return [(entry, content(entry)) for entry in read_tar(stream(archive))]


def content(entry: Entry) -> bytes:
    buffer = bytearray()
    for offset, piece in entry.content():
        buffer.extend(bytes(offset - len(buffer)))
        buffer += piece
    buffer.extend(bytes(entry.size - len(buffer)) if entry.size < 1 << 24 else b"")
    return bytes(buffer)


def one(archive: bytes) -> Entry:
    (entry,) = [entry for entry, _ in read(archive)]
    return entry


@pytest.mark.parametrize("stream", [io.BytesIO, Trickle])
@pytest.mark.parametrize(
    "form",
    [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT],
    ids=["ustar", "gnu", "pax"],
)
def test_the_three_formats(form, stream) -> None:
    long = "a/" * 60 + "file"
    headers = [
        images.directory("d/", mode=0o1777),
        images.info(long, uid=1000, gid=2000, mode=0o4755),
        images.symlink("link", "../somewhere/else"),
        images.hard_link("hard", "/a/other"),
        images.info("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
        images.info("disk", tarfile.BLKTYPE, devmajor=8, devminor=17),
        images.info("pipe", tarfile.FIFOTYPE),
    ]
    if form != tarfile.USTAR_FORMAT:
        headers += [images.info("n" * 300), images.symlink("to", "t/" * 200, uid=2**31)]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for header in headers:
            header.size = 1000 if header.isreg() else 0
            archive.addfile(header, io.BytesIO(b"0123456789" * 100))
    found = read(buffer.getvalue(), stream)
    assert len(found) == len(headers)
    for (entry, text), header in zip(found, headers, strict=True):
        assert entry.name == header.name.rstrip("/")
        assert (entry.mode, entry.uid, entry.gid) == (header.mode, header.uid, header.gid)
        assert entry.mtime == images.MTIME * 10**9
        assert entry.type == header.type.decode()
        assert entry.link == header.linkname.lstrip("/")
        assert text == (b"0123456789" * 100 if header.isreg() else b"")
        if entry.type in (tar.BLOCK_DEVICE, tar.CHARACTER_DEVICE):
            assert entry.device == (header.devmajor, header.devminor)


def test_pax_times_attributes_and_global_records() -> None:
    archive = (
        images.pax({"uid": "7", "comment": "all"})
        + images.raw_header(b"a")
        + images.pax({"mtime": "1.5", "SCHILY.xattr.user.x": b"\0\n=", "gid": "9", "path": "é"})
        + images.raw_header(b"b")
        + images.pax({"mtime": "-1.25", "path": ""})
        + images.raw_header(b"c")
        + END
    )
    a, b, c = (entry for entry, _ in read(archive))
    assert (a.uid, b.uid) == (7, 0)  # a record that is not global goes for one entry
    assert (b.name, b.mtime, b.gid, b.xattrs) == ("é", 1_500_000_000, 9, {"user.x": b"\0\n="})
    assert (c.name, c.mtime) == ("c", -1_250_000_000)


def test_global_records_go_for_all_entries() -> None:
    body = b"10 uid=77\n"
    archive = images.raw_header(b"g", b"g", len(body)) + images.padded(body)
    archive += images.raw_header(b"a") + images.pax({"uid": "3"}) + images.raw_header(b"b")
    archive += images.raw_header(b"c") + END
    assert [entry.uid for entry, _ in read(archive)] == [77, 3, 77]


def test_numbers_in_base_256() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(images.info("a", uid=2**31, gid=2**30, mtime=-5))
    entry = one(buffer.getvalue())
    assert (entry.uid, entry.gid, entry.mtime) == (2**31, 2**30, -5 * 10**9)


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("a/b", "a/b"),
        ("./a", "a"),
        ("/a", "a"),
        ("//a//b/", "a/b"),
        ("../../a", "a"),
        ("a/../../b", "b"),
        ("", "."),
        (".", "."),
        ("./", "."),
        ("..", "."),
        ("a/.wh.x", "a/.wh.x"),
    ],
)
def test_clean_names(name, cleaned) -> None:
    assert clean_name(name) == cleaned


@given(st.text())
def test_clean_names_stay_inside(name) -> None:
    parts = clean_name(name).split("/")
    assert parts == ["."] or not {"", ".", ".."} & set(parts)


def test_only_ustar_has_a_prefix() -> None:
    assert one(images.raw_header(b"a", prefix=b"d/e") + END).name == "d/e/a"
    gnu = images.raw_header(b"a", magic=b"ustar  \0", prefix=b"14000000000\0")  # a time
    assert one(gnu + END).name == "a"


def test_old_archives_mark_directories_by_a_slash() -> None:
    assert one(images.raw_header(b"d/", b"\0") + END).type == tar.DIRECTORY


@pytest.mark.parametrize("end", [b"", bytes(512), bytes(1024), bytes(10240), bytes(1024) + b"x"])
def test_the_end_marker_may_be_missing_or_long(end) -> None:
    assert one(images.raw_header(b"a") + end).name == "a"
    assert read(end if not end.endswith(b"x") else b"") == []


def test_content_that_nobody_reads_is_skipped() -> None:
    archive = images.tar(("a", b"1" * 3000), ("b", b"2" * 700_000), ("c", b"3"))
    assert [entry.name for entry in read_tar(io.BytesIO(archive))] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("archive", "complaint"),
    [
        (images.raw_header(b"a")[:300], "ends in the middle"),
        (images.raw_header(b"a", size=10) + b"12345", "ends in the middle"),
        (images.raw_header(b"a", size=10) + b"1234567890", "ends in the middle"),
        (images.pax({"path": "x"}), "ends in the middle"),
        (b"x" * 512, "no octal number"),
        (images.raw_header(b"a").replace(b"a", b"b", 1), "wrong checksum"),
        (bytes(512) + images.raw_header(b"a"), "zeros between"),
        (images.raw_header(b"a", size=b"\xff" * 12), "out of range"),
        (images.raw_header(b"a", size=b"\x80" + b"\xff" * 11), "out of range"),
        (images.raw_header(b"a", size=b"-0000000001\0"), "no octal number"),
        (images.raw_header(b"a", size=b"0000_000001\0"), "no octal number"),
        (images.raw_header(b"a", size=b"0o000000001\0"), "no octal number"),
        (images.raw_header(b"a", b"S"), "old format"),
        (images.raw_header(b"a", b"Z"), "unknown type"),
        (images.raw_header(b"L", b"L", 1 << 30), "out of range"),
        (images.raw_header(b"x", b"x", 1 << 30), "out of range"),
        (images.pax({"path": "a" * 5000}) + images.raw_header(b"a"), "impossible name"),
        (images.pax({"path": "a\0b"}) + images.raw_header(b"a"), "impossible name"),
        (images.pax({"linkpath": "a\0b"}) + images.raw_header(b"a", b"2"), "impossible name"),
        (images.pax({"size": "-1"}) + images.raw_header(b"a"), "size is"),
        (images.pax({"size": "9" * 19}) + images.raw_header(b"a"), "size is"),
        (images.pax({"uid": "4294967295"}) + images.raw_header(b"a"), "uid is"),
        (images.pax({"mtime": "1e9"}) + images.raw_header(b"a"), "mtime is"),
        (images.pax({"mtime": "9" * 400}) + images.raw_header(b"a"), "mtime is"),
        (images.raw_header(b"x", b"x", 5) + images.padded(b"9 a=b"), "malformed"),
        (images.raw_header(b"x", b"x", 6) + images.padded(b"6 a=bc"), "malformed"),
        (images.raw_header(b"x", b"x", 6) + images.padded(b"0 a=b\n"), "malformed"),
        (images.raw_header(b"x", b"x", 6) + images.padded(b"-6 a=b"), "malformed"),
    ],
)
def test_damaged_archives(archive, complaint) -> None:
    with pytest.raises(ImageError, match=complaint):
        read(archive + END if complaint not in ("ends in the middle",) else archive)


def sparse_0_1(size: int, numbers: str, data: bytes) -> bytes:
    records = {"GNU.sparse.size": str(size), "GNU.sparse.map": numbers, "GNU.sparse.name": "s"}
    return images.pax(records) + images.raw_header(b"x", size=len(data)) + images.padded(data) + END


def sparse_1_0(size: int, text: bytes, data: bytes) -> bytes:
    records = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s"}
    stored = images.padded(text) + data
    header = images.pax({**records, "GNU.sparse.realsize": str(size)})
    return header + images.raw_header(b"x", size=len(stored)) + images.padded(stored) + END


@pytest.mark.parametrize("stream", [io.BytesIO, Trickle])
def test_sparse_files(stream) -> None:
    expected = bytes(1000) + b"abc" + bytes(500) + b"de" + bytes(495)
    for archive in (
        sparse_0_1(2000, "1000,3,1503,2,2000,0", b"abcde"),
        sparse_1_0(2000, b"3\n1000\n3\n1503\n2\n2000\n0\n", b"abcde"),
    ):
        ((entry, text),) = read(archive, stream)
        assert (entry.name, entry.size, text) == ("s", 2000, expected)
    ((entry, text),) = read(sparse_0_1(10, "10,0", b""))
    assert text == bytes(10)


@pytest.mark.parametrize(
    "archive",
    [
        sparse_0_1(10, "0,3,2,2", b"abcde"),  # overlap
        sparse_0_1(10, "8,5", b"abcde"),  # past the end
        sparse_0_1(10, "0,4", b"abcde"),  # more stored than mapped
        sparse_0_1(10, "0,5,7", b"abcde"),  # odd
        sparse_0_1(10, "", b""),
        sparse_0_1(10, "0,-1", b""),
        sparse_1_0(10, b"999999999\n", b""),
        sparse_1_0(10, b"2\n0\n5\n", b"abcde"),
        sparse_1_0(10, b"x\n", b""),
        sparse_1_0(10, b"9" * 2000, b""),
        images.pax({"GNU.sparse.offset": "1"}) + images.raw_header(b"a") + END,
    ],
)
def test_bad_sparse_files(archive) -> None:
    with pytest.raises(ImageError):
        read(archive)


@needs("tar")
@pytest.mark.parametrize("version", ["0.1", "1.0"])
def test_sparse_files_as_gnu_tar_writes_them(tmp_path, version) -> None:
    with (tmp_path / "holes").open("wb") as file:
        for number in range(50):
            file.seek(number * 100_000)
            file.write(b"data%d" % number)
        file.truncate(6_000_000)
    command = [
        "tar",
        "-C",
        tmp_path,
        "--format=pax",
        "-S",
        f"--sparse-version={version}",
        "-c",
        "holes",
    ]
    done = subprocess.run(command, check=True, capture_output=True)
    assert len(done.stdout) < 1_000_000
    ((entry, text),) = read(done.stdout)
    assert entry.name == "holes"
    assert text == (tmp_path / "holes").read_bytes()


VALID = images.pax({"path": "p", "SCHILY.xattr.user.a": "b", "mtime": "1.5"}) + images.tar(
    images.directory("d"),
    ("d/f", b"content" * 100),
    images.symlink("s", "d"),
    (images.info("n" * 150), b"x"),
)


def drain(archive: bytes) -> None:
    try:
        for entry in read_tar(Trickle(archive) if len(archive) < 600 else io.BytesIO(archive)):
            assert not {"", ".."} & set(entry.name.split("/"))
            for offset, piece in entry.content():
                assert 0 <= offset < offset + len(piece) <= entry.size
    except ImageError:
        pass


@given(st.binary(max_size=4096))
def test_any_bytes(archive) -> None:
    drain(archive)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.binary(min_size=1, max_size=12))))
def test_mutations_of_a_valid_archive(changes) -> None:
    archive = bytearray(VALID)
    for at, replacement in changes:
        archive[at : at + len(replacement)] = replacement
    drain(bytes(archive))


FIELDS = st.sampled_from([b"0", b"1", b"2", b"5", b"x", b"g", b"L", b"K", b"S", b"\0"])


@given(st.lists(st.tuples(st.binary(max_size=100), FIELDS, st.binary(max_size=600)), max_size=6))
def test_any_fields_with_right_checksums(entries) -> None:
    archive = b"".join(
        images.raw_header(name, kind, len(body), name) + images.padded(body)
        for name, kind, body in entries
    )
    drain(archive + END)


@given(st.dictionaries(st.sampled_from(["path", "size", "mtime", "uid", "GNU.sparse.major",
       "GNU.sparse.minor", "GNU.sparse.map", "GNU.sparse.size", "GNU.sparse.realsize",
       "GNU.sparse.name", "SCHILY.xattr.a"]), st.binary(max_size=30) | st.integers().map(
       lambda number: b"%d" % number)), st.binary(max_size=1500))  # fmt: skip
def test_any_pax_records(records, body) -> None:
    header = images.pax(records) + images.raw_header(b"a", size=len(body))
    drain(header + images.padded(body) + END)


def test_headers_without_end_take_no_memory() -> None:
    class Headers(io.RawIOBase):
        """Extended headers, each with other records, and never an entry."""

        number = 0

        def read(self, size: int = -1) -> bytes:
            self.number += 1
            if self.number > 3000:
                return b""
            kind = b"g" if self.number % 2 else b"x"
            records = images.pax({f"SCHILY.xattr.user.{self.number}": b"v" * 5000})
            header = images.raw_header(b"h", kind, 0)
            return records if kind == b"x" else header + records

    tracemalloc.start()
    with pytest.raises(ImageError, match="ends in the middle"):
        list(read_tar(Headers()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_memory_stays_small() -> None:
    class Endless(io.RawIOBase):
        """A file of a gigabyte, after a header for it."""

        left = [images.raw_header(b"big", size=1 << 30)] + [bytes(1 << 18)] * (1 << 12)

        def read(self, size: int = -1) -> bytes:
            return self.left.pop(0) if self.left else b""

    stream = Endless()
    tracemalloc.start()
    for entry in read_tar(stream):
        assert sum(len(piece) for _, piece in entry.content()) == 1 << 30
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20
