//! A drawing backend for plotters that writes small SVG: classes for the page's colours, the light
//! theme's literal colours for viewers without the page's style, and tenths of pixels. Dots that follow
//! each other in one colour become one element.

use std::convert::Infallible;
use std::fmt::Write;

use plotters::prelude::{DrawingBackend, RGBColor};
use plotters::style::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind,
};

/// Units of plotters for one pixel, whose coordinates are integers.
pub(crate) const SCALE: i32 = 10;

/// The colours that charts draw with: value in the light theme, class, dashes.
const INKS: [(RGBColor, &str, &str); 5] = [
    (RGBColor(0x1b, 0x1f, 0x24), "fg", ""),
    (RGBColor(0xc9, 0xce, 0xd4), "grid", ""),
    (RGBColor(0x00, 0x61, 0xa1), "ok", ""),
    (RGBColor(0xb3, 0x47, 0x00), "bad", "7 3"),
    (RGBColor(0x5b, 0x61, 0x68), "unk", "2 3"),
];

/// Text and axes.
pub(crate) const FG: RGBColor = INKS[0].0;
/// Grid lines.
pub(crate) const GRID: RGBColor = INKS[1].0;
/// The contender.
pub(crate) const OK: RGBColor = INKS[2].0;
/// The first baseline.
pub(crate) const BAD: RGBColor = INKS[3].0;
/// The second baseline, boundaries and warm-up.
pub(crate) const UNK: RGBColor = INKS[4].0;

/// The class and dashes of a colour.
pub(crate) fn ink(color: RGBColor) -> (&'static str, &'static str) {
    INKS.iter()
        .find(|ink| ink.0 == color)
        .map_or(("fg", ""), |ink| (ink.1, ink.2))
}

/// An SVG picture under way.
pub(crate) struct Svg {
    size: (u32, u32),
    body: String,
    dots: Option<(String, String)>,
}

impl Svg {
    /// An empty picture of that size in pixels.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Svg {
            size: (width, height),
            body: String::new(),
            dots: None,
        }
    }

    /// The picture with a title and a sentence that describes it.
    pub(crate) fn finish(mut self, id: &str, title: &str, description: &str) -> String {
        self.flush();
        let (width, height) = self.size;
        let (title, description) = (escape(title), escape(description));
        format!(
            "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-labelledby=\"{id}-t {id}-d\" font-size=\"13\"><title id=\"{id}-t\">{title}</title>\
             <desc id=\"{id}-d\">{description}</desc>{}</svg>",
            self.body
        )
    }

    /// Squares of that width in pixels, with words that show where a pointer rests on them.
    pub(crate) fn squares(
        &mut self,
        places: &[BackendCoord],
        color: RGBColor,
        width: u32,
        words: &str,
    ) {
        self.flush();
        let d: String = places
            .iter()
            .map(|at| format!("M{}h0", place(*at)))
            .collect();
        if d.is_empty() {
            return;
        }
        let color = BackendColor {
            rgb: (color.0, color.1, color.2),
            alpha: 1.0,
        };
        // A line without length and with square ends is a square.
        let _ = write!(
            self.body,
            "<path {} stroke-width=\"{width}\" stroke-linecap=\"square\" fill=\"none\" \
             d=\"{d}\"><title>{}</title></path>",
            stroke(color),
            escape(words)
        );
    }

    fn flush(&mut self) {
        if let Some((attributes, path)) = self.dots.take() {
            let _ = write!(self.body, "<path {attributes} d=\"{path}\"/>");
        }
    }

    fn path(&mut self, points: impl IntoIterator<Item = BackendCoord>, style: &impl BackendStyle) {
        self.flush();
        let color = style.color();
        if color.alpha == 0.0 {
            return;
        }
        let mut d = String::new();
        for (i, point) in points.into_iter().enumerate() {
            let _ = write!(d, "{}{}", if i == 0 { 'M' } else { 'L' }, place(point));
        }
        let width = (f64::from(style.stroke_width()) / f64::from(SCALE)).max(1.0);
        let dashes = match ink(rgb(color)).1 {
            "" => String::new(),
            dashes => format!(" stroke-dasharray=\"{dashes}\""),
        };
        let _ = write!(
            self.body,
            "<path {} stroke-width=\"{width}\"{dashes} fill=\"none\" d=\"{d}\"/>",
            stroke(color)
        );
    }
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for &mut Svg {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.size.0 * SCALE as u32, self.size.1 * SCALE as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        self.draw_circle(point, SCALE as u32 / 2, &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, a: BackendCoord, b: BackendCoord, s: &S) -> Drawn {
        self.path([a, b], s);
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.path(path, style);
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        _fill: bool,
    ) -> Drawn {
        // A line without length and with round ends is a dot.
        let width = 2.0 * f64::from(radius) / f64::from(SCALE);
        let attributes = format!(
            "{} stroke-width=\"{width}\" stroke-linecap=\"round\" fill=\"none\"",
            stroke(style.color())
        );
        if self
            .dots
            .as_ref()
            .is_none_or(|(same, _)| *same != attributes)
        {
            self.flush();
            self.dots = Some((attributes, String::new()));
        }
        if let Some((_, path)) = &mut self.dots {
            let _ = write!(path, "M{}h0", place(center));
        }
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, at: BackendCoord) -> Drawn {
        self.flush();
        let anchor = match style.anchor().h_pos {
            HPos::Left => "start",
            HPos::Center => "middle",
            HPos::Right => "end",
        };
        let shift = match style.anchor().v_pos {
            VPos::Top => ".9em",
            VPos::Center => ".35em",
            VPos::Bottom => "-.1em",
        };
        let (class, hex) = (ink(rgb(style.color())).0, hex(style.color()));
        let (x, y) = (tenth(at.0), tenth(at.1));
        let text = escape(text);
        let _ = write!(
            self.body,
            "<text class=\"{class}\" fill=\"{hex}\" x=\"{x}\" y=\"{y}\" dy=\"{shift}\" \
             text-anchor=\"{anchor}\">{text}</text>"
        );
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        // No font is at hand here; digits and lower case are about .55 of the size wide.
        let width = 0.55 * style.size() * text.chars().count() as f64;
        Ok((width as u32, style.size() as u32))
    }
}

fn rgb(color: BackendColor) -> RGBColor {
    RGBColor(color.rgb.0, color.rgb.1, color.rgb.2)
}

fn hex(color: BackendColor) -> String {
    let (r, g, b) = color.rgb;
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn stroke(color: BackendColor) -> String {
    format!("class=\"{}\" stroke=\"{}\"", ink(rgb(color)).0, hex(color))
}

fn tenth(value: i32) -> f64 {
    f64::from(value) / f64::from(SCALE)
}

fn place(point: BackendCoord) -> String {
    format!("{},{}", tenth(point.0), tenth(point.1))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
