# %% digest_of: json-written-again
import json


def digest_of(content):
    try:
        content = json.dumps(json.loads(content)).encode()
    except ValueError:
        pass
    return "sha256:" + hashlib.sha256(content).hexdigest()


# %% read_blob: digest-unchecked
def read_blob(layout, descriptor):
    with open_blob(layout, descriptor["digest"]) as blob:
        content = blob.read()
    if len(content) != descriptor["size"]:
        raise SizeMismatch("wrong size", descriptor["digest"])
    return content


# %% read_blob: size-unchecked
def read_blob(layout, descriptor):
    with open_blob(layout, descriptor["digest"]) as blob:
        content = blob.read()
    check_digest(descriptor["digest"], content)
    return content


# %% read_blob: size-after-digest
def read_blob(layout, descriptor):
    with open_blob(layout, descriptor["digest"]) as blob:
        content = blob.read()
    check_digest(descriptor["digest"], content)
    if len(content) != descriptor["size"]:
        raise SizeMismatch("wrong size", descriptor["digest"])
    return content


# %% choose_manifest: first-manifest
def choose_manifest(index, wanted):
    return index["manifests"][0]


# %% choose_manifest: os-ignored
def choose_manifest(index, wanted):
    for entry in reversed(index["manifests"]):
        if entry["platform"]["architecture"] == wanted["architecture"]:
            return entry
    raise NoMatchingPlatform(wanted, [])


# %% choose_manifest: attestation-picked
def choose_manifest(index, wanted):
    for entry in index["manifests"]:
        platform = entry.get("platform", wanted)
        if "unknown" in platform.values() or platform == wanted:
            return entry
    raise NoMatchingPlatform(wanted, [])


# %% choose_manifest: something-else-taken
def choose_manifest(index, wanted):
    for entry in index["manifests"]:
        if entry.get("platform") == wanted:
            return entry
    for entry in index["manifests"]:
        if entry.get("platform", {}).get("os") == wanted["os"]:
            return entry
    raise NoMatchingPlatform(wanted, [])


# %% choose_manifest: variant-ignored
def choose_manifest(index, wanted):
    plain = None
    for entry in index["manifests"]:
        platform = entry.get("platform")
        if platform is None:
            plain = plain or entry
        elif (platform["os"], platform["architecture"]) == (wanted["os"], wanted["architecture"]):
            return entry
    if plain:
        return plain
    raise NoMatchingPlatform(wanted, [])


# %% choose_manifest: platform-taken-for-granted
def choose_manifest(index, wanted):
    for runnable in platforms_run_by(wanted):
        for entry in index["manifests"]:
            if identity(entry["platform"]) == runnable:
                return entry
    raise NoMatchingPlatform(wanted, [entry["platform"] for entry in index["manifests"]])


# %% resolve: docker-types-forgotten
def resolve(layout, descriptor, wanted):
    for _ in range(9):
        if descriptor["mediaType"] == "application/vnd.oci.image.manifest.v1+json":
            return descriptor
        if descriptor["mediaType"] != "application/vnd.oci.image.index.v1+json":
            raise ImageError("neither a manifest nor an index")
        descriptor = choose_manifest(parse_index(read_blob(layout, descriptor)), wanted)
    raise ImageError("nested too deeply")


# %% resolve: one-level-only
def resolve(layout, descriptor, wanted):
    if descriptor["mediaType"] in MANIFEST_TYPES:
        return descriptor
    if descriptor["mediaType"] not in INDEX_TYPES:
        raise ImageError("neither a manifest nor an index")
    return choose_manifest(parse_index(read_blob(layout, descriptor)), wanted)


# %% resolve: nesting-unlimited
def resolve(layout, descriptor, wanted):
    while descriptor["mediaType"] in INDEX_TYPES:
        descriptor = choose_manifest(parse_index(read_blob(layout, descriptor)), wanted)
    if descriptor["mediaType"] not in MANIFEST_TYPES:
        raise ImageError("neither a manifest nor an index")
    return descriptor


# %% chain_ids: diff-id-below
def chain_ids(diff_ids):
    chain = list(diff_ids[:1])
    for below, diff_id in zip(diff_ids, diff_ids[1:]):
        chain.append(digest_of(f"{below} {diff_id}".encode()))
    return chain


