# %% auth_files: environment-of-this-process
def auth_files(environ=os.environ, explicit=""):
    home = os.environ.get("HOME") or os.path.expanduser("~")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    podman = f"{runtime}/containers" if runtime else f"/run/containers/{user_id()}"
    config = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    docker = os.environ.get("DOCKER_CONFIG") or f"{home}/.docker"
    first = explicit or os.environ.get("REGISTRY_AUTH_FILE") or f"{podman}/auth.json"
    return [
        first,
        f"{config}/containers/auth.json",
        f"{docker}/config.json",
        f"{home}/.dockercfg",
    ]


# %% auth_files: missing-files-left-out
def auth_files(environ=os.environ, explicit=""):
    home = environ.get("HOME") or os.path.expanduser("~")
    runtime = environ.get("XDG_RUNTIME_DIR")
    podman = f"{runtime}/containers" if runtime else f"/run/containers/{user_id()}"
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    docker = environ.get("DOCKER_CONFIG") or f"{home}/.docker"
    first = explicit or environ.get("REGISTRY_AUTH_FILE") or f"{podman}/auth.json"
    files = [
        first,
        f"{config}/containers/auth.json",
        f"{docker}/config.json",
        f"{home}/.dockercfg",
    ]
    return [file for file in files if os.path.exists(file)]


# %% auth_files: docker-first
def auth_files(environ=os.environ, explicit=""):
    home = environ.get("HOME") or os.path.expanduser("~")
    runtime = environ.get("XDG_RUNTIME_DIR")
    podman = f"{runtime}/containers" if runtime else f"/run/containers/{user_id()}"
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    docker = environ.get("DOCKER_CONFIG") or f"{home}/.docker"
    first = explicit or environ.get("REGISTRY_AUTH_FILE") or f"{podman}/auth.json"
    return [
        f"{docker}/config.json",
        f"{home}/.dockercfg",
        first,
        f"{config}/containers/auth.json",
    ]


# %% auth_files: named-file-added
def auth_files(environ=os.environ, explicit=""):
    home = environ.get("HOME") or os.path.expanduser("~")
    runtime = environ.get("XDG_RUNTIME_DIR")
    podman = f"{runtime}/containers" if runtime else f"/run/containers/{user_id()}"
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    docker = environ.get("DOCKER_CONFIG") or f"{home}/.docker"
    named = explicit or environ.get("REGISTRY_AUTH_FILE")
    return [
        *([named] if named else []),
        f"{podman}/auth.json",
        f"{config}/containers/auth.json",
        f"{docker}/config.json",
        f"{home}/.dockercfg",
    ]


# %% auth_files: named-file-only
def auth_files(environ=os.environ, explicit=""):
    home = environ.get("HOME") or os.path.expanduser("~")
    runtime = environ.get("XDG_RUNTIME_DIR")
    podman = f"{runtime}/containers" if runtime else f"/run/containers/{user_id()}"
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    docker = environ.get("DOCKER_CONFIG") or f"{home}/.docker"
    named = explicit or environ.get("REGISTRY_AUTH_FILE")
    if named:
        return [named]
    return [
        f"{podman}/auth.json",
        f"{config}/containers/auth.json",
        f"{docker}/config.json",
        f"{home}/.dockercfg",
    ]


# %% auth_files: docker-config-is-a-file
def auth_files(environ=os.environ, explicit=""):
    home = environ.get("HOME") or os.path.expanduser("~")
    runtime = environ.get("XDG_RUNTIME_DIR")
    podman = f"{runtime}/containers" if runtime else f"/run/containers/{user_id()}"
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    docker = environ.get("DOCKER_CONFIG") or f"{home}/.docker/config.json"
    first = explicit or environ.get("REGISTRY_AUTH_FILE") or f"{podman}/auth.json"
    return [
        first,
        f"{config}/containers/auth.json",
        docker,
        f"{home}/.dockercfg",
    ]


