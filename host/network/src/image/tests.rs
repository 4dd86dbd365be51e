use std::path::PathBuf;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, ImageFormat, LumaA, Rgb, Rgba};

use std::fs;

use super::*;
use crate::graph::Border;

const INPUT: Input = Input {
    height: 8,
    width: 10,
    order: PixelOrder::Bgr,
    resize: ResizePolicy::Squash,
    border: Border::NONE,
};

fn gradient(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, 40])
    })
}

fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture
        .into()
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

fn jpeg(picture: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture
        .into()
        .write_to(&mut bytes, ImageFormat::Jpeg)
        .unwrap();
    bytes.into_inner()
}

fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn message(path: PathBuf) -> String {
    let text = load(&path, &INPUT)
        .expect_err("must be refused")
        .to_string();
    assert!(text.contains(&path.display().to_string()), "{text}");
    text
}

#[test]
fn unreadable_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    assert!(message(folder.path().join("missing.png")).contains("give the path"));
    assert!(message(folder.path().to_owned()).contains("not a regular file"));
    assert!(message(file(&folder, "empty.jpg", b"")).contains("empty"));
    let text = file(&folder, "text.jpg", b"This is not a picture.\n");
    assert!(message(text).contains("neither JPEG nor PNG"));
}

#[test]
fn truncated_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("a.jpg", jpeg(gradient(64, 48))),
        ("a.png", png(gradient(64, 48))),
    ] {
        for length in [20, bytes.len() / 4, bytes.len() / 2, bytes.len() * 9 / 10] {
            let text = message(file(&folder, name, &bytes[..length]));
            assert!(
                text.contains("truncated") || text.contains("damaged"),
                "{length}: {text}"
            );
        }
    }
    let whole = jpeg(gradient(64, 48));
    for length in 3..whole.len() - 1 {
        assert!(
            decode(&whole[..length]).is_err(),
            "{length} of {} bytes",
            whole.len()
        );
    }
}

#[test]
fn a_thumbnails_end_is_not_the_pictures_end() {
    let whole = jpeg(gradient(64, 48));
    let mut bytes = whole[..2].to_vec();
    bytes.extend([0xff, 0xe1, 0, 8, 0xff, 0xda, 0, 2, 0xff, 0xd9]);
    bytes.extend(&whole[2..]);
    assert_eq!(decode(&bytes).unwrap(), decode(&whole).unwrap());
    assert!(matches!(
        decode(&bytes[..bytes.len() - 2]),
        Err(ImageErrorKind::Truncated("JPEG"))
    ));
}

#[test]
fn the_contents_decide_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "really_png.jpg", &png(gradient(10, 8)));
    assert_eq!(load(path, &INPUT).unwrap().dim(), (8, 10, 3));
}

#[test]
fn extreme_shapes_work() {
    for (width, height) in [(1, 1), (20_000, 20), (20, 20_000), (30_000, 1)] {
        for resize in [ResizePolicy::Squash, ResizePolicy::CropCenter { short: 12 }] {
            let bytes = png(RgbImage::from_pixel(width, height, Rgb([10, 20, 30])));
            let picture = Picture::decode(&bytes, "test").unwrap();
            let tensor = picture.to_input(&Input { resize, ..INPUT }).unwrap();
            assert_eq!(tensor.dim(), (8, 10, 3));
            let pixel = [30, 20, 10];
            assert!(tensor.indexed_iter().all(|((_, _, c), &v)| v == pixel[c]));
        }
    }
}

#[test]
fn too_many_pixels_are_refused_before_decoding() {
    let one = png(RgbImage::new(1, 1));
    for (width, height) in [(30_001, 1), (29_000, 29_000), (12_000, 11_500)] {
        let text = refusal(&png_of_size(one.clone(), width, height));
        assert!(text.contains("too many"), "{text}");
    }
}

#[test]
fn more_pixels_than_the_bytes_can_hold_are_refused_before_decoding() {
    let small = png_of_size(png(RgbImage::new(1, 1)), 10_000, 9_000);
    let text = refusal(&small);
    assert!(text.contains("cannot hold the 10000x9000 pixels"), "{text}");
    let small = jpeg_of_size(jpeg(image::GrayImage::new(8, 8)), 10_752, 9_000);
    let text = refusal(&small);
    assert!(text.contains("cannot hold the 10752x9000 pixels"), "{text}");
    // What is there is enough for so many: the decoder has the word.
    let small = png_of_size(png(RgbImage::new(1, 1)), 100, 90);
    assert!(!refusal(&small).contains("cannot hold"));
}

