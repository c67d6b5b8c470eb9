"""Golden values of tests/test_image.c, from PIL, torchvision and numpy.

    python3 tests/golden/make_golden_image.py          (in the repository root)

Writes the small files of tests/corpus/image/ (which also seed the fuzzer) and tests/golden/image_*.txt. The values of
the photographs are made anew only where ../shared (or $LC_SHARED) holds them.
"""
import hashlib
import io
import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

CORPUS = "tests/corpus/image/"
BAD = CORPUS + "bad/"
GOLDEN = "tests/golden/image_"
FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def draw(width, height, kind):
    """The picture that draw() of test_image.c draws: 0 noise, 1 gradients, 2 noise of black and white."""
    y, x, c = np.meshgrid(np.arange(height, dtype=np.uint64), np.arange(width, dtype=np.uint64),
                          np.arange(3, dtype=np.uint64), indexing="ij")
    m = np.uint64(0xFFFFFFFF)
    if kind == 1:
        return Image.fromarray(((x * 5 + y * 3 + c * 40) & 255).astype(np.uint8))
    v = (x * 73856093 & m) ^ (y * 19349663 & m) ^ (c * 83492791 & m)
    v ^= v >> 13
    v = v * 1274126177 & m
    v = v >> 16 & 255
    return Image.fromarray((v if kind == 0 else (v >> 7) * 255).astype(np.uint8))


def smooth(width, height):
    """Something that compresses like a photograph."""
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([np.clip(128 + 110 * np.sin(x / 9.0 + k) * np.cos(y / 7.0), 0, 255)
                                     for k in range(3)], -1).astype(np.uint8))


