#!/usr/bin/python3
"""Runs a command in which io_uring is forbidden as containers forbid it: a seccomp filter answers EPERM to its three system calls.

    forbid_uring.py WORDS...
"""

import ctypes
import errno
import os
import struct
import sys

URING_CALLS = (425, 426, 427)  # io_uring_setup, _enter, _register: the same on all machines
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
BPF_LOAD_WORD, BPF_JUMP_EQUAL, BPF_RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


class Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = [("count", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def instruction(code, if_true, if_false, operand):
    """struct sock_filter."""
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def forbid():
    code = instruction(BPF_LOAD_WORD, 0, 0, 0)  # the number of the system call
    for at, number in enumerate(URING_CALLS):
        code += instruction(BPF_JUMP_EQUAL, len(URING_CALLS) - at, 0, number)
    code += instruction(BPF_RETURN, 0, 0, ALLOW) + instruction(BPF_RETURN, 0, 0, ERRNO | errno.EPERM)
    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(len(code) // 8, code)
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*words) != 0:
            raise OSError(ctypes.get_errno(), "prctl(%d) failed" % words[0])


if __name__ == "__main__":
    forbid()
    os.execvp(sys.argv[1], sys.argv[1:])
