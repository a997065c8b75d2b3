"""run_hooks: state-not-sent"""

def run_hooks(hooks: dict, kind: str, state: dict) -> None:
    for number, hook in enumerate(hooks.get(kind, [])):
        try:
            run_hook(f"{kind}[{number}]", hook, b"")
        except HookFailed as failure:
            if kind not in FORGIVEN:
                raise
            log.warn(failure.one_line)