# %% auth_files: empty-variable-taken
def auth_files(environ=os.environ, explicit=""):
    home = environ.get("HOME") or os.path.expanduser("~")
    runtime = environ.get("XDG_RUNTIME_DIR")
    podman = f"{runtime}/containers" if runtime else f"/run/containers/{user_id()}"
    config = environ.get("XDG_CONFIG_HOME", f"{home}/.config")
    docker = environ.get("DOCKER_CONFIG", f"{home}/.docker")
    first = explicit or environ.get("REGISTRY_AUTH_FILE") or f"{podman}/auth.json"
    return [
        first,
        f"{config}/containers/auth.json",
        f"{docker}/config.json",
        f"{home}/.dockercfg",
    ]


# %% decode_auth: bytes-left
def decode_auth(text):
    packed = "".join(text.split()).rstrip("=")
    packed += "=" * (-len(packed) % 4)
    try:
        decoded = base64.b64decode(packed, validate=True)
    except ValueError:
        raise BadAuth("this is not base64 of a text") from None
    username, colon, password = decoded.partition(b":")
    if not colon:
        raise BadAuth("there is no colon")
    return username, password.strip(b"\0")


# %% decode_auth: password-cut
def decode_auth(text):
    packed = "".join(text.split()).rstrip("=")
    packed += "=" * (-len(packed) % 4)
    try:
        decoded = base64.b64decode(packed, validate=True).decode()
    except ValueError:
        raise BadAuth("this is not base64 of a text") from None
    parts = decoded.split(":")
    if len(parts) < 2:
        raise BadAuth("there is no colon")
    username, password = parts[0], parts[1]
    return username, password.strip("\0")


# %% decode_auth: name-takes-colons
def decode_auth(text):
    packed = "".join(text.split()).rstrip("=")
    packed += "=" * (-len(packed) % 4)
    try:
        decoded = base64.b64decode(packed, validate=True).decode()
    except ValueError:
        raise BadAuth("this is not base64 of a text") from None
    username, colon, password = decoded.rpartition(":")
    if not colon:
        raise BadAuth("there is no colon")
    return username, password.strip("\0")


# %% decode_auth: padding-required
def decode_auth(text):
    decoded = base64.b64decode(text).decode()
    username, colon, password = decoded.partition(":")
    if not colon:
        raise BadAuth("there is no colon")
    return username, password.strip("\0")


# %% decode_auth: no-base64-accepted
def decode_auth(text):
    packed = "".join(text.split()).rstrip("=")
    packed += "=" * (-len(packed) % 4)
    try:
        decoded = base64.b64decode(packed).decode()
    except ValueError:
        raise BadAuth("this is not base64 of a text") from None
    username, colon, password = decoded.partition(":")
    if not colon:
        raise BadAuth("there is no colon")
    return username, password.strip("\0")


# %% plain_key: port-lost
from urllib.parse import urlsplit


def plain_key(key):
    if "://" in key:
        key = urlsplit(key).hostname
    host, slash, path = key.rstrip("/").partition("/")
    if host in DOCKER_HUB_HOSTS:
        host = "docker.io"
    return host + slash + path


# %% plain_key: letters-stripped
def plain_key(key):
    address = key.lstrip("https://")
    host, _, path = address.partition("/")
    if host in DOCKER_HUB_HOSTS:
        host = "docker.io"
    return f"{host}/{path}" if path and "://" not in key else host


# %% credentials_for: parent-preferred
def credentials_for(registry, repository, files=None):
    for path in auth_files() if files is None else files:
        file = read_auth_file(path)
        if registry in file.helpers:
            return ask_helper(*file.helpers[registry])
        key = registry
        for name in [*repository.split("/"), None]:
            login = login_at(file, key)
            if login is not None:
                return login
            key = f"{key}/{name}"
    return None


# %% credentials_for: beginning-is-enough
def credentials_for(registry, repository, files=None):
    wanted = f"{registry}/{repository}"
    for path in auth_files() if files is None else files:
        file = read_auth_file(path)
        if registry in file.helpers:
            return ask_helper(*file.helpers[registry])
        for key in sorted(file.logins, key=len, reverse=True):
            if wanted.startswith(key):
                return login_at(file, key)
    return None


# %% credentials_for: first-file-only
def credentials_for(registry, repository, files=None):
    for path in auth_files() if files is None else files:
        file = read_auth_file(path)
        if registry in file.helpers:
            login = ask_helper(*file.helpers[registry])
        else:
            key = f"{registry}/{repository}"
            while key not in file.logins and key != registry:
                key = key.rpartition("/")[0]
            login = login_at(file, key)
        return login


