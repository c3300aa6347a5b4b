"""ICC profiles made by hand."""


def linear_profile(kind, levels=()):
    """Make a small ICC profile with the primaries of sRGB or none, linear unless its curve is given as levels 0 to 1.

    ``kind`` is ``RGB `` or ``GRAY``. The layout follows ICC.1:2001-04, sections 6.1 to 6.5.
    """

    def number(value):
        return round(value * 65536).to_bytes(4, "big", signed=True)

    def xyz(*values):
        return b"XYZ \0\0\0\0" + b"".join(map(number, values))

    curve = b"curv\0\0\0\0" + len(levels).to_bytes(4, "big")  # no entries: identity
    curve += b"".join(round(65535 * level).to_bytes(2, "big") for level in levels)
    tags = {
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"desc": b"desc\0\0\0\0\0\0\0\1\0" + bytes(78),
        b"cprt": b"text\0\0\0\0\0",
    }
    if kind == b"RGB ":
        tags |= {b"rXYZ": xyz(0.4361, 0.2225, 0.0139), b"gXYZ": xyz(0.3851, 0.7169, 0.0971)}
        tags |= {b"bXYZ": xyz(0.1431, 0.0606, 0.7141), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    else:
        tags |= {b"kTRC": curve}
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        table += name + (offset + len(body)).to_bytes(4, "big") + len(content).to_bytes(4, "big")
        body += padded
    size = offset + len(body)
    head = size.to_bytes(4, "big") + b"lcms\x02\x40\0\0mntr" + kind + b"XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += number(0.9642) + number(1.0) + number(0.8249) + bytes(48)
    return head + len(tags).to_bytes(4, "big") + table + body
