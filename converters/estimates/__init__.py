"""What a conversion takes of this machine and what serving its entry will, computed before anything is done.

    shape        the figures of a language model that all else follows from
    weights      bytes of the entry
    conversion   disk and memory of making it
    serving      memory of serving it at a context and a concurrency
    speed        tokens per second, from the memory's bandwidth

Memory is what a process holds and cannot give back: pages of files that are only read are left out, since the system
drops them when it needs the room. Knows arithmetic and figures of libraries that were measured once; measures nothing.
"""

from converters.estimates.conversion import disk_of_conversion, memory_of_conversion, memory_of_measuring

__all__ = ["disk_of_conversion", "memory_of_conversion", "memory_of_measuring"]