# %% credentials_for: last-file-wins
def credentials_for(registry, repository, files=None):
    found = None
    for path in auth_files() if files is None else files:
        file = read_auth_file(path)
        if registry in file.helpers:
            login = ask_helper(*file.helpers[registry])
        else:
            key = f"{registry}/{repository}"
            while key not in file.logins and key != registry:
                key = key.rpartition("/")[0]
            login = login_at(file, key)
        if login is not None:
            found = login
    return found


# %% credentials_for: legacy-key-forgotten
import json


def credentials_for(registry, repository, files=None):
    for path in auth_files() if files is None else files:
        try:
            with open(path) as stream:
                document = json.load(stream)
        except FileNotFoundError:
            continue
        if registry in document.get("credHelpers", {}):
            return ask_helper(document["credHelpers"][registry], registry)
        key = f"{registry}/{repository}"
        while key not in document["auths"] and "/" in key:
            key = key.rpartition("/")[0]
        if document["auths"].get(key):
            return Credentials(*decode_auth(document["auths"][key]["auth"]))
    return None


# %% credentials_for: helper-forgotten
def credentials_for(registry, repository, files=None):
    for path in auth_files() if files is None else files:
        file = read_auth_file(path)
        key = f"{registry}/{repository}"
        while key not in file.logins and key != registry:
            key = key.rpartition("/")[0]
        login = login_at(file, key)
        if login is not None:
            return login
    return None


# %% credentials_for: helper-is-the-last-word
def credentials_for(registry, repository, files=None):
    for path in auth_files() if files is None else files:
        file = read_auth_file(path)
        if registry in file.helpers:
            return ask_helper(*file.helpers[registry])
        key = f"{registry}/{repository}"
        while key not in file.logins and key != registry:
            key = key.rpartition("/")[0]
        login = login_at(file, key)
        if login is not None:
            return login
    return None


# %% ask_helper: server-as-argument
def ask_helper(name, server):
    program = find_helper(name)
    with asking(program, server):
        done = subprocess.run(
            [program, "get", server], capture_output=True, timeout=PATIENCE_SECONDS
        )
    if done.returncode != 0:
        if NOT_FOUND in done.stdout.decode(errors="replace"):
            return None
        raise HelperError(f"failed with exit status {done.returncode}", program)
    username, secret = parse_answer(done.stdout, program)
    if username == IDENTITY_TOKEN_USER:
        return Credentials(username, "", secret)
    if username and secret:
        return Credentials(username, secret)
    return None


# %% ask_helper: answer-taken-on-trust
import json


def ask_helper(name, server):
    program = find_helper(name)
    with asking(program, server):
        done = subprocess.run(
            [program, "get"], input=server.encode(), capture_output=True, timeout=PATIENCE_SECONDS
        )
    if done.returncode != 0:
        if NOT_FOUND in done.stdout.decode(errors="replace"):
            return None
        raise HelperError(f"failed with exit status {done.returncode}", program)
    document = json.loads(done.stdout)
    username, secret = document["Username"], document["Secret"]
    if username == IDENTITY_TOKEN_USER:
        return Credentials(username, "", secret)
    if username and secret:
        return Credentials(username, secret)
    return None


# %% authorize: login-not-used
def authorize(challenges, repository, session, credentials=None):
    for challenge in challenges:
        if challenge.scheme == "bearer":
            token = fetch_token(session, challenge, repository)
            return f"Bearer {token.value}"
    if "basic" not in [challenge.scheme for challenge in challenges]:
        raise LoginNeeded(401, "the registry asks for something that we do not know")
    if credentials is None or not credentials.password:
        raise LoginNeeded(401, "the registry wants a name and a password")
    return basic_login(credentials)["Authorization"]


# %% authorize: header-without-scheme
def authorize(challenges, repository, session, credentials=None):
    for challenge in challenges:
        if challenge.scheme == "bearer":
            token = fetch_token(session, challenge, repository, credentials)
            return token.value
    if "basic" not in [challenge.scheme for challenge in challenges]:
        raise LoginNeeded(401, "the registry asks for something that we do not know")
    if credentials is None or not credentials.password:
        raise LoginNeeded(401, "the registry wants a name and a password")
    return basic_login(credentials)["Authorization"]


