//! The code at the door, for a phone's camera.

use qrcode::{Color, EcLevel, QrCode};

/// The squares of white around a code that readers count on (ISO/IEC 18004).
const MARGIN: usize = 4;

/// A drawing of `url` as a code; nothing where it is too long for one. The middle level of correction: a door gets
/// fingerprints and sun.
pub(super) fn drawing(url: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(url, EcLevel::M).ok()?;
    let width = code.width();
    let square = |index: usize| format!("M{} {}h1v1h-1z", index % width + MARGIN, index / width + MARGIN);
    let dark = code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
    let path: String = dark.map(|(index, _)| square(index)).collect();
    let side = width + 2 * MARGIN;
    Some(format!(
        "<svg viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"QR\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}
