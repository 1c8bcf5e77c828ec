"""What one sandbox may use."""

from msgspec import Struct

MIB = 1024 * 1024
"""Bytes."""


class Limits(Struct, frozen=True):
    """What one sandbox may use. The backend's ``describe()`` says which of these it enforces, and how."""

    memory_bytes: int = 4096 * MIB
    """Memory; from 1. The local backend applies it to each process (``RLIMIT_DATA``), not to their sum."""
    processes: int = 512
    """Processes and threads at one time, in the whole sandbox; from 1."""
    file_bytes: int = 10240 * MIB
    """Largest single file that may be written; from 1."""
    disk_bytes: int = 10240 * MIB
    """What may be written in all, unless the task says; from 1. Watched by ``DiskWatch``, no backend's affair."""
