"""credentials_for: beginning-is-enough"""


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
