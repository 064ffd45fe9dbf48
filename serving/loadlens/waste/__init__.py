"""Solid waste: what a photo may show, its codes, its label and its ledger."""
