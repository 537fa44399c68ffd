"""A second, independent DKIM verifier: OpenDKIM's library, asked through ctypes, where it is installed."""

import ctypes
import ctypes.util
from pathlib import Path

LIBRARY = ctypes.util.find_library("opendkim")

# dkim.h of OpenDKIM 2.11: dkim_opts_t and dkim_query_t.
_SETOPT, _QUERYMETHOD, _QUERYINFO, _QUERY_FILE = 1, 6, 7, 1


class OpenDkim:
    """Verifies against the public keys of a file of lines ``name record``, so that no DNS is needed."""

    def __init__(self, keys: Path) -> None:
        self._api = ctypes.CDLL(LIBRARY)
        self._api.dkim_init.restype = ctypes.c_void_p
        self._api.dkim_verify.restype = ctypes.c_void_p
        self._lib = ctypes.c_void_p(self._api.dkim_init(None, None))
        method, name = ctypes.c_int(_QUERY_FILE), ctypes.create_string_buffer(str(keys).encode())
        for option, value, size in (
            (_QUERYMETHOD, ctypes.byref(method), 4),
            (_QUERYINFO, name, len(name) - 1),
        ):
            if self._api.dkim_options(self._lib, _SETOPT, option, value, ctypes.c_size_t(size)) != 0:
                raise RuntimeError("libopendkim refuses an option")

    def verifies(self, raw: bytes) -> bool:
        """True if the first signature is good."""
        status = ctypes.c_int()
        job = ctypes.c_void_p(self._api.dkim_verify(self._lib, b"test", None, ctypes.byref(status)))
        try:
            self._api.dkim_chunk(job, raw, ctypes.c_size_t(len(raw)))
            self._api.dkim_chunk(job, None, ctypes.c_size_t(0))
            return bool(self._api.dkim_eom(job, ctypes.byref(status)) == 0)
        finally:
            self._api.dkim_free(job)
