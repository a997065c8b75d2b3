"""On top: the commands `minicontainer` and `minirunc`, and what they tell."""
