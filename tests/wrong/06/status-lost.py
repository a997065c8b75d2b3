"""run_container: status-lost"""


def run_container(layout, image, record, options):
    store, root, rootless = str(layout.path), containers.runtime_root(), is_rootless()
    enter_mount_namespace()
    record = containers.new_container(store, record)
    identity, bundle = record["id"], containers.directory(store, record["id"])
    monitor = start_monitor(lambda: clean_up(store, root, record))
    try:
        snapshot(image_tree(layout, image.descriptor, image.config), bundle)
        bundle_from_image(image.config, bundle, identity, options, rootless)
        status = run_bundle(root, identity, bundle, options.terminal)
        containers.ended(store, record, status)
        return 0
    finally:
        monitor.dismiss()
