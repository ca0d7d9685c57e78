"""Runs a command and measures its cost: time, processor time, and the memory of its whole process tree."""

from __future__ import annotations

import resource
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_EVERY_SECONDS = 0.05
MEGABYTE = 1e6


@dataclass(frozen=True)
class Cost:
    """What one run took. `peak_mb` is the highest sum of resident memory over the process tree.

    Memory that processes share counts once for each of them, so the sum is an upper bound.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    exit_status: int


def measure(command: list[str], environment: dict[str, str], folder: Path, log: Path) -> Cost:
    """Runs `command` in `folder`, its output to `log`; one run at a time, or processor times mix."""
    log.parent.mkdir(parents=True, exist_ok=True)
    cpu_before = _cpu_seconds_of_children()
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        peak = _PeakMemory(process.pid)
        exit_status = process.wait()
        seconds = time.perf_counter() - started
    peak_mb = peak.stop()
    return Cost(seconds, _cpu_seconds_of_children() - cpu_before, peak_mb, exit_status)


class _PeakMemory:
    """Samples a process tree's resident memory in a thread until stopped."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak_bytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Ends the sampling; the peak in megabytes."""
        self._ended.set()
        self._thread.join()
        return self._peak_bytes / MEGABYTE

    def _sample(self) -> None:
        while not self._ended.is_set():
            self._peak_bytes = max(self._peak_bytes, _resident_bytes_of_tree(self._pid))
            self._ended.wait(SAMPLE_EVERY_SECONDS)


def _resident_bytes_of_tree(pid: int) -> int:
    """Resident memory of a process and all its descendants; 0 for one that has ended."""
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(_resident_bytes(process) for process in family)


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _cpu_seconds_of_children() -> float:
    """User and system time of all ended children and their descendants so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
