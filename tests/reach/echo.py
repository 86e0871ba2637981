"""Sends 50 MB to a port while it reads: the same bytes must come back, and then the end."""
import hashlib
import os
import socket
import sys
import threading
import time

for attempt in range(50):
    peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
    peer.sendall(b"x")
    peer.settimeout(5)
    try:
        if peer.recv(1) == b"x":
            break
    except OSError:
        pass
    peer.close()
    time.sleep(0.2)
else:
    sys.exit("nothing answers")
peer.settimeout(60)
block = os.urandom(1 << 20)
sent = hashlib.sha256()


def send():
    for number in range(50):
        piece = number.to_bytes(4, "big") + block
        sent.update(piece)
        peer.sendall(piece)
    peer.shutdown(socket.SHUT_WR)


thread = threading.Thread(target=send)
thread.start()
got, total = hashlib.sha256(), 0
while True:
    piece = peer.recv(1 << 16)
    if not piece:
        break
    got.update(piece)
    total += len(piece)
thread.join()
if got.digest() != sent.digest():
    sys.exit(f"{total} bytes came back, and not the same")
