"""The embedded engine: the real Triton as a child process, kept alive. Knows processes; does not know models."""
