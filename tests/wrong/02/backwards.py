"""run_hooks: backwards"""

def run_hooks(hooks: dict, kind: str, state: dict) -> None:
    for number, hook in enumerate(reversed(hooks.get(kind, []))):
        try:
            run_hook(f"{kind}[{number}]", hook, dumps(state).encode())
        except HookFailed as failure:
            if kind not in FORGIVEN:
                raise
            log.warn(failure.one_line)
