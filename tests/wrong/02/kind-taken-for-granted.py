"""run_hooks: kind-taken-for-granted"""

def run_hooks(hooks: dict, kind: str, state: dict) -> None:
    for number, hook in enumerate(hooks[kind]):
        try:
            run_hook(f"{kind}[{number}]", hook, dumps(state).encode())
        except HookFailed as failure:
            if kind not in FORGIVEN:
                raise
            log.warn(failure.one_line)
