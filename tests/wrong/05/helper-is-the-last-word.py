"""credentials_for: helper-is-the-last-word"""


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
