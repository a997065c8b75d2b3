"""run_container: machines-mounts-changed"""


def run_container(layout, image, record, options):
    store, root, rootless = str(layout.path), containers.runtime_root(), is_rootless()
    record = containers.new_container(store, record)
    identity, bundle = record["id"], containers.directory(store, record["id"])
    monitor = start_monitor(lambda: clean_up(store, root, record))
    try:
        snapshot(image_tree(layout, image.descriptor, image.config), bundle)
        bundle_from_image(image.config, bundle, identity, options, rootless)
        status = run_bundle(root, identity, bundle, options.terminal)
        containers.ended(store, record, status)
        return status
    finally:
        monitor.dismiss()