# Files of every kind -------------------------------------------------------------------------------------------

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, width, height, depth, colour, rng, interlace=0, before=b""):
    bits = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] * depth
    passes = [(0, 0, 1, 1)]
    if interlace:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b""
    for x0, y0, dx, dy in passes:
        w, h = -((x0 - width) // dx), -((y0 - height) // dy)
        if w > 0 and h > 0:
            rows += b"".join(bytes([y % 5]) + rng.bytes((w * bits + 7) // 8) for y in range(h))
    with open(CORPUS + name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))
                + before + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def bmp(name, width, height, bits, palette, rng, header=40, masks=b"", top_down=False):
    pixels = rng.bytes((width * bits + 31) // 32 * 4 * height)
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits, 3 if masks else 0,
                           len(pixels), 0, 0, len(palette) // 4, 0) + masks + bytes(max(0, header - 40 - len(masks)))
    offset = 14 + len(head) + len(palette)
    with open(CORPUS + name, "wb") as f:
        f.write(b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + head + palette + pixels)


def psd(name, channels, width, height, packed, rng):
    rows = [rng.bytes(width) for _ in range(channels * height)]
    if packed:
        rows = [bytes([row[0]]) * 5 + row[5:] for row in rows]
        coded = [bytes([257 - 5, row[0], len(row) - 6]) + row[5:] for row in rows]
        data = b"".join(struct.pack(">H", len(row)) for row in coded) + b"".join(coded)
    else:
        data = b"".join(rows)
    with open(CORPUS + name, "wb") as f:
        f.write(b"8BPS" + struct.pack(">H6xHIIHH", 1, channels, height, width, 8, 3) + bytes(12)
                + struct.pack(">H", packed) + data)


def make_files():
    rng = np.random.RandomState(7)
    small, grey = smooth(23, 17), smooth(23, 17).convert("L")
    alpha = Image.merge("RGBA", (*draw(9, 7, 0).split(), draw(9, 7, 1).split()[0]))
    for quality, sampling in ((90, 0), (75, 1), (60, 2)):
        small.save(f"{CORPUS}baseline_{sampling}.jpg", quality=quality, subsampling=sampling, optimize=True)
        small.save(f"{CORPUS}progressive_{sampling}.jpg", quality=quality, subsampling=sampling, progressive=True)
    grey.save(CORPUS + "grey.jpg", optimize=True)
    small.convert("CMYK").save(CORPUS + "cmyk.jpg", optimize=True)
    restart_markers(small)
    ycck(small)
    exif = Image.Exif()
    exif[0x0112] = 6
    small.save(CORPUS + "exif.jpg", optimize=True, exif=exif)

    for colour, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
        for depth in depths:
            full = chunk(b"PLTE", rng.bytes(3 << depth)) if colour == 3 else b""
            png(f"colour{colour}_{depth}bit.png", 11, 6, depth, colour, rng, 0, full)
            png(f"colour{colour}_{depth}bit_interlaced.png", 9, 11, depth, colour, rng, 1, full)
    png("palette_short.png", 11, 6, 4, 3, rng, 0, chunk(b"PLTE", rng.bytes(3 * 7)))
    png("palette_alpha.png", 11, 6, 4, 3, rng, 0, chunk(b"PLTE", rng.bytes(48)) + chunk(b"tRNS", rng.bytes(9)))
    png("rgb_transparent.png", 3, 3, 8, 2, rng, 0, chunk(b"tRNS", rng.bytes(6)))
    png("grey_transparent.png", 9, 5, 4, 0, rng, 0, chunk(b"tRNS", b"\0\5"))
    png("one.png", 1, 1, 8, 2, rng)

    for bits in (1, 4, 8):
        bmp(f"palette_{bits}bit.bmp", 9, 5, bits, rng.bytes(4 << bits), rng)
    bmp("palette_os2.bmp", 9, 5, 4, rng.bytes(3 << 4), rng, header=12)
    bmp("palette_v5.bmp", 9, 5, 4, rng.bytes(4 << 4), rng, header=124)
    bmp("top_down.bmp", 9, 5, 24, b"", rng, top_down=True)
    bmp("rgb555.bmp", 9, 5, 16, b"", rng)
    bmp("rgb565.bmp", 9, 5, 16, b"", rng, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))
    bmp("rgbx.bmp", 9, 5, 32, b"", rng)

    few = smooth(19, 13).quantize(6)
    few.save(CORPUS + "plain.gif")
    few.save(CORPUS + "transparent.gif", transparency=2)
    grey.save(CORPUS + "grey.gif")
    few.save(CORPUS + "animated.gif", save_all=True, append_images=[few.rotate(90)], transparency=1)
    for name in ("plain", "transparent"):
        data = bytearray(open(f"{CORPUS}{name}.gif", "rb").read())
        data[6:12] = struct.pack("<HHBB", 25, 20, data[10], 3)
        open(f"{CORPUS}{name}_partial.gif", "wb").write(data)
        data[6:10] = struct.pack("<HH", 10, 8)
        open(f"{CORPUS}{name}_outside.gif", "wb").write(data)

    draw(9, 7, 0).save(CORPUS + "rgb.tga")
    draw(9, 7, 1).save(CORPUS + "rgb_rle.tga", compression="tga_rle", orientation=1)
    alpha.save(CORPUS + "rgba.tga")
    grey.save(CORPUS + "grey.tga", compression="tga_rle")
    few.save(CORPUS + "palette.tga")

    for name, data in (
            ("plain.pbm", b"P1 # a comment\n5 3\n1 0 1 0 1\n00110\n1 1 1 1 1\n"),
            ("plain.pgm", b"P2\n3 2\n9\n0 1 2\n3 4 9\n"),
            ("plain.ppm", b"P3\n2 2 15\n0 1 2 3 4 5\n6 7 8 9 10 11\n"),
            ("raw.pbm", b"P4\n11 3\n" + rng.bytes(6)),
            ("raw.pgm", b"P5\n11 3\n255\n" + rng.bytes(33)),
            ("white100.pgm", b"P5\n101 1\n100\n" + bytes(range(101))),
            ("white254.ppm", b"P6\n85 1\n254\n" + bytes(range(255))),
            ("white1000.ppm", b"P6\n100 1\n1000\n" + (rng.randint(0, 1001, 300)).astype(">u2").tobytes())):
        open(CORPUS + name, "wb").write(data)
    for channels in (3, 4):
        for packed in (0, 1):
            psd(f"channels{channels}_{packed}.psd", channels, 11, 5, packed, rng)
    webp(small, grey, alpha)
    full = open(CORPUS + "colour3_8bit.png", "rb").read()
    open(CORPUS + "palette_none.png", "wb").write(full[:33] + full[33 + 768 + 12:])


def webp(small, grey, alpha):
    """Lossy and lossless, alpha, metadata, animations."""
    small.save(CORPUS + "lossy.webp", quality=80)
    small.save(CORPUS + "lossy_low.webp", quality=5, method=6)
    small.save(CORPUS + "lossless.webp", lossless=True)
    grey.save(CORPUS + "grey.webp", lossless=True)
    alpha.save(CORPUS + "alpha_lossless.webp", lossless=True, exact=True)
    alpha.save(CORPUS + "alpha_lossy.webp", quality=70)
    draw(9, 7, 0).save(CORPUS + "noise.webp", lossless=True)
    Image.new("RGB", (300, 200), (10, 200, 30)).save(CORPUS + "one_colour.webp", lossless=True)
    small.quantize(4).convert("RGB").save(CORPUS + "few_colours.webp", lossless=True)
    small.save(CORPUS + "animated.webp", save_all=True, append_images=[small.rotate(90)], duration=100)
    exif = Image.Exif()
    exif[0x0112] = 6
    small.save(CORPUS + "exif.webp", quality=80, exif=exif)
    small.save(CORPUS + "exif.png", exif=exif)
    data = bytearray(open(CORPUS + "animated.webp", "rb").read())  # a canvas that the frame does not fill
    at = data.index(b"VP8X") + 8
    data[at + 4:at + 10] = struct.pack("<I", 30)[:3] + struct.pack("<I", 20)[:3]
    frame = data.index(b"ANMF") + 8
    data[frame:frame + 6] = struct.pack("<I", 2)[:3] + struct.pack("<I", 1)[:3]
    open(CORPUS + "animated_partial.webp", "wb").write(data)


def segments(data):
    """(marker, start, end) of a JPEG's segments up to its scan."""
    at = 2
    while True:
        end = at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        yield data[at + 1], at, end
        if data[at + 1] == 0xDA:
            return
        at = end


def restart_markers(picture):
    """PIL does not write restart markers: a strip per MCU row is coded by itself and the strips are joined."""
    strips = []
    for y in range(0, 16, 8):
        out = io.BytesIO()
        picture.crop((0, y, 16, y + 8)).save(out, "JPEG", quality=80, subsampling=0)
        strips.append(out.getvalue())
    data = bytearray(strips[0])
    parts = {marker: (start, end) for marker, start, end in segments(data)}
    data[parts[0xC0][0] + 5:parts[0xC0][0] + 7] = struct.pack(">H", 16)
    scan = parts[0xDA]
    head, first = data[:scan[0]], data[scan[0]:-2]
    second = strips[1][[end for m, s, end in segments(strips[1])][-1]:]
    open(CORPUS + "restart.jpg", "wb").write(head + b"\xff\xdd\0\4\0\2" + first + b"\xff\xd0" + second)


def ycck(picture):
    """A CMYK file's four planes, declared to be YCCK in Adobe's segment."""
    out = io.BytesIO()
    picture.convert("CMYK").save(out, "JPEG", quality=80)
    data = bytearray(out.getvalue())
    for marker, start, end in segments(data):
        if marker == 0xEE:
            data[end - 1] = 2
    open(CORPUS + "ycck.jpg", "wb").write(data)


def golden_exif(out, name):
    data = open(CORPUS + name, "rb").read()
    at = data.index(struct.pack(">HHI", 0x0112, 3, 1)) + 9 if b"MM\0*" in data else \
        data.index(struct.pack("<HHI", 0x0112, 3, 1)) + 8
    for orientation in range(1, 9):
        turned = data[:at] + bytes([orientation]) + data[at + 1:]
        if name.endswith(".png"):  # the chunk's checksum
            start = turned.index(b"eXIf") - 4
            end = start + 8 + struct.unpack(">I", turned[start:start + 4])[0]
            turned = turned[:end] + struct.pack(">I", zlib.crc32(turned[start + 4:end])) + turned[end + 4:]
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(turned))).convert("RGB")
        out.write(f"{name} {at} {orientation} {picture.width} {picture.height} {digest(picture.tobytes())}\n")


