"""What proves a settlement years later: checking it, handing it to a supplier, keeping it and letting it go."""
