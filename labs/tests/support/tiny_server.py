"""A server so small that network tests depend on nothing else: greets, says +OK to each line, ends on QUIT or EOF.

``BIG n`` answers with n bytes, ``BYE`` resets the connection. Ends when its own stdin does.
"""

import os
import socket
import struct
import sys
import threading


def serve(sock: socket.socket) -> None:
    with sock, sock.makefile("rb") as lines:
        sock.sendall(b"+OK tiny server ready\r\n")
        for line in lines:
            if line.startswith(b"BYE"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            if line.startswith(b"BIG"):
                sock.sendall(b"x" * int(line.split()[1]))
            sock.sendall(b"+OK\r\n")
            if line.startswith(b"QUIT"):
                return


def accept(listener: socket.socket) -> None:
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock,), daemon=True).start()


listening = socket.create_server((sys.argv[1], int(sys.argv[2])))
print(listening.getsockname()[1], flush=True)
threading.Thread(target=accept, args=(listening,), daemon=True).start()
os.read(0, 1)
os._exit(0)
