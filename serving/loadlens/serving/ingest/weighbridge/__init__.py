"""Weighbridges and other sensors: from the bytes of a device to readings that the server keeps exactly once."""
