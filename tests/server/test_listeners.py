"""Certificates as files that change."""

import os
import ssl

import pytest

from openecr.server.listeners import Certificate
from tests.server.certificates import make_certificate


def test_a_certificate_that_could_not_be_read_is_tried_again(tmp_path):
    file, key = make_certificate(tmp_path)
    certificate = Certificate(file, key)
    assert not certificate.reload_if_changed()
    content = file.read_bytes()
    file.write_bytes(b"not a certificate")
    seen = file.stat().st_mtime_ns
    with pytest.raises(ssl.SSLError):
        certificate.reload_if_changed()
    file.write_bytes(content)
    os.utime(file, ns=(seen, seen))  # nothing about the file tells that it can be read now
    assert certificate.reload_if_changed()
    assert not certificate.reload_if_changed()
