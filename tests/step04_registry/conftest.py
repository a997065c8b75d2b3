"""The kit's own images and a registry that has them."""

from tests.registries import images, no_proxies, registry, registry_at, store  # noqa: F401
