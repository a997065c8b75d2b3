"""run_hooks: next-not-run"""

def run_hooks(hooks, kind, state):
    try:
        for number, hook in enumerate(hooks.get(kind, [])):
            run_hook(f"{kind}[{number}]", hook, dumps(state).encode())
    except HookFailed as failure:
        if kind not in FORGIVEN:
            raise
        log.warn(failure.one_line)
