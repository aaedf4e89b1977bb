"""The checksum at the end of DUMP payloads and RDB files: CRC-64 of Jones, reflected, beginning with 0.

Python takes bytes one by one at some 10 MB/s. Here a message is one large integer, and its front is folded onto what follows:
x^d modulo the polynomial has few terms for the distances in FOLDS, so a shift and an XOR of large integers for each term move
d bits at once. Messages that are short, and what is left of long ones, go through a table.
"""

POLYNOMIAL = 0xad93d23594c935a9
REFLECTED = int("{:064b}".format(POLYNOMIAL)[::-1], 2)
# Of the distances in each half octave those whose x^d has the fewest terms (14 to 24, where 32 would be usual).
FOLDS = (1987720, 1451724, 1066253, 619492, 288038, 149742, 98260, 76651, 46882, 25724, 16664, 9577, 7004, 4542, 2510, 2034, 1354,
         780, 526)
CHUNK = 1 << 19
SHORT = 160


def _table():
    rows = []
    for row in range(256):
        for _ in range(8):
            row = row >> 1 ^ (REFLECTED if row & 1 else 0)
        rows.append(row)
    return tuple(rows)


TABLE = _table()


def _times(left, right):
    """The product of two polynomials of degree < 64, modulo ours; bit 63 is x^63."""
    product = 0
    for bit in range(63, -1, -1):
        carry = product >> 63
        product = product << 1 & 0xffffffffffffffff
        if carry:
            product ^= POLYNOMIAL
        if right >> bit & 1:
            product ^= left
    return product


def _power(exponent):
    """x^exponent modulo the polynomial."""
    result, square = 1, 2
    while exponent:
        if exponent & 1:
            result = _times(result, square)
        square = _times(square, square)
        exponent >>= 1
    return result


def _fold(distance):
    """(bits that one fold needs, bits that it takes away, shifts of the bits that are taken away)."""
    taken = (distance - 63) // 8 * 8
    terms = _power(distance)
    return 2 * distance, taken, [distance - term - taken for term in range(64) if terms >> term & 1]


STEPS = [_fold(distance) for distance in FOLDS]


def _folded(message, bits):
    """A shorter message with the same checksum: the lowest bit is the highest power."""
    for needed, taken, shifts in STEPS:
        while bits >= needed:
            front = message & (1 << taken) - 1
            message >>= taken
            for shift in shifts:
                message ^= front << shift
            bits -= taken
    return message, bits


def crc64(data, crc=0):
    """The checksum of bytes; `crc` is that of what came before them."""
    for at in range(0, len(data), CHUNK):
        part = data[at:at + CHUNK]
        if len(part) > SHORT:
            message, bits = _folded(int.from_bytes(part, "little") ^ crc, 8 * len(part))
            part, crc = message.to_bytes(bits // 8, "little"), 0
        for byte in part:
            crc = TABLE[crc & 255 ^ byte] ^ crc >> 8
    return crc


def _reversed(value):
    return int("{:064b}".format(value)[::-1], 2)


def joined(front, back, back_bytes):
    """The checksum of two pieces from the checksum of each."""
    return _reversed(_times(_reversed(front), _power(8 * back_bytes))) ^ back
