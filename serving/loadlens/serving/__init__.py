"""The service and the command line: everything that meets a person, a camera or a disk."""
