"""Whose login is shown to whom."""

import base64
import json

from minicontainer.registry.mirror import embedded_images, pull_image
from minicontainer.registry.server import running_registry
from minicontainer.registry.token_service import TokenService
from minicontainer.step03_image.layout import create_layout
from minicontainer.step03_image.manifest import host_platform
from minicontainer.step04_registry.reference import parse_reference


def test_the_workshops_registry_never_sees_the_login_for_docker_hub(tmp_path, monkeypatch):
    login = {"auth": base64.b64encode(b"ann:secret").decode()}
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {"docker.io": login}}))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    seen = []
    user_of = TokenService.user_of
    monkeypatch.setattr(
        TokenService, "user_of", lambda self, shown: (seen.append(shown), user_of(self, shown))[1]
    )
    with running_registry(embedded_images()) as host:
        monkeypatch.setenv("MINICONTAINER_REGISTRY", host)
        layout = create_layout(tmp_path / "store")
        assert pull_image(layout, parse_reference("workshop/hello"), host_platform())
    assert seen
    assert not any(seen)
