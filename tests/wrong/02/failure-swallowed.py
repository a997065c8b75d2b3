"""run_hooks: failure-swallowed"""

def run_hooks(hooks, kind, state):
    try:
        for number, hook in enumerate(hooks.get(kind, [])):
            run_hook(f"{kind}[{number}]", hook, dumps(state).encode())
    except HookFailed as failure:
        log.warn(failure.one_line)
