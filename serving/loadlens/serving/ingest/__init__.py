"""What comes into the service from the yard: clients of its HTTP API that run beside cameras and scales."""
