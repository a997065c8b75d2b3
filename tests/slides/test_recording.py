"""docs/demo.cast is what the demo shows now, and plays back."""

import json

import pytest

from slides.recording import CAST, cast, essence, record, steady

from ..programs import needs_root


@pytest.mark.slow
@needs_root
def test_the_committed_recording_is_what_the_demo_shows(tmp_path):
    now, committed = essence(record(str(tmp_path))), essence(CAST.read_text("utf-8"))
    gone, new = list(committed - now), list(now - committed)
    assert not gone and not new, f"gone: {gone}\nnew: {new}\n./workshop slides --renew"


def test_the_recording_plays_back():
    head, *events = [json.loads(line) for line in CAST.read_text("utf-8").splitlines()]
    assert head["version"] == 2 and head["width"] >= 80
    times = [time for time, kind, _ in events if kind == "o"]
    assert len(times) == len(events) and times == sorted(times)
    assert times[-1] < 90
    assert all(text.endswith("\r\n") for _, _, text in events)
    shown = "".join(text for _, _, text in events)
    for act in ("CHROOT", "PULL", "UNPACK", "RUN", "AFTER"):
        assert act in shown


def test_what_varies_gets_a_fixed_name():
    one = "→ mount(/tmp/mc-abcdefgh/minicontainer/containers/0123456789ab…/rootfs)  [0.1 ms]\n"
    other = "→ mount(/tmp/mc-hgfedcba/minicontainer/containers/ba9876543210…/rootfs)  [1.5 s]\n"
    assert (
        steady(one)
        == steady(other)
        == ("→ mount(/tmp/demo/minicontainer/containers/000000000001…/rootfs)\n")
    )
    assert steady("a 127.0.0.1:4711\r\n") == steady("a 127.0.0.1:815\r\n")


def test_a_directory_is_recognised_across_two_lines():
    text = "/tmp/mc-abcdefgh\n\x1b[34m   → x,/tmp/mc-abc\x1b[0m\n\x1b[34m       defgh/work\x1b[0m\n"
    assert steady(text) == "/tmp/demo\n\x1b[34m   → x,/tmp/demo/work\x1b[0m\n"


def test_bars_of_progress_are_left_out():
    assert steady("$ pull\nab ━━━ 1/2\r\nab ━━━ 2/2\r\n\r\nname\r\n") == "$ pull\nname\n"


def test_the_essence_sees_a_change_but_no_other_machine():
    def told(text):
        return essence(cast(text))

    assert told("   → mount(a)\n 1 Pull\n") == told(" 1 Pull\n   → mount(b)\n   · copy x\n")
    assert told("   ✓ verified sha256:0123456789ab… (12 bytes)\n") == told(
        "   ✓ verified sha256:ba9876543210… (3 bytes)\n"
    )
    assert told("UID   PID     PPID   COMMAND\n") == told("UID   PID    PPID   COMMAND\n")
    assert told("   ← 200 OK\n") != told("   ← 404 Not Found\n")