#[test]
fn one_colour_compresses_as_far_as_it_will() {
    let grey = image::GrayImage::from_pixel(4000, 3000, image::Luma([128]));
    let mut best = Vec::new();
    image::codecs::png::PngEncoder::new_with_quality(
        &mut best,
        image::codecs::png::CompressionType::Best,
        image::codecs::png::FilterType::NoFilter,
    )
    .write_image(&grey, 4000, 3000, image::ExtendedColorType::L8)
    .unwrap();
    for bytes in [best, jpeg(grey)] {
        assert!(bytes.len() < 150_000, "{}", bytes.len());
        assert_eq!(decode(&bytes).unwrap().dimensions(), (4000, 3000));
    }
}

fn refusal(bytes: &[u8]) -> String {
    Picture::decode(bytes, "huge").unwrap_err().to_string()
}

/// Makes a PNG claim another size.
fn png_of_size(mut bytes: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&bytes[12..29]).to_be_bytes();
    bytes[29..33].copy_from_slice(&sum);
    bytes
}

/// Makes a JPEG claim another size.
fn jpeg_of_size(mut bytes: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    let frame = bytes.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

/// CRC-32 as PNG has it, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |s, _| {
            (s >> 1) ^ (0xedb8_8320 & (s & 1).wrapping_neg())
        })
    })
}

#[test]
fn same_size_keeps_every_pixel_in_the_networks_order() {
    let source = gradient(10, 8);
    let picture = Picture::decode(&png(source.clone()), "test").unwrap();
    let bgr = picture.to_input(&INPUT).unwrap();
    let rgb = picture
        .to_input(&Input {
            order: PixelOrder::Rgb,
            ..INPUT
        })
        .unwrap();
    for (x, y, Rgb([r, g, b])) in source.enumerate_pixels() {
        let at = |t: &Array3<u8>, c| t[(y as usize, x as usize, c)];
        assert_eq!([at(&bgr, 0), at(&bgr, 1), at(&bgr, 2)], [*b, *g, *r]);
        assert_eq!([at(&rgb, 0), at(&rgb, 1), at(&rgb, 2)], [*r, *g, *b]);
    }
}

#[test]
fn squash_takes_all_and_crop_takes_the_middle() {
    // Black on the left and right fifth, white between.
    let source = RgbImage::from_fn(50, 20, |x, _| {
        Rgb([if (10..40).contains(&x) { 255 } else { 0 }; 3])
    });
    let picture = Picture::decode(&png(source), "test").unwrap();
    let squashed = picture.to_input_of(&INPUT, 20, 50).unwrap();
    assert_eq!((squashed[(10, 0, 0)], squashed[(10, 25, 0)]), (0, 255));
    let input = Input {
        resize: ResizePolicy::CropCenter { short: 20 },
        ..INPUT
    };
    let cut = picture.to_input_of(&input, 20, 20).unwrap();
    assert!(cut.iter().all(|&v| v == 255));
}

#[test]
fn grey_alpha_and_16_bits_become_rgb() {
    let grey = image::GrayImage::from_pixel(4, 4, image::Luma([77]));
    let grey_alpha = image::GrayAlphaImage::from_pixel(4, 4, LumaA([77, 0]));
    let alpha = image::RgbaImage::from_pixel(4, 4, Rgba([77, 77, 77, 0]));
    let deep = image::ImageBuffer::from_pixel(4, 4, Rgb([77u16 * 257; 3]));
    for bytes in [
        png(grey.clone()),
        png(grey_alpha),
        png(alpha),
        png(deep),
        jpeg(grey),
    ] {
        let tensor = Picture::decode(&bytes, "test")
            .unwrap()
            .to_input(&INPUT)
            .unwrap();
        assert!(tensor.iter().all(|&v| v.abs_diff(77) <= 1));
    }
}

#[test]
fn exif_orientation_is_followed() {
    // Orientation 6: the camera was turned, so the stored left edge belongs on top.
    let exif = [
        b'I', b'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
    ];
    let source = RgbImage::from_fn(32, 16, |x, _| Rgb([if x < 16 { 255 } else { 0 }; 3]));
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    encoder
        .write_image(&source, 32, 16, image::ExtendedColorType::Rgb8)
        .unwrap();
    let picture = Picture::decode(&bytes, "test").unwrap();
    assert_eq!(picture.size(), (16, 32));
    let tensor = picture.to_input_of(&INPUT, 32, 16).unwrap();
    assert!(tensor[(2, 8, 0)] > 200 && tensor[(29, 8, 0)] < 50);
}

