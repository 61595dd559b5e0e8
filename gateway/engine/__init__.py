"""Triton: the tensors of its models, its gRPC, and several of it as one."""