# %% authorize: whole-token-in-header
def authorize(challenges, repository, session, credentials=None):
    for challenge in challenges:
        if challenge.scheme == "bearer":
            token = fetch_token(session, challenge, repository, credentials)
            return f"Bearer {token}"
    if "basic" not in [challenge.scheme for challenge in challenges]:
        raise LoginNeeded(401, "the registry asks for something that we do not know")
    if credentials is None or not credentials.password:
        raise LoginNeeded(401, "the registry wants a name and a password")
    return basic_login(credentials)["Authorization"]


# %% authorize: nobody-asked
def authorize(challenges, repository, session, credentials=None):
    if credentials is None:
        raise LoginNeeded(401, "log in first")
    for challenge in challenges:
        if challenge.scheme == "bearer":
            token = fetch_token(session, challenge, repository, credentials)
            return f"Bearer {token.value}"
    if "basic" not in [challenge.scheme for challenge in challenges]:
        raise LoginNeeded(401, "the registry asks for something that we do not know")
    if credentials is None or not credentials.password:
        raise LoginNeeded(401, "the registry wants a name and a password")
    return basic_login(credentials)["Authorization"]


# %% authorize: basic-preferred
def authorize(challenges, repository, session, credentials=None):
    for challenge in challenges:
        if challenge.scheme == "bearer":
            token = fetch_token(session, challenge, repository, credentials)
            return f"Bearer {token.value}"
        if challenge.scheme == "basic" and credentials is not None and credentials.password:
            return basic_login(credentials)["Authorization"]
    raise LoginNeeded(401, "the registry wants a name and a password")


# %% authorize: basic-without-base64
def authorize(challenges, repository, session, credentials=None):
    for challenge in challenges:
        if challenge.scheme == "bearer":
            token = fetch_token(session, challenge, repository, credentials)
            return f"Bearer {token.value}"
    if "basic" not in [challenge.scheme for challenge in challenges]:
        raise LoginNeeded(401, "the registry asks for something that we do not know")
    if credentials is None or not credentials.password:
        raise LoginNeeded(401, "the registry wants a name and a password")
    return f"Basic {credentials.username}:{credentials.password}"


# %% authorize: identity-token-as-password
def authorize(challenges, repository, session, credentials=None):
    for challenge in challenges:
        if challenge.scheme == "bearer":
            token = fetch_token(session, challenge, repository, credentials)
            return f"Bearer {token.value}"
    if "basic" not in [challenge.scheme for challenge in challenges]:
        raise LoginNeeded(401, "the registry asks for something that we do not know")
    if credentials is None:
        raise LoginNeeded(401, "the registry wants a name and a password")
    return basic_login(credentials)["Authorization"]


# %% authorize: basic-for-whatever
def authorize(challenges, repository, session, credentials=None):
    for challenge in challenges:
        if challenge.scheme == "bearer":
            token = fetch_token(session, challenge, repository, credentials)
            return f"Bearer {token.value}"
    if credentials is None or not credentials.password:
        raise LoginNeeded(401, "the registry wants a name and a password")
    return basic_login(credentials)["Authorization"]


# %% authorize: error-by-accident
def authorize(challenges, repository, session, credentials=None):
    offered = {challenge.scheme: challenge for challenge in challenges}
    if "bearer" in offered:
        return "Bearer " + fetch_token(session, offered["bearer"], repository, credentials).value
    if "basic" in offered:
        if not credentials.password:
            raise LoginNeeded(401, "the registry wants a name and a password")
        return basic_login(credentials)["Authorization"]
    raise LoginNeeded(401, "the registry asks for something that we do not know")


# %% authorize: secret-in-message
def authorize(challenges, repository, session, credentials=None):
    for challenge in challenges:
        if challenge.scheme == "bearer":
            token = fetch_token(session, challenge, repository, credentials)
            return f"Bearer {token.value}"
    if "basic" not in [challenge.scheme for challenge in challenges]:
        raise LoginNeeded(401, f"{credentials.username}:{credentials.password} is of no use here")
    if credentials is None or not credentials.password:
        raise LoginNeeded(401, "the registry wants a name and a password")
    return basic_login(credentials)["Authorization"]