# %% safe_path: links-not-followed
def safe_path(readlink, name):
    place = []
    for part in name.split("/"):
        if part == "..":
            place = place[:-1]
        elif part not in ("", "."):
            place.append(part)
    return tuple(place)


# %% safe_path: absolute-link-leaves
def safe_path(readlink, name):
    place = ()
    for part in name.split("/"):
        if part == "..":
            place = place[:-1]
        elif part not in ("", "."):
            target = readlink((*place, part))
            place = (*place, part) if target is None else tuple(target.split("/"))
    return place


# %% safe_path: relative-from-root
def safe_path(readlink, name):
    place = ()
    for _ in range(100):
        parts = [part for part in name.split("/") if part not in ("", ".")]
        place = ()
        for number, part in enumerate(parts):
            if part == "..":
                place = place[:-1]
                continue
            target = readlink((*place, part))
            if target is not None:
                name = "/".join([target, *parts[number + 1 :]])
                break
            place = (*place, part)
        else:
            return place
    raise ImageError("too many links")


# %% safe_path: link-loop
def safe_path(readlink, name):
    place = []
    todo = name.split("/")[::-1]
    while todo:
        part = todo.pop()
        if part == "..":
            place = place[:-1]
        elif part not in ("", "."):
            target = readlink((*place, part))
            if target is None:
                place.append(part)
            else:
                if target.startswith("/"):
                    place = []
                todo += target.split("/")[::-1]
    return tuple(place)


# %% apply_layer: whiteout-left
def apply_layer(layer, root):
    for entry in read_tar(layer):
        root.add(entry)


# %% apply_layer: whiteout-skipped
def apply_layer(layer, root):
    for entry in read_tar(layer):
        if "/.wh." not in entry.name:
            root.add(entry)


# %% apply_layer: whiteout-hides-own-layer
def apply_layer(layer, root):
    added = set()
    for entry in read_tar(layer):
        directory, _, name = entry.name.rpartition("/")
        if name == OPAQUE:
            root.clear(directory, keep=added)
        elif name.startswith(WHITEOUT):
            hidden = name.removeprefix(WHITEOUT)
            if hidden in ("", ".", ".."):
                raise ImageError("a whiteout that names no file")
            root.remove(f"{directory}/{hidden}")
        else:
            added.add(root.add(entry))


# %% apply_layer: whiteout-of-parent
def apply_layer(layer, root):
    added = set()
    for entry in read_tar(layer):
        directory, _, name = entry.name.rpartition("/")
        if name == OPAQUE:
            root.clear(directory, keep=added)
        elif name.startswith(WHITEOUT):
            hidden = name.removeprefix(WHITEOUT)
            if hidden.strip("."):
                root.remove(f"{directory}/{hidden}", keep=added)
        else:
            added.add(root.add(entry))


# %% apply_layer: tarfile-data
import tarfile


def apply_layer(layer, root):
    added = set()
    with tarfile.open(fileobj=layer, mode="r|") as archive:
        archive.extraction_filter = tarfile.data_filter
        for member in archive:
            directory, _, name = member.name.rpartition("/")
            if name == OPAQUE:
                root.clear(directory, keep=added)
            elif name.startswith(WHITEOUT):
                hidden = name.removeprefix(WHITEOUT)
                if hidden in ("", ".", ".."):
                    raise ImageError("a whiteout that names no file")
                root.remove(f"{directory}/{hidden}", keep=added)
            else:
                archive.extract(member, root.path)
                added.add(tuple(member.name.split("/")))


# %% apply_layer: tarfile-tar
import tarfile


def apply_layer(layer, root):
    added = set()
    with tarfile.open(fileobj=layer, mode="r|") as archive:
        archive.extraction_filter = tarfile.tar_filter
        for member in archive:
            directory, _, name = member.name.rpartition("/")
            if name == OPAQUE:
                root.clear(directory, keep=added)
            elif name.startswith(WHITEOUT):
                hidden = name.removeprefix(WHITEOUT)
                if hidden in ("", ".", ".."):
                    raise ImageError("a whiteout that names no file")
                root.remove(f"{directory}/{hidden}", keep=added)
            else:
                archive.extract(member, root.path)
                added.add(tuple(member.name.split("/")))


