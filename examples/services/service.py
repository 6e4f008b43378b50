"""A service without a model: what it is told by the one that starts it, and what it says back.

    modelrun -- python service.py

It answers "hello" on $PORT (8000), or on the socket that systemd hands over (chat.socket).
SIGTERM (systemd, supervisord, Slurm) and Ctrl-C (NSSM, WinSW) end it in good order.
"""

import atexit
import http.server
import os
import signal
import socket
import sys


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello\n")


def listening():
    """The socket of sd_listen_fds(3), else one of our own."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        return socket.socket(fileno=3)
    return socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8000"))))


def tell(state):
    """sd_notify(3)"""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)


def stop(signum, frame):
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
atexit.register(print, "service: stopped", flush=True)

# Load the model here: the service counts as started only after the next lines.
server = http.server.ThreadingHTTPServer(("", 0), Answer, bind_and_activate=False)
server.socket.close()
server.socket = listening()
print(f"service: {os.getpid()} listens on port {server.socket.getsockname()[1]}", flush=True)
tell(f"READY=1\nMAINPID={os.getpid()}")
server.serve_forever()
