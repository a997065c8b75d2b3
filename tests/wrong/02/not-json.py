"""run_hooks: not-json"""

def run_hooks(hooks: dict, kind: str, state: dict) -> None:
    for number, hook in enumerate(hooks.get(kind, [])):
        try:
            run_hook(f"{kind}[{number}]", hook, str(state).encode())
        except HookFailed as failure:
            if kind not in FORGIVEN:
                raise
            log.warn(failure.one_line)
