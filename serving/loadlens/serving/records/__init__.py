"""What is recorded of loads and lanes. Every function works inside its caller's transaction (`Loads.writing`)."""
