"""The HTTP API: loads, frames, weights, assessments."""