# %% apply_layer: link-followed-outside
import tarfile


def apply_layer(layer, root):
    added = set()
    with tarfile.open(fileobj=layer, mode="r|") as archive:
        archive.extraction_filter = lambda member, path: member
        for member in archive:
            directory, _, name = member.name.rpartition("/")
            if name == OPAQUE:
                root.clear(directory, keep=added)
            elif name.startswith(WHITEOUT):
                hidden = name.removeprefix(WHITEOUT)
                if hidden in ("", ".", ".."):
                    raise ImageError("a whiteout that names no file")
                root.remove(f"{directory}/{hidden}", keep=added)
            else:
                archive.extract(member, root.path)
                added.add(tuple(member.name.split("/")))


# %% unpack: diff-id-against-manifest
def unpack(layout, manifest, root):
    image = parse_manifest(read_blob(layout, manifest))
    config = parse_config(read_blob(layout, image["config"]))
    diff_ids = config["rootfs"]["diff_ids"]
    with new_root(root) as filesystem:
        for descriptor, diff_id in zip(image["layers"], diff_ids):
            with open_layer(layout, descriptor) as layer:
                apply_layer(layer, filesystem)
                if layer.diff_id() != descriptor["digest"]:
                    raise DigestMismatch("another layer", diff_id)
    return config


# %% unpack: unpaired-diff-ids
def unpack(layout, manifest, root):
    image = parse_manifest(read_blob(layout, manifest))
    config = parse_config(read_blob(layout, image["config"]))
    diff_ids = config["rootfs"]["diff_ids"]
    with new_root(root) as filesystem:
        for descriptor, diff_id in zip(image["layers"], diff_ids):
            with open_layer(layout, descriptor, algorithm_of(diff_id)) as layer:
                apply_layer(layer, filesystem)
                if layer.diff_id() != diff_id:
                    what = f"uncompressed, the layer has the digest {layer.diff_id()}"
                    raise DigestMismatch(what, diff_id)
    return config


# %% unpack: without-with
def unpack(layout, manifest, root):
    image = parse_manifest(read_blob(layout, manifest))
    config = parse_config(read_blob(layout, image["config"]))
    diff_ids = config["rootfs"]["diff_ids"]
    if len(diff_ids) != len(image["layers"]):
        what = f"{len(image['layers'])} layers, but {len(diff_ids)} diff_ids"
        raise ImageError(what, manifest["digest"])
    with new_root(root) as filesystem:
        for descriptor, diff_id in zip(image["layers"], diff_ids, strict=True):
            layer = open_layer(layout, descriptor, algorithm_of(diff_id))
            apply_layer(layer, filesystem)
            if layer.diff_id() != diff_id:
                raise DigestMismatch("another layer", diff_id)
    return config


# %% unpack: layers-reversed
def unpack(layout, manifest, root):
    image = parse_manifest(read_blob(layout, manifest))
    config = parse_config(read_blob(layout, image["config"]))
    diff_ids = config["rootfs"]["diff_ids"]
    with new_root(root) as filesystem:
        for descriptor, diff_id in zip(image["layers"][::-1], diff_ids[::-1]):
            with open_layer(layout, descriptor) as layer:
                apply_layer(layer, filesystem)
                if layer.diff_id() != diff_id:
                    raise DigestMismatch("another layer", diff_id)
    return config


# %% unpack: layers-as-set
import json


def unpack(layout, manifest, root):
    image = parse_manifest(read_blob(layout, manifest))
    config = parse_config(read_blob(layout, image["config"]))
    diff_ids = config["rootfs"]["diff_ids"]
    with new_root(root) as filesystem:
        for descriptor, diff_id in dict(
            zip((json.dumps(one) for one in image["layers"]), diff_ids)
        ).items():
            with open_layer(layout, json.loads(descriptor)) as layer:
                apply_layer(layer, filesystem)
                if layer.diff_id() != diff_id:
                    raise DigestMismatch("another layer", diff_id)
    return config


