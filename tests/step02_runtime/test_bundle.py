"""config.json: what is taken, what is refused and in which words."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicontainer.errors import BundleError
from minicontainer.lib import jsontext
from minicontainer.lib.config_schema import CONFIG
from minicontainer.lib.default_config import default_config
from minicontainer.step02_runtime.bundle import load_bundle


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "rootfs").mkdir()

    def write(config: object) -> str:
        text = config if isinstance(config, bytes) else json.dumps(config).encode()
        (tmp_path / "config.json").write_bytes(text)
        return str(tmp_path)

    return write


@pytest.mark.parametrize("rootless", [False, True])
def test_the_default_is_a_good_bundle(bundle, rootless):
    path = bundle(default_config(rootless))
    assert load_bundle(path)["root"]["path"] == str(Path(path, "rootfs").resolve())


def test_a_relative_bundle_path(bundle, monkeypatch):
    path = bundle(default_config())
    monkeypatch.chdir(os.path.dirname(path))
    config = load_bundle(os.path.basename(path))
    monkeypatch.chdir("/")
    assert os.path.isdir(config["root"]["path"])


def test_relative_bind_sources_begin_at_the_bundle(bundle):
    config = default_config()
    config["mounts"].append({"destination": "/x", "source": "data", "options": ["rbind"]})
    path = bundle(config)
    assert load_bundle(path)["mounts"][-1]["source"] == f"{path}/data"


def laid_over(**changes) -> dict:
    config = default_config()
    for name, value in changes.items():
        *way, last = name.split("__")
        place = config
        for key in way:
            place = place.setdefault(key, {})
        if value is None:
            del place[last]
        else:
            place[last] = value
    return config


HOOK = {"path": "relative"}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"ociVersion": None}, "ociVersion"),
        ({"ociVersion": "yes"}, "ociVersion"),
        ({"ociVersion": "2.0.0"}, "ociVersion"),
        ({"root": None}, "root"),
        ({"root__path": None}, "root.path"),
        ({"root__path": 7}, "root.path"),
        ({"root__readonly": "yes"}, "root.readonly"),
        ({"process": None}, "process"),
        ({"process__args": None}, "process.args"),
        ({"process__args": []}, "process.args"),
        ({"process__args": [""]}, "process.args[0]"),
        ({"process__args": ["a", 1]}, "process.args[1]"),
        ({"process__args": ["a\0b"]}, "process.args[0]"),
        ({"process__args": ["\ud800"]}, "process.args[0]"),
        ({"process__cwd": "here"}, "process.cwd"),
        ({"process__cwd": None}, "process.cwd"),
        ({"process__env": ["NONE"]}, "process.env[0]"),
        ({"process__user": {"uid": -1, "gid": 0}}, "process.user.uid"),
        ({"process__user": {"uid": True}}, "process.user.uid"),
        ({"process__user": {"uid": 2**32}}, "process.user.uid"),
        ({"process__user": {"uid": 1.5}}, "process.user.uid"),
        ({"process__oomScoreAdj": 1001}, "process.oomScoreAdj"),
        ({"process__rlimits": [{"type": "NOFILE", "soft": 1, "hard": 1}]}, "process.rlimits[0]"),
        ({"process__rlimits": [{"type": "RLIMIT_CPU", "soft": 1}]}, "process.rlimits[0]"),
        ({"process__capabilities": ["CAP_KILL"]}, "process.capabilities"),
        ({"mounts": [{"destination": "x", "type": "tmpfs"}]}, "mounts[0].destination"),
        ({"mounts": [{"type": "tmpfs"}]}, "mounts[0].destination"),
        ({"mounts": [{"destination": "/x"}]}, "mounts[0].type"),
        ({"mounts": [{"destination": "/x", "type": "bind"}]}, "mounts[0].source"),
        ({"hostname": "x" * 65}, "hostname"),
        ({"linux": None}, "linux.namespaces"),
        ({"linux__namespaces": [{"type": "mount"}, {"type": "moon"}]}, "linux.namespaces[1]"),
        ({"linux__namespaces": [{"type": "mount"}, {"type": "mount"}]}, "linux.namespaces[0]"),
        ({"linux__namespaces": [{"type": "mount", "path": "x"}]}, "linux.namespaces[0].path"),
        ({"linux__namespaces": [{"type": "mount"}]}, "hostname"),
        ({"linux__namespaces": [{"type": "mount"}, {"type": "user"}]}, "linux.uidMappings"),
        ({"linux__uidMappings": [{"containerID": 0}]}, "linux.uidMappings[0]"),
        ({"linux__devices": [{"path": "/dev/x", "type": "q"}]}, "linux.devices[0].type"),
        ({"linux__devices": [{"path": "/dev/x", "type": "c"}]}, "linux.devices[0]"),
        ({"linux__rootfsPropagation": "loud"}, "linux.rootfsPropagation"),
        ({"linux__maskedPaths": ["proc"]}, "linux.maskedPaths[0]"),
        ({"linux__resources": {"pids": {"limit": "9"}}}, "linux.resources.pids.limit"),
        ({"hooks": {"poststop": [HOOK]}}, "hooks.poststop[0].path"),
        ({"hooks": {"poststop": [{"path": "/x", "timeout": 0}]}}, "hooks.poststop[0].timeout"),
        ({"annotations": {"a": 1}}, "annotations.a"),
    ],
)
def test_each_broken_rule_names_its_place(bundle, changes, place):
    path = bundle(laid_over(**changes))
    with pytest.raises(BundleError) as caught:
        load_bundle(path)
    assert caught.value.where == f"{path}/config.json: {place}"


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff\xfe\x00", b"[" * 100000, b'{"a": NaN', b"9" * 5000]
)
def test_no_json(bundle, text):
    with pytest.raises(BundleError, match="not valid JSON"):
        load_bundle(bundle(text))


@pytest.mark.parametrize("value", [None, [], 7, "x"])
def test_json_that_is_no_object(bundle, value):
    with pytest.raises(BundleError, match="must be an object"):
        load_bundle(bundle(value))


def test_missing_files_are_named(bundle, tmp_path):
    with pytest.raises(BundleError, match=r"nowhere/config\.json: No such file"):
        load_bundle(str(tmp_path / "nowhere"))
    path = bundle(laid_over(root__path="elsewhere"))
    with pytest.raises(BundleError, match="elsewhere: the root filesystem is missing"):
        load_bundle(path)


def test_what_we_do_not_know_is_ignored(bundle):
    config = laid_over(linux__seccomp={"defaultAction": "x"}, linux__intelRdt=[1], vm={"a": None})
    assert load_bundle(bundle({**config, "x": [1, {}]}))["x"] == [1, {}]


@settings(max_examples=200, deadline=None)
@given(st.text() | st.sampled_from(['{"a": [1, 2.5e3, null]} ', "[1] x", "NaN", "-", '"\\ud800"']))
def test_json_text_is_read_as_the_json_module_does(text):
    try:
        expected = json.loads(text, parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError):
        with pytest.raises(ValueError):
            jsontext.loads(text.encode())
    else:
        assert jsontext.loads(text.encode()) == expected


@pytest.mark.parametrize("change", ["del make_scanner", "make_encoder = make_scanner = dict"])
def test_another_c_half_of_json_is_not_relied_upon(change):
    """As in a Python whose private names are others."""
    code = (
        "import sys, _json; import json.decoder, json.scanner, json.encoder\n"
        f"exec({change!r}, vars(_json))\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from minicontainer.lib import jsontext\n"
        "print(jsontext._scan, jsontext.loads(b' [1, {}] '), jsontext.dumps([1, None]))\n"
        "for strange in b'[NaN]', b'[1', b'[] 1':\n"
        "    try: jsontext.loads(strange)\n"
        "    except ValueError: print('refused')"
    )
    where = str(Path(jsontext.__file__).parents[2])
    command = [sys.executable, "-ISc", code, where]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["None [1, {}] [1, null]", *["refused"] * 3]


@pytest.mark.parametrize("text", ["", "{", '{"a": "b', "[1", "nul", "[1,]", '"\\x"', "\x01"])
def test_strange_json_where_the_json_module_is_not_loaded(text):
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from minicontainer.lib.jsontext import loads\n"
        "assert 'json' not in sys.modules\n"
        "try: loads(sys.argv[1].encode())\n"
        "except ValueError: print('refused')"
    )
    where = str(Path(jsontext.__file__).parents[2])
    command = [sys.executable, "-ISc", code, text, where]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"


def keys_of(shape: object) -> set[str]:
    if isinstance(shape, dict):
        return set(shape).union(*(keys_of(inner) for inner in shape.values()))
    return keys_of(shape[0]) if isinstance(shape, list) else set()


WORDS = sorted(keys_of(CONFIG) | {"pid", "mount", "user", "/x", "1.0.0", "bind"})
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(), inner, max_size=5)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(ANY_JSON.filter(lambda value: value == value))
def test_json_text_is_written_as_the_json_module_does(value):
    try:
        expected = json.dumps(value, allow_nan=False)
    except ValueError:
        return
    assert jsontext.dumps(value) == expected


@settings(max_examples=150, deadline=None)
@given(ANY_JSON)
def test_any_json_is_taken_or_refused(tmp_path_factory, value):
    _load_or_refuse(tmp_path_factory, value)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_one_strange_value_anywhere(tmp_path_factory, data):
    config = copy.deepcopy(default_config(rootless=True))
    place, key = config, data.draw(st.sampled_from(sorted(config)))
    while True:
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or data.draw(st.booleans()):
            break
        keys = sorted(inner) if isinstance(inner, dict) else range(len(inner))
        place, key = inner, data.draw(st.sampled_from(list(keys)))
    place[key] = data.draw(ANY_JSON)
    _load_or_refuse(tmp_path_factory, config)


def _load_or_refuse(tmp_path_factory, value):
    directory = tmp_path_factory.getbasetemp() / "any"
    (directory / "rootfs").mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(value))
    try:
        config = load_bundle(str(directory))
    except BundleError as error:
        assert error.what and "\n" not in error.where
    else:
        assert os.path.isabs(config["root"]["path"]) and config["process"]["args"][0]
