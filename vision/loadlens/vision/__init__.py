"""What the camera sees: frames, bed, surface, layers, hazards; no web, no database, no torch."""