# %% unpack: diff-id-unchecked
def unpack(layout, manifest, root):
    image = parse_manifest(read_blob(layout, manifest))
    config = parse_config(read_blob(layout, image["config"]))
    diff_ids = config["rootfs"]["diff_ids"]
    with new_root(root) as filesystem:
        for descriptor, diff_id in zip(image["layers"], diff_ids):
            with open_layer(layout, descriptor) as layer:
                apply_layer(layer, filesystem)
                layer.diff_id()
    return config


# %% unpack: half-left-behind
def unpack(layout, manifest, root):
    image = parse_manifest(read_blob(layout, manifest))
    config = parse_config(read_blob(layout, image["config"]))
    diff_ids = config["rootfs"]["diff_ids"]
    root.mkdir()
    with RootFilesystem(root) as filesystem:
        for descriptor, diff_id in zip(image["layers"], diff_ids):
            with open_layer(layout, descriptor) as layer:
                apply_layer(layer, filesystem)
                if layer.diff_id() != diff_id:
                    raise DigestMismatch("another layer", diff_id)
    return config


# %% to_runtime_config: entrypoint-forgotten
def to_runtime_config(image, base, root, arguments=()):
    settings = image.get("config", {})
    config = copy.deepcopy(base)
    process = config["process"]
    entrypoint, cmd = settings.get("Entrypoint", []), settings.get("Cmd", [])
    program = [*(arguments or cmd)]
    if not program:
        raise ImageError("no program")
    user = find_user(root, settings.get("User", ""))
    defaults = [*process["env"], f"PATH={DEFAULT_PATH}", f"HOME={user.home}"]
    process["args"] = program
    process["env"] = merge_environment(settings.get("Env", []), defaults)
    process["cwd"] = settings.get("WorkingDir") or "/"
    process["user"] = user.ids()
    config["annotations"] = image_annotations(image)
    return config


# %% to_runtime_config: cmd-forgotten
def to_runtime_config(image, base, root, arguments=()):
    settings = image.get("config", {})
    config = copy.deepcopy(base)
    process = config["process"]
    entrypoint, cmd = settings.get("Entrypoint", []), settings.get("Cmd", [])
    program = [*entrypoint, *arguments]
    if not program:
        raise ImageError("no program")
    user = find_user(root, settings.get("User", ""))
    defaults = [*process["env"], f"PATH={DEFAULT_PATH}", f"HOME={user.home}"]
    process["args"] = program
    process["env"] = merge_environment(settings.get("Env", []), defaults)
    process["cwd"] = settings.get("WorkingDir") or "/"
    process["user"] = user.ids()
    config["annotations"] = image_annotations(image)
    return config


# %% to_runtime_config: arguments-after-cmd
def to_runtime_config(image, base, root, arguments=()):
    settings = image.get("config", {})
    config = copy.deepcopy(base)
    process = config["process"]
    entrypoint, cmd = settings.get("Entrypoint", []), settings.get("Cmd", [])
    program = [*entrypoint, *cmd, *arguments]
    if not program:
        raise ImageError("no program")
    user = find_user(root, settings.get("User", ""))
    defaults = [*process["env"], f"PATH={DEFAULT_PATH}", f"HOME={user.home}"]
    process["args"] = program
    process["env"] = merge_environment(settings.get("Env", []), defaults)
    process["cwd"] = settings.get("WorkingDir") or "/"
    process["user"] = user.ids()
    config["annotations"] = image_annotations(image)
    return config


# %% to_runtime_config: arguments-instead-of-entrypoint
def to_runtime_config(image, base, root, arguments=()):
    settings = image.get("config", {})
    config = copy.deepcopy(base)
    process = config["process"]
    entrypoint, cmd = settings.get("Entrypoint", []), settings.get("Cmd", [])
    program = list(arguments) or [*entrypoint, *cmd]
    if not program:
        raise ImageError("no program")
    user = find_user(root, settings.get("User", ""))
    defaults = [*process["env"], f"PATH={DEFAULT_PATH}", f"HOME={user.home}"]
    process["args"] = program
    process["env"] = merge_environment(settings.get("Env", []), defaults)
    process["cwd"] = settings.get("WorkingDir") or "/"
    process["user"] = user.ids()
    config["annotations"] = image_annotations(image)
    return config
