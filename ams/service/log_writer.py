"""Writes log lines to a file descriptor without making anybody wait for it."""

import os
import select
import stat
import threading

#: Longest time a line that is in no hurry waits before it is written, in seconds.
FLUSH_SECONDS = 0.1
#: Bytes that may wait for a slow reader; lines that come on top are dropped, and counted.
MOST_WAITING_BYTES = 8 * 1024 * 1024
#: Bytes of one write to a regular file, which takes any length as one.
FILE_WRITE_BYTES = 262_144


class LineWriter:
    """Whole lines, several at a time, in the order they came.

    Several processes may share the descriptor: to a pipe, lines go in writes of at most PIPE_BUF
    bytes, which the kernel keeps together; only a single line that is longer may be torn. Until
    `start` and after `stop`, lines are written at once by the caller. In between a thread writes,
    so that a reader which stands still never stops the event loop: lines are dropped in the end.

    Args:
        descriptor: where to; 2 is standard error.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        # Never replaced: appending to it, copying from it and cutting it are one step each.
        self._waiting = bytearray()
        self._dropped = 0
        self._work = threading.Event()
        self._writing = threading.Lock()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def write(self, line: bytes, *, soon: bool = True) -> None:
        """Takes one line, its newline included.

        Args:
            line: what to write.
            soon: false leaves the line until others are written, `FLUSH_SECONDS` at most.
        """
        waiting = self._waiting
        if len(waiting) > MOST_WAITING_BYTES:
            self._dropped += 1
            return
        waiting += line
        if self._thread is None:
            self._write_waiting()
        elif soon:
            self._work.set()

    def start(self) -> None:
        """From now on a thread does the writing."""
        if self._thread is None:
            self._stopping = False
            self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
            self._thread.start()

    def stop(self, timeout: float = 1.0) -> None:
        """Writes what waits and ends the thread, or gives up after `timeout` seconds."""
        thread = self._thread
        if thread is not None:
            self._stopping = True
            self._work.set()
            thread.join(timeout)
            if not thread.is_alive():
                self._thread = None

    def _run(self) -> None:
        while not self._stopping:
            self._work.wait(FLUSH_SECONDS)
            self._work.clear()
            self._write_waiting()
        self._write_waiting()

    def _write_waiting(self) -> None:
        with self._writing:
            while self._waiting:
                text = bytes(self._waiting)
                self._write_lines(text)
                del self._waiting[: len(text)]
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                self._write_all(b'{"level":"warning","msg":"%d log lines dropped"}\n' % dropped)

    def _write_lines(self, text: bytes) -> None:
        """Writes whole lines, as many at a time as stay together."""
        most = self._most_bytes()
        start = 0
        while start < len(text):
            end = text.rfind(b"\n", start, start + most) + 1
            if not end:
                end = text.find(b"\n", start) + 1
            self._write_all(text[start:end])
            start = end

    def _most_bytes(self) -> int:
        """How much one write takes without being torn between processes."""
        try:
            mode = os.fstat(self._descriptor).st_mode
        except OSError:
            return select.PIPE_BUF
        return FILE_WRITE_BYTES if stat.S_ISREG(mode) else select.PIPE_BUF

    def _write_all(self, text: bytes) -> None:
        while text:
            try:
                text = text[os.write(self._descriptor, text) :]
            except BlockingIOError:
                # Somebody who shares the descriptor has made it non-blocking.
                select.select([], [self._descriptor], [], FLUSH_SECONDS)
            except OSError:
                return  # Closed, or its disk is full: there is nowhere left to say so.
