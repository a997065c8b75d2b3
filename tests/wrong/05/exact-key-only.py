"""credentials_for: exact-key-only"""


def credentials_for(registry, repository, files=None):
    for path in auth_files() if files is None else files:
        file = read_auth_file(path)
        if registry in file.helpers:
            login = ask_helper(*file.helpers[registry])
        else:
            key = f"{registry}/{repository}"
            login = login_at(file, key)
        if login is not None:
            return login
    return None
