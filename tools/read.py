"""Serve the built book to this machine alone and open it in the browser."""

import functools
import http.server
import webbrowser
from pathlib import Path

HTML = Path(__file__).resolve().parent.parent / "_build" / "html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing a request: the address printed once is what the reader needs."""


def main() -> None:
    handler = functools.partial(Quiet, directory=str(HTML))
    # Port 0: whichever is free.
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        address = f"http://127.0.0.1:{server.server_port}/book/index.html"
        print(f"The book is at {address}   (Ctrl-C ends it)", flush=True)
        webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
