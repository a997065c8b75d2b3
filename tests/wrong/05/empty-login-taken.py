"""ask_helper: empty-login-taken"""


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
    username, secret = parse_answer(done.stdout, program)
    if username == IDENTITY_TOKEN_USER:
        return Credentials(username, "", secret)
    return Credentials(username, secret)
