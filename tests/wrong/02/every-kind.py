"""run_hooks: every-kind"""

def run_hooks(hooks: dict, kind: str, state: dict) -> None:
    hooks_of_all_kinds = [hook for of_a_kind in hooks.values() for hook in of_a_kind]
    for number, hook in enumerate(hooks_of_all_kinds):
        try:
            run_hook(f"{kind}[{number}]", hook, dumps(state).encode())
        except HookFailed as failure:
            if kind not in FORGIVEN:
                raise
            log.warn(failure.one_line)
