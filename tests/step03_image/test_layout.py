"""The image layout: blobs are right or not there, names change atomically, garbage goes."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
import threading

import pytest

from minicontainer.cli.gc import prune
from minicontainer.errors import BlobMissing, DigestMismatch, ImageError, SizeMismatch
from minicontainer.step03_image.blobs import BlobWriter, in_use, write_blob
from minicontainer.step03_image.digest import digest_of
from minicontainer.step03_image.layout import (
    blob_path,
    create_layout,
    has_blob,
    open_layout,
    read_blob,
    read_index,
    references,
    tag,
    untag,
)
from minicontainer.step03_image.spec import OCI_INDEX, Descriptor
from tests.programs import needs

from . import images

CONTENT = b"0123456789" * 1000


def described(content: bytes) -> Descriptor:
    return {"mediaType": "text/plain", "digest": digest_of(content), "size": len(content)}


@pytest.fixture
def layout(tmp_path):
    return create_layout(tmp_path / "store")


def unfinished(layout) -> list[str]:
    return [path.name for path in (layout.own / "unfinished").glob("*")]


def test_what_is_written_can_be_read(layout) -> None:
    descriptor = write_blob(layout, CONTENT, "text/plain")
    assert descriptor == described(CONTENT)
    assert read_blob(layout, descriptor) == CONTENT
    assert has_blob(layout, descriptor)
    assert not unfinished(layout)
    assert json.loads((layout.path / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}


def test_sha512_blobs(layout) -> None:
    digest = f"sha512:{hashlib.sha512(CONTENT).hexdigest()}"
    descriptor = {**described(CONTENT), "digest": digest}
    with BlobWriter(layout, descriptor) as blob:
        blob.write(CONTENT)
        blob.commit()
    assert read_blob(layout, descriptor) == CONTENT


def test_read_blob_checks_the_size_before_it_reads(layout) -> None:
    descriptor = write_blob(layout, CONTENT, "text/plain")
    with pytest.raises(SizeMismatch):
        read_blob(layout, {**descriptor, "size": 3})
    path = blob_path(layout, descriptor["digest"])
    os.truncate(path, 1 << 40)  # reading this would take all memory
    with pytest.raises(SizeMismatch):
        read_blob(layout, descriptor)
    with pytest.raises(ImageError, match="too large"):
        read_blob(layout, {**descriptor, "size": 1 << 40})


def test_read_blob_checks_the_digest(layout) -> None:
    descriptor = write_blob(layout, CONTENT, "text/plain")
    path = blob_path(layout, descriptor["digest"])
    path.write_bytes(b"1" + CONTENT[1:])
    with pytest.raises(DigestMismatch):
        read_blob(layout, descriptor)
    path.unlink()
    with pytest.raises(BlobMissing):
        read_blob(layout, descriptor)


def test_an_interrupted_blob_is_continued(layout) -> None:
    descriptor = described(CONTENT)
    with pytest.raises(KeyboardInterrupt), BlobWriter(layout, descriptor) as blob:
        blob.write(CONTENT[:4000])
        raise KeyboardInterrupt
    assert not has_blob(layout, descriptor)
    with BlobWriter(layout, descriptor) as blob:
        assert blob.offset == 4000
        blob.write(CONTENT[4000:])
        blob.commit()
    assert read_blob(layout, descriptor) == CONTENT
    assert not unfinished(layout)


def test_a_short_blob_is_not_named_and_a_wrong_one_thrown_away(layout) -> None:
    descriptor = described(CONTENT)
    with BlobWriter(layout, descriptor) as blob:
        blob.write(CONTENT[:-1])
        with pytest.raises(SizeMismatch, match="9999 bytes of 10000"):
            blob.commit()
    with BlobWriter(layout, descriptor) as blob:
        blob.write(b"x")
        with pytest.raises(DigestMismatch):
            blob.commit()
    assert not unfinished(layout)
    assert not has_blob(layout, descriptor)


def test_a_blob_that_does_not_end_is_stopped(layout) -> None:
    descriptor = described(CONTENT)
    with BlobWriter(layout, descriptor) as blob:
        blob.write(CONTENT)
        with pytest.raises(SizeMismatch, match="longer"):
            blob.write(b"x")
    assert not unfinished(layout)


def test_a_flipped_bit_in_the_unfinished_part_is_noticed(layout) -> None:
    descriptor = described(CONTENT)
    with BlobWriter(layout, descriptor) as blob:
        blob.write(b"1" + CONTENT[1:5000])
    with BlobWriter(layout, descriptor) as blob:
        blob.write(CONTENT[blob.offset :])
        with pytest.raises(DigestMismatch):
            blob.commit()
    assert not has_blob(layout, descriptor)


def test_two_writers_of_one_blob_do_not_meet(layout) -> None:
    descriptor = described(CONTENT)
    with BlobWriter(layout, descriptor) as first, BlobWriter(layout, descriptor) as second:
        first.write(CONTENT[:10])
        second.write(CONTENT)
        second.commit()
        first.write(CONTENT[10:])
        first.commit()
    assert read_blob(layout, descriptor) == CONTENT
    assert not unfinished(layout)


def test_writers_in_many_threads(layout) -> None:
    descriptor = described(CONTENT)
    problems: list[BaseException] = []

    def work() -> None:
        try:
            with BlobWriter(layout, descriptor) as blob:
                blob.write(CONTENT[blob.offset :])
                blob.commit()
        except BaseException as error:
            problems.append(error)

    for _ in range(20):
        blob_path(layout, descriptor["digest"]).unlink(missing_ok=True)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not problems
        assert read_blob(layout, descriptor) == CONTENT
    assert not unfinished(layout)


def test_names(layout) -> None:
    one, two = write_blob(layout, b"{}", OCI_INDEX), write_blob(layout, b"{ }", OCI_INDEX)
    tag(layout, "docker.io/library/nginx:latest", one)
    tag(layout, "example.org/other:1", two)
    tag(layout, "docker.io/library/nginx:latest", two)
    found = references(layout)
    assert {name: entry["digest"] for name, entry in found.items()} == {
        "docker.io/library/nginx:latest": two["digest"],
        "example.org/other:1": two["digest"],
    }
    untag(layout, "example.org/other:1")
    assert list(references(layout)) == ["docker.io/library/nginx:latest"]
    with pytest.raises(ImageError, match=r"(?s)no image nothing.*nginx"):
        untag(layout, "nothing")


def test_names_given_at_the_same_time_all_stay(layout) -> None:
    code = (
        "import sys; from minicontainer.step03_image import layout, blobs;"
        "store = layout.create_layout(sys.argv[1]);"
        "one = blobs.write_blob(store, sys.argv[2].encode(), 'text/plain');"
        "[layout.tag(store, f'{sys.argv[2]}-{n}', one) for n in range(20)]"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(layout.path), name]) for name in "abc"
    ]
    assert [writer.wait(30) for writer in writers] == [0, 0, 0]
    assert len(references(layout)) == 60


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"schemaVersion": 2}', b"\xff", b"[" * 9999]
)
def test_a_corrupt_index_is_one_clear_error(layout, content) -> None:
    layout.index_file.write_bytes(content)
    for work in (references, prune, lambda one: tag(one, "x", described(b""))):
        with pytest.raises(ImageError, match=r"index\.json"):
            work(layout)
    assert layout.index_file.read_bytes() == content


def test_what_is_no_layout(tmp_path) -> None:
    with pytest.raises(ImageError, match="not an OCI image layout"):
        open_layout(tmp_path)
    for content in (b"", b"{}", b"[]", b'{"imageLayoutVersion": "2.0.0"}', b"[" * 9999):
        (tmp_path / "oci-layout").write_bytes(content)
        with pytest.raises(ImageError, match="not supported"):
            open_layout(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="file"):
        create_layout(tmp_path / "file" / "store")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_store(tmp_path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ImageError, match=r"(?s)permission denied.*may write"):
        create_layout(tmp_path / "store")


def test_an_unwritable_store_as_another_user() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    done = images.as_nobody(
        "from minicontainer.step03_image.layout import create_layout\n"
        "create_layout('/proc/nothing')\n"
    )
    assert "ImageError" in done.stderr
    assert "/proc/nothing" in done.stderr


def test_prune_deletes_what_no_name_leads_to(tmp_path) -> None:
    layout, manifest = images.image(tmp_path, images.tar("a"), name="one")
    images.image(tmp_path, images.tar("b"), name="two")
    index = {"schemaVersion": 2, "manifests": [manifest]}
    nested = write_blob(layout, json.dumps(index).encode(), OCI_INDEX)
    outer = write_blob(layout, json.dumps({**index, "manifests": [nested]}).encode(), OCI_INDEX)
    tag(layout, "nested", outer)
    strange = write_blob(layout, b'{"x": {"digest": "%s"}}' % b"no", "application/x")
    tag(layout, "strange", strange)
    (layout.path / "blobs" / "sha256" / "README").write_text("not ours")
    assert prune(layout) == []
    untag(layout, "one")
    assert prune(layout) == []  # the nested index leads to it still
    untag(layout, "nested")
    gone = prune(layout)
    assert manifest["digest"] in gone
    assert len(gone) == 5  # two indexes, manifest, config, layer
    assert set(references(layout)) == {"two", "strange"}
    assert has_blob(layout, strange)
    assert (layout.path / "blobs" / "sha256" / "README").exists()


def test_prune_bears_missing_and_broken_blobs(tmp_path) -> None:
    layout, manifest = images.image(tmp_path, images.tar("a"))
    blob_path(layout, manifest["digest"]).write_bytes(b"[" * 100_000)
    tag(layout, "missing", described(b"missing"))
    prune(layout)
    assert len(read_index(layout)["manifests"]) == 2


def test_prune_waits_for_those_who_add(layout) -> None:
    write_blob(layout, b"nameless", "text/plain")
    with in_use(layout):
        assert prune(layout) == []
    assert prune(layout) == [digest_of(b"nameless")]


@needs("skopeo")
def test_skopeo_takes_our_layout_and_we_take_skopeos(tmp_path) -> None:
    ours, manifest = images.image(tmp_path / "ours", images.tar(("a", b"x" * 1000)))
    copy = ["skopeo", "copy", "--insecure-policy", "--preserve-digests"]
    source, target = f"oci:{ours.path}:test", f"oci:{tmp_path}/theirs:test"
    subprocess.run([*copy, source, target], check=True, capture_output=True, timeout=60)
    theirs = open_layout(tmp_path / "theirs")
    assert references(theirs)["test"]["digest"] == manifest["digest"]
    assert read_blob(theirs, manifest) == read_blob(ours, manifest)
    subprocess.run(
        [*copy, target, f"oci:{ours.path}:again"], check=True, capture_output=True, timeout=60
    )
    assert references(ours)["again"]["digest"] == manifest["digest"]
    assert set(references(ours)) == {"test", "again"}
    assert prune(ours) == []


def test_gzip_layers_stay_as_they_are(tmp_path) -> None:
    layer = images.tar("a")
    layout, _ = images.image(tmp_path, layer)
    digest = digest_of(gzip.compress(layer, mtime=0))
    assert blob_path(layout, digest).exists()