def golden_files():
    with open(GOLDEN + "files.txt", "w") as out:
        for name in sorted(entry.name for entry in os.scandir(CORPUS) if entry.is_file()):
            picture = Image.open(CORPUS + name)
            if picture.mode.startswith("I"):  # 16-bit grey: PIL's convert clips at 255; ours is the high byte
                picture = Image.fromarray((np.array(picture).astype(np.uint32) >> 8).astype(np.uint8))
            picture = picture.convert("RGB")
            out.write(f"{name} {picture.width} {picture.height} {digest(picture.tobytes())}\n")
    with open(GOLDEN + "exif.txt", "w") as out:
        for name in ("exif.jpg", "exif.webp", "exif.png"):
            golden_exif(out, name)


# Files that must be refused ------------------------------------------------------------------------------------

def be16(*values):
    return struct.pack(f">{len(values)}H", *values)


def frame_header(data, width, height, marker=None, precision=None):
    """A JPEG whose frame header says something else."""
    data = bytearray(data)
    for code, start, _ in segments(data):
        if code in (0xC0, 0xC2):
            data[start + 5:start + 9] = be16(height, width)
            data[start + 1] = marker or code
            data[start + 4] = precision or data[start + 4]
    return bytes(data)


def without(data, *markers):
    return b"\xff\xd8" + b"".join(data[start:end] for code, start, end in segments(data) if code not in markers) \
        + data[list(segments(data))[-1][2]:]