#[test]
fn an_input_size_of_zero_is_refused() {
    let picture = Picture::decode(&png(gradient(4, 4)), "test").unwrap();
    assert!(picture.to_input_of(&INPUT, 0, 10).is_err());
    assert!(picture.to_input_of(&INPUT, 10, usize::MAX).is_err());
}

#[test]
fn a_border_is_drawn_around_the_scaled_picture() {
    let picture = Picture::decode(&png(gradient(20, 16)), "test").unwrap();
    let border = Border {
        top: 1,
        left: 2,
        bottom: 3,
        right: 0,
        pixel: [7, 8, 9],
    };
    let bordered = Input {
        height: 12,
        width: 12,
        border,
        ..INPUT
    };
    let inner = picture.to_input(&INPUT).unwrap();
    let whole = picture.to_input(&bordered).unwrap();
    assert_eq!(whole.dim(), (12, 12, 3));
    for ((y, x, c), &value) in whole.indexed_iter() {
        let wanted = match (y.checked_sub(1), x.checked_sub(2)) {
            (Some(y), Some(x)) if y < 8 => inner[(y, x, c)],
            _ => border.pixel[c],
        };
        assert_eq!(value, wanted, "{y} {x} {c}");
    }
    let error = picture
        .to_input_of(&bordered, 4, 12)
        .unwrap_err()
        .to_string();
    assert!(error.contains("4 of its rows"), "{error}");
}

#[test]
fn grey_is_pillow_s_brightness_three_times() {
    // Of Image.new("RGB", (1, 1), colour).convert("L").
    for (colour, grey) in [
        ([255, 0, 0], 76),
        ([0, 255, 0], 150),
        ([0, 0, 255], 29),
        ([10, 200, 30], 124),
        ([255, 255, 255], 255),
    ] {
        let picture = Picture::decode(&png(RgbImage::from_pixel(4, 4, Rgb(colour))), "test");
        let input = Input {
            order: PixelOrder::Grey,
            ..INPUT
        };
        let tensor = picture.unwrap().to_input(&input).unwrap();
        assert!(
            tensor.iter().all(|&v| v == grey),
            "{colour:?}: {:?}",
            tensor[(0, 0, 0)]
        );
    }
}

#[test]
fn parts_and_mirror_images() {
    let pixels = Array3::from_shape_fn((6, 8, 3), |(y, x, c)| (y * 30 + x * 3 + c) as u8);
    let picture = Picture::from_pixels(&pixels.view(), "test").unwrap();
    let at = |picture: &Picture, x, y| picture.pixels.get_pixel(x, y).0[0];
    let part = picture.cut([2, 1], [3, 4]);
    assert_eq!(part.size(), (3, 4));
    assert_eq!(at(&part, 0, 0), at(&picture, 2, 1));
    assert_eq!(at(&part, 2, 3), at(&picture, 4, 4));
    // No more than there is, and at least a pixel.
    assert_eq!(picture.cut([7, 5], [9, 9]).size(), (1, 1));
    assert_eq!(picture.cut([100, 100], [0, 0]).size(), (1, 1));
    let mirrored = picture.mirrored();
    assert_eq!(at(&mirrored, 0, 2), at(&picture, 7, 2));
    assert_eq!(mirrored.mirrored().pixels, picture.pixels);
}

#[test]
fn pictures_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("deep")).unwrap();
    for name in ["b.PNG", "a.jpeg", "c.txt", "deep/d.jpg"] {
        file(&folder, name, b"");
    }
    let names = |recursive| -> Vec<String> {
        let files = listed(folder.path(), recursive).unwrap();
        let name = |path: &PathBuf| {
            path.strip_prefix(folder.path())
                .unwrap()
                .display()
                .to_string()
        };
        files.iter().map(name).collect()
    };
    assert_eq!(names(false), ["a.jpeg", "b.PNG"]);
    assert_eq!(names(true), ["a.jpeg", "b.PNG", "deep/d.jpg"]);
    assert!(listed(&folder.path().join("none"), false).is_err());
}
