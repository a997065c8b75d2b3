"""How good are the graded checks? They grade each reference, broken in every small way."""
