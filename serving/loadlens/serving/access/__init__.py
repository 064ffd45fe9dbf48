"""Who may come in: keys of machines, people with passwords and sessions, and what both are called."""
