"""run_hooks: later-hooks-run"""

def run_hooks(hooks, kind, state):
    first = None
    for number, hook in enumerate(hooks.get(kind, [])):
        try:
            run_hook(f"{kind}[{number}]", hook, dumps(state).encode())
        except HookFailed as failure:
            if kind in FORGIVEN:
                log.warn(failure.one_line)
            else:
                first = first or failure
    if first:
        raise first
