"""Labelled pictures and loads: what models learn from and are measured on."""
