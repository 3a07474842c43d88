"""How threads wake those who wait in the REST API's event loop."""

import asyncio
import threading


class Notifier:
    """A bell: ``ring`` from any thread wakes every coroutine in ``wait``.

    A ring between two waits is not lost: ``wait`` compares the number of rings with the one its caller saw.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rings = 0
        self._closed = False
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @property
    def rings(self) -> int:
        """How often it rang; read before looking at what the bell is about."""
        return self._rings

    @property
    def closed(self) -> bool:
        """Whether nobody should wait any more."""
        return self._closed

    def ring(self) -> None:
        """Wake all who wait."""
        with self._lock:
            self._rings += 1
            for loop, event in self._waiting:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """Wake all for the last time; later waits return at once."""
        self._closed = True
        self.ring()

    async def wait(self, seen: int, timeout_s: float) -> None:
        """Return when it rang more often than ``seen``, or after the time-out."""
        entry = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            if self._rings != seen or self._closed:
                return
            self._waiting.add(entry)
        try:
            await asyncio.wait_for(entry[1].wait(), timeout_s)
        except TimeoutError:
            return
        finally:
            with self._lock:
                self._waiting.discard(entry)
