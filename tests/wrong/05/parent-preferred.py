"""credentials_for: parent-preferred"""


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
