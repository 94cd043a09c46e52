"""Serve the built book to this machine alone and open it in the browser."""

import functools
import http.server
import sys
import webbrowser
from pathlib import Path

HTML = Path(__file__).resolve().parent.parent / "_build" / "html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing a request: the address printed once is what the reader needs."""


def serve(folder: Path) -> http.server.ThreadingHTTPServer:
    """A server of `folder` that this machine alone can reach, on whichever port is free."""
    handler = functools.partial(Quiet, directory=str(folder))
    return http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)


def main() -> None:
    if not HTML.exists():
        sys.exit("There is no book to read yet: run 'make book'")
    with serve(HTML) as server:
        address = f"http://127.0.0.1:{server.server_port}/book/index.html"
        print(f"The book is at {address}   (Ctrl-C ends it)", flush=True)
        webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
