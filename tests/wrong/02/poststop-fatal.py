"""run_hooks: poststop-fatal"""

def run_hooks(hooks, kind, state):
    for number, hook in enumerate(hooks.get(kind, [])):
        run_hook(f"{kind}[{number}]", hook, dumps(state).encode())
