//! Kinds of files that hold pictures and are not read at all, by their first bytes: so that a refusal names them.

/// Bytes at a place, and what has them there.
const KINDS: [(usize, &[u8], &str); 76] = [
    (0, b"%PDF-", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
    (0, b"AT&TFORM", "DjVu"),
    (0, b"gimp xcf", "GIMP XCF"),
    (0, b"Paint Shop Pro Image File", "Paint Shop Pro"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"#?RGBE", "Radiance HDR"),
    (0, b"SIMPLE  =", "FITS"),
    (128, b"DICM", "DICOM"),
    (0, b"icns", "Apple icon"),
    (0, b"DDS ", "DirectDraw surface"),
    (0, b"qoif", "QOI"),
    (0, b"SDPX", "DPX"),
    (0, b"XPDS", "DPX"),
    (0, b"\x80\x2a\x5f\xd7", "Cineon"),
    (0, b"\x8aMNG\r\n\x1a\n", "MNG"),
    (0, b"\x8bJNG\r\n\x1a\n", "JNG"),
    (0, b"II\xbc\x01", "JPEG XR"),
    (0, b"\x97JB2\r\n\x1a\n", "JBIG2"),
    (0, b"BPG\xfb", "BPG"),
    (0, b"FLIF", "FLIF"),
    (0, b"\xd7\xcd\xc6\x9a", "Windows metafile"),
    (40, b" EMF", "enhanced metafile"),
    (0, b"\x01\xda\x00\x01", "SGI"),
    (0, b"\x01\xda\x00\x02", "SGI"),
    (0, b"\x01\xda\x01\x01", "SGI"),
    (0, b"\x01\xda\x01\x02", "SGI"),
    (0, b"\x59\xa6\x6a\x95", "Sun raster"),
    (0, b"\xb1\x68\xde\x3a", "DCX"),
    (0, b"/* XPM */", "XPM"),
    (0, b"id=ImageMagick", "MIFF"),
    (0, b"\0MRM", "Minolta MRW"),
    (0, b"FOVb", "Sigma X3F"),
    (2048, b"PCD_IPI", "Photo CD"),
    (0, b"DanM", "Microsoft Paint 1"),
    (0, b"LinS", "Microsoft Paint 2"),
    (0, b"Image type: ", "IFUNC IM"),
    (0, b"BLP1", "BLP"),
    (0, b"BLP2", "BLP"),
    (4, b"ftypqt  ", "video"),
    (4, b"ftypisom", "video"),
    (4, b"ftypiso2", "video"),
    (4, b"ftypmp41", "video"),
    (4, b"ftypmp42", "video"),
    (4, b"ftypavc1", "video"),
    (4, b"ftypM4V ", "video"),
    (4, b"ftyp3gp", "video"),
    (8, b"AVI LIST", "video"),
    (0, b"\x1a\x45\xdf\xa3", "video"),
    (0, b"\0\0\x01\xba", "video"),
    (0, b"NITF0", "NITF"),
    (0, b"NSIF0", "NITF"),
    (0, b"LBLSIZE=", "VICAR"),
    (0, b"EHFA_HEADER_TAG", "ERDAS Imagine"),
    (0, b"PCIDSK  ", "PCIDSK"),
    (0, b"\x0e\x03\x13\x01", "HDF"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF"),
    (0, b"CDF\x01", "NetCDF"),
    (0, b"CDF\x02", "NetCDF"),
    (0, b"GRIB", "GRIB"),
    (0, b"BUFR", "BUFR"),
    (0, b"srcdocid:", "CALS"),
    (0, b"\xb6\xa6\xf2\x08", "VIPS"),
    (0, b"\x08\xf2\xa6\xb6", "VIPS"),
    (0, b"\xab\x01", "Khoros VIFF"),
    (0, b"P7 332", "XV thumbnail"),
    (0, b"PG ML ", "PGX"),
    (0, b"PG LM ", "PGX"),
    (0, b"\x80\xe8\0\0", "Pixar"),
    (8, b"ILBMBMHD", "IFF"),
    (8, b"PBM BMHD", "IFF"),
    (20, b"GIMP", "GIMP brush"),
    (522, b"\0\x11\x02\xff", "PICT"),
    (0, b"\0\0\x01\xb3", "video"),
];

/// Bytes among which the root of an SVG is looked for.
const PROLOGUE: usize = 1 << 10;

/// What a file is that nobody here reads; `None` for what is nothing known.
pub(crate) fn kind(bytes: &[u8]) -> Option<&'static str> {
    let at = |&&(at, magic, _): &&(usize, &[u8], &str)| {
        bytes.get(at..).is_some_and(|rest| rest.starts_with(magic))
    };
    KINDS
        .iter()
        .find(at)
        .map(|(.., name)| *name)
        .or_else(|| by_shape(bytes))
}

/// Kinds that take more than one look.
fn by_shape(bytes: &[u8]) -> Option<&'static str> {
    let start = bytes.get(..PROLOGUE).unwrap_or(bytes);
    let has = |words: &[u8]| start.windows(words.len()).any(|window| window == words);
    Some(match *start {
        // Version, run lengths, bits of a sample.
        [0x0a, 0 | 2..=5, 0 | 1, 1 | 2 | 4 | 8, ..] => "PCX",
        // A directory of few pictures, the first of which says nothing of colours it has not.
        [0, 0, kind @ (1 | 2), 0, 1..=64, 0, _, _, _, 0, ..] => match kind {
            1 => "Windows icon",
            _ => "Windows cursor",
        },
        [b'<', ..] | [0xef, 0xbb, 0xbf, b'<', ..] if has(b"<svg") => "SVG",
        // A length, the seventh version, one of three kinds, a depth.
        [0, 0, 0, _, 0, 0, 0, 7, 0, 0, 0, 0..=2, 0, 0, 0, 1..=32, ..] => "X window dump",
        [b'#', b'd', b'e', b'f', ..] if has(b"_width ") && has(b"_height ") => "XBM",
        _ if bytes.ends_with(b"TRUEVISION-XFILE.\0") || targa(bytes) => "Targa",
        _ => return None,
    })
}

/// Whether a file begins as a Targa without its footer does: kinds of palette and picture, a size, bits of a pixel.
fn targa(bytes: &[u8]) -> bool {
    let Some(
        &[
            _,
            palette,
            kind,
            p0,
            p1,
            p2,
            p3,
            entry,
            _,
            _,
            _,
            _,
            w0,
            w1,
            h0,
            h1,
            bits,
            flags,
        ],
    ) = bytes.first_chunk()
    else {
        return false;
    };
    let colours = match (palette, kind & 7) {
        (0, 2 | 3) => [p0, p1, p2, p3, entry] == [0; 5],
        (1, 1) => matches!(entry, 15 | 16 | 24 | 32),
        _ => false,
    };
    let depth = matches!(bits, 8 | 15 | 16 | 24 | 32) && flags & 0xc0 == 0;
    colours && kind & 0xf0 == 0 && depth && [w0, w1] != [0; 2] && [h0, h1] != [0; 2]
}
