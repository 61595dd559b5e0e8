"""One model in a process of its own that takes one job at a time, with a bounded queue before it.

For libraries that can end their process with a wrong pointer: inside Triton's, every request in progress would hang
then. `worker.py` is the side of the backend, `process.py` that of the library. Knows no engine and not Triton.
"""