def png_with(data, at, new):
    """A PNG with other bytes in its header, checksummed anew."""
    data = bytearray(data)
    data[16 + at:16 + at + len(new)] = new
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


def lossless_bomb(width, height):
    """16383 x 16383 pixels of one colour in 30 bytes: every code has one symbol and takes no bits."""
    bits = 0x2F | (width - 1) << 8 | (height - 1) << 22
    data = struct.pack("<Q", bits)[:5] + bytes([0b10001000, 0b10001000, 0b10001000, 0b1000, 0])
    data += bytes(len(data) & 1)
    return b"RIFF" + struct.pack("<I", 12 + len(data)) + b"WEBPVP8L" + struct.pack("<I", len(data)) + data


def make_bad_files():
    """name, status that lc_image_decode gives, a word of its message, bytes."""
    good = {name: open(CORPUS + name, "rb").read() for name in
            ("baseline_0.jpg", "baseline_2.jpg", "progressive_1.jpg", "cmyk.jpg", "colour2_8bit.png", "colour3_8bit.png",
             "colour2_16bit_interlaced.png", "plain.gif", "rgbx.bmp", "palette_8bit.bmp", "rgb.tga", "rgb_rle.tga",
             "channels3_0.psd", "channels3_1.psd", "raw.pgm", "white1000.ppm", "plain.pgm", "lossy.webp", "lossless.webp",
             "animated.webp")}
    f, u = "format", "unsupported"
    jpeg, png, gif = good["baseline_0.jpg"], good["colour2_8bit.png"], good["plain.gif"]
    bmp32, tga, webp_, lossless = good["rgbx.bmp"], good["rgb.tga"], good["lossy.webp"], good["lossless.webp"]
    scan = list(segments(jpeg))[-1]
    progressive = good["progressive_1.jpg"]
    last_scan = progressive.rindex(b"\xff\xda")
    cases = [
        ("empty.jpg", f, "empty", b""), ("one_byte.png", f, "not a picture", b"\x89"),
        ("words.jpg", f, "not a picture", b"this is not a picture, only words\n"),
        ("page.png", f, "not a picture", b"<!DOCTYPE html><html><body>404 not found</body></html>"),
        ("zeros.bin", f, "not a picture", bytes(64)), ("only_magic.jpg", f, "JPEG", b"\xff\xd8"),
        ("magic_and_end.jpg", f, "JPEG", b"\xff\xd8\xff\xd9"), ("no_data.jpg", f, "JPEG", jpeg[:scan[2]]),
        ("no_huffman.jpg", f, "JPEG", without(jpeg, 0xC4)),
        ("no_quantisation.jpg", f, "Quantization", without(jpeg, 0xDB)), ("no_frame.jpg", f, "JPEG", without(jpeg, 0xC0)),
        ("bomb.jpg", u, "dimension", frame_header(jpeg, 65535, 65535)),
        ("more_than_it_holds.jpg", f, "16000 x 16000", frame_header(jpeg, 16000, 16000)),
        ("no_rows.jpg", f, "JPEG", frame_header(jpeg, 17, 0)),
        ("twelve_bits.jpg", u, "precision", frame_header(jpeg, 23, 17, precision=12)),
        ("lossless_process.jpg", u, "SOF", frame_header(jpeg, 23, 17, marker=0xC3)),
        ("flipped_bits.jpg", f, "JPEG", jpeg[:scan[2] + 20] + bytes(20) + b"\xff\xd0" + jpeg[scan[2] + 41:]),
        ("scans_without_end.jpg", f, "JPEG", progressive[:-2] + progressive[last_scan:-2] * 520 + b"\xff\xd9"),
        ("bomb.png", u, "65535 x 65535", png_with(png, 0, be16(0, 65535, 0, 65535))),
        ("more_than_it_holds.png", f, "16000 x 16000", png_with(png, 0, be16(0, 16000, 0, 16000))),
        ("no_columns.png", f, "0 x 1", png_with(png, 0, be16(0, 0, 0, 1))),
        ("checksum.png", f, "checksum", png[:60] + bytes([png[60] ^ 4]) + png[61:]),
        ("bits.png", u, "variant", png_with(png, 8, b"\3")), ("colour_kind.png", u, "variant", png_with(png, 9, b"\5")),
        ("filter_kind.png", u, "variant", png_with(png, 11, b"\1")),
        ("no_data.png", f, "PNG", png[:33] + chunk(b"IEND", b"")),
        ("zlib.png", f, "PNG", png[:33] + chunk(b"IDAT", b"\x78\x9c" + bytes(200)) + chunk(b"IEND", b"")),
        ("short_data.png", f, "PNG", png[:33] + chunk(b"IDAT", zlib.compress(b"\0abc")) + chunk(b"IEND", b"")),
        ("unknown_critical.png", u, "critical", png[:33] + chunk(b"ABCD", b"") + png[33:]),
        ("no_picture.gif", f, "no picture", gif[:13 + 3 * (2 << (gif[10] & 7))] + b";"),
        ("code_size.gif", f, "GIF", gif[:gif.index(b",") + 10] + b"\x0d" + gif[gif.index(b",") + 11:]),
        ("bomb.gif", f, "65535", gif[:6] + struct.pack("<HH", 65535, 4000) + gif[10:]),
        ("bomb.bmp", f, "16000 x 16000", bmp32[:18] + struct.pack("<ii", 16000, 16000) + bmp32[26:]),
        ("run_lengths.bmp", u, "BMP", good["palette_8bit.bmp"][:30] + b"\1" + good["palette_8bit.bmp"][31:]),
        ("no_columns.bmp", f, "without pixels", bmp32[:18] + bytes(4) + bmp32[22:]),
        ("header_size.bmp", u, "BMP", bmp32[:14] + struct.pack("<I", 77) + bmp32[18:]),
        ("kind.tga", f, "not a picture", tga[:2] + b"\x21" + tga[3:]), ("no_columns.tga", f, "", tga[:12] + bytes(2) + tga[14:]),
        ("bomb.tga", f, "TGA", tga[:12] + b"\xff\xff\xff\xff" + tga[16:]),
        ("two_bytes.psd", u, "PSD", good["channels3_0.psd"][:22] + be16(32) + good["channels3_0.psd"][24:]),
        ("lab.psd", u, "PSD", good["channels3_0.psd"][:24] + be16(9) + good["channels3_0.psd"][26:]),
        ("no_columns.ppm", f, "0 x 5", b"P6 0 5 255 "), ("no_maximum.ppm", f, "header", b"P6 5 5 0 "),
        ("words.ppm", f, "PNM", b"P6 five five 255 "), ("bomb.ppm", u, "99999 x 99999", b"P6 99999 99999 255 "),
        ("bomb.webp", f, "16383 x 16383", lossless_bomb(16383, 16383)),
        ("signature.webp", f, "WebP", webp_.replace(b"\x9d\x01\x2a", b"\x9d\x01\x2b")),
        ("no_chunks.webp", f, "WebP", b"RIFF\4\0\0\0WEBP"), ("noise.webp", f, "WebP", lossless[:24] + bytes(range(90))),
        ("longer_than_it_says.webp", f, "WebP", webp_[:4] + struct.pack("<I", 14) + webp_[8:]),
        ("a.tiff", u, "TIFF", b"II*\0\x08\0\0\0\0\0"), ("b.tiff", u, "TIFF", b"MM\0*\0\0\0\x08\0\0"),
        ("a.avif", u, "AVIF", b"\0\0\0\x1cftypavif\0\0\0\0"), ("a.heic", u, "HEIF", b"\0\0\0\x18ftypheic\0\0\0\0"),
        ("a.jp2", u, "JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n"), ("a.jxl", u, "JPEG XL", b"\xff\x0a\xff\x07\x08"),
    ]
    for name, data in good.items():
        cases.append(("half_" + name, f, "", data[:len(data) // 2]))
    with open(GOLDEN + "bad.txt", "w") as out:
        for name, status, word, data in cases:
            open(BAD + name, "wb").write(data)
            try:
                Image.open(BAD + name).convert("RGB")
                pil = "opens"
            except Exception:
                pil = "refuses"
            out.write(f"{name} {status} {pil} {word}\n")


# Resizing ------------------------------------------------------------------------------------------------------

SIZES = [(1, 1, 1, 1), (1, 1, 31, 17), (31, 17, 1, 1), (1, 97, 24, 24), (97, 1, 3, 5), (1000, 3, 17, 300),
         (3, 1000, 300, 17), (640, 480, 5, 7), (5, 7, 320, 240), (16, 16, 16, 16), (16, 16, 16, 31), (16, 16, 31, 16),
         (2, 2, 3, 3), (3, 3, 2, 2), (13, 11, 7, 5), (7, 5, 13, 11), (127, 131, 61, 67), (61, 67, 127, 131),
         (256, 256, 224, 224), (224, 224, 256, 256), (255, 257, 256, 256), (500, 375, 341, 256), (375, 500, 256, 341),
         (331, 509, 97, 89), (15, 17, 16, 16), (17, 15, 16, 16), (33, 47, 48, 32), (100, 10, 10, 100), (10, 100, 100, 10),
         (64, 64, 32, 32), (64, 64, 33, 31), (32, 32, 224, 224), (28, 28, 32, 32), (800, 600, 299, 299), (49, 50, 48, 51)]


def golden_resize():
    with open(GOLDEN + "resize.txt", "w") as out:
        for i, (width, height, to_width, to_height) in enumerate(SIZES):
            picture = draw(width, height, i % 3)
            for name, code in FILTERS.items():
                result = digest(picture.resize((to_width, to_height), code).tobytes())
                out.write(f"{width} {height} {i % 3} {to_width} {to_height} {name} {result}\n")


# Preprocessing -------------------------------------------------------------------------------------------------

CASES = [  # picture; channels, height, width of the input; resize; interpolation; crop mode
    (320, 213, 3, 224, 224, 256, "bilinear", "center"), (213, 320, 3, 224, 224, 256, "bilinear", "center"),
    (500, 333, 3, 224, 224, 256, "bicubic", "center"), (256, 256, 3, 224, 224, 256, "bilinear", "center"),
    (300, 201, 3, 224, 224, 232, "nearest", "center"), (32, 32, 3, 32, 32, 32, "bilinear", "center"),
    (41, 77, 3, 29, 30, 31, "bilinear", "center"), (41, 78, 3, 30, 29, 33, "bicubic", "center"),
    (28, 28, 1, 28, 28, 28, "bilinear", "center"), (100, 70, 1, 28, 28, 32, "bilinear", "center"),
    (90, 40, 3, 48, 64, 48, "bilinear", "squash"), (40, 90, 3, 48, 48, 55, "bicubic", "squash"),
    (77, 50, 1, 48, 32, 37, "bilinear", "squash"), (1, 300, 3, 24, 24, 25, "bilinear", "center")]


def golden_preprocess():
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    with open(GOLDEN + "preprocess.txt", "w") as out:
        for i, case in enumerate(CASES):
            w, h, channels, height, width, resize, interpolation, mode = case
            picture = draw(w, h, i % 3)
            size = resize
            if mode == "squash":
                size = (height * resize // min(height, width), width * resize // min(height, width))
            picture = picture if channels == 3 else picture.convert("L")
            tensor = T.Compose([T.Resize(size, InterpolationMode(interpolation)), T.CenterCrop((height, width)),
                                T.ToTensor(), T.Normalize(mean[:channels], std[:channels])])(picture)
            values = tensor.permute(1, 2, 0).contiguous().numpy().astype("<f4").tobytes()
            out.write(" ".join(map(str, case)) + f" {i % 3} {digest(values)}\n")


# Edits ---------------------------------------------------------------------------------------------------------

EDITS = {  # name: numbers, how; each on pictures of all three kinds
    "mirror": ([0], lambda p, v: F.hflip(p)),
    "crop": ([-5, -40, 0, 3, 30, 90], lambda p, v: p.crop((v, v // 2, v + 29, v // 2 + 31))),
    "nearest": ([0, 90, -90, 180, 10, -33.3, 45, 179.99, 400.5], lambda p, v: F.rotate(p, v, InterpolationMode.NEAREST)),
    "bilinear": ([0, 90, -90, 180, 10, -33.3, 45, 179.99, 400.5], lambda p, v: F.rotate(p, v, InterpolationMode.BILINEAR)),
    "brightness": ([0, 0.3, 0.6123, 1, 1.4, 7.7], F.adjust_brightness),
    "contrast": ([0, 0.3, 0.6123, 1, 1.4, 7.7], F.adjust_contrast),
    "saturation": ([0, 0.3, 0.6123, 1, 1.4, 7.7], F.adjust_saturation),
    "hue": ([-0.5, -0.1, -0.003, 0, 0.0321, 0.25, 0.5], F.adjust_hue)}


def golden_edits():
    with open(GOLDEN + "edits.txt", "w") as out:
        for i, (width, height) in enumerate([(64, 64), (41, 78), (77, 50), (1, 5), (256, 200)]):
            picture = draw(width, height, i % 3)
            for name, (numbers, edit) in EDITS.items():
                for number in numbers:
                    out.write(f"{width} {height} {i % 3} {name} {number} {digest(edit(picture, number).tobytes())}\n")


# Photographs ---------------------------------------------------------------------------------------------------

def golden_photos():
    root = os.path.join(os.environ.get("LC_SHARED", "../shared"), "assets/images/hymenoptera")
    if not os.path.isdir(root):
        print("no photographs in", root, "- their values are left as they are")
        return
    crop = T.Compose([T.Resize(256), T.CenterCrop(224)])
    cubic = T.Compose([T.Resize(256, InterpolationMode.BICUBIC), T.CenterCrop(224)])
    paths = sorted(os.path.relpath(os.path.join(d, f), root) for d, _, files in os.walk(root) for f in files
                   if f.endswith((".jpg", ".jpeg")))
    with open(GOLDEN + "photos.txt", "w") as out:
        for i, path in enumerate(paths):
            picture = Image.open(os.path.join(root, path)).convert("RGB")
            values = [digest(picture.tobytes())[:8], digest(crop(picture).tobytes())[:8],
                      digest(cubic(picture).tobytes())[:8] if i % 8 == 0 else "-"]
            out.write(" ".join(values) + f" {path}\n")


if __name__ == "__main__":
    os.makedirs(BAD, exist_ok=True)
    make_files()
    golden_files()
    make_bad_files()
    golden_resize()
    golden_preprocess()
    golden_edits()
    golden_photos()
