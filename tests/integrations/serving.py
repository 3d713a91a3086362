"""A server of somebody else, on loopback: it speaks TLS for real, and answers as a test wants it to."""

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PATIENCE_SECONDS = 10


def answer(body=b"{}", status="200 OK", **headers):
    """A whole answer, as bytes. Header names are written with underscores."""
    lines = {"Content-Length": str(len(body))} | {
        name.replace("_", "-"): value for name, value in headers.items() if value is not None
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


class Server:
    """One connection, one answer. `answers` are by path: bytes, or a function that writes to the connection.

    requests     the heads that came, as texts
    connections  how many came, those that asked nothing too
    names        the names that TLS was asked for
    stopping     set when the test is over; what answers for ever waits on it
    """

    def __init__(self, listener, context):
        self.answers = {}
        self.requests = []
        self.names = []
        self.connections = 0
        self.stopping = threading.Event()
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._context = context
        self._threads = []

    def accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed: the test is over
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection):
        connection.settimeout(PATIENCE_SECONDS)
        with suppress(OSError), connection:  # whoever asked may hang up at any time
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    received = connection.recv(4096)
                    if not received:
                        return
                    head += received
                self.requests.append(head.decode())
                give = self.answers[head.split()[1].decode()]
                if callable(give):
                    give(connection)
                else:
                    connection.sendall(give)

    def stop(self):
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)


@contextmanager
def serving(certificate, *, address="127.0.0.1", port=0):
    """`certificate`: of `make_certificate`; None for plain HTTP."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = Server(socket.create_server((address, port), family=family), context)
    if context is not None:
        context.sni_callback = lambda connection, name, context: server.names.append(name)
    thread = threading.Thread(target=server.accept)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(PATIENCE_SECONDS)


def make_certificate(file, *names, ended=False):
    """A PEM file with a key and a certificate for those names, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{file.name} of a test")])
    now = datetime.now(UTC)
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=-1 if ended else 1))
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file


def _name(name):
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
