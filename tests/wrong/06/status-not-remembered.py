"""run_container: status-not-remembered"""


def run_container(layout, manifest, record, options):
    store, root, rootless = str(layout.path), containers.runtime_root(), is_rootless()
    become_root()
    record = containers.new_container(store, record)
    identity, bundle = record["id"], containers.directory(store, record["id"])
    caretaker = start_caretaker(lambda: clean_up(store, root, record))
    try:
        image = image_config(layout, manifest)
        snapshot(image_tree(layout, manifest, image), bundle)
        bundle_from_image(image, bundle, identity, options, rootless)
        status = run_bundle(root, identity, bundle, options.terminal)
        return status
    finally:
        caretaker.dismiss()
